import pytest

from gateway.domain.records import Coded, ConversationState
from gateway.sources.status import StatusTable

_DEFAULTS = {
    "new": ConversationState.NEW,
    "Open": ConversationState.OPEN,
    "waiting": ConversationState.PENDING,
    "closed": ConversationState.CLOSED,
}


@pytest.mark.parametrize("native", ["Open", "open", "OPEN"])
def test_a_native_word_is_known_in_any_case_and_kept_as_the_source_wrote_it(native: str) -> None:
    assert StatusTable(_DEFAULTS, {}).coded(native) == Coded(ConversationState.OPEN, native)


@pytest.mark.parametrize("native", ["halted", "", "0", "Żółty"])
def test_an_unknown_word_is_kept_beside_unknown(native: str) -> None:
    assert StatusTable(_DEFAULTS, {}).coded(native) == Coded(ConversationState.UNKNOWN, native)


def test_where_the_source_says_nothing_there_is_no_status() -> None:
    assert StatusTable(_DEFAULTS, {}).coded(None) is None
    assert StatusTable(_DEFAULTS, {}).coded(None, raw="Open") is None


def test_a_source_may_filter_by_an_id_and_show_a_word() -> None:
    table = StatusTable({"7": ConversationState.SOLVED}, {})

    assert table.coded("7", raw="Załatwione") == Coded(ConversationState.SOLVED, "Załatwione")
    assert table.coded("8", raw="Nowe") == Coded(ConversationState.UNKNOWN, "Nowe")
    assert table.coded("7", raw="") == Coded(ConversationState.SOLVED, "7")


def test_the_configuration_adds_words_and_overrides_the_defaults_in_any_case() -> None:
    table = StatusTable(
        _DEFAULTS, {"OPEN": ConversationState.ON_HOLD, "escalated": ConversationState.PENDING}
    )

    assert [table.coded(native) for native in ("open", "Escalated", "new")] == [
        Coded(ConversationState.ON_HOLD, "open"),
        Coded(ConversationState.PENDING, "Escalated"),
        Coded(ConversationState.NEW, "new"),
    ]


def test_the_natives_of_states_are_those_that_the_table_maps_to_them_as_configured() -> None:
    table = StatusTable(
        _DEFAULTS, {"OPEN": ConversationState.ON_HOLD, "escalated": ConversationState.PENDING}
    )

    assert table.natives((ConversationState.PENDING,)) == ("waiting", "escalated")
    assert table.natives((ConversationState.ON_HOLD, ConversationState.NEW)) == ("new", "OPEN")
    assert table.natives((ConversationState.OPEN,)) == (), "the configuration has taken it away"
    assert table.natives((ConversationState.SOLVED,)) == ()
    assert table.natives(()) == ()


def test_unknown_has_no_natives_unless_it_is_configured() -> None:
    assert StatusTable(_DEFAULTS, {}).natives((ConversationState.UNKNOWN,)) == ()
    assert StatusTable({}, {"odd": ConversationState.UNKNOWN}).natives((ConversationState.UNKNOWN,)) == (
        "odd",
    )

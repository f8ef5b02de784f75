import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import BadInput
from gateway.domain.ids import EntityType, Ref, parse_global_id, source_ref

_SEPARATOR = "\x1f"
_PARTS = st.text(st.characters(exclude_characters=_SEPARATOR, exclude_categories=["Cs"]), min_size=1)
_REFS = st.builds(
    Ref, st.sampled_from(EntityType), _PARTS, st.lists(_PARTS, min_size=1, max_size=4).map(tuple)
)


def _encoded(*fields: str) -> str:
    return base64.urlsafe_b64encode(_SEPARATOR.join(fields).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("entity", EntityType)
def test_an_id_of_every_type_leads_back_to_its_record(entity: EntityType) -> None:
    ref = Ref(entity, "support-pl", ("a parent", "Żółć/+=?&", "42"))

    assert parse_global_id(ref.global_id) == ref


@given(_REFS)
@settings(deadline=None)
def test_any_parts_without_the_separator_come_back_unchanged(ref: Ref) -> None:
    assert parse_global_id(ref.global_id) == ref


@given(_REFS)
@settings(deadline=None)
def test_an_id_can_stand_in_a_url_as_it_is(ref: Ref) -> None:
    assert ref.global_id.replace("-", "").replace("_", "").isalnum()
    assert ref.global_id.isascii()


@given(_REFS, _REFS)
@settings(deadline=None)
def test_different_records_have_different_ids(one: Ref, other: Ref) -> None:
    assert (one == other) == (one.global_id == other.global_id)


def test_upper_and_lower_case_tell_records_apart() -> None:
    upper = Ref(EntityType.TICKET, "desk", ("aB=", "C"))
    lower = Ref(EntityType.TICKET, "desk", ("Ab=", "c"))

    assert (parse_global_id(upper.global_id), parse_global_id(lower.global_id)) == (upper, lower)
    assert upper.global_id != lower.global_id


def test_ids_given_out_once_stay_what_they_are() -> None:
    ref = Ref(EntityType.MESSAGE, "hub", ("7d0e", "12"))

    assert ref.global_id == "MR9NZXNzYWdlH2h1Yh83ZDBlHzEy"


def test_a_source_is_a_record_too() -> None:
    assert parse_global_id(source_ref("hub").global_id) == Ref(EntityType.SOURCE, "hub", ("hub",))


# Its last character has four unused bits, and two signs of padding are left out behind it.
_GOOD = Ref(EntityType.CASE, "hub", ("ab",)).global_id
_OF_62_AND_63 = Ref(EntityType.CASE, "hub", ("~~~>>>???",)).global_id


def test_the_ids_that_the_refusals_below_start_from_are_good() -> None:
    assert len(_GOOD) % 4 == 2
    assert {"-", "_"} <= set(_OF_62_AND_63)
    assert (parse_global_id(_GOOD).parts, parse_global_id(_OF_62_AND_63).parts) == (("ab",), ("~~~>>>???",))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("7d0e-12", id="a native id"),
        pytest.param(_GOOD + "==", id="padding"),
        pytest.param(_GOOD + "=", id="half a padding"),
        pytest.param("=" + _GOOD, id="padding before"),
        pytest.param(" " + _GOOD, id="a blank before"),
        pytest.param(_GOOD + "\n", id="a line end behind"),
        pytest.param(_GOOD[:6] + "\r\n" + _GOOD[6:], id="a line end inside"),
        pytest.param(_GOOD[:6] + "%" + _GOOD[6:], id="a foreign character inside"),
        pytest.param(_GOOD + "\x00", id="a null byte behind"),
        pytest.param(_GOOD[:-1], id="a length that base64 can't have"),
        pytest.param(_GOOD[:-1] + chr(ord(_GOOD[-1]) + 1), id="unused bits set"),
        pytest.param(_OF_62_AND_63.replace("-", "+").replace("_", "/"), id="the other alphabet"),
        pytest.param("Żółć", id="not ASCII"),
        pytest.param("\ud800", id="a lone surrogate"),
        pytest.param("�" * 12, id="replacement characters"),
        pytest.param("____", id="not UTF-8"),
        pytest.param("A" * 100_000, id="very long"),
        pytest.param(_encoded("2", "Case", "hub", "a"), id="another format"),
        pytest.param(_encoded("1", "case", "hub", "a"), id="a type in the wrong case"),
        pytest.param(_encoded("1", "User", "hub", "a"), id="an unknown type"),
        pytest.param(_encoded("1", "Case", "hub"), id="no part"),
        pytest.param(_encoded("1", "Case", "", "a"), id="no source"),
        pytest.param(_encoded("1", "Case", "hub", ""), id="an empty part"),
        pytest.param(_encoded("1", "Case", "hub", "a", ""), id="an empty part behind a good one"),
        pytest.param(_encoded("1"), id="the format alone"),
    ],
)
def test_whatever_is_not_a_canonical_id_is_refused_by_its_argument(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_global_id(text, argument="input.ids.3")

    assert refused.value.argument == "input.ids.3"
    assert refused.value.message == "Not an id of this gateway. Pass an `id` that an earlier answer gave.", (
        "what was sent isn't repeated"
    )


@given(st.text() | st.text("ABCDMR9NZXNzYWdl_-=+/ \n"))
@settings(deadline=None)
def test_any_text_is_an_id_or_refused(text: str) -> None:
    try:
        ref = parse_global_id(text)
    except BadInput:
        return
    assert ref.global_id == text


@given(st.binary())
@settings(deadline=None)
def test_any_bytes_in_base64_are_an_id_or_refused(plain: bytes) -> None:
    text = base64.urlsafe_b64encode(b"1\x1fCase\x1f" + plain).rstrip(b"=").decode()
    try:
        ref = parse_global_id(text)
    except BadInput:
        return
    assert (ref.type, ref.global_id) == (EntityType.CASE, text)

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.config import FILE_VARIABLE, PREFIX, OperationSettings, ServerSettings, Settings, check, load
from gateway.domain.errors import ConfigError
from gateway.domain.ledger import Retention
from gateway.domain.records import ConversationState
from gateway.sources.auth import reveal
from gateway.sources.netevia import NeteviaSettings
from gateway.sources.service_order_hub import ServiceOrderHubSettings
from gateway.sources.telecomx import TelecomxSettings
from gateway.sources.thulium import ThuliumSettings

_HUB: dict[str, Any] = {"kind": "service_order_hub", "base_url": "https://hub.example/api", "token": "s3cret"}
_NETEVIA: dict[str, Any] = {"kind": "netevia", "base_url": "https://bank.example", "token": "s3cret"}


def _problems(data: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        check(data)
    assert "s3cret" not in str(refused.value)
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _variables(**values: str) -> dict[str, str]:
    return {PREFIX + name: value for name, value in values.items()}


# -- good ones


def test_without_anything_there_are_the_defaults() -> None:
    settings = load(None, {})

    assert settings == Settings(server=ServerSettings(), sources={})
    assert settings.server.host == "127.0.0.1"
    assert settings.server.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")


def test_a_file_is_read_with_its_sources_in_order(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        """
        [server]
        port = 9000
        explorer = false
        allowed_hosts = ["gateway.example"]

        [sources.support-pl]
        kind = "thulium"
        base_url = "https://acme.thulium.com/api"
        api_user = "gateway"
        api_password = "s3cret"
        name = "Żółty"

        [sources.hub]
        kind = "service_order_hub"
        base_url = "https://hub.example"
        token = "s3cret"
        time_zone = "Europe/Berlin"
        enabled = false
        [sources.hub.statuses]
        "waiting for parts" = "ON_HOLD"
        """,
    )

    settings = load(path, {"HOME": "/nowhere", "PORT": "1"})

    assert settings.server == ServerSettings(port=9000, explorer=False, allowed_hosts=("gateway.example",))
    assert list(settings.sources) == ["support-pl", "hub"]
    assert settings.sources["support-pl"] == ThuliumSettings.model_validate(
        {
            "kind": "thulium",
            "base_url": "https://acme.thulium.com/api",
            "api_user": "gateway",
            "api_password": SecretStr("s3cret"),
            "name": "Żółty",
        }
    )
    hub = settings.sources["hub"]
    assert isinstance(hub, ServiceOrderHubSettings)
    assert (reveal(hub.token), hub.enabled, hub.zone.key) == ("s3cret", False, "Europe/Berlin")
    assert hub.statuses == {"waiting for parts": ConversationState.ON_HOLD}


def test_two_instances_of_one_kind_are_two_sources() -> None:
    settings = check({"sources": {"one": _HUB, "two": {**_HUB, "token": "other"}}})

    assert [
        reveal(each.token) for each in settings.sources.values() if isinstance(each, ServiceOrderHubSettings)
    ] == ["s3cret", "other"]


def test_settings_cannot_be_changed() -> None:
    settings = check({"sources": {"hub": _HUB}})

    for target, name in ((settings, "server"), (settings.server, "port"), (settings.sources["hub"], "name")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(target, name, 1)


# -- variables


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        """
        [server]
        port = 9000
        host = "127.0.0.2"
        [sources.hub]
        kind = "service_order_hub"
        base_url = "https://hub.example"
        token = "of the file"
        """,
    )

    settings = load(path, _variables(SERVER__PORT="0", SOURCES__HUB__TOKEN="s3cret"))

    assert settings.server == ServerSettings(port=0, host="127.0.0.2")
    hub = settings.sources["hub"]
    assert isinstance(hub, ServiceOrderHubSettings)
    assert reveal(hub.token) == "s3cret"


def test_variables_alone_suffice() -> None:
    settings = load(
        None,
        _variables(
            SERVER__EXPLORER="false",
            SOURCES__BANK__KIND="netevia",
            SOURCES__BANK__BASE_URL="https://bank.example",
            SOURCES__BANK__TOKEN="s3cret",
            SOURCES__BANK__READ_TIMEOUT_S="2.5",
        ),
    )

    bank = settings.sources["bank"]
    assert isinstance(bank, NeteviaSettings)
    assert (settings.server.explorer, reveal(bank.token), bank.read_timeout_s) == (
        False,
        "s3cret",
        2.5,
    )


def test_an_underscore_stands_for_a_hyphen_of_a_sources_key_only(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        """
        [sources.bank-pl-2]
        kind = "netevia"
        base_url = "https://bank.example"
        token = "of the file"
        [sources.bank_pl]
        kind = "netevia"
        base_url = "https://bank.example"
        token = "of the file"
        """,
    )

    settings = load(path, _variables(SOURCES__BANK_PL_2__TOKEN="for pl-2", SOURCES__BANK_PL__TOKEN="for pl"))

    assert {
        key: reveal(each.token) for key, each in settings.sources.items() if isinstance(each, NeteviaSettings)
    } == {"bank-pl-2": "for pl-2", "bank_pl": "for pl"}


def test_an_underscore_of_any_other_name_is_one(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        """
        [sources.hub]
        kind = "service_order_hub"
        base_url = "https://hub.example"
        token = "s3cret"
        statuses = { "on-hold" = "ON_HOLD" }
        """,
    )

    hub = load(path, _variables(SOURCES__HUB__STATUSES__ON_HOLD="CLOSED")).sources["hub"]

    assert hub.statuses == {"on-hold": ConversationState.ON_HOLD, "on_hold": ConversationState.CLOSED}


def test_lists_and_tables_are_written_as_json() -> None:
    settings = load(
        None,
        _variables(
            SERVER__ALLOWED_HOSTS='["a.example", "b.example"]',
            SOURCES__X__KIND="telecomx",
            SOURCES__X__BASE_URL="https://api.example",
            SOURCES__X__TOKEN="s3cret",
            SOURCES__X__HELP_CENTERS='[{"id": "0123456789abcdef01234567", "name": "Support"}]',
            SOURCES__X__STATUSES='{"open": "PENDING"}',
        ),
    )

    telecomx = settings.sources["x"]
    assert isinstance(telecomx, TelecomxSettings)
    assert settings.server.allowed_hosts == ("a.example", "b.example")
    assert [(each.id, each.name) for each in telecomx.help_centers] == [
        ("0123456789abcdef01234567", "Support")
    ]
    assert telecomx.statuses == {"open": ConversationState.PENDING}


@pytest.mark.parametrize("secret", ["[not JSON", "{s3cret", "[", "plain", "1234", "true", '"quoted"', " x "])
def test_a_secret_is_taken_as_it_is_written(secret: str) -> None:
    settings = load(
        None,
        _variables(
            SOURCES__BANK__KIND="netevia",
            SOURCES__BANK__BASE_URL="https://bank.example",
            SOURCES__BANK__TOKEN=secret,
        ),
    )

    bank = settings.sources["bank"]
    assert isinstance(bank, NeteviaSettings)
    assert reveal(bank.token) == secret


def test_the_variable_that_names_the_file_is_no_setting() -> None:
    assert load(None, {FILE_VARIABLE: "/etc/gateway.toml"}) == Settings()


def test_variables_of_others_are_left_alone() -> None:
    assert load(None, {"HELPDESK": "1", "XHELPDESK_GATEWAY_SERVER__PORT": "1", **os.environ}) is not None


def test_a_misspelt_variable_is_refused_under_its_key() -> None:
    with pytest.raises(ConfigError) as refused:
        load(None, _variables(SERVER__PROT="1", SEVER__PORT="1", SERVER__PORT__X="1"))

    assert refused.value.problems == [
        "server.port: Input should be a valid integer",
        "server.prot: is no setting; check its spelling",
        "sever: is no setting; check its spelling",
    ]


def test_a_variable_below_one_that_is_no_table_breaks_nothing() -> None:
    with pytest.raises(ConfigError) as refused:
        load(None, _variables(SERVER="x", SERVER__PORT="1", SOURCES="y", SOURCES__HUB__TOKEN="s3cret"))

    assert refused.value.problems == [
        "sources: must be a table with a table per source, such as [sources.support]",
        "server: Input should be a valid dictionary or instance of ServerSettings",
    ]


# -- wrong ones


def test_every_problem_is_told_at_once_under_its_key() -> None:
    assert _problems(
        {
            "server": {"port": 70_000, "hots": "x"},
            "logging": {"level": "debug"},
            "sources": {
                "hub": {**_HUB, "tokn": "s3cret", "base_url": "hub.example", "read_timeout_s": 0},
                "bank": {"kind": "netevia", "time_zone": "Warsaw", "max_connections": "many"},
                "Support PL": _HUB,
                "odd": {"kind": "zendesk"},
                "none": {},
                "text": "thulium",
                "list": {"kind": ["thulium"]},
            },
        }
    ) == [
        "sources.hub.base_url: Input should be a valid URL, relative URL without a base",
        "sources.hub.read_timeout_s: Input should be greater than 0",
        "sources.hub.tokn: is no setting; check its spelling",
        "sources.bank.base_url: is missing",
        "sources.bank.time_zone: Value error, `Warsaw` is no IANA time zone; write it like Europe/Warsaw",
        "sources.bank.max_connections: Input should be a valid integer, unable to parse string as an integer",
        "sources.bank.token: is missing",
        "sources.Support PL: a source's key has lower-case letters, digits, - and _, a letter first",
        "sources.odd.kind: must be one of tulo, service_order_hub, netevia, telecomx, thulium",
        "sources.none.kind: must be one of tulo, service_order_hub, netevia, telecomx, thulium",
        "sources.text: must be a table",
        "sources.list.kind: must be one of tulo, service_order_hub, netevia, telecomx, thulium",
        "server.port: Input should be less than or equal to 65535",
        "server.hots: is no setting; check its spelling",
        "logging: is no setting; check its spelling",
    ]


@pytest.mark.parametrize("key", ["", "1hub", "Hub", "hub.pl", "hub pl", "żółty", "hub\n", "h" * 64, "-hub"])
def test_a_sources_key_has_a_plain_form(key: str) -> None:
    assert _problems({"sources": {key: _NETEVIA}}) == [
        f"sources.{key}: a source's key has lower-case letters, digits, - and _, a letter first"
    ]


@pytest.mark.parametrize("key", ["h", "hub-2_pl", "h" * 63])
def test_a_plain_key_is_taken(key: str) -> None:
    assert list(check({"sources": {key: _NETEVIA}}).sources) == [key]


@pytest.mark.parametrize("sources", ["thulium", ["thulium"], 7, True])
def test_sources_must_be_a_table(sources: object) -> None:
    assert _problems({"sources": sources, "server": {"port": -1}}) == [
        "sources: must be a table with a table per source, such as [sources.support]",
        "server.port: Input should be greater than or equal to 0",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cret@hub.example/api",
        "https://user@hub.example/api",
        "https://hub.example/api?token=s3cret",
        "https://hub.example/api#s3cret",
    ],
)
def test_credentials_have_no_place_in_an_address(url: str) -> None:
    assert _problems({"sources": {"hub": {**_HUB, "base_url": url}}}) == [
        (
            "sources.hub.base_url: Value error, has scheme, host, port and path alone; "
            "credentials have settings of their own"
        )
    ]


@pytest.mark.parametrize("url", ["ftp://hub.example", "file:///etc/passwd", "/api", "s3cret", ""])
def test_an_address_is_one_of_http(url: str) -> None:
    [problem] = _problems({"sources": {"hub": {**_HUB, "base_url": url}}})

    assert problem.startswith("sources.hub.base_url: ")


def test_a_wrong_status_is_told_under_its_word_with_the_right_ones() -> None:
    assert _problems({"sources": {"hub": {**_HUB, "statuses": {"wait": "WAITING"}}}}) == [
        (
            "sources.hub.statuses.wait: Input should be "
            "'NEW', 'OPEN', 'PENDING', 'ON_HOLD', 'SOLVED', 'CLOSED' or 'UNKNOWN'"
        )
    ]


def test_a_rule_over_several_settings_is_told_under_the_source() -> None:
    telecomx = {"kind": "telecomx", "base_url": "https://api.example", "password": "s3cret"}

    assert _problems({"sources": {"x": telecomx}}) == [
        "sources.x: Value error, username and password belong together"
    ]


# -- secrets


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": 5318008},
        {"token": ["s3cret"]},
        {"token": {"value": "s3cret"}},
        {"token": None},
        {"s3cret_setting": "s3cret"},
        {"kind": "s3cret"},
        {"time_zone": 5318008},
        {"max_connections": "s3cret"},
        {"base_url": "https://[s3cret"},
        {"statuses": "s3cret"},
    ],
    ids=repr,
)
def test_what_was_given_is_not_repeated(wrong: dict[str, Any]) -> None:
    given = {**_HUB, **wrong}
    with pytest.raises(ConfigError) as refused:
        check({"sources": {"hub": given}})

    for text in (str(refused.value), repr(refused.value)):
        assert "5318008" not in text
        assert "s3cret" not in text.replace("s3cret_setting", "")


def test_secrets_show_in_no_repr_of_the_settings() -> None:
    settings = check(
        {
            "sources": {
                "hub": _HUB,
                "bank": _NETEVIA,
                "pl": {
                    "kind": "thulium",
                    "base_url": "https://acme.thulium.com/api",
                    "api_user": "gateway",
                    "api_password": "s3cret",
                },
                "dk": {
                    "kind": "telecomx",
                    "base_url": "https://api.example",
                    "username": "gateway",
                    "password": "s3cret",
                },
                "no": {
                    "kind": "tulo",
                    "base_url": "https://backend.example",
                    "client_id": "gateway",
                    "client_secret": "s3cret",
                },
            }
        }
    )

    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.sources}"
    assert shown.count("**********") >= 5
    assert "s3cret" not in shown
    assert "s3cret" not in repr([repr(each) for each in settings.sources.values()])


# -- files


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.toml"
    with pytest.raises(ConfigError) as refused:
        load(path, {})

    assert refused.value.problems == [f"{path}: No such file or directory"]


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, {})

    assert refused.value.problems == [f"{tmp_path}: Is a directory"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[server\nport = 1", "line 1"),
        ('[sources.hub]\ntoken = "s3cret', "line 2"),
        ("[sources.hub]\ntoken = s3cret", "line 2"),
        ("[server]\nport = 1\nport = 2", "line 3"),
        ("port: 1", "line 1"),
    ],
)
def test_a_file_that_is_not_toml_is_told_by_its_place_and_not_its_content(
    tmp_path: Path, text: str, place: str
) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        load(path, {})

    [problem] = refused.value.problems
    assert problem.startswith(f"{path}: not TOML: ")
    assert place in problem or "end of document" in problem
    assert "s3cret" not in problem


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(b'[sources.hub]\ntoken = "s3cret\xff"')
    with pytest.raises(ConfigError) as refused:
        load(path, {})

    [problem] = refused.value.problems
    assert problem.startswith(f"{path}: not TOML: ")
    assert "s3cret" not in problem


def test_the_problems_of_a_file_and_of_variables_are_told_together(tmp_path: Path) -> None:
    path = _file(tmp_path, '[server]\nport = "x"\n')
    with pytest.raises(ConfigError) as refused:
        load(path, _variables(SOURCES__HUB__KIND="service_order_hub"))

    assert refused.value.problems == [
        "sources.hub.base_url: is missing",
        "sources.hub.token: is missing",
        "server.port: Input should be a valid integer, unable to parse string as an integer",
    ]


# -- the ledger


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///ledger.db",
        "sqlite:////var/lib/gateway/ledger.db",
        "postgresql://gateway:s3cret@db.example/gateway",
        "postgres://db.example/gateway?sslmode=verify-full",
    ],
)
def test_a_ledger_is_a_file_or_a_postgresql_database(url: str) -> None:
    ledger = check({"ledger": {"url": url}}).ledger

    assert ledger.url.get_secret_value() == url
    assert "s3cret" not in repr(ledger)


@pytest.mark.parametrize("url", ["", "ledger.db", "sqlite://", "mysql://gateway:s3cret@db.example/gateway"])
def test_another_database_is_refused_without_quoting_its_url(url: str) -> None:
    assert _problems({"ledger": {"url": url}}) == [
        "ledger.url: Value error, must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    ]


def test_what_may_go_from_the_ledger_follows_from_its_settings() -> None:
    ledger = check({"ledger": {"keep_keys_days": 1, "keep_bodies_days": 0, "keep_entries_days": 30}}).ledger

    assert ledger.retention(datetime(2026, 3, 31, tzinfo=UTC)) == Retention(
        keys_before=datetime(2026, 3, 30, tzinfo=UTC),
        bodies_before=datetime(2026, 3, 31, tzinfo=UTC),
        entries_before=datetime(2026, 3, 1, tzinfo=UTC),
        events_before=datetime(2024, 3, 31, tzinfo=UTC),
    )


@pytest.mark.parametrize("kept", ["keep_keys_days", "keep_bodies_days"])
def test_nothing_is_kept_longer_than_its_entry(kept: str) -> None:
    assert _problems({"ledger": {"keep_entries_days": 30, kept: 31}}) == [
        "ledger: Value error, keep_entries_days can't be less than keep_keys_days or keep_bodies_days"
    ]


def test_the_audit_log_is_kept_as_long_as_what_it_tells_of() -> None:
    assert _problems({"ledger": {"keep_entries_days": 800}}) == [
        "ledger: Value error, keep_audit_days can't be less than keep_entries_days"
    ]
    assert _problems({"ledger": {"keep_audit_days": 30}}) == [
        "ledger.keep_audit_days: Input should be greater than or equal to 31"
    ]


# -- what one operation may take


def test_an_operation_takes_10_s_and_30_at_most_and_150_calls_and_60_to_one_source_unless_told() -> None:
    assert check({}).operations == OperationSettings(
        timeout_s=10, max_timeout_s=30, max_calls=150, max_calls_per_source=60
    )


def test_what_an_operation_may_take_can_be_told() -> None:
    given = {"timeout_s": 0.5, "max_timeout_s": 0.5, "max_calls": 1, "max_calls_per_source": 1}

    assert check({"operations": given}).operations == OperationSettings(
        timeout_s=0.5, max_timeout_s=0.5, max_calls=1, max_calls_per_source=1
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"timeout_s": 0}, "timeout_s: Input should be greater than 0"),
        ({"timeout_s": -1}, "timeout_s: Input should be greater than 0"),
        ({"max_timeout_s": 0}, "max_timeout_s: Input should be greater than 0"),
        ({"max_timeout_s": 301}, "max_timeout_s: Input should be less than or equal to 300"),
        ({"max_calls": 0}, "max_calls: Input should be greater than or equal to 1"),
        (
            {"max_calls": 1.5},
            "max_calls: Input should be a valid integer, got a number with a fractional part",
        ),
        ({"max_calls_per_source": 0}, "max_calls_per_source: Input should be greater than or equal to 1"),
        ({"max_call": 5}, "max_call: is no setting; check its spelling"),
    ],
)
def test_what_no_operation_could_go_by_is_refused(given: dict[str, Any], problem: str) -> None:
    assert _problems({"operations": given}) == [f"operations.{problem}"]


@pytest.mark.parametrize(
    "given", [{"timeout_s": 31}, {"max_timeout_s": 9}, {"timeout_s": 3, "max_timeout_s": 2}]
)
def test_nobody_waits_by_default_longer_than_anybody_may(given: dict[str, Any]) -> None:
    assert _problems({"operations": given}) == [
        "operations: Value error, timeout_s can't be more than max_timeout_s"
    ]


# -- how each source is treated


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("attempt_timeout_s", 0),
        ("max_waiting", -1),
        ("slow_call_s", 0),
        ("max_retries", -1),
        ("max_retries", 6),
        ("cache_ttl_s", -0.1),
        ("cache_ttl_s", 3601),
        ("max_stale_s", -1),
        ("cache_max_bytes", -1),
    ],
)
def test_a_treatment_that_makes_no_sense_is_refused_under_its_key(name: str, wrong: float) -> None:
    [problem] = _problems({"sources": {"hub": {**_HUB, name: wrong}}})

    assert problem.startswith(f"sources.hub.{name}: Input should be ")


def test_cache_queue_and_retries_can_be_turned_off() -> None:
    off = {"cache_ttl_s": 0, "max_stale_s": 0, "cache_max_bytes": 0, "max_retries": 0, "max_waiting": 0}
    hub = check({"sources": {"hub": {**_HUB, **off}}}).sources["hub"]

    assert {name: getattr(hub, name) for name in off} == off


# -- callers' own credentials

_ID_KEY = "an id_key of 32 characters: s3cret"
_FORWARDING: dict[str, Any] = {
    "kind": "netevia",
    "base_url": "https://bank.example",
    "credentials": "forward",
    "forward_header": "X-Bank-Token",
}


def test_a_source_may_take_each_callers_credential() -> None:
    settings = check({"forwarding": {"id_key": _ID_KEY}, "sources": {"bank": _FORWARDING, "hub": _HUB}})

    assert {key: (each.forwards, each.forward_header) for key, each in settings.sources.items()} == {
        "bank": (True, "x-bank-token"),
        "hub": (False, None),
    }
    assert settings.forwarding.id_key == SecretStr(_ID_KEY)
    assert "s3cret" not in f"{settings} {settings!r} {settings.model_dump()}"


def test_the_key_to_their_ids_may_come_from_a_variable() -> None:
    assert load(None, _variables(FORWARDING__ID_KEY=_ID_KEY)).forwarding.id_key == SecretStr(_ID_KEY)


def test_without_the_key_to_their_ids_every_source_that_needs_it_is_named() -> None:
    assert _problems({"sources": {"bank": _FORWARDING, "hub": _HUB, "bank-2": _FORWARDING}}) == [
        "forwarding.id_key: is missing; sources.bank needs it, as callers forward their credentials",
        "forwarding.id_key: is missing; sources.bank-2 needs it, as callers forward their credentials",
    ]


def test_without_callers_credentials_no_key_is_needed() -> None:
    assert check({"sources": {"hub": _HUB}}).forwarding.id_key is None


@pytest.mark.parametrize("key", ["", "s3cret", "s3cret" * 5 + "x"])
def test_a_key_that_could_be_guessed_is_refused_and_not_repeated(key: str) -> None:
    [problem] = _problems({"forwarding": {"id_key": key}, "sources": {"bank": _FORWARDING}})

    assert problem.startswith("forwarding.id_key: ")
    assert "at least 32" in problem


@pytest.mark.parametrize("name", ["Authorization", "cookie", "X-Request-Id", "x-forwarded-for", "x bank"])
def test_a_header_that_means_something_else_is_not_forwarded(name: str) -> None:
    bank = {**_FORWARDING, "forward_header": name}

    assert _problems({"forwarding": {"id_key": _ID_KEY}, "sources": {"bank": bank}}) == [
        "sources.bank.forward_header: Value error, must be a header of its own, such as X-Support-Token"
    ]


def test_whose_credentials_are_used_is_told_in_full_or_not_at_all() -> None:
    without = {name: value for name, value in _FORWARDING.items() if name != "forward_header"}
    problems = _problems(
        {
            "forwarding": {"id_key": _ID_KEY},
            "sources": {
                "neither": {"kind": "netevia", "base_url": "https://bank.example"},
                "both": {**_FORWARDING, "token": "s3cret"},
                "nowhere": without,
                "unused": {**_NETEVIA, "forward_header": "X-Bank-Token"},
            },
        }
    )

    assert problems == [
        "sources.neither.token: is missing",
        "sources.both.token: is not used where callers forward their own credentials: leave it out",
        "sources.nowhere.forward_header: is missing; it names the request header with the caller's credential",
        'sources.unused.forward_header: is for `credentials = "forward"` alone',
    ]

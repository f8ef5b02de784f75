"""The settings that every source has."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.sources.registry import SPECS
from gateway.sources.spec import SourceSettings

SECRET = "s3cret"
PLACE = "https://desk.example/api"
GIVEN: dict[str, dict[str, Any]] = {
    "tulo": {"client_id": "gateway", "client_secret": SECRET},
    "service_order_hub": {"token": SECRET},
    "netevia": {"token": SECRET},
    "telecomx": {"username": "gateway@desk.example", "password": SECRET},
    "thulium": {"api_user": "gateway", "api_password": SECRET},
}


def settings(kind: str, **changed: object) -> SourceSettings:
    given = {"kind": kind, "base_url": PLACE, **GIVEN[kind], **changed}
    made: SourceSettings = SPECS[kind].settings.model_validate(given)
    return made


@pytest.mark.parametrize(
    ("kind", "identity"),
    [
        ("tulo", f"gateway at {PLACE}"),
        ("service_order_hub", PLACE),
        ("netevia", PLACE),
        ("telecomx", f"gateway@desk.example at {PLACE}"),
        ("thulium", f"gateway at {PLACE}"),
    ],
)
def test_credentials_are_known_by_place_and_account(kind: str, identity: str) -> None:
    renewed = {name: "other" if value == SECRET else value for name, value in GIVEN[kind].items()}

    assert settings(kind).identity == identity
    assert settings(kind, **renewed, base_url=f"{PLACE}/", name="x", read_timeout_s=1).identity == identity
    assert settings(kind, base_url="https://other.example/api").identity != identity


def test_every_kind_of_source_says_whose_its_credentials_are() -> None:
    assert set(GIVEN) == set(SPECS)


def test_a_machine_token_has_no_name() -> None:
    assert settings("telecomx", username=None, password=None, token=SECRET).identity == PLACE


def test_another_account_is_another_identity() -> None:
    assert settings("thulium", api_user="other").identity != settings("thulium").identity


SECRETS: Mapping[str, tuple[str, ...]] = {
    "tulo": ("client_id", "client_secret"),
    "service_order_hub": ("token",),
    "netevia": ("token",),
    # Of the two ways in, the model itself says which one is half given.
    "telecomx": (),
    "thulium": ("api_user", "api_password"),
}
NO_HEADER = "is missing; it names the request header with the caller's credential"
NOT_USED = "is not used where callers forward their own credentials: leave it out"
FORWARDING: Mapping[str, Any] = {"credentials": "forward", "forward_header": "X-Desk-Token"}


def problems(kind: str, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    return list(SPECS[kind].settings.credential_problems(given))


@pytest.mark.parametrize("kind", SPECS)
class TestWhoseCredentials:
    def test_the_gateways_own_unless_configured(self, kind: str) -> None:
        assert problems(kind, GIVEN[kind]) == problems(kind, {**GIVEN[kind], "credentials": "static"}) == []
        assert (settings(kind).forwards, settings(kind).forward_header) == (False, None)

    def test_the_callers_where_they_forward_them(self, kind: str) -> None:
        assert problems(kind, FORWARDING) == []
        made = SPECS[kind].settings.model_validate({"kind": kind, "base_url": PLACE, **FORWARDING})
        assert (made.forwards, made.forward_header) == (True, "x-desk-token")
        assert made.identity == PLACE

    def test_each_missing_secret_is_named(self, kind: str) -> None:
        assert problems(kind, {}) == [(name, "is missing") for name in SECRETS[kind]]
        for name in SECRETS[kind]:
            assert problems(kind, {**GIVEN[kind], name: None}) == [(name, "is missing")]

    def test_a_secret_beside_forwarding_is_not_used(self, kind: str) -> None:
        assert problems(kind, {**GIVEN[kind], **FORWARDING}) == [(name, NOT_USED) for name in SECRETS[kind]]

    def test_forwarding_needs_a_header(self, kind: str) -> None:
        assert problems(kind, {"credentials": "forward"}) == [("forward_header", NO_HEADER)]
        assert problems(kind, {**FORWARDING, "forward_header": None}) == [("forward_header", NO_HEADER)]

    def test_a_header_needs_forwarding(self, kind: str) -> None:
        given = {**GIVEN[kind], "forward_header": "x-desk-token"}
        assert problems(kind, given) == [("forward_header", 'is for `credentials = "forward"` alone')]

    def test_there_is_no_third_way(self, kind: str) -> None:
        with pytest.raises(ValidationError, match="'static' or 'forward'"):
            settings(kind, credentials="both")


@pytest.mark.parametrize(
    "secret", [{"username": "gateway"}, {"password": SECRET}, {"token": SECRET}, GIVEN["telecomx"]]
)
def test_neither_way_into_telecomx_is_used_beside_forwarding(secret: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="leave username, password and token out") as refused:
        SPECS["telecomx"].settings.model_validate(
            {"kind": "telecomx", "base_url": PLACE, **FORWARDING, **secret}
        )
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "proxy-authorization",
        "cookie",
        "host",
        "connection",
        "transfer-encoding",
        "content-type",
        "Content-Length",
        "accept",
        "origin",
        "forwarded",
        "x-forwarded-for",
        "X-Forwarded-Host",
        "x-request-id",
        "x-request-timeout",
        "traceparent",
        "sec-fetch-site",
        "",
        " ",
        "x desk",
        "x_desk",
        "x-desk:",
        "x-desk\r\nx-other",
        "x-desk\n",
        "-x-desk",
        "x--desk",
        "x-desk-",
        "x-żółw",
    ],
)
def test_a_header_with_another_meaning_or_none_at_all_is_refused(name: str) -> None:
    given = {"kind": "netevia", "base_url": PLACE, "credentials": "forward", "forward_header": name}
    with pytest.raises(ValidationError, match="must be a header of its own"):
        SPECS["netevia"].settings.model_validate(given)


@pytest.mark.parametrize("name", ["x-desk-token", "desk", "X-Support-Token", "hosted-by", "x-cookie"])
def test_any_other_header_will_do(name: str) -> None:
    given = {"kind": "netevia", "base_url": PLACE, "credentials": "forward", "forward_header": name}
    made = SPECS["netevia"].settings.model_validate(given)
    assert made.forward_header == name.lower()


def test_settling_takes_a_quarter_of_an_hour_unless_configured() -> None:
    assert settings("netevia").settling_s == 900
    assert settings("netevia", settling_s=0.5).settling_s == 0.5
    for wrong in (0, -1):
        with pytest.raises(ValidationError, match="settling_s"):
            settings("netevia", settling_s=wrong)

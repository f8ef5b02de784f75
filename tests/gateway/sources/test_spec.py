"""The settings that every source has."""

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


def test_settling_takes_a_quarter_of_an_hour_unless_configured() -> None:
    assert settings("netevia").settling_s == 900
    assert settings("netevia", settling_s=0.5).settling_s == 0.5
    for wrong in (0, -1):
        with pytest.raises(ValidationError, match="settling_s"):
            settings("netevia", settling_s=wrong)

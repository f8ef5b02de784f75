"""`helpdesk-gateway config`: what is in force, without the secrets."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from gateway import config
from gateway.commands.config import MASKED, lines, show
from gateway.sources.registry import SPECS


class Colour(StrEnum):
    RED = "red"


class Part(BaseModel):
    name: str = 'a "b" \\ ż\n\x7f'
    secret: SecretStr | None = None


class Whole(BaseModel):
    number: int = 1
    ratio: float = 0.5
    on: bool = True
    colour: Colour = Colour.RED
    nothing: str | None = None
    words: tuple[str, ...] = ("a", "b")
    none: tuple[str, ...] = ()
    headers: Mapping[str, SecretStr] = {}
    part: Part = Part()
    parts: tuple[Part, ...] = ()
    named: Mapping[str, Part] = {}


def test_every_setting_is_printed_as_the_file_would_have_it() -> None:
    whole = Whole(
        number=2,
        headers={"x-key": SecretStr("s3cret"), "odd key": SecretStr("s3cret")},
        part=Part(secret=SecretStr("s3cret")),
        parts=(Part(name="one"), Part(name="two")),
        named={"desk-pl": Part(name="three", secret=SecretStr("s3cret"))},
    )

    printed = list(lines(whole, {("named", "desk-pl", "secret"): Path("/run/secrets/desk")}))

    assert printed == [
        "number = 2",
        "ratio = 0.5  # default",
        "on = true  # default",
        'colour = "red"  # default',
        "# nothing is unset",
        'words = ["a", "b"]  # default',
        "none = []  # default",
        f'headers = {{ x-key = "{MASKED}", "odd key" = "{MASKED}" }}',
        "",
        "[part]",
        'name = "a \\"b\\" \\\\ ż\\n\\u007f"  # default',
        f'secret = "{MASKED}"',
        "",
        "[[parts]]",
        'name = "one"',
        "# secret is unset",
        "",
        "[[parts]]",
        'name = "two"',
        "# secret is unset",
        "",
        "[named.desk-pl]",
        'name = "three"',
        f'secret = "{MASKED}"  # from "/run/secrets/desk"',
    ]


GIVEN: dict[str, dict[str, Any]] = {
    "tulo": {"client_id": "gateway", "client_secret": "s3cret"},
    "service_order_hub": {"token": "s3cret"},
    "netevia": {"token": "s3cret"},
    "telecomx": {
        "token": "s3cret",
        "help_centers": [{"id": "0123456789abcdef01234567", "name": "Support"}],
    },
    "thulium": {"api_user": "gateway", "api_password": "s3cret", "statuses": {"1": "NEW"}},
}


def test_what_is_printed_is_toml_that_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    data = {
        "ledger": {"url": "postgresql://gateway:s3cret@db.example/gateway"},
        "forwarding": {"id_key": "s3cret" * 6},
        "tracing": {"endpoint": "http://127.0.0.1:4318/v1/traces", "headers": {"x-key": "s3cret"}},
        "sources": {
            kind: {"kind": kind, "base_url": "https://desk.example/api", **GIVEN[kind]} for kind in SPECS
        },
    }
    settings = config.check(data)

    assert show(settings, {}) == 0

    printed = capsys.readouterr().out
    assert "s3cret" not in printed
    # Masked, they would be refused for their form.
    readable = printed.replace(f'url = "{MASKED}"', 'url = "sqlite:///x.db"').replace(MASKED, "x" * 32)
    again = config.check(tomllib.loads(readable))
    assert tomllib.loads("\n".join(lines(again, {}))) == tomllib.loads(printed)

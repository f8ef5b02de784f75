"""Credentials come from files, change there, and are taken up without a restart."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway import config
from gateway.commands.dev import sandbox_sources
from gateway.domain.errors import ConfigError
from gateway.sandbox import Faults
from tests.e2e import served as fixtures
from tests.e2e.asking import ask, problems
from tests.e2e.ledger_stack import GUID
from tests.e2e.served import Served
from tests.e2e.test_source_down import BIG, OWN_FIELD, linked_user
from tests.processes import run, running

served_sandbox, served = fixtures.served_sandbox, fixtures.served

PREFIX = "HELPDESK_GATEWAY_"
SECRETS = {
    "tulo": "client_secret",
    "service_order_hub": "token",
    "netevia": "token",
    "telecomx": "password",
    "thulium": "api_password",
}
CASE = f'{{ case(guid: "{GUID}") {{ number }} }}'
OTHERS = '{ cases(filter: {sources: ["service_order_hub"]}, first: 1) { nodes { id } sources { state } } }'
REPLY = """mutation($key: String!) { reply(input: {toRef: {source: "thulium", nativeId: "1234"}, body: "Hello",
  idempotencyKey: $key}) { write { state attempts } userErrors { code } } }"""


def from_file(kind: str, path: Path) -> dict[str, Any]:
    """What makes a source read its secret from a file."""
    name = SECRETS[kind]
    return {name: ..., f"{name}_file": str(path)}


def right(served: Served, kind: str) -> str:
    secret: str = sandbox_sources(served.sandbox, served.running)[kind][SECRETS[kind]]
    return secret


@pytest.mark.parametrize("kind", SECRETS)
async def test_a_changed_file_is_taken_up_once_the_source_refuses_what_it_held(
    served: Served, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "secret"
    path.write_text(right(served, kind), encoding="utf-8")
    async with served.gateway(sources={kind: from_file(kind, path)}) as stack:
        variables = {"ids": [await linked_user(stack)]}
        healthy = await stack.data(BIG, variables)
    path.write_text("an old one\n", encoding="utf-8")

    async with served.gateway(sources={kind: from_file(kind, path)}) as stack:
        path.write_text(right(served, kind) + "\n", encoding="utf-8")

        assert await stack.data(BIG, variables) == healthy


async def test_a_file_that_still_holds_the_refused_one_costs_its_own_fields(
    served: Served, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text("an old one", encoding="utf-8")
    async with served.gateway(sources={"service_order_hub": from_file("service_order_hub", path)}) as stack:
        answer = await stack.execute(BIG, {"ids": []})
        arrivals = [each.path for each in stack.sandbox.services["service_order_hub"].arrivals]

    assert answer["data"][OWN_FIELD["service_order_hub"]] is None
    assert answer["data"]["thulium"] is not None
    assert {code for _, code, _ in problems(answer)} == {"SOURCE_AUTH_FAILED"}
    assert len(arrivals) == len(set(arrivals)), "nothing was sent again"


async def test_a_write_that_was_refused_is_sent_once_with_the_new_one(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("an old one", encoding="utf-8")
    thulium = served.sandbox.services["thulium"]
    async with served.gateway(sources={"thulium": from_file("thulium", path)}) as stack:
        path.write_text(right(served, "thulium"), encoding="utf-8")
        answer = await ask(stack.http, REPLY, {"key": "k-rotated"})

    assert answer["data"]["reply"]["write"]["state"] == "CONFIRMED"
    # What had to be read before the write was refused, and found the new one.
    assert [each.method for each in thulium.arrivals].count("POST") == 1


async def test_what_was_read_under_the_old_one_is_not_shown_under_the_new_one(
    served: Served, tmp_path: Path
) -> None:
    hub = served.sandbox.services["service_order_hub"]
    path = tmp_path / "secret"
    path.write_text(hub.credentials["token"], encoding="utf-8")
    kept = {"service_order_hub": {**from_file("service_order_hub", path), "cache_ttl_s": 600}}
    async with served.gateway(sources=kept) as stack:
        assert await stack.cost(CASE) == {"service_order_hub": 1}
        assert await stack.cost(CASE) == {}

        hub.faults = Faults(error_rate=1.0, error_status=401)
        path.write_text(hub.credentials["providerToken"], encoding="utf-8")
        assert problems(await stack.execute(OTHERS)) == [
            (("cases",), "SOURCE_AUTH_FAILED", "service_order_hub")
        ]
        hub.faults = Faults()

        assert await stack.cost(CASE) == {"service_order_hub": 1}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"LEDGER__URL_FILE": "/nowhere/url"}, "ledger.url_file: /nowhere/url: No such file or directory"),
        ({"FORWARDING__ID_KEY_FILE": "/nowhere/key"}, "forwarding.id_key_file: /nowhere/key: No such file"),
        (
            {"SOURCES__BANK__TOKEN_FILE": "/nowhere/token", "SOURCES__BANK__TOKEN": "s3cret"},
            "sources.bank.token_file: give either this or token",
        ),
        (
            {
                "SOURCES__OTHER": '{"kind": "netevia", "base_url": "https://x.example", "token_file": "/nowhere"}'
            },
            "sources.other.token_file: /nowhere: No such file or directory",
        ),
    ],
)
def test_a_file_that_gives_no_secret_is_named_at_start(variables: Mapping[str, str], said: str) -> None:
    bank = {
        "SOURCES__BANK__KIND": "netevia",
        "SOURCES__BANK__BASE_URL": "https://bank.example",
        "SOURCES__BANK__TOKEN": "s3cret",
    }
    with pytest.raises(ConfigError) as refused:
        config.load(None, {PREFIX + name: value for name, value in {**bank, **variables}.items()})
    (problem,) = refused.value.problems
    assert problem.startswith(said)
    assert "s3cret" not in problem


def test_serve_tells_of_open_files_and_config_prints_no_secret(tmp_path: Path) -> None:
    token, toml = tmp_path / "token", tmp_path / "gateway.toml"
    token.write_text("s3cret-of-a-file\n", encoding="utf-8")
    toml.write_text(
        f"""
        [server]
        port = 0
        [forwarding]
        id_key = "{"s3cret" * 6}"
        [sources.bank]
        kind = "netevia"
        base_url = "http://127.0.0.1:9/"
        token_file = "{token}"
        """,
        encoding="utf-8",
    )
    token.chmod(0o600)
    toml.chmod(0o644)

    printed = run("config", "--config", str(toml))
    with running("serve", "--config", str(toml), until="listens") as (process, said):
        process.terminate()
        process.wait(60)

    assert (printed.returncode, printed.stderr) == (0, "")
    assert f'token = "**********"  # from "{token}"' in printed.stdout
    assert "s3cret" not in printed.stdout + "".join(said)
    warned = [json.loads(line) for line in said if "secret_file_open" in line]
    assert [(each["path"], each["mode"]) for each in warned] == [(str(toml), "0644")]

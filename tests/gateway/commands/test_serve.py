"""`helpdesk-gateway serve`: what it refuses, and that it serves what is configured."""

import json
import re
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import config
from gateway.commands.dev import sandbox_sources
from gateway.commands.serve import is_loopback, serve
from gateway.domain.errors import ConfigError
from gateway.sandbox import Sandbox
from tests.ledgers import new_ledger
from tests.processes import LEDGER_URL, ended, run, running

SERVER = "HELPDESK_GATEWAY_SERVER"
SOURCES = "HELPDESK_GATEWAY_SOURCES"
NO_LOGIN = "HELPDESK_GATEWAY_AUTH__REQUIRED"
UNREACHED = {"kind": "netevia", "base_url": "http://127.0.0.1:9/", "token": "t"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_is_this_machine_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.2", "example.org", "", "localhost.", "127.1"])  # noqa: S104
def test_anything_else_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_every_reason_not_to_start_is_listed_at_once() -> None:
    done = run("serve", **{f"{SERVER}__HOST": "0.0.0.0", NO_LOGIN: "false"})  # noqa: S104
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "The configuration can't be used:",
        "  auth.required: is off, and 0.0.0.0 (server.host) is reachable from other machines. Turn it on, or listen on 127.0.0.1 or ::1.",
        "  sources: configure at least one, such as [sources.support]; docs/configuration.toml shows how",
    ]


def test_beyond_loopback_it_listens_only_with_log_in(tmp_path: Path) -> None:
    settings = {
        "server": {"host": "192.0.2.1", "port": 0},
        "sources": {"support": UNREACHED},
        "ledger": {"url": f"sqlite:///{tmp_path}/empty.db"},
    }
    with pytest.raises(ConfigError) as caught:
        serve(config.check({**settings, "auth": {"required": False}}))
    assert [each.partition(":")[0] for each in caught.value.problems] == ["auth.required"]
    with pytest.raises(ConfigError) as caught:
        serve(config.check(settings))
    # Past that check, to the next one.
    assert [each.partition(":")[0] for each in caught.value.problems] == ["ledger.url"]


def test_a_source_that_is_switched_off_does_not_count() -> None:
    with pytest.raises(ConfigError) as caught:
        serve(config.check({"sources": {"support": UNREACHED | {"enabled": False}}}))
    assert [each.partition(":")[0] for each in caught.value.problems] == ["sources"]


def test_tables_of_another_version_are_refused(tmp_path: Path) -> None:
    settings = {"ledger": {"url": f"sqlite:///{tmp_path}/empty.db"}, "sources": {"support": UNREACHED}}
    with pytest.raises(ConfigError) as caught:
        serve(config.check(settings))
    assert caught.value.problems == [
        "ledger.url: its tables are missing or older: run `helpdesk-gateway migrate`"
    ]
    url = new_ledger(tmp_path)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(ConfigError) as caught:
        serve(config.check({**settings, "ledger": {"url": url}}))
    assert caught.value.problems == [
        "ledger.url: its tables are of a newer version of the gateway than this one"
    ]


def test_it_serves_reads_while_the_ledger_is_away_and_refuses_writes() -> None:
    changes = {
        SOURCES: json.dumps({"support": UNREACHED}),
        f"{SERVER}__PORT": "0",
        LEDGER_URL: "postgresql://user:s3cret@127.0.0.1:9/none",
        NO_LOGIN: "false",
    }
    with running("serve", until="listens", **changes) as (process, said):
        url = said[-1].split()[-1]
        answers = [
            httpx.post(url, json={"query": query}, trust_env=False).json()
            for query in (
                "{ sources { key } }",
                """mutation { reply(input: {toRef: {source: "support", nativeId: "7"}, body: "B", idempotencyKey: "k"}) {
                     write { id } userErrors { code } } }""",
            )
        ]
        process.send_signal(signal.SIGTERM)
        code, rest = ended(process)
    assert answers[0] == {"data": {"sources": [{"key": "support"}]}}
    (error,) = answers[1]["errors"]
    assert (answers[1]["data"], error["extensions"]["code"], error["extensions"]["retryable"]) == (
        {"reply": None},
        "LEDGER_UNAVAILABLE",
        True,
    )
    assert code == 0
    assert "s3cret" not in "".join(said) + rest


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_taken_port_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, host: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {
            "server": {"host": host, "port": port},
            "ledger": {"url": new_ledger(tmp_path)},
            "sources": {"support": UNREACHED},
        }
        assert serve(config.check(settings)) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"Can't listen on port {port} of {host}: Address already in use.\n")


@pytest.mark.parametrize(
    ("host", "number"),
    [("127.0.0.1", signal.SIGINT), ("::1", signal.SIGTERM), ("localhost", signal.SIGTERM)],
)
def test_it_serves_until_a_signal(host: str, number: signal.Signals) -> None:
    changes = {
        SOURCES: json.dumps({"support": UNREACHED}),
        f"{SERVER}__PORT": "0",
        f"{SERVER}__HOST": host,
        NO_LOGIN: "false",
    }
    with running("serve", until="listens", **changes) as (process, said):
        listens = re.fullmatch(r"The gateway listens: (http://\S+)/graphql\n", said[0])
        assert listens
        answer = httpx.post(
            f"{listens[1]}/graphql", json={"query": "{ sources { key kind } }"}, trust_env=False
        )
        assert answer.json() == {"data": {"sources": [{"key": "support", "kind": "netevia"}]}}
        process.send_signal(number)
        assert ended(process) == (0, "")


async def test_it_serves_what_the_configured_sources_have() -> None:
    sandbox = Sandbox()
    async with sandbox.serve() as served:
        sources = json.dumps({"desk": sandbox_sources(sandbox, served)["thulium"]})
        changes = {SOURCES: sources, f"{SERVER}__PORT": "0", NO_LOGIN: "false"}
        with running("serve", until="listens", **changes) as (_, said):
            url = said[0].split()[-1]
            query = '{ ticket(ref: {source: "desk", nativeId: "1234"}) { number queue } }'
            async with httpx.AsyncClient(trust_env=False) as http:
                answer = await http.post(url, json={"query": query})
            assert answer.json() == {"data": {"ticket": {"number": "1234", "queue": "faktury@sklep.example"}}}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"auth": {"required": False, "trusted_proxies": ["10.0.0.0/8"]}}, "auth.trusted_proxies"),
        ({"server": {"allowed_hosts": ["localhost", "desk.example.com"]}}, "server.allowed_hosts"),
        ({"cors": {"origins": ["*"]}}, "cors.origins"),
    ],
)
def test_without_log_in_nothing_may_let_others_in(changes: dict[str, Any], key: str) -> None:
    settings = {"auth": {"required": False}, "sources": {"support": UNREACHED}, **changes}
    with pytest.raises(ConfigError) as caught:
        serve(config.check(settings))
    assert [each.partition(":")[0] for each in caught.value.problems] == [key]

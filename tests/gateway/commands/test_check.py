"""`helpdesk-gateway check`: says in words whether each source can be used."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway import config
from gateway.commands import check as command
from gateway.commands.dev import sandbox_sources
from gateway.sandbox import Faults, Sandbox
from gateway.transport.httpx import translate
from tests.processes import run

Sources = dict[str, dict[str, Any]]
KINDS = ("tulo", "service_order_hub", "netevia", "telecomx", "thulium")
# The first call of each source, and where it differs, that of its log-in.
FIRST = {"tulo": "access_token", "service_order_hub": "search-cases", "netevia": "linked users", "telecomx": "auth/login", "thulium": "list tickets"}  # fmt: skip
UNREACHED = "it can't be reached or fails: check base_url and the network"
REFUSED = "it refuses the credentials, or their rights: check them in the configuration"
STRANGE = "something answers there, but not this API: check base_url and the tenant in it"


@dataclass(frozen=True)
class World:
    sandbox: Sandbox
    sources: Sources


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    sandbox = Sandbox()
    async with sandbox.serve() as served:
        yield World(sandbox, sandbox_sources(sandbox, served))


Check = Callable[[Sources], Awaitable[tuple[int, list[str]]]]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs the command; its exit code and lines, nothing else having been said."""

    async def run(sources: Sources) -> tuple[int, list[str]]:
        settings = config.check({"sources": sources})
        code = await asyncio.to_thread(command.check, settings)
        said = capsys.readouterr()
        # What answers at the other end runs in this process, and may log that it was not understood.
        assert [line for line in said.err.splitlines() if '"logger": "uvicorn.error"' not in line] == []
        return code, said.out.splitlines()

    return run


def changed(sources: Sources, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Sources:
    return {key: each | change(each) for key, each in sources.items()}


def every(verdict: str, why: str) -> tuple[int, list[str]]:
    return 1, [f"{kind}: {verdict} ({FIRST[kind]}: {why})" for kind in KINDS]


async def test_healthy_sources_are_ok(world: World, check: Check) -> None:
    assert await check(world.sources) == (0, [f"{kind}: ok" for kind in KINDS])


async def test_the_exit_code_tells_that_a_source_cannot_be_used(world: World) -> None:
    sources = json.dumps({"thulium": world.sources["thulium"] | {"api_password": "wrong"}})
    done = await asyncio.to_thread(run, "check", HELPDESK_GATEWAY_SOURCES=sources)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        f"thulium: {REFUSED} (list tickets: 401)\n",
        "",
    )


async def test_without_sources_there_is_nothing_to_check(check: Check) -> None:
    assert await check({}) == (0, ["No source is configured."])


async def test_wrong_credentials_are_told_from_the_rest(world: World, check: Check) -> None:
    secrets = {"client_secret", "token", "password", "api_password"}
    wrong = changed(world.sources, lambda each: {name: "wrong" for name in each if name in secrets})
    assert await check(wrong) == every(REFUSED, "401")


async def test_a_refused_connection_is_told(world: World, check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    gone = changed(world.sources, lambda _: {"base_url": f"http://127.0.0.1:{port}/api"})
    assert await check(gone) == every(UNREACHED, "ConnectError, connection refused")


def test_a_refusal_by_each_of_several_addresses_is_told() -> None:
    refused = httpx.ConnectError("all attempts failed")
    refused.__context__ = OSError("http://10.0.0.7/")
    refused.__context__.__cause__ = ExceptionGroup("several", [OSError("a"), ConnectionRefusedError("b")])
    assert translate(refused, "desk", "read").detail == "read: ConnectError, connection refused"


async def test_an_unknown_host_name_is_told(world: World, check: Check) -> None:
    unknown = changed(world.sources, lambda _: {"base_url": "https://nohost.invalid/api"})
    assert await check(unknown) == every(UNREACHED, "ConnectError, the host name is not known (DNS)")


async def test_a_port_without_tls_is_told(world: World, check: Check) -> None:
    tls = changed(world.sources, lambda each: {"base_url": each["base_url"].replace("http:", "https:")})
    code, lines = await check(tls)
    assert code == 1
    assert [line.partition(" (")[0] for line in lines] == [f"{kind}: {UNREACHED}" for kind in KINDS]
    for line in lines:
        assert ": ConnectError, TLS: " in line


async def test_a_wrong_path_or_tenant_is_told(world: World, check: Check) -> None:
    wrong = changed(world.sources, lambda each: {"base_url": each["base_url"] + "/another"})
    assert await check(wrong) == every(STRANGE, "404")


@pytest.mark.parametrize(
    ("faults", "verdict", "why"),
    [
        (Faults(error_rate=1, error_status=503), UNREACHED, "503"),
        (Faults(error_rate=1, error_status=403), REFUSED, "403"),
        (Faults(throttle=True), "it asks for fewer requests: try again later", "429"),
        (Faults(malformed_json=True), STRANGE, None),
    ],
)
async def test_a_sick_source_is_named_and_the_others_are_ok(
    world: World, check: Check, faults: Faults, verdict: str, why: str | None
) -> None:
    world.sandbox.services["thulium"].faults = faults
    try:
        code, lines = await check(world.sources)
    finally:
        world.sandbox.services["thulium"].faults = Faults()
    *healthy, sick = lines
    assert (code, healthy) == (1, [f"{kind}: ok" for kind in KINDS[:-1]])
    if why:
        assert sick == f"thulium: {verdict} (list tickets: {why})"
    else:
        assert sick.startswith(f"thulium: {verdict} (")


async def test_a_source_that_does_not_answer_is_told(world: World, check: Check) -> None:
    world.sandbox.services["thulium"].faults = Faults(timeout=True)
    try:
        code, lines = await check({"thulium": world.sources["thulium"] | {"read_timeout_s": 0.05}})
    finally:
        world.sandbox.services["thulium"].faults = Faults()
    assert (code, lines) == (
        1,
        [
            "thulium: it doesn't answer in time: check base_url, the network and the timeouts (list tickets: no answer in time)"
        ],
    )


async def test_nothing_secret_is_said(world: World, check: Check) -> None:
    secrets = {"client_secret", "token", "password", "api_password"}
    base_url = "http://nohost.invalid/swordfish"
    wrong = changed(
        world.sources,
        lambda each: {"base_url": base_url, **{name: "swordfish" for name in each if name in secrets}},
    )
    code, lines = await check(wrong)
    assert code == 1
    assert "swordfish" not in "\n".join(lines)


async def test_a_source_that_takes_each_callers_credential_cannot_be_checked_without_one(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {name: value for name, value in world.sources["netevia"].items() if name != "token"}
    settings = config.check(
        {
            "forwarding": {"id_key": "k" * 32},
            "sources": {
                "thulium": world.sources["thulium"],
                "netevia": {**given, "credentials": "forward", "forward_header": "X-Netevia-Token"},
            },
        }
    )
    world.sandbox.services["netevia"].arrivals.clear()

    await asyncio.to_thread(command.check, settings)

    healthy, unknown = capsys.readouterr().out.splitlines()
    assert (healthy, unknown.partition(":")[0]) == ("thulium: ok", "netevia")
    assert "caller" in unknown
    assert "check them in the configuration" not in unknown
    assert world.sandbox.services["netevia"].arrivals == []

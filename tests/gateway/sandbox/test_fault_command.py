"""`helpdesk-gateway sandbox fault` against services that run."""

import asyncio
import socket
from collections.abc import Callable

import httpx
import pytest

from gateway.sandbox import KINDS, Faults, Running, Sandbox
from gateway.sandbox.command import run
from tests.raw_server import RawServer, answer, saying

Said = tuple[int, str, str]
Turn = Callable[..., object]


async def turn(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    """Run it beside the services; its exit code and what it said."""

    def in_thread() -> int:
        try:
            return run(["fault", *arguments])
        except SystemExit as stopped:
            return int(stopped.code or 0)

    code = await asyncio.to_thread(in_thread)
    said = capsys.readouterr()
    return code, said.out, said.err


def port(running: Running, kind: str) -> str:
    return str(httpx.URL(running.base_urls[kind]).port)


async def test_one_dial_is_turned_after_the_other_and_the_others_stay(
    sandbox: Sandbox, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    service = sandbox.services["thulium"]
    where = ("thulium", "--port", port(running, "thulium"))
    steps: list[tuple[tuple[str, ...], Faults, str]] = [
        (("--show",), Faults(), "thulium: healthy\n"),
        (("--error", "503:0.5"), Faults(errors={503: 0.5}), 'thulium: {"errors":{"503":0.5}}\n'),
        (
            ("--error", "404:0.25", "--latency", "1"),
            Faults(errors={503: 0.5, 404: 0.25}, latency_ms=1),
            'thulium: {"latency_ms":1.0,"errors":{"404":0.25,"503":0.5}}\n',
        ),
        (
            ("--error", "503:0", "--retry-after", "5"),
            Faults(errors={503: 0, 404: 0.25}, latency_ms=1, retry_after_s=5),
            'thulium: {"latency_ms":1.0,"errors":{"404":0.25},"retry_after_s":5}\n',
        ),
        (
            ("--retry-after", "none", "--show"),
            Faults(errors={503: 0, 404: 0.25}, latency_ms=1),
            'thulium: {"latency_ms":1.0,"errors":{"404":0.25}}\n',
        ),
        (
            ("--clear", "--throttle", "on"),
            Faults(throttle=True),
            'thulium: {"throttle":true}\n',
        ),
        (("--clear",), Faults(), "thulium: healthy\n"),
    ]
    for arguments, dial, said in steps:
        assert await turn(capsys, *where, *arguments) == (0, said, "")
        assert service.faults == dial
    assert [each.faults for each in sandbox.services.values()] == [Faults()] * len(KINDS)
    assert [each.arrivals for each in sandbox.services.values()] == [[]] * len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_service_is_found_by_the_url_it_prints(
    kind: str, sandbox: Sandbox, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    line = running.fault_line(kind)
    assert line == f"helpdesk-gateway sandbox fault {kind} --url {running.base_urls[kind]}"
    words = line.split()[3:]
    assert await turn(capsys, *words, "--timeout", "on") == (0, f'{kind}: {{"timeout":true}}\n', "")
    assert sandbox.services[kind].faults == Faults(timeout=True)


async def test_every_setting_has_its_option(
    sandbox: Sandbox, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        *("--latency", "1", "--latency-sigma", "0.5", "--error-rate", "0.1", "--error-status", "502"),
        *("--error", "404:0.2", "--timeout", "on", "--malformed-json", "on", "--throttle", "on"),
        *("--retry-after", "7", "--retry-after-share", "0.5", "--retry-after-form", "date"),
        *("--mishap", "lost_answer:0.3", "--mishap", "reset_after:0.3", "--only-writes", "off"),
        *("--read-mishap", "slow_body:0.4", "--apply-after", "2", "--slow-bytes-per-s", "10"),
        *("--slow-pieces", "3", "--slow-pause", "0.2", "--shapes", "null,missing_key", "--page-items", "-2"),
        *("--flap", "20/5", "--while-down", '{"errors": {"503": 1}}'),
    ]
    code, _, err = await turn(capsys, "tulo", "--port", port(running, "tulo"), *arguments)
    dial = Faults(
        latency_ms=1,
        latency_sigma=0.5,
        error_rate=0.1,
        error_status=502,
        errors={404: 0.2},
        timeout=True,
        malformed_json=True,
        throttle=True,
        retry_after_s=7,
        retry_after_share=0.5,
        retry_after_form="date",
        mishaps={"lost_answer": 0.3, "reset_after": 0.3},
        only_writes=False,
        read_mishaps={"slow_body": 0.4},
        apply_after_s=2,
        slow_bytes_per_s=10,
        slow_pieces=3,
        slow_pause_s=0.2,
        shapes=["null", "missing_key"],
        page_items=-2,
        flap_up_s=20,
        flap_down_s=5,
        while_down=Faults(errors={503: 1}),
    )
    assert (code, err, sandbox.services["tulo"].faults) == (0, "", dial)
    healthy = Faults()
    assert [
        name for name in Faults.__dataclass_fields__ if getattr(dial, name) == getattr(healthy, name)
    ] == []

    back = [
        *("--timeout", "off", "--malformed-json", "off", "--throttle", "off", "--only-writes", "on"),
        *("--slow-pieces", "none", "--shapes", "any", "--flap", "off", "--while-down", "timeout_after"),
    ]
    assert (await turn(capsys, "tulo", "--port", port(running, "tulo"), *back))[0] == 0
    faults = sandbox.services["tulo"].faults
    assert (faults.timeout, faults.malformed_json, faults.throttle, faults.only_writes) == (
        False,
        False,
        False,
        True,
    )
    assert (faults.slow_pieces, faults.shapes, faults.flap_up_s, faults.flap_down_s) == (None, (), 0, 0)
    assert faults.while_down == Faults(mishaps={"timeout_after": 1}, read_mishaps={"timeout_after": 1})


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "nothing to do: name a setting, such as --error 503:0.5, or --show or --clear"),
        (["--latency", "soon"], "argument --latency: 'soon' should look like 50"),
        (["--latency", "nan"], "argument --latency: 'nan' should look like 50"),
        (["--latency", "-5"], "latency_ms must lie between 0 and 60000"),
        (["--clear", "--latency", "-5"], "latency_ms must lie between 0 and 60000"),
        (["--error", "503"], "argument --error: '503' should look like 503:0.5"),
        (["--error", "teapot:1"], "argument --error: 'teapot:1' should look like 503:0.5"),
        (["--error", "302:1"], "errors: the status 302 must lie between 400 and 599"),
        (["--error-status", "5.5"], "argument --error-status: '5.5' should look like 503"),
        (["--throttle", "yes"], "argument --throttle: 'yes' should look like on"),
        (["--mishap", "flood:1"], "mishaps: no such mishap flood; there are reset_before, "),
        (["--read-mishap", "applied_late:1"], "read_mishaps: applied_late befalls writes: see mishaps"),
        (["--shapes", "round"], "shapes: no such shape round; there are other_type, "),
        (["--retry-after-form", "soon"], "retry_after_form must be one of seconds, date"),
        (["--flap", "20"], "argument --flap: '20' should look like 20/5"),
        (["--flap", "20/0"], "flap_up_s and flap_down_s must both be above 0, or both 0"),
        (["--while-down", "flood"], "argument --while-down: 'flood' should look like '{"),
        (["--while-down", "[]"], "argument --while-down: '[]' should look like '{"),
        (
            ["--while-down", '{"speed": 1}'],
            "argument --while-down: while_down: Unknown fault speed; known are ",
        ),
        (["--speed", "2"], "unrecognized arguments"),
        (["--url", "http://127.0.0.1:1"], "argument --url: not allowed with argument --port"),
    ],
)
async def test_bad_arguments_are_named_and_change_nothing(
    arguments: list[str],
    complaint: str,
    sandbox: Sandbox,
    running: Running,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandbox.services["thulium"].faults = Faults(latency_ms=1)
    code, out, err = await turn(capsys, "thulium", "--port", port(running, "thulium"), *arguments)
    assert (code, out) == (2, "")
    assert complaint in err
    assert sandbox.services["thulium"].faults == Faults(latency_ms=1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["zendesk", "--port", "1", "--show"], "invalid choice: 'zendesk'"),
        (["thulium", "--show"], "one of the arguments --url --port is required"),
        (["thulium", "--port", "0", "--show"], "'0' is not a port (1 to 65535)"),
        (["thulium", "--url", "thulium", "--show"], "'thulium' should look like http://127.0.0.1:41234"),
        (
            ["thulium", "--url", "http://a:b", "--show"],
            "'http://a:b' should look like http://127.0.0.1:41234",
        ),
    ],
)
async def test_where_it_is_must_be_said(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = await turn(capsys, *arguments)
    assert (code, out) == (2, "")
    assert complaint in err


async def test_another_service_is_not_touched(
    sandbox: Sandbox, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{port(running, 'telecomx')}"
    assert await turn(capsys, "thulium", "--port", port(running, "telecomx"), "--throttle", "on") == (
        1,
        "",
        f"helpdesk-gateway sandbox fault: {url} is telecomx, not thulium\n",
    )
    assert [each.faults for each in sandbox.services.values()] == [Faults()] * len(KINDS)


async def test_nobody_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        where = bound.getsockname()[1]
        code, out, err = await turn(capsys, "thulium", "--port", str(where), "--show")
    assert (code, out) == (1, "")
    assert f"http://127.0.0.1:{where} does not answer (" in err
    assert "Is the sandbox running, and is that the address it printed?" in err


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"detail": "Not Found"}'])
async def test_something_else_there_is_said(body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    server = RawServer(saying(answer(body, status="404 Not Found", content_type="application/json")))
    async with server.listen():
        assert await turn(capsys, "thulium", "--url", server.base_url, "--show") == (
            1,
            "",
            f"helpdesk-gateway sandbox fault: {server.base_url} is not a service of the sandbox\n",
        )

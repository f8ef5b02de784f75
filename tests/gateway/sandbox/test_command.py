"""`helpdesk-gateway sandbox`, as a process of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.command import run
from gateway.sandbox.dial_json import read_dial

PROGRAM = "import sys; from gateway.sandbox.command import run; sys.exit(run(sys.argv[1:]))"


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def stop(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, str]:
    """Exit code and what was still printed (`communicate` would lose lines read ahead)."""
    assert process.stdout is not None
    assert process.stderr is not None
    process.send_signal(number)
    out, err = process.stdout.read(), process.stderr.read()
    return process.wait(timeout=10), out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_json_says_where_and_how_and_a_signal_ends_it(
    number: signal.Signals, client: httpx.AsyncClient
) -> None:
    with started("--json", "--latency", "thulium=1", "--error-rate", "service_order_hub=1") as process:
        assert process.stdout is not None
        sources = json.loads(process.stdout.readline())["sources"]
        assert list(sources) == list(Sandbox().services)
        login = sources["thulium"]["credentials"]
        url = sources["thulium"]["baseUrl"] + "/tickets/1234"
        assert (await client.get(url, auth=(login["username"], login["password"]))).json()[
            "ticket_id"
        ] == 1234
        failed = await client.get(sources["service_order_hub"]["baseUrl"] + "/v3/case")
        assert (failed.status_code, failed.json()) == (500, {"error": {"message": "Injected fault"}})
        assert stop(process, number) == (0, "", "")


async def test_the_dials_can_be_turned_at_the_start(client: httpx.AsyncClient) -> None:
    arguments = [
        *("--latency", "netevia=1", "--latency", "netevia=2", "--error-rate", "tulo=0.5"),
        *("--mishap", "netevia=lost_answer:0.25", "--mishap", "netevia=applied_late:0.5"),
        *("--mishap", "netevia=lost_answer:0.5", "--apply-after", "netevia=30"),
        *("--mishap", "thulium=reset_after:1", "--read-mishap", "thulium=slow_body:0.5"),
        *("--error", "service_order_hub=503:0.5", "--error", "service_order_hub=404:0.25"),
        *("--flap", "telecomx=20/5", "--while-down", 'telecomx={"errors": {"503": 1}}'),
    ]
    with started("--json", *arguments) as process:
        assert process.stdout is not None
        sources = json.loads(process.stdout.readline())["sources"]
        dials = {}
        for kind, source in sources.items():
            url = httpx.URL(source["baseUrl"]).join("/__sandbox__/faults")
            dials[kind] = read_dial((await client.get(url)).json())
        assert dials == dict.fromkeys(Sandbox().services, Faults()) | {
            "netevia": Faults(
                latency_ms=2, mishaps={"lost_answer": 0.5, "applied_late": 0.5}, apply_after_s=30
            ),
            "tulo": Faults(error_rate=0.5),
            "thulium": Faults(mishaps={"reset_after": 1}, read_mishaps={"slow_body": 0.5}),
            "service_order_hub": Faults(errors={503: 0.5, 404: 0.25}),
            "telecomx": Faults(flap_up_s=20, flap_down_s=5, while_down=Faults(errors={503: 1})),
        }
        login = sources["thulium"]["credentials"]
        with pytest.raises(httpx.ReadError):
            await client.put(
                sources["thulium"]["baseUrl"] + "/tickets/1234",
                json={"status_id": "6"},
                auth=(login["username"], login["password"]),
            )
        assert stop(process, signal.SIGTERM) == (0, "", "")


def test_people_get_text() -> None:
    with started() as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        code, rest, err = stop(process, signal.SIGINT)
    text = first + rest
    assert text.startswith("The sandbox is up")
    for kind, service in Sandbox().services.items():
        assert f"\n{kind}  http://127.0.0.1:" in text
        for name, value in service.credentials.items():
            assert f"  {name}: {value}\n" in text
        line = rf"  to let it fail: helpdesk-gateway sandbox fault {kind} --url http://127\.0\.0\.1:\d+\S* --error"
        assert re.search(line, text)
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--host", "0.0.0.0"], "not a loopback address"),  # noqa: S104 - refused, which is the test
        (["--host", "example.org"], "not a loopback address"),
        (["--port-thulium", "70000"], "is not a port (0 to 65535)"),
        (["--port-thulium", "http"], "is not a port (0 to 65535)"),
        (["--latency", "zendesk=5"], "'zendesk' is not a source; there are tulo, "),
        (["--latency", "thulium"], "'thulium' should look like thulium=50"),
        (["--latency", "thulium=-5"], "latency_ms must lie between 0 and 60000"),
        (["--error-rate", "tulo=2"], "error_rate must lie between 0 and 1"),
        (["--mishap", "zendesk=lost_answer:1"], "'zendesk' is not a source; there are tulo, "),
        (["--mishap", "tulo=lost_answer"], "'tulo=lost_answer' should look like tulo=lost_answer:0.5"),
        (["--mishap", "tulo"], "'tulo' should look like tulo=lost_answer:0.5"),
        (["--mishap", "tulo=flood:1"], "tulo: mishaps: no such mishap flood; there are reset_before, "),
        (
            ["--mishap", "tulo=lost_answer:2"],
            "tulo: mishaps: the share of lost_answer must lie between 0 and 1",
        ),
        (
            ["--mishap", "tulo=lost_answer:0.6", "--mishap", "tulo=reset_after:0.6"],
            "tulo: mishaps: the shares add up to 1.2",
        ),
        (["--apply-after", "tulo=soon"], "'tulo=soon' should look like tulo=0.5"),
        (["--apply-after", "tulo=-1"], "tulo: apply_after_s must lie between 0 and 86400"),
        (["--latency", "thulium=nan"], "'thulium=nan' should look like thulium=50"),
        (["--error", "tulo=503"], "'tulo=503' should look like tulo=503:0.5"),
        (["--throttle", "tulo"], "'tulo' should look like tulo=on"),
        (["--flap", "tulo=5"], "'tulo=5' should look like tulo=20/5"),
        (["--read-mishap", "tulo=applied_late:1"], "tulo: read_mishaps: applied_late befalls writes: see "),
        (["--speed", "2"], "unrecognized arguments"),
    ],
)
def test_bad_arguments_are_named(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(arguments)
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_taken_port_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run(["--port-service-order-hub", str(taken.getsockname()[1])]) == 1
    assert "cannot listen: [Errno" in capsys.readouterr().err

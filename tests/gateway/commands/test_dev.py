"""`helpdesk-gateway dev` as a process: its port, its end, and what it says."""

import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import Popen

import httpx
import pytest

from tests.processes import ended, run, running


@dataclass(frozen=True)
class Started:
    process: "Popen[str]"
    said: str
    url: str
    thulium: str


@contextmanager
def dev(*arguments: str, **environ: str) -> Iterator[Started]:
    with running("dev", *arguments, until="Ctrl-C", **environ) as (process, lines):
        said = "".join(lines)
        urls = dict(re.findall(r"^\s*(\S.*?):?\s+(http://\S+)$", said, re.MULTILINE))
        gateway = urls["Explorer and GraphQL endpoint"].removesuffix("/graphql")
        yield Started(process, said, gateway, urls["thulium"].removesuffix("/api"))


@contextmanager
def free_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield port


def test_it_says_where_everything_is_and_what_to_try() -> None:
    with dev("--port", "0") as started:
        for name in ("tulo", "service_order_hub", "netevia", "telecomx", "thulium"):
            assert re.search(rf"^  {name} +http://127\.0\.0\.1:\d+", started.said, re.MULTILINE)
        query = started.said.partition("A query to try:\n")[2].partition("\n\n")[0]
        answer = httpx.post(f"{started.url}/graphql", json={"query": query}, trust_env=False).json()
        assert "errors" not in answer
        assert len(answer["data"]["conversations"]["nodes"]) == 5


@pytest.mark.parametrize(
    ("arguments", "calls"), [((), 1), (("--no-cache",), 2)], ids=["cached", "not cached"]
)
def test_what_was_asked_a_moment_ago_is_asked_again_only_if_told(
    arguments: tuple[str, ...], calls: int
) -> None:
    # Customers are kept for half a minute: however slow the machine is, the second answer comes before that.
    query = {"query": '{ accounts(first: 1, filter: {sources: ["thulium"]}) { nodes { origin { from } } } }'}
    with dev("--port", "0", *arguments) as started, httpx.Client(trust_env=False) as http:
        answers = [http.post(f"{started.url}/graphql", json=query).json() for _ in range(2)]
        arrivals = http.get(f"{started.thulium}/__sandbox__/arrivals").json()
    came = [each["data"]["accounts"]["nodes"][0]["origin"]["from"] for each in answers]
    assert (came, len(arrivals)) == (["SOURCE", "CACHE" if calls == 1 else "SOURCE"], calls)


def test_a_taken_port_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("dev", "--port", str(port))
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        f"Can't listen on port {port} of 127.0.0.1: Address already in use.\n",
    )


def test_the_port_may_come_from_the_variable_and_is_free_again_afterwards() -> None:
    with free_port() as port, dev(PORT=str(port)) as started:
        assert started.url == f"http://127.0.0.1:{port}"
        started.process.send_signal(signal.SIGTERM)
        assert ended(started.process) == (0, "")
        for url in (started.url, started.thulium):
            with pytest.raises(httpx.ConnectError):
                httpx.get(url, trust_env=False)


@contextmanager
def in_flight(started: Started, fault: dict[str, object]) -> Iterator[list[httpx.Response | Exception]]:
    """A request that has reached a slow source; at the end, what became of it."""
    httpx.put(f"{started.thulium}/__sandbox__/faults", json=fault, trust_env=False).raise_for_status()
    outcome: list[httpx.Response | Exception] = []

    def ask() -> None:
        try:
            query = {"query": '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { number queue } }'}
            outcome.append(httpx.post(f"{started.url}/graphql", json=query, timeout=60, trust_env=False))
        except httpx.HTTPError as error:
            outcome.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not httpx.get(f"{started.thulium}/__sandbox__/arrivals", trust_env=False).json():
        pass
    yield outcome
    thread.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_in_flight_ends_first(number: signal.Signals) -> None:
    with dev("--port", "0") as started:
        with in_flight(started, {"latency_ms": 300}) as outcome:
            started.process.send_signal(number)
            assert ended(started.process) == (0, "")
        (answer,) = outcome
        assert isinstance(answer, httpx.Response)
        assert answer.json() == {"data": {"ticket": {"number": "1234", "queue": "faktury@sklep.example"}}}


def test_a_second_signal_waits_for_nothing() -> None:
    with dev("--port", "0") as started:
        with in_flight(started, {"timeout": True}):
            # The second must come once the first is being dealt with: nobody is let in any more.
            started.process.send_signal(signal.SIGTERM)
            while _listens(started.url):
                pass
            started.process.send_signal(signal.SIGINT)
            code, said = ended(started.process)
        assert code == 0
        assert "Traceback" not in said
        assert "ERROR" not in said


def _listens(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz", trust_env=False)
    except httpx.HTTPError:
        return False
    return True

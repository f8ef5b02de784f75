"""Sends such requests over sockets of their own, and looks at what comes back."""

import contextlib
import re
import socket
import time
from collections import Counter
from urllib.parse import urlsplit

import h11
import httpx
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.answers import errors_of
from tests.fuzz.requests import REQUESTS, Request
from tests.fuzz.target import TIMEOUT_S, Target, check, served

ROUND = 200
# A server that has not seen the request's end may wait for it; it need not answer in this time.
_PATIENCE_S = 0.05


def fuzz_requests(target: Target, *, seconds: float, first_seed: int) -> Counter[str]:
    """Send for so long; how many were answered how.

    Raises:
        AssertionError: An answer that may never be, or none, with the bytes that were sent.
    """
    counts: Counter[str] = Counter()
    ends_s = time.monotonic() + seconds
    number = 0
    while number == 0 or time.monotonic() < ends_s:
        _run_round(target, counts, first_seed * 1_000_000 + number)
        served(target)
        number += 1
    return counts


def _run_round(target: Target, counts: Counter[str], number: int) -> None:
    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(REQUESTS)
    def ask(request: Request) -> None:
        try:
            counts[_ask(target, request)] += 1
        except BaseException as error:
            error.add_note(f"seed {number}: {request.sent[:3000]!r} ({len(request.sent)} bytes)")
            raise

    ask()


def _ask(target: Target, request: Request) -> str:
    """Send one request on a connection of its own; how it was answered."""
    answer = exchange(target.url, request)
    if answer is None:
        return "no answer"
    assert 200 <= answer.status_code < 500, (answer.status_code, answer.content[:1000])
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if request.method != "HEAD" and media_type in {"application/json", "application/graphql-response+json"}:
        if "errors" in answer.json():
            errors_of(answer)
        if b"/graphql" in request.sent.partition(b"\r\n")[0] and answer.content:
            check(answer)
    elif answer.status_code >= 400:
        assert request.method == "HEAD", (answer.status_code, answer.headers, answer.content[:1000])
    return str(answer.status_code)


def statuses(url: str, sent: bytes) -> list[int]:
    """The statuses of all answers that come until the server closes the connection.

    Raises:
        TimeoutError: It doesn't.
    """
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT_S) as connection:
        connection.sendall(sent)
        said = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while chunk := connection.recv(65_536):
                said += chunk
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)]


def exchange(url: str, request: Request) -> httpx.Response | None:
    """Send a request; the first answer, which must be in good form, or None where the connection was closed.

    Raises:
        AssertionError: No answer to a whole request.
        h11.RemoteProtocolError: It is no HTTP.
    """
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT_S) as connection:
        said = h11.Connection(h11.CLIENT, max_incomplete_event_size=1_000_000)
        said.send(
            h11.Request(
                method="HEAD" if request.method == "HEAD" else "GET", target="/", headers=[("Host", "x")]
            )
        )
        said.send(h11.EndOfMessage())
        # Refused before it was all sent, the answer may be there all the same.
        with contextlib.suppress(OSError):
            connection.sendall(request.sent)
        connection.settimeout(TIMEOUT_S if request.whole else _PATIENCE_S)
        return _read(connection, said, request)


def _read(connection: socket.socket, said: h11.Connection, request: Request) -> httpx.Response | None:
    head: h11.Response | None = None
    body = b""
    while True:
        event = said.next_event()
        match event:
            case h11.NEED_DATA:
                try:
                    chunk = connection.recv(65_536)
                except TimeoutError:
                    assert not request.whole, "no answer"
                    return None
                except OSError:
                    chunk = b""
                if not chunk and head is None:
                    return None
                said.receive_data(chunk)
            case h11.Response():
                head = event
            case h11.Data():
                body += bytes(event.data)
            case h11.EndOfMessage() | h11.PAUSED:
                assert head is not None
                return httpx.Response(head.status_code, headers=list(head.headers), content=body)
            case h11.ConnectionClosed():
                return None
            case h11.InformationalResponse():
                assert event.status_code in {100, 101}
                if event.status_code == 101:
                    return None

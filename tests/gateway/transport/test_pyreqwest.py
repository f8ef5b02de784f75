"""What is peculiar to pyreqwest; what it shares with httpx is in tests/contract."""

import asyncio
import inspect
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from pyreqwest import exceptions
from pyreqwest.exceptions import (
    ConnectError,
    DetailedPyreqwestError,
    JSONDecodeError,
    PyreqwestError,
    RequestTimeoutError,
    StatusError,
)

from gateway.domain.deadline import Deadline, within
from gateway.domain.errors import SourceError, SourceProtocolError, SourceTimeout, SourceUnavailable
from gateway.transport import Call, TransportOptions
from gateway.transport import pyreqwest as pyreqwest_adapter
from gateway.transport.pyreqwest import PyreqwestTransport, translate
from tests.raw_server import RawServer, Received, answer, hold, refusing, reset, saying, unknown

_TOKEN = "t0ken"
_READ = Call("read case", "GET", "/case", safe=True, query=(("accessToken", _TOKEN),))


@asynccontextmanager
async def _open(base_url: str, **options: Any) -> AsyncIterator[PyreqwestTransport]:
    transport = PyreqwestTransport("hub", TransportOptions(base_url, **options))
    try:
        yield transport
    finally:
        await transport.close()


# -- every exception of pyreqwest


def _exceptions() -> dict[str, type[PyreqwestError]]:
    found: dict[str, type[PyreqwestError]] = {}
    roots: list[type[PyreqwestError]] = [PyreqwestError]
    while roots:
        each = roots.pop()
        found[each.__name__] = each
        roots += each.__subclasses__()
    return found


def test_no_exception_of_pyreqwest_is_outside_the_one_kind_that_is_caught() -> None:
    public = {
        name
        for name, each in inspect.getmembers(exceptions, inspect.isclass)
        if issubclass(each, BaseException) and each.__module__ == exceptions.__name__
    }

    assert public == set(_exceptions())


def _made(each: type[PyreqwestError], *causes: str) -> PyreqwestError:
    details: Any = {"causes": [{"message": cause} for cause in causes]}
    if issubclass(each, StatusError):
        details["status"] = 500
    if issubclass(each, JSONDecodeError):
        details |= {"doc": _TOKEN, "pos": 0}
    message = f"for url https://hub.example/?accessToken={_TOKEN}"
    make: Callable[..., PyreqwestError] = each
    return make(message, details) if issubclass(each, DetailedPyreqwestError) else make(message)


def test_every_exception_of_pyreqwest_is_one_of_ours() -> None:
    translated = {}
    for name, each in _exceptions().items():
        theirs = _made(each, f"error sending request for url (https://hub.example/?accessToken={_TOKEN})")
        ours = translate(theirs, "hub", "read case")
        where = "answer" if ours.sent else "connection"
        said = f"no {where} in time" if isinstance(ours, SourceTimeout) else name
        assert (ours.source, ours.detail) == ("hub", f"read case: {said}")
        assert _TOKEN not in f"{ours} {ours!r} {vars(ours)}"
        translated[name] = (type(ours).__name__, ours.sent)

    assert translated == {
        "BodyDecodeError": ("SourceUnavailable", True),
        "BuilderError": ("SourceProtocolError", False),
        "ClientClosedError": ("SourceUnavailable", True),
        "ConnectError": ("SourceUnavailable", True),
        "ConnectTimeoutError": ("SourceTimeout", True),
        "DecodeError": ("SourceUnavailable", True),
        "DetailedPyreqwestError": ("SourceUnavailable", True),
        "JSONDecodeError": ("SourceProtocolError", True),
        "NetworkError": ("SourceUnavailable", True),
        "PoolTimeoutError": ("SourceTimeout", False),
        "PyreqwestError": ("SourceUnavailable", True),
        "ReadError": ("SourceUnavailable", True),
        "ReadTimeoutError": ("SourceTimeout", True),
        "RedirectError": ("SourceProtocolError", True),
        "RequestError": ("SourceUnavailable", True),
        "RequestPanicError": ("SourceUnavailable", True),
        "RequestTimeoutError": ("SourceTimeout", True),
        "StatusError": ("SourceUnavailable", True),
        "TransportError": ("SourceUnavailable", True),
        "WriteError": ("SourceUnavailable", True),
        "WriteTimeoutError": ("SourceTimeout", True),
    }


def test_only_what_never_had_a_connection_was_not_sent() -> None:
    """The same exception stands for a connection that breaks off after the request."""
    never = "client error (Connect)"
    for each in (ConnectError, RequestTimeoutError):
        assert translate(_made(each, "url", never), "hub", "read").sent is False
        assert translate(_made(each, "url", "client error (SendRequest)"), "hub", "read").sent is True
        assert translate(_made(each, f"about {never}"), "hub", "read").sent is True


async def test_the_log_is_told_what_failed() -> None:
    details = []
    for place in (refusing, unknown):
        with place() as base_url:
            async with _open(base_url) as transport:
                details.append(await _detail(transport))
    for behave in (hold, reset):
        server = RawServer(behave)
        async with server.listen(), _open(server.base_url, read_timeout_s=0.02) as transport:
            details.append(await _detail(transport))

    assert details == [
        "read case: ConnectError, connection refused",
        "read case: ConnectError, the host name is not known (DNS)",
        "read case: no answer in time",
        "read case: ConnectError",
    ]


async def _detail(transport: PyreqwestTransport) -> str:
    with pytest.raises(SourceError) as raised:
        await transport.send(_READ)
    return raised.value.detail


# -- what it is for


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_write_is_refused(method: str) -> None:
    server = RawServer(saying(answer()))
    async with server.listen(), _open(server.base_url) as transport:
        with pytest.raises(ValueError, match="reply can't be sent by this adapter"):
            await transport.send(Call("reply", method, "/reply", safe=False))
        assert server.connections == 0


async def test_a_streamed_body_is_refused() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"{}"

    server = RawServer(saying(answer()))
    async with server.listen(), _open(server.base_url, max_connections=1) as transport:
        with pytest.raises(ValueError, match="find can't be sent by this adapter"):
            await transport.send(Call("find", "POST", "/find", safe=True, body=content()))
        assert (await transport.send(_READ)).status == 200, "its place is free again"


@pytest.mark.parametrize("base_url", ["http://[::1", "nonsense", "ftp://127.0.0.1", ""])
async def test_an_address_that_is_none_is_refused(base_url: str) -> None:
    async with _open(base_url) as transport:
        with pytest.raises(SourceError) as raised:
            await transport.send(_READ)
    assert (type(raised.value), raised.value.sent) == (SourceProtocolError, False)


# -- it can't stop a request


async def test_a_cancelled_call_keeps_its_place_until_its_source_has_answered() -> None:
    """A source is never asked by more at once than it should be, whoever still listens."""
    going_on = asyncio.Event()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        await going_on.wait()
        writer.write(answer(request.target.encode()))

    server = RawServer(behave)
    async with server.listen(), _open(server.base_url, max_connections=1) as transport:
        first = asyncio.ensure_future(transport.send(_READ))
        await server.until(1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = asyncio.ensure_future(transport.send(Call("read", "GET", "/second", safe=True)))
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(server.received) == 1
        going_on.set()
        assert (await second).body == b"/second"
        assert [each.connection for each in server.received] == [1, 1], "and its connection serves again"


@pytest.mark.parametrize("deadline_s", [None, 0.02])
async def test_a_cancelled_call_to_a_source_that_hangs_ends_at_a_timeout(deadline_s: float | None) -> None:
    total_s = 0.05 if deadline_s is None else 60.0
    server = RawServer(hold)
    async with server.listen(), _open(server.base_url, total_timeout_s=total_s) as transport:
        with within(None if deadline_s is None else Deadline.after(deadline_s)):
            sending = asyncio.ensure_future(transport.send(_READ))
        await server.until(1)
        sending.cancel()
        async with asyncio.timeout(5):
            await server.ended(1)


async def test_a_deadline_is_not_taken_for_a_fault_of_the_source() -> None:
    """Whoever set it notices first."""
    server = RawServer(hold)
    async with server.listen(), _open(server.base_url) as transport:
        with within(Deadline.after(0.02)):
            sending = asyncio.ensure_future(transport.send(_READ))
        done, _ = await asyncio.wait({sending}, timeout=0.05)
        assert not done
        with pytest.raises(SourceTimeout):
            await sending


async def test_closing_ends_what_runs_and_what_waits() -> None:
    server = RawServer(hold)
    async with server.listen(), _open(server.base_url, max_connections=1, total_timeout_s=0.1) as transport:
        sending = [asyncio.ensure_future(transport.send(_READ)) for _ in range(3)]
        await server.until(1)
        await transport.close()
        failed = await asyncio.gather(*sending, return_exceptions=True)
        assert [(type(each), getattr(each, "sent", None)) for each in failed] == [
            (SourceUnavailable, True),
            (SourceUnavailable, False),
            (SourceUnavailable, False),
        ]
        await server.settled()


# -- loops, threads and processes


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_any_loop_will_do_and_one_after_another(run: Callable[..., Any]) -> None:
    async def once() -> bytes:
        server = RawServer(saying(answer(b"[1]")))
        async with server.listen(), _open(server.base_url) as transport:
            return (await transport.send(_READ)).body

    assert [run(once()) for _ in range(3)] == [b"[1]"] * 3


def _in_a_process(script: str) -> str:
    """What a fresh process prints, in which `once(path)` reads from a server of its own."""
    begin = """
        import asyncio, os, socket, sys, threading, time
        from gateway.transport import Call, TransportOptions
        from gateway.transport.pyreqwest import PyreqwestTransport

        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            while True:
                threading.Thread(target=say, args=listener.accept()[:1], daemon=True).start()

        def say(connection):
            while data := connection.recv(9999):
                if b"/hang" not in data:
                    connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}")

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def once(path="/x"):
            transport = PyreqwestTransport("hub", TransportOptions(url))
            reply = await transport.send(Call("read", "GET", path, safe=True))
            await transport.close()
            return reply.status

        async def begin_and_leave():
            asyncio.ensure_future(once("/hang"))
            await asyncio.sleep(0.05)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(begin) + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_loop_that_is_closed_in_the_middle_spoils_nothing() -> None:
    said = _in_a_process("""
        loop = asyncio.new_event_loop()
        loop.run_until_complete(begin_and_leave())
        loop.close()
        asyncio.run(begin_and_leave())
        print(asyncio.run(once()))
    """)
    assert said == "200\n"


def test_a_process_ends_though_a_call_runs() -> None:
    said = _in_a_process("""
        loop = asyncio.new_event_loop()
        loop.run_until_complete(begin_and_leave())
        print("leaving")
    """)
    assert said == "leaving\n"


def test_the_interpreter_does_not_end_while_the_librarys_thread_is_in_it() -> None:
    """That would abort the process. Here the thread takes its time, and so does the interpreter."""
    said = _in_a_process("""
        class Slow(asyncio.SelectorEventLoop):
            def call_soon_threadsafe(self, *args, **kwargs):
                handle = super().call_soon_threadsafe(*args, **kwargs)
                time.sleep(0.1)
                return handle

        class Lingering:
            def __del__(self, sleep=time.sleep):
                sleep(0.3)

        sys.modules["lingering"] = Lingering()  # Modules go first.
        with asyncio.Runner(loop_factory=Slow) as runner:
            print(runner.run(once()))
    """)
    assert said == "200\n"


def test_waiting_for_that_thread_takes_no_source() -> None:
    pyreqwest_adapter._settle()


def test_a_fork_is_told_that_it_can_make_no_client_and_its_parent_goes_on() -> None:
    said = _in_a_process("""
        print(asyncio.run(once()), flush=True)
        if os.fork() == 0:
            try:
                asyncio.run(once())
            except RuntimeError as error:
                print("before fork()" in str(error), flush=True)
            os._exit(0)
        os.wait()
        print(asyncio.run(once()))
    """)
    assert said == "200\nTrue\n200\n"


def test_one_thread_serves_all_clients() -> None:
    said = _in_a_process("""
        async def many():
            return await asyncio.gather(*(once() for _ in range(20)))

        def name(task):
            try:
                with open(f"/proc/self/task/{task}/comm") as comm:
                    return comm.read()
            except OSError:
                return "ended"

        asyncio.run(many())
        print(sum("pyreqwest" in name(task) for task in os.listdir("/proc/self/task")))
    """)
    assert said == "1\n"

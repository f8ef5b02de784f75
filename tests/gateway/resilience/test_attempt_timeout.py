import asyncio

import pytest

from gateway.domain.errors import SourceError, SourceProtocolError, SourceTimeout, SourceUnavailable
from gateway.resilience.attempt_timeout import AttemptTimeout
from gateway.resilience.retry import RetryOptions
from gateway.resilience.stack import StackOptions, build_stack
from gateway.transport import Call, Reply, Transport
from gateway.transport.httpx import HttpxOptions, HttpxTransport
from tests.raw_server import RawServer, Received, answer, saying

_CALL = Call("read case", "GET", "/case", safe=True, query=(("accessToken", "t0ken"),))


def _stack(transport: Transport, options: StackOptions) -> Transport:
    return build_stack(transport, options, source="hub", authorise=lambda inner: inner).transport


class _Inner:
    """A transport that answers, fails or never comes back."""

    def __init__(self, outcome: Reply | BaseException | None) -> None:
        self.outcome = outcome
        self.calls: list[Call] = []
        self.begun = asyncio.Event()
        self.cancelled = 0
        self.closed = 0

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        self.begun.set()
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        if self.outcome is None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        assert isinstance(self.outcome, Reply)
        return self.outcome

    async def close(self) -> None:
        self.closed += 1


async def test_a_reply_in_time_passes() -> None:
    inner = _Inner(Reply(200, {}, b"{}"))

    assert await AttemptTimeout(inner, source="hub", timeout_s=60).send(_CALL) is inner.outcome
    assert inner.calls == [_CALL]


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable("hub", sent=False),
        SourceTimeout("hub", sent=False),
        SourceProtocolError("hub"),
        LookupError("a fault of ours"),
        asyncio.CancelledError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_in_time_passes_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        await AttemptTimeout(_Inner(error), source="hub", timeout_s=60).send(_CALL)

    assert raised.value is error


async def test_an_attempt_out_of_time_is_ended_and_perhaps_arrived() -> None:
    inner = _Inner(None)

    with pytest.raises(SourceTimeout) as raised:
        await AttemptTimeout(inner, source="hub", timeout_s=0.01).send(_CALL)

    error = raised.value
    assert (error.source, error.sent, error.detail) == ("hub", True, "read case: over 0.01 s in all")
    assert inner.cancelled == 1


async def test_the_callers_own_cancellation_is_not_taken_for_a_timeout() -> None:
    inner = _Inner(None)
    sending = asyncio.ensure_future(AttemptTimeout(inner, source="hub", timeout_s=60).send(_CALL))
    await inner.begun.wait()

    sending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_the_callers_own_timeout_is_not_taken_for_the_attempts() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await AttemptTimeout(_Inner(None), source="hub", timeout_s=60).send(_CALL)


async def test_closing_closes_what_is_inside() -> None:
    inner = _Inner(None)

    await AttemptTimeout(inner, source="hub", timeout_s=1).close()

    assert inner.closed == 1


async def test_a_source_that_drips_is_cut_by_the_stack() -> None:
    async def drip(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1\r\n \r\n")
            await writer.drain()
            await asyncio.sleep(0)

    server = RawServer(drip)
    async with server.listen():
        # Each drop comes well within the read timeout, so that alone would wait for ever.
        transport = HttpxTransport("hub", HttpxOptions(server.base_url, read_timeout_s=60))
        stack = _stack(transport, StackOptions(attempt_timeout_s=0.1, retry=RetryOptions(max_retries=0)))
        with pytest.raises(SourceError) as raised:
            await stack.send(_CALL)
        await stack.close()

    assert isinstance(raised.value, SourceTimeout)
    assert "t0ken" not in f"{raised.value} {raised.value!r}"
    assert len(server.received) == 1


async def test_the_stack_lets_a_good_answer_through() -> None:
    server = RawServer(saying(answer(b"[1]")))
    async with server.listen():
        transport = HttpxTransport("hub", HttpxOptions(server.base_url))
        stack = _stack(transport, StackOptions(attempt_timeout_s=60))
        reply = await stack.send(_CALL)
        await stack.close()

    assert reply == Reply(200, {"content-length": "3"}, b"[1]")

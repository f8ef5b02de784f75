"""What every registered source makes of an API that misbehaves: one of our errors, and never a secret in it."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest

from gateway.domain.catalog import Source
from gateway.domain.errors import (
    SourceAuthError,
    SourceError,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.domain.writes import Attempt, Removal, Sighting
from gateway.sandbox import Faults
from gateway.transport import Call, Transport
from tests.contract.ability import Act, Upload, find, outcome, prepare, reads, send
from tests.contract.conftest import NOW, SAMPLES, Bench, Fork, is_log_in, is_write
from tests.raw_server import Behaviour, RawServer, Received, answer, hold, reset, saying

HTML = b"<!doctype html><title>Maintenance</title><p>Back soon</p>"
# Far longer than any answer of these APIs takes on loopback, and short enough for a few dozen of them.
SOON_S = 0.05


async def break_off(request: Received, writer: asyncio.StreamWriter) -> None:
    """Begin to answer, and go away."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}")
    await writer.drain()
    raise ConnectionResetError


# Answers that are no HTTP, or HTTP that says no.
REFUSING: dict[str, tuple[Behaviour, type[SourceError]]] = {
    "500": (saying(answer(status="500 Internal Server Error")), SourceUnavailable),
    "503 with a page": (
        saying(answer(HTML, status="503 Service Unavailable", content_type="text/html")),
        SourceUnavailable,
    ),
    "429": (saying(answer(status="429 Too Many Requests", retry_after="7")), SourceThrottled),
    "401": (saying(answer(status="401 Unauthorized")), SourceAuthError),
    "a redirect": (
        saying(answer(status="302 Found", location="https://elsewhere.example/")),
        SourceProtocolError,
    ),
    "a reset": (reset, SourceUnavailable),
    "no HTTP": (saying(b"220 mail.example ESMTP\r\n\r\n"), SourceUnavailable),
    "half an answer": (break_off, SourceUnavailable),
    "silence": (hold, SourceTimeout),
}
# Bodies with status 200 that none of these APIs documents.
SENSELESS = {
    "nothing": b"",
    "a page": HTML,
    "null": b"null",
    "a text": b'"ok"',
    "depth": b"[" * 5000,
    "depth in a field": b'{"x": ' * 5000,
    "not UTF-8": b"\xff\xfe",
    "a list of numbers": b"[1, 2]",
    "a list of lists": b"[[]]",
}
# These can mean something at one or the other.
ODD = {
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a list where an object belongs": b'{"data": [[]], "item": [], "items": [[]], "result": [[]], "errors": [[]]}',
    "an object where a list belongs": b'{"data": {}, "item": {}, "items": {}, "result": {}, "cases": {}, "errors": {}}',
    "fields of nulls": b'{"data": null, "item": null, "items": null, "result": null, "cases": [null], "id": null}',
    "an error with status 200": b'{"error": {"message": "no"}, "success": false, "message": "no"}',
    "ids of another kind": b'{"data": {"id": {}}, "item": {"id": []}, "ticket_id": "x", "_id": 7, "messages": 1}',
}


# Bodies of a refusal in which no API would give its reasons.
REASONLESS = (b"", HTML, b"{}", b"[]", b'{"errors": [[]], "error": [], "inner": 7}', b'{"x": ' * 5000)


class Parrot:
    """A server that says what it was told last."""

    def __init__(self) -> None:
        self.says = b""
        self.server = RawServer(self._say)

    async def _say(self, _: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(self.says)


def no_log_in(call: Call) -> bool:
    return not is_log_in(call)


def acts_of(bench: Bench, source: Source) -> dict[str, Act]:
    """Every read, and every look for a write."""
    acts = reads(source, bench.refs, bench.sample.lists, bench.sample.keys)
    return acts | looks_of(bench, source)


def looks_of(bench: Bench, source: Source) -> dict[str, Act]:
    lost = enumerate(zip(bench.lookable, bench.found.attempts, strict=True))
    return {
        f"find {number} {type(write).__name__}": partial(find, source, write, attempt)
        for number, (write, attempt) in lost
    }


async def outcomes(acts: dict[str, Act]) -> dict[str, Any]:
    """What comes of each, all at once."""
    return dict(zip(acts, await asyncio.gather(*(outcome(act()) for act in acts.values())), strict=True))


def kinds(found: dict[str, Any]) -> dict[str, tuple[type, bool]]:
    """What kind of error each is, and whether the request may have arrived."""
    return {name: (type(each), getattr(each, "sent", True)) for name, each in found.items()}


def chain(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def assert_silent(bench: Bench, found: Iterable[object], *addresses: str) -> None:
    """No error shows a credential or where anything is, nor do the errors below it."""
    secrets = bench.secrets() | {address.rpartition("/")[2] for address in addresses}
    for error in found:
        if not isinstance(error, SourceError):
            continue
        said = [error.detail, *(f"{each} {each!r}" for each in chain(error))]
        assert not [secret for secret in secrets if any(secret in text for text in said)]
        assert "://" not in f"{error} {error!r} {error.message} {error.detail}"
        # What a client may read says nothing of this call: one text for each kind of error.
        assert error.message == type(error).text
        assert error.source == "one"


async def warm(bench: Bench, transport: Transport | None = None, **faults: Any) -> Source:
    """A source that has logged in, where that is needed, before its API begins to misbehave."""
    source = bench.source(transport)
    assert not isinstance(await outcome(acts_of(bench, source)["check"]()), SourceError)
    bench.service.arrivals.clear()
    bench.service.faults = Faults(**faults)
    return source


class TestReads:
    async def test_a_server_that_is_down(self, bench: Bench) -> None:
        source = bench.source()
        await bench.running.stop(bench.spec.kind)
        found = await outcomes(acts_of(bench, source))
        assert kinds(found) == dict.fromkeys(found, (SourceUnavailable, False))
        assert_silent(bench, found.values())

    async def test_a_server_that_goes_down_while_connections_are_kept(self, bench: Bench) -> None:
        source = await warm(bench)
        await bench.running.stop(bench.spec.kind)
        found = await outcomes(acts_of(bench, source))
        assert {type(each) for each in found.values()} == {SourceUnavailable}
        await bench.running.start(bench.spec.kind)
        again = await outcomes(acts_of(bench, source))
        assert [name for name, each in again.items() if isinstance(each, Exception)] == []

    async def test_errors_of_its_own(self, bench: Bench) -> None:
        source = await warm(bench, error_rate=1, error_status=500)
        found = await outcomes(acts_of(bench, source))
        assert kinds(found) == dict.fromkeys(found, (SourceUnavailable, True))
        assert len(bench.service.arrivals) == len(found)
        assert_silent(bench, found.values())

    @pytest.mark.parametrize("retry_after_s", [7, None])
    async def test_too_many_requests(self, bench: Bench, retry_after_s: int | None) -> None:
        source = await warm(bench, throttle=True, retry_after_s=retry_after_s)
        found = await outcomes(acts_of(bench, source))
        assert kinds(found) == dict.fromkeys(found, (SourceThrottled, True))
        assert {each.retry_after_s for each in found.values()} == {retry_after_s}

    async def test_answers_cut_in_half(self, bench: Bench) -> None:
        source = await warm(bench, malformed_json=True)
        found = await outcomes(acts_of(bench, source))
        assert kinds(found) == dict.fromkeys(found, (SourceProtocolError, True))
        assert {each.json_path[:1] for each in found.values()} == {"$"}
        assert_silent(bench, found.values())

    async def test_credentials_that_are_refused_at_the_door(self, bench: Bench) -> None:
        source = await warm(bench, error_rate=1, error_status=401)
        for name, act in acts_of(bench, source).items():
            bench.service.faults = Faults()
            await acts_of(bench, source)["check"]()
            bench.service.arrivals.clear()
            bench.service.faults = Faults(error_rate=1, error_status=401)
            error = await outcome(act())
            assert (name, type(error)) == (name, SourceAuthError)
            # The call, and one try to log in again where there is a log-in.
            assert len(bench.service.arrivals) == 1 + bool(bench.sample.log_in)
            assert_silent(bench, [error])

    @pytest.mark.parametrize("name", [name for name in REFUSING if name not in {"500", "429"}])
    async def test_an_api_that_refuses_although_the_log_in_works(self, bench: Bench, name: str) -> None:
        behave, expected = REFUSING[name]
        server = RawServer(behave)
        async with server.listen():
            broken = bench.wire(server.base_url, read_timeout_s=SOON_S if behave is hold else 10.0)
            source = bench.source(Fork(bench.wire(), broken, diverted=no_log_in))
            found = await outcomes(acts_of(bench, source))
            assert kinds(found) == dict.fromkeys(found, (expected, True))
            # A refused token is renewed once for each call that it was refused to.
            assert len(server.received) <= len(found) * (2 if name == "401" and bench.sample.log_in else 1)
            assert_silent(bench, found.values(), server.base_url)

    async def test_an_api_that_answers_what_makes_no_sense(self, bench: Bench) -> None:
        parrot = Parrot()
        async with parrot.server.listen():
            broken = bench.wire(parrot.server.base_url)
            source = bench.source(Fork(bench.wire(), broken, diverted=no_log_in))
            for body in SENSELESS.values():
                parrot.says = answer(body, content_type="application/json")
                found = await outcomes(acts_of(bench, source))
                assert (body[:40], kinds(found)) == (
                    body[:40],
                    dict.fromkeys(found, (SourceProtocolError, True)),
                )
                assert {each.json_path[:1] for each in found.values()} == {"$"}
                assert_silent(bench, found.values(), parrot.server.base_url)

    async def test_an_api_that_answers_something_else(self, bench: Bench) -> None:
        parrot = Parrot()
        async with parrot.server.listen():
            broken = bench.wire(parrot.server.base_url)
            source = bench.source(Fork(bench.wire(), broken, diverted=no_log_in))
            for body in ODD.values():
                parrot.says = answer(body, content_type="application/json")
                found = await outcomes(acts_of(bench, source))
                errors = [each for each in found.values() if isinstance(each, Exception)]
                assert (body, {type(each) for each in errors} - {SourceProtocolError}) == (body, set())
                assert_silent(bench, errors, parrot.server.base_url)
                sightings = [each for each in found.values() if isinstance(each, Sighting)]
                assert [each for each in sightings if each.matches] == []

    @pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
    async def test_a_refusal_never_proves_that_a_write_did_not_land(self, bench: Bench, status: int) -> None:
        server = RawServer(saying(answer(status=f"{status} No")))
        async with server.listen():
            source = bench.source(Fork(bench.wire(), bench.wire(server.base_url), diverted=no_log_in))
            looks = zip(bench.lookable, (await outcomes(looks_of(bench, source))).values(), strict=True)
            for write, found in looks:
                if isinstance(write, Removal) and status == 404:
                    assert found == Sighting((write.subscription,))
                else:
                    assert isinstance(found, SourceError) or (
                        found.matches == () and not found.absence_proves
                    )


@pytest.mark.parametrize("bench", [kind for kind, sample in SAMPLES.items() if sample.log_in], indirect=True)
class TestLogIns:
    @pytest.mark.parametrize("name", REFUSING)
    async def test_one_that_is_refused(self, bench: Bench, name: str) -> None:
        behave, expected = REFUSING[name]
        server = RawServer(behave)
        async with server.listen():
            broken = bench.wire(server.base_url, read_timeout_s=SOON_S if behave is hold else 10.0)
            source = bench.source(Fork(bench.wire(), broken, diverted=is_log_in))
            found = await outcomes(acts_of(bench, source))
            # Of the calls that waited for it nothing has left.
            assert kinds(found) == dict.fromkeys(found, (expected, False))
            # They share one attempt: an account must not be locked by twenty.
            assert len(server.received) == 1
            assert bench.service.arrivals == []
            assert_silent(bench, found.values(), server.base_url)

    async def test_one_that_is_answered_with_what_makes_no_sense(self, bench: Bench) -> None:
        parrot = Parrot()
        async with parrot.server.listen():
            broken = bench.wire(parrot.server.base_url)
            for body in (SENSELESS | ODD).values():
                parrot.says = answer(body, content_type="application/json")
                source = bench.source(Fork(bench.wire(), broken, diverted=is_log_in))
                found = await outcomes(acts_of(bench, source))
                # An answer without a token may be a refusal in the vendor's eyes.
                assert {type(each) for each in found.values()} <= {SourceProtocolError, SourceAuthError}
                assert {each.sent for each in found.values()} == {False}
                assert_silent(bench, found.values(), parrot.server.base_url)
            assert bench.service.arrivals == []

    async def test_one_that_fails_keeps_a_write_from_being_sent(self, bench: Bench, closed_port: str) -> None:
        fork = Fork(bench.wire(), bench.wire(closed_port), diverted=is_log_in)
        for error, calls in await attempts(bench, fork):
            assert (type(error), error.sent) == (SourceUnavailable, False)
            assert [call for call in calls if is_write(call)] == []


class TestWrites:
    async def test_one_that_no_server_took_was_not_sent(self, bench: Bench, closed_port: str) -> None:
        fork = Fork(bench.wire(), bench.wire(closed_port), diverted=is_write)
        for error, calls in await attempts(bench, fork):
            assert (type(error), error.sent) == (SourceUnavailable, False)
            assert [is_write(call) for call in calls].count(True) == 1
            assert_silent(bench, [error], closed_port)

    @pytest.mark.parametrize("name", REFUSING)
    async def test_one_that_was_taken_is_never_said_to_be_unsent(self, bench: Bench, name: str) -> None:
        behave, expected = REFUSING[name]
        server = RawServer(behave)
        async with server.listen():
            broken = bench.wire(server.base_url, read_timeout_s=SOON_S if behave is hold else 10.0)
            source = bench.source(Fork(bench.wire(), broken, diverted=is_write))
            for write in bench.writes:
                server.received.clear()
                attempt = await prepare(bench.source(), write, NOW)
                error = await outcome(send(source, write, attempt))
                assert (type(error), getattr(error, "sent", None)) == (expected, True)
                # A 401 says that nothing was done, so with a fresh token the write is sent once more; a
                # stream can't be.
                again = name == "401" and bool(bench.sample.log_in) and not isinstance(write, Upload)
                assert len(server.received) == 1 + again
                assert_silent(bench, [error], server.base_url)

    async def test_an_answer_that_makes_no_sense_leaves_it_sent(self, bench: Bench) -> None:
        parrot, healthy = Parrot(), bench.source()
        async with parrot.server.listen():
            source = bench.source(Fork(bench.wire(), bench.wire(parrot.server.base_url), diverted=is_write))
            for body in (SENSELESS | ODD).values():
                parrot.says = answer(body, content_type="application/json")
                for write in bench.writes:
                    parrot.server.received.clear()
                    attempt = await prepare(healthy, write, NOW)
                    result = await outcome(send(source, write, attempt))
                    # Where nothing is in it the answer isn't read; and one may say that it was refused.
                    if isinstance(result, SourceError):
                        assert type(result) in {SourceProtocolError, SourceRejected}
                        assert result.sent
                    assert len(parrot.server.received) == 1
                    assert_silent(bench, [result], parrot.server.base_url)

    @pytest.mark.parametrize("status", [400, 403, 404, 409])
    async def test_a_refusal_has_reasons_whatever_its_body(self, bench: Bench, status: int) -> None:
        parrot, healthy = Parrot(), bench.source()
        async with parrot.server.listen():
            source = bench.source(Fork(bench.wire(), bench.wire(parrot.server.base_url), diverted=is_write))
            for body in REASONLESS:
                parrot.says = answer(body, status=f"{status} No")
                for write in bench.writes:
                    parrot.server.received.clear()
                    attempt = await prepare(healthy, write, NOW)
                    error = await outcome(send(source, write, attempt))
                    assert isinstance(error, SourceRejected)
                    assert error.refusals
                    assert {each.source for each in error.refusals} == {"one"}
                    assert all(each.message.startswith("one ") for each in error.refusals)
                    assert len(parrot.server.received) == 1
                    assert_silent(bench, [error], parrot.server.base_url)

    @pytest.mark.parametrize("name", ["500", "429", "401", "a reset", "silence"])
    async def test_a_read_that_fails_when_it_is_prepared_is_an_error(self, bench: Bench, name: str) -> None:
        behave, expected = REFUSING[name]
        server = RawServer(behave)
        async with server.listen():
            broken = bench.wire(server.base_url, read_timeout_s=SOON_S if behave is hold else 10.0)
            for write in bench.writes:
                server.received.clear()
                spy = Fork(bench.wire(), broken, diverted=lambda call: call.safe)
                result = await outcome(prepare(bench.source(spy), write, NOW))
                assert type(result) is (expected if server.received else Attempt)
                assert [call for call in spy.calls if is_write(call)] == []
                assert_silent(bench, [result], server.base_url)

    async def test_a_read_that_fails_after_it_takes_nothing_back(
        self, bench: Bench, closed_port: str
    ) -> None:
        broken = bench.wire(closed_port)
        for write in bench.writes:
            bench.service.reset()
            attempt = await prepare(bench.source(), write, NOW)
            source = bench.source(Fork(bench.wire(), broken, diverted=lambda call: call.safe))
            assert not isinstance(await outcome(send(source, write, attempt)), Exception)

    async def test_answers_cut_in_half_do_not_make_it_be_sent_twice(self, bench: Bench) -> None:
        for write in bench.writes:
            bench.service.reset()
            attempt = await prepare(bench.source(), write, NOW)
            wire = bench.wire()
            spy = Fork(wire, wire, diverted=is_write)
            source = await warm(bench, spy, malformed_json=True)
            result = await outcome(send(source, write, attempt))
            assert [is_write(call) for call in spy.calls].count(True) == 1
            assert not isinstance(result, Exception) or isinstance(result, SourceProtocolError)
            assert [each.method for each in bench.service.arrivals] == [
                call.method for call in spy.calls[-len(bench.service.arrivals) :]
            ]


async def attempts(bench: Bench, transport: Transport) -> list[tuple[Any, list[Call]]]:
    """What comes of sending each write, and the calls that were made for it."""
    found = []
    for write in bench.writes:
        attempt = await prepare(bench.source(), write, NOW)
        spy = Fork(transport, transport, diverted=is_write)
        found.append((await outcome(send(bench.source(spy), write, attempt)), spy.calls))
    return found

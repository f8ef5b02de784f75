import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest

from gateway.domain.errors import (
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceError,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import Fetched, OriginKind
from gateway.sources.rest import Rest, each
from gateway.transport import Call, Reply

_NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
_READ = Call("read case", "GET", "/case", safe=True)
_SEARCH = Call("search", "POST", "/search", safe=True, body=b"{}")
_WRITE = Call("reply", "POST", "/reply", safe=False, body=b"{}")
_REFUSALS = (Refusal(RefusalCode.INVALID, "hub refused it.", ("body",), "hub", "E1"),)


class _Wire:
    """A transport with its replies at hand; it keeps the calls."""

    def __init__(self, *replies: Reply | SourceError) -> None:
        self._replies = list(replies)
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        reply = self._replies.pop(0)
        if isinstance(reply, SourceError):
            raise reply
        return reply

    async def close(self) -> None:
        """Nothing is open."""


def _rest(wire: _Wire, *, explain: Callable[[Reply], tuple[Refusal, ...]] = lambda _: _REFUSALS) -> Rest:
    return Rest("hub", wire, clock=lambda: _NOW, explain=explain)


def _reply(status: int, body: bytes = b"") -> Reply:
    return Reply(status, {}, body)


async def _failure(reply: Reply, call: Call, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as raised:
        await _rest(_Wire(reply), **options).send(call)
    error = raised.value
    assert (error.source, error.sent) == ("hub", True)
    return error


# -- statuses


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_a_2xx_reply_comes_back_as_it_is(status: int) -> None:
    reply = _reply(status, b"[]")
    wire = _Wire(reply)

    assert await _rest(wire).send(_READ) is reply
    assert wire.calls == [_READ]


@pytest.mark.parametrize(
    ("status", "of_read", "of_write"),
    [
        (100, SourceProtocolError, SourceProtocolError),
        (300, SourceProtocolError, SourceProtocolError),
        (302, SourceProtocolError, SourceProtocolError),
        (304, SourceProtocolError, SourceProtocolError),
        (400, SourceRejected, SourceRejected),
        (401, SourceAuthError, SourceAuthError),
        (403, SourceAuthError, SourceRejected),
        (404, SourceRejected, SourceRejected),
        (409, SourceRejected, SourceRejected),
        (422, SourceRejected, SourceRejected),
        (429, SourceThrottled, SourceThrottled),
        (500, SourceUnavailable, SourceUnavailable),
        (503, SourceUnavailable, SourceUnavailable),
        (599, SourceUnavailable, SourceUnavailable),
    ],
)
async def test_every_other_status_is_an_error_of_its_kind(
    status: int, of_read: type[SourceError], of_write: type[SourceError]
) -> None:
    for call, kind in ((_READ, of_read), (_SEARCH, of_read), (_WRITE, of_write)):
        error = await _failure(_reply(status, b"secret"), call)
        assert (type(error), error.detail) == (kind, f"{call.operation}: {status}")
        assert "secret" not in f"{error} {error!r} {vars(error)}"


async def test_a_refusal_is_explained_by_the_source() -> None:
    def explain(reply: Reply) -> tuple[Refusal, ...]:
        return (Refusal(RefusalCode.NOT_FOUND, reply.body.decode(), (), "hub"),)

    error = await _failure(_reply(404, b"no such ticket"), _WRITE, explain=explain)

    assert isinstance(error, SourceRejected)
    assert error.refusals == (Refusal(RefusalCode.NOT_FOUND, "no such ticket", (), "hub"),)


async def test_a_failure_of_the_transport_passes_as_it_is() -> None:
    failure = SourceTimeout("hub", sent=False)
    wire = _Wire(failure)

    with pytest.raises(SourceTimeout) as raised:
        await _rest(wire).send(_WRITE)

    assert raised.value is failure
    assert len(wire.calls) == 1


# -- throttling


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Wed, 04 Mar 2026 05:06:37 GMT", 30.0),
        ("Wed, 04 Mar 2026 06:06:37 +0100", 30.0),
        ("Wednesday, 04-Mar-26 05:06:37 GMT", 30.0),
        ("Wed, 04 Mar 2026 05:06:00 GMT", 0.0),
        ("Wed, 04 Mar 2026 05:06:37 -0000", None),
        ("Wed, 04 Mar 2026 05:06:37", None),
        ("Wed, 99 Mar 2026 05:06:37 GMT", None),
        ("Wed, 04 Mar 99999999999999999999 05:06:37 GMT", None),
        ("Wed, 04 Mar 2026 05:06:37 +99999999999999999999", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("\u00b2", None),
        (None, None),
    ],
)
async def test_how_long_a_throttling_source_wants_to_be_left_alone(
    header: str | None, seconds: float | None
) -> None:
    headers = {} if header is None else {"retry-after": header}
    error = await _failure(Reply(429, headers, b""), _READ)

    assert isinstance(error, SourceThrottled)
    assert error.retry_after_s == seconds


# -- records that aren't there


async def test_a_record_that_is_not_there_is_nothing() -> None:
    assert await _rest(_Wire(_reply(404))).find(_READ) is None


async def test_a_source_may_have_other_statuses_for_what_is_not_there() -> None:
    missing = frozenset({400, 410})

    assert await _rest(_Wire(_reply(400))).find(_READ, missing=missing) is None
    assert await _rest(_Wire(_reply(410))).find(_READ, missing=missing) is None
    with pytest.raises(SourceRejected):
        await _rest(_Wire(_reply(404))).find(_READ, missing=missing)


@pytest.mark.parametrize(("status", "kind"), [(500, SourceUnavailable), (401, SourceAuthError)])
async def test_a_failure_to_look_is_no_absence(status: int, kind: type[SourceError]) -> None:
    with pytest.raises(kind):
        await _rest(_Wire(_reply(status))).find(_READ)


# -- where an answer comes from


@pytest.mark.parametrize(
    ("reply", "fetched"),
    [
        (_reply(200), Fetched(_NOW)),
        (None, Fetched(_NOW)),
        (Reply(200, {}, b"", age_s=0.0), Fetched(_NOW, OriginKind.CACHE)),
        (Reply(200, {}, b"", age_s=7.5), Fetched(_NOW - timedelta(seconds=7.5), OriginKind.CACHE)),
        (
            Reply(200, {}, b"", age_s=61.0, stale=True),
            Fetched(_NOW - timedelta(seconds=61), OriginKind.CACHE, stale=True),
        ),
    ],
)
def test_an_answer_says_when_it_was_asked_for_and_whether_it_was_kept(
    reply: Reply | None, fetched: Fetched
) -> None:
    assert _rest(_Wire()).fetched(reply) == fetched


# -- decoding


class _Kind(Enum):
    MAIL = "mail"


class _Item(msgspec.Struct):
    id: Annotated[int, msgspec.Meta(ge=1)]
    kind: _Kind = _Kind.MAIL
    word: Literal["a", "b"] = "a"
    short: Annotated[str, msgspec.Meta(max_length=3, pattern="^[a-z]*$")] = ""
    day: date | None = None
    at: datetime | None = None
    price: Decimal | None = None
    guid: UUID | None = None
    tags: Mapping[str, int] = msgspec.field(default_factory=dict)
    numbers: Mapping[int, int] = msgspec.field(default_factory=dict)


class _Page(msgspec.Struct):
    items: list[_Item]


def _decode(body: bytes, into: type[Any] = _Page) -> Any:
    return _rest(_Wire()).decode(_reply(200, body), into)


def test_a_body_becomes_what_the_wire_says_and_unknown_fields_are_left() -> None:
    body = b'{"items": [{"id": 1, "new": [1]}, {"id": "2"}], "more": null}'

    assert _decode(body) == _Page([_Item(1), _Item(2)])


@pytest.mark.parametrize(
    ("body", "path", "detail"),
    [
        (b'"secret"', "$", "Expected `object`, got `str` at $"),
        (b"[]", "$", "Expected `object`, got `array` at $"),
        (b"{}", "$", "Object missing required field `items` at $"),
        (b'{"items": "secret"}', "$.items", "Expected `array`, got `str` at $.items"),
        (
            b'{"items": [{"id": 1}, {}]}',
            "$.items[1]",
            "Object missing required field `id` at $.items[1]",
        ),
        (
            b'{"items": [{"id": "secret"}]}',
            "$.items[0].id",
            "Expected `int`, got `str` at $.items[0].id",
        ),
        (b'{"items": [{"id": 0}]}', "$.items[0].id", "Expected `int` >= 1 at $.items[0].id"),
        (
            b'{"items": [{"id": 1, "kind": "secret"}]}',
            "$.items[0].kind",
            "Invalid enum value at $.items[0].kind",
        ),
        (
            b'{"items": [{"id": 1, "kind": "a - at `secret"}]}',
            "$.items[0].kind",
            "Invalid enum value at $.items[0].kind",
        ),
        (
            b'{"items": [{"id": 1, "word": "secret"}]}',
            "$.items[0].word",
            "Invalid enum value at $.items[0].word",
        ),
        (
            b'{"items": [{"id": 1, "short": "secret"}]}',
            "$.items[0].short",
            "Expected `str` of length <= 3 at $.items[0].short",
        ),
        (
            b'{"items": [{"id": 1, "tags": {"secret": "x"}}]}',
            "$.items[0].tags[...]",
            "Expected `int`, got `str` at $.items[0].tags[...]",
        ),
        (
            b'{"items": [{"id": 1, "numbers": {"secret": 1}}]}',
            "key in $.items[0].numbers",
            "Expected `int`, got `str` at key in $.items[0].numbers",
        ),
        (b'{"items": [{"id": 1, "day": "secret"}]}', "$.items[0].day", None),
        (b'{"items": [{"id": 1, "at": "secret"}]}', "$.items[0].at", None),
        (b'{"items": [{"id": 1, "at": 1e300}]}', "$.items[0].at", None),
        (b'{"items": [{"id": 1, "price": "secret"}]}', "$.items[0].price", None),
        (b'{"items": [{"id": 1, "guid": "secret"}]}', "$.items[0].guid", None),
        (b'{"items": [{"id": ' + b"9" * 5_000 + b"}]}", "$.items[0].id", None),
        (b'{"items": [{"id": "' + b"9" * 5_000 + b'"}]}', "$.items[0].id", None),
        (b"", "$", "not JSON at $"),
        (b"<html>secret</html>", "$", "not JSON at $"),
        (b'{"items": [{"id": 1}', "$", "not JSON at $"),
        (b'{"items": []} secret', "$", "not JSON at $"),
        (b"\xff\xfe", "$", "not JSON at $"),
        (b'{"items": [], "more": ' + b"[" * 200_000, "$", "not JSON at $"),
    ],
)
def test_a_broken_contract_is_told_by_its_place_and_never_by_its_content(
    body: bytes, path: str, detail: str | None
) -> None:
    with pytest.raises(SourceProtocolError) as raised:
        _decode(body)

    error = raised.value
    assert error.json_path == path
    assert detail is None or error.detail == detail
    assert error.detail.endswith(f" at {path}")
    assert "secret" not in f"{error} {error!r} {vars(error)}"
    assert "999" not in str(error)


@pytest.mark.parametrize("body", [b'"\xff secret"', b'["secret", "\xc3"]'])
def test_text_that_is_not_utf_8_is_not_json(body: bytes) -> None:
    with pytest.raises(SourceProtocolError) as raised:
        _decode(body, list[str] | str)  # type: ignore[arg-type]

    assert (raised.value.detail, raised.value.json_path) == ("not JSON at $", "$")


# -- several reads at once


def _refs(*names: str) -> list[Ref]:
    return [Ref(EntityType.TICKET, "hub", (name,)) for name in names]


async def test_each_keeps_the_order_whichever_read_ends_first() -> None:
    later = {name: asyncio.Event() for name in "abc"}
    begun: list[str] = []

    async def read(ref: Ref) -> str:
        [name] = ref.parts
        begun.append(name)
        if name == "c":
            later["b"].set()
        await later[name].wait()
        if name == "b":
            later["a"].set()
        return name.upper()

    later["c"].set()

    assert await each(read, _refs("a", "b", "c")) == ["A", "B", "C"]
    assert begun == ["a", "b", "c"], "all at once"


async def test_a_failing_read_fills_its_own_slot() -> None:
    failure = SourceUnavailable("hub")

    async def read(ref: Ref) -> str | None:
        [name] = ref.parts
        if name == "bad":
            raise failure
        return None if name == "gone" else name

    assert await each(read, _refs("a", "bad", "gone", "a")) == ["a", failure, None, "a"]


async def test_a_fault_of_ours_is_not_taken_for_a_sources() -> None:
    async def read(ref: Ref) -> str:
        raise LookupError(ref.parts[0])

    with pytest.raises(LookupError):
        await each(read, _refs("a"))


async def test_nothing_to_read_is_nothing() -> None:
    async def read(ref: Ref) -> str:
        raise LookupError(ref.parts[0])

    assert await each(read, []) == []

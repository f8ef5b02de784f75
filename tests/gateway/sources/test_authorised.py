"""Credentials on calls: the gateway's own, renewed where they can be, and those that callers forward."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.domain.callers import Credential, calling_with
from gateway.domain.deadline import Deadline, current_deadline, within
from gateway.domain.errors import NotForwarded, SourceAuthError, SourceUnavailable
from gateway.resilience.callers import CallersCredential
from gateway.sources.auth import Auth, FixedCredential, NobodysCredential, Session, SessionToken, in_header
from gateway.sources.authorised import Authorised, authorised
from gateway.sources.registry import SPECS
from gateway.sources.rest import Rest
from gateway.sources.spec import SourceContext
from gateway.transport import Call, Reply

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
READ = Call("read case", "GET", "case", safe=True)
WRITE = Call("reply", "POST", "reply", safe=False, body=b"{}")
UNAUTHORIZED = Reply(401, {}, b"")
GOOD = Reply(200, {}, b"{}")

either = pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])


class Wire:
    """A transport with its replies at hand, the last one for ever; it keeps the calls."""

    def __init__(self, *replies: Reply) -> None:
        self._replies = replies
        self.calls: list[Call] = []
        self.is_closed = False

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        # Others get their turn, as on a socket.
        await asyncio.sleep(0)
        return self._replies[min(len(self.calls), len(self._replies)) - 1]

    async def close(self) -> None:
        self.is_closed = True

    @property
    def credentials(self) -> list[str]:
        return [call.headers["x-token"] for call in self.calls]


class Renewing:
    """Credentials that are numbered anew whenever one is refused; it counts who asked."""

    def __init__(self) -> None:
        self._number = 1
        self.asked = 0

    async def credential(self) -> str:
        self.asked += 1
        return f"token {self._number}"

    def refused(self, credential: str) -> bool:
        assert credential == f"token {self._number}"
        self._number += 1
        return True


def layer(
    wire: Wire, auth: Auth | None = None, *, is_log_in_refused: Callable[[Reply], bool] = lambda _: True
) -> Authorised:
    return Authorised(
        wire, put=in_header("x-token"), auth=auth or Renewing(), is_log_in_refused=is_log_in_refused
    )


def rest(authorised: Authorised) -> Rest:
    return Rest("hub", authorised, clock=lambda: NOW, explain=lambda _: ())


async def uploaded() -> AsyncIterator[bytes]:
    yield b"file"


class TestTheGatewaysOwn:
    @either
    async def test_a_call_carries_it_and_is_else_as_it_was(self, call: Call) -> None:
        wire = Wire(GOOD)

        assert await layer(wire).send(call) is GOOD
        assert wire.credentials == ["token 1"]
        (sent,) = wire.calls
        assert (sent.operation, sent.method, sent.path, sent.safe, sent.body) == (
            call.operation,
            call.method,
            call.path,
            call.safe,
            call.body,
        )

    @either
    async def test_a_refused_one_is_renewed_and_the_call_sent_once_more(self, call: Call) -> None:
        wire = Wire(UNAUTHORIZED, GOOD)

        assert await layer(wire).send(call) is GOOD
        assert wire.credentials == ["token 1", "token 2"]
        assert {each.body for each in wire.calls} == {call.body}

    @either
    async def test_a_call_is_sent_twice_at_most(self, call: Call) -> None:
        wire = Wire(UNAUTHORIZED)

        with pytest.raises(SourceAuthError) as raised:
            await rest(layer(wire)).send(call)

        assert (raised.value.source, raised.value.detail, raised.value.sent) == (
            "hub",
            f"{call.operation}: 401",
            True,
        )
        assert wire.credentials == ["token 1", "token 2"]

    async def test_one_refused_twice_is_not_used_for_the_next_call(self) -> None:
        wire = Wire(UNAUTHORIZED, UNAUTHORIZED, GOOD)
        own = layer(wire)

        assert await own.send(READ) is UNAUTHORIZED
        assert await own.send(READ) is GOOD
        assert wire.credentials == ["token 1", "token 2", "token 3"]

    @pytest.mark.parametrize("status", [200, 403, 404, 503])
    async def test_the_second_answer_counts_whatever_it_is(self, status: int) -> None:
        second = Reply(status, {}, b"")

        assert await layer(Wire(UNAUTHORIZED, second)).send(WRITE) is second

    async def test_a_record_that_is_not_there_is_none_after_a_renewal_too(self) -> None:
        missing = Reply(404, {}, b"")

        assert await rest(layer(Wire(UNAUTHORIZED, missing))).find(READ) is None
        assert await rest(layer(Wire(UNAUTHORIZED, GOOD))).find(READ) is GOOD

    async def test_a_fixed_one_is_not_tried_again(self) -> None:
        wire = Wire(UNAUTHORIZED, GOOD)

        with pytest.raises(SourceAuthError):
            await rest(layer(wire, FixedCredential("the only one"))).send(WRITE)

        assert wire.credentials == ["the only one"]

    async def test_a_streamed_body_is_never_sent_again_as_it_is_used_up(self) -> None:
        wire = Wire(UNAUTHORIZED, GOOD)
        own = layer(wire)

        with pytest.raises(SourceAuthError):
            await rest(own).send(Call("upload", "POST", "files", safe=False, body=uploaded()))

        assert wire.credentials == ["token 1"]
        # The next upload gets a fresh one all the same.
        assert await own.send(Call("upload", "POST", "files", safe=False, body=uploaded())) is GOOD
        assert wire.credentials == ["token 1", "token 2"]

    async def test_a_401_that_is_not_about_the_log_in_renews_nothing(self) -> None:
        wire = Wire(Reply(401, {}, b"not yours"), GOOD)

        with pytest.raises(SourceAuthError):
            await rest(layer(wire, is_log_in_refused=lambda reply: reply.body == b"log in")).send(READ)

        assert wire.credentials == ["token 1"]

    @pytest.mark.parametrize("status", [400, 403, 429, 500])
    async def test_no_other_status_renews_it(self, status: int) -> None:
        wire = Wire(Reply(status, {}, b""), GOOD)

        assert (await layer(wire).send(WRITE)).status == status
        assert wire.credentials == ["token 1"]

    @either
    async def test_a_call_whose_log_in_failed_was_not_sent(self, call: Call) -> None:
        async def log_in() -> SessionToken:
            raise SourceUnavailable("hub", sent=True)

        wire = Wire(GOOD)

        with pytest.raises(SourceUnavailable) as raised:
            await rest(layer(wire, Session(log_in, clock=lambda: NOW))).send(call)

        assert raised.value.sent is False
        assert wire.calls == []

    async def test_a_renewal_that_fails_says_that_the_write_was_not_done(self) -> None:
        """A 401 means that no work was done, and the second time it was not sent."""
        log_ins = 0

        async def log_in() -> SessionToken:
            nonlocal log_ins
            log_ins += 1
            if log_ins > 1:
                raise SourceUnavailable("hub", sent=True)
            return SessionToken("first", None)

        wire = Wire(UNAUTHORIZED, GOOD)

        with pytest.raises(SourceUnavailable) as raised:
            await rest(layer(wire, Session(log_in, clock=lambda: NOW))).send(WRITE)

        assert raised.value.sent is False
        assert wire.credentials == ["first"]

    async def test_closing_it_closes_what_is_inside(self) -> None:
        wire = Wire(GOOD)
        await layer(wire).close()
        assert wire.is_closed


def under(secret: str, call: Call = READ) -> Call:
    """The call on behalf of a caller."""
    return replace(call, credential=Credential(f"id of {secret}", secret))


class TestACallersOwn:
    @either
    async def test_it_is_used_in_place_of_the_gateways(self, call: Call) -> None:
        wire, auth = Wire(GOOD), Renewing()

        assert await layer(wire, auth).send(under("ann's", call)) is GOOD
        assert wire.credentials == ["ann's"]
        assert auth.asked == 0, "not even a log-in"

    @either
    async def test_it_is_never_renewed_nor_the_gateways_taken_for_it(self, call: Call) -> None:
        wire, auth = Wire(UNAUTHORIZED, GOOD), Renewing()
        own = layer(wire, auth)

        with pytest.raises(SourceAuthError):
            await rest(own).send(under("ann's", call))

        assert wire.credentials == ["ann's"]
        assert auth.asked == 0
        # Nor is the gateway's taken for refused.
        await own.send(READ)
        assert wire.credentials == ["ann's", "token 1"]

    async def test_calls_at_once_carry_each_their_own(self) -> None:
        wire = Wire(GOOD)
        own = layer(wire)
        callers = [f"caller {number}" for number in range(20)]

        await asyncio.gather(*(own.send(under(each)) for each in callers), own.send(READ))

        assert wire.credentials == [*callers, "token 1"]
        assert [call.credential and call.credential.id for call in wire.calls] == [
            *(f"id of {each}" for each in callers),
            None,
        ]

    async def test_requests_at_once_forward_each_their_own(self) -> None:
        wire = Wire(GOOD)
        forwarding = CallersCredential(layer(wire, NobodysCredential("hub")), source="hub")

        async def request(secret: str) -> None:
            with calling_with({"hub": Credential(f"id of {secret}", secret)}):
                for path in ("first", "second", "third"):
                    await forwarding.send(Call(secret, "GET", path, safe=True))

        await asyncio.gather(*(request(f"caller {number}") for number in range(20)))

        assert len(wire.calls) == 60
        assert [call.headers["x-token"] for call in wire.calls] == [call.operation for call in wire.calls]

    async def test_it_shows_nowhere(self) -> None:
        wire, call = Wire(GOOD), replace(READ, credential=Credential("ann", "geheim"))
        await layer(wire).send(call)
        assert "geheim" not in repr((call, wire.calls))

    @either
    async def test_without_one_nothing_is_sent(self, call: Call) -> None:
        wire = Wire(GOOD)

        with pytest.raises(NotForwarded) as raised:
            await rest(layer(wire, NobodysCredential("hub"))).send(call)

        assert (raised.value.source, raised.value.sent) == ("hub", False)
        assert wire.calls == []


STATIC: dict[str, dict[str, Any]] = {
    "tulo": {"client_id": "gateway", "client_secret": "own-secret"},
    "service_order_hub": {"token": "own-secret"},
    "netevia": {"token": "own-secret"},
    "telecomx": {"username": "gateway@desk.example", "password": "own-secret"},
    "thulium": {"api_user": "gateway", "api_password": "own-secret"},
}
FORWARDED = {"credentials": "forward", "forward_header": "x-desk-token"}
# What each kind is sent with: where, and how it is written there.
PLACES: list[tuple[str, dict[str, Any], dict[str, str], tuple[tuple[str, str], ...]]] = [
    ("tulo", {}, {"authorization": "Bearer {}"}, ()),
    ("service_order_hub", {}, {"x-hub-api-token": "{}"}, ()),
    ("service_order_hub", {"credential_in": "query"}, {}, (("accessToken", "{}"),)),
    ("netevia", {}, {"authorization": "Bearer {}"}, ()),
    ("telecomx", {}, {}, (("token", "{}"),)),
    ("thulium", {}, {"authorization": "Basic {}"}, ()),
]


def of_kind(kind: str, wire: Any, **settings: Any) -> Authorised:
    spec = SPECS[kind]
    given = {"kind": kind, "base_url": "https://desk.example/api", **settings}
    assert list(spec.settings.credential_problems(given)) == []
    context = SourceContext("desk", spec.settings.model_validate(given), wire, lambda: NOW)
    return authorised(spec, context)


class TestEachKind:
    def test_the_table_has_all_of_them(self) -> None:
        assert {kind for kind, *_ in PLACES} == set(STATIC) == set(SPECS)

    @pytest.mark.parametrize(("kind", "settings", "headers", "query"), PLACES)
    async def test_a_forwarded_credential_goes_where_the_source_wants_it_and_nowhere_else(
        self,
        kind: str,
        settings: dict[str, Any],
        headers: dict[str, str],
        query: tuple[tuple[str, str], ...],
    ) -> None:
        wire = Wire(GOOD)

        await of_kind(kind, wire, **settings, **FORWARDED).send(under("given"))

        (sent,) = wire.calls
        assert sent.headers == {name: form.format("given") for name, form in headers.items()}
        assert sent.query == tuple((name, form.format("given")) for name, form in query)

    @pytest.mark.parametrize(("kind", "settings", "headers", "query"), PLACES)
    async def test_a_forwarding_source_has_no_credential_of_the_gateway(
        self,
        kind: str,
        settings: dict[str, Any],
        headers: dict[str, str],  # noqa: ARG002 - of the same table
        query: tuple[tuple[str, str], ...],  # noqa: ARG002
    ) -> None:
        wire = Wire(GOOD)

        with pytest.raises(NotForwarded):
            await of_kind(kind, wire, **settings, **FORWARDED).send(READ)

        assert wire.calls == []

    @pytest.mark.parametrize(
        ("kind", "headers", "query"),
        [
            ("service_order_hub", {"x-hub-api-token": "own-secret"}, ()),
            ("netevia", {"authorization": "Bearer own-secret"}, ()),
            ("thulium", {"authorization": "Basic Z2F0ZXdheTpvd24tc2VjcmV0"}, ()),
        ],
    )
    async def test_a_fixed_one_of_the_gateway_goes_to_the_same_place(
        self, kind: str, headers: dict[str, str], query: tuple[tuple[str, str], ...]
    ) -> None:
        wire = Wire(GOOD)

        await of_kind(kind, wire, **STATIC[kind]).send(READ)

        (sent,) = wire.calls
        assert (sent.headers, sent.query) == (headers, query)

    @pytest.mark.parametrize(
        ("kind", "granted", "headers", "query"),
        [
            ("tulo", b'{"access_token": "t"}', {"authorization": "Bearer t"}, ()),
            ("telecomx", b'{"token": "t"}', {}, (("token", "t"),)),
        ],
    )
    async def test_a_log_in_is_nobodys_it_has_no_deadline_and_goes_past_the_layer(
        self, kind: str, granted: bytes, headers: dict[str, str], query: tuple[tuple[str, str], ...]
    ) -> None:
        seen: list[Deadline | None] = []

        class Watching(Wire):
            async def send(self, call: Call) -> Reply:
                seen.append(current_deadline())
                return await super().send(call)

        wire, deadline = Watching(Reply(200, {}, granted), GOOD), Deadline.after(60.0)

        with within(deadline):
            await of_kind(kind, wire, **STATIC[kind]).send(READ)

        log_in, sent = wire.calls
        assert seen == [None, deadline]
        assert "authorization" not in log_in.headers
        assert log_in.query == ()
        assert (sent.headers, sent.query) == (headers, query)

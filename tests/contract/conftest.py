"""One suite over all sources that are registered: what it needs to know of each stands in `SAMPLES`."""

import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import pytest

from gateway.commands.dev import sandbox_sources
from gateway.domain.catalog import Source
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import (
    AccountFilter,
    AccountKey,
    CaseFilter,
    ConversationFilter,
    MessageReader,
    SubscriptionFilter,
    TemplateReader,
)
from gateway.domain.records import (
    AccountKind,
    Channel,
    Conversation,
    ConversationState,
    Message,
)
from gateway.domain.writes import (
    Attempt,
    Confirmation,
    NewCaseMessage,
    NewNotificationSubscription,
    NewTicket,
    NotificationSubscriptionChanges,
    Removal,
    Reply,
    TicketChanges,
    WriteInput,
)
from gateway.sandbox import Running, Sandbox, Service
from gateway.sandbox.arrivals import Arrival
from gateway.sources.registry import SOURCES, SPECS
from gateway.sources.spec import SourceContext, SourceSpec
from gateway.transport import Call, Transport
from gateway.transport import Reply as HttpReply
from gateway.transport.httpx import HttpxOptions, HttpxTransport
from tests.contract.ability import Filter, Upload, Write, feeds, inside, prepare
from tests.sources import Hands, connected

NOW = datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)
KEY = "one"

Refs = dict[EntityType, tuple[Ref, ...]]


def ref(entity: EntityType, *parts: str) -> Ref:
    """A reference of the source under test."""
    return Ref(entity, KEY, parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the suite can't find out by itself about one kind of source.

    Attributes:
        capabilities: What it is for.
        lists: Filters under which it lists something in the sandbox.
        known: Records that are there but in none of these lists.
        absent: References of its form to records that aren't there; some of each type that is read.
        keys: By which an account is found.
        writes: One of each that it can do, made of the references found in the lists.
        log_in: Path of the call that fetches a token, where there is one.
        settings: On top of the sandbox's, as it needs them to be able to do all that it can.
        carried: The credential on a request, where it belongs; None where it isn't there.
        unproven: Types of writes that may have landed although they are not seen.
        unseen: Why no write of it can be looked for; None if each can.
    """

    capabilities: str
    lists: tuple[Filter, ...]
    known: tuple[Ref, ...] = ()
    absent: tuple[Ref, ...]
    keys: tuple[AccountKey, ...] = ()
    writes: Callable[[Refs], tuple[Write, ...]]
    carried: Callable[[Arrival], str | None]
    log_in: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    unproven: frozenset[type] = frozenset()
    unseen: str | None = None


def in_header(name: str, prefix: str = "") -> Callable[[Arrival], str | None]:
    """Reads a credential out of a header."""

    def carried(arrival: Arrival) -> str | None:
        value = arrival.headers.get(name)
        return value.removeprefix(prefix) if value is not None and value.startswith(prefix) else None

    return carried


def in_query(name: str) -> Callable[[Arrival], str | None]:
    """Reads a credential out of the query."""
    return lambda arrival: dict(parse_qsl(arrival.query)).get(name)


_READER = ref(EntityType.ACCOUNT, "SUBSCRIBER", "66d986b4ad659dea5ceb9b62")
_HUB_CASE = ref(EntityType.CASE, "1e0abcb7-b94c-4072-a9c0-37072a1ef015")
_RESELLER = ref(EntityType.ACCOUNT, "RESELLER", "1234567890ABCDEF12345678")
_NO_ID = "0" * 24

SAMPLES: Mapping[str, Sample] = {
    "tulo": Sample(
        capabilities="READ_ACCOUNT FIND_ACCOUNT READ_TICKET LIST_TICKETS READ_MESSAGES READ_TEMPLATES "
        "CREATE_TICKET READ_SUBSCRIPTIONS LIST_SUBSCRIPTIONS",
        lists=(ConversationFilter(account=_READER), SubscriptionFilter(account=_READER)),
        known=(_READER,),
        absent=(
            ref(EntityType.ACCOUNT, "SUBSCRIBER", _NO_ID),
            ref(EntityType.TICKET, _READER.parts[1], _NO_ID),
            ref(EntityType.TICKET, _NO_ID, _NO_ID),
            ref(EntityType.PRODUCT_SUBSCRIPTION, _READER.parts[1], _NO_ID),
        ),
        keys=(AccountKey("nativeId", _READER.parts[1]), AccountKey("externalId", "crm=C-1000")),
        writes=lambda _: (NewTicket(requester=_READER, subject="Vacation", body="Please stop."),),
        carried=in_header("authorization", "Bearer "),
        log_in="api/authorization/access_token",
        # Once they are resolved, no list shows them.
        unproven=frozenset({NewTicket}),
    ),
    "service_order_hub": Sample(
        capabilities="READ_ACCOUNT FIND_ACCOUNT READ_CASE LIST_CASES SEARCH READ_MESSAGES CREATE_CASE_MESSAGE "
        "REPLY CONFIRM",
        lists=(
            CaseFilter(),
            CaseFilter(status=(ConversationState.OPEN, ConversationState.ON_HOLD)),
            ConversationFilter(search="R-500"),
        ),
        known=(
            ref(EntityType.ACCOUNT, "PARTNER", "12"),
            ref(EntityType.ACCOUNT, "PROVIDER", "4"),
            ref(EntityType.ACCOUNT, "DEPARTMENT", "101"),
        ),
        absent=(
            ref(EntityType.CASE, "00000000-0000-4000-8000-000000000000"),
            ref(EntityType.ACCOUNT, "PARTNER", "9999"),
        ),
        keys=(AccountKey("nativeId", "12"),),
        writes=lambda _: (
            Reply(conversation=_HUB_CASE, body="Thanks."),
            Reply(conversation=_HUB_CASE, body="Thanks.", external_id="order-77"),
            NewCaseMessage(case=_HUB_CASE, kind="reminder"),
            NewCaseMessage(case=_HUB_CASE, kind="reminder", external_id="order-77"),
            Confirmation(
                messages=tuple(ref(EntityType.MESSAGE, *_HUB_CASE.parts, number) for number in ("1", "2"))
            ),
        ),
        carried=in_header("x-hub-api-token"),
    ),
    "netevia": Sample(
        capabilities="READ_ACCOUNT LIST_ACCOUNTS REPLY",
        lists=(AccountFilter(),),
        known=(ref(EntityType.TICKET, "123456"), ref(EntityType.MESSAGE, "123456", "987654")),
        absent=(ref(EntityType.ACCOUNT, "LINKED_USER", "999999"),),
        writes=lambda _: (Reply(conversation=ref(EntityType.TICKET, "123456"), body="Thanks."),),
        carried=in_header("authorization", "Bearer "),
        unseen="Its only endpoint for tickets takes messages. Nothing reads them back.",
    ),
    "telecomx": Sample(
        capabilities="READ_ACCOUNT FIND_ACCOUNT LIST_ACCOUNTS SEARCH READ_TICKET LIST_TICKETS READ_MESSAGES "
        "CHANGE_STATUS READ_SUBSCRIPTIONS LIST_SUBSCRIPTIONS READ_SUBSCRIBERS CREATE_SUBSCRIPTION "
        "UPDATE_SUBSCRIPTION DELETE_SUBSCRIPTION",
        lists=(
            AccountFilter(),
            AccountFilter(kind=AccountKind.EMPLOYEE),
            ConversationFilter(),
            ConversationFilter(search="a"),
            ConversationFilter(status=(ConversationState.NEW,)),
            SubscriptionFilter(),
            SubscriptionFilter(is_global=True),
        ),
        known=(_RESELLER,),
        absent=(
            ref(EntityType.ACCOUNT, "CUSTOMER", _NO_ID),
            ref(EntityType.ACCOUNT, "EMPLOYEE", _NO_ID),
            ref(EntityType.TICKET, "65a0f1c2d3e4b5a697880031", "AAQkNone=", _NO_ID),
            ref(EntityType.TICKET, _NO_ID, "AAQkNone=", _NO_ID),
            ref(EntityType.NOTIFICATION_SUBSCRIPTION, _NO_ID),
        ),
        keys=(AccountKey("nativeId", _RESELLER.parts[1], AccountKind.RESELLER),),
        writes=lambda refs: (
            TicketChanges(ticket=refs[EntityType.TICKET][0], status_native="CLOSED"),
            NewNotificationSubscription(reseller=_RESELLER, title="Outages", channels=(Channel.SMS,)),
            NotificationSubscriptionChanges(
                subscription=refs[EntityType.NOTIFICATION_SUBSCRIPTION][0], title="Outages"
            ),
            Removal(subscription=refs[EntityType.NOTIFICATION_SUBSCRIPTION][0]),
        ),
        carried=in_query("token"),
        log_in="auth/login",
    ),
    "thulium": Sample(
        capabilities="READ_ACCOUNT FIND_ACCOUNT LIST_ACCOUNTS READ_TICKET LIST_TICKETS READ_MESSAGES "
        "CREATE_TICKET REPLY ATTACH CHANGE_STATUS",
        lists=(
            AccountFilter(),
            ConversationFilter(),
            ConversationFilter(status=(ConversationState.NEW, ConversationState.CLOSED)),
        ),
        absent=(
            ref(EntityType.ACCOUNT, "CUSTOMER", "99999999"),
            ref(EntityType.ACCOUNT, "COMPANY", "99999999"),
            ref(EntityType.ACCOUNT, "AGENT", "nobody"),
            ref(EntityType.TICKET, "99999999"),
        ),
        keys=(
            AccountKey("nativeId", "40101"),
            AccountKey("login", "testowy.agent11"),
            AccountKey("email", "ewa.zielinski0@klient.example"),
            AccountKey("externalId", "ERP-5500"),
        ),
        writes=lambda refs: (
            Reply(conversation=ref(EntityType.TICKET, "1234"), body="Dziękujemy."),
            NewTicket(
                requester=ref(EntityType.ACCOUNT, "CUSTOMER", "40101"), subject="Zwrot", body="Proszę."
            ),
            NewTicket(requester_email="ewa@klient.example", subject="Zwrot", body="Proszę."),
            TicketChanges(ticket=refs[EntityType.TICKET][0], status_native="6"),
            Upload("paragon.pdf", b"%PDF"),
        ),
        carried=in_header("authorization", "Basic "),
        settings={"reference_field": "gateway_ref"},
    ),
}

# The settings that hold credentials of the gateway's own.
_OWN = frozenset({"token", "client_id", "client_secret", "username", "password", "api_user", "api_password"})
_LOG_INS = {sample.log_in for sample in SAMPLES.values()}


def is_log_in(call: Call) -> bool:
    """Whether a call fetches a token."""
    return call.path in _LOG_INS


def is_write(call: Call) -> bool:
    """Whether a call changes something at the source that people would notice."""
    return not call.safe and not is_log_in(call)


class Fork:
    """Transports as one: some calls go elsewhere. It remembers them all."""

    def __init__(self, usual: Transport, elsewhere: Transport, *, diverted: Callable[[Call], bool]) -> None:
        self._usual = usual
        self._elsewhere = elsewhere
        self._diverted = diverted
        self.calls: list[Call] = []

    async def send(self, call: Call) -> HttpReply:
        self.calls.append(call)
        return await (self._elsewhere if self._diverted(call) else self._usual).send(call)

    async def close(self) -> None:
        pass


@dataclass(slots=True)
class Found:
    """What one kind of source shows of itself in the sandbox; `attempts` are those of its lookable writes."""

    lists: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    messages: dict[Ref, tuple[Message, ...]] = field(default_factory=dict)
    templates: tuple[Any, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    @property
    def records(self) -> tuple[Any, ...]:
        """Every record that was given out."""
        listed = (record for page in self.lists.values() for record in page)
        return (*listed, *(each for all_of in self.messages.values() for each in all_of), *self.templates)


def by_type(refs: Iterable[Ref]) -> Refs:
    """Each reference once, by what it refers to."""
    sorted_out: dict[EntityType, dict[Ref, None]] = {}
    for each in refs:
        sorted_out.setdefault(each.type, {})[each] = None
    return {entity: tuple(of_type) for entity, of_type in sorted_out.items()}


class Bench:
    """One kind of source over the sandbox's sockets."""

    def __init__(
        self, spec: SourceSpec[Any], sandbox: Sandbox, hands: Hands, running: Running, stack: AsyncExitStack
    ) -> None:
        self.spec = spec
        self.sample = SAMPLES[spec.kind]
        self.sandbox = sandbox
        self.hands = hands
        self.running = running
        self._stack = stack
        self.found = Found()

    @property
    def service(self) -> Service:
        """What stands at the other end."""
        return self.sandbox.services[self.spec.kind]

    @cached_property
    def refs(self) -> Refs:
        """The records that there are, by type."""
        return by_type((*self.sample.known, *(record.ref for record in self.found.records)))

    @cached_property
    def mentioned(self) -> Refs:
        """Every reference that was given out, those inside of records too."""
        within = (each for record in self.found.records for each in inside(record) if isinstance(each, Ref))
        return by_type((*self.sample.known, *within))

    @property
    def writes(self) -> tuple[Write, ...]:
        """One of each write."""
        return self.sample.writes(self.refs)

    @property
    def lookable(self) -> tuple[WriteInput, ...]:
        """Those of the writes that can be looked for: all but uploads, which nobody misses."""
        seen = self.sample.unseen is None
        return tuple(each for each in self.writes if seen and not isinstance(each, Upload))

    @property
    def base_url(self) -> str:
        """Where the sandbox answers for it."""
        return self.running.base_urls[self.spec.kind]

    def wire(self, base_url: str | None = None, *, read_timeout_s: float = 10.0) -> Transport:
        """A transport of the real kind, closed with the test; to the sandbox unless told otherwise."""
        options = HttpxOptions(
            base_url=base_url or self.base_url, connect_timeout_s=10.0, read_timeout_s=read_timeout_s
        )
        transport = HttpxTransport(KEY, options)
        self._stack.push_async_callback(transport.close)
        return transport

    def source(self, transport: Transport | None = None, *, key: str = KEY, forwards: bool = False) -> Source:
        """The source as the graph holds it, with a client that has not logged in yet."""
        client = connected(self.spec, self.context(transport, key=key, forwards=forwards))
        return Source(key, self.spec.kind, self.spec.title, self.spec.docs_url, client, self.spec.shapes)

    def context(
        self, transport: Transport | None = None, *, key: str = KEY, forwards: bool = False
    ) -> SourceContext[Any]:
        """What its adapter is handed; with `forwards` the gateway has no credentials of its own."""
        given = {**sandbox_sources(self.sandbox, self.running)[self.spec.kind], **self.sample.settings}
        if forwards:
            given = {name: value for name, value in given.items() if name not in _OWN}
            given |= {"credentials": "forward", "forward_header": "x-desk-token"}
        assert list(self.spec.settings.credential_problems(given)) == []
        settings = self.spec.settings.model_validate(given)
        return SourceContext(key, settings, transport or self.wire(), self.hands)

    def secrets(self) -> set[str]:
        """What nobody may read: credentials, tokens that were in use, and where the source answers."""
        words = {
            value
            for name, value in self.service.credentials.items()
            if any(word in name.lower() for word in ("password", "secret", "token"))
        }
        for each in self.service.arrivals:
            words |= {each.headers.get("authorization", "").rpartition(" ")[2]}
            words |= {pair.partition("=")[2] for pair in each.query.split("&") if "oken=" in pair}
        return {*words, self.base_url.split("/")[2]} - {""}


async def _explore(bench: Bench) -> Found:
    source, found = bench.source(), Found()
    for number, wanted in enumerate(bench.sample.lists):
        for feed in feeds(source, wanted):
            found.lists[f"{number} {feed.key}"] = (await feed.read(0, feed.max_limit)).items
        assert any(items for name, items in found.lists.items() if name.startswith(f"{number} ")), wanted
    if reader := source.port(MessageReader):
        conversations = list(
            dict.fromkeys(record.ref for record in found.records if isinstance(record, Conversation))
        )[:10]
        for of, slot in zip(conversations, await reader.read_messages(conversations), strict=True):
            assert isinstance(slot, tuple), slot
            found.messages[of] = slot
    if templates := source.port(TemplateReader):
        found.templates = await templates.read_templates()
    return found


@pytest.fixture(scope="session")
def shared_hands() -> Hands:
    return Hands(NOW)


@pytest.fixture(scope="session")
def shared_sandbox(shared_hands: Hands) -> Sandbox:
    return Sandbox(now=shared_hands)


@pytest.fixture(scope="module")  # One for the session would hold all other tests to its event loop.
async def running(shared_sandbox: Sandbox) -> AsyncIterator[Running]:
    async with shared_sandbox.serve() as running:
        yield running


@pytest.fixture(scope="session")
def explored() -> dict[str, Found]:
    """What was found by kind: it is the same after each reset."""
    return {}


@pytest.fixture(params=[spec.kind for spec in SOURCES])
async def bench(
    request: pytest.FixtureRequest,
    shared_hands: Hands,
    shared_sandbox: Sandbox,
    running: Running,
    explored: dict[str, Found],
) -> AsyncIterator[Bench]:
    """Each source in turn, over a fresh world."""
    kind = request.param
    shared_hands.moment = NOW
    shared_sandbox.services[kind].reset()
    async with AsyncExitStack() as stack:
        bench = Bench(SPECS[kind], shared_sandbox, shared_hands, running, stack)
        if kind not in explored:
            bench.found = explored[kind] = await _explore(bench)
            source = bench.source()
            bench.found.attempts = tuple([await prepare(source, write, NOW) for write in bench.lookable])
            shared_sandbox.services[kind].reset()
        bench.found = explored[kind]
        yield bench
        await running.start(kind)


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address where nobody listens, and nobody else can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"

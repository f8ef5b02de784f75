"""What callers ask: a mix over the whole graph, with ids, cursors and handles that others were given.

Drawn by a seed from what has been seen so far. The same operation goes to several callers at once: only
what it writes is in each one's own words.
"""

import random
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.ids import EntityType, Ref
from gateway.sandbox.world.telecomx import DOCUMENTED_RESELLER
from tests.identity.cast import Caller, Owner
from tests.identity.documents import ANY, EVENTS, FIELDS, REFUSALS, SLICES, VIEWER, document

RESELLER = Ref(EntityType.ACCOUNT, "telecomx", ("RESELLER", DOCUMENTED_RESELLER)).global_id
# At the one each caller has a credential of their own, at the other the gateway has.
TICKETS = {
    source: Ref(EntityType.TICKET, source, ("123456",)).global_id for source in ("netevia", "shared_bank")
}
_KEPT = 5
# Root field -> its filter's type, its nodes' fields, and the filters.
_LISTS: Mapping[str, tuple[str, str, tuple[Mapping[str, Any] | None, ...]]] = {
    "cases": ("CaseFilter", "...Talk ...Messages", (None, {"search": "a"})),
    "tickets": (
        "TicketFilter",
        "...Talk",
        (None, {"sources": ["thulium"]}, {"sources": ["telecomx", "shared"]}),
    ),
    "conversations": (
        "ConversationFilter",
        "...Talk lastMessage { ...Message }",
        (None, {"sources": ["thulium"]}),
    ),
    "accounts": (
        "AccountFilter",
        "...Account",
        (
            None,
            {"sources": ["netevia"]},
            {"sources": ["netevia", "shared_bank"]},
            {"sources": ["telecomx", "thulium"]},
            {"sources": ["shared", "shared_bank"]},
        ),
    ),
    "subscriptions": ("SubscriptionFilter", "...Topic", (None, {"sources": ["telecomx"]})),
}

Variables = Callable[[Caller], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Handle:
    """An upload's, and whose it is."""

    handle: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class Operation:
    """A document, and what each caller says in it.

    Attributes:
        variables: By whom they come.
        handle: The upload that it names.
        write: The write that it names.
        continues: What its end cursor belongs to: a list and its filter.
    """

    name: str
    document: str
    variables: Variables = field(repr=False)
    handle: Handle | None = None
    write: str | None = None
    continues: str | None = None


@dataclass(slots=True)
class Seen:
    """What answers have shown, whoever got them: all may try it.

    Attributes:
        objects: By type and source, the first few and the latest.
    """

    objects: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    emails: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    cursors: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=4)))
    handles: deque[Handle] = field(default_factory=lambda: deque(maxlen=12))
    keys: deque[str] = field(default_factory=lambda: deque(maxlen=8))

    def add(self, kind: str, source: str, node: str) -> None:
        """Note an object."""
        known = self.objects[kind, source]
        if node not in known:
            known.append(node)
            del known[_KEPT:-_KEPT]

    def of(self, *kinds: str) -> list[str]:
        """The objects of these types."""
        return [node for (kind, _), nodes in self.objects.items() if kind in kinds for node in nodes]


class Mix:
    """Draws operations."""

    def __init__(self, seen: Seen, subscribers: list[str], draw: random.Random) -> None:
        self._seen = seen
        self._draw = draw
        self._drawn = 0
        for each in subscribers:
            seen.add("Account", "tulo", Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", each)).global_id)
        for source, ticket in TICKETS.items():
            seen.add("Ticket", source, ticket)

    def next(self) -> Operation:
        """One more."""
        self._drawn += 1
        ways = {
            self._list: 26,
            self._node: 26,
            self._nodes: 10,
            self._account: 6,
            self._templates: 3,
            self._side_by_side: 8,
            self._writes: 7,
            self._served_by_the_ledger: 5,
            self._events: 2,
            self._reply: 7,
            self._create: 3,
            self._confirm: 1,
            self._reconcile: 3,
            self._attach: 5,
        }
        (way,) = self._draw.choices(list(ways), list(ways.values()))
        return way()

    def look(self, source: str) -> Operation:
        """A list that shows texts of this source."""
        if source == "tulo":
            return self._templates()
        if source == "service_order_hub":
            return _read("cases", "{ found: cases(first: 4) { nodes { ...Talk } } }", {})
        query = f"""query($sources: [String!]) {{ found: accounts(first: 4, filter: {{sources: $sources}}) {{
          nodes {{ ...Account }} {SLICES} }} }}"""
        return _read("accounts", query, {"sources": [source]})

    # -- reads

    def _list(self) -> Operation:
        name = self._draw.choice(list(_LISTS))
        kind, fields, filters = _LISTS[name]
        wanted = self._draw.choice(filters)
        continues = f"{name} {wanted}"
        after = self._one(list(self._seen.cursors[continues])) if self._draw.random() < 0.4 else None
        query = f"""query($filter: {kind}, $after: String) {{
          found: {name}(first: 4, filter: $filter, after: $after) {{
            nodes {{ {fields} }} edges {{ cursor }} pageInfo {{ endCursor }} {SLICES} }} }}"""
        return _read(name, query, {"filter": wanted, "after": after}, continues=continues)

    def _node(self) -> Operation:
        kind = self._draw.choice(list(FIELDS))
        node = self._one(self._seen.of(kind)) or RESELLER
        query = f"query($id: ID!) {{ found: node(id: $id) {{ __typename id {FIELDS[kind]} }} }}"
        named = node if kind == "Write" and node != RESELLER else None
        return _read(f"node {kind}", query, {"id": node}, write=named)

    def _nodes(self) -> Operation:
        known = self._seen.of(*FIELDS, "MessageTemplate")
        ids = self._draw.sample(known, min(4, len(known)))
        return _read("nodes", f"query($ids: [ID!]!) {{ found: nodes(ids: $ids) {{ {ANY} }} }}", {"ids": ids})

    def _account(self) -> Operation:
        """By an address as the caller has been shown it."""
        source = self._draw.choice(("tulo", "thulium"))
        email = self._one(self._seen.emails[source]) or "nobody@example.com"
        query = "query($key: AccountLookup!) { found: account(lookup: $key) { ...Account ...Below } }"

        def variables(caller: Caller) -> dict[str, Any]:
            return {"key": {"source": source, "email": f"{caller.accesses[source].word('a')}.{email}"}}

        return Operation("account by email", document(query), variables)

    def _templates(self) -> Operation:
        return _read("messageTemplates", '{ found: messageTemplates(source: "tulo") { ...Template } }', {})

    def _side_by_side(self) -> Operation:
        kinds = {"a": "Account", "b": "Case", "c": "Ticket", "d": "Ticket"}
        ids = {name: self._one(self._seen.of(kind)) or RESELLER for name, kind in kinds.items()}
        arguments = ", ".join(f"${name}: ID!" for name in kinds)
        fields = " ".join(f"{name}: node(id: ${name}) {{ {ANY} }}" for name in kinds)
        people = f"people: accounts(first: 2) {{ nodes {{ ...Account }} {SLICES} }}"
        return _read("side by side", f"query({arguments}) {{ {fields} {people} {VIEWER} }}", ids)

    def _writes(self) -> Operation:
        """By a key that others have used, too, or that is somebody else's; and by somebody's id."""
        key = self._draw.choice(self._seen.keys) if self._seen.keys else "shared-0"
        node = self._one(self._seen.of("Write"))
        by_id = "" if node is None else "two: write(id: $id) { ...Write }"
        query = f"""query($key: String!{"" if node is None else ", $id: ID!"}) {{ {VIEWER}
          one: write(idempotencyKey: $key) {{ ...Write }} {by_id}
          found: writes(first: 5) {{ nodes {{ ...Write }} pageInfo {{ endCursor }} }} }}"""
        given = {"key": key} if node is None else {"key": key, "id": node}
        return _read("writes", query, given, write=node)

    def _served_by_the_ledger(self) -> Operation:
        ticket = self._draw.choice(list(TICKETS.values()))
        query = "query($id: ID!) { found: ticket(id: $id) { ...Talk ...Messages } }"
        return _read("ticket of the ledger", query, {"id": ticket})

    def _events(self) -> Operation:
        return _read("auditEvents", f"{{ {EVENTS} {VIEWER} }}", {})

    # -- writes

    def _reply(self, handle: Handle | None = None) -> Operation:
        places = (
            "netevia",
            "netevia",
            "shared_bank",
            "shared_bank",
            "service_order_hub",
            "thulium",
            "shared",
        )
        source = handle.owner.access.source if handle else self._draw.choice(places)
        kind = "Case" if source == "service_order_hub" else "Ticket"
        to = self._one(self._seen.objects[kind, source])
        if to is None:
            source, to = "netevia", TICKETS["netevia"]
            handle = None
        given = {"to": to} if handle is None else {"to": to, "attachments": [handle.handle]}
        return self._write("reply", "message { ...Message }", source, given, {"body": "m"}, handle=handle)

    def _create(self) -> Operation:
        source = self._draw.choice(("tulo", "telecomx", "thulium", "shared"))
        if source == "telecomx":
            given: dict[str, Any] = {"owner": {"reseller": RESELLER}, "channels": ["EMAIL"]}
            fields = "subscription { ...Topic }"
            return self._write("createNotificationSubscription", fields, source, given, {"title": "s"})
        if source == "tulo":
            given = {"source": source, "requester": self._one(self._seen.objects["Account", source])}
        else:
            given = {"source": source, "requesterEmail": "anna@example.com"}
        fields = "ticket { ...Talk ...Messages }"
        return self._write("createTicket", fields, source, given, {"subject": "n", "body": "m"})

    def _confirm(self) -> Operation:
        ids = self._seen.objects["Message", "service_order_hub"][-2:]
        if not ids:
            return self._list()
        query = f"""mutation($ids: [ID!]!) {{ done: confirmMessages(input: {{messageIds: $ids}}) {{
          write {{ ...Write }} confirmed {{ ...Message }} {REFUSALS} }} }}"""
        return _read("confirmMessages", query, {"ids": ids})

    def _reconcile(self) -> Operation:
        """Of a write that may be somebody else's."""
        node = self._one(self._seen.of("Write"))
        if node is None:
            return self._reply()
        query = f"""mutation($id: ID!) {{ done: reconcileWrite(input: {{id: $id}}) {{
          write {{ ...Write }} {REFUSALS} }} }}"""
        return _read("reconcileWrite", query, {"id": node}, write=node)

    def _attach(self) -> Operation:
        """A file that may be somebody else's."""
        return self._reply(self._draw.choice(self._seen.handles) if self._seen.handles else None)

    def _write(
        self,
        name: str,
        fields: str,
        source: str,
        given: Mapping[str, Any],
        texts: Mapping[str, str],
        *,
        handle: Handle | None = None,
    ) -> Operation:
        """One mutation; `texts` have marks. Half of them under keys that all use, half under the caller's own."""
        number, is_shared = self._drawn, handle is None and self._draw.random() < 0.5
        query = f"""mutation($input: {name[0].upper()}{name[1:]}Input!) {{ done: {name}(input: $input) {{
          write {{ ...Write }} {fields} {REFUSALS} }} }}"""

        def variables(caller: Caller) -> dict[str, Any]:
            said = {
                text: caller.says(source, mark, f"{text} number {number}") for text, mark in texts.items()
            }
            key = f"shared-{number // 4}" if is_shared else caller.key(source, f"{number}")
            return {"input": {**given, **said, "idempotencyKey": key}}

        return Operation(name, document(query), variables, handle=handle)

    def _one(self, known: list[str]) -> str | None:
        return self._draw.choice(known) if known else None


def _read(
    name: str,
    query: str,
    variables: Mapping[str, Any],
    *,
    continues: str | None = None,
    write: str | None = None,
) -> Operation:
    """An operation that says the same whoever asks."""
    return Operation(name, document(query), lambda _: dict(variables), continues=continues, write=write)

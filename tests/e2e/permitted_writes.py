"""Every mutation at every source that supports it: its input, what it needs, and what its payload shows."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.access import EVERYTHING, Scope
from resolvers.schema import build_schema
from tests.e2e.paths import Paths
from tests.e2e.priced_operations import known_ids
from tests.e2e.principals import Caller, Desk

SCHEMA = build_schema()._schema
SOURCES = ("tulo", "service_order_hub", "netevia", "telecomx", "thulium")
OPERATOR = "operator"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Sending:
    """A mutation as one source gets it.

    Attributes:
        given: Its input; a text that begins with $ stands for one of `World.ids`.
        capability: What the source says of itself if it supports it.
        needs: Without this nothing is sent.
        shows: The payload's records, and what one must be allowed to see each.
    """

    mutation: str
    source: str
    given: Mapping[str, Any]
    capability: str
    needs: Scope
    shows: Mapping[str, Scope] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.mutation}@{self.source}"

    @property
    def input_type(self) -> str:
        """The type of its input."""
        return f"{self.mutation[0].upper()}{self.mutation[1:]}Input!"

    @property
    def payload_type(self) -> str:
        """The type of its answer."""
        return f"{self.mutation[0].upper()}{self.mutation[1:]}Payload"


_MESSAGE, _TICKET, _TOPIC = Scope.MESSAGES_WRITE, Scope.TICKETS_WRITE, Scope.SUBSCRIPTIONS_WRITE
_SHOWN_TICKET = {"ticket": Scope.TICKETS_READ}
_SHOWN_TOPIC = {"subscription": Scope.SUBSCRIPTIONS_READ}
SENDINGS = (
    Sending(
        "reply",
        "service_order_hub",
        {"to": "$case", "body": "Hello"},
        "REPLY",
        _MESSAGE,
        {"message": Scope.MESSAGES_READ, "conversation": Scope.CASES_READ},
    ),
    Sending(
        "reply",
        "netevia",
        {"toRef": {"source": "netevia", "nativeId": "123456"}, "body": "Hello"},
        "REPLY",
        _MESSAGE,
        {"message": Scope.MESSAGES_READ, "conversation": Scope.TICKETS_READ},
    ),
    Sending(
        "reply",
        "thulium",
        {"to": "$ticket", "body": "Hello"},
        "REPLY",
        _MESSAGE,
        {"message": Scope.MESSAGES_READ, "conversation": Scope.TICKETS_READ},
    ),
    Sending(
        "createCaseMessage",
        "service_order_hub",
        {"case": "$case", "type": "reminder", "content": "Hello"},
        "CREATE_CASE_MESSAGE",
        _MESSAGE,
        {"message": Scope.MESSAGES_READ},
    ),
    Sending(
        "createTicket",
        "tulo",
        {"source": "tulo", "requester": "$subscriber", "subject": "Hello", "body": "There"},
        "CREATE_TICKET",
        _TICKET,
        _SHOWN_TICKET,
    ),
    Sending(
        "createTicket",
        "thulium",
        {"source": "thulium", "requester": "$customer", "subject": "Hello", "body": "There"},
        "CREATE_TICKET",
        _TICKET,
        _SHOWN_TICKET,
    ),
    Sending(
        "confirmMessages",
        "service_order_hub",
        {"messageIds": ["$newMessage"]},
        "CONFIRM",
        Scope.MESSAGES_CONFIRM,
        {"confirmed": Scope.MESSAGES_READ},
    ),
    Sending(
        "updateTicket",
        "thulium",
        {"id": "$ticket", "queue": "6"},
        "CHANGE_STATUS",
        _TICKET,
        _SHOWN_TICKET,
    ),
    Sending(
        "updateTicket",
        "telecomx",
        {"id": "$helpCentreCase", "actionNeeded": True},
        "CHANGE_STATUS",
        _TICKET,
        _SHOWN_TICKET,
    ),
    Sending(
        "createNotificationSubscription",
        "telecomx",
        {"owner": {"reseller": "$reseller"}, "title": "Hello", "channels": ["EMAIL"]},
        "CREATE_SUBSCRIPTION",
        _TOPIC,
        _SHOWN_TOPIC,
    ),
    Sending(
        "updateNotificationSubscription",
        "telecomx",
        {"id": "$topic", "title": "Hello"},
        "UPDATE_SUBSCRIPTION",
        _TOPIC,
        _SHOWN_TOPIC,
    ),
    Sending(
        "deleteNotificationSubscription",
        "telecomx",
        {"id": "$newTopic"},
        "DELETE_SUBSCRIPTION",
        _TOPIC,
    ),
)
# It sends nothing, and whose writes it looks for has a test of its own: test_operating.py.
ASIDE = frozenset({"reconcileWrite"})


def sending(name: str) -> Sending:
    """One of them."""
    (found,) = [each for each in SENDINGS if str(each) == name]
    return found


def whole_payload(each: Sending) -> str:
    """A selection with every way from its payload to a record."""
    ways = Paths(SCHEMA, max_records=2).below(each.payload_type)
    return f"{{ write {{ state }} userErrors {{ code field }} {ways[1:]}"


@dataclass(frozen=True)
class World:
    """A desk, and ids of its world. Its operator may do everything."""

    desk: Desk
    ids: dict[str, Any]

    @classmethod
    async def of(cls, desk: Desk) -> "World":
        """Look around."""
        return cls(desk, await known_ids(_AsOperator(desk)))  # type: ignore[arg-type] # all that it needs

    async def prepare(self, each: Sending) -> dict[str, Any]:
        """An input of its own for a mutation. What it uses up is made anew, by the operator."""
        ids = dict(self.ids)
        if "$newTopic" in each.given.values():
            made = await self.send(OPERATOR, sending("createNotificationSubscription@telecomx"))
            ids["newTopic"] = made["subscription"]["id"]
        if "messageIds" in each.given:
            made = await self.send(OPERATOR, sending("reply@service_order_hub"))
            ids["newMessage"] = made["message"]["id"]
        return {**_filled(each.given, ids), "idempotencyKey": fresh_key()}

    async def send(self, caller: str, each: Sending) -> Any:
        """A mutation that must be done; its payload."""
        selection = " ".join(f"{name} {{ id }}" for name in each.shows)
        answer = await self.ask(
            caller, each, await self.prepare(each), f"{{ write {{ id state }} {selection} }}"
        )
        assert "errors" not in answer, answer
        payload = answer["data"][each.mutation]
        assert payload["write"]["state"] == "CONFIRMED", payload
        return payload

    async def ask(self, caller: str, each: Sending, given: dict[str, Any], selection: str) -> dict[str, Any]:
        """A mutation alone in its document; the whole answer."""
        query = f"mutation($input: {each.input_type}) {{ {each.mutation}(input: $input) {selection} }}"
        return await self.desk.ask(caller, query, {"input": given})

    def arrived(self) -> list[str]:
        """Everything that has come to any source, since `forget`."""
        return [
            f"{kind}: {arrival.method} {arrival.path}"
            for kind, service in self.desk.stack.sandbox.services.items()
            for arrival in service.arrivals
        ]

    async def recorded(self, principal: str) -> tuple[list[str], list[dict[str, Any]]]:
        """The ids of all writes that the ledger holds, and what it tells of one principal, oldest first."""
        writes = "writes(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }"
        events = """auditEvents(first: 100, after: $after, filter: $filter) {
          nodes { kind operation source problem detail write } pageInfo { hasNextPage endCursor } }"""
        deeds = await self._all(f"query($filter: AuditFilter!, $after: String) {{ {events} }}", principal)
        found = await self._all(f"query($after: String) {{ {writes} }}", principal)
        return [each["id"] for each in found], deeds[::-1]

    async def _all(self, query: str, principal: str) -> list[Any]:
        """Every page of a query's one list."""
        found: list[Any] = []
        page = {"hasNextPage": True, "endCursor": None}
        while page["hasNextPage"]:
            variables = {"filter": {"principal": f"key:{principal}"}, "after": page["endCursor"]}
            answer = await self.desk.ask(OPERATOR, query, variables)
            (connection,) = answer["data"].values()
            found += connection["nodes"]
            page = connection["pageInfo"]
        return found


class _AsOperator:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def data(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        answer = await self._desk.ask(OPERATOR, query, variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]


def fresh_key() -> str:
    """An idempotency key that was never used."""
    return f"k{next(_NUMBERS)}"


def refused_event(each: Sending, scope: Scope, *, source: str | None) -> dict[str, Any]:
    """What the audit log has of a refusal."""
    return {
        "kind": "ACCESS_REFUSED",
        "operation": each.mutation,
        "source": source,
        "problem": "FORBIDDEN",
        "detail": f"needs {scope}",
        "write": None,
    }


def everything_but(*scopes: Scope) -> Caller:
    """Who may do all else."""
    return Caller([each for each in Scope if each not in scopes])


def elsewhere(scope: Scope, source: str) -> Caller:
    """Who may do all, but this at every other source alone."""
    others = [f"{scope}@{other}" for other in SOURCES if other != source]
    return Caller([*(each for each in Scope if each is not scope), *others])


def operator() -> Caller:
    """Who may do everything."""
    return Caller(EVERYTHING)


def errors_of(answer: dict[str, Any]) -> list[tuple[list[str | int], str]]:
    """Where an answer has errors, and of which code."""
    return [(error["path"], error["extensions"]["code"]) for error in answer.get("errors", ())]


def _filled(given: Any, ids: Mapping[str, Any]) -> Any:
    if isinstance(given, Mapping):
        return {name: _filled(value, ids) for name, value in given.items()}
    if isinstance(given, list):
        return [_filled(each, ids) for each in given]
    return ids[given[1:]] if isinstance(given, str) and given.startswith("$") else given

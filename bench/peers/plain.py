"""The same graph the plain way: Strawberry, httpx and aiodataloader, as a good tutorial writes it."""

# It is written as most are, not as this project is.
# mypy: ignore-errors

import asyncio
import os
from contextlib import asynccontextmanager
from typing import Any, Optional

import httpx
import strawberry
from aiodataloader import DataLoader
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.types import Info

HUB, THULIUM = os.environ["HUB_URL"], os.environ["THULIUM_URL"]


class Sources:
    """The two REST APIs."""

    def __init__(self) -> None:
        self.http = httpx.AsyncClient(trust_env=False, timeout=30)

    async def get(self, url: str, **query: Any) -> Any:
        response = await self.http.get(url, params=query)
        response.raise_for_status()
        return response.json()

    async def case(self, guid: str) -> dict[str, Any]:
        return (await self.get(f"{HUB}/v3/case", guid=guid))["data"]

    async def case_messages(self, guid: str) -> list[dict[str, Any]]:
        return await self.get(f"{HUB}/v3/case-messages", guid=guid)

    async def newest_cases(self, limit: int) -> list[dict[str, Any]]:
        body = {"filters": {}, "pagination": {"offset": 0, "limit": limit}}
        response = await self.http.post(f"{HUB}/v3/search-cases", json=body)
        response.raise_for_status()
        return response.json()["data"]

    async def tickets(self, limit: int, **query: Any) -> list[dict[str, Any]]:
        return (await self.get(f"{THULIUM}/tickets", limit=limit, offset=0, **query))["result"]

    async def ticket(self, ticket_id: str) -> dict[str, Any]:
        return await self.get(f"{THULIUM}/tickets/{ticket_id}")

    async def account(self, kind: str, native_id: str) -> dict[str, Any]:
        path = {"CUSTOMER": "customers", "AGENT": "agents"}[kind]
        return await self.get(f"{THULIUM}/{path}/{native_id}")


SOURCES = Sources()


class CaseLoader(DataLoader):
    async def batch_load_fn(self, keys):
        return await gather(SOURCES.case(key) for key in keys)


class CaseMessagesLoader(DataLoader):
    async def batch_load_fn(self, keys):
        return await gather(SOURCES.case_messages(key) for key in keys)


class TicketLoader(DataLoader):
    async def batch_load_fn(self, keys):
        return await gather(SOURCES.ticket(key) for key in keys)


class AccountLoader(DataLoader):
    async def batch_load_fn(self, keys):
        return await gather(SOURCES.account(*key) for key in keys)


async def gather(calls):
    return await asyncio.gather(*calls)


@strawberry.type
class Word:
    raw: Optional[str]


@strawberry.type
class Body:
    text: str


@strawberry.type
class Account:
    id: strawberry.ID
    name: Optional[str]
    email: Optional[str]


@strawberry.type
class Author:
    role: str
    account_key: strawberry.Private[Optional[tuple[str, str]]] = None

    @strawberry.field
    async def account(self, info: Info) -> Optional[Account]:
        return await load_account(info, self.account_key)


@strawberry.type
class Message:
    id: strawberry.ID
    created_at: Optional[str]
    declared_at: Optional[str]
    confirmed_at: Optional[str]
    external_id: Optional[str]
    kind: Word
    body: Optional[Body]
    author: Author


@strawberry.type
class Messages:
    nodes: list[Message]


@strawberry.interface
class Conversation:
    id: strawberry.ID
    number: Optional[int]
    subject: Optional[str]
    status: Optional[Word]

    @strawberry.field
    async def last_message(self, info: Info) -> Optional[Message]:
        raise NotImplementedError


@strawberry.type
class Case(Conversation):
    guid: strawberry.ID
    created_at: Optional[str]

    @strawberry.field
    async def messages(self, info: Info, first: Optional[int] = 20) -> Messages:
        rows = await info.context["case_messages"].load(self.guid)
        return Messages(nodes=[case_message(row) for row in in_order(rows)[:first]])

    @strawberry.field
    async def last_message(self, info: Info) -> Optional[Message]:
        rows = await info.context["case_messages"].load(self.guid)
        return case_message(in_order(rows)[-1]) if rows else None


@strawberry.type
class Ticket(Conversation):
    customer_id: strawberry.Private[str]

    @strawberry.field
    async def requester(self, info: Info) -> Optional[Account]:
        return await load_account(info, ("CUSTOMER", self.customer_id) if self.customer_id else None)

    @strawberry.field
    async def last_message(self, info: Info) -> Optional[Message]:
        ticket = await info.context["tickets"].load(self.id)
        rows = sorted(ticket["messages"], key=lambda row: (row["created_at"], row["message_id"]))
        return ticket_message(ticket, rows[-1]) if rows else None


@strawberry.type
class Cases:
    nodes: list[Case]


@strawberry.type
class Tickets:
    nodes: list[Ticket]


@strawberry.type
class Conversations:
    nodes: list[Conversation]


@strawberry.input
class CaseFilter:
    guids: list[strawberry.ID]


@strawberry.input
class TicketFilter:
    queue: str


def in_order(rows):
    return sorted(rows, key=lambda row: (row["createdAt"], row["id"]))


def case_of(row) -> Case:
    product = row["productData"] or {}
    maker = (row["manufacturer"] or {}).get("name")
    head = " ".join(part for part in (maker, product.get("model")) if part)
    return Case(
        id=row["guid"],
        guid=row["guid"],
        number=row["id"],
        subject=": ".join(part for part in (head, product.get("problemText")) if part) or None,
        status=Word(raw=row["currentStatus"]) if row["currentStatus"] else None,
        created_at=row["createdAt"],
    )


def case_message(row) -> Message:
    return Message(
        id=f"{row['guid']}:{row['id']}",
        created_at=row["createdAt"],
        declared_at=row["declaredAt"],
        confirmed_at=row["confirmedAt"],
        external_id=row["externalId"],
        kind=Word(raw=row["type"]),
        body=None if row["content"] is None else Body(text=row["content"]),
        author=Author(role=(row["senderType"] or "unknown").upper()),
    )


def ticket_of(row) -> Ticket:
    return Ticket(
        id=str(row["ticket_id"]),
        number=row["ticket_id"],
        subject=row["subject"] or None,
        status=Word(raw=row["full_status_name"]),
        customer_id=str(row["customer_id"]),
    )


def ticket_message(ticket, row) -> Message:
    if row["type"] == "MAIL":
        author = Author(role="CUSTOMER", account_key=("CUSTOMER", str(ticket["customer_id"])))
    else:
        author = Author(role="AGENT", account_key=("AGENT", row["user_login"]))
    return Message(
        id=f"{ticket['ticket_id']}:{row['message_id']}",
        created_at=row["created_at"],
        declared_at=None,
        confirmed_at=None,
        external_id=None,
        kind=Word(raw=row["type"]),
        body=Body(text=row["body"]) if row["body"] else None,
        author=author,
    )


async def load_account(info: Info, key) -> Optional[Account]:
    if key is None:
        return None
    row = await info.context["accounts"].load(key)
    return Account(
        id=":".join(key),
        name=" ".join(part for part in (row["name"], row["surname"]) if part) or None,
        email=row["email"] or None,
    )


@strawberry.type
class Query:
    @strawberry.field
    async def cases(self, info: Info, filter: CaseFilter, first: Optional[int] = 20) -> Cases:
        rows = await info.context["cases"].load_many(filter.guids[:first])
        return Cases(nodes=[case_of(row) for row in rows])

    @strawberry.field
    async def case(self, info: Info, guid: strawberry.ID) -> Optional[Case]:
        return case_of(await info.context["cases"].load(guid))

    @strawberry.field
    async def tickets(self, filter: TicketFilter, first: Optional[int] = 20) -> Tickets:
        rows = await SOURCES.tickets(first, ticket_queue_id=filter.queue)
        return Tickets(nodes=[ticket_of(row) for row in rows])

    @strawberry.field
    async def conversations(self, first: Optional[int] = 20) -> Conversations:
        cases, tickets = await gather([SOURCES.newest_cases(first), SOURCES.tickets(first)])
        found = [(row["createdAt"].replace("T", " "), case_of(row)) for row in cases]
        found += [(row["updated_at"], ticket_of(row)) for row in tickets]
        found.sort(key=lambda each: each[0], reverse=True)
        return Conversations(nodes=[node for _, node in found[:first]])


class Server(GraphQL):
    async def get_context(self, request, response):
        return {
            "cases": CaseLoader(),
            "case_messages": CaseMessagesLoader(),
            "tickets": TicketLoader(),
            "accounts": AccountLoader(),
        }


schema = strawberry.Schema(query=Query, types=[Case, Ticket])


@asynccontextmanager
async def lifespan(_app):
    yield
    await SOURCES.http.aclose()


app = Starlette(lifespan=lifespan)
app.mount("/graphql", Server(schema))

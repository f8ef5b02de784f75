"""Two sources as nginx serves them: Service Order Hub and Thulium, in static JSON of the sandbox's own forms.

A few of the sandbox's cases, tickets and people are read through its HTTP API and multiplied, each copy
under ids of its own, so that what differs from request to request is the data and not its shape.
"""

import itertools
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from gateway.sandbox import Running, Sandbox

CASES = 1_000
QUEUES = 100
_CUSTOMERS_PER_QUEUE = 20
_TICKETS_PER_QUEUE = 100
_MESSAGES_PER_CASE = 20
_GROWN = {10: 100, 100: 100}
_INBOX = 10
_TAG = re.compile(r"<[^>]*>")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """What can be asked for.

    Attributes:
        guids: Cases with 20 messages each.
        grown: Further cases, by their number of messages.
        queues: Each holds 100 tickets of 20 customers, who are in no other queue.
    """

    guids: Sequence[str]
    grown: Mapping[int, Sequence[str]]
    queues: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Seed:
    """What the sandbox has answered."""

    cases: Sequence[Json]
    messages: Sequence[Sequence[Json]]
    rows: Sequence[Json]
    tickets: Sequence[Json]
    customers: Sequence[Json]
    agents: Sequence[Json]


async def write_world(folder: Path) -> World:
    """Write everything below a folder, one file per URL; nginx.py says which."""
    sandbox = Sandbox()
    async with sandbox.serve() as running, httpx.AsyncClient(trust_env=False) as http:
        seed = await _read(sandbox, running, http)
    guids = _write_cases(folder / "hub", seed, range(CASES), _MESSAGES_PER_CASE)
    grown = {
        count: _write_cases(folder / "hub", seed, range(count * 10_000, count * 10_000 + cases), count)
        for count, cases in _GROWN.items()
    }
    _write_inbox(folder, seed, guids)
    for agent in seed.agents:
        _write(folder / "thulium" / "agents" / agent["login"], agent)
    queues = [_write_queue(folder / "thulium", seed, queue) for queue in range(1, QUEUES + 1)]
    return World(guids, grown, queues)


async def _read(sandbox: Sandbox, running: Running, http: httpx.AsyncClient) -> _Seed:
    hub, thulium = running.base_urls["service_order_hub"], running.base_urls["thulium"]
    token = {"x-hub-api-token": sandbox.services["service_order_hub"].credentials["token"]}
    credentials = sandbox.services["thulium"].credentials
    login = httpx.BasicAuth(credentials["username"], credentials["password"])

    async def from_hub(path: str) -> Any:
        return _json(await http.get(f"{hub}/v3/{path}", headers=token))

    async def from_thulium(path: str) -> Any:
        return _json(await http.get(f"{thulium}/{path}", auth=login))

    search = {"filters": {}, "pagination": {"offset": 0, "limit": 10}}
    cases = _json(await http.post(f"{hub}/v3/search-cases", headers=token, json=search))["data"]
    rows = (await from_thulium("tickets?limit=100&offset=0"))["result"]
    people = dict.fromkeys(row["customer_id"] for row in rows)
    logins = dict.fromkeys(row["user_login"] for row in rows if row["user_login"])
    return _Seed(
        cases,
        [await from_hub(f"case-messages?guid={case['guid']}") for case in cases],
        rows,
        [await from_thulium(f"tickets/{row['ticket_id']}") for row in rows[:_INBOX]],
        [await from_thulium(f"customers/{customer}") for customer in people],
        [await from_thulium(f"agents/{login}") for login in logins],
    )


def _json(response: httpx.Response) -> Any:
    return orjson.loads(response.raise_for_status().content)


def _write_cases(folder: Path, seed: _Seed, numbers: Iterable[int], messages: int) -> list[str]:
    """Cases with so many messages each; the texts come from all the seed's cases in turn."""
    texts = [message["content"] for case in seed.messages for message in case]
    guids = []
    for number in numbers:
        guid = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
        case = seed.cases[number % len(seed.cases)] | {"id": 60_000 + number, "guid": guid}
        known = itertools.cycle(seed.messages[number % len(seed.cases)])
        first_id = 1_000 * (number + 1)
        said = [
            message
            | {
                "id": first_id + place,
                "caseId": case["id"],
                "guid": guid,
                "content": texts[(7 * number + place) % len(texts)],
            }
            | ({"parentMessageId": first_id} if "parentMessageId" in message else {})
            for place, message in zip(range(messages), known, strict=False)
        ]
        # Those that were repeated would have the same moments.
        for place, message in enumerate(said):
            message["createdAt"] = f"2026-04-{place // 60 + 1:02d}T10:{place % 60:02d}:07.250Z"
        _write(folder / "case" / guid, {"data": case})
        _write(folder / "case-messages" / guid, said)
        guids.append(guid)
    return guids


def _write_queue(folder: Path, seed: _Seed, queue: int) -> str:
    first_customer, first_ticket = 100_000 + 100 * queue, 1_000_000 + 1_000 * queue
    for place, customer in enumerate(seed.customers[:_CUSTOMERS_PER_QUEUE]):
        changed = {"customer_id": first_customer + place, "identifier": f"ERP-{first_customer + place}"}
        _write(folder / "customers" / str(first_customer + place), customer | changed)
    rows = [
        row
        | {
            "ticket_id": first_ticket + place,
            "ticket_queue_id": queue,
            "customer_id": first_customer + place % _CUSTOMERS_PER_QUEUE,
        }
        for place, row in enumerate(seed.rows[:_TICKETS_PER_QUEUE])
    ]
    _write(folder / "queue" / str(queue), {"count": len(rows), "result": rows})
    return str(queue)


def _write_inbox(folder: Path, seed: _Seed, guids: Sequence[str]) -> None:
    """Ten cases and ten tickets whose moments alternate, so that a page of twenty holds all of them."""
    cases = []
    for place, guid in enumerate(guids[:_INBOX]):
        case = orjson.loads((folder / "hub" / "case" / f"{guid}.json").read_bytes())["data"]
        cases.append(case | {"createdAt": f"2026-05-{28 - place:02d}T06:00:00.000Z"})
    _write(folder / "hub" / "search-cases", {"data": cases, "pagination": {"offset": 0, "count": len(cases)}})
    rows = []
    for place, (row, ticket) in enumerate(zip(seed.rows, seed.tickets, strict=False)):
        moment = {"updated_at": f"2026-05-{28 - place:02d} 18:00"}
        rows.append(row | moment)
        # The peers pass texts on as they are, the gateway without their markup; and to the gateway a note
        # beside a text is a message of its own.
        said = [
            message | {"body": _TAG.sub("", message["body"]), "system_comment": ""}
            for message in ticket["messages"]
            if message["type"] in {"MAIL", "REPLY"}
        ]
        _write(folder / "thulium" / "tickets" / str(row["ticket_id"]), ticket | moment | {"messages": said})
    for customer in seed.customers:
        _write(folder / "thulium" / "customers" / str(customer["customer_id"]), customer)
    _write(folder / "thulium" / "queue" / "all", {"count": len(rows), "result": rows})


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f"{path.name}.json").write_bytes(orjson.dumps(value))

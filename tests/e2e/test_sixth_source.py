"""A sixth source is a package and a line: nothing in the graph or the gateway knows it by name."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import httpx
import msgspec
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import config
from gateway.app import create_app
from gateway.domain.errors import ConfigError, Refusal
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, Page
from gateway.domain.ports import ConversationFilter, Slot
from gateway.domain.records import Body, Fetched, Message, TextFormat, Ticket
from gateway.domain.rules import Rule, check
from gateway.domain.writes import Attempt, Reply, given_fields
from gateway.sources.auth import fixed, in_header
from gateway.sources.registry import SPECS
from gateway.sources.rest import Rest, each
from gateway.sources.spec import SourceContext, SourceSettings, SourceSpec
from gateway.transport import Call
from gateway.transport import Reply as HttpReply
from tests.callers import NO_LOGIN
from tests.ledgers import new_ledger


class Note(msgspec.Struct):
    id: int
    title: str
    lines: list[str]


class Notebook:
    """The client of an invented product: notes with lines, which can be listed, read and added to."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def list_tickets(self, _wanted: ConversationFilter) -> tuple[Feed[Ticket], ...]:
        return (Feed(self._rest.source, "", self._page, 50),)

    async def _page(self, offset: int, limit: int) -> Page[Ticket]:
        reply = await self._rest.send(Call("notes", "GET", "notes", safe=True))
        notes, fetched = (
            self._rest.decode(reply, list[Note])[offset : offset + limit],
            self._rest.fetched(reply),
        )
        return Page(
            tuple(self._ticket(note, fetched) for note in notes), None, exhausted=True, fetched=fetched
        )

    async def read_tickets(self, refs: Sequence[Ref]) -> list[Slot[Ticket]]:
        async def one(ref: Ref) -> Ticket | None:
            found = await self._note(ref)
            return None if found is None else self._ticket(*found)

        return await each(one, refs)

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        async def one(ref: Ref) -> tuple[Message, ...] | None:
            found = await self._note(ref)
            if found is None:
                return None
            note, fetched = found
            return tuple(self._message(ref, index, line, fetched) for index, line in enumerate(note.lines))

        return await each(one, conversations)

    def check_reply(self, reply: Reply) -> tuple[Refusal, ...]:
        rules = {"body": Rule(required=True, max_length=20), "format": Rule(choices=frozenset({"PLAIN"}))}
        given = given_fields(reply, without=frozenset({"conversation", "parent"}))
        return check(rules, given, source=self._rest.source)

    async def send_reply(self, reply: Reply, attempt: Attempt) -> Message:  # noqa: ARG002 - it takes no reference
        path = f"notes/{reply.conversation.parts[0]}/lines"
        sent = await self._rest.send(Call("add line", "POST", path, safe=False, body=reply.body.encode()))
        index = self._rest.decode(sent, int)
        return self._message(reply.conversation, index, reply.body, self._rest.fetched(sent))

    async def _note(self, ref: Ref) -> tuple[Note, Fetched] | None:
        reply = await self._rest.find(Call("note", "GET", f"notes/{ref.parts[0]}", safe=True))
        return None if reply is None else (self._rest.decode(reply, Note), self._rest.fetched(reply))

    def _ticket(self, note: Note, fetched: Fetched) -> Ticket:
        ref = Ref(EntityType.TICKET, self._rest.source, (str(note.id),))
        return Ticket(ref=ref, origin=fetched.origin(self._rest.source, str(note.id)), subject=note.title)

    def _message(self, ticket: Ref, index: int, line: str, fetched: Fetched) -> Message:
        ref = Ref(EntityType.MESSAGE, self._rest.source, (*ticket.parts, str(index)))
        origin = fetched.origin(self._rest.source, str(index))
        return Message(ref=ref, origin=origin, conversation=ticket, body=Body(line, TextFormat.PLAIN))


class NotebookSettings(SourceSettings):
    kind: Literal["notebook"]
    own_credentials: ClassVar[tuple[str, ...]] = ("word",)
    word: SecretStr | None = None


def build(context: SourceContext[NotebookSettings]) -> Notebook:
    def explain(_: HttpReply) -> tuple[Refusal, ...]:
        return ()

    return Notebook(Rest(context.key, context.transport, clock=context.clock, explain=explain))


SPEC = SourceSpec(
    kind="notebook",
    title="Notebook",
    docs_url="https://notebook.example",
    settings=NotebookSettings,
    shapes={EntityType.TICKET: (r"\d{1,9}",), EntityType.MESSAGE: (r"\d{1,9}", r"\d{1,9}")},
    build=build,
    put=lambda _: in_header("x-word"),
    auth=lambda context: fixed(context.settings.word),
)


def notebook_api() -> Starlette:
    notes = {7: Note(7, "Shopping", ["Milk", "Bread"])}

    async def listed(request: Request) -> Response:
        assert request.headers["x-word"] == "sesame"
        return JSONResponse([msgspec.to_builtins(note) for note in notes.values()])

    async def note(request: Request) -> Response:
        found = notes.get(int(request.path_params["id"]))
        if found and "Stop" in found.lines:
            return JSONResponse(None, 503)
        return JSONResponse(msgspec.to_builtins(found), 200 if found else 404)

    async def add(request: Request) -> Response:
        lines = notes[int(request.path_params["id"])].lines
        lines.append((await request.body()).decode())
        return JSONResponse(len(lines) - 1)

    return Starlette(
        routes=[
            Route("/notes", listed),
            Route("/notes/{id}", note),
            Route("/notes/{id}/lines", add, methods=["POST"]),
        ]
    )


@pytest.fixture
async def api_url() -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(notebook_api(), port=0, log_config=None, lifespan="off"))
    listening = asyncio.Event()
    startup = server.startup

    async def started(sockets: object = None) -> None:
        await startup()
        listening.set()

    server.startup = started  # type: ignore[method-assign]
    task = asyncio.create_task(server._serve())
    await listening.wait()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


async def test_an_invented_source_is_queried_and_written_through_by_its_spec_alone(
    api_url: str, tmp_path: Path
) -> None:
    specs = {**SPECS, SPEC.kind: SPEC}
    table = {"kind": "notebook", "base_url": api_url, "word": "sesame"}
    settings = config.check(
        {**NO_LOGIN, "ledger": {"url": new_ledger(tmp_path)}, "sources": {"kitchen": table}}, specs=specs
    )
    app = create_app(settings, specs=specs)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):

        async def data(query: str) -> object:
            answer = (await http.post("/graphql", json={"query": query})).json()
            assert "errors" not in answer, answer
            return answer["data"]

        assert await data("""{
          sources { key kind name capabilities }
          conversations { nodes { subject capabilities messages { nodes { body { text } } } } sources { state } }
        }""") == {
            "sources": [
                {
                    "key": "kitchen",
                    "kind": "notebook",
                    "name": "Notebook",
                    "capabilities": ["READ_TICKET", "LIST_TICKETS", "READ_MESSAGES", "REPLY"],
                }
            ],
            "conversations": {
                "nodes": [
                    {
                        "subject": "Shopping",
                        "capabilities": ["READ_MESSAGES", "REPLY"],
                        "messages": {"nodes": [{"body": {"text": "Milk"}}, {"body": {"text": "Bread"}}]},
                    }
                ],
                "sources": [{"state": "OK"}],
            },
        }
        reply = """mutation { reply(input: {toRef: {source: "kitchen", nativeId: "7"}, idempotencyKey: "%s", body: "%s"}) {
          message { body { text } } conversation { messageCount } userErrors { code field } } }"""
        assert await data(reply % ("k1", "Eggs")) == {
            "reply": {
                "message": {"body": {"text": "Eggs"}},
                "conversation": {"messageCount": 3},
                "userErrors": [],
            }
        }
        assert await data(reply % ("k2", "Eggs " * 5)) == {
            "reply": {
                "message": None,
                "conversation": None,
                "userErrors": [{"code": "TOO_LONG", "field": ["body"]}],
            }
        }


async def test_a_write_that_can_not_be_read_back_is_still_told_as_done(api_url: str, tmp_path: Path) -> None:
    specs = {**SPECS, SPEC.kind: SPEC}
    table = {"kind": "notebook", "base_url": api_url, "word": "sesame"}
    app = create_app(
        config.check(
            {**NO_LOGIN, "ledger": {"url": new_ledger(tmp_path)}, "sources": {"kitchen": table}}, specs=specs
        ),
        specs=specs,
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http,
    ):
        query = """mutation { reply(input: {toRef: {source: "kitchen", nativeId: "7"}, idempotencyKey: "k", body: "Stop"}) {
          message { body { text } } conversation { subject } userErrors { code } } }"""
        answer = (await http.post("/graphql", json={"query": query})).json()
    assert answer["data"] == {
        "reply": {"message": {"body": {"text": "Stop"}}, "conversation": None, "userErrors": []}
    }
    assert [(each["path"], each["extensions"]["code"]) for each in answer["errors"]] == [
        (["reply"], "SOURCE_UNAVAILABLE")
    ]


def test_its_settings_are_checked_like_any_others() -> None:
    specs = {**SPECS, SPEC.kind: SPEC}
    with pytest.raises(ConfigError) as refused:
        config.check({"sources": {"kitchen": {"kind": "notebook", "wrod": "sesame"}}}, specs=specs)
    assert refused.value.problems == [
        "sources.kitchen.base_url: is missing",
        "sources.kitchen.wrod: is no setting; check its spelling",
        "sources.kitchen.word: is missing",
    ]

"""The server and the browser of the explorer's tests.

Whatever serves the page, `explorer_url` is all that the tests know of it. They need a graph that answers the
ready queries, and nothing else of its data.
"""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from strawberry.asgi import GraphQL

from gateway.http import explorer

if TYPE_CHECKING:
    from playwright.sync_api import Page


@strawberry.type(description="A helpdesk that the gateway talks to.")
class Source:
    key: str
    kind: str
    name: str
    capabilities: list[str]


@strawberry.type
class SourceState:
    source: Source
    state: str


@strawberry.type
class Status:
    value: str
    raw: str


@strawberry.type
class Person:
    name: str
    email: str | None = None


@strawberry.type
class Value:
    value: str


@strawberry.type
class Text:
    text: str


@strawberry.type
class Message:
    kind: Value
    author: Person
    body: Text
    confirmed_at: datetime


@strawberry.type
class Messages:
    nodes: list[Message]


@strawberry.type(description="A request for help, with all that was said about it.")
class Case:
    id: strawberry.ID
    subject: str
    status: Status
    requester: Person

    @strawberry.field
    def messages(self, first: int) -> Messages:
        said = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
        message = Message(
            kind=Value(value="REPLY"), author=self.requester, body=Text(text="Hello"), confirmed_at=said
        )
        return Messages(nodes=[message] * first)


@strawberry.type
class Conversations:
    sources: list[SourceState]
    nodes: list[Case]


SOURCE = Source(key="blue", kind="DESK", name="Blue Desk", capabilities=["CONVERSATIONS", "CASES"])


def _case(guid: str) -> Case:
    return Case(
        id=strawberry.ID(guid),
        subject="The printer is on fire",
        status=Status(value="OPEN", raw="new"),
        requester=Person(name="Ada", email="ada@example.org"),
    )


@strawberry.type
class Query:
    @strawberry.field
    def sources(self) -> list[Source]:
        return [SOURCE]

    @strawberry.field
    def conversations(self, first: int) -> Conversations:
        return Conversations(
            sources=[SourceState(source=SOURCE, state="OK")], nodes=[_case(str(n)) for n in range(first)]
        )

    @strawberry.field
    def case(self, guid: strawberry.ID) -> Case:
        return _case(guid)


async def _page(_: Request) -> Response:
    return explorer.page()


@pytest.fixture(scope="session")
def explorer_url() -> Iterator[str]:
    """The address of the page."""
    app = Starlette(
        routes=[
            Route("/", _page),
            Mount(explorer.ASSETS_PATH, explorer.static_app()),
            Route("/graphql", GraphQL[None, None](strawberry.Schema(Query), graphql_ide=None)),
        ]
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        # The socket listens already: a request that comes before the server runs waits for it.
        yield "http://{}:{}/".format(*listener.getsockname())
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(explorer_url: str, tmp_path: Path) -> Iterator["Page"]:
    """A browser of its own that reaches 127.0.0.1 and nothing else, at the explorer.

    Whatever a test does with it: nothing may leave the server's origin, and the console stays empty.
    """
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    requests: list[str] = []
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=[
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            ],
            viewport={"width": 1400, "height": 900},
        )
        context.on("request", lambda request: requests.append(request.url))
        context.on("requestfailed", lambda request: problems.append(f"{request.url}: {request.failure}"))
        context.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (violation) =>"
            " console.error('policy', violation.violatedDirective, violation.blockedURI))"
        )
        page = context.new_page()
        page.goto(explorer_url)
        yield page
        # Closing breaks off what is still loading, so it comes after the judgement.
        strays = [url for url in requests if not url.startswith((explorer_url, "data:"))]
        assert (problems, strays) == ([], [])
        context.close()

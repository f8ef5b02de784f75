"""The browser of the explorer's tests, at the `dev` process and at a `serve` process with its log-in."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from playwright.sync_api import Page, Response, sync_playwright

from gateway.commands.dev import sandbox_sources
from gateway.sandbox import Running, Sandbox
from tests.dev import Dev
from tests.ledgers import temporary_ledger
from tests.processes import LEDGER_URL, run, running


@dataclass(frozen=True)
class Serve:
    """A running `helpdesk-gateway serve` with the explorer, and the ledger of its keys."""

    url: str
    environment: dict[str, str]

    def key(self, name: str, *scopes: str) -> str:
        """Make a key as an operator does; callers of different names have rate limits of their own."""
        made = run("keys", "create", name, "--scope", *scopes, **self.environment)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()


@pytest.fixture(scope="session")
def serve(dev_process: Dev) -> Iterator[Serve]:
    """`serve` over `dev`'s sandbox. Each caller may ask six times, and then once a minute."""
    asked = cast("Running", SimpleNamespace(base_urls=dev_process.sandbox_urls))
    with temporary_ledger() as ledger_url:
        environment = {
            LEDGER_URL: ledger_url,
            "HELPDESK_GATEWAY_SOURCES": json.dumps(sandbox_sources(Sandbox(), asked, cache_ttl_s=0)),
            "HELPDESK_GATEWAY_SERVER__PORT": "0",
            "HELPDESK_GATEWAY_SERVER__EXPLORER": "true",
            "HELPDESK_GATEWAY_RATE_LIMITS__REQUESTS_AT_ONCE": "6",
            "HELPDESK_GATEWAY_RATE_LIMITS__REQUESTS_PER_MINUTE": "1",
        }
        with running("serve", until="listens", **environment) as (_, said):
            listens = re.search(r"(http://\S+)/graphql", said[-1])
            assert listens
            yield Serve(listens[1], environment)


@contextmanager
def browser(url: str, profile: Path, *, refusals: Sequence[int] = ()) -> Iterator[Page]:
    """A browser of its own that reaches 127.0.0.1 and nothing else, at the explorer.

    Whatever a test does with it: nothing may leave the server's origin, and the console stays empty, but
    for what Chromium itself says there of a refused request.

    Args:
        url: The server's.
        profile: Where the browser keeps what it keeps.
        refusals: Statuses that the graph may answer with.
    """
    problems: list[str] = []
    requests: list[str] = []
    answers: list[Response] = []
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
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
        context.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright marks it
        context.on("requestfailed", lambda request: problems.append(f"{request.url}: {request.failure}"))
        context.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (violation) =>"
            " console.error('policy', violation.violatedDirective, violation.blockedURI))"
        )
        page = context.new_page()
        page.goto(f"{url}/graphql")
        yield page
        # Closing breaks off what is still loading, so it comes after the judgement.
        refused = [each for each in answers if each.url == f"{url}/graphql" and each.status in refusals]
        told = {
            "error: Failed to load resource: the server responded with a status of "
            f"{each.status} ({each.status_text})"
            for each in refused
        }
        # So Chromium calls the files of workers that a page leaves behind.
        told |= {f"{each.url}: net::ERR_ABORTED" for each in answers if each.ok and ".worker-" in each.url}
        strays = [each for each in requests if not each.startswith((f"{url}/", "data:"))]
        assert ([each for each in problems if each not in told], strays) == ([], [])
        context.close()


@pytest.fixture
def page(dev: Dev, tmp_path: Path) -> Iterator[Page]:
    """A browser at the explorer of `dev`, which refuses nothing."""
    with browser(dev.url, tmp_path / "profile") as page:
        yield page


@pytest.fixture
def serve_page(serve: Serve, tmp_path: Path) -> Iterator[Page]:
    """A browser at the explorer of `serve`, which asks for a key first."""
    with browser(serve.url, tmp_path / "profile", refusals=(401, 429)) as page:
        yield page

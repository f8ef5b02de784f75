"""The browser of the explorer's tests, at the `dev` process."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.dev import Dev


@pytest.fixture
def page(dev: Dev, tmp_path: Path) -> Iterator[Page]:
    """A browser of its own that reaches 127.0.0.1 and nothing else, at the explorer.

    Whatever a test does with it: nothing may leave the server's origin, and the console stays empty.
    """
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
        page.goto(f"{dev.url}/graphql")
        yield page
        # Closing breaks off what is still loading, so it comes after the judgement.
        strays = [url for url in requests if not url.startswith((f"{dev.url}/", "data:"))]
        assert (problems, strays) == ([], [])
        context.close()

"""Sanitised HTML in a real browser, in a page without any policy of its own: nothing runs, nothing loads."""

import html
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Dialog, Page, Request, Route, sync_playwright

from gateway.security.html import escape, sanitize, to_text
from tests.xss import ALL

pytestmark = pytest.mark.e2e

ORIGIN = "https://desk.example"
RAN = "it ran"
# Where a page may put a stranger's text; the browser reads it by the rules of each place.
PLACES = ("div", "p", "td", "span", "pre", "li", "template", "textarea", "body")

# Puts each text into each place, and tells what stands in the page that has no business there.
SHOW = """
async ([texts, places, sentinel]) => {
  const found = [];
  const allowed = new Set(("a abbr b bdi blockquote br caption cite code dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 "
    + "hr i img ins kbd li mark ol p pre q s samp small span strong sub sup table tbody td tfoot th thead tr u ul "
    + "var wbr").split(" "));
  const names = new Set("href title rel value start dir colspan rowspan src alt width height loading referrerpolicy"
    .split(" "));
  const protocols = new Set(["http:", "https:", "mailto:", "tel:"]);
  const globals = Object.getOwnPropertyNames(window).length;
  for (const text of texts) for (const place of places) {
    const host = document.createElement(place);
    document.body.append(host);
    host.innerHTML = text;
    // What another program reads and writes once more, as editors do.
    const again = document.createElement("div");
    document.body.append(again);
    again.innerHTML = host.innerHTML;
    for (const root of [host.content ?? host, again]) for (const each of root.querySelectorAll("*")) {
      if (place === "textarea") continue;
      if (!allowed.has(each.localName)) found.push([text, each.localName]);
      if (each.namespaceURI !== "http://www.w3.org/1999/xhtml") found.push([text, each.namespaceURI]);
      if (each.shadowRoot) found.push([text, "shadow"]);
      for (const { name } of each.attributes) if (!names.has(name)) found.push([text, name]);
      if (each.localName === "a" && each.hasAttribute("href") && !protocols.has(each.protocol))
        found.push([text, each.href]);
      for (const kind of ["click", "mouseover", "focus", "load", "error", "toggle", "animationstart"])
        each.dispatchEvent(new Event(kind, { bubbles: false, cancelable: true }));
    }
    host.remove();
    again.remove();
  }
  if (Object.getOwnPropertyNames(window).length !== globals) found.push(["?", "a global"]);
  // What was asked for before this has been asked for when this has failed.
  await new Promise((done) => {
    const last = new Image();
    last.onerror = last.onload = done;
    last.src = sentinel;
  });
  return found;
}
"""


@dataclass
class Watched:
    """A page that loads what a test gives it, and what it did: no request of it goes anywhere."""

    page: Page
    document: str = ""
    requests: list[Request] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def open(self, document: str) -> None:
        """Load a document as from a server, to its end."""
        self.document = document
        self.page.goto(f"{ORIGIN}/document", wait_until="load")

    def serve(self, route: Route) -> None:
        """Answer the document alone."""
        request = route.request
        if request.url == f"{ORIGIN}/document":
            route.fulfill(body=self.document, content_type="text/html; charset=utf-8")
            return
        if not request.url.endswith("/sentinel"):
            self.requests.append(request)
        route.abort()

    def said(self, message: ConsoleMessage) -> None:
        """A script says so by `alert`, which is the init script's."""
        if message.text.startswith(RAN):
            self.ran.append(message.text)

    def asked(self, dialog: Dialog) -> None:
        """Nothing is to ask the reader anything."""
        self.ran.append(dialog.message)
        dialog.dismiss()

    def show(self, texts: list[str]) -> list[Any]:
        """Put texts into the page; what of them has no business there."""
        found: list[Any] = self.page.evaluate(SHOW, [texts, PLACES, f"{ORIGIN}/sentinel"])
        return found


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
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
                "--host-resolver-rules=MAP * ~NOTFOUND",
            ],
        )
        context.add_init_script(f"window.alert = () => console.log('{RAN}' + window.name)")
        watched = Watched(context.new_page())
        context.route("**/*", watched.serve)
        context.on("console", watched.said)
        context.on("dialog", watched.asked)
        yield watched
        context.close()


def _page(body: str) -> str:
    return f"<!doctype html><html><head><title>x</title></head><body>{body}</body></html>"


def _pages(texts: list[str]) -> Iterator[str]:
    """Documents with a few texts each: they are balanced, so none reaches into the next."""
    for start in range(0, len(texts), 25):
        yield _page("<hr>".join(texts[start : start + 25]))


def test_the_vectors_are_live(watched: Watched) -> None:
    """Shown as they are many of them run or load, so that the silence below means something."""
    live = set()
    for start in range(0, len(ALL), 25):
        frames = [
            f"<iframe name='frame {number}' srcdoc='{html.escape(_page(vector))}'></iframe>"
            for number, vector in enumerate(ALL[start : start + 25], start)
        ]
        watched.open(_page("".join(frames)))
        live |= {said.removeprefix(RAN) for said in watched.ran}
        live |= {each.frame.name for each in watched.requests}

    assert len({name for name in live if name.startswith("frame ")}) > 100


def test_nothing_runs_or_loads_from_markup_that_is_put_into_a_page(watched: Watched) -> None:
    watched.open(_page(""))

    found = watched.show([sanitize(vector) for vector in ALL])
    found += watched.show([escape(vector) for vector in ALL])
    found += watched.show([escape(to_text(vector)) for vector in ALL])

    assert (found, watched.ran, watched.requests) == ([], [], [])


def test_nothing_runs_or_loads_from_markup_that_is_a_page(watched: Watched) -> None:
    for document in _pages([sanitize(vector) for vector in ALL]):
        watched.open(document)
        assert watched.page.title() == "x"

    assert (watched.ran, watched.requests) == ([], [])


def test_only_pictures_load_where_they_are_asked_for(watched: Watched) -> None:
    cleaned = [sanitize(vector, remote_images=True) for vector in ALL]
    watched.open(_page(""))

    found = watched.show(cleaned)
    for document in _pages(cleaned):
        watched.open(document)

    assert (found, watched.ran) == ([], [])
    asked = {(each.resource_type, each.url.split("/")[2]) for each in watched.requests}
    assert asked == {("image", "tracker.example")}

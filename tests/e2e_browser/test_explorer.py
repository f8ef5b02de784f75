"""The explorer in a real browser that has no network."""

import json
import re
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Page, Request, expect

from gateway.http.explorer.queries import READY_QUERIES
from tests.e2e_browser.conftest import Serve, browser

pytestmark = pytest.mark.e2e

expect.set_options(timeout=20_000)

FIRST = READY_QUERIES[0]


def _run(page: Page) -> None:
    page.get_by_role("button", name="Execute query").click()


def _text(page: Page, file: str) -> str:
    """What an editor holds; the DOM has only the lines in sight."""
    text: str = page.evaluate(
        "file => __MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith(file)).getValue()", file
    )
    return text


def _type_over(page: Page, pane: str, text: str) -> None:
    page.get_by_role("region", name=pane).get_by_role("code").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(text)


def _await_stored(page: Page, key: str, text: str) -> None:
    """Playwright's own waiting evaluates strings, which the page's policy forbids."""
    page.evaluate(
        """([key, text]) => new Promise((resolve, reject) => {
          const end = performance.now() + 20000;
          const look = () => {
            if ((localStorage[key] ?? "").includes(text)) resolve();
            else if (performance.now() > end) reject(new Error(`${key} never held ${text}`));
            else requestAnimationFrame(look);
          };
          look();
        })""",
        [key, text],
    )


def test_opens_with_the_ready_queries(page: Page) -> None:
    expect(page).to_have_title("Helpdesk gateway")
    expect(page.get_by_role("tab")).to_have_count(len(READY_QUERIES))
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("query Sources {")
    assert _text(page, "operation.graphql").endswith(FIRST.query)


def test_runs_every_ready_query(page: Page) -> None:
    result = page.locator(".graphiql-response .view-lines")
    for index, ready in enumerate(READY_QUERIES):
        page.get_by_role("tab").nth(index).click()
        expect(result).not_to_contain_text("data")
        _run(page)
        expect(result).to_contain_text('"data": {')
        answer = json.loads(_text(page, "response.json"))
        assert "errors" not in answer, ready.title
        assert all(value is not None for value in answer["data"].values()), ready.title


def test_documentation_describes_a_type(page: Page) -> None:
    page.get_by_role("button", name="Show Documentation Explorer").click()
    docs = page.get_by_role("complementary").or_(page.locator(".graphiql-doc-explorer")).first
    docs.get_by_role("link", name="Query", exact=True).click()
    docs.get_by_role("link", name="Source", exact=True).first.click()
    expect(docs.locator(".graphiql-doc-explorer-title")).to_have_text("Source")
    expect(docs.locator(".graphiql-markdown-description").first).not_to_be_empty()


def test_checks_and_completes_against_the_schema(page: Page) -> None:
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("query Sources {")
    _type_over(page, "Operation Editor", "{ sources { key nonsense } }")
    expect(page.locator(".graphiql-query-editor .squiggly-error")).to_have_count(1)
    _type_over(page, "Variables", '{"a": }')
    expect(page.locator(".graphiql-editor-tool .squiggly-error")).to_have_count(1)
    _type_over(page, "Operation Editor", "{ ")
    page.keyboard.type("sour")
    expect(page.locator(".suggest-widget .monaco-list-row").first).to_contain_text("sources")
    # Monaco does without workers when they fail to load, if slowly.
    assert {re.sub(r".*/|\.worker.*", "", worker.url) for worker in page.workers} == {
        "editor",
        "graphql",
        "json",
    }


def test_prettifies_operation_and_variables(page: Page) -> None:
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("query Sources {")
    _type_over(page, "Operation Editor", "# kept\nquery Sources{sources{key}}")
    _type_over(page, "Variables", '{"a":[1,{"b":null}], // kept\n"c":"d"}')
    page.get_by_role("button", name="Prettify query").click()
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("sources { key }")
    assert _text(page, "operation.graphql") == "# kept\nquery Sources {\n  sources {\n    key\n  }\n}\n"
    assert _text(page, "variables.json") == (
        '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ], // kept\n  "c": "d"\n}'
    )


def test_sends_typed_headers_and_stores_none(page: Page) -> None:
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("query Sources {")
    page.get_by_role("button", name="Headers").click()
    _type_over(page, "Headers", '{"X-Api-Key": "sesame"}')
    _type_over(page, "Operation Editor", "query Keyed { sources { key } }")
    # The tab learns of texts in the order of typing, so by now it knows the headers too.
    expect(page.get_by_role("tab", name="Keyed")).to_be_visible()
    with page.expect_request(lambda request: "query Keyed" in (request.post_data or "")) as sent:
        _run(page)
    assert sent.value.headers["x-api-key"] == "sesame"
    assert sent.value.headers["accept"] == "application/graphql-response+json, application/json"
    assert sent.value.headers["content-type"] == "application/json"

    # GraphiQL's history writes headers down even where persisting them is off.
    page.get_by_role("button", name="Show History").click()
    expect(page.locator(".graphiql-history-item")).to_have_count(1)
    _await_stored(page, "graphiql:tabState", "query Keyed")
    stored = page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert "graphiql:queries" in stored
    assert "sesame" not in stored


def test_keeps_the_users_tabs(page: Page) -> None:
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("query Sources {")
    page.get_by_role("button", name="New tab").click()
    _type_over(page, "Operation Editor", "query Mine { sources { key } }")
    expect(page.get_by_role("tab", name="Mine")).to_be_visible()
    _await_stored(page, "graphiql:query", "query Mine { sources { key } }")
    _await_stored(page, "graphiql:tabState", "query Mine { sources { key } }")
    later = page.context.new_page()
    later.goto(page.url)
    expect(later.get_by_role("tab")).to_have_count(len(READY_QUERIES) + 1)
    expect(later.locator(".graphiql-query-editor .view-lines")).to_contain_text("query Mine {")


# -- with a log-in: the caller's own key


def _enter(page: Page, key: str) -> None:
    page.get_by_label("API key or token").fill(key)
    page.keyboard.press("Enter")


def _expect_told(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("status")).to_have_text(text)


def _type_headers(page: Page, headers: dict[str, str]) -> None:
    page.get_by_role("button", name="Headers").click()
    # Over another text the editor would add a bracket or a quote.
    _type_over(page, "Headers", "")
    page.keyboard.press("Delete")
    _type_over(page, "Headers", json.dumps(headers))


def _holds(folder: Path, text: str) -> bool:
    """Whether a text is in any file of a folder, as the browser's databases write it."""
    forms = (text.encode(), text.encode("utf-16-le"))
    files = (path for path in folder.rglob("*") if path.is_file())
    return any(form in content for content in map(Path.read_bytes, files) for form in forms)


ASKED = "The gateway asks for an API key or token."
CARRIED = "Requests carry your key or token."
REFUSED = "This key or token was refused: it is wrong, expired or revoked."


def test_without_a_log_in_there_is_nothing_to_enter(page: Page) -> None:
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.get_by_role("link", name="Query", exact=True)).to_be_visible()
    expect(page.get_by_label("API key or token")).to_have_count(0)
    expect(page.get_by_role("status")).to_be_empty()
    box = page.locator(".graphiql-sidebar").bounding_box()
    assert box is not None
    assert box["y"] == 0


def test_asks_for_a_key_where_the_gateway_does(serve_page: Page) -> None:
    _expect_told(serve_page, ASKED)
    field = serve_page.get_by_label("API key or token")
    expect(field).to_have_accessible_description(
        re.compile(ASKED + ".*forgotten when you reload or close it")
    )
    serve_page.keyboard.press("Tab")
    expect(field).to_be_focused()
    expect(serve_page.get_by_role("button", name="Forget it")).to_have_count(0)
    serve_page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(serve_page.get_by_text("Error fetching schema")).to_be_visible()


def test_says_that_a_key_is_refused(serve_page: Page) -> None:
    _expect_told(serve_page, ASKED)
    sent: list[Request] = []
    serve_page.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - Playwright marks it
    _enter(serve_page, "hdg_wrong")
    _expect_told(serve_page, REFUSED)
    expect(serve_page.get_by_label("API key or token")).to_be_empty()
    expect(serve_page.get_by_label("API key or token")).to_be_focused()
    # Each refusal counts against the address: one try is one request.
    asked = [each.headers.get("authorization") for each in sent if each.method == "POST"]
    assert asked == ["Bearer hdg_wrong"]


def test_says_what_can_be_no_key_and_sends_nothing(serve_page: Page) -> None:
    _expect_told(serve_page, ASKED)
    sent: list[str] = []
    serve_page.on("request", lambda request: sent.append(request.method))
    for text in ("two words", "zażółć", "Bearer "):
        _enter(serve_page, text)
        _expect_told(serve_page, "That is no key or token: it has a blank or a foreign letter in it.")
    assert "POST" not in sent


def test_a_key_opens_the_schema_and_goes_with_every_request(serve: Serve, serve_page: Page) -> None:
    key = serve.key("reader", "messages:read", "accounts:read")
    _expect_told(serve_page, ASKED)
    _enter(serve_page, f" Bearer {key} ")
    _expect_told(serve_page, CARRIED)
    serve_page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(serve_page.get_by_role("link", name="Query", exact=True)).to_be_visible()
    _type_over(serve_page, "Operation Editor", "query Me { viewer { name scopes } }")
    with serve_page.expect_request(lambda request: "query Me" in (request.post_data or "")) as sent:
        _run(serve_page)
    assert sent.value.headers["authorization"] == f"Bearer {key}"
    expect(serve_page.locator(".graphiql-response .view-lines")).to_contain_text("reader")
    answer = json.loads(_text(serve_page, "response.json"))
    assert answer == {"data": {"viewer": {"name": "reader", "scopes": ["accounts:read", "messages:read"]}}}

    serve_page.get_by_role("button", name="Forget it").click()
    _expect_told(serve_page, ASKED)
    expect(serve_page.get_by_label("API key or token")).to_be_focused()


def test_a_key_is_kept_nowhere(serve: Serve, tmp_path: Path) -> None:
    key, profile = serve.key("forgetful", "messages:read"), tmp_path / "profile"
    with browser(serve.url, profile, refusals=(401,)) as page:
        _expect_told(page, ASKED)
        _enter(page, key)
        _expect_told(page, CARRIED)
        _type_over(page, "Operation Editor", "query Remembered { viewer { name } }")
        expect(page.get_by_role("tab", name="Remembered")).to_be_visible()
        _run(page)
        expect(page.locator(".graphiql-response .view-lines")).to_contain_text("forgetful")
        page.get_by_role("button", name="Show History").click()
        expect(page.locator(".graphiql-history-item")).to_have_count(1)
        _await_stored(page, "graphiql:tabState", "query Remembered")
        stored = """async () => JSON.stringify([
          localStorage, sessionStorage, document.cookie, history.state, history.length, location.href,
          await indexedDB.databases(), await caches.keys(), document.documentElement.outerHTML,
          [...document.querySelectorAll("input, textarea")].map((each) => each.value),
        ])"""
        before = page.evaluate(stored)
        assert ("query Remembered" in before, key in before) == (True, False)

        page.reload()
        _expect_told(page, ASKED)
        expect(page.get_by_label("API key or token")).to_be_empty()
        after = page.evaluate(stored)
        assert ("query Remembered" in after, key in after) == (True, False)
        assert (page.url, page.evaluate("history.length")) == (f"{serve.url}/graphql", 2)
    assert (_holds(profile, "query Remembered"), _holds(profile, key)) == (True, False)


def test_a_key_in_the_headers_pane_wins(serve: Serve, serve_page: Page) -> None:
    entered, typed = serve.key("entered", "messages:read"), serve.key("typed", "messages:read")
    _expect_told(serve_page, ASKED)
    _enter(serve_page, entered)
    _expect_told(serve_page, CARRIED)
    result = serve_page.locator(".graphiql-response .view-lines")
    for name, headers in (
        ("Ours", {"X-Api-Key": typed}),
        ("Theirs", {"authorization": f"Bearer {typed}"}),
    ):
        _type_headers(serve_page, headers)
        _type_over(serve_page, "Operation Editor", f"query {name} {{ viewer {{ name }} }}")
        expect(serve_page.get_by_role("tab", name=name)).to_be_visible()
        _run(serve_page)
        expect(result).to_contain_text('"typed"')
        _expect_told(serve_page, "Requests carry the Headers pane's key or token.")

    _type_headers(serve_page, {"Authorization": "Bearer hdg_wrong"})
    _type_over(serve_page, "Operation Editor", "query Wrong { viewer { name } }")
    expect(serve_page.get_by_role("tab", name="Wrong")).to_be_visible()
    _run(serve_page)
    _expect_told(
        serve_page, "The key or token in the Headers pane was refused: it is wrong, expired or revoked."
    )


def test_says_what_a_key_has_no_right_to(serve: Serve, serve_page: Page) -> None:
    _expect_told(serve_page, ASKED)
    _enter(serve_page, serve.key("narrow", "templates:read"))
    _expect_told(serve_page, CARRIED)
    _type_over(serve_page, "Operation Editor", "query Some { viewer { name } accounts { nodes { id } } }")
    expect(serve_page.get_by_role("tab", name="Some")).to_be_visible()
    _run(serve_page)
    _expect_told(
        serve_page,
        "Your key or token has no right to this, or to a part of it. "
        "You may not do this: it needs the scope `accounts:read`.",
    )
    _type_over(serve_page, "Operation Editor", "query Mine { viewer { name } }")
    expect(serve_page.get_by_role("tab", name="Mine")).to_be_visible()
    _run(serve_page)
    _expect_told(serve_page, CARRIED)


def test_says_when_a_key_may_ask_again(serve: Serve, serve_page: Page) -> None:
    key = serve.key("hasty", "messages:read")
    _expect_told(serve_page, ASKED)
    _enter(serve_page, key)
    _expect_told(serve_page, CARRIED)
    headers = {"Authorization": f"Bearer {key}"}
    statuses = [
        httpx.post(f"{serve.url}/graphql", json={"query": "{__typename}"}, headers=headers).status_code
        for _ in range(6)
    ]
    assert statuses[-1] == 429
    _run(serve_page)
    _expect_told(
        serve_page, re.compile(r"Rate-limited\. Try again in \d+ s: Your quota of requests is used up")
    )
    # The same when the schema is what is asked for.
    _enter(serve_page, key)
    _expect_told(serve_page, re.compile(r"Rate-limited\. Try again in \d+ s: "))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_it_says_can_be_read(serve_page: Page, scheme: Literal["light", "dark"]) -> None:
    serve_page.emulate_media(color_scheme=scheme)
    _expect_told(serve_page, ASKED)
    contrasts = serve_page.evaluate(
        """() => {
          const light = (element, property) => {
            const parts = getComputedStyle(element)[property].match(/[\\d.]+/g).slice(0, 3).map((each) => {
              const part = each / 255;
              return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
          };
          const login = document.querySelector(".explorer-login");
          const ground = light(login, "backgroundColor");
          return [...login.querySelectorAll("label, input, button, span, p")].map((element) => {
            const text = light(element, "color");
            return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
          });
        }"""
    )
    # WCAG 2.2, 1.4.3
    assert len(contrasts) == 5
    assert min(contrasts) >= 4.5

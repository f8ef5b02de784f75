"""The explorer in a real browser that has no network."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from gateway.http.explorer.queries import READY_QUERIES

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

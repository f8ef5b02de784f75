import json
import re
from html.parser import HTMLParser
from pathlib import Path

import graphql
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.http import explorer
from gateway.http.explorer.queries import READY_QUERIES, ReadyQuery

STATIC = Path(explorer.__file__).parent / "static"
FILES = sorted(file.name for file in STATIC.iterdir())
HASHED = [name for name in FILES if name not in {"LICENSES.txt", "manifest.json"}]
CODE = [name for name in HASHED if name.endswith((".js", ".css"))]


class _Page(HTMLParser):
    """Collects what the page refers to and what its scripts hold."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.attributes: set[str] = set()
        self.elements: set[str] = set()
        self._script: dict[str, str | None] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.references += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag == "script":
            self._script = dict(attrs)
            self.scripts.append((self._script, ""))

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts[-1] = (self._script, data)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._script = None


def _page(endpoint: str = "/graphql") -> _Page:
    return _Page(bytes(explorer.page(endpoint=endpoint).body).decode())


def _config(page: _Page) -> dict[str, object]:
    [data] = [text for attributes, text in page.scripts if attributes.get("type") == "application/json"]
    config: dict[str, object] = json.loads(data)
    return config


async def _get(path: str, method: str = "GET", **headers: str) -> httpx.Response:
    app = Starlette(routes=[Mount(explorer.ASSETS_PATH, explorer.static_app())])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.request(method, path, headers=headers)


def test_page_refers_to_its_own_files_only() -> None:
    page = _page()
    assert sorted(page.references) == sorted(
        f"/explorer/{name}" for name in json.loads((STATIC / "manifest.json").read_text()).values()
    )
    assert {reference.removeprefix("/explorer/") for reference in page.references} <= set(HASHED)
    assert "//" not in bytes(explorer.page().body).decode()


def test_page_has_no_inline_script_or_handler() -> None:
    page = _page()
    assert [attributes.get("type") for attributes, text in page.scripts if text] == ["application/json"]
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert not page.elements & {"style", "iframe", "object", "embed", "form", "base"}


def test_page_is_served_with_its_policy() -> None:
    headers = explorer.page().headers
    policy = dict(directive.split(" ", 1) for directive in headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-cache"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_page_hands_over_the_endpoint_whatever_it_holds() -> None:
    assert _config(_page("/a/graph"))["endpoint"] == "/a/graph"
    assert _config(_page("/</script><script>"))["endpoint"] == "/</script><script>"


def test_page_opens_with_the_ready_queries() -> None:
    tabs = _config(_page())["tabs"]
    assert isinstance(tabs, list)
    assert [re.sub(r"^#.*\n|^\n", "", tab["query"], flags=re.MULTILINE) for tab in tabs] == [
        ready.query for ready in READY_QUERIES
    ]
    assert [json.loads(tab["variables"] or "{}") for tab in tabs] == [
        ready.variables for ready in READY_QUERIES
    ]
    assert all(tab["query"].startswith("# ") for tab in tabs)
    # Longer comments are cut off by the editor's edge.
    assert max(len(line) for tab in tabs for line in tab["query"].splitlines() if line.startswith("#")) <= 56


@pytest.mark.parametrize("ready", READY_QUERIES, ids=lambda ready: ready.title)
def test_a_ready_query_is_one_named_operation(ready: ReadyQuery) -> None:
    [operation] = graphql.parse(ready.query).definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    assert operation.name is not None
    assert {node.variable.name.value for node in operation.variable_definitions or ()} == set(ready.variables)


@pytest.mark.parametrize("name", HASHED)
async def test_a_hashed_file_is_kept_for_ever(name: str) -> None:
    response = await _get(f"/explorer/{name}")
    assert response.status_code == 200
    assert response.content == (STATIC / name).read_bytes()
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert (
        response.headers["content-security-policy"]
        == "default-src 'none'; frame-ancestors 'none'"  # which its worker runs under
    )
    assert (
        response.headers["content-type"]
        == {
            "css": "text/css; charset=utf-8",
            "js": "text/javascript; charset=utf-8",
            "svg": "image/svg+xml",
            "ttf": "font/ttf",
            "woff2": "font/woff2",
        }[name.rsplit(".", 1)[1]]
    )

    again = await _get(f"/explorer/{name}", **{"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    changed = await _get(f"/explorer/{name}", **{"If-None-Match": '"another"'})
    assert changed.status_code == 200


@pytest.mark.parametrize("name", sorted(set(FILES) - set(HASHED)))
async def test_a_file_of_constant_name_is_asked_for_again(name: str) -> None:
    response = await _get(f"/explorer/{name}")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")
    again = await _get(f"/explorer/{name}", **{"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/explorer",
        "/explorer/",
        "/explorer/absent-AAAAAAAA.js",
        "/explorer/../__init__.py",
        "/explorer/%2e%2e/__init__.py",
        "/explorer/..%2f__init__.py",
        "/explorer/..%5c__init__.py",
        "/explorer/%2fetc%2fpasswd",
        "/explorer//etc/passwd",
        "/explorer/manifest.json%00.js",
    ],
)
async def test_nothing_else_is_served(path: str) -> None:
    assert (await _get(path)).status_code in {307, 404}
    assert (await _get(path)).content in {b"", b"Not Found"}


async def test_files_are_only_read() -> None:
    assert (await _get("/explorer/manifest.json", "POST")).status_code == 405


@pytest.mark.parametrize("name", CODE)
def test_code_loads_nothing_from_another_host(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert not re.search(r"unpkg|jsdelivr|cdnjs|esm\.sh|googleapis|sourceMappingURL", text)
    assert not re.search(r"""\b(?:import|importScripts|fetch|Worker)\s*\(\s*["'`](?:https?:)?//""", text)
    assert not re.search(r"""\bfrom\s*["'`](?:https?:)?//""", text)
    assert not re.search(r"""url\(\s*["']?(?:https?:)?//|@import""", text)
    # Namespaces, links and messages; a new host here is to be looked at before it is added.
    assert set(re.findall(r"https?://([\w.-]+)", text)) <= {
        "code.visualstudio.com",
        "commonmark.org",
        "en.wikipedia.org",
        "github.com",
        "json-schema.org",
        "microsoft.com",
        "prettier.io",
        "react.dev",
        "www.w3.org",
        "yarnpkg.com",
    }


@pytest.mark.parametrize("name", CODE)
def test_code_refers_to_files_that_are_there(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert set(re.findall(r"[\w.-]+-[0-9A-Z]{8}\.(?:js|css|ttf|woff2|svg)\b", text)) <= set(HASHED)


def test_every_file_is_in_use() -> None:
    texts = [(STATIC / name).read_text(encoding="utf-8") for name in (*CODE, "manifest.json")]
    assert [name for name in HASHED if not any(name in text for text in texts)] == []


def test_bundled_packages_keep_their_licences() -> None:
    licences = (STATIC / "LICENSES.txt").read_text(encoding="utf-8")
    for package in ("graphiql", "graphql", "monaco-editor", "react", "@fontsource/fira-code"):
        assert re.search(rf"^{package} \d", licences, flags=re.MULTILINE), package
    assert "SIL OPEN FONT LICENSE" in licences


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((STATIC.parent / "build" / "package-lock.json").read_text(encoding="utf-8"))
    assert [path for path, package in lock["packages"].items() if "resolved" in package] == []
    pinned = lock["packages"][""]["dependencies"] | lock["packages"][""]["devDependencies"]
    assert {name: lock["packages"][f"node_modules/{name}"]["version"] for name in pinned} == pinned

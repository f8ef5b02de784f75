"""The GraphiQL page and its files, all served by this process.

Both are the same for everybody, hold no secret and need no log-in. Where the gateway asks for one, the page
asks for the person's own key, keeps it in memory alone and sends it along (`build/src/login.js`).

`build/build.sh` writes `static/`: content-hashed files, and a manifest that names the ones the page loads.
"""

import json
import os
import re
import textwrap
from functools import cache
from html import escape
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from gateway.http.explorer.queries import READY_QUERIES, ReadyQuery

ASSETS_PATH = "/explorer"
"""Where `static_app()` is mounted; the page's references start with it."""

_STATIC = Path(__file__).parent / "static"

_TIPS = """\
Ctrl-Enter runs the operation, Ctrl-Space completes it. The book on the left opens the schema's \
documentation, the clock what you ran before. A key for the gateway goes into the Headers pane below \
and is never stored."""

_COMMENT_WIDTH = 54  # What the editor shows in a window of 1,400 pixels.

# Monaco writes its theme and the position of every line as inline styles; its squiggles are data: images.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE_HEADERS = {
    "Content-Security-Policy": _PAGE_POLICY,
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # At its address programs get JSON.
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# A worker obeys the policy of its own file, and this one lets it reach nothing.
_ASSET_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

# Python's own table depends on the machine's and lacks fonts.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}

_HASHED = re.compile(r"-[0-9A-Z]{8}\.[a-z0-9]+\Z")


def page(*, endpoint: str = "/graphql") -> Response:
    """The explorer for the graph at `endpoint`, a path on the page's own origin."""
    files = _manifest()
    first, *others = READY_QUERIES
    tabs = [_tab(first, _TIPS, first.title), *(_tab(ready, ready.title) for ready in others)]
    src = {key: escape(f"{ASSETS_PATH}/{name}") for key, name in files.items()}
    # Inside a script element only "<" could end it or open a comment.
    data = json.dumps({"endpoint": endpoint, "tabs": tabs}).replace("<", r"\u003c")
    return HTMLResponse(
        f"""\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Helpdesk gateway</title>
    <link rel="icon" type="image/svg+xml" href="{src["icon"]}">
    <link rel="stylesheet" href="{src["style"]}">
    <script type="module" src="{src["script"]}"></script>
  </head>
  <body>
    <div id="explorer"><p class="explorer-wait">Loading the explorer…</p></div>
    <noscript><p class="explorer-wait">The explorer needs JavaScript.</p></noscript>
    <script type="application/json" id="explorer-config">{data}</script>
  </body>
</html>
""",
        headers=_PAGE_HEADERS,
    )


def static_app() -> StaticFiles:
    """The ASGI app of the page's files, to be mounted at `ASSETS_PATH`."""
    return _Assets(directory=_STATIC, follow_symlink=False)


class _Assets(StaticFiles):
    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        name = Path(full_path).name
        headers = dict(_ASSET_HEADERS)
        if _HASHED.search(name):
            headers["Cache-Control"] = "public, max-age=31536000, immutable"
            # The name carries the content's hash, so every replica gives the same tag; file times would not.
            headers["ETag"] = f'"{name}"'
        else:
            headers["Cache-Control"] = "no-cache"
        media_type = _MEDIA_TYPES[Path(name).suffix]
        response = FileResponse(
            full_path,
            status_code=status_code,
            headers=headers,
            media_type=media_type,
            stat_result=stat_result,
        )
        is_known = self.is_not_modified(response.headers, Headers(scope=scope))
        # A weak tag, as it stands for the file in every encoding (RFC 9110, section 8.8.3.3).
        response.headers["ETag"] = f"W/{response.headers['ETag']}"
        if is_known:
            # What compresses says so on whole answers alone.
            response.headers["Vary"] = "Accept-Encoding"
            return NotModifiedResponse(response.headers)
        return response


@cache
def _manifest() -> dict[str, str]:
    files: dict[str, str] = json.loads((_STATIC / "manifest.json").read_text(encoding="utf-8"))
    return files


def _tab(ready: ReadyQuery, *paragraphs: str) -> dict[str, str | None]:
    comments = (textwrap.indent(textwrap.fill(text, _COMMENT_WIDTH), "# ") for text in paragraphs)
    variables = json.dumps(ready.variables, indent=2) if ready.variables else None
    return {"query": "\n#\n".join(comments) + "\n\n" + ready.query, "variables": variables}

"""The landing page, and what orchestrators ask."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

_LANDING = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Helpdesk gateway</title>
  </head>
  <body>
    <h1>Helpdesk gateway</h1>
    <p>Several helpdesk systems, one GraphQL graph.</p>
    <ul>
{explorer}      <li><code>POST /graphql</code>: queries and mutations.</li>
      <li><code>POST /uploads?source=&amp;filename=</code>: files for replies and tickets.</li>
      <li><a href="/healthz">/healthz</a> and <a href="/readyz">/readyz</a>: for orchestrators.</li>
    </ul>
  </body>
</html>
"""

_EXPLORER = """\
      <li><a href="/graphql">Explorer</a>: write and run queries, with the schema's documentation beside.</li>
"""


def landing(*, with_explorer: bool) -> Callable[[Request], Awaitable[Response]]:
    """`/`: where to go."""
    page = _LANDING.replace("{explorer}", _EXPLORER if with_explorer else "")
    policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}

    async def respond(_request: Request) -> Response:
        return HTMLResponse(page, headers=headers)

    return respond


async def healthz(_request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(_request: Request) -> Response:
    """It takes requests. Sources don't count: one that is down costs its own fields, not the gateway."""
    return JSONResponse({"status": "ready"}, headers={"Cache-Control": "no-store"})

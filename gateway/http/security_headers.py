"""What every answer tells a browser to leave alone.

A plain ASGI middleware: whatever answers inside, the headers are there. A page that needs more than
nothing (the explorer) brings its own policy, and keeps it.
"""

from collections.abc import Awaitable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    # No answer holds anything that a browser could run, load, frame or send.
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    # For browsers that don't know frame-ancestors.
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    # The address may hold a query.
    (b"referrer-policy", b"no-referrer"),
    # No page of another origin may pull an answer into its process, nor keep a hand on a window of ours.
    # Pages that CORS lets in are not concerned: they ask in another mode.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    # Customers' letters are nobody's to keep on the way.
    (b"cache-control", b"no-store"),
)


class SecurityHeaders:
    """Adds what an answer doesn't say for itself."""

    def __init__(self, app: ASGIApp, *, hsts_max_age_s: int | None = None) -> None:
        """Stand around an app.

        Args:
            app: What answers.
            hsts_max_age_s: How long browsers shall use HTTPS alone; None says nothing of it.
        """
        self._app = app
        self._added = list(ALWAYS)
        if hsts_max_age_s is not None:
            self._added.append((b"strict-transport-security", b"max-age=%d" % hsts_max_age_s))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        def sent(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = completed(message.get("headers", ()), self._added)
            return send(message)

        await self._app(scope, receive, sent)


def completed(given: Iterable[tuple[bytes, bytes]], added: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers with those that are missing among them."""
    headers = list(given)
    names = {name for name, _ in headers}
    headers += [each for each in added if each[0] not in names]
    return headers

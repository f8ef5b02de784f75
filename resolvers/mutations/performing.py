"""What all mutations share: checks that cost no call, the write itself, and its payload."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import TypeVar

from gateway.domain.catalog import Source
from gateway.domain.errors import GatewayError, Refusal, RefusalCode
from gateway.domain.ids import Ref
from gateway.domain.records import Conversation, TextFormat
from gateway.security.html import sanitize
from gateway.writes.service import Intent, Outcome
from resolvers.batches.completion import find_conversation, name_conversation
from resolvers.context import AnyFetch

T = TypeVar("T")

MAX_KEY_LENGTH = 255


def payload(refusals: Iterable[Refusal] = (), **objects: object) -> SimpleNamespace:
    """A mutation's payload: its objects, and why it was refused."""
    return SimpleNamespace(user_errors=list(refusals), **objects)


def check_key(key: str | None) -> tuple[Refusal, ...]:
    """An idempotency key, where given, has 1 to 255 characters."""
    if key is None or 1 <= len(key) <= MAX_KEY_LENGTH:
        return ()
    code = RefusalCode.TOO_LONG if key else RefusalCode.REQUIRED
    return (
        Refusal(code, f"`idempotencyKey` must have 1 to {MAX_KEY_LENGTH} characters.", ("idempotencyKey",)),
    )


def unsupported(source: Source, what: str, **objects: object) -> SimpleNamespace:
    """The payload of a mutation that the source can't do at all."""
    message = f"{source.key} can't {what}."
    return payload([Refusal(RefusalCode.UNSUPPORTED_BY_SOURCE, message, (), source.key)], **objects)


def outgoing(body: str, form: TextFormat) -> str:
    """A text as it may leave: HTML sanitised like incoming HTML."""
    return sanitize(body) if form is TextFormat.HTML else body


def upload_tokens(
    fetch: AnyFetch, source: Source, handles: Sequence[str] | None
) -> tuple[tuple[str, ...] | None, tuple[Refusal, ...]]:
    """The source's tokens for upload handles; None where no attachments were given."""
    if handles is None:
        return None, ()
    return fetch.context.uploads.tokens(handles, principal=fetch.context.principal, source=source.key)


async def perform(
    fetch: AnyFetch,
    source: Source,
    operation: str,
    *,
    key: str | None,
    write: object,
    send: Callable[[], Awaitable[T]],
) -> Outcome[T]:
    """Do a checked write under its idempotency key."""
    intent = Intent(
        principal=fetch.context.principal, operation=operation, source=source.key, key=key, input=write
    )
    return await fetch.context.writes.run(intent, send)


async def read_back(fetch: AnyFetch, ref: Ref, field: str) -> Conversation | None:
    """What was written, as its source shows it now, for a field of the payload that asks for it.

    The write is done: if it can't be read, or isn't shown yet, what its reference says is served, with
    the error beside it, for an answer without it would read as a failure and invite a repeat.
    """
    selection = fetch.selection.at(field)
    if not selection.names:
        return None
    try:
        found = await find_conversation(fetch, ref, selection)
    except GatewayError as error:
        fetch.context.report(error, fetch)
        found = None
    return found or name_conversation(fetch, ref)

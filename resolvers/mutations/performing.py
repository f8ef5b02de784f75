"""What all mutations share: checks that cost no call, the write itself, and its payload."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar

from gateway.domain.catalog import Source, entry_id_of
from gateway.domain.errors import GatewayError, Refusal, RefusalCode
from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, WriteState
from gateway.domain.ports import WritePreparer
from gateway.domain.records import Conversation, Message, TextFormat
from gateway.domain.writes import WriteInput
from gateway.plans.selection import Selection
from gateway.security.html import sanitize
from gateway.writes.journal import Intent
from gateway.writes.service import Outcome, Send
from resolvers.access import WRITES, reading
from resolvers.batches.completion import find_conversation, name_conversation
from resolvers.batches.messages import read_message
from resolvers.context import AnyFetch
from resolvers.letters import LONG_CHARS

P = TypeVar("P")
T = TypeVar("T")

MAX_KEY_LENGTH = 255
# PostgreSQL keeps no NUL, and no log or command line shows the others.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def payload(outcome: Outcome[Any], **objects: object) -> SimpleNamespace:
    """A mutation's payload: its write, its objects, and why it was refused."""
    return SimpleNamespace(write=outcome.entry, user_errors=list(outcome.refusals), **objects)


def refused(refusals: Iterable[Refusal], **objects: object) -> SimpleNamespace:
    """The payload of a mutation of which nothing was recorded or sent."""
    return payload(Outcome(None, refusals=tuple(refusals)), **objects)


def unsupported(source: Source, what: str, **objects: object) -> SimpleNamespace:
    """The payload of a mutation that the source can't do at all."""
    message = f"{source.key} can't {what}."
    return refused([Refusal(RefusalCode.UNSUPPORTED_BY_SOURCE, message, (), source.key)], **objects)


def check_key(key: str | None) -> tuple[Refusal, ...]:
    """An idempotency key, where given, has 1 to 255 characters, none of them a control character."""
    if key is not None and _CONTROL.search(key):
        message = "`idempotencyKey` can't hold control characters."
        return (Refusal(RefusalCode.INVALID, message, ("idempotencyKey",)),)
    if key is None or 1 <= len(key) <= MAX_KEY_LENGTH:
        return ()
    code = RefusalCode.TOO_LONG if key else RefusalCode.REQUIRED
    return (
        Refusal(code, f"`idempotencyKey` must have 1 to {MAX_KEY_LENGTH} characters.", ("idempotencyKey",)),
    )


async def known_message(fetch: AnyFetch, ref: Ref, *field: str) -> tuple[Ref, tuple[Refusal, ...]]:
    """A named message as its source refers to it: what only the gateway can refer to goes to no source."""
    known = await fetch.context.recall.resolved(ref)
    if known is not None and entry_id_of(known) is None:
        return known, ()
    message = f"{ref.source} has not told which message this is, so nothing can refer to it yet."
    return ref, (Refusal(RefusalCode.NOT_FOUND, message, field, ref.source),)


async def outgoing(body: str, form: TextFormat) -> str:
    """A text as it may leave: HTML sanitised like incoming HTML; the sender's own pictures stay."""
    if form is not TextFormat.HTML:
        return body
    if len(body) <= LONG_CHARS:
        return sanitize(body, remote_images=True)
    return await asyncio.to_thread(sanitize, body, remote_images=True)


def client_for(fetch: AnyFetch, operation: str, source: Source, port: type[P]) -> P | None:
    """What does a mutation at a source; None if the source can't do it.

    Raises:
        Forbidden: The caller may not write this there.
    """
    fetch.context.require(WRITES[operation], source)
    return source.port(port)


def upload_tokens(
    fetch: AnyFetch, source: Source, handles: Sequence[str] | None
) -> tuple[tuple[str, ...] | None, tuple[Refusal, ...]]:
    """The source's tokens for upload handles; None where no attachments were given."""
    if handles is None:
        return None, ()
    return fetch.context.uploads.tokens(
        handles, principal=source.owner(fetch.context.principal.subject), source=source.key
    )


def intend(
    fetch: AnyFetch,
    source: Source,
    operation: str,
    written: WriteInput,
    *,
    key: str | None,
    target: Ref | None,
) -> Intent:
    """What the caller wants written; `target` is what it goes to or changes, if there is such a thing yet."""
    return Intent(
        principal=source.owner(fetch.context.principal.subject),
        source=source,
        operation=operation,
        key=key,
        input=written,
        target=target,
    )


async def perform(
    fetch: AnyFetch, intent: Intent, send: Send[T], *, forgotten: tuple[Refusal, ...] = ()
) -> Outcome[T]:
    """Do a checked write, or tell what became of the same one.

    Args:
        fetch: The mutation's field.
        intent: What and for whom.
        send: Sends it once.
        forgotten: What the gateway has forgotten of it, so that it can't be sent: its outcome can be told.
    Raises:
        LedgerUnavailable: Nothing was sent.
        SourceError: What has to be known before could not be read: nothing was sent.
    """
    writes = fetch.context.writes
    if forgotten:
        told = await writes.recorded(intent)
        return settled(fetch, told or Outcome(None, refusals=forgotten))
    preparer = intent.source.port(WritePreparer)
    prepare = None if preparer is None else partial(preparer.prepare, intent.input)
    return settled(fetch, await writes.run(intent, send, prepare=prepare))


def settled(fetch: AnyFetch, outcome: Outcome[T]) -> Outcome[T]:
    """An outcome, told: why it was not applied goes beside the data if nothing is wrong with the write.

    Of one in doubt there is no error, for that would invite a repeat: the payload's `write` says it.
    """
    if outcome.error is not None:
        fetch.context.report_or_raise(outcome.error, fetch)
    return outcome


def confirmed(outcome: Outcome[Any]) -> Entry | None:
    """What the ledger holds of a write that is done; None for any other."""
    entry = outcome.entry
    return entry if entry is not None and entry.state is WriteState.CONFIRMED else None


async def sent_message(
    fetch: AnyFetch, outcome: Outcome[Message] | Outcome[Message | None]
) -> Message | None:
    """The message that a write has become, for the payload's `message`.

    Where it wasn't sent just now, or its source didn't show it: read back, else from the ledger.
    """
    entry = confirmed(outcome)
    if entry is None or outcome.value is not None:
        return outcome.value
    result = entry.result
    read = (
        None
        if result is None
        else await read_back(fetch, "message", result, lambda _: read_message(fetch, result))
    )
    return read or fetch.context.history.message(entry)


async def shown_conversation(fetch: AnyFetch, ref: Ref, field: str) -> Conversation | None:
    """A written conversation as its source shows it now, else what its reference says."""
    read = await read_back(fetch, field, ref, partial(find_conversation, fetch, ref))
    return read or name_conversation(fetch, ref)


async def read_back(
    fetch: AnyFetch, field: str, ref: Ref, read: Callable[[Selection], Awaitable[T | None]]
) -> T | None:
    """What was written, as its source shows it now, if the payload's field is asked for and may be seen.

    The write is done: if it can't be read, the error goes beside the payload, for an answer without it
    would read as a failure and invite a repeat.
    """
    selection = fetch.selection.at(field)
    if not selection.names or reading(fetch.context.principal.grants, ref) is not None:
        return None
    try:
        return await read(selection)
    except GatewayError as error:
        fetch.context.report(error, fetch)
        return None

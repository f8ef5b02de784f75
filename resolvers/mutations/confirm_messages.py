"""`confirmMessages`: each message its own outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from gateway.domain.catalog import Source
from gateway.domain.errors import Refusal, RefusalCode, SourceError, WriteInDoubt
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import MessageConfirmer
from gateway.domain.records import Message
from resolvers.batches.completion import gather_slots
from resolvers.batches.messages import find_message
from resolvers.context import AnyFetch
from resolvers.mutations.performing import check_key, payload, perform
from resolvers.references import by_id

MAX_MESSAGES = 500


@strawberry.input(description="Messages to confirm as received and read.")
class ConfirmMessagesInput:
    message_ids: list[strawberry.ID] = strawberry.field(description=f"1 to {MAX_MESSAGES} messages.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 255 characters. With or without one, what is confirmed already is not sent again.",
    )


@dataclass(slots=True)
class _Sorted:
    """Where each message has ended up; the values are positions in the input, and then messages."""

    confirmed: dict[int, Ref] = field(default_factory=dict)
    already: dict[int, Message] = field(default_factory=dict)
    refusals: dict[int, Refusal] = field(default_factory=dict)


async def confirm_messages(
    fetch: AnyFetch,
    input: Annotated[ConfirmMessagesInput, strawberry.argument(description="The messages.")],
) -> Any:
    """Confirm what can be confirmed, and say of each message what became of it."""
    refusals = check_key(input.idempotency_key)
    if not 1 <= len(input.message_ids) <= MAX_MESSAGES:
        message = f"Give 1 to {MAX_MESSAGES} messages, not {len(input.message_ids)}."
        refusals = (*refusals, Refusal(RefusalCode.INVALID, message, ("messageIds",)))
    if refusals:
        return payload(refusals, confirmed=[], already_confirmed=[])
    done = _Sorted()
    by_source: dict[str, tuple[Source, dict[int, Ref]]] = {}
    seen: set[Ref] = set()
    for index, given in enumerate(input.message_ids):
        source, ref = by_id(fetch, given, f"input.messageIds.{index}", EntityType.MESSAGE)
        if ref not in seen:
            seen.add(ref)
            by_source.setdefault(source.key, (source, {}))[1][index] = ref
    for source, refs in by_source.values():
        await _confirm(fetch, source, refs, done)
    read = await gather_slots([find_message(fetch, ref) for ref in done.confirmed.values()])
    confirmed = []
    for slot in read:
        if isinstance(slot, Exception):
            fetch.context.report_or_raise(slot, fetch)
        elif slot is not None:
            confirmed.append(slot)
    return payload(
        [refusal for _, refusal in sorted(done.refusals.items())],
        confirmed=confirmed,
        already_confirmed=[message for _, message in sorted(done.already.items())],
    )


async def _confirm(fetch: AnyFetch, source: Source, refs: dict[int, Ref], done: _Sorted) -> None:
    """Confirm the messages of one source, in calls of as many as it takes.

    No call goes under the caller's key: what a repeat has to send depends on what was confirmed
    meanwhile, and that is read each time.
    """
    confirmer = source.port(MessageConfirmer)
    if confirmer is None:
        message = f"{source.key} knows no confirming."
        done.refusals |= {
            index: _refusal(RefusalCode.UNSUPPORTED_BY_SOURCE, message, index, source) for index in refs
        }
        return
    known = await gather_slots([find_message(fetch, ref) for ref in refs.values()])
    waiting: dict[int, Ref] = {}
    for (index, ref), slot in zip(refs.items(), known, strict=True):
        if isinstance(slot, Exception):
            fetch.context.report_or_raise(slot, fetch)
        elif slot is not None and slot.confirmed_at is not None:
            done.already[index] = slot
        else:
            # One that can't be read is sent all the same: the source says why, in its own words.
            waiting[index] = ref
    chunks = [
        list(waiting.items())[start : start + confirmer.confirm_limit]
        for start in range(0, len(waiting), confirmer.confirm_limit)
    ]
    for chunk in chunks:
        await _confirm_chunk(fetch, source, confirmer, chunk, done)


async def _confirm_chunk(
    fetch: AnyFetch,
    source: Source,
    confirmer: MessageConfirmer,
    chunk: Sequence[tuple[int, Ref]],
    done: _Sorted,
) -> None:
    refs = [ref for _, ref in chunk]
    try:
        outcome = await perform(
            fetch,
            source,
            "confirmMessages",
            key=None,
            write=refs,
            send=lambda: confirmer.confirm_messages(refs),
        )
    except (SourceError, WriteInDoubt) as error:
        # The other sources' and calls' outcomes stand.
        fetch.context.report_or_raise(error, fetch)
        return
    finally:
        for ref in refs:
            fetch.context.records.forget(source.conversation_of(ref))
    if outcome.refusals:
        done.refusals |= {index: _at(outcome.refusals[0], index) for index, _ in chunk}
        return
    for (index, ref), refusal in zip(chunk, outcome.value or (), strict=True):
        if refusal is None:
            done.confirmed[index] = ref
        else:
            done.refusals[index] = _at(refusal, index)


def _at(refusal: Refusal, index: int) -> Refusal:
    return Refusal(
        refusal.code, refusal.message, ("messageIds", str(index)), refusal.source, refusal.source_code
    )


def _refusal(code: RefusalCode, message: str, index: int, source: Source) -> Refusal:
    return Refusal(code, message, ("messageIds", str(index)), source.key)

"""`confirmMessages`: one write, each message its own outcome."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import strawberry

from gateway.domain.access import Scope
from gateway.domain.catalog import Source
from gateway.domain.errors import Refusal, RefusalCode
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Part, WriteState
from gateway.domain.ports import MessageConfirmer
from gateway.domain.records import Message
from gateway.domain.writes import Confirmation
from gateway.writes.service import Outcome
from resolvers.batches.messages import read_message
from resolvers.batches.nodes import named_node, referred
from resolvers.context import AnyFetch
from resolvers.mutations.performing import (
    check_key,
    client_for,
    intend,
    known_message,
    payload,
    refused,
    settled,
)
from resolvers.references import by_id

MAX_MESSAGES = 500


@strawberry.input(description="Messages to confirm as received and read.")
class ConfirmMessagesInput:
    message_ids: list[strawberry.ID] = strawberry.field(
        description=f"1 to {MAX_MESSAGES} messages of one source."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 255 characters; a repeat with the same key tells the first one's outcome. With or "
        "without one, what is confirmed already is not sent again.",
    )


async def confirm_messages(
    fetch: AnyFetch,
    input: Annotated[ConfirmMessagesInput, strawberry.argument(description="The messages.")],
) -> Any:
    """Confirm what can be confirmed, and say of each message what became of it."""
    count = len(input.message_ids)
    refusals = check_key(input.idempotency_key)
    if not 1 <= count <= MAX_MESSAGES:
        message = f"Give 1 to {MAX_MESSAGES} messages, not {count}."
        refusals = (*refusals, Refusal(RefusalCode.INVALID, message, ("messageIds",)))
    if refusals:
        return refused(refusals, confirmed=[], already_confirmed=[])
    source, positions, refusals = await _named(fetch, input.message_ids)
    confirmer = source.port(MessageConfirmer)
    if refusals or confirmer is None:
        return refused(refusals, confirmed=[], already_confirmed=[])
    targets = tuple(positions)
    intent = intend(
        fetch,
        source,
        "confirmMessages",
        Confirmation(messages=targets),
        key=input.idempotency_key,
        target=None,
    )
    outcome = await fetch.context.writes.run_parts(
        intent,
        targets,
        confirmer.confirm_messages,
        done=partial(_confirmed_before, fetch, targets),
        limit=confirmer.confirm_limit,
    )
    fetch.context.forget(*map(source.conversation_of, targets))
    return await _payload(fetch, settled(fetch, outcome), positions)


async def _named(
    fetch: AnyFetch, given: Sequence[str]
) -> tuple[Source, Mapping[Ref, int], tuple[Refusal, ...]]:
    """The messages' source, which is one for all, and each message with its first position in the input."""
    owners: list[Source] = []
    positions: dict[Ref, int] = {}
    refusals: list[Refusal] = []
    for index, each in enumerate(given):
        field = ("messageIds", str(index))
        owner, ref = by_id(fetch, each, f"input.messageIds.{index}", EntityType.MESSAGE)
        owners.append(owner)
        # What is confirmed already isn't sent again, so that has to be read.
        fetch.context.require(Scope.MESSAGES_READ, owner)
        if client_for(fetch, "confirmMessages", owner, MessageConfirmer) is None:
            message = f"{owner.key} knows no confirming."
            refusals.append(Refusal(RefusalCode.UNSUPPORTED_BY_SOURCE, message, field, owner.key))
        elif owner is not owners[0]:
            message = (
                f"One write goes to one source: this is a message of {owner.key}, not of {owners[0].key}."
            )
            refusals.append(Refusal(RefusalCode.INVALID, message, field, owner.key))
        else:
            known, unknown = await known_message(fetch, ref, *field)
            refusals += unknown
            positions.setdefault(known, index)
    return owners[0], positions, tuple(refusals)


async def _confirmed_before(fetch: AnyFetch, targets: Sequence[Ref]) -> Collection[Ref]:
    """Those that need no sending. One that isn't shown does: the source says why not, in its own words."""
    found = await asyncio.gather(*(read_message(fetch, ref) for ref in targets))
    return {each.ref for each in found if each is not None and each.confirmed_at is not None}


async def _payload(fetch: AnyFetch, outcome: Outcome[None], positions: Mapping[Ref, int]) -> Any:
    parts = outcome.entry.parts if outcome.entry is not None else ()
    done = [part for part in parts if part.state is WriteState.CONFIRMED]
    told = replace(outcome, refusals=tuple(_refusals(parts, positions))) if parts else outcome
    return payload(
        told,
        confirmed=await _messages(fetch, "confirmed", [part.target for part in done if not part.already]),
        already_confirmed=await _messages(
            fetch, "alreadyConfirmed", [part.target for part in done if part.already]
        ),
    )


def _refusals(parts: Sequence[Part], positions: Mapping[Ref, int]) -> Iterator[Refusal]:
    """Why the source refused some, each with its message's place in the input."""
    for part in parts:
        for refusal in part.problem.refusals if part.problem is not None else ():
            yield replace(refusal, field=("messageIds", str(positions[part.target])))


async def _messages(fetch: AnyFetch, field: str, refs: Sequence[Ref]) -> list[Message]:
    """The messages of one of the payload's lists: none is left out for want of being read."""
    found: list[Message] = []
    for ref, slot in zip(refs, await referred(fetch, refs, fetch.selection.at(field)), strict=True):
        if isinstance(slot, Exception):
            fetch.context.report_or_raise(slot, fetch)
        found.append(slot if isinstance(slot, Message) else named_node(fetch, ref))
    return found

"""`reconcileWrite`: look now, instead of waiting for the reconciler's next look."""

from typing import Annotated, Any

import strawberry

from gateway.domain.errors import Refusal, RefusalCode
from gateway.domain.ids import EntityType
from gateway.writes.service import Outcome
from resolvers.context import AnyFetch
from resolvers.mutations.performing import payload, refused
from resolvers.references import by_id


@strawberry.input(description="A write to look for.")
class ReconcileWriteInput:
    id: strawberry.ID = strawberry.field(description="The write.")


async def reconcile_write(
    fetch: AnyFetch,
    input: Annotated[ReconcileWriteInput, strawberry.argument(description="Which write.")],
) -> Any:
    """Ask its source whether a write of the caller's landed, if nobody knows yet. Nothing is sent again."""
    _, ref = by_id(fetch, input.id, "input.id", EntityType.WRITE)
    entry = await fetch.context.recall.write(ref)
    if entry is None:
        return refused([Refusal(RefusalCode.NOT_FOUND, "You have no such write.", ("id",))])
    looked = await fetch.context.reconciler.look(entry)
    fetch.context.forget()
    return payload(Outcome(looked))

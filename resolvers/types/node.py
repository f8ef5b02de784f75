"""What every object with a global id is."""

from typing import Any

import strawberry


def record_id(root: strawberry.Parent[Any]) -> strawberry.ID:
    """The global id of any record with a reference."""
    return strawberry.ID(root.ref.global_id)


@strawberry.interface(description="Anything with a global id.")
class Node:
    id: strawberry.ID = strawberry.field(
        resolver=record_id, description="Opaque, global, and valid for ever: pass it to `node`."
    )

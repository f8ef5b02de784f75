"""Arguments that many fields take, described once."""

from typing import Annotated

import strawberry

First = Annotated[int | None, strawberry.argument(description="How many at most: 1 to 100, 20 unless given.")]
After = Annotated[str | None, strawberry.argument(description="Go on behind this cursor of an earlier page.")]
Last = Annotated[
    int | None, strawberry.argument(description="How many at most, counted from the end: 1 to 100.")
]
Before = Annotated[str | None, strawberry.argument(description="Only those before this cursor.")]
Id = Annotated[strawberry.ID, strawberry.argument(description="The global id.")]
OptionalId = Annotated[strawberry.ID | None, strawberry.argument(description="The global id.")]

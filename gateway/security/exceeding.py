"""What a document is told that is larger than documents may be."""

from graphql import SourceLocation
from graphql.language import Node, get_location

from gateway.domain.errors import ErrorCode, LimitExceeded


class DocumentTooLarge(LimitExceeded):
    """A document, or the operation in it, goes beyond a limit.

    `locations` says where in the document, as far as that helps.
    """

    def __init__(self, message: str, locations: tuple[SourceLocation, ...] = ()) -> None:
        super().__init__(message)
        self.locations = locations


class TooManyEstimatedCalls(LimitExceeded):
    """The operation is estimated to cause more REST calls than one may; none was made."""

    code = ErrorCode.TOO_MANY_SOURCE_CALLS

    def __init__(self, found: int, allowed: int) -> None:
        super().__init__(
            f"This operation may need {found} calls to sources, and {allowed} are allowed. "
            "Ask for less at once."
        )


def too_many(what: str, found: int, allowed: int, node: Node, *, or_more: bool = False) -> DocumentTooLarge:
    """The error for so many of something; `or_more` where counting ended there."""
    found_text = f"{found} {what} or more" if or_more else f"{found} {what}"
    return DocumentTooLarge(f"The document has {found_text}, and {allowed} are allowed.", place_of(node))


def too_deep(what: str, allowed: int, node: Node) -> DocumentTooLarge:
    """The error for what nests too deeply."""
    return DocumentTooLarge(
        f"{what} of the document nests deeper than the {allowed} levels that are allowed.", place_of(node)
    )


def place_of(node: Node) -> tuple[SourceLocation, ...]:
    """Where a node stands, if it knows."""
    return () if node.loc is None else (get_location(node.loc.source, node.loc.start),)

"""What callers name, as references: by global id, by a source's own id, or by a case's guid."""

from collections.abc import Sequence

from gateway.domain.access import Scope
from gateway.domain.catalog import Source
from gateway.domain.errors import BadInput, Forbidden
from gateway.domain.ids import EntityType, Ref, parse_global_id
from resolvers.access import reading
from resolvers.context import AnyFetch
from resolvers.types.inputs import SourceRef


def by_id(fetch: AnyFetch, given: str, argument: str, *types: EntityType) -> tuple[Source, Ref]:
    """The record of a global id, and its source.

    Args:
        fetch: The field that takes it.
        given: The id.
        argument: Where it stands, for the error.
        types: What it may be; nothing for any type.
    Raises:
        BadInput: It is no id of this gateway, one of another type, or one that its source can't have given.
    """
    ref = parse_global_id(given, argument=argument)
    if types and ref.type not in types:
        raise BadInput(f"Not the id of a {_either(types)} but of a {ref.type.value}.", argument=argument)
    return fetch.context.catalog.of(ref, argument=argument), ref


def by_native_id(fetch: AnyFetch, given: SourceRef, argument: str, *types: EntityType) -> tuple[Source, Ref]:
    """The record of a source's own id: of the first of the types that the source has.

    Raises:
        BadInput: The source isn't configured, has no such type, or needs more than this id.
    """
    source = fetch.context.catalog.named(given.source, argument=f"{argument}.source")
    for entity in types:
        if entity in source.shapes:
            return source, source.ref_of(entity, given.native_id, argument=f"{argument}.nativeId")
    raise BadInput(f"{source.key} has no {_either(types)}.", argument=f"{argument}.source")


def readable(fetch: AnyFetch, ref: Ref) -> Ref:
    """A reference, if the caller may read what it stands for.

    Raises:
        Forbidden: They may not, whether or not there is such a record.
    """
    refusal = reading(fetch.context.principal.grants, ref)
    if refusal is not None:
        raise refusal
    return ref


def by_guid(
    fetch: AnyFetch, guid: str, argument: str, *, needs: Scope, sources: Sequence[str] | None = None
) -> list[Ref]:
    """The references that a case's guid may stand for: one per source that has cases.

    Args:
        fetch: The field that takes it.
        guid: What was given.
        argument: Where it stands, for the error.
        needs: What the caller must be allowed at a source, for it to be one of them.
        sources: Those that may be among them; all by default.
    Raises:
        BadInput: It is no guid, or none of the sources has cases.
        Forbidden: At none of those that have is the caller allowed.
    """
    candidates = [
        each
        for each in fetch.context.catalog
        if EntityType.CASE in each.shapes and (sources is None or each.key in sources)
    ]
    if not candidates:
        raise BadInput("None of the configured, or of the wanted, sources has cases.", argument=argument)
    refs = [each.ref_of(EntityType.CASE, guid, argument=argument) for each in candidates]
    allowed = [ref for ref in refs if fetch.context.principal.grants.allow(needs, ref.source)]
    if not allowed:
        raise Forbidden(needs, source=refs[0].source if len(refs) == 1 else None)
    return allowed


def plain(given: str | None, argument: str) -> str | None:
    """A text that the ledger is asked for: no database keeps control characters in one.

    Raises:
        BadInput: It holds some.
    """
    if given is not None and not given.isprintable():
        raise BadInput(f"`{argument}` can't hold control characters.", argument=argument)
    return given


def exactly_one(argument: str, **given: object) -> None:
    """Check that just one of several alternatives was given.

    Raises:
        BadInput: None or several were.
    """
    if sum(value is not None for value in given.values()) != 1:
        raise BadInput(f"Give exactly one of {', '.join(given)}.", argument=argument)


def _either(types: Sequence[EntityType]) -> str:
    return " or ".join(each.value for each in types)

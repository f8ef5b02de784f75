"""Queries for single objects."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import strawberry

from gateway.domain.catalog import Source
from gateway.domain.errors import BadInput, Unsupported
from gateway.domain.ids import EntityType, Ref, parse_global_id
from gateway.domain.ports import AccountFinder, AccountKey, TemplateReader
from gateway.domain.records import Account, Conversation, Message, MessageTemplate, ServiceSubscription
from resolvers.arguments import Id, OptionalId
from resolvers.batches.completion import find_conversation, gather_slots
from resolvers.batches.messages import find_message
from resolvers.context import AnyFetch
from resolvers.types.inputs import AccountLookup, SourceRef

_LOOKUP_KEYS = {
    "nativeId": "native_id",
    "email": "email",
    "customerNumber": "customer_number",
    "externalId": "external_id",
    "login": "login",
}
_SUBSCRIPTIONS = (EntityType.NOTIFICATION_SUBSCRIPTION, EntityType.PRODUCT_SUBSCRIPTION)

Ref_ = Annotated[
    SourceRef | None, strawberry.argument(description="The source and its own id, where that id suffices.")
]


async def node(fetch: AnyFetch, id: Id) -> Any:
    """Any object by its id."""
    return await _read(fetch, _parsed(fetch, id, "id"))


async def nodes(
    fetch: AnyFetch,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids, at most 100.")],
) -> list[Any]:
    """Several objects, in the order of their ids."""
    if len(ids) > 100:
        raise BadInput(f"At most 100 ids at once, not {len(ids)}.", argument="ids")
    refs = [_parsed(fetch, each, f"ids.{index}") for index, each in enumerate(ids)]
    return await gather_slots([_read(fetch, ref) for ref in refs])


async def source(
    fetch: AnyFetch,
    key: Annotated[str, strawberry.argument(description="The source's key in the configuration.")],
) -> Source | None:
    """One source."""
    return fetch.context.catalog.get(key)


async def sources(fetch: AnyFetch) -> list[Source]:
    """All sources."""
    return list(fetch.context.catalog)


async def account(
    fetch: AnyFetch,
    id: OptionalId = None,
    lookup: Annotated[
        AccountLookup | None, strawberry.argument(description="The source and one exact key.")
    ] = None,
) -> Account | None:
    """One account, by its id or by an exact key."""
    _exactly_one({"id": id, "lookup": lookup})
    if lookup is None:
        return await fetch.context.records.accounts.load(_of_types(fetch, id, "id", (EntityType.ACCOUNT,)))
    chosen = fetch.context.catalog.named(lookup.source, argument="lookup.source")
    given = {
        name: value
        for name, attribute in _LOOKUP_KEYS.items()
        if (value := getattr(lookup, attribute)) is not None
    }
    if len(given) != 1:
        raise BadInput(f"Give exactly one of {', '.join(_LOOKUP_KEYS)}.", argument="lookup")
    ((name, value),) = given.items()
    finder = chosen.port(AccountFinder)
    if finder is None or name not in finder.account_keys:
        offered = ", ".join(sorted(finder.account_keys)) if finder else "nothing"
        raise BadInput(f"{chosen.key} finds accounts by {offered}.", argument=f"lookup.{name}")
    return await finder.find_account(AccountKey(name, value, lookup.kind))


async def case(
    fetch: AnyFetch,
    id: OptionalId = None,
    ref: Ref_ = None,
    guid: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="The hub's own id; every source of cases is asked for it."),
    ] = None,
) -> Conversation | None:
    """One case."""
    _exactly_one({"id": id, "ref": ref, "guid": guid})
    if guid is None:
        return await find_conversation(fetch, _target(fetch, id, ref, (EntityType.CASE,)), fetch.selection)
    for candidate in case_refs(fetch, guid, None, "guid"):
        found = await find_conversation(fetch, candidate, fetch.selection)
        if found is not None:
            return found
    return None


async def ticket(fetch: AnyFetch, id: OptionalId = None, ref: Ref_ = None) -> Conversation | None:
    """One ticket."""
    _exactly_one({"id": id, "ref": ref})
    return await find_conversation(fetch, _target(fetch, id, ref, (EntityType.TICKET,)), fetch.selection)


async def message(fetch: AnyFetch, id: Id) -> Message | None:
    """One message."""
    return await find_message(fetch, _of_types(fetch, id, "id", (EntityType.MESSAGE,)))


async def subscription(
    fetch: AnyFetch, id: OptionalId = None, ref: Ref_ = None
) -> ServiceSubscription | None:
    """One subscription."""
    _exactly_one({"id": id, "ref": ref})
    return await fetch.context.records.subscriptions.load(_target(fetch, id, ref, _SUBSCRIPTIONS))


async def message_templates(
    fetch: AnyFetch,
    source: Annotated[
        str | None, strawberry.argument(description="The source's key; all that have templates by default.")
    ] = None,
) -> list[MessageTemplate]:
    """The templates of all sources, or of one."""
    catalog = fetch.context.catalog
    asked = list(catalog) if source is None else [catalog.named(source, argument="source")]
    readers = [reader for each in asked if (reader := each.port(TemplateReader)) is not None]
    if source is not None and not readers:
        raise Unsupported(f"{source} has no message templates.", source=source)
    found: list[MessageTemplate] = []
    for slot in await gather_slots([reader.read_templates() for reader in readers]):
        if isinstance(slot, Exception):
            fetch.context.report_or_raise(slot, fetch)
        else:
            found += slot
    return found


def case_refs(fetch: AnyFetch, guid: str, names: list[str] | None, argument: str) -> list[Ref]:
    """The references that a guid may stand for: one per source that has cases.

    Raises:
        BadInput: It is no guid, or no source has cases.
    """
    candidates = [
        each
        for each in fetch.context.catalog
        if EntityType.CASE in each.shapes and (names is None or each.key in names)
    ]
    if not candidates:
        raise BadInput(
            "No source with cases is configured, or none is among the wanted ones.", argument=argument
        )
    return [each.ref_of(EntityType.CASE, guid, argument=argument) for each in candidates]


async def _read(fetch: AnyFetch, ref: Ref) -> Any:
    records = fetch.context.records
    if ref.type is EntityType.SOURCE:
        return fetch.context.catalog.get(ref.source)
    readers: Mapping[EntityType, Callable[[], Awaitable[Any]]] = {
        EntityType.ACCOUNT: lambda: records.accounts.load(ref),
        EntityType.CASE: lambda: find_conversation(fetch, ref, fetch.selection),
        EntityType.TICKET: lambda: find_conversation(fetch, ref, fetch.selection),
        EntityType.MESSAGE: lambda: find_message(fetch, ref),
        EntityType.NOTIFICATION_SUBSCRIPTION: lambda: records.subscriptions.load(ref),
        EntityType.PRODUCT_SUBSCRIPTION: lambda: records.subscriptions.load(ref),
        EntityType.MESSAGE_TEMPLATE: lambda: _template(fetch, ref),
    }
    return await readers[ref.type]()


async def _template(fetch: AnyFetch, ref: Ref) -> MessageTemplate | None:
    reader = fetch.context.catalog.of(ref).port(TemplateReader)
    found = await reader.read_templates() if reader else ()
    return next((template for template in found if template.ref == ref), None)


def _exactly_one(given: Mapping[str, object]) -> None:
    if sum(value is not None for value in given.values()) != 1:
        raise BadInput(f"Give exactly one of {', '.join(given)}.", argument=next(iter(given)))


def _parsed(fetch: AnyFetch, given: str, argument: str) -> Ref:
    ref = parse_global_id(given, argument=argument)
    if ref.type is EntityType.SOURCE:
        if ref.parts != (ref.source,):
            raise BadInput("Not an id of this gateway.", argument=argument)
        return ref
    fetch.context.catalog.of(ref, argument=argument)
    return ref


def _of_types(fetch: AnyFetch, given: str | None, argument: str, types: tuple[EntityType, ...]) -> Ref:
    ref = _parsed(fetch, given or "", argument)
    if ref.type not in types:
        wanted = " or ".join(each.value for each in types)
        raise BadInput(f"Not the id of a {wanted} but of a {ref.type.value}.", argument=argument)
    return ref


def _target(fetch: AnyFetch, id: str | None, ref: SourceRef | None, types: tuple[EntityType, ...]) -> Ref:
    if ref is None:
        return _of_types(fetch, id, "id", types)
    chosen = fetch.context.catalog.named(ref.source, argument="ref.source")
    for entity in types:
        if entity in chosen.shapes:
            return chosen.ref_of(entity, ref.native_id, argument="ref.nativeId")
    raise BadInput(f"{chosen.key} has no {types[0].value}.", argument="ref.source")

"""Queries for single objects."""

from typing import Annotated, Any

import strawberry

from gateway.domain.access import Scope
from gateway.domain.catalog import Source
from gateway.domain.deadline import within_half
from gateway.domain.errors import BadInput, Unsupported
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import AccountFinder, AccountKey, TemplateReader
from gateway.domain.records import Account, Conversation, Message, MessageTemplate, ServiceSubscription
from resolvers.arguments import Id, OptionalId
from resolvers.batches.completion import find_conversation
from resolvers.batches.messages import find_message
from resolvers.batches.nodes import find_node
from resolvers.cases_by_guid import case_by_guid
from resolvers.context import AnyFetch
from resolvers.references import by_guid, by_id, by_native_id, exactly_one, readable
from resolvers.slots import gather_slots
from resolvers.types.inputs import AccountLookup, SourceRef

MAX_IDS = 100

_LOOKUP_KEYS = {
    "nativeId": "native_id",
    "email": "email",
    "customerNumber": "customer_number",
    "externalId": "external_id",
    "login": "login",
}
_SUBSCRIPTIONS = (EntityType.NOTIFICATION_SUBSCRIPTION, EntityType.PRODUCT_SUBSCRIPTION)

ByNativeId = Annotated[
    SourceRef | None, strawberry.argument(description="The source and its own id, where that id suffices.")
]


async def node(fetch: AnyFetch, id: Id) -> Any:
    """Any object by its id."""
    return await find_node(fetch, by_id(fetch, id, "id")[1], fetch.selection)


async def nodes(
    fetch: AnyFetch,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description=f"Global ids, at most {MAX_IDS}.")],
) -> list[Any]:
    """Several objects, in the order of their ids."""
    if len(ids) > MAX_IDS:
        raise BadInput(f"At most {MAX_IDS} ids at once, not {len(ids)}.", argument="ids")

    async def one(given: str, index: int) -> Any:
        return await find_node(fetch, by_id(fetch, given, f"ids.{index}")[1], fetch.selection)

    with within_half():
        return await gather_slots([one(given, index) for index, given in enumerate(ids)])


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
    exactly_one("id", id=id, lookup=lookup)
    if lookup is None:
        _, ref = by_id(fetch, id or "", "id", EntityType.ACCOUNT)
        return await fetch.context.records.accounts.load(readable(fetch, ref))
    chosen = fetch.context.catalog.named(lookup.source, argument="lookup.source")
    fetch.context.require(Scope.ACCOUNTS_READ, chosen)
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
    ref: ByNativeId = None,
    guid: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="The hub's own id; every source of cases is asked for it."),
    ] = None,
) -> Conversation | None:
    """One case."""
    exactly_one("id", id=id, ref=ref, guid=guid)
    if guid is not None:
        return await case_by_guid(
            fetch, by_guid(fetch, guid, "guid", needs=Scope.CASES_READ), fetch.selection
        )
    return await find_conversation(
        fetch, readable(fetch, named(fetch, id, ref, EntityType.CASE)), fetch.selection
    )


async def ticket(fetch: AnyFetch, id: OptionalId = None, ref: ByNativeId = None) -> Conversation | None:
    """One ticket."""
    exactly_one("id", id=id, ref=ref)
    return await find_conversation(
        fetch, readable(fetch, named(fetch, id, ref, EntityType.TICKET)), fetch.selection
    )


async def message(fetch: AnyFetch, id: Id) -> Message | None:
    """One message."""
    return await find_message(fetch, readable(fetch, by_id(fetch, id, "id", EntityType.MESSAGE)[1]))


async def subscription(
    fetch: AnyFetch, id: OptionalId = None, ref: ByNativeId = None
) -> ServiceSubscription | None:
    """One subscription."""
    exactly_one("id", id=id, ref=ref)
    return await fetch.context.records.subscriptions.load(
        readable(fetch, named(fetch, id, ref, *_SUBSCRIPTIONS))
    )


async def message_templates(
    fetch: AnyFetch,
    source: Annotated[
        str | None, strawberry.argument(description="The source's key; all that have templates by default.")
    ] = None,
) -> list[MessageTemplate]:
    """The templates of all sources, or of one."""
    catalog = fetch.context.catalog
    asked = list(catalog) if source is None else [catalog.named(source, argument="source")]
    able = [(each, reader) for each in asked if (reader := each.port(TemplateReader)) is not None]
    if source is not None:
        fetch.context.require(Scope.TEMPLATES_READ, asked[0])
    allowed = fetch.context.principal.grants.allow
    readers = [reader for each, reader in able if allowed(Scope.TEMPLATES_READ, each.key)]
    if source is not None and not readers:
        raise Unsupported(f"{source} has no message templates.", source=source)
    found: list[MessageTemplate] = []
    for slot in await gather_slots([reader.read_templates() for reader in readers]):
        if isinstance(slot, Exception):
            fetch.context.report_or_raise(slot, fetch)
        else:
            found += slot
    return found


def named(fetch: AnyFetch, id: str | None, ref: SourceRef | None, *types: EntityType) -> Ref:
    """The record that is named by its global id or by its source's own."""
    if ref is not None:
        return by_native_id(fetch, ref, "ref", *types)[1]
    return by_id(fetch, id or "", "id", *types)[1]

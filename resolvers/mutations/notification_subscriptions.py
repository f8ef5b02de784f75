"""Mutations of notification topics."""

from functools import partial
from typing import Annotated, Any

import strawberry

from gateway.domain.access import Scope
from gateway.domain.catalog import Source
from gateway.domain.errors import BadInput, Forbidden, Refusal, RefusalCode
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import NotificationSubscriptionWriter
from gateway.domain.records import NotificationSubscription, ServiceSubscription
from gateway.domain.writes import (
    NewNotificationSubscription,
    NotificationSubscriptionChanges,
    Removal,
)
from gateway.writes.service import Outcome
from resolvers.access import reading
from resolvers.context import AnyFetch
from resolvers.mutations.performing import (
    check_key,
    client_for,
    confirmed,
    intend,
    payload,
    perform,
    read_back,
    refused,
    unsupported,
)
from resolvers.references import by_id
from resolvers.types.enums import Channel

_KEY = "1 to 255 characters; a repeat with the same key sends nothing."


@strawberry.input(one_of=True, description="Whose topic it is: a reseller's, or all resellers'.")
class NotificationOwnerInput:
    reseller: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The reseller's account."
    )
    global_: bool | None = strawberry.field(
        name="global", default=strawberry.UNSET, description="True for a topic of all resellers."
    )


@strawberry.input(description="A new notification topic.")
class CreateNotificationSubscriptionInput:
    source: str | None = strawberry.field(
        default=None, description="The source's key; needed only where several sources have topics."
    )
    owner: NotificationOwnerInput = strawberry.field(description="Whose topic it is.")
    title: str = strawberry.field(description="The topic's name.")
    description: str | None = strawberry.field(default=None, description="What is sent, and when.")
    channels: list[Channel] = strawberry.field(description="How notifications are sent: at least one.")
    idempotency_key: str = strawberry.field(
        description="1 to 255 characters, new for each new topic: a repeat with the same key and input "
        "tells the first one's outcome and creates nothing."
    )


@strawberry.input(description="Changes of a notification topic; what is left out or null stays as it is.")
class UpdateNotificationSubscriptionInput:
    id: strawberry.ID = strawberry.field(description="The topic.")
    title: str | None = strawberry.field(default=None, description="The new name.")
    description: str | None = strawberry.field(default=None, description="The new description.")
    channels: list[Channel] | None = strawberry.field(
        default=None, description="The new channels, all of them: at least one."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A notification topic to delete.")
class DeleteNotificationSubscriptionInput:
    id: strawberry.ID = strawberry.field(description="The topic.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


async def create_notification_subscription(
    fetch: AnyFetch,
    input: Annotated[CreateNotificationSubscriptionInput, strawberry.argument(description="The topic.")],
) -> Any:
    """Create a topic once."""
    source = _source(fetch, input.source)
    writer = client_for(fetch, "createNotificationSubscription", source, NotificationSubscriptionWriter)
    if writer is None:
        return unsupported(source, "create notification subscriptions", subscription=None)
    reseller, refusals = _owner(fetch, input.owner, source)
    if input.owner.global_:
        fetch.context.require(Scope.SUBSCRIPTIONS_WRITE_GLOBAL, source)
    wanted = NewNotificationSubscription(
        reseller=reseller,
        title=input.title,
        description=input.description,
        channels=tuple(dict.fromkeys(input.channels)),
    )
    refusals = (
        *check_key(input.idempotency_key),
        *refusals,
        *writer.check_new_subscription(wanted),
    )
    if refusals:
        return refused(refusals, subscription=None)
    intent = intend(
        fetch, source, "createNotificationSubscription", wanted, key=input.idempotency_key, target=None
    )
    outcome = await perform(fetch, intent, partial(writer.create_subscription, wanted))
    fetch.context.forget()
    return payload(outcome, subscription=await _written(fetch, outcome))


async def update_notification_subscription(
    fetch: AnyFetch,
    input: Annotated[UpdateNotificationSubscriptionInput, strawberry.argument(description="The changes.")],
) -> Any:
    """Change a topic."""
    source, ref = by_id(fetch, input.id, "input.id", EntityType.NOTIFICATION_SUBSCRIPTION)
    writer = client_for(fetch, "updateNotificationSubscription", source, NotificationSubscriptionWriter)
    if writer is None:
        return unsupported(source, "change notification subscriptions", subscription=None)
    wanted = NotificationSubscriptionChanges(
        subscription=ref,
        title=input.title,
        description=input.description,
        channels=None if input.channels is None else tuple(dict.fromkeys(input.channels)),
    )
    refusals = (*check_key(input.idempotency_key), *writer.check_subscription_changes(wanted))
    if refusals:
        return refused(refusals, subscription=None)
    await _check_global(fetch, source, ref)
    intent = intend(
        fetch, source, "updateNotificationSubscription", wanted, key=input.idempotency_key, target=ref
    )
    outcome = await perform(fetch, intent, lambda _: writer.update_subscription(wanted))
    fetch.context.forget(ref)
    return payload(outcome, subscription=await _written(fetch, outcome))


async def delete_notification_subscription(
    fetch: AnyFetch,
    input: Annotated[DeleteNotificationSubscriptionInput, strawberry.argument(description="Which topic.")],
) -> Any:
    """Delete a topic."""
    source, ref = by_id(fetch, input.id, "input.id", EntityType.NOTIFICATION_SUBSCRIPTION)
    writer = client_for(fetch, "deleteNotificationSubscription", source, NotificationSubscriptionWriter)
    if writer is None:
        return unsupported(source, "delete notification subscriptions", deleted_id=None)
    refusals = check_key(input.idempotency_key)
    if refusals:
        return refused(refusals, deleted_id=None)
    await _check_global(fetch, source, ref)
    removal = Removal(subscription=ref)
    intent = intend(
        fetch, source, "deleteNotificationSubscription", removal, key=input.idempotency_key, target=ref
    )
    outcome = await perform(fetch, intent, lambda _: writer.delete_subscription(ref))
    fetch.context.forget(ref)
    return payload(outcome, deleted_id=input.id if confirmed(outcome) else None)


async def _check_global(fetch: AnyFetch, source: Source, ref: Ref) -> None:
    """Leave global topics to those who may write them. For all others it costs a call to know.

    Raises:
        Forbidden: It is one.
        SourceError: The topic couldn't be read: nothing was sent.
    """
    if fetch.context.principal.grants.allow(Scope.SUBSCRIPTIONS_WRITE_GLOBAL, source.key):
        return
    topic = await fetch.context.records.subscriptions.load(ref)
    if isinstance(topic, NotificationSubscription) and topic.is_global:
        raise Forbidden(Scope.SUBSCRIPTIONS_WRITE_GLOBAL, source=source.key)


async def _written(
    fetch: AnyFetch, outcome: Outcome[NotificationSubscription]
) -> ServiceSubscription | Forbidden | None:
    """The topic that was written; read back where it wasn't sent just now, or why that may not be."""
    entry = confirmed(outcome)
    if entry is None or outcome.value is not None:
        return outcome.value
    ref = entry.result or entry.target
    if ref is None:
        return None
    return reading(fetch.context.principal.grants, ref) or await read_back(
        fetch, "subscription", ref, lambda _: fetch.context.records.subscriptions.load(ref)
    )


def _source(fetch: AnyFetch, key: str | None) -> Source:
    """The named source, or the only one that has topics."""
    catalog = fetch.context.catalog
    if key is not None:
        return catalog.named(key, argument="input.source")
    able = [each for each in catalog if each.port(NotificationSubscriptionWriter) is not None]
    if len(able) != 1:
        keys = ", ".join(each.key for each in able) or "none"
        raise BadInput(f"Name the source: {keys} can do this.", argument="input.source")
    return able[0]


def _owner(
    fetch: AnyFetch, given: NotificationOwnerInput, source: Source
) -> tuple[Ref | None, tuple[Refusal, ...]]:
    if given.reseller:
        owner, reseller = by_id(fetch, given.reseller, "input.owner.reseller", EntityType.ACCOUNT)
        if owner is source:
            return reseller, ()
        message = f"The reseller is an account of {owner.key}, not of {source.key}."
        return reseller, (Refusal(RefusalCode.INVALID, message, ("owner", "reseller"), source.key),)
    if given.global_:
        return None, ()
    message = "A topic belongs to a reseller or is global: `global` can't be false."
    return None, (Refusal(RefusalCode.INVALID, message, ("owner", "global"), source.key),)

"""Subscriptions to notifications and products. `Subscription` stays GraphQL's root type."""

from datetime import datetime
from decimal import Decimal

import strawberry

from gateway.domain import records
from gateway.plans.fields import batch_field
from gateway.plans.price import per_parent
from resolvers import access, prices
from resolvers.batches.held_accounts import account_at
from resolvers.batches.subscribers import subscribers
from resolvers.types.account import Account
from resolvers.types.enums import Channel, SubscriptionState
from resolvers.types.node import Node
from resolvers.types.source import Origin


@strawberry.type(description="A subscription's status: the graph's word and the source's own.")
class SubscriptionStatus:
    value: SubscriptionState = strawberry.field(description="The graph's word.")
    raw: str | None = strawberry.field(description="The source's own word.")


@strawberry.interface(description="A subscription to notifications or to a product.")
class ServiceSubscription(Node):
    origin: Origin = strawberry.field(description="Where it comes from.")
    title: str | None = strawberry.field(description="What it is called.")
    status: SubscriptionStatus | None = strawberry.field(
        description="Where it stands; null where the source has no such notion."
    )
    account: Account | None = batch_field(
        account_at("account"),
        description="Whom it belongs to.",
        needs=access.ACCOUNTS,
        calls=prices.held_account,
    )


@strawberry.type(description="Addresses of those who get a notification: personal data.")
class Subscribers:
    emails: list[str] = strawberry.field(description="E-mail addresses.")
    phones: list[str] = strawberry.field(description="Phone numbers, for SMS.")


@strawberry.type(description="A topic that employees can be notified of (Telecomx).")
class NotificationSubscription(ServiceSubscription):
    description: str | None = strawberry.field(description="What is sent, and when.")
    channels: list[Channel] = strawberry.field(description="How notifications are sent.")
    is_global: bool = strawberry.field(description="Whether it belongs to no reseller, but to all.")
    subscribers: Subscribers | None = batch_field(
        subscribers,
        description="Who gets it. One REST call per topic.",
        needs=access.SUBSCRIBERS,
        calls=per_parent(1),
    )

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        return isinstance(obj, records.NotificationSubscription)


@strawberry.type(description="A subscription to a product, such as a newspaper (Tulo).")
class ProductSubscription(ServiceSubscription):
    product: str | None = strawberry.field(description="The product's code.")
    number: str | None = strawberry.field(description="The subscription's number, for people.")
    valid_from: datetime | None = strawberry.field(description="When it began.")
    valid_to: datetime | None = strawberry.field(description="When it ends, or renews.")
    next_price: Decimal | None = strawberry.field(description="What the next period will cost.")
    provisioned_by: str | None = strawberry.field(description="Which system provides it.")

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        return isinstance(obj, records.ProductSubscription)


@strawberry.type(description="A text prepared for helpdesk messages (Tulo).")
class MessageTemplate(Node):
    origin: Origin = strawberry.field(description="Where it comes from.")
    heading: str | None = strawberry.field(description="The heading.")
    text: str | None = strawberry.field(description="The text.")
    locale: str | None = strawberry.field(description="Its language and region, such as sv-SE.")
    enabled: bool = strawberry.field(description="Whether it is in use.")

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        return isinstance(obj, records.MessageTemplate)

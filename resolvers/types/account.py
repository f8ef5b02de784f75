"""Accounts: people and organisations."""

import strawberry

from gateway.domain import records
from gateway.plans.fields import batch_field
from resolvers import access, prices
from resolvers.batches import account_lists as batches
from resolvers.batches.held_accounts import account_at
from resolvers.types.connections import (
    CaseConnection,
    ServiceSubscriptionConnection,
    TicketConnection,
)
from resolvers.types.enums import AccountKind, AccountState
from resolvers.types.node import Node
from resolvers.types.source import Origin


@strawberry.type(description="An account's status: the graph's word and the source's own.")
class AccountStatus:
    value: AccountState = strawberry.field(description="The graph's word.")
    raw: str | None = strawberry.field(description="The source's own word.")


@strawberry.type(description="A person or an organisation known to a source.")
class Account(Node):
    origin: Origin = strawberry.field(description="Where it comes from.")
    kind: AccountKind = strawberry.field(description="What it is to its source.")
    name: str | None = strawberry.field(description="The name.")
    email: str | None = strawberry.field(description="The e-mail address.")
    phone: str | None = strawberry.field(description="The phone number.")
    status: AccountStatus | None = strawberry.field(description="Whether it is in use.")
    organization: "Account | None" = batch_field(
        account_at("organization"),
        description="The organisation that it belongs to.",
        needs=access.ACCOUNTS,
        calls=prices.held_account,
    )
    cases: CaseConnection | None = batch_field(
        batches.cases,
        description="Its cases, at its own source.",
        needs=access.CASES,
        calls=prices.list_of_account,
    )
    tickets: TicketConnection | None = batch_field(
        batches.tickets,
        description="Its tickets, at its own source: an agent's are those assigned to them.",
        needs=access.TICKETS,
        calls=prices.list_of_account,
    )
    subscriptions: ServiceSubscriptionConnection | None = batch_field(
        batches.subscriptions,
        description="Its subscriptions, at its own source.",
        needs=access.SUBSCRIPTIONS,
        calls=prices.list_of_account,
    )

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        return isinstance(obj, records.Account)

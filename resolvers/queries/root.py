"""The Query root: every entry into the graph, and what it says of itself."""

import strawberry

from gateway.plans.fields import root_field
from gateway.plans.price import free, per_parent
from resolvers.queries import lists, prices, single, writes
from resolvers.types.account import Account
from resolvers.types.connections import (
    AccountConnection,
    CaseConnection,
    ConversationConnection,
    ServiceSubscriptionConnection,
    TicketConnection,
)
from resolvers.types.conversation import Case, Ticket
from resolvers.types.message import Message
from resolvers.types.node import Node
from resolvers.types.source import Source
from resolvers.types.subscription import MessageTemplate, ServiceSubscription
from resolvers.types.write import Write, WriteConnection


@strawberry.type(description="Everything that can be read.")
class Query:
    node: Node | None = root_field(
        single.node,
        description="Any object by its id; null if it isn't there.",
        calls=prices.node,
    )
    nodes: list[Node | None] = root_field(
        single.nodes,
        description="Several objects by their ids, in that order; null where one isn't there.",
        calls=prices.nodes,
    )
    sources: list[Source] = root_field(
        single.sources,
        description="The configured sources.",
        calls=free,
    )
    source: Source | None = root_field(
        single.source,
        description="One configured source.",
        calls=free,
    )
    account: Account | None = root_field(
        single.account,
        description="One account: give exactly one of `id` and `lookup`.",
        calls=per_parent(1),
    )
    accounts: AccountConnection | None = root_field(
        lists.accounts,
        description="Accounts, source after source, each in its own order.",
        calls=prices.accounts,
    )
    case: Case | None = root_field(
        single.case,
        description="One repair case: give exactly one of `id`, `ref` and `guid`.",
        calls=prices.case,
    )
    cases: CaseConnection | None = root_field(
        lists.cases,
        description="Repair cases, in the sources' own order.",
        calls=prices.cases,
    )
    ticket: Ticket | None = root_field(
        single.ticket,
        description="One ticket: give exactly one of `id` and `ref`.",
        calls=prices.ticket,
    )
    tickets: TicketConnection | None = root_field(
        lists.tickets,
        description="Tickets, newest first among the sources that can order.",
        calls=prices.tickets,
    )
    conversations: ConversationConnection | None = root_field(
        lists.conversations,
        description="Cases and tickets in one list, newest first as far as the sources can order: an inbox.",
        calls=prices.conversations,
    )
    message: Message | None = root_field(
        single.message,
        description="One message.",
        calls=prices.message,
    )
    subscription: ServiceSubscription | None = root_field(
        single.subscription,
        description="One subscription: give exactly one of `id` and `ref`.",
        calls=per_parent(1),
    )
    subscriptions: ServiceSubscriptionConnection | None = root_field(
        lists.subscriptions,
        description="Subscriptions, source after source, each in its own order.",
        calls=prices.subscriptions,
    )
    message_templates: list[MessageTemplate] | None = root_field(
        single.message_templates,
        description="Texts prepared for helpdesk messages.",
        calls=prices.message_templates,
    )
    write: Write | None = root_field(
        writes.write,
        description="One of your own writes: give exactly one of `id` and `idempotencyKey`.",
        calls=free,
    )
    writes: WriteConnection | None = root_field(
        writes.writes,
        description="Your own writes, newest first. Costs no REST call.",
        calls=prices.writes,
    )

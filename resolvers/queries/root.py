"""The Query root: every entry into the graph, and what it says of itself."""

import strawberry

from gateway.plans.fields import root_field
from resolvers.queries import lists, single, writes
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
    node: Node | None = root_field(single.node, description="Any object by its id; null if it isn't there.")
    nodes: list[Node | None] = root_field(
        single.nodes, description="Several objects by their ids, in that order; null where one isn't there."
    )
    sources: list[Source] = root_field(single.sources, description="The configured sources.")
    source: Source | None = root_field(single.source, description="One configured source.")
    account: Account | None = root_field(
        single.account, description="One account: give exactly one of `id` and `lookup`."
    )
    accounts: AccountConnection | None = root_field(
        lists.accounts, description="Accounts, source after source, each in its own order."
    )
    case: Case | None = root_field(
        single.case, description="One repair case: give exactly one of `id`, `ref` and `guid`."
    )
    cases: CaseConnection | None = root_field(
        lists.cases, description="Repair cases, in the sources' own order."
    )
    ticket: Ticket | None = root_field(
        single.ticket, description="One ticket: give exactly one of `id` and `ref`."
    )
    tickets: TicketConnection | None = root_field(
        lists.tickets, description="Tickets, newest first among the sources that can order."
    )
    conversations: ConversationConnection | None = root_field(
        lists.conversations,
        description="Cases and tickets in one list, newest first as far as the sources can order: an inbox.",
    )
    message: Message | None = root_field(single.message, description="One message.")
    subscription: ServiceSubscription | None = root_field(
        single.subscription, description="One subscription: give exactly one of `id` and `ref`."
    )
    subscriptions: ServiceSubscriptionConnection | None = root_field(
        lists.subscriptions, description="Subscriptions, source after source, each in its own order."
    )
    message_templates: list[MessageTemplate] | None = root_field(
        single.message_templates, description="Texts prepared for helpdesk messages."
    )
    write: Write | None = root_field(
        writes.write, description="One of your own writes: give exactly one of `id` and `idempotencyKey`."
    )
    writes: WriteConnection | None = root_field(
        writes.writes, description="Your own writes, newest first. Costs no REST call."
    )

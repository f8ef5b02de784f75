"""The Query root: every entry into the graph, and what it says of itself."""

import strawberry

from gateway.plans.fields import OPEN, root_field
from gateway.plans.price import free, per_parent
from resolvers import access
from resolvers.queries import audit, lists, prices, single, writes
from resolvers.types.account import Account
from resolvers.types.audit import AuditEventConnection
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
from resolvers.types.viewer import Viewer, viewer
from resolvers.types.write import Write, WriteConnection


@strawberry.type(description="Everything that can be read.")
class Query:
    node: Node | None = root_field(
        single.node,
        description="Any object by its id; null if it isn't there.",
        needs=OPEN,
        calls=prices.node,
    )
    nodes: list[Node | None] = root_field(
        single.nodes,
        description="Several objects by their ids, in that order; null where one isn't there.",
        needs=OPEN,
        calls=prices.nodes,
    )
    viewer: Viewer = root_field(
        viewer,
        description="Who you are to the gateway, and what you may. Causes no REST call.",
        needs=OPEN,
        calls=free,
    )
    sources: list[Source] = root_field(
        single.sources,
        description="The configured sources.",
        needs=OPEN,
        calls=free,
    )
    source: Source | None = root_field(
        single.source,
        description="One configured source.",
        needs=OPEN,
        calls=free,
    )
    account: Account | None = root_field(
        single.account,
        description="One account: give exactly one of `id` and `lookup`.",
        needs=access.ACCOUNTS,
        calls=per_parent(1),
    )
    accounts: AccountConnection | None = root_field(
        lists.accounts,
        description="Accounts, source after source, each in its own order.",
        needs=access.ACCOUNTS,
        calls=prices.accounts,
    )
    case: Case | None = root_field(
        single.case,
        description="One repair case: give exactly one of `id`, `ref` and `guid`.",
        needs=access.CASES,
        calls=prices.case,
    )
    cases: CaseConnection | None = root_field(
        lists.cases,
        description="Repair cases, in the sources' own order.",
        needs=access.CASES,
        calls=prices.cases,
    )
    ticket: Ticket | None = root_field(
        single.ticket,
        description="One ticket: give exactly one of `id` and `ref`.",
        needs=access.TICKETS,
        calls=prices.ticket,
    )
    tickets: TicketConnection | None = root_field(
        lists.tickets,
        description="Tickets, newest first among the sources that can order.",
        needs=access.TICKETS,
        calls=prices.tickets,
    )
    conversations: ConversationConnection | None = root_field(
        lists.conversations,
        description="Cases and tickets in one list, newest first as far as the sources can order: an inbox.",
        needs=access.CONVERSATIONS,
        calls=prices.conversations,
    )
    message: Message | None = root_field(
        single.message,
        description="One message.",
        needs=access.MESSAGES,
        calls=prices.message,
    )
    subscription: ServiceSubscription | None = root_field(
        single.subscription,
        description="One subscription: give exactly one of `id` and `ref`.",
        needs=access.SUBSCRIPTIONS,
        calls=per_parent(1),
    )
    subscriptions: ServiceSubscriptionConnection | None = root_field(
        lists.subscriptions,
        description="Subscriptions, source after source, each in its own order.",
        needs=access.SUBSCRIPTIONS,
        calls=prices.subscriptions,
    )
    message_templates: list[MessageTemplate] | None = root_field(
        single.message_templates,
        description="Texts prepared for helpdesk messages.",
        needs=access.TEMPLATES,
        calls=prices.message_templates,
    )
    write: Write | None = root_field(
        writes.write,
        description="One of your own writes, or of a source that you `operate`: give exactly one of `id` and "
        "`idempotencyKey` (your own alone).",
        needs=OPEN,
        calls=free,
    )
    writes: WriteConnection | None = root_field(
        writes.writes,
        description="Your own writes, newest first; all writes of the sources that you `operate`. Costs no "
        "REST call.",
        needs=OPEN,
        calls=prices.writes,
    )
    audit_events: AuditEventConnection | None = root_field(
        audit.audit_events,
        description="What was done through this gateway, newest first: for who may `operate`. Costs no REST "
        "call.",
        needs=access.OPERATE,
        calls=prices.audit_events,
    )

"""The Mutation root."""

import strawberry

from gateway.plans.fields import OPEN, root_field
from gateway.plans.price import per_parent
from resolvers.access import WRITES
from resolvers.mutations import notification_subscriptions, payloads, prices
from resolvers.mutations.confirm_messages import confirm_messages
from resolvers.mutations.create_case_message import create_case_message
from resolvers.mutations.create_ticket import create_ticket
from resolvers.mutations.reconcile_write import reconcile_write
from resolvers.mutations.reply import reply
from resolvers.mutations.update_ticket import update_ticket


@strawberry.type(description="Everything that can be written. A write is sent to its source once.")
class Mutation:
    reply: payloads.ReplyPayload | None = root_field(
        reply,
        description="Reply in a case or ticket, or to one of its messages.",
        needs=(WRITES["reply"],),
        calls=prices.reply,
    )
    create_case_message: payloads.CreateCaseMessagePayload | None = root_field(
        create_case_message,
        description="Add a message to a repair case, with every field of the hub.",
        needs=(WRITES["createCaseMessage"],),
        calls=prices.create_case_message,
    )
    create_ticket: payloads.CreateTicketPayload | None = root_field(
        create_ticket,
        description="Create a ticket.",
        needs=(WRITES["createTicket"],),
        calls=prices.create_ticket,
    )
    confirm_messages: payloads.ConfirmMessagesPayload | None = root_field(
        confirm_messages,
        description="Confirm messages as received and read; each has its own outcome.",
        needs=(WRITES["confirmMessages"],),
        calls=prices.confirm_messages,
    )
    update_ticket: payloads.UpdateTicketPayload | None = root_field(
        update_ticket,
        description="Change a ticket's status, assignee, queue, category or tags.",
        needs=(WRITES["updateTicket"],),
        calls=prices.update_ticket,
    )
    create_notification_subscription: payloads.CreateNotificationSubscriptionPayload | None = root_field(
        notification_subscriptions.create_notification_subscription,
        description="Create a topic that employees can be notified of.",
        needs=(WRITES["createNotificationSubscription"],),
        calls=prices.create_subscription,
    )
    update_notification_subscription: payloads.UpdateNotificationSubscriptionPayload | None = root_field(
        notification_subscriptions.update_notification_subscription,
        description="Change a topic.",
        needs=(WRITES["updateNotificationSubscription"],),
        calls=prices.change_subscription,
    )
    delete_notification_subscription: payloads.DeleteNotificationSubscriptionPayload | None = root_field(
        notification_subscriptions.delete_notification_subscription,
        description="Delete a topic.",
        needs=(WRITES["deleteNotificationSubscription"],),
        calls=prices.change_subscription,
    )
    reconcile_write: payloads.ReconcileWritePayload | None = root_field(
        reconcile_write,
        description="Look again whether one of your own writes that is IN_DOUBT landed. Sends nothing.",
        needs=OPEN,
        calls=per_parent(2),
    )

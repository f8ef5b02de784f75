"""Telecomx's REST API: the parts that make up the client of one instance.

By the pages of https://wiki.telecomx.dk, the oldest of 2014; the API has no version.

The gateway calls nothing that ends sessions or sends mail, although those are GETs: `/auth/logout`,
`/employee/ID/clearTokens`, `/mailbox/ID/forward`, `/auth/impersonate`.
"""

from collections.abc import Mapping

from gateway.domain.ids import EntityType
from gateway.sources.telecomx.accounts import ID_SHAPE, KINDS, Accounts
from gateway.sources.telecomx.case_changes import CaseChanges
from gateway.sources.telecomx.cases import Cases
from gateway.sources.telecomx.lookups import Lookups
from gateway.sources.telecomx.topics import Topics


class Telecomx:
    """The client of one instance: fulfils the ports of its parts."""

    def __init__(
        self, accounts: Accounts, cases: Cases, changes: CaseChanges, topics: Topics, lookups: Lookups
    ) -> None:
        self.check = accounts.check
        self.read_accounts = accounts.read_accounts
        self.account_keys = accounts.account_keys
        self.find_account = accounts.find_account
        self.list_accounts = accounts.list_accounts

        self.name_conversation = cases.name_conversation
        self.list_tickets = cases.list_tickets
        self.search_fields = cases.search_fields
        self.read_tickets = cases.read_tickets
        self.read_messages = cases.read_messages
        self.read_ticket_with_messages = cases.read_ticket_with_messages

        self.check_changes = changes.check_changes
        self.update_ticket = changes.update_ticket

        self.read_subscriptions = topics.read_subscriptions
        self.list_subscriptions = topics.list_subscriptions
        self.read_subscribers = topics.read_subscribers
        self.check_new_subscription = topics.check_new_subscription
        self.create_subscription = topics.create_subscription
        self.check_subscription_changes = topics.check_subscription_changes
        self.update_subscription = topics.update_subscription
        self.delete_subscription = topics.delete_subscription

        self.prepare = lookups.prepare
        self.find_write = lookups.find_write


def shapes() -> Mapping[EntityType, tuple[str, ...]]:
    """What the parts of this source's references look like."""
    kind = "|".join(kind.value for kind in KINDS)
    case = (ID_SHAPE, "[A-Za-z0-9+/=_-]{1,512}", ID_SHAPE)
    return {
        EntityType.ACCOUNT: (kind, ID_SHAPE),
        EntityType.TICKET: case,
        EntityType.MESSAGE: (*case, "0|[1-9][0-9]{0,5}"),
        EntityType.NOTIFICATION_SUBSCRIPTION: (ID_SHAPE,),
    }

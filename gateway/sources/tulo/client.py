"""Tulo's REST API: the parts that make up the client of one instance.

By the pages of https://docs.worldoftulo.com; version 1 of each endpoint.
"""

from collections.abc import Mapping

from gateway.domain.ids import EntityType
from gateway.sources.tulo.accounts import Accounts
from gateway.sources.tulo.calls import ID_SHAPE
from gateway.sources.tulo.helpdesk import Helpdesk
from gateway.sources.tulo.lookups import Lookups


class Tulo:
    """The client of one instance: fulfils the ports of its parts."""

    def __init__(self, accounts: Accounts, helpdesk: Helpdesk) -> None:
        self.read_accounts = accounts.read_accounts
        self.account_keys = accounts.account_keys
        self.find_account = accounts.find_account
        self.list_subscriptions = accounts.list_subscriptions
        self.read_subscriptions = accounts.read_subscriptions

        self.check = helpdesk.check
        self.read_templates = helpdesk.read_templates
        self.name_conversation = helpdesk.name_conversation
        self.list_tickets = helpdesk.list_tickets
        self.read_tickets = helpdesk.read_tickets
        self.read_messages = helpdesk.read_messages
        self.read_ticket_with_messages = helpdesk.read_ticket_with_messages
        self.check_ticket = helpdesk.check_ticket
        self.create_ticket = helpdesk.create_ticket
        self.find_write = Lookups(helpdesk).find_write


def shapes() -> Mapping[EntityType, tuple[str, ...]]:
    """What the parts of this source's references look like."""
    return {
        EntityType.ACCOUNT: ("SUBSCRIBER|AGENT", ID_SHAPE),
        EntityType.TICKET: (ID_SHAPE, ID_SHAPE),
        EntityType.MESSAGE: (ID_SHAPE, ID_SHAPE, "0"),
        EntityType.PRODUCT_SUBSCRIPTION: (ID_SHAPE, ID_SHAPE),
        EntityType.MESSAGE_TEMPLATE: (ID_SHAPE,),
    }

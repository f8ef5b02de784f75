"""Service Order Hub's REST API: the parts that make up the client of one instance.

Read from https://docs.serviceorderhub.com on 2026-05-06; API version 3.
"""

from collections.abc import Mapping

from gateway.domain.ids import EntityType
from gateway.sources.rest import Rest
from gateway.sources.service_order_hub import mapping
from gateway.sources.service_order_hub.accounts import Accounts
from gateway.sources.service_order_hub.cases import Cases
from gateway.sources.service_order_hub.lookups import Lookups
from gateway.sources.service_order_hub.messages import Messages
from gateway.sources.status import StatusTable


class ServiceOrderHub:
    """The client of one instance: fulfils the ports of its parts."""

    def __init__(self, rest: Rest, *, statuses: StatusTable) -> None:
        accounts = Accounts(rest)
        self.account_keys = accounts.account_keys
        self.read_accounts = accounts.read_accounts
        self.find_account = accounts.find_account

        cases = Cases(rest, statuses=statuses)
        self.check = cases.check
        self.name_conversation = cases.name_conversation
        self.read_cases = cases.read_cases
        self.list_cases = cases.list_cases
        self.list_conversations = cases.list_conversations
        self.search_fields = cases.search_fields

        messages = Messages(rest, check=cases.check)
        self.read_messages = messages.read_messages
        self.check_reply = messages.check_reply
        self.send_reply = messages.send_reply
        self.check_case_message = messages.check_case_message
        self.create_case_message = messages.create_case_message
        self.confirm_messages = messages.confirm_messages
        self.confirm_limit = messages.confirm_limit
        self.find_write = Lookups(messages).find_write


def shapes() -> Mapping[EntityType, tuple[str, ...]]:
    """What the parts of this source's references look like."""
    return {
        EntityType.CASE: (mapping.GUID,),
        EntityType.MESSAGE: (mapping.GUID, mapping.NUMBER),
        EntityType.ACCOUNT: ("PARTNER|PROVIDER|DEPARTMENT", mapping.NUMBER),
    }

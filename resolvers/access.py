"""What one must be allowed to see each kind of record, wherever in the graph it stands."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, cast

from gateway.domain.access import Grants, Scope
from gateway.domain.catalog import Source
from gateway.domain.errors import Forbidden
from gateway.domain.ids import EntityType, Ref

# Sources are no secret to whoever may ask, and a write is shown by its owner.
READS: Mapping[EntityType, Scope | None] = MappingProxyType(
    {
        EntityType.SOURCE: None,
        EntityType.ACCOUNT: Scope.ACCOUNTS_READ,
        EntityType.CASE: Scope.CASES_READ,
        EntityType.TICKET: Scope.TICKETS_READ,
        EntityType.MESSAGE: Scope.MESSAGES_READ,
        EntityType.NOTIFICATION_SUBSCRIPTION: Scope.SUBSCRIPTIONS_READ,
        EntityType.PRODUCT_SUBSCRIPTION: Scope.SUBSCRIPTIONS_READ,
        EntityType.MESSAGE_TEMPLATE: Scope.TEMPLATES_READ,
        EntityType.WRITE: None,
    }
)

ACCOUNTS = (Scope.ACCOUNTS_READ,)
CASES = (Scope.CASES_READ,)
TICKETS = (Scope.TICKETS_READ,)
CONVERSATIONS = (Scope.CASES_READ, Scope.TICKETS_READ)
MESSAGES = (Scope.MESSAGES_READ,)
SUBSCRIPTIONS = (Scope.SUBSCRIPTIONS_READ,)
SUBSCRIBERS = (Scope.SUBSCRIBERS_READ,)
TEMPLATES = (Scope.TEMPLATES_READ,)
OPERATE = (Scope.OPERATE,)

WRITES: Mapping[str, Scope] = MappingProxyType(
    {
        "reply": Scope.MESSAGES_WRITE,
        "createCaseMessage": Scope.MESSAGES_WRITE,
        "createTicket": Scope.TICKETS_WRITE,
        "confirmMessages": Scope.MESSAGES_CONFIRM,
        "updateTicket": Scope.TICKETS_WRITE,
        "createNotificationSubscription": Scope.SUBSCRIPTIONS_WRITE,
        "updateNotificationSubscription": Scope.SUBSCRIPTIONS_WRITE,
        "deleteNotificationSubscription": Scope.SUBSCRIPTIONS_WRITE,
    }
)
"""What each mutation that sends something needs at the source that it sends to."""


class Record(Protocol):
    """Whatever has a global id."""

    @property
    def ref(self) -> Ref:
        """What it is."""


def seeing(grants: Grants, found: object) -> Forbidden | None:
    """Why something that a field has found may not be seen, if it may not."""
    if isinstance(found, Source | Exception):
        return None
    # Whatever has no reference is not let through.
    return reading(grants, cast("Record", found).ref)


def reading(grants: Grants, ref: Ref) -> Forbidden | None:
    """Why a record may not be read, if it may not."""
    scope = READS[ref.type]
    if scope is None or grants.allow(scope, ref.source):
        return None
    return Forbidden(scope, source=ref.source)

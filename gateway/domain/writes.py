"""What callers want written, in the graph's words. Adapters turn it into their API's."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from gateway.domain.ids import Ref
from gateway.domain.records import Channel, ConversationState, TextFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A message into an existing conversation, as an answer to `parent` where that is set.

    `attachments` are the source's own file tokens; `kind` is the source's own word.
    """

    conversation: Ref
    body: str
    parent: Ref | None = None
    format: TextFormat = TextFormat.PLAIN
    kind: str | None = None
    declared_at: datetime | None = None
    external_id: str | None = None
    internal: bool | None = None
    attachments: tuple[str, ...] | None = None
    agent: str | None = None
    sent_at: datetime | None = None
    author_name: str | None = None
    author_email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCaseMessage:
    """A message on a case with every field that Service Order Hub documents."""

    case: Ref
    kind: str
    content: str | None = None
    declared_at: datetime | None = None
    external_id: str | None = None
    parent: Ref | None = None
    author_name: str | None = None
    author_email: str | None = None
    internal: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """A ticket to create. `requester` is an account of the same source."""

    subject: str
    body: str
    format: TextFormat = TextFormat.PLAIN
    requester: Ref | None = None
    requester_email: str | None = None
    mailbox: str | None = None
    queue: str | None = None
    category: str | None = None
    tags: tuple[str, ...] | None = None
    cc: tuple[str, ...] | None = None
    assignee: str | None = None
    channel: str | None = None
    direction: str | None = None
    attachments: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketChanges:
    """Changes of a ticket; None leaves a thing as it is. At most one form of the status is set."""

    ticket: Ref
    status_native: str | None = None
    status_value: ConversationState | None = None
    assignee: str | None = None
    queue: str | None = None
    category: str | None = None
    tags: tuple[str, ...] | None = None
    action_needed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotificationSubscription:
    """A notification topic: of one reseller, or global when `reseller` is None."""

    reseller: Ref | None
    title: str
    description: str | None = None
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSubscriptionChanges:
    """Changes of a notification topic; None leaves a thing as it is."""

    subscription: Ref
    title: str | None = None
    description: str | None = None
    channels: tuple[Channel, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A notification topic to delete."""

    subscription: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Messages of one source to mark as received and read."""

    messages: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What goes along with a write that isn't the caller's.

    Attributes:
        reference: Ours, unique to the write and the same if it is sent again. Goes to the source where it
            takes such a thing.
        baseline: What `WritePreparer.prepare` gave; None where there was nothing to prepare.
        since: When the write was recorded, just before it was first sent.
    """

    reference: str
    baseline: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a source shows of a write whose answer was lost.

    Attributes:
        matches: Whatever could be it: the objects that it may have become, or its own target where that
            is as the write wants it (for a removal: gone). Of a confirmation, the messages confirmed by now.
        near: What is not as it was sent, but could be what the source has made of it. Unless another write
            is known to have become it, absence proves nothing.
        absence_proves: Whether a write that isn't among them, long after it was sent, was not applied.
        reason: In words for operators and clients, why absence proves nothing, or would not with `near`.
    """

    matches: tuple[Ref, ...] = ()
    near: tuple[Ref, ...] = ()
    absence_proves: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that a source holds for a later write, until `expires_at`."""

    token: str = field(repr=False)
    filename: str = ""
    size_bytes: int = 0
    expires_at: datetime | None = None


WriteInput = (
    Reply
    | NewCaseMessage
    | NewTicket
    | TicketChanges
    | NewNotificationSubscription
    | NotificationSubscriptionChanges
    | Removal
    | Confirmation
)

# Where the input's field has another name than the record's.
_INPUT_NAMES = {
    "status_native": "status.native",
    "status_value": "status.value",
    "author_name": "author.name",
    "author_email": "author.email",
}


def given_fields(write: WriteInput, *, without: frozenset[str] = frozenset()) -> Mapping[str, object]:
    """The fields that the caller set, by their names in the mutation's input.

    Args:
        write: What is to be written.
        without: Attributes that name the target, and so aren't fields of the write.
    Returns:
        Input name (`declaredAt`, `author.name`) -> value; fields left out are absent.
    """
    given: dict[str, object] = {}
    for each in fields(write):
        value = getattr(write, each.name)
        if value is None or each.name in without:
            continue
        head, *tail = each.name.split("_")
        given[_INPUT_NAMES.get(each.name) or head + "".join(part.title() for part in tail)] = value
    return given

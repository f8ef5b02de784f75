"""The configured sources, and what each can do."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar, cast

from gateway.domain import ports
from gateway.domain.callers import forwarded
from gateway.domain.errors import BadInput, NotForwarded
from gateway.domain.health import SourceHealth
from gateway.domain.ids import ENTRY_ID, EntityType, Ref

P = TypeVar("P")


class Capability(StrEnum):
    """What a source or a conversation can do."""

    READ_ACCOUNT = "READ_ACCOUNT"
    FIND_ACCOUNT = "FIND_ACCOUNT"
    LIST_ACCOUNTS = "LIST_ACCOUNTS"
    READ_CASE = "READ_CASE"
    LIST_CASES = "LIST_CASES"
    SEARCH = "SEARCH"
    READ_TICKET = "READ_TICKET"
    LIST_TICKETS = "LIST_TICKETS"
    READ_MESSAGES = "READ_MESSAGES"
    READ_TEMPLATES = "READ_TEMPLATES"
    CREATE_TICKET = "CREATE_TICKET"
    CREATE_CASE_MESSAGE = "CREATE_CASE_MESSAGE"
    REPLY = "REPLY"
    CONFIRM = "CONFIRM"
    ATTACH = "ATTACH"
    CHANGE_STATUS = "CHANGE_STATUS"
    READ_SUBSCRIPTIONS = "READ_SUBSCRIPTIONS"
    LIST_SUBSCRIPTIONS = "LIST_SUBSCRIPTIONS"
    READ_SUBSCRIBERS = "READ_SUBSCRIBERS"
    CREATE_SUBSCRIPTION = "CREATE_SUBSCRIPTION"
    UPDATE_SUBSCRIPTION = "UPDATE_SUBSCRIPTION"
    DELETE_SUBSCRIPTION = "DELETE_SUBSCRIPTION"


_PORTS: Mapping[Capability, type] = MappingProxyType(
    {
        Capability.READ_ACCOUNT: ports.AccountReader,
        Capability.FIND_ACCOUNT: ports.AccountFinder,
        Capability.LIST_ACCOUNTS: ports.AccountLister,
        Capability.READ_CASE: ports.CaseReader,
        Capability.LIST_CASES: ports.CaseLister,
        Capability.SEARCH: ports.TextSearch,
        Capability.READ_TICKET: ports.TicketReader,
        Capability.LIST_TICKETS: ports.TicketLister,
        Capability.READ_MESSAGES: ports.MessageReader,
        Capability.READ_TEMPLATES: ports.TemplateReader,
        Capability.CREATE_TICKET: ports.TicketCreator,
        Capability.CREATE_CASE_MESSAGE: ports.CaseMessageCreator,
        Capability.REPLY: ports.Replier,
        Capability.CONFIRM: ports.MessageConfirmer,
        Capability.ATTACH: ports.FileUploader,
        Capability.CHANGE_STATUS: ports.TicketUpdater,
        Capability.READ_SUBSCRIPTIONS: ports.SubscriptionReader,
        Capability.LIST_SUBSCRIPTIONS: ports.SubscriptionLister,
        Capability.READ_SUBSCRIBERS: ports.SubscriberReader,
        Capability.CREATE_SUBSCRIPTION: ports.NotificationSubscriptionWriter,
        Capability.UPDATE_SUBSCRIPTION: ports.NotificationSubscriptionWriter,
        Capability.DELETE_SUBSCRIPTION: ports.NotificationSubscriptionWriter,
    }
)
_OF_CONVERSATIONS = frozenset(
    {
        Capability.READ_MESSAGES,
        Capability.CREATE_CASE_MESSAGE,
        Capability.REPLY,
        Capability.CONFIRM,
        Capability.ATTACH,
        Capability.CHANGE_STATUS,
    }
)

# What marks a message's own part as made by the gateway; a write's id follows.
_WRITTEN = "write-"

# One regular expression per part of a reference, matched whole: what a client may make an adapter
# put into a URL.
RefShapes = Mapping[EntityType, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Source:
    """One configured system: `key` names the instance, `kind` its adapter.

    Attributes:
        own_credential: A stable id of the gateway's own credentials, not of a token that rotates.
        forwards: Whether each caller uses it with a credential of its own instead.
        write_timeout_s: How long one write may take in all, reads and log-in before and after it included.
        settling_s: How long after a write was last under way the source may still apply it.
        health: How it is doing.
    """

    key: str
    kind: str
    name: str
    docs_url: str
    client: object
    shapes: RefShapes
    own_credential: str = "static"
    forwards: bool = False
    write_timeout_s: float = 60.0
    settling_s: float = 900.0
    health: Callable[[], SourceHealth | None] = lambda: None
    _able: dict[type, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def credential(self) -> str | None:
        """A stable id of the credentials in effect; None where the caller has brought none."""
        if not self.forwards:
            return self.own_credential
        given = forwarded(self.key)
        return None if given is None else given.id

    def owner(self, principal: str) -> str:
        """Whose the writes are that a principal makes here, and the uploads.

        With credentials of their own, callers are told apart by these too.

        Raises:
            NotForwarded: The caller has brought none.
        """
        if not self.forwards:
            return principal
        given = forwarded(self.key)
        if given is None:
            raise NotForwarded(self.key)
        return f"{principal}:{given.id}"

    def port(self, port: type[P]) -> P | None:
        """The source's client if it has the ability, else None."""
        # Asked many times in an operation, and a Protocol takes its time to tell: 10 us and more.
        able = self._able.get(port)
        if able is None:
            able = self._able[port] = isinstance(self.client, port)
        return cast("P", self.client) if able else None

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What the source can do: the ports that its client fulfils."""
        return tuple(each for each, port in _PORTS.items() if self.port(port) is not None)

    @property
    def conversation_capabilities(self) -> tuple[Capability, ...]:
        """What can be done with one conversation of this source."""
        return tuple(each for each in self.capabilities if each in _OF_CONVERSATIONS)

    def check_ref(self, ref: Ref, *, argument: str | None) -> None:
        """Refuse a reference that this source can't have given out.

        Raises:
            BadInput: A part is missing or isn't of the source's form.
        """
        shapes = self._shapes_of_ours(ref) or self.shapes.get(ref.type)
        if shapes is None or len(shapes) != len(ref.parts):
            raise BadInput(f"{self.key} has no such {ref.type.value}.", argument=argument)
        for shape, part in zip(shapes, ref.parts, strict=True):
            if not re.fullmatch(shape, part):
                raise BadInput(f"Not the id of a {ref.type.value} of {self.key}.", argument=argument)

    def conversation_of(self, message: Ref) -> Ref:
        """The conversation of a message: its reference is the conversation's and the message's own part."""
        entity = self._conversations
        return Ref(entity, self.key, message.parts[: len(self.shapes[entity])])

    def only_message(self, conversation: Ref) -> Ref | None:
        """The message of a conversation, where it can have but one: a plain word is its own part's shape."""
        own = self.shapes.get(EntityType.MESSAGE, ())[len(conversation.parts) :]
        if not own or not all(part.isalnum() for part in own):
            return None
        return Ref(EntityType.MESSAGE, self.key, (*conversation.parts, *own))

    def ref_of(self, entity: EntityType, native_id: str, *, argument: str | None) -> Ref:
        """The reference of a record whose own id suffices to find it.

        Raises:
            BadInput: It doesn't suffice at this source, or isn't of the source's form.
        """
        if len(self.shapes.get(entity, ("", ""))) != 1:
            raise BadInput(
                f"{self.key} finds no {entity.value} by its own id alone: pass the `id` that a list gave.",
                argument=argument,
            )
        ref = Ref(entity, self.key, (native_id,))
        self.check_ref(ref, argument=argument)
        return ref

    @property
    def _conversations(self) -> EntityType:
        """What a conversation is here: a source has cases or tickets, not both."""
        return EntityType.CASE if EntityType.CASE in self.shapes else EntityType.TICKET

    def _shapes_of_ours(self, ref: Ref) -> tuple[str, ...] | None:
        """The form of the references that the gateway makes itself, whatever the source."""
        match ref.type:
            case EntityType.SOURCE:
                return (re.escape(self.key),)
            case EntityType.WRITE:
                return (ENTRY_ID,)
            case EntityType.MESSAGE if entry_id_of(ref) is not None and self._conversations in self.shapes:
                return (*self.shapes[self._conversations], f"{_WRITTEN}{ENTRY_ID}")
            case _:
                return None


def written_message(conversation: Ref, entry_id: str) -> Ref:
    """The message that a write has become, while its source hasn't told which one that is."""
    return Ref(EntityType.MESSAGE, conversation.source, (*conversation.parts, f"{_WRITTEN}{entry_id}"))


def entry_id_of(message: Ref) -> str | None:
    """The id of the write behind a reference that `written_message` has made; None for a source's own."""
    match = re.fullmatch(f"{_WRITTEN}({ENTRY_ID})", message.parts[-1])
    return match and match[1]


class Catalog:
    """All configured sources, in the configuration's order."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self._sources = {source.key: source for source in sources}

    def __iter__(self) -> Iterator[Source]:
        return iter(self._sources.values())

    def owners(self, principal: str) -> frozenset[str]:
        """All the names under which a principal, with the credentials brought along, owns writes."""
        return frozenset(
            source.owner(principal) for source in self if not source.forwards or forwarded(source.key)
        ) | {principal}

    def get(self, key: str) -> Source | None:
        """The source of that key, or None."""
        return self._sources.get(key)

    def named(self, key: str, *, argument: str | None) -> Source:
        """The source that a client named.

        Raises:
            BadInput: There is none of that key.
        """
        source = self._sources.get(key)
        if source is None:
            known = ", ".join(self._sources) or "none"
            raise BadInput(f"There is no source `{key[:64]}`. Configured: {known}.", argument=argument)
        return source

    def of(self, ref: Ref, *, argument: str | None = None) -> Source:
        """The source of a reference that a client gave, its form checked.

        Raises:
            BadInput: The source isn't configured, or could not have given it out.
        """
        source = self.named(ref.source, argument=argument)
        source.check_ref(ref, argument=argument)
        return source

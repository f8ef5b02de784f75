"""Who asks, and what they may see and do (GRAPH, rule 8; DESIGN, section 7)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class Scope(StrEnum):
    """What can be granted: an entity and a verb.

    Granted as it stands it holds for every source; with a source behind it (`messages:write@support-pl`)
    for that one alone.
    """

    ACCOUNTS_READ = "accounts:read"
    CASES_READ = "cases:read"
    TICKETS_READ = "tickets:read"
    MESSAGES_READ = "messages:read"
    SUBSCRIPTIONS_READ = "subscriptions:read"
    SUBSCRIBERS_READ = "subscribers:read"
    TEMPLATES_READ = "templates:read"
    MESSAGES_WRITE = "messages:write"
    MESSAGES_WRITE_AS = "messages:write_as"
    MESSAGES_CONFIRM = "messages:confirm"
    TICKETS_WRITE = "tickets:write"
    SUBSCRIPTIONS_WRITE = "subscriptions:write"
    SUBSCRIPTIONS_WRITE_GLOBAL = "subscriptions:write_global"
    OPERATE = "operate"


class UnknownScope(ValueError):
    """A text that grants nothing known."""

    def __init__(self, text: str) -> None:
        known = ", ".join(Scope)
        super().__init__(f"`{text}` is no scope. Known: {known}; each may end in @ and a source's key.")


@dataclass(frozen=True, slots=True)
class Grants:
    """Scopes with the sources that each holds for; None is every source."""

    sources: Mapping[Scope, frozenset[str] | None]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Grants":
        """Grants as they are written: `messages:read`, `messages:write@support-pl`.

        Raises:
            UnknownScope: A text is none.
        """
        granted: dict[Scope, frozenset[str] | None] = {}
        for text in texts:
            scope, source = parse_scope(text)
            held = granted.get(scope, frozenset())
            granted[scope] = None if source is None or held is None else held | {source}
        return cls(MappingProxyType(granted))

    @classmethod
    def known(cls, texts: Iterable[str]) -> "Grants":
        """The same without those that mean nothing here: another system's scopes grant nothing."""
        return cls.of(text for text in texts if _is_known(text))

    def allow(self, scope: Scope, source: str) -> bool:
        """Whether the scope holds for a source."""
        held = self.sources.get(scope, frozenset())
        return held is None or source in held

    def allow_anywhere(self, scope: Scope) -> bool:
        """Whether it holds for some source."""
        return scope in self.sources

    def __iter__(self) -> Iterator[str]:
        """As they are written, in the order of `Scope`."""
        for scope in Scope:
            held = self.sources.get(scope, frozenset())
            if held is None:
                yield scope.value
            else:
                yield from (f"{scope.value}@{source}" for source in sorted(held))


EVERYTHING = Grants(MappingProxyType(dict.fromkeys(Scope)))
NOTHING = Grants(MappingProxyType({}))


class LoginKind(StrEnum):
    """How a principal has logged in."""

    NONE = "NONE"
    API_KEY = "API_KEY"
    TOKEN = "TOKEN"  # noqa: S105 - the kind, not a token


@dataclass(frozen=True, slots=True)
class WriteAs:
    """Who a principal is at one source.

    Attributes:
        agent: The log-in of an agent, where the source has such.
        author_name: The human author's name, where the source takes one.
        author_email: Their address.
    """

    agent: str | None = None
    author_name: str | None = None
    author_email: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        subject: Unique among all principals, and stable: writes, keys and uploads belong to it.
        name: For people's eyes.
        login: How it has logged in.
        grants: What it may.
        writes_as: Source -> who it is there.
        credential_id: Which of its credentials it came with: a key's id; None for others.
        expires_at: When that credential ends, if it does.
    """

    subject: str
    name: str
    login: LoginKind = LoginKind.NONE
    grants: Grants = NOTHING
    writes_as: Mapping[str, WriteAs] = field(default_factory=lambda: MappingProxyType({}))
    credential_id: str | None = None
    expires_at: datetime | None = None


def parse_scope(text: str) -> tuple[Scope, str | None]:
    """A scope as it is written, and the source that it is limited to.

    Raises:
        UnknownScope: It is none.
    """
    name, limited, source = text.partition("@")
    try:
        scope = Scope(name)
    except ValueError as error:
        raise UnknownScope(text) from error
    if limited and not source:
        raise UnknownScope(text)
    return scope, source or None


def _is_known(text: str) -> bool:
    try:
        parse_scope(text)
    except UnknownScope:
        return False
    return True


LOCAL = Principal("local", "local", grants=EVERYTHING)
"""Whoever asks where there is no login: `dev`, and `serve` on loopback without one."""

LOCAL_CALLER = replace(LOCAL, grants=Grants.of(scope for scope in Scope if scope is not Scope.OPERATE))
"""The same where callers are told apart by credentials of their own: none may see another's writes."""

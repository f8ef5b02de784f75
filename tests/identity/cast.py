"""Who asks: callers with credentials of their own at the sources, most of whom log in."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from gateway.domain.access import Scope
from gateway.domain.api_keys import ApiKey
from gateway.sandbox import KINDS
from tests.identity.accesses import STATIC, Access, Credentials, header, make_credentials
from tests.identity.logins import (
    EVERYTHING_BUT_OPERATE,
    READS,
    WRITES,
    Intruder,
    Login,
    Reception,
    source_of_mark,
)
from tests.identity.words import KEY_MARK, SEEN_WITH, parts

_ALONE = ("base", "one character", "case", "longer", "prefix", "odd", "everywhere")


class Owner(NamedTuple):
    """Whom a write or an upload belongs to."""

    subject: str
    access: Access


@dataclass(frozen=True, slots=True)
class Caller:
    """One who asks, with what they have at each source, the static ones included.

    Attributes:
        is_limited: Whether some of what others may see is kept from them.
    """

    name: str
    accesses: Mapping[str, Access]
    login: Login
    is_limited: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The request headers with the credentials for the sources."""
        return {
            header(source): access.secret
            for source, access in self.accesses.items()
            if access.secret is not None and source not in STATIC
        }

    def owner(self, source: str) -> Owner:
        """As whom they write there."""
        return Owner(self.login.subject, self.accesses[source])

    def has(self, access: Access) -> bool:
        """Whether the access is theirs, too."""
        return access.secret is not None and self.accesses[access.source] == access

    def says(self, source: str, mark: str, text: str) -> str:
        """A text as this caller writes it to a source."""
        return f"{self.accesses[source].word(mark)} {text}"

    def key(self, source: str, text: str) -> str:
        """An idempotency key of their own."""
        return f"{self.login.word(source)} {self.accesses[source].word(KEY_MARK)} {text}"


@dataclass(frozen=True, slots=True)
class Cast:
    """All callers of a run, and all that they have.

    Attributes:
        accesses: Without those of callers who have no credential.
        intruders: Who must not be let in.
        keys: What the gateway knows of keys.
        secrets: What no answer, log line or ledger row may hold, in lower case: of credentials for sources
            the part that all of one family have in common, and its forms in URLs; of keys and tokens two
            stretches.
    """

    callers: tuple[Caller, ...]
    accesses: tuple[Access, ...]
    static: Mapping[str, Access]
    intruders: tuple[Intruder, ...]
    keys: tuple[ApiKey, ...] = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)

    @property
    def asks_who(self) -> bool:
        """Whether callers log in."""
        return bool(self.keys)

    def access(self, stem: str) -> Access | None:
        """Whose stem it is."""
        return next((each for each in self.accesses if each.stem == stem), None)

    def login(self, stem: str) -> Login | None:
        """Whose stem in keys it is: one of the logins of its subject."""
        return next((each.login for each in self.callers if each.login.stem == stem), None)

    def whose(self, word: bytes) -> str:
        """The owner of a word, to read."""
        stem, mark = parts(word)
        return f"{self.access(stem) or self.login(stem) or 'nobody known'} ({mark})"

    def may_see(self, caller: Caller, word: bytes) -> bool:
        """Whether a word may stand in the caller's answers."""
        stem, mark = parts(word)
        login, access = self.login(stem), self.access(stem)
        if login is not None:
            return login.subject == caller.login.subject or caller.login.operates(source_of_mark(mark))
        if access is None:
            return False
        if mark == KEY_MARK:
            return caller.has(access) or caller.login.operates(access.source)
        return caller.has(access) and any(
            caller.login.grants.allow(scope, access.source) for scope in SEEN_WITH[mark]
        )


def make_cast(seed: int, *, asks_who: bool = True) -> Cast:
    """Callers of whom some have the same credentials for sources, some none; and some the same name."""
    draw = random.Random(f"identity {seed}")  # noqa: S311 - the same for the same seed
    credentials, reception = make_credentials(draw), Reception(draw)
    callers = _with_logins(credentials, reception) if asks_who else _alike(credentials, reception)
    intruders = reception.intruders("anna", "anna-") if asks_who else []
    hidden = {form(each) for each in credentials.cores for form in (str, quote, quote_plus)}
    secrets = sorted({each.lower().encode() for each in hidden | reception.secrets})
    return Cast(
        tuple(callers),
        credentials.all,
        credentials.static,
        tuple(intruders),
        tuple(reception.keys),
        tuple(secrets),
    )


def _brought(credentials: Credentials) -> dict[str, dict[str, Access]]:
    """Who has what at the sources, by the caller's name."""
    mixed = dict(zip(KINDS, ("base", "case", "prefix", "none", "longer"), strict=True))
    too = dict(zip(KINDS, ("one character", "none", "base", "everywhere", "odd"), strict=True))
    return {
        **{name: credentials.everywhere(name) for name in _ALONE},
        "base, too": credentials.everywhere("base"),
        "mixed": credentials.of(mixed),
        "mixed, too": credentials.of(too),
        "unknown": credentials.everywhere("bad"),
        "nobody": credentials.everywhere("none"),
    }


def _alike(credentials: Credentials, reception: Reception) -> list[Caller]:
    """All the same to the gateway, but for what they have at the sources."""
    login = reception.nobody_is_asked()
    return [Caller(name, accesses, login) for name, accesses in _brought(credentials).items()]


def _with_logins(credentials: Credentials, reception: Reception) -> list[Caller]:
    """Names of which one begins another; two pairs share one each."""
    names = ("anna", "anna-", "anna.", "anna-a", "ann", "anna_", "annaa", "a.nna", "a--", "a--", "a-", "a")
    callers = [
        Caller(name, accesses, reception.with_key(own, EVERYTHING_BUT_OPERATE))
        for own, (name, accesses) in zip(names, _brought(credentials).items(), strict=True)
    ]
    base = credentials.everywhere("base")
    callers += [
        Caller("base again", base, reception.with_key("anna", EVERYTHING_BUT_OPERATE)),
        Caller("a token", base, reception.with_token("anna", EVERYTHING_BUT_OPERATE)),
        Caller("a token of that name", base, reception.with_token("key:anna", EVERYTHING_BUT_OPERATE)),
    ]

    def without(*missing: Scope) -> list[Scope]:
        return [scope for scope in EVERYTHING_BUT_OPERATE if scope not in missing]

    limited = {
        "no messages": without(Scope.MESSAGES_READ),
        "no accounts": without(Scope.ACCOUNTS_READ, Scope.SUBSCRIBERS_READ),
        "no conversations": without(Scope.CASES_READ, Scope.TICKETS_READ),
        "no subscriptions": without(Scope.SUBSCRIPTIONS_READ, Scope.TEMPLATES_READ),
        "reads": READS,
        "some sources": [
            f"{scope}@{source}" for scope in EVERYTHING_BUT_OPERATE for source in ("thulium", "shared_bank")
        ],
        "operator": [Scope.OPERATE, Scope.TICKETS_READ],
        "operator of one": [f"{Scope.OPERATE}@shared_bank", Scope.MESSAGES_WRITE, Scope.TICKETS_READ],
    }
    callers += [
        Caller(name, base, reception.with_key(f"anna{number}", scopes), is_limited=True)
        for number, (name, scopes) in enumerate(limited.items())
    ]
    writes_only = reception.with_token("anna0", WRITES)
    callers.append(Caller("writes only", base, writes_only, is_limited=True))
    return callers

"""How callers log in: API keys and tokens whose owners' names are as alike as can be, and ones that are worth nothing."""

import random
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain.access import LOCAL, Grants, Scope
from gateway.domain.api_keys import ApiKey
from gateway.security.keys import NewKey, new_key
from tests.identity.accesses import SOURCES
from tests.identity.words import new_stem, word_of
from tests.jwks_server import AUDIENCE, ISSUER, encoded, signed, signing_key

READS = tuple(scope for scope in Scope if scope.endswith(":read"))
WRITES = tuple(scope for scope in Scope if ":" in scope and scope not in READS)
EVERYTHING_BUT_OPERATE = (*READS, *WRITES)
# How much of a secret is enough to know it by.
_TELLING = 16


@dataclass(frozen=True, slots=True)
class Login:
    """Who one is, and what they may. Several logins of one subject are one owner.

    Attributes:
        subject: As the gateway names it.
        stem: Of the words in the idempotency keys that are the subject's own.
        headers: The ways to say so; None where nobody is asked.
    """

    subject: str
    grants: Grants
    stem: str
    headers: tuple[Mapping[str, str], ...] = field(default=({},), repr=False)

    def word(self, source: str) -> str:
        """In the keys of writes to a source."""
        return word_of(self.stem, chr(ord("a") + SOURCES.index(source)))

    def operates(self, source: str) -> bool:
        """Whether everybody's writes there may be seen."""
        return self.grants.allow(Scope.OPERATE, source)


def source_of_mark(mark: str) -> str:
    """The source of a word in a key."""
    return SOURCES[ord(mark) - ord("a")]


@dataclass(frozen=True, slots=True)
class Intruder:
    """Somebody whose credential is worth nothing."""

    name: str
    headers: Mapping[str, str] = field(repr=False)


class Reception:
    """Makes logins, and keeps what the gateway must know of them and what nobody may see."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._stems: dict[str, str] = {}
        self._texts: dict[str, NewKey] = {}
        self.keys: list[ApiKey] = []
        self.secrets: set[str] = set()

    def nobody_is_asked(self) -> Login:
        """What all are where no log-in is needed and callers bring credentials of their own."""
        return Login(LOCAL.subject, Grants.of(EVERYTHING_BUT_OPERATE), self._stem(LOCAL.subject))

    def with_key(self, name: str, scopes: Iterable[str]) -> Login:
        """One with an API key of this name, one more if there is one."""
        scopes = tuple(scopes)
        key = self._key(name, scopes)
        self._texts.setdefault(name, key)
        subject = f"key:{name}"
        return Login(subject, Grants.of(scopes), self._stem(subject), _ways(key.text))

    def with_token(self, sub: str, scopes: Iterable[str]) -> Login:
        """One with a token of the identity provider's."""
        scopes = tuple(scopes)
        token = self._token(sub=sub, scope=" ".join(scopes))
        subject = f"jwt:{sub.replace(':', '%3A')}"
        headers = ({"authorization": f"Bearer {token}"},)
        return Login(subject, Grants.of(scopes), self._stem(subject), headers)

    def intruders(self, first: str, second: str) -> list[Intruder]:
        """Credentials made of those of two names, and others that are not good."""
        past = datetime.now(UTC) - timedelta(hours=1)
        ann, bob = self._texts[first], self._texts[second]
        stranger = new_key()
        self._keep(stranger.text)
        texts = {
            "one's id with another's secret": _key_text(ann.id, _secret_of(bob)),
            "a key that ends otherwise": _key_text(ann.id, _secret_of(ann)[:-1] + "~"),
            "a key in the other case": ann.text.swapcase(),
            "the beginning of a key": ann.text[:-9],
            "an id without a secret": f"hdg_{ann.id}_",
            "a key that nobody has made": stranger.text,
            "an expired key": self._key(first, READS, expires_at=past).text,
            "a revoked key": self._key(first, READS, revoked_at=past).text,
            "an expired token": self._token(sub=first, scope="operate", exp=int(past.timestamp())),
            "a token for others": self._token(sub=first, scope="operate", aud="others"),
            "a token signed by another": self._token(sub=first, scope="operate", kid="k1", forger="forger"),
            "a token that nobody has signed": self._unsigned(sub=first, scope="operate"),
        }
        found = [Intruder(name, {"authorization": f"Bearer {text}"}) for name, text in texts.items()]
        return [
            *found,
            Intruder("no credential", {}),
            Intruder("two good keys", {"authorization": f"Bearer {ann.text}", "x-api-key": bob.text}),
            Intruder("another scheme", {"authorization": f"Basic {ann.text}"}),
        ]

    def _key(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        expires_at: datetime | None = None,
        revoked_at: datetime | None = None,
    ) -> NewKey:
        made = new_key()
        self.keys.append(
            ApiKey(
                id=made.id,
                name=name,
                digest=made.digest,
                scopes=tuple(scopes),
                created_at=datetime.now(UTC) - timedelta(hours=2),
                expires_at=expires_at,
                revoked_at=revoked_at,
            )
        )
        self._keep(made.text)
        return made

    def _token(self, *, kid: str = "", forger: str = "", **claims: Any) -> str:
        given = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(datetime.now(UTC).timestamp()) + 36_000, **claims}
        if forger:
            text = signed(given, signing_key("EC", forger), header={"alg": "ES256", "kid": kid, "typ": "JWT"})
        else:
            text = signed(given)
        self._keep(text)
        return text

    def _unsigned(self, **claims: Any) -> str:
        text = self._token(**claims)
        return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{text.split('.')[1]}."

    def _keep(self, text: str) -> None:
        """Its secret parts, from both ends: of a token all that says something, of a key what follows its id."""
        secrets = text.split(".")[1:] if "." in text else [text.split("_")[2]]
        for secret in secrets:
            self.secrets |= {secret[-_TELLING:], secret[len(secret) // 2 :][:_TELLING]}

    def _stem(self, subject: str) -> str:
        return self._stems.setdefault(subject, new_stem(self._draw))


def _ways(text: str) -> tuple[Mapping[str, str], ...]:
    bearer = {"authorization": f"Bearer {text}"}
    return bearer, {"x-api-key": text}, {**bearer, "x-api-key": text}


def _secret_of(key: NewKey) -> str:
    return key.text.rpartition("_")[2][:-8]


def _key_text(key_id: str, secret: str) -> str:
    """A key as one is written, its checksum right."""
    text = f"hdg_{key_id}_{secret}"
    return f"{text}{zlib.crc32(text.encode()):08x}"

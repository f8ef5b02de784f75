"""What credentials there are at the sources, and what each one shows.

An access is what one credential sees at one source. Every text that a source shows through it carries its
word, and no other access's.
"""

import random
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.sandbox import KINDS
from tests.identity.words import new_stem, word_of

# Second instances of products, with the gateway's own credentials: everybody may see what they show, and
# only who they are tells callers apart.
STATIC: Mapping[str, str] = {"shared": "thulium", "shared_bank": "netevia"}
STATIC_USER, STATIC_PASSWORD, STATIC_TOKEN = (
    "static-user",
    "static-pass-8Hq2mVt5",
    "static-token-4Jx9wLc1",
)
SOURCES = (*KINDS, *STATIC)
_CORE = 20


@dataclass(frozen=True, slots=True)
class Access:
    """One credential at one source.

    Attributes:
        source: The source's key.
        secret: None for one who has no credential there.
        stem: Of the words in every text that is seen or written with it.
        good: Whether the source accepts it.
    """

    source: str
    secret: str | None = field(repr=False)
    stem: str
    good: bool = True

    def word(self, mark: str) -> str:
        """Its word in texts of a kind."""
        return word_of(self.stem, mark)


@dataclass(frozen=True, slots=True)
class Credentials:
    """All accesses: what callers bring along by source and name, and the gateway's own.

    Attributes:
        cores: The parts that all secrets of one family have in common.
    """

    by_source: Mapping[str, Mapping[str, Access]]
    static: Mapping[str, Access]
    cores: frozenset[str] = field(repr=False)

    def of(self, wanted: Mapping[str, str]) -> dict[str, Access]:
        """Those of somebody who has the named ones."""
        return {**self.static, **{source: self.by_source[source][name] for source, name in wanted.items()}}

    def everywhere(self, name: str) -> dict[str, Access]:
        """Those of somebody who has the one of this name at each source."""
        return self.of(dict.fromkeys(KINDS, name))

    @property
    def all(self) -> tuple[Access, ...]:
        """Each of them once."""
        brought = (each for of_source in self.by_source.values() for each in of_source.values())
        return (*self.static.values(), *brought)


def make_credentials(draw: random.Random) -> Credentials:
    """Credentials that are as alike as can be."""
    everywhere = _secret(draw)
    cores = {everywhere}
    by_source: dict[str, dict[str, Access]] = {}
    for source in KINDS:
        base, other = _secret(draw), _secret(draw)
        cores |= {base, other}
        secrets = {
            "base": base + "K",
            "one character": base + "L",
            "case": (base + "K").swapcase(),
            "longer": base + "Kx",
            "prefix": base,
            "odd": f"{other} a&b=c%41+/?#;,\"'",
            "everywhere": everywhere,
        }
        by_source[source] = {name: Access(source, each, new_stem(draw)) for name, each in secrets.items()}
        by_source[source]["bad"] = Access(source, base + "Q", new_stem(draw), good=False)
        by_source[source]["none"] = Access(source, None, new_stem(draw), good=False)
    secrets = {"thulium": STATIC_PASSWORD, "netevia": STATIC_TOKEN}
    static = {key: Access(key, secrets[kind], new_stem(draw)) for key, kind in STATIC.items()}
    return Credentials(by_source, static, frozenset({*cores, STATIC_PASSWORD, STATIC_TOKEN}))


def header(source: str) -> str:
    """The header with the credential for a source."""
    return f"x-key-{source.replace('_', '-')}"


def _secret(draw: random.Random) -> str:
    return "".join(draw.choices(string.ascii_letters + string.digits, k=_CORE))

"""Who asks: callers, what each may see at each source, and the words by which that is known.

An access is what one credential sees at one source. Every text that a source shows through it carries its
word, and no other access's.
"""

import random
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from gateway.sandbox import KINDS

# A second instance of a product, with the gateway's own credential: everybody may see what it shows.
STATIC = "shared"
STATIC_USER, STATIC_PASSWORD = "static-user", "static-pass-8Hq2mVt5"
WORD = re.compile(rb"zq[a-z]{10}qz")
_CORE = 20


@dataclass(frozen=True, slots=True)
class Access:
    """One credential at one source.

    Attributes:
        source: The source's key.
        secret: None for one who has no credential there.
        word: In every text that is seen or written with it.
        good: Whether the source accepts it.
    """

    source: str
    secret: str | None = field(repr=False)
    word: str
    good: bool = True


@dataclass(frozen=True, slots=True)
class Caller:
    """One who asks, with what they have at each source, the static one included."""

    name: str
    accesses: Mapping[str, Access]

    @property
    def headers(self) -> dict[str, str]:
        """The request headers with the credentials."""
        return {
            header(source): access.secret
            for source, access in self.accesses.items()
            if access.secret is not None and source != STATIC
        }

    @property
    def words(self) -> frozenset[bytes]:
        """What may stand in their answers."""
        return frozenset(
            access.word.encode() for access in self.accesses.values() if access.secret is not None
        )

    def says(self, source: str, text: str) -> str:
        """A text as this caller writes it to a source."""
        return f"{self.accesses[source].word} {text}"


@dataclass(frozen=True, slots=True)
class Cast:
    """All callers of a run, and all that they have.

    Attributes:
        accesses: Without those of callers who have no credential.
        secrets: What no answer, log line or ledger row may hold, in lower case: the part that all credentials
            of one family have in common, and its forms in URLs.
    """

    callers: tuple[Caller, ...]
    accesses: tuple[Access, ...]
    static: Access
    secrets: tuple[bytes, ...]

    def owner(self, word: bytes) -> Access | None:
        """Whose word it is."""
        return next((each for each in self.accesses if each.word.encode() == word.lower()), None)


def header(source: str) -> str:
    """The header with the credential for a source."""
    return f"x-key-{source.replace('_', '-')}"


def make_cast(seed: int) -> Cast:
    """Callers whose credentials are as alike as can be; some have the same, some none."""
    draw = random.Random(f"identity {seed}")  # noqa: S311 - the same for the same seed
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
        by_source[source] = {name: Access(source, each, _word(draw)) for name, each in secrets.items()}
        by_source[source]["bad"] = Access(source, base + "Q", _word(draw), good=False)
        by_source[source]["none"] = Access(source, None, _word(draw), good=False)
    static = Access(STATIC, STATIC_PASSWORD, _word(draw))

    def caller(name: str, wanted: Mapping[str, str]) -> Caller:
        return Caller(name, {STATIC: static, **{kind: by_source[kind][wanted[kind]] for kind in KINDS}})

    alone = ("base", "one character", "case", "longer", "prefix", "odd", "everywhere")
    callers = [caller(name, dict.fromkeys(KINDS, name)) for name in alone]
    callers += [
        caller("base, too", dict.fromkeys(KINDS, "base")),
        caller("mixed", dict(zip(KINDS, ("base", "case", "prefix", "none", "longer"), strict=True))),
        caller(
            "mixed, too",
            dict(zip(KINDS, ("one character", "none", "base", "everywhere", "odd"), strict=True)),
        ),
        caller("unknown", dict.fromkeys(KINDS, "bad")),
        caller("nobody", dict.fromkeys(KINDS, "none")),
    ]
    accesses = (static, *(each for of_source in by_source.values() for each in of_source.values()))
    hidden = {form(each).lower().encode() for each in cores for form in (str, quote, quote_plus)}
    return Cast(tuple(callers), accesses, static, (*sorted(hidden), STATIC_PASSWORD.lower().encode()))


def _secret(draw: random.Random) -> str:
    return "".join(draw.choices(string.ascii_letters + string.digits, k=_CORE))


def _word(draw: random.Random) -> str:
    return f"zq{''.join(draw.choices(string.ascii_lowercase, k=10))}qz"

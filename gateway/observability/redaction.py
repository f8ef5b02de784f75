"""The one redactor: nothing leaves the process as a log line, a span or an error text without it.

Texts are searched for what credentials and e-mail addresses look like, and for the exact secrets that are
known: those of the configuration, and those that came with the request. What a customer has written looks
like nothing in particular, so it must never be given to a log or a span; where libraries quote it in an
exception, the quotation goes.
"""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextvars import ContextVar, Token
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, quote_plus, urlsplit

from pydantic import BaseModel, SecretStr

MASK: Final = "[redacted]"
# Shorter ones would be found in innocent words.
SHORTEST_SECRET = 6
_CUT: Final = "[cut]"
# More than an address has.
_MARGIN = 400
_MAX_DEPTH = 16
_MAX_ITEMS = 200

# Values of fields with these names are masked whole. Compared in lower case, without - and _.
_SECRET_FIELDS = frozenset(
    {
        "authorization", "body", "content", "cookie", "credential", "credentials", "document", "email",
        "headers", "html", "login", "password", "passwd", "params", "query", "secret", "setcookie", "subject",
        "text", "token", "username", "variables",
    }
)  # fmt: skip
_SECRET_ENDINGS = ("apikey", "authorization", "password", "secret", "token")
# What an exception says may hold what it found: the library's words stay, the quotation goes.
_EXCEPTION_FIELDS = frozenset({"exc_value", "exc_notes", "message"})

# Every pattern takes time in proportion to the text, whatever the text: what repeats without an end is
# possessive, and an attempt that fails has read nothing that another one reads again.
_NAME = (
    r"access[-_]?token|refresh[-_]?token|id[-_]?token|api[-_]?token|token|pass(?:word|wd)|client[-_]?secret|"
    r"secret|api[-_]?key|client[-_]?id|user[-_]?name|credentials?"
)
_HEADER = r"(?:proxy-)?authorization|(?:set-)?cookie2?|x-hub-api-token|x-api-key|x-auth-token"
_GAP = r"[ \t]{0,4}+"
_SEPARATOR = rf"""\\{{0,4}}+(?:["']?{_GAP}(?:[=:]|%3[DA])|["']{_GAP},){_GAP}"""
_QUOTED = r"""\\{1,4}+"[^"\\]*+|\\{1,4}+'[^'\\]*+|b?"(?:[^"\\]|\\.)*+|b?'(?:[^'\\]|\\.)*+"""
# With what to look for first, in lower case: most texts have none of it, and looking is cheap.
PATTERNS: Final = tuple(
    (hints, re.compile(pattern, re.IGNORECASE | re.DOTALL), put)
    for hints, pattern, put in (
        # What stands before the host of a URL, and all that follows its question mark.
        (("://",), r"(://)[^\s/?#@\"'<>]*+@", rf"\1{MASK}@"),
        (("?",), r"\?[\w.%+\[\]-]++=[^\s\"'<>]*+", f"?{MASK}"),
        # Headers: the value goes to the end of the line, as it may have several words.
        (
            ("authorization", "cookie", "x-"),
            rf"({_HEADER})({_SEPARATOR})(?:{_QUOTED}|[^\r\n\"'\\]*+)",
            rf"\1\2{MASK}",
        ),
        (("bearer", "basic"), r"\b(Bearer|Basic)[ \t=:]{1,4}+[\w.~+/=-]++", rf"\1 {MASK}"),
        # Unless it is a status: names of log-ins stand before those.
        (
            ("token", "pass", "secret", "key", "client", "user", "credential"),
            rf"({_NAME})({_SEPARATOR})(?:{_QUOTED}|(?![1-5]\d\d(?!\w)|\[redacted)[^\s\"'\\&,;<>)}}\]]++)",
            rf"\1\2{MASK}",
        ),
        # A path that ends in a token, as Telecomx's does.
        (("/token/",), r"(/token/)[^\s/?\"'<>]++", rf"\1{MASK}"),
        # An address; a run of characters is tried at its first one alone.
        (("@",), r"(?<![\w.+%-])[\w.+%-]++@[\w.-]++", MASK),
        (("%40",), r"(?<![\w.+-])[\w.+-]++%40[\w.-]++", MASK),
    )
)
# Where libraries quote what they have found. A quotation may be cut off, so a lone mark is one too.
QUOTATIONS: Final = re.compile(
    r"""(?<!\w)(?:b?'(?:[^'\\]|\\.)*+'?|b?"(?:[^"\\]|\\.)*+"?|`[^`]*+`?)""", re.DOTALL
)

_of_request: ContextVar[tuple[str, ...]] = ContextVar("secrets_of_request", default=())


class _Learnt:
    """What the process has come to know since its redactors were made; the one place for all of them."""

    secrets: tuple[str, ...] = ()


def learn(*secrets: str) -> None:
    """Mask these from now on, wherever this process writes something: credentials read anew."""
    _Learnt.secrets = tuple(dict.fromkeys((*_Learnt.secrets, *secrets)))


def hide(*secrets: str) -> Token[tuple[str, ...]]:
    """Mask these wherever this context, or one made from it, writes something: a caller's credentials."""
    return _of_request.set((*_of_request.get(), *secrets))


def hidden() -> tuple[str, ...]:
    """What this context hides."""
    return _of_request.get()


def hide_only(secrets: tuple[str, ...]) -> Token[tuple[str, ...]]:
    """Let this context hide what another one does."""
    return _of_request.set(secrets)


def reset(token: "Token[tuple[str, ...]]") -> None:
    """Hide what was hidden before."""
    _of_request.reset(token)


class Redactor:
    """Masks what must not be seen. It never raises: a text that it can't read is left out whole."""

    def __init__(self, secrets: Iterable[str] = (), *, max_chars: int = 4_000) -> None:
        """Take what is known.

        Args:
            secrets: Exact texts to mask; those below `SHORTEST_SECRET` are left to the patterns.
            max_chars: Longer texts are cut.
        """
        self._given = tuple(secrets)
        self._known = forms_of(self._given)
        self._learnt: tuple[str, ...] = ()
        self._max_chars = max_chars

    def text(self, text: str) -> str:
        """One text, masked and cut."""
        return self._masked(text, foreign=False)

    def foreign(self, text: str) -> str:
        """A text that isn't ours, an exception's or a library's: what it quotes goes too."""
        return self._masked(text, foreign=True)

    def value(self, value: object) -> object:
        """Anything, as plain data: mappings and sequences with all that is in them, the rest as text."""
        return self._value(value, _MAX_DEPTH)

    def fields(self, fields: Mapping[Any, object]) -> dict[str, object]:
        """Named values; some are masked for their name."""
        return self._fields(fields, _MAX_DEPTH)

    def _masked(self, text: str, *, foreign: bool) -> str:
        if self._learnt is not _Learnt.secrets:
            self._learnt = _Learnt.secrets
            self._known = forms_of((*self._given, *self._learnt))
        own = _of_request.get()
        known = (*self._known, *forms_of(own)) if own else self._known
        # What stands across the cut is recognised by what follows. Masks make texts shorter, so of one that
        # goes on behind that the end isn't shown either.
        margin = _MARGIN + max(map(len, known), default=0)
        size, text = len(text), text[: self._max_chars + margin]
        for secret in known:
            if len(secret) <= size and secret in text:
                text = text.replace(secret, MASK)
        lower = text.lower()
        for hints, pattern, put in PATTERNS:
            for hint in hints:
                if hint in lower:
                    text = pattern.sub(put, text)
                    break
        if foreign:
            text = QUOTATIONS.sub(MASK, text)
        if size <= self._max_chars:
            return text
        return (text if size <= self._max_chars + margin else text[:-margin])[: self._max_chars] + _CUT

    def _fields(
        self, fields: Mapping[Any, object], depth: int, *, foreign: bool = False
    ) -> dict[str, object]:
        masked: dict[str, object] = {}
        for name, each in islice(fields.items(), _MAX_ITEMS):
            # What is no name may be anything: it is masked like a value.
            key = str(self._value(name, 0))
            plain = key.lower().replace("-", "").replace("_", "")
            if (plain in _SECRET_FIELDS or plain.endswith(_SECRET_ENDINGS)) and not _says_little(each):
                masked[key] = MASK
            else:
                masked[key] = self._value(each, depth, foreign=foreign or key in _EXCEPTION_FIELDS)
        return masked

    def _value(self, value: object, depth: int, *, foreign: bool = False) -> object:
        try:
            match value:
                case None | bool() | int() | float():
                    return value
                case str():
                    return self.foreign(value) if foreign else self.text(str(value))
                case bytes() | bytearray() | memoryview():
                    return self.text(bytes(value[: 2 * self._max_chars]).decode("utf-8", "replace"))
                case _ if depth == 0:
                    return _CUT
                case Mapping():
                    return self._fields(value, depth - 1, foreign=foreign)
                case list() | tuple() | AbstractSet():
                    some = islice(value, _MAX_ITEMS)
                    return [self._value(each, depth - 1, foreign=foreign) for each in some]
                case BaseException():
                    return self.foreign(f"{type(value).__name__}: {value}")
                case _:
                    return self.text(str(value))
        except Exception:  # noqa: BLE001 - a log line must not fail what it tells of
            return MASK


def _says_little(value: object) -> bool:
    """A number of tokens is not a token."""
    return value is None or isinstance(value, bool | int | float)


def forms_of(secrets: Iterable[str]) -> tuple[str, ...]:
    """The secrets and how they stand in a URL, the longest first: one may begin like another."""
    forms = {
        form
        for secret in secrets
        for form in (secret, quote(secret, safe=""), quote_plus(secret))
        if len(secret) >= SHORTEST_SECRET
    }
    return tuple(sorted(forms, key=len, reverse=True))


def secrets_of(settings: object) -> set[str]:
    """Every secret in a tree of settings; of a URL with a password, that password too."""
    match settings:
        case SecretStr():
            secret = settings.get_secret_value()
            password = urlsplit(secret).password if "://" in secret else None
            return {secret} | ({password} if password else set())
        case BaseModel():
            return secrets_of([value for _, value in settings])
        case Mapping():
            return secrets_of(list(settings.values()))
        case list() | tuple():
            return set().union(*map(secrets_of, settings))
        case _:
            return set()


_ANSWERS: Final = Redactor()
# How graphql-core quotes what it was given. Names stay: there is no room in one for a letter.
_TAKEN_AMISS: Final = re.compile(r"cannot represent [^:]{0,60}value: |, found: ")
_STRING_TOKEN: Final = re.compile(r"""(String )(?:'(?:[^'\\]|\\.)*+'?|"(?:[^"\\]|\\.)*+"?)""", re.DOTALL)


def answerable(text: str) -> str:
    """What a library says of a caller's own input, for an answer: those end up in logs of others."""
    text = _STRING_TOKEN.sub(rf"\1{MASK}", text[:10_000])
    before, at, rest = text.partition("Value '")
    _, end, after = rest.rpartition("' does not exist in '")
    if end:
        text = f"{before}{at}{MASK}{end}{after}"
    amiss = _TAKEN_AMISS.search(text)
    if amiss:
        text = text[: amiss.end()] + QUOTATIONS.sub(MASK, text[amiss.end() :])
    return _ANSWERS.text(text)

import subprocess
import sys
from collections.abc import Iterator, Mapping
from enum import Enum

import pytest
from pydantic import BaseModel, SecretStr

from gateway.observability import redaction
from gateway.observability.redaction import (
    MASK,
    Redactor,
    answerable,
    hidden,
    hide,
    hide_only,
    reset,
    secrets_of,
)
from tests.processes import environment

M = MASK


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        # The credentials of the five sources, where they travel.
        ("GET /api/cases?accessToken=S3 HTTP", f"GET /api/cases?{M} HTTP"),
        ("accessToken=S3 next", f"accessToken={M} next"),
        ("access_token=S3&a=1", f"access_token={M}&a=1"),
        ("access-token: S3", f"access-token: {M}"),
        ('{"access_token": "S3", "expires_in": 3600}', f'{{"access_token": {M}", "expires_in": 3600}}'),
        ("refresh_token=S3", f"refresh_token={M}"),
        ("token=S3", f"token={M}"),
        ("TOKEN%3DS3", f"TOKEN%3D{M}"),
        ("DELETE https://api.example/auth/token/S3", f"DELETE https://api.example/auth/token/{M}"),
        ("Authorization: Bearer S3 S4\r\nAccept: x", f"Authorization: {M}\r\nAccept: x"),
        ("authorization: Basic UzM6UzQ=", f"authorization: {M}"),
        ("{'Authorization': 'Bearer S3'}", f"{{'Authorization': {M}'}}"),
        ("[(b'authorization', b'Bearer S3')]", f"[(b'authorization', {M}')]"),
        ("Headers({'x-hub-api-token': 'S3'})", f"Headers({{'x-hub-api-token': {M}'}})"),
        ("set-cookie: sid=S3; Path=/", f"set-cookie: {M}"),
        ("sent Bearer S3.S4-S5_S6", f"sent Bearer {M}"),
        ("https://user:S3@db.example:5432/x", f"https://{M}@db.example:5432/x"),
        # Log-in bodies: Tulo's form, Telecomx's JSON, the same inside another JSON, and Python's own form.
        (
            "client_id=S1&client_secret=S2&grant_type=none",
            f"client_id={M}&client_secret={M}&grant_type=none",
        ),
        ('{"username":"S1","password":"S\\"2 3"}', f'{{"username":{M}","password":{M}"}}'),
        (r"{\"username\": \"S1\", \"password\": \"S2 3\"}", rf"{{\"username\": {M}\", \"password\": {M}\"}}"),
        ("{'username': 'S1', 'password': 'S2'}", f"{{'username': {M}', 'password': {M}'}}"),
        # Cut off in the middle.
        ('{"password": "S3 S4', f'{{"password": {M}'),
        # Addresses.
        ("to <jo.do+x@ex-ample.co.uk>, jo@localhost!", f"to <{M}>, {M}!"),
        ("?q", "?q"),
        ("to=zoë@münchen.example", f"to={M}"),
        ("jo%40example.org", M),
        # What only looks alike.
        ("get ticket: 401", "get ticket: 401"),
        ("access_token: 401", "access_token: 401"),
        ("The source refused the credentials.", "The source refused the credentials."),
        ("max_tokens: 5; a @ b", "max_tokens: 5; a @ b"),
        ("Why? Because a=b", "Why? Because a=b"),
    ],
)
def test_what_credentials_and_addresses_look_like_is_masked(text: str, masked: str) -> None:
    assert Redactor().text(text) == masked


def test_known_secrets_are_masked_wherever_they_stand() -> None:
    redactor = Redactor(["pass/word 1", "pass/word 12", "short"])
    assert redactor.text("xpass/word 12x pass%2Fword%201 pass%2Fword+1 short") == f"x{M}x {M} {M} short"


def test_a_secret_of_the_request_is_masked_while_it_runs() -> None:
    redactor = Redactor()
    token = hide("callers-own")
    inner = hide("another-one")
    assert hidden() == ("callers-own", "another-one")
    assert redactor.text("callers-own another-one") == f"{M} {M}"
    reset(inner)
    assert redactor.text("callers-own another-one") == f"{M} another-one"
    reset(token)
    assert redactor.text("callers-own") == "callers-own"
    reset_all = hide_only(("third-secret",))
    assert redactor.text("third-secret") == M
    reset(reset_all)


def test_long_texts_are_cut_and_nothing_is_seen_at_the_cut() -> None:
    redactor = Redactor(["known-secret-value"], max_chars=20)
    assert redactor.text("x" * 30) == "x" * 20 + "[cut]"
    assert redactor.text("x" * 12 + " known-secret-value") == f"{'x' * 12} {M}"[:20] + "[cut]"
    assert redactor.text("x" * 15 + " jo.do@example.org") == f"{'x' * 15} {M}"[:20] + "[cut]"
    # The masks make room for what stands behind the cut, where half a secret may.
    for size in range(390, 430):
        assert "known" not in redactor.text("a@" + "y" * size + " known-secret-value" * 3)
    assert redactor.value(b"y" * 10_000) == "y" * 20 + "[cut]"


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        (
            "invalid literal for int() with base 10: 'Dear Ann'",
            f"invalid literal for int() with base 10: {M}",
        ),
        ("""Invalid isoformat string: "it's late" at 3""", f"Invalid isoformat string: {M} at 3"),
        (r"got 'a\'b c' and `x`", f"got {M} and {M}"),
        (
            "bytes b'Dear Ann' can't be read; the customers' letters",
            f"bytes {M} can't be read; the customers' letters",
        ),
        ("cut off: 'Dear An", f"cut off: {M}"),
    ],
)
def test_what_a_librarys_text_quotes_is_left_out(said: str, masked: str) -> None:
    assert Redactor().foreign(said) == masked


def test_nested_values_are_masked_and_made_plain() -> None:
    class Color(Enum):
        RED = "jo@example.org"

    assert Redactor().fields(
        {
            "event": "x",
            "count": 3,
            "share": 0.5,
            "nothing": None,
            "yes": True,
            "detail": {"list": ["token=S3", ("jo@example.org",), {"a@example.org"}], 7: b"token=\xff"},
            "enum": Color.RED,
            "error": ValueError("no 'letter'"),
            "exc_value": "no 'letter'",
            ("jo@example.org",): 1,
        }
    ) == {
        "event": "x",
        "count": 3,
        "share": 0.5,
        "nothing": None,
        "yes": True,
        "detail": {"list": [f"token={M}", [M], [M]], "7": f"token={M}"},
        "enum": "Color.RED",
        "error": f"ValueError: no {M}",
        "exc_value": f"no {M}",
        "[cut]": 1,
    }


def test_fields_with_telling_names_are_masked_whole_but_for_numbers() -> None:
    names = (
        "Authorization accessToken access_token access-token X-Hub-Api-Token api_key password client_secret cookie "
        "headers body text variables query subject email"
    )
    fields: dict[str, object] = dict.fromkeys(names.split(), "x")
    assert Redactor().fields(fields) == dict.fromkeys(fields, M)
    assert Redactor().fields({"token": 3, "text": None, "tokens": "many"}) == {
        "token": 3,
        "text": None,
        "tokens": "many",
    }


class _Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("hunter22")

    __repr__ = __str__


class _Endless(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("hunter22")

    def __len__(self) -> int:
        return 1


def test_it_never_raises() -> None:
    circle: list[object] = []
    circle.append(circle)
    deep: object = "token=S3"
    for _ in range(100):
        deep = {"a": deep}
    redactor = Redactor()
    assert redactor.value(_Unprintable()) == M
    assert redactor.value({"a": _Unprintable(), _Unprintable(): 1}) == {"a": M, "[cut]": 1}
    assert redactor.value(_Endless()) == M
    assert "S3" not in str(redactor.value(deep))
    assert "[cut]" in str(redactor.value(circle))
    assert redactor.value("\ud800token=S3") == f"\ud800token={M}"
    assert len(str(redactor.value(list(range(100_000))))) < 2_000


HOSTILE = """
hostile = ["a", "@", "token", "://", "?a", "authorization:", "token= ", "'", chr(92), "a%40", "Bearer ", "cookie ",
    "http://x?", "a@", " ", 'token="', "/token/", "api_", "a.", "%", "password", "x@y ", "b'", "Value '", "value: '",
    "cannot represent ", "token" + " " * 4, "-", "pass" + chr(92) + '"', "a'"]
"""


def test_its_time_grows_with_the_text_alone() -> None:
    """With a pattern that goes back over what it has read, a megabyte takes hours; so it takes seconds."""
    code = f"""
from gateway.observability.redaction import Redactor, answerable
{HOSTILE}
redactor = Redactor(["known-secret"], max_chars=400_000)
for each in hostile:
    text = each * (300_000 // len(each))
    redactor.foreign(text)
    redactor.text(text + "@")
    answerable(text)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100, env=environment())


def test_what_is_read_is_bounded_before_any_pattern_sees_it() -> None:
    """However long a text is, the patterns get so many characters of it."""
    seen: list[int] = []

    class Counting(str):
        __slots__ = ()

        def __getitem__(self, key: object) -> str:
            assert isinstance(key, slice)
            seen.append(key.stop)
            return str.__getitem__(self, key)

    redactor = Redactor(max_chars=100)
    redactor.text(Counting("x" * 1_000_000))
    redactor.foreign(Counting("x" * 1_000_000))
    assert max(seen) <= 600


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Syntax Error: Unexpected String 'Dear Ann'.", f"Syntax Error: Unexpected String {M}."),
        (
            "Syntax Error: Expected Name, found BlockString 'x'.",
            f"Syntax Error: Expected Name, found BlockString {M}.",
        ),
        ("Syntax Error: Expected Name, found <EOF>.", "Syntax Error: Expected Name, found <EOF>."),
        ("Cannot query field 'foo' on type 'Query'.", "Cannot query field 'foo' on type 'Query'."),
        (
            "Value 'it's' does not exist in 'TextFormat' enum.",
            f"Value '{M}' does not exist in 'TextFormat' enum.",
        ),
        (
            "Int cannot represent non-integer value: 'Dear Ann'",
            f"Int cannot represent non-integer value: {M}",
        ),
        (
            "String cannot represent a non string value: [1]",
            "String cannot represent a non string value: [1]",
        ),
        (
            "Variable '$input' has invalid value: Expected value of type 'I' to be an object, found: 'Dear'.",
            f"Variable '$input' has invalid value: Expected value of type 'I' to be an object, found: {M}.",
        ),
        ("Unknown operation named 'a@example.org'.", f"Unknown operation named '{M}'."),
    ],
)
def test_an_answer_does_not_quote_what_the_caller_has_written(text: str, masked: str) -> None:
    assert answerable(text) == masked


def test_every_secret_in_a_tree_of_settings_is_found() -> None:
    class Leaf(BaseModel):
        name: str = "open"
        secret: SecretStr = SecretStr("leaf")

    class Tree(BaseModel):
        url: SecretStr = SecretStr("postgresql://user:pass-word@db/x")
        one: Leaf = Leaf()
        some: tuple[Leaf, ...] = (Leaf(secret=SecretStr("first")),)
        named: dict[str, SecretStr] = {"a": SecretStr("named")}
        none: SecretStr | None = None

    assert secrets_of(Tree()) == {
        "postgresql://user:pass-word@db/x",
        "pass-word",
        "leaf",
        "first",
        "named",
    }


def test_a_mask_is_no_secret() -> None:
    """Masked once more, nothing changes."""
    redactor = Redactor(["known-secret"])
    once = redactor.text("token=S3 jo@example.org known-secret https://a.example/?b=c")
    assert redactor.text(once) == once
    assert redaction.MASK in once

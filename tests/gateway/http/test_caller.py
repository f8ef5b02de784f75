"""What a request's headers say of its caller."""

import asyncio
import hashlib
import re
import time
from dataclasses import replace

import pytest
from starlette.datastructures import Headers

from gateway.domain.acting import SYSTEM
from gateway.domain.callers import Credential, forwarded
from gateway.domain.deadline import current_deadline
from gateway.domain.spending import CallCaps, current_spending
from gateway.http.caller import COST_HEADER, TIMEOUT_HEADER, credentials_of, on_behalf, wants_cost
from gateway.http.problems import HttpProblem
from tests.callers import CALLERS

FORWARDING = replace(CALLERS, forwarded={"hub": "x-hub-token", "bank": "x-bank-token"}, id_key=b"k" * 32)


def headers(*pairs: tuple[str, str]) -> Headers:
    """As they come in: names in lower case, values as ISO 8859-1."""
    return Headers(raw=[(name.lower().encode(), value.encode("latin-1")) for name, value in pairs])


def refusal(given: Headers) -> tuple[int, str, str]:
    with pytest.raises(HttpProblem) as refused, on_behalf(given, FORWARDING, SYSTEM):
        raise AssertionError("it was let in")
    return refused.value.status, refused.value.code.value, refused.value.message


# -- how long they wait


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (None, 9.95),
        ("2.5", 2.45),
        (" 2.5 ", 2.45),
        ("0.5", 0.45),
        # Of a short time no more than a tenth is held back for shaping and sending.
        ("0.2", 0.18),
        ("0.000001", 0.0000009),
        ("30", 29.95),
        ("31", 29.95),
        ("999999", 29.95),
    ],
)
def test_an_operation_ends_a_little_before_its_caller_stops_waiting(asked: str | None, left: float) -> None:
    began = time.monotonic()
    with on_behalf(headers() if asked is None else headers((TIMEOUT_HEADER, asked)), CALLERS, SYSTEM):
        deadline = current_deadline()
        ended = time.monotonic()
    assert deadline is not None
    # Rounding of the clock's large number aside.
    assert began + left - 1e-6 <= deadline.at_s <= ended + left + 1e-6


NO_NUMBERS = ("-1", "+1", "1e3", "1,5", ".5", "5.", "nan", "inf", "0x10", "1_000", "1000000", "0.0000001")


@pytest.mark.parametrize(
    "asked", ["", " ", "0", "0.0", "000.000000", "1 s", "1\x00", "2.5, 3", "\xb2", "ten", *NO_NUMBERS]
)
def test_a_time_that_cannot_be_read_is_refused(asked: str) -> None:
    assert refusal(headers((TIMEOUT_HEADER, asked))) == (
        400,
        "BAD_USER_INPUT",
        "X-Request-Timeout must be a number of seconds above 0, such as 2.5.",
    )


def test_two_times_are_no_time() -> None:
    assert refusal(headers((TIMEOUT_HEADER, "1"), (TIMEOUT_HEADER, "5")))[0] == 400


# -- what they may cause


def test_each_operation_has_an_account_of_its_own_with_the_configured_caps() -> None:
    options = replace(CALLERS, caps=CallCaps(in_all=1, per_source=1))
    with on_behalf(headers(), options, SYSTEM) as first:
        assert current_spending() is first
        first.spend("hub", capped=True)
    with on_behalf(headers(), options, SYSTEM) as second:
        second.spend("hub", capped=True)
    assert (first.in_all, second.in_all) == (1, 1)


@pytest.mark.parametrize("given", [None, "", "false", " FALSE ", "0"])
def test_the_cost_is_told_to_nobody_who_has_not_asked_for_it(given: str | None) -> None:
    assert not wants_cost(headers() if given is None else headers((COST_HEADER, given)))


@pytest.mark.parametrize("given", ["true", "True", "1"])
def test_the_cost_is_told_to_those_who_ask_for_it(given: str) -> None:
    assert wants_cost(headers((COST_HEADER, given)))


# -- with whose credentials they ask


def test_each_header_is_for_one_source() -> None:
    found = credentials_of(headers(("X-Hub-Token", "hub secret"), ("x-other", "s")), FORWARDING)

    assert {source: each.secret for source, each in found.items()} == {"hub": "hub secret"}


def test_what_is_forwarded_holds_for_the_request_alone() -> None:
    given = headers(("x-hub-token", "hub secret"))
    with on_behalf(given, FORWARDING, SYSTEM):
        inside = forwarded("hub")
        assert inside == credentials_of(given, FORWARDING)["hub"]
    assert (forwarded("hub"), current_deadline(), current_spending()) == (None, None, None)


async def test_requests_at_the_same_time_have_each_their_own() -> None:
    async def request(secret: str | None) -> Credential | None:
        given = headers() if secret is None else headers(("x-hub-token", secret))
        with on_behalf(given, FORWARDING, SYSTEM):
            await asyncio.sleep(0)
            return forwarded("hub")

    found = await asyncio.gather(request("one"), request("two"), request(None))

    assert [each and each.secret for each in found] == ["one", "two", None]


def test_an_id_stands_for_a_secret_and_does_not_lead_back_to_it() -> None:
    def id_of(secret: str, source: str = "hub", key: bytes = b"k" * 32) -> str:
        given = headers((f"x-{source}-token", secret))
        return credentials_of(given, replace(FORWARDING, id_key=key))[source].id

    ids = [id_of("one"), id_of("two"), id_of("one", "bank"), id_of("one", key=b"l" * 32)]

    assert id_of("one") == ids[0]
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in ids)
    # Who reads the ledger could try out short secrets, but for the key.
    for known in ("one", "hub\x1fone", "hubone"):
        assert ids[0] not in hashlib.sha256(known.encode()).hexdigest()


def test_the_sources_name_is_told_from_the_secret() -> None:
    options = replace(FORWARDING, forwarded={"a": "x-a", "aa": "x-aa"})
    found = credentials_of(headers(("x-a", "ab"), ("x-aa", "b")), options)

    assert found["a"].id != found["aa"].id


@pytest.mark.parametrize("secret", ["x", "a b", "Bearer abc.def-ghi_jkl==", "!~", "s" * 4096], ids=len)
def test_printable_ascii_is_taken_as_it_is(secret: str) -> None:
    assert credentials_of(headers(("x-hub-token", secret)), FORWARDING)["hub"].secret == secret


@pytest.mark.parametrize(
    "secret",
    [
        "",
        " ",
        " x",
        "x ",
        "s" * 4097,
        "a\tb",
        "a\nb",
        "a\r\nx-other: 1",
        "a\x00b",
        "a\x7fb",
        "za\xbf\xf3\xb3\xe6",
    ],
    ids=lambda secret: repr(secret[:9]),
)
def test_what_does_not_fit_into_a_header_is_refused_and_not_repeated(secret: str) -> None:
    assert refusal(headers(("x-hub-token", secret))) == (
        400,
        "BAD_USER_INPUT",
        "x-hub-token must be given once, with 1 to 4096 printable ASCII characters.",
    )


@pytest.mark.parametrize("second", ["one", "two", ""])
def test_a_header_given_twice_is_refused(second: str) -> None:
    given = headers(("x-hub-token", "one"), ("X-Hub-Token", second))
    assert refusal(given)[:2] == (400, "BAD_USER_INPUT")


def test_the_options_show_no_key() -> None:
    assert "kkkk" not in repr(FORWARDING)

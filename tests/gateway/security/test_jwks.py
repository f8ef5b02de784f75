"""The provider's keys: which are taken, and when they are read."""

import asyncio
import json
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from structlog.testing import capture_logs

from gateway.domain.errors import SourceProtocolError, SourceUnavailable
from gateway.observability.logs import configure_logs
from gateway.security.jwks import NAME, KeySet, KeysUnavailable, fresh_s, open_key_set, read_keys
from gateway.transport import Call, Reply
from tests.gateway.resilience.virtual_time import now, run
from tests.jwks_server import Provider, providing, public, signing_key

ALL = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing(signing_key()) as opened:
        yield opened


class Line:
    """A transport in virtual time: the keys that it answers with, or why it doesn't."""

    def __init__(self, *keys: dict[str, Any], cache_control: str = "") -> None:
        self.keys = list(keys)
        self.headers = {"cache-control": cache_control} if cache_control else {}
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.calls: list[float] = []
        self.sent: list[Call] = []

    async def send(self, call: Call) -> Reply:
        self.calls.append(now())
        self.sent.append(call)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Reply(200, self.headers, json.dumps({"keys": self.keys}).encode())

    async def close(self) -> None:
        pass


def key_set(line: Line) -> KeySet:
    return KeySet("https://login.example.org/keys", line, ["ES256"], now=now)


def in_time(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    run(main())


def names(*jwks: object, algorithms: tuple[str, ...] = ALL) -> set[tuple[str, str]]:
    return set(read_keys(json.dumps({"keys": jwks}).encode(), algorithms))


def test_a_key_serves_the_algorithms_of_its_type() -> None:
    assert names(public(signing_key("RSA"))) == {
        ("k1", each) for each in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    }
    assert names(public(signing_key("EC"))) == {("k1", "ES256")}
    for curve, algorithm in (("P-384", "ES384"), ("P-521", "ES512")):
        assert names({**ECKey.generate_key(curve).as_dict(private=False), "kid": "k1"}) == {("k1", algorithm)}
    assert names(public(signing_key("OKP"))) == {("k1", "EdDSA"), ("k1", "Ed25519")}


def test_a_key_that_names_an_algorithm_serves_that_one_alone() -> None:
    assert names(public(signing_key("RSA"), alg="PS256")) == {("k1", "PS256")}
    assert names(public(signing_key("RSA"), alg="ES256")) == set()
    assert names(public(signing_key("RSA"), alg="HS256")) == set()


def test_only_algorithms_that_are_configured_count() -> None:
    assert names(public(signing_key("RSA")), algorithms=("RS256", "ES256")) == {("k1", "RS256")}


def test_what_is_no_public_key_for_signatures_is_left_out_and_the_rest_stands() -> None:
    ec, rsa = public(signing_key("EC")), public(signing_key("RSA"))
    with warnings.catch_warnings(action="ignore"):
        weak = RSAKey.generate_key(1024).as_dict(private=False)
    unusable: list[dict[str, Any]] = [
        {},
        {**ec, "kid": None},
        {**ec, "kid": 7},
        {**ec, "kid": ""},
        {**ec, "kid": "x" * 256},
        {**ec, "use": "enc"},
        {**ec, "key_ops": ["sign"]},
        {**ec, "key_ops": "verify"},
        {**ec, "kty": "RSA"},
        {**ec, "kty": ["EC"]},
        {**ec, "crv": "P-384"},
        {**ec, "crv": "secp256k1"},
        {**ec, "x": ec["y"]},
        {**ec, "x": 5},
        {**ec, "x": "!"},
        {name: value for name, value in ec.items() if name != "y"},
        {**rsa, "e": "AQ"},
        {**rsa, "n": "AQAB"},
        {**rsa, "n": None},
        {**rsa, "n": "A"},
        {**rsa, "n": "!!"},
        {**rsa, "n": "_" * 3000},
        {**weak, "kid": "weak"},
        {**OKPKey.generate_key("X25519").as_dict(private=False), "kid": "k1"},
        {**OctKey.generate_key(256).as_dict(), "kid": "k1"},
        # Its private half is out, so anybody can sign.
        {**signing_key("EC").as_dict(private=True)},
        {**signing_key("RSA").as_dict(private=True)},
    ]
    for each in unusable:
        assert names(each, {**ec, "kid": "good"}) == {("good", "ES256")}, each


def test_of_two_keys_with_one_id_the_first_one_stands() -> None:
    first, second = public(signing_key("EC", "a"), kid="k"), public(signing_key("EC", "b"), kid="k")
    found = read_keys(json.dumps({"keys": [first, second]}).encode(), ALL)
    assert [key.as_dict()["x"] for key in found.values()] == [first["x"]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": null}',
        b'{"keys": {}}',
        b'{"keys": [null]}',
        b'{"keys": ["k"]}',
        b"<html>",
        b"\xff\xfe",
        b'{"keys":' + b"[" * 100_000,
        b'{"keys":[{"x":' + b"[" * 100_000,
    ],
)
def test_what_is_no_key_set_is_refused(body: bytes) -> None:
    with pytest.raises(SourceProtocolError):
        read_keys(body, ALL)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 900),
        ({"cache-control": "max-age=3600"}, 3600),
        ({"cache-control": 'public, Max-Age="3600", must-revalidate'}, 3600),
        ({"cache-control": "max-age=3600", "age": "600"}, 3000),
        ({"cache-control": "max-age=3600", "age": "x"}, 3600),
        ({"cache-control": "max-age=1"}, 300),
        ({"cache-control": "max-age=3600", "age": "999999"}, 300),
        ({"cache-control": "max-age=999999999"}, 86_400),
        ({"cache-control": "max-age=-5"}, 900),
        ({"cache-control": "s-maxage=7"}, 900),
        ({"cache-control": "no-store, max-age=3600"}, 300),
        ({"cache-control": "no-cache"}, 300),
    ],
)
def test_the_provider_says_how_long_its_keys_are_fresh_within_bounds(
    headers: dict[str, str], seconds: float
) -> None:
    assert fresh_s(headers) == seconds


def test_keys_are_read_again_before_their_time_runs_out() -> None:
    async def work() -> None:
        line = Line(public(signing_key()), cache_control="max-age=1000")
        keys = key_set(line)
        began = now()
        reading = asyncio.create_task(keys.run())
        await asyncio.sleep(2000)
        assert [each - began for each in line.calls] == [0, 800, 1600]
        reading.cancel()

    in_time(work)


def test_a_provider_that_fails_is_asked_again_more_and_more_seldom_and_it_is_told_once() -> None:
    async def work() -> None:
        line = Line(public(signing_key()))
        keys = key_set(line)
        line.error = SourceUnavailable(NAME, detail="refused")
        began = now()
        with capture_logs() as said:
            reading = asyncio.create_task(keys.run())
            await asyncio.sleep(1000)
            line.error = None
            await asyncio.sleep(300)
        assert [each - began for each in line.calls] == [0, 5, 15, 35, 75, 155, 315, 615, 915, 1215]
        detail = "auth.jwt: The source could not be reached. (refused)"
        assert said == [
            {"event": "token_keys_not_read", "log_level": "warning", "detail": detail, "held": False},
            {"event": "token_keys_read_again", "log_level": "info"},
        ]
        assert keys.current is not None
        reading.cancel()

    in_time(work)


def test_while_the_provider_is_away_the_old_keys_stand_for_a_day_and_no_longer() -> None:
    async def work() -> None:
        line = Line(public(signing_key()))
        keys = key_set(line)
        await keys.refresh()
        line.error = SourceUnavailable(NAME)
        with capture_logs():
            reading = asyncio.create_task(keys.run())
            await asyncio.sleep(24 * HOUR + 900 - 1)
            assert await keys.get("k1", "ES256") is not None
            await asyncio.sleep(2)
            assert keys.current is None
            with pytest.raises(KeysUnavailable):
                await keys.get("k1", "ES256")
            line.error = None
            await asyncio.sleep(301)
        assert await keys.get("k1", "ES256") is not None
        reading.cancel()

    in_time(work)


def test_a_provider_that_does_not_answer_is_waited_for_five_seconds() -> None:
    async def work() -> None:
        line = Line()
        line.gate = asyncio.Event()
        keys = key_set(line)
        began = now()
        with capture_logs(), pytest.raises(KeysUnavailable):
            await keys.get("k1", "ES256")
        assert now() - began == 5

    in_time(work)


def test_unknown_key_ids_make_it_ask_every_ten_seconds_at_most_however_many_there_are() -> None:
    async def work() -> None:
        line = Line(public(signing_key()))
        keys = key_set(line)
        began = now()
        for second in range(25):
            found = await asyncio.gather(*(keys.get(f"{second}-{each}", "ES256") for each in range(20)))
            assert set(found) == {None}
            await asyncio.sleep(1)
        assert [each - began for each in line.calls] == [0, 10, 20]

    in_time(work)


def test_a_new_key_is_found_at_once_and_by_all_who_wait_with_one_question() -> None:
    async def work() -> None:
        line = Line(public(signing_key()))
        keys = key_set(line)
        await keys.refresh()
        before = keys.current
        await asyncio.sleep(60)
        line.keys.append(public(signing_key("EC", "k2")))
        line.gate = asyncio.Event()
        waiting = [asyncio.create_task(keys.get("k2", "ES256")) for _ in range(10)]
        await asyncio.sleep(1)
        waiting.pop().cancel()
        line.gate.set()
        assert None not in await asyncio.gather(*waiting)
        assert len(line.calls) == 2
        assert keys.current is not before

    in_time(work)


def test_a_key_that_the_provider_withdraws_is_gone_with_the_next_reading() -> None:
    async def work() -> None:
        line = Line(public(signing_key()), public(signing_key("EC", "k2")))
        keys = key_set(line)
        await keys.refresh()
        before = keys.current
        await keys.refresh()
        assert keys.current is before
        line.keys.pop()
        await keys.refresh()
        assert set(keys.current or {}) == {("k1", "ES256")}
        line.keys.clear()
        with capture_logs() as said:
            await keys.refresh()
        assert keys.current == {}
        assert [each["event"] for each in said] == ["token_keys_none_usable"]

    in_time(work)


def test_a_key_that_is_replaced_under_its_id_makes_another_set() -> None:
    async def work() -> None:
        line = Line(public(signing_key()))
        keys = key_set(line)
        await keys.refresh()
        before = keys.current
        line.keys[0] = public(signing_key("EC", "other"), kid="k1")
        await keys.refresh()
        assert keys.current is not before

    in_time(work)


def test_a_fault_of_ours_is_told_and_does_not_end_the_reading() -> None:
    async def work() -> None:
        line = Line(public(signing_key()))
        line.error = RuntimeError("no source error")
        keys = key_set(line)
        with capture_logs() as said:
            reading = asyncio.create_task(keys.run())
            await asyncio.sleep(1)
            line.error = None
            await asyncio.sleep(5)
        assert [each["event"] for each in said] == [
            "token_keys_reading_failed",
            "token_keys_not_read",
            "token_keys_read_again",
        ]
        assert keys.current is not None
        reading.cancel()
        await keys.close()

    in_time(work)


def test_closing_ends_a_question_under_way() -> None:
    async def work() -> None:
        line = Line()
        line.gate = asyncio.Event()
        keys = key_set(line)
        asking = asyncio.create_task(keys.refresh())
        await asyncio.sleep(1)
        await keys.close()
        assert [each.cancelled() for each in (await asyncio.wait({asking}))[0]] == [True]

    in_time(work)


def test_the_whole_url_is_asked_for() -> None:
    async def work() -> None:
        line = Line(public(signing_key()))
        await KeySet("https://login.example.org/a%20b/keys?p=b2c&x=", line, ["ES256"], now=now).refresh()
        (call,) = line.sent
        assert (call.method, call.path, call.query, call.safe) == (
            "GET",
            "/a%20b/keys",
            (("p", "b2c"), ("x", "")),
            True,
        )

    in_time(work)


async def test_over_a_socket_keys_are_read_and_rotated(provider: Provider) -> None:
    provider.headers["cache-control"] = "max-age=600"
    keys = open_key_set(f"{provider.url}?tenant=a", ["ES256"])
    try:
        assert await keys.get("k1", "ES256") is not None
        provider.keys = [public(signing_key("EC", "k2"))]
        await keys.refresh()
        assert set(keys.current or {}) == {("k2", "ES256")}
        assert provider.asked == ["/jwks.json?tenant=a"] * 2
    finally:
        await keys.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 500}, "status 500"),
        ({"status": 302, "headers": {"location": "http://127.0.0.1:9/keys"}}, "status 302"),
        ({"status": 304}, "status 304"),
        ({"body": b"<html>Sign in</html>"}, "no JWKS"),
        ({"body": b'{"keys": []' + b" " * 300_000 + b"}"}, "more than 262144 bytes"),
        ({"headers": {"content-encoding": "br"}}, "packed"),
    ],
)
async def test_over_a_socket_a_bad_answer_leaves_the_old_keys(
    provider: Provider, answer: dict[str, Any], said: str
) -> None:
    keys = open_key_set(provider.url, ["ES256"])
    try:
        await keys.refresh()
        before = keys.current
        for name, value in answer.items():
            setattr(provider, name, value)
        with capture_logs() as logged:
            await keys.refresh()
        assert [each["event"] for each in logged] == ["token_keys_not_read"]
        assert said in logged[0]["detail"]
        assert keys.current is before
        assert len(provider.asked) == 2
    finally:
        await keys.close()


async def test_a_provider_that_is_not_there_leaves_tokens_unchecked() -> None:
    with providing() as gone:
        url = gone.url
    keys = open_key_set(url, ["ES256"])
    try:
        with capture_logs() as logged, pytest.raises(KeysUnavailable):
            await keys.get("k1", "ES256")
        assert [each["event"] for each in logged] == ["token_keys_not_read"]
    finally:
        await keys.close()

"""Tokens, good ones and forged ones, over a provider that answers on a socket."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from gateway.domain.access import Grants, LoginKind, Principal, WriteAs
from gateway.domain.errors import Unauthenticated
from gateway.observability.logs import configure_logs
from gateway.security.auth_settings import JwtSettings
from gateway.security.jwks import KeySet, KeysUnavailable, open_key_set
from gateway.security.tokens import MAX_TOKEN_CHARS, Tokens, _Signatures
from gateway.transport import Call, Reply
from tests.jwks_server import (
    AUDIENCE,
    ISSUER,
    Provider,
    SigningKey,
    encoded,
    providing,
    public,
    signed,
    signing_key,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
EC, RSA, OKP = signing_key("EC", "ec"), signing_key("RSA", "rsa"), signing_key("OKP", "okp")
STRANGER = signing_key("EC", "stranger")


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing(EC, RSA, OKP) as opened:
        yield opened


class Moment:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def after(self, seconds: float) -> None:
        self.now = NOW + timedelta(seconds=seconds)


@asynccontextmanager
async def opened(provider: Provider, clock: Moment | None = None, **changed: Any) -> AsyncIterator[Tokens]:
    memory = changed.pop("memory", 4096)
    given = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": provider.url, **changed}
    chosen = JwtSettings.model_validate(given)
    keys = open_key_set(chosen.jwks_url, chosen.algorithms)
    try:
        yield Tokens(chosen, keys, clock=clock or Moment(), memory=memory)
    finally:
        await keys.close()


def claims(**changed: Any) -> dict[str, Any]:
    """Good ones; a value of `...` leaves one out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": NOW_S + 600, **changed}
    return {name: value for name, value in good.items() if value is not ...}


def header(key: SigningKey = EC, **changed: Any) -> dict[str, Any]:
    algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[key.key_type]
    return {"alg": algorithm, "kid": key.kid, "typ": "JWT", **changed}


@pytest.mark.parametrize("key", [EC, RSA, OKP], ids=lambda key: key.key_type)
async def test_a_good_token_is_its_principal(provider: Provider, key: SigningKey) -> None:
    async with opened(provider) as tokens:
        token = signed(claims(scope="messages:read write:other tickets:write@bank"), key)
        assert await tokens.check(token) == Principal(
            subject="jwt:u1",
            name="u1",
            login=LoginKind.TOKEN,
            grants=Grants.of(["messages:read", "tickets:write@bank"]),
            expires_at=NOW + timedelta(seconds=600),
        )


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512", "Ed25519"])
async def test_other_algorithms_count_where_they_are_configured(provider: Provider, algorithm: str) -> None:
    key = OKP if algorithm == "Ed25519" else RSA
    token = signed(claims(), key, algorithm=algorithm, header=header(key, alg=algorithm))
    async with opened(provider, algorithms=[algorithm]) as tokens:
        assert (await tokens.check(token)).subject == "jwt:u1"
    async with opened(provider) as tokens:
        with pytest.raises(Unauthenticated):
            await tokens.check(token)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"name": "Ola Nowak", "email": "ola@example.org"}, "Ola Nowak"),
        ({"email": "ola@example.org"}, "ola@example.org"),
        ({"name": "", "email": 7}, "u1"),
        ({"name": "Ola\nNowak"}, "u1"),
        ({"name": "x" * 256}, "u1"),
    ],
)
async def test_a_principal_has_a_name_for_peoples_eyes(
    provider: Provider, changed: dict[str, Any], expected: str
) -> None:
    async with opened(provider) as tokens:
        principal = await tokens.check(signed(claims(**changed), EC))
        assert (principal.name, principal.subject) == (expected, "jwt:u1")


async def test_no_two_subjects_make_one_principal_or_owner(provider: Provider) -> None:
    subjects = [
        "u1",
        "u1:abc",
        "u1%3Aabc",
        "u1%253Aabc",
        "auth0|u1",
        "jwt:u1",
        "local",
        "key:desk",
        "é ü",
        "%",
    ]
    async with opened(provider) as tokens:
        made = [(await tokens.check(signed(claims(sub=each), EC))).subject for each in subjects]
    assert made == [
        "jwt:u1",
        "jwt:u1%3Aabc",
        "jwt:u1%253Aabc",
        "jwt:u1%25253Aabc",
        "jwt:auth0|u1",
        "jwt:jwt%3Au1",
        "jwt:local",
        "jwt:key%3Adesk",
        "jwt:é ü",
        "jwt:%25",
    ]
    # A forwarded credential's id is put behind it with a colon: nobody's subject has a second one.
    assert {each.count(":") for each in made} == {1}


@pytest.mark.parametrize(
    ("given", "scopes"),
    [
        ("messages:read  operate", ["messages:read", "operate"]),
        (["messages:read", "openid"], ["messages:read"]),
        ("", []),
        ("openid profile", []),
        ([], []),
        (..., []),
    ],
)
async def test_scopes_are_a_text_or_a_list_and_foreign_ones_mean_nothing(
    provider: Provider, given: object, scopes: list[str]
) -> None:
    async with opened(provider, scopes_claim="scp") as tokens:
        token = signed(claims(scp=given, scope="operate"), EC)
        assert list((await tokens.check(token)).grants) == scopes


async def test_who_one_is_at_a_source_comes_from_the_claim_that_is_configured(provider: Provider) -> None:
    said = {"support": {"agent": "ola", "x": 1}, "bank": {"author_name": "Ola", "author_email": "o@e.org"}}
    token = signed(claims(desks=said), EC)
    async with opened(provider, write_as_claim="desks") as tokens:
        assert (await tokens.check(token)).writes_as == {
            "support": WriteAs(agent="ola"),
            "bank": WriteAs(author_name="Ola", author_email="o@e.org"),
        }
    async with opened(provider) as tokens:
        assert (await tokens.check(token)).writes_as == {}


REFUSED_CLAIMS: dict[str, dict[str, Any]] = {
    "wrong issuer": {"iss": "https://evil.example.org/"},
    "an issuer that begins like ours": {"iss": ISSUER + "x"},
    "an issuer without its slash": {"iss": ISSUER.rstrip("/")},
    "no issuer": {"iss": ...},
    "issuers in a list": {"iss": [ISSUER]},
    "issuer null": {"iss": None},
    "wrong audience": {"aud": "other"},
    "an audience that has ours in it": {"aud": AUDIENCE + "-admin"},
    "no audience": {"aud": ...},
    "audiences without ours": {"aud": ["other", "others"]},
    "audiences empty": {"aud": []},
    "audiences with a number": {"aud": [AUDIENCE, 7]},
    "audience an object": {"aud": {AUDIENCE: True}},
    "no subject": {"sub": ...},
    "subject empty": {"sub": ""},
    "subject blank": {"sub": " "},
    "subject null": {"sub": None},
    "subject a number": {"sub": 7},
    "subject a list": {"sub": ["u1"]},
    "subject with a NUL": {"sub": "u\x001"},
    "subject with a line end": {"sub": "u1\r\nx"},
    "subject with half a character": {"sub": "u\ud800"},
    "subject too long": {"sub": "u" * 256},
    "expired": {"exp": NOW_S - 31},
    "expired to the second": {"exp": NOW_S - 30},
    "expired by a fraction": {"exp": NOW_S - 30.5},
    "no expiry": {"exp": ...},
    "expiry null": {"exp": None},
    "expiry a text": {"exp": str(NOW_S + 600)},
    "expiry a list": {"exp": [NOW_S + 600]},
    "expiry true": {"exp": True},
    "expiry huge": {"exp": 10**300},
    "expiry beyond all dates": {"exp": 253_402_300_800},
    "expiry huge with a fraction": {"exp": 1e300},
    "expiry NaN": {"exp": float("nan")},
    "expiry endless": {"exp": float("inf")},
    "expiry below everything": {"exp": -(10**300)},
    "not yet valid": {"nbf": NOW_S + 31},
    "not-before a text": {"nbf": "0"},
    "not-before null": {"nbf": None},
    "not-before NaN": {"nbf": float("nan")},
    "issued later": {"iat": NOW_S + 31},
    "issued a text": {"iat": "yesterday"},
    "id of the token a number": {"jti": 7},
    "scope a number": {"scope": 7},
    "scope an object": {"scope": {"operate": True}},
    "scopes with a number": {"scope": ["operate", 7]},
    "identities a text": {"desks": "ola"},
    "identities a list": {"desks": [{"agent": "ola"}]},
    "an identity a text": {"desks": {"support": "ola"}},
    "an agent a number": {"desks": {"support": {"agent": 7}}},
    "an agent with a line end": {"desks": {"support": {"agent": "ola\r\nX-Role: boss"}}},
    "an author's address empty": {"desks": {"support": {"author_email": ""}}},
}


@pytest.mark.parametrize("changed", REFUSED_CLAIMS.values(), ids=REFUSED_CLAIMS.keys())
async def test_a_token_with_such_claims_is_refused_though_its_signature_is_good(
    provider: Provider, changed: dict[str, Any]
) -> None:
    async with opened(provider, write_as_claim="desks") as tokens:
        token = signed(claims(**changed), EC)
        with pytest.raises(Unauthenticated):
            await tokens.check(token)
        assert tokens.known(token) is None
        assert not tokens.was_good(token)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["other", AUDIENCE]},
        {"exp": NOW_S - 29},
        {"exp": NOW_S + 0.5},
        {"exp": 253_402_300_799},
        {"nbf": NOW_S + 30},
        {"iat": NOW_S + 30},
        {"nbf": 0, "iat": NOW_S - 10**8},
        {"sub": "u" * 255},
        {"jti": "j"},
    ],
)
async def test_a_token_with_such_claims_is_good(provider: Provider, changed: dict[str, Any]) -> None:
    async with opened(provider) as tokens:
        assert (await tokens.check(signed(claims(**changed), EC))).login is LoginKind.TOKEN


def hmac_signed(secret: bytes, header_: dict[str, Any]) -> str:
    message = f"{encoded(header_)}.{encoded(claims())}"
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
    made = hmac.new(secret, message.encode(), digest.get(header_["alg"], hashlib.sha256)).digest()
    return f"{message}.{encoded(made)}"


# Tokens by somebody who knows the public keys, as everybody does.


def of_other_algorithms() -> Iterator[tuple[str, str]]:
    good = signed(claims(), EC)
    jwks = json.dumps(public(RSA), separators=(",", ":")).encode()
    for name in ("none", "None", "NONE", "nOnE", "none ", "", "null"):
        for kid in ({"kid": "ec"}, {}):
            unsigned = f"{encoded({'alg': name, **kid})}.{encoded(claims())}"
            yield f"alg {name!r} unsigned {kid}", f"{unsigned}."
            yield f"alg {name!r} with a signature {kid}", f"{unsigned}.{good.rpartition('.')[2]}"
    for value in (None, 7, True, ["ES256"], {"alg": "ES256"}):
        yield f"alg {value!r}", signed(claims(), EC, header=header(alg=value))
    without = {name: value for name, value in header().items() if name != "alg"}
    yield "no alg", signed(claims(), EC, header=without)
    for name in ("HS256", "HS384", "HS512"):
        for key in (RSA, EC, OKP):
            for form, secret in (
                ("PEM", key.as_pem(private=False)),
                ("PEM without its line end", key.as_pem(private=False).strip()),
                ("DER", key.as_der(private=False)),
                ("JWK", json.dumps(public(key)).encode()),
            ):
                yield f"{name} by the {key.key_type} key's {form}", hmac_signed(secret, header(key, alg=name))
    yield "HS256 by the key set's bytes", hmac_signed(jwks, header(RSA, alg="HS256"))
    yield "HS256 by nothing", hmac_signed(b"", header(RSA, alg="HS256"))
    yield "a MAC that calls itself RS256", hmac_signed(RSA.as_pem(private=False), header(RSA))


def of_other_signatures() -> Iterator[tuple[str, str]]:
    message = f"{encoded(header())}.{encoded(claims())}"
    good = signed(claims(), EC)
    yield "signature stripped", f"{message}."
    yield "signature and its dot stripped", message
    yield "signature of another token", f"{message}.{signed(claims(sub='u2'), EC).rpartition('.')[2]}"
    yield "signature all zeros", f"{message}.{encoded(bytes(64))}"
    yield "signature as DER", f"{message}.{encoded(b'0D' + bytes(68))}"
    yield "signature cut", good[:-4]
    yield "signature lengthened", f"{good}AAAA"
    yield "claims exchanged", ".".join([good.split(".")[0], encoded(claims(sub="root")), good.split(".")[2]])
    yield "header exchanged", ".".join([encoded(header(typ="at+jwt")), *good.split(".")[1:]])
    yield "somebody else's key under an unknown id", signed(claims(), STRANGER)
    yield "somebody else's key under our id", signed(claims(), STRANGER, header=header())


def of_other_keys() -> Iterator[tuple[str, str]]:
    yield "no key id", signed(claims(), EC, header={"alg": "ES256"})
    for value in (None, 7, "", ["ec"], {"kid": "ec"}, "EC", "ec ", "../ec", "ec\x00", "x" * 300):
        yield f"key id {value!r:.20}", signed(claims(), EC, header=header(kid=value))
    yield "another algorithm than the key's", signed(claims(), EC, header=header(RSA, alg="ES256"))
    yield "an RSA signature for an EC key", signed(claims(), RSA, header=header(EC, alg="RS256"))
    yield "an EdDSA signature for an EC key", signed(claims(), OKP, header=header(EC))
    yield "a key of its own", signed(claims(), STRANGER, header=header(jwk=public(STRANGER)))
    yield "a key of its own beside ours", signed(claims(), EC, header=header(jwk=public(EC)))
    for name in ("jku", "x5u"):
        yield (
            f"{name} elsewhere",
            signed(claims(), STRANGER, header=header(EC, **{name: "http://127.0.0.1:9/keys"})),
        )
        yield (
            f"{name} with our signature",
            signed(claims(), EC, header=header(EC, **{name: "https://e.org/k"})),
        )


def of_other_forms() -> Iterator[tuple[str, str]]:
    good = signed(claims(), EC)
    for critical in (["exp"], ["b64"], [], "exp", None, {"exp": 1}):
        yield f"crit {critical}", signed(claims(), EC, header=header(crit=critical))
    yield "b64", signed(claims(), EC, header=header(b64=True))
    yield "packed", signed(claims(), EC, header=header(zip="DEF"))
    for kind in ("dpop+jwt", "logout+jwt", "secevent+jwt", "", None, 7, ["JWT"]):
        yield f"typ {kind!r}", signed(claims(), EC, header=header(typ=kind))
    secret = OctKey.generate_key(256)
    sealed = jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, json.dumps(claims()), secret)
    yield "sealed, of five parts", sealed
    yield (
        "sealed, with our key's id",
        ".".join([encoded({**header(), "enc": "A256GCM"}), *sealed.split(".")[1:]]),
    )
    yield (
        "as JSON",
        json.dumps(dict(zip(("protected", "payload", "signature"), good.split("."), strict=True))),
    )
    yield "names twice in the claims", signed(json.dumps(claims())[:-1] + ', "sub": "root"}', EC)
    yield "names twice below", signed(json.dumps(claims())[:-1] + ', "desks": {"a": {}, "a": {}}}', EC)
    yield "names twice in the header", signed(claims(), EC, header='{"alg":"none","alg":"ES256","kid":"ec"}')
    yield "claims a list", signed(json.dumps([claims()]), EC)
    yield "claims null", signed("null", EC)
    yield "claims a text", signed('"sub"', EC)
    yield "claims no JSON", signed("sub=u1", EC)
    yield "claims nothing", signed("", EC)
    yield "claims no UTF-8", signed(b'{"sub": "\xff"}', EC)
    yield "claims with a huge integer", signed(json.dumps(claims())[:-1] + f', "x": {"9" * 5000}}}', EC)
    yield "claims with what is no number in JSON", signed(json.dumps(claims())[:-1] + ', "x": NaN}', EC)
    yield "claims nested deep", signed(json.dumps(claims())[:-1] + f', "x": {"[" * 2000}{"]" * 2000}}}', EC)
    yield (
        "header nested deep",
        signed(claims(), EC, header=json.dumps(header())[:-1] + f', "x": {"[" * 3000}'),
    )
    yield "header a list", signed(claims(), EC, header='["alg"]')
    yield "header a text", signed(claims(), EC, header='"alg"')
    yield "too long", signed(claims(x="x" * MAX_TOKEN_CHARS), EC)
    yield "padded", f"{good}=="
    yield "with a blank", good.replace(".", " .", 1)
    yield "with a line end", f"{good}\n"
    yield "in the other alphabet", good.replace("-", "+").replace("_", "/") + "+"
    yield "four parts", f"{good}.AAAA"
    yield "dots", ".."
    yield "nothing", ""
    yield "not ASCII", f"é{good}"


CONFUSIONS = dict([*of_other_algorithms(), *of_other_signatures(), *of_other_keys(), *of_other_forms()])


@pytest.mark.parametrize("token", CONFUSIONS.values(), ids=CONFUSIONS.keys())
async def test_a_forged_token_is_refused(provider: Provider, token: str) -> None:
    async with opened(provider, write_as_claim="desks") as tokens:
        with pytest.raises(Unauthenticated):
            await tokens.check(token)
        assert tokens.known(token) is None
        assert not tokens.was_good(token)


def test_the_signatures_are_limited_to_what_is_configured_by_themselves_too() -> None:
    allowed = _Signatures(["ES256", "EdDSA"])
    assert [allowed.get_alg(name).name for name in ("ES256", "EdDSA")] == ["ES256", "EdDSA"]
    for name in ("HS256", "none", "RS256", "x"):
        with pytest.raises(JoseError):
            allowed.get_alg(name)


async def test_a_token_cannot_make_the_gateway_ask_anybody_else(provider: Provider) -> None:
    with providing(STRANGER) as elsewhere:
        async with opened(provider) as tokens:
            for name in ("jku", "x5u"):
                with pytest.raises(Unauthenticated):
                    await tokens.check(
                        signed(claims(), STRANGER, header=header(STRANGER, **{name: elsewhere.url}))
                    )
        assert elsewhere.asked == []


async def test_tokens_that_are_wrong_anyway_make_nobody_ask_the_provider(provider: Provider) -> None:
    asked = len(provider.asked)
    async with opened(provider) as tokens:
        for token in (
            signed(claims(iss="https://evil.example.org/"), STRANGER),
            signed(claims(exp=NOW_S - 60), STRANGER),
            signed(claims(), STRANGER, header=header(STRANGER, alg="HS256")),
            "a.b.c",
        ):
            with pytest.raises(Unauthenticated):
                await tokens.check(token)
    assert len(provider.asked) == asked


async def test_a_good_token_is_remembered_for_a_minute(provider: Provider) -> None:
    clock = Moment()
    async with opened(provider, clock) as tokens:
        token = signed(claims(), EC)
        assert tokens.known(token) is None
        principal = await tokens.check(token)
        clock.after(59)
        assert tokens.known(token) is principal
        assert tokens.known(signed(claims(), EC)) is None
        clock.after(60)
        assert tokens.known(token) is None
        assert tokens.was_good(token)
        await tokens.check(token)
        assert tokens.known(token) is not None


async def test_it_is_remembered_no_longer_than_it_lives(provider: Provider) -> None:
    clock = Moment()
    async with opened(provider, clock, leeway_s=5) as tokens:
        token = signed(claims(exp=NOW_S + 10), EC)
        await tokens.check(token)
        clock.after(14.5)
        assert tokens.known(token) is not None
        clock.after(15)
        assert (tokens.known(token), tokens.was_good(token)) == (None, False)
        with pytest.raises(Unauthenticated):
            await tokens.check(token)


async def test_what_is_remembered_ends_with_the_key_that_it_was_signed_with() -> None:
    with providing(EC, RSA) as provider:
        async with opened(provider) as tokens:
            token, other = signed(claims(), EC), signed(claims(), RSA)
            await tokens.check(token)
            await tokens.check(other)
            provider.keys = [public(RSA)]
            await tokens._keys.refresh()
            assert (tokens.known(token), tokens.known(other)) == (None, None)
            with pytest.raises(Unauthenticated):
                await tokens.check(token)
            assert not tokens.was_good(token)
            await tokens.check(other)
            assert tokens.known(other) is not None


async def test_so_many_are_remembered_and_the_longest_unused_goes_first(provider: Provider) -> None:
    async with opened(provider, memory=2) as tokens:
        first, second, third = (signed(claims(sub=f"u{each}"), OKP) for each in range(3))
        await tokens.check(first)
        await tokens.check(second)
        assert tokens.known(first) is not None
        await tokens.check(third)
        assert [tokens.known(each) is not None for each in (first, second, third)] == [True, False, True]


async def test_without_a_provider_nothing_is_said_of_a_token() -> None:
    with providing() as gone:
        pass
    async with opened(gone) as tokens:
        with pytest.raises(KeysUnavailable):
            await tokens.check(signed(claims(), EC))


URL = "https://login.example.org/keys"


class Published:
    """A transport that has the provider's answer at hand."""

    async def send(self, _: Call) -> Reply:
        return Reply(200, {}, json.dumps({"keys": [public(EC)]}).encode())

    async def close(self) -> None:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    odd_header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "b64", "x"]), JSON),
    odd_claims=st.dictionaries(
        st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "scope", "name", "desks", "x"]),
        JSON,
    ),
    raw=st.binary(max_size=40),
)
async def test_whatever_a_token_holds_it_is_good_or_refused(
    odd_header: dict[str, Any], odd_claims: dict[str, Any], raw: bytes
) -> None:
    chosen = JwtSettings(issuer=ISSUER, audience=AUDIENCE, jwks_url=URL, write_as_claim="desks")
    tokens = Tokens(chosen, KeySet(URL, Published(), chosen.algorithms), clock=Moment())
    for token in (
        signed({**claims(), **odd_claims}, EC),
        signed(claims(), EC, header={**header(), **odd_header}),
        f"{encoded(header())}.{encoded(raw)}.{encoded(raw)}",
        f"{encoded(raw)}.{encoded(claims())}.{encoded(raw)}",
        base64.urlsafe_b64encode(raw).decode(),
        raw.decode("latin-1"),
    ):
        try:
            principal = await tokens.check(token)
        except Unauthenticated:
            continue
        assert principal.subject.startswith("jwt:")

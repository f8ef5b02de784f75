"""Credentials of both kinds, through keys in a real ledger and a provider on a socket."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.domain.access import LOCAL, LoginKind, Principal
from gateway.domain.api_keys import ApiKey
from gateway.domain.errors import RateLimited, Unauthenticated
from gateway.domain.ledger import LedgerUnavailable
from gateway.observability.logs import configure_logs
from gateway.security.auth_settings import AuthSettings
from gateway.security.authn import Authenticator, authenticating
from gateway.security.jwks import KeysUnavailable
from gateway.security.keys import NewKey, new_key
from gateway.store.ledger import SqlLedger, open_ledger
from tests.jwks_server import AUDIENCE, ISSUER, Provider, providing, signed, signing_key
from tests.ledgers import new_ledger

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"
GOOD = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": NOW.timestamp() + 3600}


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    opened = open_ledger(new_ledger(tmp_path))
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing(signing_key()) as opened:
        yield opened


@asynccontextmanager
async def logins(
    ledger: SqlLedger, provider: Provider | None = None, *, required: bool = True
) -> AsyncIterator[Authenticator]:
    jwt = provider and {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": provider.url}
    settings = AuthSettings.model_validate({"required": required, "jwt": jwt, "keys_refresh_s": 0.02})
    async with authenticating(settings, ledger, clock=lambda: NOW) as opened:
        yield opened


async def added(ledger: SqlLedger, name: str = "desk") -> NewKey:
    made = new_key()
    await ledger.add_key(
        ApiKey(id=made.id, name=name, digest=made.digest, scopes=("messages:read",), created_at=NOW)
    )
    return made


async def outcome(
    logins: Authenticator, authorization: str | None, address: str = HOME, api_key: str | None = None
) -> str:
    """The subject, or the error's name."""
    try:
        with capture_logs():
            return (await logins.authenticate(authorization, address, api_key=api_key)).subject
    except (Unauthenticated, RateLimited, LedgerUnavailable, KeysUnavailable) as error:
        return type(error).__name__


async def test_where_no_login_is_required_everybody_is_local_whatever_they_bring(ledger: SqlLedger) -> None:
    async with logins(ledger, required=False) as open_to_all:
        for authorization in (None, "Bearer x", "Basic x", f"Bearer {new_key().text}"):
            assert await open_to_all.authenticate(authorization, HOME) is LOCAL


async def test_who_everybody_is_without_a_login_can_be_chosen(ledger: SqlLedger) -> None:
    settings, somebody = AuthSettings(required=False), Principal("local", "local")
    async with authenticating(settings, ledger, anyone=somebody) as open_to_all:
        assert await open_to_all.authenticate("Bearer x", HOME) is somebody


async def test_a_login_is_required(ledger: SqlLedger, provider: Provider) -> None:
    async with logins(ledger, provider) as closed:
        assert await outcome(closed, None) == "Unauthenticated"


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
async def test_keys_and_tokens_come_as_bearer(ledger: SqlLedger, provider: Provider, scheme: str) -> None:
    made = await added(ledger)
    async with logins(ledger, provider) as closed:
        assert await outcome(closed, f"{scheme}{made.text}") == "key:desk"
        assert await outcome(closed, f"{scheme}{signed(GOOD)}") == "jwt:u1"


async def test_keys_come_in_a_header_of_their_own_too_and_tokens_do_not(
    ledger: SqlLedger, provider: Provider
) -> None:
    made, other = await added(ledger), await added(ledger, "other")
    async with logins(ledger, provider) as closed:
        assert await outcome(closed, None, api_key=made.text) == "key:desk"
        assert await outcome(closed, f"Bearer {made.text}", api_key=made.text) == "key:desk"
        for authorization, api_key in (
            (f"Bearer {made.text}", other.text),
            (f"Bearer {signed(GOOD)}", made.text),
            (f"Bearer {made.text}", ""),
            ("", made.text),
            ("Basic dXNlcjp4", made.text),
            (None, signed(GOOD)),
            (None, f"Bearer {made.text}"),
            (None, ""),
        ):
            found = await outcome(closed, authorization, f"198.51.100.{len(api_key)}", api_key)
            assert found == "Unauthenticated", (authorization, api_key)


async def test_whatever_else_is_in_the_header_is_refused(ledger: SqlLedger, provider: Provider) -> None:
    made = await added(ledger)
    async with logins(ledger, provider) as closed:
        for number, authorization in enumerate(
            [
                "",
                "Bearer",
                "Bearer ",
                made.text,
                f"Basic {made.text}",
                f"Bearer\t{made.text}",
                f"Bearer {made.text} {made.text}",
                f"Bearer {made.text}, Bearer {made.text}",
                f"Bearer {made.text}\x00",
                f"Bearer é{made.text}",
                f"Bearer {made.text[:-1]}é",
                f'Bearer "{made.text}"',
                f"Bearer {made.text.upper()}",
                "Bearer hdg_",
                "Bearer " + "x" * 100_000,
                "Bearer hdg_" + "0" * 100_000,
                "Bearer a.b.c",
                "Bearer \ud800",
            ]
        ):
            assert await outcome(closed, authorization, f"10.0.0.{number}") == "Unauthenticated", (
                authorization
            )


async def test_tokens_mean_nothing_where_no_provider_is_configured(ledger: SqlLedger) -> None:
    async with logins(ledger) as closed:
        assert await outcome(closed, f"Bearer {signed(GOOD)}") == "Unauthenticated"


async def test_a_key_of_the_ledger_is_its_principal_until_it_is_revoked(ledger: SqlLedger) -> None:
    async with logins(ledger) as closed:
        made = await added(ledger)
        principal = await closed.authenticate(f"Bearer {made.text}", HOME)
        assert (principal.login, principal.credential_id, list(principal.grants)) == (
            LoginKind.API_KEY,
            made.id,
            ["messages:read"],
        )
        await ledger.revoke_key(made.id, NOW)
        await closed._keys.refresh()
        assert await outcome(closed, f"Bearer {made.text}") == "Unauthenticated"


async def test_every_process_hears_of_a_revoked_key(ledger: SqlLedger) -> None:
    made = await added(ledger)
    async with logins(ledger) as first, logins(ledger) as second:
        for process in (first, second):
            assert await outcome(process, f"Bearer {made.text}") == "key:desk"
        await ledger.revoke_key(made.id, NOW)
        for process in (first, second):
            # What runs in the background reads it, nobody else.
            while process._keys.known(made.text) is not None:
                await ledger.keys()
            assert await outcome(process, f"Bearer {made.text}") == "Unauthenticated"


async def test_guessing_is_slowed_down_whatever_is_guessed(ledger: SqlLedger, provider: Provider) -> None:
    made = await added(ledger)
    wrong_secret = f"{made.text[:-9]}{'A' if made.text[-9] != 'A' else 'B'}{made.text[-8:]}"
    guesses = {
        "a known id's secret": wrong_secret,
        "a form that is none": "hdg_000000000000_x",
        "a token": signed(GOOD, signing_key("EC", "stranger")),
        "another word": "secret",
    }
    for number, (name, guess) in enumerate(guesses.items()):
        address = f"203.0.113.{number}"
        async with logins(ledger, provider) as closed:
            found = [await outcome(closed, f"Bearer {guess}", address) for _ in range(12)]
            assert found == ["Unauthenticated"] * 10 + ["RateLimited"] * 2, name
            assert await outcome(closed, f"Bearer {guess}", ELSEWHERE) == "Unauthenticated"


async def test_a_request_without_any_credential_is_no_guess(ledger: SqlLedger) -> None:
    async with logins(ledger) as closed:
        assert {await outcome(closed, None) for _ in range(30)} == {"Unauthenticated"}
        assert await outcome(closed, "Bearer wrong") == "Unauthenticated"


async def test_a_guesser_does_not_shut_out_the_others_behind_its_address(
    ledger: SqlLedger, provider: Provider
) -> None:
    made = await added(ledger)
    in_use, new = signed(GOOD), signed({**GOOD, "sub": "u2"})
    async with logins(ledger, provider) as closed:
        assert await outcome(closed, f"Bearer {in_use}") == "jwt:u1"
        for _ in range(20):
            await outcome(closed, "Bearer guess")
        assert await outcome(closed, "Bearer guess") == "RateLimited"
        assert await outcome(closed, f"Bearer {made.text}") == "key:desk"
        assert await outcome(closed, f"Bearer {in_use}") == "jwt:u1"
        # What it would cost a signature to find out has to wait, but only behind that address.
        assert await outcome(closed, f"Bearer {new}") == "RateLimited"
        assert await outcome(closed, f"Bearer {new}", ELSEWHERE) == "jwt:u2"
        assert await outcome(closed, f"Bearer {new}") == "jwt:u2"


async def test_a_token_in_use_goes_on_behind_a_guessers_address_when_its_minute_is_over(
    ledger: SqlLedger, provider: Provider
) -> None:
    moment = NOW
    jwt = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": provider.url}
    settings = AuthSettings.model_validate({"jwt": jwt})
    async with authenticating(settings, ledger, clock=lambda: moment) as closed:
        token = signed(GOOD)
        assert await outcome(closed, f"Bearer {token}") == "jwt:u1"
        for _ in range(20):
            await outcome(closed, "Bearer guess")
        moment = NOW + timedelta(seconds=120)
        assert await outcome(closed, "Bearer guess") == "RateLimited"
        assert await outcome(closed, f"Bearer {token}") == "jwt:u1"


async def test_a_ledger_that_is_away_from_the_start_makes_keys_wait_not_fail(tmp_path: Path) -> None:
    away = open_ledger(f"sqlite:///{tmp_path}/none/ledger.db")
    try:
        with capture_logs() as said:
            async with logins(away) as closed:
                found = {await outcome(closed, f"Bearer {new_key().text}") for _ in range(15)}
                assert found == {"LedgerUnavailable"}
        assert [each["event"] for each in said] == ["keys_not_read"]
    finally:
        await away.close()


async def test_a_provider_that_is_away_from_the_start_makes_tokens_wait_and_keys_work(
    ledger: SqlLedger,
) -> None:
    with providing() as gone:
        pass
    made = await added(ledger)
    with capture_logs():
        async with logins(ledger, gone) as closed:
            assert {await outcome(closed, f"Bearer {signed(GOOD)}") for _ in range(15)} == {"KeysUnavailable"}
            assert await outcome(closed, f"Bearer {made.text}") == "key:desk"
            assert await outcome(closed, "Bearer a.b.c") == "Unauthenticated"

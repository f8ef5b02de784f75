"""What a request is answered that isn't let in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Scope
from structlog.testing import capture_logs

from gateway.domain.access import LOCAL
from gateway.domain.api_keys import ApiKey
from gateway.domain.errors import BadInput, Forbidden
from gateway.http.addresses import Proxies
from gateway.http.authentication import Authentication, refused
from gateway.http.problems import HttpProblem
from gateway.observability.logs import configure_logs
from gateway.security.auth_settings import AuthSettings
from gateway.security.authn import authenticating
from gateway.security.keys import NewKey, new_key
from gateway.store.ledger import SqlLedger, open_ledger
from tests.jwks_server import AUDIENCE, ISSUER, providing, signed
from tests.ledgers import new_ledger

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": NOW.timestamp() + 60}
UNAUTHENTICATED = (
    401,
    "UNAUTHENTICATED",
    "This request needs a valid API key or token: `Authorization: Bearer ...`.",
    {"WWW-Authenticate": 'Bearer realm="helpdesk-gateway"'},
)


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    opened = open_ledger(new_ledger(tmp_path))
    yield opened
    await opened.close()


@asynccontextmanager
async def edge(
    store: SqlLedger, proxies: tuple[str, ...] = (), **given: Any
) -> AsyncIterator[Authentication]:
    settings = AuthSettings.model_validate({"trusted_proxies": proxies, **given})
    async with authenticating(settings, store, clock=lambda: NOW) as authenticator:
        yield Authentication(authenticator, Proxies(settings.trusted_proxies))


async def added(ledger: SqlLedger) -> NewKey:
    made = new_key()
    await ledger.add_key(ApiKey(id=made.id, name="desk", digest=made.digest, scopes=(), created_at=NOW))
    return made


def asking(*headers: tuple[str, str], peer: str = "192.0.2.1") -> Scope:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http", "headers": raw, "client": (peer, 1234)}


def bearer(credential: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {credential}")


def told(problem: HttpProblem) -> tuple[int, str, str, dict[str, str]]:
    return problem.status, problem.code.value, problem.message, dict(problem.headers)


async def answer(edge: Authentication, scope: Scope) -> tuple[int, str, str, dict[str, str]]:
    with capture_logs(), pytest.raises(HttpProblem) as caught:
        await edge.principal(scope)
    assert caught.value.__cause__ is None
    return told(caught.value)


async def test_who_asks_is_found_in_either_header(ledger: SqlLedger) -> None:
    made = await added(ledger)
    async with edge(ledger) as opened:
        for scope in (
            asking(bearer(made.text)),
            asking(("x-api-key", made.text)),
            asking(bearer(made.text), ("x-api-key", made.text)),
        ):
            assert (await opened.principal(scope)).subject == "key:desk"


async def test_without_a_login_everybody_is_local(ledger: SqlLedger) -> None:
    async with edge(ledger, required=False) as opened:
        assert await opened.principal(asking(bearer("wrong"))) is LOCAL


async def test_a_401_does_not_say_why(ledger: SqlLedger) -> None:
    made, revoked, expired = await added(ledger), await added(ledger), new_key()
    await ledger.revoke_key(revoked.id, NOW)
    await ledger.add_key(
        ApiKey(id=expired.id, name="old", digest=expired.digest, scopes=(), created_at=NOW, expires_at=NOW)
    )
    wrong = f"{made.text[:-9]}{'A' if made.text[-9] != 'A' else 'B'}{made.text[-8:]}"
    with providing() as provider:
        jwt = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": provider.url}
        async with edge(ledger, jwt=jwt) as opened:
            for number, headers in enumerate(
                [
                    [],
                    [bearer(wrong)],
                    [bearer(revoked.text)],
                    [bearer(expired.text)],
                    [bearer(new_key().text)],
                    [bearer(signed(CLAIMS))],
                    [bearer(signed({**CLAIMS, "exp": 0}))],
                    [bearer("\xe9")],
                    [("authorization", "Basic dTpw")],
                    [("x-api-key", "")],
                ]
            ):
                assert await answer(opened, asking(*headers, peer=f"192.0.2.{number}")) == UNAUTHENTICATED


async def test_a_header_that_is_given_twice_is_refused_even_if_both_say_the_same(ledger: SqlLedger) -> None:
    made = await added(ledger)
    async with edge(ledger) as opened:
        for name, value in (bearer(made.text), ("x-api-key", made.text)):
            for other in (value, "Bearer x", ""):
                for headers in ([(name, value), (name, other)], [(name, other), (name, value)]):
                    scope = asking(*headers, peer=f"2001:db8:0:{len(other):x}::1")
                    assert await answer(opened, scope) == UNAUTHENTICATED
        # A third one doesn't bring it back.
        assert await answer(opened, asking(*[bearer(made.text)] * 3)) == UNAUTHENTICATED


async def test_who_guesses_is_told_to_wait_by_the_address_that_the_proxy_gives(ledger: SqlLedger) -> None:
    async with edge(ledger, ("10.0.0.0/8",)) as opened:

        def guess(client: str) -> Scope:
            return asking(bearer("guess"), ("x-forwarded-for", f"127.0.0.1, {client}"), peer="10.0.0.1")

        for _ in range(10):
            assert await answer(opened, guess("203.0.113.5")) == UNAUTHENTICATED
        status, code, message, headers = await answer(opened, guess("203.0.113.5"))
        assert (status, code, message) == (
            429,
            "RATE_LIMITED",
            "Too many failed log-ins from your address. Wait a moment.",
        )
        assert 1 <= int(headers["Retry-After"]) <= 6
        assert await answer(opened, guess("203.0.113.6")) == UNAUTHENTICATED


async def test_while_nothing_can_be_said_of_a_credential_it_is_503(tmp_path: Path, ledger: SqlLedger) -> None:
    away = open_ledger(f"sqlite:///{tmp_path}/none/ledger.db")
    with capture_logs():
        async with edge(away) as opened:
            assert await answer(opened, asking(bearer(new_key().text))) == (
                503,
                "LEDGER_UNAVAILABLE",
                "API keys can't be checked right now. Try again later.",
                {"Retry-After": "5"},
            )
    await away.close()
    with providing() as gone:
        jwt = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": gone.url}
    with capture_logs():
        async with edge(ledger, jwt=jwt) as opened:
            assert await answer(opened, asking(bearer(signed(CLAIMS)))) == (
                503,
                "INTERNAL_SERVER_ERROR",
                "Tokens can't be checked right now. Try again later.",
                {"Retry-After": "5"},
            )


def test_who_may_not_do_something_is_told_which_scope_it_needs() -> None:
    assert told(refused(Forbidden("messages:write", source="support"))) == (
        403,
        "FORBIDDEN",
        "You may not do this at support: it needs the scope `messages:write`.",
        {},
    )


def test_other_errors_say_nothing_of_themselves() -> None:
    assert told(refused(BadInput("of somebody else"))) == (
        500,
        "INTERNAL_SERVER_ERROR",
        "The gateway has failed.",
        {},
    )

import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest

from gateway.sandbox import Running, Sandbox

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx reads 60 ms of certificates per client otherwise


class Hands:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture(scope="module")
def hands() -> Hands:
    return Hands()


@pytest.fixture(scope="module")
def shared_sandbox(hands: Hands) -> Sandbox:
    return Sandbox(now=hands)


@pytest.fixture(scope="module")
async def shared_running(shared_sandbox: Sandbox) -> AsyncIterator[Running]:
    async with shared_sandbox.serve() as running:
        yield running


@pytest.fixture
def sandbox(shared_sandbox: Sandbox, hands: Hands) -> Sandbox:
    """A fresh world per test behind one set of sockets per module."""
    shared_sandbox.reset()
    hands.moment = Hands().moment
    return shared_sandbox


@pytest.fixture
async def running(shared_running: Running, sandbox: Sandbox) -> Running:
    return shared_running


@pytest.fixture
def now(sandbox: Sandbox, hands: Hands) -> datetime:
    return hands.moment


@pytest.fixture
def set_now(sandbox: Sandbox, hands: Hands) -> Callable[[datetime], None]:
    return lambda moment: setattr(hands, "moment", moment)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular: no base URL, no credentials."""
    async with httpx.AsyncClient(verify=NO_TLS) as anybody:
        yield anybody


@pytest.fixture
async def hub(running: Running, sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """Service Order Hub as the partner sees it."""
    token = sandbox.services["service_order_hub"].credentials["token"]
    base_url = running.base_urls["service_order_hub"]
    async with httpx.AsyncClient(
        base_url=base_url, headers={"X-Hub-Api-Token": token}, verify=NO_TLS
    ) as partner:
        yield partner


@pytest.fixture
async def provider_hub(running: Running, sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """Service Order Hub as the workshop sees it."""
    token = sandbox.services["service_order_hub"].credentials["providerToken"]
    base_url = running.base_urls["service_order_hub"]
    async with httpx.AsyncClient(
        base_url=base_url, headers={"X-Hub-Api-Token": token}, verify=NO_TLS
    ) as provider:
        yield provider


@pytest.fixture
async def thulium(running: Running, sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    login = sandbox.services["thulium"].credentials
    basic = (login["username"], login["password"])
    async with httpx.AsyncClient(base_url=running.base_urls["thulium"], auth=basic, verify=NO_TLS) as user:
        yield user

"""Which requests count as writes: those that change what somebody keeps, and never a log-in."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.sandbox import Faults, Mishap, Running, Sandbox, Service
from gateway.sandbox.registry import EMULATIONS
from gateway.sandbox.world import World
from gateway.sandbox.writes import is_write

READS = {
    ("service_order_hub", "POST", "/api/v3/search-cases"),
    ("telecomx", "POST", "/auth/login"),
    ("tulo", "POST", "/api/authorization/access_token"),
}


def endpoints() -> set[tuple[str, str, str]]:
    """Kind, method and path of everything that any of the emulations answers."""
    found = set()
    for emulation in EMULATIONS:
        app = emulation.build(World(), lambda: datetime.now(UTC), emulation.choose({}))
        assert isinstance(app, Starlette)
        for route in app.routes:
            assert isinstance(route, Route)
            found |= {(emulation.kind, method, route.path) for method in route.methods or ()}
    return found


def test_what_is_no_get_is_a_write_but_for_a_search_and_the_log_ins() -> None:
    assert {each for each in endpoints() if each[1] not in {"GET", "HEAD"} and not is_write(*each)} == READS
    assert {each for each in endpoints() if each[1] in {"GET", "HEAD"} and is_write(*each)} == set()


def test_a_path_counts_for_its_own_kind_only() -> None:
    assert is_write("thulium", "POST", "/auth/login")
    assert is_write("telecomx", "DELETE", "/employeeSubscription/x")


class TestOverTheWire:
    """Every write meets its mishap, and nothing else does."""

    @pytest.fixture(autouse=True)
    def every_write_is_refused(self, sandbox: Sandbox) -> None:
        for service in sandbox.services.values():
            service.faults = Faults(mishaps={"error_before": 1}, error_status=503)

    @pytest.fixture
    async def tulo(self, running: Running) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=running.base_urls["tulo"]) as client:
            yield client

    async def test_tulo(self, tulo: httpx.AsyncClient, sandbox: Sandbox) -> None:
        service = sandbox.services["tulo"]
        form = {
            "client_id": service.credentials["clientId"],
            "client_secret": service.credentials["clientSecret"],
            "grant_type": "none",
            "scope": service.credentials["scope"],
        }
        token = (await tulo.post("/api/authorization/access_token", data=form)).json()["access_token"]
        bearer = {"authorization": f"Bearer {token}"} | dict.fromkeys(
            ("accept", "content-type"), "application/json"
        )
        path = "/external/api/v1/helpdesk_messages"
        templates = await tulo.get("/external/api/v1/helpdesk_message_templates/all", headers=bearer)
        assert templates.status_code == 200
        assert (await tulo.post(path, json={}, headers=bearer)).status_code == 503
        assert self.told(service) == [None, None, Mishap.ERROR_BEFORE]

    async def test_service_order_hub(self, hub: httpx.AsyncClient, sandbox: Sandbox) -> None:
        assert (await hub.post("/v3/search-cases", json={})).status_code == 200
        for path in ("/v3/case-messages/create", "/v3/case-messages/confirm"):
            assert (await hub.post(path, json={})).status_code == 503
        assert self.told(sandbox.services["service_order_hub"]) == [None, *[Mishap.ERROR_BEFORE] * 2]

    async def test_telecomx(self, running: Running, sandbox: Sandbox, client: httpx.AsyncClient) -> None:
        service, base_url = sandbox.services["telecomx"], running.base_urls["telecomx"]
        login = {key: service.credentials[key] for key in ("username", "password")}
        assert (await client.get(f"{base_url}/auth/login", params=login)).status_code == 200
        token = (await client.post(f"{base_url}/auth/login", json=login)).json()["token"]
        assert (await client.get(f"{base_url}/employeeSubscription?token={token}")).status_code == 200
        for method, path in (
            ("POST", "/employeeSubscription"),
            ("POST", "/employeeSubscription/x"),
            ("DELETE", "/employeeSubscription/x"),
        ):
            answer = await client.request(method, f"{base_url}{path}?token={token}")
            assert answer.status_code == 503
        assert self.told(service) == [None] * 3 + [Mishap.ERROR_BEFORE] * 3

    async def test_thulium(self, thulium: httpx.AsyncClient, sandbox: Sandbox) -> None:
        assert (await thulium.get("/tickets/1234")).status_code == 200
        for method, path in (
            ("PUT", "/tickets/1234"),
            ("POST", "/tickets"),
            ("POST", "/tickets/1234/agent_response"),
            ("POST", "/temporary_files"),
        ):
            assert (await thulium.request(method, path)).status_code == 503
        assert self.told(sandbox.services["thulium"]) == [None] + [Mishap.ERROR_BEFORE] * 4

    def told(self, service: Service) -> list[Mishap | None]:
        return [arrival.mishap for arrival in service.arrivals]

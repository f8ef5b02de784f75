"""A service that comes and goes by its clock, over real sockets."""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest

from gateway.sandbox import Faults, Mishap, Sandbox, Service

MoveTo = Callable[[float], None]


@pytest.fixture
def service(sandbox: Sandbox) -> Service:
    return sandbox.services["thulium"]


@pytest.fixture
def move_to(now: datetime, set_now: Callable[[datetime], None]) -> MoveTo:
    """Sets the clock to so many seconds after the start."""
    return lambda seconds: set_now(now + timedelta(seconds=seconds))


async def status(client: httpx.AsyncClient, path: str = "/agents") -> int | str:
    try:
        return (await client.get(path)).status_code
    except httpx.ReadError:
        return "reset"


async def test_it_is_up_then_away_then_up_again(
    thulium: httpx.AsyncClient, service: Service, move_to: MoveTo
) -> None:
    service.faults = Faults(flap_up_s=20, flap_down_s=5)
    seen = []
    for second in (0, 19, 20, 24, 25, 44, 45, 49, 50):
        move_to(second)
        seen.append(await status(thulium))
    assert seen == [200, 200, "reset", "reset", 200, 200, "reset", "reset", 200]


async def test_writes_are_reset_too_and_not_done(
    thulium: httpx.AsyncClient, service: Service, sandbox: Sandbox, move_to: MoveTo
) -> None:
    service.faults = Faults(flap_up_s=20, flap_down_s=5)
    move_to(20)
    with pytest.raises(httpx.ReadError):
        await thulium.put("/tickets/1234", json={"status_id": "6"})
    assert sandbox.world.thulium.tickets[1234].status_id == "1"
    assert [(each.mishap, each.applied) for each in service.arrivals] == [(Mishap.RESET_BEFORE, False)]


async def test_while_it_is_down_any_dial_can_count_and_while_it_is_up_the_rest_of_its_own(
    thulium: httpx.AsyncClient, service: Service, move_to: MoveTo
) -> None:
    service.faults = Faults(
        errors={404: 1}, flap_up_s=20, flap_down_s=5, while_down=Faults(errors={503: 1}, latency_ms=0.001)
    )
    assert await status(thulium) == 404
    move_to(20)
    assert await status(thulium) == 503
    move_to(25)
    assert await status(thulium) == 404


async def test_it_begins_up_when_it_is_set_and_another_setting_does_not_begin_it_again(
    thulium: httpx.AsyncClient, service: Service, move_to: MoveTo
) -> None:
    move_to(1_000_000)
    service.faults = Faults(flap_up_s=20, flap_down_s=5)
    assert await status(thulium) == 200
    move_to(1_000_019)
    service.faults = Faults(flap_up_s=20, flap_down_s=5, latency_ms=0.001)
    move_to(1_000_021)
    assert await status(thulium) == "reset"
    service.faults = Faults(flap_up_s=19, flap_down_s=5)
    assert await status(thulium) == 200


async def test_the_control_endpoint_is_always_up(
    thulium: httpx.AsyncClient, service: Service, move_to: MoveTo
) -> None:
    service.faults = Faults(flap_up_s=20, flap_down_s=5)
    move_to(20)
    assert await status(thulium, str(thulium.base_url.join("/__sandbox__/service"))) == 200

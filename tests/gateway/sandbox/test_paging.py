"""Lists whose pages repeat or shift, asked page after page over real sockets as each vendor pages them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway.sandbox import Faults, Mishap, Running, Sandbox, Service
from tests.gateway.sandbox.conftest import NO_TLS

LIMIT = 4


@dataclass(frozen=True)
class Told:
    """A page: its items' ids, the list's size, and the offset that it says it has (None: it says none)."""

    ids: list[Any]
    total: int
    offset: int | None


Ask = Callable[[int], Awaitable[Told]]


@pytest.fixture(params=["thulium", "telecomx", "service_order_hub"])
def service(request: pytest.FixtureRequest, sandbox: Sandbox) -> Service:
    return sandbox.services[request.param]


@pytest.fixture
async def ask(service: Service, running: Running) -> Any:
    """Asks for a page of four of a list of the service."""
    login = service.credentials

    async def of_thulium(offset: int) -> Told:
        query = {"limit": LIMIT, "offset": offset}
        found = (await client.get("/tickets", params=query)).json()
        return Told([row["ticket_id"] for row in found["result"]], found["count"], None)

    async def of_telecomx(offset: int) -> Told:
        query: dict[str, str | int] = {
            "offset": offset,
            "limit": LIMIT,
            "token": login["resellerMachineToken"],
        }
        found = (await client.get("/customer", params=query)).json()
        assert found["limit"] == LIMIT
        return Told([row["_id"] for row in found["customers"]], found["total"], found["offset"])

    async def of_hub(offset: int) -> Told:
        wanted = {"pagination": {"offset": offset, "limit": LIMIT}}
        found = (await client.post("/v3/search-cases", json=wanted)).json()
        return Told(
            [row["guid"] for row in found["data"]],
            found["pagination"]["count"],
            found["pagination"]["offset"],
        )

    auth = (login["username"], login["password"]) if service.kind == "thulium" else None
    headers = {"X-Hub-Api-Token": login["token"]} if service.kind == "service_order_hub" else {}
    async with httpx.AsyncClient(
        base_url=running.base_urls[service.kind], auth=auth, headers=headers, verify=NO_TLS
    ) as client:
        yield {"thulium": of_thulium, "telecomx": of_telecomx, "service_order_hub": of_hub}[service.kind]


async def pages(ask: Ask, count: int) -> list[Told]:
    return [await ask(LIMIT * number) for number in range(count)]


def echoed(page: Told, number: int) -> int | None:
    return None if page.offset is None else LIMIT * number


async def test_a_shifted_page_is_that_of_a_list_that_grew_before_every_later_page(
    ask: Ask, service: Service
) -> None:
    healthy = await pages(ask, 4)
    whole = [each for page in healthy for each in page.ids]
    service.faults = Faults(read_mishaps={"shifted_page": 1}, page_items=1)
    assert await pages(ask, 4) == [
        Told(whole[3 * number : 3 * number + LIMIT], page.total + number, echoed(page, number))
        for number, page in enumerate(healthy)
    ]


async def test_or_that_shrank(ask: Ask, service: Service) -> None:
    healthy = await pages(ask, 4)
    whole = [each for page in healthy for each in page.ids]
    service.faults = Faults(read_mishaps={"shifted_page": 1}, page_items=-1)
    assert await pages(ask, 3) == [
        Told(whole[5 * number : 5 * number + LIMIT], page.total - number, echoed(page, number))
        for number, page in enumerate(healthy[:3])
    ]


async def test_a_list_that_grows_by_whole_pages_shows_its_first_page_for_ever(
    ask: Ask, service: Service
) -> None:
    healthy = await pages(ask, 3)
    service.faults = Faults(read_mishaps={"shifted_page": 1}, page_items=LIMIT)
    assert [page.ids for page in await pages(ask, 3)] == [healthy[0].ids] * 3


async def test_a_repeated_page_begins_with_the_end_of_the_page_before(ask: Ask, service: Service) -> None:
    healthy = await pages(ask, 3)
    service.faults = Faults(read_mishaps={"repeated_page": 1}, page_items=3)
    one, two, three = healthy
    assert await pages(ask, 3) == [
        one,
        Told(one.ids[1:] + two.ids[3:], two.total, two.offset),
        Told(two.ids[1:] + three.ids[3:], three.total, three.offset),
    ]


async def test_the_last_page_keeps_its_length(ask: Ask, service: Service) -> None:
    total = (await ask(0)).total
    before, last = await ask(total - 1 - LIMIT), await ask(total - 1)
    assert len(last.ids) == 1
    service.faults = Faults(read_mishaps={"repeated_page": 1}, page_items=3)
    assert await ask(total - 1) == Told(before.ids[3:], last.total, last.offset)


@pytest.mark.parametrize("mishap", ["repeated_page", "shifted_page"])
async def test_past_the_end_there_is_nothing_to_repeat(ask: Ask, service: Service, mishap: str) -> None:
    total = (await ask(0)).total
    service.faults = Faults(read_mishaps={mishap: 1}, page_items=1)
    assert (await ask(total + 100)).ids == []


async def test_the_log_says_which_pages_it_befell(ask: Ask, service: Service) -> None:
    service.faults = Faults(read_mishaps={"shifted_page": 1})
    service.arrivals.clear()
    await pages(ask, 3)
    assert [(each.mishap, each.applied) for each in service.arrivals] == [
        (None, True),
        (Mishap.SHIFTED_PAGE, True),
        (Mishap.SHIFTED_PAGE, True),
    ]


async def test_a_share_is_drawn_the_same_way_after_a_reset(ask: Ask, service: Service) -> None:
    async def befallen() -> list[bool]:
        service.reset()
        service.faults = Faults(read_mishaps={"repeated_page": 0.5})
        await pages(ask, 12)
        return [each.mishap is not None for each in service.arrivals]

    first = await befallen()
    assert set(first) == {True, False}
    assert await befallen() == first


def without_number(answer: Any) -> Any:
    """A refusal without the request's number, which no two share."""
    if isinstance(answer, dict):
        return {name: value for name, value in answer.items() if name != "request_id"}
    return answer


class TestThulium:
    """What its own paging allows beside that."""

    @pytest.mark.parametrize("mishap", ["repeated_page", "shifted_page"])
    @pytest.mark.parametrize(
        "path",
        ["/tickets", "/tickets?offset=0", "/tickets?offset=x", "/tickets/1234?offset=5", "/agents?offset=1"],
    )
    async def test_what_is_no_later_page_of_a_list_is_as_it_was(
        self, thulium: httpx.AsyncClient, sandbox: Sandbox, path: str, mishap: str
    ) -> None:
        healthy = await thulium.get(path)
        sandbox.services["thulium"].faults = Faults(read_mishaps={mishap: 1})
        answer = await thulium.get(path)
        assert answer.status_code == healthy.status_code
        assert without_number(answer.json()) == without_number(healthy.json())

    async def test_without_a_limit_one_page_came_before(
        self, thulium: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        healthy = (await thulium.get("/tickets?offset=9")).json()
        sandbox.services["thulium"].faults = Faults(read_mishaps={"shifted_page": 1}, page_items=2)
        assert (await thulium.get("/tickets?offset=11")).json() == {
            "count": healthy["count"] + 2,
            "result": healthy["result"],
        }

    async def test_the_rest_of_the_query_stays(self, thulium: httpx.AsyncClient, sandbox: Sandbox) -> None:
        query = "status_ids[]=1&status_ids[]=6&created_date_from=2020-01-01%2000:00&limit=2"
        healthy = (await thulium.get(f"/tickets?offset=1&{query}")).json()
        sandbox.services["thulium"].faults = Faults(read_mishaps={"shifted_page": 1})
        assert (await thulium.get(f"/tickets?offset=2&{query}")).json() == {
            "count": healthy["count"] + 1,
            "result": healthy["result"],
        }


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"pagination": []}', b'{"pagination": {"offset": -4}}']
)
async def test_a_search_that_names_no_later_page_is_as_it_was(
    hub: httpx.AsyncClient, sandbox: Sandbox, body: bytes
) -> None:
    healthy = await hub.post("/v3/search-cases", content=body)
    sandbox.services["service_order_hub"].faults = Faults(read_mishaps={"shifted_page": 1})
    answer = await hub.post("/v3/search-cases", content=body)
    assert (answer.status_code, answer.content) == (healthy.status_code, healthy.content)

"""Starting, stopping and describing the five servers."""

import asyncio
import socket

import httpx
import pytest

from gateway.sandbox import Faults, Sandbox


async def test_a_stopped_server_refuses_and_comes_back_with_its_state(client: httpx.AsyncClient) -> None:
    sandbox = Sandbox()
    login = sandbox.services["thulium"].credentials
    basic = (login["username"], login["password"])
    async with sandbox.serve() as running:
        url = running.base_urls["thulium"] + "/tickets/1234"
        await client.put(url, json={"status_id": "6"}, auth=basic)
        await running.stop("thulium")
        with pytest.raises(httpx.ConnectError):
            await client.get(url, auth=basic)
        assert (await client.get(running.base_urls["service_order_hub"] + "/v3/case")).status_code == 401
        await running.start("thulium")
        assert running.base_urls["thulium"] + "/tickets/1234" == url
        assert (await client.get(url, auth=basic)).json()["status_id"] == "6"
        assert [arrival.method for arrival in sandbox.services["thulium"].arrivals] == ["PUT", "GET"]


async def test_stopping_and_starting_twice_is_the_same_as_once() -> None:
    async with Sandbox().serve() as running:
        before = dict(running.base_urls)
        await running.start("thulium")
        await running.stop("thulium")
        await running.stop("thulium")
        await running.start("thulium")
        assert running.base_urls == before


async def test_a_stop_cuts_what_is_in_flight(client: httpx.AsyncClient) -> None:
    sandbox = Sandbox(faults={"thulium": Faults(timeout=True)})
    async with sandbox.serve() as running:
        url = running.base_urls["thulium"]
        asked = asyncio.create_task(client.get(url + "/tickets"))
        while not (await client.get(url.removesuffix("/api") + "/__sandbox__/arrivals")).json():
            pass
        await running.stop("thulium")
        with pytest.raises(httpx.HTTPError):
            await asked


async def test_everything_is_closed_at_the_end(client: httpx.AsyncClient) -> None:
    async with Sandbox().serve() as running:
        urls = list(running.base_urls.values())
    for url in urls:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_a_given_port_is_used_and_a_taken_one_stops_the_rest() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            async with Sandbox().serve(ports={"thulium": port}):
                pass
    async with Sandbox().serve(ports={"thulium": port, "service_order_hub": None}) as running:
        assert running.base_urls["thulium"] == f"http://127.0.0.1:{port}/api"


async def test_an_unknown_port_name_is_refused() -> None:
    with pytest.raises(ValueError, match="No such source: zendesk"):
        async with Sandbox().serve(ports={"zendesk": 1}):
            pass


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python knows no IPv6")
async def test_ipv6_hosts_stand_in_brackets(client: httpx.AsyncClient) -> None:
    async with Sandbox().serve(host="::1") as running:
        assert running.base_urls["thulium"].startswith("http://[::1]:")
        assert (await client.get(running.base_urls["thulium"] + "/tickets")).status_code == 401


async def test_the_description_holds_what_a_client_needs() -> None:
    sandbox = Sandbox()
    async with sandbox.serve() as running:
        described = running.describe()["sources"]
        assert list(described) == list(sandbox.services)
        assert described["thulium"] == {
            "baseUrl": running.base_urls["thulium"],
            "credentials": sandbox.services["thulium"].credentials,
            "docs": "https://api.thulium.com/docs/api",
        }


async def test_answers_are_not_held_back_by_nagle(client: httpx.AsyncClient) -> None:
    """Otherwise the answer to a POST waits 40 ms for a delayed ACK."""
    async with Sandbox().serve() as running:
        await client.get(running.base_urls["thulium"])
        server = running._listeners["thulium"]._server
        assert server is not None
        sockets = [c.transport.get_extra_info("socket") for c in server.server_state.connections]
        assert [bool(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for s in sockets] == [True]

"""What the sandbox shows through the desks, asked past the gateway."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.sandbox import KINDS
from tests.identity.accesses import Access
from tests.identity.cast import make_cast
from tests.identity.desks import Witness, open_desks

CAST = make_cast(1)
ANN, BOB = (next(each for each in CAST.callers if each.name == name) for name in ("base", "odd"))
PATHS = {
    "tulo": "/external/api/v1/helpdesk_message_templates/all",
    "service_order_hub": "/api/v3/partner",
    "netevia": "/api/LinkedAccount/users",
    "telecomx": "/customer",
    "thulium": "/api/customers",
}


class _Desks:
    def __init__(self, urls: dict[str, str], http: httpx.AsyncClient, witness: Witness) -> None:
        self._urls = urls
        self._http = http
        self.witness = witness

    async def ask(self, access: Access, path: str, **more: Any) -> httpx.Response:
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            **more.pop("headers", {}),
        }
        params = {"id": "12"} if access.source == "service_order_hub" else {}
        secret = access.secret or ""
        match access.source:
            case "telecomx":
                params["token"] = secret
            case "service_order_hub":
                headers["x-hub-api-token"] = secret
            case source:
                headers["authorization"] = f"{'Basic' if source == 'thulium' else 'Bearer'} {secret}"
        url = httpx.URL(self._urls[access.source]).join(path)
        return await self._http.request(
            more.pop("method", "GET"), url, headers=headers, params=params, **more
        )


@pytest.fixture
async def desks() -> AsyncIterator[_Desks]:
    witness = Witness()
    async with open_desks(CAST, witness) as (_, running), httpx.AsyncClient(trust_env=False) as http:
        yield _Desks(running.base_urls, http, witness)


@pytest.mark.parametrize("kind", KINDS)
async def test_each_sees_the_same_in_their_own_words(desks: _Desks, kind: str) -> None:
    shown = {each.name: await desks.ask(each.accesses[kind], PATHS[kind]) for each in (ANN, BOB)}
    assert {each.status_code for each in shown.values()} == {200}, shown["base"].text
    texts = {name: answer.text for name, answer in shown.items()}
    ann, bob = ANN.accesses[kind].stem, BOB.accesses[kind].stem
    assert ann in texts["base"]
    assert bob not in texts["base"]
    assert texts["base"].replace(ann, bob) == texts["odd"]
    assert shown["base"].headers["etag"] == shown["odd"].headers["etag"]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_unknown_credential_sees_nothing(desks: _Desks, kind: str) -> None:
    (unknown,) = (each for each in CAST.callers if each.name == "unknown")
    answer = await desks.ask(unknown.accesses[kind], PATHS[kind])
    assert (answer.status_code, desks.witness.refused) == (401, 1)


async def test_what_has_not_changed_is_not_sent_again(desks: _Desks) -> None:
    first = await desks.ask(ANN.accesses["netevia"], PATHS["netevia"])
    again = await desks.ask(
        ANN.accesses["netevia"], PATHS["netevia"], headers={"if-none-match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_what_one_writes_another_sees_in_their_own_words(desks: _Desks) -> None:
    body = {
        "body": ANN.says("thulium", "m", "Hello there"),
        "body_type": "PLAIN",
        "user_login": "testowy.agent11",
    }
    path = "/api/tickets/88001/agent_response"
    written = await desks.ask(ANN.accesses["thulium"], path, method="POST", json=body)
    assert written.status_code < 300, written.text
    seen = await desks.ask(BOB.accesses["thulium"], "/api/tickets/88001")
    assert BOB.says("thulium", "m", "Hello there") in seen.text
    assert desks.witness.findings == []


async def test_a_write_with_anothers_word_in_it_is_found(desks: _Desks) -> None:
    body = {"ticketId": 123456, "text": BOB.says("netevia", "m", "Hello")}
    await desks.ask(ANN.accesses["netevia"], "/api/tickets/message", method="POST", json=body)
    (found,) = desks.witness.findings
    assert found.startswith(f"POST /api/tickets/message went to {ANN.accesses['netevia']}")

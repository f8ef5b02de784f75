"""Secrets, addresses and letters appear in nothing that the running gateway puts out for operators."""

import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from prometheus_client.parser import text_string_to_metric_families

from gateway.commands.dev import sandbox_sources
from gateway.domain.access import Scope
from gateway.domain.api_keys import ApiKey
from gateway.sandbox import Faults, Running, Sandbox
from gateway.security.keys import NewKey, new_key
from gateway.store.ledger import open_ledger
from tests.collector import Silent, collecting, listening
from tests.jwks_server import AUDIENCE, ISSUER, providing, signed, signing_key
from tests.ledgers import new_ledger
from tests.processes import LEDGER_URL, running

PREFIX = "HELPDESK_GATEWAY_"
# Each is planted in its own place, so that a finding says where it came from.
PLANTED = {
    "static token": "planted-token-4711",
    "static password": "planted-pass/word-4712",
    "client secret": "planted-client-4713",
    "query token": "planted-query-4714",
    "collector key": "planted-collector-4715",
    "basic": "planted-basic-4716",
    "wrong bearer": "planted-bearer-4730",
    "wrong key": "hdg_planted-key-4731",
    "claim in a wrong token": "planted-claim-4732",
    "cookie": "planted-cookie-4717",
    "address written": "planted.4718@letters.example",
    "address asked for": "planted.4719@letters.example",
    "letter": "planted-letter-4720",
    "subject": "planted-subject-4721",
    "letter read": "planted-letter-read-4722",
    "error body": "planted-error-body-4723",
    "reset letter": "planted-reset-4724",
    "name in a path": "planted.4725",
    "tracestate": "planted.4726@state.example",
    "forwarded": "planted-forwarded-4728",
    "id key": "planted-id-key-4729-" + "0" * 20,
    "login name": "planted.4727@staff.example",
}


def forms(text: str) -> set[bytes]:
    """How a text may stand in an output."""
    return {form.encode() for form in (text, quote(text, safe=""), json.dumps(text)[1:-1], text.upper())}


_OF_LOGINS = {
    *("static token", "static password", "client secret", "query token", "collector key", "cookie"),
    *("basic", "wrong bearer", "wrong key", "claim in a wrong token", "forwarded", "id key"),
}


@dataclass(frozen=True)
class Logins:
    """API keys and tokens, good ones and others.

    Attributes:
        good: The headers that let one in, by what they are.
        bad: Those that don't.
        parts: What may appear nowhere, by what it is of: half of a key's secret, or of a token's signature,
            is enough to know them by.
        known: The keys that the gateway knows of.
    """

    good: Mapping[str, dict[str, str]]
    bad: Mapping[str, dict[str, str]]
    parts: Mapping[str, frozenset[str]]
    known: tuple[ApiKey, ...]


def make_logins() -> Logins:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    keys = {name: new_key() for name in ("good", "expired", "revoked", "unknown")}
    wrong = keys["good"].text[:-1] + ("0" if keys["good"].text[-1] != "0" else "1")

    def known(
        made: NewKey, *, expires_at: datetime | None = None, revoked_at: datetime | None = None
    ) -> ApiKey:
        return ApiKey(
            id=made.id,
            name="planted",
            digest=made.digest,
            scopes=tuple(Scope),
            created_at=now - 2 * hour,
            expires_at=expires_at,
            revoked_at=revoked_at,
        )

    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "planted-subject", "scope": " ".join(Scope)}
    ends_s = int((now + hour).timestamp())
    tokens = {
        "a token": signed({**claims, "exp": ends_s}),
        "an expired token": signed({**claims, "exp": int((now - hour).timestamp())}),
        "a forged token": signed(
            {**claims, "exp": ends_s, "email": PLANTED["claim in a wrong token"]},
            signing_key("EC", "another"),
            header={"alg": "ES256", "kid": "k1", "typ": "JWT"},
        ),
    }
    texts = {
        "an expired key": keys["expired"].text,
        "a revoked key": keys["revoked"].text,
        "an unknown key": keys["unknown"].text,
        "a mistyped key": wrong,
        "an ill-formed key": PLANTED["wrong key"],
        "a word": PLANTED["wrong bearer"],
    }
    secrets = {name: halves(key.text.rpartition("_")[2]) for name, key in keys.items()}
    secrets |= {name: halves(*token.split(".")[1:]) for name, token in tokens.items()}
    return Logins(
        good={
            "a key": bearer(keys["good"].text),
            "a key in a header of its own": {"X-API-Key": keys["good"].text},
            "a token": bearer(tokens["a token"]),
        },
        bad={
            **{name: bearer(text) for name, text in texts.items()},
            **{f"{name} in a header of its own": {"X-API-Key": text} for name, text in texts.items()},
            **{name: bearer(tokens[name]) for name in ("an expired token", "a forged token")},
            "a token in the keys' header": {"X-API-Key": tokens["a token"]},
            "another scheme": {"Authorization": f"Basic {PLANTED['basic']}"},
        },
        parts=secrets,
        known=(
            known(keys["good"]),
            known(keys["expired"], expires_at=now - hour),
            known(keys["revoked"], revoked_at=now - hour),
        ),
    )


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def files_in(folder: Path) -> dict[str, bytes]:
    return {f"the file {each.name}": each.read_bytes() for each in folder.iterdir()}


def halves(*texts: str) -> frozenset[str]:
    return frozenset(part for text in texts for part in (text[: len(text) // 2], text[len(text) // 2 :]))


_SAID = json.dumps(PLANTED["error body"])
# What a source may answer to anything: errors that quote, and answers that break its contract with a quotation.
HOSTILE = [
    (500, _SAID),
    (422, f'{{"errors": [{{"field": {_SAID}, "message": {_SAID}}}]}}'),
    (400, f'{{"message": {_SAID}, "error": {_SAID}}}'),
    (200, f'{{"id": {_SAID}, "created_at": {_SAID}, "messages": {_SAID}}}'),
    (
        200,
        f'{{"id": 7, "created_at": {_SAID}, "subject": {_SAID}, "status": {{"id": {_SAID}}}, "messages": []}}',
    ),
    (200, f"[{_SAID}"),
    (302, _SAID),
]


@contextmanager
def hostile(bodies: list[tuple[int, str]]) -> Iterator[str]:
    """A source that quotes something planted in whatever it answers; its address."""
    answers = itertools.cycle(bodies)

    class Handler(Silent):
        def do_GET(self) -> None:  # noqa: N802 - http.server's names
            status, body = next(answers)
            self.received()
            self.answer(status, body.encode(), content_type="application/json", x_said=PLANTED["error body"])

        do_POST = do_GET  # noqa: N815 - http.server's names
        do_PUT = do_GET  # noqa: N815

    with listening(Handler) as address:
        yield address


def planted_everywhere(sound: Any) -> Iterator[Any]:
    """A sound answer, with something planted in each of its places in turn."""
    if isinstance(sound, dict):
        for name, value in sound.items():
            yield from ({**sound, name: each} for each in planted_everywhere(value))
    elif isinstance(sound, list):
        for index, value in enumerate(sound[:2]):
            yield from ([*sound[:index], each, *sound[index + 1 :]] for each in planted_everywhere(value))
    yield PLANTED["error body"]


async def sound_ticket(sandbox: Sandbox, served: Running, http: httpx.AsyncClient) -> Any:
    known = sandbox.services["thulium"].credentials
    url = f"{served.base_urls['thulium']}/tickets/1234"
    return (await http.get(url, auth=(known["username"], known["password"]))).json()


def settings_of(
    sandbox: Sandbox, served: Running, collector: str, quoting: str, key_set: str
) -> dict[str, str]:
    """The gateway's environment: each source as it is, and again with a planted credential that is refused."""
    sources = sandbox_sources(sandbox, served)
    refused = {
        "refused_thulium": sources["thulium"] | {"api_password": PLANTED["static password"]},
        "refused_tulo": sources["tulo"] | {"client_secret": PLANTED["client secret"]},
        "refused_netevia": sources["netevia"] | {"token": PLANTED["static token"]},
        "refused_telecomx": sources["telecomx"]
        | {"username": PLANTED["login name"], "password": PLANTED["static password"]},
        # The token in the URL of every call: the sandbox refuses it.
        "refused_hub": sources["service_order_hub"]
        | {"token": PLANTED["query token"], "credential_in": "query"},
        "quoting": sources["thulium"] | {"base_url": quoting, "max_retries": 0},
        "quoting_bank": sources["netevia"] | {"base_url": quoting},
        "forwarding": {
            **{name: value for name, value in sources["netevia"].items() if name != "token"},
            "credentials": "forward",
            "forward_header": "x-bank-token",
        },
        "nobody": sources["thulium"]
        | {"base_url": "http://127.0.0.1:9/", "api_password": PLANTED["static password"]},
    }
    return {
        f"{PREFIX}SOURCES": json.dumps(sources | refused),
        f"{PREFIX}FORWARDING__ID_KEY": PLANTED["id key"],
        f"{PREFIX}SERVER__PORT": "0",
        f"{PREFIX}AUTH__JWT": json.dumps({"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": key_set}),
        f"{PREFIX}AUTH__FAILED_LOGINS_PER_MINUTE": "60",
        f"{PREFIX}RATE_LIMITS__ENABLED": "false",
        f"{PREFIX}METRICS__PORT": "0",
        f"{PREFIX}TRACING__ENDPOINT": collector,
        f"{PREFIX}TRACING__SAMPLE_RATIO": "1",
        f"{PREFIX}TRACING__INCOMING": "follow",
        f"{PREFIX}TRACING__HEADERS": json.dumps({"x-collector-key": PLANTED["collector key"]}),
    }


REPLY = "mutation($input: ReplyInput!) { reply(input: $input) { message { id } write { state problem { message } } userErrors { code message } } }"
CREATE = "mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } userErrors { code message } } }"


def reply(source: str, native_id: str, key: str, **more: object) -> dict[str, Any]:
    to = {"source": source, "nativeId": native_id}
    given = {"toRef": to, "body": PLANTED["letter"], "idempotencyKey": key} | more
    return {"query": REPLY, "variables": {"input": given}}


def asked(source: str, native_id: str) -> dict[str, Any]:
    """A ticket with its messages."""
    query = """query Ticket($source: String!, $id: String!) { ticket(ref: {source: $source, nativeId: $id}) {
      subject requester { name email } messages { nodes { body { text } author { email } } } } }"""
    return {"query": query, "variables": {"source": source, "id": native_id}}


# What is answered before any source is asked, or by the library: the caller's own texts, taken amiss.
MISTAKES: list[dict[str, Any]] = [
    {"query": f'{{ ticket(id: "{PLANTED["address asked for"]}") {{ id }} }}'},
    {"query": f'{{ ticket(id: {{x: "{PLANTED["letter"]}"}}) {{ id }} }}'},
    {"query": f'{{ "{PLANTED["letter"]}" }}'},
    {"query": f'{{ cases(first: "{PLANTED["letter"]}") {{ totalCount }} }}'},
    {"query": REPLY, "variables": {"input": {"body": [PLANTED["letter"]], "idempotencyKey": 7}}},
    {"query": REPLY, "variables": {"input": PLANTED["letter"]}},
    {"query": REPLY, "variables": {"input": {"body": PLANTED["letter"], "format": PLANTED["subject"]}}},
    {"query": "{ __typename }", "variables": PLANTED["letter"]},
    {"query": "{ __typename }", "operationName": PLANTED["address asked for"]},
]


class Client:
    """Asks as callers with planted credentials, each way to log in in turn, and keeps what must be silent."""

    def __init__(self, http: httpx.AsyncClient, url: str, logins: Logins) -> None:
        self._http = http
        self._url = url
        self._logins = logins
        self._turns = itertools.cycle(logins.good.values())
        self.errors: list[bytes] = []
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.codes: set[str] = set()

    async def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        response = await self._send(self._http.build_request("POST", self._url, json=body), next(self._turns))
        answer: dict[str, Any] = response.json()
        self.errors.append(json.dumps(answer.get("errors")).encode())
        self.codes |= {each["extensions"]["code"] for each in answer.get("errors", [])}
        return answer

    async def ask_in_every_way(self) -> None:
        """By GET, by POST and with a file, let in or not."""
        uploads = httpx.URL(self._url).join("/uploads")
        viewer = "{ viewer { subject name login scopes } }"

        def requests() -> Iterator[tuple[httpx.Request, int]]:
            yield self._http.build_request("POST", self._url, json={"query": viewer}), 200
            yield self._http.build_request("GET", self._url, params={"query": viewer}), 200
            yield self._http.build_request("GET", self._url, params={"query": "{ nothing }"}), 200
            yield (
                self._http.build_request(
                    "POST",
                    uploads,
                    params={"source": "thulium", "filename": "notes.txt"},
                    headers={"Content-Type": "application/octet-stream"},
                    content=b"notes",
                ),
                201,
            )

        for name, headers in self._logins.good.items():
            for request, status in requests():
                response = await self._send(request, headers)
                assert response.status_code == status, (name, response.text)
        for name, headers in self._logins.bad.items():
            for request, _ in requests():
                response = await self._send(request, headers)
                assert response.status_code in {401, 429}, (name, response.text)
                self.errors.append(response.content)
                self.codes |= {each["extensions"]["code"] for each in response.json()["errors"]}

    async def _send(self, request: httpx.Request, login: Mapping[str, str]) -> httpx.Response:
        request.headers.update(login)
        request.headers.update(
            {
                "X-Bank-Token": PLANTED["forwarded"],
                "Cookie": f"session={PLANTED['cookie']}",
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "tracestate": f"vendor={PLANTED['tracestate']}",
                "Accept": "application/json",
            }
        )
        response = await self._http.send(request)
        self.heads.append(repr(response.headers.raw).encode())
        self.bodies.append(response.content)
        return response


async def operate(sandbox: Sandbox, client: Client, quoted: int) -> None:
    """Reads and writes that carry something planted, through everything that can go wrong."""
    for mistake in MISTAKES:
        await client.ask(mistake)
    # Healthy ones first: the letters are read back.
    for ticket in sandbox.world.thulium.tickets.values():
        for message in ticket.messages:
            message.body = f"{PLANTED['letter read']} {PLANTED['address asked for']}"
    read = await client.ask(asked("thulium", "1234"))
    assert PLANTED["letter read"] in json.dumps(read["data"]), "nothing planted was read"
    await client.ask(
        {
            "query": f'{{ account(lookup: {{source: "tulo", email: "{PLANTED["address asked for"]}"}}) {{ id }} }}'
        }
    )
    written = await client.ask(reply("thulium", "1234", "k0"))
    assert written["data"]["reply"]["userErrors"] == []
    await client.ask(reply("netevia", PLANTED["name in a path"], "k1"))
    given = {
        "source": "thulium",
        "requesterEmail": PLANTED["address written"],
        "subject": PLANTED["subject"],
        "body": PLANTED["letter"],
        "idempotencyKey": "k2",
    }
    await client.ask({"query": CREATE, "variables": {"input": given}})
    for kind in ("refused_thulium", "refused_netevia", "refused_telecomx", "forwarding", "nobody"):
        await client.ask(asked(kind, "1235"))
        await client.ask(reply(kind, "1235", f"k-{kind}"))
    for kind in ("refused_tulo", "refused_telecomx"):
        await client.ask(
            {
                "query": f'{{ accounts(filter: {{sources: ["{kind}"]}}) {{ nodes {{ id }} sources {{ error {{ message }} }} }} }}'
            }
        )
        await client.ask(
            {
                "query": f'{{ account(lookup: {{source: "{kind}", email: "{PLANTED["address asked for"]}"}}) {{ id }} }}'
            }
        )
    await client.ask(
        {
            "query": '{ cases(filter: {sources: ["refused_hub"]}) { nodes { id } sources { error { message } } } }'
        }
    )
    for number in range(2 * quoted):
        await client.ask(asked("quoting", f"{number}"))
        await client.ask(reply("quoting_bank", f"{number}", f"q-{number}"))
    for number, faults in enumerate(FAULTS):
        for service in sandbox.services.values():
            service.faults = faults
        await client.ask(asked("thulium", f"{88100 + number}"))
        await client.ask(reply("thulium", "1234", f"k-{number}", body=PLANTED["reset letter"]))
        await client.ask(reply("netevia", "1", f"n-{number}", body=PLANTED["reset letter"]))
        await client.ask(
            {
                "query": f'{{ account(lookup: {{source: "tulo", email: "{PLANTED["address asked for"]}"}}) {{ id }} }}'
            }
        )


FAULTS = (
    Faults(malformed_json=True),
    Faults(error_rate=1.0, error_status=500),
    Faults(mishaps={"reset_after": 1.0}, only_writes=False),
    Faults(mishaps={"half_answer": 1.0}, only_writes=False),
    Faults(mishaps={"not_json": 1.0}, only_writes=False),
    Faults(throttle=True),
    Faults(error_rate=1.0, error_status=401),
)


async def test_nothing_planted_appears_anywhere(tmp_path: Path) -> None:
    sandbox, logins = Sandbox(), make_logins()
    ledger_url = new_ledger(tmp_path)
    ledger = open_ledger(ledger_url)
    for key in logins.known:
        await ledger.add_key(key)
    await ledger.close()
    with collecting() as (collector, address), providing(signing_key()) as provider:
        async with (
            sandbox.serve() as served,
            httpx.AsyncClient(timeout=60, trust_env=False) as http,
        ):
            sound = await sound_ticket(sandbox, served, http)
            bodies = HOSTILE + [(200, json.dumps(each)) for each in planted_everywhere(sound)]
            with (
                hostile(bodies) as quoting,
                running(
                    "serve",
                    until="listens",
                    **{LEDGER_URL: ledger_url},
                    **settings_of(sandbox, served, address, quoting, provider.url),
                ) as (process, said),
            ):
                url = said[-1].split()[-1]
                port = next(json.loads(line)["port"] for line in said if "metrics_served" in line)
                # Read all the while: a full pipe would hold the gateway up.
                reading = threading.Thread(target=lambda: said.extend(process.stdout or ()))
                reading.start()
                client = Client(http, url, logins)
                await client.ask_in_every_way()
                await operate(sandbox, client, len(bodies))
                metrics = [
                    await http.get(f"http://127.0.0.1:{port}/metrics", headers={"accept": accept})
                    for accept in ("text/plain", "application/openmetrics-text; version=1.0.0")
                ]
                process.terminate()
                code = process.wait(60)
                reading.join(60)
    log = "".join(said)
    spans = collector.spans()

    outputs = {
        "log": log.encode(),
        "metrics": b"".join(each.content for each in metrics),
        "spans": b"".join(collector.bodies),
        "error answers": b"".join(client.errors),
        "heads of answers": b"".join(client.heads),
    }
    # What callers say and read stands in answers and in the ledger; who they are never does.
    everywhere = outputs | {
        "answers": b"".join(client.bodies),
        "asked of the identity provider": "".join(provider.asked).encode(),
        **files_in(tmp_path),
    }
    planted = set(PLANTED.items())
    who = {(name, text) for name, text in planted if name in _OF_LOGINS}
    who |= {(name, part) for name, parts in logins.parts.items() for part in parts}
    found = {
        (name, where)
        for texts, places in ((planted, outputs), (who, everywhere))
        for name, text in texts
        for form in forms(text)
        for where, output in places.items()
        if form in output
    }
    assert found == set()
    database = everywhere["the file ledger.db"]
    assert all(key.digest.encode() in database for key in logins.known)
    # It was no silence: each of them told what it should.
    assert code == 0
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {"source_failed", "write_failed"} <= {each["event"] for each in events}
    assert all(
        "request_id" in each and "trace_id" in each for each in events if each["event"] == "source_failed"
    )
    assert not {"operation_failed", "crashed", "library_log"} & {each["event"] for each in events}
    assert client.codes >= {
        "BAD_USER_INPUT",
        "UNAUTHENTICATED",
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "SOURCE_AUTH_FAILED",
        "SOURCE_UNAVAILABLE",
    }
    assert {each["x-collector-key"] for each in collector.headers} == {PLANTED["collector key"]}
    assert {"POST /graphql", "query", "mutation", "batch"} <= {each.name for each in spans}
    families = {each.name for each in text_string_to_metric_families(metrics[0].text)}
    assert {"helpdesk_gateway_request_duration_seconds", "helpdesk_gateway_source_calls"} <= families

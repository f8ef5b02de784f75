"""Trusted documents over HTTP: which run, by which name, and that nothing else is even parsed."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from gateway.domain.access import Scope
from gateway.security.document_folder import sha256_of
from tests.answers import only_error
from tests.e2e.permitted_writes import OPERATOR, errors_of, everything_but, fresh_key, operator
from tests.e2e.principals import Caller, Desk, open_desk

_JSON = "application/json"
_GRAPHQL = "application/graphql-response+json"
_READ = 'query Read { ticket(ref: {source: "thulium", nativeId: "1234"}) { id } }\n'
_REPLY = "mutation Reply($input: ReplyInput!) { reply(input: $input) { write { state } } }"
_SEVERAL = (
    "query One { viewer { subject } } mutation Two($input: ReplyInput!) "
    "{ reply(input: $input) { write { state } } }"
)
_LOG = """{ auditEvents(first: 1, filter: {kind: ACCESS_REFUSED}) {
  nodes { principal operation detail } } }"""
_TRUSTED = {"read": _READ, "reply": _REPLY, "several": _SEVERAL, "log": _LOG}
_UNTRUSTED = ("FORBIDDEN", "Only trusted documents may run here, and this is none.")
_NO_SUCH = ("BAD_USER_INPUT", "There is no trusted document of this id.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("documents")
    for name, text in _TRUSTED.items():
        (found / f"{name}.graphql").write_text(text)
    return found


def _callers() -> dict[str, Caller]:
    return {
        OPERATOR: operator(),
        "writes": Caller(["messages:write@netevia"]),
        "reads": everything_but(Scope.MESSAGES_WRITE),
        "not tickets": everything_but(Scope.TICKETS_READ),
    }


@pytest.fixture(scope="module")
async def enforcing(folder: Path) -> AsyncIterator[Desk]:
    async with open_desk(
        _callers(), settings={"documents": {"mode": "enforce", "folder": str(folder)}}
    ) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _afresh(enforcing: Desk) -> None:
    enforcing.stack.forget()


async def _send(
    desk: Desk,
    method: str,
    request: Mapping[str, Any],
    *,
    caller: str = OPERATOR,
    accept: str = _JSON,
    **more: str,
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {desk.keys[caller]}", "Accept": accept, **more}
    if method == "POST":
        return await desk.stack.http.post("/graphql", json=request, headers=headers)
    parameters = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in request.items()
    }
    return await desk.stack.http.get("/graphql", params=parameters, headers=headers)


def _refusal(answer: httpx.Response) -> tuple[str, str]:
    status, code, message = only_error(answer)
    assert status == (200 if answer.headers["content-type"].startswith(_JSON) else 400)
    return code, message


def _apollo(text: str, version: object = 1) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": version, "sha256Hash": sha256_of(text)}}}


def _to_netevia() -> dict[str, Any]:
    given = {"toRef": {"source": "netevia", "nativeId": "123456"}, "body": "Hello"}
    return {"variables": {"input": {**given, "idempotencyKey": fresh_key()}}}


_NAMES: list[dict[str, Any]] = [
    {"documentId": f"sha256:{sha256_of(_READ)}"},
    {"documentId": sha256_of(_READ)},
    {"documentId": "read"},
    _apollo(_READ),
    {"query": _READ},
    {"query": _READ, **_apollo(_READ)},
    {"query": _READ, "documentId": f"sha256:{sha256_of(_READ)}"},
    {"query": "", "documentId": "read"},
    {"documentId": sha256_of(_READ), **_apollo(_READ)},
]


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("accept", [_JSON, _GRAPHQL])
@pytest.mark.parametrize("named", _NAMES, ids=str)
async def test_a_trusted_document_runs_by_each_of_its_names_and_by_its_text(
    enforcing: Desk, method: str, accept: str, named: dict[str, Any]
) -> None:
    answer = await _send(enforcing, method, named, accept=accept)
    assert answer.status_code == 200
    (ticket,) = answer.json()["data"].values()
    assert answer.json() == {"data": {"ticket": {"id": ticket["id"]}}}
    assert enforcing.stack.calls() == {"thulium": 1}


_TEXTS = [
    "{ viewer { subject } }",
    _READ.strip(),
    _READ + " ",
    _READ.replace("Read", "Other"),
    f"# {_READ}",
    f"\ufeff{_READ}",
    "{ __schema { types { name } } }",
    '{ __type(name: "Query") { name } }',
    "{ __typename }",
    # Whatever would be wrong with these, nobody looks.
    "{ viewer {",
    "}{",
    "\x00",
    "{ nowhere }",
    "{" + " a" * 5_000 + "}",
    "{ a" * 500,
    "# " + "x" * 100_000,
    _REPLY + " ",
]


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("accept", [_JSON, _GRAPHQL])
@pytest.mark.parametrize("text", _TEXTS, ids=lambda text: text[:20])
async def test_any_other_text_is_refused_unparsed_whatever_it_holds(
    enforcing: Desk, method: str, accept: str, text: str
) -> None:
    if method == "GET" and len(text) > 50_000:
        text = text[:50_000]
    answer = await _send(enforcing, method, {"query": text}, accept=accept)
    assert _refusal(answer) == _UNTRUSTED
    # Nor does it tell where in the text anything stands.
    assert set(answer.json()["errors"][0]) == {"message", "extensions"}
    assert enforcing.stack.calls() == {}


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "named",
    [
        {"documentId": f"sha256:{'0' * 64}"},
        {"documentId": "nowhere"},
        {"documentId": "../read"},
        {"documentId": "read.graphql"},
        {"documentId": f"sha256:{sha256_of(_READ).upper()}"},
        _apollo("{ viewer { subject } }"),
    ],
    ids=str,
)
async def test_an_id_that_nobody_knows_is_refused(
    enforcing: Desk, method: str, named: dict[str, Any]
) -> None:
    # Not in Apollo's words: its client would send the text along, and that is refused.
    assert _refusal(await _send(enforcing, method, named)) == _NO_SUCH
    assert enforcing.stack.calls() == {}


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "request_",
    [
        {"query": "{ viewer {", "documentId": "read"},
        {"query": "{ viewer { subject } }", "documentId": f"sha256:{sha256_of(_READ)}"},
        {"query": "{ viewer { subject } }", **_apollo(_READ)},
    ],
    ids=str,
)
async def test_a_trusted_id_does_not_let_another_text_in(
    enforcing: Desk, method: str, request_: dict[str, Any]
) -> None:
    assert _refusal(await _send(enforcing, method, request_)) == (
        "BAD_USER_INPUT",
        "`query` is not the document that the request's id names.",
    )
    assert enforcing.stack.calls() == {}


async def test_a_text_that_comes_with_its_own_hash_is_not_kept(enforcing: Desk) -> None:
    text = "{ viewer { subject } }"
    for _ in range(2):
        assert _refusal(await _send(enforcing, "POST", {"query": text, **_apollo(text)})) == _UNTRUSTED
        assert _refusal(await _send(enforcing, "POST", _apollo(text))) == _NO_SUCH


@pytest.mark.parametrize("named", [{"documentId": "reply"}, _apollo(_REPLY), {"query": _REPLY}], ids=str)
async def test_a_trusted_mutation_runs_by_post_alone(enforcing: Desk, named: dict[str, Any]) -> None:
    request = {**named, **_to_netevia()}
    answer = await _send(enforcing, "GET", request)
    assert only_error(answer)[0] == 405
    assert answer.headers["Allow"] == "POST"
    assert enforcing.stack.calls() == {}
    done = await _send(enforcing, "POST", request)
    assert done.json() == {"data": {"reply": {"write": {"state": "CONFIRMED"}}}}
    assert enforcing.stack.calls() == {"netevia": 1}


async def test_of_a_document_with_several_operations_the_mutation_runs_by_post_alone(
    enforcing: Desk,
) -> None:
    request = {"documentId": "several", **_to_netevia()}
    for name, status in (("One", 200), ("Two", 405)):
        answer = await _send(enforcing, "GET", {**request, "operationName": name})
        assert answer.status_code == status
    assert enforcing.stack.calls() == {}
    unnamed = only_error(await _send(enforcing, "POST", request, accept=_GRAPHQL))
    assert unnamed[0] == 400


async def test_without_a_login_no_document_runs(enforcing: Desk) -> None:
    for method in ("POST", "GET"):
        answer = await _send(enforcing, method, {"documentId": "read"}, Authorization="Bearer wrong")
        assert only_error(answer)[:2] == (401, "UNAUTHENTICATED")
    assert enforcing.stack.calls() == {}


async def test_a_trusted_document_gives_nobody_a_right(enforcing: Desk) -> None:
    answer = (await _send(enforcing, "POST", {"documentId": "read"}, caller="not tickets")).json()
    assert (answer["data"], errors_of(answer)) == ({"ticket": None}, [(["ticket"], "FORBIDDEN")])
    request = {"documentId": "reply", **_to_netevia()}
    answer = (await _send(enforcing, "POST", request, caller="reads")).json()
    assert (answer["data"], errors_of(answer)) == ({"reply": None}, [(["reply"], "FORBIDDEN")])
    assert enforcing.stack.calls() == {}
    log = (await _send(enforcing, "POST", {"documentId": "log"})).json()
    assert log["data"]["auditEvents"]["nodes"] == [
        {"principal": "key:reads", "operation": "reply", "detail": "needs messages:write"}
    ]


async def test_variables_of_a_trusted_document_keep_within_the_limits(enforcing: Desk) -> None:
    nested: Any = "a"
    for _ in range(40):
        nested = [nested]
    answer = await _send(enforcing, "POST", {"documentId": "reply", "variables": {"input": nested}})
    assert _refusal(answer)[0] == "LIMIT_EXCEEDED"
    assert enforcing.stack.calls() == {}


# -- where other documents run too

_OTHER = "{ viewer { subject } }"


async def _use(desk: Desk, caller: str, **more: str) -> None:
    """Documents of all kinds, of which one counts: the one that runs and isn't trusted."""
    for request in ({"query": _READ}, {"documentId": "read"}, {"query": _OTHER}):
        answer = await _send(desk, "POST", request, caller=caller, **more)
        assert set(answer.json()) == {"data"}
    invalid = await _send(desk, "POST", {"query": "{ viewer {"}, caller=caller, **more)
    assert only_error(invalid)[1] == "GRAPHQL_PARSE_FAILED"


async def test_observe_runs_everything_and_counts_by_client_what_is_not_trusted(folder: Path) -> None:
    settings = {"documents": {"mode": "observe", "folder": str(folder)}, "metrics": {"port": 0}}
    with capture_logs() as logs:
        async with open_desk(_callers(), settings=settings) as desk:
            await _use(desk, OPERATOR)
            await _use(desk, "reads")
            await _use(desk, "reads", **{"apollographql-client-name": "inbox"})
            await _use(desk, "reads", **{"apollographql-client-name": "inbox"})
            assert _refusal(await _send(desk, "POST", _apollo(_OTHER))) == (
                "BAD_USER_INPUT",
                "PersistedQueryNotFound",
            )
            port = next(each["port"] for each in logs if each["event"] == "metrics_served")
            async with httpx.AsyncClient() as http:
                metrics = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    counted = "helpdesk_gateway_unknown_documents_total"
    assert sorted(line for line in metrics.splitlines() if line.startswith(f"{counted}{{")) == [
        f'{counted}{{client="operator"}} 1.0',
        f'{counted}{{client="reads"}} 1.0',
        f'{counted}{{client="reads/inbox"}} 2.0',
    ]
    told = [each for each in logs if each["event"] == "unknown_document"]
    assert [(each["client"], each["document_id"]) for each in told] == [
        (client, sha256_of(_OTHER)) for client in ("operator", "reads", "reads/inbox")
    ]


async def test_off_runs_everything_and_counts_nothing(folder: Path) -> None:
    settings = {"documents": {"mode": "off", "folder": str(folder)}}
    with capture_logs() as logs:
        async with open_desk(_callers(), settings=settings) as desk:
            await _use(desk, OPERATOR)
    assert [each["event"] for each in logs if each["event"] == "unknown_document"] == []


async def test_without_a_folder_no_id_is_known_and_apollos_client_sends_its_texts() -> None:
    async with open_desk(_callers()) as desk:
        assert _refusal(await _send(desk, "POST", {"documentId": "read"})) == _NO_SUCH
        assert _refusal(await _send(desk, "POST", _apollo(_OTHER))) == (
            "BAD_USER_INPUT",
            "PersistedQueryNotSupported",
        )
        answer = await _send(desk, "POST", {"query": _OTHER, **_apollo(_OTHER)})
        assert answer.json() == {"data": {"viewer": {"subject": "key:operator"}}}

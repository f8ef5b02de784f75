"""Arguments that no resolver can take: over the gateway with all five sources, none of which is asked."""

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.ids import EntityType, Ref
from tests.answers import errors_of
from tests.e2e.conftest import Stack

GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
CASE = Ref(EntityType.CASE, "service_order_hub", (GUID,)).global_id
TICKET = Ref(EntityType.TICKET, "thulium", ("1234",)).global_id
NO_ID = "Not an id of this gateway. Pass an `id` that an earlier answer gave."
ALL = "tulo, service_order_hub, netevia, telecomx, thulium"


async def ask(stack: Stack, query: str, variables: object = None) -> httpx.Response:
    stack.forget()
    return await stack.http.post("/graphql", json={"query": query, "variables": variables})


async def refused(stack: Stack, query: str, variables: object = None) -> tuple[str, str | None]:
    """The message and argument of the one error of a query that no source is asked for."""
    answer = await ask(stack, query, variables)
    (error,) = errors_of(answer)
    assert answer.status_code == 200
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert stack.calls() == {}
    return error["message"], error["extensions"].get("argument")


async def all_refused(
    stack: Stack, query: str, variables: object
) -> tuple[list[str], set[tuple[str, str | None]]]:
    """The fields that were refused, and with which messages and arguments; no source is asked."""
    answer = await ask(stack, query, variables)
    errors = errors_of(answer)
    assert {each["extensions"]["code"] for each in errors} == {"BAD_USER_INPUT"}
    assert set(answer.json()["data"].values()) == {None}
    assert stack.calls() == {}
    return (
        sorted(each["path"][0] for each in errors),
        {(each["message"], each["extensions"].get("argument")) for each in errors},
    )


LISTS = ["accounts", "cases", "conversations", "subscriptions", "tickets"]


@pytest.mark.parametrize("first", [-1, 0, 101, 2**31 - 1, -(2**31)])
async def test_a_page_has_1_to_100_items(stack: Stack, first: int) -> None:
    fields = " ".join(f"{field}(first: $first) {{ totalCount }}" for field in LISTS)
    assert await all_refused(stack, f"query($first: Int) {{ {fields} }}", {"first": first}) == (
        LISTS,
        {(f"`first` must be 1 to 100, not {first}.", "first")},
    )


@pytest.mark.parametrize(
    "after",
    ["", "x", "AAAA", "Mg==", "\x00", "🙂", "a" * 100_000, "====", "kQ"],
    ids=lambda text: repr(text[:9]),
)
async def test_what_is_no_cursor_is_refused(stack: Stack, after: str) -> None:
    fields = " ".join(f"{field}(after: $after) {{ totalCount }}" for field in LISTS)
    assert await all_refused(stack, f"query($after: String) {{ {fields} }}", {"after": after}) == (
        LISTS,
        {("`after` is no cursor of this list. Pass one that an earlier page gave.", "after")},
    )


async def test_a_cursor_of_another_list_or_filter_is_refused(stack: Stack) -> None:
    page = await stack.data("{ tickets(first: 1) { pageInfo { endCursor } } }")
    after = page["tickets"]["pageInfo"]["endCursor"]
    expected = ("`after` belongs to another list or filter. Repeat the filter it came from.", "after")
    for asked in ("cases(after: $after)", 'tickets(after: $after, filter: {search: "a"})'):
        query = f"query($after: String) {{ {asked} {{ totalCount }} }}"
        assert await refused(stack, query, {"after": after}) == expected


@pytest.mark.parametrize(
    ("arguments", "message", "argument"),
    [
        ("first: 0", "`first` must be 1 to 100, not 0.", "first"),
        ("last: 0", "`last` must be 1 to 100, not 0.", "last"),
        ("last: 101", "`last` must be 1 to 100, not 101.", "last"),
        ("first: 1, last: 1", "Pass `first` or `last`, not both.", "last"),
        (
            'before: "x"',
            "`before` is no cursor of these messages. Pass one that an earlier page gave.",
            "before",
        ),
        (
            'after: "x"',
            "`after` is no cursor of these messages. Pass one that an earlier page gave.",
            "after",
        ),
    ],
)
async def test_a_page_of_messages_is_asked_from_one_end(
    stack: Stack, arguments: str, message: str, argument: str
) -> None:
    answer = await ask(stack, f'{{ case(guid: "{GUID}") {{ messages({arguments}) {{ totalCount }} }} }}')
    (error,) = errors_of(answer)
    assert (error["message"], error["extensions"]["argument"]) == (message, argument)
    assert answer.json()["data"] == {"case": {"messages": None}}


@pytest.mark.parametrize("length", [0, -1, 1001])
async def test_a_preview_has_1_to_1000_characters(stack: Stack, length: int) -> None:
    answer = await ask(
        stack,
        f'{{ case(guid: "{GUID}") {{ messages(first: 1) {{ nodes {{ preview(length: {length}) }} }} }} }}',
    )
    (error,) = errors_of(answer)
    assert (error["message"], error["extensions"]["argument"]) == (
        f"`length` must be 1 to 1000, not {length}.",
        "length",
    )


# -- ids

FIELDS = ["account", "case", "message", "node", "subscription", "ticket"]
MANGLED = [
    "",
    " ",
    "x",
    "====",
    CASE + "=",
    CASE + " ",
    CASE[:-1],
    CASE.lower(),
    f"{CASE}\n",
    "../../etc/passwd",
    "\x00",
    "é🙂",
    "a" * 100_000,
    "MQ",
    Ref(EntityType.CASE, "", (GUID,)).global_id,
    Ref(EntityType.CASE, "service_order_hub", ("",)).global_id,
]


@pytest.mark.parametrize("given_id", MANGLED, ids=lambda text: repr(text[:20]))
async def test_what_is_no_id_is_refused(stack: Stack, given_id: str) -> None:
    fields = " ".join(f"{field}(id: $id) {{ id }}" for field in FIELDS)
    assert await all_refused(stack, f"query($id: ID!) {{ {fields} }}", {"id": given_id}) == (
        FIELDS,
        {(NO_ID, "id")},
    )


@pytest.mark.parametrize(
    ("field", "entity", "wanted"),
    [
        ("account", EntityType.CASE, "Account"),
        ("case", EntityType.TICKET, "Case"),
        ("ticket", EntityType.CASE, "Ticket"),
        ("message", EntityType.CASE, "Message"),
        ("subscription", EntityType.CASE, "NotificationSubscription or ProductSubscription"),
    ],
)
async def test_an_id_of_another_type_is_refused(
    stack: Stack, field: str, entity: EntityType, wanted: str
) -> None:
    given_id = CASE if entity is EntityType.CASE else TICKET
    assert await refused(stack, f"query($id: ID!) {{ {field}(id: $id) {{ id }} }}", {"id": given_id}) == (
        f"Not the id of a {wanted} but of a {entity.value}.",
        "id",
    )


@pytest.mark.parametrize("field", FIELDS)
async def test_an_id_of_a_source_that_is_not_configured_is_refused(stack: Stack, field: str) -> None:
    entity = {"node": "Case", "subscription": "NotificationSubscription"}.get(field, field.title())
    foreign = Ref(EntityType(entity), "elsewhere", ("1",)).global_id
    query = f"query($id: ID!) {{ {field}(id: $id) {{ id }} }}"
    assert await refused(stack, query, {"id": foreign}) == (
        f"There is no source `elsewhere`. Configured: {ALL}.",
        "id",
    )


HOSTILE = [
    "../../auth/login",
    "..",
    ".",
    "1/../2",
    "1?admin=1",
    "1#x",
    "1%2f..",
    "1 2",
    "1\n2",
    "1\r\nX-Evil: 1",
    "1\x00",
    "é",
    "１２３",  # digits, but not ASCII's
    "1" * 5_000,
    "-1",
    "http://evil.example/",
    "{id}",
    "$(id)",
]


@pytest.mark.parametrize("key", ALL.split(", "))
@pytest.mark.parametrize("before", [(), ("1",), ("CUSTOMER",), ("RESELLER",), (GUID,), ("1", "1")], ids=repr)
async def test_a_part_of_a_wrong_shape_never_reaches_a_source(
    stack: Stack, before: tuple[str, ...], key: str
) -> None:
    for entity in EntityType:
        ids = [Ref(entity, key, (*before, hostile)).global_id for hostile in HOSTILE]
        nodes = " ".join(f'n{index}: node(id: "{each}") {{ id }}' for index, each in enumerate(ids))
        answer = await ask(stack, f"{{ {nodes} }}")
        messages = {each["message"] for each in errors_of(answer)}
        assert len(messages) < 3
        for message in messages:
            assert re.match(r"Not (the id of a|an id of this gateway)|\w+ (has no such|can't read)", message)
        assert set(answer.json()["data"].values()) == {None}
        assert stack.calls() == {}


@pytest.mark.parametrize(
    "hostile", [each for each in HOSTILE if each != "-1"], ids=lambda text: repr(text[:20])
)
async def test_a_native_id_of_a_wrong_shape_never_reaches_a_source(stack: Stack, hostile: str) -> None:
    query = """query($id: ID!, $text: String!) {
      a: case(guid: $id) { id }
      b: case(ref: {source: "service_order_hub", nativeId: $text}) { id }
      c: ticket(ref: {source: "thulium", nativeId: $text}) { id }
      d: ticket(ref: {source: "netevia", nativeId: $text}) { id }
      e: cases(filter: {guids: [$id]}) { totalCount }
    }"""
    fields, said = await all_refused(stack, query, {"id": hostile, "text": hostile})
    assert fields == ["a", "b", "c", "d", "e"]
    assert {message.partition(" of ")[0] for message, _ in said} == {"Not the id"}
    assert {argument for _, argument in said} == {"guid", "ref.nativeId", "filter.guids.0"}


@pytest.mark.parametrize(
    ("asked", "message", "argument"),
    [
        ("case { id }", "Give exactly one of id, ref, guid.", "id"),
        (f'case(id: "{CASE}", guid: "{GUID}") {{ id }}', "Give exactly one of id, ref, guid.", "id"),
        ("ticket { id }", "Give exactly one of id, ref.", "id"),
        ("subscription { id }", "Give exactly one of id, ref.", "id"),
        ("account { id }", "Give exactly one of id, lookup.", "id"),
        ('account(lookup: {source: "tulo"}) { id }', "Give exactly one of nativeId, email, customerNumber, externalId, login.", "lookup"),
        ('account(lookup: {source: "tulo", email: "a", login: "b"}) { id }', "Give exactly one of nativeId, email, customerNumber, externalId, login.", "lookup"),
        ('account(lookup: {source: "nope", email: "a"}) { id }', f"There is no source `nope`. Configured: {ALL}.", "lookup.source"),
        ('account(lookup: {source: "netevia", login: "b"}) { id }', "netevia finds accounts by nothing.", "lookup.login"),
        ('ticket(ref: {source: "", nativeId: "1"}) { id }', f"There is no source ``. Configured: {ALL}.", "ref.source"),
        ('cases(filter: {sources: ["tulo", "nope"]}) { totalCount }', f"There is no source `nope`. Configured: {ALL}.", "filter.sources.1"),
        ('tickets(filter: {account: "x"}) { totalCount }', NO_ID, "filter.account"),
        (f'tickets(filter: {{account: "{CASE}"}}) {{ totalCount }}', "Not the id of a Account but of a Case.", "filter.account"),
        (f'cases(filter: {{guids: ["{GUID}"], search: "a"}}) {{ totalCount }}', "`guids` goes with `sources` alone.", "filter.guids"),
        ('messageTemplates(source: "nope") { id }', f"There is no source `nope`. Configured: {ALL}.", "source"),
    ],
)  # fmt: skip
async def test_a_lookup_that_names_nothing_or_too_much_is_refused(
    stack: Stack, asked: str, message: str, argument: str
) -> None:
    if "finds accounts by" in message:
        found = await refused(stack, f"{{ {asked} }}")
        assert found[1] == argument
        assert found[0].startswith("netevia finds accounts by ")
    else:
        assert await refused(stack, f"{{ {asked} }}") == (message, argument)


async def test_no_ids_are_no_objects(stack: Stack) -> None:
    answer = await ask(stack, "{ nodes(ids: []) { id } cases(filter: {guids: []}) { nodes { id } } }")
    assert answer.json() == {"data": {"nodes": [], "cases": {"nodes": []}}}


async def test_more_than_100_ids_are_refused(stack: Stack) -> None:
    many = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert await refused(stack, many, {"ids": [CASE] * 101}) == ("At most 100 ids at once, not 101.", "ids")
    guids = "query($ids: [ID!]!) { cases(filter: {guids: $ids}) { totalCount } }"
    assert await refused(stack, guids, {"ids": [GUID] * 101}) == (
        "At most 100 guids at once, not 101.",
        "filter.guids",
    )


async def test_a_bad_id_among_several_costs_its_own_place(stack: Stack) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    answer = await ask(stack, query, {"ids": [CASE, "x"]})
    (error,) = errors_of(answer)
    assert answer.json()["data"] == {"nodes": [{"id": CASE}, None]}
    assert (error["message"], error["path"], error["extensions"]["argument"]) == (
        NO_ID,
        ["nodes", 1],
        "ids.1",
    )


CONFIRM = "mutation($ids: [ID!]!) { confirmMessages(input: {messageIds: $ids}) { confirmed { id } userErrors { code message field } } }"


@pytest.mark.parametrize("count", [0, 501])
async def test_1_to_500_messages_are_confirmed_at_once(stack: Stack, count: int) -> None:
    message = Ref(EntityType.MESSAGE, "service_order_hub", (GUID, "1")).global_id
    answer = await ask(stack, CONFIRM, {"ids": [message] * count})
    assert answer.json()["data"] == {
        "confirmMessages": {
            "confirmed": [],
            "userErrors": [
                {
                    "code": "INVALID",
                    "message": f"Give 1 to 500 messages, not {count}.",
                    "field": ["messageIds"],
                }
            ],
        }
    }
    assert stack.calls() == {}


# -- forms that the schema itself refuses

UPDATE = "mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { userErrors { code } } }"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({}, "OneOf Input Object 'TicketStatusInput' must specify exactly one key."),
        ({"native": "1", "value": "OPEN"}, "OneOf Input Object 'TicketStatusInput' must specify exactly one key."),
        ({"native": None}, "Value for member field 'native' must be non-null"),
        ({"native": None, "value": None}, "OneOf Input Object 'TicketStatusInput' must specify exactly one key."),
    ],
)  # fmt: skip
async def test_one_of_several_forms_must_be_chosen(
    stack: Stack, status: dict[str, Any], message: str
) -> None:
    answer = await ask(stack, UPDATE, {"input": {"id": TICKET, "status": status}})
    (error,) = errors_of(answer)
    assert (error["extensions"]["code"], error["message"]) == ("BAD_USER_INPUT", message)
    literal = re.sub(r'"(\w+)":', r"\1:", json.dumps(status)).replace('"OPEN"', "OPEN")
    answer = await ask(
        stack, f'mutation {{ updateTicket(input: {{id: "{TICKET}", status: {literal}}}) {{ userErrors {{ code }} }} }}'
    )  # fmt: skip
    (error,) = errors_of(answer)
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert stack.calls() == {}


NO_MOMENT = "A DateTime is a string with an offset, such as 2026-01-31T09:30:00Z, of the years 1900 to 9998."


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "yesterday",
        "2020-01-01",
        "2020-01-01T00:00:00",
        "2020-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1899-12-31T23:59:59Z",
        "2020-01-01T24:00:00Z",
        "9" * 100_000,
        1577836800,
        True,
        [],
        {},
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_is_no_moment_is_refused(stack: Stack, moment: object) -> None:
    query = "query($at: DateTime) { cases(filter: {createdAfter: $at}) { totalCount } }"
    answer = await ask(stack, query, {"at": moment})
    (error,) = errors_of(answer)
    assert (error["extensions"]["code"], error["message"]) == (
        "BAD_USER_INPUT",
        f"Variable '$at' has invalid value: {NO_MOMENT}",
    )
    assert stack.calls() == {}


@pytest.mark.parametrize(
    "moment", ["1900-01-01T00:00:00Z", "9998-12-31T23:59:59.999+14:00", "2024-02-29T12:00:00-05:30"]
)
async def test_moments_of_any_zone_are_taken(stack: Stack, moment: str) -> None:
    query = "query($at: DateTime) { conversations(filter: {updatedAfter: $at}) { sources { state } } tickets(filter: {updatedAfter: $at}) { sources { state } } cases(filter: {createdAfter: $at, createdBefore: $at}) { sources { state } } }"
    assert errors_of(await ask(stack, query, {"at": moment})) == []


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query($f: TicketFilter) { tickets(filter: $f) { totalCount } }", {"f": "x"}),
        ("query($f: TicketFilter) { tickets(filter: $f) { totalCount } }", {"f": []}),
        ("query($f: TicketFilter) { tickets(filter: $f) { totalCount } }", {"f": {"nope": 1}}),
        ("query($f: TicketFilter) { tickets(filter: $f) { totalCount } }", {"f": {"status": ["WEIRD"]}}),
        ("query($f: TicketFilter) { tickets(filter: $f) { totalCount } }", {"f": {"status": [None]}}),
        ("query($f: TicketFilter) { tickets(filter: $f) { totalCount } }", {"f": {"search": {"a": 1}}}),
        ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": {"0": "x"}}),
        ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": [None]}),
        ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": [[["x"]]]}),
        ("query($i: ID!) { node(id: $i) { id } }", {}),
        ("query($i: ID!) { node(id: $i) { id } }", {"i": 1.5}),
        ("query($i: ID!) { node(id: $i) { id } }", {"i": True}),
        ("query($n: Int) { cases(first: $n) { totalCount } }", {"n": 2**31}),
        ("query($n: Int) { cases(first: $n) { totalCount } }", {"n": "1"}),
        ("query($n: Int) { cases(first: $n) { totalCount } }", {"n": True}),
        (UPDATE, {"input": {"id": TICKET, "status": {"value": "WEIRD"}}}),
        (UPDATE, {"input": {}}),
        (UPDATE, {"input": {"id": None}}),
    ],
)  # fmt: skip
async def test_variables_of_a_wrong_type_are_refused(stack: Stack, query: str, variables: object) -> None:
    answer = await ask(stack, query, variables)
    errors = errors_of(answer)
    assert {each["extensions"]["code"] for each in errors} == {"BAD_USER_INPUT"}
    assert set(answer.json()) == {"errors"}
    assert stack.calls() == {}


# -- very long, and whatever else

LONG = "ż" * 50_000  # 100 kB


@pytest.mark.parametrize(
    "query",
    [
        "query($t: String!) { source(key: $t) { key } }",
        "query($t: String!) { cases(filter: {search: $t}) { totalCount } }",
        "query($t: String!) { tickets(filter: {search: $t}) { totalCount } }",
        "query($t: String!) { tickets(filter: {queue: $t}) { totalCount } }",
        "query($t: String!) { accounts(filter: {search: $t}) { totalCount } }",
        "query($t: String!) { cases(filter: {tags: [$t]}) { totalCount } }",
        "query($t: String!) { cases(filter: {sources: [$t]}) { totalCount } }",
        'query($t: String!) { account(lookup: {source: "thulium", email: $t}) { id } }',
        'query($t: String!) { account(lookup: {source: "tulo", customerNumber: $t}) { id } }',
        'query($t: String!) { account(lookup: {source: "tulo", externalId: $t}) { id } }',
        'query($t: String!) { account(lookup: {source: "telecomx", nativeId: $t}) { id } }',
        'mutation($t: String!) { createTicket(input: {source: "tulo", subject: $t, body: "b", idempotencyKey: "k1"}) { userErrors { code } } }',
        'mutation($t: String!) { createTicket(input: {source: "thulium", subject: "s", body: "b", requesterEmail: $t, idempotencyKey: "k2"}) { userErrors { code } } }',
        'mutation($t: String!) { createTicket(input: {source: "thulium", subject: "s", body: $t, idempotencyKey: $t}) { userErrors { code } } }',
        'mutation($t: String!) { reply(input: {toRef: {source: "netevia", nativeId: "1"}, body: $t, idempotencyKey: "k3"}) { userErrors { code } } }',
        f'mutation($t: String!) {{ createCaseMessage(input: {{guid: "{GUID}", type: $t, content: "c", idempotencyKey: "k4"}}) {{ userErrors {{ code }} }} }}',
        f'mutation($t: String!) {{ createCaseMessage(input: {{guid: "{GUID}", type: "serviceComment", content: "c", externalId: $t, idempotencyKey: "k5"}}) {{ userErrors {{ code }} }} }}',
        'mutation($t: String!) { createNotificationSubscription(input: {owner: {global: true}, title: $t, channels: [SMS], idempotencyKey: "k6"}) { userErrors { code } } }',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "text", [LONG, "\x00", "\u202e\x7f\r\nX: 1", "%00%2e%2e"], ids=["long", "nul", "controls", "encoded"]
)
async def test_odd_text_in_any_argument_ends_in_an_answer(stack: Stack, query: str, text: str) -> None:
    answer = await stack.http.post(
        "/graphql", content=json.dumps({"query": query, "variables": {"t": text}}, ensure_ascii=False).encode(),
        headers={"content-type": "application/json"},
    )  # fmt: skip
    errors_of(answer)
    assert answer.status_code == 200


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(
    ref=st.builds(
        Ref,
        st.sampled_from(EntityType),
        st.sampled_from([*ALL.split(", "), "x"]),
        st.lists(st.text(max_size=20), min_size=1, max_size=4).map(tuple),
    ).map(lambda ref: ref.global_id)
    | st.text(max_size=60)
)
async def test_any_id_ends_in_an_answer(stack: Stack, ref: str) -> None:
    query = "query($id: ID!) { node(id: $id) { id } a: nodes(ids: [$id]) { id } }"
    errors_of(await ask(stack, query, {"id": ref}))

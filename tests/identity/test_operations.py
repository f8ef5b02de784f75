import random

import pytest
from graphql import build_schema, parse, validate

from resolvers.schema import build_schema as build_ours
from tests.identity.accesses import STATIC
from tests.identity.cast import make_cast
from tests.identity.documents import FIELDS
from tests.identity.operations import Handle, Mix, Operation, Seen

CAST = make_cast(1)


def _drawn(seed: int, count: int) -> list[Operation]:
    """Once everything has been seen that can be tried."""
    seen = Seen()
    for kind in FIELDS:
        for source in ("tulo", "service_order_hub", "thulium", "telecomx", *STATIC):
            seen.add(kind, source, f"{kind} of {source}")
    seen.keys.append("shared-1")
    seen.emails["tulo"].append("anna@example.com")
    seen.handles.append(Handle("a handle", CAST.callers[0].owner("thulium")))
    mix = Mix(seen, ["5f2b"], random.Random(seed))  # noqa: S311 - repeatable
    return [mix.next() for _ in range(count)]


def test_all_that_is_asked_is_valid() -> None:
    schema = build_schema(build_ours().as_str())
    documents = {each.document for each in _drawn(1, 400)}
    assert len(documents) > 15
    assert [error for each in documents for error in validate(schema, parse(each))] == []


def test_the_mix_has_every_way_to_ask() -> None:
    assert {each.name for each in _drawn(1, 600)} == {
        *("cases", "tickets", "conversations", "accounts", "subscriptions"),
        *(f"node {kind}" for kind in FIELDS),
        *("nodes", "side by side", "account by email", "messageTemplates"),
        *("writes", "ticket of the ledger", "reconcileWrite", "confirmMessages", "auditEvents"),
        *("reply", "createTicket", "createNotificationSubscription"),
    }


def test_the_same_seed_asks_the_same() -> None:
    first, second = ([(each.name, each.document) for each in _drawn(3, 50)] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("seed", range(3))
def test_what_a_caller_writes_has_the_word_of_where_it_goes_and_no_other(seed: int) -> None:
    for operation in _drawn(seed, 300):
        if not operation.name.startswith(("reply", "create")):
            continue
        said = [str(operation.variables(caller)) for caller in CAST.callers]
        for caller, text in zip(CAST.callers, said, strict=True):
            (stem,) = {each.stem for each in CAST.accesses if each.stem in text}
            assert stem in {each.stem for each in caller.accesses.values()}
            assert {each.login.subject for each in CAST.callers if each.login.stem in text} <= {
                caller.login.subject
            }


def test_half_of_the_keys_are_used_by_all() -> None:
    keys = [
        {operation.variables(caller)["input"]["idempotencyKey"] for caller in CAST.callers}
        for operation in _drawn(1, 400)
        if operation.name == "reply" and operation.handle is None
    ]
    assert {len(each) == 1 for each in keys} == {True, False}


def test_who_names_a_write_of_somebodys_is_known() -> None:
    named = {each.name for each in _drawn(1, 600) if each.write is not None}
    assert named == {"writes", "node Write", "reconcileWrite"}

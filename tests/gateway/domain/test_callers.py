import asyncio
import contextvars
from dataclasses import FrozenInstanceError, replace

import pytest

from gateway.domain.callers import Credential, calling_with, forwarded
from gateway.domain.catalog import Catalog, Source
from gateway.domain.errors import NotForwarded

ANN, BOB = Credential("a1", "secret of ann"), Credential("b2", "secret of bob")
PLAIN = Source(
    key="desk", kind="desk", name="Desk", docs_url="", client=None, shapes={}, own_credential="own"
)
FORWARDING = replace(PLAIN, key="hub", forwards=True)


def test_a_credential_shows_its_secret_to_nobody_who_prints_it() -> None:
    assert repr(ANN) == f"{ANN}" == "Credential(id='a1')"
    with pytest.raises(FrozenInstanceError):
        ANN.id = "b2"  # type: ignore[misc]


def test_outside_of_a_request_nobody_has_forwarded_anything() -> None:
    assert forwarded("hub") is None


def test_a_credential_is_for_its_source_alone_and_for_the_request_alone() -> None:
    with calling_with({"hub": ANN}):
        assert (forwarded("hub"), forwarded("desk")) == (ANN, None)
        with calling_with({"desk": BOB}):
            assert (forwarded("hub"), forwarded("desk")) == (None, BOB)
        assert forwarded("hub") == ANN

    assert forwarded("hub") is None


def test_a_request_that_fails_leaves_none_behind() -> None:
    with pytest.raises(LookupError), calling_with({"hub": ANN}):
        raise LookupError

    assert forwarded("hub") is None


async def test_callers_at_the_same_time_have_each_their_own_in_their_tasks_too() -> None:
    async def mine() -> Credential | None:
        await asyncio.sleep(0)
        return forwarded("hub")

    async def request(credentials: dict[str, Credential]) -> list[Credential | None]:
        with calling_with(credentials):
            inherits = asyncio.create_task(mine())
            apart = asyncio.create_task(mine(), context=contextvars.Context())
            await asyncio.sleep(0)
            return [await inherits, await apart, await mine()]

    seen = tuple(await asyncio.gather(request({"hub": ANN}), request({"hub": BOB}), request({})))

    assert seen == ([ANN, None, ANN], [BOB, None, BOB], [None, None, None])


class TestOwning:
    def test_with_the_gateways_own_credentials_the_principal_owns_what_it_writes(self) -> None:
        with calling_with({"desk": ANN}):
            assert (PLAIN.credential, PLAIN.owner("local")) == ("own", "local")

    def test_with_credentials_of_their_own_callers_of_one_name_are_told_apart(self) -> None:
        with calling_with({"hub": ANN}):
            assert (FORWARDING.credential, FORWARDING.owner("local")) == ("a1", "local:a1")
        with calling_with({"hub": BOB}):
            assert (FORWARDING.credential, FORWARDING.owner("local")) == ("b2", "local:b2")

    def test_who_has_brought_no_credential_owns_nothing_there(self) -> None:
        with calling_with({"desk": ANN}):
            assert FORWARDING.credential is None
            with pytest.raises(NotForwarded) as refused:
                FORWARDING.owner("local")
        assert (refused.value.source, refused.value.sent, refused.value.message) == (
            "hub",
            False,
            "The source needs a credential of yours, and the request carried none for it.",
        )

    def test_all_names_of_a_caller_are_those_of_the_credentials_brought_along(self) -> None:
        catalog = Catalog((PLAIN, FORWARDING, replace(FORWARDING, key="bank")))
        assert catalog.owners("local") == {"local"}
        with calling_with({"hub": ANN, "bank": BOB, "elsewhere": BOB}):
            assert catalog.owners("local") == {"local", "local:a1", "local:b2"}
        with calling_with({"bank": BOB}):
            assert catalog.owners("local") == {"local", "local:b2"}

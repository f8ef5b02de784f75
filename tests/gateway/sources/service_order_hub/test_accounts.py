"""Partners, providers and departments, over real sockets."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gateway.domain.errors import BadInput, SourceAuthError
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import AccountKey
from gateway.domain.records import Account, AccountKind, Origin
from gateway.sandbox import Sandbox
from gateway.sources.service_order_hub.client import ServiceOrderHub

NOW = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)
PARTNER, PROVIDER, DEPARTMENT = (
    Ref(EntityType.ACCOUNT, "se", parts)
    for parts in (("PARTNER", "12"), ("PROVIDER", "4"), ("DEPARTMENT", "101"))
)
RETAIL = Account(
    PARTNER,
    Origin("se", "12", fetched_at=NOW),
    AccountKind.PARTNER,
    "Norrsken Elektronik AB",
    "johan.akesson300@post.example.org",
)

Build = Callable[..., ServiceOrderHub]


def asked(sandbox: Sandbox) -> list[str]:
    return [f"{each.path}?{each.query}" for each in sandbox.services["service_order_hub"].arrivals]


async def test_each_account_costs_one_call_in_its_own_id_space(
    client: ServiceOrderHub, sandbox: Sandbox
) -> None:
    absent = Ref(EntityType.ACCOUNT, "se", ("PARTNER", "4"))
    partner, missing, provider, department = await client.read_accounts(
        [PARTNER, absent, PROVIDER, DEPARTMENT]
    )
    assert (partner, missing) == (RETAIL, None)
    assert isinstance(provider, Account)
    assert isinstance(department, Account)
    assert (provider.ref, provider.kind, provider.name) == (
        PROVIDER,
        AccountKind.PROVIDER,
        "Fjäll Verkstad AB",
    )
    assert (department.ref, department.kind, department.name) == (
        DEPARTMENT,
        AccountKind.DEPARTMENT,
        "Copper Repairs LLC",
    )
    assert sorted(asked(sandbox)) == [
        "/api/v3/department?id=101",
        "/api/v3/partner?id=12",
        "/api/v3/partner?id=4",
        "/api/v3/provider?id=4",
    ]


async def test_an_account_that_is_refused_is_an_error_and_not_absent(
    connect: Build, canned: Callable[..., object]
) -> None:
    (slot,) = await connect(canned(b'{"error": {"message": "No access"}}', status=403)).read_accounts(
        [PARTNER]
    )
    assert isinstance(slot, SourceAuthError)


class TestFindAccount:
    @pytest.mark.parametrize("kind", [None, AccountKind.PARTNER])
    async def test_an_id_is_a_partners_unless_said_otherwise(
        self, client: ServiceOrderHub, kind: AccountKind | None
    ) -> None:
        assert await client.find_account(AccountKey("nativeId", "12", kind)) == RETAIL

    async def test_of_another_kind(self, client: ServiceOrderHub) -> None:
        found = await client.find_account(AccountKey("nativeId", "101", AccountKind.DEPARTMENT))
        assert found is not None
        assert found.ref == DEPARTMENT

    async def test_none_of_that_id(self, client: ServiceOrderHub) -> None:
        assert await client.find_account(AccountKey("nativeId", "999")) is None

    @pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "007", "12\n", "٣", "12345678901", "1&id=2"])
    async def test_what_is_no_id_costs_no_call(
        self, client: ServiceOrderHub, sandbox: Sandbox, value: str
    ) -> None:
        with pytest.raises(BadInput) as refused:
            await client.find_account(AccountKey("nativeId", value))
        assert refused.value.argument == "lookup.nativeId"
        assert asked(sandbox) == []

    async def test_a_kind_that_it_does_not_have_costs_no_call(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        with pytest.raises(BadInput) as refused:
            await client.find_account(AccountKey("nativeId", "12", AccountKind.EMPLOYEE))
        assert refused.value.argument == "lookup.kind"
        assert asked(sandbox) == []

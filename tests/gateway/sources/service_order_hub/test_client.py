"""Service Order Hub's abilities, credentials and refusals."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain import ports
from gateway.domain.callers import Credential, calling_with
from gateway.domain.catalog import Capability, Source
from gateway.domain.errors import BadInput, Refusal, RefusalCode, SourceAuthError
from gateway.domain.ids import EntityType, Ref
from gateway.sandbox import Sandbox
from gateway.sandbox.service_order_hub import PARTNER_TOKEN
from gateway.sources.service_order_hub import SPEC
from gateway.sources.service_order_hub.client import ServiceOrderHub
from gateway.sources.service_order_hub.refusals import explain
from gateway.transport import Reply, Transport

GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
CASE = Ref(EntityType.CASE, "se", (GUID,))
MESSAGE = Ref(EntityType.MESSAGE, "se", (GUID, "1"))
PARTNER = Ref(EntityType.ACCOUNT, "se", ("PARTNER", "12"))

Build = Callable[..., ServiceOrderHub]


class TestAbilities:
    async def test_what_it_can_do(self, source: Source) -> None:
        assert source.capabilities == (
            Capability.READ_ACCOUNT,
            Capability.FIND_ACCOUNT,
            Capability.READ_CASE,
            Capability.LIST_CASES,
            Capability.SEARCH,
            Capability.READ_MESSAGES,
            Capability.CREATE_CASE_MESSAGE,
            Capability.REPLY,
            Capability.CONFIRM,
        )
        assert source.port(ports.ConversationLister) is source.client
        assert source.port(ports.TicketLister) is None

    async def test_what_callers_go_by(self, client: ServiceOrderHub) -> None:
        assert (client.account_keys, client.confirm_limit, bool(client.search_fields)) == (
            frozenset({"nativeId"}),
            100,
            True,
        )

    @pytest.mark.parametrize(
        "ref",
        [
            CASE,
            MESSAGE,
            PARTNER,
            Ref(EntityType.CASE, "se", (GUID.upper(),)),
            Ref(EntityType.MESSAGE, "se", (GUID, "9999999999")),
            Ref(EntityType.ACCOUNT, "se", ("DEPARTMENT", "0")),
        ],
    )
    async def test_references_of_its_own_form_are_taken(self, source: Source, ref: Ref) -> None:
        source.check_ref(ref, argument="id")

    @pytest.mark.parametrize(
        "ref",
        [
            *(
                Ref(EntityType.CASE, "se", (guid,))
                for guid in (
                    "",
                    "x",
                    GUID[:-1],
                    GUID + "0",
                    GUID + "\n",
                    f"{{{GUID}}}",
                    GUID.replace("-", ""),
                )
            ),
            # One record, one id: no leading zeros, no other digits.
            *(
                Ref(EntityType.MESSAGE, "se", (GUID, number))
                for number in ("", "01", "-1", "1.0", "1\n", "٣", "12345678901")
            ),
            Ref(EntityType.MESSAGE, "se", ("1",)),
            Ref(EntityType.ACCOUNT, "se", ("SHOP", "12")),
            Ref(EntityType.TICKET, "se", (GUID,)),
        ],
    )
    async def test_references_of_another_form_are_refused(self, source: Source, ref: Ref) -> None:
        with pytest.raises(BadInput):
            source.check_ref(ref, argument="id")


class TestCredentials:
    async def every_call(self, client: ServiceOrderHub) -> None:
        await client.check()
        await client.read_cases([CASE])
        await client.read_messages([CASE])
        await client.read_accounts([PARTNER])
        await client.confirm_messages([MESSAGE])

    async def test_the_token_is_in_the_header_and_never_in_an_address(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        await self.every_call(client)
        arrivals = sandbox.services["service_order_hub"].arrivals
        assert [each.headers["x-hub-api-token"] for each in arrivals] == [PARTNER_TOKEN] * 5
        assert not any("token" in f"{each.path}?{each.query}".lower() for each in arrivals)

    async def test_a_deployment_that_needs_it_gets_it_in_the_query_alone(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        await self.every_call(connect(transport, credential_in="query"))
        arrivals = sandbox.services["service_order_hub"].arrivals
        token = f"accessToken={PARTNER_TOKEN}"
        assert [each.query for each in arrivals] == [
            token,
            f"guid={GUID}&{token}",
            f"guid={GUID}&{token}",
            f"id=12&{token}",
            token,
        ]
        assert not any("x-hub-api-token" in each.headers for each in arrivals)

    @pytest.mark.parametrize(
        ("credential_in", "queries", "headers"),
        [("header", 0, 5), ("query", 5, 0)],
    )
    async def test_a_callers_token_goes_where_the_gateways_would(
        self,
        transport: Transport,
        connect: Build,
        sandbox: Sandbox,
        credential_in: str,
        queries: int,
        headers: int,
    ) -> None:
        client = connect(
            transport,
            token=None,
            credentials="forward",
            forward_header="x-hub-token",
            credential_in=credential_in,
        )
        with calling_with({"se": Credential("ann", PARTNER_TOKEN)}):
            await self.every_call(client)
        arrivals = sandbox.services["service_order_hub"].arrivals
        assert [each.query.split("&")[-1] for each in arrivals].count(
            f"accessToken={PARTNER_TOKEN}"
        ) == queries
        assert [each.headers.get("x-hub-api-token") for each in arrivals].count(PARTNER_TOKEN) == headers

    @pytest.mark.parametrize("credential_in", ["header", "query"])
    async def test_a_wrong_token_is_told_after_one_call_and_shown_nowhere(
        self, transport: Transport, connect: Build, sandbox: Sandbox, credential_in: str
    ) -> None:
        client = connect(transport, token="hub-geheim", credential_in=credential_in)
        with pytest.raises(SourceAuthError) as refused:
            await client.check()
        assert len(sandbox.services["service_order_hub"].arrivals) == 1
        assert "geheim" not in f"{refused.value} {refused.value!r} {refused.value.detail}"

    async def test_a_right_that_is_lacking_is_absence_of_a_case_and_an_error_elsewhere(
        self, connect: Build, canned: Callable[..., Any]
    ) -> None:
        client = connect(canned(b'{"error": {"message": "No access"}}', status=403))
        assert (await client.read_cases([CASE]), await client.read_messages([CASE])) == ([None], [None])
        with pytest.raises(SourceAuthError):
            await client.check()

    def test_the_token_must_be_given_and_shows_in_no_repr(self) -> None:
        given = {"kind": "service_order_hub", "base_url": "https://serviceorderhub.com/api"}
        assert list(SPEC.settings.credential_problems(given)) == [("token", "is missing")]
        assert "geheim" not in repr(SPEC.settings.model_validate({**given, "token": "geheim"}))


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b'{"error": {"message": "child \\"guid\\" fails"}}', 'se refused it: child "guid" fails'),
            (b'{"error": {"message": "Bad.", "details": {"a": ["b"]}}}', "se refused it: Bad."),
            (b'{"error": {"message": "Bad."}, "details": {"a": ["b"]}}', "se refused it: Bad."),
            (b'{"error": "Bad."}', "se refused it: Bad."),
            (b'{"error": {"message": null}}', "se refused it."),
            (b'{"error": {}}', "se refused it."),
            (b'{"error": null}', "se refused it."),
            (b'{"data": null}', "se refused it."),
            (b"", "se refused it."),
            (b"<html>", "se refused it."),
            (b"\xff", "se refused it."),
            pytest.param(b'{"x": ' + b"[" * 100_000, "se refused it.", id="deep"),
        ],
    )
    def test_both_forms_of_an_error_and_none(self, body: bytes, message: str) -> None:
        assert explain("se", Reply(400, {}, body)) == (
            Refusal(RefusalCode.REJECTED_BY_SOURCE, message, (), "se"),
        )

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (400, RefusalCode.REJECTED_BY_SOURCE),
            (403, RefusalCode.NO_ACCESS),
            (404, RefusalCode.NOT_FOUND),
            (409, RefusalCode.REJECTED_BY_SOURCE),
        ],
    )
    def test_without_codes_the_status_speaks(self, status: int, code: RefusalCode) -> None:
        (refusal,) = explain("se", Reply(status, {}, b'{"error": "No."}'))
        assert refusal.code is code

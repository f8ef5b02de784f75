import asyncio

import pytest

from gateway.domain.callers import Credential, calling_with
from gateway.domain.errors import NotForwarded
from gateway.resilience.callers import CallersCredential
from gateway.transport import Call, Reply
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.transports import OK, READ, WRITE, Source, outcome_of, owned

anyio_backend = virtual_time.anyio_backend

ANN, BOB = Credential("ann", "secret of ann"), Credential("bob", "secret of bob")


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
async def test_a_call_goes_under_the_credential_of_whoever_makes_it(call: Call) -> None:
    source = Source()

    with calling_with({"hub": ANN, "desk": BOB}):
        assert await CallersCredential(source, source="hub").send(call) is OK

    assert source.calls == [owned(call, "ann")]
    assert call.credential is None


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
async def test_without_one_nothing_is_sent(call: Call) -> None:
    source = Source()
    layer = CallersCredential(source, source="hub")

    with calling_with({"desk": BOB}), pytest.raises(NotForwarded) as refused:
        await layer.send(call)

    assert (refused.value.code.value, refused.value.source, refused.value.retryable, refused.value.sent) == (
        "SOURCE_AUTH_FAILED",
        "hub",
        False,
        False,
    )
    assert source.calls == []


async def test_a_credential_that_a_call_brings_along_itself_does_not_count() -> None:
    source = Source()
    layer = CallersCredential(source, source="hub")

    assert isinstance(await outcome_of(layer.send(owned(READ, "bob"))), NotForwarded)
    with calling_with({"hub": ANN}):
        await layer.send(owned(READ, "bob"))

    assert source.calls == [owned(READ, "ann")]


async def test_callers_at_the_same_time_have_each_their_own() -> None:
    async def echo(call: Call) -> Reply:
        await asyncio.sleep(1)
        assert call.credential is not None
        return Reply(200, {}, call.credential.secret.encode())

    layer = CallersCredential(Source(echo), source="hub")

    async def request(credential: Credential) -> bytes:
        with calling_with({"hub": credential}):
            return (await layer.send(READ)).body

    bodies = [*await asyncio.gather(request(ANN), request(BOB), request(ANN))]

    assert bodies == [b"secret of ann", b"secret of bob", b"secret of ann"]


async def test_closing_closes_what_is_inside() -> None:
    source = Source()

    await CallersCredential(source, source="hub").close()

    assert source.closed == 1

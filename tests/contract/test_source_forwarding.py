"""What every registered source does where each caller uses it with a credential of its own."""

from urllib.parse import unquote

from gateway.domain.callers import Credential, calling_with
from gateway.domain.errors import NotForwarded, SourceAuthError
from gateway.sandbox import Faults
from tests.contract.ability import find, outcome, prepare, reads, send
from tests.contract.conftest import KEY, NOW, Bench


async def test_all_that_is_done_goes_under_the_callers_credential(bench: Bench) -> None:
    secret = await bench.spec.auth(bench.context()).credential()
    source = bench.source(forwards=True)
    bench.service.arrivals.clear()
    with calling_with({KEY: Credential("ann", secret)}):
        for act in reads(source, bench.refs, bench.sample.lists, bench.sample.keys).values():
            await act()
        for write in bench.writes:
            attempt = await prepare(source, write, NOW)
            await send(source, write, attempt)
        for write, attempt in zip(bench.lookable, bench.found.attempts, strict=True):
            await find(source, write, attempt)
    arrivals = bench.service.arrivals
    assert len(arrivals) > len(bench.writes)
    assert {bench.sample.carried(each) for each in arrivals} == {secret}
    # There and nowhere else.
    assert {unquote(f"{each.query} {dict(each.headers)}").count(secret) for each in arrivals} == {1}
    assert not any("desk-token" in name for each in arrivals for name in each.headers)


async def test_one_who_forwards_none_is_not_served_with_anothers(bench: Bench) -> None:
    writes = [(write, await prepare(bench.source(), write, NOW)) for write in bench.writes]
    bench.service.arrivals.clear()
    source = bench.source(forwards=True)
    with calling_with({"elsewhere": Credential("ann", "geheim")}):
        for name, act in reads(source, bench.refs, bench.sample.lists, bench.sample.keys).items():
            assert (name, type(await outcome(act()))) == (name, NotForwarded)
        for write, attempt in writes:
            found = await outcome(send(source, write, attempt))
            assert (type(found), getattr(found, "sent", None)) == (NotForwarded, False)
    assert bench.service.arrivals == []


async def test_one_that_is_refused_is_not_renewed(bench: Bench) -> None:
    source = bench.source(forwards=True)
    bench.service.faults = Faults(error_rate=1, error_status=401)
    for name, act in reads(source, bench.refs, bench.sample.lists, bench.sample.keys).items():
        bench.service.arrivals.clear()
        with calling_with({KEY: Credential("ann", "no-longer-good")}):
            found = await outcome(act())
        assert (name, type(found)) == (name, SourceAuthError)
        assert [bench.sample.carried(each) for each in bench.service.arrivals] == ["no-longer-good"]

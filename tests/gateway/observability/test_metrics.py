import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from gateway import __version__
from gateway.domain.errors import ConfigError
from gateway.observability.counts import OPERATIONS, OUTCOMES, REQUEST_BOUNDS_S, RequestCounts
from gateway.observability.listening import port_problems
from gateway.observability.logs import configure_logs
from gateway.observability.metrics import Metrics
from gateway.observability.observing import Observing
from gateway.observability.settings import MetricsSettings, TracingSettings
from gateway.resilience.stats import Event, Stats


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


def observing(port: int | None = 0) -> Observing:
    return Observing(MetricsSettings(port=port), TracingSettings())


EACH_ITS_OWN = "Each process needs a port of its own."
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    return {
        (each.name, frozenset(each.labels.items())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.name.startswith("helpdesk_gateway")
    }


def of(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((f"helpdesk_gateway_{name}", frozenset(labels.items())))


@asynccontextmanager
async def served(watched: Observing, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client for the metrics' own port."""
    capsys.readouterr()
    configure_logs()
    async with watched.running():
        line = next(line for line in capsys.readouterr().err.splitlines() if "metrics_served" in line)
        port = int(line.partition('"port": ')[2].partition(",")[0])
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30
        ) as http:
            yield http


async def scraped(watched: Observing, capsys: pytest.CaptureFixture[str]) -> Samples:
    async with served(watched, capsys) as http:
        return samples((await http.get("/metrics")).text)


async def test_requests_are_shown_by_what_they_were_and_how_they_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watched = observing()
    watched.requests.ended("query", "ok", 0.004, [])
    watched.requests.ended("query", "ok", 0.005, [])
    watched.requests.ended("query", "ok", 99.0, [])
    watched.requests.ended(
        "mutation", "errors", 0.2, ["SOURCE_TIMEOUT", "SOURCE_TIMEOUT", "of a client's own"]
    )
    watched.requests.ended("{ me }", "refused", 0.0, [])
    watched.requests.under_way += 1

    found = await scraped(watched, capsys)

    name = "request_duration_seconds"
    of_queries = {"operation": "query", "outcome": "ok"}
    buckets = [of(found, f"{name}_bucket", **of_queries, le=repr(each)) for each in (*REQUEST_BOUNDS_S,)]
    assert buckets == [0.0, 0.0] + [2.0] * (len(REQUEST_BOUNDS_S) - 2)
    assert of(found, f"{name}_bucket", **of_queries, le="+Inf") == 3
    assert (of(found, f"{name}_count", **of_queries), of(found, f"{name}_sum", **of_queries)) == (3, 99.009)
    assert of(found, f"{name}_count", operation="mutation", outcome="errors") == 1
    assert of(found, f"{name}_count", operation="none", outcome="refused") == 1
    assert of(found, "errors_total", code="SOURCE_TIMEOUT") == 2
    assert of(found, "errors_total", code="OTHER") == 1
    assert of(found, "requests_under_way") == 1
    assert of(found, "build_info", version=__version__) == 1


async def test_sources_are_shown_by_their_keys(capsys: pytest.CaptureFixture[str]) -> None:
    watched, stats = observing(), Stats()
    stats.ended(0.003, None, 100.0)
    stats.ended(0.003, "SourceTimeout", 100.0)
    stats.ended(100.0, "503", 100.0)
    stats.happened(Event.RETRIED)
    watched.sources["desk"] = lambda: stats.reading(
        circuit="open", circuit_states=("closed", "open"), running=2, waiting=1
    )
    watched.sources["bank"] = Stats().reading

    found = await scraped(watched, capsys)

    assert of(found, "source_calls_total", source="desk") == 3
    assert of(found, "source_errors_total", source="desk", error="SourceTimeout") == 1
    assert of(found, "source_errors_total", source="desk", error="503") == 1
    assert {e.value: of(found, "source_events_total", source="desk", event=e.value) for e in Event} == {
        e.value: float(e is Event.RETRIED) for e in Event
    }
    assert of(found, "source_circuit", source="desk", state="open") == 1
    assert of(found, "source_circuit", source="desk", state="closed") == 0
    assert of(found, "source_calls_under_way", source="desk", state="running") == 2
    assert of(found, "source_calls_under_way", source="desk", state="waiting") == 1
    name = "source_call_duration_seconds"
    assert of(found, f"{name}_bucket", source="desk", le="0.002") == 0
    assert of(found, f"{name}_bucket", source="desk", le="0.004") == 2
    assert of(found, f"{name}_bucket", source="desk", le="32.768") == 2
    assert of(found, f"{name}_bucket", source="desk", le="+Inf") == 3
    assert of(found, f"{name}_sum", source="desk") == pytest.approx(100.006)
    assert of(found, "source_calls_total", source="bank") == 0
    assert of(found, "source_calls_under_way", source="bank", state="running") is None


async def test_writes_are_shown_by_source_and_state(capsys: pytest.CaptureFixture[str]) -> None:
    watched = observing()
    watched.writes.came_to("desk", "CONFIRMED")
    watched.writes.came_to("desk", "CONFIRMED")
    watched.writes.came_to("bank", "IN_DOUBT")

    async def seven() -> int:
        return 7

    watched.count_in_doubt = seven
    found = await scraped(watched, capsys)

    assert of(found, "writes_total", source="desk", state="CONFIRMED") == 2
    assert of(found, "writes_total", source="bank", state="IN_DOUBT") == 1
    assert of(found, "writes_in_doubt") == 7


async def test_a_ledger_that_is_away_leaves_its_number_out(capsys: pytest.CaptureFixture[str]) -> None:
    watched = observing()

    async def away() -> int:
        raise OSError("gone")

    watched.count_in_doubt = away
    found = await scraped(watched, capsys)
    assert of(found, "writes_in_doubt") is None
    assert of(found, "requests_under_way") == 0


async def test_the_process_and_the_loop_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    async with served(observing(), capsys) as http:
        text = (await http.get("/metrics")).text
    assert {"process_resident_memory_bytes", "process_open_fds", "python_info"} <= {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }
    assert of(samples(text), "event_loop_lag_seconds") is not None


async def test_prometheus_gets_the_form_that_it_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    watched = observing()
    watched.requests.ended("query", "ok", 0.004, [])
    async with served(watched, capsys) as http:
        plain = await http.get("/metrics", headers={"accept": "text/plain"})
        modern = await http.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
        odd = await http.get("/metrics", headers={"accept": "application/openmetrics-text; version=x"})
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert modern.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert modern.text.endswith("# EOF\n")
    families = openmetrics(modern.text)  # type: ignore[no-untyped-call]
    assert "helpdesk_gateway_request_duration_seconds" in {each.name for each in families}
    assert odd.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/graphql", 404), ("POST", "/metrics", 405)]
)
async def test_there_is_nothing_else_on_that_port(
    capsys: pytest.CaptureFixture[str], method: str, path: str, status: int
) -> None:
    async with served(observing(), capsys) as http:
        assert (await http.request(method, path)).status_code == status


async def test_without_a_port_none_are_served(capsys: pytest.CaptureFixture[str]) -> None:
    before = asyncio.all_tasks()
    async with observing(None).running():
        assert asyncio.all_tasks() == before
    assert "metrics_served" not in capsys.readouterr().err


async def test_a_second_process_on_the_same_port_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    async with served(observing(), capsys) as http:
        port = http.base_url.port
        with pytest.raises(ConfigError) as caught:
            async with observing(port).running():
                pass
    assert caught.value.problems == [
        f"metrics.port: can't listen on port {port} of 127.0.0.1: Address already in use. {EACH_ITS_OWN}"
    ]


async def test_a_taken_port_is_told_before_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    async with served(observing(), capsys) as http:
        port = http.base_url.port
        assert port_problems(MetricsSettings(port=port)) == [
            f"metrics.port: can't listen on port {port} of 127.0.0.1: Address already in use. {EACH_ITS_OWN}"
        ]
    assert [port_problems(MetricsSettings(host=host, port=0)) for host in ("127.0.0.1", "::1")] == [[], []]
    assert port_problems(MetricsSettings()) == []
    (unknown,) = port_problems(MetricsSettings(host="no.such.host.invalid", port=0))
    assert unknown.startswith("metrics.port: can't listen on port 0 of no.such.host.invalid: ")


async def test_the_port_is_free_again_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    async with served(observing(), capsys) as http:
        await http.get("/metrics")
        port = http.base_url.port
    async with served(observing(port), capsys) as http:
        assert (await http.get("/metrics")).status_code == 200


async def test_a_blocked_loop_is_seen_once() -> None:
    metrics = Metrics(observing())
    watching = asyncio.create_task(metrics.watch_loop())
    await asyncio.sleep(0)
    # The loop is held up until its next look is overdue.
    loop = asyncio.get_running_loop()
    until_s = loop.time() + 0.6
    while loop.time() < until_s:
        pass
    await asyncio.sleep(0.01)
    watching.cancel()
    lag_s = [
        sample.value
        for _ in range(2)
        for family in metrics.collect()
        for sample in family.samples
        if sample.name == "helpdesk_gateway_event_loop_lag_seconds"
    ]
    assert lag_s[0] > 0.05
    assert lag_s[1] == 0


def test_two_gateways_in_one_process_count_apart() -> None:
    one, two = observing(), observing()
    one.requests.ended("query", "ok", 0.1, [])
    assert (len(one.requests.durations()), len(two.requests.durations())) == (1, 0)
    assert Metrics(one).registry is not Metrics(two).registry


@pytest.mark.parametrize("bound_s", REQUEST_BOUNDS_S)
def test_a_bound_belongs_to_its_bucket(bound_s: float) -> None:
    counts = RequestCounts()
    for duration_s in (bound_s, math.nextafter(bound_s, math.inf)):
        counts.ended("query", "ok", duration_s, [])
    numbers = counts.durations()["query", "ok"].counts
    slot = REQUEST_BOUNDS_S.index(bound_s)
    assert (numbers[slot], numbers[slot + 1]) == (1, 1)


def test_labels_are_bounded() -> None:
    counts = RequestCounts()
    for number in range(1000):
        counts.ended(f"operation-{number}", "ok", 0.0, [f"code-{number}"])
    assert set(counts.durations()) == {("none", "ok")}
    assert counts.errors() == {"OTHER": 1000}
    assert len(OPERATIONS) * len(OUTCOMES) == 25
    assert all(low < high for low, high in pairwise(REQUEST_BOUNDS_S))

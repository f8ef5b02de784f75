from gateway.domain.catalog import Source
from gateway.domain.health import CircuitState, HealthState, SourceHealth
from resolvers.types import enums


def test_of_a_source_that_was_not_asked_yet_nothing_is_known() -> None:
    assert SourceHealth(HealthState.UNKNOWN, CircuitState.CLOSED) == SourceHealth(
        HealthState.UNKNOWN,
        CircuitState.CLOSED,
        p50_ms=None,
        p95_ms=None,
        error_rate=None,
        last_error=None,
        last_error_at=None,
        checked_at=None,
    )


def test_a_source_without_layers_tells_of_no_health() -> None:
    assert Source(key="desk", kind="desk", name="Desk", docs_url="", client=None, shapes={}).health() is None


def test_metrics_and_the_graph_have_words_for_every_state() -> None:
    assert [each.value for each in CircuitState] == ["closed", "open", "half_open"]
    assert [each.value for each in HealthState] == ["HEALTHY", "DEGRADED", "DOWN", "UNKNOWN"]
    # The graph's enums are the domain's own, so that neither can lack a state of the other.
    assert (enums.CircuitState, enums.HealthState) == (CircuitState, HealthState)

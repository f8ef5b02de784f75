"""What befalls a source: each fault is a line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A setting of a service's dial.

    Attributes:
        name: In the table.
        dial: As the control endpoint takes it.
        opens: Whether the circuit must open: all calls fail, by what counts against a source.
        lies: The source answers well-formed nonsense, so that its own fields may hold what isn't so.
        down: Instead of the dial: the service dies, and refuses connections until it comes back.
        after_health: A time of healthy traffic comes before, and it lasts until the circuit opens: calls of
            the last half minute count, so that takes its time.
        in_short: Part of the short run.
        kept: Tried on a gateway with a cache, too.
    """

    name: str
    dial: Mapping[str, Any] = field(default_factory=dict)
    opens: bool = False
    lies: bool = False
    down: bool = False
    after_health: bool = False
    in_short: bool = False
    kept: bool = False


def _reads(mishap: str, share: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"read_mishaps": {mishap: share}, **more}


_500 = {"error_rate": 1.0, "error_status": 500}

AFTER_HEALTH = Fault(name="500, after 15 s of health", dial=_500, opens=True, after_health=True)
FAULTS = (
    Fault(name="500", dial=_500, opens=True, in_short=True, kept=True),
    Fault(name="hangs", dial={"timeout": True}, opens=True, in_short=True, kept=True),
    Fault(name="hangs in the middle of a body", dial=_reads("hang_in_body"), opens=True),
    Fault(name="reset", dial=_reads("reset_before"), opens=True, in_short=True),
    Fault(name="reset after the work", dial=_reads("reset_after"), opens=True),
    Fault(name="closed without an answer", dial=_reads("lost_answer"), opens=True),
    Fault(name="half an answer", dial=_reads("half_answer"), opens=True),
    Fault(name="down", down=True, opens=True),
    Fault(name="slow body, over 3 s", dial=_reads("slow_body", slow_pieces=30, slow_pause_s=0.1), opens=True),
    Fault(name="flaps, up and down by 0.3 s", dial={"flap_up_s": 0.3, "flap_down_s": 0.3}),
    Fault(name="500, 502 and 503, a third", dial={"errors": {"500": 0.11, "502": 0.11, "503": 0.11}}),
    Fault(name="hangs, a third", dial=_reads("timeout_before", 0.33)),
    Fault(name="slow, 150 ms", dial={"latency_ms": 150}),
    Fault(name="slow, lognormal around 100 ms", dial={"latency_ms": 100, "latency_sigma": 1.0}),
    Fault(name="401", dial={"error_rate": 1.0, "error_status": 401}),
    Fault(name="429", dial={"throttle": True}, in_short=True),
    Fault(name="429, Retry-After 1", dial={"throttle": True, "retry_after_s": 1}),
    Fault(
        name="429, a third, Retry-After as a date or none",
        dial=_reads("throttled", 0.33, retry_after_s=1, retry_after_share=0.5, retry_after_form="date"),
    ),
    Fault(name="half of the JSON", dial={"malformed_json": True}, in_short=True),
    Fault(name="HTML", dial=_reads("not_json")),
    Fault(name="wrong shapes", dial=_reads("wrong_shape"), lies=True),
    Fault(name="repeated pages", dial=_reads("repeated_page"), lies=True),
    Fault(name="shifted pages", dial=_reads("shifted_page"), lies=True),
)

"""The one place that orders the layers around a source's transport."""

from gateway.resilience.attempt_timeout import AttemptTimeout
from gateway.transport import Transport


def build_stack(transport: Transport, *, source: str, attempt_timeout_s: float) -> Transport:
    """Wrap a source's transport, outermost layer first in the order of this function's lines, reversed.

    The further layers of the design (deadline, cache, single-flight, retry, circuit breaker,
    throttle, metrics) belong here, around this one.
    """
    return AttemptTimeout(transport, source=source, timeout_s=attempt_timeout_s)

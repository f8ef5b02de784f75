"""The one place that orders the layers around a source's transport."""

from gateway.resilience.attempt_timeout import AttemptTimeout
from gateway.transport import Transport


def build_stack(transport: Transport, *, source: str, attempt_timeout_s: float) -> Transport:
    """Wrap a source's transport. Whatever else a call passes through belongs here, in one visible order."""
    return AttemptTimeout(transport, source=source, timeout_s=attempt_timeout_s)

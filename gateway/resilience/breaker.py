"""The circuit breaker: keeps calls from a source that has failed too often, until it does well again."""

import time
from dataclasses import dataclass

import structlog

from gateway.domain.deadline import Monotonic
from gateway.domain.errors import CircuitOpen, SourceError, SourceTimeout, SourceUnavailable
from gateway.domain.health import CircuitState
from gateway.resilience.circuit import Admitting, Closed, Open, Outcome, Rules, State
from gateway.resilience.stats import Event, Listener, nobody
from gateway.transport import Call, Reply, Transport

_SLOWLY = {
    Outcome.WELL: Outcome.SLOW,
    Outcome.FAILED: Outcome.FAILED_SLOWLY,
    Outcome.CUT: Outcome.SLOW,
    Outcome.NOT_SENT: Outcome.NOT_SENT,
}

_log = structlog.get_logger("gateway.resilience")


@dataclass(frozen=True, slots=True)
class CircuitStatus:
    """For health and metrics.

    Attributes:
        for_s: How long it has been in this state.
        last_error: What counted against the source last: a class of ours, or a status.
        retry_after_s: While it is open, how much longer.
    """

    state: CircuitState
    for_s: float
    last_error: str | None
    retry_after_s: float | None


class CircuitBreaker:
    """Watches how calls end, reads and writes, and refuses them while the circuit is open.

    5xx, timeouts and broken or refused connections count against the source; 4xx are answers like
    others. A call that its caller cut counts only if it had been slow by then.
    """

    def __init__(
        self,
        inner: Transport,
        rules: Rules,
        *,
        source: str,
        now: Monotonic = time.monotonic,
        listener: Listener = nobody,
    ) -> None:
        self._inner = inner
        self._source = source
        self._slow_call_s = rules.options.slow_call_s
        self._now = now
        self._listener = listener
        self._state: State = Closed(rules, now())
        self._last_error: str | None = None

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`.

        Raises:
            CircuitOpen: Nothing was sent.
        """
        began_s = self._now()
        admitted = self._admit(call, began_s)
        try:
            reply = await self._inner.send(call)
        except (SourceUnavailable, SourceTimeout) as error:
            self._last_error = type(error).__name__
            self._judge(admitted, Outcome.FAILED, began_s)
            raise
        except SourceError as error:
            # An answer that makes no sense is an answer. What never left tells nothing, slow or not.
            self._judge(admitted, Outcome.WELL if error.sent else Outcome.NOT_SENT, began_s)
            raise
        except BaseException:
            self._judge(admitted, Outcome.CUT, began_s)
            raise
        if reply.status >= 500:
            self._last_error = str(reply.status)
            self._judge(admitted, Outcome.FAILED, began_s)
        else:
            self._judge(admitted, Outcome.WELL, began_s)
        return reply

    def status(self) -> CircuitStatus:
        """How things stand."""
        now_s, state = self._now(), self._state
        left_s = max(0.0, state.until_s - now_s) if isinstance(state, Open) else None
        return CircuitStatus(state.name, now_s - state.since_s, self._last_error, left_s)

    def _admit(self, call: Call, now_s: float) -> Admitting:
        state = self._state
        admitted = state.admit(now_s)
        if admitted is None:
            self._listener(Event.CIRCUIT_REFUSED)
            raise CircuitOpen(
                self._source,
                detail=f"{call.operation}: circuit {state.name}",
                retry_after_s=state.until_s - now_s if isinstance(state, Open) else None,
            )
        self._state = admitted
        return admitted

    def _judge(self, admitted: Admitting, outcome: Outcome, began_s: float) -> None:
        # What an earlier state let through tells of a time that has been judged already.
        if admitted is not self._state:
            return
        now_s = self._now()
        slowly = now_s - began_s >= self._slow_call_s
        self._state = admitted.next(_SLOWLY[outcome] if slowly else outcome, now_s)
        if self._state is admitted:
            return
        if isinstance(self._state, Open):
            _log.warning(
                "circuit_opened",
                source=self._source,
                last_error=self._last_error,
                pause_s=round(self._state.until_s - now_s, 3),
                openings=self._state.openings,
            )
        else:
            _log.info("circuit_closed", source=self._source)

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()

"""One moment for a whole operation, by which its answer must be on its way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

# Seconds on a clock that nobody sets: for durations, never for dates.
Monotonic = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock."""

    at_s: float

    @classmethod
    def after(cls, timeout_s: float, *, now: Monotonic = time.monotonic) -> "Deadline":
        """The deadline of what begins now."""
        return cls(now() + timeout_s)

    def remaining_s(self, now_s: float) -> float:
        """What is left at a moment; never below 0."""
        return max(0.0, self.at_s - now_s)


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def current_deadline() -> Deadline | None:
    """That of the operation in whose context this runs; None where nothing has set one."""
    return _current.get()


def remaining_s(now: Monotonic = time.monotonic) -> float | None:
    """What the operation has left; None without a deadline."""
    deadline = _current.get()
    return None if deadline is None else deadline.remaining_s(now())


@contextmanager
def within_half(now: Monotonic = time.monotonic) -> Iterator[None]:
    """Give what runs inside half of what is left.

    For a step that waits for several sources: one that hangs must leave time for what comes after.
    """
    left_s = remaining_s(now)
    with within(None if left_s is None else Deadline.after(left_s / 2, now=now)):
        yield


@contextmanager
def within(deadline: Deadline | None) -> Iterator[None]:
    """Give what runs inside, and the tasks that it starts, a deadline; or none.

    A task that belongs to no caller, such as a write's, is started within None: it would inherit the
    deadline of the caller that happened to come first.
    """
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)

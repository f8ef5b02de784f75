"""An event loop whose time passes only while everybody waits, and then at once: nothing sleeps."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("Everybody waits, and for nothing.")
        self.now_s += max(0.0, timeout)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Timers of asyncio, and whatever asks the loop for the time, see the same virtual seconds."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """For the modules that import it in place of the usual one."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop of its own, where a test isn't asynchronous itself."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)


def now() -> float:
    """The running loop's time: the clock of whatever is tested."""
    loop = asyncio.get_running_loop()
    # Anyio's plugin goes on with the loop of any asynchronous fixture that is still alive.
    assert isinstance(loop, VirtualTimeLoop), "a fixture of a wider scope holds the tests to its own loop"
    return loop.time()

"""Transports that do as a test says, and what tests of layers share."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from gateway.domain.callers import Credential
from gateway.transport import Call, Reply

OK = Reply(200, {}, b"ok")


def owned(call: Call, caller: str) -> Call:
    """The same, under a caller's own credential."""
    return replace(call, credential=Credential(caller, f"secret of {caller}"))


READ = Call("read case", "GET", "case/1", safe=True)
WRITE = Call("reply", "POST", "case/1", safe=False, body=b"{}")


def status(code: int, body: bytes = b"", /, **headers: str) -> Reply:
    """A reply. Names of headers are written with underscores."""
    return Reply(code, {name.replace("_", "-"): value for name, value in headers.items()}, body)


Answer = Reply | BaseException | Callable[[Call], Awaitable[Reply]]


class Source:
    """Answers with what it is given, one after another, and with the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers) or [OK]
        self.calls: list[Call] = []
        self.running = 0
        self.most = 0
        self.cancelled = 0
        self.closed = 0

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if isinstance(answer, BaseException):
                raise answer
            return answer if isinstance(answer, Reply) else await answer(call)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

    async def close(self) -> None:
        self.closed += 1


def after(delay_s: float, answer: Reply | BaseException = OK) -> Callable[[Call], Awaitable[Reply]]:
    """The answer, some virtual time later."""

    async def late(_: Call) -> Reply:
        await asyncio.sleep(delay_s)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return late


async def steps(count: int) -> None:
    """Let the loop make so many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


async def outcome_of(sending: Awaitable[Reply]) -> Reply | BaseException:
    """What it came to, errors and cancellation included."""
    (outcome,) = await asyncio.gather(sending, return_exceptions=True)
    return outcome


def said(error: object) -> tuple[Any, ...]:
    """An error of ours, for comparing."""
    return (type(error).__name__, *(getattr(error, each, None) for each in ("source", "detail", "sent")))


def others() -> set["asyncio.Task[Any]"]:
    """The tasks beside the test's own, and the one that runs it."""
    return {
        each
        for each in asyncio.all_tasks()
        if each is not asyncio.current_task() and "TestRunner" not in repr(each.get_coro())
    }

"""A run: bursts of callers under changing weather, then what is written down is looked at."""

import asyncio
import contextlib
import io
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.observability.logs import configure_logs
from gateway.sandbox.world import World
from tests.identity import weather
from tests.identity.accesses import STATIC, WORD, Caller, make_cast
from tests.identity.connections import Connections
from tests.identity.judging import Judge, objects
from tests.identity.operations import Handle, Mix, Operation, Seen
from tests.identity.stage import Stage, open_stage, temporary_folder
from tests.identity.written import in_files, in_log, in_rows, rows

# Without these the run has proven nothing.
NEEDED = ("hit", "revalidated", "stale", "joined", "retried", "circuit_refused", "throttled")
_AT_ONCE = 4
_MAX_FINDINGS = 20
_TEXTS_AT_LEAST = 10


@dataclass(slots=True)
class Result:
    """What came of a run.

    Attributes:
        left: Requests whose client went away.
        calls, refused_calls: What the sources answered, and what they refused for its credential.
        writes: The ledger's rows.
        events: What the layers did.
        missing: What should have happened and did not.
    """

    seed: int
    judge: Judge
    took_s: float = 0.0
    left: int = 0
    uploads: int = 0
    calls: int = 0
    refused_calls: int = 0
    writes: int = 0
    events: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)

    @property
    def findings(self) -> list[str]:
        """What may not be."""
        return self.judge.findings


@dataclass(slots=True)
class _Play:
    """Callers at work."""

    stage: Stage
    judge: Judge
    result: Result
    mix: Mix
    seen: Seen
    connections: Connections
    draw: random.Random

    async def work(self, goes_on: Callable[[], bool]) -> None:
        """Burst after burst."""
        while goes_on():
            callers = self.stage.cast.callers
            if self.draw.random() < 0.04:
                await asyncio.gather(*(self._upload(each) for each in self.draw.sample(callers, 3)))
                continue
            # Some are asked twice at once.
            crowd = self.draw.choices(callers, k=self.draw.choice((2, 4, 8, 12)))
            operation = self.mix.next()
            await asyncio.gather(*(self._ask(each, operation) for each in crowd))

    async def _ask(self, caller: Caller, operation: Operation) -> None:
        lot = self.draw.random()
        headers = {**caller.headers, "content-type": "application/json"}
        if lot < 0.12:
            headers["x-request-timeout"] = f"{self.draw.uniform(0.01, 0.3):.3f}"
        elif lot < 0.2:
            headers["x-request-cost"] = "true"
        leave_after_s = self.draw.uniform(0, 0.08) if lot > 0.94 else None
        body = orjson.dumps({"query": operation.document, "variables": operation.variables(caller)})
        answer = await self.connections.ask("POST", "/graphql", headers, body, leave_after_s=leave_after_s)
        if not answer.is_whole:
            self.result.left += 1
            return
        told = self.judge.look_at(caller, operation, answer)
        if isinstance(told.get("data"), dict):
            _note(self.seen, told["data"], operation)

    async def _upload(self, caller: Caller) -> None:
        source = self.draw.choice(("thulium", "thulium", STATIC))
        access = caller.accesses[source]
        headers = {**caller.headers, "content-type": "application/octet-stream"}
        path = f"/uploads?source={source}&filename={access.word}-notes.txt"
        answer = await self.connections.ask("POST", path, headers, f"{access.word}\n".encode())
        if not answer.is_whole:
            return
        self.judge.answers += 1
        self.judge.search(caller, "upload", answer.raw)
        if answer.status == 201:
            self.result.uploads += 1
            if source == "thulium":
                self.seen.handles.append(Handle(orjson.loads(answer.body)["id"], access))


def _note(seen: Seen, data: dict[str, Any], operation: Operation) -> None:
    """What others may try."""
    for each in objects(data):
        if "idempotencyKey" in each and each["idempotencyKey"] not in seen.keys:
            seen.keys.append(each["idempotencyKey"])
        origin = each.get("origin") or each
        source = (origin.get("source") or {}).get("key")
        if source and "id" in each and "__typename" in each:
            seen.add(each["__typename"], source, each["id"])
            email = each.get("email")
            if source in {"tulo", "thulium"} and email and len(seen.emails[source]) < 4:
                seen.emails[source].append(WORD.sub(b"", email.encode()).decode().removeprefix("."))
    found = data.get("found")
    if operation.continues and isinstance(found, dict) and found["pageInfo"]["endCursor"]:
        seen.cursors[operation.continues].append(found["pageInfo"]["endCursor"])


async def run(
    seed: int, *, answers: int, for_s: float, at_most_s: float, tell: Callable[[str], None] = lambda _: None
) -> Result:
    """Ask for so long and until there are so many answers, and all that is needed has happened.

    Args:
        seed: Of everything that is drawn here; how it interleaves isn't.
        answers: At least so many.
        for_s: At least so long.
        at_most_s: Give up then.
        tell: Called now and then.
    """
    cast = make_cast(seed)
    result = Result(seed, Judge(cast))
    written = io.StringIO()
    with temporary_folder() as folder:
        # The gateway's log, and whatever else is said there.
        with contextlib.redirect_stderr(written):
            configure_logs()
            try:
                async with open_stage(cast, folder) as stage:
                    await _play(stage, result, answers=answers, for_s=for_s, at_most_s=at_most_s, tell=tell)
            finally:
                log = written.getvalue()
        configure_logs()
        found = rows(folder)
        result.writes = len(found)
        result.findings.extend([*in_log(cast, log), *in_files(cast, folder), *in_rows(cast, found)])
    return result


async def _play(
    stage: Stage, result: Result, *, answers: int, for_s: float, at_most_s: float, tell: Callable[[str], None]
) -> None:
    draw = random.Random(f"identity play {result.seed}")  # noqa: S311 - repeatable
    judge, seen, began = result.judge, Seen(), time.monotonic()
    connections = Connections(stage.port, random.Random(draw.random()))  # noqa: S311 - as above
    mix = Mix(seen, list(World().tulo.accounts)[:6], draw)
    play = _Play(stage, judge, result, mix, seen, connections, draw)
    told_s = began

    def goes_on() -> bool:
        nonlocal told_s
        now = time.monotonic()
        if now - told_s > 10:
            told_s = now
            tell(f"{judge.answers} answers, {len(judge.findings)} findings, {dict(stage.events())}")
        if len(judge.findings) >= _MAX_FINDINGS or now - began > at_most_s:
            return False
        return now - began < for_s or judge.answers < answers or bool(_missing(stage, result))

    for service in stage.services.values():
        service.faults = weather.well()
    changing = asyncio.create_task(weather.change(stage.services, draw, stage.events))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(play.work(goes_on))
    finally:
        changing.cancel()
        await asyncio.gather(changing, return_exceptions=True)
        await connections.close()
        for service in stage.services.values():
            service.faults = weather.well()
    result.took_s = time.monotonic() - began
    result.events, result.missing = stage.events(), _missing(stage, result)
    result.calls, result.refused_calls = stage.witness.answered.total(), stage.witness.refused
    judge.findings += stage.witness.findings


def _missing(stage: Stage, result: Result) -> list[str]:
    """What has not happened yet."""
    judge, events = result.judge, stage.events()
    missing = [name for name in NEEDED if not events[name]]
    missing += [
        f"texts of {each}"
        for each in judge.cast.accesses
        if each.good and judge.words[each.word] < _TEXTS_AT_LEAST
    ]
    missing += [f"a refusal of {name}" for name in ("nobody", "unknown") if not judge.refused[name]]
    figures = {
        "stale in an answer": judge.stale,
        "a message from the ledger": judge.from_ledger,
        "another's handle": judge.handles_refused,
        "an upload": result.uploads,
        "a key under which several have written": sum(len(ids) > 1 for ids in judge.keys.values()),
        "a client that leaves": result.left,
        "a call with an unknown credential": stage.witness.refused,
        "an operation that is cut": judge.codes["DEADLINE_EXCEEDED"],
    }
    return [*missing, *(name for name, count in figures.items() if not count)]

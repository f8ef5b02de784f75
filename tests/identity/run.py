"""A run: bursts of callers under changing weather, then what is written down is looked at."""

import asyncio
import contextlib
import io
import random
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.domain.access import Scope
from gateway.observability.logs import configure_logs
from gateway.sandbox.world import World
from tests.identity import weather
from tests.identity.accesses import STATIC, Access
from tests.identity.cast import Caller, make_cast
from tests.identity.connections import Connections
from tests.identity.judging import Judge, objects
from tests.identity.logins import READS
from tests.identity.operations import Handle, Mix, Operation, Seen
from tests.identity.stage import Stage, open_stage, temporary_folder
from tests.identity.words import KEY_MARK, SEEN_WITH, WORD
from tests.identity.written import (
    events,
    in_events,
    in_files,
    in_log,
    in_metrics,
    in_rows,
    in_sight,
    rows,
)

# Without these the run has proven nothing.
NEEDED = ("hit", "revalidated", "stale", "joined", "retried", "circuit_refused", "throttled")
_AT_ONCE = 4
_MAX_FINDINGS = 20
_TEXTS_AT_LEAST = 8
_REFUSED = (*READS, Scope.MESSAGES_WRITE, Scope.TICKETS_WRITE, Scope.OPERATE)


@dataclass(slots=True)
class Result:
    """What came of a run.

    Attributes:
        left: Requests whose client went away.
        calls, refused_calls: What the sources answered, and what they refused for its credential.
        writes, audited: The ledger's rows, and the audit log's.
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
    audited: int = 0
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
            if self.draw.random() < 0.09:
                await asyncio.gather(*(self._upload(each) for each in self.draw.sample(callers, 3)))
                continue
            # Some are asked twice at once.
            crowd = self.draw.choices(callers, k=self.draw.choice((2, 4, 8, 12)))
            operation = self.mix.next()
            if self.draw.random() < 0.15:
                poorest = self._poorest()
                operation = self.mix.look(poorest.source)
                crowd += [each for each in callers if each.has(poorest) and not each.is_limited]
            crowd += self._missed(operation)
            asking = [self._ask(each, operation) for each in crowd]
            if self.stage.cast.intruders and self.draw.random() < 0.15:
                asking.append(self._intrude(self.draw.choice(callers), operation))
            await asyncio.gather(*asking)

    def _poorest(self) -> Access:
        """What has been seen least."""
        good = [each for each in self.stage.cast.accesses if each.good]
        return min(good, key=lambda each: self.judge.words[each.stem])

    def _missed(self, operation: Operation) -> Iterator[Caller]:
        """Those without whom little would come of it: who owns the file, who operates."""
        callers = self.stage.cast.callers
        if operation.handle is not None:
            owner = operation.handle.owner
            yield next(each for each in callers if each.owner(owner.access.source) == owner)
        elif operation.name in {"auditEvents", "writes"}:
            yield from (each for each in callers if each.login.grants.allow_anywhere(Scope.OPERATE))

    async def _ask(self, caller: Caller, operation: Operation) -> None:
        lot = self.draw.random()
        headers = self._headers(caller, "application/json")
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

    async def _intrude(self, caller: Caller, operation: Operation) -> None:
        """Ask what a caller asks, with their credentials for the sources, and a log-in that is worth nothing."""
        intruder = min(
            self.draw.sample(self.stage.cast.intruders, len(self.stage.cast.intruders)),
            key=lambda each: self.judge.turned_away[each.name],
        )
        path, kind, body = "/uploads?source=shared&filename=notes.txt", "application/octet-stream", b"notes"
        if self.draw.random() < 0.8:
            path, kind = "/graphql", "application/json"
            body = orjson.dumps({"query": operation.document, "variables": operation.variables(caller)})
        headers = {**caller.headers, **intruder.headers, "content-type": kind}
        answer = await self.connections.ask("POST", path, headers, body)
        if answer.is_whole:
            self.judge.turn_away(intruder, answer)

    def _headers(self, caller: Caller, kind: str) -> dict[str, str]:
        return {**caller.headers, **self.draw.choice(caller.login.headers), "content-type": kind}

    async def _upload(self, caller: Caller) -> None:
        source = self.draw.choice(("thulium", "shared"))
        owner = caller.owner(source)
        headers = self._headers(caller, "application/octet-stream")
        word = owner.access.word(KEY_MARK)
        path = f"/uploads?source={source}&filename={word}-notes.txt"
        answer = await self.connections.ask("POST", path, headers, f"{word}\n".encode())
        if not answer.is_whole:
            return
        self.judge.answers += 1
        self.judge.search(caller, "upload", answer.raw)
        if answer.status == 201:
            self.result.uploads += 1
            self.seen.handles.append(Handle(orjson.loads(answer.body)["id"], owner))


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
    seed: int,
    *,
    answers: int,
    for_s: float,
    at_most_s: float,
    asks_who: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> Result:
    """Ask for so long and until there are so many answers, and all that is needed has happened.

    Args:
        seed: Of everything that is drawn here; how it interleaves isn't.
        answers: At least so many.
        for_s: At least so long.
        at_most_s: Give up then.
        asks_who: Whether callers log in; else only their credentials for the sources tell them apart.
        tell: Called now and then.
    """
    cast = make_cast(seed, asks_who=asks_who)
    result = Result(seed, Judge(cast))
    written = io.StringIO()
    with temporary_folder() as folder:
        # The gateway's log, and whatever else is said there.
        with contextlib.redirect_stderr(written):
            configure_logs()
            try:
                async with open_stage(cast, folder) as stage:
                    await _play(stage, result, answers=answers, for_s=for_s, at_most_s=at_most_s, tell=tell)
                    metrics = await asyncio.to_thread(_metrics, written.getvalue())
            finally:
                log = written.getvalue()
        configure_logs()
        found, audited = rows(folder), events(folder)
        result.writes, result.audited = len(found), len(audited)
        result.judge.findings += [
            *in_log(cast, log),
            *in_metrics(cast, metrics),
            *in_files(cast, folder),
            *in_rows(cast, found),
            *in_events(cast, found, audited),
            *in_sight(cast, found, result.judge.shown),
        ]
    return result


def _metrics(log: str) -> str:
    """What is served where the log says so."""
    port = next(orjson.loads(line)["port"] for line in log.splitlines() if "metrics_served" in line)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        said: bytes = answer.read()
    return said.decode()


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
        if each.good and judge.words[each.stem] < _TEXTS_AT_LEAST
    ]
    missing += [f"a refusal of {name}" for name in ("nobody", "unknown") if not judge.refused[name]]
    figures = {
        "stale in an answer": judge.stale,
        "a message from the ledger": judge.from_ledger["netevia"],
        "another's handle": judge.handles_refused["thulium"],
        "one's own handle": judge.handles_used.total(),
        "an upload": result.uploads,
        "a key under which several have written": judge.shared_keys,
        "another's write by its id": judge.withheld,
        "a viewer": judge.viewers,
        "a client that leaves": result.left,
        "a call with an unknown credential": stage.witness.refused,
        "an operation that is cut": judge.codes["DEADLINE_EXCEEDED"],
    }
    if judge.cast.asks_who:
        figures |= _of_logins(judge)
    return [*missing, *(name for name, count in figures.items() if not count)]


def _of_logins(judge: Judge) -> dict[str, int]:
    """How often what only log-ins make possible has happened."""
    limited = [each for each in judge.cast.callers if each.is_limited]
    return {
        **{f"{each.name} is refused": judge.forbidden[each.name] for each in limited},
        **{f"a refusal for want of {scope}": judge.withheld_for[scope] for scope in _REFUSED},
        **{f"a text for {each.name}": judge.texts[each.name] for each in limited if _may_read(each)},
        **{f"a text that is for {' or '.join(SEEN_WITH[mark])}": judge.marks[mark] for mark in SEEN_WITH},
        **{f"{each.name} is turned away": judge.turned_away[each.name] for each in judge.cast.intruders},
        "a message from the ledger of a source of all": judge.from_ledger["shared_bank"],
        "a message of which one may not see the write": judge.without_writes,
        "another's handle at a source of all": judge.handles_refused["shared"],
        "a key at a source of all under which several have written": sum(
            any(
                len({each.subject for each in owners if each.access.source == source}) > 1
                for source in STATIC
            )
            for owners in judge.keys.values()
        ),
        "a write that two keys of one owner see": judge.shown_to_several,
        "another's write that an operator sees": judge.seen_by_operators,
        "an event that an operator sees": judge.events_seen,
    }


def _may_read(caller: Caller) -> bool:
    """Whether a text may be shown to them: only a write's owner sees its texts without."""
    return any(scope.endswith(":read") for scope in caller.login.grants.sources)

"""Nobody sees another's data, nor anything from before a write that has ended: whatever happens at once."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.deadline import Deadline, within
from gateway.domain.errors import GatewayError, SourceTimeout, SourceUnavailable
from gateway.resilience.cache import CacheOptions
from gateway.resilience.circuit import CircuitOptions
from gateway.resilience.limit import QueueOptions
from gateway.resilience.pace import PaceOptions
from gateway.resilience.stats import Event
from gateway.transport import Call, Reply, Transport
from tests.gateway.resilience.chain import chain
from tests.gateway.resilience.transports import others, owned, status
from tests.gateway.resilience.virtual_time import now, run

_MAX_STALE_S = 20.0


# -- what happens, drawn as a whole before anything does


@dataclass(frozen=True, slots=True)
class _Read:
    credential: str
    thing: str
    fresh: bool
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class _Write:
    credential: str
    thing: str


@dataclass(frozen=True, slots=True)
class _Cancel:
    which: int


@dataclass(frozen=True, slots=True)
class _Wait:
    seconds: float


_Step: TypeAlias = _Read | _Write | _Cancel | _Wait


@dataclass(frozen=True, slots=True)
class _Behaviour:
    """How the source treats one call: when it reads or changes what it holds, when it answers, and how."""

    delay_s: float
    apply_after_s: float
    fault: str


@dataclass(frozen=True, slots=True)
class _Scenario:
    steps: tuple[_Step, ...]
    behaviours: tuple[_Behaviour, ...]
    varies: bool = False


_FAULTS = ("", "", "", "", "503", "429", "404", "reset", "timeout")


def _draw(seed: int, *, length: int) -> _Scenario:
    lots = random.Random(seed)  # noqa: S311 - the same scenario for the same seed
    steps: list[_Step] = []
    for _ in range(length):
        credential, thing = lots.choice("abcde"), lots.choice("xyz")
        steps.append(
            lots.choices(
                (
                    _Read(credential, thing, lots.random() < 0.05, lots.choice((None, 0.5, 3.0, 30.0))),
                    _Write(credential, thing),
                    _Cancel(lots.randrange(1000)),
                    _Wait(lots.choice((0, 0, 0.1, 1, 6))),
                ),
                weights=(76, 2, 4, 18),
            )[0]
        )
    behaviours: list[_Behaviour] = []
    for each in range(997):
        # A source is well for a while, and then it isn't.
        ill = each // 25 % 5 == 4
        delay_s = lots.choice((0, 0.1, 0.5, 2, 9) if ill else (0, 0.1, 0.5))
        fault = lots.choice(_FAULTS) if ill else ""
        behaviours.append(_Behaviour(delay_s, lots.choice((0, 0, 0.3, 7)), fault))
    return _Scenario(tuple(steps), tuple(behaviours))


_things = st.sampled_from("xy")
_credentials = st.sampled_from("abc")
_scenarios = st.builds(
    _Scenario,
    st.lists(
        st.one_of(
            st.builds(_Read, _credentials, _things, st.booleans(), st.sampled_from((None, 0.5, 3.0))),
            st.builds(_Read, _credentials, _things, st.just(False), st.none()),
            st.builds(_Write, _credentials, _things),
            st.builds(_Cancel, st.integers(0, 50)),
            st.builds(_Wait, st.sampled_from((0.0, 0.1, 1.0, 6.0))),
        ),
        max_size=40,
    ).map(tuple),
    st.lists(
        st.builds(
            _Behaviour,
            st.sampled_from((0.0, 0.1, 0.5, 2.0, 9.0)),
            st.sampled_from((0.0, 0.3, 7.0)),
            st.sampled_from(_FAULTS),
        ),
        min_size=1,
        max_size=12,
    ).map(tuple),
    st.booleans(),
)


# -- the source


class _Desk:
    """Answers with the credential that it saw, and with how often what it was asked for has changed."""

    def __init__(self, scenario: _Scenario) -> None:
        self.versions: Counter[str] = Counter()
        self._behaviours = scenario.behaviours
        self._varies = scenario.varies
        self._calls = 0
        self._late: set[asyncio.Task[None]] = set()

    async def send(self, call: Call) -> Reply:
        behaviour = self._behaviours[self._calls % len(self._behaviours)]
        self._calls += 1
        credential = call.operation.partition(" ")[2]
        if call.safe:
            # What it says is as old as it can be: it looks first, and takes its time then.
            said = f"{credential} {call.path} {self.versions[call.path]}"
        else:
            said = "written"
            task = asyncio.ensure_future(self._apply(call.path, behaviour.apply_after_s))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        await asyncio.sleep(behaviour.delay_s)
        match behaviour.fault:
            case "":
                return self._answer(call, said)
            case "reset":
                raise SourceUnavailable("hub")
            case "timeout":
                raise SourceTimeout("hub")
            case code:
                return status(int(code))

    def _answer(self, call: Call, said: str) -> Reply:
        etag = f'"{said}"'
        if call.headers.get("if-none-match") == etag:
            return status(304, etag=etag)
        return status(200, said.encode(), etag=etag, **({"vary": "accept"} if self._varies else {}))

    async def _apply(self, thing: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.versions[thing] += 1

    async def settle(self) -> None:
        while self._late:
            await asyncio.wait(self._late)

    async def close(self) -> None:
        pass


# -- the play


@dataclass(slots=True)
class _Play:
    """Plays a scenario and judges each answer."""

    desk: _Desk
    transport: Transport
    blind: bool
    answers: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    sending: list["asyncio.Task[None]"] = field(default_factory=list)

    async def step(self, step: _Step) -> None:
        match step:
            case _Wait(seconds):
                await asyncio.sleep(seconds)
            case _Cancel(which):
                if self.sending:
                    self.sending[which % len(self.sending)].cancel()
            case _Read(timeout_s=float(timeout_s)):
                with within(Deadline.after(timeout_s, now=now)):
                    self._start(step)
            case _Read() | _Write():
                self._start(step)

    def _start(self, step: _Read | _Write) -> None:
        work = self._read(step) if isinstance(step, _Read) else self._write(step)
        self.sending.append(asyncio.ensure_future(work))

    def _call(self, verb: str, step: _Read | _Write) -> Call:
        # The operation's name is no part of any key: it tells the source who asks even where the key doesn't.
        call = Call(f"{verb} {step.credential}", "GET", step.thing, safe=True)
        return call if self.blind else owned(call, step.credential)

    async def _read(self, step: _Read) -> None:
        call = self._call("read", step)
        if step.fresh:
            call = replace(call, headers={"cache-control": "no-cache"})
        oldest = (self.desk.versions if step.fresh else self.ended)[step.thing]
        try:
            reply = await self.transport.send(call)
        except GatewayError:
            return
        if reply.status == 200:
            self.answers += 1
            credential, thing, version = reply.body.decode().split(" ")
            assert (credential, thing) == (step.credential, step.thing)
            assert int(version) >= oldest
            assert not reply.stale or (reply.age_s or 0) <= 2 + _MAX_STALE_S + 9

    async def _write(self, step: _Write) -> None:
        sent = True
        try:
            await self.transport.send(replace(self._call("write", step), method="POST", safe=False))
        except GatewayError as error:
            sent = getattr(error, "sent", True)
        finally:
            if sent:
                # What the source has changed by now, no read that begins later may miss.
                self.ended |= self.desk.versions


async def _play(scenario: _Scenario, *, blind: bool = False) -> tuple[int, Counter[Event]]:
    desk = _Desk(scenario)
    layers = chain(
        desk,
        cache=CacheOptions(ttl_s=lambda _: 2.0, max_stale_s=_MAX_STALE_S),
        max_bytes=200_000,
        circuit=CircuitOptions(min_calls=5),
        queue=QueueOptions(max_waiting=6, max_wait_s=1.0),
        pace=PaceOptions(max_running=4, default_pause_s=0.5),
    )
    play = _Play(desk, layers.transport, blind)
    for step in scenario.steps:
        await play.step(step)
    for outcome in await asyncio.gather(*play.sending, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
    # Longer than any flight that is left: they end by themselves.
    await asyncio.sleep(100)
    await desk.settle()
    assert (layers.limit.running, layers.limit.waiting, others()) == (0, 0, set())
    await layers.transport.close()
    return play.answers, Counter(layers.stats.events)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_scenarios)
def test_no_answer_is_anothers_or_from_before_a_write(scenario: _Scenario) -> None:
    run(_play(scenario))


@pytest.mark.parametrize("seed", range(4))
def test_nor_is_one_of_many_thousands(seed: int) -> None:
    answers, events = run(_play(_draw(seed, length=3000)))

    assert answers > 1000
    # None of the ways to share, or to be refused, was left out.
    assert {event for event, count in events.items() if count} == set(Event)


@pytest.mark.parametrize("seed", range(4))
def test_a_key_without_the_credentials_would_be_noticed(seed: int) -> None:
    with pytest.raises(AssertionError):
        run(_play(_draw(seed, length=300), blind=True))

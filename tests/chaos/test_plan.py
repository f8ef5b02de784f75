from collections import Counter

from gateway.sandbox import Sandbox
from tests.chaos.kinds import KINDS, Tells
from tests.chaos.plan import Accident, Mischief, Phase, Planned, Planner, accidents
from tests.chaos.targets import prepare


def plan(seed: int, *, writes: int = 400) -> list[Planned]:
    planner = Planner(prepare(Sandbox(), writes=writes), seed=seed)
    telling = [each for each in KINDS if each.tells is Tells.ALL]
    return [*planner.writes(writes, Phase.STORM), *planner.writes(10, Phase.LATE, kinds=telling)]


def test_a_seed_always_makes_the_same_plan_and_another_one_another() -> None:
    assert plan(5) == plan(5)
    assert plan(5) != plan(6)


def test_every_kind_of_write_takes_part() -> None:
    assert {each.kind for each in plan(1)} == set(KINDS)


def test_no_two_writes_can_be_taken_for_each_other() -> None:
    planned = plan(1, writes=2000)
    pieces = Counter(piece for each in planned for piece in each.pieces)
    assert [piece for piece, count in pieces.items() if count > 1] == []
    assert len({each.key for each in planned}) == len(planned)
    assert all(each.input["idempotencyKey"] == each.key for each in planned)


def test_some_have_twins_and_some_clients_are_impatient_but_only_in_a_storm() -> None:
    storm, late = plan(1)[:400], plan(1)[400:]
    assert {each.twins for each in storm} == {1, 2}
    assert {each.patience_s for each in storm} == {40.0, 3.0, 0.3}
    assert {(each.twins, each.patience_s) for each in late} == {(1, 40.0)}
    assert {each.kind.tells for each in late} == {Tells.ALL}


def test_accidents_are_spread_over_the_writes_in_their_order() -> None:
    planned = accidents({Mischief.KILL: 5, Mischief.CRASH: 2}, seed=1, writes=1000)
    assert planned == accidents({Mischief.KILL: 5, Mischief.CRASH: 2}, seed=1, writes=1000)
    assert planned == sorted(planned)
    assert Counter(each.mischief for each in planned) == {Mischief.KILL: 5, Mischief.CRASH: 2}
    assert 40 <= planned[0].after < planned[-1].after <= 800


def test_an_early_accident_can_be_had() -> None:
    (kill,) = accidents({Mischief.KILL: 1}, seed=1, writes=100, first=0.05, last=0.1)
    assert isinstance(kill, Accident)
    assert 5 <= kill.after <= 10

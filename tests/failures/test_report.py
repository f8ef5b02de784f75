"""What is called missed, and how it is shown."""

from dataclasses import replace

import orjson
import pytest

from tests.failures.apart import Apart
from tests.failures.cells import Cell
from tests.failures.footprint import Footprint
from tests.failures.judging import Flaw
from tests.failures.report import as_json, lines, soak_lines, verdicts
from tests.failures.run import Result
from tests.failures.soak import Soak, Take

CELL = Cell(
    fault="hangs",
    source="tulo",
    answers=100,
    others_complete=100,
    own_complete=15,
    flaws={},
    examples=[],
    codes={"SOURCE_TIMEOUT": 85},
    p50_s=0.02,
    p99_s=1.04,
    lag_p99_s=0.01,
    asked=60,
    calls=14,
    repeats=2,
    storm=1.03,
    storm_allowed=True,
    opened_s=0.45,
    openings=1,
    strangers=[],
    recovered_s=0.8,
    must_open=True,
    deadline_s=1.0,
)


def test_a_cell_that_holds_is_a_row() -> None:
    result = Result(7, rate=50.0, cells=[CELL])
    row = (
        "| hangs | tulo | 100 | 100 % | 15.0 % | 20 | 1040 | 10 | 14 | 60 | 2 | 1.03 | 0.45 | 0.80 | holds |"
    )
    assert row in list(lines(result))
    assert verdicts(result) == []


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (replace(CELL, others_complete=99), "1 answers lack something of other sources"),
        (replace(CELL, flaws={Flaw.BLAMED.value: 2}), "2 x blamed"),
        (replace(CELL, storm_allowed=False, repeats=40), "40 repeated calls of 60"),
        (replace(CELL, strangers=["thulium"]), "the circuit of thulium opened"),
    ],
)
def test_what_can_be_counted_is_missed_on_any_machine(cell: Cell, said: str) -> None:
    assert cell.counted() == cell.missed() == [said]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (replace(CELL, p99_s=1.06), "p99 is 1.060 s"),
        (replace(CELL, opened_s=None, openings=0), "the circuit did not open"),
        (replace(CELL, recovered_s=None), "it did not recover in 30 s"),
    ],
)
def test_what_depends_on_time_is_missed_in_the_long_run_alone(cell: Cell, said: str) -> None:
    assert (cell.counted(), cell.missed()) == ([], [said])


def test_all_but_everything_is_not_shown_as_everything() -> None:
    cell = replace(CELL, answers=10_000, others_complete=9_999)
    assert any("| 99.9 % |" in line for line in lines(Result(1, cells=[cell])))


@pytest.mark.parametrize(("hanging_s", "missed"), [([0.010, 0.011], []), ([0.012, 0.012], ["ratio 1.200"])])
def test_the_ratio_is_of_the_medians_of_both_sides(hanging_s: list[float], missed: list[str]) -> None:
    apart = Apart("thulium", [0.010, 0.012], hanging_s, answers=200, flawed=0)
    assert apart.missed() == missed


def test_what_was_not_tried_or_complained_of_is_missed() -> None:
    result = Result(1, complaints=["{...}"], unknown=["cache_ttl_s"], left_out=["429 on tulo"])
    assert verdicts(result) == [
        "not tried, for want of time: 429 on tulo",
        "the gateway complained: {...}",
        "the gateway has no setting cache_ttl_s",
    ]
    assert as_json(result, None)["missed"] == verdicts(result)


def test_all_of_it_can_be_written_as_json() -> None:
    apart = Apart("thulium", [0.010], [0.011], answers=9, flawed=0)
    whole = as_json(Result(1, cells=[CELL], kept=[CELL], apart=apart), soaked(FOOTPRINT))
    assert orjson.loads(orjson.dumps(whole))["cells"][0]["codes"] == {"SOURCE_TIMEOUT": 85}


FOOTPRINT = Footprint(rss_mb=100.0, files=60, sockets=40, threads=4, tasks=5)


def soaked(end: Footprint, **changes: object) -> Soak:
    takes = [Take(300, 90.0, FOOTPRINT, idle=True), Take(600, 95.0, replace(FOOTPRINT, tasks=20), idle=False)]
    soak = Soak(1000, resting=5, requests=1000, takes=[*takes, Take(1000, 90.0, end, idle=True)])
    for name, value in changes.items():
        setattr(soak, name, value)
    return soak


def test_a_soak_that_leaves_nothing_behind_holds() -> None:
    soak = soaked(replace(FOOTPRINT, rss_mb=105.0, files=65))
    assert soak.missed() == []
    assert "| 600 | 95 | 100.0 | 60 | 40 | 4 | 20 |  |" in list(soak_lines(soak))


@pytest.mark.parametrize(
    ("soak", "said"),
    [
        (soaked(replace(FOOTPRINT, rss_mb=120.0)), "20.0 MB more than after the warm-up"),
        (soaked(replace(FOOTPRINT, files=90)), "30 open files more than after the warm-up"),
        (soaked(replace(FOOTPRINT, tasks=6)), "1 tasks more than at the start"),
        (soaked(FOOTPRINT, requests=900), "900 of 1000 requests"),
        (soaked(FOOTPRINT, flaws=["HTTP 500"]), "1 flawed answers, such as HTTP 500"),
        (soaked(FOOTPRINT, complaints=["{}"]), "the gateway complained: {}"),
    ],
)
def test_what_a_soak_leaves_behind_is_missed(soak: Soak, said: str) -> None:
    assert soak.missed() == [said]

from collections import Counter

from gateway.domain.ledger import WriteState
from tests.chaos.report import Result, lines
from tests.chaos.samples import CONFIRMED, DOUBT, IN_DOUBT, arrived, planned, row, told
from tests.chaos.witness import Verdict, gather, judge


def report_of(*, arrivals: int, state: WriteState) -> list[str]:
    answers = told(CONFIRMED if state is WriteState.CONFIRMED else IN_DOUBT)
    cases, stray = gather([planned()], [row(state, DOUBT)], [arrived()] * arrivals, answers)
    return list(lines(Result(3, cases, judge(cases, stray), 12.0, Counter({"kills": 2}))))


def test_a_table_tells_of_each_kind_what_became_of_it() -> None:
    assert "| service_order_hub | reply | 1 | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |" in report_of(
        arrivals=1, state=WriteState.CONFIRMED
    )


def test_a_violation_is_counted_and_shown() -> None:
    report = report_of(arrivals=2, state=WriteState.CONFIRMED)
    assert "| **all** |  | 1 | 2 | 1 | 0 | 0 | 0 | 1 | 0 | 0 | 0 |" in report
    assert "- sent twice: 1" in report
    assert "SENT TWICE: #1 storm service_order_hub reply" in report


def test_what_is_left_in_doubt_is_listed_with_its_reason() -> None:
    report = report_of(arrivals=1, state=WriteState.IN_DOUBT)
    assert "- service_order_hub reply: 1: It may have been applied." in report
    assert f"- {Verdict.LEFT_IN_DOUBT}: 1" in report


def test_what_the_run_went_through_is_said() -> None:
    report = report_of(arrivals=1, state=WriteState.CONFIRMED)
    assert {"Seed 3, 12 s. What happened:", "- kills: 2"} <= set(report)

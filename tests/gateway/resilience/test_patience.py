import contextvars
import math

from gateway.domain.deadline import Deadline, within
from gateway.resilience.patience import Patience, fly_with, patience_s


def test_nobody_has_none() -> None:
    assert Patience().remaining_s(100.0) == 0


def test_the_most_patient_counts() -> None:
    patience = Patience()
    for deadline in (Deadline(105.0), Deadline(110.0), Deadline(102.0)):
        patience.join(deadline)

    assert [patience.remaining_s(now_s) for now_s in (100.0, 109.0, 111.0)] == [10.0, 1.0, 0.0]


def test_one_without_a_deadline_waits_for_ever() -> None:
    patience = Patience()
    patience.join(Deadline(105.0))
    patience.join(None)

    assert patience.remaining_s(1e9) == math.inf


def test_it_ends_when_the_last_one_has_gone() -> None:
    patience = Patience()
    patience.join(None)
    patience.join(None)

    patience.leave()
    assert patience.remaining_s(100.0) == math.inf
    patience.leave()
    assert patience.remaining_s(100.0) == 0


def test_outside_of_a_flight_it_is_the_operations_deadline() -> None:
    with within(Deadline(105.0)):
        assert (patience_s(100.0), patience_s(106.0)) == (5.0, 0.0)

    assert patience_s(100.0) == math.inf


def test_in_a_flight_it_is_that_of_those_who_wait() -> None:
    patience = Patience()
    patience.join(Deadline(107.0))
    flight = contextvars.Context()
    flight.run(fly_with, patience)

    assert flight.run(patience_s, 100.0) == 7.0
    assert patience_s(100.0) == math.inf, "another context has nothing of it"

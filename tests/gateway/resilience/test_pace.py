import math

from gateway.resilience.pace import Pace, PaceOptions


def _pace(*, room: int = 16) -> Pace:
    return Pace(PaceOptions(max_running=room), uniform=lambda low, high: (low + high) / 2)


def test_at_first_nothing_is_slowed_down() -> None:
    pace = _pace()

    assert (pace.room, pace.opens_s) == (16, -math.inf)


def test_a_429_closes_the_source_for_as_long_as_it_says_and_halves_the_room() -> None:
    pace = _pace()

    pace.throttled(99.0, 7.0, now_s=100.0)

    assert (pace.room, pace.opens_s) == (8, 107.0)


def test_a_429_that_does_not_say_closes_it_for_a_while_drawn_by_lot() -> None:
    pace = _pace()

    pace.throttled(99.0, None, now_s=100.0)

    assert pace.opens_s == 101.5


def test_no_more_is_believed_than_the_limit() -> None:
    pace = _pace()

    pace.throttled(99.0, 86400.0, now_s=100.0)

    assert pace.opens_s == 130.0


def test_a_shorter_pause_does_not_cut_a_longer_one() -> None:
    pace = _pace()
    pace.throttled(99.0, 20.0, now_s=100.0)

    pace.throttled(99.0, 0.0, now_s=101.0)

    assert pace.opens_s == 120.0


def test_those_who_were_under_way_together_halve_the_room_once() -> None:
    pace = _pace()
    for began_s in (98.0, 99.0, 99.5, 100.0):
        pace.throttled(began_s, 1.0, now_s=100.0)
    once = pace.room

    pace.throttled(100.5, 1.0, now_s=101.0)

    assert (once, pace.room) == (8, 4)


def test_there_is_always_room_for_one() -> None:
    pace = _pace(room=3)
    for second in range(100, 110):
        pace.throttled(second - 0.5, 0.0, now_s=second)

    assert pace.room == 1


def test_a_round_of_answers_makes_room_for_one_more_up_to_the_limit() -> None:
    pace = _pace(room=16)
    pace.throttled(99.0, 1.0, now_s=100.0)
    rooms = []
    for _ in range(4):
        for _ in range(math.ceil(pace.room)):
            pace.answered()
        rooms.append(round(pace.room))
    for _ in range(1000):
        pace.answered()

    assert (rooms, pace.room) == ([9, 10, 11, 12], 16)

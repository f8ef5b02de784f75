"""What the dial decides; nothing here does anything."""

import random
from collections import Counter

import pytest

from gateway.sandbox import Faults, Mishap
from gateway.sandbox.faults import delay_s, mishap_for


class NoDraw(random.Random):
    """Fails whoever draws without need."""

    def random(self) -> float:
        raise AssertionError("drawn")


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable, which is the point


def befalls(faults: Faults, *, is_write: bool = True, seed: int = 1) -> Mishap | None:
    draw = seeded(seed)
    return mishap_for(faults, is_write=is_write, draw=draw, mishap_draw=draw)


def series(faults: Faults, count: int, seed: int = 1) -> list[Mishap | None]:
    draw = seeded(seed)
    return [mishap_for(faults, is_write=True, draw=NoDraw(), mishap_draw=draw) for _ in range(count)]


class TestMishaps:
    def test_a_healthy_dial_draws_nothing(self) -> None:
        for is_write in (True, False):
            assert mishap_for(Faults(), is_write=is_write, draw=NoDraw(), mishap_draw=NoDraw()) is None

    @pytest.mark.parametrize("mishap", Mishap)
    def test_a_share_of_one_is_every_write(self, mishap: Mishap) -> None:
        assert set(series(Faults(mishaps={mishap: 1}), 200)) == {mishap}

    @pytest.mark.parametrize("mishap", Mishap)
    def test_a_share_of_none_is_no_write(self, mishap: Mishap) -> None:
        assert set(series(Faults(mishaps={mishap: 0}), 200)) == {None}

    def test_each_befalls_its_share_of_the_writes_and_never_two_one_write(self) -> None:
        faults = Faults(mishaps={"reset_before": 0.05, "lost_answer": 0.1, "applied_late": 0.25})
        counted = Counter(series(faults, 20_000))
        shares = {mishap: round(count / 20_000, 2) for mishap, count in counted.items()}
        assert shares == {
            None: 0.6,
            Mishap.RESET_BEFORE: 0.05,
            Mishap.LOST_ANSWER: 0.1,
            Mishap.APPLIED_LATE: 0.25,
        }

    def test_shares_that_fill_the_whole_leave_nothing_over(self) -> None:
        share = 1 / len(Mishap)
        assert set(series(Faults(mishaps=dict.fromkeys(Mishap, share)), 5_000)) == set(Mishap)

    def test_they_come_the_same_way_again_in_whatever_order_they_were_dialled(self) -> None:
        one = Faults(mishaps={"reset_before": 0.3, "lost_answer": 0.3})
        other = Faults(mishaps={"lost_answer": 0.3, "reset_before": 0.3})
        assert one == other
        assert series(one, 50) == series(other, 50)
        assert series(one, 50) != series(one, 50, seed=2)

    def test_a_request_that_none_can_befall_draws_nothing(self) -> None:
        faults = Faults(mishaps={"reset_before": 0.5})
        assert mishap_for(faults, is_write=False, draw=NoDraw(), mishap_draw=NoDraw()) is None

    def test_any_request_if_wanted(self) -> None:
        faults = Faults(mishaps={"reset_before": 1}, only_writes=False)
        assert befalls(faults, is_write=False) is Mishap.RESET_BEFORE

    @pytest.mark.parametrize(
        ("faults", "mishap"),
        [
            (Faults(timeout=True, throttle=True, mishaps={"lost_answer": 1}), Mishap.TIMEOUT_BEFORE),
            (Faults(throttle=True, error_rate=1, mishaps={"lost_answer": 1}), Mishap.THROTTLED),
            (Faults(error_rate=1, mishaps={"lost_answer": 1}), Mishap.ERROR_BEFORE),
            (Faults(mishaps={"lost_answer": 1}, malformed_json=True), Mishap.LOST_ANSWER),
            (Faults(malformed_json=True), Mishap.MALFORMED_JSON),
        ],
    )
    def test_at_most_one_befalls_a_request(self, faults: Faults, mishap: Mishap) -> None:
        assert befalls(faults) is mishap

    def test_a_dial_can_be_turned_after_it_was_made(self) -> None:
        faults = Faults()
        faults.mishaps = {"lost_answer": 1}
        assert befalls(faults) is Mishap.LOST_ANSWER


class TestLatency:
    def test_it_is_fixed_or_drawn_around_the_median_and_never_beyond_the_end(self) -> None:
        draw = seeded(1)
        assert delay_s(Faults(), NoDraw()) == 0
        assert delay_s(Faults(latency_ms=40), NoDraw()) == 0.04
        drawn = sorted(delay_s(Faults(latency_ms=40, latency_sigma=0.5), draw) for _ in range(1001))
        assert 0.035 < drawn[500] < 0.045
        assert max(delay_s(Faults(latency_ms=60_000, latency_sigma=5), draw) for _ in range(50)) == 60


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"latency_ms": -1}, "latency_ms must lie between 0 and 60000"),
        ({"latency_ms": 60_001}, "latency_ms must lie between 0 and 60000"),
        ({"latency_sigma": 6}, "latency_sigma must lie between 0 and 5"),
        ({"error_rate": 1.5}, "error_rate must lie between 0 and 1"),
        ({"error_rate": float("nan")}, "error_rate must lie between 0 and 1"),
        ({"error_status": 200}, "error_status must lie between 400 and 599"),
        ({"retry_after_s": -1}, "retry_after_s must not be negative"),
        ({"apply_after_s": -1}, "apply_after_s must lie between 0 and 86400"),
        ({"apply_after_s": 86_401}, "apply_after_s must lie between 0 and 86400"),
        ({"apply_after_s": float("nan")}, "apply_after_s must lie between 0 and 86400"),
        ({"mishaps": {"flood": 1}}, "mishaps: no such mishap flood; there are reset_before, timeout_before,"),
        ({"mishaps": {"lost_answer": -0.1}}, "mishaps: the share of lost_answer must lie between 0 and 1"),
        ({"mishaps": {"lost_answer": 1.1}}, "mishaps: the share of lost_answer must lie between 0 and 1"),
        (
            {"mishaps": {"lost_answer": float("nan")}},
            "mishaps: the share of lost_answer must lie between 0 and 1",
        ),
        (
            {"mishaps": {"lost_answer": 0.6, "reset_after": 0.6}},
            "mishaps: the shares add up to 1.2, and a request has one mishap at most",
        ),
    ],
)
def test_a_dial_has_ends(wanted: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Faults(**wanted)  # type: ignore[arg-type]

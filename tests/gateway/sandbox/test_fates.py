"""What befalls a request; nothing here does anything."""

import random
from collections import Counter

import pytest

from gateway.sandbox import Faults, Mishap
from gateway.sandbox.fates import Draws, Fate, delay_s, fate_of, in_force
from gateway.sandbox.faults import OF_READS_ALONE, OF_WRITES_ALONE

OF_ANY_WRITE = [each for each in Mishap if each not in OF_READS_ALONE]
OF_ANY_READ = [each for each in Mishap if each not in OF_WRITES_ALONE]


class NoDraw(random.Random):
    """Fails whoever draws without need."""

    def random(self) -> float:
        raise AssertionError("drawn")


def seeded(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable, which is the point


def draws(
    *,
    errors: random.Random | None = None,
    mishaps: random.Random | None = None,
    reads: random.Random | None = None,
    details: random.Random | None = None,
) -> Draws:
    """Streams of which only those given may be drawn from."""
    return Draws(errors or NoDraw(), mishaps or NoDraw(), reads or NoDraw(), details or NoDraw())


def any_draws(seed: int = 1) -> Draws:
    return Draws(seeded(seed), seeded(seed), seeded(seed), seeded(seed))


def befalls(
    faults: Faults, *, is_write: bool = True, is_later_page: bool = False, of: Draws | None = None
) -> Mishap | None:
    fate = fate_of(faults, is_write=is_write, is_later_page=is_later_page, draws=of or any_draws())
    return fate.mishap


def series(faults: Faults, count: int, seed: int = 1) -> list[Mishap | None]:
    """What befalls so many writes."""
    of = draws(mishaps=seeded(seed), details=seeded(seed))
    return [befalls(faults, of=of) for _ in range(count)]


def read_series(faults: Faults, count: int, seed: int = 1) -> list[Mishap | None]:
    """What befalls so many reads of later pages."""
    of = draws(reads=seeded(seed), details=seeded(seed))
    return [befalls(faults, is_write=False, is_later_page=True, of=of) for _ in range(count)]


class TestMishaps:
    @pytest.mark.parametrize("is_write", [True, False])
    def test_a_healthy_dial_draws_nothing(self, is_write: bool) -> None:
        assert befalls(Faults(), is_write=is_write, of=draws()) is None

    @pytest.mark.parametrize("mishap", OF_ANY_WRITE)
    def test_a_share_of_one_is_every_write(self, mishap: Mishap) -> None:
        assert set(series(Faults(mishaps={mishap: 1}), 200)) == {mishap}

    @pytest.mark.parametrize("mishap", OF_ANY_READ)
    def test_or_every_read(self, mishap: Mishap) -> None:
        assert set(read_series(Faults(read_mishaps={mishap: 1}), 200)) == {mishap}

    @pytest.mark.parametrize("mishap", OF_ANY_WRITE)
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

    def test_each_befalls_its_share_of_the_reads(self) -> None:
        faults = Faults(read_mishaps={"timeout_before": 0.05, "reset_before": 0.1, "not_json": 0.25})
        counted = Counter(read_series(faults, 20_000))
        assert {mishap: round(count / 20_000, 2) for mishap, count in counted.items()} == {
            None: 0.6,
            Mishap.TIMEOUT_BEFORE: 0.05,
            Mishap.RESET_BEFORE: 0.1,
            Mishap.NOT_JSON: 0.25,
        }

    def test_shares_that_fill_the_whole_leave_nothing_over(self) -> None:
        share = 1 / len(OF_ANY_WRITE)
        assert set(series(Faults(mishaps=dict.fromkeys(OF_ANY_WRITE, share)), 5_000)) == set(OF_ANY_WRITE)

    def test_they_come_the_same_way_again_in_whatever_order_they_were_dialled(self) -> None:
        one = Faults(mishaps={"reset_before": 0.3, "lost_answer": 0.3})
        other = Faults(mishaps={"lost_answer": 0.3, "reset_before": 0.3})
        assert one == other
        assert series(one, 50) == series(other, 50)
        assert series(one, 50) != series(one, 50, seed=2)

    def test_a_request_that_none_can_befall_draws_nothing(self) -> None:
        assert befalls(Faults(mishaps={"reset_before": 0.5}), is_write=False, of=draws()) is None
        assert befalls(Faults(read_mishaps={"reset_before": 0.5}), is_write=True, of=draws()) is None

    def test_any_request_if_wanted_unless_reads_have_their_own(self) -> None:
        faults = Faults(mishaps={"reset_before": 1}, only_writes=False)
        assert befalls(faults, is_write=False, of=draws(mishaps=seeded())) is Mishap.RESET_BEFORE
        faults = Faults(mishaps={"reset_before": 1}, only_writes=False, read_mishaps={"lost_answer": 1})
        assert befalls(faults, is_write=False, of=draws(reads=seeded())) is Mishap.LOST_ANSWER

    @pytest.mark.parametrize("mishap", sorted(OF_READS_ALONE))
    def test_only_a_later_page_can_be_wrong(self, mishap: Mishap) -> None:
        faults = Faults(read_mishaps={mishap: 1})
        assert befalls(faults, is_write=False, is_later_page=True) is mishap
        assert befalls(faults, is_write=False, is_later_page=False) is None

    @pytest.mark.parametrize(
        ("faults", "mishap"),
        [
            (Faults(timeout=True, throttle=True, mishaps={"lost_answer": 1}), Mishap.TIMEOUT_BEFORE),
            (Faults(throttle=True, error_rate=1, mishaps={"lost_answer": 1}), Mishap.THROTTLED),
            (Faults(error_rate=1, mishaps={"lost_answer": 1}), Mishap.ERROR_BEFORE),
            (Faults(errors={404: 1}, mishaps={"lost_answer": 1}), Mishap.ERROR_BEFORE),
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


class TestErrors:
    def statuses(self, faults: Faults, count: int) -> list[int | None]:
        of = draws(errors=seeded())
        fates = [fate_of(faults, is_write=False, is_later_page=False, draws=of) for _ in range(count)]
        return [fate.status if fate.mishap else None for fate in fates]

    def test_each_status_has_its_share(self) -> None:
        faults = Faults(errors={503: 0.2, 404: 0.1}, error_rate=0.3, error_status=502)
        counted = Counter(self.statuses(faults, 20_000))
        assert {status: round(count / 20_000, 2) for status, count in counted.items()} == {
            502: 0.3,
            503: 0.2,
            404: 0.1,
            None: 0.4,
        }

    def test_both_spellings_mean_the_same(self) -> None:
        spelt = [
            Faults(error_rate=0.5, error_status=503),
            Faults(errors={503: 0.5}),
            Faults(errors={503: 0.25}, error_rate=0.25, error_status=503),
        ]
        one, *others = [self.statuses(faults, 50) for faults in spelt]
        assert others == [one, one]
        assert set(one) == {503, None}


class TestDetails:
    def fates(self, faults: Faults, count: int) -> list[Fate]:
        of = draws(details=seeded())
        return [fate_of(faults, is_write=True, is_later_page=False, draws=of) for _ in range(count)]

    def test_one_429_in_so_many_has_its_header(self) -> None:
        faults = Faults(throttle=True, retry_after_s=1, retry_after_share=0.25)
        with_it = [fate.detail < 0.25 for fate in self.fates(faults, 20_000)]
        assert round(sum(with_it) / 20_000, 2) == 0.25

    def test_nothing_is_drawn_where_nothing_depends_on_it(self) -> None:
        of = draws(mishaps=seeded())
        for faults in (
            Faults(throttle=True, retry_after_s=1),
            Faults(throttle=True, retry_after_share=0.5),
            Faults(mishaps={"slow_body": 1}),
        ):
            assert fate_of(faults, is_write=True, is_later_page=False, draws=of).detail == 0


class TestFlapping:
    def test_it_is_up_then_down_then_up_again(self) -> None:
        away = Faults(throttle=True)
        faults = Faults(latency_ms=5, flap_up_s=20, flap_down_s=5, while_down=away)
        seen = {second: in_force(faults, second) for second in (0, 19.9, 20, 24.9, 25, 44.9, 45)}
        assert seen == {0: faults, 19.9: faults, 20: away, 24.9: away, 25: faults, 44.9: faults, 45: away}

    def test_while_it_is_down_every_connection_is_reset_unless_said_otherwise(self) -> None:
        faults = Faults(latency_ms=5, errors={503: 1}, flap_up_s=1, flap_down_s=1)
        down = in_force(faults, 1)
        assert [befalls(down, is_write=each) for each in (True, False)] == [Mishap.RESET_BEFORE] * 2
        assert delay_s(down, NoDraw()) == 0

    def test_without_it_a_dial_counts_always(self) -> None:
        faults = Faults(while_down=Faults(throttle=True))
        assert in_force(faults, 1e6) is faults


class TestLatency:
    def test_it_is_fixed_or_drawn_around_the_median_and_never_beyond_the_end(self) -> None:
        draw = seeded(1)
        assert delay_s(Faults(), NoDraw()) == 0
        assert delay_s(Faults(latency_ms=40), NoDraw()) == 0.04
        drawn = sorted(delay_s(Faults(latency_ms=40, latency_sigma=0.5), draw) for _ in range(1001))
        assert 0.035 < drawn[500] < 0.045
        assert max(delay_s(Faults(latency_ms=60_000, latency_sigma=5), draw) for _ in range(50)) == 60

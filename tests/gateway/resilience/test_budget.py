from gateway.resilience.budget import BudgetOptions, RetryBudget


def _spent(budget: RetryBudget, now_s: float, tries: int = 1000) -> int:
    return sum(budget.spend(now_s) for _ in range(tries))


def test_retries_are_at_most_a_tenth_of_the_recent_calls() -> None:
    budget = RetryBudget(BudgetOptions())
    for _ in range(500):
        budget.called(100.0)

    assert _spent(budget, 100.0) == 50


def test_retries_do_not_earn_retries() -> None:
    budget = RetryBudget(BudgetOptions())
    for _ in range(100):
        budget.called(100.0)

    assert (_spent(budget, 100.0), _spent(budget, 105.0)) == (10, 0)


def test_a_quiet_source_may_have_a_few() -> None:
    budget = RetryBudget(BudgetOptions())
    budget.called(100.0)

    assert _spent(budget, 100.0) == 3


def test_the_few_are_not_on_top_of_the_tenth() -> None:
    budget = RetryBudget(BudgetOptions(share=0.1, floor=3))
    for _ in range(20):
        budget.called(100.0)

    assert _spent(budget, 100.0) == 3


def test_both_calls_and_retries_are_forgotten_in_time() -> None:
    budget = RetryBudget(BudgetOptions(window_s=10))
    for _ in range(100):
        budget.called(100.0)

    assert [_spent(budget, now_s) for now_s in (100.0, 109.0, 110.0, 119.0, 120.0)] == [10, 0, 3, 0, 3]


def test_over_a_long_storm_the_share_holds() -> None:
    budget = RetryBudget(BudgetOptions())
    retries = 0
    for tick in range(6000):
        budget.called(tick / 100)
        retries += budget.spend(tick / 100)

    assert 0.09 * 6000 < retries <= 0.1 * 6000 + 3

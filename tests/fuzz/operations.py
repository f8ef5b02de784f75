"""Operations made from the schema, by schemathesis: valid ones, and some that are wrong in one place."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.graphql import nodes

from tests.fuzz.target import Target, check, served

# As many are made at once; then the clock is looked at.
ROUND = 20
_WORDS = (
    "thulium",
    "tulo",
    "netevia",
    "telecomx",
    "service_order_hub",
    "a",
    "*",
    "%",
    "' or 1=1 --",
    "<b>x</b>",
    "\u0000",
)
_TIMES = (
    "2026-01-31T08:00:00Z",
    "2026-01-31",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59+14:00",
    "now",
    "",
)
_NUMBERS = ("0", "12.50", "-1e400", "NaN", "x")
_KNOWN_IDS = """{
  sources { id }
  cases(first: 20) { nodes { id messages(first: 2) { nodes { id } } } }
  tickets(first: 20, filter: {sources: ["thulium", "telecomx"]}) { nodes { id messages(first: 2) { nodes { id } } } }
  accounts(first: 20) { nodes { id } }
  subscriptions(first: 20) { nodes { id } }
}"""


def fuzz_operations(target: Target, *, seconds: float, first_seed: int) -> Counter[str]:
    """Ask for so long; how many answers had data, and how many which code.

    Raises:
        AssertionError: An answer that may never be, with the operation.
    """
    counts: Counter[str] = Counter()
    cases = _cases(target)
    ends_s = time.monotonic() + seconds
    for number in _rounds(ends_s):
        _run_round(target, cases, counts, first_seed * 1_000_000 + number)
    served(target)
    return counts


def _rounds(ends_s: float) -> Iterator[int]:
    number = 0
    while number == 0 or time.monotonic() < ends_s:
        yield number
        number += 1


def _run_round(target: Target, cases: st.SearchStrategy[Any], counts: Counter[str], number: int) -> None:
    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(cases)
    def ask(case: Any) -> None:
        said = case.call(timeout=20)
        response = httpx.Response(said.status_code, headers=_flat(said.headers), content=said.content)
        try:
            answer = check(response)
            if "data" in answer and answer.get("errors") is None:
                case.validate_response(said)
        except BaseException as error:
            error.add_note(f"seed {number}: {case.body}\n{said.content[:2000]!r}")
            raise
        counts["data"] += answer.get("data") is not None
        counts.update(each["extensions"]["code"] for each in answer.get("errors", ()))
        counts["asked"] += 1

    ask()


def _cases(target: Target) -> st.SearchStrategy[Any]:
    schema = schemathesis.graphql.from_url(f"{target.url}/graphql", config=schemathesis.Config())
    known = _ids(target.ask(_KNOWN_IDS))
    ids = st.sampled_from(known) | st.sampled_from(known).map(lambda each: each[:-3]) | st.text(max_size=20)
    schemathesis.graphql.scalar("ID", ids.map(nodes.String))
    schemathesis.graphql.scalar("String", (st.sampled_from(_WORDS) | st.text(max_size=50)).map(nodes.String))
    schemathesis.graphql.scalar("DateTime", st.sampled_from(_TIMES).map(nodes.String))
    schemathesis.graphql.scalar("Decimal", st.sampled_from(_NUMBERS).map(nodes.String))
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    made: list[st.SearchStrategy[Any]] = [
        each.as_strategy(generation_mode=mode) for each in operations for mode in modes
    ]
    return st.one_of(made)


def _ids(data: Any) -> list[str]:
    if isinstance(data, list):
        return [found for each in data for found in _ids(each)]
    if isinstance(data, dict):
        return [found for key, each in data.items() for found in ([each] if key == "id" else _ids(each))]
    return []


def _flat(headers: dict[str, list[str]]) -> list[tuple[str, str]]:
    # The content was unpacked on its way here.
    return [
        (name, value) for name, values in headers.items() for value in values if name != "content-encoding"
    ]

"""`python -m tests.identity`: does anybody ever see what belongs to another?

Callers with different credentials ask for the same things at the same moment, through one gateway with
cache, flights and retries on, while its sources fail in every way. Every byte of every answer is searched
for what belongs to others. First all log in, by keys and tokens with scopes of their own; then nobody does,
and only the credentials that they bring along for the sources tell them apart.
"""

import argparse
import asyncio
import sys

import uvloop

from tests.identity.report import lines
from tests.identity.run import run


def main() -> int:
    """Run, print, and fail on any finding."""
    line = argparse.ArgumentParser("python -m tests.identity", description="Nobody sees another's data.")
    line.add_argument("--seed", type=int, default=1, help="of the operations (default: %(default)s)")
    line.add_argument("--answers", type=int, default=20_000, help="at least (default: %(default)s)")
    line.add_argument("--minutes", type=float, default=15, help="at most (default: %(default)s)")
    options = line.parse_args()
    # What log-ins add is most of what there is to find.
    parts = [
        _run(
            options.seed,
            asks_who=asks_who,
            answers=int(options.answers * part),
            minutes=options.minutes * part,
        )
        for asks_who, part in ((True, 0.75), (False, 0.25))
    ]
    return 0 if all(parts) else 1


def _run(seed: int, *, asks_who: bool, answers: int, minutes: float) -> bool:
    """Whether all was well."""
    said = sys.__stderr__
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(
            run(
                seed,
                answers=answers,
                for_s=0,
                at_most_s=60 * minutes,
                asks_who=asks_who,
                tell=lambda text: print(text, file=said, flush=True),
            )
        )
    sys.stdout.writelines(f"{each}\n" for each in lines(result))
    return not (result.findings or result.missing or result.judge.answers < answers)


if __name__ == "__main__":
    sys.exit(main())

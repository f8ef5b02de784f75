"""`python -m tests.identity`: does anybody ever see what belongs to another?

Callers with different credentials ask for the same things at the same moment, through one gateway with
cache, flights and retries on, while its sources fail in every way. Every byte of every answer is searched
for what belongs to others.
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
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        said = sys.__stderr__
        result = runner.run(
            run(
                options.seed,
                answers=options.answers,
                for_s=0,
                at_most_s=60 * options.minutes,
                tell=lambda text: print(text, file=said, flush=True),
            )
        )
    sys.stdout.writelines(f"{each}\n" for each in lines(result))
    too_few = result.judge.answers < options.answers
    return 1 if result.findings or result.missing or too_few else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.chaos`: does a write reach the customer once, whatever fails?

Two gateway workers share one PostgreSQL and write to the sandbox's five services. Clients repeat their
writes under their keys while answers are lost, connections are reset, calls time out, writes are applied
late, workers are killed, services crash and the database stops. Then everything settles, and what the
ledger and the clients say is compared with what arrived.

The plan, the accidents and the services' mishaps come from the seed. How the processes interleave doesn't,
so two runs of one seed meet the same mishaps, but not each write the same one.
"""

import argparse
import asyncio
import sys

import uvloop

from tests.chaos.report import lines
from tests.chaos.run import long, run


def main() -> int:
    """Run, print, and fail if anything was seen that may never be."""
    line = argparse.ArgumentParser("python -m tests.chaos", description="Writes under every fault at once.")
    line.add_argument(
        "--seed", type=int, default=1, help="of the plan and the mishaps (default: %(default)s)"
    )
    line.add_argument("--writes", type=int, default=2000, help="in the storm (default: %(default)s)")
    options = line.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(run(long(options.writes), seed=options.seed))
    sys.stdout.writelines(f"{each}\n" for each in lines(result))
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())

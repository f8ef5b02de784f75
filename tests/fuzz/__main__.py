"""`python -m tests.fuzz`: does whatever a client may send ever break the gateway?"""

import argparse
import sys
import time

from tests.fuzz.operations import fuzz_operations
from tests.fuzz.raw import fuzz_requests
from tests.fuzz.target import started


def main() -> int:
    """Ask, print what was answered, and fail with the smallest request that broke something."""
    line = argparse.ArgumentParser("python -m tests.fuzz", description="Whatever a client may send.")
    line.add_argument("--seconds", type=float, default=600, help="in all (default: %(default)s)")
    line.add_argument("--seed", type=int, default=1, help="of what is sent (default: %(default)s)")
    options = line.parse_args()
    sys.stdout.write(f"seed {options.seed}\n")
    with started() as target:
        for name, fuzz in (("raw requests", fuzz_requests), ("operations", fuzz_operations)):
            began_s = time.monotonic()
            counts = fuzz(target, seconds=options.seconds / 2, first_seed=options.seed)
            sys.stdout.write(f"{name}, {time.monotonic() - began_s:.0f} s: {dict(counts.most_common())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

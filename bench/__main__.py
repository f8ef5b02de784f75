"""`python -m bench`: the gateway beside its peers. See README.md."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench.comparison import measure
from bench.measure import Effort
from bench.report import markdown, write

_PARTS = ("compare", "growth", "late", "writes")


def main() -> int:
    """Measure, print the tables, and write them with data and chart."""
    line = argparse.ArgumentParser("python -m bench", description="The gateway beside its peers.")
    line.add_argument("--seconds", type=float, default=5.0, help="of load a round (default: %(default)s)")
    line.add_argument("--rounds", type=int, default=3, help="of each comparison (default: %(default)s)")
    line.add_argument("--part", choices=_PARTS, action="append", help="only this; may be repeated")
    line.add_argument("--into", type=Path, help="folder for results.md, results.json and cpu.svg")
    options = line.parse_args()
    effort = Effort(options.seconds, options.rounds)

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            results = asyncio.run(measure(Path(folder), effort, parts=options.part or _PARTS, say=say))
        except RuntimeError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    sys.stdout.writelines(f"{each}\n" for each in markdown(results))
    if options.into is not None:
        write(results, options.into)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.failures`: what does one sick source cost, and is it said?

Every fault befalls every source while clients ask for something of all five, and each answer is compared
field by field with what it was when all were well. Then one source hangs, in alternating rounds, and the
operations that don't touch it are timed. `--soak` asks for a long time instead, and looks at what is left.

The operations and their order come from the seed; how they interleave doesn't.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import orjson
import uvloop

from gateway.sandbox import KINDS
from tests.failures.cells import Cell
from tests.failures.faults import FAULTS
from tests.failures.operations import Mix
from tests.failures.report import as_json, lines, soak_lines, verdicts
from tests.failures.run import Result, ids_of, long, run
from tests.failures.settings import Variant
from tests.failures.soak import Soak, Take, soak
from tests.failures.stage import running_gateway, running_services

_CACHED = Variant(cache_ttl_s=0.2, max_stale_s=30.0)


def main() -> int:
    """Run, print, and fail if anything was missed."""
    options = _options().parse_args()
    result, soaked = Result(options.seed), None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if options.soak:
            soaked = runner.run(_soak(options))
        else:
            size = long(faults=options.fault, sources=options.source)
            result = runner.run(run(size, seed=options.seed, tell=_tell_cell))
    said = [*soak_lines(soaked)] if soaked else [*lines(result)]
    sys.stdout.writelines(f"{each}\n" for each in said)
    whole = orjson.dumps(as_json(result, soaked), option=orjson.OPT_INDENT_2)
    if options.json:
        sys.stdout.write(whole.decode() + "\n")
    if options.write:
        options.write.write_text("\n".join(said) + "\n")
        options.write.with_suffix(".json").write_bytes(whole)
    return 1 if (soaked.missed() if soaked else verdicts(result)) else 0


def _options() -> argparse.ArgumentParser:
    line = argparse.ArgumentParser("python -m tests.failures", description="Reads while a source is sick.")
    line.add_argument("--seed", type=int, default=1, help="of the operations (default: %(default)s)")
    line.add_argument(
        "--fault",
        action="append",
        default=[],
        choices=[each.name for each in FAULTS],
        metavar="NAME",
        help="this one alone; may be given again",
    )
    line.add_argument(
        "--source", action="append", default=[], choices=KINDS, help="this one alone; may be given again"
    )
    line.add_argument("--soak", type=int, metavar="N", help="ask N times instead, and look what is left over")
    line.add_argument(
        "--leave",
        type=int,
        default=5000,
        metavar="N",
        help="requests of a soak that their client leaves in the middle (default: %(default)s)",
    )
    line.add_argument(
        "--minutes", type=float, default=45.0, help="a soak ends after so long (default: %(default)s)"
    )
    line.add_argument("--json", action="store_true", help="print everything as JSON, too")
    line.add_argument("--write", type=Path, metavar="FILE", help="also to a file, and to one with .json")
    return line


async def _soak(options: argparse.Namespace) -> Soak:
    async with running_services() as services, running_gateway(services, _CACHED) as gateway:
        mix = Mix(await ids_of(gateway), seed=options.seed)
        return await soak(
            services,
            gateway,
            mix,
            requests=options.soak,
            leave=options.leave,
            seed=options.seed,
            at_most_s=60 * options.minutes,
            tell=_tell,
        )


def _tell_cell(cell: Cell) -> None:
    held = "; ".join(cell.missed()) or "holds"
    sys.stderr.write(f"{cell.fault} on {cell.source}, {cell.seconds:.1f} s: {held}\n")


def _tell(take: Take) -> None:
    seen = take.footprint
    sys.stderr.write(
        f"{take.requests} requests, {take.rate:.0f}/s, {seen.rss_mb:.1f} MB, {seen.files} files, "
        f"{seen.sockets} sockets, {seen.tasks} tasks{', idle' if take.idle else ''}\n"
    )


if __name__ == "__main__":
    sys.exit(main())

"""Which processor core does what: one serves, the others load it and stand for the sources."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """Two sets of cores, as commands to put before another."""

    for_server: tuple[str, ...]
    for_load: tuple[str, ...]


def this_machine() -> Cores:
    """The first core serves.

    Raises:
        RuntimeError: There is only one.
    """
    server, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise RuntimeError("two processor cores are needed: one for the server, one for its load")
    return Cores(("taskset", "-c", str(server)), ("taskset", "-c", ",".join(map(str, others))))

"""`python -m tests.failures.probed FILE serve ...`: the gateway's program; on SIGUSR1 it tells of its tasks.

What runs is the program itself, in production's way: the handler alone is added. Tasks can't be counted
from outside a process, unlike its memory and its sockets.
"""

import asyncio
import json
import signal
import sys
from collections import Counter
from pathlib import Path

from gateway.__main__ import main


def _tell(into: Path) -> None:
    names = Counter(getattr(each.get_coro(), "__qualname__", "?") for each in asyncio.all_tasks())
    fresh = into.with_suffix(".new")
    fresh.write_text(json.dumps(names))
    fresh.replace(into)


if __name__ == "__main__":
    path = Path(sys.argv.pop(1))
    # Python runs the handler between two callbacks of the loop, in the loop's own thread.
    signal.signal(signal.SIGUSR1, lambda *_: _tell(path))
    sys.exit(main())

"""A process that wants the same keys as others: on a sign, it migrates, inserts and says which keys it got.

python -m tests.gateway.store.contender URL NAME
"""

import asyncio
import sys

from gateway.store import open_ledger
from gateway.store.migrate import migrate
from tests.gateway.store.entries import entry

KEYS = 40


def say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def contend(url: str, name: str) -> None:
    say("ready")
    sys.stdin.readline()
    await migrate(url)
    ledger = open_ledger(url)
    wanted = [entry(int(name) * 1000 + number, key=f"key-{number}") for number in range(KEYS)]
    told = await asyncio.gather(*map(ledger.insert, wanted))
    won = " ".join(each.key for each, in_force in zip(wanted, told, strict=True) if in_force is None)
    say(won)
    # Nothing has been closed: whoever kills it now finds what was promised.
    sys.stdin.readline()


if __name__ == "__main__":
    asyncio.run(contend(*sys.argv[1:]))

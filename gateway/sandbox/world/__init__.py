"""The one seeded world behind all five services: the same on every start, mutable while it runs.

Every part has its own seeded randomness, so one part can be reseeded, or grow, without moving another.
All seeded times lie before `REFERENCE_NOW`; new writes take theirs from the sandbox's clock.
In total at least 200 accounts, 100 cases, 300 tickets, 3,000 messages and 50 subscriptions; exact figures
stand in each part's module.
"""

import functools
import pickle
import random
from collections.abc import Callable
from datetime import UTC, datetime

from gateway.sandbox.world import netevia as netevia_part
from gateway.sandbox.world import service_order_hub as hub_part
from gateway.sandbox.world import telecomx as telecomx_part
from gateway.sandbox.world import thulium as thulium_part
from gateway.sandbox.world import tulo as tulo_part

REFERENCE_NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

_SEEDS: dict[str, Callable[[random.Random, datetime], object]] = {
    "tulo": tulo_part.seed,
    "service_order_hub": hub_part.seed,
    "netevia": netevia_part.seed,
    "telecomx": telecomx_part.seed,
    "thulium": thulium_part.seed,
}
KINDS = tuple(_SEEDS)


class World:
    """One attribute per kind; `reseed` replaces it, so hold on to the world and not to its parts."""

    tulo: tulo_part.TuloWorld
    service_order_hub: hub_part.HubWorld
    netevia: netevia_part.NeteviaWorld
    telecomx: telecomx_part.TelecomxWorld
    thulium: thulium_part.ThuliumWorld

    __hash__ = None  # type: ignore[assignment]  # mutable, and equal by its data

    def __getattr__(self, name: str) -> object:
        """Seed a part when it is first looked at: most tests touch one of the five."""
        if name not in _SEEDS:
            raise AttributeError(name)
        part: object = pickle.loads(_snapshot(name))  # noqa: S301 - our own bytes, made below
        setattr(self, name, part)
        return part

    def __eq__(self, other: object) -> bool:
        return isinstance(other, World) and all(getattr(self, kind) == getattr(other, kind) for kind in KINDS)

    def reseed(self, kind: str) -> None:
        """Throw one vendor's data away; what comes in its place is as seeded."""
        self.__dict__.pop(kind, None)


@functools.cache
def _snapshot(kind: str) -> bytes:
    """One vendor's seeded data, frozen: 58 ms to seed all five, 13 ms to thaw them, and tests reset often."""
    return pickle.dumps(_SEEDS[kind](random.Random(f"world:{kind}"), REFERENCE_NOW))

"""Who acts."""

import asyncio

from gateway.domain.access import LOCAL, LoginKind, Principal
from gateway.domain.acting import OPERATOR, SYSTEM, Actor, acting_as, actor


def test_nobody_in_particular_is_the_gateway_itself() -> None:
    assert actor() == SYSTEM


def test_somebody_acts_as_long_as_said() -> None:
    with acting_as(OPERATOR):
        with acting_as(Actor("key:ola", LoginKind.API_KEY)):
            assert actor() == Actor("key:ola", LoginKind.API_KEY)
        assert actor() == OPERATOR
    assert actor() == SYSTEM


async def test_a_task_remembers_who_began_it() -> None:
    begun = asyncio.Event()

    async def later() -> Actor:
        await begun.wait()
        return actor()

    with acting_as(OPERATOR):
        task = asyncio.create_task(later())
    begun.set()
    assert await task == OPERATOR


def test_a_principal_is_told_from_the_gateway_by_its_login() -> None:
    ola = Principal("key:ola", "Ola", LoginKind.API_KEY, credential_id="0123456789ab")

    assert Actor.of(ola, request_id="r-1") == Actor("key:ola", LoginKind.API_KEY, "0123456789ab", "r-1")
    assert Actor.of(LOCAL) == Actor("local", LoginKind.NONE)
    assert Actor.of(Principal("system", "System", LoginKind.TOKEN)) != SYSTEM

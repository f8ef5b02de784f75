"""The audit log as the graph gives it out, over a real ledger."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.domain import audit
from gateway.domain.access import Grants
from gateway.domain.audit import AuditEvent, AuditKind
from gateway.domain.errors import BadInput
from gateway.plans.fields import Fetch
from gateway.plans.selection import Selection
from gateway.store import SqlLedger, open_ledger
from resolvers.context import AnyFetch
from resolvers.paging import Connection
from resolvers.queries.audit import audit_events
from resolvers.types.audit import AuditFilter
from tests.gateway.store.entries import entry, settled, ticket
from tests.ledgers import new_ledger
from tests.resolvers.contexts import context

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    opened = open_ledger(new_ledger(tmp_path), clock=lambda: NOW)
    yield opened
    await opened.close()


@pytest.fixture
async def events(ledger: SqlLedger) -> list[AuditEvent]:
    """Four of two sources and one of none, the oldest first."""
    await ledger.insert(entry(1))
    await ledger.insert(entry(2, source="crm", operation="createTicket"))
    await ledger.replace(entry(1), settled(1))
    await ledger.append(audit.access_refused("reply", "messages:write@crm", source="crm"))
    await ledger.append(audit.access_refused("reply", "messages:write", source=None))
    return await ledger.audit_history(audit.AuditFilter(), limit=9)


def fetch(ledger: SqlLedger, *scopes: str) -> AnyFetch:
    asked = context(ledger=ledger, grants=Grants.of(scopes or ("operate",)))
    return Fetch(asked, Selection((), {}, {}), ("auditEvents",), ())


async def page(
    at: AnyFetch, first: int | None = None, after: str | None = None, **wanted: Any
) -> Connection[AuditEvent]:
    return await audit_events(at, AuditFilter(**wanted), first=first, after=after)


async def test_all_of_it_comes_newest_first(ledger: SqlLedger, events: list[AuditEvent]) -> None:
    assert (await audit_events(fetch(ledger))).nodes == events[::-1]


async def test_pages_follow_each_other(ledger: SqlLedger, events: list[AuditEvent]) -> None:
    first = await page(fetch(ledger), 2)
    second = await page(fetch(ledger), 2, first.page_info.end_cursor)
    third = await page(fetch(ledger), 2, second.page_info.end_cursor)
    last = await page(fetch(ledger), 2, third.page_info.end_cursor)

    assert [*first.nodes, *second.nodes, *third.nodes, *last.nodes] == events[::-1]
    infos = [each.page_info for each in (first, second, third, last)]
    assert [(each.has_previous_page, each.has_next_page) for each in infos] == [
        (False, True),
        (True, True),
        (True, False),
        (True, False),
    ]
    assert infos[3].end_cursor == infos[2].end_cursor


async def test_a_filter_narrows_it(ledger: SqlLedger, events: list[AuditEvent]) -> None:
    sent, created, done, at_crm, nowhere = events
    narrowed: list[tuple[dict[str, Any], list[AuditEvent]]] = [
        ({"source": "crm"}, [at_crm, created]),
        ({"operation": "createTicket"}, [created]),
        ({"kind": AuditKind.ACCESS_REFUSED}, [nowhere, at_crm]),
        ({"write": entry(1).ref.global_id}, [done, sent]),
        ({"principal": "system", "since": done.at}, [nowhere, at_crm, done]),
        ({"until": created.at}, [sent]),
        ({"principal": "nobody"}, []),
    ]
    for wanted, found in narrowed:
        assert (await page(fetch(ledger), **wanted)).nodes == found, wanted


async def test_who_operates_one_source_sees_what_was_done_there(
    ledger: SqlLedger, events: list[AuditEvent]
) -> None:
    sent, created, done, at_crm, _ = events

    assert (await page(fetch(ledger, "operate@crm"))).nodes == [at_crm, created]
    assert (await page(fetch(ledger, "operate@desk"), source="crm")).nodes == []
    assert (await page(fetch(ledger, "operate@desk", "operate@bank"))).nodes == [done, sent]
    assert (await page(fetch(ledger, "messages:read"))).nodes == []


async def test_a_cursor_is_of_one_filter_and_of_what_may_be_seen(
    ledger: SqlLedger, events: list[AuditEvent]
) -> None:
    assert events
    cursor = (await page(fetch(ledger), 1)).page_info.end_cursor

    for at, wanted in (
        (fetch(ledger), {"source": "crm"}),
        (fetch(ledger, "operate@crm"), {}),
        (fetch(ledger), {"since": NOW + timedelta(days=1)}),
    ):
        with pytest.raises(BadInput, match="another list or filter"):
            await page(at, 1, cursor, **wanted)
    with pytest.raises(BadInput, match="no cursor"):
        await page(fetch(ledger), 1, "x")


async def test_only_a_write_has_a_life_to_tell_of(ledger: SqlLedger) -> None:
    with pytest.raises(BadInput) as told:
        await page(fetch(ledger), write=ticket("1").global_id)

    assert (told.value.argument, str(told.value)) == (
        "filter.write",
        "Not the id of a Write but of a Ticket.",
    )

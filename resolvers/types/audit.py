"""The audit log's events."""

from datetime import datetime

import strawberry

from gateway.domain import audit
from gateway.domain.audit import AuditKind
from gateway.plans.price import at_most
from resolvers.paging import MAX_SIZE
from resolvers.types.connections import Edge, PageInfo
from resolvers.types.enums import LoginKind, WriteState

_KINDS = {
    AuditKind.WRITE_SUBMITTED: "A write was recorded, and sent right after.",
    AuditKind.WRITE_PROGRESSED: "Some parts of a write are known; the others are being sent.",
    AuditKind.WRITE_SETTLED: "Its sender has learnt what became of a write.",
    AuditKind.WRITE_LAPSED: "Nothing was heard of a write's sender in time: it is in doubt.",
    AuditKind.WRITE_RECONCILED: "A look at the source has shown what became of a write in doubt.",
    AuditKind.WRITE_SETTLED_BY_HAND: "A person has said what became of a write in doubt.",
    AuditKind.ACCESS_REFUSED: "Somebody wanted to write and was not allowed to: nothing was sent.",
    AuditKind.KEY_CREATED: "An API key was made.",
    AuditKind.KEY_REVOKED: "An API key was made worthless.",
    AuditKind.LEDGER_PURGED: "Something has gone from the ledger that had been kept long enough.",
}
_exposed = strawberry.enum(AuditKind, name="AuditKind", description="What has happened.")
for _value in _exposed.__strawberry_definition__.values:  # type: ignore[attr-defined]
    _value.description = _KINDS[AuditKind[_value.name]]


def _state_of(root: strawberry.Parent[audit.AuditEvent]) -> WriteState | None:
    return None if root.deed.state is None else WriteState(root.deed.state)


def _write_of(root: strawberry.Parent[audit.AuditEvent]) -> strawberry.ID | None:
    write = root.deed.write
    return None if write is None else strawberry.ID(write.global_id)


@strawberry.type(description="Something that was done. Nothing of what was written stands in it.")
class AuditEvent:
    id: strawberry.ID = strawberry.field(description="Unique in the log; it names no object of the graph.")
    at: datetime = strawberry.field(description="When it was recorded.")
    kind: AuditKind = strawberry.field(resolver=lambda root: root.deed.kind, description="What has happened.")
    principal: str = strawberry.field(
        resolver=lambda root: root.by.principal,
        description="Who did it; `system` or `operator` without a log-in: the gateway itself, or a command "
        "on its machine.",
    )
    login: LoginKind | None = strawberry.field(
        resolver=lambda root: root.by.login, description="How they had logged in; null for those two."
    )
    credential_id: str | None = strawberry.field(
        resolver=lambda root: root.by.credential_id,
        description="Which of their credentials they came with: an API key's id.",
    )
    request_id: str | None = strawberry.field(
        resolver=lambda root: root.by.request_id, description="The request that it was done in."
    )
    owner: str | None = strawberry.field(
        resolver=lambda root: root.deed.owner,
        description="Whose write it is, whoever has changed it; of an API key, its name.",
    )
    operation: str | None = strawberry.field(
        resolver=lambda root: root.deed.operation, description="The mutation's name."
    )
    source: str | None = strawberry.field(
        resolver=lambda root: root.deed.source,
        description="The source's key. It may have gone from the configuration since.",
    )
    target: strawberry.ID | None = strawberry.field(
        resolver=lambda root: root.deed.target, description="Id of the object that is written to."
    )
    write: strawberry.ID | None = strawberry.field(
        resolver=_write_of, description="Id of the write. It may have gone from the ledger since."
    )
    state: WriteState | None = strawberry.field(
        resolver=_state_of, description="The write's state from then on."
    )
    problem: str | None = strawberry.field(
        resolver=lambda root: root.deed.problem, description="Why it isn't confirmed: a code."
    )
    attempts: int | None = strawberry.field(
        resolver=lambda root: root.deed.attempts, description="How often the write had been sent by then."
    )
    key: str | None = strawberry.field(
        resolver=lambda root: root.deed.key_id, description="Id of the API key that was made or revoked."
    )
    detail: str | None = strawberry.field(
        resolver=lambda root: root.deed.detail,
        description="For people: how many parts of a write are in which state, what a key may, which scope "
        "was missing.",
    )


@strawberry.input(description="Which events to list.")
class AuditFilter:
    principal: str | None = strawberry.field(default=None, description="Only what this principal has done.")
    source: str | None = strawberry.field(default=None, description="Only writes to this source: its key.")
    operation: str | None = strawberry.field(
        default=None, description="Only writes by this mutation, such as `reply`."
    )
    kind: AuditKind | None = strawberry.field(default=None, description="Only events of this kind.")
    write: strawberry.ID | None = strawberry.field(default=None, description="Only this write's: its id.")
    since: datetime | None = strawberry.field(default=None, description="Only at this moment or later.")
    until: datetime | None = strawberry.field(default=None, description="Only before this moment.")


@strawberry.type(description="A page of the audit log.")
class AuditEventConnection:
    edges: list[Edge[AuditEvent]] = strawberry.field(
        description="The page's events with their cursors.", metadata=at_most(MAX_SIZE)
    )
    nodes: list[AuditEvent] = strawberry.field(description="The page's events.", metadata=at_most(MAX_SIZE))
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

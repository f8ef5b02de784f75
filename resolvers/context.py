"""What an operation knows: made fresh for each, so that nothing is shared between callers."""

from dataclasses import dataclass, field

from graphql import FieldNode

from gateway.domain.access import LOCAL, Principal, Scope
from gateway.domain.audit import AuditLog
from gateway.domain.catalog import Catalog, Source
from gateway.domain.clock import Clock
from gateway.domain.errors import Forbidden, GatewayError
from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry
from gateway.domain.records import Account, MessageAuthor, Origin
from gateway.plans.fields import Fetch, FieldLoaders, Needs
from gateway.security.limit_settings import LimitSettings, RateSettings
from gateway.writes.history import History
from gateway.writes.reconcile import Reconciler
from gateway.writes.service import Writes
from gateway.writes.uploads import Uploads
from resolvers.letters import Letters
from resolvers.loading import RecordLoaders
from resolvers.recalling import Recall


@dataclass(frozen=True, slots=True)
class Report:
    """An error that goes beside data: a list without one of its sources, for example."""

    error: GatewayError
    path: tuple[str | int, ...]
    nodes: tuple[FieldNode, ...]


def _source_of(parent: object) -> str | None:
    """The source that a field of a record is asked of."""
    match parent:
        case MessageAuthor(account=Ref(source=source) | Account(ref=Ref(source=source))):
            return source
        case Entry(source=source):
            return source
        case _:
            origin: Origin | None = getattr(parent, "origin", None)
            return None if origin is None else origin.source


@dataclass(slots=True)
class Context:
    """One operation's surroundings. Make it inside the running loop, on behalf of its caller.

    Attributes:
        principal: Who asks, and what they may.
        limits: How much one request may hold.
        rates: How much a caller may ask for; None for no limit.
        owners: The names under which the caller owns writes (`Source.owner`).
        operated: The sources of which the caller may see everybody's writes; None for all.
    """

    catalog: Catalog
    writes: Writes
    history: History
    audit: AuditLog
    reconciler: Reconciler
    uploads: Uploads
    clock: Clock
    request_id: str
    principal: Principal = LOCAL
    limits: LimitSettings = field(default_factory=LimitSettings)
    rates: RateSettings | None = None
    loaders: FieldLoaders = field(default_factory=lambda: FieldLoaders(_source_of))
    reports: list[Report] = field(default_factory=list)
    records: RecordLoaders = field(init=False)
    owners: frozenset[str] = field(init=False)
    operated: frozenset[str] | None = field(init=False)
    recall: Recall = field(init=False)
    letters: Letters = field(default_factory=Letters)

    def __post_init__(self) -> None:
        self.records = RecordLoaders(self.catalog)
        self.owners = self.catalog.owners(self.principal.subject)
        self.operated = self.principal.grants.sources.get(Scope.OPERATE, frozenset())
        self.recall = Recall(self.history, self.catalog, self.owners, self.operated)

    def refusal(self, needs: Needs, parent: object | None) -> Forbidden | None:
        """Why a field that needs any of these is refused below a parent (None: at the root), if it is."""
        grants = self.principal.grants
        source = None if parent is None else _source_of(parent)
        for scope in needs:
            if grants.allow_anywhere(scope) if source is None else grants.allow(scope, source):
                return None
        return Forbidden(needs[0], source=source)

    def require(self, scope: Scope, source: Source) -> None:
        """Refuse what the caller may not do at a source.

        Raises:
            Forbidden: They may not.
        """
        if not self.principal.grants.allow(scope, source.key):
            raise Forbidden(scope, source=source.key)

    def forget(self, *refs: Ref) -> None:
        """Let the operation's next looks see what a write has changed: these records, and the ledger."""
        for ref in refs:
            self.records.forget(ref)
        self.recall.forget()

    def report(self, error: GatewayError, fetch: "AnyFetch") -> None:
        """Add an error to the answer without giving up the field's data.

        A source that fails in the same way for many of a field's records is one error.
        """
        same = (error.source, error.code, fetch.path)
        if same not in [(each.error.source, each.error.code, each.path) for each in self.reports]:
            self.reports.append(Report(error, fetch.path, fetch.nodes))

    def report_or_raise(self, error: Exception, fetch: "AnyFetch") -> GatewayError:
        """Report an expected error, and raise any other: that one is a fault of ours."""
        if not isinstance(error, GatewayError):
            raise error
        self.report(error, fetch)
        return error


AnyFetch = Fetch[Context]

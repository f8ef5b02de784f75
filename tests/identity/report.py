"""What a run says of itself."""

from collections.abc import Iterator

from tests.identity.run import Result


def lines(result: Result) -> Iterator[str]:
    """The findings, what is missing, and one line of figures."""
    judge, events = result.judge, result.events
    yield from (f"FOUND {each}" for each in result.findings)
    yield from (f"MISSING {each}" for each in result.missing)
    yield f"codes: {dict(judge.codes.most_common())}"
    yield f"operations: {dict(judge.operations.most_common())}"
    if judge.cast.asks_who:
        yield f"turned away: {dict(judge.turned_away.most_common())}"
        yield f"refused for their scopes: {dict(judge.forbidden.most_common())}"
        yield f"for want of: {dict(judge.withheld_for.most_common())}"
    yield (
        f"seed {result.seed}, {'logged in' if judge.cast.asks_who else 'no log-in'}, {result.took_s:.0f} s: "
        f"{judge.answers} answers ({judge.bare} without a text), "
        f"{judge.words.total()} texts with the caller's own word, {result.calls} calls answered and "
        f"{result.refused_calls} refused, {events['hit']} hits, {events['revalidated']} revalidated, "
        f"{events['joined']} joins, {events['stale']} stale ({judge.stale} objects), {events['retried']} "
        f"retries, {events['circuit_refused']} refused by circuits, {events['throttled']} held back, "
        f"{judge.codes['DEADLINE_EXCEEDED']} cuts, {result.left} clients left, {result.writes} writes, "
        f"{result.audited} audit events, {judge.shared_keys} keys used by several, "
        f"{judge.withheld} times another's write was named and withheld, {judge.seen_by_operators} others' "
        f"writes and {judge.events_seen} events shown to operators, {judge.shown_to_several} writes shown to "
        f"several logins of their owner, {judge.viewers} viewers, {judge.from_ledger.total()} messages from "
        f"the ledger ({judge.without_writes} without their write), {judge.handles_refused.total()} handles "
        f"refused and {judge.handles_used.total()} used, {judge.turned_away.total()} intruders turned away, "
        f"{len(result.findings)} findings"
    )

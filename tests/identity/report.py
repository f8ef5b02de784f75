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
    yield (
        f"seed {result.seed}, {result.took_s:.0f} s: {judge.answers} answers ({judge.bare} without a text), "
        f"{judge.words.total()} texts with the caller's own word, {result.calls} calls answered and "
        f"{result.refused_calls} refused, {events['hit']} hits, {events['revalidated']} revalidated, "
        f"{events['joined']} joins, {events['stale']} stale ({judge.stale} objects), {events['retried']} "
        f"retries, {events['circuit_refused']} refused by circuits, {events['throttled']} held back, "
        f"{judge.codes['DEADLINE_EXCEEDED']} cuts, {result.left} clients left, {result.writes} writes "
        f"({sum(len(ids) > 1 for ids in judge.keys.values())} keys used by several), "
        f"{judge.from_ledger} messages from the ledger, {judge.handles_refused} handles refused, "
        f"{len(result.findings)} findings"
    )

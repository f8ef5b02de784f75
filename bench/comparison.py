"""All measurements, in order."""

import os
import platform
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.cores import this_machine
from bench.load import Wrk
from bench.measure import Bench, Effort, Figures
from bench.nginx import delayed, running_nginx
from bench.servers import Server, missing
from bench.stand import running_servers
from bench.targets import Target, targets
from bench.upstream import write_world
from bench.workloads import growth, workloads
from bench.writes import measure_writes

_ALL = ("gateway", "cached", "plain", "stock", "mercurius", "bare")
_LATE = ("gateway", "plain", "stock", "mercurius")
_CONNECTIONS = (1, 8, 64, 512)
_DELAY_MS = 20
_PACKAGES = (
    "strawberry-graphql",
    "graphql-core",
    "httpx",
    "pyreqwest",
    "uvicorn",
    "uvloop",
    "orjson",
    "msgspec",
)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Section:
    """Measurements of one kind; `problems` are those that could not be made."""

    name: str
    title: str
    figures: Sequence[Figures]
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything, and what it was measured on."""

    machine: dict[str, str]
    effort: Effort
    absent: Sequence[str]
    titles: dict[str, str]
    sections: Sequence[Section]
    targets: Sequence[Target]


async def measure(folder: Path, effort: Effort, *, parts: Sequence[str], say: Say) -> Results:
    """Run the named parts.

    Raises:
        RuntimeError: Something that is needed isn't there, or servers gave different data. What fails under
            load is among the results.
    """
    cores = this_machine()
    absent = missing()
    world = await write_world(folder / "world")
    asked, grown = workloads(world), growth(world)
    titles = {each.name: each.title for each in (*asked, *grown)} | {"W6": "a reply, recorded on SQLite"}
    sections: list[Section] = []
    source_ms: float | None = None

    async def add(name: str, title: str, *comparisons: Awaitable[Sequence[Figures]]) -> None:
        figures: list[Figures] = []
        problems = []
        for comparison in comparisons:
            try:
                figures += await comparison
            except RuntimeError as error:
                problems.append(str(error))
                say(str(error))
        sections.append(Section(name, title, figures, problems))
        say(f"{title}: done")

    async with running_nginx(folder, folder / "world", cores) as upstream:
        bench = Bench(Wrk(folder, cores), upstream, effort)
        names = [name for name in _ALL if name not in absent]
        async with running_servers(names, upstream, folder / "near", folder, cores) as servers:
            for each in (*asked, *grown):
                answer = await bench.answers(each, [one for one in servers if one.name != "bare"])
                (folder / f"{each.name}.answer").write_bytes(answer)
            say("all servers give the same data")
            if "compare" in parts:
                await add(
                    "compare",
                    "Sources that answer at once",
                    *(bench.compare(each, servers) for each in asked),
                )
            if "growth" in parts:
                chosen = _named(servers, "gateway", "cached", "plain", "mercurius")
                await add("messages", "More messages", *(bench.compare(each, chosen) for each in grown))
                chosen = _named(servers, "gateway", "cached", "mercurius")
                one_case = next(each for each in asked if each.name == "W3")
                comparisons = (bench.compare(one_case, chosen, number) for number in _CONNECTIONS)
                await add("connections", "More clients at once", *comparisons)
        if "late" in parts:
            late = [name for name in _LATE if name not in absent]
            async with (
                delayed(upstream, cores, delay_ms=_DELAY_MS) as slow,
                running_servers(late, slow, folder / "late", folder, cores) as servers,
            ):
                reads = [each for each in asked if each.name in {"W1", "W2", "W3"}]
                comparisons = (bench.compare(each, servers, 1) for each in reads)
                source_ms = await slow.round_trip_ms(f"/hub/api/v3/case?guid={world.guids[0]}")
                title = f"Sources that take {_DELAY_MS} ms ({source_ms:.1f} ms as measured), one client"
                await add("late", title, *comparisons)
        if "writes" in parts:
            written = measure_writes(bench, upstream, folder, cores)
            await add("writes", "Replies, over the sandbox", written)
    reached = targets({each.name: each.figures for each in sections}, source_ms=source_ms)
    return Results(_machine(), effort, absent, titles, sections, reached)


def _named(servers: Sequence[Server], *names: str) -> list[Server]:
    return [server for server in servers if server.name in names]


def _machine() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    found = {
        "processor": model,
        "cores": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
    }
    node = shutil.which("node")
    if node is not None:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        found["node"] = said.stdout.strip()
    return found | {name: version(name) for name in _PACKAGES}

"""What a process takes up, as Linux tells it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Footprint:
    """Tasks are asyncio's, and told by the process itself."""

    rss_mb: float
    files: int
    sockets: int
    threads: int
    tasks: int


def footprint(pid: int, *, tasks: int) -> Footprint:
    """That of a running process."""
    process = Path(f"/proc/{pid}")
    pairs = (line.partition(":") for line in (process / "status").read_text().splitlines())
    status = {name: value.split() for name, _, value in pairs}
    links = [link for each in (process / "fd").iterdir() if (link := _target(each)) is not None]
    return Footprint(
        rss_mb=int(status["VmRSS"][0]) / 1024,
        files=len(links),
        sockets=sum(link.startswith("socket:") for link in links),
        threads=int(status["Threads"][0]),
        tasks=tasks,
    )


def _target(link: Path) -> str | None:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return None  # Closed meanwhile.

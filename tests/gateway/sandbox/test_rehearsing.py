"""docs/rehearsing.md names every setting and mishap, and what it shows can be done as it stands."""

import asyncio
import re
import shlex
from pathlib import Path

import httpx
import pytest

from gateway.sandbox import Faults, Mishap, Running, Sandbox
from gateway.sandbox.command import run
from gateway.sandbox.faults import RetryAfterForm, Shape

MANUAL = (Path(__file__).parents[3] / "docs" / "rehearsing.md").read_text(encoding="utf-8")
PORT = "41234"


def rows(header: str) -> list[list[str]]:
    """The cells of a table."""
    table = MANUAL.partition(header)[2].partition("\n\n")[0]
    return [[cell.strip() for cell in re.split(r"\|", line.strip("|"))] for line in table.splitlines()[2:]]


SETTINGS = rows("| in JSON | what it does | such as |")
MISHAPS = rows("| name | what the client sees | was it done? | such as |")
SHOWN = [shlex.split(row[-1].strip("`")) for row in SETTINGS + MISHAPS]
LINES = [
    shlex.split(line, comments=True) for line in re.findall(r"^helpdesk-gateway .*$", MANUAL, re.MULTILINE)
]
CURLS = [shlex.split(line) for line in re.findall(r"^curl .*$", MANUAL, re.MULTILINE)]


def test_every_setting_is_in_it_once() -> None:
    named = [row[0].strip("`") for row in SETTINGS]
    assert sorted(named) == sorted(Faults.__dataclass_fields__)


def test_every_mishap_is_in_it_once_in_their_order() -> None:
    assert [row[0].strip("`") for row in MISHAPS] == list(Mishap)


@pytest.mark.parametrize("name", [*Shape, *RetryAfterForm])
def test_every_word_of_a_setting_is_in_it(name: str) -> None:
    assert f"`{name}`" in MANUAL


@pytest.mark.parametrize("row", MISHAPS, ids=lambda row: row[0])
def test_a_mishaps_command_dials_it(row: list[str]) -> None:
    assert f"mishap {row[0].strip('`')}:" in row[-1]


def assert_done(words: list[str]) -> None:
    try:
        code = run(words)
    except SystemExit as stopped:
        pytest.fail(f"{words}: refused with {stopped.code}")
    assert code == 0


@pytest.mark.parametrize("options", SHOWN, ids=" ".join)
async def test_each_shown_setting_turns_the_dial(
    options: list[str], sandbox: Sandbox, running: Running
) -> None:
    service = sandbox.services["thulium"]
    where = ["fault", "thulium", "--url", running.base_urls["thulium"]]
    await asyncio.to_thread(assert_done, [*where, *options])
    assert service.faults != Faults()


def test_a_settings_command_turns_that_setting_at_least() -> None:
    named = {row[0].strip("`"): row[-1] for row in SETTINGS}
    flags = {name: "--" + name.removesuffix("_ms").removesuffix("_s").replace("_", "-") for name in named}
    flags |= {"errors": "--error", "mishaps": "--mishap", "read_mishaps": "--read-mishap"}
    flags |= {"flap_up_s": "--flap", "flap_down_s": "--flap", "slow_bytes_per_s": "--slow-bytes-per-s"}
    assert [name for name, command in named.items() if f"{flags[name]} " not in command] == []


@pytest.mark.parametrize("words", LINES, ids=" ".join)
async def test_each_command_in_it_does_something(words: list[str], running: Running) -> None:
    port = str(httpx.URL(running.base_urls["thulium"]).port)
    assert words[:3] == ["helpdesk-gateway", "sandbox", "fault"]
    assert PORT in words
    await asyncio.to_thread(assert_done, [port if word == PORT else word for word in words[2:]])


@pytest.mark.parametrize("words", CURLS, ids=" ".join)
async def test_each_request_in_it_is_taken(
    words: list[str], running: Running, client: httpx.AsyncClient
) -> None:
    (url,) = (word for word in words if word.startswith("http://"))
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    body = words[words.index("-d") + 1] if "-d" in words else None
    answer = await client.request(
        method, httpx.URL(running.base_urls["thulium"]).join(httpx.URL(url).path), content=body
    )
    assert answer.status_code == 200
    assert set(answer.json()) == set(Faults.__dataclass_fields__)


def test_it_shows_some_of_each() -> None:
    assert [len(LINES), len(CURLS)] == [3, 5]

"""What the README and the documents say is what the program does."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel

from gateway import config
from gateway.domain.errors import ErrorCode
from gateway.security.auth_settings import JwtSettings
from gateway.sources.registry import SOURCES
from tests.dev import Dev

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def rows(header: str) -> list[list[str]]:
    table = README.partition(header)[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_query_shown_gives_the_answer_shown(dev: Dev) -> None:
    dial = str(httpx.URL(dev.sandbox_urls["telecomx"]).join("/__sandbox__/faults"))
    dev.http.put(dial, json={"error_rate": 1, "error_status": 503}).raise_for_status()
    answer = dev.execute(block("graphql"))
    shown = json.loads(block("json"))
    for each in (answer, shown):
        (error,) = each["errors"]
        assert error["extensions"].pop("requestId")
    assert answer == shown


def test_the_table_of_sources_is_what_they_can_do(dev: Dev) -> None:
    sources = dev.data("{ sources { kind docsUrl capabilities } }")["sources"]
    titles = {spec.kind: spec.title for spec in SOURCES}
    assert rows("| kind | system | can |") == [
        [f"`{each['kind']}`", f"[{titles[each['kind']]}]({each['docsUrl']})", " ".join(each["capabilities"])]
        for each in sources
    ]


def test_the_table_of_codes_is_complete() -> None:
    assert [row[0] for row in rows("| `errors[].extensions.code` | means |")] == [
        code.value for code in ErrorCode
    ]


def test_every_path_that_the_readme_names_exists() -> None:
    for named in re.findall(r"\]\(((?!http)[^)]+)\)", README) + re.findall(
        r"`((?:gateway|resolvers|tests)/[^`]*)`", README
    ):
        assert (ROOT / named).exists(), named


def test_the_annotated_configuration_is_valid_and_shows_every_setting() -> None:
    path = ROOT / "docs" / "configuration.toml"
    settings = config.load(path, {})
    assert sorted(each.kind for each in settings.sources.values()) == sorted(spec.kind for spec in SOURCES)
    text = path.read_text(encoding="utf-8")
    shown = set(re.findall(r"^(?:#\s+|\[+sources\.[\w-]+\.)?([a-z_]+)(?: =|\]+)", text, re.MULTILINE))
    for spec in SOURCES:
        assert set(spec.settings.model_fields) <= shown, spec.kind
    for name, table in config.Settings.model_fields.items():
        each = table.annotation
        if isinstance(each, type) and issubclass(each, BaseModel):
            assert set(each.model_fields) - {"jwt"} <= shown, name
    assert set(JwtSettings.model_fields) <= shown


def test_what_pyproject_asks_for_is_pinned_with_hashes() -> None:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-dev.lock": project["project"]["dependencies"] + project["dependency-groups"]["dev"],
    }
    for name, dependencies in wanted.items():
        lock = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in lock
        pinned = dict(re.findall(r"^([a-z0-9_.-]+)==(\S+).*\\\n\s+--hash=", lock, re.MULTILINE))
        for each in dependencies:
            assert re.split(r"[^a-z0-9-]", each)[0] in pinned, each

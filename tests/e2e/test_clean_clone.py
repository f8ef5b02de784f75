"""The README's commands, word for word, on a clean clone."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parent.parent.parent
COMMANDS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
START, WITHOUT_MAKE, _TESTS, _DIAL, KEY, REAL, SANDBOX = COMMANDS


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed, and nothing else."""
    path = tmp_path_factory.mktemp("clone") / "helpdesk-gateway"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, path], check=True)
    return path


@contextmanager
def running(command: str, clone: Path, until: str, **environ: str) -> Iterator[list[str]]:
    """A command as a user types it, up to a line that it prints; then Ctrl-C."""
    with subprocess.Popen(
        ["bash", "-euc", command],
        cwd=clone,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if until in line:
                break
        else:
            raise AssertionError("".join(said))
        try:
            yield said
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.stdout.read()
    # Nothing of the group is left.
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def sources_at(url: str, key: str | None = None) -> list[str]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    request = {"query": "{ sources { key } }"}
    answer = httpx.post(f"{url}/graphql", json=request, headers=headers, trust_env=False)
    return [each["key"] for each in answer.json()["data"]["sources"]]


ALL = ["tulo", "service_order_hub", "netevia", "telecomx", "thulium"]


def test_make_dev_starts_everything_and_ctrl_c_stops_it(clone: Path) -> None:
    with running(START, clone, "Ctrl-C", PORT="0") as said:
        (url,) = re.findall(r"(http://\S+)/graphql", "".join(said))
        assert sources_at(url) == ALL
        assert (
            "text/html"
            in httpx.get(f"{url}/graphql", headers={"accept": "text/html"}).headers["content-type"]
        )
    with pytest.raises(httpx.ConnectError):
        sources_at(url)


def test_the_same_without_make(clone: Path) -> None:
    subprocess.run(["rm", "-rf", clone / ".venv"], check=True)
    with running(WITHOUT_MAKE, clone, "Ctrl-C", PORT="0") as said:
        (url,) = re.findall(r"(http://\S+)/graphql", "".join(said))
        assert sources_at(url) == ALL


def test_configuration_alone_points_it_at_other_systems(clone: Path) -> None:
    """The sandbox on its own stands in for the real systems: all that changes is the configuration."""
    check, migrate, create, serve = REAL.strip().splitlines()
    example = (clone / "docs" / "configuration.toml").read_text(encoding="utf-8")
    (clone / "helpdesk-gateway.toml").write_text(example, encoding="utf-8")
    with running(SANDBOX.replace("--latency thulium=50 --error-rate tulo=0.1", ""), clone, "{") as said:
        systems = json.loads(said[-1])["sources"]
        keys = {
            "readers": ("tulo", {"client_id": "clientId", "client_secret": "clientSecret"}),
            "repairs": ("service_order_hub", {"token": "token"}),
            "banking": ("netevia", {"token": "token"}),
            "telecom": ("telecomx", {"username": "username", "password": "password"}),
            "support_pl": ("thulium", {"api_user": "username", "api_password": "password"}),
        }
        variables = {"HELPDESK_GATEWAY_SERVER__PORT": "0"}
        for key, (kind, names) in keys.items():
            prefix = f"HELPDESK_GATEWAY_SOURCES__{key.upper()}__"
            variables[f"{prefix}BASE_URL"] = systems[kind]["baseUrl"]
            for setting, name in names.items():
                variables[prefix + setting.upper()] = systems[kind]["credentials"][name]
        done = [
            subprocess.run(
                ["bash", "-euc", command],
                cwd=clone,
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
                check=False,
            )
            for command in (check, migrate, create, KEY)
        ]
        assert [each.returncode for each in done] == [0, 0, 0, 0], [each.stderr for each in done]
        printed = [each.stdout.splitlines() for each in done]
        assert printed[:2] == [
            ["readers: ok", "repairs: ok", "banking: ok", "telecom: ok", "support-pl: ok"],
            ["The ledger's tables are those of this version."],
        ]
        # Each prints its key and nothing else.
        ((mine,), (webshops,)) = printed[2:]
        with running(serve, clone, "/graphql", **variables) as listening:
            (url,) = re.findall(r"(http://\S+)/graphql", "".join(listening))
            refused = httpx.post(f"{url}/graphql", json={"query": "{ __typename }"}, trust_env=False)
            assert refused.status_code == 401
            for each in (mine, webshops):
                found = sources_at(url, each)
                assert found == ["readers", "repairs", "banking", "telecom", "support-pl"]


def test_the_sandbox_runs_alone_with_latency_and_errors(clone: Path) -> None:
    with running(SANDBOX, clone, "{") as said:
        assert set(json.loads(said[-1])["sources"]) == set(ALL)


def test_installed_it_is_a_command_with_all_its_files(clone: Path) -> None:
    install = """
    .venv/bin/python -m pip install --quiet --require-hashes -r requirements-build.lock
    .venv/bin/python -m pip install --quiet --no-build-isolation --no-deps .
    cd / && "$OLDPWD/.venv/bin/helpdesk-gateway" schema
    """
    done = subprocess.run(["bash", "-euc", install], cwd=clone, capture_output=True, text=True, check=True)
    assert done.stdout == (clone / "schema.graphql").read_text(encoding="utf-8")
    with running("cd / && $OLDPWD/.venv/bin/helpdesk-gateway dev", clone, "Ctrl-C", PORT="0") as said:
        (url,) = re.findall(r"(http://\S+)/graphql", "".join(said))
        page = httpx.get(f"{url}/graphql", headers={"accept": "text/html"}, trust_env=False).text
        (script,) = re.findall(r'src="(/explorer/[^"]+)"', page)
        assert httpx.get(url + script, trust_env=False).status_code == 200

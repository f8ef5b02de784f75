"""What tests of the whole program share: the `dev` process, as a user starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from gateway.config import OperationSettings, Settings
from tests.dev import Dev


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--without-plans",
        action="store_true",
        help="Run all operations by graphql-core: `operations.plans` is off.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Turn plans off for settings made here, and for the processes that tests start."""
    if config.getoption("--without-plans", default=False):
        OperationSettings.model_fields["plans"].default = False
        OperationSettings.model_rebuild(force=True)
        Settings.model_fields["operations"].default = OperationSettings()
        Settings.model_rebuild(force=True)
        os.environ["HELPDESK_GATEWAY_OPERATIONS__PLANS"] = "false"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def dev_process() -> Iterator[Dev]:
    command = [sys.executable, "-m", "gateway", "dev", "--port", "0", "--no-cache"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PORT": ""}
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        else:
            raise AssertionError("dev ended: " + "".join(said))
        urls = {name: url for line in said if len(words := line.split()) > 1 for name, url in [words[-2:]]}
        sandbox = {name: url for name, url in urls.items() if name != "endpoint:" and url.startswith("http")}
        gateway = urls["endpoint:"].removesuffix("/graphql")
        with httpx.Client(timeout=30, trust_env=False) as http:
            yield Dev(gateway, sandbox, http)
        process.terminate()
        assert process.wait(20) == 0
        # Sources were made to fail; the gateway itself had nothing to complain of in all these tests.
        complaints = [line for line in process.stdout if '"level": "warning"' not in line]
        assert complaints == []


@pytest.fixture
def dev(dev_process: Dev) -> Dev:
    """The `dev` process with its world as seeded."""
    dev_process.reset()
    return dev_process

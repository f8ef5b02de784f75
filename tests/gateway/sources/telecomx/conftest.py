from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.catalog import Source
from gateway.sandbox import Sandbox
from gateway.sandbox.world.telecomx import HELP_CENTERS
from gateway.sources.spec import SourceContext, SourceSpec
from gateway.sources.telecomx import SPEC
from gateway.sources.telecomx.client import Telecomx
from gateway.transport import Transport
from tests.sources import Hands, connected

Build = Callable[..., Telecomx]


@pytest.fixture(scope="module")
def spec() -> SourceSpec[Any]:
    return SPEC


@pytest.fixture(scope="module")
def source_key() -> str:
    return "tx"


@pytest.fixture
def settings(sandbox: Sandbox) -> dict[str, Any]:
    """An employee of level RESELLER at the original document's reseller, and the two help centres."""
    login = sandbox.services["telecomx"].credentials
    return {
        "kind": "telecomx",
        "base_url": "https://api.telecomx.dk",  # only the transport goes by it
        "username": login["resellerUsername"],
        "password": login["resellerPassword"],
        "help_centers": [
            {"id": HELP_CENTERS[0], "name": "Kundeservice", "email": "hjaelp@telecomx.example.net"},
            {"id": HELP_CENTERS[1], "name": "Teknisk support"},
        ],
    }


@pytest.fixture
def build(settings: dict[str, Any], wire: Transport, hands: Hands) -> Build:
    """Make a client as the gateway does; keywords change the settings, `transport` what it talks to."""

    def make(transport: Transport | None = None, **changed: object) -> Telecomx:
        wanted = SPEC.settings.model_validate({**settings, **changed})
        client = connected(SPEC, SourceContext("tx", wanted, transport or wire, hands))
        assert isinstance(client, Telecomx)
        return client

    return make


@pytest.fixture
def telecomx(build: Build) -> Telecomx:
    return build()


@pytest.fixture
def admin(build: Build, sandbox: Sandbox) -> Telecomx:
    """The same instance with an employee of level ADMIN."""
    login = sandbox.services["telecomx"].credentials
    return build(username=login["username"], password=login["password"])


@pytest.fixture
def source(telecomx: Telecomx) -> Source:
    """The client as the graph holds it."""
    return Source("tx", SPEC.kind, SPEC.title, SPEC.docs_url, telecomx, SPEC.shapes)

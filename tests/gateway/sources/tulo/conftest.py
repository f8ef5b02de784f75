from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.catalog import Source
from gateway.sandbox import Sandbox
from gateway.sources.spec import SourceContext, SourceSpec
from gateway.sources.tulo import SPEC
from gateway.sources.tulo.client import Tulo
from gateway.transport import Transport
from tests.sources import Hands, connected

Build = Callable[..., Tulo]


@pytest.fixture(scope="module")
def spec() -> SourceSpec[Any]:
    return SPEC


@pytest.fixture(scope="module")
def source_key() -> str:
    return "tulo"


@pytest.fixture
def settings(sandbox: Sandbox) -> dict[str, Any]:
    login = sandbox.services["tulo"].credentials
    return {
        "kind": "tulo",
        "base_url": "https://backend.worldoftulo.com",  # only the transport goes by it
        "client_id": login["clientId"],
        "client_secret": login["clientSecret"],
    }


@pytest.fixture
def build(settings: dict[str, Any], wire: Transport, hands: Hands) -> Build:
    """Make a client as the gateway does; keywords change the settings, `transport` what it talks to."""

    def make(transport: Transport | None = None, **changed: object) -> Tulo:
        wanted = SPEC.settings.model_validate({**settings, **changed})
        client = connected(SPEC, SourceContext("tulo", wanted, transport or wire, hands))
        assert isinstance(client, Tulo)
        return client

    return make


@pytest.fixture
def tulo(build: Build) -> Tulo:
    return build()


@pytest.fixture
def source(tulo: Tulo) -> Source:
    """The client as the graph holds it."""
    return Source("tulo", SPEC.kind, SPEC.title, SPEC.docs_url, tulo, SPEC.shapes)

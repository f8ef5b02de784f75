from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.domain.catalog import Source
from gateway.sandbox.service_order_hub import PARTNER_TOKEN
from gateway.sources.service_order_hub import SPEC
from gateway.sources.service_order_hub.client import ServiceOrderHub
from gateway.sources.spec import SourceContext, SourceSpec
from gateway.transport import Transport
from gateway.transport.httpx import HttpxTransport
from tests.sources import connected

NOW = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)

Build = Callable[..., ServiceOrderHub]


def build(transport: Transport, **settings: object) -> ServiceOrderHub:
    """The client as the gateway makes it; `settings` come on top of the sandbox's partner token."""
    given = {
        "kind": "service_order_hub",
        "base_url": "https://serviceorderhub.com/api",  # only the transport goes by it
        "token": PARTNER_TOKEN,
        **settings,
    }
    client = connected(SPEC, SourceContext("se", SPEC.settings.model_validate(given), transport, lambda: NOW))
    assert isinstance(client, ServiceOrderHub)
    return client


@pytest.fixture(scope="module")
def spec() -> SourceSpec[Any]:
    return SPEC


@pytest.fixture(scope="module")
def source_key() -> str:
    return "se"


@pytest.fixture(scope="module")
def now() -> datetime:
    return NOW


@pytest.fixture
def connect() -> Build:
    """Build a client over any transport, with any settings."""
    return build


@pytest.fixture
def client(transport: HttpxTransport) -> ServiceOrderHub:
    return build(transport)


@pytest.fixture
def source(client: ServiceOrderHub) -> Source:
    """The client as the graph holds it."""
    return Source("se", SPEC.kind, SPEC.title, SPEC.docs_url, client, SPEC.shapes)

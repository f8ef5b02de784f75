from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.sources.spec import SourceContext, SourceSpec
from gateway.sources.thulium import SPEC
from gateway.sources.thulium.client import Thulium
from gateway.transport import Transport
from gateway.transport.httpx import HttpxTransport
from tests.sources import connected

NOW = datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)

Build = Callable[..., Thulium]


def build(transport: Transport, **settings: object) -> Thulium:
    """The client as the gateway makes it; `settings` come on top of the sandbox's credentials."""
    given = {
        "kind": "thulium",
        "base_url": "http://sandbox.example/api",
        "api_user": "api_user",
        "api_password": "api_pass",
        **settings,
    }
    context = SourceContext("pl", SPEC.settings.model_validate(given), transport, lambda: NOW)
    client = connected(SPEC, context)
    assert isinstance(client, Thulium)
    return client


@pytest.fixture(scope="module")
def spec() -> SourceSpec[Any]:
    return SPEC


@pytest.fixture(scope="module")
def source_key() -> str:
    return "pl"


@pytest.fixture(scope="module")
def now() -> datetime:
    return NOW


@pytest.fixture
def connect() -> Build:
    """Build a client over any transport, with any settings."""
    return build


@pytest.fixture
def client(transport: HttpxTransport) -> Thulium:
    return build(transport)

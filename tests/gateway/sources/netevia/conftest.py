from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.sources.netevia import SPEC
from gateway.sources.netevia.client import Netevia
from gateway.sources.spec import SourceContext, SourceSpec
from gateway.transport import Transport
from gateway.transport.httpx import HttpxTransport
from tests.sources import connected

NOW = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)

Build = Callable[..., Netevia]


def build(transport: Transport, token: str = "netevia-token-2c9e41f7b0") -> Netevia:
    """The client as the gateway makes it, with the sandbox's token unless another is given."""
    settings = SPEC.settings.model_validate(
        {"kind": "netevia", "base_url": "http://sandbox.example", "token": token}
    )
    client = connected(SPEC, SourceContext("us", settings, transport, lambda: NOW))
    assert isinstance(client, Netevia)
    return client


@pytest.fixture(scope="module")
def spec() -> SourceSpec[Any]:
    return SPEC


@pytest.fixture(scope="module")
def source_key() -> str:
    return "us"


@pytest.fixture(scope="module")
def now() -> datetime:
    return NOW


@pytest.fixture
def connect() -> Build:
    """Build a client over any transport, with any token."""
    return build


@pytest.fixture
def client(transport: HttpxTransport) -> Netevia:
    return build(transport)

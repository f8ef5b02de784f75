"""Every kind of source that the gateway knows. A new one is one line here and one package."""

from typing import Any

from gateway.sources import service_order_hub
from gateway.sources.spec import SourceSpec

SOURCES: tuple[SourceSpec[Any], ...] = (service_order_hub.SPEC,)

SPECS = {spec.kind: spec for spec in SOURCES}

"""Every kind of source that the gateway knows. A new one is one line here and one package."""

from typing import Any

from gateway.sources import netevia, service_order_hub, telecomx, thulium, tulo
from gateway.sources.spec import SourceSpec

SOURCES: tuple[SourceSpec[Any], ...] = (
    tulo.SPEC,
    service_order_hub.SPEC,
    netevia.SPEC,
    telecomx.SPEC,
    thulium.SPEC,
)

SPECS = {spec.kind: spec for spec in SOURCES}

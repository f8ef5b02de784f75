"""The emulated vendors: one line each."""

from gateway.sandbox import netevia, service_order_hub, telecomx, thulium, tulo
from gateway.sandbox.emulation import Emulation

EMULATIONS: tuple[Emulation, ...] = (
    tulo.EMULATION,
    service_order_hub.EMULATION,
    netevia.EMULATION,
    telecomx.EMULATION,
    thulium.EMULATION,
)

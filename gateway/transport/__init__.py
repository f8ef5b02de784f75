"""Call -> Reply: the seam under which HTTP client libraries live."""

from gateway.transport.call import Call, Reply, Transport
from gateway.transport.options import TransportOptions

__all__ = ["Call", "Reply", "Transport", "TransportOptions"]

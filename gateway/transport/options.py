"""How to talk to one source: the same for every adapter."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """Times are in seconds.

    Attributes:
        total_timeout_s: The longest that pyreqwest goes on with a request, even one whose caller has gone;
            httpx ends that at once.
        pool_timeout_s: How long a call may wait, first come first served, while others use all connections.
        keep_alive_s: When a connection that nobody uses is closed.
        max_connections: Also how many calls run at once.
        max_reply_bytes: Of an answer's body, both as it comes and unpacked.
    """

    base_url: str
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 10.0
    total_timeout_s: float = 30.0
    pool_timeout_s: float = 5.0
    keep_alive_s: float = 5.0
    max_connections: int = 20
    max_reply_bytes: int = 32 * 1024 * 1024
    user_agent: str = "helpdesk-gateway"

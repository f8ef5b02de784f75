"""What `Retry-After` says (RFC 9110, section 10.2.3)."""

import email.utils
from datetime import datetime

from gateway.transport import Reply


def retry_after_s(reply: Reply, now: datetime) -> float | None:
    """Seconds to wait: the header holds their number, or a date. None where it holds neither."""
    said = reply.headers.get("retry-after")
    if said is None:
        return None
    if said.strip().isdecimal():
        return float(said)
    try:
        moment = email.utils.parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment - now).total_seconds()) if moment.tzinfo else None

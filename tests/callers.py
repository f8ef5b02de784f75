"""What tests of single parts let callers ask for: the defaults, and no credentials to forward."""

from gateway.domain.spending import CallCaps
from gateway.http.caller import CallerOptions

CALLERS = CallerOptions(timeout_s=10, max_timeout_s=30, caps=CallCaps(), forwarded={}, id_key=b"")

"""The hub's refusals in the graph's words."""

import msgspec

from gateway.domain.errors import Refusal, RefusalCode
from gateway.sources.service_order_hub import wire
from gateway.transport import Reply

NO_ACCESS = "No access"

_STATUSES = {403: RefusalCode.NO_ACCESS, 404: RefusalCode.NOT_FOUND}
_CONFIRM_TEXTS = {"Not found": RefusalCode.NOT_FOUND, NO_ACCESS: RefusalCode.NO_ACCESS}


def explain(source: str, reply: Reply) -> tuple[Refusal, ...]:
    """The hub's validator text as a refusal. It has no codes, so 404 and 403 go by the status."""
    code = _STATUSES.get(reply.status, RefusalCode.REJECTED_BY_SOURCE)
    try:
        error = msgspec.json.decode(reply.body, type=wire.Error).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = ""
    said = error if isinstance(error, str) else error.message
    return (Refusal(code, f"{source} refused it: {said}" if said else f"{source} refused it.", (), source),)


def confirm_refusal(source: str, error: wire.ConfirmError) -> Refusal:
    """Why one message was not confirmed, in the two texts that the page has, or in another one."""
    code = _CONFIRM_TEXTS.get(error.message or "", RefusalCode.REJECTED_BY_SOURCE)
    said = (
        f"{source} did not confirm it: {error.message}" if error.message else f"{source} did not confirm it."
    )
    return Refusal(code, said, (), source, error.message)

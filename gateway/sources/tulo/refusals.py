"""Tulo's error codes as refusals of a write."""

import msgspec

from gateway.domain.errors import Refusal, RefusalCode
from gateway.sources.tulo import wire
from gateway.transport import Reply

# Tulo's field -> the path in createTicket's input.
_FIELDS: dict[str, tuple[str, ...]] = {
    "account_id": ("requester",),
    "heading": ("subject",),
    "message": ("body",),
}
_CODES = {
    "invalid_parameter": RefusalCode.INVALID,
    "not_found": RefusalCode.NOT_FOUND,
}
_STATUSES = {403: RefusalCode.NO_ACCESS, 404: RefusalCode.NOT_FOUND}


def explain(source: str, reply: Reply) -> tuple[Refusal, ...]:
    """The refusal by its code, or by its status where there is none.

    What can't be found is the account: nothing else is looked up in a write.

    Source: https://docs.worldoftulo.com/payway/integration/payway_api/endpoints/helpdesk_message_api/create_helpdesk_message
    """
    try:
        error = msgspec.json.decode(reply.body, type=wire.Error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = wire.Error()
    code = _CODES.get(error.code or "") or _STATUSES.get(reply.status, RefusalCode.REJECTED_BY_SOURCE)
    field = ("requester",) if code is RefusalCode.NOT_FOUND else _FIELDS.get(error.field or "", ())
    said = f"{source} refused it: {error.message}" if error.message else f"{source} refused it."
    return (Refusal(code, said, field, source, error.code),)

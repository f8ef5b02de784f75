"""Telecomx's error words as refusals of a write."""

import msgspec

from gateway.domain.errors import Refusal, RefusalCode
from gateway.sources.telecomx import wire
from gateway.transport import Reply

# The page's word -> the path in the mutation's input. `email` stands for both channels, and `id`,
# `case` and `employeeSubscription` for the object itself.
_FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "description": ("description",),
    "email": ("channels",),
    "sms": ("channels",),
    "reseller": ("owner", "reseller"),
    "state": ("status",),
    "actionNeeded": ("actionNeeded",),
    "id": ("id",),
    "case": ("id",),
    "employeeSubscription": ("id",),
}
_CODES = {
    400: RefusalCode.INVALID,
    403: RefusalCode.NO_ACCESS,
    404: RefusalCode.NOT_FOUND,
    409: RefusalCode.CONFLICT,
    422: RefusalCode.INVALID,
}
_TEXTS = {
    RefusalCode.INVALID: "does not take this value",
    RefusalCode.NO_ACCESS: "does not allow it with the gateway's access level",
    RefusalCode.NOT_FOUND: "has no such record",
    RefusalCode.CONFLICT: "says that the record's state does not allow it",
    RefusalCode.REJECTED_BY_SOURCE: "refused it",
}


def explain(source: str, reply: Reply) -> tuple[Refusal, ...]:
    """One refusal per word of the answer; by the status alone where its body can't be read.

    Source: the "Errors" table of every page at https://wiki.telecomx.dk
    """
    code = _CODES.get(reply.status, RefusalCode.REJECTED_BY_SOURCE)
    return tuple(
        Refusal(code, f"{source} {_TEXTS[code]}.", _FIELDS.get(word or "", ()), source, word)
        for word in _words(reply)
    )


def is_log_in_refused(reply: Reply) -> bool:
    """Whether a 401 is about the gateway's token.

    The word `helpcenter` is about the help centre's own sign-in at Microsoft, which no log-in of ours
    can mend.

    Source: https://wiki.telecomx.dk/doku.php?id=api%3Ahelpcenter%3Amessage%3Aid%3Aimages
    """
    return "helpcenter" not in _words(reply)


def _words(reply: Reply) -> tuple[str | None, ...]:
    try:
        error = msgspec.json.decode(reply.body, type=wire.Error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return (None,)
    inner = tuple(each if isinstance(each, str) else each.message for each in error.inner)
    return inner or (error.message,)

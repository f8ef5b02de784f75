"""Whether a write landed: by a message's `externalId`, and by what is confirmed by now.

Page: https://docs.serviceorderhub.com/en/latest/Messages/
"""

from datetime import datetime

from gateway.domain.errors import SourceError
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import AuthorRole, Message, MessageAuthor, Visibility
from gateway.domain.writes import Attempt, Confirmation, NewCaseMessage, Reply, Sighting, WriteInput
from gateway.sources.attempts import begun
from gateway.sources.rest import each
from gateway.sources.service_order_hub.calls import timestamp
from gateway.sources.service_order_hub.messages import Messages, as_case_message, external_id

_NOT_VISIBLE = "The case can't be seen with these credentials any more."
_INTERNAL = "Internal messages are not shown to partners through the API."
_UNLIKE = "A new message has this externalId and type, but isn't exactly the one that was sent."
_MISSING = "Not all of the messages can be seen any more."


class Lookups:
    """Looks for writes in the lists of their cases."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def find_write(self, write: WriteInput, attempt: Attempt) -> Sighting:
        """GET case-messages?guid=: once, or once for each case of a confirmation."""
        match write:
            case Reply():
                return await self._message(as_case_message(write), attempt)
            case NewCaseMessage():
                return await self._message(write, attempt)
            case Confirmation():
                return await self._confirmed(write)
            case _:
                return Sighting(reason="The hub takes no such write.")

    async def _message(self, sent: NewCaseMessage, attempt: Attempt) -> Sighting:
        shown = await self._messages.of_case(sent.case, anew=True)
        if shown is None:
            return Sighting(reason=_NOT_VISIBLE)
        wanted = external_id(sent, attempt)
        matches = candidates = [message for message in shown if message.external_id == wanted]
        if wanted != attempt.reference:
            # Nothing says that an externalId is unique, and a caller may use one for many messages.
            candidates = [message for message in candidates if _may_be(message, sent, since=begun(attempt))]
            matches = [message for message in candidates if _is(message, sent)]
        near = tuple(message.ref for message in candidates if message not in matches)
        return Sighting(
            tuple(message.ref for message in matches),
            near,
            absence_proves=not sent.internal,
            reason=_INTERNAL if sent.internal else _UNLIKE if near else "",
        )

    async def _confirmed(self, write: Confirmation) -> Sighting:
        cases = {ref.parts[0].casefold(): _case_of(ref) for ref in write.messages}
        lists = await each(lambda case: self._messages.of_case(case, anew=True), list(cases.values()))
        shown: dict[tuple[str, str], Message] = {}
        for of_case in lists:
            if isinstance(of_case, SourceError):
                raise of_case
            shown |= {_key(message.ref): message for message in of_case or ()}
        found = [(ref, shown.get(_key(ref))) for ref in write.messages]
        reason = _MISSING if any(message is None for _, message in found) else ""
        return Sighting(
            tuple(ref for ref, message in found if message is not None and message.confirmed_at is not None),
            absence_proves=not reason,
            reason=reason,
        )


def _may_be(shown: Message, sent: NewCaseMessage, *, since: datetime) -> bool:
    """Whether it is of the right type and time. What the hub might do to the rest isn't documented."""
    is_new = shown.created_at is None or shown.created_at >= since
    return is_new and _type(shown) in {None, sent.kind}


def _is(shown: Message, sent: NewCaseMessage) -> bool:
    """Whether all that the hub shows is as it was sent. Author and parent are documented as optional."""
    author = shown.author or MessageAuthor(AuthorRole.UNKNOWN)
    return (
        shown.created_at is not None
        and _type(shown) == sent.kind
        and ("" if shown.body is None else shown.body.content) == (sent.content or "")
        and author.name in {None, sent.author_name}
        and author.email in {None, sent.author_email}
        and (shown.parent is None or (sent.parent is not None and _key(shown.parent) == _key(sent.parent)))
        and (sent.declared_at is None or _moment(shown.declared_at) == _moment(sent.declared_at))
        and (shown.visibility is not Visibility.INTERNAL or bool(sent.internal))
    )


def _type(shown: Message) -> str | None:
    return None if shown.kind is None else shown.kind.raw


def _moment(moment: datetime | None) -> str | None:
    """As the hub takes and keeps it, in whole milliseconds."""
    return None if moment is None else timestamp(moment)


def _case_of(message: Ref) -> Ref:
    return Ref(EntityType.CASE, message.source, message.parts[:1])


def _key(message: Ref) -> tuple[str, str]:
    """A guid is the same in capitals."""
    return message.parts[0].casefold(), message.parts[1]

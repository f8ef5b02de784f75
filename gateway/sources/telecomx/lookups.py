"""Whether a write landed: new topics among those of their owner, everything else by reading it again.

Pages: https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Alist and its siblings.
"""

import msgspec

from gateway.domain.ids import Ref
from gateway.domain.records import Channel, NotificationSubscription
from gateway.domain.writes import (
    Attempt,
    NewNotificationSubscription,
    NotificationSubscriptionChanges,
    Removal,
    Sighting,
    TicketChanges,
    WriteInput,
)
from gateway.sources.attempts import decode, encode
from gateway.sources.rest import Rest, fresh
from gateway.sources.telecomx import mapping, wire
from gateway.sources.telecomx.case_changes import CaseChanges
from gateway.sources.telecomx.cases import Cases
from gateway.sources.telecomx.topics import PATH, item
from gateway.transport import Call

_NOT_LISTED = "The owner's topics could not be listed before, so a new one can't be told from an older one."
_NO_OWNER = "The topic's reseller is not there any more."
_UNLIKE = "A new topic has this title, but isn't exactly the one that was sent."
_GONE = "The topic is not there any more."
_NO_CASE = "The case is not in its help centre's list any more."
_NOT_SHOWN = "The case is shown without what was to be changed."
_CONFIGURED_OTHERWISE = "By the configuration of now, such a change could not have been sent."


class _Before(msgspec.Struct):
    """Ids, in lower case, of the owner's topics that had a new one's title."""

    topics: tuple[str, ...]


class Lookups:
    """Looks for writes, and before a new topic for those that it could be taken for."""

    def __init__(self, rest: Rest, cases: Cases, changes: CaseChanges) -> None:
        self._rest = rest
        self._source = rest.source
        self._cases = cases
        self._changes = changes

    async def prepare(self, write: WriteInput) -> str | None:
        """GET /employeeSubscription before a new topic: topics carry no times, so old ones are remembered."""
        match write:
            case NewNotificationSubscription():
                # Who may not list topics may perhaps make one all the same: that is the API's to decide.
                topics = await self._of_title(write, missing=frozenset({403}))
                return None if topics is None else encode(_Before(tuple(map(_id, topics))))
            case _:
                return None

    async def find_write(self, write: WriteInput, attempt: Attempt) -> Sighting:
        """One GET, or for a case the pages that its help centre may be looked through."""
        match write:
            case NewNotificationSubscription():
                return await self._created(write, attempt)
            case NotificationSubscriptionChanges():
                return await self._updated(write)
            case Removal(subscription=subscription):
                topic = await self._topic(subscription)
                return Sighting((subscription,)) if topic is None else Sighting(absence_proves=True)
            case TicketChanges():
                return await self._changed(write)
            case _:
                return Sighting(reason="Telecomx takes no such write.")

    async def _created(self, sent: NewNotificationSubscription, attempt: Attempt) -> Sighting:
        before = decode(attempt, _Before)
        if before is None:
            return Sighting(reason=_NOT_LISTED)
        topics = await self._of_title(sent, missing=frozenset({404}))
        if topics is None:
            return Sighting(reason=_NO_OWNER)
        new = [topic for topic in topics if _id(topic) not in before.topics]
        matches = [
            topic
            for topic in new
            if topic.is_global is (sent.reseller is None)
            and _is(topic, sent.title, sent.description or "", sent.channels)
        ]
        near = tuple(topic.ref for topic in new if topic not in matches)
        return Sighting(
            tuple(topic.ref for topic in matches),
            near,
            absence_proves=True,
            reason=_UNLIKE if near else "",
        )

    async def _updated(self, sent: NotificationSubscriptionChanges) -> Sighting:
        topic = await self._topic(sent.subscription)
        if topic is None:
            return Sighting(reason=_GONE)
        if _is(topic, sent.title, sent.description, sent.channels):
            return Sighting((sent.subscription,))
        return Sighting(absence_proves=True)

    async def _changed(self, sent: TicketChanges) -> Sighting:
        if self._changes.check_changes(sent):
            return Sighting(reason=_CONFIGURED_OTHERWISE)
        case = await self._cases.get_anew(sent.ticket)
        if case is None:
            return Sighting(reason=_NO_CASE)
        shown = {"state": case.state, "actionNeeded": case.action_needed}
        wanted = self._changes.properties(sent)
        if any(shown[name] not in {None, value} for name, value in wanted.items()):
            return Sighting(absence_proves=True)
        if any(shown[name] is None for name in wanted):
            return Sighting(reason=_NOT_SHOWN)
        return Sighting((sent.ticket,))

    async def _of_title(
        self, new: NewNotificationSubscription, *, missing: frozenset[int]
    ) -> tuple[NotificationSubscription, ...] | None:
        """GET /employeeSubscription: the owner's topics of this title, capitals and white space aside.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Alist
        """
        query = ("common", "true") if new.reseller is None else ("reseller", new.reseller.parts[1])
        call = Call(PATH, "GET", PATH, safe=True, query=(query,))
        reply = await self._rest.find(fresh(call), missing=missing)
        if reply is None:
            return None
        fetched = self._rest.fetched(reply)
        topics = (
            mapping.topic_record(self._source, topic, fetched)
            for topic in self._rest.decode(reply, tuple[wire.Topic, ...])
        )
        return tuple(
            topic
            for topic in topics
            if _may_be_of(topic, new.reseller) and _bare(topic.title or "") == _bare(new.title)
        )

    async def _topic(self, ref: Ref) -> NotificationSubscription | None:
        """GET /employeeSubscription/ID.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Aget
        """
        reply = await self._rest.find(fresh(Call(f"{PATH}/ID", "GET", item(ref), safe=True)))
        if reply is None:
            return None
        sent = self._rest.decode(reply, wire.Topic)
        return mapping.topic_record(self._source, sent, self._rest.fetched(reply))


def _id(topic: NotificationSubscription) -> str:
    """An id, which is the same in capitals."""
    return topic.origin.native_id.casefold()


def _may_be_of(topic: NotificationSubscription, owner: Ref | None) -> bool:
    """Whether it can be this owner's. That rows of a reseller's list name the reseller is only presumed."""
    if not isinstance(topic.account, Ref):
        return True
    return owner is not None and topic.account.parts[1].casefold() == owner.parts[1].casefold()


def _is(
    topic: NotificationSubscription,
    title: str | None,
    description: str | None,
    channels: tuple[Channel, ...] | None,
) -> bool:
    """Whether a topic is as wanted; None is no wish. A description may be left out where it is empty."""
    return (
        title in {None, topic.title}
        and description in {None, topic.description or ""}
        and (channels is None or set(channels) == set(topic.channels))
    )


def _bare(title: str) -> str:
    return "".join(title.split()).casefold()

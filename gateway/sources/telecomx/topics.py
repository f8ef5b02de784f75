"""Notification topics: `employeeSubscription`, which is news for employees and nothing that is billed.

Who may do what: any level from VIEWER reads topics by id, reseller or customer. RESELLER creates,
changes and deletes those of its own (sub-)resellers and reads their subscribers. Listing, creating and
changing global topics takes ADMIN; the API refuses it to others, which a list shows as UNAVAILABLE and a
write as NO_ACCESS.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from gateway.domain.errors import Refusal, RefusalCode, SourceRejected
from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState, whole
from gateway.domain.ports import Slot, SubscriptionFilter
from gateway.domain.records import (
    AccountKind,
    Channel,
    NotificationSubscription,
    ServiceSubscription,
    Subscribers,
)
from gateway.domain.writes import Attempt, NewNotificationSubscription, NotificationSubscriptionChanges
from gateway.sources.rest import Rest, each
from gateway.sources.telecomx import mapping, wire
from gateway.sources.telecomx.rows import MAX_LIMIT
from gateway.transport import Call, Reply

# No lengths are documented. These are the gateway's own, so that a runaway text doesn't reach people's
# phones.
MAX_TITLE = 512
MAX_DESCRIPTION = 10_000

PATH = "employeeSubscription"


class Topics:
    """Reads and writes topics."""

    def __init__(self, rest: Rest, *, own_reseller: str | None) -> None:
        self._rest = rest
        self._source = rest.source
        self._own_reseller = own_reseller

    # -- reads

    async def read_subscriptions(self, refs: Sequence[Ref]) -> list[Slot[ServiceSubscription]]:
        """GET /employeeSubscription/ID, one call each."""
        return await each(self._topic, refs)

    async def _topic(self, ref: Ref) -> ServiceSubscription | None:
        """One topic.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Aget
        """
        reply = await self._rest.find(Call(f"{PATH}/ID", "GET", item(ref), safe=True))
        return None if reply is None else self._record(reply)

    async def read_subscribers(self, refs: Sequence[Ref]) -> list[Slot[Subscribers]]:
        """GET /employeeSubscription/ID/subscribers, one call each."""
        return await each(self._subscribers, refs)

    async def _subscribers(self, ref: Ref) -> Subscribers | None:
        """Addresses of those who get a topic.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Asubscribers
        """
        reply = await self._rest.find(
            Call(f"{PATH}/ID/subscribers", "GET", f"{item(ref)}/subscribers", safe=True)
        )
        if reply is None:
            return None
        return mapping.subscribers_record(self._rest.decode(reply, wire.Subscribers))

    def list_subscriptions(
        self, wanted: SubscriptionFilter
    ) -> tuple[Feed[ServiceSubscription], ...] | NoFeed:
        """Topics of a reseller, those open to a customer's employees, or the global ones: one of the three.

        Without any of them, those of the configured own reseller.
        """
        if wanted.kind not in (None, "NotificationSubscription"):
            return NoFeed(SliceState.SKIPPED, "It has notification subscriptions only.")
        accounts = [ref for ref in (wanted.reseller, wanted.account) if ref is not None]
        if any(ref.source != self._source for ref in accounts):
            return NoFeed(SliceState.SKIPPED, "The account belongs to another source.")
        if wanted.reseller is not None and wanted.reseller.parts[0] != AccountKind.RESELLER.value:
            return NoFeed(SliceState.UNSUPPORTED, "Not an account of kind RESELLER.")
        if len(accounts) + bool(wanted.is_global) > 1:
            return NoFeed(
                SliceState.UNSUPPORTED,
                "Topics are listed by reseller, by account or as global ones: by one of these at a time.",
            )
        if wanted.is_global:
            return self._feed("common", "true", wanted)
        if accounts:
            kind, account_id = accounts[0].parts
            name = {AccountKind.RESELLER: "reseller", AccountKind.CUSTOMER: "customer"}.get(AccountKind(kind))
            if name is None:
                return NoFeed(SliceState.UNSUPPORTED, "Topics of one employee can't be listed.")
            return self._feed(name, account_id, wanted)
        if self._own_reseller is None:
            return NoFeed(
                SliceState.UNSUPPORTED, "Topics are listed by reseller or account, or as global ones."
            )
        return self._feed("reseller", self._own_reseller, wanted)

    def _feed(
        self, name: str, value: str, wanted: SubscriptionFilter
    ) -> tuple[Feed[ServiceSubscription], ...]:
        read = partial(self._list, ((name, value),), wanted.is_global)
        return (Feed(self._source, name, read, MAX_LIMIT, ordered=False),)

    async def _list(
        self, query: tuple[tuple[str, str], ...], is_global: bool | None, offset: int, limit: int
    ) -> Page[ServiceSubscription]:
        """GET /employeeSubscription: a plain array, always whole.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Alist
        """
        reply = await self._rest.send(Call(PATH, "GET", PATH, safe=True, query=query))
        fetched = self._rest.fetched(reply)
        topics = (
            mapping.topic_record(self._source, topic, fetched)
            for topic in self._rest.decode(reply, tuple[wire.Topic, ...])
        )
        items: tuple[ServiceSubscription, ...] = tuple(
            topic for topic in topics if is_global is None or topic.is_global is is_global
        )
        return whole(items, fetched)(offset, limit)

    # -- writes

    def check_new_subscription(self, new: NewNotificationSubscription) -> tuple[Refusal, ...]:
        """Title and at least one channel are required, and the reseller must be one of this source."""
        refusals = [
            *self._check_texts(new.title, new.description),
            *self._check_channels(new.channels),
        ]
        owner = new.reseller
        if owner is not None and (
            owner.source != self._source or owner.parts[0] != AccountKind.RESELLER.value
        ):
            refusals.append(
                self._refuse(RefusalCode.INVALID, "It must be a reseller of {source}.", "owner", "reseller")
            )
        return tuple(refusals)

    async def create_subscription(
        self,
        new: NewNotificationSubscription,
        attempt: Attempt,  # noqa: ARG002 - the port's signature
    ) -> NotificationSubscription:
        """POST /employeeSubscription.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Acreate
        """
        properties: dict[str, object] = {
            # Not marked as optional: null makes a global topic.
            "reseller": None if new.reseller is None else new.reseller.parts[1],
            "title": new.title,
            **mapping.channel_properties(new.channels),
        }
        if new.description is not None:
            properties["description"] = new.description
        return self._record(await self._rest.send(_post(PATH, PATH, properties)))

    def check_subscription_changes(self, changes: NotificationSubscriptionChanges) -> tuple[Refusal, ...]:
        """As for a new one, for what is given; something must be."""
        if changes.title is None and changes.description is None and changes.channels is None:
            return (self._refuse(RefusalCode.REQUIRED, "Nothing is to be changed."),)
        return (
            *self._check_texts(changes.title, changes.description),
            *(() if changes.channels is None else self._check_channels(changes.channels)),
        )

    async def update_subscription(self, changes: NotificationSubscriptionChanges) -> NotificationSubscription:
        """POST /employeeSubscription/ID with what changes.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Aupdate
        """
        properties: dict[str, object] = {
            name: text
            for name, text in (("title", changes.title), ("description", changes.description))
            if text is not None
        }
        if changes.channels is not None:
            properties.update(mapping.channel_properties(changes.channels))
        return self._record(
            await self._rest.send(_post(f"{PATH}/ID", item(changes.subscription), properties))
        )

    async def delete_subscription(self, ref: Ref) -> None:
        """DELETE /employeeSubscription/ID.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Adelete
        """
        call = Call(f"DELETE {PATH}/ID", "DELETE", item(ref), safe=False)
        if not self._rest.decode(await self._rest.send(call), wire.Done).success:
            refusal = self._refuse(RefusalCode.REJECTED_BY_SOURCE, "{source} did not delete it.")
            raise SourceRejected(self._source, (refusal,), detail=f"{call.operation}: success is false")

    def _check_texts(self, title: str | None, description: str | None) -> list[Refusal]:
        refusals = []
        if title is not None and not title.strip():
            refusals.append(
                self._refuse(
                    RefusalCode.REQUIRED, "`title` is required by {source} and may not be empty.", "title"
                )
            )
        for name, text, most in (("title", title, MAX_TITLE), ("description", description, MAX_DESCRIPTION)):
            if text is not None and len(text) > most:
                message = (
                    f"`{name}` has {len(text)} characters; the gateway sends at most {most}, "
                    "as {source} documents no limit."
                )
                refusals.append(self._refuse(RefusalCode.TOO_LONG, message, name))
        return refusals

    def _check_channels(self, channels: tuple[Channel, ...]) -> list[Refusal]:
        if channels:
            return []
        return [self._refuse(RefusalCode.REQUIRED, "{source} needs at least one channel.", "channels")]

    def _refuse(self, code: RefusalCode, message: str, *field: str) -> Refusal:
        return Refusal(code, message.format(source=self._source), field, self._source)

    def _record(self, reply: Reply) -> NotificationSubscription:
        sent = self._rest.decode(reply, wire.Topic)
        return mapping.topic_record(self._source, sent, self._rest.fetched(reply))


def item(ref: Ref) -> str:
    """Where a topic is."""
    return f"{PATH}/{ref.parts[0]}"


def _post(operation: str, path: str, properties: dict[str, object]) -> Call:
    return Call(
        operation,
        "POST",
        path,
        safe=False,
        headers={"content-type": "application/json"},
        body=msgspec.json.encode(properties),
    )

"""Accounts and their product subscriptions."""

import re
from collections.abc import Sequence
from functools import partial
from zoneinfo import ZoneInfo

from gateway.domain.errors import BadInput, SourceError
from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState, whole
from gateway.domain.ports import AccountKey, Slot, SubscriptionFilter
from gateway.domain.records import Account, AccountKind, ServiceSubscription
from gateway.sources.rest import Rest, each
from gateway.sources.tulo import mapping, wire
from gateway.sources.tulo.calls import ID_SHAPE, get
from gateway.transport import Reply

_MAX_LIMIT = 500  # A list comes whole, in one call, however much of it is served.

# AccountLookup's field -> the parameter, its documented form, and that form in words. The page names no
# limit of the external ids.
_KEYS = {
    "nativeId": ("id", ID_SHAPE, "24 hexadecimal digits"),
    "email": ("email", r"[^\x00-\x1f]{1,1024}", "an address of at most 1024 characters"),
    "customerNumber": (
        "customer_number",
        "[A-Za-z0-9_-]{1,10}",
        "at most 10 letters, digits, hyphens and underscores",
    ),
    "externalId": ("", r"[^=\x00-\x1f]+=[^\x00-\x1f]+", "`key=value`: the external id's key and its value"),
}


class Accounts:
    """Reads accounts, by one exact key, and what they subscribe to."""

    account_keys = frozenset(_KEYS)

    def __init__(self, rest: Rest, *, zone: ZoneInfo) -> None:
        self._rest = rest
        self._source = rest.source
        self._zone = zone

    async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
        """GET accounts?id=, one call each.

        A helpdesk user (AGENT) is None without a call: the account API is of subscribers, and no page
        gives a read for the others.
        """
        return await each(self._by_ref, refs)

    async def _by_ref(self, ref: Ref) -> Account | None:
        kind, account_id = ref.parts
        return None if kind != AccountKind.SUBSCRIBER.value else await self._account(("id", account_id))

    async def find_account(self, key: AccountKey) -> Account | None:
        """By id, e-mail address, customer number or external id."""
        if key.kind not in (None, AccountKind.SUBSCRIBER):
            raise BadInput(
                f"{self._source} has no accounts of kind {key.kind} to look up.", argument="lookup.kind"
            )
        parameter, shape, words = _KEYS[key.name]
        if not re.fullmatch(shape, key.value):
            raise BadInput(f"At {self._source} this is {words}.", argument=f"lookup.{key.name}")
        if key.name == "externalId":
            name, _, value = key.value.partition("=")
            return await self._account(("external_id_key", name), ("external_id_value", value))
        return await self._account((parameter, key.value))

    async def _account(self, *key: tuple[str, str]) -> Account | None:
        """GET accounts, which takes exactly one key and the scope to write accounts.

        Source: https://docs.worldoftulo.com/payway/integration/payway_api/endpoints/account_api/v1/get_account
        """
        reply = await self._rest.find(get("accounts", *key))
        if reply is None:
            return None
        sent = self._rest.decode(reply, wire.Item[wire.Account]).item
        return mapping.account_record(self._reading(reply), sent)

    def list_subscriptions(
        self, wanted: SubscriptionFilter
    ) -> tuple[Feed[ServiceSubscription], ...] | NoFeed:
        """Product subscriptions of one account, in the API's own order."""
        if wanted.kind not in (None, "ProductSubscription"):
            return NoFeed(SliceState.SKIPPED, "It has product subscriptions only.")
        if wanted.reseller is not None or wanted.is_global:
            return NoFeed(SliceState.SKIPPED, "Product subscriptions have no reseller and are never global.")
        if wanted.account is None:
            return NoFeed(SliceState.UNSUPPORTED, "Subscriptions are listed by account only.")
        if wanted.account.source != self._source:
            return NoFeed(SliceState.SKIPPED, "The account belongs to another source.")
        kind, account_id = wanted.account.parts
        if kind != AccountKind.SUBSCRIBER.value:
            return NoFeed(SliceState.UNSUPPORTED, "Not an account of kind SUBSCRIBER.")
        return (Feed(self._source, "account", partial(self._page, account_id), _MAX_LIMIT, ordered=False),)

    async def _page(self, account_id: str, offset: int, limit: int) -> Page[ServiceSubscription]:
        found = await self._subscriptions(account_id)
        reading, held = (self._reading(None), ()) if found is None else found
        # The answer doesn't repeat the account's id, so it stays as it was asked for.
        items: tuple[ServiceSubscription, ...] = tuple(
            mapping.subscription_record(reading, account_id, sent) for sent in held
        )
        return whole(items, reading.fetched)(offset, limit)

    async def read_subscriptions(self, refs: Sequence[Ref]) -> list[Slot[ServiceSubscription]]:
        """Out of the lists of their accounts, one call per account: there is no single read."""
        accounts: dict[str, Ref] = {}
        for ref in refs:
            accounts.setdefault(ref.parts[0].casefold(), ref)
        lists = await each(lambda ref: self._subscriptions(ref.parts[0]), list(accounts.values()))
        of_account = dict(zip(accounts, lists, strict=True))

        async def pick(ref: Ref) -> ServiceSubscription | None:
            found = of_account[ref.parts[0].casefold()]
            if isinstance(found, SourceError):
                raise found
            if found is None:
                return None
            reading, held = found
            wanted = ref.parts[1].casefold()
            sent = next((sent for sent in held if sent.id.casefold() == wanted), None)
            return None if sent is None else mapping.subscription_record(reading, ref.parts[0], sent)

        return await each(pick, refs)

    async def _subscriptions(
        self, account_id: str
    ) -> tuple[mapping.Reading, tuple[wire.Subscription, ...]] | None:
        """GET subscription/get_by_account.

        Source: https://docs.worldoftulo.com/payway/integration/payway_api/endpoints/subscription_api/get_by_account
        """
        reply = await self._rest.find(get("subscription/get_by_account", ("account_id", account_id)))
        if reply is None:
            return None
        return self._reading(reply), self._rest.decode(reply, wire.Items[wire.Subscription]).items

    def _reading(self, reply: Reply | None) -> mapping.Reading:
        return mapping.Reading(self._source, self._zone, self._rest.fetched(reply))

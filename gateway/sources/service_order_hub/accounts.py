"""Partners, providers and departments.

Page: https://docs.serviceorderhub.com/en/latest/Reference%20data/
"""

import re
from collections.abc import Sequence

from gateway.domain.errors import BadInput
from gateway.domain.ids import Ref
from gateway.domain.ports import AccountKey, Slot
from gateway.domain.records import Account, AccountKind
from gateway.sources.rest import Rest, each
from gateway.sources.service_order_hub import mapping, wire
from gateway.sources.service_order_hub.calls import get, payload

_PATHS = {
    AccountKind.PARTNER: "partner",
    AccountKind.PROVIDER: "provider",
    AccountKind.DEPARTMENT: "department",
}


class Accounts:
    """Reads parties, by the hub's own id alone."""

    account_keys = frozenset({"nativeId"})

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._source = rest.source

    async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
        """GET partner|provider|department?id=, one call each."""
        return await each(self._party, refs)

    async def find_account(self, key: AccountKey) -> Account | None:
        """By the hub's own id; `kind` says in which of the three id spaces, PARTNER unless given."""
        kind = key.kind or AccountKind.PARTNER
        if kind not in _PATHS:
            raise BadInput(f"{self._source} has no accounts of kind {kind.value}.", argument="lookup.kind")
        if not re.fullmatch(mapping.NUMBER, key.value):
            raise BadInput(f"An account id of {self._source} is a number.", argument="lookup.nativeId")
        return await self._party(mapping.party_ref(self._source, kind, int(key.value)))

    async def _party(self, ref: Ref) -> Account | None:
        kind, native_id = AccountKind(ref.parts[0]), ref.parts[1]
        reply = await self._rest.find(get(_PATHS[kind], ("id", native_id)))
        if reply is None:
            return None
        sent = payload(self._rest, reply, wire.Party)
        return mapping.account_record(self._source, kind, sent, self._rest.fetched(reply))

"""Help centre cases, changed: their state, and whether staff must act."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from gateway.domain.errors import Refusal, RefusalCode, SourceRejected
from gateway.domain.records import ConversationState
from gateway.domain.rules import Rule, check
from gateway.domain.writes import TicketChanges, given_fields
from gateway.sources.rest import Rest
from gateway.sources.status import StatusTable
from gateway.sources.telecomx import mapping, wire
from gateway.transport import Call


class CaseChanges:
    """Changes cases, with the access level RESELLER or ADMIN; the page doesn't name RESELLER_ADMIN."""

    def __init__(
        self, rest: Rest, *, help_centers: Sequence[mapping.HelpCenter], statuses: StatusTable
    ) -> None:
        self._rest = rest
        self._source = rest.source
        self._help_centers = frozenset(center.id.casefold() for center in help_centers)
        natives = {state: mapping.natives_of(state, statuses) for state in ConversationState}
        # A value that stands for several of the API's states doesn't say which one to set.
        self._natives = {state: of[0] for state, of in natives.items() if len(of) == 1}
        self._rules = {
            "status.native": Rule(choices=frozenset(mapping.STATES)),
            "status.value": Rule(choices=frozenset(state.value for state in self._natives)),
            "actionNeeded": Rule(),
        }

    def check_changes(self, changes: TicketChanges) -> tuple[Refusal, ...]:
        """A case has no assignee, category or tags, and it stays in its help centre."""
        if changes.ticket.parts[0].casefold() not in self._help_centers:
            return (self._refuse(RefusalCode.NOT_FOUND, "has no such help centre", "id"),)
        given = given_fields(changes, without=frozenset({"ticket"}))
        refusals = check(self._rules, given, source=self._source)
        if not refusals and not self.properties(changes):
            return (self._refuse(RefusalCode.REQUIRED, "was given nothing to change"),)
        return refusals

    async def update_ticket(self, changes: TicketChanges) -> None:
        """POST /helpcenter/case/CONVERSATION_ID with what changes.

        `helpCenterId` stands in the page's example only, so it is always sent.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Ahelpcenter%3Acase%3Aupdate
        """
        help_center, conversation_id, _ = changes.ticket.parts
        call = Call(
            "helpcenter/case/CONVERSATION_ID",
            "POST",
            # Conversation ids hold +, / and =.
            f"helpcenter/case/{quote(conversation_id, safe='')}",
            safe=False,
            query=(("helpCenterId", help_center),),
            headers={"content-type": "application/json"},
            body=msgspec.json.encode(self.properties(changes)),
        )
        reply = await self._rest.send(call)
        if not self._rest.decode(reply, wire.Done).success:
            refusal = self._refuse(RefusalCode.REJECTED_BY_SOURCE, "did not change it")
            raise SourceRejected(self._source, (refusal,), detail=f"{call.operation}: success is false")

    def properties(self, changes: TicketChanges) -> dict[str, str | bool]:
        """What changes, in the API's words. `check_changes` goes before it."""
        properties: dict[str, str | bool] = {}
        if changes.status_native:
            properties["state"] = changes.status_native
        elif changes.status_value is not None:
            properties["state"] = self._natives[changes.status_value]
        if changes.action_needed is not None:
            properties["actionNeeded"] = changes.action_needed
        return properties

    def _refuse(self, code: RefusalCode, why: str, *field: str) -> Refusal:
        return Refusal(code, f"{self._source} {why}.", field, self._source)

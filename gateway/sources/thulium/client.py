"""Thulium's REST API: what one instance can do, put together of its groups of endpoints.

Read from https://api.thulium.com/docs/api, pages last modified between 2024-04-17 and 2026-05-18.
"""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import msgspec

from gateway.domain.clock import Clock
from gateway.domain.errors import Refusal, RefusalCode
from gateway.domain.ids import EntityType
from gateway.sources.rest import Rest
from gateway.sources.status import StatusTable
from gateway.sources.thulium import mapping, wire
from gateway.sources.thulium.accounts import KEYS, Accounts
from gateway.sources.thulium.changes import Changes
from gateway.sources.thulium.lookups import Lookups
from gateway.sources.thulium.messages import MESSAGE_ID
from gateway.sources.thulium.replies import Replies
from gateway.sources.thulium.tickets import Tickets
from gateway.sources.thulium.uploads import Uploads
from gateway.transport import Reply as HttpReply


class Thulium:
    """The client of one instance. Each line below is one method of a port."""

    account_keys = KEYS

    def __init__(
        self,
        rest: Rest,
        *,
        statuses: StatusTable,
        zone: ZoneInfo,
        clock: Clock,
        default_agent: str | None,
        default_mailbox: str | None,
        reference_field: str | None,
    ) -> None:
        accounts = Accounts(rest)
        self.read_accounts = accounts.read_accounts
        self.find_account = accounts.find_account
        self.list_accounts = accounts.list_accounts

        tickets = Tickets(rest, statuses=statuses, zone=zone)
        self.check = tickets.check
        self.name_conversation = tickets.name_conversation
        self.read_tickets = tickets.read_tickets
        self.read_messages = tickets.read_messages
        self.read_ticket_with_messages = tickets.read_ticket_with_messages
        self.list_tickets = tickets.list_tickets

        replies = Replies(rest, tickets, zone=zone, default_agent=default_agent)
        self.check_reply = replies.check_reply
        self.send_reply = replies.send_reply

        changes = Changes(rest, statuses=statuses, default_mailbox=default_mailbox)
        self.check_ticket = changes.check_ticket
        self.create_ticket = changes.create_ticket
        self.check_changes = changes.check_changes
        self.update_ticket = changes.update_ticket

        self.upload = Uploads(rest, clock=clock).upload

        lookups = Lookups(
            rest,
            tickets,
            accounts,
            changes,
            zone=zone,
            default_agent=default_agent,
            reference_field=reference_field,
        )
        self.prepare = lookups.prepare
        self.find_write = lookups.find_write


def explain(source: str, reply: HttpReply) -> tuple[Refusal, ...]:
    """Thulium's errors as refusals. Its texts are for people and its codes unpublished: nothing goes by them.

    Source: https://api.thulium.com/docs/api/error_handling
    """
    code = {403: RefusalCode.NO_ACCESS, 404: RefusalCode.NOT_FOUND}.get(
        reply.status, RefusalCode.REJECTED_BY_SOURCE
    )
    try:
        errors = msgspec.json.decode(reply.body, type=wire.Error).errors
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        errors = ()
    return tuple(
        Refusal(
            code,
            f"{source} refused it: {error.message}" if error.message else f"{source} refused it.",
            (),
            source,
            None if error.code is None else str(error.code),
        )
        for error in errors or (wire.ErrorDetail(),)
    )


def shapes() -> Mapping[EntityType, tuple[str, ...]]:
    """What the parts of this source's references look like."""
    return {
        EntityType.TICKET: (mapping.NUMBER,),
        EntityType.MESSAGE: (mapping.NUMBER, MESSAGE_ID),
        EntityType.ACCOUNT: ("|".join(mapping.ACCOUNT_IDS), mapping.LOGIN),
    }

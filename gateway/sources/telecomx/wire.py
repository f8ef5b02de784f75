"""What Telecomx sends, as far as the gateway reads it. Unknown fields are ignored.

A property without a value may be left out of an answer, so all but the ids have a default. What the
gateway has no use for (finance, integrations with their tokens, notes, addresses) isn't read at all.
Pages: https://wiki.telecomx.dk, of 2014 to 2025; each client method names its own.
"""

from datetime import datetime

import msgspec


class Wire(msgspec.Struct, rename="camel"):
    """Names are camelCase on the wire, but for `_id`."""


class LoggedIn(Wire):
    """The answer to a log-in. The token lives 15 minutes unless it says otherwise; -1: for good."""

    token: str
    expires_in_minutes: float = 15.0


class Counted(Wire):
    """A page of a list, but for its rows: how many there are in all."""

    total: int | None = None


class Customer(Wire):
    """An organisation. A reseller is one too."""

    id: str = msgspec.field(name="_id")
    name: str | None = None
    phone_number: str | None = None
    state: str | None = None
    parent_reseller: str | None = None
    email_address: str | None = None


class Employee(Wire):
    """A person at a customer. `emailAddress` is the log-in, so no address at all with `noEmail`."""

    id: str = msgspec.field(name="_id")
    customer: str | None = None
    state: str | None = None
    name: str | None = None
    email_address: str | None = None
    no_email: bool | None = None


class Case(Wire):
    """A help centre case. That `actionNeeded` comes back is only presumed: it can be set."""

    id: str = msgspec.field(name="_id")
    conversation_id: str
    case_number: int | str | None = None
    subject: str | None = None
    state: str | None = None
    created_at: datetime | None = None
    customer: str | None = None
    email_address: str | None = None
    action_needed: bool | None = None


class Mail(Wire):
    """A mail inside a case: the page names no more of it than these two."""

    content: str | None = None
    sent_by: str | None = None


class CaseWithMails(Case):
    """A case read for its mails too.

    Lists do without: the mails' form is the least proven part of it, and shouldn't cost the cases.
    """

    messages: tuple[Mail, ...] | None = None


class Topic(Wire):
    """An `employeeSubscription`: news that employees can be notified of."""

    id: str = msgspec.field(name="_id")
    reseller: str | None = None
    title: str | None = None
    description: str | None = None
    email: bool | None = None
    sms: bool | None = None


class Subscribers(Wire):
    """Addresses by channel; a channel that isn't used may be absent."""

    email: tuple[str, ...] | None = None
    sms: tuple[str, ...] | None = None


class Done(Wire):
    """The answer to an update of a case and to a deletion."""

    success: bool


class Error(Wire):
    """An error body. No page shows one: `message` is the word of the pages' tables.

    `inner` holds the single errors where the word is `multiple`; their form is not shown either.
    """

    message: str | None = None
    inner: tuple["Error | str", ...] = ()

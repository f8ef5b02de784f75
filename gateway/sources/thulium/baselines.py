"""What is kept with a write from before it was sent.

The settings that it depended on are in it too: they may be others by the time that the write is looked for.
"""

import msgspec


class BeforeReply(msgspec.Struct):
    """Ids of the messages that were in the ticket, and whom the reply is sent as."""

    messages: tuple[int, ...]
    login: str


class BeforeTicket(msgspec.Struct):
    """The address that a new ticket comes from, and the custom field that our reference goes into."""

    sender: str | None
    reference_field: str | None

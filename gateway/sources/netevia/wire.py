"""What Netevia's Banking API sends, as far as the gateway reads it. Unknown fields are ignored.

Pages: https://banking.docs.netevia.com/reference/post_api-tickets-message and
.../get_api-linkedaccount-users; they carry no dates.
"""

from typing import Annotated

import msgspec
from msgspec import Meta


class Wire(msgspec.Struct, rename="camel"):
    """Names are camelCase on the wire."""


class LinkedUser(Wire):
    """A person or firm linked to the caller's account."""

    id: Annotated[int, Meta(ge=0)]
    nick_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    dba: str | None = None


class MessageAdded(Wire):
    """The answer to a new message. Its own `message` is a confirmation for people, and isn't read."""

    success: bool | None = None
    comment_id: str | int | None = None
    # Whatever it is, the message was added.
    created_date: object = None

"""Which of a ticket's messages a reply has become: Thulium's answer to a reply names none. Pure."""

import html
import re
import unicodedata
from collections.abc import Collection, Iterable

from gateway.domain.records import TextFormat
from gateway.sources.thulium import wire
from gateway.sources.thulium.mapping import text


def find_reply(
    messages: Iterable[wire.Message],
    *,
    known: Collection[int],
    login: str,
    body: str,
    body_format: TextFormat,
) -> wire.Message | None:
    """The one REPLY that is new, by this agent and of this text; None for none or for two.

    Args:
        messages: The ticket's messages after the reply.
        known: Ids of the messages that were there before it.
        login: Whom the reply was sent as.
        body: What was sent.
        body_format: How it was written.
    """
    found = [
        each
        for each in messages
        if each.message_id not in known
        and text(each.type) == "REPLY"
        and text(each.user_login) == login
        and is_same_text(body, body_format, text(each.body) or "")
    ]
    return found[0] if len(found) == 1 else None


def is_same_text(sent: str, sent_format: TextFormat, shown: str) -> bool:
    """Whether two texts say the same, apart from white space and from markup that was put on or around.

    How Thulium stores a plain text is not documented, so one that comes back escaped or with `<br>` in it
    is the same.
    """
    if sent_format is TextFormat.HTML:
        return _bare(_without_markup(sent)) == _bare(_without_markup(shown))
    return _bare(sent) in {_bare(shown), _bare(_without_markup(shown))}


def _without_markup(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def _bare(plain: str) -> str:
    return "".join(unicodedata.normalize("NFC", plain).split())

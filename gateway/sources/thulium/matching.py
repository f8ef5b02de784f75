"""Which of a ticket's messages a reply has become: Thulium's answer to a reply names none. Pure."""

import html
import re
import unicodedata
from collections.abc import Collection, Iterable

from gateway.domain.records import TextFormat
from gateway.sources.thulium import wire
from gateway.sources.thulium.mapping import text

# Unicode's own bound for streams (UAX #15, section 13).
_MOST_MARKS = 30


def find_replies(
    messages: Iterable[wire.Message],
    *,
    known: Collection[int],
    login: str,
    body: str,
    body_format: TextFormat,
) -> tuple[list[wire.Message], list[wire.Message]]:
    """The REPLYs that are new, by this agent and of this text, and others that might be it too.

    Args:
        messages: The ticket's messages after the reply.
        known: Ids of the messages that were there before it.
        login: Whom the reply was sent as.
        body: What was sent.
        body_format: How it was written.
    Returns:
        Those that are it, as far as can be seen; and new ones that say the same and more, or whose login
        is the same but for capitals: neither it nor certainly another.
    """
    found: list[wire.Message] = []
    doubtful: list[wire.Message] = []
    for each in messages:
        if each.message_id in known or text(each.type) != "REPLY":
            continue
        by, shown = text(each.user_login) or "", text(each.body) or ""
        if by == login and is_same_text(body, body_format, shown):
            found.append(each)
        elif by.casefold() == login.casefold() and _is_part(body, body_format, shown):
            doubtful.append(each)
    return found, doubtful


def is_same_text(sent: str, sent_format: TextFormat, shown: str) -> bool:
    """Whether two texts say the same, apart from white space and from markup that was put on or around.

    How Thulium stores a plain text is not documented, so one that comes back escaped or with `<br>` in it
    is the same.
    """
    if sent_format is TextFormat.HTML:
        words = _bare(_without_markup(sent))
        # Of markup without words, nothing is left to compare but the markup.
        return words == _bare(_without_markup(shown)) if words else _bare(sent) == _bare(shown)
    return _bare(sent) in {_bare(shown), _bare(_without_markup(shown))}


def _is_part(sent: str, sent_format: TextFormat, shown: str) -> bool:
    """Whether a text stands in another one, with a signature or a quotation around it."""
    words = _bare(_without_markup(sent) if sent_format is TextFormat.HTML else sent)
    return words in _bare(shown) or words in _bare(_without_markup(shown))


def _without_markup(markup: str) -> str:
    # Behind the last `>` there is no tag: looked for there, each `<` would be read to the end.
    marked, end, rest = markup.rpartition(">")
    return html.unescape(re.sub(r"<[^>]*>", "", marked + end) + rest)


def _bare(plain: str) -> str:
    return "".join(_composed(plain).split())


def _composed(plain: str) -> str:
    """In Unicode's NFC; as it is where marks stand in long runs: ordering those takes quadratic time."""
    if plain.isascii():
        return plain
    run = 0
    for each in plain:
        run = run + 1 if unicodedata.combining(each) else 0
        if run > _MOST_MARKS:
            return plain
    return unicodedata.normalize("NFC", plain)

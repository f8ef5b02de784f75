"""Untrusted text: allow-list sanitising, and plain text out of HTML.

Messages come from outside as raw e-mail HTML. What is not allowed here is dropped, and nothing that
loads from another host is allowed: no images, styles, forms, frames or scripts.
"""

import html
import re
from html.parser import HTMLParser

import nh3

from gateway.security.markup import rewrite

_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "div", "dl", "dt", "em"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "li", "ol", "p", "pre", "q", "s", "small"),
    *("span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
_ATTRIBUTES: dict[str, set[str]] = {
    "*": set(),  # Left out, nh3 would let `lang` and `title` pass on every tag.
    "a": {"href", "title"},
    "abbr": {"title"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_SCHEMES = {"http", "https", "mailto", "tel"}
_DROPPED_WITH_CONTENT = {
    "script",
    "style",
    "title",
    "template",
    "noscript",
    "iframe",
    "object",
    "svg",
    "math",
}

_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_DROPPED_WITH_CONTENT,
    attributes=_ATTRIBUTES,
    url_schemes=_SCHEMES,
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)

_LINE = frozenset({"br", "div", "tr", "li", "dt", "dd", "caption"})
_PARAGRAPH = frozenset(
    {"p", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "pre", "table", "ul"}
)
# Enough to tell a mail's markup from a "<" in a sentence.
_LOOKS_LIKE_HTML = re.compile(
    r"<(?:!doctype|!--|/?(?:a|b|blockquote|body|br|button|center|div|em|embed|font|form|h[1-6]|head|hr|html|i|"
    r"iframe|img|input|li|link|math|meta|object|ol|p|pre|script|section|span|strong|style|svg|table|tbody|td|"
    r"title|tr|u|ul|video)(?:[\s/][^<>=]*=[^<>]*|\s*/?)>)",
    re.IGNORECASE,
)


def looks_like_html(text: str) -> bool:
    """Whether a text of unstated format holds markup of a mail."""
    return _LOOKS_LIKE_HTML.search(text) is not None


def sanitize(markup: str) -> str:
    """HTML that is safe to put into a page: only allowed tags, attributes and link schemes remain."""
    return _CLEANER.clean(
        rewrite(markup, tags=_TAGS, with_attributes=_ATTRIBUTES.keys(), dropped=_DROPPED_WITH_CONTENT)
    )


def escape(text: str) -> str:
    """Plain text as HTML, line breaks kept."""
    return html.escape(text).replace("\r\n", "\n").replace("\n", "<br>")


def to_text(markup: str) -> str:
    """The readable text of HTML: blocks on lines of their own, links with their address."""
    reader = _TextReader()
    reader.feed(sanitize(markup))
    reader.close()
    return reader.text()


class _TextReader(HTMLParser):
    """Collects text from sanitised HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._link: tuple[str, int] | None = None
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _LINE:
            self._parts.append("\n")
        elif tag in _PARAGRAPH:
            self._parts.append("\n\n")
        elif tag in {"td", "th"}:
            self._parts.append(" ")
        elif tag == "a":
            self._link = (dict(attrs).get("href") or "", len(self._parts))
        if tag == "li":
            self._parts.append("- ")
        if tag == "pre":
            self._preformatted += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            address, start = self._link
            if address and address not in "".join(self._parts[start:]):
                self._parts.append(f" ({address})")
            self._link = None
        elif tag in _PARAGRAPH:
            self._parts.append("\n\n")
        elif tag in _LINE - {"br"}:
            self._parts.append("\n")
        if tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)

    def handle_data(self, data: str) -> None:
        self._parts.append(data if self._preformatted else re.sub(r"\s+", " ", data))

    def text(self) -> str:
        """What was read, without stray blanks."""
        lines = [line.strip(" \t\xa0") for line in "".join(self._parts).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

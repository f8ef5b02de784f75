"""Untrusted text: allow-list sanitising, and plain text out of HTML.

Messages come from outside as raw e-mail HTML. What is not allowed here is dropped, and nothing that
loads from another host is allowed: no styles, forms, frames or scripts, and pictures only where they are
asked for.
"""

import html
import re

import nh3

from gateway.security.markup import Rules, read, rewrite
from gateway.security.plain_text import PlainText

_TAGS = {
    *("a", "abbr", "b", "bdi", "blockquote", "br", "caption", "cite", "code", "dd", "del", "dfn", "div"),
    *("dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol"),
    *("p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td"),
    *("tfoot", "th", "thead", "tr", "u", "ul", "var", "wbr"),
}
_SPANS = {str(number) for number in range(1, 101)}  # Larger ones make a browser lay out millions of cells.
_DIRECTIONS = {"dir": {"ltr", "rtl", "auto"}}
# With any value; a link's and a picture's are written anew before.
_ATTRIBUTES: dict[str, set[str]] = {
    "*": set(),  # Left out, nh3 would let `lang` and `title` pass on every tag.
    "a": {"href", "title"},
    "abbr": {"title"},
    "li": {"value"},
    "ol": {"start"},
}
_VALUES: dict[str, dict[str, set[str]]] = {
    **dict.fromkeys(("bdi", "blockquote", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li"), _DIRECTIONS),
    **dict.fromkeys(("ol", "p", "pre", "span", "table", "ul"), _DIRECTIONS),
    "td": {"colspan": _SPANS, "rowspan": _SPANS, **_DIRECTIONS},
    "th": {"colspan": _SPANS, "rowspan": _SPANS, **_DIRECTIONS},
}
_IMAGE_VALUES = {"img": {"loading": {"lazy"}, "referrerpolicy": {"no-referrer"}}}
_SCHEMES = {"http", "https", "mailto", "tel"}
_DROPPED_WITH_CONTENT = {
    *("applet", "datalist", "frameset", "iframe", "math", "noembed", "noframes", "noscript", "object"),
    *("script", "style", "svg", "template", "title", "xml"),
}


def _rules(*, remote_images: bool = False) -> Rules:
    return Rules(
        tags=_TAGS,
        with_attributes=_ATTRIBUTES.keys() | _VALUES.keys(),
        dropped=_DROPPED_WITH_CONTENT,
        remote_images=remote_images,
    )


def _cleaner(*, remote_images: bool = False) -> nh3.Cleaner:
    images = {"img": {"src", "alt", "width", "height"}} if remote_images else {}
    return nh3.Cleaner(
        tags=_TAGS | images.keys(),
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes={**_ATTRIBUTES, **images},
        tag_attribute_values={**_VALUES, **_IMAGE_VALUES} if remote_images else _VALUES,
        url_schemes=_SCHEMES,
        url_relative="deny",  # Relative to the reader's page, they would lead to the reader's own things.
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


_WITHOUT_IMAGES = _rules(), _cleaner()
_WITH_IMAGES = _rules(remote_images=True), _cleaner(remote_images=True)

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


def sanitize(markup: str, *, remote_images: bool = False) -> str:
    """HTML that is safe to put into a page: only allowed tags, attributes and link schemes remain.

    Args:
        markup: Anything.
        remote_images: Keep pictures that are loaded from elsewhere, whose hosts then learn that, when and
            from which address the text was read. Else, and for pictures that came with the mail, their
            words stand in brackets.
    """
    rules, cleaner = _WITH_IMAGES if remote_images else _WITHOUT_IMAGES
    balanced = rewrite(markup, rules)
    try:
        return cleaner.clean(balanced)
    except UnicodeEncodeError:
        # Half a character, as JSON can write it: what it may have been is lost.
        return cleaner.clean(balanced.encode("utf-8", "replace").decode())


def escape(text: str) -> str:
    """Plain text as HTML, line breaks kept."""
    return html.escape(text).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "<br>")


def to_text(markup: str) -> str:
    """The readable text of HTML: blocks on lines of their own, links with their address."""
    reader = PlainText()
    read(markup, _WITHOUT_IMAGES[0], reader)
    return reader.result()

"""Vectors against whoever shows a stranger's HTML, and a reader that takes nothing but what is allowed."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

_FILE = Path(__file__).parent / "fixtures" / "xss" / "vectors.json"
VECTORS: dict[str, list[str]] = json.loads(_FILE.read_text(encoding="utf-8"))
ALL = [vector for vectors in VECTORS.values() for vector in vectors]

# Written apart from the sanitiser's own lists.
_TAGS = frozenset(
    [
        *("a", "abbr", "b", "bdi", "blockquote", "br", "caption", "cite", "code", "dd", "del", "dfn", "div"),
        *("dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol"),
        *("p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td"),
        *("tfoot", "th", "thead", "tr", "u", "ul", "var", "wbr"),
    ]
)
_BLOCKS = (
    *("bdi", "blockquote", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "span"),
    *("table", "td", "th", "ul"),
)
_NUMBER = r"-?\d+"
_SPAN = r"[1-9]\d?|100"
_WEB = r"https?://[^\s\"'<>\\/?#:@][^\s\"'<>\\]*"
# What may stand in an attribute, exactly.
_VALUES = {
    **{(tag, "dir"): "(?i:ltr|rtl|auto)" for tag in _BLOCKS},
    ("a", "href"): rf"(?i:{_WEB}|mailto:[^\s\"'<>]+|tel:[^\s\"'<>]+)",
    ("a", "rel"): "noopener noreferrer nofollow",
    ("a", "title"): "(?s:.*)",
    ("abbr", "title"): "(?s:.*)",
    ("li", "value"): "(?s:.*)",
    ("ol", "start"): "(?s:.*)",
    **{(tag, name): _SPAN for tag in ("td", "th") for name in ("colspan", "rowspan")},
}
_IMAGE_VALUES = {
    ("img", "src"): rf"(?i:{_WEB})",
    ("img", "alt"): "(?s:.*)",
    ("img", "width"): _NUMBER,
    ("img", "height"): _NUMBER,
    ("img", "loading"): "lazy",
    ("img", "referrerpolicy"): "no-referrer",
}


class _Strict(HTMLParser):
    """Refuses every tag, attribute and value that isn't allowed, and all that isn't a tag or text."""

    def __init__(self, *, remote_images: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._tags = _TAGS | {"img"} if remote_images else _TAGS
        self._values = _VALUES | _IMAGE_VALUES if remote_images else _VALUES
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self._tags, tag
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), names
        for name, value in attrs:
            assert (tag, name) in self._values, (tag, name)
            assert re.fullmatch(self._values[tag, name], value or ""), (tag, name, value)
        assert tag != "a" or "rel" in names
        assert tag != "img" or {"src", "loading", "referrerpolicy"} <= set(names)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raise AssertionError(tag, attrs)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def checked(markup: str, *, remote_images: bool = False) -> str:
    """The text of sanitised HTML; an AssertionError where anything in it isn't allowed."""
    strict = _Strict(remote_images=remote_images)
    strict.feed(markup)
    strict.close()
    return "".join(strict.words)

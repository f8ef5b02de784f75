"""Reads a stranger's markup in time and memory in proportion to its length.

HTML's own rules for misnested tags reopen formatting elements in every new block, and walk the open
elements at every tag: 50 kB of unclosed tags become 90 MB, or a minute's work. What is handed on from
here is balanced, no deeper than `MAX_DEPTH`, and without what a reader was not to see. It is not safe
yet, which is the sanitiser's part (`gateway/security/html.py`).
"""

import html
import re
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from typing import Protocol

from gateway.security.attributes import is_hidden, of_image, of_link

MAX_DEPTH = 100
_MAX_ATTRIBUTES = 4_096  # Characters; longer ones cost the tag its attributes.

_VOID = frozenset({"br", "hr", "wbr"})
# These have no content, whatever their attributes say.
_EMPTY = _VOID | frozenset(
    {"area", "base", "basefont", "bgsound", "col", "embed", "frame", "input", "keygen", "link", "meta"}
    | {"param", "source", "track"}
)
# Hidden ones would take the whole message along.
_WHOLE = frozenset({"html", "body"})
# What has gone out of use or only arranges a page, by what reads the same.
_READ_AS = {
    **dict.fromkeys(("address", "article", "aside", "center", "details", "fieldset", "figcaption"), "div"),
    **dict.fromkeys(("figure", "footer", "form", "header", "hgroup", "legend", "main", "nav"), "div"),
    **dict.fromkeys(("option", "section", "summary"), "div"),
    **dict.fromkeys(("listing", "plaintext", "xmp"), "pre"),
    **dict.fromkeys(("dir", "menu"), "ul"),
    "acronym": "abbr",
    "image": "img",
    "strike": "s",
    "tt": "code",
}
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_TABLE = frozenset({"table"})
_ROWS = frozenset({"tr", "td", "th", "caption"})
_GROUPS = _ROWS | {"thead", "tbody", "tfoot"}
# A start tag that ends what stands open, where the end tag is often left out; and how far up it reaches.
_ENDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "a": (frozenset({"a"}), frozenset({"table"})),
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "table"})),
    "dt": (frozenset({"dt", "dd"}), frozenset({"dl", "table"})),
    "dd": (frozenset({"dt", "dd"}), frozenset({"dl", "table"})),
    "td": (frozenset({"td", "th", "caption"}), _TABLE),
    "th": (frozenset({"td", "th", "caption"}), _TABLE),
    "tr": (_ROWS, _TABLE),
    "tbody": (_GROUPS, _TABLE),
    "thead": (_GROUPS, _TABLE),
    "tfoot": (_GROUPS, _TABLE),
    "caption": (_GROUPS, _TABLE),
}
# What stands in a cell ends there.
_CELL = frozenset({"table", "td", "th", "caption"})
_OF_TABLE = _GROUPS | _TABLE
_BETWEEN_CELLS = frozenset({"table", "thead", "tbody", "tfoot", "tr"})
# Blocks end an open paragraph, however deep it stands.
_BLOCKS = _HEADINGS | frozenset({"blockquote", "div", "dl", "hr", "ol", "p", "pre", "table", "ul"})

# A tag to its end, attributes with their quotes. Possessive throughout: nothing is tried twice.
_TAG = re.compile(
    r"""<(/?+)([a-zA-Z][^\s/>]*+)((?>[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"']?+)|["'])*+)>"""
)
# An address between angle brackets is text, though HTML takes it for a tag that it doesn't know.
_ADDRESS = re.compile(r"<((?:mailto:)?[\w.+%-]++@[\w.-]++|https?://[^\s<>\"']++)>", re.IGNORECASE)
_COMMENT_END = re.compile(r"--!?>")


class Reader(Protocol):
    """Takes what the markup says, in order and balanced."""

    def text(self, markup: str) -> None:
        """Text, with its character references; no `<` in it."""

    def start(self, name: str, attributes: str) -> None:
        """A tag in lower case, with its attributes as they were written or made anew."""

    def end(self, name: str) -> None:
        """The end of what was started last; `br`, `hr`, `wbr` and `img` have none."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What to hand on.

    Attributes:
        tags: Those to keep; of others the content stays.
        with_attributes: Those that keep their attributes.
        dropped: Those that go with their content.
        remote_images: Whether pictures may be loaded from elsewhere; words stand in for all others.
    """

    tags: Container[str]
    with_attributes: Container[str]
    dropped: Container[str]
    remote_images: bool = False


def read(markup: str, rules: Rules, reader: Reader) -> None:
    """Hand on a markup's text and tags. An unfinished tag at the end is left out, as HTML has it."""
    _Balancer(markup, rules, reader).run()


def rewrite(markup: str, rules: Rules) -> str:
    """Balanced markup with the same text."""
    writer = _Writer()
    read(markup, rules, writer)
    return "".join(writer.pieces)


class _Writer:
    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.text = self.pieces.append

    def start(self, name: str, attributes: str) -> None:
        self.pieces.append(f"<{name}{attributes}>")

    def end(self, name: str) -> None:
        self.pieces.append(f"</{name}>")


class _Balancer:
    def __init__(self, markup: str, rules: Rules, reader: Reader) -> None:
        self._markup = markup
        self._rules = rules
        self._reader = reader
        self._open: list[str] = []
        self._counts: Counter[str] = Counter()
        # How many elements stand around the outermost one that is hidden.
        self._hidden_below: int | None = None

    def run(self) -> None:
        markup, position = self._markup, 0
        while (start := markup.find("<", position)) >= 0:
            if start > position:
                self._text(markup[position:start])
            after = markup[start + 1 : start + 2]
            if markup.startswith("<!--", start):
                end = _COMMENT_END.search(markup, start + 2)
                position = len(markup) if end is None else end.end()
            elif after in {"!", "?"}:
                position = self._behind(">", start)
            elif after == "/" or (after.isascii() and after.isalpha()):
                position = self._tag_at(start, closing=after == "/")
            else:
                self._text("&lt;")
                position = start + 1
        if position < len(markup):
            self._text(markup[position:])
        self._close_to(0)

    def _tag_at(self, start: int, *, closing: bool) -> int:
        """Take the tag that begins here; where to go on."""
        tag = _TAG.match(self._markup, start)
        if tag is None:
            # `</` and no name is a comment to HTML; a tag without an end takes all that follows along.
            nameless = closing and not self._markup[start + 2 : start + 3].isalpha()
            return self._behind(">", start) if nameless else len(self._markup)
        if not closing and (address := _ADDRESS.match(self._markup, start)):
            self._text(f"&lt;{address[1]}&gt;")
            return address.end()
        name = tag[2].lower()
        name = _READ_AS.get(name, name)
        if closing:
            self._end(name)
        elif name in self._rules.dropped:
            return self._behind_element(name, tag.end())
        elif name == "img":
            self._image(tag[3])
        elif name not in _EMPTY or name in _VOID:
            self._start(name, tag[3])
        return tag.end()

    def _text(self, markup: str) -> None:
        if self._hidden_below is None:
            if self._open and self._open[-1] in _BETWEEN_CELLS and not markup.isspace():
                self._enter_cell()
            self._reader.text(markup)

    def _enter_cell(self) -> None:
        """Where none is open: HTML would move what stands between cells before the table."""
        if len(self._open) <= MAX_DEPTH - 2:
            if self._open[-1] != "tr":
                self._push("tr")
            self._push("td")

    def _push(self, name: str, attributes: str = "") -> None:
        self._open.append(name)
        self._counts[name] += 1
        if self._hidden_below is None:
            self._reader.start(name, self._kept(name, attributes) if attributes else "")

    def _start(self, name: str, attributes: str) -> None:
        rules = self._rules
        hidden = (
            bool(attributes) and self._hidden_below is None and name not in _WHOLE and is_hidden(attributes)
        )
        if name not in rules.tags and not hidden:
            return
        if name in _OF_TABLE and name != "table" and not self._counts["table"]:
            self._text(" ")
            return
        if name in _BLOCKS and self._counts["p"]:
            self._close_to(self._place("p"))
        if name in _HEADINGS and self._open and self._open[-1] in _HEADINGS:
            self._close_to(len(self._open) - 1)
        ends = _ENDS.get(name)
        if ends is not None:
            self._close_to(self._ended(*ends))
        between = bool(self._open) and self._open[-1] in _BETWEEN_CELLS
        if between and name in {"td", "th"} and self._open[-1] != "tr" and len(self._open) < MAX_DEPTH:
            self._push("tr")
        elif between and (name not in _OF_TABLE or name == "table") and not hidden:
            self._enter_cell()
        if name in _VOID:
            if self._hidden_below is None and not hidden:
                self._reader.start(name, "")
        elif len(self._open) < MAX_DEPTH:
            if hidden:
                self._hidden_below = len(self._open)
            self._push(name, attributes)

    def _kept(self, name: str, attributes: str) -> str:
        if name not in self._rules.with_attributes or len(attributes) > _MAX_ATTRIBUTES:
            return ""
        return of_link(attributes) if name == "a" else attributes

    def _image(self, attributes: str) -> None:
        if self._hidden_below is not None or is_hidden(attributes):
            return
        kept, words = of_image(attributes)
        if kept is None or not self._rules.remote_images:
            if words:
                self._text(html.escape(words))
            return
        if self._open and self._open[-1] in _BETWEEN_CELLS:
            self._enter_cell()
        self._reader.start("img", kept)

    def _end(self, name: str) -> None:
        if not self._counts[name]:
            return
        place = self._place(name)
        if name not in _OF_TABLE and any(each in _CELL for each in self._open[place + 1 :]):
            return
        self._close_to(place)

    def _place(self, name: str) -> int:
        return len(self._open) - 1 - self._open[::-1].index(name)

    def _ended(self, names: frozenset[str], within: frozenset[str]) -> int:
        """How many elements stay open: those around the outermost one that ends here."""
        stay = len(self._open)
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place] in within:
                break
            if self._open[place] in names:
                stay = place
        return stay

    def _close_to(self, depth: int) -> None:
        while len(self._open) > depth:
            name = self._open.pop()
            self._counts[name] -= 1
            if self._hidden_below is None:
                self._reader.end(name)
            elif len(self._open) <= self._hidden_below:
                self._hidden_below = None

    def _behind(self, end: str, start: int) -> int:
        found = self._markup.find(end, start)
        return len(self._markup) if found < 0 else found + len(end)

    def _behind_element(self, name: str, start: int) -> int:
        """Behind the end tag of an element whose content isn't markup, or is not wanted."""
        end = re.compile(rf"</{name}(?![^\s/>])", re.IGNORECASE).search(self._markup, start)
        return len(self._markup) if end is None else self._behind(">", end.end())

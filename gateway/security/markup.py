"""Rewrites a stranger's markup so that reading it takes time and memory in proportion to its length.

HTML's own rules for misnested tags reopen formatting elements in every new block, and walk the open
elements at every tag: 50 kB of unclosed tags become 90 MB, or a minute's work. What leaves here is
balanced, no deeper than `MAX_DEPTH`, and has attributes on few tags; it is not safe yet, which is the
sanitiser's part (`gateway/security/html.py`).
"""

import re
from collections import Counter
from collections.abc import Container, Iterator

MAX_DEPTH = 100
_MAX_ATTRIBUTES = 4_096  # Characters; longer ones cost the tag its attributes.

_VOID = frozenset({"br", "hr"})
# A start tag that ends what stands open at its place, where the end tag is often left out.
_CELLS = frozenset({"td", "th"})
_ENDS = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "td": _CELLS,
    "th": _CELLS,
    "tr": _CELLS | {"tr"},
    "tbody": _CELLS | {"tr", "thead", "tbody", "tfoot"},
    "thead": _CELLS | {"tr", "thead", "tbody", "tfoot"},
    "tfoot": _CELLS | {"tr", "thead", "tbody", "tfoot"},
}
# Blocks end an open paragraph, however deep it stands.
_BLOCKS = frozenset(
    {"blockquote", "div", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"}
)

# A tag to its end, attributes with their quotes. Possessive throughout: nothing is tried twice.
_TAG = re.compile(
    r"""<(/?+)([a-zA-Z][a-zA-Z0-9]*+)((?>[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"']?+)|["'])*+)>"""
)


def rewrite(
    markup: str, *, tags: Container[str], with_attributes: Container[str], dropped: Container[str]
) -> str:
    """Balance markup.

    Args:
        markup: Anything.
        tags: Those to keep; of others the content stays.
        with_attributes: Those that keep their attributes.
        dropped: Those that go with their content.
    Returns:
        Markup with the same text. An unfinished tag at the end is left out, as HTML has it.
    """
    return "".join(_Balancer(markup, tags, with_attributes, dropped).pieces())


class _Balancer:
    def __init__(
        self, markup: str, tags: Container[str], with_attributes: Container[str], dropped: Container[str]
    ) -> None:
        self._markup = markup
        self._tags = tags
        self._with_attributes = with_attributes
        self._dropped = dropped
        self._open: list[str] = []
        self._counts: Counter[str] = Counter()

    def pieces(self) -> Iterator[str]:
        markup, position = self._markup, 0
        while (start := markup.find("<", position)) >= 0:
            yield markup[position:start]
            after = markup[start + 1 : start + 2]
            if markup.startswith("<!--", start):
                position = self._behind("-->", start + 4)
            elif after in {"!", "?"}:
                position = self._behind(">", start)
            elif after == "/" or (after.isascii() and after.isalpha()):
                tag = _TAG.match(markup, start)
                if tag is None:
                    # `</` and no name is a comment to HTML; a tag without an end is dropped.
                    position = self._behind(">", start) if after == "/" else len(markup)
                    continue
                position = tag.end()
                name = tag[2].lower()
                if name in self._dropped and not tag[1]:
                    position = self._behind_element(name, position)
                else:
                    yield from self._tag(name, tag[3], closing=bool(tag[1]))
            else:
                yield "&lt;"
                position = start + 1
        yield markup[position:]
        yield from self._close_through(len(self._open))

    def _tag(self, name: str, attributes: str, *, closing: bool) -> Iterator[str]:
        if name not in self._tags:
            return
        if closing:
            if self._counts[name]:
                yield from self._close_through(self._open[::-1].index(name) + 1)
            return
        if name in _BLOCKS and self._counts["p"]:
            yield from self._close_through(self._open[::-1].index("p") + 1)
        while self._open and self._open[-1] in _ENDS.get(name, ()):
            yield from self._close_through(1)
        kept = attributes if name in self._with_attributes and len(attributes) <= _MAX_ATTRIBUTES else ""
        if name in _VOID:
            yield f"<{name}>"
        elif len(self._open) < MAX_DEPTH:
            self._open.append(name)
            self._counts[name] += 1
            yield f"<{name}{kept}>"

    def _close_through(self, depth: int) -> Iterator[str]:
        for _ in range(depth):
            name = self._open.pop()
            self._counts[name] -= 1
            yield f"</{name}>"

    def _behind(self, end: str, start: int) -> int:
        found = self._markup.find(end, start)
        return len(self._markup) if found < 0 else found + len(end)

    def _behind_element(self, name: str, start: int) -> int:
        """Behind the end tag of an element whose content isn't markup, or is not wanted."""
        end = re.compile(rf"</{name}(?![a-z0-9])[^>]*+>", re.IGNORECASE).search(self._markup, start)
        return len(self._markup) if end is None else end.end()

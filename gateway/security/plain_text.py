"""The text of HTML as a person would read it: paragraphs, lists, tables, quotes, links with addresses."""

import html
import re
from dataclasses import dataclass, field

from gateway.security.attributes import address, parsed

_LINES = frozenset({"div", "dt", "dd", "caption", "tbody", "thead", "tfoot"})
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "pre"})
_CELLS = frozenset({"td", "th"})
_FRAMED = _CELLS | {"blockquote", "li"}
# Deeper ones would make a text that is mostly marks, and be laid out over and over.
_MAX_MARKS = 10
_MAX_FRAMES = 30

_BLANKS = re.compile(r"[ \t\n\r\f\xa0]+")
# What shows nothing, and pads the first lines of mails: controls, soft hyphens, zero-width spaces and the
# like; a non-joiner only where it has nothing to keep apart.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\xad\u034f\u200b\u2060\ufeff\ud800-\udfff]"
    r"|(?<!\u200c)\u200c++(?=[ \t\n\r\f\xa0\u034f]|$)"
)
_LEADING_ZEROS = re.compile(r"&#([xX]?)0++(?=[\da-fA-F])")
# Python refuses to read numbers of thousands of digits, and no character has that many.
_NO_CHARACTER = re.compile(r"&#(?:\d{8,}+|[xX][\da-fA-F]{7,}+);?")
_SCHEME = re.compile(r"(?:https?://(?:www\.)?|mailto:|tel:)", re.IGNORECASE)


def decoded(markup: str) -> str:
    """A text with its character references resolved."""
    if "&" not in markup:
        return markup
    if "&#" in markup:
        markup = _NO_CHARACTER.sub("\ufffd", _LEADING_ZEROS.sub(r"&#\1", markup))
    return html.unescape(markup)


@dataclass(slots=True)
class _Frame:
    """A part of the text that is laid out by itself, and then put into what stands around it."""

    mark: str = ""
    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    gap: bool = False

    def flush(self, *, always: bool = False, as_written: bool = False) -> None:
        """End the line, if there is one."""
        text = "".join(self.line)
        self.line.clear()
        text = _UNSEEN.sub("", text)
        text = text.rstrip(" \t\xa0") if as_written else _BLANKS.sub(" ", text).strip(" ")
        if text or always:
            self.add((text,))

    def add(self, lines: tuple[str, ...] | list[str]) -> None:
        """Put lines below, parted from those above if there is to be a gap."""
        if self.gap and self.lines and self.lines[-1]:
            self.lines.append("")
        self.gap = False
        self.lines.extend(lines)

    def trimmed(self) -> list[str]:
        """The lines without empty ones around, and with one at most in a row."""
        self.flush()
        kept: list[str] = []
        for line in self.lines:
            if line or (kept and kept[-1]):
                kept.append(line)
        if kept and not kept[-1]:
            kept.pop()
        return kept


class PlainText:
    """Takes balanced markup (see `markup.Reader`) and gives its text."""

    def __init__(self) -> None:
        self._frames = [_Frame()]
        # The cells of each open row; None for a table, so that a cell without a row finds none.
        self._rows: list[list[list[str]] | None] = []
        # Of each open list the next number, None where it has none.
        self._lists: list[int | None] = []
        self._links: list[tuple[str | None, list[str]]] = []
        self._preformatted = 0
        self._at_pre = False
        self._marks = 0

    def result(self) -> str:
        """What was read."""
        return "\n".join(self._frames[0].trimmed())

    def text(self, markup: str) -> None:
        """See `markup.Reader`."""
        self._say(decoded(markup))

    def start(self, name: str, attributes: str) -> None:
        """See `markup.Reader`."""
        frame = self._frames[-1]
        if name == "a":
            self._links.append((address(parsed(attributes).get("href")), []))
        elif name == "br":
            frame.flush(always=True, as_written=self._preformatted > 0)
        elif name == "q":
            self._say('"')
        elif name == "hr":
            self._break(gap=True)
            frame.add(("---",))
            frame.gap = True
        elif name in _PARAGRAPHS:
            self._break(gap=True)
            if name == "pre":
                self._preformatted += 1
                self._at_pre = True
        elif name in {"ol", "ul"}:
            self._break(gap=not self._lists)
            self._lists.append(_first_number(attributes) if name == "ol" else None)
        elif name in {"table", "tr"}:
            self._break(gap=not self._rows)
            self._rows.append([] if name == "tr" else None)
        elif name in _FRAMED:
            self._break(gap=name == "blockquote")
            self._frames.append(_Frame(self._mark(name)) if len(self._frames) < _MAX_FRAMES else frame)
        elif name in _LINES:
            self._break()

    def end(self, name: str) -> None:
        """See `markup.Reader`."""
        if name == "a":
            self._end_link()
        elif name == "q":
            self._say('"')
        elif name in _PARAGRAPHS:
            self._break(gap=True)
            self._preformatted -= name == "pre"
            self._at_pre = False
        elif name in {"ol", "ul"}:
            self._lists.pop()
            self._break(gap=not self._lists)
        elif name in {"table", "tr"}:
            self._break()
            cells = self._rows.pop()
            if cells:
                self._frames[-1].add(_row(cells))
            self._frames[-1].gap |= not self._rows
        elif name in _FRAMED:
            self._close_frame(name)
        elif name in _LINES:
            self._break()

    def _say(self, text: str) -> None:
        if self._links:
            self._links[-1][1].append(text)
        frame = self._frames[-1]
        if not self._preformatted:
            frame.line.append(text)
            return
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if self._at_pre:
            # The first line end is the tag's.
            self._at_pre = False
            lines = lines[1:] if len(lines) > 1 and not lines[0] else lines
        for line in lines[:-1]:
            frame.line.append(line)
            frame.flush(always=True, as_written=True)
        frame.line.append(lines[-1])

    def _break(self, *, gap: bool = False) -> None:
        frame = self._frames[-1]
        frame.flush(as_written=self._preformatted > 0)
        frame.gap |= gap

    def _mark(self, name: str) -> str:
        """What stands before a frame's lines."""
        if name in _CELLS:
            return ""
        self._marks += 1
        if self._marks > _MAX_MARKS:
            return ""
        if name == "blockquote":
            return "> "
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "

    def _close_frame(self, name: str) -> None:
        frame = self._frames[-1]
        frame.flush(as_written=self._preformatted > 0)
        self._frames.pop()
        around = self._frames[-1]
        if frame is around:
            return
        lines = frame.trimmed()
        if name in _CELLS:
            if self._rows and (cells := self._rows[-1]) is not None:
                cells.append(lines)
            else:
                around.add(lines)
            return
        self._marks -= 1
        mark = frame.mark
        if not lines:
            return
        if mark and name == "blockquote":
            lines = [(mark + line).rstrip() for line in lines]
        elif mark:
            indent = " " * len(mark)
            lines = [mark + lines[0], *(indent + line if line else "" for line in lines[1:])]
        around.add(lines)
        around.gap |= name == "blockquote"

    def _end_link(self) -> None:
        leads_to, said = self._links.pop()
        if self._links:
            self._links[-1][1].extend(said)
        if leads_to is None:
            return
        shown = leads_to
        if shown[:7].lower() == "mailto:":
            shown = shown[7:].partition("?")[0]
        elif shown[:4].lower() == "tel:":
            shown = shown[4:]
        text = _BLANKS.sub(" ", _UNSEEN.sub("", "".join(said))).strip(" ")
        if _same_place(text, shown):
            return
        frame = self._frames[-1]
        last = f" ({shown})" if text else shown
        if text and not any(frame.line) and frame.lines and frame.lines[-1]:
            # The link held whole lines.
            frame.lines[-1] += last
        else:
            if text:
                frame.line[:] = ["".join(frame.line).rstrip(" \t\n\r\f\xa0")]
            frame.line.append(last)


def _same_place(text: str, shown: str) -> bool:
    """Whether a link's text says already where it leads."""
    said, place = (_SCHEME.sub("", each.lower()).rstrip("/") for each in (text, shown))
    if not place or place in said:
        return True
    digits = re.sub(r"[\s().+/-]", "", place)
    return digits.isdigit() and re.sub(r"[\s().+/-]", "", said) == digits


def _row(cells: list[list[str]]) -> list[str]:
    """A row on one line where each cell has one, else its cells below each other."""
    if all(len(lines) <= 1 for lines in cells):
        line = " | ".join(lines[0] for lines in cells if lines and lines[0])
        return [line] if line else []
    return [line for lines in cells for line in lines]


def _first_number(attributes: str) -> int:
    start = parsed(attributes).get("start", "") if attributes else ""
    return int(start) if start.isascii() and start.isdigit() and len(start) <= 6 else 1

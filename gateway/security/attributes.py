"""What a tag's attributes say: where a link leads, what stands for a picture, and what was not to be seen.

Values are decoded, judged and written anew, so that what was judged is what leaves.
"""

import html
import re

_MAX_LENGTH = 4_096  # Characters of a tag's attributes; longer ones are not looked at, except a picture's.
_MAX_ALT = 200
_MAX_PIXEL = 1  # Pictures of this size show nothing: they tell that a mail was opened.

# Name and value as HTML reads them. Possessive throughout: nothing is tried twice.
_ATTRIBUTE = re.compile(
    r"""([^\s/>"'=][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)(?:"|$)|'([^']*+)(?:'|$)|([^\s>]++)))?+"""
)
# In attributes a name counts with its semicolon alone: `?a=1&copy=2` is an address with two parameters.
_REFERENCE = re.compile(r"&(?:#(?:\d{1,7}|[xX][\da-fA-F]{1,6})(?!\w);?|[a-zA-Z][a-zA-Z\d]{1,31};)")

# As browsers read addresses (URL Standard): blanks around are dropped, line ends and tabs inside too.
_AROUND = "".join(map(chr, range(0x21)))
_INSIDE = str.maketrans("", "", "\t\n\r")
_WEB = re.compile(r"https?://[^\s/\\?#]", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s/\\?#]|mailto:[^\s]|tel:[^\s]", re.IGNORECASE)
_UNWRITTEN = re.compile(r"[\x00-\x20\x7f-\x9f\"<>\\^`{|}\ud800-\udfff]")

# Looked for first, as most styles hide nothing.
_MAY_HIDE = re.compile(
    r"\bhidden\b|display\s{0,8}:\s{0,8}none|opacity\s{0,8}:\s{0,8}[0.]|height\s{0,8}:\s{0,8}0", re.IGNORECASE
)
_CSS_COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*+(?:\*/)?+")
_NOTHING = re.compile(r"0*\.?0*(?:px|pt|em|rem|%)?")


def parsed(attributes: str) -> dict[str, str]:
    """Attributes by their names in lower case; of several with one name the first one counts."""
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(attributes):
        found.setdefault(name.lower(), _REFERENCE.sub(_decoded, double or single or bare))
    return found


def address(value: str | None) -> str | None:
    """Where a link may lead, ready to be written; None for any other place."""
    return _written(value, _LINK)


def of_link(attributes: str) -> str:
    """The attributes that a link keeps."""
    if not attributes or len(attributes) > _MAX_LENGTH:
        return ""
    given = parsed(attributes)
    leads_to = address(given.get("href"))
    kept = "" if leads_to is None else f' href="{html.escape(leads_to)}"'
    return kept + (f' title="{html.escape(given["title"])}"' if given.get("title") else "")


def of_image(attributes: str) -> tuple[str | None, str]:
    """A picture's attributes, None if there is nothing to load from elsewhere, and the words for it."""
    given = parsed(attributes)
    place = given.get("src", "").strip(_AROUND)
    alt = " ".join(given.get("alt", "").split())[:_MAX_ALT]
    words = f"[{alt}]" if alt else ""
    source = _written(place, _WEB) if len(place) <= _MAX_LENGTH else None
    if source is None:
        # It came with the mail, and was meant to be seen unless it says otherwise.
        if not words and "alt" not in given and place[:5].lower().startswith(("cid:", "data:")):
            words = "[image]"
        return None, words
    if all(_is_pixel(given.get(side)) for side in ("width", "height")):
        return None, words
    kept = f' src="{html.escape(source)}" alt="{html.escape(alt)}"'
    for side in ("width", "height"):
        size = given.get(side, "")
        if size.isascii() and size.isdigit() and len(size) <= 4:
            kept += f' {side}="{size}"'
    # Its host learns nothing of the page, and of the reader only once it is in sight.
    return f'{kept} loading="lazy" referrerpolicy="no-referrer"', words


def is_hidden(attributes: str) -> bool:
    """Whether an element and all that is in it was not to be seen, as far as its own attributes say."""
    if len(attributes) > _MAX_LENGTH or not _MAY_HIDE.search(attributes):
        return False
    given = parsed(attributes)
    if "hidden" in given:
        return True
    style = _declared(given.get("style", ""))
    return (
        style.get("display") == "none"
        or style.get("visibility") == "hidden"
        or bool(_NOTHING.fullmatch(style.get("opacity", "1")))
        or (
            style.get("overflow") == "hidden"
            and any(_NOTHING.fullmatch(style.get(name, "auto")) for name in ("height", "max-height"))
        )
    )


def _declared(style: str) -> dict[str, str]:
    """The declarations of a style, in lower case; the last one counts, or one that is marked."""
    found: dict[str, str] = {}
    marked: set[str] = set()
    for each in _CSS_COMMENT.sub("", style).lower().split(";"):
        name, _, value = each.partition(":")
        name, value, mark = name.strip(), *value.partition("!")[:2]
        if mark or name not in marked:
            found[name] = value.strip()
        if mark:
            marked.add(name)
    return found


def _written(value: str | None, wanted: re.Pattern[str]) -> str | None:
    if value is None:
        return None
    plain = value.strip(_AROUND).translate(_INSIDE)
    if not wanted.match(plain):
        return None
    return _UNWRITTEN.sub(lambda found: _percent(found[0]), plain)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))


def _decoded(found: re.Match[str]) -> str:
    return html.unescape(found[0])


def _is_pixel(size: str | None) -> bool:
    number = (size or "").strip().removesuffix("px")
    return number.isascii() and number.isdigit() and len(number) <= 4 and int(number) <= _MAX_PIXEL

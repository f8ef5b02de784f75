"""What of a stranger's HTML may reach a page."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.security.html import escape, looks_like_html, sanitize, to_text
from tests.xss import ALL, VECTORS, checked


def _same(one: str, other: str) -> bool:
    """Equal but for empty lines at the start of a `<pre>`: HTML drops the first of them at each reading."""
    return re.sub(r"(<pre[^>]*>)\n+", r"\1", one) == re.sub(r"(<pre[^>]*>)\n+", r"\1", other)


def test_there_are_enough_vectors() -> None:
    assert len(set(ALL)) == len(ALL) > 400
    assert min(map(len, VECTORS.values())) >= 10


def _places(vector: str) -> tuple[str, ...]:
    """A vector where mails have their text."""
    return (
        vector,
        f"<div>{vector}</div>",
        f"<table><tr><td>{vector}",
        f"<table>{vector}<td>x</table>",
        f'<p title="{vector}',
        f"<ul><li>{vector}<li>x</ul>",
        f"<pre>{vector}</pre>",
        f"<b><i><a href=https://x.example/>{vector}</a></i></b>",
        f"<span style=display:none>{vector}</span>",
    )


@pytest.mark.parametrize("remote_images", [False, True], ids=["no images", "remote images"])
@pytest.mark.parametrize("vector", ALL)
def test_nothing_active_remains(vector: str, *, remote_images: bool) -> None:
    for markup in _places(vector):
        cleaned = sanitize(markup, remote_images=remote_images)
        checked(cleaned, remote_images=remote_images)
        assert _same(sanitize(cleaned, remote_images=remote_images), cleaned), (
            "what a browser makes of it is what was checked"
        )


@pytest.mark.parametrize("vector", ALL)
def test_what_is_read_as_text_can_be_shown_as_html_again(vector: str) -> None:
    for markup in _places(vector):
        text = to_text(markup)
        for shown in (escape(text), sanitize(escape(text))):
            assert checked(shown.replace("<br>", "\n")).split() == text.split()


@pytest.mark.parametrize(
    "element",
    [
        "script",
        "style",
        "title",
        "template",
        "iframe",
        "object",
        "svg",
        "math",
        "noscript",
        "datalist",
        "xml",
    ],
)
def test_what_nobody_was_to_read_goes_with_its_element(element: str) -> None:
    markup = f"<p>before<{element}>hidden</{element}>after</p>"

    assert (sanitize(markup), to_text(markup)) == ("<p>beforeafter</p>", "beforeafter")


@pytest.mark.parametrize(
    ("markup", "cleaned"),
    [
        ("Hello", "Hello"),
        ("<p>Hello <b>you</b><br>there</p>", "<p>Hello <b>you</b><br>there</p>"),
        ("<font color=red>red</font>", "red"),
        (
            "<kbd>a</kbd><mark>b</mark><tt>c</tt><strike>d</strike>",
            "<kbd>a</kbd><mark>b</mark><code>c</code><s>d</s>",
        ),
        ("a<section>b</section><center>c</center>d", "a<div>b</div><div>c</div>d"),
        ("<dir><li>a</dir><xmp>b</xmp>", "<ul><li>a</li></ul><pre>b</pre>"),
        ('<p dir="rtl" lang="he" align="right">x</p><p dir="up">y</p>', '<p dir="rtl">x</p><p>y</p>'),
        ("Ola <ola@example.org> wrote", "Ola &lt;ola@example.org&gt; wrote"),
        ("see <https://x.example/a?b=1&c>", "see &lt;https://x.example/a?b=1&amp;c&gt;"),
        ("<html><head><title>t</title></head><body><p>x</p></body></html>", "<p>x</p>"),
        ('<div class="a" style="b" id="c">x</div>', "<div>x</div>"),
        (
            '<a href="https://x.example/?a=1&amp;b=2" title="t" target="_blank">x</a>',
            '<a href="https://x.example/?a=1&amp;b=2" title="t" rel="noopener noreferrer nofollow">x</a>',
        ),
        (
            '<a href="mailto:ola@example.org">x</a>',
            '<a href="mailto:ola@example.org" rel="noopener noreferrer nofollow">x</a>',
        ),
        (
            '<a href="tel:+48221234567">x</a>',
            '<a href="tel:+48221234567" rel="noopener noreferrer nofollow">x</a>',
        ),
        (
            '<a href=" HTTPS://x.example/a\n b">x</a>',
            '<a href="HTTPS://x.example/a%20b" rel="noopener noreferrer nofollow">x</a>',
        ),
        (
            '<a href="https://x.example/?a=1&copy=2&b=%3C">x</a>',
            '<a href="https://x.example/?a=1&amp;copy=2&amp;b=%3C" rel="noopener noreferrer nofollow">x</a>',
        ),
        ('<a href="javascript:alert(1)">x</a>', '<a rel="noopener noreferrer nofollow">x</a>'),
        ('<a href="/logout">x</a>', '<a rel="noopener noreferrer nofollow">x</a>'),
        ('<a name="top"></a>x', '<a rel="noopener noreferrer nofollow"></a>x'),
        ('<td colspan="2">x', " x"),
        ('<table><td colspan="9999" rowspan="-1">x', "<table><tbody><tr><td>x</td></tr></tbody></table>"),
        (
            "<table>a<tr>b<td>c</table>",
            "<table><tbody><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></tbody></table>",
        ),
        (
            '<table><tr><th colspan="2" width="9">a</th></tr><tr><td rowspan="2">b</td></tr></table>',
            '<table><tbody><tr><th colspan="2">a</th></tr><tr><td rowspan="2">b</td></tr></tbody></table>',
        ),
        ('<ol start="3"><li>c</li></ol>', '<ol start="3"><li>c</li></ol>'),
        ("<p>one<p>two", "<p>one</p><p>two</p>"),
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("zażółć 🙂 &copy; &nbsp;", "zażółć 🙂 © &nbsp;"),
        ("<p>x<!-- y --></p>", "<p>x</p>"),
        ("a<!-->b<!--->c<!-- d --!>e", "abce"),
        ("<![if !mso]>shown<![endif]><!--[if mso]>not<![endif]-->", "shown"),
        ("half \ud83d a character", "half ? a character"),
        ("", ""),
    ],
)
def test_what_is_allowed_stays(markup: str, cleaned: str) -> None:
    assert sanitize(markup) == cleaned


# -- pictures


@pytest.mark.parametrize(
    ("markup", "without", "loading"),
    [
        (
            '<img src="https://x.example/a?b=1&amp;c" alt="Our logo" width="80" height=40 class=x>',
            "[Our logo]",
            '<img src="https://x.example/a?b=1&amp;c" alt="Our logo" width="80" height="40" loading="lazy" referrerpolicy="no-referrer">',
        ),
        (
            "<img src='http://x.example/a'>",
            "",
            '<img src="http://x.example/a" alt="" loading="lazy" referrerpolicy="no-referrer">',
        ),
        ('<img src="cid:screenshot@mail">', "[image]", "[image]"),
        ('<img src="data:image/png;base64,' + "A" * 9_000 + '">', "[image]", "[image]"),
        ('<img src="cid:screenshot@mail" alt="The error">', "[The error]", "[The error]"),
        ('<img src="cid:line@mail" alt="">', "", ""),
        ('<img src="https://t.example/open" width=1 height="1px" alt="">', "", ""),
        ('<img src="https://t.example/open" style="display:none">', "", ""),
        ('<img src="/logout">', "", ""),
        ('<img src="//x.example/a" alt="x">', "[x]", "[x]"),
        ("<img alt='&lt;b&gt; \n x' src=x>", "[&lt;b&gt; x]", "[&lt;b&gt; x]"),
        (f"<img alt={'x' * 300} src=x>", f"[{'x' * 200}]", f"[{'x' * 200}]"),
        ("<img>", "", ""),
    ],
)
def test_pictures_are_words_unless_asked_for(markup: str, without: str, loading: str) -> None:
    assert (sanitize(markup), sanitize(markup, remote_images=True)) == (without, loading)


# -- what was not to be seen


@pytest.mark.parametrize(
    "markup",
    [
        "<div style='display:none'>not</div>seen",
        "<div style='DISPLAY : None !important; display:block'>not</div>seen",
        "<div style='/* x */ display:none'>not</div>seen",
        "<div style='display&#58;none;display&colon;none;display:none'>not</div>seen",
        "<div hidden>not</div>seen",
        "<span style='opacity:0'>not</span>seen",
        "<span style='opacity: 0.0'>not</span>seen",
        "<div style='max-height:0px;overflow:hidden'>not</div>seen",
        "<div style='visibility:hidden'>not</div>seen",
        "<center style='display:none'>not</center>seen",
        "<font hidden>not<b>not</font>seen",
        "<div style='display:none'>not<div>not</div>not</div>seen",
        "<p style='display:none'>not<p>seen",
        "<table><tr style='display:none'><td>not<tr><td>seen</table>",
        "<table><td style='display:none'>not<td>seen</table>",
        "<table><tr><td><span style='display:none'>not<td>seen</table>",
        "<p><span style='display:none'>not</p>seen",
        "<div style='display:none'><img alt=not src=cid:1><a href=https://x.example/>not</a></div>seen",
        "<input type=hidden style='display:none'>seen",
        "<body style='display:none'>seen</body>",
        "<html hidden>seen</html>",
        "<br style='display:none'>seen",
        "<div style='display:none;display:block'>seen</div>",
        "<div style='font-size:0'><p style='font-size:14px'>seen</p></div>",
        "<div style='max-height:0'>seen</div><div style='overflow:hidden'></div>",
        "<div title='display:none' class=hidden aria-hidden=true>seen</div>",
        f"<div style='display:none' title='{'x' * 5_000}'>seen</div>",
    ],
)
def test_what_was_not_to_be_seen_is_left_out(markup: str) -> None:
    assert (checked(sanitize(markup)).strip(), to_text(markup)) == ("seen", "seen")


# -- whatever comes


_PIECES = st.sampled_from(
    [
        *("<", ">", "/", "'", '"', "=", " ", "&", ";", "!", "--", "\n", "\t", "x", "é"),
        *("<b>", "</b>", "<p>", "</p>", "<a href=", "</a>", "<table>", "<td>", "</table>", "<svg>", "</svg>"),
        *("<math>", "<mtext>", "<style>", "</style>", "<script>", "<title>", "<form>", "<select>", "<br>"),
        *(
            "javascript:",
            "https://x",
            "&#x3c;",
            "&lt;",
            "&amp;",
            "&nbsp;",
            "onload=",
            "<!--",
            "-->",
            "<ul><li>",
        ),
        *(
            "<tr>",
            "<th>",
            "</td>",
            "</tr>",
            "<tbody>",
            "<caption>",
            "</div>",
            "<span>",
            "</span>",
            "<h1>",
            "<dt>",
        ),
        *("<img src=", "<img alt=x>", " style=display:none ", "<ola@example.org>", "<li>", "</li>", "&#1;"),
        *("<noscript>", "<template>", "<textarea>", "<iframe>", "<pre>", "</pre>", "<i>", "<div>", "\x00"),
    ]
)
_MARKUP = st.lists(_PIECES, max_size=30).map("".join) | st.text()


@given(_MARKUP, st.booleans())
@settings(deadline=None, max_examples=300)
def test_whatever_comes_only_allowed_html_leaves_and_is_read_again_as_the_same(
    markup: str, remote_images: bool
) -> None:
    cleaned = sanitize(markup, remote_images=remote_images)

    checked(cleaned, remote_images=remote_images)
    assert _same(sanitize(cleaned, remote_images=remote_images), cleaned)


@given(_MARKUP)
@settings(deadline=None, max_examples=200)
def test_whatever_comes_has_a_text_that_is_plain_and_without_stray_blanks(markup: str) -> None:
    text = to_text(markup)

    assert text == text.strip("\n").rstrip()
    assert "\n\n\n" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xa0]", text)
    # What looks like markup in it is text: shown, it reads the same.
    assert checked(sanitize(escape(text)).replace("<br>", "\n")) == text


@given(_MARKUP)
@settings(deadline=None, max_examples=200)
def test_the_same_words_are_read_in_both_forms(markup: str) -> None:
    """Marks, addresses and controls apart."""

    def letters(text: str) -> list[str]:
        return re.findall(r"[a-zé]", text)

    without_links = re.sub(r"(?i)<a|href", "", markup)
    assert letters(to_text(without_links)) == letters(checked(sanitize(without_links)))


# -- is it HTML at all?


@pytest.mark.parametrize(
    "text",
    [
        "<p>Hello</p>",
        "Hello<br>you",
        "Hello<BR/>you",
        "<!DOCTYPE html><html>",
        "<!-- x -->",
        "x <b>y</b>",
        '<a href="https://x.example/">x</a>',
        "<h3\nclass=x>y</h3>",
        "text </div>",
        "<img src=x>",
        "<script>alert(1)</script>",
        "1 < 2<br>",
    ],
)
def test_markup_of_a_mail_is_known(text: str) -> None:
    assert looks_like_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "a < b and c > d",
        "a<b and b>a",
        "if x<p then y>q",
        "5 <6> 7",
        "I <3 you",
        "Ola <ola@example.org> wrote:",
        "<ola@example.org>",
        "<a@example.org>",
        "<b.nowak@example.org>, <p-x@example.org>, <i@example.org>",
        "see <https://x.example/a>",
        "<name>",
        "<-- here -->",
        "List<String> x",
        "&lt;p&gt;",
        "<p",
    ],
)
def test_a_sign_of_less_in_a_sentence_or_an_address_is_no_markup(text: str) -> None:
    assert not looks_like_html(text)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<ola@example.org>", "&lt;ola@example.org&gt;"),
        ("\"x\" 'y'", "&quot;x&quot; &#x27;y&#x27;"),
        ("a\nb\r\nc\n\nd\re", "a<br>b<br>c<br><br>d<br>e"),
        ("", ""),
    ],
)
def test_plain_text_becomes_html_with_its_lines(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@given(st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"])))
@settings(deadline=None)
def test_plain_text_survives_as_html(text: str) -> None:
    assert checked(escape(text).replace("<br>", "\n")) == text
    assert sanitize(escape(text)).count("<") == text.count("\n")

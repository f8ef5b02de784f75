"""HTML as a person would read it."""

import pytest

from gateway.security.html import to_text
from gateway.security.plain_text import decoded


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("Hello", "Hello"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p>One</p>\n\n\n<p>  </p>\n<p>Two</p>", "One\n\nTwo"),
        ("<h1>Title</h1>Text", "Title\n\nText"),
        ("<p>a\n   b\t c</p>", "a b c"),
        ("<b>Hello</b> <i>you</i>!", "Hello you!"),
        ("<b>Hello </b> <i> you</i>!", "Hello you!"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("<q>a</q>", '"a"'),
        ("m<sup>2</sup>, long<wbr>word", "m2, longword"),
        # Mail programs write a line as a `<div>`, and an empty one as a `<br>` in it.
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("<div>One</div><div><br></div><div>Two<br></div>Three", "One\n\nTwo\nThree"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("One<br><br><br><br>Two", "One\n\nTwo"),
        ("a<section>b</section><article>c</article>d", "a\nb\nc\nd"),
        ("<select><option>a<option>b</select>", "a\nb"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"),
    ],
)
def test_lines_and_paragraphs(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<ul><li>One</li><li>Two</li></ul>", "- One\n- Two"),
        ("Buy:<ol><li>One<li>Two</ol>Thanks", "Buy:\n\n1. One\n2. Two\n\nThanks"),
        ("<ol start=9><li>One<li>Two</ol>", "9. One\n10. Two"),
        ("<ol start=-1><li>One</ol><ol start=9999999><li>Two</ol>", "1. One\n\n1. Two"),
        ("<ul><li>One<ul><li>Deeper<li>Too</ul><li>Two</ul>", "- One\n  - Deeper\n  - Too\n- Two"),
        ("<ul><li><p>One</p><p>more</p></li><li>Two</li></ul>", "- One\n\n  more\n- Two"),
        ("<li>One<li>Two", "- One\n- Two"),
        ("<ul><li></li><li>Two</li></ul>", "- Two"),
        ("<menu><li>One</menu>", "- One"),
    ],
)
def test_lists(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (
            "<table><tr><td>a</td><td>b</td></tr><tr><th>c</th><td>d</td></tr></table>",
            "a | b\nc | d",
        ),
        ("x<table><tr><td>a<td><td>b</table>y", "x\n\na | b\n\ny"),
        ("<table><tr><td><p>a</p></td><td><div>b</div></td></tr></table>", "a | b"),
        ("<table><tr><td>a<br>b</td><td>c</td></tr></table>", "a\nb\nc"),
        ("<table><tr><td><table><tr><td>a<td>b</table></td><td>c</td></tr></table>", "a | b | c"),
        ("<table><caption>t</caption><tr><td>a</table>", "t\na"),
        ("<table>a<tr>b<td>c</table>d", "a\nb | c\n\nd"),
        ("<tr><td>a</td><td>b</td></tr>", "a b"),
    ],
)
def test_tables(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<blockquote>They said</blockquote>We say", "> They said\n\nWe say"),
        ("We<blockquote>a<br><br>b<blockquote>c</blockquote></blockquote>", "We\n\n> a\n>\n> b\n>\n> > c"),
        ("<blockquote><ul><li>a<li>b</ul></blockquote>", "> - a\n> - b"),
        ("<blockquote></blockquote>x", "x"),
        ("<blockquote>" * 60 + "x", "> " * 10 + "x"),
    ],
)
def test_quotes(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<pre>a\n  b\n\tc</pre>", "a\n  b\n\tc"),
        ("<pre>\n  a  \r\n\r\n  b</pre>c  d", "  a\n\n  b\n\nc d"),
        ("<pre>a<b> b</b><br>  c</pre>", "a b\n  c"),
        ("<ul><li><pre>a\n  b</pre></ul>", "- a\n    b"),
    ],
)
def test_what_is_preformatted_keeps_its_blanks(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('See <a href="https://x.example/a">the page</a>.', "See the page (https://x.example/a)."),
        ('<a href="https://x.example/a">https://x.example/a</a>', "https://x.example/a"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="https://www.x.example/A">X.example/a/</a>', "X.example/a/"),
        ('<a href="https://evil.example/">bank.example</a>', "bank.example (https://evil.example/)"),
        ('<a href="https://x.example/?a=1&amp;b=2">here</a>', "here (https://x.example/?a=1&b=2)"),
        ('<a href=" https://x.example/a\n b ">here </a>now', "here (https://x.example/a%20b)now"),
        ('<a href="mailto:ola@example.org?subject=x">Ola</a>', "Ola (ola@example.org)"),
        ('<a href="mailto:ola@example.org">Ola@Example.org</a>', "Ola@Example.org"),
        ('<a href="tel:+48221234567">call us</a>', "call us (+48221234567)"),
        ('<a href="tel:+48221234567">+48 22 123-45-67</a>', "+48 22 123-45-67"),
        ('<a href="https://x.example/"><img alt="Logo" src=x></a>', "[Logo] (https://x.example/)"),
        ('<a href="https://x.example/"><img src="https://x.example/i"></a>', "https://x.example/"),
        ('<a href="https://x.example/"><div>a</div><div>b</div></a>c', "a\nb (https://x.example/)\nc"),
        ('<a href="https://x.example/">a<table><td><a href="https://y.example/">b</a></table></a>', (
            "a\n\nb (https://y.example/) (https://x.example/)"
        )),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<a href="/logout">here</a>', "here"),
        ("<a>here</a>", "here"),
        ('<a href="https://x.example/"></a>', "https://x.example/"),
    ],
)  # fmt: skip
def test_links_have_their_address_once(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("&lt;b&gt; &amp; &quot;x&quot; &copy; &#381;&oacute;", '<b> & "x" © Žó'),
        ("a&nbsp;b", "a b"),
        ("<p>&nbsp;</p><p>a</p><p>&nbsp;</p>", "a"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("Ola <ola@example.org> wrote", "Ola <ola@example.org> wrote"),
        ("a\x00b\x1b[31mc&#7;d\x9b", "ab[31mcd"),
        ("Preview&zwnj;&nbsp;&zwnj;&nbsp;&#847;&#8203;&shy;\ufeff", "Preview"),
        ("نمی\u200cدانم 👩\u200d💻 \u200fשלום", "نمی\u200cدانم 👩\u200d💻 \u200fשלום"),
        ("a\u202eb", "a\u202eb"),
    ],
)
def test_characters(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize(
    "markup",
    [
        "<style>p{}</style><script>x()</script><title>t</title><p>a</p>",
        "<head><meta charset=utf-8><style>x</style></head><body>a</body>",
        "<!-- hidden --><p>a</p>",
        '<div style="display:none;max-height:0">You have a new message</div><p>a</p>',
        '<p>a<img src="https://tracker.example/x" width=1 height=1></p>',
        "<noscript>not</noscript><template>not</template><p>a",
    ],
)
def test_what_nobody_sees_is_left_out(markup: str) -> None:
    assert to_text(markup) == "a"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("a &amp; b", "a & b"),
        ("&#" + "9" * 5_000 + ";", "\ufffd"),
        ("&#x" + "f" * 5_000 + ";", "\ufffd"),
        ("&#" + "0" * 5_000 + "65;", "A"),
        ("&#x0000000000041;", "A"),
        ("&#0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"),
        ("&", "&"),
        ("&nothing;&none;", "¬hing;&none;"),
    ],
)
def test_character_references(markup: str, text: str) -> None:
    assert decoded(markup) == text


def test_a_mail_as_programs_send_them() -> None:
    mail = """<html><head><title>Re: order</title><style>p{margin:0}</style></head><body>
    <div style="display:none">Your order &zwnj;&nbsp;&zwnj;</div>
    <table width="100%"><tr><td><img src="cid:logo" alt="Sklep"></td></tr>
    <tr><td><p>Dzie&#324; dobry,</p><p>status of <b>order&nbsp;77</b>:</p>
    <table><tr><th>Item</th><th>Price</th></tr><tr><td>Kettle</td><td>99,00&nbsp;z&#322;</td></tr></table>
    <p><a href="https://sklep.example/77">Track it</a></p></td></tr></table>
    <div>-- <br>Ola, <a href="mailto:ola@sklep.example">ola@sklep.example</a></div>
    <blockquote><div>Where is it?</div><blockquote>We sent it.</blockquote></blockquote>
    <img src="https://t.example/open?id=77" width="1" height="1"></body></html>"""

    assert to_text(mail) == (
        "[Sklep]\nDzień dobry,\n\nstatus of order 77:\n\nItem | Price\nKettle | 99,00 zł\n\n"
        "Track it (https://sklep.example/77)\n\n--\nOla, ola@sklep.example\n\n"
        "> Where is it?\n>\n> > We sent it."
    )

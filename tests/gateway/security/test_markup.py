"""A stranger's markup costs in proportion to its length, and keeps its words."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from gateway.security.html import sanitize, to_text
from gateway.security.markup import MAX_DEPTH, Rules, rewrite

TAGS = {"a", "b", "br", "div", "i", "li", "ol", "p", "table", "td", "tr", "ul"}


def balanced(markup: str) -> str:
    return rewrite(markup, Rules(TAGS, {"a"}, {"script"}))


class Depth(HTMLParser):
    """How deep elements stand in balanced markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.now = self.deepest = 0
        self.feed(markup)

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag not in {"br", "hr"}:
            self.now += 1
            self.deepest = max(self.deepest, self.now)

    def handle_endtag(self, _tag: str) -> None:
        self.now -= 1


# What makes an HTML parser's work, or its output, grow with the square of the input.
HOSTILE: dict[str, Callable[[int], str]] = {
    "formatting with attributes": lambda n: "".join(f"<p><b title={i}>x" for i in range(n)),
    "links with attributes": lambda n: "".join(f"<p><a title={i}>x" for i in range(n)),
    "a long link over many blocks": lambda n: f"<p><a href='{'y' * 3000}'>" + "<div>x</div>" * n,
    "lists without an end": lambda n: "<ul><li>" * n,
    "blocks without an end": lambda n: "<div>" * n,
    "blocks that strange end tags seem to close": lambda n: "<div></x></p>" * n,
    "formatting in a table": lambda n: "<table>" + "<b>x<tr>" * n,
    "links in a table": lambda n: "<table>" + "".join(f"<a title={i}>x<tr><td>" for i in range(n)),
    "formatting in items": lambda n: "<ul>" + "<li><b><i>x" * n,
    "quotes without an end": lambda n: '<a href="x ' * n,
    "tags without an end": lambda n: "<a " + '="' * n,
    "brackets": lambda n: "<" * n,
    "comments without an end": lambda n: "<!--" * n,
    "scripts without an end": lambda n: "<script>" * n,
    "end tags without an end": lambda n: '</a x=">"' * n,
    "ends of scripts without an end": lambda n: "<script>" + "</script" * n,
    "hidden blocks": lambda n: "<div style='display:none'>x" * n,
    "comments in styles": lambda n: f"<div style='display:none;{'/*' * 1_000}'>x</div>" * (n // 100),
    "pictures with endless words": lambda n: f"<img alt='{'x ' * n}' src=cid:1>",
    "pictures with endless attributes": lambda n: "<img " + "a=b " * n + ">",
    "cells without rows": lambda n: "<table>" + "x<td>" * n,
    "tables in tables": lambda n: "<table>x" * n,
    "quotes in quotes": lambda n: "<blockquote>x<br>" * n,
    "lines in quotes": lambda n: "<blockquote>" * 100 + "x<br>" * n,
    "lines in cells": lambda n: "<table><td>" * 100 + "x<br>" * n,
    "lists in lists": lambda n: "<ul><li>x" * n,
    "addresses without an end": lambda n: "<a@" * n,
    "references": lambda n: "&#" * n,
    "joiners": lambda n: "\u200c" * n,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_ten_times_the_markup_gives_about_ten_times_the_answer(name: str) -> None:
    small, large = (len(sanitize(HOSTILE[name](size))) for size in (300, 3_000))
    assert large <= 12 * small + 1_000
    assert large <= 20 * len(HOSTILE[name](3_000))
    small, large = (len(to_text(HOSTILE[name](size))) for size in (300, 3_000))
    assert large <= 12 * small + 1_000
    assert large <= 20 * len(HOSTILE[name](3_000))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_quarter_of_a_megabyte_is_read(name: str) -> None:
    """Work that grows with the square would take minutes here, and the run of the tests with it."""
    markup = (HOSTILE[name](30_000))[:262_144]
    assert len(sanitize(markup)) <= 20 * len(markup)
    assert len(to_text(markup)) <= 20 * len(markup)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_stands_deeper_than_the_limit(name: str) -> None:
    depth = Depth(balanced(HOSTILE[name](3_000)))
    assert depth.deepest <= MAX_DEPTH
    assert depth.now == 0


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>One<p>Two", "<p>One</p><p>Two</p>"),
        ("<p>One <b>two<div>three</div>", "<p>One <b>two</b></p><div>three</div>"),
        ("<ul><li>One<li>Two</ul>", "<ul><li>One</li><li>Two</li></ul>"),
        (
            "<table><tr><td>1<td>2<tr><td>3</table>",
            "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>",
        ),
        ("<b>One<i>two</b>three</i>", "<b>One<i>two</i></b>three"),
        ("</p>One</div>", "One"),
        ("One<br/>two<BR>three", "One<br>two<br>three"),
        ('<a title="x>y" href=x>One</a>', '<a title="x&gt;y">One</a>'),
        ("<ul><li><b>One<li>Two</ul>", "<ul><li><b>One</b></li><li>Two</li></ul>"),
        (
            "<ul><li>One<ul><li>Two</ul>three</ul>",
            "<ul><li>One<ul><li>Two</li></ul>three</li></ul>",
        ),
        (
            "<table><tr><td><div>1</table></div>2",
            "<table><tr><td><div>1</div></td></tr></table>2",
        ),
        (
            "<div><table><tr><td>1</div>2</table>3",
            "<div><table><tr><td>12</td></tr></table>3</div>",
        ),
        ("<table>1<b>2</b></table>", "<table><tr><td>1<b>2</b></td></tr></table>"),
        ("<table>\n<tr>\n<td>1</table>", "<table>\n<tr>\n<td>1</td></tr></table>"),
        ("<table><td>1<tr>2</table>", "<table><tr><td>1</td></tr><tr><td>2</td></tr></table>"),
        ("<td>1<td>2", " 1 2"),
        (
            "<a href=https://x.example/>1<a href=https://y.example/>2",
            '<a href="https://x.example/">1</a><a href="https://y.example/">2</a>',
        ),
        ("<center>One</center>", "<div>One</div>"),
        ("<b onclick='x()'>One</b>", "<b>One</b>"),
        ("<font color=red>One</font>", "One"),
        ("1 < 2 <3 & 4 > 3", "1 &lt; 2 &lt;3 & 4 > 3"),
        ("One<!-- <b> -->two<!doctype html><?php x ?>three", "Onetwothree"),
        ("One<script>if (1 <b) alert('</b>')</script>two", "Onetwo"),
        ("One<script>two", "One"),
        ("One<a href=", "One"),
        ("One</>two</ b>three", "Onetwothree"),
        ("<p title=it's>One</p>", "<p>One</p>"),
    ],
)
def test_markup_is_balanced_and_its_text_kept(markup: str, expected: str) -> None:
    assert balanced(markup) == expected


def test_a_link_with_an_endless_address_is_a_link_to_nowhere() -> None:
    assert balanced(f"<a href='{'y' * 5_000}'>One</a>") == "<a>One</a>"


def test_text_beyond_the_depth_is_kept() -> None:
    kept = re.sub("<[^>]*>", "", balanced("".join(f"<div>{i} " for i in range(300))))
    assert kept.split() == [str(i) for i in range(300)]

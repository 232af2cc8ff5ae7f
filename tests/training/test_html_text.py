"""Markup in cells: what a browser would show, and nothing else taken for markup."""

from __future__ import annotations

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.html_text import plain_text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<p>Red <b>dress</b> &amp; belt</p>", "Red dress & belt"),
        ("Kid&#39;s T&eacute;e", "Kid's Tée"),
        ("Salt &amp;amp; pepper", "Salt & pepper"),
        ("&lt;p&gt;Red &lt;b&gt;dress&lt;/b&gt;&lt;/p&gt;", "Red dress"),
        ("&amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;", "bold"),
        ("one<br>two<br/>three<BR />four", "one two three four"),
        ("<ul><li>Soft</li><li>Warm</li></ul>", "Soft Warm"),
        ("<td nowrap>a</td><td>b</td>", "a b"),
        ("un<b>believ</b>able", "unbelievable"),
        ("<script>var a = '<p>';</script>Hat<style>p { color: red }</style>", "Hat"),
        ("<script>never closed", ""),
        ("<!-- hidden -->Hat<!-- cut", "Hat"),
        ("<![CDATA[<p>Hat</p>]]>", "Hat"),
        ('<p class="a>b" data-x=1>Hat</p>', "Hat"),
        ("<P STYLE='x'>HAT</P>", "HAT"),
        ("<o:p></o:p>From Word", "From Word"),
        ('Hat<img src="a.jpg" alt="x"/> with brim', "Hat with brim"),
        ('Hat <a href="https://shop.exam', "Hat"),
        ("Soft&nbsp;wool&shy;en&hellip;", "Soft woolen…"),
        ("&#x2019;&#128512;&#0;&#1;", "’😀"),
        ("Tom &amp Jerry", "Tom & Jerry"),
    ],
)
def test_html_becomes_the_text_that_a_browser_shows(cell: str, text: str) -> None:
    assert plain_text(cell) == text


@pytest.mark.parametrize(
    "text",
    [
        *("5 < 6", "T<3", "I <3 you", "a > b", "AT&T", "M&Ms", "R&D;", "&bogus;", "Q&A", "x<y>z"),
        *("https://shop.example/?a=1&copy=2&amp=3", "Men > Shirts > Polo", "T-shirt <S>", "size <S-XL>"),
        *("a <b and c> d", "<3", "fish & chips", "{{ title }}", "100 % cotton"),
    ],
)
def test_what_only_looks_like_markup_stays(text: str) -> None:
    assert plain_text(text) == text
    assert plain_text(html.escape(text)) == text


@settings(max_examples=50)
@given(text=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn"))))
def test_escaped_text_comes_back(text: str) -> None:
    clean = " ".join(text.split())
    assert plain_text(f"<p>{html.escape(clean)}</p>") == plain_text(clean)


@pytest.mark.parametrize("piece", ["<", "<p ", "&", "&amp", "<!--", "<script>", "<a b='", "<p a=1 ", "<![CDATA["])
def test_time_grows_with_length_only(piece: str) -> None:
    assert len(plain_text(piece * 3_000)) <= len(piece) * 3_000

"""Feeds in XML: what stands in them, what shops get wrong, and what is refused."""

from __future__ import annotations

import pytest

from common import DataError
from tests.training.feeds import FEEDS, read_feed

ITEM = "<item><g:id>1</g:id><title>{title}</title><g:image_link>https://x/a.jpg</g:image_link>{more}</item>"


def rss(title: str = "A", more: str = "", declared: str = ' xmlns:g="http://base.google.com/ns/1.0"') -> str:
    return f"<rss{declared}><channel><title>Shop</title>{ITEM.format(title=title, more=more)}</channel></rss>"


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ("<![CDATA[<b>Red</b> & blue]]>", "Red & blue"),
        ("Red &amp; blue", "Red & blue"),
        ("&lt;p&gt;Red&lt;/p&gt;", "Red"),
        ("AT&T caf&eacute;&nbsp;x &amp; y", "AT&T café x & y"),
        ("R\x0bed", "Red"),
        ("Gr&#246;&#xDF;e", "Größe"),
    ],
)
def test_titles_come_as_they_are_shown(title: str, read: str) -> None:
    assert read_feed(rss(title), "f.xml").rows["1"].title == read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252", "iso-8859-1"])
def test_encodings_are_those_that_the_document_declares(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = f'\n<?xml version="1.0" encoding="{declared}"?>\n{rss("Größe")}'
    data = text.strip().encode(encoding) if encoding.startswith("utf") else text.encode(encoding)
    assert read_feed(data, "f.xml").rows["1"].title == "Größe"


def test_a_document_that_declares_another_encoding_than_it_has_is_read() -> None:
    data = f'<?xml version="1.0" encoding="UTF-8"?>{rss("Größe weiß")}'.encode("windows-1252")
    assert read_feed(data, "f.xml").rows["1"].title == "Größe weiß"


@pytest.mark.parametrize(
    "declared", ["", ' xmlns:g="http://base.google.com/ns/1.0"', ' xmlns="http://base.google.com/ns/1.0"']
)
def test_namespaces_may_be_declared_or_forgotten(declared: str) -> None:
    assert read_feed(rss(declared=declared), "f.xml").rows["1"].images == ("https://x/a.jpg",)
    other = rss(declared=' xmlns:goo="http://base.google.com/ns/1.0"', more="<id>tag:1</id>").replace("g:", "goo:")
    assert list(read_feed(other.replace("xmlns:googoo:", "xmlns:goo:"), "f.xml").rows) == ["1"]


def test_repeated_and_nested_elements_and_attributes() -> None:
    more = (
        "<g:additional_image_link>https://x/b.jpg</g:additional_image_link>"
        "<g:additional_image_link>https://x/c.jpg</g:additional_image_link>"
        "<g:product_detail><g:section_name>Cloth</g:section_name><g:attribute_name>Fibre</g:attribute_name>"
        "<g:attribute_value>Wool</g:attribute_value></g:product_detail>"
        "<g:product_highlight>Soft</g:product_highlight><g:product_highlight>Warm</g:product_highlight>"
        "<g:shipping><g:country>DE</g:country><g:price>5 EUR</g:price></g:shipping><g:price>19.99 EUR</g:price>"
    )
    row = read_feed(rss(more=more), "f.xml").rows["1"]
    assert row.images == ("https://x/a.jpg", "https://x/b.jpg", "https://x/c.jpg")
    assert row.attributes == {
        "Fibre": "Wool",
        "product_highlight": ("Soft", "Warm"),
        "price": 19.99,
        "currency": "EUR",
    }


def test_any_list_of_like_elements_is_read() -> None:
    feed = read_feed(
        '<?xml version="1.0"?><catalog><info><name>Shop</name></info><products>'
        '<product id="5"><name>Dress</name><images><image>https://x/1.jpg</image><image>https://x/2.jpg</image></images>'
        '<price currency="EUR">19.99</price><param name="Colour">red</param></product>'
        '<product id="6"><name>Hat</name><images><image>https://x/3.jpg</image></images><price currency="EUR">9</price>'
        '<param name="Colour">blue</param><param name="Size">M</param></product></products></catalog>',
        "f.xml",
    )
    assert feed.rows["5"].images == ("https://x/1.jpg", "https://x/2.jpg")
    assert feed.rows["5"].attributes == {"price": 19.99, "currency": "EUR", "Colour": "red"}
    assert feed.rows["6"].attributes == {"price": 9, "currency": "EUR", "Colour": "blue", "Size": "M"}


def test_entities_are_neither_expanded_nor_fetched() -> None:
    bomb = '<!DOCTYPE r [<!ENTITY a "' + "a" * 1000 + '"><!ENTITY b "&a;&a;&a;">]>' + rss("&b;")
    outside = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + rss("&a;")
    parameter = '<!DOCTYPE r [<!ENTITY % a SYSTEM "http://localhost/x"> %a;]>' + rss()
    for text in (bomb, outside, parameter):
        with pytest.raises(DataError, match=r"line 1 declares the entity '[ab]'; entities are not read"):
            read_feed(text, "f.xml")
    assert read_feed('<!DOCTYPE rss SYSTEM "http://localhost/rss.dtd">' + rss(), "f.xml").rows["1"].title == "A"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rss()[:-10], "f.xml line 1 column"),
        ("<a/>", "without a list of products"),
        ("<html><p>Sign in</p></html>", "web page|title is missing|without a list"),
        ("<a>" * 100 + "</a>" * 100, "deeper than 50"),
        ("<a><b></a>", "mismatched tag"),
    ],
)
def test_what_is_no_feed_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_feed(text, "f.xml")


def test_a_feed_longer_than_a_piece_is_read_whole() -> None:
    feed = "<rss><channel>" + "".join(
        f"<item><id>{n}</id><title>T {n}</title><image_link>https://x/{n}.jpg</image_link></item>" for n in range(3_000)
    )
    rows = read_feed(feed + "</channel></rss>", "f.xml").rows
    assert len(rows) == 3_000
    assert read_feed(FEEDS / "google.xml").rows["H7"].where == "line 24"

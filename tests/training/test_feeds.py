"""Feeds of shop systems: each example file, and what shops do to them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.feeds import FEEDS, read_feed
from training.data import Problem

SHOP = "https://shop.example/i"


@pytest.mark.parametrize("name", ["google.tsv", "google.xml", "google-atom.xml"])
def test_googles_feed_is_read_from_tables_and_xml(name: str) -> None:
    feed = read_feed(FEEDS / name)
    dress, hat = feed.rows["T1-RED-M"], feed.rows["H7"]
    assert feed.roles.kind == "google"
    assert hat.title == "Wool hat"
    assert hat.images == (f"{SHOP}/h7.jpg",)
    assert dress.images[0] == f"{SHOP}/t1-red.jpg"
    assert dress.attributes["price"] == 49.99
    assert dress.attributes["currency"] == "EUR"
    assert dress.attributes["availability"] == "in stock"
    assert dress.attributes["in_stock"] is True
    assert hat.attributes["in_stock"] is False
    assert hat.attributes["description"] == "Warm."
    assert not feed.problems


def test_googles_feed_has_groups_and_clean_texts() -> None:
    for name, title in (("google.tsv", 'Red "Summer" dress & belt'), ("google.xml", "Red summer dress & belt")):
        dress = read_feed(FEEDS / name).rows["T1-RED-M"]
        assert dress.title == title
        assert ",".join(dress.images) == f"{SHOP}/t1-red.jpg,{SHOP}/t1-back.jpg,{SHOP}/t1-side.jpg"
        assert dress.attributes["item_group_id"] == "T1"
        assert dress.attributes["sale_price"] == 39.99
        assert dress.attributes["gtin"] == "04006381333931"
    assert dress.attributes["description"] == "Light cotton. Washable at 30°."
    assert "shipping" not in dress.attributes
    blue = read_feed(FEEDS / "google.tsv").rows["T1-BLUE-M"]
    assert blue.attributes["color"] == "Blue/White"
    assert blue.attributes["product_type"] == "Apparel > Dresses > Summer"


def test_shopifys_rows_of_one_handle_are_one_product() -> None:
    feed = read_feed(FEEDS / "shopify.csv")
    cdn = "https://cdn.shopify.example"
    dress, hat = feed.rows.values()
    assert (dress.id, dress.title) == ("summer-dress", "Summer dress")
    assert dress.images == tuple(
        f"{cdn}/{name}.jpg?v=17" for name in ("dress-1", "dress-2", "dress-3", "dress-red", "dress-blue")
    )
    assert dress.attributes == {
        "vendor": "Acme",
        "type": "Dress",
        "category": "Apparel & Accessories > Clothing > Dresses",
        "status": "active",
        "published": True,
        "gift_card": False,
        "price": 49.9,
        "price_max": 54.9,
        "compare_at_price": 59.9,
        "Size": ("S", "M"),
        "Colour": ("Red", "Blue"),
        "sku": ("SD-S-RED", "SD-M-RED", "SD-S-BLUE"),
        "barcode": ("4006381333931", "4006381333948"),
        "tags": ("summer", "cotton", "sale"),
        "stock": 3,
        "in_stock": True,
        "Color": ("red", "blue"),
        "description": "Light cotton, washable.",
    }
    assert (hat.id, hat.images, hat.attributes["price"]) == ("wool-hat", (f"{cdn}/hat.jpg?v=3",), 19)
    assert hat.attributes["published"] is hat.attributes["in_stock"] is False
    assert "Title" not in hat.attributes
    assert feed.problems == {Problem.MERGED: (2, "line 4: summer-dress, line 5: summer-dress")}
    assert feed.roles.became["Cost per item"].startswith("not used")


def test_shopifys_newer_headers_and_scattered_rows() -> None:
    feed = read_feed(
        "Title,URL handle,Description,Vendor,Option1 name,Option1 value,SKU,Price,Inventory quantity,"
        "Continue selling when out of stock,Product image URL,Image position,Variant image URL\n"
        'Tee,tee,<p>Soft</p>,Acme,Size,S,T-S,"19,90",0,DENY,https://c/1.jpg,1,\n'
        "Hat,hat,,Acme,Title,Default Title,H,on request,0,CONTINUE,https://c/h.jpg,1,\n"
        ',tee,,,,M,T-M,"1.019,90",0,DENY,https://c/0.jpg,0,https://c/m.jpg\n'
        ",,,,,,,,,,,,\n"
    )
    tee = feed.rows["tee"]
    assert tee.images == ("https://c/0.jpg", "https://c/1.jpg", "https://c/m.jpg")
    assert (tee.attributes["price"], tee.attributes["price_max"], tee.attributes["in_stock"]) == (19.9, 1019.9, False)
    assert tee.attributes["Size"] == ("S", "M")
    assert "price" not in feed.rows["hat"].attributes
    assert feed.rows["hat"].attributes["in_stock"] is True
    assert feed.problems[Problem.BAD_PRICE] == (1, "line 3: Price 'on request'")


def test_woocommerces_variations_are_part_of_their_product() -> None:
    feed = read_feed(FEEDS / "woocommerce.csv")
    up = "https://shop.example/u"
    assert list(feed.rows) == ["101", "104", "105"]
    tee = feed.rows["101"]
    assert tee.title == "Cotton tee"
    assert tee.images == (f"{up}/tee-1.jpg, {up}/tee-2.jpg", f"{up}/tee-red.jpg", f"{up}/tee-blue.jpg")
    assert tee.attributes == {
        "sku": ("TEE", "TEE-RED", "TEE-BLUE"),
        "published": True,
        "featured": False,
        "short_description": "Soft & light",
        "categories": ("Clothing > T-shirts", "Sale"),
        "tags": ("cotton", "summer"),
        "price": 19,
        "price_max": 21,
        "sale_price": 14,
        "in_stock": True,
        "stock": 4,
        "Colour": ("Red", "Blue"),
        "Size": ("S", "M", "L"),
        "Weight (kg)": "0.2",
        "description": "Soft cotton tee. Made in Portugal.",
    }
    assert feed.rows["104"].attributes["published"] is False
    assert feed.rows["105"].attributes["categories"] == ("Sets, bundles",)
    assert feed.problems == {Problem.MERGED: (2, "line 3: 101, line 4: 101")}


def test_woocommerce_in_german_and_without_ids() -> None:
    feed = read_feed(FEEDS / "woocommerce-de.csv")
    (dress,) = feed.rows.values()
    assert (dress.id, dress.title, dress.attributes["Größe"]) == ("7", "Sommerkleid", ("36", "38"))
    assert (dress.attributes["price"], dress.attributes["price_max"]) == (49.9, 1049.9)
    assert dress.attributes["categories"] == ("Damen > Kleider",)
    feed = read_feed(
        "Type,SKU,Name,Images,Parent,Attribute 1 name,Attribute 1 value(s),Regular price\n"
        "variation,T-S,Tee S,https://s/s.jpg,T,Size,S,5\nvariable,T,Tee,https://s/t.jpg,,Size,S,\n"
        "variation,X-S,Lost,https://s/x.jpg,X,Size,S,7\n"
    )
    assert feed.rows["T"].attributes["Size"] == ("S",)
    assert feed.rows["T"].attributes["price"] == 5
    assert feed.rows["X-S"].attributes["item_group_id"] == "X"


def test_schema_org_with_a_graph_offers_and_variants() -> None:
    feed = read_feed(FEEDS / "schema-org.json")
    assert list(feed.rows) == ["T1-RED", "H7-GREY", "H7-BLACK"]
    dress = feed.rows["T1-RED"]
    assert (dress.title, dress.images) == ("Red dress & belt", (f"{SHOP}/t1-red.jpg", f"{SHOP}/t1-back.jpg"))
    assert dress.attributes == {
        "brand": "Acme",
        "color": "Red",
        "item_group_id": "T1",
        "material": "Cotton",
        "rating": 4.5,
        "reviews": 12,
        "price": 49.99,
        "currency": "EUR",
        "availability": "in stock",
        "description": "Light cotton.",
        "in_stock": True,
    }
    black = feed.rows["H7-BLACK"]
    assert (black.title, black.images) == ("Wool hat", (f"{SHOP}/h7-black.jpg",))
    assert black.attributes["item_group_id"] == "H7"
    assert (black.attributes["price"], black.attributes["price_max"]) == (17.5, 21)
    assert feed.problems == {Problem.NO_PRODUCT: (1, "object 1: WebSite")}


@pytest.mark.parametrize(
    ("image", "images"),
    [
        ("a.jpg", ("a.jpg",)),
        (["a.jpg", "b.jpg"], ("a.jpg", "b.jpg")),
        ({"@type": "ImageObject", "url": "a.jpg"}, ("a.jpg",)),
        ([{"contentUrl": "a.jpg"}, "b.jpg", {"@id": "c.jpg"}, None], ("a.jpg", "b.jpg", "c.jpg")),
    ],
)
def test_schema_org_writes_pictures_in_several_ways(image: object, images: tuple[str, ...]) -> None:
    product = {"@context": "https://schema.org", "@type": ["Product", "Thing"], "sku": "1", "name": "A", "image": image}
    for content in (product, [product], {"@graph": [product]}, {"products": [product]}):
        assert read_feed(json.dumps(content), "p.json").rows["1"].images == images


def test_openais_feed_and_other_shop_systems() -> None:
    feed = read_feed(FEEDS / "openai.jsonl")
    dress = feed.rows["T1-RED-M"]
    assert dress.images == (f"{SHOP}/t1-red.jpg", f"{SHOP}/t1-back.jpg", f"{SHOP}/t1-side.jpg")
    assert dress.attributes["item_group_id"] == "T1"
    assert (dress.attributes["color"], dress.attributes["size"]) == ("Red", "M")
    assert dress.attributes["listing_has_variations"] is True
    assert feed.rows["H7"].attributes["availability"] == "preorder"

    feed = read_feed(FEEDS / "marketplace.csv")
    assert feed.rows["T1"].attributes["item_group_id"] == feed.rows["T1-RED"].attributes["item_group_id"] == "T1"
    assert len(feed.rows["T1-RED"].images) == 3

    feed = read_feed(FEEDS / "german.csv")
    assert feed.rows["0815"].title == "Sommerkleid „Anna“"
    assert feed.rows["0815"].images == ("anna.jpg", "anna-2.jpg")
    assert feed.rows["0815"].attributes == {
        "Preis": 1049.9,
        "Währung": "EUR",
        "Farbe": "rot",
        "Verfügbarkeit": "in stock",
        "in_stock": True,
        "Gewicht (kg)": 0.35,
        "Neu seit": "2026-11-26",
        "Beschreibung": "Leichte Baumwolle",
    }

    feed = read_feed(FEEDS / "magento.csv")
    assert feed.rows["D-RED"].attributes["item_group_id"] == feed.rows["D"].attributes["item_group_id"] == "D"
    assert (feed.rows["D-RED"].attributes["color"], feed.rows["D-RED"].attributes["size"]) == ("Red", "M, L")
    assert "additional_attributes" not in feed.rows["D-RED"].attributes
    assert feed.rows["D-RED"].images == ("/d/r.jpg", "/d/r2.jpg,/d/r3.jpg")


def test_json_of_shop_systems() -> None:
    shopify = {
        "products": [
            {
                "id": 5,
                "title": "Tee",
                "body_html": "<p>Soft</p>",
                "handle": "tee",
                "tags": ["a", "b"],
                "variants": [
                    {"sku": "T-S", "price": "19.90", "available": True},
                    {"sku": "T-M", "price": "21.90", "available": False},
                ],
                "images": [{"src": "https://c/1.jpg"}, {"src": "https://c/2.jpg"}],
                "options": [{"name": "Size", "values": ["S", "M"]}],
            }
        ]
    }
    tee = read_feed(json.dumps(shopify), "p.json").rows["5"]
    assert tee.images == ("https://c/1.jpg", "https://c/2.jpg")
    assert tee.attributes["Size"] == ("S", "M")
    assert (tee.attributes["price"], tee.attributes["price_max"], tee.attributes["in_stock"]) == (19.9, 21.9, True)
    woo = {
        "id": 9,
        "name": "Tee",
        "regular_price": "19",
        "stock_status": "instock",
        "categories": [{"id": 1, "name": "Tops"}],
        "images": [{"id": 1, "src": "https://w/1.jpg"}],
        "attributes": [{"id": 1, "name": "Color", "options": ["Red", "Blue"]}],
    }
    tee = read_feed(json.dumps([woo]), "p.json").rows["9"]
    assert tee.images == ("https://w/1.jpg",)
    assert tee.attributes == {
        "regular_price": 19,
        "stock_status": "in stock",
        "in_stock": True,
        "categories": ("Tops",),
        "Color": ("Red", "Blue"),
    }


@pytest.mark.parametrize("name", ["shopify.csv", "woocommerce.csv", "google.tsv", "german.csv", "marketplace.csv"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_in_another_order_and_separator_change_nothing(name: str, separator: str) -> None:
    given = read_feed(FEEDS / name)
    text = (FEEDS / name).read_text(encoding="utf-8")
    first = text.partition("\n")[0]
    rows = list(csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=first.count)))
    out = io.StringIO()
    writer = csv.DictWriter(out, list(reversed(rows[0])), delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    turned = read_feed(out.getvalue().encode("utf-8-sig"))
    assert [(row.id, row.title, row.images) for row in turned.rows.values()] == [
        (row.id, row.title, row.images) for row in given.rows.values()
    ]
    for id_, row in turned.rows.items():
        assert row.attributes == given.rows[id_].attributes
    assert turned.problems.keys() == given.problems.keys()


CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "value", "url", "price", "@type", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = ["image", "offers", "hasVariant", "variants", "isVariantOf", "additionalProperty", "brand", "price", "@type"]


@settings(max_examples=60)
@given(products=st.lists(st.dictionaries(st.sampled_from(NAMES), CELLS), min_size=1, max_size=3))
def test_whatever_is_nested_gives_rows_with_values_of_known_types(products: list[dict[str, object]]) -> None:
    lines = [json.dumps({"id": str(n), "title": "A", **product}) for n, product in enumerate(products)]
    for row in read_feed("\n".join(lines), "t.jsonl").rows.values():
        assert row.title
        assert all(isinstance(image, str) for image in row.images)
        for value in row.attributes.values():
            assert isinstance(value, str | int | float | bool | tuple)
            assert not isinstance(value, tuple) or all(isinstance(one, str) for one in value)

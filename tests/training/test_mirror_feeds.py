"""Feeds of several kinds through a mirror, and the folder that it makes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from common import DataError, InputError
from tests.tools.origin import origin, picture
from tests.training.mirroring import QUICK, mirrored
from training.data import open_dataset, read_mirror
from training.mirror import MirrorOptions, mirror_feed


def test_several_addresses_in_a_cell_are_several_pictures_of_a_product(tmp_path: Path) -> None:
    with origin() as host:
        one, two, three = (host.picture(f"/{name}.jpg") for name in ("a", "w_40,h_50", "c"))
        report = mirrored(tmp_path, f"{one}, {two}|{three}", two)
    assert (report["addresses"], report["fetched"]) == (3, 3)
    first, second = open_dataset(tmp_path / "mirror").items
    found = [picture("/a.jpg"), picture("/w_40,h_50.jpg"), picture("/c.jpg")]
    assert [read() for read in (first.read, *first.more)] == found
    assert second.read() == found[1]


def test_feed_may_be_an_address_too(tmp_path: Path) -> None:
    with origin() as host:
        rows = f"id,image,text\n1,{host.picture('/1.jpg')},Red dress\n".encode()
        address = host.plain("/export?type=csv", 200, gzip.compress(rows), "Content-Encoding: gzip")
        report = mirror_feed(address, tmp_path / "mirror", MirrorOptions(**QUICK))
        assert report["fetched"] == 1
        with pytest.raises(DataError, match="cannot be fetched: the host answers 403"):
            mirror_feed(host.plain("/none.csv", 403), tmp_path / "mirror", MirrorOptions(**QUICK))
    assert open_dataset(tmp_path / "mirror").items[0].title == "Red dress"


def test_folder_of_the_users_own_is_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    with pytest.raises(InputError, match=r"holds README\.md and no mirror"):
        mirrored(tmp_path, "https://shop.example/1.jpg")
    assert [path.name for path in folder.iterdir()] == ["README.md"]


def test_file_of_the_users_own_among_the_pictures_stays(tmp_path: Path) -> None:
    with origin() as host:
        mirrored(tmp_path, host.picture("/1.jpg"))
        (tmp_path / "mirror" / "pictures" / "mine.jpg").write_bytes(b"mine")
        mirrored(tmp_path, host.picture("/2.jpg"))
    assert (tmp_path / "mirror" / "pictures" / "mine.jpg").read_bytes() == b"mine"


def test_mirror_that_is_damaged_says_what_to_do(tmp_path: Path) -> None:
    with origin() as host:
        mirrored(tmp_path, host.picture("/1.jpg"))
        (tmp_path / "mirror" / "mirror.sqlite").write_bytes(b"no database at all" * 100)
        with pytest.raises(DataError, match="vitrine data mirror"):
            read_mirror(tmp_path / "mirror")
        with pytest.raises(DataError, match="mirror again"):
            mirrored(tmp_path, host.picture("/1.jpg"))


def test_report_is_json(tmp_path: Path) -> None:
    with origin() as host:
        report = mirrored(tmp_path, host.picture("/1.jpg"), f"{host.url}/none.jpg")
    assert json.loads(json.dumps(report)) == report


XML = """<?xml version="1.0"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
<item><g:id>1</g:id><g:title>Red dress</g:title><g:image_link>{url}/a.jpg?v=1&amp;w=800</g:image_link>
<g:additional_image_link>{url}/b.jpg</g:additional_image_link>
<g:additional_image_link>{url}/c.jpg</g:additional_image_link><g:price>19.99 EUR</g:price></item>
<item><g:id>2</g:id><g:title>Blue bag</g:title><g:image_link>{url}/d.jpg</g:image_link></item>
</channel></rss>"""
SHOPIFY = """Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Image Position
red-dress,Red dress,Shop,Size,S,1-S,19.99,{url}/a.jpg?v=1&w=800,1
red-dress,,,,M,1-M,21.99,{url}/b.jpg,2
red-dress,,,,,,,{url}/c.jpg,3
blue-bag,Blue bag,Shop,Title,Default Title,2,9.99,{url}/d.jpg,1
"""
WOOCOMMERCE = """ID,Type,SKU,Name,Published,"In stock?","Regular price",Categories,Images
1,simple,A1,Red dress,1,1,19.99,Dresses,"{url}/a.jpg?v=1&w=800, {url}/b.jpg, {url}/c.jpg"
2,simple,A2,Blue bag,1,1,9.99,Bags,{url}/d.jpg
"""
JSON_FEED = """[{{"id": "1", "title": "Red dress", "image": ["{url}/a.jpg?v=1&w=800", "{url}/b.jpg", "{url}/c.jpg"]}},
{{"id": "2", "title": "Blue bag", "image": "{url}/d.jpg"}}]"""


@pytest.mark.parametrize(
    ("name", "text"),
    [("feed.xml", XML), ("products.csv", SHOPIFY), ("export.csv", WOOCOMMERCE), ("feed.json", JSON_FEED)],
)
def test_feeds_of_shop_systems_are_mirrored_with_all_their_pictures(tmp_path: Path, name: str, text: str) -> None:
    with origin() as host:
        paths = ["/a.jpg?v=1&w=800", "/b.jpg", "/c.jpg", "/d.jpg"]
        for path in paths:
            host.picture(path)
        (tmp_path / name).write_text(text.format(url=host.url), encoding="utf-8")
        report = mirror_feed(str(tmp_path / name), tmp_path / "mirror", MirrorOptions(**QUICK))
    assert (report["products"], report["fetched"], report["failed"]) == (2, 4, 0)
    first, second = open_dataset(tmp_path / "mirror").items
    assert [read() for read in (first.read, *first.more)] == [picture(path) for path in paths[:3]]
    assert (first.title, second.title) == ("Red dress", "Blue bag")
    assert second.read() == picture("/d.jpg")

"""The drawn shop: its files, titles and colours, and what happens when drawing fails."""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from common import ConfigError, DataError
from training.data import open_dataset
from training.demo import draw_catalogue
from training.demo.shapes import HEIGHT, WIDTH
from training.demo.shop import BRANDS, COLOURS, HEADER, KINDS, Article, Kind, draw_product, plan_stock

PRODUCTS = 150
WORDS = {kind.place.split("/")[-1]: kind.word for kind in KINDS}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_catalogue(tmp_path_factory.mktemp("draw") / "shop", PRODUCTS, seed=3)


@pytest.fixture(scope="module")
def rows(shop: Path) -> list[dict[str, str]]:
    with (shop / "styles.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pixels(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image.convert("RGB"), np.float64)  # (H, W, 3)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_table_and_pictures_agree(shop: Path, rows: list[dict[str, str]]) -> None:
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids)) == PRODUCTS
    assert tuple(rows[0]) == HEADER
    assert sorted(path.name for path in (shop / "images").iterdir()) == sorted(f"{key}.jpg" for key in ids)
    assert all(row[field] for row in rows for field in HEADER)


def test_every_picture_decodes(shop: Path) -> None:
    for path in (shop / "images").iterdir():
        with Image.open(path) as image:
            image.load()
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (WIDTH, HEIGHT))


def test_is_read_as_a_clean_kaggle_data_set(shop: Path, rows: list[dict[str, str]]) -> None:
    dataset = open_dataset(shop)
    assert [(item.id, item.title) for item in dataset.items] == [(row["id"], row["productDisplayName"]) for row in rows]
    assert dataset.report.table() == []


def test_titles_say_what_the_attributes_say(rows: list[dict[str, str]]) -> None:
    for row in rows:
        title = row["productDisplayName"]
        assert sum(brand in title.split() for brand in BRANDS) == 1
        assert row["gender"] in title.replace("'", " ").split()
        assert f" {row['baseColour']} " in title
        assert f" {WORDS[row['articleType']]}" in title.split(row["baseColour"])[1]


def test_products_of_one_title_are_different_pictures(shop: Path, rows: list[dict[str, str]]) -> None:
    pictures = defaultdict(list)
    for row in rows:
        pictures[row["productDisplayName"]].append((shop / "images" / f"{row['id']}.jpg").read_bytes())
    several = [group for group in pictures.values() if len(group) > 1]
    assert several
    assert all(len(set(group)) == len(group) for group in several)


def test_the_default_shop_is_balanced() -> None:
    stock = plan_stock(2000, random.Random(0))
    assert len(stock) == 2000
    pairs = Counter((article.kind.word, article.colour) for article in stock)
    assert {word for word, _ in pairs} == set(WORDS.values())
    assert {colour for _, colour in pairs} == set(COLOURS)
    assert min(pairs.values()) >= 6
    titles = Counter(article.title for article in stock)
    shared = sum(count for count in titles.values() if count > 1) / len(stock)
    assert 0.35 < shared < 0.5


@pytest.mark.parametrize("products", [1, 5, 6, 7, 100, 5000])
def test_any_size_of_shop_keeps_six_of_each(products: int) -> None:
    pairs = Counter((article.kind.word, article.colour) for article in plan_stock(products, random.Random(1)))
    assert sum(pairs.values()) == products
    assert min(pairs.values()) >= min(6, products)


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    one, two, other = (draw_catalogue(tmp_path / name, 18, seed) for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    assert files(one) == files(two)
    assert files(one) != files(other)


def variants(kind: Kind) -> Iterator[Article]:
    for colour in ("Black", "White"):
        for gender in kind.genders:
            for style in ("", *kind.styles):
                yield Article(kind, colour, "Moro", gender, style, "Summer", 2015, "Casual")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.word)
def test_every_variant_fits_its_picture(kind: Kind) -> None:
    for article in variants(kind):
        image = pixels(draw_product(article, random.Random(article.title)))
        border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert border.min() > 205, f"{article.title} is cut off"
        if article.colour == "Black":
            filled = (image.max(axis=-1) < 200).mean()
            assert 0.08 < filled < 0.6, f"{article.title} fills {filled:.0%} of its picture"


def test_plain_products_have_the_colour_of_their_name() -> None:
    names, values = list(COLOURS), np.array(list(COLOURS.values()))
    wrong = []
    for kind in KINDS:

        def drawn(colour: str, kind: Kind = kind) -> NDArray[np.float64]:
            article = Article(kind, colour, "Kestrel", kind.genders[0], "", "Summer", 2015, "Casual")
            return pixels(draw_product(article, random.Random(kind.word)))

        # The same dice give the same form in another colour, so what differs most is what is dyed.
        dyed = np.abs(drawn("Black") - drawn("White")).min(axis=-1) > 110  # (H, W)
        for colour in (name for name in COLOURS if name not in kind.never):
            mean = drawn(colour)[dyed].mean(axis=0)
            seen = names[np.linalg.norm(values - mean, axis=1).argmin()]
            if seen != colour:
                wrong.append(f"{colour} {kind.word} looks {seen}")
    assert len(wrong) <= 0.02 * len(KINDS) * len(COLOURS), wrong


def test_every_style_can_be_seen() -> None:
    for kind in KINDS:
        plain, *styled = (
            pixels(draw_product(Article(kind, "Red", "Moro", "Women", s, "Summer", 2015, "Casual"), random.Random(1)))
            for s in ("", *kind.styles)
        )
        for style, image in zip(kind.styles, styled, strict=True):
            assert (np.abs(plain - image).max(axis=-1) > 25).mean() > 0.01, f"{style} {kind.word}"


class DrawingFailedError(Exception):
    pass


@pytest.mark.parametrize("existing", [True, False])
def test_folder_is_untouched_when_drawing_fails(tmp_path: Path, existing: bool) -> None:
    folder = tmp_path / "shop"
    if existing:
        draw_catalogue(folder, 2)
    before = files(tmp_path)

    def fail_at_third(drawn: int, total: int) -> None:
        if drawn == 3:
            raise DrawingFailedError

    with pytest.raises(DrawingFailedError):
        draw_catalogue(folder, 6, progress=fail_at_third)
    assert files(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == (["shop"] if existing else [])


def test_replaces_an_older_shop_and_reports_progress(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    draw_catalogue(tmp_path / "shop", 5)
    draw_catalogue(tmp_path / "shop", 3, progress=lambda drawn, total: told.append((drawn, total)))
    assert len(list((tmp_path / "shop" / "images").iterdir())) == 3
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_refuses_to_replace_what_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match=r"styles\.csv.*new or empty folder"):
        draw_catalogue(tmp_path, 2)
    with pytest.raises(DataError, match="new or empty folder"):
        draw_catalogue(tmp_path / "thesis.txt", 2)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_refuses_an_empty_shop(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        draw_catalogue(tmp_path / "shop", 0)
    assert not (tmp_path / "shop").exists()

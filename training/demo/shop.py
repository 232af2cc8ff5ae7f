"""The drawn shop: about two thousand products with pictures and titles, in the layout of the Kaggle data set.

Owns colours, brands, kinds, titles, stock and the files. Leaves the drawing of a product to its kind's function, and
knows nothing of models, training or how a data set is read back.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from common import ConfigError, DataError, atomic_folder
from training.demo.accessories import cap, scarf, socks, sunglasses, watch
from training.demo.canvas import Sketch
from training.demo.clothes import dress, jacket, shirt, shorts, skirt, sweatshirt, trousers, tshirt
from training.demo.shapes import PAPER, RGB, Look, lightness
from training.demo.shoes_bags import backpack, flip_flops, handbag, heels, sneaker

COLOURS: dict[str, RGB] = {
    "Black": (40, 40, 44),
    "White": (243, 243, 241),
    "Grey": (142, 145, 150),
    "Red": (203, 32, 42),
    "Blue": (48, 112, 210),
    "Navy Blue": (30, 42, 94),
    "Green": (44, 138, 76),
    "Yellow": (246, 205, 52),
    "Pink": (245, 142, 180),
    "Purple": (122, 66, 166),
    "Brown": (114, 70, 42),
    "Orange": (241, 126, 34),
    "Beige": (217, 195, 160),
}
"""The colours of products, far enough apart that light and shade do not turn one into another."""

BRANDS: dict[str, RGB] = {
    "Kestrel": (206, 120, 52),
    "Moro": (176, 36, 52),
    "Brindlow": (36, 120, 112),
    "Ferrow": (52, 56, 64),
    "Lunaby": (150, 128, 206),
    "Tidewell": (64, 152, 204),
    "Oakmere": (124, 86, 54),
    "Pellaro": (236, 118, 104),
    "Quillon": (32, 48, 104),
    "Taverley": (64, 110, 60),
    "Velmara": (196, 64, 130),
    "Wrenfield": (226, 178, 60),
}
"""Brands that do not exist, each with its colour for labels, linings and trims."""

_SILVER: RGB = (192, 197, 204)
_GOLD: RGB = (214, 174, 92)

_LEAST = 6  # products of each kind in each colour, so that no combination is left to the test split alone


class Kind(NamedTuple):
    """A kind of product: its place in the shop, the words that a title may use, and its drawing function."""

    word: str  # in titles
    place: str  # masterCategory/subCategory/articleType
    draw: Callable[[Sketch], None]
    size: float  # at which it fills the picture
    genders: tuple[str, ...] = ("Men", "Women")
    styles: tuple[str, ...] = ()  # besides plain
    never: tuple[str, ...] = ()  # colours it does not come in
    seasons: tuple[str, ...] = ("Spring", "Summer", "Fall", "Winter")
    usages: tuple[str, ...] = ("Casual",)


_COLD = ("Fall", "Winter")
_WARM = ("Spring", "Summer")

# fmt: off
HEADER = ("id", "gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "year", "usage",
          "productDisplayName")
"""The columns of styles.csv."""

KINDS = (
    Kind("Tshirt", "Apparel/Topwear/Tshirts", tshirt, 1.12, styles=("Striped", "Printed", "Polka Dot")),
    Kind("Shirt", "Apparel/Topwear/Shirts", shirt, 1.08, styles=("Striped", "Checked", "Floral"),
         usages=("Casual", "Casual", "Formal")),
    Kind("Sweatshirt", "Apparel/Topwear/Sweatshirts", sweatshirt, 1.1, styles=("Striped", "Printed", "Colour-Block"),
         never=("Brown",), seasons=_COLD),
    Kind("Jacket", "Apparel/Topwear/Jackets", jacket, 1.12, styles=("Quilted", "Colour-Block"), never=("Purple",),
         seasons=_COLD),
    Kind("Dress", "Apparel/Dress/Dresses", dress, 1.07, ("Women",), ("Floral", "Polka Dot", "Striped", "Maxi"),
         ("Brown", "Grey"), _WARM, ("Casual", "Casual", "Party")),
    Kind("Skirt", "Apparel/Bottomwear/Skirts", skirt, 1.2, ("Women",), ("Pleated", "Checked", "Floral", "Polka Dot"),
         ("Orange",), _WARM),
    Kind("Trousers", "Apparel/Bottomwear/Trousers", trousers, 1.05, styles=("Checked",),
         never=("Pink", "Yellow", "Purple", "Orange"), usages=("Casual", "Formal")),
    Kind("Shorts", "Apparel/Bottomwear/Shorts", shorts, 1.25, styles=("Striped", "Checked", "Floral"),
         never=("Purple",), seasons=_WARM, usages=("Casual", "Sports")),
    Kind("Casual Shoes", "Footwear/Shoes/Casual Shoes", sneaker, 1.02, styles=("High-Top",), never=("Purple",)),
    Kind("Heels", "Footwear/Shoes/Heels", heels, 1.06, ("Women",), ("Polka Dot", "Floral"), ("Orange", "Grey"),
         usages=("Casual", "Party")),
    Kind("Flip Flops", "Footwear/Flip Flops/Flip Flops", flip_flops, 1.1, styles=("Printed", "Striped"),
         never=("Beige", "Purple"), seasons=("Summer",)),
    Kind("Handbag", "Accessories/Bags/Handbags", handbag, 1.08, ("Women",), ("Quilted", "Floral"), ("Grey",)),
    Kind("Backpack", "Accessories/Bags/Backpacks", backpack, 1.08, ("Unisex",), ("Colour-Block", "Checked"),
         ("Beige", "White"), usages=("Casual", "Sports", "Travel")),
    Kind("Watch", "Accessories/Watches/Watches", watch, 1.03, styles=("Digital",),
         never=("Orange", "Purple", "Beige"), usages=("Casual", "Formal")),
    Kind("Cap", "Accessories/Headwear/Caps", cap, 1.0, ("Men", "Unisex"), ("Colour-Block", "Checked"), ("Brown",),
         ("Summer",), ("Casual", "Sports")),
    Kind("Sunglasses", "Accessories/Eyewear/Sunglasses", sunglasses, 1.02, ("Men", "Women", "Unisex"),
         ("Round", "Aviator"), ("Beige", "Grey"), ("Summer",)),
    Kind("Socks", "Accessories/Socks/Socks", socks, 1.1, ("Men", "Women", "Unisex"), ("Striped", "Polka Dot"),
         ("Brown", "Beige")),
    Kind("Scarf", "Accessories/Scarves/Scarves", scarf, 1.0, ("Women", "Unisex"), ("Striped", "Checked"),
         seasons=("Winter",)),
)
# fmt: on


_PHRASES = ("{brand} {gender} {thing}", "{brand} {thing} for {gender}", "{gender}'s {thing} by {brand}")
"""How a brand words its titles: a model that has seen all of them also understands how visitors ask."""


class Article(NamedTuple):
    """What products of one title share: all that the title says, and the attributes that it leaves out."""

    kind: Kind
    colour: str
    brand: str
    gender: str
    style: str
    season: str
    year: int
    usage: str

    @property
    def title(self) -> str:
        """The title, in the wording of the brand."""
        thing = " ".join(filter(None, (self.colour, self.style, self.kind.word)))
        phrase = _PHRASES[list(BRANDS).index(self.brand) % len(_PHRASES)] if self.gender != "Unisex" else _PHRASES[0]
        return phrase.format(brand=self.brand, gender=self.gender, thing=thing)


def draw_catalogue(
    folder: Path, products: int = 2000, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Draw a shop into `folder` and return it: styles.csv and images/<id>.jpg, as in the Kaggle data set.

    Two fifths of the products share their title with another; each picture is a random instance of its title. Every
    kind appears at least six times in each of its colours; a smaller shop has fewer kinds and colours. The same
    `products` and `seed` give the same bytes. `progress` is called with (drawn, products) after each picture.

    Raises:
        ConfigError: `products` is below 1.
        DataError: `folder` holds something other than a data set, which would be lost.
    """
    if products < 1:
        raise ConfigError(f"products is {products}; a catalogue needs at least 1: ask for more")
    if folder.exists() and not (folder / "styles.csv").is_file() and (folder.is_file() or any(folder.iterdir())):
        raise DataError(f"{folder} exists and holds no styles.csv; it would be replaced: name a new or empty folder")
    articles = plan_stock(products, random.Random(f"{seed} stock"))  # noqa: S311 – no secret
    with atomic_folder(folder) as beside:
        (beside / "images").mkdir()
        with (beside / "styles.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(HEADER)
            for number, article in enumerate(articles, start=1):
                key = 10_000 + number
                place = article.kind.place.split("/")
                when = (article.season, article.year, article.usage)
                table.writerow((key, article.gender, *place, article.colour, *when, article.title))
                picture = draw_product(article, random.Random(f"{seed} picture {key}"))  # noqa: S311
                picture.save(beside / "images" / f"{key}.jpg", quality=88)
                if progress:
                    progress(number, products)
    return folder


def plan_stock(products: int, dice: random.Random) -> list[Article]:
    """Return the article of each product of the shop, shuffled; several products may share one."""
    ranked = []
    for kind in KINDS:
        colours = [colour for colour in COLOURS if colour not in kind.never]
        ranked += [(rank, kind, colour) for rank, colour in enumerate(dice.sample(colours, len(colours)))]
    # One colour of every kind before a second of any: a small shop still has a bit of everything.
    pairs = [(kind, colour) for _, kind, colour in sorted(ranked, key=lambda entry: entry[0])]
    pairs = pairs[: max(1, products // _LEAST)]
    stock: list[Article] = []
    for i, (kind, colour) in enumerate(pairs):
        left = products // len(pairs) + (i < products % len(pairs))
        while left:
            article = Article(
                kind,
                colour,
                brand=dice.choice(list(BRANDS)),
                gender=dice.choice(kind.genders),
                style=dice.choice(("",) * max(1, len(kind.styles)) + kind.styles),
                season=dice.choice(kind.seasons),
                year=dice.randint(2012, 2018),
                usage=dice.choice(kind.usages),
            )
            copies = min(left, dice.choices((1, 2, 3, 4), (80, 11, 5, 4))[0])
            stock += [article] * copies
            left -= copies
    dice.shuffle(stock)
    return stock


def draw_product(article: Article, dice: random.Random) -> Image.Image:
    """Draw one product of `article`, (HEIGHT, WIDTH); the same `dice` give the same pixels."""

    def dyed(colour: RGB, by: float) -> RGB:
        # No two products have quite the same dye: lightness varies by the factor `by`, each channel by 5.
        light = dice.uniform(1 - by, 1 + by)
        red, green, blue = (min(255.0, max(0.0, v * light + dice.uniform(-5, 5))) for v in colour)
        return red, green, blue

    # Drawn before any colour: the same product in another colour keeps its form.
    form = random.Random(dice.getrandbits(64))  # noqa: S311
    colour = dyed(COLOURS[article.colour], 0.07)
    if article.style == "Colour-Block":
        company = [other for other in COLOURS.values() if math.dist(other, colour) > 130]
    elif article.style == "Checked" and article.colour != "White":
        company = [PAPER]  # the bands of a check mix with the main colour: another colour would make a third
    elif lightness(COLOURS[article.colour]) > 0.7:
        company = [COLOURS[name] for name in ("Navy Blue", "Red", "Black", "Blue")]
    elif lightness(COLOURS[article.colour]) > 0.5:
        company = [PAPER]
    else:
        company = [PAPER, PAPER, PAPER, COLOURS["Yellow"], COLOURS["Beige"]]
    look = Look(
        colour,
        second=dice.choice(company),
        accent=dyed(BRANDS[article.brand], 0.05),
        metal=dice.choice((_SILVER, _GOLD)),
        gender=article.gender,
        style=article.style,
    )
    sketch = Sketch(look, form, article.kind.size)
    article.kind.draw(sketch)
    return sketch.finish()

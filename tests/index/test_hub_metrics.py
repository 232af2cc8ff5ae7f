"""The figures with hub correction: those of a search for each title, in both protocols and for the service."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from common import InputError
from index import (
    CatalogueInfo,
    Product,
    SearchIndex,
    SearchQuery,
    Snapshot,
    SplitRule,
    evaluate,
    evaluate_kagl,
    evaluate_split,
    hub_weight,
    title_key,
)
from tests.index.brute_force import unit

TITLES = ["Bag", "Red Dress", "Red Summer Dress", "Blue Long Summer Dress", "Puma Men Running Grey Shoes XK4", "bag"]
COUNT = 90


def catalogue(*, hubs: bool = True) -> Snapshot:
    rng = np.random.default_rng(1)
    products = [Product(f"p{at}", f"{TITLES[at % 6]} {at // 12}" if at % 5 else TITLES[at % 6]) for at in range(COUNT)]
    by_title = {title_key(one.title): at for at, one in enumerate(products)}
    drawn = unit(COUNT, 12, 2)
    texts = drawn[[by_title[title_key(one.title)] for one in products]]
    images = texts + 0.6 * rng.standard_normal(texts.shape).astype(np.float32)
    images = (images / np.linalg.norm(images, axis=1, keepdims=True)).astype(np.float32)
    info = CatalogueInfo("enc", 12, "drawn", SplitRule(), "2025-03-01T12:00:00+00:00")
    noise = rng.normal(0, 0.3, COUNT).astype(np.float32)
    return Snapshot(info, 0, products, images, texts, hubs=noise if hubs else None)


def found_by_search(shop: Snapshot) -> dict[str, float]:
    index = SearchIndex(shop)
    keys = [title_key(one.title) for one in shop.products]
    recalls: dict[int, list[float]] = {1: [], 10: [], 100: []}
    reciprocals = []
    for key in sorted(set(keys)):
        asked = keys.index(key)
        query = SearchQuery(k=COUNT, hub_weight=hub_weight(shop.products[asked].title))
        (page,) = index.search("images", shop.text_vectors[asked : asked + 1], [query])
        right = [title_key(hit.product.title) == key for hit in page.hits]
        for cutoff, values in recalls.items():
            values.append(sum(right[:cutoff]) / sum(right))
        place = right.index(True) + 1
        reciprocals.append(1 / place if place <= 10 else 0)
    found = {f"recall{cutoff}": float(np.mean(values)) for cutoff, values in recalls.items()}
    return {"queries": len(reciprocals), **found, "mrr10": float(np.mean(reciprocals))}


def plain(figures: dict[str, Any]) -> dict[str, float]:
    return {name: one["value"] if isinstance(one, dict) else one for name, one in figures.items()}


def test_the_figures_are_those_of_a_search_for_each_title() -> None:
    shop = catalogue()
    split = evaluate_split(shop, "all")
    kagl = evaluate_kagl(shop, "all", lambda texts: unit(len(texts), 12, 3))
    wanted = found_by_search(shop)
    assert plain(split["titles_hub_corrected"]) == pytest.approx(wanted, abs=1e-6)
    assert kagl["titles_hub_corrected"] == split["titles_hub_corrected"]
    assert plain(split["titles"]) != pytest.approx(wanted, abs=1e-3)


def test_hubness_of_other_products_is_refused() -> None:
    shop = catalogue()
    assert shop.hubs is not None
    titles = [one.title for one in shop.products]
    with pytest.raises(InputError, match=r"the hubness is \(89,\); it must be \(90,\)"):
        evaluate(shop.image_vectors, shop.text_vectors, titles, np.arange(COUNT), hubs=shop.hubs[1:])


def test_a_catalogue_without_hubness_has_the_figures_that_it_had() -> None:
    with_hubs, without = evaluate_split(catalogue(), "all"), evaluate_split(catalogue(hubs=False), "all")
    assert "titles_hub_corrected" not in without
    assert without == {name: one for name, one in with_hubs.items() if name != "titles_hub_corrected"}

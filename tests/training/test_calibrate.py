"""What scores are worth, measured on a shop's own products; a shop that says too little keeps the shipped curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index import Product, SearchIndex, SearchQuery, Snapshot, SplitRule
from index.records import CatalogueInfo
from training.indexing.calibrate import measure
from training.reports import save_reliability

DIM = 16
COLOURS, KINDS, PEOPLE = ["Red", "Blue", "Black", "Green"], ["Dresses", "Jeans", "Shirts", "Bags"], ["Men", "Women"]
WORDS = [*map(str.lower, (*COLOURS, *KINDS, *PEOPLE))]


class WordEncoder:
    """Reads the words that it knows, each as a direction; other texts point anywhere."""

    encoder_id, dim = "enc", DIM

    def encode_text(self, texts: list[str]) -> np.ndarray:
        found = []
        for text in texts:
            words = [word for word in text.lower().split() if word in WORDS]
            vector = sum((np.eye(DIM)[WORDS.index(word)] for word in words), np.full(DIM, 0.05))
            if not words:
                vector = np.random.default_rng(len(text)).standard_normal(DIM)
            found.append(vector / np.linalg.norm(vector))
        return np.array(found, dtype=np.float32)


def shop(count: int) -> Snapshot:
    products = []
    for at in range(count):
        colour, kind, person = COLOURS[at % 4], KINDS[at // 4 % 4], PEOPLE[at // 16 % 2]
        title = f"Acme {person} {colour} {kind}"
        split = "validation" if at % 3 == 0 else "train"
        values = {"colour": colour, "type": kind, "gender": person}
        products.append(Product(str(at), title, values, split))  # type: ignore[arg-type]
    vectors = WordEncoder().encode_text([one.title for one in products])
    noise = np.random.default_rng(0).standard_normal(vectors.shape).astype(np.float32)
    images = vectors + 0.1 * noise
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    return Snapshot(CatalogueInfo("enc", DIM, "drawn", SplitRule(), "2026-01-01"), 0, products, images, vectors)


@pytest.fixture(scope="module")
def index() -> SearchIndex:
    made = SearchIndex(shop(480))
    found = measure(made, made.products, WordEncoder())  # type: ignore[arg-type]
    assert found is not None
    return SearchIndex(shop(480), found)


def test_relevance_is_how_often_such_results_are_right(index: SearchIndex) -> None:
    measured = index.calibration.measured
    assert set(measured["attributes"]) == {"colour", "type", "gender"}
    assert measured["kinds"]["known"]["brier"] < 0.1
    assert measured["kinds"]["known"]["lost"] <= 0.01
    assert measured["kinds"]["doubtful"]["without_answer"] > 0.9


def test_what_is_relevant_is_what_has_all_the_words(index: SearchIndex) -> None:
    parsed = index.understand("red dress")
    vector = WordEncoder().encode_text([parsed.english])
    (page,) = index.search("images", vector, [SearchQuery(k=50, mode="hybrid", parsed=parsed, cutoff="auto")])
    assert page.total == len([one for one in index.products if {"Red", "Dresses"} <= set(one.attributes.values())])
    assert all(hit.relevance is not None and hit.relevance > 0.5 for hit in page.hits)


def test_a_shop_whose_titles_name_no_attribute_is_not_measured() -> None:
    made = shop(300)
    bare = [Product(one.id, f"thing {one.id}", {"sku": one.id}) for one in made.products]
    snapshot = Snapshot(made.info, 0, bare, made.image_vectors, made.text_vectors)
    assert measure(SearchIndex(snapshot), bare, WordEncoder()) is None  # type: ignore[arg-type]


def test_the_diagram_is_a_picture(index: SearchIndex, tmp_path: Path) -> None:
    save_reliability(index.calibration.measured, tmp_path / "relevance.png")
    assert (tmp_path / "relevance.png").read_bytes().startswith(b"\x89PNG")

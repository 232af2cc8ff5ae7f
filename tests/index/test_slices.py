"""Slices by any attribute, what is kept of a measurement, and how far a measurement says it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import InputError
from index import CatalogueInfo, Product, Snapshot, SplitRule
from index.metrics import packed, progress, unpacked
from index.metrics.analysis import details_of, measured_details, part_of
from index.metrics.examples import BLOCK, first_of
from index.metrics.kept import Texts, packed_texts
from index.metrics.labels import MOST_VALUES, NOT_GIVEN, OTHER, KeptLabels, labels_of, packed_labels
from index.metrics.slices import slices_by
from index.metrics.split import evaluate_split, measured_split
from index.product import Value


def products(**columns: list[Value | None]) -> list[Product]:
    count = len(next(iter(columns.values())))
    rows = [
        {name: value for name, values in columns.items() if (value := values[at]) is not None} for at in range(count)
    ]
    return [Product(f"p{at}", f"Thing {at}", row, "test") for at, row in enumerate(rows)]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    rng = np.random.default_rng(0)
    texts = rng.normal(size=(90, 16)).astype(np.float32)
    images = texts + rng.normal(size=texts.shape).astype(np.float32)
    rows = products(
        brand=[f"Brand {min(at % 20, at % 7)}" for at in range(90)], price=[float(at % 45) for at in range(90)]
    )
    info = CatalogueInfo("e", 16, "made up", SplitRule(), "2025-01-01T00:00:00Z")
    unit = [(one / np.linalg.norm(one, axis=1, keepdims=True)).astype(np.float32) for one in (images, texts)]
    return Snapshot(info, 0, rows, *unit)


def test_attributes_that_tell_products_apart_become_slices() -> None:
    rows = products(
        kind=["Bag", "Shoe", "Bag", None],
        same=["x"] * 4,
        code=["a1", "b2", "c3", "d4"],
        sale=[True, False, True, True],
        year=[2012, 2011, 2012, None],
        colours=[("Red", "Blue"), ("Blue",), ("Red",), ("Red",)],
    )
    labels = labels_of(rows)
    assert list(labels) == ["kind", "sale", "year", "colours"]
    assert set(labels["kind"].names) == {"Bag", "Shoe", NOT_GIVEN}
    assert labels["year"].names == ("2011", "2012", NOT_GIVEN)  # in their own order
    assert [labels["colours"].names[code] for code in labels["colours"].codes] == ["Red", "Blue", "Red", "Red"]
    kept = KeptLabels(unpacked(packed(packed_labels(labels))))
    assert kept.names == list(labels)
    for name, one in labels.items():
        assert kept.of(name).names == one.names
        assert kept.of(name).codes.tolist() == one.codes.tolist()
    with pytest.raises(InputError, match=r"'size'; attributes that can: kind, sale, year, colours"):
        kept.of("size")


def test_numbers_fall_into_quarters_also_as_prices() -> None:
    amounts = [float(number) for number in range(1, 101)]
    texts: list[Value | None] = [f"{amount:.2f} EUR" for amount in amounts]
    labels = labels_of(products(price=[*amounts, None], text=[*texts, None], mixed=[*amounts, "dear"]))
    for name in ("price", "text"):
        one = labels[name]
        assert one.names == ("≤ 25", "> 25, ≤ 50", "> 50, ≤ 75", "> 75", NOT_GIVEN)
        assert np.bincount(one.codes).tolist() == [25, 25, 25, 25, 1]
    assert "mixed" not in labels  # every value of it is another one


def test_more_values_than_fit_are_other_and_each_title_is_in_one_slice(snapshot: Snapshot) -> None:
    figures, arrays = measured_split(snapshot, "test")
    assert figures == evaluate_split(snapshot, "test")
    found = slices_by(unpacked(packed(arrays)), ["brand", "price", "title frequency"])
    names = [f"Brand {number}" for number in range(7)]
    assert sorted(line["value"] for line in found["brand"]) == names
    assert [line["value"] for line in found["price"]] == ["≤ 11", "> 11, ≤ 22", "> 22, ≤ 33", "> 33"]
    for lines in found.values():
        assert len(lines) <= MOST_VALUES + 1
        assert sum(line["queries"] for line in lines) == 90
        mean = sum(line["queries"] * line["recall10"]["value"] for line in lines) / 90
        assert mean == pytest.approx(figures["titles"]["recall10"]["value"], abs=1e-5)


def test_the_rest_of_an_attribute_is_the_queries_in_no_other_slice() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(80, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = products(brand=[f"B{min(at, 30) if at < 60 else at % 15}" for at in range(80)])
    info = CatalogueInfo("e", 8, "made up", SplitRule(), "2025-01-01T00:00:00Z")
    snapshot = Snapshot(info, 0, rows, vectors, vectors)
    kept = unpacked(packed(measured_details(snapshot, "all")))
    slices = slices_by(measured_split(snapshot, "all")[1], ["brand"])["brand"]
    assert slices[-1]["value"] == OTHER
    for line in slices:
        page = details_of(kept, ("brand", line["value"]), limit=80)["text_to_image"]
        assert page["queries"] == len(page["worst"]) == line["queries"]
    assert details_of(kept, ("brand", OTHER), offset=5, limit=3)["image_to_text"]["queries"] == slices[-1]["queries"]
    assert part_of("a:b:c") == ("a", "b:c")
    with pytest.raises(InputError, match="attribute, a colon"):
        part_of("brand")


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 6 * BLOCK), st.integers(1, 8), st.booleans())
def test_the_first_results_are_those_of_the_whole_order(seed: int, size: int, count: int, tied: bool) -> None:
    rng = np.random.default_rng(seed)
    row = (rng.integers(0, 4, size) if tied else rng.normal(size=size)).astype(np.float32)
    assert first_of(row, count).tolist() == np.argsort(-row, kind="stable")[:count].tolist()


def test_a_measurement_says_how_far_it_is_and_never_goes_back(snapshot: Snapshot) -> None:
    told: list[tuple[str, float]] = []
    with progress.listening(lambda stage, done: told.append((stage, done))):
        measured_split(snapshot, "test")
    stages = list(dict.fromkeys(stage for stage, _ in told))
    assert stages == ["image_to_text", "text_to_image", "titles", "intervals", "slices"]
    parts = [part for _, part in told]
    assert parts == sorted(parts)
    assert parts[-1] == pytest.approx(1)
    told.clear()
    measured_split(snapshot, "test")
    assert not told


def test_texts_are_kept_as_they_are() -> None:
    texts = ["", "Straße", "🧥 coat", "half \ud800"]
    kept = Texts(unpacked(packed(packed_texts("t", texts))), "t")
    assert [kept[at] for at in range(len(kept))] == texts

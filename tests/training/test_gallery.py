"""Figures over a gallery against the same by a slow obvious search."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.training.small import small
from training.gallery import distinct, hubness, measure
from training.setup import make_plan, prepare
from training.validate import encode_rows, validate


def test_figures_are_those_of_a_slow_obvious_search() -> None:
    generator = torch.Generator().manual_seed(0)
    titles = torch.arange(60) // 2  # two products of each title
    images, texts = (functional.normalize(torch.randn(60, 4, generator=generator), dim=1) for _ in range(2))
    texts = texts[titles * 2]
    images = functional.normalize(images + 0.7 * texts, dim=1)
    chosen = (titles % 3) == 0
    bank = texts[::2]
    figures = measure(images, bank, titles, chosen)
    for ranking in ("cosine", "hub_corrected", "among_split"):
        recall1, recall10, reciprocal = [], [], []
        for query in sorted({int(title) for title in titles[chosen]}):
            scores = []
            for row, image in enumerate(images):
                cosine = float(bank[query] @ image)
                hub = math.log(sum(math.exp(100 * float(title @ image)) for title in bank)) / 100
                inside = ranking != "among_split" or bool(chosen[row])
                scores.append((cosine - hub if ranking == "hub_corrected" else cosine) if inside else -9)
            order = sorted(range(60), key=lambda row: -scores[row])[:10]
            hits = [int(titles[row]) == query for row in order]
            recall1.append(hits[0] / 2)
            recall10.append(sum(hits) / 2)
            reciprocal.append(1 / (1 + hits.index(True)) if any(hits) else 0)
        expected = {"recall1": recall1, "recall10": recall10, "mrr10": reciprocal}
        for name, values in expected.items():
            assert figures[ranking][name] == pytest.approx(float(np.mean(values)), abs=1e-4), (ranking, name)
    assert figures["cosine"] != figures["hub_corrected"] != figures["among_split"]
    assert measure(images, bank, titles, torch.zeros(60, dtype=torch.bool)) == {}


def test_a_hub_is_near_to_many_titles() -> None:
    bank = functional.normalize(torch.eye(4) + 0.3, dim=1)
    centre = functional.normalize(torch.ones(1, 4), dim=1)
    edge = functional.normalize(torch.tensor([[-1.0, -1, 1, 0]]), dim=1)
    near = hubness(torch.cat([centre, edge]), bank)
    assert near[0] > near[1]


def test_equal_titles_have_one_number_in_the_order_of_appearance() -> None:
    numbers, first = distinct(torch.tensor([7, 3, 7, 9, 3]))
    assert numbers.tolist() == [0, 1, 0, 2, 1]
    assert first.tolist() == [0, 1, 3]


@pytest.mark.parametrize("others", [0, 7])
def test_validation_titles_search_the_whole_gallery_or_a_part(shapes: Path, tmp_path: Path, others: int) -> None:
    setup = prepare(small(gallery=others), shapes, "cpu")
    inputs, usable = setup.inputs((), tmp_path)
    plan = make_plan(setup, usable)
    assert len(plan.gallery) == (len(plan.validation) + others if others else len(usable))
    figures = validate(setup.model, inputs, plan, setup)

    titles = setup.titles(plan.gallery)
    images, texts = encode_rows(setup.model, inputs, plan.gallery, setup)
    bank = texts[[titles.index(title) for title in dict.fromkeys(titles)]]
    hub = np.log(np.exp(100 * images @ bank.T).sum(1)) / 100
    for prefix, correction in (("", 0), ("hub_", hub)):
        found = []
        for title in dict.fromkeys(setup.titles(plan.validation)):
            order = np.argsort(correction - images @ texts[titles.index(title)])[:10]
            found.append(sum(titles[row] == title for row in order) / titles.count(title))
        assert figures[f"{prefix}recall10"] == pytest.approx(np.mean(found), abs=1e-4)
    assert figures.keys() == {f"{prefix}{name}" for prefix in ("", "hub_") for name in ("recall1", "recall10", "mrr10")}

"""Curves from scores to relevance, their files, and what is combined into a score."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import ArtefactError
from index import copy_catalogue, open_catalogue
from index.ranking import (
    Calibration,
    Curve,
    Scales,
    fused,
    kind_of,
    lifted,
    load_calibration,
    save_calibration,
    shipped_calibration,
    weights_of,
)
from index.ranking.calibrate import RELEVANCE_FILE
from index.words.units import Condition, ParsedText, Unit
from tests.index.entries import build


@given(st.integers(0, 1000), st.integers(1, 3000))
def test_a_curve_never_falls_and_stays_within_bounds(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random(count).astype(np.float32)
    curve = Curve.fitted(scores, (rng.random(count) < scores).astype(np.float32))
    found = curve.of(np.linspace(-1, 2, 50, dtype=np.float32))
    assert (np.diff(found) >= 0).all()
    assert found.min() > 0
    assert found.max() < 1


def test_a_curve_says_how_often_a_score_is_right() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(40_000).astype(np.float32)
    curve = Curve.fitted(scores, (rng.random(40_000) < scores**2).astype(np.float32))
    at = np.linspace(0.1, 0.9, 9, dtype=np.float32)
    assert curve.of(at) == pytest.approx(at**2, abs=0.04)


@given(st.floats(0.01, 0.99))
def test_the_score_of_a_relevance_has_that_relevance(wanted: float) -> None:
    curve = Curve((0.1, 0.4, 0.5, 0.9), (0.05, 0.2, 0.6, 0.95))
    score = curve.score_at(wanted)
    if np.isfinite(score):
        assert curve.of(np.array([score]))[0] >= wanted - 1e-5 or wanted < 0.05
    else:
        assert wanted > 0.95


def test_a_calibration_is_read_as_it_was_written_and_only_for_its_encoder(tmp_path: Path) -> None:
    curve = Curve((0.0, 1.0), (0.1, 0.9))
    made = Calibration("enc", Scales(), {"known": curve}, {"known": 0.3})
    save_calibration(tmp_path, made)
    assert load_calibration(tmp_path, "enc") == made
    assert load_calibration(tmp_path, "other") == shipped_calibration()
    assert load_calibration(tmp_path / "none", "enc") == shipped_calibration()


def test_a_copy_of_a_catalogue_keeps_what_its_scores_are_worth(tmp_path: Path) -> None:
    made = Calibration("enc", Scales(), {"known": Curve((0.0, 1.0), (0.1, 0.9))}, {"known": 0.3})
    build(tmp_path / "one", 4)
    with open_catalogue(tmp_path / "one") as catalogue:
        assert catalogue.calibration() == shipped_calibration()
        found = Calibration(catalogue.info.encoder_id, made.scales, made.curves, made.auto)
        catalogue.save_calibration(found)
    copy_catalogue(tmp_path / "one", tmp_path / "two")
    with open_catalogue(tmp_path / "two") as catalogue:
        assert catalogue.calibration() == found


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 1}', '{"format": 9}', "no json"])
def test_a_damaged_calibration_is_refused_with_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / RELEVANCE_FILE).write_text(content)
    with pytest.raises(ArtefactError, match="vitrine calibrate"):
        load_calibration(tmp_path, "enc")


def test_the_shipped_curves_are_of_the_shipped_checkpoint() -> None:
    config = json.loads((Path(__file__).parents[3] / "checkpoints/minilm-dinov2/config.json").read_text())
    assert config
    shipped = shipped_calibration()
    assert set(shipped.curves) == set(shipped.auto)
    assert all(0 <= relevance <= 1 for relevance in shipped.auto.values())


def unit(kind: str, keys: bool = True, attribute: str = "") -> Unit:
    condition = Condition("x", attribute, ("X",)) if attribute else None
    return Unit("x", kind, "x", (("w x", 1.0),) if keys else (), condition=condition, product="ype" in attribute)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("units", "words", "kind"),
    [
        ([unit("value", attribute="type"), unit("word")], 1.0, "known"),
        ([unit("value", attribute="type"), unit("word")], 0.6, "apart"),
        ([unit("value", attribute="articleType"), unit("unknown", keys=False)], 1.0, "partly"),
        ([unit("value", attribute="colour"), unit("unknown", keys=False)], 1.0, "doubtful"),
        ([unit("brand"), unit("unknown", keys=False)], 1.0, "partly"),
        ([unit("word", keys=False)], 0.0, "look"),
        ([unit("unknown", keys=False)], 0.0, "doubtful"),
    ],
)
def test_scores_are_comparable_among_queries_of_a_kind(units: list[Unit], words: float, kind: str) -> None:
    assert kind_of("hybrid", ParsedText("x", "x", "en", tuple(units)), 1.0, words) == kind


def test_weights_are_a_convex_combination() -> None:
    parsed = ParsedText("x", "x", "en", (unit("word"),))
    for mode in ("hybrid", "vector", "lexical"):
        for side in ("images", "texts"):
            for share in (1.0, 0.3, 0.0):
                weights = weights_of(mode, side, parsed, share)
                assert weights.words + weights.title + weights.image == pytest.approx(1)
    best = np.ones(1, dtype=np.float32)
    assert fused(weights_of("hybrid", "images", parsed, 1.0), best, best, best) == pytest.approx(1)
    assert (
        lifted(np.zeros(1, dtype=np.float32))[0]
        > fused(weights_of("hybrid", "images", parsed, 1.0), best, best, 0 * best)[0]
    )

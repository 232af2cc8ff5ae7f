"""What a score is worth: curves from scores to relevance, and the cutoff that a catalogue chooses by itself.

A curve is made by isotonic regression over judged hits, per kind of query. Knows no queries and no files but its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from common import ArtefactError, read_json, write_json
from index.ranking.fuse import Kind, Scales
from index.records import Vectors

RELEVANCE_FILE = "relevance.json"
FORMAT = 1
REMEDY = "make it again with `vitrine calibrate`"


@dataclass(frozen=True, slots=True)
class Curve:
    """Relevance as a function of the score: straight lines between knots, which never fall."""

    scores: tuple[float, ...]
    relevance: tuple[float, ...]

    def of(self, scores: Vectors) -> Vectors:
        """Return the relevance (K,) of scores (K,)."""
        return np.interp(scores, self.scores, self.relevance).astype(np.float32)

    def score_at(self, relevance: float) -> float:
        """Return the least score of that relevance; infinite where no score has it."""
        if relevance <= 0:
            return -np.inf
        if relevance <= self.relevance[0]:
            return self.scores[0]  # what scores less than anything that was judged
        if relevance > self.relevance[-1]:
            return np.inf
        at = int(np.searchsorted(self.relevance, relevance))
        low, high = self.relevance[at - 1], self.relevance[at]
        part = (relevance - low) / (high - low)
        return float(self.scores[at - 1] + part * (self.scores[at] - self.scores[at - 1]))

    @classmethod
    def fitted(cls, scores: Vectors, right: Vectors, knots: int = 24) -> Curve:
        """Return the curve of judged scores (M,), `right` being 1 or 0 (M,), by isotonic regression.

        Neighbours are pooled until no mean falls (Ayer et al. 1955), over some hundreds of groups of equal size.
        """
        order = np.argsort(scores, kind="stable")
        groups = [group for group in np.array_split(order, min(400, max(1, len(order) // 20))) if len(group)]
        blocks: list[list[float]] = []  # sum of scores, sum of right ones, number
        for group in groups:
            blocks.append([float(scores[group].sum()), float(right[group].sum()), float(len(group))])
            while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
                last = blocks.pop()
                blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
        at = np.array([block[0] / block[2] for block in blocks])
        # Half a right and half a wrong one more keep the ends off 0 and 1.
        means = np.array([(block[1] + 0.5) / (block[2] + 1) for block in blocks])
        means = np.maximum.accumulate(means)
        at, means = np.append(float(scores.min()), at), np.append(means[0], means)
        if len(at) > knots:
            chosen = np.unique(np.linspace(0, len(at) - 1, knots).round().astype(int))
            at, means = at[chosen], means[chosen]
        return cls(tuple(at.round(5).tolist()), tuple(means.round(5).tolist()))


@dataclass(frozen=True, slots=True)
class Calibration:
    """The curves of one encoder's scores, and the relevance of the automatic cutoff, per kind of query."""

    encoder_id: str
    scales: Scales
    curves: Mapping[Kind, Curve]
    auto: Mapping[Kind, float]
    measured: Mapping[str, Any] = field(default_factory=dict)
    """What it was made of, and how well it fits: for the report."""

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept in a file."""
        return {
            "format": FORMAT,
            "encoder_id": self.encoder_id,
            "scales": {"title": list(self.scales.title), "image": list(self.scales.image)},
            "curves": {
                kind: {"scores": list(curve.scores), "relevance": list(curve.relevance)}
                for kind, curve in self.curves.items()
            },
            "auto": dict(self.auto),
            "measured": dict(self.measured),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Calibration:
        """Return the calibration of a file's content.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}, this version reads {FORMAT}")
        scales = Scales(tuple(found["scales"]["title"]), tuple(found["scales"]["image"]))
        curves = {kind: Curve(tuple(one["scores"]), tuple(one["relevance"])) for kind, one in found["curves"].items()}
        return cls(found["encoder_id"], scales, curves, found["auto"], found["measured"])


@cache
def shipped_calibration() -> Calibration:
    """Return the calibration of the shipped checkpoint on its own data: for catalogues that have none."""
    text = resources.files(__package__).joinpath(RELEVANCE_FILE).read_text(encoding="utf-8")
    return Calibration.from_json(json.loads(text))


def load_calibration(folder: Path, encoder_id: str) -> Calibration:
    """Return the calibration of a catalogue's folder; the shipped one where it has none for its encoder.

    Raises:
        ArtefactError: the file is damaged.
    """
    path = folder / RELEVANCE_FILE
    if not path.is_file():
        return shipped_calibration()
    found = parsed_calibration(read_json(path, REMEDY), str(path))
    return found if found.encoder_id == encoder_id else shipped_calibration()


def parsed_calibration(found: Mapping[str, Any], place: str) -> Calibration:
    """Return the calibration that was kept at a place.

    Raises:
        ArtefactError: it is none; names the place.
    """
    try:
        return Calibration.from_json(found)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"{place} has no calibration ({error}); {REMEDY}") from error


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Put a calibration into a catalogue's folder."""
    write_json(folder / RELEVANCE_FILE, calibration.to_json())

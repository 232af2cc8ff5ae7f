"""How often the vote of the nearest products is right, per attribute, and what its confidence is worth.

Products of the test split are tagged without themselves and their title; the confidence is measured on the validation
split. Beside it, labels without training: the value whose text is nearest to the picture.

python -m tests.benchmarks.tag --checkpoint CHECKPOINT --catalogue CATALOGUE --out docs/search-tag.json
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index import Product, Search, make_tagger, open_catalogue, open_search, texts_of, title_key
from index.metrics.intervals import figures_of
from index.tagging import PIECE, Judged, judged
from index.values import keys_of
from models import Encoder, load_encoder

SURE = 0.9
BINS = 10
RESAMPLES = 1_000
TEMPLATE = "a photo of {}"


def measured(checkpoint: Path, place: Path, most: int = 2_000) -> dict[str, Any]:
    """Return the figures of a catalogue."""
    encoder = load_encoder(checkpoint, "cpu")
    with open_catalogue(place, encoder_id=encoder.encoder_id) as catalogue:
        search = open_search(catalogue)
        tagger = make_tagger(search)
        every = catalogue.snapshot().products
        test = [product for product in every if product.split == "test"]
        test = test[:: max(1, -(-len(test) // most))]
        votes: defaultdict[str, list[Judged]] = defaultdict(list)
        asked: defaultdict[str, list[Product]] = defaultdict(list)
        for start in range(0, len(test), PIECE):
            piece = test[start : start + PIECE]
            found = judged(search, piece)
            named = [product for product in piece for _ in product.attributes]
            for product, one in zip(named, found, strict=True):
                votes[one.name].append(one)
                asked[one.name].append(product)
        return {
            "encoder_id": encoder.encoder_id,
            "products": len(catalogue),
            "asked": len(test),
            "attributes": {
                name: {
                    "values": len(_values(every, name)),
                    **_figures(asked[name], votes[name], curve),
                    "labels": _labels(encoder, search, every, asked[name], name),
                }
                for name, curve in tagger.curves.items()
            },
        }


def _figures(products: Sequence[Product], votes: Sequence[Judged], curve: Any) -> dict[str, Any]:
    right = np.array([one.right for one in votes], dtype=np.float64)
    sure = curve.of(np.array([one.share for one in votes], dtype=np.float32)).astype(np.float64)
    confident = sure >= SURE
    bins = [part for part in np.array_split(np.argsort(sure, kind="stable"), BINS) if len(part)]
    gaps = [len(part) / len(sure) * abs(sure[part].mean() - right[part].mean()) for part in bins]
    return {
        "right": _share(products, right),
        "brier": round(float(((sure - right) ** 2).mean()), 4),
        "calibration_error": round(float(sum(gaps)), 4),
        "sure": round(float(confident.mean()), 4),
        "sure_right": _share([products[at] for at in np.flatnonzero(confident).tolist()], right[confident]),
    }


def _labels(
    encoder: Encoder, search: Search, every: Sequence[Product], products: Sequence[Product], name: str
) -> dict[str, float] | None:
    """Return how often the nearest label is right."""
    values = _values(every, name)
    texts = encoder.encode_text([TEMPLATE.format(value) for value in values])
    nearest = (search.vectors([product.id for product in products]) @ texts.T).argmax(axis=1)
    right = [title_key(values[at]) in keys_of(one.attributes[name]) for at, one in zip(nearest, products, strict=True)]
    return _share(products, np.array(right, dtype=np.float64))


def _values(products: Sequence[Product], name: str) -> list[str]:
    have = (product.attributes[name] for product in products if name in product.attributes)
    return sorted({text for value in have for text in texts_of(value)})


def _share(products: Sequence[Product], right: np.ndarray) -> dict[str, float] | None:
    """Return a share with its interval; products of one title are drawn together."""
    if not len(right):
        return None
    groups: dict[str, int] = {}
    of = np.array([groups.setdefault(title_key(product.title), len(groups)) for product in products])
    sums = np.bincount(of, weights=right).astype(np.float64)
    return figures_of({"share": sums}, np.bincount(of).astype(np.float64), 0, RESAMPLES)["share"]


def table(found: dict[str, Any]) -> str:
    """Return the figures as a table."""
    lines = [
        "| attribute | values | right, % | 95 % interval | labels alone, % | calibration error | Brier score "
        "| sure (≥ .9), % | of these right, % |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, one in found["attributes"].items():
        right, certain = one["right"], one["sure_right"]
        sure = "–" if certain is None else f"{100 * certain['value']:.1f}"
        lines.append(
            f"| {name} | {one['values']} | **{100 * right['value']:.1f}** | {100 * right['low']:.1f}–"
            f"{100 * right['high']:.1f} | {100 * one['labels']['value']:.1f} | {one['calibration_error']:.3f} "
            f"| {one['brier']:.3f} | {100 * one['sure']:.0f} | {sure} |"
        )
    each = found["attributes"].values()
    mean = [100 * float(np.mean([one[key]["value"] for one in each])) for key in ("right", "labels")]
    rest = [float(np.mean([one[key] for one in each])) for key in ("calibration_error", "brier", "sure")]
    lines.append(
        f"| mean | | **{mean[0]:.1f}** | | {mean[1]:.1f} | {rest[0]:.3f} | {rest[1]:.3f} | {100 * rest[2]:.0f} | |"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_json(arguments.out, measured(arguments.checkpoint, arguments.catalogue))

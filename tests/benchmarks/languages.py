"""How well titles in other languages find their pictures, beside the same titles in English.

    python -m tests.benchmarks.languages --checkpoint checkpoints/minilm-dinov2 --catalogue artefacts/real \
        --out docs/languages.json

Titles of held-out products are asked against the pictures of the whole catalogue. Those in tests/data/translated were
translated by hand, in the words that shops and customers use. Those written by `training.languages` come from the table
that training texts come from as well, so that they say what was learned, not what is understood. Each text is read by
the text tower as it is, without and with the hub correction where the catalogue has it, and as the service reads it:
what `understand` makes of it in English.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index import Product, open_catalogue, open_search, texts_of, title_key
from index.metrics import ranks
from index.ranking import hub_weight
from models import Encoder, load_encoder
from tests.benchmarks.performance import table
from training.languages import WRITTEN, Colour, Parts, TitleReader, written

TRANSLATED = Path(__file__).parents[1] / "data" / "translated"
SPLITS = ("validation", "test")
READ = ("tower", "tower, hub-corrected", "service")
"""Who reads a text: the text tower as it is, or the service, which brings it into English first."""
MEASURES = ("recall1", "recall10", "mrr10")
GOAL = 0.9
"""Of the recall among ten of English."""
NAMES = {"fr": "French", "de": "German", "es": "Spanish", "it": "Italian"}
REWORDED = "English reworded"
"""The same parts of the title in one order of English, in the table's words: Men for Men's, Shoes for Shoe. A
translation cannot keep what the tower makes of such habits, which tell one delivery of products from another."""


def translations(folder: Path = TRANSLATED) -> dict[str, dict[str, str]]:
    """Return the key of an English title -> language -> the title as it was translated by hand."""
    found: dict[str, dict[str, str]] = {}
    for language in WRITTEN:
        for line in (folder / f"{language}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.setdefault(title_key(row["english"]), {})[language] = row["text"]
    return found


class Gallery:
    """The pictures of a catalogue, and which of them each title is right about."""

    def __init__(self, images: np.ndarray, titles: Sequence[str], hubs: np.ndarray | None) -> None:
        self.corrected = hubs is not None
        # One more dimension takes the hubness off: its factor is 0 in a query that asks for plain cosines.
        self._images = np.column_stack([images, np.zeros(len(images)) if hubs is None else -hubs]).astype(np.float32)
        self._rows: dict[str, list[int]] = {}
        for row, title in enumerate(titles):
            self._rows.setdefault(title_key(title), []).append(row)

    def measures(self, queries: np.ndarray, titles: Sequence[str], corrected: bool = False) -> np.ndarray:
        """Return `MEASURES` of each query (Q, 3); every picture of the query's English title is right."""
        weights = [hub_weight(title) if corrected else 0.0 for title in titles]
        queries = np.column_stack([queries, weights]).astype(np.float32)
        relevant = [self._rows[title_key(title)] for title in titles]
        starts = np.concatenate([[0], np.cumsum([len(rows) for rows in relevant])])
        places = ranks(queries, self._images, (starts, np.concatenate(relevant)))
        sizes = np.diff(starts)
        recalls = [np.add.reduceat(places <= k, starts[:-1]) / sizes for k in (1, 10)]
        best = np.minimum.reduceat(places, starts[:-1])
        return np.stack([*recalls, np.where(best <= 10, 1 / best, 0)], axis=1)


def beside_english(theirs: np.ndarray, english: np.ndarray, resamples: int = 2000) -> dict[str, Any]:
    """Return the means of Q titles' measures (Q, 3), and what of English R@10 is kept, with a 95 % interval.

    The interval is paired: titles are drawn with replacement, each in both languages.
    """
    drawn = np.random.default_rng(0).integers(len(theirs), size=(resamples, len(theirs)))
    ratio = theirs[:, 1][drawn].mean(1) / np.maximum(english[:, 1][drawn].mean(1), 1e-9)
    low, high = np.percentile(ratio, [2.5, 97.5])
    kept = {"value": theirs[:, 1].mean() / english[:, 1].mean(), "low": low, "high": high}
    return {
        **{name: round(float(value), 4) for name, value in zip(MEASURES, theirs.mean(0), strict=True)},
        "kept": {name: round(float(value), 3) for name, value in kept.items()},
    }


def measure(encoder: Encoder, place: Path) -> dict[str, Any]:
    """Return the figures of every language, split, kind of translation and reader."""
    by_hand = translations()
    with open_catalogue(place, encoder_id=encoder.encoder_id) as catalogue:
        snapshot = catalogue.snapshot()
        search = open_search(catalogue)
    products = snapshot.products
    reader = TitleReader(product.title for product in products)
    gallery = Gallery(snapshot.image_vectors, [product.title for product in products], snapshot.hubs)

    def understood(text: str, language: str) -> str:
        return search.understand(text, language).english

    result: dict[str, Any] = {"encoder_id": encoder.encoder_id, "gallery": len(products), "goal": GOAL}
    for split in SPLITS:
        mine = [product for product in products if product.split == split]
        first = list({title_key(product.title): product for product in reversed(mine)}.values())
        asked: dict[str, tuple[Mapping[str, Mapping[str, str]], Sequence[str]]] = {
            "by hand": ({one.id: by_hand[key] for one in first if (key := title_key(one.title)) in by_hand}, READ),
            "written": ({one.id: _generated(one, reader) for one in first}, READ[:2]),
        }
        for kind, (texts, readers) in asked.items():
            if texts:
                titles = {one.id: one.title for one in first if one.id in texts}
                others = {one.id: reworded(_parts(one, reader)) for one in first if one.id in texts}
                result[f"{kind}, {split}"] = _figures(encoder, gallery, titles, others, texts, readers, understood)
    return result


def _parts(product: Product, reader: TitleReader) -> Parts:
    return reader.read(product.title, [text for value in product.attributes.values() for text in texts_of(value)])


def _generated(product: Product, reader: TitleReader) -> Mapping[str, str]:
    parts = _parts(product, reader)
    return {language: written(parts, language, zlib.crc32(product.id.encode())) for language in WRITTEN}


def reworded(parts: Parts) -> str:
    """Return an English title of the parts of one."""

    def coloured(colours: Sequence[Colour]) -> str:
        return " & ".join(
            f"{one.shade.english} {one.word.english}" if one.shade else one.word.english for one in colours
        )

    part = f"{coloured(parts.part[1])} {parts.part[0].english}" if parts.part is not None else ""
    words = [parts.brand, *(word.english for word in parts.persons), parts.names]
    words += [f"pack of {parts.pack[1]}" if parts.pack is not None else "", *(one.english for one in parts.adjectives)]
    words += [coloured(parts.colours), part, parts.noun.english if parts.noun is not None else "", parts.tail]
    return " ".join(word for word in words if word)


def _figures(
    encoder: Encoder,
    gallery: Gallery,
    titles: Mapping[str, str],
    others: Mapping[str, str],
    texts: Mapping[str, Mapping[str, str]],
    readers: Sequence[str],
    understood: Any,
) -> dict[str, Any]:
    ids = list(titles)
    asked = [titles[one] for one in ids]
    found: dict[str, Any] = {"titles": len(ids)}
    for who in readers:
        corrected = who == READ[1]
        if corrected and not gallery.corrected:
            continue
        english = gallery.measures(encoder.encode_text(asked), asked, corrected)
        found[who] = {"English": beside_english(english, english)}
        if who != READ[2]:
            measured = gallery.measures(encoder.encode_text([others[one] for one in ids]), asked, corrected)
            found[who][REWORDED] = beside_english(measured, english)
        for language, name in NAMES.items():
            theirs = [texts[one][language] for one in ids]
            if who == "service":
                theirs = [understood(text, language) for text in theirs]
            measured = gallery.measures(encoder.encode_text(theirs), asked, corrected)
            found[who][name] = beside_english(measured, english)
    return found


def markdown(result: dict[str, Any]) -> str:
    """Return the table of docs/results.md: R@10 of each language, and what it keeps of English."""
    rows = []
    for kind, found in result.items():
        for who in READ if isinstance(found, dict) else ():
            if who not in found:
                continue
            cells = [f"{100 * found[who]['English']['recall10']:.1f}"]
            for name in (REWORDED, *NAMES.values()):
                if name not in found[who]:
                    cells.append("–")
                    continue
                one = found[who][name]
                kept = one["kept"]
                bold = "**" if kept["value"] >= result["goal"] else ""
                share = f"{bold}{kept['value']:.2f}{bold} ({kept['low']:.2f}–{kept['high']:.2f})"
                cells.append(f"{100 * one['recall10']:.1f}, {share}")
            rows.append([f"{kind} ({found['titles']} titles)", who, *cells])
    head = ["titles", "read by", "English R@10, %", *(f"{name}, share" for name in (REWORDED, *NAMES.values()))]
    return table(head, rows)


def main() -> None:
    """Measure one checkpoint with the catalogue that it made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    result = measure(load_encoder(given.checkpoint, "cpu", towers=("text",)), given.catalogue)
    if given.out is not None:
        write_json(given.out, result)
    sys.stdout.write(markdown(result) + "\n")


if __name__ == "__main__":
    main()

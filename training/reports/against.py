"""Two encoders compared: on the titles of one catalogue, and on the shop's own queries, side by side."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from common import InputError
from index import Location, open_catalogue, title_key
from index.metrics import (
    HALVES,
    Drawn,
    JudgedQuery,
    Side,
    about,
    compare,
    first_results,
    measures,
    paired_figures,
    query_rows,
    read_queries,
    verdict,
)
from models import Encoder, load_encoder
from training.reports.against_table import PROTOCOL
from training.reports.edits import TextEncoder
from training.reports.queries import chosen, judged_queries
from training.reports.sides import Sides, common_sides, encoded_sides

SHOWN = 10
"""Results of each side that are shown side by side."""
MOST_QUERIES = 1000
"""Own queries, at most."""
LONGEST_QUERY = 1000
"""Characters of one."""
TITLES_SHOWN = 40
"""Titles that are shown side by side where no queries are given."""
SEED = 0


@dataclass(frozen=True, slots=True)
class Own:
    """The shop's own queries, and what encodes them for encoder A."""

    queries: Path
    """A text a line, or judged ones as `read_queries` reads them."""
    checkpoint: Path
    """That of encoder A."""
    half: str = "all"
    """Of the judged queries: "tune", "report" or "all"."""


def evaluate_against(
    place: Location,
    against: Path | None,
    other: Location | None = None,
    split: str = "test",
    *,
    own: Own | None = None,
    device: str = "auto",
    console: Console | None = None,
) -> dict[str, Any]:
    """Measure a second encoder against that of a catalogue, on the same titles and pictures.

    Args:
        place: the catalogue, of encoder A.
        against: checkpoint of encoder B; may be left out where `other` is given and no queries are.
        other: a catalogue of the same products by encoder B; without it the checkpoint encodes the pictures.
        split: whose titles ask: "train", "validation", "test" or "all".
        own: further queries; without them titles are shown side by side.
        device: "auto", "cpu", "cuda" or "cuda:N".
        console: where to report progress; standard error when not given.

    Returns:
        `protocol`, `split`, `catalogue_version`, `source`, `a` and `b` (each `{"encoder_id"}`), `verdict`, what
        `compare` returns, and `side_by_side`: `[{"query", "a", "b"}]` with the first results of both, each `{"id",
        "title"}`. With judged queries also `judged`: `{"queries", "measures"}`, lines as those of `compare`.

    Raises:
        InputError: the same encoder twice, an unknown split or half, no product that both have, or queries that cannot
            be read.
        ArtefactError: no catalogue or checkpoint there, or one of another encoder.
    """
    if against is None and (other is None or own is not None):
        raise InputError("encoder B is missing; give its checkpoint with --against CHECKPOINT")
    lines = None if own is None else own_queries(own.queries)
    halves = None if own is None else chosen("half", own.half, HALVES)
    encoder_b = None if against is None else load_encoder(against, device)
    with open_catalogue(place) as catalogue:
        snapshot = catalogue.snapshot()
        query_rows(snapshot, split)  # what cannot be asked is refused before pictures are encoded
        encoder_a = None if own is None else _encoder_of(own.checkpoint, snapshot.info.encoder_id, device)
        if other is not None:
            with open_catalogue(other, encoder_id=None if encoder_b is None else encoder_b.encoder_id) as second:
                sides = common_sides(snapshot, second.snapshot())
        else:
            assert encoder_b is not None  # noqa: S101 - it was checked above
            sides = encoded_sides(snapshot, catalogue, encoder_b, console)
    asking = _rows(sides, split)
    result = compare(sides.a, sides.b, sides.products, asking)
    origin = about(snapshot, split)
    found: dict[str, Any] = {
        "protocol": PROTOCOL,
        "split": origin["split"],
        "catalogue_version": origin["catalogue_version"],
        "source": origin["source"],
        "a": {"encoder_id": origin["encoder_id"]},
        "b": {"encoder_id": sides.b_id},
        "verdict": verdict(result["measures"][0]["difference"]),
        **result,
    }
    if lines is None or halves is None or encoder_a is None or encoder_b is None:
        return found | {"side_by_side": _titles_side_by_side(sides, asking)}
    return found | _own_results(sides, encoder_a, encoder_b, lines, halves)


def own_queries(path: Path) -> list[str] | list[JudgedQuery | Drawn]:
    """Return the texts of a file, one a line and each once, or judged queries where its lines are JSON objects.

    Raises:
        InputError: it cannot be read, has no query, too many, or one that is too long.
    """
    if path.is_dir():
        return read_queries(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); give a file of queries in UTF-8, one a line") from error
    texts = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if texts and all(line.startswith("{") for line in texts):
        return read_queries(path)
    if not texts:
        raise InputError(f"{path} has no queries; write one a line")
    if len(texts) > MOST_QUERIES:
        raise InputError(f"{path} has {len(texts):,} queries; give {MOST_QUERIES:,} at most")
    if long := next((line for line in texts if len(line) > LONGEST_QUERY), None):
        raise InputError(
            f"{path}: {long[:40]!r}... has {len(long):,} characters; a query has {LONGEST_QUERY:,} at most"
        )
    return texts


def _encoder_of(checkpoint: Path, encoder_id: str, device: str) -> Encoder:
    """Return the encoder that made the catalogue.

    Raises:
        InputError: the checkpoint is of another one.
    """
    encoder = load_encoder(checkpoint, device)
    if encoder.encoder_id != encoder_id:
        raise InputError(
            f"{checkpoint} is encoder {encoder.encoder_id}, and the catalogue was made by {encoder_id}; give that one "
            "with --checkpoint, to encode the queries"
        )
    return encoder


def _rows(sides: Sides, split: str) -> np.ndarray:
    """Return the positions of the products that ask.

    Raises:
        InputError: the split has none that both sides have.
    """
    rows = np.array([at for at, one in enumerate(sides.products) if split in ("all", one.split)], dtype=np.int64)
    if not len(rows):
        raise InputError(f"no product that both sides have is in split {split!r}; measure with --split all")
    return rows


def _titles_side_by_side(sides: Sides, asking: np.ndarray) -> list[dict[str, Any]]:
    """Return the results of some titles, drawn by a seed."""
    rows = list({title_key(sides.products[row].title): int(row) for row in asking[::-1].tolist()}.values())
    drawn = sorted(random.Random(SEED).sample(rows, min(TITLES_SHOWN, len(rows))))  # noqa: S311 - no secret
    titles = [sides.products[row].title for row in drawn]
    found = [first_results(side.texts[drawn], side, SHOWN) for side in (sides.a, sides.b)]
    return _side_by_side(sides, titles, *found)


def _side_by_side(
    sides: Sides, texts: Sequence[str], found_a: Sequence[Sequence[int]], found_b: Sequence[Sequence[int]]
) -> list[dict[str, Any]]:
    def shown(rows: Sequence[int]) -> list[dict[str, str]]:
        return [{"id": sides.products[row].id, "title": sides.products[row].title} for row in rows]

    return [{"query": text, "a": shown(a), "b": shown(b)} for text, a, b in zip(texts, found_a, found_b, strict=True)]


def _own_results(
    sides: Sides,
    encoder_a: TextEncoder,
    encoder_b: TextEncoder,
    lines: Sequence[str | JudgedQuery | Drawn],
    halves: Sequence[str],
) -> dict[str, Any]:
    """Return what both sides find for the shop's queries, and how they differ where something is right for each."""
    # Words beside a product are no query by themselves.
    lines = [line for line in lines if not (isinstance(line, JudgedQuery) and line.like)]
    judged = [line for line in lines if not isinstance(line, str)]
    wanted = judged_queries(judged, halves, sides.products) if judged else []
    texts = [query.text for query, _ in wanted] or [line for line in lines if isinstance(line, str)]

    def results(side: Side, encoder: TextEncoder) -> list[list[int]]:
        return first_results(encoder.encode_text(texts), side, SHOWN)

    found = results(sides.a, encoder_a), results(sides.b, encoder_b)
    answer: dict[str, Any] = {"side_by_side": _side_by_side(sides, texts, *found)}
    if scored := [at for at, (_, relevant) in enumerate(wanted) if relevant]:
        sums_a, sums_b = (_judged_sums(sides, rows, wanted, scored) for rows in found)
        figures = paired_figures((sums_a, sums_b), np.ones(len(scored)))
        answer["judged"] = {
            "queries": len(scored),
            "measures": [
                {"direction": "queries", "right": "judged", "measure": name, **one} for name, one in figures.items()
            ],
        }
    return answer


def _judged_sums(
    sides: Sides,
    found: Sequence[Sequence[int]],
    wanted: Sequence[tuple[JudgedQuery, frozenset[str]]],
    scored: Sequence[int],
) -> dict[str, np.ndarray]:
    """Return the measures (Q,) of the judged queries for which something is right."""
    rows = [measures([sides.products[row].id for row in found[at]], wanted[at][1]) for at in scored]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}

"""From the rows of any layout to a data set: which rows are usable, what is repaired, and the fingerprint.

Knows no layout and opens nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from common import DataError
from index import MAX_NAMES, MAX_PICTURES, MAX_TITLE, Value, beyond, is_id, texts_of
from training.data.dataset import Dataset, Item, Problem, Report
from training.data.pictures import Picture

ACCEPTED = (
    "accepted are: a table (.csv, .tsv, .xlsx, .json, .jsonl, .parquet, .xml) with columns id, image, text and its "
    "pictures beside it; a folder or .zip with styles.csv and images/<id>.jpg (Kaggle); a folder of .parquet files or "
    "one with metadata.csv (Hugging Face); a folder or .zip of pictures alone, whose names are their titles"
)
"""What can be read, in words: the end of many an error message."""


class Row(NamedTuple):
    """One row of a data set, cleaned but not yet checked.

    `images` are the cells that name its pictures, as they were written; `problems` were met while it was read.
    """

    where: str
    id: str
    title: str
    images: tuple[str, ...]
    attributes: Mapping[str, Value]
    problems: tuple[Problem, ...] = ()


UNUSABLE = frozenset({Problem.SHORT, Problem.UNREADABLE, Problem.NOT_JSON})
"""Problems of reading that leave nothing of a row."""
_SCIENTIFIC = re.compile(r"\d([.,]\d+)?[eE]\+?\d+")


def collect(found: Iterable[tuple[Row, Sequence[Picture | Problem]]], report: Report) -> tuple[list[Item], str]:
    """Return the usable rows (a new id, a picture, a title) as items, and their fingerprint; count the others."""
    items: list[Item] = []
    seen: set[str] = set()
    names: set[str] = set()
    digest = hashlib.blake2b(digest_size=16)
    for row, candidates in found:
        report.rows += 1
        unusable = bool(UNUSABLE.intersection(row.problems))
        if row.id and row.id not in seen:
            report.left_out.add(row.id)
        for problem in row.problems:
            report.count(problem, row.where if unusable else row.id or row.where)
        if unusable:
            continue
        title = row.title or _make_title(row.attributes)
        pictures = [one for one in candidates if isinstance(one, Picture)]
        faults = [one for one in candidates if isinstance(one, Problem)]
        if not row.id:
            report.count(Problem.NO_ID, row.where)
        elif row.id in seen:
            report.count(Problem.DUPLICATE, row.id)
        elif not pictures:
            report.count(faults[0] if faults else Problem.NO_IMAGE, row.id)
        elif not is_id(row.id):
            report.count(Problem.BAD_ID, row.id)
        elif not title:
            report.count(Problem.NO_TITLE, row.id)
        else:
            attributes = row.attributes
            if over := beyond(attributes):
                attributes = {name: value for name, value in attributes.items() if name not in over}
            for problem, met in (
                (Problem.BEYOND, bool(over)),
                (Problem.LONG_TITLE, len(title) > MAX_TITLE),
                (Problem.TITLE_MADE, not row.title),
                (Problem.FURTHER, bool(faults)),
                (Problem.SCIENTIFIC, _SCIENTIFIC.fullmatch(row.id) is not None),
                (Problem.TOO_MANY, len(pictures) > MAX_PICTURES),
            ):
                if met:
                    report.count(problem, row.id)
            seen.add(row.id)
            report.left_out.discard(row.id)
            title = title[:MAX_TITLE].rstrip()
            names |= attributes.keys()
            if len(names) > MAX_NAMES:
                raise DataError(
                    f"the products up to {row.where} have more than {MAX_NAMES:,} different attributes; leave out the"
                    " columns that nobody filters by"
                )
            first, *more = pictures[:MAX_PICTURES]
            items.append(Item(row.id, title, attributes, first.read, tuple(one.read for one in more)))
            identity: list[Any] = [row.id, title, sorted(attributes.items()), first.stamp]
            if more:
                identity.append([one.stamp for one in more])
            digest.update(json.dumps(identity).encode())
    return items, digest.hexdigest()


def _make_title(attributes: Mapping[str, Value]) -> str:
    """Return a title such as "Men Navy Blue Shirts", or "" where the attributes do not name the kind of product."""
    known = {name.casefold(): " ".join(texts_of(value)) for name, value in attributes.items()}
    nouns = ("articletype", "subcategory", "category", "mastercategory")
    noun = next((known[name] for name in nouns if name in known), "")
    colour = next((known[name] for name in ("basecolour", "colour", "color") if name in known), "")
    return " ".join(filter(None, (known.get("gender"), colour, noun))) if noun else ""


def finish(
    path: Path,
    layout: str,
    items: list[Item],
    report: Report,
    fingerprint: str,
    images: int,
    orphans: Sequence[str] = (),
) -> Dataset:
    """Return the data set of these items, with its report completed.

    Args:
        path: of the data set; its stem is the name.
        layout: in a word.
        items: the usable rows.
        report: of the rows; pictures are added.
        fingerprint: of the items.
        images: pictures found.
        orphans: names of pictures without a row.

    Raises:
        DataError: no item is left; says which problems the rows have.
    """
    for name in orphans:
        report.count(Problem.NO_ROW, name)
    report.images = images
    report.usable = len(items)
    if not items:
        met = "; ".join(f"{what}: {count:,}" for what, count, _, _ in report.table())
        raise DataError(
            f"{path} ({layout}) has {report.rows:,} rows and {images:,} images but no usable pair"
            f"{f' ({met})' if met else ''}; {_advice(report)}"
        )
    path = path.absolute()
    return Dataset(path.name if path.is_dir() else path.stem, path, layout, items, report, fingerprint)


def _advice(report: Report) -> str:
    """Return what helps where no row is usable: it depends on what most rows lack."""
    if not report.rows:
        return "it has no rows below the names of the columns"
    if report.counts[Problem.PASSWORD]:
        return "the archive has a password: unpack it with that and pass the folder"
    if report.counts[Problem.URL]:
        return "a data set needs its pictures as files: fetch them with `vitrine data mirror TABLE --out FOLDER`"
    if report.counts[Problem.NO_IMAGE] and report.counts[Problem.NO_ROW]:
        row, image = report.examples[Problem.NO_IMAGE][0], report.examples[Problem.NO_ROW][0]
        return f"the row of id {row}, say, names no picture that is there, and no row names {image}; {ACCEPTED}"
    return ACCEPTED

"""From the rows of any layout to a data set: which rows are usable, what is repaired, and the fingerprint.

Knows no layout and opens nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from common import DataError
from index import MAX_NAMES, is_id
from training.data.dataset import Dataset, Item, Problem, Report
from training.data.pictures import Picture

ACCEPTED = (
    "accepted are: a folder or .zip with styles.csv and images/<id>.jpg (Kaggle); a .parquet file or a folder of them "
    "with columns id, productDisplayName or text, image (Hugging Face); a .csv with columns id, image, text"
)
"""What can be read, in words: the end of many an error message."""


class Row(NamedTuple):
    """One row of a data set, cleaned but not yet checked; `image` is the cell of a table with such a column."""

    where: str
    id: str
    title: str
    image: str
    attributes: dict[str, str]


def collect(pairs: Iterable[tuple[Row, Picture | Problem]], report: Report) -> tuple[list[Item], str]:
    """Return the usable rows (a new id, a picture, a title) as items, and their fingerprint; count the others."""
    items: list[Item] = []
    seen: set[str] = set()
    names: set[str] = set()
    digest = hashlib.blake2b(digest_size=16)
    for row, picture in pairs:
        report.rows += 1
        title = row.title or _make_title(row.attributes)
        if not row.id:
            report.count(Problem.NO_ID, row.where)
        elif row.id in seen:
            report.count(Problem.DUPLICATE, row.id)
        elif isinstance(picture, Problem):
            report.count(picture, row.id)
        elif not is_id(row.id):
            report.count(Problem.BAD_ID, row.id)
        elif not title:
            report.count(Problem.NO_TITLE, row.id)
        else:
            if not row.title:
                report.count(Problem.TITLE_MADE, row.id)
            seen.add(row.id)
            names |= row.attributes.keys()
            if len(names) > MAX_NAMES:
                raise DataError(
                    f"the products up to {row.where} have more than {MAX_NAMES:,} different attributes; leave out the"
                    " columns that nobody filters by"
                )
            items.append(Item(row.id, title, row.attributes, picture.read))
            identity = [row.id, title, sorted(row.attributes.items()), picture.stamp]
            digest.update(json.dumps(identity).encode())
    return items, digest.hexdigest()


def _make_title(attributes: Mapping[str, str]) -> str:
    """Return a title such as "Men Navy Blue Shirts", or "" where the attributes do not name the kind of product."""
    known = {name.casefold(): value for name, value in attributes.items()}
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
            f"{f' ({met})' if met else ''}; {ACCEPTED}"
        )
    path = path.absolute()
    return Dataset(path.name if path.is_dir() else path.stem, path, layout, items, report, fingerprint)

"""Small data sets of one table and a few pictures, for the tests of tables and names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.training.dirty import counts, picture
from training.data import Dataset, Problem, open_dataset


def shop(folder: Path, files: dict[str, str | bytes], pictures: Sequence[str] = ("a.jpg", "b.jpg")) -> Path:
    """Write the files and pictures, and return the folder."""
    for seed, name in enumerate(pictures):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(seed))
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def titles(dataset: Dataset) -> dict[str, str]:
    return {item.id: item.title for item in dataset.items}


def opened(folder: Path, files: dict[str, str | bytes], pictures: Sequence[str] = ("a.jpg", "b.jpg")) -> Dataset:
    return open_dataset(shop(folder, files, pictures))


def problems(dataset: Dataset) -> dict[Problem, tuple[int, str]]:
    """Return the problems met, but for pictures that no row names."""
    return {problem: met for problem, met in counts(dataset.report).items() if problem is not Problem.NO_ROW}

"""Decoding in threads: order, bounds, early closing, faults, and reads of one zip from many threads."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from common import DataError, ImageError
from models import decode_image
from tests.training.dirty import HEADER, IMAGES, STYLES, TITLES, picture, row, write_zip
from training.data import Dataset, Item, Report, decode_pictures, inspect, open_dataset


@pytest.fixture
def dirty(tmp_path: Path) -> Dataset:
    return open_dataset(write_zip(tmp_path / "shop.zip", STYLES, IMAGES))


def whole(data: bytes) -> bytes:
    return decode_image(data).tobytes()


def one_by_one(dataset: Dataset) -> Iterator[tuple[int, bytes, bytes]]:
    for index, item in enumerate(dataset.items):
        try:
            data = item.read()
            yield index, data, whole(data)
        except (DataError, ImageError):
            continue


@pytest.mark.parametrize(("workers", "ahead"), [(1, 1), (2, 3), (4, 256)])
def test_decoding_in_threads_gives_what_a_plain_loop_gives(dirty: Dataset, workers: int, ahead: int) -> None:
    assert list(decode_pictures(dirty, whole, workers=workers, ahead=ahead)) == list(one_by_one(dirty))


def test_decoding_twice_counts_once(dirty: Dataset) -> None:
    for _ in range(3):
        assert sum(1 for _ in decode_pictures(dirty, whole)) == len(TITLES) - 2
    first = inspect(dirty).to_json()
    assert first["usable"] == len(TITLES) - 2
    assert first["problems"]["undecodable"]["count"] == 2
    assert inspect(dirty).to_json() == first


def counting(number: int, data: bytes, delay: float = 0.0) -> tuple[Dataset, list[int]]:
    reads: list[int] = []

    def read(n: int) -> bytes:
        reads.append(n)
        time.sleep(delay)
        return data

    items = [Item(str(n), "A title", {}, partial(read, n)) for n in range(number)]
    return Dataset("counting", Path(), "none", items, Report(usable=number), ""), reads


def decoding_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("data")]


def test_no_more_than_ahead_pictures_are_in_flight() -> None:
    dataset, reads = counting(1_000, picture())
    pictures = decode_pictures(dataset, whole, workers=2, ahead=8)
    for taken in range(1, 4):
        next(pictures)
        time.sleep(0.05)
        assert len(reads) <= taken + 8
    pictures.close()


def test_closing_early_stops_the_threads_and_their_queue() -> None:
    dataset, reads = counting(1_000, picture(), delay=0.02)
    pictures = decode_pictures(dataset, whole, workers=2, ahead=100)
    next(pictures)
    pictures.close()
    assert decoding_threads() == []
    assert len(reads) < 50


def test_an_exception_of_the_caller_is_raised_and_no_bad_picture() -> None:
    dataset, _ = counting(100, picture())

    def faulty(data: bytes) -> None:
        raise ValueError("a fault of the caller")

    with pytest.raises(ValueError, match="a fault of the caller"):
        list(decode_pictures(dataset, faulty))
    assert not dataset.report.counts
    assert decoding_threads() == []


def test_a_zip_is_read_from_many_threads_at_once(tmp_path: Path) -> None:
    images = {f"{n}.jpg": random.Random(n).randbytes(500) for n in range(200)}
    rows: list[str | bytes] = [HEADER, *(row(n, f"Shirt {n}") for n in range(200))]
    dataset = open_dataset(write_zip(tmp_path / "shop.zip", rows, images))
    wrong: list[str] = []

    def read_all(seed: int) -> None:
        items = random.Random(seed).sample(dataset.items, len(dataset.items))
        wrong.extend(item.id for item in items if item.read() != images[f"{item.id}.jpg"])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read_all, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_inspect_reports_progress(dirty: Dataset) -> None:
    steps: list[tuple[int, int]] = []
    inspect(dirty, lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1] == (len(TITLES), len(TITLES))

"""Files under a service may be cut or overwritten: what was opened is a copy that nobody else can reach."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index import CatalogueWriter, IndexRequirements, make_index
from index.ann.private_files import private_files
from tests.index.entries import INFO, entry
from tests.tools.disk import full_disk
from tests.tools.root import ROOT

SEARCHED = """
import sys
from pathlib import Path
import numpy as np
from index import Catalogue, SearchQuery, open_index

folder = Path(sys.argv[1])
index = open_index(Catalogue.open(folder))

def answers():
    queries = np.eye(16, dtype=np.float32)
    return [
        str(index.search(side, queries, [SearchQuery(k=20, facets=("colour",))] * 16)) for side in ("images", "texts")
    ] + [str(index.products), str(index.understand("rotes kleid")), str(index.suggest("kle"))]

before = answers()
for file in next(folder.glob("search-*")).iterdir():
    if sys.argv[2] == "cut":
        open(file, "r+b").truncate(0)
    else:
        size = file.stat().st_size
        with open(file, "r+b") as opened:
            opened.write(b"\\xa5" * size)
assert answers() == before
print("answered")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "catalogue"
    with CatalogueWriter(folder, INFO) as writer:
        writer.add(entry(number) for number in range(300))
    return folder


@pytest.mark.parametrize("harm", ["cut", "overwritten"])
def test_a_search_outlives_its_files(folder: Path, harm: str) -> None:
    """Cutting `images.npy` ended the service (SIGBUS), and flipped bits were searched as they were."""
    make_index(folder, IndexRequirements(budget_mb=0.03, recall=0.9))
    command = [sys.executable, "-c", SEARCHED, str(folder), harm]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout == "answered\n", (done.returncode, done.stderr)


@pytest.mark.parametrize("room", [None, 0], ids=["in a file", "in memory"])
def test_copies_are_what_was_hashed(tmp_path: Path, room: int | None) -> None:
    """Where no file can take them, because the disk is full or read-only, the copies are in memory."""
    given: dict[str, np.ndarray] = {
        "a": np.arange(5000, dtype=np.int64),
        "b": np.zeros((0, 4), dtype=np.float32),
        "c": np.ones((3, 2)),
    }
    for name, one in given.items():
        np.save(tmp_path / f"{name}.npy", one)
    (tmp_path / "empty").touch()
    paths = sorted(tmp_path.iterdir())
    if room is None:
        files = private_files(paths, tmp_path)
    else:
        with full_disk(room):
            files = private_files(paths, tmp_path)
    assert (files.path is None) == (room is not None or sys.platform != "linux")
    for path in paths:
        path.write_bytes(b"")
    for name, one in given.items():
        found = files.array(f"{name}.npy")
        np.testing.assert_array_equal(found, one)
        assert found.dtype == one.dtype
        assert not (found.size and found.flags.writeable)
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in paths]
    assert files["empty"].nbytes == 0
    with pytest.raises(ValueError, match="magic"):
        files.array("empty")
    with pytest.raises(OSError, match="No such file"):
        private_files([tmp_path / "none"], tmp_path)

"""Small pictures on the disk: kept within a bound, private, and never the reason that a request fails."""

from __future__ import annotations

import os
import shutil
import stat
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.live.picture_cache import FREE_BYTES, PictureCache

MOST = 1_000_000


def key(number: int) -> str:
    return f"{number:032x}-320-webp-1"


def files_of(folder: Path) -> list[Path]:
    return [file for file in folder.glob("??/*") if not file.name.startswith(".")]


def room_taken(folder: Path) -> int:
    return sum(file.stat().st_size for file in files_of(folder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "some" / "cache"


def test_what_is_kept_is_found_by_other_processes_and_after_a_restart(folder: Path) -> None:
    PictureCache(folder, MOST).put(key(1), b"a picture")
    assert PictureCache(folder, MOST).get(key(1)) == b"a picture"
    assert PictureCache(folder, MOST).get(key(2)) is None


def test_what_was_not_used_for_longest_goes_first(folder: Path) -> None:
    cache = PictureCache(folder, MOST)
    for number in range(60):
        cache.put(key(number), bytes([number]) * 19_000)
        if number == 20:
            long_ago = time.time() - 10_000
            for file in files_of(folder):
                os.utime(file, (long_ago, long_ago))
            assert cache.get(key(3)) == bytes([3]) * 19_000  # used again
        assert room_taken(folder) <= MOST
    assert cache.get(key(59)) is not None
    assert cache.get(key(3)) is not None
    assert cache.get(key(0)) is None
    assert room_taken(folder) >= MOST / 2


def test_several_processes_keep_to_one_bound(folder: Path) -> None:
    caches = [PictureCache(folder, MOST) for _ in range(4)]

    def fill(number: int) -> None:
        for step in range(40):
            caches[number].put(key(1000 * number + step), b"x" * 15_000)

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert room_taken(folder) <= MOST


def test_files_are_for_this_user_only(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    PictureCache(folder, MOST).put(key(1), b"a picture")
    (file,) = files_of(folder)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (folder, file.parent, file)]
    assert modes == [0o700, 0o700, 0o600]


def test_a_folder_that_others_can_write_is_not_used(folder: Path) -> None:
    """They could put pictures of their own into it."""
    PictureCache(folder, MOST).put(key(1), b"a picture")
    folder.chmod(0o777)
    cache = PictureCache(folder, MOST)
    assert cache.get(key(1)) is None
    cache.put(key(2), b"another")
    assert len(files_of(folder)) == 1


@pytest.mark.parametrize("harm", [b"", b"short", b"x" * 500])
def test_a_damaged_file_is_not_shown(folder: Path, harm: bytes) -> None:
    cache = PictureCache(folder, MOST)
    cache.put(key(1), b"a picture")
    (file,) = files_of(folder)
    file.write_bytes(harm)
    assert cache.get(key(1)) is None
    cache.put(key(1), b"a picture")
    assert cache.get(key(1)) == b"a picture"


def test_nothing_is_kept_where_there_is_no_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = PictureCache(folder, MOST)
    full = SimpleNamespace(f_bavail=FREE_BYTES // 4096 - 1, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    cache.put(key(1), b"a picture")
    assert cache.get(key(1)) is None
    assert not files_of(folder)


def test_trouble_on_the_disk_fails_nothing(folder: Path) -> None:
    cache = PictureCache(folder, MOST)
    cache.put(key(1), b"a picture")
    shutil.rmtree(folder)
    assert cache.get(key(1)) is None
    folder.write_bytes(b"a file in its place")
    cache.put(key(1), b"a picture")
    assert cache.get(key(1)) is None


def test_zero_megabytes_keep_nothing(folder: Path) -> None:
    cache = PictureCache(folder, 0)
    cache.put(key(1), b"a picture")
    assert cache.get(key(1)) is None
    assert not folder.exists()


def test_what_killed_writes_left_is_cleared(folder: Path) -> None:
    cache = PictureCache(folder, MOST)
    cache.put(key(1), b"a picture")
    left = files_of(folder)[0].with_name(".left")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    PictureCache(folder, MOST).put(key(2), b"another")
    assert not left.exists()

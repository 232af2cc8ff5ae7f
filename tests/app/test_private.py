"""Where reads need a key, the files of the catalogue are not for other users of the machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from app.live import make_new_files_private
from app.settings import Settings
from tests.app.helpers import body, opened, put
from tests.tools.shop import DrawnEncoder, until, write_catalogue


def modes(folder: Path) -> dict[str, int]:
    found = {path: path.lstat().st_mode for path in (folder, *folder.rglob("*"))}
    return {path.name: stat.S_IMODE(mode) for path, mode in found.items() if not stat.S_ISLNK(mode)}


def test_a_keyed_catalogue_is_for_owner_and_group(live_folder: Path) -> None:
    """Catalogue files were 0644 also when reads needed a key."""
    live_folder.chmod(0o755)
    for path in live_folder.iterdir():
        path.chmod(0o644)
    with opened(live_folder, reads="keyed") as client:
        assert put(client, "new", body("red", "bag")).status_code == 201  # now there is a log of SQLite's, too
        assert any(name.endswith("-wal") for name in modes(live_folder))
        assert not [name for name, mode in modes(live_folder).items() if mode & 0o027]
        write_catalogue(live_folder, DrawnEncoder())  # by somebody who knows nothing of keys
        assert modes(live_folder)[live_folder.name] == 0o750
        until(lambda: not [name for name, mode in modes(live_folder).items() if mode & 0o027])


def test_an_open_catalogue_keeps_its_modes(live_folder: Path) -> None:
    live_folder.chmod(0o755)
    with opened(live_folder):
        assert modes(live_folder)[live_folder.name] == 0o755


def test_new_files_are_private_only_where_reads_need_a_key() -> None:
    before = os.umask(0o022)
    try:
        make_new_files_private(Settings.read())
        assert os.umask(0o022) == 0o022
        make_new_files_private(Settings.read(reads="keyed"))
        assert os.umask(0o022) == 0o027
    finally:
        os.umask(before)


def test_files_of_another_owner_are_named_in_the_log(
    live_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    live_folder.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    with opened(live_folder, reads="keyed"):
        pass
    assert "chmod -R o-rwx" in caplog.text

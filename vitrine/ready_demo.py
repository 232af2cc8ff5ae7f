"""The demo that was made before, such as the one in the image: taken instead of making one, which needs training."""

from __future__ import annotations

import shutil
from pathlib import Path

from common import atomic_folder
from vitrine.places import CONFIG_FILE, setting

DEMO_SETTING = "VITRINE_DEMO"
"""Names a folder with `checkpoint/` and `catalogue/`, which is only read."""


def ready_demo(folder: Path) -> Path | None:
    """Return the folder with the demo that is ready to be served; None: VITRINE_DEMO names none, so it has to be made.

    It is copied to `folder` once, where it can be changed. Where nothing can be written, it is served where it is.
    """
    named = setting(DEMO_SETTING)
    if named is None or not _is_whole(Path(named)):
        return None
    if _is_whole(folder):
        return folder
    try:
        with atomic_folder(folder) as copy:
            shutil.copytree(named, copy, symlinks=True, dirs_exist_ok=True)
    except OSError:
        return Path(named)
    return folder


def _is_whole(folder: Path) -> bool:
    return (folder / "checkpoint" / CONFIG_FILE).is_file() and (folder / "catalogue").is_dir()

"""What another Python process needs to import our modules, in a clone as in an installed wheel."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CODE = str(Path(__file__).resolve().parents[__name__.count(".")])
"""The folder that our modules are imported from; in a clone it may be the working folder."""


def safe_path() -> str:
    """Return `sys.path` as a value of PYTHONPATH, without the working folder and names that are relative to it.

    A process that has it imports what this one can, and nothing that lies where the command happened to be started. The
    folder of our own packages stays.
    """
    foreign = {os.path.realpath(os.curdir)} - {CODE}
    return os.pathsep.join(
        entry for entry in sys.path if os.path.isabs(entry) and os.path.realpath(entry) not in foreign
    )

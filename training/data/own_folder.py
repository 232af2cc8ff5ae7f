"""Whether a command may write into a folder: nothing of the user's own is ever overwritten. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from common import ConfigError, InputError

_OF_THE_SYSTEM = frozenset({"lost+found"})


def refuse_others(folder: Path, own: Collection[str], option: str, error: type[InputError] = ConfigError) -> None:
    """Refuse a folder that holds something else than `own`; hidden files do not count.

    Args:
        folder: where a command is to write; it need not exist.
        own: names of what the command may have written there before.
        option: how the user gave it, for the message.
        error: what is raised.

    Raises:
        InputError: of the type `error`; there is something else, or it is a file.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise error(f"{folder} is a file; give {option} a folder")
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    others = [name for name in names if name not in own and name not in _OF_THE_SYSTEM]
    if others:
        raise error(
            f"{folder} holds {', '.join(others[:3])}{', …' if len(others) > 3 else ''}, which this command did not "
            f"write; give {option} a new or an empty folder, so that no file of yours is overwritten"
        )

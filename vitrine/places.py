"""Where things are: the shipped checkpoint, the artefacts, the catalogue; and which version this is.

What comes with the code is found beside the code, in a clone as in an installed wheel; what a user makes is in
`artefacts/` of the working folder. Knows no command, and imports nothing that is slow.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from common import ArtefactError

if TYPE_CHECKING:
    from index import Location

ARTEFACTS = Path("artefacts")
"""What commands write and look for first, in the working folder."""
DEMO = ARTEFACTS / "demo"
SHIPPED = "minilm-dinov2"
"""Name of the checkpoint that comes with the code."""
BESIDE = Path("checkpoints")
"""Where it is, beside the code."""
CHECKPOINT_SETTING, CATALOGUE_SETTING = "VITRINE_CHECKPOINT", "VITRINE_CATALOGUE"
CONFIG_FILE = "config.json"
"""What every checkpoint folder holds."""
HERE = Path(__file__).resolve().parent
COMMIT_FILE = HERE / "commit.txt"
"""Which commit a wheel or a source distribution was made from; the build writes it."""
GIT_S = 60.0
"""Longest that git may take to name the commit of a clone, in seconds. On a busy machine it took more than 5: for
`--dirty` it may read every file again."""


class Version(NamedTuple):
    """Which Vitrine this is."""

    number: str
    """As in pyproject.toml, such as 0.1.0."""
    commit: str | None
    """Of the clone, or of the clone that the wheel was built in, with `-dirty` after changes; None: not known."""
    folder: Path
    """The folder of the code: a clone, or where packages are installed."""


def clone() -> Path | None:
    """Return the repository that this code lies in; None when it is installed from a wheel."""
    return HERE.parent if (HERE.parent / "pyproject.toml").is_file() and (HERE.parent / "common.py").is_file() else None


def shipped_checkpoint() -> Path | None:
    """Return the folder of the checkpoint that comes with the code: of the wheel, or of the clone; None: it has none.

    It is a path for people: relative when it is below the working folder.
    """
    beside = clone()
    for folder in (HERE / BESIDE, *([] if beside is None else [beside / BESIDE])):
        if (folder / SHIPPED / CONFIG_FILE).is_file():
            return _short(folder / SHIPPED)
    return None


def find_checkpoint(given: Path) -> Path:
    """Return a checkpoint folder that was named: the path as it is, or the shipped one by its name.

    checkpoints/NAME, the path from the root of a clone, is answered in every folder.
    """
    shipped = None if given.exists() or given not in (Path(SHIPPED), BESIDE / SHIPPED) else shipped_checkpoint()
    return shipped or given


def spoken(checkpoint: Path) -> str:
    """Return what a message calls a checkpoint: the shipped one by its name, for nobody typed where it is."""
    return SHIPPED if checkpoint == shipped_checkpoint() else str(checkpoint)


def checkpoints() -> list[Path]:
    """Return the checkpoint folders that a command without --checkpoint may mean, in the order they are preferred.

    VITRINE_CHECKPOINT alone when it is set; else that of the last training here, the shipped one and the demo's.
    """
    if (set_one := setting(CHECKPOINT_SETTING)) is not None:
        return [find_checkpoint(Path(set_one))]
    places = [ARTEFACTS / "checkpoint", shipped_checkpoint(), DEMO / "checkpoint"]
    return [place for place in places if place is not None and (place / CONFIG_FILE).is_file()]


def own_checkpoint(given: Path | None) -> Path:
    """Return the checkpoint that encodes new products: `given`, the setting's, the last one trained here, the shipped.

    Raises:
        ArtefactError: there is none.
    """
    if given is not None:
        return find_checkpoint(given)
    found = [place for place in checkpoints() if place != DEMO / "checkpoint"]
    if not found:
        raise no_checkpoint()
    return found[0]


def no_checkpoint() -> ArtefactError:
    """Return the error of a machine without any checkpoint."""
    return ArtefactError(
        f"no checkpoint here (looked for {ARTEFACTS / 'checkpoint'} in {Path.cwd()}, and for the one that comes with "
        f"Vitrine); name one with --checkpoint or {CHECKPOINT_SETTING}, or install Vitrine again"
    )


def find_catalogue(given: str | None, *, from_setting: bool = True) -> Location | None:
    """Return where the catalogue is that a command means; None: none is named, and none is here.

    `given`, else VITRINE_CATALOGUE unless `from_setting` is false, else artefacts/catalogue, else the demo's. One that
    is named need not exist.

    Raises:
        InputError: what is named is no place.
    """
    named = given if given is not None else setting(CATALOGUE_SETTING) if from_setting else None
    if named is not None:
        from index import parse_location

        return parse_location(named)
    places = (ARTEFACTS / "catalogue", DEMO / "catalogue")
    return next((place for place in places if place.exists()), None)


def catalogue(given: str | None, *, from_setting: bool = True) -> Location:
    """Return what `find_catalogue` finds.

    Raises:
        ArtefactError: there is none.
    """
    found = find_catalogue(given, from_setting=from_setting)
    if found is None:
        drawn = "" if find_spec("torch") else " (with pip install 'vitrine[train]')"
        raise ArtefactError(
            f"no catalogue here (looked for {ARTEFACTS / 'catalogue'} and {DEMO / 'catalogue'} in {Path.cwd()}): "
            f"`vitrine demo` makes one to try{drawn}, `vitrine index PHOTOS` one of your own products"
        )
    return found


def setting(name: str) -> str | None:
    """Return a variable of the environment; None where it is unset or empty."""
    return os.environ.get(name) or None


def version() -> Version:
    """Return which Vitrine this is. In a clone git is asked for the commit."""
    beside = clone()
    if beside is None:
        from importlib import metadata

        return Version(metadata.version("vitrine"), _commit_noted(), HERE)
    import tomllib

    number = tomllib.loads((beside / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return Version(number, _commit_of(beside) or _commit_noted(), beside)


def _commit_noted() -> str | None:
    """Return the commit that the build of a wheel or of a source distribution wrote down."""
    return COMMIT_FILE.read_text(encoding="ascii").strip() or None if COMMIT_FILE.is_file() else None


def _commit_of(repository: Path) -> str | None:
    """Return the commit that is checked out in a folder; None where it is no repository, or there is no git."""
    if not (repository / ".git").exists():
        return None
    command = ["git", "--no-optional-locks", "-C", str(repository)]
    command += ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GIT_S)  # noqa: S603 - ours
        return said.stdout.strip() or None
    return None


def _short(path: Path) -> Path:
    """Return a path relative to the working folder when it is below it."""
    with suppress(ValueError, OSError):
        return path.relative_to(Path.cwd())
    return path

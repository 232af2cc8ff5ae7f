"""Options that several commands share, and their defaults: which checkpoint and catalogue a command means."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common import ArtefactError, InputError, atomic_file, write_json
from vitrine.cli.values import PICTURE_PLACES, device_option, one_of
from vitrine.places import catalogue, checkpoints, find_checkpoint, no_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from index import Location, Pictures

LAYOUTS = (
    "A table (.csv, .tsv, .xlsx, .json, .jsonl, .xml, .parquet) with its pictures beside it; a folder or .zip of "
    "these, of Kaggle's layout (styles.csv, images/), of Hugging Face's (metadata.csv, .parquet shards), or of "
    "pictures alone, whose names are their titles."
)
"""The data sets that can be read."""

DataArgument = Annotated[Path | None, typer.Argument(metavar="DATA", help=LAYOUTS, show_default=False)]
DataOption = Annotated[Path | None, typer.Option("--data", metavar="DATA", help="The data set, as an option.")]
Device = Annotated[str, device_option()]
OptionalDevice = Annotated[str | None, device_option("auto, cpu, cuda or cuda:N. [default: auto]")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output instead of a table.")]
DiscardEdits = Annotated[
    bool, typer.Option("--discard-edits", help="Do without the edits that callers have made there until now.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="ROLE=COLUMN",
        help="Columns that their names do not tell: --map title=Name,image=Bild. Roles: id, title, image, "
        "images, group, description.",
        show_default=False,
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Make every finding in the data set an error, with exit code 2.")
]
PicturesOption = Annotated[
    str | None,
    one_of(
        "place for pictures",
        PICTURE_PLACES,
        help="Where pictures go: inside the catalogue's file, or folder: beside it. [default: folder from 256 kB]",
    ),
]
KeysOption = Annotated[
    Path | None, typer.Option(help="File of the keys. [default: VITRINE_KEYS, else artefacts/keys.json]")
]
CheckpointOption = Annotated[
    Path | None,
    typer.Option(
        help="Checkpoint folder. [default: VITRINE_CHECKPOINT, else the one that made the catalogue: of "
        "artefacts/checkpoint, the one that comes with Vitrine and the demo's]"
    ),
]
OWN_CHECKPOINT = (
    "Checkpoint folder. [default: VITRINE_CHECKPOINT, else artefacts/checkpoint, else the one that comes with Vitrine]"
)
OwnCheckpointOption = Annotated[Path | None, typer.Option(help=OWN_CHECKPOINT)]
OwnCheckpointArgument = Annotated[Path | None, typer.Argument(metavar="CHECKPOINT", help=OWN_CHECKPOINT)]
TowerOption = Annotated[str | None, typer.Option(help="Hub id or local folder instead of the config's.")]
CacheOption = Annotated[Path, typer.Option(help="Where decoded pixels and locked features are kept.")]
HostOption = Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")]
PortOption = Annotated[int | None, typer.Option(help="Port to listen on. [default: 8000]")]
CatalogueOption = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="Catalogue: a folder, or a postgresql:// URL. [default: VITRINE_CATALOGUE, else artefacts/catalogue, else "
        "the demo's]",
    ),
]


def picture_place(given: str | None) -> Pictures:
    """Return where a catalogue's pictures go; none is given: by their size."""
    return "size" if given is None else "inside" if given == "inside" else "folder"


def pair(checkpoint: Path | None, given: str | None) -> tuple[Path, Location]:
    """Return a checkpoint and a catalogue; when no checkpoint is named, the one that made the catalogue.

    When no checkpoint here made it, the first is returned; opening the two then fails with an error that names both
    encoders.

    Raises:
        ArtefactError: there is no catalogue, or no checkpoint.
    """
    place = catalogue(given)
    if checkpoint is not None:
        return find_checkpoint(checkpoint), place
    found = checkpoints()
    if not found:
        raise no_checkpoint()
    if len(found) == 1 or (isinstance(place, Path) and not place.exists()):
        return found[0], place
    from index import open_catalogue
    from models import encoder_id

    with open_catalogue(place) as opened:
        wanted = opened.info.encoder_id
    for folder in found:
        with suppress(ArtefactError, FileNotFoundError):  # a damaged checkpoint cannot be the one
            if encoder_id(folder) == wanted:
                return folder, place
    return found[0], place


def data_of(argument: Path | None, option: Path | None) -> Path | None:
    """Return the data set, which may be given as an argument or with --data.

    Raises:
        InputError: it is given twice.
    """
    if argument is not None and option is not None and argument != option:
        raise InputError(f"two data sets are given, {argument} and --data {option}; give one")
    return argument if argument is not None else option


def refuse(given: Mapping[str, object], why: str) -> None:
    """Refuse options that would be ignored.

    Raises:
        InputError: names those that are given.
    """
    names = [name for name, value in given.items() if value not in (None, False, [], "auto")]
    if names:
        raise InputError(f"{why}; leave out {' and '.join(names)}")


def refuse_own(checkpoint: Path | None, catalogue: str | None, device: str) -> None:
    """Refuse, beside --url, what says how a catalogue is opened here.

    Raises:
        InputError: names what is given.
    """
    own = {"--checkpoint": checkpoint, "--catalogue": catalogue, "--device": device}
    refuse(own, "--url asks a service, which has its own")


def key_alone() -> InputError:
    """Return the error of --key without --url."""
    return InputError("--key is for a service; give --url with it")


def needed_data(argument: Path | None, option: Path | None, command: str) -> Path:
    """Return the data set; `command` is what to type with it.

    Raises:
        InputError: it is given twice, or not at all.
    """
    data = data_of(argument, option)
    if data is None:
        raise InputError(f"no data set is given; type vitrine {command} DATA. {LAYOUTS}")
    return data


def write_figures(
    path: Path, result: Any, markdown: Callable[[Any], str], separated: Callable[[Any], str] | None = None
) -> None:
    """Write figures to `path`: as a table where it ends in .md, or .csv where there is such a table, else as JSON."""
    text = markdown if path.suffix == ".md" else separated if path.suffix == ".csv" else None
    if text is None:
        write_json(path, result)
        return
    with atomic_file(path) as beside:
        beside.write_text(text(result), encoding="utf-8")

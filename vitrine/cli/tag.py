"""The command that finds the attributes of photos, by the products of a catalogue that look most like them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common import InputError, atomic_file
from vitrine.cli.app import RUNNING, cli, say
from vitrine.cli.options import (
    CatalogueOption,
    CheckpointOption,
    Columns,
    Device,
    Json,
    key_alone,
    pair,
    refuse,
    refuse_own,
)
from vitrine.cli.output import Listing, remark, warn

if TYPE_CHECKING:
    from index import Tag
    from training.data import Photo

AT_ONCE = 32
"""Photos of one search, or of one call of a service."""
SHOWN = 5
"""Photos that cannot be read, by name in a warning."""
CALL_BYTES = 8_000_000
"""Bytes of photos that one call of a service carries, about."""


@dataclass(frozen=True, slots=True)
class Found:
    """The values of one photo or product, each with its confidence."""

    id: str
    tags: Mapping[str, tuple[Any, float]]


@cli.command(rich_help_panel=RUNNING, epilog="Example: `vitrine tag photos/ --out tags.csv --min .9`")
def tag(
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PHOTOS",
            help="Picture files, folders of them, or data sets: a table and its pictures.",
            show_default=False,
        ),
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option(
            "--id", metavar="ID", help="Instead, a product of the catalogue; may come again.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV file to write. [default: a table on standard output]", show_default=False)
    ] = None,
    least: Annotated[float, typer.Option("--min", min=0, max=1, help="Leave out values that are less sure.")] = 0.0,
    attributes: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            metavar="NAME",
            help="Attribute to find values of; may come again. [default: all that a vote can tell]",
        ),
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="A line for each photo, a column for each attribute.")] = False,
    url: Annotated[str | None, typer.Option(help="Ask the service there, instead of opening the catalogue.")] = None,
    key: Annotated[str | None, typer.Option(help="Key for the service. [default: VITRINE_KEY]")] = None,
    columns: Columns = None,
    checkpoint: CheckpointOption = None,
    catalogue: CatalogueOption = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Find the attributes of photos: the products that look most like each vote with what they have.

    The confidence of a value says how often such a vote is right among products of the catalogue whose values are
    known. For a product of the catalogue, neither itself nor products of its title vote.
    """
    if bool(photos) == bool(ids):
        raise InputError("give photos or a table to tag, or products of the catalogue with --id")
    if url is not None:
        refuse_own(checkpoint, catalogue, device)
    elif key is not None:
        raise key_alone()
    if ids:
        refuse({"--map": columns}, "--id names products, and there is no table")
    given = _photos(photos, columns) if photos else []
    names = attributes or []
    if url is None:
        found = list(_tagged_here(given, ids or [], names, checkpoint, catalogue, device))
    else:
        found = list(_tagged_there(given, ids or [], names, url, key))
    kept = [Found(one.id, {name: tag for name, tag in one.tags.items() if tag[1] >= least}) for one in found]
    missing = [photo.name for photo in given if photo.name not in {one.id for one in found}]
    if missing:
        told = f"{len(missing)} of {len(given)} photos cannot be read: {', '.join(missing[:SHOWN])}"
        told += ", …" if len(missing) > SHOWN else ""
        if not found:
            raise InputError(f"{told}; give pictures, such as JPEG, PNG, WebP or HEIC files")
        warn(f"{told}; they have no line")
    if as_json and out is None:
        named = [
            {
                "id": one.id,
                "tags": {name: {"value": value, "confidence": sure} for name, (value, sure) in one.tags.items()},
            }
            for one in kept
        ]
        say({"results": named}, True)
        return
    listing = _wide(kept) if wide else _long(kept)
    if out is None:
        say(listing, False)
        return
    _write(out, listing)
    values = sum(len(one.tags) for one in kept)
    summary = {"out": str(out), "tagged": len(kept), "values": values, "unreadable": len(missing)}
    if as_json:
        say(summary, True)
    else:
        remark(f"{out}: {values:,} values for {len(kept):,} {'product' if ids else 'photo'}{'s' * (len(kept) != 1)}")


def _photos(paths: Sequence[Path], columns: Sequence[str] | None) -> list[Photo]:
    from training.data import parse_mapping, photos_of

    return photos_of(paths, parse_mapping(columns or []))


def _tagged_here(
    photos: Sequence[Photo],
    ids: Sequence[str],
    names: Sequence[str],
    checkpoint: Path | None,
    catalogue: str | None,
    device: str,
) -> Iterator[Found]:
    """Yield what the catalogue says, opened here.

    Raises:
        InputError: an attribute that a vote cannot tell.
        VitrineError: checkpoint or catalogue cannot be used, or a product is not there.
    """
    from index import Subject, make_tagger, neighbours_of, open_catalogue, open_search
    from models import load_encoder

    folder, place = pair(checkpoint, catalogue)
    encoder = load_encoder(folder, device)
    with open_catalogue(place, encoder_id=encoder.encoder_id) as opened:
        search = open_search(opened)
        tagger = make_tagger(search)
        tagger.check(names)

        def tags(named: Sequence[tuple[str, Subject]]) -> Iterator[Found]:
            hits = neighbours_of(search, [subject for _, subject in named])
            for (name, _), voting in zip(named, hits, strict=True):
                yield Found(name, _plain(tagger.tags(voting, names or None)))

        if ids:
            for some in _pieces(ids):
                vectors = search.vectors(some)
                yield from tags([(one, Subject(v, opened.product(one))) for one, v in zip(some, vectors, strict=True)])
            return
        from training.indexing import cores, encode_pictures

        with closing(encode_pictures(encoder, [photo.read for photo in photos], cores())) as batches:
            encoded = (one for batch in batches for one in batch)
            readable = (
                (photo.name, Subject(one[1])) for photo, one in zip(photos, encoded, strict=True) if one is not None
            )
            for piece in _pieces(readable):
                yield from tags(piece)


def _tagged_there(
    photos: Sequence[Photo], ids: Sequence[str], names: Sequence[str], url: str, key: str | None
) -> Iterator[Found]:
    """Yield what a service says.

    Raises:
        VitrineError: it does not answer, or does not take the call.
    """
    from vitrine.client import Client

    options: dict[str, Any] = {"attributes": list(names)} if names else {}
    with Client(url, key=key) as client:
        if ids:
            for some in _pieces(ids):
                for one, result in zip(some, client.tag(ids=some, **options)["results"], strict=True):
                    yield Found(one, _of_answer(result))
            return
        for sent in _calls(photos):
            answer = client.tag(images=[picture for _, picture in sent], **options)
            for (name, _), result in zip(sent, answer["results"], strict=True):
                yield Found(name, _of_answer(result))


def _calls(photos: Sequence[Photo]) -> Iterator[list[tuple[str, bytes]]]:
    """Yield the photos that can be read, as many at a time as one call takes."""
    from training.data import decoded

    call: list[tuple[str, bytes]] = []
    for photo in photos:
        found = decoded(photo.read, _checked)
        if found is None:
            continue
        size = sum(len(data) for _, data in call)
        if call and (len(call) == AT_ONCE or size + len(found[0]) > CALL_BYTES):
            yield call
            call = []
        call.append((photo.name, found[0]))
    if call:
        yield call


def _checked(data: bytes) -> object:
    """Decode a photo as an index would: a service refuses a whole call for one that cannot be."""
    from models import read_pixels

    return read_pixels(data, (8, 8))


def _pieces(items: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while piece := list(islice(rest, AT_ONCE)):
        yield piece


def _plain(tags: Mapping[str, Tag]) -> dict[str, tuple[Any, float]]:
    return {name: (one.value, round(one.confidence, 4)) for name, one in tags.items()}


def _of_answer(result: Mapping[str, Any]) -> dict[str, tuple[Any, float]]:
    return {name: (one["value"], one["confidence"]) for name, one in result["tags"].items()}


def _long(found: Sequence[Found]) -> Listing:
    rows = [(one.id, name, str(value), f"{sure:.3f}") for one in found for name, (value, sure) in one.tags.items()]
    return Listing(("id", "attribute", "value", "confidence"), rows, right=frozenset({"confidence"}), empty="no values")


def _wide(found: Sequence[Found]) -> Listing:
    names = sorted({name for one in found for name in one.tags})
    rows = [(one.id, *(str(one.tags[name][0]) if name in one.tags else "" for name in names)) for one in found]
    return Listing(("id", *names), rows, empty="no values")


def _write(out: Path, listing: Listing) -> None:
    """Write a table as CSV, whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    try:
        with atomic_file(out) as beside, beside.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([listing.headings, *listing.rows])
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror or error}); give another --out") from error

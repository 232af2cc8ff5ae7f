"""Commands for the operator of the service: copies of a catalogue, settings, keys."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from common import InputError, atomic_file, require
from vitrine.cli.app import MORE, RUNNING, cli, key_cli, say, tell
from vitrine.cli.options import (
    CatalogueOption,
    CheckpointOption,
    Device,
    DiscardEdits,
    Json,
    KeysOption,
    PicturesOption,
    pair,
    picture_place,
    refuse,
)
from vitrine.cli.output import Listing
from vitrine.cli.values import SCOPES, one_of
from vitrine.places import ARTEFACTS, setting
from vitrine.places import catalogue as catalogue_place

if TYPE_CHECKING:
    from app.http import Key, ScopeName


@cli.command("copy", rich_help_panel=RUNNING, epilog="Example: `vitrine copy --to artefacts/second`")
def copy_catalogue(
    to: Annotated[
        str, typer.Option(metavar="PLACE", help="Where to: a folder, or a postgresql:// URL.", show_default=False)
    ],
    catalogue: CatalogueOption = None,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Leave a catalogue that is there already.")] = False,
    discard_edits: DiscardEdits = False,
    pictures: PicturesOption = None,
    as_json: Json = False,
) -> None:
    """Copy a catalogue as it is, without encoding anything: into a database, back, or as a backup.

    The copy is of one moment, with everything that was acknowledged before; services may go on writing. A catalogue
    that is there is replaced when the copy is whole, but for the edits that callers made in it.
    """
    from index import copy_catalogue, kept_text, parse_location

    source, target = catalogue_place(catalogue, from_setting=False), parse_location(to)
    if source == target or (
        isinstance(source, Path) and isinstance(target, Path) and source.resolve() == target.resolve()
    ):
        raise InputError(f"{to} is the catalogue itself; give --to another place")
    copied = copy_catalogue(
        source, target, if_empty=if_empty, discard_edits=discard_edits, pictures=picture_place(pictures)
    )
    if as_json:
        figures: dict[str, Any] = {}
        if copied is not None:
            figures = {"version": copied.version, "edits": copied.kept.to_json(), "damaged": copied.damaged}
        say({"from": str(source), "to": str(target), "products": copied and copied.products, **figures}, True)
    elif copied is None:
        tell(f"{target} has a catalogue, which is left as it is")
    else:
        tell(f"{target}: {copied.products:,} products copied from {source}, as it is at version {copied.version:,}")
        if kept := kept_text(copied.kept.to_json()):
            tell(kept)
        if copied.damaged:
            tell(f"{len(copied.damaged):,} damaged products are left out: {', '.join(copied.damaged[:10])}")


@cli.command(rich_help_panel=MORE, epilog="Example: `vitrine calibrate`")
def calibrate(
    catalogue: CatalogueOption = None,
    checkpoint: CheckpointOption = None,
    device: Device = "auto",
    plot: Annotated[Path | None, typer.Option(help="Also draw the reliability diagram: .png or .svg.")] = None,
    as_json: Json = False,
) -> None:
    """Measure again what the scores of a catalogue are worth: relevance and the automatic cutoff.

    `vitrine index` does so by itself. After many changes to the catalogue it may be worth a second time.
    """
    from models import load_encoder
    from training.indexing import calibrate_catalogue

    if plot is not None:
        require("train", "matplotlib", what="--plot")
    folder, place = pair(checkpoint, catalogue)
    found = calibrate_catalogue(place, load_encoder(folder, device))
    if found is not None and plot is not None:
        from training.reports import save_reliability

        save_reliability(found.measured, plot)
    if as_json:
        say({"calibrated": found is not None, "measured": {} if found is None else dict(found.measured)}, True)
        return
    if found is None:
        tell(f"{place} has too few products, or titles that name no attribute; the curves that are shipped are kept")
        return
    rows = []
    for kind, one in found.measured["kinds"].items():
        figures = [f"{one[name]:.3f}" for name in ("brier", "calibration_error")]
        rows.append((kind, f"{one['queries']:,}", *figures, f"{found.auto[kind]:.3f}", f"{100 * one['lost']:.1f} %"))
    numbers = ("queries", "Brier score", "calibration error", "automatic cutoff", "right ones lost")
    title = f"{place}: what scores are worth, on queries that the curves were not made of"
    say(Listing(("kind of query", *numbers), rows, title, right=frozenset(numbers)), False)


@cli.command(rich_help_panel=RUNNING, epilog="Example: `vitrine settings --json`")
def settings(
    write: Annotated[Path | None, typer.Option(help="Put the table between the markers of this Markdown file.")] = None,
    as_json: Json = False,
) -> None:
    """Show every setting of the service as a Markdown table; with --json, also what each one is now."""
    from app.settings import settings_list, settings_table

    if as_json:
        refuse({"--write": write}, "--json writes no table")
        say({"settings": settings_list()}, True)
        return
    if write is None:
        sys.stdout.write(settings_table() + "\n")
        return
    start, end = "<!-- settings -->\n", "<!-- /settings -->"
    text = write.read_text(encoding="utf-8")
    if start not in text or end not in text:
        raise InputError(f"{write} has no lines {start.strip()} and {end}; put them where the table belongs")
    with atomic_file(write) as beside:
        beside.write_text(
            text.split(start)[0] + start + settings_table() + "\n" + end + text.split(end)[1], encoding="utf-8"
        )


@key_cli.command("create", epilog="Example: `vitrine key create shop --scope write`")
def key_create(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What to call it; the log shows this name.", show_default=False)
    ],
    scope: Annotated[
        str,
        one_of(
            "scope", SCOPES, help="What it may do: search (from pages), read, write (and read), or admin (everything)."
        ),
    ],
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Whose pages may use a key of scope search: https://shop.example; may come again."),
    ] = None,
    limit: Annotated[
        str, typer.Option(help="Most searches with such a key, of all visitors together: 6000/minute.")
    ] = "",
    keys: KeysOption = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once: only its hash is kept.

    A key of scope search may stand in a page of the shop, where everybody can read it: it opens searches only, and only
    for pages of its origins.
    """
    from app.http import create_key

    path = _keys(keys)
    key, secret = create_key(path, name, cast("ScopeName", scope), origin or (), limit)
    if as_json:
        say({**_shown(key), "key": secret, "file": str(path)}, True)
        return
    if key.publishable:
        sys.stdout.write(
            f"{secret}\n\n"
            f"This is the key {key.name!r} for the pages of {', '.join(key.origins)}; {path} has its hash. Write it"
            f' into them:\n\n  <vitrine-search src="https://search.shop.example" key="{secret}"></vitrine-search>\n'
        )
        return
    sys.stdout.write(
        f"{secret}\n\n"
        f"This is the key {key.name!r} ({key.scope}). It is shown only now; {path} has its hash. Send it so:\n\n"
        f"  curl -H 'Authorization: Bearer {secret}' http://127.0.0.1:8000/v1/evaluation\n"
    )


@key_cli.command("list", epilog="Example: `vitrine key list --json`")
def key_list(keys: KeysOption = None, as_json: Json = False) -> None:
    """Show the keys there are: names, scopes, last characters, and the origins and the limit of those for pages."""
    from app.http import read_keys

    found = read_keys(_keys(keys))
    if as_json:
        say({"keys": [{**_shown(key), "last4": key.last4} for key in found]}, True)
        return
    headings = ("name", "scope", "created", "ends in", "for pages of", "limit")
    rows = [(key.name, key.scope, key.created, key.last4, "\n".join(key.origins), key.limit) for key in found]
    say(Listing(headings, rows, empty="no keys; make one with `vitrine key create NAME --scope write`"), False)


@key_cli.command("revoke", epilog="Example: `vitrine key revoke shop`")
def key_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.", show_default=False)],
    keys: KeysOption = None,
    as_json: Json = False,
) -> None:
    """Take a key back; a running service refuses it from its next request on."""
    from app.http import revoke_key

    key = revoke_key(_keys(keys), name)
    say({"revoked": key.name} if as_json else f"the key {key.name!r} is revoked", as_json)


def _shown(key: Key) -> dict[str, object]:
    """Return what anybody may know of a key; origins and limit are those of a key for pages."""
    found: dict[str, object] = {"name": key.name, "scope": key.scope, "created": key.created}
    return {**found, "origins": list(key.origins), "limit": key.limit} if key.publishable else found


def _keys(given: Path | None) -> Path:
    """Return the file of the keys; the service's settings say the same, and take longer to import."""
    return given or Path(setting("VITRINE_KEYS") or ARTEFACTS / "keys.json")

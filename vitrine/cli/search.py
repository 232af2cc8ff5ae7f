"""The command that searches: by a running service, or by opening the catalogue itself."""

from __future__ import annotations

import gc
import json
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common import InputError, VitrineError
from vitrine.cli.app import START, cli, say
from vitrine.cli.options import CatalogueOption, CheckpointOption, Device, Json, key_alone, pair, refuse_own
from vitrine.cli.output import Listing, remark
from vitrine.cli.values import MODES, completer, one_of
from vitrine.places import find_catalogue, setting

if TYPE_CHECKING:
    from index import Location

PROBE_S, ANSWER_S = 0.5, 5.0
"""Longest that a port of this machine is waited for, and a service there until it says what it serves, in seconds."""
CONDITION = re.compile(r"\s*(?P<name>[^!<>=]+?)\s*(?P<sign>!=|>=|<=|>|<|=)\s*(?P<value>.*?)\s*", re.DOTALL)
BOUNDS = {">=": "gte", ">": "gt", "<=": "lte", "<": "lt"}


def attributes() -> Sequence[str]:
    """Return the attributes of the catalogue that a command without --catalogue means, for the shell to complete."""
    from index import open_catalogue, open_search

    place = find_catalogue(None)
    if place is None:
        return ()
    with open_catalogue(place) as opened:
        return open_search(opened).attributes


@cli.command(rich_help_panel=START, epilog='Example: `vitrine search "red dress" --filter "year>=2013" -k 5`')
def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="What to look for, in words.", show_default=False)
    ] = None,
    image: Annotated[Path | None, typer.Option(help="A picture to look like.")] = None,
    modify: Annotated[
        str | None, typer.Option(help="How what is looked for differs from the picture: in blue, without sleeves.")
    ] = None,
    like: Annotated[list[str] | None, typer.Option(metavar="ID", help="A product to be like; may come again.")] = None,
    unlike: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A product to be unlike; may come again.")
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="CONDITION",
            help="gender=Women, brand!=Nike, year>=2013; may come again: other attributes must hold too, another value "
            "of one is allowed too.",
            autocompletion=completer(lambda: [f"{name}=" for name in attributes()]),
        ),
    ] = None,
    facets: Annotated[
        list[str] | None,
        typer.Option(
            "--facet",
            metavar="ATTRIBUTE",
            help="Also count the values of an attribute; may come again.",
            autocompletion=completer(lambda: attributes()),
        ),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="ORDER", help="relevance, newest, or an attribute: price:asc, price:desc.")
    ] = None,
    mode: Annotated[
        str | None,
        one_of("mode", MODES, help="What ranks: hybrid, vector (looks) or lexical (words). [default: hybrid]"),
    ] = None,
    cutoff: Annotated[
        str | None,
        typer.Option(metavar="RELEVANCE", help="Leave out what is less relevant: 0 to 1, or auto. [default: none]"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="What the text says of attributes filters.")] = False,
    correct: Annotated[bool, typer.Option(help="Correct words that the catalogue does not know.")] = True,
    hub_correction: Annotated[
        bool, typer.Option(help="Let products whose pictures are near to many titles come later.")
    ] = True,
    k: Annotated[int, typer.Option("-k", help="How many results.")] = 10,
    offset: Annotated[int, typer.Option(help="How many of the best results to skip.")] = 0,
    url: Annotated[
        str | None, typer.Option(help="Ask the service there. [default: one here that serves the catalogue, else none]")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Key for the service. [default: VITRINE_KEY]")] = None,
    checkpoint: CheckpointOption = None,
    catalogue: CatalogueOption = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Find products by any blend of a text, a picture and products; a running service answers at once.

    Without --url, a service on this machine is asked when it serves the same catalogue with the same model; otherwise
    the catalogue is opened here. The answer is the same.
    """
    given: dict[str, Any] = {
        "text": " ".join(words or ()),
        "modify": modify,
        "like": like,
        "unlike": unlike,
        "filters": conditions(filters or ()),
    }
    given |= {"facets": facets, "sort": sort, "mode": mode, "cutoff": cutoff, "k": k, "offset": offset}
    body: dict[str, Any] = {name: value for name, value in given.items() if value not in (None, "", [], {})}
    body |= {"strict": strict, "correct": correct}
    if not hub_correction:  # on is the default, and a service of an earlier version does not know the field
        body["hub_correction"] = False
    if cutoff is not None:
        with suppress(ValueError):  # what is no number is checked with the other fields
            body["cutoff"] = float(cutoff)
    if url is not None:
        refuse_own(checkpoint, catalogue, device)
        answer = ask(url, key, body, image)
    else:
        if key is not None:
            raise key_alone()
        answer = here(body, image, checkpoint, catalogue, device)
    if as_json:
        corrected = answer["corrected"] and answer["corrected"]["to"]
        say({**answer, "corrected": corrected}, True)
    else:
        show(answer)


def conditions(given: Sequence[str]) -> dict[str, Any]:
    """Return filters as a search takes them; several values of one attribute are allowed, or forbidden, together.

    Raises:
        InputError: one is no condition, or a bound comes twice.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        match = CONDITION.fullmatch(text)
        if match is None or not match["value"]:
            raise InputError(f"--filter is {text!r}; give a condition such as gender=Women, brand!=Nike or year>=2013")
        condition, sign, value = found.setdefault(match["name"], {}), match["sign"], match["value"]
        if sign in BOUNDS:
            if condition.setdefault(BOUNDS[sign], value) != value:
                raise InputError(f"--filter bounds {match['name']} twice with {sign}; give one of the two")
        else:
            condition.setdefault("any" if sign == "=" else "not", []).append(value)
    return found


def ask(url: str, key: str | None, body: dict[str, Any], image: Path | None) -> Any:
    """Return the answer of a service.

    Raises:
        VitrineError: it does not answer, or does not take the search.
    """
    from vitrine.client import Client

    with Client(url, key=key) as client:
        return client.search(image=image, **body)


def here(body: dict[str, Any], image: Path | None, checkpoint: Path | None, catalogue: str | None, device: str) -> Any:
    """Return the answer of the service on this machine that serves the catalogue; without one, open it."""
    if checkpoint is None and device == "auto":
        served = serving(find_catalogue(catalogue))
        if served is not None:
            remark(f"asked {served}, which serves this catalogue")
            return ask(served, "", body, image)
    # One search is over before there is much to collect; without this, a tenth of its time is spent on looking.
    gc.disable()
    try:
        from app import search_here, search_request

        fields = search_request(body, image)
        folder, place = pair(checkpoint, catalogue)
        own = setting("VITRINE_LEXICONS")
        return search_here(folder, place, fields, image, device=device, lexicons=None if own is None else Path(own))
    finally:
        gc.enable()


def serving(place: Location | None) -> str | None:
    """Return the address of the service on this machine that serves a catalogue; None: none is sure to.

    It is sure when a service at the port of the settings names the encoder and the moment that the catalogue was built,
    and has the same version of it. No key is sent to find out.
    """
    port = setting("VITRINE_PORT") or "8000"
    if place is None or not port.isdecimal() or not _answers(int(port)):
        return None
    from index import open_catalogue
    from vitrine.client import Client

    url = f"http://127.0.0.1:{port}"
    with suppress(VitrineError), Client(url, key="", timeout=ANSWER_S, retries=0) as client:
        names = {one["id"]: one["created"] for one in client.list_models()["data"]}
        with open_catalogue(place) as opened:
            created = int(datetime.fromisoformat(opened.info.created).timestamp())
            if names.get(opened.info.encoder_id) == created and client.ready()["catalogue_version"] == opened.version():
                return url
    return None


def _answers(port: int) -> bool:
    """Return whether somebody listens on a port of this machine."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=PROBE_S):
        return True
    return False


def show(answer: Any) -> None:
    """Print the answer of a search: how the text was read, the products, and the counts of facets."""
    if answer["corrected"]:
        remark(f"Searched for {answer['corrected']['to']}; --no-correct searches for what was typed.")
    for note in answer.get("notes", ()):
        remark(f"note: {note}")
    rows = [
        (f"{hit['score']:.3f}", hit["id"], hit["title"], ", ".join(_texts(hit["attributes"])))
        for hit in answer["results"]
    ]
    tables = [Listing(("score", "id", "title", "attributes"), rows, empty="nothing is found")]
    for name, counts in answer["facets"].items():
        tables.append(Listing((name, "count"), [(value, f"{count}") for value, count in counts.items()]))
    say(tables, False)


def _texts(attributes: dict[str, Any]) -> list[str]:
    """Return what the attributes say; that of a truth in JSON's words."""
    listed = [item for value in attributes.values() for item in (value if isinstance(value, list) else [value])]
    return [item if isinstance(item, str) else json.dumps(item) for item in listed]

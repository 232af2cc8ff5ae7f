"""A tool: writes the table of limits in docs/security.md from the constants and defaults of the code.

python -m tests.tools.limits docs/security.md
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from app.http.connections import UNREAD_BYTES
from app.http.limits import FORM_UPLOADS, MAX_JSON, PRODUCT_UPLOADS
from app.http.lines import LEAST_RATE, MAX_FILES
from app.http.places import BULK_CALLS
from app.http.protocol import HEAD_BYTES, HEAD_S, HEADERS, SLOWEST, UNREAD_S
from app.live.evaluation import LINE
from app.live.readiness import FRESH_S
from app.query.cost import WAITING_WORK
from app.routes.listing import MAX_LISTED
from app.schemas.batch import MAX_QUERIES, MAX_RESULTS
from app.schemas.classification import MAX_LABELS
from app.schemas.conditions import MAX_FILTERS
from app.schemas.encoding import MAX_INPUTS
from app.schemas.fields import MAX_TEXT
from app.schemas.search import MAX_OFFSET
from app.searching import MAX_FACETED
from app.settings import Settings
from common import atomic_file
from index import MAX_ATTRIBUTES, MAX_NAMES, MAX_PICTURES, MAX_TITLE, MAX_TOTAL, MAX_VALUE
from models import KINDS

TABLE = re.compile(r"(?<=<!-- limits -->\n).*?(?=<!-- /limits -->)", re.DOTALL)
DEFAULTS = Settings.model_construct()


def limits_table() -> str:
    """Return what is bounded, the bound by default, and what beyond it is answered, as a Markdown table."""
    rows = (
        *_of_connections(),
        *_of_bodies(),
        *_of_work(),
    )
    lines = ["| what | at most | beyond it | to change it |", "|---|---|---|---|"]
    for what, most, beyond, setting in rows:
        name = f"`VITRINE_{setting.upper()}`" if setting else "–"
        lines.append(f"| {what} | {most} | {beyond} | {name} |")
    return "\n".join(lines)


def _of_connections() -> list[tuple[str, str, str, str]]:
    limit = DEFAULTS.max_connections
    return [
        ("connections of a process", f"{limit:,}, half of them by one address", "the idlest is cut", "max_connections"),
        ("a request's line and headers", f"{HEAD_BYTES:,} bytes, {HEADERS} headers", "431", ""),
        ("their arrival", f"{HEAD_S:g} s", "408", ""),
        ("reading an answer", f"{UNREAD_S:g} s for every {UNREAD_S * SLOWEST:,.0f} bytes", "cut", ""),
        (
            "answers that nobody has read",
            f"{UNREAD_BYTES // 1_000_000} MB together",
            "who is behind longest is cut",
            "",
        ),
        ("requests of a caller in a time", "no limit by default", "429", "rate_limit"),
    ]


def _of_bodies() -> list[tuple[str, str, str, str]]:
    upload = DEFAULTS.max_upload_mb
    kinds = ", ".join(kind.name for kind in KINDS)
    return [
        ("a JSON body, without its pictures", f"{MAX_JSON // 1000} kB", "413", ""),
        ("an upload", f"{upload:g} MB", "413", "max_upload_mb"),
        (
            "pictures of a product",
            f"{MAX_PICTURES}, {PRODUCT_UPLOADS * upload:g} MB together",
            "422, 413",
            "max_upload_mb",
        ),
        ("a form of a bulk call", f"{FORM_UPLOADS * upload:g} MB, {MAX_FILES:,} pictures", "413", "max_upload_mb"),
        ("a body's arrival", f"{DEFAULTS.upload_timeout_s:g} s", "408", "upload_timeout_s"),
        ("a bulk call's arrival", f"no less than {LEAST_RATE:,} bytes a second", "408", ""),
        ("bulk calls of a caller at a time", f"{BULK_CALLS}", "503", ""),
        ("uploads held at a time", f"{DEFAULTS.upload_slots}", "503", "upload_slots"),
        ("their memory", f"{DEFAULTS.upload_memory_mb:g} MB", "503", "upload_memory_mb"),
        (
            "a picture",
            f"{DEFAULTS.max_pixels / 1e6:g} million pixels; {kinds}",
            "422",
            "max_pixels",
        ),
        ("memory to decode one", f"{DEFAULTS.decode_memory_mb:g} MB", "422", "decode_memory_mb"),
        ("a title", f"{MAX_TITLE:,} characters", "422", ""),
        (
            "attributes of a product",
            f"{MAX_ATTRIBUTES}, {MAX_VALUE:,} characters each, {MAX_TOTAL:,} together",
            "422",
            "",
        ),
        ("names of attributes in a catalogue", f"{MAX_NAMES:,}", "422", ""),
    ]


def _of_work() -> list[tuple[str, str, str, str]]:
    return [
        ("a text", f"{MAX_TEXT:,} characters", "422", ""),
        ("queries of a batch", f"{MAX_QUERIES}, {MAX_RESULTS:,} results together", "422", ""),
        ("results to skip", f"{MAX_OFFSET:,}", "422", ""),
        ("filters of a query", f"{MAX_FILTERS}", "422", ""),
        ("values of a facet in a search", f"the {MAX_FACETED:,} most frequent", "left out", ""),
        ("inputs of `/v1/embeddings`", f"{MAX_INPUTS}", "422", ""),
        ("labels of `/v1/classify`", f"{MAX_LABELS}", "422", ""),
        ("texts and pictures that wait", f"{DEFAULTS.queue_limit}", "503", "queue_limit"),
        ("products of a page of the list", f"{MAX_LISTED:,}", "422", ""),
        ("feeds that are synchronised at a time", "1", "503", ""),
        ("work that waits in a line", f"about {WAITING_WORK / 1000:g} s of a core", "503", ""),
        ("a request's wait for its answer", f"{DEFAULTS.deadline_s:g} s", "504", "deadline_s"),
        ("evaluations that run or wait", f"{LINE}; one runs", "503", ""),
        ("an evaluation", f"{DEFAULTS.evaluation_limit_s:g} s", "504", "evaluation_limit_s"),
        ("`/readyz`", f"one query every {FRESH_S:g} s, shared by all", "–", ""),
    ]


def with_table(page: str) -> str:
    """Return the page with the table as it has to be."""
    return TABLE.sub(lambda _: f"{limits_table()}\n", page)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    arguments = parser.parse_args()
    text = with_table(arguments.page.read_text(encoding="utf-8"))
    with atomic_file(arguments.page) as beside:
        beside.write_text(text, encoding="utf-8")

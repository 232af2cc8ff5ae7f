"""Where the CPU time of a text goes, stage by stage, and which limit that is: a part of the service's benchmark."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from app.query import JobResult
from app.searching import products_body
from index import SearchIndex, SearchQuery
from models import Encoder
from tests.benchmarks.performance import FOLDER, table

READ, ENCODE, SEARCH, WRITE = "reading its words", "tokeniser and tower", "search", "answer as JSON"
KINDS = {
    "text": (READ, ENCODE, SEARCH, WRITE),
    "text, vectors alone": (ENCODE, SEARCH, WRITE),
    "text to vector": (ENCODE,),
}
"""Kind of call -> the stages that it has outside of HTTP."""
HTTP, REST = "HTTP: the event loop's thread", "the rest: threads that wake one another, smaller batches, colder caches"


def stages(
    encoder: Encoder, index: SearchIndex, texts: Sequence[str], batch: int, k: int, seconds: float
) -> dict[str, dict[str, float]]:
    """Return kind of call -> stage -> CPU ms of one text, in this process, in batches."""
    spent: dict[str, dict[str, float]] = {kind: dict.fromkeys(names, 0.0) for kind, names in KINDS.items()}
    serving: Any = SimpleNamespace(encoder=encoder, index=index)
    nothing = np.empty((0, encoder.dim), dtype=np.float32)

    def once(number: int, spent: dict[str, dict[str, float]]) -> None:
        start = number * batch % (len(texts) - batch + 1)
        asked = texts[start : start + batch]
        for of_kind in spent.values():
            reads = READ in of_kind
            parsed = _timed(of_kind, READ, partial(list, map(index.understand, asked))) if reads else []
            english = [one.english or text for one, text in zip(parsed, asked, strict=True)] if reads else asked
            vectors = _timed(of_kind, ENCODE, partial(encoder.encode_text, english))
            if SEARCH not in of_kind:
                continue
            wants = [SearchQuery(k=k, mode="hybrid", parsed=one) for one in parsed]
            wants = wants or [SearchQuery(k=k, mode="vector")] * batch
            pages = _timed(of_kind, SEARCH, partial(index.search, "images", vectors, wants))
            results = [
                JobResult(serving, nothing, nothing, 0, page=page, mode=want.mode, parsed=want.parsed)
                for page, want in zip(pages, wants, strict=True)
            ]
            _timed(of_kind, WRITE, partial(list, map(products_body, results)))

    once(0, {kind: dict.fromkeys(names, 0.0) for kind, names in KINDS.items()})  # the first ones are slower
    done, end = 0, time.perf_counter() + seconds
    while done < 3 or time.perf_counter() < end:
        done += 1
        once(done, spent)
    return {
        kind: {stage: round(1000 * cpu / (done * batch), 4) for stage, cpu in of_kind.items()}
        for kind, of_kind in spent.items()
    }


def loop_seconds(process: int) -> float:
    """Return the CPU time of a process's first thread, which runs the event loop."""
    fields = Path(f"/proc/{process}/task/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def passage(result: dict[str, Any], best: float, goal: float) -> str:
    """Return where a text's CPU time goes, and which limit stands in the way of the goals, as Markdown.

    Args:
        result: figures of the service.
        best: texts a second of encoder and search in their best batch.
        goal: part of `best` that the service is to reach.
    """
    alone = result["alone"].get("stages")
    if alone is None:  # measured by an older version
        return ""
    rows: list[list[object]] = []
    for stage in (READ, ENCODE, SEARCH, WRITE):
        rows.append([stage, *(f"{alone[kind][stage]:.3f}" if stage in alone[kind] else "" for kind in KINDS)])
    loop = {kind: result[kind]["event loop CPU ms each"] for kind in KINDS}
    whole = {kind: result[kind]["server CPU ms each"] for kind in KINDS}
    rest = {kind: whole[kind] - loop[kind] - sum(alone[kind].values()) for kind in KINDS}
    rows.append([HTTP, *(f"{loop[kind]:.3f}" for kind in KINDS)])
    rows.append([REST, *(f"{rest[kind]:.3f}" for kind in KINDS)])
    rows.append(["**the service in all**", *(f"**{whole[kind]:.3f}**" for kind in KINDS)])
    rows.append(["cores that are busy, clients included", *(f"{_busy(result, kind):.2f}" for kind in KINDS)])
    cores = result["machine"]["cores"]
    most = {kind: 1000 * cores / (whole[kind] + result[kind]["client CPU ms each"]) for kind in KINDS}
    locked = loop["text"] + alone["text"][READ] + alone["text"][WRITE]
    reached, possible = _rate(result, "text") / best, most["text"] / best
    need = 1000 * cores / (goal * best) - result["text"]["client CPU ms each"]
    if possible >= goal:
        limit = "So CPU time would allow it; what is missing is work for all cores at once."
    else:
        beside = loop["text"] + rest["text"]
        limit = f"So CPU time is the limit: what encoder and search alone do not have is {beside:.2f} ms of a text."
    return f"""
Where the CPU time of one text goes, in milliseconds: the upper rows alone in batches, the lower ones in the service.

{table(["", *KINDS], rows)}

The goal of {goal:g}: {_busy(result, "text"):.2f} of {cores} cores are busy, and a text takes {whole["text"]:.2f} ms of
the service's CPU time, where {goal:g} needs {need:.2f} ms on cores that are always busy. Such cores would reach
{possible:.2f} instead of {reached:.2f}. {limit} One thread at a time has the interpreter's lock: HTTP, reading words
and writing JSON hold it for {locked:.2f} ms of a text, so that one process answers at most {1000 / locked:,.0f} texts a
second, {1000 / locked / best:.2f} of encoder and search alone, however many cores there are.
{_twice(result, most["text to vector"])}"""


def _twice(result: dict[str, Any], most: float) -> str:
    """Return what twice the best peer's texts to vectors need, where peers were measured; `most`: on busy cores."""
    path = FOLDER / "peers.json"
    if not path.exists():
        return ""
    to_peer = json.loads(path.read_text(encoding="utf-8"))["ratios"]["text to vector"]["queries per second"]
    rate, tower = _rate(result, "text to vector"), result["alone"]["stages"]["text to vector"][ENCODE]
    return f"""
Twice the best peer's rate for text to vector needs {2 / to_peer:.2f} times ours. Cores that are always busy would give
{most / rate:.2f} times, and without HTTP {1000 * result["machine"]["cores"] / tower / rate:.2f} times: the tower alone
takes {tower:.2f} ms of CPU time for a text.
"""


def _timed(spent: dict[str, float], stage: str, call: Callable[[], Any]) -> Any:
    start = time.process_time()
    found = call()
    spent[stage] += time.process_time() - start
    return found


def _rate(result: dict[str, Any], kind: str) -> float:
    name = "vector" if kind == "text to vector" else kind
    return float(result[kind][name]["per second"])


def _busy(result: dict[str, Any], kind: str) -> float:
    """Return how many cores the service and its clients keep busy."""
    cpu = result[kind]["server CPU ms each"] + result[kind]["client CPU ms each"]
    return _rate(result, kind) * float(cpu) / 1000

"""docs/reliability.md, made from the figures that the load tests left in docs/reliability/.

python -m tests.load.page docs/reliability.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from common import atomic_file

FOLDER = Path(__file__).parents[2] / "docs" / "reliability"


def page(folder: Path = FOLDER) -> str:
    """Return the page as Markdown."""
    kill, soak, load, beside, database = (
        _json(folder, name) for name in ("kill", "soak", "load", "evaluation_beside", "database")
    )
    parts = [
        _summary(kill, soak, beside),
        _kill(kill),
        _database(database),
        _soak(soak),
        _load(load),
        _beside(beside),
        ELSEWHERE,
        _short(load),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _summary(kill: Any, soak: Any, beside: Any) -> str:
    memory = soak["memory, MB"]
    searched = sum(figures["searches"] for figures in beside["search"].values())
    return f"""
# Does it stand up?

What was tried on the service to make it lose, mix up or hold up something, with the real processes over HTTP on
{kill["machine"]["cores"]} CPU cores, and what came of it. `make docs` makes this page from the figures in
`docs/reliability/`; each section begins with the command that measures them anew.

| | |
|---|---:|
| requests of all kinds in one run | {soak["requests"]:,} |
| answers among them that such a request may not get | {soak["wrong answers"]} |
| bad or odd inputs among them | {soak["bad inputs sent"]:,} |
| callers among them that hung up | {soak["clients that hung up"]:,} |
| growth of memory since the first thousand, median of the last tenth | {_percent(memory["growth"])} |
| times that all processes were killed while clients wrote | {kill["counts"].get("kills", 0)} |
| writes acknowledged before | {kill["acknowledged"]:,} |
| acknowledged writes lost, products half-visible, other broken promises | {kill["lost_writes"]} |
| searches beside a running evaluation or alone | {searched:,} |
"""


def _kill(figures: Any) -> str:
    counts = figures["counts"]
    stale = figures["other worker sees it, ms"]
    clients = figures["clients"]
    rows = "\n".join(f"| {name} | {count:,} |" for name, count in counts.items())
    return f"""
## Killed while it is written to

```console
python -m tests.load.kill --rounds {figures["rounds"]} --seed {figures["seed"]} --out docs/reliability/kill.json
```

{figures["rounds"]} times {clients["workers"]} processes serve one catalogue while {clients["writers"]} clients put
products in, replace them and take them out, one at a time and in bulk, {clients["editors"]} count up one product
under `If-Match`, and {clients["readers"]} search; in every fourth round the catalogue itself is replaced over and
over, as `vitrine index` does, and a build is cut off with the rest. `SIGKILL` ends all processes at a random moment.
The service that starts on what is left must have every acknowledged write exactly, every unanswered one as a whole or
not at all; words, picture and both vectors of each product must belong together; each worker must answer as an index
made anew from the file; no two editors may have been told the same count; and SQLite must find the file sound. A
short run is one of the tests.

| | |
|---|---:|
{rows}

In quiet moments within a round it was timed how soon a worker, whichever took a new connection, was at the newest
version: {stale["times"]} times, the median {stale["median"]:.0f} ms, the longest {stale["longest"]:.0f} ms.
"""


def _database(figures: Any) -> str:
    rows = []
    for name, phase in figures["phases"].items():
        answers = phase["answers"]
        good = sum(count for answer, count in answers.items() if not answer.endswith(" 503"))
        rows.append(
            f"| {name} | {good:,} | {sum(answers.values()) - good:,} | {phase['acknowledged']:,} | {phase['lost']} "
            f"| {phase.get('back_s', '')} |"
        )
    away = ", ".join(f"`{answer}`" for answer in figures["phases"]["the database is killed and started again"]["away"])
    table = "\n".join(rows)
    return f"""
## The catalogue in a database that is killed

```console
python -m tests.load.database --seconds {figures["seconds"]:g} --out docs/reliability/database.json
```

Two services stand on one PostgreSQL; {figures["writers"]} clients put products in by turns through either one and look
each up through the other, {figures["searchers"]} search. Then the server is killed with `SIGKILL` and started again;
then a primary with a synchronous standby is killed, and the standby promoted. The services are not started again.

| | answered | answered 503 | acknowledged writes | lost | seconds until written again |
|---|---:|---:|---:|---:|---:|
{table}

While the database is away: {away}. The seconds are from when the server runs again, or the standby was told to be the
primary.
"""


def _soak(figures: Any) -> str:
    memory = figures["memory, MB"]
    kinds = "\n".join(
        f"| {kind} | {count:,} | {figures['median ms'][kind]:,.0f} |" for kind, count in figures["by kind"].items()
    )
    statuses = ", ".join(f"{count:,} × {status}" for status, count in figures["by status"].items())
    course = " → ".join(f"{mb:.0f} ({count:,})" for count, mb in figures["memory, MB"]["course"][::5])
    return f"""
## Requests of all kinds, on and on

```console
python -m tests.load.soak --out docs/reliability/soak.json
```

Six clients send requests of all kinds to one process for {figures["seconds"] / 60:.0f} minutes; among them pictures
of {figures["kinds of odd pictures"]} unusual kinds (1×1 and 1×5,000 pixels, CMYK, 16 bit, animated, cut off, a small
file that says it has 50,000×50,000 pixels, ...), {figures["kinds of bad requests"]} kinds of bad requests, and
callers who hang up before, in the middle of or after their request. Each kind has the statuses that it may get;
{figures["wrong answers"]} answers had another one. The answers: {statuses} (499: hung up). The service was
{"" if figures["ready afterwards"] else "not "}ready afterwards, and {figures["lines of the log at level error"]}
lines of its log were errors.

| kind | requests | median, ms |
|---|---:|---:|
{kinds}

Resident memory of the process was {memory["after the first thousand"]:,.0f} MB after the first thousand requests,
{memory["at the end"]:,.0f} MB at the end (median of the last tenth), {memory["peak since"]:,.0f} MB at most: a growth
of {_percent(memory["growth"])}, at most {_percent(memory["peak growth"])}. Its course in MB, with the number of
requests: {course}. The checkpoint was exported before (`vitrine export`), as it should be on a CPU.
"""


def _load(figures: Any) -> str:
    tables = []
    for kind, levels in figures["levels"].items():
        lines = []
        for one in levels:
            late = [one[f"{part} ms"] for part in ("p50", "p95", "p99")]
            refusals = [f"{one[f'503 {part} ms']:,.0f}" if one["share refused"] else "–" for part in ("p50", "p99")]
            cells = [f"{figure:,.0f}" for figure in (one["clients"], one["served a second"], *late)]
            lines.append(f"| {' | '.join([*cells, _percent(one['share refused']), *refusals])} |")
        head = (
            f"| {kind}: clients | served/s | p50, ms | p95, ms | p99, ms | refused | 503 p50, ms | 503 p99, ms |\n"
            "|---:|---:|---:|---:|---:|---:|---:|---:|"
        )
        tables.append("\n".join([head, *lines]))
    inside = figures["503 seen from inside, ms"]
    before, after = figures["alone before"], figures["alone afterwards"]
    without = sum(one["503 without Retry-After"] for levels in figures["levels"].values() for one in levels)
    joined = "\n\n".join(tables)
    return f"""
## More and more at once

```console
python -m tests.load.load --out docs/reliability/load.json
```

Clients that ask again as soon as they are answered, {figures["seconds a level"]:.0f} seconds for each number of them,
against one process whose queue takes {figures["queue"]} inputs (by default 256, which so few clients would not fill).
Clients and service share the cores, so the times of the clients have delays of their own in them.

{joined}

Seen from inside the service, the {inside["times"]:,} refusals took {inside["p50"]:.1f} ms in the median,
{inside["p99"]:.1f} ms at the 99th percentile and {inside["longest"]:.1f} ms at most; {without} came without
`Retry-After`. One client alone had a median of {before["p50 ms"]:.0f} ms before all this and of {after["p50 ms"]:.0f}
ms right after it, when {_percent(after["share refused"])} were refused.
"""


def _beside(figures: Any) -> str:
    rows = "\n".join(
        f"| {name} | {one['searches']:,} | {one['p50 ms']:.1f} | {one['p99 ms']:.1f} |"
        for name, one in figures["search"].items()
    )
    same = figures["equal to the last digit"]
    equal = ", ".join(f"{split}: {'equal' if found else '**different**'}" for split, found in same.items())
    return f"""
## Searches beside an evaluation

```console
python -m tests.load.evaluation_beside artefacts/catalogue --out docs/reliability/evaluation_beside.json
```

On {figures["products"]:,} products, searches by text and picture alone and while `GET /v1/evaluation` computes, in
turns; {figures["evaluations"]} evaluations, each a new one.

| | searches | p50, ms | p99, ms |
|---|---:|---:|---:|
{rows}

Beside an evaluation the median is {figures["p50 ratio"]:.2f} times and the 99th percentile {figures["p99 ratio"]:.2f}
times what it is alone. The figures that the service gives are those of `vitrine evaluate --json` to the last digit
({equal}).
"""


ELSEWHERE = """
## What the tests hold

- `tests/app/test_live_model.py`: two services on one catalogue against a dict, by Hypothesis.
- `tests/app/test_openapi.py`: requests made from the OpenAPI document by Schemathesis.
- `tests/whole/test_kill.py`: a short run of the killing above.
- `tests/whole/test_complaints.py`: what users of comparable projects complain about, and the tests which show that it
  cannot happen here.
- `tests/app/test_failures.py`, `tests/app/test_uploads.py`, `tests/app/test_workers.py`: readiness, queues,
  deadlines, uploads, shutdown.

## What these measurements found

- With several workers every answer came 40 ms late: connections of the shared socket kept Nagle's algorithm on.
- Memory grew: with torch from 1,050 to 1,288 MB (22.6 %) over 20,505 such requests, with onnxruntime from 498 to 611
  (also 22.6 %). Half of it and more was free space inside the heaps that glibc keeps for every thread, and the memory
  that onnxruntime keeps for every shape of a batch. The service now keeps two heaps,
  gives back what is free every half minute, and has onnxruntime keep nothing: the figures above. With torch it was not
  measured again.
- Every request made a detour through a thread to find its service, and a refusal waited for it.
- The name of a catalogue that replaces another was not synced, so that a loss of power could have brought the old one
  back.
- An attribute that no product had any more stayed known to a worker that had seen it, and was unknown to one started
  anew.

## What they do not show

The loss of power: SIGKILL ends processes, not the machine, and what the operating system has taken it keeps. Disks
that lie about having written are beyond a program. The machine of these runs had two cores with other work on them:
times are for comparison within one run. While the rounds of killing went on, the service was still being mended: the
later rounds ran with the synced names and the last few without the detour through a thread.
"""


def _short(load: Any) -> str:
    inside = load["503 seen from inside, ms"]
    return f"""
## What fell short

- A refusal was to take less than 50 ms. Seen from inside its median is {inside["p50"]:.0f} ms and its 99th percentile
  {inside["p99"]:.0f} ms, with 128 clients who all begin at once on the two cores that they share with the service:
  probably the refusals stand in line behind each other in its one event loop.
"""


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


def _json(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with atomic_file(arguments.out) as beside:
        beside.write_text(page(), encoding="utf-8")

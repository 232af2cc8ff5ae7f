"""Makes docs/reliability.md from the figures of the load tests in docs/reliability/.

python -m tests.load.page docs/reliability.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from common import atomic_file

BEFORE = "b27548b"
"""The commit that `attack-before.json` is of."""
FOLDER = Path(__file__).parents[2] / "docs" / "reliability"


def page(folder: Path = FOLDER) -> str:
    """Return the page as Markdown."""
    kill, soak, load, beside, database, attack, before, fuzz = (
        _json(folder, name)
        for name in ("kill", "soak", "load", "evaluation_beside", "database", "attack", "attack-before", "fuzz")
    )
    parts = [
        _summary(kill, soak, beside),
        _attack(attack, before),
        _kill(kill),
        _database(database),
        _fuzz(fuzz),
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
# Reliability

Attempts to make the service lose data, mix up answers or stall, with real processes over HTTP on
{kill["machine"]["cores"]} CPU cores, and their outcome. `make docs` makes this page from the figures in
`docs/reliability/`. Each section begins with the command that measures them.

| | |
|---|---:|
| requests of all kinds in one run | {soak["requests"]:,} |
| wrong answers: a status that such a request may not get | {soak["wrong answers"]} |
| bad or unusual inputs among them | {soak["bad inputs sent"]:,} |
| callers among them that hung up | {soak["clients that hung up"]:,} |
| memory growth from the first thousand to the median of the last tenth | {_percent(memory["growth"])} |
| times that all processes were killed during writes | {kill["counts"].get("kills", 0)} |
| writes acknowledged before | {kill["acknowledged"]:,} |
| acknowledged writes lost, half-visible products, other broken promises | {kill["lost_writes"]} |
| searches during an evaluation or alone | {searched:,} |
"""


def _kill(figures: Any) -> str:
    counts = figures["counts"]
    stale = figures["other worker sees it, ms"]
    clients = figures["clients"]
    rows = "\n".join(f"| {name} | {count:,} |" for name, count in counts.items())
    return f"""
## Killed during writes

```console
python -m tests.load.kill --rounds {figures["rounds"]} --seed {figures["seed"]} --out docs/reliability/kill.json
```

There are {figures["rounds"]} rounds. In each, {clients["workers"]} processes serve one catalogue. {clients["writers"]}
clients add, replace and delete products, one at a time and in bulk, {clients["editors"]} increment a counter in one
product under `If-Match`, and {clients["readers"]} search. In every fourth round the catalogue itself is replaced
repeatedly, as `vitrine index` does, so that a build is interrupted too. `SIGKILL` ends all processes at a random
moment. Then the service starts again on what is left, and

- every acknowledged write must be there exactly, every unanswered one as a whole or not at all,
- words, picture and both vectors of each product must belong together,
- each worker must answer like an index built from the file,
- no two editors may have received the same count,
- SQLite must find the file intact.

A short run is one of the tests.

| | |
|---|---:|
{rows}

In quiet moments of a round, new connections measured how long a worker took to reach the newest version:
{stale["times"]} times, {stale["median"]:.0f} ms in the median and {stale["longest"]:.0f} ms at most.
"""


def _attack(figures: Any, before: Any) -> str:
    targets = figures["targets"]
    rows = []
    for name, one in figures["attacks"].items():
        sides = [_attacked(side["attacks"].get(name), side["rest"]) for side in (before, figures)]
        rows.append(
            f"| {one['what']} `{name}` | {' | '.join(f'{was} → {now}' for was, now in zip(*sides, strict=True))} |"
        )
    rests = [
        f"{side['rest']['text p99 ms']:,.0f} ms and the memory {side['rest']['memory MB']:,.0f} MB"
        for side in (before, figures)
    ]
    failed = [f"`{name}` ({', '.join(one['missed'])})" for name, one in figures["attacks"].items() if one["missed"]]
    table = "\n".join(rows)
    return f"""
## Attacks by one caller

```console
python -m tests.load.attack --products {figures["products"]} --out docs/reliability/attack.json
```

Each attack is by one caller, without a key where none is named, on {figures["products"]:,} products, for
{figures["seconds"]:g} seconds. Meanwhile another caller sends a text and a `/healthz` every 50 ms, without waiting for
answers, half of them on new connections. Attacker, other caller and service share {figures["machine"]["cores"]} cores.
Left of each arrow is the service before these attacks were fixed, at commit {BEFORE}; right of it the present one.

| attack | text p99, ms | texts not answered | `/healthz` p99, ms | memory by rest | refusals p99, ms | well again, s |
|---|---:|---:|---:|---:|---:|---:|
| target | {targets["text p99 ms"]} | {_percent(targets["errors"])} | {targets["health p99 ms"]} \
| {targets["memory ratio"]} | {targets["refusals p99 ms"]} | {targets["well again s"]} |
{table}

At rest, the texts' p99 was {rests[0]} before; now they are {rests[1]}. *never*: not within
20 s, or the process had ended. {"Missed now: " + "; ".join(failed) + "." if failed else "No target is missed now."}
"""


def _attacked(one: Any, rest: Any) -> list[str]:
    """Return the cells of one side of an attack's row."""
    if one is None:
        return ["–"] * 6
    well = one["well again s"]
    return [
        f"{one['text p99 ms']:,.0f}",
        _percent(one["errors"]),
        f"{one['health p99 ms']:,.0f}",
        f"{one['memory MB'] / rest['memory MB']:.1f}",
        f"{one['attacker']['refusals p99 ms']:,.0f}" if one["attacker"]["refusals"] else "–",
        "never" if well is None or not one["lives"] else f"{well:.1f}",
    ]


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
## The database killed during writes

```console
python -m tests.load.database --seconds {figures["seconds"]:g} --out docs/reliability/database.json
```

Two services share one PostgreSQL. {figures["writers"]} clients add products through the services in turn and look each
one up through the other service; {figures["searchers"]} clients search. First the server is killed with `SIGKILL` and
restarted. Then a primary with a synchronous standby is killed, and the standby is promoted. The services are not
restarted.

| | answered | answered 503 | acknowledged writes | lost | seconds to the next write |
|---|---:|---:|---:|---:|---:|
{table}

While the database is down: {away}. The seconds count from the restart of the server, or from the command that promotes
the standby.
"""


def _fuzz(figures: Any) -> str:
    def answers(part: Any) -> str:
        return ", ".join(f"{count:,} × {status}" for status, count in part["statuses"].items())

    raw, fields, before, after = (figures[name] for name in ("raw", "fields", "before", "after"))
    others = ", ".join(map(str, figures["other 5xx"])) or "none"
    return f"""
## Broken requests at random

```console
python -m tests.load.fuzz --seed {figures["seed"]} --out docs/reliability/fuzz.json
```

{sum(raw["statuses"].values()):,} requests were broken as HTTP: bytes of valid ones were changed, taken out, put in or
repeated. The answers: {answers(raw)} (none: more bytes were expected, and the caller left).
{sum(fields["statuses"].values()):,} others were whole and had broken fields, as JSON and as forms, on all calls that
take them, with a key that may write. The answers: {answers(fields)}.
Other statuses from 500 up than 503, 504 and 507: {others}; tracebacks in the log: {figures["tracebacks"]}. Memory and
open files were {before["resident MB"]:,} MB and {before["descriptors"]} before, {after["resident MB"]:,} MB and
{after["descriptors"]} after.
"""


def _soak(figures: Any) -> str:
    memory = figures["memory, MB"]
    kinds = "\n".join(
        f"| {kind} | {count:,} | {figures['median ms'][kind]:,.0f} |" for kind, count in figures["by kind"].items()
    )
    statuses = ", ".join(f"{count:,} × {status}" for status, count in figures["by status"].items())
    course = " → ".join(f"{mb:.0f} ({count:,})" for count, mb in figures["memory, MB"]["course"][::5])
    return f"""
## Requests of all kinds for a long time

```console
python -m tests.load.soak --out docs/reliability/soak.json
```

Six clients send requests of all kinds to one process for {figures["seconds"] / 60:.0f} minutes. Among them are pictures
of {figures["kinds of odd pictures"]} unusual kinds (1×1 and 1×5,000 pixels, CMYK, 16 bit, animated, truncated, a small
file that claims 50,000×50,000 pixels, ...), {figures["kinds of bad requests"]} kinds of bad requests, and callers that
hang up before, during or after their request. Each kind has a list of allowed statuses; {figures["wrong answers"]}
answers had another one. The answers: {statuses} (499: hung up). Afterwards the service was
{"" if figures["ready afterwards"] else "not "}ready, and {figures["lines of the log at level error"]} lines of its log
were errors.

| kind | requests | median, ms |
|---|---:|---:|
{kinds}

Resident memory of the process was {memory["after the first thousand"]:,.0f} MB after the first thousand requests and
{memory["at the end"]:,.0f} MB at the end (median of the last tenth), a growth of {_percent(memory["growth"])}. The
peak was {memory["peak since"]:,.0f} MB, {_percent(memory["peak growth"])} more. The course in MB, with the number of
requests: {course}. The checkpoint was exported (`vitrine export`), as recommended on a CPU.
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
## Increasing load

```console
python -m tests.load.load --out docs/reliability/load.json
```

Clients send the next request as soon as they have an answer, {figures["seconds a level"]:.0f} seconds for each number
of clients. The service is one process with a queue for {figures["queue"]} inputs (the default of 256 would not fill).
Clients and service share the cores, so the clients' times include their own delays.

{joined}

Measured inside the service, the {inside["times"]:,} refusals took {inside["p50"]:.1f} ms in the median,
{inside["p99"]:.1f} ms at the 99th percentile and {inside["longest"]:.1f} ms at most; {without} had no `Retry-After`.
One client alone had a median of {before["p50 ms"]:.0f} ms before the test and of {after["p50 ms"]:.0f} ms right
after it, when {_percent(after["share refused"])} were refused.
"""


def _beside(figures: Any) -> str:
    rows = "\n".join(
        f"| {name} | {one['searches']:,} | {one['p50 ms']:.1f} | {one['p99 ms']:.1f} |"
        for name, one in figures["search"].items()
    )
    same = figures["equal to the last digit"]
    equal = ", ".join(f"{split}: {'equal' if found else '**different**'}" for split, found in same.items())
    return f"""
## Searches during an evaluation

```console
python -m tests.load.evaluation_beside artefacts/catalogue --out docs/reliability/evaluation_beside.json
```

Searches by text and picture on {figures["products"]:,} products, alternately alone and while `GET /v1/evaluation`
computes; {figures["evaluations"]} evaluations, none from the cache.

| | searches | p50, ms | p99, ms |
|---|---:|---:|---:|
{rows}

During an evaluation the median is {figures["p50 ratio"]:.2f} times and the 99th percentile {figures["p99 ratio"]:.2f}
times that of the search alone. The service's figures equal those of `vitrine evaluate --json` to the last digit
({equal}).
"""


ELSEWHERE = """
## The tests

- `tests/app/test_live_model.py`: two services on one catalogue compared with a dict, by Hypothesis.
- `tests/app/test_openapi.py`: requests made from the OpenAPI document by Schemathesis.
- `tests/whole/test_kill.py`: a short run of *Killed during writes*.
- `tests/whole/test_complaints.py`: complaints about comparable projects, and the tests that exclude
  them here.
- `tests/app/test_failures.py`, `tests/app/test_uploads.py`, `tests/app/test_workers.py`: readiness, queues,
  deadlines, uploads, shutdown.

## What these measurements found

- With several workers every answer came 40 ms late, because connections of the shared socket kept Nagle's algorithm on.
- Memory grew: with torch from 1,050 to 1,288 MB (22.6 %) over 20,505 such requests, with onnxruntime from 498 to 611
  (also 22.6 %). More than half of it was free space in the heaps that glibc keeps for every thread, and the memory that
  onnxruntime keeps for every shape of a batch. The service now has two heaps, returns free memory every half minute,
  and lets onnxruntime keep nothing; the figures above show the result. Torch was not measured again.
- Every request passed through a thread to find its service, and a refusal waited for that.
- The name of a catalogue that replaces another was not synced. A power loss could have restored the old one.
- An attribute that no product had any more was still known to a worker that had seen it, but not to a new worker.

## What they do not show

- Power loss: SIGKILL ends processes, not the machine, and the operating system keeps what it has accepted. A program
  cannot protect against disks that report writes falsely.
- Absolute times: the machine had two cores with other work on them, so times compare only within one run.
- One state of the code: the attacks, the killing and the broken requests were measured on the present one. The
  database, the long run, the increasing load and the evaluation were measured before work and pictures were bounded.
"""


def _short(load: Any) -> str:
    inside = load["503 seen from inside, ms"]
    return f"""
## Missed goals

- The goal was a refusal in less than 50 ms. Measured inside, its median is {inside["p50"]:.0f} ms and its 99th
  percentile {inside["p99"]:.0f} ms, with 128 clients that start together on the two cores that they share with
  the service. The probable reason: refusals queue behind one another in the single event loop.
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

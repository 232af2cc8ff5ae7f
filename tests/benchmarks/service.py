"""The service over HTTP beside its own encoder and search alone, in one run.

    python -m tests.benchmarks.service --out docs/performance/service.json

One process of the real service, with its access log, and a client in a process of its own on the same cores
(tests/benchmarks/client.py). "Alone" is another process that only encodes and searches, in the batch size that is best
for it, while there is no service. All of it in turn, for several rounds; figures are the medians.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index import Catalogue, Mode, SearchIndex, SearchQuery
from models import decode_image, load_encoder
from tests.benchmarks.client import load, post, upload
from tests.benchmarks.contention import burn
from tests.benchmarks.large_photos import LARGE, large_pictures
from tests.benchmarks.performance import machine, machine_line, table
from tests.benchmarks.service_stages import loop_seconds, passage, stages
from tests.load.running import SHIPPED, Service, say, serving, work_folder

PATH = "/v1/search"
VECTORS = "/v1/embeddings"
CLIENTS = 32
CROWD = 128
QUEUE = 64
"""How many may wait in the run that overloads the service on purpose."""
PAUSE_S = 0.1
"""How long a client that was refused waits there; less than it is told, to keep the pressure up."""
K = 10
BATCHES = (1, 8, 16, 32, 64)
DISTINCT = 12_000
"""More texts than the cache holds: when they come round again, none is in it any more."""
PLAIN = "text, vectors alone"
"""The kind of texts that are searched for in mode vector: no words are read."""


def texts_of(catalogue: Path, count: int) -> list[str]:
    """Return distinct texts as customers might send them: titles of the catalogue, numbered when there are too few."""
    with Catalogue.open(catalogue) as opened:
        titles = list(dict.fromkeys(product.title for product in opened.snapshot().products))
    random.Random(0).shuffle(titles)
    return [titles[n % len(titles)] + ("" if n < len(titles) else f" {n // len(titles)}") for n in range(count)]


def pictures_of(catalogue: Path, count: int) -> list[bytes]:
    """Return pictures of products as they were delivered."""
    with Catalogue.open(catalogue) as opened:
        ids = [product.id for product in opened.snapshot().products]
        return [opened.image(name) for name in random.Random(0).sample(ids, min(count, len(ids)))]


def timed(call: Callable[[int], object], seconds: float) -> tuple[list[float], float]:
    """Return the milliseconds of each call, and the CPU milliseconds of one on average."""
    for number in range(3):
        call(number)
    times: list[float] = []
    spent, end = time.process_time(), time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        call(3 + len(times))
        times.append(1000 * (time.perf_counter() - start))
    return times, 1000 * (time.process_time() - spent) / len(times)


def alone(checkpoint: Path, catalogue: Path, seconds: float) -> dict[str, Any]:
    """Return what encoder and search take by themselves, in this process: per kind of input and batch size."""
    encoder = load_encoder(checkpoint, "cpu")
    with Catalogue.open(catalogue) as opened:
        index = SearchIndex(opened.snapshot())
    texts = texts_of(catalogue, DISTINCT)
    small, large = pictures_of(catalogue, 64), large_pictures(4)
    pixels = np.stack([encoder.prepare_image(decode_image(one)) for one in small])
    taken = 0  # each batch size goes on where the last one stopped: what was read before is kept by the index

    def batch(encode: Callable[..., np.ndarray], inputs: Any, size: int, *, reads: bool = False) -> dict[str, float]:
        encoding: list[float] = []

        def answer(_number: int) -> None:
            nonlocal taken
            start = taken % (len(inputs) - size + 1)
            asked, taken = inputs[start : start + size], taken + size
            parsed = [index.understand(text) for text in asked] if reads else [None] * size
            begun = time.perf_counter()
            vectors = encode([one.english for one in parsed if one] if reads else asked)
            encoding.append(1000 * (time.perf_counter() - begun))
            mode: Mode = "hybrid" if reads else "vector"
            index.search("images", vectors, [SearchQuery(k=K, mode=mode, parsed=one) for one in parsed])

        # One after the other, as a query needs them: each finds the caches as the other has left them.
        both, cpu = timed(answer, seconds)
        encode_ms, both_ms = statistics.median(encoding), statistics.median(both)
        return {
            "encode ms": round(encode_ms, 3),
            "search ms": round(both_ms - encode_ms, 3),
            "per second": round(1000 * size / both_ms, 1),
            "CPU ms each": round(cpu / size, 4),
        }

    def decoding(files: Sequence[bytes]) -> float:
        times, _ = timed(lambda n: encoder.prepare_image(decode_image(files[n % len(files)])), seconds / 2)
        return round(statistics.median(times), 3)

    found: dict[str, Any] = {"runtime": encoder.runtime, "products": len(index)}
    found["text"] = {"batches": {str(size): batch(encoder.encode_text, texts, size, reads=True) for size in BATCHES}}
    found[PLAIN] = {"batches": {str(size): batch(encoder.encode_text, texts, size) for size in BATCHES}}
    found["image"] = {"batches": {str(size): batch(encoder.encode_pixels, pixels, size) for size in BATCHES}}
    unread = taken % len(texts)
    found["stages"] = stages(encoder, index, [*texts[unread:], *texts[:unread]], CLIENTS, K, 4 * seconds)
    return {**found, "decode small ms": decoding(small), "decode large ms": decoding(large)}


@contextmanager
def neighbour() -> Iterator[None]:
    """Hold a core with another process."""
    process = multiprocessing.get_context("spawn").Process(target=burn, daemon=True)
    process.start()
    time.sleep(1)
    try:
        yield
    finally:
        process.kill()
        process.join()


def cpu_seconds(service: Service) -> float:
    """Return the CPU time that the service's processes have used so far."""
    ticks = 0
    for number in service.processes():
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(
    service: Service, requests: dict[str, list[bytes]], clients: dict[str, int], seconds: float, pause_s: float = 0
) -> Any:
    """Return what clients saw, and the CPU time that the service and they took for one answer."""
    spent, loop = cpu_seconds(service), loop_seconds(service.process.pid)
    found = load(service.url, requests, clients, seconds, pause_s)
    for kind in clients:  # the next ones go on where these stopped: no text is in the cache from the level before
        requests[kind] = [*requests[kind][found[kind]["answered"] :], *requests[kind][: found[kind]["answered"]]]
    answers = sum(found[kind]["answered"] + found[kind]["refused"] for kind in clients)
    found["server CPU ms each"] = round(1000 * max(cpu_seconds(service) - spent, 0.01) / max(1, answers), 4)
    found["event loop CPU ms each"] = round(1000 * (loop_seconds(service.process.pid) - loop) / max(1, answers), 4)
    found["client CPU ms each"] = round(1000 * found.pop("client CPU s") / max(1, answers), 4)
    for kind in clients:
        if found[kind]["other statuses"]:
            raise RuntimeError(f"{kind}: answers with other statuses: {found}")
    return found


def one_round(given: argparse.Namespace, requests: dict[str, list[bytes]], work: Path) -> dict[str, Any]:
    """Return the figures of everything once."""
    seconds = given.seconds
    command = [sys.executable, "-m", "tests.benchmarks.service", "--alone", "--seconds", str(seconds / 5), "--out", "-"]
    places = ["--checkpoint", str(given.checkpoint), "--catalogue", str(given.catalogue)]
    done = subprocess.run([*command, *places], capture_output=True, text=True, check=True)
    found: dict[str, Any] = {"alone": json.loads(done.stdout)}
    say(f"alone: {found['alone']}")
    levels: dict[str, dict[str, int]] = {
        "text": {"text": CLIENTS},
        "text, one client": {"text": 1},
        PLAIN: {PLAIN: CLIENTS},
        "text to vector": {"vector": CLIENTS},
        "text, in the cache": {"cached": CLIENTS},
        "text, in the cache, one client": {"cached": 1},
        "small pictures": {"small": CLIENTS},
        "small picture, one client": {"small": 1},
        "large pictures": {"large": CLIENTS},
        "large picture, one client": {"large": 1},
        "text beside large pictures": {"text": CLIENTS // 2, "large": CLIENTS // 2},
    }
    with serving(given.checkpoint, given.catalogue, work / "log", VITRINE_LOG_FORMAT="text") as service:
        measured(service, requests, {"text": 2, "small": 2, "cached": 2}, 1.0)  # first requests of a process are slower
        for name, clients in levels.items():
            if given.only and name not in given.only:
                continue
            found[name] = measured(service, requests, clients, seconds)
            say(f"{name}: {found[name]}")
        if given.only:
            return found
        for name, clients in (("text", {"text": CLIENTS}), ("small pictures", {"small": CLIENTS})):
            with neighbour():
                found[f"{name}, busy neighbour"] = measured(service, requests, clients, seconds)
            say(f"{name}, busy neighbour: {found[f'{name}, busy neighbour']}")
    with serving(
        given.checkpoint, given.catalogue, work / "log", VITRINE_LOG_FORMAT="text", VITRINE_QUEUE_LIMIT=str(QUEUE)
    ) as service:
        measured(service, requests, {"text": 2}, 1.0)
        found["too many"] = measured(service, requests, {"text": CROWD}, seconds, PAUSE_S)
        say(f"too many: {found['too many']}")
    return found


def medians(rounds: Sequence[Any]) -> Any:
    """Return the median over rounds of every number; what is no number is that of the first round."""
    first = rounds[0]
    if isinstance(first, dict):
        return {key: medians([one[key] for one in rounds]) for key in first}
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        middle = statistics.median(rounds)
        return round(middle) if isinstance(first, int) else round(middle, 4)
    return first


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Return what is compared with the goals."""

    def alone_one(kind: str) -> float:
        one = found["alone"][kind]["batches"]["1"]
        return float(one["encode ms"] + one["search ms"])

    def throughput(name: str, kind: str) -> float:
        return float(found[name][kind]["per second"])

    top = {
        kind: max(found["alone"][kind]["batches"].values(), key=lambda one: float(one["per second"]))
        for kind in ("text", PLAIN, "image")
    }
    best = {kind: one["per second"] for kind, one in top.items()}
    cpu = {kind: one["CPU ms each"] for kind, one in top.items()}
    decode = found["alone"]["decode small ms"]
    bound = 1000 * (QUEUE + 2 * CLIENTS) / throughput("too many", "text")
    found_ratios = {
        "text, throughput": throughput("text", "text") / best["text"],
        "text, CPU of the service": cpu["text"] / found["text"]["server CPU ms each"],
        f"{PLAIN}, throughput": throughput(PLAIN, PLAIN) / best[PLAIN],
        f"{PLAIN}, CPU of the service": cpu[PLAIN] / found[PLAIN]["server CPU ms each"],
        "small pictures, throughput": throughput("small pictures", "small") / best["image"],
        "small pictures, CPU of the service": (cpu["image"] + decode) / found["small pictures"]["server CPU ms each"],
        "text, one client": found["text, one client"]["text"]["p50 ms"] / alone_one("text"),
        "small picture, one client": found["small picture, one client"]["small"]["p50 ms"]
        / (alone_one("image") + decode),
        "large picture, one client": found["large picture, one client"]["large"]["p50 ms"]
        / (alone_one("image") + found["alone"]["decode large ms"]),
        "text, busy neighbour": throughput("text, busy neighbour", "text") / throughput("text", "text"),
        "small pictures, busy neighbour": throughput("small pictures, busy neighbour", "small")
        / throughput("small pictures", "small"),
        "too many, p99 of the bound": found["too many"]["text"]["p99 ms"] / bound,
    }
    return {name: round(ratio, 3) for name, ratio in found_ratios.items()}


def options() -> argparse.ArgumentParser:
    """Return the parser of this program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, help="[default: the one of the repository]")
    parser.add_argument("--catalogue", type=Path, default=Path("artefacts/catalogue"))
    parser.add_argument("--out", type=Path, required=True, help="where the figures go, as JSON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each level")
    parser.add_argument("--only", nargs="*", help="only these levels, to work on one; prints, writes nothing")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    return parser


def main() -> None:
    """Measure, and write the figures."""
    given = options().parse_args()
    if given.alone:
        sys.stdout.write(json.dumps(alone(given.checkpoint, given.catalogue, given.seconds)))
        return
    all_texts = texts_of(given.catalogue, DISTINCT)
    texts = [post(PATH, {"text": text, "k": K}) for text in all_texts]
    requests = {
        "text": texts,
        "cached": texts[:CLIENTS],
        PLAIN: [post(PATH, {"text": text, "k": K, "mode": "vector"}) for text in all_texts],
        "vector": [post(VECTORS, {"input": text}) for text in all_texts],
        "small": [upload(PATH, picture, k=str(K)) for picture in pictures_of(given.catalogue, 256)],
        "large": [upload(PATH, picture, k=str(K)) for picture in large_pictures(8)],
    }
    rounds = []
    with work_folder() as work:
        for _ in range(given.rounds):
            rounds.append(one_round(given, requests, work))
            if given.only:
                continue
            found = medians(rounds)
            size = round(statistics.mean(len(one) for one in requests["large"]) / 1000)
            about = {"machine": machine(), "rounds": len(rounds), "seconds": given.seconds, "large picture KB": size}
            write_json(given.out, {**about, "ratios": ratios(found), **found})
            say(json.dumps(ratios(found), indent=2))


GOALS: dict[str, tuple[str, str, float]] = {
    "text, throughput": ("texts a second, to encoder + search in their best batch", "≥", 0.8),
    f"{PLAIN}, throughput": ("the same for texts in mode vector", "≥", 0.8),
    "small pictures, throughput": ("pictures a second, to encoder + search in their best batch", "≥", 0.8),
    "text, CPU of the service": ("CPU time of encoder + search, to that of the service, per text", "≥", 0.8),
    f"{PLAIN}, CPU of the service": ("the same for texts in mode vector", "≥", 0.8),
    "small pictures, CPU of the service": ("the same with decoding, per picture", "≥", 0.8),
    "text, one client": ("median of one client, to encode + search: text", "≤", 1.5),
    "small picture, one client": ("the same with decoding: picture of 60×80 px", "≤", 1.5),
    "large picture, one client": ("the same with decoding: large picture", "≤", 1.5),
    "too many, p99 of the bound": ("p99 with more clients than may wait, to what the queue's limit allows", "≤", 1.0),
    "text, busy neighbour": ("texts a second beside a process that holds one core, to alone", "≥", 0.4),
    "small pictures, busy neighbour": ("pictures a second, the same", "≥", 0.4),
}
"""Ratio -> in words, and what it is to be."""


def goal_rows(result: dict[str, Any]) -> list[list[str]]:
    """Return every ratio beside its goal, and whether it was reached."""
    rows = []
    for name, (words, sign, goal) in GOALS.items():
        if name not in result["ratios"]:  # measured by an older version
            continue
        ratio = result["ratios"][name]
        reached = ratio >= goal if sign == "≥" else ratio <= goal
        rows.append([words, f"{sign} {goal:g}", f"**{ratio:.2f}**", "yes" if reached else "**no**"])
    return rows


def markdown(result: dict[str, Any]) -> str:
    """Return the section of docs/performance.md."""
    alone_ = result["alone"]
    best_batch, best = max(alone_["text"]["batches"].items(), key=lambda item: float(item[1]["per second"]))
    cpu_alone = best["CPU ms each"]
    short = [row[0] for row in goal_rows(result) if row[3] != "yes"]
    levels = []
    for name, kinds in result.items():
        if not isinstance(kinds, dict) or "server CPU ms each" not in kinds:
            continue
        seen = {kind: one for kind, one in kinds.items() if isinstance(one, dict)}
        for kind, one in seen.items():
            about = name if len(seen) == 1 else f"{name}: {kind}"
            figures = [f"{one[figure]:,.1f}" for figure in ("per second", "p50 ms", "p99 ms")]
            cpu = [f"{kinds[f'{who} CPU ms each']:.2f}" for who in ("server", "client")]
            levels.append([about, *figures, *(cpu if len(seen) == 1 else ["", ""])])
    batches = [
        [kind, size, f"{one['encode ms']:.2f}", f"{one['search ms']:.2f}", f"{one['per second']:,.0f}"]
        for kind, sizes in alone_.items()
        if isinstance(sizes, dict) and "batches" in sizes
        for size, one in sizes["batches"].items()
    ]
    crowd = result["too many"]["text"]
    beside = result["text beside large pictures"]["text"]
    where = passage(result, float(best["per second"]), GOALS["text, throughput"][2])
    share = 100 * crowd["refused"] / max(1, crowd["refused"] + crowd["answered"])
    return f"""
## The service beside its own encoder

```console
python -m tests.benchmarks.service --catalogue PATH --out docs/performance/service.json
```

{machine_line(result["machine"])} The catalogue has {alone_["products"]:,} products, the towers run in
{alone_["runtime"]}. The service is one process of `vitrine serve` with its access log. The clients run in a separate
process on the same cores: {CLIENTS} of them, unless a row says one. Texts are titles that are not in the cache. A text
is searched for as a customer's is: its words are read, and rank beside its vector. In mode `vector` only the vector
ranks. Small pictures are those of the catalogue; large ones have {LARGE[0]:,}×{LARGE[1]:,} px and
{result["large picture KB"]} KB. Figures are medians of {result["rounds"]} rounds.

{table(["ratio", "goal", "measured", "reached"], goal_rows(result))}

{"Goals missed: " + "; ".join(short) + "." if short else "Every goal was reached."}

The clients' CPU time is not subtracted: encoder and search alone have both cores, the service shares them with its
clients. The ratios of CPU time exclude the clients: they compare the CPU time per answer of the service's process with
that of encoder and search. For texts, the difference is the cost of HTTP. Encoder and search take {cpu_alone:.2f} ms of
CPU time for a text in their best batch, the service {result["text"]["server CPU ms each"]:.2f} ms, and
{result["text, in the cache"]["server CPU ms each"]:.2f} ms, search included, if the vector is in the cache. The best
batch alone has {best_batch} texts, but {CLIENTS} clients that wait for their answers never fill a batch of more than
{CLIENTS}.
{where}
{table(["", "answers/s", "p50, ms", "p99, ms", "CPU of the service, ms each", "CPU of the client, ms each"], levels)}

Beside {CLIENTS // 2} clients that upload large pictures, texts have a median of {beside["p50 ms"]:.0f} ms and a 99th
percentile of {beside["p99 ms"]:.0f} ms. They wait for the preceding batch, in which pictures are encoded, but never for
a picture to be decoded. With {CROWD} clients and room for {QUEUE} in the queue, {share:.0f} % of the requests are
refused. Seen from the client, a refusal takes {crowd["refused p50 ms"]:.0f} ms in the median and
{crowd["refused p99 ms"]:.0f} ms at the 99th percentile.

Encoder and search alone, in milliseconds a batch; reading a text's words counts as search. Decoding and scaling one
picture adds {alone_["decode small ms"]:.2f} ms (small) or {alone_["decode large ms"]:.1f} ms (large):

{table(["input", "batch", "encode", "search", "inputs/s"], batches)}
"""


if __name__ == "__main__":
    main()

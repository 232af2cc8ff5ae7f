"""Vitrine beside infinity, sentence-transformers and clip-retrieval: the same machine, clients, texts and pictures.

    python -m tests.benchmarks.peers.install
    python -m tests.benchmarks.peers.side_by_side --minilm PATH --dinov2 PATH --out docs/performance/peers.json

Each server is alone on the machine in turn, several times round; figures are the medians. PATHs are folders with the
weights of all-MiniLM-L6-v2 and DINOv2-small: peers run them as they are; ours are the same towers after training, which
costs the same. Every peer is set up as its documents recommend for a CPU; where they recommend several ways, in each.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from common import write_json
from index import Catalogue
from models import read_config
from tests.benchmarks.client import load, post, upload
from tests.benchmarks.peers.install import BUILD, PEERS, python_of
from tests.benchmarks.performance import machine, machine_line, table
from tests.benchmarks.service import CLIENTS, DISTINCT, K, medians, pictures_of, texts_of
from tests.load.running import SHIPPED, say, serving, work_folder

HERE = Path(__file__).parent
START_S = 240.0
SHOWN = ("infinity-emb", "sentence-transformers", "clip-retrieval", "torch", "transformers", "onnxruntime", "faiss-cpu")
"""Packages of the peers' environments whose versions are recorded."""
EMBED, SEARCH, LOOK = "text to vector", "text to products", "picture to products"
"""What is asked."""


@dataclass(frozen=True)
class Peer:
    """A server: how it is started, at what path it is asked what."""

    environment: str
    command: Sequence[str]
    asks: Mapping[str, Callable[[Any], bytes]]
    health: str
    note: str


def embeddings(path: str, **fields: Any) -> Callable[[str], bytes]:
    """Return how to ask for a text's vector in the shape of OpenAI's call."""
    return lambda text: post(path, {"input": [text], **fields})


def knn(field: str) -> Callable[[Any], bytes]:
    """Return how clip-retrieval is asked for the nearest products."""
    fields = {"modality": "image", "num_images": K, "num_result_ids": K, "indice_name": "shop"}

    def ask(value: str | bytes) -> bytes:
        sent = value if isinstance(value, str) else base64.b64encode(value).decode()
        return post("/knn-service", {field: sent, **fields})

    return ask


def peers(given: argparse.Namespace, port: int, folder: Path, size: int) -> dict[str, Peer]:
    """Return the servers beside ours."""
    model, quantised = BUILD / "models" / "minilm", BUILD / "models" / "minilm-infinity"
    infinity = [
        str(BUILD / "infinity" / "bin" / "infinity_emb"),
        "v2",
        "--device",
        "cpu",
        "--port",
        str(port),
        "--served-model-name",
        "m",
    ]
    ask = {EMBED: embeddings("/embeddings", model="m")}
    own = [str(HERE / "sentence_server.py"), str(model), str(port)]
    clip = [str(HERE / "clip_server.py"), str(folder), str(model), str(given.dinov2), str(size), str(port)]
    return {
        "infinity, torch": Peer(
            "infinity",
            [*infinity, "--engine", "torch", "--model-id", str(quantised)],
            ask,
            "/health",
            "its default engine",
        ),
        "infinity, optimum": Peer(
            "infinity",
            [*infinity, "--engine", "optimum", "--model-id", str(quantised)],
            ask,
            "/health",
            "onnxruntime, int8, as it recommends for a CPU",
        ),
        "sentence-transformers, torch": Peer(
            "sentence-transformers",
            [*own, "torch"],
            {EMBED: embeddings("/v1/embeddings")},
            "/health",
            "its default; one encoding thread behind FastAPI",
        ),
        "sentence-transformers, onnx int8": Peer(
            "sentence-transformers-onnx",
            [*own, "onnx"],
            {EMBED: embeddings("/v1/embeddings")},
            "/health",
            "as it recommends for a CPU; the newest release whose extra for onnxruntime installs",
        ),
        "clip-retrieval": Peer(
            "clip-retrieval",
            clip,
            {SEARCH: knn("text"), LOOK: knn("image")},
            "/indices-list",
            "its back end with the same towers in torch, float32, and the index it builds from the same vectors",
        ),
    }


def lay_out(catalogue: Path, folder: Path) -> None:
    """Write the catalogue's vectors and titles as clip-retrieval reads them."""
    with Catalogue.open(catalogue) as opened:
        snapshot = opened.snapshot()
    (folder / "metadata").mkdir(parents=True)
    np.save(folder / "image.npy", np.asarray(snapshot.image_vectors, dtype=np.float32))
    columns = {
        "image_path": [f"{product.id}.jpg" for product in snapshot.products],
        "caption": [product.title for product in snapshot.products],
    }
    parquet.write_table(pa.table(columns), folder / "metadata" / "metadata_0.parquet")


def prepare(minilm: Path) -> None:
    """Put the text tower into the form that the peers read, once."""
    model, quantised = BUILD / "models" / "minilm", BUILD / "models" / "minilm-infinity"
    if not (model / "onnx").exists():
        model.parent.mkdir(parents=True, exist_ok=True)
        python = str(python_of("sentence-transformers-onnx"))
        subprocess.run([python, str(HERE / "prepare.py"), str(minilm), str(model)], check=True)
    if not quantised.exists():
        # infinity takes the file that has "quantized" in its name where it runs on a CPU, and its release of
        # sentence-transformers knows the modules by their older names.
        shutil.copytree(model, quantised, ignore=shutil.ignore_patterns("*.onnx"))
        shutil.copy(model / "onnx" / "model_qint8_avx512_vnni.onnx", quantised / "onnx" / "model_quantized.onnx")
        names = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
        modules = [
            {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{name}"}
            for n, (path, name) in enumerate(names.items())
        ]
        write_json(quantised / "modules.json", modules)
        write_json(
            quantised / "1_Pooling" / "config.json", {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}
        )
        write_json(quantised / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})


@contextmanager
def started(peer: Peer, port: int, log: Path) -> Iterator[tuple[int, float]]:
    """Run a peer's server; yield its process and the seconds until it answered."""
    # Offline, and with threads that wait passively: the peers have that from us as well.
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE", "DO_NOT_TRACK": "1"}
    begun = time.monotonic()
    with log.open("wb") as file:
        command = [str(python_of(peer.environment)), *peer.command]
        process = subprocess.Popen(command, env=variables, stdout=file, stderr=file, process_group=0)
    try:
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}{peer.health}", timeout=5, trust_env=False).status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            if process.poll() is not None or time.monotonic() > begun + START_S:
                raise RuntimeError(f"it did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")
            time.sleep(0.1)
        yield process.pid, time.monotonic() - begun
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def asked(url: str, requests: dict[str, list[bytes]], seconds: float) -> dict[str, Any]:
    """Return what `CLIENTS` clients and one alone see, per kind of request."""
    found: dict[str, Any] = {}
    for kind, all_of in requests.items():
        load(url, {kind: all_of[-64:]}, {kind: 2}, 1.5)  # the first requests of a process are slower
        many = load(url, {kind: all_of[: DISTINCT // 2]}, {kind: CLIENTS}, seconds)[kind]
        one = load(url, {kind: all_of[len(all_of) // 2 :]}, {kind: 1}, seconds / 2)[kind]
        if many["other statuses"] or one["other statuses"] or not many["answered"]:
            raise RuntimeError(f"{kind}: not answered well: {many} {one}")
        parts = {f"{name} of {CLIENTS} clients": many[name] for name in ("per second", "p50 ms", "p99 ms")}
        found[kind] = {**parts, "p50 ms of one client": one["p50 ms"]}
    return found


def memory(pid: int) -> float:
    """Return the resident memory of a process and its children, in MB."""
    pages = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                group = int((entry / "stat").read_text().rpartition(")")[2].split()[2])
                pages += int((entry / "statm").read_text().split()[1]) if group == pid else 0
            except OSError:
                continue
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def one_round(given: argparse.Namespace, folder: Path, inputs: Mapping[str, Sequence[Any]], work: Path) -> Any:
    """Return the figures of every server once."""
    size = read_config(given.checkpoint)[0].image.preprocess.size[0]
    port = free_port()
    found: dict[str, Any] = {}
    ours: dict[str, Callable[[Any], bytes]] = {
        EMBED: embeddings("/v1/embeddings"),
        SEARCH: lambda text: post("/v1/search/images", {"text": text, "k": K}),
        LOOK: lambda picture: upload("/v1/search/images", picture, k=str(K)),
    }
    begun = time.monotonic()
    with serving(given.checkpoint, given.catalogue, work / "log", VITRINE_LOG_FORMAT="text") as service:
        seconds = time.monotonic() - begun
        requests = {kind: [ask(one) for one in inputs[kind]] for kind, ask in ours.items()}
        found["Vitrine"] = asked(service.url, requests, given.seconds)
        found["Vitrine"] |= {"start s": round(seconds, 1), "memory MB": memory(service.process.pid)}
    say(f"Vitrine: {found['Vitrine']}")
    for name, peer in peers(given, port, folder, size).items():
        with started(peer, port, work / "log") as (pid, seconds):
            url = f"http://127.0.0.1:{port}"
            requests = {kind: [ask(one) for one in inputs[kind]] for kind, ask in peer.asks.items()}
            found[name] = asked(url, requests, given.seconds)
            found[name] |= {"start s": round(seconds, 1), "memory MB": memory(pid)}
            if name.startswith("sentence-transformers"):
                batches = [
                    httpx.post(f"{url}/alone", json={"input": inputs[EMBED][:n]}, timeout=60) for n in (8, 16, 32, 64)
                ]
                best = max(float(one.raise_for_status().json()["per second"]) for one in batches)
                found[name]["in its own process, best batch, per second"] = round(best, 1)
        say(f"{name}: {found[name]}")
    return found


def ratios(found: Mapping[str, Any]) -> dict[str, dict[str, float | str]]:
    """Return, per kind of request, ours against the best peer's."""
    compared: dict[str, dict[str, float | str]] = {}
    rate, late = f"per second of {CLIENTS} clients", f"p99 ms of {CLIENTS} clients"
    for kind, ours in found["Vitrine"].items():
        if not isinstance(ours, dict):
            continue
        theirs = {name: one[kind] for name, one in found.items() if name != "Vitrine" and kind in one}
        best = max(theirs, key=lambda name, of=theirs: of[name][rate])  # type: ignore[misc]
        compared[kind] = {
            "best peer": best,
            "queries per second": round(ours[rate] / theirs[best][rate], 2),
            "p99": round(ours[late] / min(one[late] for one in theirs.values()), 2),
            "p50 of one client": round(
                ours["p50 ms of one client"] / min(one["p50 ms of one client"] for one in theirs.values()), 2
            ),
        }
    return compared


def versions() -> dict[str, dict[str, str]]:
    """Return what is installed for each peer, of the packages that matter."""
    found = {}
    for name in PEERS:
        places = [str(path) for path in (BUILD / name).glob("lib/python*/site-packages")]
        installed = {one.name.lower().replace("_", "-"): one.version for one in distributions(path=places)}
        found[name] = {package: installed[package] for package in SHOWN if package in installed}
    return found


def main() -> None:
    """Measure every server in turn, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minilm", type=Path, required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--dinov2", type=Path, required=True, help="folder of DINOv2-small")
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, help="ours [default: the one of the repository]")
    parser.add_argument("--catalogue", type=Path, default=Path("artefacts/catalogue"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    missing = [name for name in PEERS if not (BUILD / name / "installed").exists()]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; run python -m tests.benchmarks.peers.install")
    prepare(given.minilm)
    texts, pictures = texts_of(given.catalogue, DISTINCT), pictures_of(given.catalogue, 256)
    inputs: dict[str, Sequence[Any]] = {EMBED: texts, SEARCH: texts, LOOK: pictures}
    rounds = []
    with work_folder() as work:
        lay_out(given.catalogue, work / "clip")
        for _ in range(given.rounds):
            rounds.append(one_round(given, work / "clip", inputs, work))
            found = medians(rounds)
            notes = {name: peer.note for name, peer in peers(given, 0, work, 0).items()}
            about = {"machine": machine(), "peers": versions(), "notes": notes, "rounds": len(rounds)}
            write_json(given.out, {**about, "ratios": ratios(found), "servers": found})
    say(str(ratios(found)))


GOALS = {EMBED: 2.0, SEARCH: 2.0, LOOK: 3.0}
"""Times the queries a second of the best peer."""


def markdown(result: dict[str, Any]) -> str:
    """Return the section of docs/performance.md."""
    rate, middle, late = (f"{figure} of {CLIENTS} clients" for figure in ("per second", "p50 ms", "p99 ms"))
    goals, parts = [], []
    for kind, goal in GOALS.items():
        one = result["ratios"][kind]
        reached = one["queries per second"] >= goal and one["p99"] < 1
        cells = [f"≥ {goal:g}", f"**{one['queries per second']:.2f}**", f"{one['p99']:.2f}"]
        cells.append(f"{one['p50 of one client']:.2f}")
        goals.append([kind, one["best peer"], *cells, "yes" if reached else "**no**"])
        rows = [
            [
                name,
                *(f"{found[kind][figure]:,.1f}" for figure in (rate, middle, late, "p50 ms of one client")),
                f"{found['memory MB']:,.0f}",
                f"{found['start s']:.0f}",
            ]
            for name, found in result["servers"].items()
            if kind in found
        ]
        head = ["", "queries/s", "p50, ms", "p99, ms", "one client's p50, ms", "memory, MB", "start, s"]
        parts.append(f"**{kind.capitalize()}**\n\n{table(head, rows)}")
    notes = "\n".join(f"- {name}: {note}." for name, note in result["notes"].items())
    installed = "; ".join(
        f"{name} with " + ", ".join(f"{package} {number}" for package, number in found.items())
        for name, found in result["peers"].items()
    )
    itself = [
        f"{name} {one['in its own process, best batch, per second']:,.0f}"
        for name, one in result["servers"].items()
        if "in its own process, best batch, per second" in one
    ]
    lost = [kind for kind, row in zip(GOALS, goals, strict=True) if row[-1] != "yes"]
    newline = "\n\n"
    measures = ["queries/s, times the best peer's", "p99, to the lowest", "one client, to the lowest"]
    columns = ["", "best peer", "goal", *measures, "reached"]
    return f"""
## Beside other projects

```console
python -m tests.benchmarks.peers.install
python -m tests.benchmarks.peers.side_by_side --minilm PATH --dinov2 PATH --out docs/performance/peers.json
```

{machine_line(result["machine"])} The servers run one after the other, each {result["rounds"]} times, and no other
server runs meanwhile. All get the same {CLIENTS} clients, texts and pictures, one input per request. Figures are
medians. The environments: {installed}.

{table(columns, goals)}

{"Not reached: " + ", ".join(lost) + "." if lost else "Every goal was reached."} *Text to vector* uses the shape of
OpenAI's call; the peers return 384 numbers, we return 128. Texts a second that a library encodes in its own process, in
its best batch: {", ".join(itself)}.

{newline.join(parts)}

The set-up of the peers, all with the weights of the same text tower and with passively waiting threads, as ours:

{notes}

On text to vector: with onnxruntime, infinity and sentence-transformers run the faster form of int8. It takes one scale
for all inputs of a call, so a text's vector depends on the texts that are encoded with it. Ours does not, and that
costs us the gain of a batch.

Differences between the sides: our towers are these towers after training, in the form that `vitrine export` gives them;
their shapes, and so their cost, are the same. No peer serves DINOv2 without changes: infinity serves the families of
CLIP and SigLIP, and sentence-transformers has no service. So pictures are compared with clip-retrieval's back end, with
a model loader that loads the same two towers into torch at our input size. It answers from an approximate index, as its
own command builds it; ours is exact.
"""


if __name__ == "__main__":
    main()

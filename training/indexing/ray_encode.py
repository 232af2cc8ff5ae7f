"""The titles and pictures of a data set as vectors, on a Ray cluster (Ray Data). Knows no catalogue.

Data set and checkpoint need to be on this machine only: one process on it reads the pictures, and the nodes get them,
and the checkpoint, through Ray. Vitrine is installed on every node. What was encoded comes back in parts, each of them
a Parquet file in a folder beside the catalogue, so that a run that was stopped goes on where it was:

    .CATALOGUE.ENCODER-RUNTIME-FINGERPRINT.parts/titles-000000000-000000128.parquet     a row per title or picture:
    .CATALOGUE.ENCODER-RUNTIME-FINGERPRINT.parts/pictures-000000000-000000128.parquet   its vector, or null
"""

from __future__ import annotations

import glob
import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from common import ConfigError, DataError, VitrineError, atomic_file
from models import Encoder, load_encoder
from models.checkpoint_folder import CONFIG_FILE, WEIGHTS_FILE
from models.onnx_backend import FOLDER as ONNX
from models.tokenizer import TOKENIZER_FILE
from training.data import Dataset, open_dataset
from training.indexing.local import Encoded, Read, Vector, distinct_titles, encode_pictures, encode_titles
from training.progress import bar

PART = 128
"""Titles or pictures in a part: what a process gets at once, and what is lost when it dies. A multiple of what goes
through a tower together on a CPU, so that the batches are those of one process."""

SETTLE_S = 30.0
"""Longest that a run which was stopped may take to let go of its processes, in seconds."""
REACH_S = 5.0
"""Longest that a cluster may take to answer at its address, in seconds."""

ABANDONED_AFTER_S = 7 * 24 * 3600.0
"""Age, in seconds, from which another run's parts are cleared away: nobody is going to go on with it."""

Kind = Literal["titles", "pictures"]


@dataclass(frozen=True, slots=True)
class Part:
    """Titles or pictures in a row, from `start` up to `stop`."""

    kind: Kind
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def file(self) -> str:
        """Its name in the folder of parts."""
        return f"{self.kind}-{self.start:09d}-{self.stop:09d}.parquet"


class Parts:
    """The parts of one data set, encoded or not; belongs to one checkpoint, and how that is run."""

    def __init__(self, out: Path, name: str, dataset: Dataset, titles: int, dim: int, device: str) -> None:
        self.device = device
        out = out.absolute()
        self._others = f".{glob.escape(out.name)}.*.parts"
        self._folder = out.with_name(f".{out.name}.{name}.parts")
        self._dataset = dataset
        self._type = pa.binary(4 * dim)
        counts: dict[Kind, int] = {"titles": titles, "pictures": len(dataset.items)}
        self._parts = [
            Part(kind, start, min(start + PART, count))
            for kind, count in counts.items()
            for start in range(0, count, PART)
        ]

    def missing(self) -> list[Part]:
        """Return the parts that are still to be encoded."""
        there = set(os.listdir(self._folder)) if self._folder.is_dir() else set()
        return [part for part in self._parts if part.file not in there]

    def write(self, part: Part, rows: Any) -> None:
        """Keep an encoded part: an Arrow array of vectors as bytes, null where there is none."""
        with atomic_file(self._folder / part.file) as beside:
            pq.write_table(pa.table({"vector": rows.cast(self._type)}), beside)

    def titles(self) -> Vector:
        """Return the vectors (T, D) of the titles."""
        rows = [row for part in self._parts if part.kind == "titles" for row in self._read(part)]
        return np.stack([np.frombuffer(row, dtype="<f4") for row in rows if row is not None])

    def pictures(self) -> Generator[list[Encoded | None], None, None]:
        """Yield the pictures with their vectors in the data set's order; None for one that cannot be used."""
        for part in self._parts:
            if part.kind == "pictures":
                items = self._dataset.items[part.start : part.stop]
                rows = self._read(part)
                yield [self._encoded(item.read, row) for item, row in zip(items, rows, strict=True)]

    def remove(self) -> None:
        """Clear the parts away, and what is left of runs that nobody went on with."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for other in self._folder.parent.glob(self._others):
            if time.time() - other.stat().st_mtime > ABANDONED_AFTER_S:
                shutil.rmtree(other, ignore_errors=True)

    def _read(self, part: Part) -> list[bytes | None]:
        path = self._folder / part.file
        try:
            rows: list[bytes | None] = pq.read_table(path)["vector"].cast(self._type).to_pylist()
        except (OSError, pa.ArrowException, KeyError) as error:
            path.unlink(missing_ok=True)
            raise VitrineError(f"{path} was damaged ({error}) and is removed; start it again to encode it") from error
        return rows

    @staticmethod
    def _encoded(read: Read, row: bytes | None) -> Encoded | None:
        if row is None:
            return None
        try:
            return read(), np.frombuffer(row, dtype="<f4").astype(np.float32, copy=False)
        except (DataError, OSError):  # it could be read when it was encoded
            return None


def encode_on_ray(
    address: str,
    checkpoint: Path,
    encoder: Encoder,
    data: Path,
    dataset: Dataset,
    titles: Sequence[str],
    out: Path,
    *,
    device: str,
    console: Console,
) -> Parts:
    """Encode a data set on a cluster, but for what an earlier run left beside `out`, and return all its parts.

    Args:
        address: "local" for the cores of this machine, "auto" for the cluster that it belongs to, or HOST:PORT of that.
        checkpoint: folder.
        encoder: that checkpoint, loaded here.
        data: where `dataset` was opened.
        dataset: what is encoded.
        titles: its distinct titles.
        out: the catalogue-to-be; the parts go beside it.
        device: "cpu", "cuda", or "auto": the cluster's GPUs, or its cores where it has none.
        console: for progress.

    Raises:
        ConfigError: Ray is not installed, no such cluster is there, or it has nothing to compute with.
        VitrineError: the cluster cannot encode it; what it did is kept.
    """
    with _connected(address):
        kind, gpus, cpus, processes = _plan_workers(device)
        runtime = "torch-cuda" if kind == "cuda" else f"{encoder.runtime}-cpu"
        name = f"{encoder.encoder_id}-{runtime}-{dataset.fingerprint[:16]}"
        parts = Parts(out, name, dataset, len(titles), encoder.dim, f"{processes} x {kind} by Ray")
        missing = parts.missing()
        total = len(titles) + len(dataset.items)
        with bar(f"encoding in {processes} processes", total, "texts and images", console) as advance:
            advance(total - sum(map(len, missing)))
            files = _put_checkpoint(checkpoint, kind)
            source = str(data.expanduser().absolute()), dataset.fingerprint
            for part, rows in _parts(missing, source, files, kind, gpus, cpus, processes) if missing else ():
                parts.write(part, rows)
                advance(len(part))
    return parts


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Join a cluster for as long as the block runs; one that this process has joined already is used as it is."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what is wrong comes as an exception as well
    try:
        import ray
        import ray.data
    except ImportError:
        raise ConfigError("Ray is not installed; get it with `pip install 'vitrine[ray]'` on every node") from None
    if ray.is_initialized():
        yield
        return
    if address.startswith("ray://"):
        raise ConfigError(
            f"{address} is for Ray's client, which Ray Data does not run under; start it on a node of the cluster "
            "(`ray start --address HOST:PORT` makes this machine one) with `--ray auto`"
        )
    if address not in ("local", "auto"):
        _check_reachable(address)
    try:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        ray.init(address=address, **({"include_dashboard": False} if address == "local" else {}), **quiet)
    except Exception as error:  # ConnectionError, RuntimeError (other versions), AssertionError, ...
        said = str(error).splitlines()[0].split(". ")[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"there is no Ray cluster to join at {address!r} ({said}); give local, or HOST:PORT of a cluster that this "
            "machine is a node of (`ray start --address HOST:PORT`), and the nodes' RAY_AUTH_MODE and token, if any"
        ) from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    try:
        yield
    except ray.exceptions.RayError as error:
        raise VitrineError(
            f"the cluster at {address} failed ({str(error).splitlines()[0]}); start it again: what was encoded is kept"
        ) from error
    finally:
        # A run that was stopped is still at work in a thread of its own, until somebody collects what started it; when
        # it meets a cluster that was left, it ends the whole process.
        for thread in threading.enumerate():
            if thread.name.startswith("StreamingExecutor-") and hasattr(thread, "shutdown"):
                thread.shutdown(force=True)
                thread.join(SETTLE_S)
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Knock at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"--ray is {address!r}; give local, auto, or HOST:PORT such as 192.0.2.1:6379")
    try:
        socket.create_connection((host, int(port)), REACH_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"no Ray cluster answers at {address} ({error}); look at it with `ray status`") from error


def _plan_workers(device: str) -> tuple[Literal["cpu", "cuda"], int, int, int]:
    """Return what computes: its kind, GPUs and cores per process, and how many processes."""
    import ray

    there = ray.cluster_resources()
    cores, cards = int(there.get("CPU", 0)), int(there.get("GPU", 0))
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--ray shares out whole devices, and the device is {device!r}; give auto, cpu or cuda")
    if device == "cuda" and not cards:
        raise ConfigError(f"the cluster has {cores} cores and no GPU; give --device auto or cpu")
    if not cores:
        raise ConfigError("the cluster has no cores to compute with; add a node with `ray start --address HOST:PORT`")
    if device == "cpu" or not cards:
        return "cpu", 0, 1, cores
    return "cuda", 1, max(1, cores // cards), cards


def _put_checkpoint(checkpoint: Path, kind: str) -> Any:
    """Put the files that make an encoder of a checkpoint into Ray's store, once for all nodes."""
    import ray

    names = [CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE]
    if kind == "cpu":
        names += [f"{ONNX}/{path.name}" for path in sorted((checkpoint / ONNX).glob("*.*"))]
    return ray.put({name: (checkpoint / name).read_bytes() for name in names})


def _parts(
    missing: Sequence[Part], source: tuple[str, str], files: Any, kind: str, gpus: int, cpus: int, processes: int
) -> Iterator[tuple[Part, Any]]:
    """Yield each of these parts with its vectors, as they become ready.

    What a process or a node takes along when it dies, Ray gives to another.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    rows = [pa.table({"kind": [part.kind], "start": [part.start], "stop": [part.stop]}) for part in missing]
    each: dict[str, Any] = {"batch_size": 1, "batch_format": "pyarrow"}
    encoded = (
        ray.data.from_arrow(rows)
        .map_batches(
            _ReadParts,
            fn_constructor_args=source,
            num_cpus=0,
            compute=ActorPoolStrategy(size=1),
            label_selector={"ray.io/node-id": ray.get_runtime_context().get_node_id()},
            **each,
        )
        .map_batches(
            _EncodeParts,
            fn_constructor_args=(files, kind, cpus),
            num_cpus=cpus,
            num_gpus=gpus,
            compute=ActorPoolStrategy(min_size=1, max_size=processes, initial_size=processes),
            **each,
        )
    )
    for batch in encoded.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        for row in range(len(batch)):
            found = {name: batch[name][row] for name in batch.column_names}
            if error := found["error"].as_py():
                raise VitrineError(f"a node of the cluster cannot encode ({error}); start it again: the rest is kept")
            yield Part(*(found[name].as_py() for name in ("kind", "start", "stop"))), found["vectors"].values


class _ReadParts:
    """Runs beside the data set: adds to a part the texts or pictures that it is of, null for what cannot be read."""

    def __init__(self, data: str, fingerprint: str) -> None:
        self._source = data, fingerprint
        self._dataset: Dataset | None = None
        self._titles: list[str] = []

    def __call__(self, table: Any) -> Any:
        """Return a part of one row with its `inputs`, or with an `error`."""
        (kind,), (start,), (stop,) = (table[name].to_pylist() for name in ("kind", "start", "stop"))
        inputs: list[bytes | None] = []
        error = None
        try:
            dataset = self._opened()
            if kind == "titles":
                inputs = [title.encode() for title in self._titles[start:stop]]
            else:
                inputs = [_bytes(item.read) for item in dataset.items[start:stop]]
        except VitrineError as found:
            error = str(found)
        table = table.append_column("inputs", pa.array([inputs], pa.list_(pa.large_binary())))
        return table.append_column("error", pa.array([error], pa.string()))

    def _opened(self) -> Dataset:
        if self._dataset is None:
            data, fingerprint = self._source
            dataset = open_dataset(Path(data))
            if dataset.fingerprint != fingerprint:
                raise DataError(f"{data} has just changed; start it again when it is complete")
            self._dataset, self._titles = dataset, distinct_titles(dataset)
        return self._dataset


class _EncodeParts:
    """Runs on a node: turns the inputs of a part into vectors, with an encoder that is loaded once."""

    def __init__(self, files: Any, device: str, threads: int) -> None:
        self._files, self._device, self._threads = files, device, threads
        self._encoder: Encoder | None = None

    def __call__(self, table: Any) -> Any:
        """Return a part of one row with its `vectors` instead of its inputs, or with an `error`."""
        (kind,), (inputs,), (error,) = (table[name].to_pylist() for name in ("kind", "inputs", "error"))
        vectors: list[bytes | None] = []
        if error is None:
            try:
                vectors = self._encode(kind, inputs)
            except Exception as found:  # an exception would only tell the driver that the part is missing
                error = f"{type(found).__name__}: {found}"
        table = table.select(["kind", "start", "stop"])
        table = table.append_column("vectors", pa.array([vectors], pa.list_(pa.binary())))
        return table.append_column("error", pa.array([error], pa.string()))

    def _encode(self, kind: Kind, inputs: Sequence[bytes | None]) -> list[bytes | None]:
        encoder = self._loaded()
        if kind == "titles":
            titles = [title.decode() for title in inputs if title is not None]
            return [_packed(row) for rows in encode_titles(encoder, titles, self._threads) for row in rows]
        batches = encode_pictures(encoder, [_reader(picture) for picture in inputs], self._threads)
        return [None if one is None else _packed(one[1]) for batch in batches for one in batch]

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            import ray

            with TemporaryDirectory() as folder:
                for name, content in ray.get(self._files).items():
                    path = Path(folder, name)
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(content)
                self._encoder = load_encoder(folder, self._device)
        return self._encoder


def _bytes(read: Read) -> bytes | None:
    with suppress(DataError, OSError):
        return read()
    return None


def _reader(picture: bytes | None) -> Read:
    def read() -> bytes:
        if picture is None:
            raise DataError("it could not be read")
        return picture

    return read


def _packed(row: Vector) -> bytes:
    return row.astype("<f4", copy=False).tobytes()

"""The titles and pictures of a data set as vectors, on a Ray cluster (Ray Data). Knows no catalogue.

Only this machine needs the data set and the checkpoint: one process on it reads the pictures, and the nodes get them,
and the checkpoint, through Ray. Vitrine is installed on every node. Results come back in parts, which are stored as
they arrive.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from rich.console import Console

from common import DataError, VitrineError
from models import CONFIG_FILE, ONNX_FOLDER, TOKENIZER_FILE, WEIGHTS_FILE, Encoder, load_encoder
from training.data import Dataset, open_dataset
from training.indexing.local import Read, Vector, all_pictures, distinct_titles, encode_pictures, encode_titles
from training.indexing.parts import Kind, Part, Parts
from training.indexing.ray_cluster import Workers, joined_cluster, plan_workers
from training.progress import bar


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
    part_size: int,
    console: Console,
) -> Parts:
    """Encode a data set on a cluster, except for the parts that an earlier run left beside `out`; return all its parts.

    Args:
        address: "local" for the cores of this machine, "auto" for the cluster that it belongs to, or HOST:PORT of that.
        checkpoint: folder.
        encoder: that checkpoint, loaded here.
        data: where `dataset` was opened.
        dataset: what is encoded.
        titles: its distinct titles.
        out: the catalogue-to-be; the parts go beside it.
        device: "cpu", "cuda", or "auto": the cluster's GPUs, or its cores where it has none.
        part_size: titles or pictures in a part.
        console: for progress.

    Raises:
        ConfigError: Ray is not installed, no such cluster is there, or it has nothing to compute with.
        VitrineError: the cluster cannot encode it; what it did is kept.
    """
    with joined_cluster(address):
        workers = plan_workers(device)
        runtime = "torch-cuda" if workers.kind == "cuda" else f"{encoder.runtime}-cpu"
        name = f"{encoder.encoder_id}-{runtime}-{dataset.fingerprint[:16]}"
        label = f"{workers.count} x {workers.kind} by Ray"
        parts = Parts(out, name, dataset, len(titles), encoder.dim, label, part_size)
        missing = parts.missing()
        with bar(f"encoding in {workers.count} processes", parts.total, "texts and images", console) as advance:
            advance(parts.total - sum(map(len, missing)))
            files = _put_checkpoint(checkpoint, workers.kind)
            source = str(data.expanduser().absolute()), dataset.fingerprint, dict(dataset.mapping)
            # Closed before the cluster is left, also where a part cannot be written: Ray Data reads on until then.
            with closing(_encode_missing(missing, source, files, workers)) as encoded:
                for part, rows in encoded:
                    parts.write(part, rows)
                    advance(len(part))
    return parts


def _put_checkpoint(checkpoint: Path, kind: str) -> Any:
    """Put the files of a checkpoint that an encoder needs into Ray's store, once for all nodes."""
    import ray

    names = [CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE]
    if kind == "cpu":
        names += [f"{ONNX_FOLDER}/{path.name}" for path in sorted((checkpoint / ONNX_FOLDER).glob("*.*"))]
    return ray.put({name: (checkpoint / name).read_bytes() for name in names})


def _encode_missing(
    missing: Sequence[Part], source: tuple[str, str, dict[str, str]], files: Any, workers: Workers
) -> Generator[tuple[Part, Any]]:
    """Yield each of these parts with its vectors, in any order, as they become ready.

    When a process or a node dies, Ray gives its parts to another one.
    """
    if not missing:
        return
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
            # The data set is on this machine only, so its reader must run on this node.
            label_selector={"ray.io/node-id": ray.get_runtime_context().get_node_id()},
            **each,
        )
        .map_batches(
            _EncodeParts,
            fn_constructor_args=(files, workers.kind, workers.cpus),
            num_cpus=workers.cpus,
            num_gpus=workers.gpus,
            compute=ActorPoolStrategy(min_size=1, max_size=workers.count, initial_size=workers.count),
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
    """Runs on the node of the data set: adds its texts or pictures to a part, null for what cannot be read."""

    def __init__(self, data: str, fingerprint: str, mapping: Mapping[str, str]) -> None:
        self._source = data, fingerprint, mapping
        self._dataset: Dataset | None = None
        self._titles: list[str] = []
        self._pictures: list[Read] = []

    def __call__(self, table: Any) -> Any:
        """Return a part of one row with its `inputs`, or with an `error`."""
        (kind,), (start,), (stop,) = (table[name].to_pylist() for name in ("kind", "start", "stop"))
        inputs: list[bytes | None] = []
        error = None
        try:
            self._open()
            if kind == "titles":
                inputs = [title.encode() for title in self._titles[start:stop]]
            else:
                inputs = [_bytes(read) for read in self._pictures[start:stop]]
        except VitrineError as found:
            error = str(found)
        table = table.append_column("inputs", pa.array([inputs], pa.list_(pa.large_binary())))
        return table.append_column("error", pa.array([error], pa.string()))

    def _open(self) -> None:
        if self._dataset is None:
            data, fingerprint, mapping = self._source
            dataset = open_dataset(Path(data), mapping)
            if dataset.fingerprint != fingerprint:
                raise DataError(f"{data} has just changed; start it again when it is complete")
            self._dataset, self._titles, self._pictures = dataset, distinct_titles(dataset), all_pictures(dataset)


class _EncodeParts:
    """Runs on any node: turns the inputs of a part into vectors, with an encoder that is loaded once."""

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
            except Exception as found:  # Ray would report an exception as a lost part, without its text
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

"""How fast `vitrine index` takes photos of several megapixels, beside the encoder alone and beside another loader.

    python -m tests.benchmarks.photos --data DATA --checkpoint CHECKPOINT --out docs/performance/photos.json

The photos are pictures of the data set, enlarged, with the grain of a sensor, as JPEG of quality 88. Timed is what
`vitrine index` does with pictures: read, decode, scale, encode, in its own threads. Before: the same with every picture
decoded whole. The other loader is what clip-retrieval 2.45 does in `clip_inference/reader.py`: torch's DataLoader with
one process per core, Pillow, and torchvision's Resize, CenterCrop and PILToTensor; the same encoder behind it. All run
in turn, in one process, and the figures are medians.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from common import write_json
from tests.benchmarks.performance import machine, machine_line, table

if TYPE_CHECKING:
    from models import Encoder

SETS = {"thumbnails": None, "3 megapixels": (1_500, 2_000), "24 megapixels": (4_000, 6_000)}
"""Width and height of the pictures; None: those of the data set."""
DISTINCT = 24
"""Different photos; further ones are the same files again."""
GRAIN = 4.0
"""Standard deviation of the noise, of 255."""
QUALITY = 88
BATCHES = (8, 16, 32, 64)
GOAL = 0.8
"""Least part of the encoder's own speed that `vitrine index` is to have with photos of 3 megapixels."""
COLUMNS = ("encoder alone", "index", "index before", "other loader")


class Whole:
    """An encoder whose pictures are decoded whole, as they all were."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.device = encoder.device

    def read_image(self, data: bytes) -> np.ndarray:
        """Decode everything, then scale."""
        height, width = self._encoder.image_size
        with Image.open(io.BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        return np.asarray(upright.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0))

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Compute as the encoder does."""
        return self._encoder.encode_pixels(pixels)


class Files:
    """The data set of the other loader: one picture as it prepares it (H, W, 3) uint8, without its normalisation."""

    def __init__(self, paths: list[Path], size: tuple[int, int]) -> None:
        from torchvision import transforms  # type: ignore[import-untyped]

        self._paths = paths
        self._prepare = transforms.Compose(
            [
                transforms.Resize(size, interpolation=transforms.InterpolationMode.BICUBIC),
                transforms.CenterCrop(size),
                transforms.PILToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> Any:
        return self._prepare(Image.open(self._paths[number]).convert("RGB")).permute(1, 2, 0)


def make(folder: Path, pictures: list[bytes], size: tuple[int, int] | None, count: int) -> list[Path]:
    """Write `count` files, and return them."""
    dice = np.random.default_rng(0)
    distinct = []
    for number, data in enumerate(pictures):
        path = folder / f"{number}.jpg"
        if size is not None:
            with Image.open(io.BytesIO(data)) as image:
                large = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
            grain = dice.normal(0, GRAIN, (*large.shape[:2], 1)).astype(np.int16)
            Image.fromarray((large + grain).clip(0, 255).astype(np.uint8)).save(path, "JPEG", quality=QUALITY)
        else:
            path.write_bytes(data)
        distinct.append(path)
    return [distinct[number % len(distinct)] for number in range(count)]


def index_rate(encoder: Encoder | Whole, paths: list[Path]) -> float:
    """Return the images a second of the pipeline of `vitrine index`."""
    from training.indexing.local import cores, encode_pictures

    start = time.perf_counter()
    done = sum(map(len, encode_pictures(encoder, (path.read_bytes for path in paths), cores())))  # type: ignore[arg-type]
    return done / (time.perf_counter() - start)


def loader_rate(encoder: Encoder, paths: list[Path]) -> float:
    """Return the images a second of the other loader with the same encoder."""
    from torch.utils.data import DataLoader

    from training.indexing.local import cores

    start = time.perf_counter()
    files: Any = Files(paths, encoder.image_size)
    loader: DataLoader[Any] = DataLoader(files, batch_size=16, num_workers=cores(), prefetch_factor=2)
    done = sum(len(encoder.encode_pixels(batch.numpy())) for batch in loader)
    return done / (time.perf_counter() - start)


def encoder_rate(encoder: Encoder, paths: list[Path]) -> float:
    """Return the images a second of the encoder alone, at the best of several batches, called by one thread."""
    pixels = np.stack([encoder.read_image(path.read_bytes()) for path in paths[:DISTINCT]])
    pixels = np.concatenate([pixels] * (1 + 128 // len(pixels)))[:128]
    best = 0.0
    for batch in BATCHES:
        start = time.perf_counter()
        for at in range(0, len(pixels), batch):
            encoder.encode_pixels(pixels[at : at + batch])
        best = max(best, len(pixels) / (time.perf_counter() - start))
    return best


def per_picture(read: Callable[[bytes], Any], paths: list[Path]) -> float:
    """Return the milliseconds of one core that reading a picture takes."""
    files = [path.read_bytes() for path in paths[:DISTINCT]]
    start = time.perf_counter()
    for data in files:
        read(data)
    return 1000 * (time.perf_counter() - start) / len(files)


def measure(data: Path, checkpoint: Path, count: int, rounds: int) -> dict[str, Any]:
    """Return the medians of all rounds for each set of pictures."""
    from models import load_encoder
    from training.data import open_dataset

    encoder = load_encoder(checkpoint, "cpu")
    items = open_dataset(data).items
    step = max(1, len(items) // DISTINCT)
    pictures = [item.read() for item in items[::step][:DISTINCT]]
    found: dict[str, Any] = {}
    for name, size in SETS.items():
        with tempfile.TemporaryDirectory() as folder:
            paths = make(Path(folder), pictures, size, count)
            works: dict[str, Callable[[], float]] = {
                "encoder alone": partial(encoder_rate, encoder, paths),
                "index": partial(index_rate, encoder, paths),
                "index before": partial(index_rate, Whole(encoder), paths),
                "other loader": partial(loader_rate, encoder, paths),
                "read": partial(per_picture, encoder.read_image, paths),
                "read before": partial(per_picture, Whole(encoder).read_image, paths),
            }
            taken: dict[str, list[float]] = {work: [] for work in works}
            for number in range(rounds):
                for work, run in works.items():
                    taken[work].append(run())
                    sys.stderr.write(f"{name}, {number}, {work}: {taken[work][-1]:.1f}\n")
            distinct = paths[:DISTINCT]
            seen = [
                np.abs(encoder.read_image(data).astype(int) - Whole(encoder).read_image(data)).mean()
                for data in (path.read_bytes() for path in distinct)
            ]
            found[name] = {
                "kilobytes": round(sum(path.stat().st_size for path in distinct) / len(distinct) / 1000, 1),
                "difference": round(float(np.mean(seen)), 3),
                **{work: round(statistics.median(values), 2) for work, values in taken.items()},
            }
    return {"machine": machine("torchvision"), "count": count, "rounds": rounds, "sets": found}


def markdown(result: dict[str, Any]) -> str:
    """Return the figures as a section of the page."""
    rows = [
        [
            name,
            f"{found['kilobytes']:,.0f} kB",
            *(f"{found[column]:,.0f}" for column in COLUMNS),
            f"{found['index'] / found['encoder alone']:.2f}",
        ]
        for name, found in result["sets"].items()
    ]
    large = [name for name, size in SETS.items() if size is not None]
    reads = "; ".join(
        f"{name}: {found['read before']:.1f} → {found['read']:.1f} ms of a core, pixels differ by "
        f"{found['difference']:.2f} of 255 in the mean"
        for name, found in ((name, result["sets"][name]) for name in large)
    )
    three = result["sets"]["3 megapixels"]
    reached = three["index"] / three["encoder alone"]
    goal = (
        f"The goal for 3 megapixels is {GOAL} of the encoder alone: {'reached' if reached >= GOAL else 'missed'}, with "
        f"{reached:.2f}. What reads a photo has the same two cores as the encoder."
    )
    return "\n".join(
        [
            "## Photos",
            "",
            f"Images a second with {result['count']} JPEG photos of a kind, medians of {result['rounds']} rounds in "
            f"turn. `index`: the pictures' way through `vitrine index`, which reads a photo at the size that the "
            "encoder needs. `before`: the same, each photo decoded whole. `other loader`: torch's DataLoader with "
            "Pillow and torchvision, as clip-retrieval loads files, with the same encoder behind it.",
            "",
            table(
                ["pictures", "size", *COLUMNS, "index / encoder"],
                rows,
            ),
            "",
            f"Reading and scaling one: {reads}.",
            "",
            goal,
            "",
            machine_line(result["machine"]),
            "",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--count", type=int, default=300, help="photos of a kind")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_json(arguments.out, measure(arguments.data, arguments.checkpoint, arguments.count, arguments.rounds))

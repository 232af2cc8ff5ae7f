"""Small real things that several tests share: a data set of plain pictures, a checkpoint, a catalogue."""

from __future__ import annotations

import csv
import gc
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Before torch is imported: tests run side by side, and threads that spin for a core that another one holds take ages.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from PIL import Image, ImageDraw

from common import write_json
from models import PRESETS
from training.config import RunConfig, parse_config

gc.disable()  # until all tests are collected: what they are made of stays
# What trains and exports is imported where it does so: torch takes seconds, and most tests need none.


# How long an example takes says how busy the machine is.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_collection_finish() -> None:
    """Take what was imported and collected, a million objects, out of the collector's sight: it walks long enough."""
    gc.collect()
    gc.freeze()
    gc.enable()


COLOURS = {"Red": (200, 30, 30), "Green": (30, 160, 60), "Blue": (30, 60, 200), "Black": (20, 20, 20)}
SHAPES = ("Ball", "Box", "Stripe")
MAKERS = ("Acme", "Moro", "Kite", "Lume", "Nord")


def draw_shape(colour: str, shape: str, shift: int = 0) -> Image.Image:
    """Draw a 24x32 picture that a person tells apart by colour and shape."""
    image = Image.new("RGB", (24, 32), "white")
    draw = ImageDraw.Draw(image)
    box = (4 + shift % 3, 8 + shift % 5, 18 + shift % 3, 22 + shift % 5)
    if shape == "Ball":
        draw.ellipse(box, fill=COLOURS[colour])
    elif shape == "Box":
        draw.rectangle(box, fill=COLOURS[colour])
    else:
        draw.rectangle((0, 14 + shift % 4, 24, 18 + shift % 4), fill=COLOURS[colour])
    return image


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a CSV data set of 120 products with 60 titles, two pictures each."""
    folder = tmp_path_factory.mktemp("shapes")
    with (folder / "products.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "text", "baseColour", "articleType"])
        number = 0
        for maker in MAKERS:
            for colour in COLOURS:
                for shape in SHAPES:
                    for _ in range(2):
                        draw_shape(colour, shape, number).save(folder / f"{number}.png")
                        writer.writerow([f"p{number}", f"{number}.png", f"{maker} {colour} {shape}", colour, shape])
                        number += 1
    return folder / "products.csv"


@contextmanager
def shared(factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """Give a folder that processes that test side by side share, and whether one of them has filled it already."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        folder.mkdir(exist_ok=True)
        yield folder, done.exists()
        done.touch()


@pytest.fixture(scope="session")
def quick_config() -> RunConfig:
    """Return a run of the tiny preset that takes seconds."""
    recipe = {"epochs": 30, "batch_size": 16, "learning_rate": 3e-3, "precision": "float32"}
    return parse_config({"preset": "tiny", "train": recipe})


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, shapes: Path, quick_config: RunConfig) -> Path:
    """Return a checkpoint folder that was trained on the shapes."""
    with shared(tmp_path_factory, "run") as (folder, made):
        if not made:
            from training.train import train

            train(quick_config, shapes, folder / "checkpoint", cache=folder / "cache", device="cpu")
    return folder / "checkpoint"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    """Return a copy of the checkpoint with an export: processes that load it do without torch, which takes seconds."""
    with shared(tmp_path_factory, "exported") as (folder, made):
        if not made:
            from models import export

            shutil.copytree(checkpoint, folder / "checkpoint")
            export(folder / "checkpoint")
    return folder / "checkpoint"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the folder that `vitrine demo` makes, and its report."""
    with shared(tmp_path_factory, "demo") as (folder, made):
        if not made:
            from training.demo import prepare_demo

            write_json(folder / "report.json", prepare_demo(folder / "demo", device="cpu"))
    return folder / "demo", dict(json.loads((folder / "report.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory, shapes: Path, checkpoint: Path) -> Path:
    """Return the shapes' catalogue folder."""
    with shared(tmp_path_factory, "built") as (folder, made):
        if not made:
            from training.indexing import build_catalogue

            build_catalogue(checkpoint, shapes, folder / "catalogue", device="cpu")
    return folder / "catalogue"


SMALL_ARCHITECTURES = {
    "bert": {
        "model_type": "bert",
        "vocab_size": 300,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    },
    "gpt2": {"model_type": "gpt2", "vocab_size": 300, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64},
    "vit": {
        "model_type": "vit",
        "image_size": 224,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "patch_size": 32,
    },
    "resnet": {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
    "dinov2": {"model_type": "dinov2", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
}
"""A random tower of each family, small enough for a test."""


def small_model(name: str) -> dict[str, dict[str, object]]:
    """Return the [model] section that makes preset `name` small and random: same families, pooling, preprocessing."""
    config = PRESETS[name]
    return {
        "text": {"architecture": SMALL_ARCHITECTURES[config.text.architecture["model_type"]]},
        "image": {"architecture": SMALL_ARCHITECTURES[config.image.architecture["model_type"]]},
    }

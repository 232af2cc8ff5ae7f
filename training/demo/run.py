"""The demo from start to end, offline: draw a shop, train, index, evaluate. Knows no HTTP."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from common import require, write_json
from index import Catalogue, SearchIndex, SearchQuery, title_key
from models import Encoder, exported, load_encoder
from training.config import load_config
from training.config_files import CONFIGS
from training.data import refuse_others
from training.demo.shop import draw_catalogue
from training.indexing import build_catalogue
from training.progress import bar, report_console
from training.reports import evaluate_catalogue
from training.resume import METRICS_FILE

REPORT_FILE = "report.json"
CONFIG = CONFIGS / "tiny.toml"


def prepare_demo(
    folder: Path, *, products: int = 2000, device: str = "auto", console: Console | None = None
) -> dict[str, Any]:
    """Make data, checkpoint and catalogue in `folder` where missing; return the figures on held-out titles.

    The checkpoint is exported: a machine without torch serves what another one has made.

    Raises:
        ConfigError: the checkpoint is missing, and so is the extra `train`.
    """
    console = console or report_console()
    started = time.monotonic()
    data, checkpoint, catalogue = folder / "data", folder / "checkpoint", folder / "catalogue"
    finished = (checkpoint / METRICS_FILE).is_file() and exported(checkpoint)
    if not finished:
        require("train", "torch", "transformers", "onnx", "onnx_ir", "onnxscript", "matplotlib", what="the demo")
    begun = data.is_dir() and (checkpoint.is_dir() or not (folder / REPORT_FILE).exists())
    refuse_others(folder, ("data", "cache", "checkpoint", "catalogue", REPORT_FILE) if begun else (), "--folder")
    if not data.is_dir():
        with bar("drawing", products, "pictures", console) as advance:
            draw_catalogue(data, products, progress=lambda done, total: advance(1))
    config = load_config(CONFIG)
    if not (checkpoint / METRICS_FILE).is_file():
        from training.train import train

        train(config, data, checkpoint, cache=folder / "cache", resume=True, device=device, console=console)
    if not finished:
        from models import export

        export(checkpoint)
    encoder = load_encoder(checkpoint, device)
    if not (catalogue.is_dir() and _belongs(catalogue, encoder)):
        build_catalogue(checkpoint, data, catalogue, device=device, console=console)
    report = {
        "found": found_type_and_colour(catalogue, encoder),
        "evaluation": evaluate_catalogue(catalogue, "test"),
        "seconds": round(time.monotonic() - started, 1),
    }
    write_json(folder / REPORT_FILE, report)
    return report


def _belongs(catalogue: Path, encoder: Encoder) -> bool:
    with Catalogue.open(catalogue) as opened:
        return opened.info.encoder_id == encoder.encoder_id


def found_type_and_colour(catalogue: Path, encoder: Encoder) -> dict[str, float]:
    """Search every held-out title as text; return how often the first hit has its type, its colour, and both."""
    with Catalogue.open(catalogue, encoder_id=encoder.encoder_id) as opened:
        snapshot = opened.snapshot()
    index = SearchIndex(snapshot)
    queries = {title_key(p.title): p for p in snapshot.products if p.split == "test"}
    products = list(queries.values())
    pages = index.search(
        "images", encoder.encode_text([product.title for product in products]), [SearchQuery(k=1)] * len(products)
    )
    right = np.array(
        [
            [
                page.hits[0].product.attributes[name] == product.attributes[name]
                for name in ("articleType", "baseColour")
            ]
            for product, page in zip(products, pages, strict=True)
        ]
    )  # (Q, 2)
    return {
        "titles": len(products),
        "type": round(float(right[:, 0].mean()), 4),
        "colour": round(float(right[:, 1].mean()), 4),
        "both": round(float(right.all(axis=1).mean()), 4),
    }

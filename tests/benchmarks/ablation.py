"""What each part of the recipe is worth: the same small budget with it and without it.

    python -m tests.benchmarks.ablation training/configs/minilm-dinov2.toml --data ARCHIVE --out docs/ablation.json

Rows of the first table train the projections over locked towers on all training titles; rows of the second train the
towers too, on fewer titles. A row that is there already is kept, so the command goes on where it was stopped.
All figures are of titles that were not trained on, text to image, and of articleType asked for as one word.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index import evaluate
from models import load_checkpoint, load_encoder
from training.config import RunConfig, load_config, parse_config
from training.setup import make_plan, prepare
from training.train import train
from training.validate import encode_rows

Overlay = dict[str, Any]

BOTH: Overlay = {
    "locked": ["image", "text"],
    "locked_epochs": 0,
    "augment": {},
    "patch_dropout": 0.0,
    "frozen_layers": 0,
    "layer_decay": 1.0,
}

LOCKED: Overlay = {**BOTH, "epochs": 6, "batch_size": 512, "ema": 0.0, "validate_epochs": 6}
"""The first table's recipe."""

LOCKED_ROWS: dict[str, Overlay] = {
    "projections over locked towers": {},
    "other pictures of a title count as negatives": {"positives": "same-product"},
    "batch of 128": {"batch_size": 128},
    "batch of 2,048": {"batch_size": 2048},
    "titles only, no attributes": {"captions": [], "caption_alone": 0.0},
    "attributes behind titles, none alone": {"caption_alone": 0.0},
    "average of the weights": {"ema": 0.99},
}

UNLOCKED: Overlay = {"epochs": 8, "locked_epochs": 6, "batch_size": 256, "validate_epochs": 8}
"""The second table's budget: six epochs with the towers locked, then two with them learning."""

SMALL_SPLIT = {"train": 0.12, "validation": 0.04, "test": 0.84}

UNLOCKED_ROWS: dict[str, Overlay] = {
    "the recipe": {},
    "both towers locked": BOTH,
    "no augmentation": {"augment": {}},
    "all patches": {"patch_dropout": 0.0},
    "one rate for all layers": {"layer_decay": 1.0},
    "text tower locked": {"locked": ["text"]},
}

FIGURES = {"recall1": "R@1", "recall10": "R@10", "mrr10": "MRR@10", "type": "articleType P@10"}


def variant(base: RunConfig, overlay: Overlay, seed: int, split: dict[str, float] | None) -> RunConfig:
    """Return `base` with some fields of its recipe replaced."""
    fields = json.loads(base.model_dump_json())
    fields["train"] |= {**overlay, "seed": seed, "patience": 0}
    if split is not None:
        fields["split"] |= split
    return parse_config(fields)


def run(config: RunConfig, data: Path, cache: Path, device: str) -> dict[str, Any]:
    """Train in a folder that is thrown away; return figures of the validation titles with intervals."""
    with tempfile.TemporaryDirectory() as folder:
        metrics = train(config, data, Path(folder) / "run", cache=cache, device=device, report=False)
        encoder = load_encoder(Path(folder) / "run", device)
        setup = prepare(config, data, device)
        # A locked tower is left as it came: its cached features are named by its very bits.
        locked = tuple(f"{tower}_tower." for tower in config.train.locked)
        trained = load_checkpoint(Path(folder) / "run").model.state_dict()
        learned = {name: value for name, value in trained.items() if not name.startswith(locked or ("-",))}
        setup.model.load_state_dict(learned, strict=False)
    inputs, usable = setup.inputs(config.train.locked, cache)
    rows = make_plan(setup, usable).validation
    image, text = encode_rows(setup.model, inputs, rows, setup)
    found = evaluate(image, text, setup.titles(rows), np.arange(len(rows)))["titles"]
    items = setup.dataset.items
    types = np.array([items[row].attributes.get("articleType", "") for row in rows])
    names = sorted(name for name in set(types) if name and (types == name).sum() >= 10)
    scores = encoder.encode_text(names) @ image.T
    best = types[np.argsort(-scores, axis=1)[:, :10]]
    precision = (best == np.array(names)[:, None]).mean(1)
    return {
        **{name: found[name] for name in ("recall1", "recall10", "mrr10")},
        "type": {"value": round(float(precision.mean()), 6)},
        "gallery": len(rows),
        "pairs": metrics["pairs"]["train"],
        "seconds": metrics["seconds"],
        "device": metrics["device"],
    }


def table(result: dict[str, Any]) -> str:
    """Return both tables in Markdown."""
    text: list[str] = []
    for part, heading in (("locked", "Towers locked"), ("unlocked", "Towers learning")):
        rows = result.get(part, {})
        if not rows:
            continue
        first = next(iter(next(iter(rows.values())).values()))
        text += [
            f"### {heading}",
            "",
            f"Trained on {first['pairs']:,} pairs; gallery of {first['gallery']:,} pictures with held-out titles. "
            "Per cent: mean over the seeds, with the 95 % interval over titles of the first seed.",
            "",
            "| | seeds | " + " | ".join(FIGURES.values()) + " | seconds |",
            "|---|---:|" + "---:|" * (len(FIGURES) + 1),
        ]
        for name, seeds in rows.items():
            runs = list(seeds.values())
            cells = []
            for key in FIGURES:
                mean = 100 * float(np.mean([one[key]["value"] for one in runs]))
                low, high = (runs[0][key].get(end) for end in ("low", "high"))
                cells.append(f"{mean:.1f}" + ("" if low is None else f" ({100 * low:.1f}–{100 * high:.1f})"))
            seconds = float(np.mean([one["seconds"] for one in runs]))
            text.append(f"| {name} | {len(runs)} | {' | '.join(cells)} | {seconds:,.0f} |")
        text.append("")
    return "\n".join(text)


def main() -> None:
    """Run the rows that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("artefacts/cache"))
    parser.add_argument("--text-tower")
    parser.add_argument("--image-tower")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, default=2, help="of the first table; the second has one")
    parser.add_argument("--only", choices=["locked", "unlocked"])
    given = parser.parse_args()
    base = load_config(given.config, text_tower=given.text_tower, image_tower=given.image_tower)
    result = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    plan = [
        ("locked", LOCKED, LOCKED_ROWS, given.seeds, None),
        ("unlocked", UNLOCKED, UNLOCKED_ROWS, 1, SMALL_SPLIT),
    ]
    for part, budget, rows, seeds, split in plan:
        if given.only not in (None, part):
            continue
        for seed in range(seeds):
            for name, overlay in rows.items():
                done = result.setdefault(part, {}).setdefault(name, {})
                if str(seed) not in done:
                    config = variant(base, {**budget, **overlay}, seed, split)
                    done[str(seed)] = run(config, given.data, given.cache, given.device)
                    write_json(given.out, result)
    print(table(result))  # noqa: T201


if __name__ == "__main__":
    main()

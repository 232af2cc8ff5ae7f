"""What each part of the recipe is worth: the same small budget with it and without it.

    python -m tests.benchmarks.ablation training/configs/minilm-dinov2.toml --data ARCHIVE
           --init checkpoints/minilm-dinov2 --out docs/ablation.json

Rows of the first table train projections over the locked towers of the checkpoint `--init`, on all training titles;
rows of the second train the pretrained towers too, on fewer titles. A row that is there already is kept, so the command
goes on where it was stopped. All figures are of titles that were not trained on, text to image, against pictures of all
kinds, those that were trained on among them; and of articleType asked for as one word. The first table of an earlier
version, which searched the pictures of held-out titles alone, is kept and shown.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index.metrics.intervals import figures_of
from models import load_checkpoint, load_encoder
from training.config import RunConfig, load_config, parse_config
from training.setup import make_plan, prepare
from training.train import train
from training.validate import encode_rows, validation_values

Overlay = dict[str, Any]
RESAMPLES = 1000
"""Of the bootstrap that gives the intervals."""

BOTH: Overlay = {
    "locked": ["image", "text"],
    "locked_epochs": 0,
    "augment": {},
    "patch_dropout": 0.0,
    "frozen_layers": 0,
    "layer_decay": 1.0,
}

PROJECTIONS: Overlay = {**BOTH, "epochs": 6, "batch_size": 512, "ema": 0.0, "validate_epochs": 6}
"""The first table's recipe."""

PROJECTION_ROWS: dict[str, Overlay] = {
    "projections over locked towers": {},
    "all pictures as negatives of each text": {"gallery_negatives": 5},
    "other pictures of a title count as negatives": {"positives": "same-product"},
    "batch of 128": {"batch_size": 128},
    "batch of 2,048": {"batch_size": 2048},
    "titles only, no attributes": {"captions": [], "caption_alone": 0.0},
    "attributes behind titles, none alone": {"caption_alone": 0.0},
    "average of the weights": {"ema": 0.99},
}

TOWERS: Overlay = {"epochs": 8, "locked_epochs": 6, "batch_size": 256, "validate_epochs": 8, "gallery": 8000}
"""The second table's budget: six epochs with the towers locked, then two with them learning."""

SMALL_SPLIT = {"train": 0.12, "validation": 0.04, "test": 0.84}

TOWER_ROWS: dict[str, Overlay] = {
    "the recipe": {},
    "both towers locked": BOTH,
    "no augmentation": {"augment": {}},
    "all patches": {"patch_dropout": 0.0},
    "one rate for all layers": {"layer_decay": 1.0},
    "text tower locked": {"locked": ["text"]},
    "crops of half of the picture, erasing": {"augment": {"flip": 0.5, "crop": 0.5, "ratio": 0.25, "erase": 0.2}},
    "mixed pictures": {"augment": {"flip": 0.5, "crop": 0.8, "ratio": 0.1, "light": 0.1, "mix": 0.25}},
    "stochastic depth": {"path_dropout": 0.15},
    "words left out": {"word_dropout": 0.1},
    "attribute heads": {"heads": ["gender", "usage", "baseColour", "articleType", "subCategory", "season"]},
    "title-word head": {"word_weight": 0.05},
}

MEASURES = {"recall1": "R@1", "recall10": "R@10", "mrr10": "MRR@10"}
EARLIER = {**MEASURES, "type": "articleType P@10"}
"""Column of the earlier table -> its heading."""
FIGURES = {
    **MEASURES,
    **{f"hub_{key}": f"{label}, hubs corrected" for key, label in MEASURES.items()},
    "type": EARLIER["type"],
}
"""The same of today's."""


def variant(base: RunConfig, overlay: Overlay, seed: int, split: dict[str, float] | None) -> RunConfig:
    """Return `base` with some fields of its recipe replaced."""
    fields = json.loads(base.model_dump_json())
    fields["train"] |= {**overlay, "seed": seed, "patience": 0}
    if split is not None:
        fields["split"] |= split
    return parse_config(fields)


def run(config: RunConfig, data: Path, cache: Path, device: str, init: Path | None) -> dict[str, Any]:
    """Train in a folder that is thrown away; return figures of the validation titles with intervals."""
    with tempfile.TemporaryDirectory() as folder:
        metrics = train(config, data, Path(folder) / "run", cache=cache, device=device, init=init, report=False)
        encoder = load_encoder(Path(folder) / "run", device)
        setup = prepare(config, data, device, init=init)
        # A locked tower is left as it came: its cached features are named by its very bits.
        locked = tuple(f"{tower}_tower." for tower in config.train.locked)
        trained = load_checkpoint(Path(folder) / "run").model.state_dict()
        learned = {name: value for name, value in trained.items() if not name.startswith(locked or ("-",))}
        setup.model.load_state_dict(learned, strict=False)
    inputs, usable = setup.inputs(config.train.locked, cache)
    plan = make_plan(setup, usable)
    values = validation_values(setup.model, inputs, plan, setup)
    sums = {
        f"{prefix}{name}": values[ranking][name].double().cpu().numpy()
        for ranking, prefix in (("cosine", ""), ("hub_corrected", "hub_"))
        for name in MEASURES
    }
    found = figures_of(sums, np.ones(len(sums["recall1"])), 0, RESAMPLES)
    rows = plan.validation
    image, _ = encode_rows(setup.model, inputs, rows, setup)
    items = setup.dataset.items
    types = np.array([items[row].attributes.get("articleType", "") for row in rows])
    names = sorted(name for name in set(types) if name and (types == name).sum() >= 10)
    scores = encoder.encode_text(names) @ image.T
    best = types[np.argsort(-scores, axis=1)[:, :10]]
    precision = (best == np.array(names)[:, None]).mean(1)
    return {
        **found,
        "type": {"value": round(float(precision.mean()), 6)},
        "gallery": len(plan.gallery),
        "pairs": metrics["pairs"]["train"],
        "seconds": metrics["seconds"],
        "device": metrics["device"],
    }


def table(result: dict[str, Any]) -> str:
    """Return the tables in Markdown."""
    text: list[str] = []
    for part, heading, figures in (
        ("projections", "Towers locked", FIGURES),
        ("towers", "Towers learning", FIGURES),
        ("locked", "Towers locked, an earlier version, among held-out titles alone", EARLIER),
    ):
        rows = result.get(part, {})
        if not rows:
            continue
        first = next(iter(next(iter(rows.values())).values()))
        text += [
            f"### {heading}",
            "",
            f"Trained on {first['pairs']:,} pairs; gallery of {first['gallery']:,} pictures. "
            "Per cent: mean over the seeds, with the 95 % interval over titles of the first seed.",
            "",
            "| | seeds | " + " | ".join(figures.values()) + " | seconds |",
            "|---|---:|" + "---:|" * (len(figures) + 1),
        ]
        for name, seeds in rows.items():
            runs = list(seeds.values())
            cells = []
            for key in figures:
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
    parser.add_argument("--init", type=Path, help="checkpoint whose towers the first table's rows have")
    parser.add_argument("--only", choices=["projections", "towers"])
    parser.add_argument("--row", action="append", help="of the tables; all when not given")
    given = parser.parse_args()
    base = load_config(given.config, text_tower=given.text_tower, image_tower=given.image_tower)
    result = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    plan = [
        ("projections", PROJECTIONS, PROJECTION_ROWS, given.seeds, None, given.init),
        ("towers", TOWERS, TOWER_ROWS, 1, SMALL_SPLIT, None),
    ]
    for part, budget, rows, seeds, split, init in plan:
        if given.only not in (None, part):
            continue
        for seed in range(seeds):
            for name, overlay in rows.items():
                if given.row and name not in given.row:
                    continue
                done = result.setdefault(part, {}).setdefault(name, {})
                if str(seed) not in done:
                    config = variant(base, {**budget, **overlay}, seed, split)
                    done[str(seed)] = run(config, given.data, given.cache, given.device, init)
                    write_json(given.out, result)
    print(table(result))  # noqa: T201


if __name__ == "__main__":
    main()

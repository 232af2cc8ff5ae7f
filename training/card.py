"""The model card: what a checkpoint is, in words, from its config and metrics. Knows no torch."""

from __future__ import annotations

from typing import Any

from training.config import RunConfig


def model_card(config: RunConfig, metrics: dict[str, Any]) -> str:
    """Return the README of a checkpoint folder, in Markdown."""
    text, image = config.model.text, config.model.image
    best: dict[str, Any] = next((entry for entry in metrics["history"] if entry["epoch"] == metrics["best_epoch"]), {})
    height, width = image.preprocess.size
    lines = [
        f"# {config.preset}",
        "",
        f"A dual encoder for image-text retrieval over a product catalogue; encoder id `{metrics['encoder_id']}`.",
        "",
        "| | |",
        "|---|---|",
        f"| text tower | {_name(text.source)} ({text.architecture['model_type']}, {text.pooling} pooling) |",
        f"| image tower | {_name(image.source)} ({image.architecture['model_type']}, {image.pooling} pooling, "
        f"{height}x{width} px) |",
        f"| shared space | {config.model.projection.dim} dimensions, unit length |",
        f"| locked towers | {', '.join(sorted(config.train.locked)) or 'none'} |",
        f"| parameters | {metrics['parameters']['total']:,}, of which {metrics['parameters']['learned']:,} learned |",
        f"| data | {metrics['data']}: {metrics['pairs']['train']:,} pairs learned from |",
        f"| training | {config.train.epochs} epochs of batch {config.train.batch_size} in {metrics['seconds']:,.0f} s "
        f"on {metrics['device']} |",
    ]
    if "mrr10" in best:
        lines.append(
            f"| validation (text to image, titles never trained on, among {metrics['pairs']['validation']:,} pictures) "
            f"| R@1 {best['recall1']:.3f}, R@10 {best['recall10']:.3f}, MRR@10 {best['mrr10']:.3f} |"
        )
    lines += [
        "",
        f"Titles were dealt out by the rule train {config.split.train}, validation {config.split.validation}, "
        f"test {config.split.test}, seed {config.split.seed}; no title stands on two sides.",
        "",
        "```python",
        "from models import load_encoder",
        "",
        'encoder = load_encoder("path/to/this/folder")',
        'encoder.encode_text(["red dress"])  # (1, 128) float32, unit rows',
        "```",
    ]
    return "\n".join(lines) + "\n"


def _name(source: str | None) -> str:
    return f"`{source.rstrip('/').rsplit('/', 1)[-1]}`" if source else "from scratch"

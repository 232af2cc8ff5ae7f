"""The text tower of a trained model learns more languages; pictures and English titles keep their vectors.

Each wording in another language shall have the vector that the model gave to its English (Reimers and Gurevych, arXiv
2004.09813). No picture is read, so this takes minutes on a CPU.

Shapes: B batch, D embedding, T tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console
from torch import Tensor, nn

from common import ConfigError, DataError, atomic_folder
from index import SplitRule, title_key
from models import DualEncoder, TextPreprocessor, fast_dtype, load_checkpoint, pick_device, save_checkpoint
from training.attributes import attributes_there
from training.captions import Wording, wordings
from training.data import Item, open_dataset
from training.languages.words import WRITTEN, Language
from training.progress import bar, report_console
from training.setup import use_eager_attention

CHECKED = 500
"""Validation titles whose vectors are compared before and after."""
WINDOW = 16
"""Batches among which texts of like length come together: no batch is padded much."""


class TeachRecipe(BaseModel):
    """How the text tower learns. The names are those of `training.config.Recipe`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    languages: tuple[Language, ...] = WRITTEN
    """The languages."""
    language_share: float = Field(default=0.75, gt=0, le=1)
    """Part of the wordings that are in one of them; the others hold English where it is."""
    captions: tuple[str, ...] = ("gender", "usage", "baseColour", "articleType", "subCategory", "masterCategory")
    """Attributes that wordings are made of; those that the data set lacks are passed over."""
    caption_keep: float = Field(default=0.03, gt=0, le=1)
    """Probability of each of `captions` behind a title that does not say it."""
    caption_alone: float = Field(default=0.15, ge=0, le=1)
    """Probability that a wording is only one or two of `captions`."""
    draws: int = Field(default=16, ge=2)
    """Wordings of a title that are made."""
    epochs: int = Field(default=12, ge=1)
    """Passes over the distinct titles, each time with another wording."""
    batch_size: int = Field(default=256, ge=2)
    """Texts in a step."""
    learning_rate: float = Field(default=5e-4, gt=0)
    """Peak rate of the text tower; its projection learns at a third of it."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Fraction of all steps in which the rate rises; then it falls as a cosine."""
    interpolation: float = Field(default=0.7, gt=0, le=1)
    """How far the weights go from those before to those learned (WiSE-FT, arXiv 2109.01903): less keeps English
    nearer to what it was."""
    seed: int = 0
    """Of the order of titles."""


def teach(
    checkpoint: Path,
    data: Path,
    out: Path,
    recipe: TeachRecipe | None = None,
    *,
    device: str = "auto",
    console: Console | None = None,
) -> dict[str, Any]:
    """Write `checkpoint` to `out` with a text tower that reads more languages; return what it learned.

    Args:
        checkpoint: of a model that reads English titles.
        data: the data set that it was trained on; its validation and test titles are left out.
        out: a new folder.
        recipe: how it learns.
        device: "auto", "cpu", "cuda" or "cuda:N".
        console: where to report progress; standard error when not given.

    Returns:
        As JSON data the mean cosine with the English title's vector `before` and `after`, over validation titles:
        of English and of each language; nothing where no title is for validation.

    Raises:
        ArtefactError: the checkpoint cannot be used.
        ConfigError: `out` exists.
        DataError: the data set cannot be read, or has no title to learn from.
    """
    recipe, console = recipe or TeachRecipe(), console or report_console()
    if out.exists():
        raise ConfigError(f"{out} exists; give --out a new folder")
    start = load_checkpoint(checkpoint)
    dataset = open_dataset(data)
    split = SplitRule(**start.training.get("split", {}))
    distinct = list({title_key(item.title): item for item in dataset.items}.values())
    recipe = recipe.model_copy(update={"captions": attributes_there(recipe.captions, distinct)})
    made = wordings(distinct, recipe, recipe.draws)
    learning = [of_one for item, of_one in zip(distinct, made, strict=True) if split.of(item.title) == "train"]
    if not learning:
        raise DataError(f"{data} has no title for training by the checkpoint's split; teach with a larger data set")
    checked = [item for item in distinct if split.of(item.title) == "validation"][:CHECKED]
    where = pick_device(device)
    if where.type == "cpu":
        use_eager_attention(start.model.text_tower)
    reader = _Reader(start.model.to(where).eval(), start.text, where)
    epochs = _drawn(learning, recipe)
    aims = reader.vectors(sorted({one.english for epoch in epochs for one in epoch}), console, "English vectors")
    tests = _tests(checked, recipe, reader)
    before = _cosines(reader, tests)
    earlier = {name: value.detach().clone() for name, value in start.model.named_parameters()}
    _learn(reader, epochs, aims, recipe, console)
    with torch.no_grad():
        for name, value in start.model.named_parameters():
            value.copy_(torch.lerp(earlier[name], value, recipe.interpolation))
    after = _cosines(reader, tests)
    found = {"before": before, "after": after, "titles": len(learning)}
    record = {**start.training, "languages": {**recipe.model_dump(mode="json"), **found, "from": start.encoder_id}}
    with atomic_folder(out) as beside:
        save_checkpoint(beside, start.model, start.text, record)
    return found


class _Reader:
    """The model's text side on a device."""

    def __init__(self, model: DualEncoder, text: TextPreprocessor, device: torch.device) -> None:
        self.model = model
        self._text = text
        self._device = device
        self._fast = fast_dtype(device)

    def lengths(self, texts: Sequence[str]) -> np.ndarray:
        """Return the number of tokens of each text (B,)."""
        tokens: np.ndarray = (self._text(list(texts)) != self._text.pad_id).sum(1)
        return tokens

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Return unit vectors (B, D) in float32."""
        ids = torch.from_numpy(self._text(list(texts))).to(self._device)
        with torch.autocast(self._device.type, self._fast, enabled=self._fast != torch.float32):
            found: dict[str, Tensor] = self.model(text=ids)
        return found["text_features"].float()

    def vectors(self, texts: Sequence[str], console: Console, title: str) -> dict[str, Tensor]:
        """Return the vector (D,) of each text."""
        found: dict[str, Tensor] = {}
        ordered = sorted(texts, key=len)
        with torch.inference_mode(), bar(title, len(ordered), "texts", console) as advance:
            for at in range(0, len(ordered), 256):
                batch = ordered[at : at + 256]
                found.update(zip(batch, self(batch), strict=True))
                advance(len(batch))
        return {text: vector.clone() for text, vector in found.items()}


def _tests(items: Sequence[Item], recipe: TeachRecipe, reader: _Reader) -> dict[str, tuple[list[str], Tensor]]:
    """Return, of English and each language, titles and the vectors of their English by the model as it is."""
    if not items:
        return {}
    with torch.inference_mode():
        english = reader([item.title for item in items])
    only = {"captions": (), "caption_alone": 0.0, "language_share": 1.0}
    tests = {"en": ([item.title for item in items], english)}
    for language in recipe.languages:
        made = wordings(items, recipe.model_copy(update={**only, "languages": (language,)}), 2)
        tests[language] = [of_one[1].text for of_one in made], english
    return tests


def _cosines(reader: _Reader, tests: dict[str, tuple[list[str], Tensor]]) -> dict[str, float]:
    with torch.inference_mode():
        return {
            language: round(float((reader(texts) * aims).sum(1).mean()), 4) for language, (texts, aims) in tests.items()
        }


def _drawn(learning: Sequence[Sequence[Wording]], recipe: TeachRecipe) -> list[list[Wording]]:
    """Return what each epoch takes: one wording of each title, in random order."""
    epochs = []
    for epoch in range(recipe.epochs):
        rng = np.random.default_rng([recipe.seed, epoch])
        order = rng.permutation(len(learning))
        epochs.append([learning[row][int(rng.integers(len(learning[row])))] for row in order])
    return epochs


def _learn(
    reader: _Reader,
    epochs: Sequence[Sequence[Wording]],
    aims: dict[str, Tensor],
    recipe: TeachRecipe,
    console: Console,
) -> None:
    model = reader.model
    model.requires_grad_(False)
    groups: list[dict[str, Any]] = []
    sides: tuple[tuple[nn.Module, float], ...] = ((model.text_tower, 1.0), (model.text_projection, 1 / 3))
    for side, share in sides:
        side.requires_grad_(True)
        groups.append({"params": list(side.parameters()), "peak": share * recipe.learning_rate})
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    # In evaluation mode: dropout would only blur the vectors that are to be met.
    batch = min(recipe.batch_size, len(epochs[0]))
    steps = len(epochs) * (len(epochs[0]) // batch)
    with bar("languages", steps, "steps", console) as advance:
        for step, texts in enumerate(_batches(epochs, reader, batch)):
            rising = min(1.0, (step + 1) / max(1.0, recipe.warmup * steps))
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rising * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            cosines = (reader([one.text for one in texts]) * torch.stack([aims[one.english] for one in texts])).sum(1)
            optimizer.zero_grad(set_to_none=True)
            (-cosines.mean()).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            advance(1, cosine=float(cosines.detach().mean()))
    model.requires_grad_(True)


def _batches(epochs: Sequence[Sequence[Wording]], reader: _Reader, size: int) -> Iterator[list[Wording]]:
    """Yield the texts of each step, texts of like length together; a rest of fewer is left out."""
    for number, epoch in enumerate(epochs):
        rng = np.random.default_rng(number)
        for start in range(0, len(epoch) // size * size, WINDOW * size):
            window = epoch[start : min(start + WINDOW * size, len(epoch) // size * size)]
            ordered = [window[at] for at in reader.lengths([one.text for one in window]).argsort(kind="stable")]
            for at in rng.permutation(len(window) // size):
                yield ordered[at * size : (at + 1) * size]

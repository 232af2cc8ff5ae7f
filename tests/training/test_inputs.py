"""What a step reads: wordings of titles, batches, groups of like length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from common import ConfigError
from index import first_text
from models.dual_encoder import LENGTH_GROUPS, DualEncoder
from models.presets import TextTower
from models.towers import build_architecture
from tests.conftest import SMALL_ARCHITECTURES
from tests.training.small import small, small_encoder
from training.captions import captions
from training.data import open_dataset
from training.inputs import prefetch


def test_captions_put_attributes_behind_the_title(shapes: Path) -> None:
    items = open_dataset(shapes).items
    plain, groups = captions(items, small().train)
    assert plain == [[item.title] for item in items]
    titles = [item.title for item in items]
    assert all((groups[i, 0] == groups[j, 0]) == (titles[i] == titles[j]) for i in range(9) for j in range(9))
    recipe = small(captions=["articleType", "baseColour"], caption_keep=1.0).train
    wordings, groups = captions(items, recipe)
    assert all(wording == [item.title] * 4 for item, wording in zip(items, wordings, strict=True)), "named already"
    assert (groups == groups[:, :1]).all()
    renamed = [type(item)(item.id, "Acme thing", item.attributes, item.read) for item in items]
    assert captions(renamed, recipe)[0][0] == ["Acme thing"] + ["Acme thing Ball Red"] * 3
    some, _ = captions(renamed, small(captions=["articleType"], caption_keep=0.5).train)
    share = np.mean([wording != "Acme thing" for wordings in some for wording in wordings[1:]])
    assert 0.35 < share < 0.65
    with pytest.raises(ConfigError, match=r"no attribute 'style'; its attributes are articleType, baseColour"):
        captions(items, small(captions=["style"]).train)


def test_attributes_alone_are_positives_of_all_that_have_them(shapes: Path) -> None:
    items = open_dataset(shapes).items
    wordings, groups = captions(items, small(captions=["articleType", "baseColour"], caption_alone=1.0).train)
    allowed = [
        {" ".join(part) for part in ((k,), (c,), (k, c))}
        for k, c in (tuple(map(first_text, i.attributes.values()))[::-1] for i in items)
    ]
    assert all(set(texts[1:]) <= may for texts, may in zip(wordings, allowed, strict=True))
    flat = [
        (text, group)
        for texts, row in zip(wordings, groups, strict=True)
        for text, group in zip(texts, row, strict=True)
    ]
    assert len({text for text, _ in flat}) == len({group for _, group in flat}) == len(set(flat))
    assert len({len(text.split()) for texts in wordings for text in texts[1:]}) == 2


def test_batches_made_ahead_are_the_same_batches() -> None:
    assert list(prefetch(iter(range(20)))) == list(range(20))

    def broken() -> Any:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(prefetch(broken()))


def test_texts_by_groups_of_like_length_are_the_same_texts() -> None:
    """Of a tower that needs padding, such as GPT-2."""
    config = small_encoder().config
    still = {"embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_pdrop": 0.0}
    text = TextTower(architecture={**SMALL_ARCHITECTURES["gpt2"], **still}, pooling="last")
    config = config.model_copy(update={"text": text})
    model = DualEncoder(config, build_architecture(text), build_architecture(config.image), pad_id=0)
    ids = torch.zeros(3 * LENGTH_GROUPS, 9, dtype=torch.long)
    for row in range(len(ids)):
        ids[row, : row % 9] = torch.arange(3, 3 + row % 9)
    torch.testing.assert_close(model.train().pool_text(ids), model.eval().pool_text(ids), rtol=1e-4, atol=1e-5)


def test_wordings_in_other_languages_are_positives_of_the_title(shapes: Path) -> None:
    items = [
        type(item)(item.id, "Acme Men Red Shirt", item.attributes, item.read) for item in open_dataset(shapes).items
    ]
    recipe = small(languages=["fr", "de"], language_share=1.0).train
    wordings, groups = captions(items, recipe)
    assert all(texts[0] == "Acme Men Red Shirt" for texts in wordings)
    assert (groups == groups[0, 0]).all()
    others = {text for texts in wordings for text in texts[1:]}
    assert {"Chemise rouge Acme pour homme", "Acme Hemd rot für Herren"} <= others
    assert "Acme Men Red Shirt" not in others
    assert captions(items, recipe)[0] == wordings, "the same wordings in every run"
    english, _ = captions(items, small(captions=["baseColour"], caption_alone=1.0).train)
    alone, theirs = captions(
        items, small(captions=["baseColour"], caption_alone=1.0, languages=["es"], language_share=1.0).train
    )
    assert {"Rojo", "Verde"} <= {text for texts in alone for text in texts[1:]} <= {"Rojo", "Verde", "Azul", "Negro"}
    assert len(english[0]) * 2 == len(alone[0])
    colours = {row: set(texts[1:]) for row, texts in enumerate(alone)}
    assert all((theirs[i, 1] == theirs[j, 1]) == (colours[i] == colours[j]) for i in colours for j in colours), (
        "one colour, one group"
    )

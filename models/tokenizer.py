"""From texts to token ids: the tokenizer that travels with a checkpoint. Knows no tower."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers import models as token_models
from tokenizers import trainers as token_trainers

from common import ArtefactError
from models.checkpoint_folder import TOKENIZER_FILE
from models.presets import TextTower
from models.texts import plain

BLOCK = 4_096
"""Texts that are tokenised at once: what the library returns of one takes 4 KB, a hundred times its ids."""


class TextPreprocessor:
    """Turns texts into token ids, at most `max_tokens` each, padded on the right with `pad_id`."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, pad_id: int) -> None:
        tokenizer.enable_truncation(max_tokens)
        tokenizer.enable_padding(pad_id=pad_id, pad_token=tokenizer.id_to_token(pad_id))
        self.tokenizer = tokenizer
        self.pad_id = pad_id

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return token ids (B, T) int64, T that of the longest text; a text without tokens becomes padding."""
        blocks = [self._padded(texts[start : start + BLOCK]) for start in range(0, len(texts), BLOCK)]
        # A causal tokenizer gives no token for an empty text, and no tower takes zero tokens.
        longest = max(1, *(block.shape[1] for block in blocks)) if blocks else 1
        ids = np.full((len(texts), longest), self.pad_id, dtype=np.int64)
        for number, block in enumerate(blocks):
            ids[number * BLOCK : (number + 1) * BLOCK, : block.shape[1]] = block
        return ids

    def _padded(self, texts: Sequence[str]) -> np.ndarray:
        encodings = self.tokenizer.encode_batch_fast([plain(text) for text in texts])
        return np.array([encoding.ids for encoding in encodings], dtype=np.int64).reshape(len(texts), -1)

    def to_json(self) -> str:
        """Return the tokenizer as the text of a `tokenizer.json`."""
        return str(self.tokenizer.to_str(pretty=False))

    @classmethod
    def from_json(cls, text: str, max_tokens: int) -> TextPreprocessor:
        """Return the tokenizer whose `to_json` gave `text`."""
        return cls(Tokenizer.from_str(text), max_tokens, json.loads(text)["padding"]["pad_id"])

    @classmethod
    def load(cls, folder: Path, max_tokens: int) -> TextPreprocessor:
        """Read `tokenizer.json` from a checkpoint folder.

        Raises:
            ArtefactError: the file is missing or damaged.
        """
        path = folder / TOKENIZER_FILE
        try:
            return cls.from_json(path.read_text(encoding="utf-8"), max_tokens)
        except Exception as error:  # the library raises bare Exception
            raise ArtefactError(
                f"{path} cannot be read as a tokenizer ({error}); copy the whole checkpoint folder again"
            ) from error


def pretrained_text_preprocessor(source: str, max_tokens: int) -> TextPreprocessor:
    """Return the tokenizer that came with a pretrained text tower (hub id or folder)."""
    # Here, since both import torch, which a service with an export does not need.
    from transformers import AutoTokenizer

    from models.towers import pretrained_folder

    tokenizer = AutoTokenizer.from_pretrained(pretrained_folder(source))
    # GPT-2 has no padding token; its end-of-text token never occurs inside a title.
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return TextPreprocessor(tokenizer.backend_tokenizer, max_tokens, pad_id)


def train_text_preprocessor(texts: Iterable[str], tower: TextTower) -> TextPreprocessor:
    """Train a byte-level BPE tokenizer on `texts`, with at most the vocabulary of the tower's architecture.

    It is deterministic. The library's WordPiece trainer is not: its ids change from process to process, and with them
    everything that is trained on them.
    """
    special = ["[PAD]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(token_models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        (plain(text) for text in texts),
        token_trainers.BpeTrainer(
            vocab_size=int(tower.architecture.get("vocab_size", 30_522)),
            special_tokens=special,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    if tower.framed:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
    return TextPreprocessor(tokenizer, tower.max_tokens, pad_id=0)

"""Small towers and the packs of a small data set, for all tests of a run on a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, Dinov2Config, Dinov2Model, PreTrainedTokenizerFast

from models import PRESETS, train_text_preprocessor
from tests.conftest import SMALL_ARCHITECTURES
from training.data import open_dataset
from training.gpu import write_packs

OTHERS = (
    *("faiss", "fastapi", "starlette", "uvicorn", "psycopg", "psycopg_pool", "onnx", "onnxruntime", "onnxscript"),
    *("openpyxl", "typer", "pyarrow", "matplotlib", "httpx", "jinja2", "prometheus_client"),
)
"""Packages that a machine with a GPU may lack."""


@pytest.fixture(scope="session")
def towers(tmp_path_factory: pytest.TempPathFactory, shapes: Path) -> tuple[str, str]:
    """Return folders of a small random BERT with its tokenizer, and of a small random DINOv2."""
    folder = tmp_path_factory.mktemp("towers")
    torch.manual_seed(0)
    bert = {name: value for name, value in SMALL_ARCHITECTURES["bert"].items() if name != "model_type"}
    BertModel(BertConfig(**bert), add_pooling_layer=False).save_pretrained(folder / "text")
    tower = PRESETS["tiny"].text.model_copy(update={"architecture": SMALL_ARCHITECTURES["bert"]})
    text = train_text_preprocessor((item.title for item in open_dataset(shapes).items), tower)
    fast = PreTrainedTokenizerFast(tokenizer_object=text.tokenizer, pad_token="[PAD]")
    fast.save_pretrained(folder / "text")
    dinov2 = Dinov2Config(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14)
    Dinov2Model(dinov2).save_pretrained(folder / "image")
    return str(folder / "text"), str(folder / "image")


@pytest.fixture(scope="session")
def packs(tmp_path_factory: pytest.TempPathFactory, shapes: Path, towers: tuple[str, str]) -> Path:
    """Return a folder of packs of the shapes and the small towers."""
    folder = tmp_path_factory.mktemp("packs")
    write_packs(shapes, folder, text_tower=towers[0], image_tower=towers[1])
    return folder

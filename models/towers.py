"""Hugging Face towers: where pretrained ones come from, and how one is built. Knows no projection and no checkpoint."""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from common import ArtefactError, ConfigError, UnreachableError, first_line, resource_error
from models.presets import Tower

FILES = ["*.json", "*.txt", "model*.safetensors"]
"""What is downloaded of a hub's model: no other format of the same weights."""


@functools.cache
def pretrained_folder(source: str) -> Path:
    """Return the local folder that holds `source`, a folder or a hub id; downloads it when it is not in the cache.

    The hub is asked once, with a short timeout: without a network the cache is used, or the error comes at once
    (open_clip 580).

    Raises:
        ArtefactError: neither a folder, nor in the cache, nor on the hub.
        UnreachableError: it is not in the cache, and no hub answers, or its download stops.
    """
    folder = Path(source)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ArtefactError(
                f"{source} holds no config.json; a tower is a Hugging Face folder of config.json, model.safetensors "
                "and, for text, tokenizer.json"
            )
        return folder
    # A hub id is NAME or OWNER/NAME; everything else was meant as a path.
    if source.count("/") > 1 or source.startswith((".", "/", "~")):
        raise ArtefactError(f"there is no folder {source}; give an existing Hugging Face folder or a hub id")
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        HfApi().model_info(source, timeout=5)
    except HfHubHTTPError as error:
        raise ArtefactError(
            f"the hub gives us no model {source!r} ({first_line(error)}); check the id or give a local folder"
        ) from error
    except Exception as error:  # no network, a blocking proxy or offline mode: use what the cache has
        try:
            cached = Path(snapshot_download(source, allow_patterns=FILES, local_files_only=True))
        except LocalEntryNotFoundError:
            cached = Path()
        # The cache may hold a snapshot of other files only, such as a tokenizer.
        if not (cached / "config.json").is_file() or not list(cached.glob("model*.safetensors")):
            raise UnreachableError(
                f"the pretrained tower {source!r} is not in the local cache and the hub cannot be reached "
                f"({type(error).__name__}); give a local Hugging Face folder (--text-tower, --image-tower)"
            ) from error
        return cached
    try:
        return Path(snapshot_download(source, allow_patterns=FILES))
    except Exception as error:  # of the hub's client, whose HTTP library differs between releases
        if resource_error(error) is not None:
            raise
        raise UnreachableError(
            f"the download of the pretrained tower {source!r} stopped ({type(error).__name__}: {first_line(error)}); "
            "start it again to go on from there"
        ) from error


def build_tower(config: Tower) -> nn.Module:
    """Build one tower in float32: pretrained when it has a source, else with random weights.

    Raises:
        ConfigError: the architecture is none that Hugging Face knows.
        ArtefactError: the source cannot be found or read.
    """
    if config.source is not None:
        return _pretrained(config, pretrained_folder(config.source))
    return build_architecture(config)


def build_architecture(config: Tower) -> nn.Module:
    """Build one tower with random weights in the shape of its `architecture`; its source is ignored.

    Raises:
        ConfigError: the architecture is none that Hugging Face knows.
    """
    from transformers import AutoConfig, AutoModel

    fields = dict(config.architecture)
    try:
        hf_config = AutoConfig.for_model(fields.pop("model_type"), **fields)
        tower = AutoModel.from_config(hf_config, dtype=torch.float32, **_no_pooler(config, hf_config))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"the architecture {config.architecture} cannot be built: {error}") from error
    return cast(nn.Module, tower)


def _pretrained(config: Tower, folder: Path) -> nn.Module:
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging as hf_logging

    # The library reports heads that we do not use as unexpected weights, page by page.
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        hf_config = AutoConfig.from_pretrained(folder)
        tower = AutoModel.from_pretrained(folder, dtype=torch.float32, **_no_pooler(config, hf_config))
    except (OSError, ValueError, KeyError) as error:
        raise ArtefactError(
            f"{folder} cannot be read as a pretrained tower ({first_line(error)}); "
            "get its config.json and model.safetensors again"
        ) from error
    return cast(nn.Module, tower)


def _no_pooler(config: Tower, hf_config: Any) -> dict[str, bool]:
    """Return the option that leaves out a pooling layer nothing reads, for models that have the option."""
    from transformers import MODEL_MAPPING

    parameters = inspect.signature(MODEL_MAPPING[type(hf_config)].__init__).parameters
    return {"add_pooling_layer": config.pooling == "pooler"} if "add_pooling_layer" in parameters else {}

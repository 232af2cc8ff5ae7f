"""Where pretrained towers come from: a local folder, the Hugging Face cache, or the hub. Knows no model."""

from __future__ import annotations

import functools
from pathlib import Path

from common import ArtefactError

FILES = ["*.json", "*.txt", "model*.safetensors"]


@functools.cache
def pretrained_folder(source: str) -> Path:
    """Return the local folder that holds `source`, a folder or a hub id, downloading it when it must be.

    The hub is asked once, briefly: without a network the cache is used, or the error comes at once (open_clip 580).

    Raises:
        ArtefactError: neither a folder, nor in the cache, nor on a hub that answers.
    """
    folder = Path(source)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ArtefactError(
                f"{source} holds no config.json; a tower is a Hugging Face folder of config.json, model.safetensors "
                "and, for text, tokenizer.json"
            )
        return folder
    if source.count("/") > 1 or source.startswith((".", "/", "~")):
        raise ArtefactError(f"there is no folder {source}; give an existing Hugging Face folder or a hub id")
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        HfApi().model_info(source, timeout=5)
    except HfHubHTTPError as error:
        raise ArtefactError(
            f"the hub gives us no model {source!r} ({str(error).splitlines()[0]}); check the id or give a local folder"
        ) from error
    except Exception as error:  # no network, a proxy in the way, offline mode: whatever the cache has must do
        try:
            cached = Path(snapshot_download(source, allow_patterns=FILES, local_files_only=True))
        except LocalEntryNotFoundError:
            cached = Path()
        if not (cached / "config.json").is_file() or not list(cached.glob("model*.safetensors")):
            raise ArtefactError(
                f"the pretrained tower {source!r} is not in the local cache and the hub cannot be reached "
                f"({type(error).__name__}); give a local Hugging Face folder (--text-tower, --image-tower)"
            ) from error
        return cached
    return Path(snapshot_download(source, allow_patterns=FILES))

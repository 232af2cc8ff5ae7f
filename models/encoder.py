"""A loaded checkpoint: texts and pictures in, unit vectors out. Knows no catalogue, no HTTP, no training.

Two runtimes compute the towers: torch, on a CPU or GPU, and onnxruntime, on a CPU, from the files of `vitrine export`.
With the latter torch is never imported.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from common import ArtefactError, ConfigError, require
from models.backend import TOWERS, Backend, DeviceLostError, TowerName, check_device
from models.checkpoint_folder import encoder_id, read_config
from models.images import read_pixels, scaled, to_rgb
from models.presets import ModelConfig
from models.tokenizer import TextPreprocessor

if TYPE_CHECKING:
    import torch

    from models.checkpoint import Checkpoint

logger = logging.getLogger("vitrine.models")

CHUNK = 256
"""The most inputs that a tower takes at once; bounds the memory of a call of any size."""

Runtime = Literal["auto", "torch", "onnx"]
"""auto: onnxruntime on a CPU where the checkpoint was exported, else torch."""


class Encoder:
    """Encodes with a trained dual encoder; safe to call from several threads.

    When the device is lost, the backend that `fallback` loads takes over until the process ends; without it, the call
    fails.

    Args:
        encoder_id: a hash of what the checkpoint computes.
        config: the model's.
        training: how it was trained, as `save_checkpoint` stored it.
        text: the model's tokenizer.
        backend: what computes the towers.
        fallback: loads another backend.
    """

    def __init__(
        self,
        encoder_id: str,
        config: ModelConfig,
        training: dict[str, Any],
        text: TextPreprocessor,
        backend: Backend,
        fallback: Callable[[], Backend] | None = None,
    ) -> None:
        self.encoder_id = encoder_id
        self.config = config
        self.training = training
        self.dim = config.projection.dim
        self.logit_scale = backend.logit_scale
        self.backend = backend
        self._text = text
        self._fallback = fallback
        self._swapping = threading.Lock()

    @property
    def device(self) -> str:
        """Where the towers run now."""
        return self.backend.device

    @property
    def runtime(self) -> str:
        """What runs them: "torch" or "onnx"."""
        return self.backend.runtime

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit rows (B, D) float32 for B texts."""
        return self.encode_counted(texts)[0]

    def encode_counted(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return unit rows (B, D) float32 for B texts, and the number of tokens (B,) that the model read of each."""
        # Texts of similar length share a chunk, so that little time goes into padding.
        order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
        tokens = np.zeros(len(texts), dtype=np.int64)

        def encode(places: Sequence[int]) -> np.ndarray:
            ids = self._text([texts[place] for place in places])
            tokens[places] = np.count_nonzero(ids != self._text.pad_id, axis=1)
            return self._compute(lambda backend: backend.encode_ids(ids))

        rows = self._chunks(order, encode)
        out = np.empty_like(rows)
        out[order] = rows
        return out, tokens

    def encode_image(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return unit rows (B, D) float32 for B pictures of any mode and size."""
        return self._chunks(images, lambda part: self._pixels([self.prepare_image(image) for image in part]))

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the pictures that `encode_pixels` takes."""
        return self.config.image.preprocess.size

    def prepare_image(self, image: Image.Image) -> np.ndarray:
        """Scale one picture to the model's input (H, W, 3) uint8: the part that needs no model."""
        return scaled(to_rgb(image), self.image_size)

    def read_image(self, data: bytes) -> np.ndarray:
        """Decode a picture file to the model's input (H, W, 3) uint8, at no larger size than that needs.

        Raises:
            ImageError: not an image, damaged or truncated, or too large.
            OutOfMemoryError: there was no memory for it.
        """
        return read_pixels(data, self.image_size)

    def encode_pixels(self, pixels: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for B results of `read_image` or `prepare_image`, (H, W, 3) uint8 each."""
        return self._chunks(pixels, self._pixels)

    def _chunks(self, inputs: Sequence[Any] | np.ndarray, encode: Callable[..., np.ndarray]) -> np.ndarray:
        parts = [encode(inputs[start : start + CHUNK]) for start in range(0, len(inputs), CHUNK)]
        return np.concatenate(parts) if parts else np.empty((0, self.dim), dtype=np.float32)

    def _pixels(self, pixels: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        stacked = pixels if isinstance(pixels, np.ndarray) else np.stack(pixels)
        return self._compute(lambda backend: backend.encode_pixels(stacked))

    def _compute(self, call: Callable[[Backend], np.ndarray]) -> np.ndarray:
        """Return what `call` gives for the backend; where its device is lost, for the fallback."""
        backend = self.backend
        try:
            return call(backend)
        except DeviceLostError as error:
            # Several threads may fail at once; the first one loads the fallback, the others find it loaded.
            with self._swapping:
                if self._fallback is not None and self.backend is backend:
                    logger.error("%s; from here on the CPU encodes, more slowly, until a restart", error)
                    self.backend = self._fallback()
            if self.backend is backend:
                raise
            return call(self.backend)


def load_encoder(
    folder: str | Path, device: str = "auto", runtime: Runtime = "auto", towers: Sequence[TowerName] = TOWERS
) -> Encoder:
    """Load a checkpoint folder for encoding.

    Args:
        folder: as `vitrine train` writes it.
        device: "auto", "cpu", "cuda" or "cuda:N"; "auto" is the first GPU, or the CPU where there is none.
        runtime: "auto", "torch" or "onnx".
        towers: those that will be used; onnxruntime loads no others.

    Raises:
        ArtefactError: no checkpoint there, or one that cannot be used; with "onnx" or without torch, one that was not
            exported.
        ConfigError: the device does not exist here, "onnx" is asked for elsewhere than on a CPU, or torch is asked for
            and not installed.
    """
    folder = Path(folder)
    check_device(device)
    if runtime == "onnx" and device not in ("auto", "cpu"):
        raise ConfigError(f"onnxruntime runs on the CPU here, and the device is {device!r}; give cpu, or runtime torch")
    # Only torch can say whether there is a usable GPU, and its import takes seconds: without NVIDIA's or AMD's device
    # file there is none, and torch is not asked.
    on_cpu = device == "cpu" or (device == "auto" and not (gpu_likely() and _torch_is_there()))
    if runtime == "torch" or not on_cpu:
        require("train", "torch", what="the runtime torch" if runtime == "torch" else f"the device {device!r}")
    if runtime == "onnx" or (runtime == "auto" and on_cpu):
        from models.onnx_backend import export_remedy, exported

        if exported(folder):
            try:
                return _onnx_encoder(folder, towers)
            except ArtefactError as error:
                if runtime == "onnx" or not _torch_is_there():
                    raise
                logger.warning("%s; torch encodes instead, more slowly", error)
        elif runtime == "onnx" or not _torch_is_there():
            read_config(folder)  # a folder without a checkpoint is another mistake
            raise ArtefactError(f"{folder} was not exported for onnxruntime; {export_remedy(folder)}")
    from models.checkpoint import load_checkpoint
    from models.torch_backend import pick_device

    picked = pick_device(device)
    fallback = None if picked.type == "cpu" else lambda: load_encoder(folder, "cpu").backend
    return torch_encoder(load_checkpoint(folder), picked, fallback)


def torch_encoder(
    checkpoint: Checkpoint, device: torch.device, fallback: Callable[[], Backend] | None = None
) -> Encoder:
    """Return the encoder of a checkpoint in memory; its model is moved and converted, not copied.

    `fallback` loads the backend that takes over when the device is lost.
    """
    from models.torch_backend import TorchBackend

    backend = TorchBackend(checkpoint, device)
    config, training = checkpoint.model.config, checkpoint.training
    return Encoder(checkpoint.encoder_id, config, training, checkpoint.text, backend, fallback)


def _onnx_encoder(folder: Path, towers: Sequence[TowerName]) -> Encoder:
    from models.onnx_backend import OnnxBackend

    config, training, _ = read_config(folder)
    found = encoder_id(folder)
    text = TextPreprocessor.load(folder, config.text.max_tokens)
    return Encoder(found, config, training, text, OnnxBackend(folder, found, text.pad_id, towers))


def _torch_is_there() -> bool:
    try:
        require("train", "torch", "transformers", what="this")
    except ConfigError:
        return False
    return True


def gpu_likely() -> bool:
    """Return whether this machine shows the device file of a GPU's driver."""
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd"))

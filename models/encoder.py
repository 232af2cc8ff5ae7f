"""A checkpoint at work: texts and pictures in, unit vectors out. Knows no catalogue, no HTTP, no training.

Two runtimes compute the towers: torch, on CPU and GPU, and onnxruntime, on a CPU, from what `vitrine export` made. With
the latter torch is never imported.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from PIL import Image

from common import ArtefactError, ConfigError, VitrineError
from models.checkpoint_folder import encoder_id, read_config
from models.images import scaled, to_rgb
from models.presets import ModelConfig
from models.tokenizer import TextPreprocessor

logger = logging.getLogger("vitrine.models")

CHUNK = 256
"""Inputs that go through a tower at once, at most: bounds the memory of a call of any size."""

Runtime = Literal["auto", "torch", "onnx"]
"""auto: onnxruntime on a CPU where the checkpoint was exported, else torch."""


class DeviceLostError(VitrineError):
    """The device that the towers run on cannot be used any more in this process."""

    code = "device_lost"


class Towers(Protocol):
    """Both towers with their projections, on some runtime; called from several threads."""

    @property
    def device(self) -> str:
        """Where they run."""

    @property
    def runtime(self) -> str:
        """What runs them: "torch" or "onnx"."""

    @property
    def logit_scale(self) -> float:
        """What cosines are multiplied by before a softmax makes probabilities of them."""

    def encode_ids(self, ids: np.ndarray, /) -> np.ndarray:
        """Return unit rows (B, D) float32 for token ids (B, T) int64."""

    def encode_pixels(self, pixels: np.ndarray, /) -> np.ndarray:
        """Return unit rows (B, D) float32 for pixels (B, H, W, 3) uint8."""


class Encoder:
    """Encodes with a trained dual encoder; safe to call from several threads.

    When the device is lost, the towers that `fallback` loads take over, for good; without it, the call fails.
    """

    def __init__(
        self,
        encoder_id: str,
        config: ModelConfig,
        training: dict[str, Any],
        text: TextPreprocessor,
        towers: Towers,
        fallback: Callable[[], Towers] | None = None,
    ) -> None:
        self.encoder_id = encoder_id
        self.config = config
        self.training = training
        self.dim = config.projection.dim
        self.logit_scale = towers.logit_scale
        self._text = text
        self.towers = towers
        self._fallback = fallback
        self._swapping = threading.Lock()

    @property
    def device(self) -> str:
        """Where the towers run now."""
        return self.towers.device

    @property
    def runtime(self) -> str:
        """What runs them: "torch" or "onnx"."""
        return self.towers.runtime

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit rows (B, D) float32 for B texts."""
        return self.encode_counted(texts)[0]

    def encode_counted(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return unit rows (B, D) float32 for B texts, and how many tokens (B,) the model has read of each."""
        # Texts of like length share a chunk, so that little is spent on padding.
        order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
        tokens = np.zeros(len(texts), dtype=np.int64)

        def encode(places: Sequence[int]) -> np.ndarray:
            ids = self._text([texts[place] for place in places])
            tokens[places] = np.count_nonzero(ids != self._text.pad_id, axis=1)
            return self._computed(lambda towers: towers.encode_ids(ids))

        rows = self._chunks(order, encode)
        out = np.empty_like(rows)
        out[order] = rows
        return out, tokens

    def encode_image(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Return unit rows (B, D) float32 for B pictures of any mode and size."""
        return self._chunks(images, lambda part: self._pixels([self.prepare_image(image) for image in part]))

    def prepare_image(self, image: Image.Image) -> np.ndarray:
        """Scale one picture to the model's input (H, W, 3) uint8: the part that needs no model."""
        return scaled(to_rgb(image), self.config.image.preprocess.size)

    def encode_pixels(self, pixels: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """Return unit rows (B, D) float32 for B pictures that `prepare_image` made, (H, W, 3) uint8 each."""
        return self._chunks(pixels, self._pixels)

    def _chunks(self, inputs: Sequence[Any] | np.ndarray, encode: Callable[..., np.ndarray]) -> np.ndarray:
        parts = [encode(inputs[start : start + CHUNK]) for start in range(0, len(inputs), CHUNK)]
        return np.concatenate(parts) if parts else np.empty((0, self.dim), dtype=np.float32)

    def _pixels(self, pixels: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        stacked = pixels if isinstance(pixels, np.ndarray) else np.stack(pixels)
        return self._computed(lambda towers: towers.encode_pixels(stacked))

    def _computed(self, compute: Callable[[Towers], np.ndarray]) -> np.ndarray:
        towers = self.towers
        try:
            return compute(towers)
        except DeviceLostError as error:
            with self._swapping:
                if self._fallback is not None and self.towers is towers:
                    logger.error("%s; from here on the CPU encodes, more slowly, until a restart", error)
                    self.towers = self._fallback()
            if self.towers is towers:
                raise
            return compute(self.towers)


def load_encoder(folder: str | Path, device: str = "auto", runtime: Runtime = "auto") -> Encoder:
    """Load a checkpoint folder for encoding.

    Args:
        folder: as `vitrine train` writes it.
        device: "auto", "cpu", "cuda" or "cuda:N"; "auto" is the first GPU, or the CPU where there is none.
        runtime: "auto", "torch" or "onnx".

    Raises:
        ArtefactError: no checkpoint there, or one that cannot be used; with "onnx", one that was not exported.
        ConfigError: the device does not exist here, or "onnx" is asked for elsewhere than on a CPU.
    """
    folder = Path(folder)
    if runtime == "onnx" and device not in ("auto", "cpu"):
        raise ConfigError(f"onnxruntime runs on the CPU here, and the device is {device!r}; give cpu, or runtime torch")
    # Whether there is a GPU is torch's to say; without NVIDIA's device file it need not be asked, nor imported.
    if runtime == "onnx" or (runtime == "auto" and (device == "cpu" or (device == "auto" and not _gpu_likely()))):
        from models.onnx_backend import OnnxTowers, exported

        if exported(folder):
            try:
                config, training, _ = read_config(folder)
                found = encoder_id(folder)
                text = TextPreprocessor.load(folder, config.text.max_tokens)
                towers = OnnxTowers(folder, found, text.pad_id)
                return Encoder(found, config, training, text, towers)
            except ArtefactError as error:
                if runtime == "onnx":
                    raise
                logger.warning("%s; torch encodes instead, more slowly", error)
        elif runtime == "onnx":
            raise ArtefactError(f"{folder} was not exported for onnxruntime; do so with `vitrine export {folder}`")
    from models.checkpoint import load_checkpoint
    from models.torch_backend import pick_device, torch_encoder

    picked = pick_device(device)
    fallback = None if picked.type == "cpu" else lambda: load_encoder(folder, "cpu").towers
    return torch_encoder(load_checkpoint(folder), picked, fallback)


def _gpu_likely() -> bool:
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd"))

"""BERT and DINOv2 as functions of named weights, without Hugging Face. Knows no data set and no loss.

Weights are named as in a checkpoint, and the results are those of Hugging Face's modules (a test compares them). On a
GPU each kind of layer is compiled once and gets its weights as arguments, so that all layers share one graph.

Shapes: B batch, T tokens or patches with the class token, H W pixels, F a tower's width, L layers.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from common import ConfigError
from models import ModelConfig

Weights = Mapping[str, Tensor]
"""Name in a checkpoint -> parameter."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What the weights alone do not say."""

    text_heads: int
    text_layers: int
    text_epsilon: float
    image_heads: int
    image_layers: int
    image_epsilon: float
    patch: int
    """Pixels along a patch's side."""
    grid: tuple[int, int]
    """Patches of a picture, down and across."""
    dropout: float
    """Of the projections, in training."""

    @property
    def patches(self) -> int:
        """Return how many patches a picture has."""
        return self.grid[0] * self.grid[1]

    def kept(self, dropout: float) -> int:
        """Return how many patches are looked at when the fraction `dropout` of them is left out."""
        return max(1, round(self.patches * (1 - dropout)))

    def at(self, side: int) -> Architecture:
        """Return the same for square pictures of `side` pixels."""
        return dataclasses.replace(self, grid=(side // self.patch, side // self.patch))

    @classmethod
    def of(cls, config: ModelConfig) -> Architecture:
        """Return the architecture that a checkpoint's model config describes.

        Raises:
            ConfigError: it is not BERT with mean pooling beside DINOv2, with a hidden layer in the projections.
        """
        text, image = config.text.architecture, config.image.architecture
        kinds = (text["model_type"], config.text.pooling, image["model_type"], config.image.pooling)
        if kinds != ("bert", "mean", "dinov2", "cls+mean") or not config.projection.hidden:
            raise ConfigError(
                "training on a GPU in minutes knows bert (mean) beside dinov2 (cls+mean) with hidden projections; "
                f"this model is {kinds[0]} ({kinds[1]}) beside {kinds[2]} ({kinds[3]}), "
                f"hidden = {config.projection.hidden}: use `vitrine train`"
            )
        height, width = config.image.preprocess.size
        patch = image.get("patch_size", 14)
        return cls(  # what a config leaves out is Hugging Face's default
            text_heads=text.get("num_attention_heads", 12),
            text_layers=text.get("num_hidden_layers", 12),
            text_epsilon=text.get("layer_norm_eps", 1e-12),
            image_heads=image.get("num_attention_heads", 12),
            image_layers=image.get("num_hidden_layers", 12),
            image_epsilon=image.get("layer_norm_eps", 1e-6),
            patch=patch,
            grid=(height // patch, width // patch),
            dropout=config.projection.dropout,
        )


def pool_image(
    weights: Weights, shape: Architecture, planes: Tensor, keep: Tensor | None = None, path: Tensor | None = None
) -> Tensor:
    """Return the class token and the mean of the patches, concatenated (B, 2F).

    Args:
        weights: a checkpoint's.
        shape: the architecture.
        planes: normalised pixels (B, 3, H, W).
        keep: numbers (B, K) of the patches that are looked at; all when not given.
        path: factors (L, 2, B) of what each layer's attention and each layer's MLP adds; 1 when not given.
    """
    name = "image_tower.embeddings"
    positions = _positions(weights[f"{name}.position_embeddings"], shape.grid)
    projection = f"{name}.patch_embeddings.projection"
    cut = functional.conv2d(planes, weights[f"{projection}.weight"], weights[f"{projection}.bias"], stride=shape.patch)
    states = cut.flatten(2).transpose(1, 2).float() + positions[:, 1:]
    if keep is not None:
        states = states.gather(1, keep.unsqueeze(-1).expand(-1, -1, states.shape[2]))
    first = (weights[f"{name}.cls_token"] + positions[:, :1]).expand(len(states), -1, -1).float()
    states = torch.cat([first, states], 1)  # (B, T, F)
    layer = _compiled(_image_layer, states)
    for number in range(shape.image_layers):
        own = _numbered(weights, f"image_tower.encoder.layer.{number}", _IMAGE_NAMES)
        states = layer(states, None if path is None else path[number], shape.image_heads, shape.image_epsilon, *own)
    last = "image_tower.layernorm"
    states = _norm(states, weights[f"{last}.weight"], weights[f"{last}.bias"], shape.image_epsilon)
    return torch.cat([states[:, 0], states[:, 1:].mean(1)], -1)


def pool_text(weights: Weights, shape: Architecture, ids: Tensor, mask: Tensor, dropout: float = 0.0) -> Tensor:
    """Return the mean of the tokens that count (B, F).

    Args:
        weights: a checkpoint's.
        shape: the architecture.
        ids: token ids (B, T).
        mask: which of them count (B, T); the others are not attended to.
        dropout: of the states, in training.
    """
    name = "text_tower.embeddings"
    length = ids.shape[1]
    states = functional.embedding(ids, weights[f"{name}.word_embeddings.weight"])
    states = states + weights[f"{name}.position_embeddings.weight"][:length]
    states = states + weights[f"{name}.token_type_embeddings.weight"][0]
    norm = (weights[f"{name}.LayerNorm.weight"], weights[f"{name}.LayerNorm.bias"])
    states = functional.dropout(_norm(states.float(), *norm, shape.text_epsilon), dropout)
    attended = mask[:, None, None, :].expand(len(ids), 1, length, length)
    layer = _compiled(_text_layer, states)
    for number in range(shape.text_layers):
        own = _numbered(weights, f"text_tower.encoder.layer.{number}", _TEXT_NAMES)
        states = layer(states, attended, dropout, shape.text_heads, shape.text_epsilon, *own)
    counted = mask.unsqueeze(-1).float()
    return (states * counted).sum(1) / counted.sum(1).clamp(min=1)


def project(weights: Weights, projection: str, pooled: Tensor, dropout: float = 0.0) -> Tensor:
    """Project pooled features (B, F) to unit rows (B, D) in float32; `projection` is the name of one."""
    first, hidden, last = (f"{projection}.{place}" for place in (0, 1, 4))  # 2 is GELU, 3 is dropout
    states = _norm(pooled, weights[f"{first}.weight"], weights[f"{first}.bias"], 1e-5)
    states = functional.linear(states, weights[f"{hidden}.weight"], weights[f"{hidden}.bias"])
    states = functional.dropout(functional.gelu(states), dropout)
    return functional.normalize(functional.linear(states, weights[f"{last}.weight"]).float(), dim=-1)


_IMAGE_NAMES = (
    *("norm1.weight", "norm1.bias"),
    *(f"attention.{part}_proj.{kind}" for part in "qkvo" for kind in ("weight", "bias")),
    *("layer_scale1.lambda1", "norm2.weight", "norm2.bias"),
    *("mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias", "layer_scale2.lambda1"),
)
"""A layer's parameters, in the order in which `_image_layer` takes them."""

_TEXT_NAMES = (
    *(f"attention.self.{part}.{kind}" for part in ("query", "key", "value") for kind in ("weight", "bias")),
    *("attention.output.dense.weight", "attention.output.dense.bias"),
    *("attention.output.LayerNorm.weight", "attention.output.LayerNorm.bias"),
    *("intermediate.dense.weight", "intermediate.dense.bias", "output.dense.weight", "output.dense.bias"),
    *("output.LayerNorm.weight", "output.LayerNorm.bias"),
)
"""The same for `_text_layer`."""


def _image_layer(states: Tensor, path: Tensor | None, heads: int, epsilon: float, *weights: Tensor) -> Tensor:
    """Return the states (B, T, F) after one layer of DINOv2; `path` (2, B) scales what its halves add."""
    norm1, norm1_bias, *attention, scale1, norm2, norm2_bias, inner, inner_bias, outer, outer_bias, scale2 = weights
    added = _attend(_norm(states, norm1, norm1_bias, epsilon), None, heads, *attention).float() * scale1
    states = states + (added if path is None else added * path[0].view(-1, 1, 1))
    hidden = functional.gelu(functional.linear(_norm(states, norm2, norm2_bias, epsilon), inner, inner_bias))
    added = functional.linear(hidden, outer, outer_bias).float() * scale2
    return states + (added if path is None else added * path[1].view(-1, 1, 1))


def _text_layer(
    states: Tensor, attended: Tensor, dropout: float, heads: int, epsilon: float, *weights: Tensor
) -> Tensor:
    """Return the states (B, T, F) after one layer of BERT; `attended` (B, 1, T, T) says which token sees which."""
    *attention, norm1, norm1_bias, inner, inner_bias, outer, outer_bias, norm2, norm2_bias = weights
    added = functional.dropout(_attend(states, attended, heads, *attention), dropout)
    states = _norm(states + added.float(), norm1, norm1_bias, epsilon)
    hidden = functional.gelu(functional.linear(states, inner, inner_bias))
    added = functional.dropout(functional.linear(hidden, outer, outer_bias), dropout)
    return _norm(states + added.float(), norm2, norm2_bias, epsilon)


def _attend(states: Tensor, attended: Tensor | None, heads: int, *weights: Tensor) -> Tensor:
    """Return what attention with `heads` heads adds (B, T, F); weights and biases of query, key, value, output."""
    batch, length, width = states.shape
    query, key, value = (
        functional.linear(states, weights[place], weights[place + 1]).view(batch, length, heads, -1).transpose(1, 2)
        for place in (0, 2, 4)
    )
    seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=attended)
    return functional.linear(seen.transpose(1, 2).reshape(batch, length, width), weights[6], weights[7])


def _norm(states: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    return functional.layer_norm(states, (states.shape[-1],), weight, bias, epsilon)


def _positions(stored: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return the position embeddings (1, T, F) of a grid, scaled from the square one (1, 1 + n², F) of pretraining."""
    side, width = int((stored.shape[1] - 1) ** 0.5), stored.shape[2]
    square = stored[:, 1:].reshape(1, side, side, width).permute(0, 3, 1, 2).float()
    scaled = functional.interpolate(square, size=grid, mode="bicubic", align_corners=False)
    return torch.cat([stored[:, :1].float(), scaled.permute(0, 2, 3, 1).reshape(1, -1, width)], 1)


def _numbered(weights: Weights, layer: str, names: tuple[str, ...]) -> list[Tensor]:
    return [weights[f"{layer}.{name}"] for name in names]


def _compiled(layer: Callable[..., Tensor], states: Tensor) -> Callable[..., Tensor]:
    """Return `layer`, compiled if its states are on a GPU; on a CPU compiling takes longer than it saves.

    Training and validation differ in shapes, so each kind of layer has a few graphs.
    """
    return _compile(layer) if states.is_cuda else layer


@functools.cache
def _compile(layer: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return torch.compile(layer, dynamic=False)

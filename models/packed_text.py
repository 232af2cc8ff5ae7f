"""BERT over the real tokens of a training batch, without padding. Knows no projection and no loss.

Only attention looks at one text at a time; all else treats each token alone, in one matrix product for the batch. The
results are those of Hugging Face's module, and so are the gradients. Query, key and value come from one product.

Shapes: B texts, T tokens of the longest, N real tokens of all texts, C texts of one length, F the tower's width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def can_pack(tower: nn.Module) -> bool:
    """Return whether `packed_states` knows this tower: a BERT whose texts read both ways, with GELU."""
    config: Any = tower.config
    return bool(config.model_type == "bert" and config.hidden_act == "gelu" and not config.is_decoder)


def packed_states(tower: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """Return the last hidden states (B, T, F) in float32, zero where the mask is.

    Args:
        tower: a BERT that `can_pack` accepts; its dropout follows its mode.
        ids: token ids (B, T).
        mask: which of them are real (B, T); they stand first in their row.
    """
    bert: Any = tower
    device = ids.device.type
    fast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else torch.float32

    # Texts of one length stand side by side: attention takes them as one block, and needs no mask.
    lengths, order = mask.sum(1).sort(stable=True)
    real = mask[order]
    blocks = [(length, count) for length, count in enumerate(lengths.bincount().tolist()) if length and count]
    places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)[real]  # (N,)

    with torch.autocast(device, enabled=False):  # the casts are written out: one for each product
        embeddings = bert.embeddings
        states = embeddings.word_embeddings(ids[order][real])  # (N, F)
        states = states + embeddings.position_embeddings(places) + embeddings.token_type_embeddings.weight[0]
        states = embeddings.dropout(embeddings.LayerNorm(states))
        for layer in bert.encoder.layer:
            seen = _attend(layer.attention.self, states.to(fast), blocks)
            states = _add(layer.attention.output, seen, states)
            inner = functional.gelu(_linear(layer.intermediate.dense, states.to(fast)))
            states = _add(layer.output, inner, states)

        padded = states.new_zeros(*ids.shape, states.shape[-1])
        padded[real] = states
        result: Tensor = padded[order.argsort()]  # back in the order of the batch
    return result


def _attend(attention: Any, states: Tensor, blocks: list[tuple[int, int]]) -> Tensor:
    """Return what each token sees of its text (N, F); `blocks` are (length, C) of the texts, by length."""
    parts = (attention.query, attention.key, attention.value)
    weight = torch.cat([part.weight for part in parts]).to(states.dtype)
    bias = torch.cat([part.bias for part in parts]).to(states.dtype)
    all_three = functional.linear(states, weight, bias)  # (N, 3 F)
    seen = []
    start = 0
    for length, count in blocks:
        block = all_three[start : start + length * count]
        start += length * count
        heads = block.view(count, length, 3, attention.num_attention_heads, -1)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)  # (C, heads, length, F / heads) each
        weights = ((query * attention.scaling) @ key.transpose(-1, -2)).softmax(-1)
        seen.append((attention.dropout(weights) @ value).transpose(1, 2).reshape(count * length, -1))
    return torch.cat(seen)


def _add(output: Any, inner: Tensor, states: Tensor) -> Tensor:
    """Return the states (N, F) after what `inner` adds to them; the sum is kept in float32."""
    normed: Tensor = output.LayerNorm(output.dropout(_linear(output.dense, inner)).float() + states)
    return normed


def _linear(layer: nn.Linear, states: Tensor) -> Tensor:
    return functional.linear(states, layer.weight.to(states.dtype), layer.bias.to(states.dtype))

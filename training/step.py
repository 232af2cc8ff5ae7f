"""One gradient: of the loss of a whole batch, over chunks and processes. Knows no data set and no optimiser."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.dual_encoder import DualEncoder
from training.distributed import World

SIDES = ("image_features", "text_features")


def backward(
    model: DualEncoder,
    criterion: nn.Module,
    batch: dict[str, Tensor],
    groups: Tensor | None,
    *,
    seed: int,
    chunk: int = 0,
    fast: bool = False,
    world: World | None = None,
) -> Tensor:
    """Add the gradient of the loss of a whole batch to the parameters; return the loss, a detached scalar.

    The loss is computed from features without their graph; its gradient with respect to them then goes back through
    the towers, chunk by chunk, each computed a second time with the same dropout (gradient caching, arXiv 2101.06983).
    What needs the memory of one chunk equals one pass over everything. Over processes the same cut makes each
    one's part of the gradient exact without a collective in the graph. Only layers that look at a whole batch
    (BatchNorm) see a chunk instead.

    Args:
        model: in training mode where it is to drop out.
        criterion: takes `image_features`, `text_features` (B, D), `logit_scale` () and `groups` (B,).
        batch: the model's inputs of this process, B rows each.
        groups: (B,) which rows are positives of each other; None: each row of itself only.
        seed: of dropout; another one for each step.
        chunk: rows that go through the towers at once; 0 for all.
        fast: whether to compute in bfloat16.
        world: the processes that share the batch.
    """
    world = world or World()
    rows = len(next(iter(batch.values())))
    step = chunk or rows
    starts = range(0, rows, step)
    whole = len(starts) == 1

    def encode(start: int) -> dict[str, Tensor]:
        # The second pass of a chunk draws what the first drew.
        torch.manual_seed((seed * 1_009 + start) * 1_009 + world.rank)
        with torch.autocast(device, torch.bfloat16, enabled=fast):
            return model(**{name: value[start : start + step] for name, value in batch.items()})  # type: ignore[no-any-return]

    device = next(iter(batch.values())).device.type
    with torch.set_grad_enabled(whole):
        parts = [encode(start) for start in starts]
    leaves = {side: torch.cat([part[side].detach() for part in parts]).requires_grad_() for side in SIDES}
    loss: Tensor = criterion(
        **{side: world.gather(leaf) for side, leaf in leaves.items()},
        logit_scale=model.logit_scale.exp(),
        groups=None if groups is None else world.gather(groups),
    )
    (loss / world.size).backward()  # type: ignore[no-untyped-call]
    for number, start in enumerate(starts):
        part = parts[number] if whole else encode(start)
        # Every process holds the whole loss, divided by their number for the parameters that all of them share.
        grads = [_grad(leaves[side])[start : start + step] * world.size for side in SIDES]
        torch.autograd.backward([part[side] for side in SIDES], grads)
    world.sum_gradients([*model.parameters(), *criterion.parameters()])
    return loss.detach()


def _grad(leaf: Tensor) -> Tensor:
    return leaf.grad if leaf.grad is not None else torch.zeros_like(leaf)

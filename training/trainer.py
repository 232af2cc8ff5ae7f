"""One training step, line by line, and what it changes. Knows no data set, no epoch and no run folder."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from common import VitrineError
from models import MAX_LOGIT_SCALE, TOWERS, DualEncoder
from training.augment import augment
from training.distributed import World
from training.gradient_cache import GradientCache
from training.inputs import to_device
from training.loss import contrastive_loss
from training.optim import averaged, parameter_groups, schedule, set_learning
from training.setup import Setup


class Trainer:
    """Takes steps; owns the optimiser and the moving average of the weights."""

    def __init__(self, setup: Setup, total_steps: int, locked_steps: int, world: World) -> None:
        """Prepare the optimiser for `total_steps`; in the first `locked_steps` no tower learns."""
        recipe = setup.recipe
        self.setup, self.model, self.recipe, self.world = setup, setup.model, recipe, world
        self.total_steps, self.locked_steps = total_steps, locked_steps
        self.locked: tuple[str, ...] = recipe.locked
        self.optimizer = torch.optim.AdamW(parameter_groups(self.model, recipe))
        self.average = averaged(self.model, recipe.ema) if recipe.ema else None
        self.eval_model = self.model if self.average is None else cast(DualEncoder, self.average.module)

    def scalars(self) -> dict[str, float]:
        """Return what a log shows beside the loss: `logit_scale`, exponentiated, and the projections' rate."""
        rate = self.optimizer.param_groups[-1]["lr"]
        return {"logit_scale": self.model.logit_scale.exp().item(), "learning_rate": rate}

    def lock(self, locked: tuple[str, ...]) -> None:
        """Let the towers in `locked` stay as they are from the next step on, and all others learn."""
        self.locked = locked
        set_learning(self.model, self.recipe, locked)

    def step(self, batch: dict[str, Tensor], groups: Tensor, number: int) -> float:
        """Learn from one batch and return its loss, which is that of all processes' rows together.

        Args:
            batch: the model's inputs, named as its `forward` takes them; this process's B rows.
            groups: (B,), rows of one group are positives of each other where the recipe says so.
            number: of the step, from 0; the rates and all random draws follow from it.

        Raises:
            VitrineError: the loss is not finite; nothing was learned from this batch.
        """
        model, recipe, world = self.model, self.recipe, self.world
        self._set_rates(number)
        self._set_modes()
        batch = self._augmented(to_device(batch, self.setup.device), number)
        positives = groups.to(self.setup.device) if recipe.positives == "same-title" else None
        self.optimizer.zero_grad(set_to_none=True)

        cache = self._cache(batch, number)
        features = cache.forward()  # {"image_features": (B, D), "text_features": (B, D)}
        loss = contrastive_loss(
            **{side: world.gather(rows) for side, rows in features.items()},
            logit_scale=model.logit_scale.exp(),
            groups=None if positives is None else world.gather(positives),
        )
        (loss / world.size).backward()  # type: ignore[no-untyped-call]  # every process holds the whole loss
        cache.backward(features)
        world.sum_gradients(model.parameters())
        if not math.isfinite(value := loss.item()):
            raise VitrineError(
                f"the loss is {value} at step {number + 1}; the run folder keeps the best checkpoint so far: "
                "try a lower learning rate"
            )
        nn.utils.clip_grad_norm_((p for p in model.parameters() if p.requires_grad), recipe.clip_norm)
        self.optimizer.step()
        model.logit_scale.data.clamp_(0, MAX_LOGIT_SCALE)  # as CLIP does
        if self.average is not None:
            self.average.update_parameters(model)
        return value

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs; locked towers are left out, they come from their source again."""
        return {
            "model": self._learned(self.model),
            "average": self._learned(self.average) if self.average is not None else {},
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with what `state_dict` returned."""
        self.model.load_state_dict(state["model"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"], strict=False)

    def _set_rates(self, number: int) -> None:
        """Set each group's learning rate; the towers' schedule starts when they begin to learn."""
        for group in self.optimizer.param_groups:
            first = self.locked_steps if group["tower"] else 0
            group["lr"] = group["peak"] * schedule(number - first, self.total_steps - first, self.recipe.warmup)

    def _set_modes(self) -> None:
        """Let everything drop out but the locked towers."""
        self.model.train()
        for tower in self.locked:
            self.model.get_submodule(f"{tower}_tower").eval()

    # Every draw follows from seed, step and rank, so a resumed run draws what an uninterrupted one would. The factors
    # are primes that keep the seeds of steps, chunks and ranks apart.

    def _augmented(self, batch: dict[str, Tensor], number: int) -> dict[str, Tensor]:
        if "image" not in batch:
            return batch
        torch.manual_seed((self.recipe.seed * 1_000_003 + number) * 1_009 + self.world.rank)
        return {**batch, "image": augment(batch["image"], self.recipe.augment)}

    def _cache(self, batch: dict[str, Tensor], number: int) -> GradientCache:
        seed = (self.recipe.seed * 1_000_003 + number) * 1_009 * 1_009 + self.world.rank
        chunk = 0 if set(self.locked) == set(TOWERS) else self.recipe.chunk_size  # features of locked towers are small
        return GradientCache(self.model, batch, chunk=chunk, seed=seed, fast=self.setup.fast)

    def _learned(self, module: nn.Module) -> dict[str, Tensor]:
        # The average holds the model as its `module`.
        locked = tuple(f"{prefix}{tower}_tower." for tower in self.recipe.locked for prefix in ("", "module."))
        return {name: value for name, value in module.state_dict().items() if not name.startswith(locked)}

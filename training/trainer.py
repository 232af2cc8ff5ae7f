"""One training step, line by line, and what it changes. Knows no data set, no epoch and no run folder."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from common import VitrineError
from models import MAX_LOGIT_SCALE, TOWERS, DualEncoder
from training.augment import augment_pixels, leave_out_words
from training.bank import PictureBank
from training.distributed import World
from training.gradient_cache import GradientCache
from training.heads import Heads
from training.inputs import to_device
from training.loss import contrastive_loss
from training.optim import averaged, parameter_groups, schedule, set_learning
from training.setup import Setup


class Trainer:
    """Takes steps; owns the optimiser and the moving average of the weights."""

    def __init__(
        self, setup: Setup, total_steps: int, locked_steps: int, world: World, bank: PictureBank | None = None
    ) -> None:
        """Prepare the optimiser for `total_steps`; in the first `locked_steps` no tower learns.

        With a `bank`, its pictures are negatives of every text.
        """
        recipe = setup.recipe
        self.setup, self.model, self.recipe, self.world = setup, setup.model, recipe, world
        self.bank = bank
        self.total_steps, self.locked_steps = total_steps, locked_steps
        self.locked: tuple[str, ...] = recipe.locked
        self.heads = self._heads()
        self.optimizer = torch.optim.AdamW(parameter_groups(self.model, recipe, self.heads), fused=True)
        self.average = averaged(self.model, recipe.ema) if recipe.ema else None
        self.eval_model = self.model if self.average is None else cast(DualEncoder, self.average.module)

    def scalars(self) -> dict[str, float]:
        """Return what a log shows beside the loss: `logit_scale`, exponentiated, and the projections' rate."""
        rate = next(group["lr"] for group in self.optimizer.param_groups if not group["tower"])
        return {"logit_scale": self.model.logit_scale.exp().item(), "learning_rate": rate}

    def lock(self, locked: tuple[str, ...]) -> None:
        """Let the towers in `locked` stay as they are from the next step on, and all others learn."""
        self.locked = locked
        set_learning(self.model, self.recipe, locked)

    def step(self, batch: dict[str, Tensor], groups: Tensor, rows: Tensor, number: int) -> float:
        """Learn from one batch and return its contrastive loss, which is that of all processes' rows together.

        Args:
            batch: the model's inputs, named as its `forward` takes them; this process's B rows.
            groups: (B,), rows of one group are positives of each other where the recipe says so.
            rows: (B,), numbers of the products, which say what heads predict and what else is a negative.
            number: of the step, from 0; the rates and all random draws follow from it.

        Raises:
            VitrineError: the loss is not finite; nothing was learned from this batch.
        """
        model, recipe, world = self.model, self.recipe, self.world
        self._set_rates(number)
        self._set_modes()
        batch, own = self._augmented(to_device(batch, self.setup.device), number)
        groups, rows = world.gather(groups.to(self.setup.device)), rows.to(self.setup.device)
        self.optimizer.zero_grad(set_to_none=True)

        cache = self._cache(batch, number)
        features = cache.forward()  # {"image_features": (B, D), "text_features": (B, D)} and, for heads, image_pooled
        images, texts = (world.gather(features[side]) for side in ("image_features", "text_features"))
        others = None
        if self.bank is not None:
            others = self.bank.logits(model, texts, groups, world.gather(rows), number)
        loss = contrastive_loss(
            image_features=images,
            text_features=texts,
            logit_scale=model.logit_scale.exp(),
            groups=groups if recipe.positives == "same-title" else None,
            own=own,
            partners=world.partners(len(rows)).to(self.setup.device) if own < 1 else None,
            others=others,
        )
        total = loss
        if self.heads is not None:
            total = loss + self.heads(features["image_pooled"], rows, own)
        # Every process holds the whole contrastive loss, and the heads' loss of its own rows.
        (total / world.size).backward()  # type: ignore[no-untyped-call]
        cache.backward(features)
        world.sum_gradients(self._parameters())
        if not math.isfinite(total.item()):
            raise VitrineError(
                f"the loss is {total.item()} at step {number + 1}; the run folder keeps the best checkpoint so far: "
                "try a lower learning rate"
            )
        nn.utils.clip_grad_norm_((p for p in self._parameters() if p.requires_grad), recipe.clip_norm)
        self.optimizer.step()
        model.logit_scale.data.clamp_(0, MAX_LOGIT_SCALE)  # as CLIP does
        if self.average is not None:
            self.average.update_parameters(model)
        return loss.item()

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs; locked towers are left out, they come from their source again."""
        return {
            "model": self._learned(self.model),
            "average": self._learned(self.average) if self.average is not None else {},
            "heads": self.heads.state_dict() if self.heads is not None else {},
            "bank": self.bank.vectors if self.bank is not None else None,
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with what `state_dict` returned."""
        self.model.load_state_dict(state["model"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.bank is not None:
            self.bank.vectors = state["bank"]
        if self.heads is not None:
            self.heads.load_state_dict(state["heads"])
        if self.average is not None:
            self.average.load_state_dict(state["average"], strict=False)

    def _heads(self) -> Heads | None:
        if self.setup.targets is None:
            return None
        torch.manual_seed(self.recipe.seed)
        weights = {"attribute_weight": self.recipe.head_weight, "word_weight": self.recipe.word_weight}
        return Heads(self.model.image_width, self.setup.targets, **weights).to(self.setup.device)

    def _parameters(self) -> list[nn.Parameter]:
        """Return the parameters of the model and of the heads."""
        return [*self.model.parameters(), *(self.heads.parameters() if self.heads is not None else ())]

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

    def _augmented(self, batch: dict[str, Tensor], number: int) -> tuple[dict[str, Tensor], float]:
        """Return the batch changed at random, and which share of each picture is its own: one for all processes."""
        recipe, own = self.recipe, 1.0
        torch.manual_seed((recipe.seed * 1_000_003 + number) * 1_009 + self.world.rank)
        if "image" in batch:
            image, own = augment_pixels(batch["image"], recipe.augment, np.random.default_rng([recipe.seed, number]))
            batch = {**batch, "image": image}
        if "text" in batch and recipe.word_dropout:
            batch = {**batch, "text": leave_out_words(batch["text"], recipe.word_dropout, self.model.pad_id)}
        return batch, own

    def _cache(self, batch: dict[str, Tensor], number: int) -> GradientCache:
        seed = (self.recipe.seed * 1_000_003 + number) * 1_009 * 1_009 + self.world.rank
        chunk = 0 if set(self.locked) == set(TOWERS) else self.recipe.chunk_size  # features of locked towers are small
        pooled = self.heads is not None
        return GradientCache(self.model, batch, chunk=chunk, seed=seed, fast=self.setup.fast, pooled=pooled)

    def _learned(self, module: nn.Module) -> dict[str, Tensor]:
        # The average holds the model as its `module`.
        locked = tuple(f"{prefix}{tower}_tower." for tower in self.recipe.locked for prefix in ("", "module."))
        return {name: value for name, value in module.state_dict().items() if not name.startswith(locked)}

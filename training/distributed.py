"""One training run over several processes, started by `torchrun`. Knows no model and no recipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, distributed, nn

from common import ConfigError

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """The processes of a run; alone by default. Rank 0 reads, writes and reports."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that reads, writes and reports."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return the part of a batch of `count` rows that this process computes."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def partners(self, rows: int) -> Tensor:
        """Return the rows of all processes, `rows` of each, in the reverse order within each process."""
        return torch.arange(rows * self.size).view(self.size, rows).flip(1).flatten()

    def gather(self, rows: Tensor) -> Tensor:
        """Return the rows of all processes, by rank; gradients go back to this process's own.

        Every process computes the same loss, and each counts `1 / size` of it. Its rows have a part in all of these
        losses but see only its own, so their gradient is multiplied by `size`. No collective is needed on the way back.
        """
        if self.size == 1:
            return rows
        if rows.requires_grad:
            rows.register_hook(lambda gradient: gradient * self.size)  # type: ignore[no-untyped-call]
        parts = [torch.empty_like(rows) for _ in range(self.size)]
        distributed.all_gather(parts, rows.detach().contiguous())
        parts[self.rank] = rows
        return torch.cat(parts)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up the gradients of all processes, in place."""
        if self.size == 1:
            return
        learned = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in learned:  # one without a gradient here may have one elsewhere: the sums must line up
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        grads = [parameter.grad for parameter in learned if parameter.grad is not None]
        flat = nn.utils.parameters_to_vector(grads)
        distributed.all_reduce(flat)
        nn.utils.vector_to_parameters(flat, grads)

    def any(self, flag: bool, device: torch.device) -> bool:
        """Return whether `flag` is set in any process."""
        if self.size == 1:
            return flag
        votes = torch.tensor(int(flag), device=device)
        distributed.all_reduce(votes, distributed.ReduceOp.MAX)
        return bool(votes.item())

    def broadcast(self, module: nn.Module) -> None:
        """Give every process the weights of rank 0."""
        if self.size > 1:
            for value in module.state_dict().values():
                distributed.broadcast(value, 0)

    def in_turn(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return `make(...)`, which rank 0 calls before the others: what it puts on disk, they find there."""
        if self.size > 1 and not self.first:
            distributed.barrier()
        made = make(*args, **kwargs)
        if self.size > 1 and self.first:
            distributed.barrier()
        return made


@contextmanager
def joined(device: str) -> Iterator[tuple[World, str]]:
    """Join the processes that `torchrun` started; yield them and this one's device.

    Raises:
        ConfigError: more processes on this machine than it has GPUs.
    """
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield World(), device
        return
    options: dict[str, Any] = {"backend": "gloo"}
    if device != "cpu" and torch.cuda.is_available():
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise ConfigError(
                f"{local + 1} processes on a machine with {torch.cuda.device_count()} GPUs; "
                "start one process for each GPU, or give --device cpu"
            )
        device = f"cuda:{local}"
        torch.cuda.set_device(local)
        options = {"backend": "nccl", "device_id": torch.device(device)}
    distributed.init_process_group(**options)
    try:
        yield World(distributed.get_rank(), distributed.get_world_size()), device
    finally:
        distributed.destroy_process_group()

"""Scalars of a run for TensorBoard. Needs the extra `tensorboard`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import ConfigError


def tensorboard_writer(folder: Path) -> Callable[[str, float, int], None]:
    """Return a function that adds a scalar, called as (tag, value, step), to the TensorBoard log in `folder`.

    Every scalar is on disk when the call returns, so a killed run loses none and there is nothing to close.

    Raises:
        ConfigError: the extra `tensorboard` is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError("--tensorboard needs TensorBoard; run pip install 'vitrine[tensorboard]'") from None
    writer: Any = SummaryWriter(str(folder))

    def write(tag: str, value: float, step: int) -> None:
        writer.add_scalar(tag, value, step)
        writer.flush()

    return write

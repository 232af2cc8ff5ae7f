"""The run's clock: how much of its time is spent, and how fast its steps are without validations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Clock:
    """Starts when it is made."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._began = time.monotonic()
        self._validations = 0.0
        self._measured: tuple[int, float] | None = None

    def wait(self) -> None:
        """Wait until the device has done what is queued, so that the clock shows the time of finished work."""
        finish(self._device)

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._began

    def measure_from(self, step: int) -> None:
        """Measure the speed from here on: the steps before have compiled."""
        self.wait()
        self._measured = step, self.seconds() - self._validations

    def speed(self, step: int, batch: int) -> float:
        """Return the pairs per second of the steps that are measured, without validations; 0 before."""
        if self._measured is None or step == self._measured[0]:
            return 0.0
        first, began = self._measured
        return round((step - first) * batch / (self.seconds() - self._validations - began), 1)

    @contextmanager
    def validation(self) -> Iterator[None]:
        """Count the block as no part of the steps."""
        self.wait()
        began = self.seconds()
        yield
        self.wait()
        self._validations += self.seconds() - began


def finish(device: torch.device) -> None:
    """Wait until the device has done what is queued."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)

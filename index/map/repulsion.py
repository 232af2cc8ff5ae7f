"""The repulsion of t-SNE between all pairs of points, by convolution on a grid (Linderman et al. 2019).

The points are spread over the corners of their cells, the field of all of them is two Fourier transforms away, and each
point reads it at its corners. That takes a few milliseconds for tens of thousands of points. Knows no map.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.complex64]
"""Points in two dimensions: x is the real part, y the imaginary one."""

CELL = 0.5
"""Side of a cell at most, in the layout's own unit: at a distance of 1 the kernel has fallen to a half."""
LEAST_CELLS = 64
"""Cells along a side of the grid at least: those of a small layout are halved until there are as many."""
MOST_CELLS = 512
"""Cells along a side of the grid at most. The cells of a wider layout are larger."""
BETWEEN = 16
"""The same where points are few: so many lie between two that are spread evenly."""


class Repulsion:
    """The field of a set of points; the transforms of its kernels are kept while the grid keeps its size."""

    def __init__(self) -> None:
        self._grid: tuple[int, float] | None = None

    def of(self, points: Plane) -> tuple[Plane, float]:
        """Return the push on each of N points, and the sum over all pairs of `1 / (1 + distance²)`.

        A push is the sum over the other points of `difference / (1 + distance²)²`.
        """
        low = complex(points.real.min(), points.imag.min())
        span = max(float(np.ptp(points.real)), float(np.ptp(points.imag)))
        most = min(MOST_CELLS, max(2 * LEAST_CELLS, int(BETWEEN * len(points) ** 0.5)))
        halvings = max(0, math.ceil(math.log2(LEAST_CELLS * CELL / max(span, 1e-9))))
        cell = max(CELL / 2**halvings, span / (most - 2))
        side = fast_size(int(span / cell) + 2)
        self._prepare(side, cell)
        place = (points - low) / cell
        column, line = place.real.astype(np.int64), place.imag.astype(np.int64)
        right, up = place.real - column, place.imag - line
        corner = column * side + line
        # The grid goes by x first: the corner at the right is a whole line of it further.
        corners = [corner, corner + 1, corner + side, corner + side + 1]
        shares = [(1 - right) * (1 - up), (1 - right) * up, right * (1 - up), right * up]
        density = np.zeros(side * side)
        for at, share in zip(corners, shares, strict=True):
            density += np.bincount(at, weights=share, minlength=side * side)
        # Axis by axis: the padding is not transformed where it is empty, nor where nobody reads it.
        lines = np.fft.rfft(density.reshape(side, side).astype(np.float32), n=self._size, axis=1)
        spectrum = np.fft.fft(lines, n=self._size, axis=0)

        def read(kernel: npt.NDArray[np.complex64]) -> npt.NDArray[np.float32]:
            lines = np.fft.ifft(spectrum * kernel, axis=0)[:side]
            field = np.fft.irfft(lines, n=self._size, axis=1)[:, :side].ravel()
            found = shares[0] * field[corners[0]]
            for at, share in zip(corners[1:], shares[1:], strict=True):
                found += share * field[at]
            return np.asarray(found, dtype=np.float32)

        force = read(self._push[0]) + 1j * read(self._push[1])
        # A sum needs no way back (Parseval). Each point also meets itself, at a distance of nothing.
        power = spectrum.real**2 + spectrum.imag**2
        total = float(np.dot(power.ravel(), self._near)) / self._size**2 - len(points)
        return np.asarray(force, dtype=np.complex64), max(total, 1e-6)

    def _prepare(self, side: int, cell: float) -> None:
        """Transform the kernels for a grid of `side` cells of a length of `cell`; padded, so that nothing wraps."""
        if self._grid == (side, cell):
            return
        self._grid = side, cell
        self._size = fast_size(2 * side)
        step = np.arange(self._size)
        away = np.where(step > self._size // 2, step - self._size, step) * cell
        near = 1 / (1 + away[:, None] ** 2 + away[None, :] ** 2)
        push = near**2 * away[:, None], near**2 * away[None, :]
        self._push = [np.asarray(np.fft.rfft2(kernel), dtype=np.complex64) for kernel in push]
        # Symmetric, so its transform is real. All but the first column, and the last of an even size, stand for two.
        whole = np.fft.rfft2(near).real
        whole[:, 1 : (self._size + 1) // 2] *= 2
        self._near = np.asarray(whole, dtype=np.float32).ravel()


@cache
def fast_size(least: int) -> int:
    """Return the smallest product of powers of 2, 3 and 5 that is not below `least`: transforms of it are fast."""
    sizes = (2**a * 3**b * 5**c for a in range(14) for b in range(9) for c in range(6))
    return int(min(size for size in sizes if size >= least))

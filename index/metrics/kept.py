"""What a measurement leaves for later questions: named arrays and texts as bytes, and back again. Runs no code."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def packed(arrays: Mapping[str, Array]) -> bytes:
    """Return arrays of numbers as bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, Array]:
    """Return the arrays that `packed` made bytes of."""
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def packed_texts(name: str, texts: Sequence[str]) -> dict[str, Array]:
    """Return texts as two arrays under `name`: their characters one after another, and where each begins."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return {name: np.frombuffer(b"".join(encoded), dtype=np.uint8), f"{name}_ends": ends}


class Texts:
    """Texts among arrays, as `packed_texts` put them there; each is decoded when it is asked for."""

    def __init__(self, arrays: Mapping[str, Array], name: str) -> None:
        self._bytes = arrays[name]
        self._ends = arrays[f"{name}_ends"]

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, at: int) -> str:
        return self._bytes[self._ends[at] : self._ends[at + 1]].tobytes().decode("utf-8", "surrogatepass")

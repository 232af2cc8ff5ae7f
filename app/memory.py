"""How this process keeps its memory small: settings of glibc's heap and of Python's collector. Knows no request."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
from collections.abc import Callable

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BLOCK = 32 * 1024 * 1024
"""Blocks of at least this many bytes come from the system one by one, and go back to it when they are freed; glibc
takes no more for this."""
FREE_AT_TOP = 256 * 1024 * 1024
"""So many free bytes a heap may have at its top before they go back, until they are trimmed anyway."""
TRIM_EVERY_S = 30


def keep_heaps_small() -> None:
    """Have glibc keep two heaps instead of eight for every core, and what a batch needs in them.

    Pictures and batches of all sizes leave holes in every heap, and the process seems to leak. So there are few heaps,
    and they are trimmed now and then. Between two trims a batch finds the memory of the one before: fresh pages from
    the system for every tensor took as long as the encoding of pictures itself. Where an operator has set
    MALLOC_ARENA_MAX, that setting holds. Other C libraries have no such call.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
        mallopt(M_TRIM_THRESHOLD, FREE_AT_TOP)


async def trim_loop(served: Callable[[], object]) -> None:
    """Give freed memory back to the system now and then; `served` returns the catalogue of now.

    A catalogue in memory is some hundred thousand objects. Python's collector would stop everything for as long as it
    takes to walk through them, a tenth of a second every few thousand requests. So the objects that are there when a
    catalogue was opened are taken out of its sight.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    settled = None
    while True:
        if settled is not served():
            settled = served()
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        await asyncio.sleep(TRIM_EVERY_S)
        if trim is not None:
            await asyncio.to_thread(trim, 0)  # ctypes lets go of the interpreter meanwhile

"""Decodes pictures in processes of their own: in time, within bounds of memory, and harmless where a decoder crashes.

Knows no request. What the processes do is in `models.decoder_process`.
"""

from __future__ import annotations

import asyncio
import logging

import numpy as np

from app.errors import DeadlineError, UnavailableError
from app.http.decoder import DecoderProcess
from app.http.limits import BodyLimits
from app.http.picture_forms import Form
from app.http.turns import Turns
from app.telemetry import Telemetry
from common import ImageError, OutOfMemoryError
from models import MAX_WINDOWS, WHOLE, Crop
from models.decoder_process import BOX, DONE, JPEG, LARGE, NO_MEMORY, PIXELS, TASK, WEBP, WINDOWS, read_windows

logger = logging.getLogger("vitrine.app")

QUICK_S = 1.0
"""A picture that takes longer, in seconds, is decoded again among the slow ones, where it holds up less."""
QUICK_BYTES = 50_000_000
"""Most memory that a quick picture takes: a photo of 12 megapixels."""
SLOW_ROOM = 16
"""How many slow pictures of one caller may wait for the one process that decodes them."""
SLOW_SHARE = 0.5
"""Of the deadline: longest that one slow picture may take, so that another's has its turn in time."""
MAX_MESSAGE = 10_000
FORMS: dict[Form, int] = {"webp": WEBP, "jpeg": JPEG}
MAX_FILE = 64_000_000
"""Most bytes of a smaller picture."""


class Decoders:
    """Decodes pictures one beside another; the processes are started when first needed, and again after each end.

    There are two lines. Every picture is tried in the first, whose processes take only what is small and quick. What is
    not goes to the second, which has one process: so there is never more than one large picture in memory, and 60 slow
    ones of one caller do not hold up the small one of another.

    Args:
        limits: how many processes, how much memory, how long.
        telemetry: where the time is recorded.
    """

    def __init__(self, limits: BodyLimits, telemetry: Telemetry) -> None:
        self._limits = limits
        self._telemetry = telemetry
        slow_s = SLOW_SHARE * limits.deadline_s
        quick = min(QUICK_BYTES, limits.decode_bytes)
        self._quick = _Line(limits.decode_threads, limits.queue_limit, min(QUICK_S, slow_s), quick, limits)
        self._slow = _Line(1, SLOW_ROOM, slow_s, limits.decode_bytes, limits)

    async def decode(self, data: bytes, size: tuple[int, int], caller: str, crop: Crop = WHOLE) -> np.ndarray:
        """Return a part of the picture, upright, as RGB and scaled to `size` (height, width): (H, W, 3) uint8.

        Callers take turns. A call that is cancelled ends its process, or leaves the line.

        Raises:
            ImageError: it cannot be decoded, or is too large.
            OverloadedError: too many pictures are waiting.
            DeadlineError: it was not decoded in time.
            OutOfMemoryError: there was no memory for it.
            UnavailableError: no process can be started.
        """
        pixels = await self._made(data, size, PIXELS, caller, crop)
        return np.frombuffer(pixels, dtype=np.uint8).reshape(*size, 3)

    async def windows(self, data: bytes, size: tuple[int, int], caller: str) -> tuple[list[Crop], np.ndarray]:
        """Return the N windows of the picture, the whole first, and each scaled to `size`: (N, H, W, 3) uint8.

        Raises:
            VitrineError: as `decode`.
        """
        boxes, pixels = read_windows(await self._made(data, size, WINDOWS, caller))
        return boxes, np.frombuffer(pixels, dtype=np.uint8).reshape(-1, *size, 3)

    async def smaller(self, data: bytes, sides: tuple[int, int], form: Form, caller: str) -> bytes:
        """Return a file of the picture, as large as fits into `sides` (height, width) and no larger than it is.

        It is upright, in sRGB and without metadata. WebP keeps transparency, JPEG has it laid on white.

        Raises:
            VitrineError: as `decode`.
        """
        return bytes(await self._made(data, sides, FORMS[form], caller))

    async def _made(self, data: bytes, size: tuple[int, int], form: int, caller: str, crop: Crop = WHOLE) -> bytearray:
        """Return what a process makes of the picture."""
        try:
            async with asyncio.timeout(self._limits.deadline_s) as timer:
                answer = await self._quick.decode(data, size, form, crop, caller, self._telemetry)
                if answer is None:
                    answer = await self._slow.decode(data, size, form, crop, caller, self._telemetry)
        except TimeoutError:
            if not timer.expired():
                raise
            answer = None
        if answer is None:
            raise DeadlineError(
                f"the picture was not decoded within {self._limits.deadline_s:g} s: the service is too busy, or the "
                "picture takes too long; scale it down"
            )
        return answer

    def close(self) -> None:
        """End the processes."""
        self._quick.close()
        self._slow.close()


class _Line:
    """Some processes, and those who wait for them.

    Args:
        processes: how many.
        room: how many pictures may wait.
        seconds: longest that one may take.
        now: most bytes of memory that one may take here.
        limits: of every picture.
    """

    def __init__(self, processes: int, room: int, seconds: float, now: int, limits: BodyLimits) -> None:
        self.turns = Turns(processes, room, "pictures")
        self._seconds = seconds
        self._now = now
        self._limits = limits
        self._processes: set[DecoderProcess] = set()
        self._idle: list[DecoderProcess] = []
        self._renewals: set[asyncio.Task[None]] = set()
        self._closed = False

    async def decode(
        self, data: bytes, size: tuple[int, int], form: int, crop: Crop, caller: str, telemetry: Telemetry
    ) -> bytearray | None:
        """Return what is made of a picture; None where that takes more time or memory than there is in this line."""
        await self.turns.take(caller)
        process = None
        try:
            while self._idle and process is None:
                idle = self._idle.pop()
                process = idle.if_alive()
                if process is None:
                    self._processes.discard(idle)
            process = process or self._start()
            await process.ready()
            task = TASK.pack(len(data), *size, self._limits.max_pixels, self._seconds + 1, self._now, form, *crop)
            with telemetry.stage("decode"):
                async with asyncio.timeout(self._seconds) as timer:
                    pixels = size[0] * size[1] * 3
                    most = {PIXELS: pixels, WINDOWS: 1 + MAX_WINDOWS * (pixels + BOX.size)}.get(form, MAX_FILE)
                    status, body = await process.ask(task, data, max(most, MAX_MESSAGE))
        except BaseException as error:
            self._renew(process)
            if isinstance(error, TimeoutError) and process is not None and process.is_ready and timer.expired():
                return None
            if isinstance(error, OSError) and process is not None:
                raise await asyncio.to_thread(process.why) from None
            raise
        self._idle.append(process)
        self.turns.give_back()
        if status == DONE:
            return body
        if status == LARGE:
            return None
        if status == NO_MEMORY:
            raise OutOfMemoryError("there was no memory to decode the picture; try again later")
        raise ImageError(body.decode(errors="replace"))

    def close(self) -> None:
        self._closed = True
        for task in self._renewals:
            task.cancel()
        for process in list(self._processes):
            process.end()
        for process in list(self._processes):
            process.gone()
        self._processes.clear()
        self._idle = []

    def _start(self) -> DecoderProcess:
        process = DecoderProcess(self._limits.decode_bytes)
        self._processes.add(process)
        if self._closed:  # in another thread, meanwhile
            process.end()
            process.gone()
        return process

    def _renew(self, process: DecoderProcess | None) -> None:
        """End a process, and give its place to the next picture when another one can take it."""
        if process is None:
            self.turns.give_back()
            return
        process.end()
        task = asyncio.create_task(self._follow(process), name="a process that decodes")
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)

    async def _follow(self, ended: DecoderProcess) -> None:
        """Start a process in the place of one that was ended."""
        follower = None
        try:
            await asyncio.to_thread(ended.gone)  # a large picture's memory is free only then
            self._processes.discard(ended)
            # In a thread: it waits until the new program runs.
            follower = await asyncio.to_thread(self._start)
            await follower.ready()
            self._idle.append(follower)
        except (OSError, UnavailableError) as error:
            logger.warning("no process to decode pictures could be started: %s", error)
            if follower is not None:
                follower.end()
        finally:
            self.turns.give_back()

"""One process that decodes pictures, as the service that started it sees it.

Knows no request. What the process does is in `models.decoder_process`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys

from app.errors import DeadlineError, UnavailableError
from app.processes import CODE
from common import ImageError, OutOfMemoryError
from models import decoder_process
from models.decoder_process import ANSWER

logger = logging.getLogger("vitrine.app")

START_S = 30.0
"""Longest that a process may take to start, in seconds; it takes a tenth of one where the machine is not busy."""
COMMAND = (sys.executable, "-P", "-m", decoder_process.__name__)
"""With a safe path: nothing is imported from the working folder."""
KEPT = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHOME")
"""Variables that a decoder gets. Not the path of programs, and not our settings, among which are passwords."""


class DecoderProcess:
    """One process that decodes, and our end of the socket to it."""

    def __init__(self, most: int) -> None:
        inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(path)]
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join([CODE, *inherited])
        self.is_ready = False
        self._link, theirs = socket.socketpair()
        self._link.setblocking(False)
        try:
            with theirs:
                # A group of its own: Ctrl-C is not for it.
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [*COMMAND, str(most / 1_000_000)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                    cwd="/",
                    process_group=0,
                )
        except OSError as error:
            self._link.close()
            raise UnavailableError(
                f"no process to decode pictures can be started ({error.strerror}); try again later"
            ) from error

    async def ready(self) -> None:
        """Return when the process can take a picture.

        Raises:
            OSError: it ended, or does not start.
        """
        if not self.is_ready:
            try:
                async with asyncio.timeout(START_S):
                    await self._receive(1)
            except TimeoutError:
                raise ConnectionError("the process does not start") from None
            self.is_ready = True

    async def ask(self, task: bytes, data: bytes, most: int) -> tuple[int, bytearray]:
        """Return what comes of a task, and the body of the answer, of at most `most` bytes.

        Raises:
            OSError: the process ended.
        """
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._link, task)
        await loop.sock_sendall(self._link, data)
        status, size = ANSWER.unpack(await self._receive(ANSWER.size))
        if size > most:
            raise ConnectionError("an answer that is too long")
        return status, await self._receive(size)

    async def _receive(self, size: int) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = await asyncio.get_running_loop().sock_recv_into(self._link, view)
            if not count:
                raise ConnectionError("the process ended")
            view = view[count:]
        return data

    def end(self) -> None:
        """End the process without waiting for its end."""
        self._link.close()
        self._process.kill()

    def if_alive(self) -> DecoderProcess | None:
        """Return this process, unless the system or somebody else has ended it."""
        if self._process.poll() is None:
            return self
        self._link.close()
        return None

    def gone(self) -> None:
        """Return when the process has ended."""
        self._process.wait()

    def why(self) -> Exception:
        """Return the error of a process that ended by itself while it decoded."""
        code = self._process.wait()
        logger.warning("a process that decoded a picture ended (%d); another one is started", code)
        if code == -signal.SIGKILL:  # by the system, when memory is short
            return OutOfMemoryError("there was no memory to decode the picture; try again later")
        if code == -signal.SIGALRM:
            return DeadlineError("the picture takes too long to decode; scale it down")
        if code < 0:
            return ImageError(f"the image cannot be decoded (signal {-code}); save it again and retry")
        return UnavailableError("the process that decodes pictures ended; try again later")

"""A tool: decoders that hold grey pictures until the test lets them go.

As a program it is such a process: the real one, which waits at the door first.
"""

from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from models import decoder_process
from models.bounds import Bounds
from models.crop import WHOLE, Crop

HELD = Image.new("RGB", (8, 8), (99, 99, 99))
"""The picture that is held."""


class Darkroom:
    """The processes that decode from here on, for all services of the test; a held picture may take its time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        folder.mkdir()
        monkeypatch.setattr("app.http.decoder.COMMAND", (sys.executable, __file__, str(folder)))
        monkeypatch.setattr("app.http.decoders.QUICK_S", 30.0)

    @property
    def held(self) -> int:
        """How many pictures have come to the door so far."""
        return len(list(self._folder.glob("held-*")))

    @property
    def newest(self) -> int:
        """The process that held a picture last."""
        return int(max(self._folder.glob("held-*"), key=lambda path: path.name.split("-")[2]).name.split("-")[1])

    def open(self) -> None:
        """Let all go, and hold none any more."""
        (self._folder / "open").touch()


def _hold(folder: Path) -> None:
    decode = decoder_process.decode

    def held(
        data: bytes, size: tuple[int, int], bounds: Bounds, form: int = decoder_process.PIXELS, crop: Crop = WHOLE
    ) -> tuple[int, bytes]:
        with Image.open(io.BytesIO(data)) as image:
            grey = image.convert("RGB").getpixel((0, 0)) == HELD.getpixel((0, 0))
        if grey:
            (folder / f"held-{os.getpid()}-{time.monotonic_ns()}").touch()
        while grey and not (folder / "open").exists():
            time.sleep(0.005)
        return decode(data, size, bounds, form, crop)

    decoder_process.decode = held


if __name__ == "__main__":
    _hold(Path(sys.argv.pop(1)))
    decoder_process.main()

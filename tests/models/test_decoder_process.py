"""The process that decodes ends with whoever asked, and by itself when they are gone; it starts light."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from models.crop import WHOLE
from models.decoder_process import ANSWER, DONE, LARGE, PIXELS, READY, REFUSED, TASK, receive


@contextmanager
def started() -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-P", "-m", "models.decoder_process", "64"]
    with ours, subprocess.Popen(command, stdin=theirs.fileno()) as process:
        theirs.close()
        try:
            assert receive(ours, 1) == READY
            yield ours, process
        finally:
            process.kill()


def picture(width: int, height: int, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (1, 2, 3)).save(buffer, kind, **options)
    return buffer.getvalue()


def asked(link: socket.socket, data: bytes, seconds: float = 60, now: int = 64_000_000) -> tuple[int, bytes]:
    link.sendall(TASK.pack(len(data), 4, 3, 50_000_000, seconds, now, PIXELS, *WHOLE) + data)
    status, size = ANSWER.unpack(receive(link, ANSWER.size))
    return status, receive(link, size)


def test_it_answers_one_task_after_another_and_ends_with_the_other_end() -> None:
    with started() as (link, process):
        assert asked(link, picture(9, 9)) == (DONE, bytes((1, 2, 3)) * 12)
        assert asked(link, b"no picture")[0] == REFUSED
        assert asked(link, picture(2_000, 2_000), now=1_000_000) == (LARGE, b"")
        assert asked(link, picture(9, 9))[0] == DONE
        link.close()
        assert process.wait(60) == 0


def test_it_ends_by_itself_when_nobody_is_left_to_end_it() -> None:
    data = picture(1_500, 1_500, "JPEG", progressive=True)
    start = data.rfind(b"\xff\xda")
    slow = data[:start] + data[start:-2] * 5_000 + b"\xff\xd9"
    with started() as (link, process):
        link.sendall(TASK.pack(len(slow), 4, 3, 50_000_000, 0.5, 64_000_000, PIXELS, *WHOLE) + slow)
        link.close()
        assert process.wait(60) == -signal.SIGALRM


def test_it_imports_nothing_heavy() -> None:
    program = "import sys, models.decoder_process; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "onnxruntime", "faiss", "fastapi"} & set(loaded.stdout.split())

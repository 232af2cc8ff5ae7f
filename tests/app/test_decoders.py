"""Pictures are decoded in time and within memory, whatever they are; what one caller sends holds up no other."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.errors import DeadlineError
from app.http import BodyLimits
from app.http.decoders import Decoders
from app.http.turns import Turns, together
from app.spent import time_left
from app.telemetry import Telemetry
from common import ImageError, OutOfMemoryError, OverloadedError
from models import read_pixels
from tests.tools.darkroom import HELD, Darkroom
from tests.tools.shop import IMAGES, draw, encoded, error_of, shop_open, until

SIZE = (48, 36)
SMALL = encoded(draw("red", "bag"))


def limits(**others: Any) -> BodyLimits:
    bodies = {"max_bytes": 10_000_000, "timeout_s": 30, "held_bytes": 200_000_000, "slots": 64}
    pictures = {"max_pixels": 50_000_000, "queue_limit": 256, "decode_threads": 2, "decode_bytes": 256_000_000}
    return BodyLimits(**{**bodies, **pictures, "deadline_s": 60, **others})


def run(work: Callable[[Decoders], Awaitable[Any]], **others: Any) -> Any:
    """Return what `work` gives with decoders of these limits; all of them have ended afterwards."""

    async def main() -> Any:
        decoders = Decoders(limits(**others), Telemetry())
        try:
            return await work(decoders)
        finally:
            decoders.close()

    return asyncio.run(main())


def slow_picture(scans: int = 2_000, side: int = 2_000) -> bytes:
    """Return a small JPEG that takes many seconds: its last scan comes again and again."""
    data = encoded(Image.new("RGB", (side, side), (200, 10, 10)), "JPEG", progressive=True, subsampling=0)
    start = data.rfind(b"\xff\xda")
    return data[:start] + data[start:-2] * scans + b"\xff\xd9"


def children() -> set[int]:
    """Return the processes that decode for this one."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text(encoding="ascii").split():
            if b"models.decoder_process" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(int(pid))
    return found


def test_a_picture_comes_out_as_it_does_without_a_process() -> None:
    photo = encoded(Image.effect_noise((1_900, 1_400), 60).convert("RGB"), "JPEG")

    async def work(decoders: Decoders) -> list[np.ndarray]:
        return [await decoders.decode(data, SIZE, "a") for data in (SMALL, photo)]

    for data, pixels in zip((SMALL, photo), run(work), strict=True):
        np.testing.assert_array_equal(pixels, read_pixels(data, SIZE))
        assert pixels.flags.writeable


def test_sixty_slow_pictures_leave_others_their_turn() -> None:
    """60 pictures of 415 bytes each held the threads that decode: another's picture waited for 37 s."""
    slow = slow_picture()
    assert len(slow) < 200_000

    async def work(decoders: Decoders) -> None:
        attack = [asyncio.create_task(decoders.decode(slow, SIZE, "attacker")) for _ in range(60)]
        await asyncio.sleep(0.5)
        start = time.monotonic()
        await decoders.decode(SMALL, SIZE, "other")
        assert time.monotonic() - start < 30, "another's picture waited as long as theirs"
        for task in attack:
            task.cancel()
        answers = await asyncio.gather(*attack, return_exceptions=True)
        assert not any(isinstance(answer, np.ndarray) for answer in answers)
        await decoders.decode(SMALL, SIZE, "other")

    run(work)


def test_the_deadline_holds_for_a_picture() -> None:
    """Decoding had no deadline at all."""
    start = time.monotonic()
    with pytest.raises(DeadlineError, match="not decoded within 1 s"):
        run(lambda decoders: decoders.decode(slow_picture(), SIZE, "a"), deadline_s=1)
    assert time.monotonic() - start < 25


def test_pictures_of_callers_who_left_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """Callers hung up at once, and another's picture waited 32.7 s for theirs."""
    darkroom = Darkroom(tmp_path / "darkroom", monkeypatch)
    with shop_open(folder, decode_threads=1, deadline_s=60) as client:
        asked = client.build_request("POST", IMAGES, files={"image": ("x", encoded(HELD))})
        with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as raw:
            head = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
            raw.sendall(f"POST {IMAGES} HTTP/1.1\r\n{head}\r\n".encode() + asked.read())
            until(lambda: darkroom.held == 1, 60)
        # The one process held that picture, and the door is still closed.
        assert client.post(IMAGES, files={"image": ("x", SMALL)}).status_code == 200


def test_more_pictures_than_may_wait_are_refused_at_once() -> None:
    async def work(decoders: Decoders) -> None:
        asked = [asyncio.create_task(decoders.decode(SMALL, SIZE, "a")) for _ in range(20)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, OverloadedError)]
        assert len(refused) == 20 - 2 - 3
        assert "waiting" in str(refused[0])

    run(work, queue_limit=3)


def test_a_decoder_that_crashes_harms_one_picture_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    darkroom = Darkroom(tmp_path / "darkroom", monkeypatch)

    async def work(decoders: Decoders) -> None:
        for ended_by, error in ((signal.SIGSEGV, ImageError), (signal.SIGKILL, OutOfMemoryError)):
            asked = asyncio.create_task(decoders.decode(encoded(HELD), SIZE, "a"))
            before = darkroom.held
            while darkroom.held == before:
                await asyncio.sleep(0.01)
            os.kill(darkroom.newest, ended_by)
            with pytest.raises(error):
                await asked
        assert (await decoders.decode(SMALL, SIZE, "a")).shape == (*SIZE, 3)

    run(work, decode_threads=1)


def test_a_process_that_was_ended_meanwhile_is_not_missed() -> None:
    async def work(decoders: Decoders) -> None:
        await decoders.decode(SMALL, SIZE, "a")
        (pid,) = children()
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert (await decoders.decode(SMALL, SIZE, "a")).shape == (*SIZE, 3)

    run(work)
    assert not children()


def test_what_needs_too_much_memory_is_refused_by_its_header() -> None:
    """A picture of 50 megapixels with an alpha channel took 937 MB."""
    webp = encoded(Image.new("RGB", (5_000, 4_000)), "WEBP")
    with pytest.raises(ImageError, match="takes 320 MB of memory to decode; at most 256 MB are allowed"):
        run(lambda decoders: decoders.decode(webp, SIZE, "a"))


def test_a_transparent_picture_takes_little_more_than_its_pixels() -> None:
    """One of 50 megapixels took 937 MB, and those of callers who had left another 1.3 GB."""

    async def work(decoders: Decoders) -> int:
        data = encoded(Image.new("RGBA", (5_000, 5_000)))
        await decoders.decode(data, SIZE, "a")
        return max(_peak(pid) for pid in children())

    assert run(work) < 180_000_000


def _peak(pid: int) -> int:
    """Return the most bytes of memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1000 for line in lines if line.startswith("VmHWM"))


def test_nothing_is_imported_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("import pathlib; pathlib.Path('run').touch()", encoding="utf-8")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise SystemExit", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(lambda decoders: decoders.decode(SMALL, SIZE, "a")).shape == (*SIZE, 3)
    assert not (tmp_path / "run").exists()


def test_a_decoder_knows_no_setting_and_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_CATALOGUE", "postgresql://user:secret@host/db")

    async def work(decoders: Decoders) -> bytes:
        await decoders.decode(SMALL, SIZE, "a")
        (pid,) = children()
        return Path(f"/proc/{pid}/environ").read_bytes()

    environment = run(work)
    assert b"secret" not in environment
    assert b"\0PATH=" not in b"\0" + environment


def test_callers_take_turns() -> None:
    order: list[str] = []

    async def one(turns: Turns, name: str) -> None:
        await turns.take(name[0])
        await asyncio.sleep(0)
        order.append(name)
        turns.give_back()

    async def main() -> None:
        turns = Turns(1, 8, "things")
        tasks = [asyncio.create_task(one(turns, name)) for name in ("a1", "a2", "a3", "a4", "b1", "c1", "b2")]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (turns.inside, turns.waiting) == (0, 0)

    asyncio.run(main())
    assert order == ["a1", "a2", "b1", "c1", "a4", "b2"]


def test_parts_of_a_request_are_done_a_few_at_a_time_and_the_first_error_ends_them() -> None:
    at_work = most = 0

    async def one(number: int) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        if number == 50:
            raise ImageError("number 50")
        return number

    assert asyncio.run(together(one, range(20))) == list(range(20))
    assert most == 4
    with pytest.raises(ImageError, match="number 50"):
        asyncio.run(together(one, range(100)))


def test_a_hostile_picture_is_refused_and_the_next_one_answered(folder: Path) -> None:
    """No kind of picture but the named ones is opened: an ICO took 623 MB before its size was looked at."""
    bomb = io.BytesIO()
    Image.new("L", (3_000, 3_000)).save(bomb, "PNG")
    ico = b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + len(bomb.getvalue()).to_bytes(4, "little") + b"\x16\0\0\0"
    with shop_open(folder, max_pixels=5_000_000) as client:
        for data in (ico + bomb.getvalue(), bomb.getvalue(), encoded(draw("red", "bag"), "ICNS")):
            error_of(client.post(IMAGES, files={"image": ("x", data)}), 422, "bad_image")
        assert client.post(IMAGES, files={"image": ("x", SMALL)}).status_code == 200


def tiff(width: int, height: int, *more: tuple[int, int, int, int], data: bytes = b"") -> bytes:
    """Return a grey TIFF of that size, with further tags."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted([*tags, *more]))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags) + len(more)) + entries + bytes(4) + data


HOSTILE = {
    "a TIFF whose tiles are a thousand times the picture": tiff(
        16, 16, (322, 4, 1, 60_000), (323, 4, 1, 60_000), (324, 4, 1, 8), (325, 4, 1, 100), data=bytes(100)
    ),
    "a TIFF whose strip is longer than the file": tiff(
        6_000, 6_000, (273, 4, 1, 8), (278, 4, 1, 6_000), (279, 4, 1, 4_000_000_000)
    ),
    "a TIFF whose directory names itself": tiff(4, 4)[:-4] + b"\x08\0\0\0",
    "a TIFF with a tag of four billion values": tiff(4, 4, (270, 2, 0xFFFFFFFF, 8)),
    "a WebP with a canvas of 268 megapixels": (
        b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + (16_383).to_bytes(3, "little") * 2
    ),
    "a PNG with half a million chunks": SMALL[:33] + 500_000 * (b"\0\0\0\0prIv" + b"\x8a\x05\x1d\x1b") + SMALL[33:],
    "an animation of 3,000 frames": encoded(
        draw("red", "bag"), "GIF", save_all=True, append_images=[Image.new("L", (1, 1), n % 256) for n in range(300)]
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_time_and_within_memory(name: str) -> None:
    async def work(decoders: Decoders) -> int:
        with suppress(ImageError):  # never: no memory, no time, no process
            await decoders.decode(HOSTILE[name], SIZE, "a")
        await decoders.decode(SMALL, SIZE, "a")
        return max(map(_peak, children()))

    assert run(work) < 200_000_000


def test_decoding_and_searching_share_one_deadline(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each had the whole of VITRINE_DEADLINE_S, which is said to bound how long anybody waits."""
    darkroom = Darkroom(tmp_path / "darkroom", monkeypatch)
    allowed: list[float] = []

    def seen(deadline_s: float) -> float:
        allowed.append(time_left(deadline_s))
        return allowed[-1]

    monkeypatch.setattr("app.query.batcher.time_left", seen)
    with shop_open(folder, deadline_s=60) as client, ThreadPoolExecutor(1) as people:
        asked = people.submit(client.post, IMAGES, files={"image": ("x", encoded(HELD))})
        until(lambda: darkroom.held == 1, 60)
        allowed.clear()
        time.sleep(0.5)
        darkroom.open()
        assert asked.result().status_code == 200
    assert 0 < min(allowed) < 59.5

"""What many ask at the same time is worked out once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from app.live import Shared
from tests.tools.shop import DrawnEncoder, error_of, shop_open, until


class Counted:
    """Makes numbers, one after another, or fails; can be held at the door."""

    def __init__(self) -> None:
        self.made = 0
        self.door = asyncio.Event()
        self.door.set()

    async def __call__(self) -> int:
        self.made += 1
        number = self.made
        await self.door.wait()
        if number == 3:
            raise ValueError("the third")
        return number


def test_an_outcome_is_shared_until_it_is_old() -> None:
    async def main() -> None:
        make = Counted()
        shared = Shared(make, 60)
        assert await asyncio.gather(*(shared.get() for _ in range(50))) == [1] * 50
        assert await shared.get() == 1
        assert await shared.renewed() == 2
        assert await shared.get() == 2
        with pytest.raises(ValueError, match="third"):
            await shared.renewed()
        with pytest.raises(ValueError, match="third"):
            await shared.get()
        assert make.made == 3
        stale = Shared(make)
        assert [await stale.get(), await stale.get()] == [4, 5]

    asyncio.run(main())


def test_an_outcome_about_something_else_is_old() -> None:
    async def main() -> None:
        subject = "one catalogue"
        shared = Shared(Counted(), 60, lambda: subject)
        assert [await shared.get(), await shared.get()] == [1, 1]
        subject = "another"
        assert [await shared.get(), await shared.get()] == [2, 2]

    asyncio.run(main())


def test_who_leaves_does_not_stop_it_for_the_others() -> None:
    async def main() -> None:
        make = Counted()
        make.door.clear()
        shared = Shared(make)
        calls = [asyncio.create_task(shared.get()) for _ in range(3)]
        await asyncio.sleep(0)
        calls[0].cancel()
        await asyncio.sleep(0)
        make.door.set()
        assert await asyncio.gather(*calls[1:]) == [1, 1]
        assert calls[0].cancelled()

    asyncio.run(main())


def test_however_many_ask_for_readiness_the_encoder_works_once(folder: Path) -> None:
    """Each call was an encoding: 11,626 in 15 s from one address took a core."""

    class Held(DrawnEncoder):
        door = Event()

        def encode_text(self, texts: Sequence[str]) -> Any:
            vectors = super().encode_text(texts)
            assert self.door.wait(60)
            return vectors

    encoder = Held()
    with shop_open(folder, encoder) as client, ThreadPoolExecutor(20) as people:
        asked = [people.submit(client.get, "/readyz") for _ in range(20)]
        until(lambda: encoder.text_batches)
        encoder.door.set()
        answers = {one.result().text for one in asked}
        assert len(encoder.text_batches) == len(answers) < 10  # more than one, where seconds have passed meanwhile
    encoder = Held()
    encoder.door.clear()
    with shop_open(folder, encoder, ready_timeout_s=0.1) as client:
        for _ in range(10):
            error_of(client.get("/readyz"), 503, "unavailable")
        until(lambda: encoder.text_batches)
        assert len(encoder.text_batches) == 1  # refusals are shared, too; the worker stands at the door anyway
        assert client.get("/healthz").status_code == 200
        encoder.door.set()
        until(lambda: client.get("/readyz").status_code == 200)

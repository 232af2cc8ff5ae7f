"""Requests that come at once start a few at a time, and callers take turns."""

from __future__ import annotations

import asyncio

from app.http.starts import AT_ONCE, Starts


def test_many_requests_at_once_start_in_rounds_and_callers_take_turns() -> None:
    """400 requests that came at once were all worked on before the next one was looked at: /healthz took .3 s."""

    async def main() -> None:
        starts = Starts()
        begun: list[str] = []

        def begin(caller: str, name: str) -> None:
            starts.begin(caller, name.split()[0], lambda: begun.append(name))

        for number in range(4 * AT_ONCE):
            begin("crowd", f"crowd {number}")
        begin("crowd", "beside it")
        begin("other", "other")
        begin("watched", "healthz")
        assert begun == [f"crowd {number}" for number in range(AT_ONCE)]
        await asyncio.sleep(0)
        assert len(begun) == 2 * AT_ONCE
        assert begun[AT_ONCE : AT_ONCE + 4] == [f"crowd {AT_ONCE}", "other", "healthz", "beside it"]
        for _ in range(4):
            await asyncio.sleep(0)
        assert len(begun) == 4 * AT_ONCE + 3
        begin("crowd", "later")
        assert begun[-1] == "later"

    asyncio.run(main())

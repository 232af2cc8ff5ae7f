"""Asks a service more and more at once: how many answers a second, how late, how many are refused and how fast.

    python -m tests.load.load --out docs/reliability/load.json

The real service, one process of it, on drawn products, with its queue as short as `QUEUE` so that it can be filled. The
clients are in this process, each with a connection of its own, and ask again when they have their answer; one that is
refused waits for `PAUSE_S`, less than it is told to. Afterwards one client alone shows that the service has recovered.
The clients share the machine with the service, and their figures have their own delays in them; how long the service
itself took to refuse is in its log.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from tests.load.products import picture_of, title_of
from tests.load.running import Service, options, percentile, save, say, serving_shop

LEVELS = (1, 2, 4, 8, 16, 32, 64, 128)
QUEUE = 48
"""Texts and pictures that may wait: a quarter of what the service allows by default, to be full at 64 clients."""
PAUSE_S = 0.1
"""How long a client that was refused waits; less than it is told, to keep the pressure up."""
PICTURES = [picture_of(f"load {number}", "JPEG") for number in range(64)]
IMAGES = "/v1/search/images"


def text(dice: random.Random) -> dict[str, Any]:
    return {"json": {"text": title_of(f"{dice.random()}"), "k": 10}}  # never the same: no vector is in the cache


def image(dice: random.Random) -> dict[str, Any]:
    return {"files": {"image": ("x.jpg", dice.choice(PICTURES))}, "data": {"k": "10"}}


def mixed(dice: random.Random) -> dict[str, Any]:
    return dice.choice((text, text, image))(dice)


async def level(service: Service, clients: int, make: Callable[[random.Random], dict[str, Any]], seconds: float) -> Any:
    """Return the figures of so many clients at once."""
    served: list[float] = []
    refused: list[float] = []
    statuses: Counter[int] = Counter()
    without_wait = 0
    end = time.perf_counter() + seconds

    async def ask(number: int) -> None:
        nonlocal without_wait
        dice = random.Random(f"{clients} {number}")
        async with httpx.AsyncClient(base_url=service.url, timeout=60, trust_env=False) as client:
            while time.perf_counter() < end:
                start = time.perf_counter()
                answer = await client.post(IMAGES, **make(dice))
                took = 1000 * (time.perf_counter() - start)
                statuses[answer.status_code] += 1
                (served if answer.status_code == 200 else refused).append(took)
                if answer.status_code == 503:
                    without_wait += "retry-after" not in answer.headers
                    await asyncio.sleep(PAUSE_S)

    start = time.perf_counter()
    await asyncio.gather(*(ask(number) for number in range(clients)))
    took = time.perf_counter() - start
    return {
        "clients": clients,
        "requests": statuses.total(),
        "served a second": round(len(served) / took, 1),
        "p50 ms": percentile(served, 0.5),
        "p95 ms": percentile(served, 0.95),
        "p99 ms": percentile(served, 0.99),
        "share refused": round(statuses[503] / max(1, statuses.total()), 4),
        "503 p50 ms": percentile(refused, 0.5),
        "503 p99 ms": percentile(refused, 0.99),
        "503 longest ms": percentile(refused, 1.0),
        "503 without Retry-After": without_wait,
        "other statuses": {str(s): n for s, n in statuses.items() if s not in (200, 503)},
    }


async def run(service: Service, seconds: float) -> dict[str, Any]:
    """Return the figures of all levels of all kinds, and of one client alone before and after."""
    figures: dict[str, Any] = {"levels": {}}
    await level(service, 2, mixed, 3)  # the first requests of a process are slower
    figures["alone before"] = await level(service, 1, mixed, seconds)
    for make in (text, image, mixed):
        found = figures["levels"][make.__name__] = []
        for clients in LEVELS:
            found.append(await level(service, clients, make, seconds))
            say(f"{make.__name__}: {found[-1]}")
    figures["alone afterwards"] = await level(service, 1, mixed, seconds)
    return figures


def main() -> None:
    """Serve a drawn shop, raise the load, and write the figures."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each level takes")
    parser.add_argument("--products", type=int, default=500)
    arguments = parser.parse_args()
    with serving_shop(arguments.checkpoint, arguments.products, VITRINE_QUEUE_LIMIT=str(QUEUE)) as service:
        figures = asyncio.run(run(service, arguments.seconds))
        with service.client() as client:
            figures["ready afterwards"] = client.get("/readyz").status_code == 200
        service.stop()
        lines = [json.loads(line) for line in service.log.read_text(encoding="utf-8").splitlines()]
    inside = [line["ms"] for line in lines if line.get("status") == 503]
    figures["503 seen from inside, ms"] = {
        "times": len(inside),
        **{name: percentile(inside, part) for name, part in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0))},
    }
    figures |= {"queue": QUEUE, "products": arguments.products, "seconds a level": arguments.seconds}
    save(arguments.out, figures)
    bad = [one for found in figures["levels"].values() for one in found if one["other statuses"]]
    sys.exit(1 if bad or not figures["ready afterwards"] else 0)


if __name__ == "__main__":
    main()

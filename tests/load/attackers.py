"""The attackers, each by its name; one runs alone in a process.

    python -m tests.load.attackers NAME --url http://127.0.0.1:8000 --seconds 10

What they do was once done to this service, and worked. `KEYED` need a key that may write, in the environment as
ATTACK_KEY; `LASTING` leave products behind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from tests.load import attack_payloads as payloads
from tests.load.attack_client import Caller
from tests.load.attack_payloads import IMAGES, as_json, form, head, request
from tests.load.products import data_uri, picture_of

Attack = Callable[[Caller, int], Awaitable[None]]
"""Takes the caller, and how many products there are."""
ATTACKS: dict[str, Attack] = {}
SECRET = "ATTACK_KEY"
LATE_S = 0.5
"""What is unanswered so long after the end is left: an answer that is late does not make the attack longer."""


def attack(run: Attack) -> Attack:
    """List an attack by its name."""
    ATTACKS[run.__name__] = run
    return run


async def repeat(caller: Caller, times: int, make: Callable[[int], bytes | Iterable[bytes]]) -> None:
    """Ask from so many connections at once, again and again until the attack ends."""

    async def one(number: int) -> None:
        while caller.going:
            if await caller.ask(make(number)) == 0:
                await asyncio.sleep(0.05)

    await asyncio.gather(*(one(number) for number in range(times)))


async def replaced(caller: Caller, times: int, hold: Callable[[], Awaitable[None]]) -> None:
    """Keep so many connections held; one that was closed is replaced after a moment."""

    async def one(number: int) -> None:
        await asyncio.sleep(number / times / 2)
        while caller.going:
            await hold()
            await asyncio.sleep(0.2)

    await asyncio.gather(*(one(number) for number in range(times)))


@attack
async def charset(caller: Caller, products: int) -> None:
    """A4: forms in a character set that Python knows and cannot read."""
    picture = picture_of("charset")
    blobs = [form(path, picture, f"; charset={name}") for path in payloads.FORMS for name in ("undefined", "punycode")]
    while caller.going:
        for blob in blobs:
            await caller.ask(blob)
        await asyncio.sleep(0.2)


@attack
async def jpeg2000(caller: Caller, products: int) -> None:
    """A5: 60 pictures at once, each some hundred bytes and a second of decoding."""
    blob = form(IMAGES, payloads.jpeg2000())
    await repeat(caller, 60, lambda _: blob)


@attack
async def avif(caller: Caller, products: int) -> None:
    """A5: 60 pictures at once of a kind that is read, each some hundred bytes; half are within today's memory."""
    blobs = [form(IMAGES, payloads.avif(side)) for side in (7000, 4000)]
    await repeat(caller, 60, lambda number: blobs[number % 2])


@attack
async def pictures_left(caller: Caller, products: int) -> None:
    """A5: 60 pictures of 50 million pixels, a wave each second; every caller hangs up at once."""
    blob = form(IMAGES, payloads.wide_png())
    while caller.going:
        await asyncio.gather(*(caller.send_and_leave(blob) for _ in range(60)))
        await asyncio.sleep(1)


@attack
async def icons(caller: Caller, products: int) -> None:
    """A6: pictures of 169 million pixels within icons that claim 16 x 16 and 1,024 x 1,024."""
    blobs = [form(IMAGES, payloads.ico()), form(IMAGES, payloads.icns())]
    await repeat(caller, 4, lambda number: blobs[number % 2])


@attack
async def unknown_fields(caller: Caller, products: int) -> None:
    """B1: three bodies at once with 1.25 million fields that a search does not have."""
    blob = payloads.unknown_fields()
    await repeat(caller, 3, lambda _: blob)


@attack
async def bad_filters(caller: Caller, products: int) -> None:
    """B1: three bodies at once with 900,000 filters that are none."""
    blob = payloads.bad_filters()
    await repeat(caller, 3, lambda _: blob)


@attack
async def bad_inputs(caller: Caller, products: int) -> None:
    """B1: three calls at once for the vectors of 1.5 million empty lists."""
    blob = payloads.bad_inputs()
    await repeat(caller, 3, lambda _: blob)


@attack
async def bad_batch(caller: Caller, products: int) -> None:
    """B1: three batches at once of 100 queries with 11,000 unknown fields each."""
    blob = payloads.bad_batch()
    await repeat(caller, 3, lambda _: blob)


@attack
async def slow_bodies(caller: Caller, products: int) -> None:
    """B2: 300 callers announce 30 bytes and send one."""
    start = head("POST", IMAGES, "Content-Type: application/json", "Content-Length: 30") + b"{"
    await replaced(caller, 300, lambda: caller.hold(start))


@attack
async def slow_forms(caller: Caller, products: int) -> None:
    """B2: 100 callers announce a form and send its first bytes."""
    kind = f"Content-Type: multipart/form-data; boundary={payloads.BOUNDARY}"
    start = head("POST", IMAGES, kind, "Content-Length: 100000") + f"--{payloads.BOUNDARY}\r\n".encode()
    await replaced(caller, 100, lambda: caller.hold(start))


@attack
async def long_header(caller: Caller, products: int) -> None:
    """B3: a header of 200 MB."""
    await repeat(caller, 1, lambda _: payloads.long_header(200_000_000))


@attack
async def many_headers(caller: Caller, products: int) -> None:
    """B3: a million headers."""
    await repeat(caller, 1, lambda _: payloads.many_headers())


@attack
async def unfinished_headers(caller: Caller, products: int) -> None:
    """B3: 5,000 connections whose headers do not end."""
    start = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    await replaced(caller, 5_000, lambda: caller.hold(start, b"X-More: 1\r\n", every_s=2))


@attack
async def silent_connections(caller: Caller, products: int) -> None:
    """B3: 500 connections that never send a byte."""
    await replaced(caller, 500, lambda: caller.hold(b""))


@attack
async def unread_answers(caller: Caller, products: int) -> None:
    """B4: 20 callers ask for 30 MB each and read none of it; 20 more for the 3 MB that are allowed now."""
    blobs = [payloads.unread(100), payloads.unread(10)]

    async def one(number: int) -> None:
        while caller.going:
            await caller.leave_unread(blobs[number % 2])
            await asyncio.sleep(0.1)

    await asyncio.gather(*(one(number) for number in range(40)))


@attack
async def costly_batch(caller: Caller, products: int) -> None:
    """B5: four batches at once that compare every picture with every other; two are within today's bounds."""
    blobs = [payloads.costly_batch(100, 1000, min(1000, products // 2)), payloads.costly_batch(10, 1000, 9000)]
    await repeat(caller, 4, lambda number: blobs[number % 2])


@attack
async def far_batch(caller: Caller, products: int) -> None:
    """B5: four batches at once from far down in the results; two are within today's bounds."""
    blobs = [payloads.far_batch(10, max(0, min(55_000, products - 1000))), payloads.far_batch(100, 9000)]
    await repeat(caller, 4, lambda number: blobs[number % 2])


@attack
async def facets(caller: Caller, products: int) -> None:
    """B5: 400 callers count all values."""
    blob = request("GET", "/v1/facets")
    await repeat(caller, 400, lambda _: blob)


@attack
async def evaluations(caller: Caller, products: int) -> None:
    """B6: a write makes eight evaluations new; each is asked for, and nobody waits for it."""
    picture = picture_of("evaluations")
    asks = [
        request("GET", f"/v1/evaluation{what}?split={split}")
        for what in ("", "/details")
        for split in ("train", "validation", "test", "all")
    ]
    number = 0
    while caller.going:
        body = {"title": f"Attack {number}", "image": data_uri(picture)}
        number += 1
        write = json.dumps(body).encode()
        await caller.ask(request("PUT", f"/v1/products/attack-e{number % 40}", write, "application/json", _key()))
        for blob in asks:
            await caller.send_and_leave(blob)
        await asyncio.sleep(0.1)


@attack
async def readiness(caller: Caller, products: int) -> None:
    """B7: 8 callers ask without a pause whether the service is ready."""
    blob = request("GET", "/readyz")
    await repeat(caller, 8, lambda _: blob)


@attack
async def overload(caller: Caller, products: int) -> None:
    """400 callers search at once, and again as soon as they have their answer."""
    count = iter(range(10**9))
    await repeat(caller, 400, lambda _: as_json(IMAGES, {"text": f"red shoe {next(count)}", "k": 10}))


@attack
async def slow_bulk(caller: Caller, products: int) -> None:
    """100 bulk calls that send a line every second and never end; needs a key."""
    start = head("POST", "/v1/products", _key(), "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked")
    line = b'{"id":"attack-none","delete":true}\n'
    await replaced(caller, 100, lambda: caller.hold(start, b"%x\r\n%s\r\n" % (len(line), line)))


@attack
async def new_names(caller: Caller, products: int) -> None:
    """C4: products with 64 names of attributes each that no other has; needs a key."""
    picture = data_uri(picture_of("names"))
    number = 0
    while caller.going:
        lines = b"".join(payloads.product_line(number + one, picture, 64) for one in range(50))
        number += 50
        await caller.ask(request("POST", "/v1/products", lines, "application/x-ndjson", _key()))


LASTING = ("new_names",)
"""What makes the catalogue another one: the run ends with it."""


def _key() -> str:
    return f"Authorization: Bearer {os.environ.get(SECRET, '')}"


def main() -> None:
    """Run one attack and print what came back."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=ATTACKS)
    parser.add_argument("--url", required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--products", type=int, default=1000, help="how many the catalogue has")
    parser.add_argument("--source", default="127.0.0.1", help="the address to call from")
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    url = urlsplit(arguments.url)

    async def run() -> Caller:
        caller = Caller(url.hostname or "127.0.0.1", url.port or 80, arguments.seconds, arguments.source)
        running = asyncio.ensure_future(ATTACKS[arguments.name](caller, arguments.products))
        while not running.done() and (caller.began is None or caller.left > -LATE_S):
            await asyncio.wait({running}, timeout=0.1)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return caller

    sys.stdout.write(json.dumps(asyncio.run(run()).figures()))


if __name__ == "__main__":
    main()

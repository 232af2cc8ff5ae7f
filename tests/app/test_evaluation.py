"""The evaluation of what is served: shared by callers, equal to the metrics, ended with the service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.errors import UnavailableError
from app.live import Evaluations
from app.telemetry import Telemetry
from index import Catalogue, evaluate, title_slices
from tests.tools.shop import (
    error_of,
)


def test_the_evaluation_is_that_of_the_metrics_on_what_is_served(client: httpx.Client, folder: Path) -> None:
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
    titles = [product.title for product in snapshot.products]
    for split in ("test", "validation", "train", "all"):
        answer = client.get("/v1/evaluation", params={"split": split}).json()
        asking = [at for at, product in enumerate(snapshot.products) if split in ("all", product.split)]
        vectors = snapshot.image_vectors, snapshot.text_vectors
        figures = evaluate(*vectors, titles, np.array(asking), hubs=snapshot.hubs)
        assert "titles_hub_corrected" in figures
        source = snapshot.info.source
        origin = {"split": split, "encoder_id": "drawn-1", "catalogue_version": 0, "source": source}
        slices = title_slices(snapshot.image_vectors, snapshot.text_vectors, snapshot.products, np.array(asking))
        assert set(answer.pop("measured")) == {"at", "seconds", "threads"}
        assert answer.pop("attributes") == ["gender", "articleType", "baseColour", "title frequency"]
        assert answer == {**origin, **json.loads(json.dumps(figures)), "slices": json.loads(json.dumps(slices))}
    assert client.get("/v1/evaluation").json()["split"] == "test"


def test_an_unknown_split_is_told_the_known_ones(client: httpx.Client) -> None:
    error = error_of(client.get("/v1/evaluation?split=future"), 422, "invalid_request")
    assert error["details"][0]["field"] == "split"
    assert "validation" in error["message"]


def test_callers_share_one_evaluation_and_may_leave(folder: Path) -> None:
    state = 0
    telemetry = Telemetry()

    async def main() -> None:
        nonlocal state
        evaluations = Evaluations(folder, lambda: ("shop", state), telemetry, 60)
        leaving = asyncio.create_task(evaluations.of("test"))
        await asyncio.sleep(0)
        staying = [asyncio.create_task(evaluations.of("test")) for _ in range(5)]
        await asyncio.sleep(0)
        leaving.cancel()
        first, *others = await asyncio.gather(*staying)
        assert all(other is first for other in others)
        assert await evaluations.of("test") is first
        assert await evaluations.of("all") is not first
        assert b"vitrine_evaluations_total 2.0" in telemetry.text()
        state = 1  # the catalogue has changed
        again = await evaluations.of("test")
        assert again is not first
        assert {**again, "measured": None} == {**first, "measured": None}

    asyncio.run(main())


def test_an_evaluation_ends_with_the_service(folder: Path) -> None:
    async def main() -> None:
        evaluations = Evaluations(folder, lambda: ("shop", 0), Telemetry(), 60)
        waiting = asyncio.create_task(evaluations.of("all"))
        await asyncio.sleep(0.05)
        await evaluations.close()
        with pytest.raises(UnavailableError, match="shutting down"):
            await waiting

    asyncio.run(main())


def test_the_details_are_those_of_the_catalogue(client: httpx.Client) -> None:
    details = client.get("/v1/evaluation/details?split=all").json()
    figures = client.get("/v1/evaluation?split=all").json()
    assert details["image_to_text"]["queries"] == figures["queries"] == 48
    assert details["text_to_image"]["queries"] == figures["titles"]["queries"] == 40
    worst = details["text_to_image"]["worst"][0]
    assert client.get(f"/v1/products/{worst['id']}").json()["title"] == worst["title"]
    assert len(details["text_to_image"]["similarity"]["edges"]) == 101
    error_of(client.get("/v1/evaluation/details?split=nothing"), 422, "invalid_request")


def test_slices_by_any_attribute_are_made_of_what_was_measured(client: httpx.Client) -> None:
    whole = client.get("/v1/evaluation?split=all").json()
    kinds = client.get("/v1/evaluation?split=all&slices=articleType&slices=title+frequency").json()
    assert list(kinds["slices"]) == ["articleType", "title frequency"]
    lines = kinds["slices"]["articleType"]
    assert {line["value"] for line in lines} == {"Dress", "Shirt", "Shoes", "Bag", "Watch"}
    assert sum(line["queries"] for line in lines) == whole["titles"]["queries"]
    mean = sum(line["queries"] * line["recall10"]["value"] for line in lines) / 40
    assert mean == pytest.approx(whole["titles"]["recall10"]["value"], abs=1e-5)
    assert {**kinds, "slices": None} == {**whole, "slices": None}
    error = error_of(client.get("/v1/evaluation?split=all&slices=flavour"), 422, "bad_input")
    assert "gender, articleType, baseColour, title frequency" in error["message"]
    error_of(client.get("/v1/evaluation?" + "&".join(f"slices=a{n}" for n in range(9))), 422, "invalid_request")


def test_pages_and_slices_of_the_details_are_parts_of_the_whole(client: httpx.Client) -> None:
    def details(**query: str | int) -> dict[str, Any]:
        answer: dict[str, Any] = client.get("/v1/evaluation/details", params={"split": "all", **query}).json()
        return answer

    everything = details(limit=60)
    for direction, count in (("text_to_image", 40), ("image_to_text", 48)):
        for end in ("worst", "best"):
            found = everything[direction][end]
            assert len(found) == everything[direction]["queries"] == count
            pages = [one for offset in range(0, 60, 7) for one in details(limit=7, offset=offset)[direction][end]]
            assert pages == found
            red = details(limit=60, slice="baseColour:Red")[direction]
            assert red[end] == [one for one in found if one["title"].startswith("Red ")]
            assert red["queries"] == len(red[end])
    assert details()["text_to_image"]["worst"] == everything["text_to_image"]["worst"][:12]
    assert details(slice="title frequency:2–4")["image_to_text"]["queries"] == 16
    assert details(slice="gender:other")["text_to_image"]["queries"] == 0
    for wrong, said in (("gender", "attribute, a colon"), ("gender:Dogs", "Unisex"), ("size:7", "articleType")):
        error = error_of(client.get("/v1/evaluation/details", params={"slice": wrong}), 422, "bad_input")
        assert said in error["message"]
    error_of(client.get("/v1/evaluation/details?offset=-1"), 422, "invalid_request")
    error_of(client.get("/v1/evaluation/details?limit=61"), 422, "invalid_request")


def test_who_waits_is_told_how_far_it_is(folder: Path) -> None:
    """The page was a grey box for a minute."""
    seen: list[dict[str, Any]] = []

    async def main() -> None:
        evaluations = Evaluations(folder, lambda: ("shop", 0), Telemetry(), 60)
        assert evaluations.progress("all", "figures")["state"] == "idle"
        calls = [asyncio.create_task(evaluations.of("all")), asyncio.create_task(evaluations.of("test"))]
        await asyncio.sleep(0)
        assert evaluations.progress("test", "figures")["state"] == "waiting"
        while not all(call.done() for call in calls):
            seen.append(evaluations.progress("all", "figures"))
            await asyncio.sleep(0.001)
        assert evaluations.progress("test", "figures")["state"] == "ready"
        assert evaluations.progress("test", "details")["state"] == "idle"
        for call in calls:
            assert (await call)["measured"]["seconds"] > 0

    asyncio.run(main())
    measuring = [one for one in seen if one["state"] == "measuring"]
    assert len({one["stage"] for one in measuring}) > 1
    done = [one["done"] for one in measuring]
    assert done == sorted(done)
    assert all(0 <= part <= 1 for part in done)
    assert [one["seconds"] for one in measuring] == sorted(one["seconds"] for one in measuring)


def test_the_service_tells_how_far_it_is(client: httpx.Client) -> None:
    client.get("/v1/evaluation")
    ready = {"state": "ready", "stage": None, "done": 1, "seconds": 0, "left_s": None}
    assert client.get("/v1/evaluation/progress").json() == ready
    assert client.get("/v1/evaluation/progress?split=train&report=details").json()["state"] == "idle"
    error_of(client.get("/v1/evaluation/progress?split=none"), 422, "invalid_request")

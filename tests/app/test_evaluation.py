"""The evaluation of what is served: shared by callers, equal to the metrics, ended with the service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

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
        figures = evaluate(snapshot.image_vectors, snapshot.text_vectors, titles, np.array(asking))
        source = snapshot.info.source
        origin = {"split": split, "encoder_id": "drawn-1", "catalogue_version": 0, "source": source}
        slices = title_slices(snapshot.image_vectors, snapshot.text_vectors, snapshot.products, np.array(asking))
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
        assert again == first

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

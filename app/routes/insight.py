"""The pages and the calls that only they use: words that carry a match, the error analysis, the map."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse

from app.http import DOCS_POLICY, REPLACED, UnavailableError, require
from app.query import Service, TheService, product_vectors, unit_vector
from app.routes.search import body_docs
from app.schemas import (
    DetailsAnswer,
    ExplainAnswer,
    ExplainedResult,
    ExplainRequest,
    MapAnswer,
    MapAttribute,
    WordResult,
    error_answers,
    explain_body,
)
from common import NotFoundError
from index import MAP_FILE, Location, Product, SearchIndex, load_map

PAGE = Path(__file__).parents[1] / "page"
MAX_COLOURS = 200
"""Values of an attribute that a map may be coloured by, at most; one with more tells nothing at a glance."""
NONE = 65535
"""Side of the square that a map is; also what stands for a product without a value."""

details = APIRouter(dependencies=[Depends(require("read"))], responses=error_answers(401, 403, 429))
pages = APIRouter(include_in_schema=False)
"""The pages hold no data and are open to everybody. What they show needs a key where reads do."""


@pages.get("/")
async def search_page() -> FileResponse:
    """Return the page to search with."""
    return FileResponse(PAGE / "index.html")


@pages.get("/evaluation")
async def evaluation_page() -> FileResponse:
    """Return the page of the figures."""
    return FileResponse(PAGE / "evaluation.html")


@pages.get("/map")
async def map_page() -> FileResponse:
    """Return the page of the map."""
    return FileResponse(PAGE / "map.html")


@pages.get("/docs")
async def docs_page() -> FileResponse:
    """Return the page to read about the calls and to try them."""
    return FileResponse(PAGE / "docs.html", headers={"Content-Security-Policy": DOCS_POLICY})


@details.post("/v1/explain", **body_docs(explain_body(), "search"))
async def explain(request: Request, service: TheService) -> ExplainAnswer:
    """Say which words of some descriptions carry their match with a picture.

    A word's weight is how much the cosine falls when the word is left out, judged by the service's own text tower. Of
    several pictures, products and vectors the normalised sum counts.
    """
    fields, pixels = await service.uploads.read(request, ExplainRequest)
    return await _explained(service, fields, pixels)


@details.get("/v1/evaluation/details", responses=error_answers(422, 500, 503), tags=["evaluation"])
async def evaluation_details(
    service: TheService,
    split: Annotated[
        Literal["test", "validation", "train", "all"], Query(description="Queries from these products.")
    ] = "test",
) -> DetailsAnswer:
    """Return the error analysis: the queries that fail and succeed most, and how similar right and wrong pairs are.

    The first call of a split takes seconds to minutes, later ones are answered from memory.
    """
    return DetailsAnswer(**await service.evaluations.of(split, "details"))


@details.get(
    "/v1/map",
    tags=["products"],
    response_model=MapAnswer,
    responses={304: {"description": "The caller has it (If-None-Match)."}, **error_answers(404, 500)},
)
def product_map(request: Request, service: TheService) -> Response:
    """Return where the products stand in two dimensions, as `vitrine map` has projected their pictures.

    A product that came later stands where the stored PCA puts it; UMAP cannot tell, and leaves it out.
    """
    maps: Maps = request.app.state.maps
    body, tag = maps.of(service)
    headers = {"ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


class Maps:
    """The answer to /v1/map, put together once per state of catalogue and map."""

    def __init__(self, place: Location) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._at: Hashable = None
        self._kept = (b"", "")

    def of(self, service: Service) -> tuple[bytes, str]:
        """Return the map of what is served as JSON, and its entity tag.

        Raises:
            NotFoundError: the catalogue has no map, or one of another encoder.
            ArtefactError: the map cannot be read.
        """
        folder = self._place
        if not isinstance(folder, Path):
            raise NotFoundError("a catalogue in a database has no map; one in a folder has")
        with self._lock:
            serving = service.serving
            try:
                stand = (folder / MAP_FILE).stat().st_mtime_ns
            except OSError:
                stand = 0
            at = (id(serving.index), stand)
            if at != self._at:
                stored = load_map(folder, serving.encoder.encoder_id)
                assert isinstance(serving.index, SearchIndex)  # noqa: S101 - that of a folder
                products = serving.index.products
                ids = [product.id for product in products]
                rows, points = stored.place(ids, serving.index.vectors(ids))
                placed = [products[row] for row in rows.tolist()]
                x, y = _squared(points)
                answer = MapAnswer(
                    method=stored.method,
                    created=stored.created,
                    encoder_id=stored.encoder_id,
                    catalogue_version=serving.index.version,
                    left_out=len(products) - len(placed),
                    ids=[product.id for product in placed],
                    x=_base64(x),
                    y=_base64(y),
                    attributes=_attributes(placed),
                )
                self._kept = (answer.model_dump_json().encode(), f'"{stand:x}-{serving.index.version}-{len(placed)}"')
                self._index = serving.index  # kept alive, so that no other one can have its id
                self._at = at
            return self._kept


def _squared(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y (M,) of `points` (M, 2) as places in a square from 0 to 65535, with the aspect kept."""
    if not len(points):
        return np.zeros(0), np.zeros(0)
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(float((high - low).max()), 1e-9)
    places = ((points - (low + high) / 2) / side + 0.5) * NONE
    return places[:, 0], places[:, 1]


def _base64(values: Any) -> str:
    return base64.b64encode(np.asarray(values).round().clip(0, NONE).astype("<u2").tobytes()).decode("ascii")


def _attributes(products: Sequence[Product]) -> dict[str, MapAttribute]:
    names = dict.fromkeys(name for product in products for name in product.attributes)
    found = {}
    for name in names:
        given = [product.attributes.get(name) for product in products]
        values = [value for value, _ in Counter(value for value in given if value is not None).most_common()]
        if 2 <= len(values) <= MAX_COLOURS:
            code = {value: number for number, value in enumerate(values)}
            codes = [NONE if value is None else code[value] for value in given]
            found[name] = MapAttribute(values=values, codes=_base64(codes))
    return found


async def _explained(service: Service, fields: ExplainRequest, pixels: np.ndarray | None) -> ExplainAnswer:
    """Return the weight of every word: one text per word without it, and one per description with all.

    A lone word carries everything, and so has the whole score.

    Raises:
        InvalidError: products that are not there, or a vector that is none of this model.
        UnavailableError: the model was replaced in between.
        VitrineError: as `MicroBatcher.submit`.
    """
    serving = service.serving
    known = await asyncio.to_thread(product_vectors, serving.index, "like", fields.like)
    if fields.vector is not None:
        known = np.vstack([known, unit_vector(fields.vector, serving.encoder.dim)])
    split = [description.split() for description in fields.descriptions]
    without = [" ".join(words[:at] + words[at + 1 :]) for words in split if len(words) > 1 for at in range(len(words))]
    encoded = await service.encoded([*fields.descriptions, *without], [] if pixels is None else [pixels])
    if encoded.serving.encoder is not serving.encoder:
        raise UnavailableError(REPLACED)
    match = np.concatenate([encoded.images, known]).sum(axis=0)
    scores = (encoded.texts @ (match / max(float(np.linalg.norm(match)), 1e-6))).tolist()
    rest = iter(scores[len(split) :])
    results = [
        ExplainedResult(
            description=description,
            score=round(score, 6),
            words=[
                WordResult(word=word, weight=round(score - next(rest) if len(words) > 1 else score, 6))
                for word in words
            ],
        )
        for description, words, score in zip(fields.descriptions, split, scores, strict=False)
    ]
    return ExplainAnswer(results=results, encoder_id=serving.encoder.encoder_id)

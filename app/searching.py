"""From the fields of a search to its job, and from its result to the JSON of its answer. Knows no route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import asdict
from itertools import islice
from typing import Any

import numpy as np
from pydantic_core import to_json

from app.picture_paths import image_url
from app.query import Job, JobResult, Modify, TextOptions, unit_vector
from app.schemas import SearchRequest, as_filters
from index import DescriptionHit, Group, Hit, SearchQuery, Side, Signals

MAX_FACETED = 1000
"""Values of a facet that an answer has, at most: the most frequent ones. `/v1/facets` has more."""


def to_job(side: Side, fields: SearchRequest, pixels: np.ndarray | None, dim: int) -> Job:
    """Return the job that answers a search, with a prepared picture (H, W, 3).

    Raises:
        InputError: numbers that no search can answer, or a vector that is not of `dim` values.
    """
    query = SearchQuery(
        k=fields.k,
        offset=fields.offset,
        filters=as_filters(fields.filters),
        exclude=frozenset([*fields.like, *fields.unlike]),
        min_score=fields.min_score,
        collapse=fields.collapse,
        collapse_threshold=fields.collapse_threshold,
        facets=tuple(dict.fromkeys(fields.facets)),
        histograms=tuple(dict.fromkeys(fields.histograms)),
        like=tuple(fields.like),
        unlike=tuple(fields.unlike),
        mode=fields.ranked_by,
        text_share=fields.text_share(pixels is not None),
        hub_weight=fields.hub_share(pixels is not None) if side == "images" else 0.0,
        cutoff=fields.limit,
        sort=fields.order(),
        browse=not fields.looks_for_something(pixels is not None),
        group_by=fields.group_by,
    )
    context = copy_context()

    def render(result: JobResult) -> bytes:
        return context.run(products_body, result)  # in the worker, too, the addresses are those for this caller

    return Job(
        () if fields.text is None else (fields.text,),
        () if pixels is None else (pixels,),
        query,
        side,
        None if fields.vector is None else unit_vector(fields.vector, dim),
        fields.weights.by_part(),
        modify=None if fields.modify is None else Modify(fields.modify, fields.weights.modify, fields.keep),
        options=TextOptions(fields.language, fields.correct, tuple(fields.dismiss), fields.strict),
        render=descriptions_body if side == "texts" else None if fields.image_versions else render,
    )


def products_in(result: JobResult) -> list[Hit]:
    """Return the products that a search has found."""
    return [hit for hit in (result.page.hits if result.page else []) if isinstance(hit, Hit)]


def products_body(result: JobResult, digests: Mapping[str, Sequence[str]] = {}) -> bytes:
    """Return a `ProductAnswer` as JSON; the digests of pictures are named in their addresses."""
    results = [
        {
            "id": hit.product.id,
            "title": hit.product.title,
            "score": round(hit.score, 6),
            "relevance": _rounded(hit.relevance),
            "signals": None if hit.signals is None else _signals(hit.signals),
            "attributes": hit.product.attributes,
            "image_url": image_url(hit.product.id, hit.picture, digests),
            **({} if hit.group is None else {"group": _group(hit.group, digests)}),
        }
        for hit in products_in(result)
    ]
    return to_json({**_origin(result), "results": results})


def descriptions_body(result: JobResult) -> bytes:
    """Return a `DescriptionAnswer` as JSON."""
    results = [
        {
            "description": hit.description,
            "score": round(hit.score, 6),
            "relevance": _rounded(hit.relevance),
            "signals": None,
            "product_ids": hit.product_ids,
        }
        for hit in (result.page.hits if result.page else [])
        if isinstance(hit, DescriptionHit)
    ]
    return to_json({**_origin(result), "results": results})


def _origin(result: JobResult) -> dict[str, Any]:
    """Return what every search answer says beside its results: how its text was read, and where it comes from."""
    assert result.page is not None  # noqa: S101 - a search has one
    parsed = result.parsed
    correction = parsed.correction if parsed else None
    milliseconds = {
        "queue": result.queued_s,
        "understand": result.understand_s,
        "encode": result.encode_s,
        "search": result.search_s,
    }
    return {
        "mode": result.mode,
        "language": parsed.language if parsed else None,
        "corrected": {"from": correction.typed, "to": correction.corrected} if correction else None,
        "interpreted": [asdict(condition) for condition in (parsed.conditions if parsed else ())],
        "cutoff": _rounded(result.page.cutoff),
        "total": result.page.total,
        "facets": {name: dict(islice(values.items(), MAX_FACETED)) for name, values in result.page.facets.items()},
        **({"histograms": result.page.histograms} if result.page.histograms else {}),
        **({"kept": result.kept} if result.kept is not None else {}),
        **({"notes": result.page.notes} if result.page.notes else {}),
        "encoder_id": result.serving.encoder.encoder_id,
        "catalogue_version": result.serving.index.version,
        "timing_ms": {name: round(1000 * seconds, 3) for name, seconds in milliseconds.items()},
    }


def _group(group: Group, digests: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return a `GroupResult` as plain data."""
    members = [
        {"id": one.id, "title": one.title, "attributes": one.attributes, "image_url": image_url(one.id, 0, digests)}
        for one in group.members
    ]
    return {"value": group.value, "count": group.count, "members": members}


def _signals(signals: Signals) -> dict[str, float | None]:
    """Return `SignalValues` as plain data."""
    return {name: _rounded(getattr(signals, name)) for name in ("words", "title", "image")}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

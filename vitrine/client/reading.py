"""The calls that search and tell: each function is a method of both clients, named after its operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack, cast
from urllib.parse import quote

from vitrine.client.call import Call, data_uri, get, json_of, post, several

if TYPE_CHECKING:
    from vitrine.client.answers import (
        ClassifyAnswer,
        DescriptionAnswer,
        DetailsAnswer,
        EmbeddingsAnswer,
        ErrorAnswer,
        EvaluationAnswer,
        ExplainAnswer,
        FacetsAnswer,
        Health,
        LabelsAnswer,
        MapAnswer,
        Model,
        ModelsAnswer,
        ProductAnswer,
        ProgressAnswer,
        Ready,
        RegionsAnswer,
        SuggestionsAnswer,
        TagAnswer,
    )
    from vitrine.client.call import Picture
    from vitrine.client.options import ClassifyOptions, ExplainOptions, SearchOptions

EVALUATION_S = 600.0
"""Longest that an evaluation may take at least, in seconds."""


def search(
    text: str | None = None, *, image: Picture | None = None, **query: Unpack[SearchOptions]
) -> Call[ProductAnswer]:
    """Find products by a text, a picture, products that they are like, a vector, or several of these.

    Without any of these it returns all products that pass the filters. The further arguments are the fields of
    `SearchRequest`: k, offset, filters, facets, like, unlike, modify, mode, cutoff, sort, collapse and others.

    Raises:
        ServiceError: there is no good answer; a `RefusedError` names the fields that cannot be used.
    """
    return post("/v1/search", {"text": text, "image": data_uri(image), **query})


def search_descriptions(
    text: str | None = None, *, image: Picture | None = None, **query: Unpack[SearchOptions]
) -> Call[DescriptionAnswer]:
    """Find the descriptions that fit a text or a picture; takes what `search` takes.

    Raises:
        ServiceError: there is no good answer.
    """
    return post("/v1/search/descriptions", {"text": text, "image": data_uri(image), **query})


def search_batch(queries: Sequence[Mapping[str, Any]]) -> Call[list[ProductAnswer | ErrorAnswer]]:
    """Search several times in one call; each query has what `search` takes, and a bad one has an error as its answer.

    Raises:
        ServiceError: there is no good answer.
    """
    return _batch("/v1/search/images/batch", queries)


def search_descriptions_batch(queries: Sequence[Mapping[str, Any]]) -> Call[list[DescriptionAnswer | ErrorAnswer]]:
    """Find descriptions several times in one call, as `search_batch` finds products.

    Raises:
        ServiceError: there is no good answer.
    """
    return _batch("/v1/search/descriptions/batch", queries)


def suggest(q: str, *, k: int | None = None) -> Call[SuggestionsAnswer]:
    """Complete what is being typed, likeliest first.

    Raises:
        ServiceError: there is no good answer.
    """
    return get("/v1/suggest", q=q, k=k)


def facets(
    attributes: str | Sequence[str] = (), *, filters: Mapping[str, Any] | None = None, limit: int | None = None
) -> Call[FacetsAnswer]:
    """Count which values attributes have, the most frequent first; all attributes, unless some are named.

    Raises:
        ServiceError: there is no good answer.
    """
    return get("/v1/facets", attribute=several(attributes), filters=filters, limit=limit)


def labels(language: str) -> Call[LabelsAnswer]:
    """Return what pages write for attributes and values in a language (BCP 47).

    Raises:
        ServiceError: there is no good answer.
    """
    return get("/v1/labels", lang=language)


def find_regions(image: Picture) -> Call[RegionsAnswer]:
    """Find the parts of a picture in which single things may be seen.

    Raises:
        ServiceError: there is no good answer.
    """
    return post("/v1/regions", {"image": data_uri(image)})


def embed(
    texts: str | Sequence[str] = (),
    *,
    images: Picture | Sequence[Picture] = (),
    dimensions: int | None = None,
    model: str | None = None,
) -> Call[EmbeddingsAnswer]:
    """Encode texts, then pictures, to unit vectors in one space; `data` has them in that order.

    Raises:
        ServiceError: there is no good answer.
    """
    inputs = [*several(texts), *(data_uri(one) for one in _pictures(images))]
    return post("/v1/embeddings", {"input": inputs, "dimensions": dimensions, "model": model})


def tag(
    ids: str | Sequence[str] = (),
    *,
    images: Picture | Sequence[Picture] = (),
    attributes: str | Sequence[str] = (),
    min_confidence: float | None = None,
) -> Call[TagAnswer]:
    """Tell attributes of up to 32 products or pictures from the products that look like them, with a confidence each.

    Raises:
        ServiceError: there is no good answer.
    """
    fields = {
        "ids": several(ids) or None,
        "images": [data_uri(one) for one in _pictures(images)] or None,
        "attributes": several(attributes) or None,
        "min_confidence": min_confidence,
    }
    return post("/v1/tag", fields)


def classify(
    labels: Sequence[str],
    *,
    image: Picture | None = None,
    product_id: str | None = None,
    **options: Unpack[ClassifyOptions],
) -> Call[ClassifyAnswer]:
    """Say how well each of some labels fits a picture, or the picture of a product.

    Raises:
        ServiceError: there is no good answer.
    """
    fields = {"labels": list(labels), "image": data_uri(image), "product_id": product_id, **options}
    return post("/v1/classify", fields)


def explain(
    descriptions: str | Sequence[str], *, image: Picture | None = None, **options: Unpack[ExplainOptions]
) -> Call[ExplainAnswer]:
    """Say which words of some descriptions carry their match with a picture, products or a vector.

    Raises:
        ServiceError: there is no good answer.
    """
    return post("/v1/explain", {"descriptions": several(descriptions), "image": data_uri(image), **options})


def evaluate(split: str = "test", *, slices: str | Sequence[str] = ()) -> Call[EvaluationAnswer]:
    """Measure the encoder on the served catalogue; the first call of a split takes seconds to minutes.

    Raises:
        ServiceError: there is no good answer.
    """
    return replace(get("/v1/evaluation", split=split, slices=several(slices)), patience_s=EVALUATION_S)


def evaluation_details(
    split: str = "test",
    *,
    slice: str | None = None,  # noqa: A002 - the name of the parameter
    offset: int | None = None,
    limit: int | None = None,
) -> Call[DetailsAnswer]:
    """Return the queries of a split that fail and succeed most; `slice` is an attribute, a colon and a value.

    Raises:
        ServiceError: there is no good answer.
    """
    details = get("/v1/evaluation/details", split=split, slice=slice, offset=offset, limit=limit)
    return replace(details, patience_s=EVALUATION_S)


def evaluation_progress(split: str = "test", *, report: str | None = None) -> Call[ProgressAnswer]:
    """Return how far the measurement of a split is: of `evaluate`, or of its details with report "details".

    Raises:
        ServiceError: there is no good answer.
    """
    return get("/v1/evaluation/progress", split=split, report=report)


def list_models() -> Call[ModelsAnswer]:
    """List the names of the model that is served.

    Raises:
        ServiceError: there is no good answer.
    """
    return get("/v1/models")


def get_model(name: str) -> Call[Model]:
    """Return the model that is served, by one of its names.

    Raises:
        MissingError: another one is served.
        ServiceError: there is no good answer.
    """
    return get(f"/v1/models/{quote(name, safe='')}")


def ready() -> Call[Ready]:
    """Return what is served, after a query went through the whole service.

    Raises:
        BusyError: the service is not ready.
        ServiceError: there is no good answer.
    """
    return get("/readyz")


def map() -> Call[MapAnswer]:  # noqa: A001 - the name of the operation
    """Return the places of the products in two dimensions, as `vitrine map` has made them.

    Raises:
        MissingError: the catalogue has no map.
        ServiceError: there is no good answer.
    """
    return get("/v1/map")


def health() -> Call[Health]:
    """Return whether the process runs; promises nothing more.

    Raises:
        ServiceError: there is no good answer.
    """
    return get("/healthz")


def _pictures(given: Picture | Sequence[Picture]) -> list[Picture]:
    return list(given) if isinstance(given, (list, tuple)) else [cast("Picture", given)]


def _batch(path: str, queries: Sequence[Mapping[str, Any]]) -> Call[Any]:
    asked = [
        {name: data_uri(one) if name == "image" else one for name, one in query.items() if one is not None}
        for query in queries
    ]
    return replace(post(path, {"queries": asked}), read=lambda answer: json_of(answer)["answers"])

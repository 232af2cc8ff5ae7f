"""The request bodies of the calls in the OpenAPI document, with examples.

FastAPI describes a body that it reads itself. Ours are read by `app.http.Uploads`, as JSON or as a form, so they are
described here: JSON by reference to the model, a form by its fields.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from app.schemas.batch import BatchRequest
from app.schemas.classification import ClassifyRequest, ExplainRequest
from app.schemas.encoding import EmbeddingsRequest, PictureToEncode
from app.schemas.errors import error_answers
from app.schemas.fields import MODEL_NAME, PIXEL
from app.schemas.products import ProductLine, ProductRequest
from app.schemas.regions import RegionsRequest
from app.schemas.search import SearchRequest
from app.schemas.tagging import MAX_TAGGED, TagRequest
from models import NAMED

REQUESTS: tuple[type[BaseModel], ...] = (
    SearchRequest,
    BatchRequest,
    EmbeddingsRequest,
    ClassifyRequest,
    ExplainRequest,
    ProductRequest,
    RegionsRequest,
    TagRequest,
)
REFERENCE = "#/components/schemas/{model}"
FILE_SCHEMA: dict[str, Any] = {
    "type": "string",
    "format": "binary",
    "description": f"One picture: {NAMED}.",
}
BODY_ERRORS = error_answers(400, 408, 413, 415, 422, 500, 503, 504)
Examples = dict[str, tuple[str, dict[str, Any]]]
"""Name to summary and value."""


def body_docs(body: dict[str, Any], tag: str, *further: int) -> dict[str, Any]:
    """Return what a route that reads a body says of itself; `further` are error statuses beside those of any body."""
    return {
        "openapi_extra": {"requestBody": body},
        "responses": {**error_answers(*further), **BODY_ERRORS},
        "tags": [tag],
    }


def json_body(model: type[BaseModel], examples: Examples) -> dict[str, Any]:
    """Return an OpenAPI request body of JSON."""
    content = {"schema": {"$ref": REFERENCE.format(model=model.__name__)}, "examples": _shown(examples)}
    return {"required": True, "content": {"application/json": content}}


def form_body(model: type[BaseModel], structured: tuple[str, ...], examples: Examples) -> dict[str, Any]:
    """Return the content of a multipart form with the fields of `model`: `structured` ones as JSON, and a file `image`.

    What a model says beside its fields (which of them are needed) holds for its form, too.
    """
    schema = model.model_json_schema(ref_template=REFERENCE)
    fields = {
        name: {"type": "string", "contentMediaType": "application/json", "description": f"As JSON: {about}"}
        if name in structured and (about := field["description"])
        else _without_null(field)
        for name, field in schema["properties"].items()
    }
    rules = {key: value for key, value in schema.items() if key in ("required", "anyOf", "oneOf")}
    form = {
        "type": "object",
        "properties": {**fields, "image": FILE_SCHEMA},
        "additionalProperties": False,
        **rules,
    }
    return {"multipart/form-data": {"schema": form, "examples": _shown(examples)}}


def either_body(
    model: type[BaseModel], structured: tuple[str, ...], as_json: Examples, as_form: Examples
) -> dict[str, Any]:
    """Return an OpenAPI request body that is JSON or a form."""
    body = json_body(model, as_json)
    body["content"] |= form_body(model, structured, as_form)
    return body


def _shown(examples: Examples) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a form's field, which can be left out but not be null."""
    options = [option for option in field.get("anyOf", []) if option != {"type": "null"}]
    about = {key: value for key, value in field.items() if key not in ("anyOf", "default") or "anyOf" not in field}
    return {**about, **options[0]} if len(options) == 1 else field


def search_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a search."""
    filtered = {
        "text": "shoes for a rainy day",
        "k": 20,
        "filters": {"gender": "Women", "baseColour": {"not": ["White", "Yellow"]}},
        "facets": ["baseColour"],
    }
    changed = {"image": "@shoe.jpg", "text": "in blue", "weights": '{"text": 0.4, "image": 0.6}'}
    return either_body(
        SearchRequest,
        SearchRequest.structured,
        {
            "text": ("A text", {"text": "red dress", "k": 10}),
            "filtered": ("A text among some products, with counts for a choice of filters", filtered),
            "picture": ("A picture as a data URI, one result per title", {"image": PIXEL, "collapse": "title"}),
        },
        {
            "picture": ("A picture", {"image": "@shoe.jpg", "k": 10}),
            "both": ("A picture, changed by words", changed),
            "filtered": ("A picture among some products", {"image": "@shoe.jpg", "filters": '{"gender": "Women"}'}),
        },
    )


def batch_body() -> dict[str, Any]:
    """Return the OpenAPI request body of several searches."""
    queries = [{"text": "red dress", "k": 3}, {"text": "watch", "filters": {"gender": "Men"}}]
    return json_body(BatchRequest, {"two": ("Two searches", {"queries": queries})})


def raw_body() -> dict[str, Any]:
    """Return the content of a body that is a picture; the fields of the form may stand in the address."""
    return {"image/*": {"schema": FILE_SCHEMA}}


def embeddings_body() -> dict[str, Any]:
    """Return the OpenAPI request body of embeddings."""
    body = json_body(
        EmbeddingsRequest,
        {
            "texts": ("Texts", {"input": ["red dress", "blue bag"], "model": MODEL_NAME}),
            "picture": ("A picture", {"input": PIXEL, "encoding_format": "base64"}),
        },
    )
    part = {"image": "@shoe.jpg", "crop": "[0, 0.5, 1, 0.5]"}
    form = form_body(PictureToEncode, PictureToEncode.structured, {"part": ("The lower half of a picture", part)})
    body["content"] |= form | raw_body()
    return body


def regions_body() -> dict[str, Any]:
    """Return the OpenAPI request body of the call for the things in a picture."""
    shown = {"picture": ("A picture", {"image": "@outfit.jpg"})}
    body = either_body(RegionsRequest, (), {"picture": ("A picture as a data URI", {"image": PIXEL})}, shown)
    body["content"] |= raw_body()
    return body


def tag_body() -> dict[str, Any]:
    """Return the OpenAPI request body of the call for attributes."""
    body = json_body(
        TagRequest,
        {
            "products": ("Products", {"ids": ["10054", "10061"], "min_confidence": 0.9}),
            "picture": ("A picture as a data URI", {"images": [PIXEL], "attributes": ["baseColour"]}),
        },
    )
    form = form_body(TagRequest, TagRequest.structured, {"pictures": ("A picture", {"image": "@shoe.jpg"})})
    schema = form["multipart/form-data"]["schema"]
    del schema["properties"]["images"], schema["oneOf"]
    schema["properties"]["image"] = {"type": "array", "items": FILE_SCHEMA, "maxItems": MAX_TAGGED}
    body["content"] |= form | raw_body()
    return body


def classify_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a classification."""
    picture = {"image": PIXEL, "labels": ["red", "blue"], "templates": ["a {} thing", "{}"]}
    body = either_body(
        ClassifyRequest,
        ClassifyRequest.structured,
        {"picture": ("A picture", picture)},
        {"picture": ("A picture", {"image": "@shoe.jpg", "labels": '["shoes", "bag", "dress"]'})},
    )
    form = body["content"]["multipart/form-data"]["schema"]
    form["oneOf"] = form.pop("anyOf")  # in JSON the other one may be there as null, in a form it may not
    return body


def explain_body() -> dict[str, Any]:
    """Return the OpenAPI request body of an explanation."""
    descriptions = ["Women Red Heels", "Men Blue Shirt"]
    return either_body(
        ExplainRequest,
        ExplainRequest.structured,
        {"picture": ("A picture and two descriptions", {"image": PIXEL, "descriptions": descriptions})},
        {"picture": ("A picture", {"image": "@shoe.jpg", "descriptions": json.dumps(descriptions)})},
    )


def product_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a product."""
    title, attributes = "Catwalk Women Red Heels", {"gender": "Women", "baseColour": "Red"}
    sent = {"title": title, "attributes": attributes, "image": PIXEL}
    return either_body(
        ProductRequest,
        ProductRequest.structured,
        {"product": ("A product with its picture as a data URI", sent)},
        {
            "picture": (
                "A product and its picture",
                {"image": "@shoe.jpg", "title": title, "attributes": json.dumps(attributes)},
            )
        },
    )


def patch_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a change to a product."""
    change = {"attributes": {"price": 19.99, "in_stock": True, "size": ["S", "M"], "sale": None}}
    body = either_body(
        ProductRequest,
        ProductRequest.structured,
        {"change": ("Attributes that are set, and one that goes", change)},
        {"picture": ("A new picture", {"image": "@shoe.jpg"})},
    )
    body["content"]["application/merge-patch+json"] = body["content"]["application/json"]
    return body


def bulk_body() -> dict[str, Any]:
    """Return the OpenAPI request body of a bulk call."""
    lines = [{"id": "10054", "title": "Catwalk Women Red Heels", "image": PIXEL}, {"id": "10061", "delete": True}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    about = "One JSON object a line: " + ", ".join(ProductLine.model_fields)
    return {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"description": about},
                "examples": {"lines": {"summary": "A product to put in, and one to take out", "value": text}},
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "products": {"type": "string", "format": "binary", "description": about},
                        "images": {"type": "array", "items": FILE_SCHEMA},
                    },
                    "required": ["products"],
                },
                "examples": {
                    "files": {
                        "summary": "Lines, and the pictures that they name",
                        "value": {"products": "@products.ndjson", "images": "@shoe.jpg"},
                    }
                },
            },
        },
    }

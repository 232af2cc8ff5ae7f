"""The OpenAPI document: what it says of the calls, and that no request makes the service break it (fuzzing)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.http import create_key
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    DrawnEncoder,
    draw,
    encoded,
    shop_open,
    write_catalogue,
)

# A document cannot say which attributes and products a catalogue has, what they are like now, nor that base64 holds a
# picture: such a request fits the schema and is refused all the same.
# 20 examples are drawn for each call, beside those that cover every bound of its schema. An evaluation is a process of
# its own: half the time of all calls went into 20 of them.
CONFIG = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "304", "404", "409", "412", "413", "422"]

[generation]
max-examples = 20

[[operations]]
include-path-regex = "^/v1/evaluation"
generation.max-examples = 5
"""
# In a form, a list is sent item by item, and an empty one as nothing at all; a field that is left empty counts as not
# sent. What is sent then fits the schema.
HOOKS = """
import schemathesis

@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")

@schemathesis.hook
def filter_case(context, case):
    values = case.body.values() if isinstance(case.body, dict) else ()
    empty = any(value in ([], {}, None) or (isinstance(value, str) and not value.strip()) for value in values)
    return case.media_type != "multipart/form-data" or not empty
"""
SEED = 20250101
PHASES = "examples,coverage,fuzzing"


PARTS = {
    "search": ["--include-path-regex", "^/v1/search(/descriptions)?$"],
    "batch": ["--include-path-regex", "^/v1/search/.*/batch$"],
    "encoding": ["--include-path-regex", "^/v1/(embeddings|classify|explain|regions)$"],
    "others": ["--exclude-path-regex", "^/v1/(search.*|embeddings|classify|explain|regions)$"],
}
"""The calls in parts that processes can test side by side; together they are all calls but `/v1/search/images`.

That one is `/v1/search` under another address.
"""
OPERATIONS = {
    "search": "POST /v1/search",
    "searchByAddress": "GET /v1/search",
    "searchImages": "POST /v1/search/images",
    "searchBatch": "POST /v1/search/images/batch",
    "searchDescriptions": "POST /v1/search/descriptions",
    "searchDescriptionsBatch": "POST /v1/search/descriptions/batch",
    "suggest": "GET /v1/suggest",
    "embed": "POST /v1/embeddings",
    "listModels": "GET /v1/models",
    "getModel": "GET /v1/models/{name}",
    "classify": "POST /v1/classify",
    "tag": "POST /v1/tag",
    "explain": "POST /v1/explain",
    "findRegions": "POST /v1/regions",
    "facets": "GET /v1/facets",
    "labels": "GET /v1/labels",
    "map": "GET /v1/map",
    "evaluate": "GET /v1/evaluation",
    "evaluationProgress": "GET /v1/evaluation/progress",
    "evaluationDetails": "GET /v1/evaluation/details",
    "listProducts": "GET /v1/products",
    "writeProducts": "POST /v1/products",
    "deleteProducts": "DELETE /v1/products",
    "getProduct": "GET /v1/products/{product_id}",
    "putProduct": "PUT /v1/products/{product_id}",
    "patchProduct": "PATCH /v1/products/{product_id}",
    "deleteProduct": "DELETE /v1/products/{product_id}",
    "similar": "GET /v1/products/{product_id}/similar",
    "getImage": "GET /v1/products/{product_id}/image",
    "reload": "POST /v1/admin/reload",
    "health": "GET /healthz",
    "ready": "GET /readyz",
    "metrics": "GET /metrics",
}
"""Names of the calls: clients that are made of the document call their functions so."""


@pytest.mark.parametrize("part", PARTS)
def test_no_request_breaks_what_the_document_promises(tmp_path: Path, part: str) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG, encoding="utf-8")
    (tmp_path / "hooks.py").write_text(HOOKS, encoding="utf-8")
    arguments = [
        "--checks",
        "all",
        "--seed",
        str(SEED),
        "--request-timeout",
        "60",
        "--phases",
        PHASES,
        "--generation-database",
        "none",
        *PARTS[part],
    ]
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "fuzzing", "admin")
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    # With keyed reads, so that what the document says of keys holds for every call.
    with shop_open(folder, keys=keys, reads="keyed") as client:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
                *(f"{client.base_url}/openapi.json", *arguments, "--continue-on-failure"),
                *("--header", f"Authorization: Bearer {secret}"),
            ],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1", "NO_PROXY": "*", "SCHEMATHESIS_HOOKS": "hooks"},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert client.get("/readyz").status_code == 200
    assert run.returncode == 0, f"{run.stdout[-8000:]}{run.stderr[-2000:]}"


def test_every_call_has_a_lasting_name(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    named = [
        (operation["operationId"], f"{method.upper()} {path}")
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]
    assert sorted(named) == sorted(OPERATIONS.items())


def test_the_openapi_document_describes_both_bodies_and_one_error(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for path in (IMAGES, DESCRIPTIONS):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        assert set(content) == {"application/json", "multipart/form-data"}
        assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/SearchRequest"}
        by_json = document["components"]["schemas"]["SearchRequest"]["properties"]
        by_form = content["multipart/form-data"]["schema"]["properties"]
        assert set(by_form) == {*by_json, "image"}
        assert by_json["k"]["maximum"] == 1000
        assert by_json["text"]["description"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            for status, response in operation["responses"].items():
                if status not in ("200", "201", "204", "304"):
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, (path, status)
    schemas = document["components"]["schemas"]
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)


def test_the_examples_of_the_document_work(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for path in (IMAGES, DESCRIPTIONS):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        for example in content["application/json"]["examples"].values():
            assert client.post(path, json=example["value"]).status_code == 200
        for example in content["multipart/form-data"]["examples"].values():
            files: dict[str, Any] = {name: (None, str(value)) for name, value in example["value"].items()}
            files["image"] = ("shoe.png", encoded(draw("red", "shoes")))
            assert client.post(path, files=files).status_code == 200

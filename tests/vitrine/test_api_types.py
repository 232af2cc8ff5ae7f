"""The types of requests and answers, for Python and for TypeScript, are those of the OpenAPI document."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_type_hints

import pytest

from tests.tools import api_types
from tests.tools.root import ROOT
from vitrine import Client
from vitrine.client import answers, options

OTHERWISE = {"metrics", "searchByAddress", "searchImages"}
"""Figures for Prometheus, and what `search` asks by other addresses."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return api_types.document()


@pytest.fixture(scope="module")
def made(document: dict[str, Any]) -> dict[str, str]:
    return api_types.files(document)


def test_the_files_are_those_of_the_document(made: dict[str, str]) -> None:
    for name, content in made.items():
        assert (ROOT / name).read_text(encoding="utf-8") == content, f"{name}: run `python -m tests.tools.api_types`"


def test_every_operation_is_a_method_of_the_client(document: dict[str, Any]) -> None:
    ids = {operation["operationId"] for _, _, operation in api_types.operations(document)}
    methods = {re.sub(r"_(\w)", lambda found: found[1].upper(), name) for name in dir(Client)}
    assert ids - methods == OTHERWISE
    assert methods >= {"writeProducts", "similar", "searchAll"}


def test_every_shape_of_an_answer_resolves() -> None:
    shapes = [one for _, one in inspect.getmembers(answers, inspect.isclass)]
    assert len(shapes) > 30
    for shape in [*shapes, options.SearchOptions]:
        assert get_type_hints(shape)


def test_the_example_in_typescript_sends_json_as_json(document: dict[str, Any]) -> None:
    page = (ROOT / "docs/client.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```ts\n(.*?)```", page, re.DOTALL)
    assert set(document["paths"]["/v1/search"]["post"]["requestBody"]["content"]) >= {"application/json"}
    assert example.count("body: JSON") == example.count('"Content-Type": "application/json"') == 1


def test_typescript_names_nothing_that_it_does_not_declare(made: dict[str, str]) -> None:
    script = re.sub(r"/\*.*?\*/|\"[^\"]*\"", "", made[api_types.TYPESCRIPT], flags=re.DOTALL)
    declared = set(re.findall(r"export interface (\w+)", script))
    used = set(re.findall(r"(?<=[:<|] )[A-Z]\w+|(?<=<)[A-Z]\w+", script))
    assert used - declared <= {"Array", "Record", "Blob", "FormData"}
    assert script.count("{") == script.count("}")
    for block in re.findall(r"\{\n([^{}]*(?:\{[^{}\n]*\}[^{}]*)*)\}", script):
        members = re.findall(r"^\s*(\w+)\??:", block, re.MULTILINE)
        assert len(members) == len(set(members)), block

"""The core dependencies: they are all that is imported, and they serve, index and evaluate without torch."""

from __future__ import annotations

import ast
import csv
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np

from index import Catalogue
from models import load_encoder
from tests.tools.imports import ROOMS, parsed, source_files
from tests.tools.root import ROOT

CHECKPOINT = ROOT / "checkpoints" / "minilm-dinov2"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMPORTED_AS = {
    "pillow": "PIL",
    "faiss-cpu": "faiss",
    "python-json-logger": "pythonjsonlogger",
    "opentelemetry-sdk": "opentelemetry.sdk",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter",
}
"""Names of packages that are imported under another name."""
COMES_WITH = {
    "anyio": "httpx",
    "starlette": "fastapi",
    "pydantic_core": "pydantic",
    "markupsafe": "jinja2",
    "httptools": "uvicorn",
    "opentelemetry": "fastapi",
    "sqlalchemy": "optuna",
}
"""Parts of a dependency's own face that are packages of their own."""
NEEDS_TORCH = {
    f"models.{name}"
    for name in (
        "checkpoint",
        "dual_encoder",
        "onnx_cut",
        "onnx_export",
        "onnx_graph",
        "onnx_quantise",
        "packed_text",
        "torch_backend",
        "towers",
    )
}


def imported_names(dependencies: list[str]) -> set[str]:
    """Return the names under which packages are imported that dependencies ask for."""
    names = {re.split(r"[\[<>=~ ;]", one, maxsplit=1)[0].lower() for one in dependencies}
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names}


CORE = imported_names(PROJECT["dependencies"])
EXTRAS = {
    name: imported_names(dependencies) - CORE - {"vitrine"}
    for name, dependencies in PROJECT["optional-dependencies"].items()
    if name not in ("dev", "docs")
}


def test_every_import_is_declared() -> None:
    declared = CORE.union(*EXTRAS.values(), ROOMS, sys.stdlib_module_names)
    for module, path in source_files().items():
        for node in ast.walk(parsed(path)):
            names: list[str | None] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in names:
                package = str(name).split(".")[0]
                assert COMES_WITH.get(package, package) in declared, f"{module} imports {name}, which nothing declares"


PROGRAM = '''
"""Everything that the core promises, in a process that has no package of an extra."""
import importlib, json, pkgutil, sys
from importlib.abc import MetaPathFinder

HIDDEN, PLACE = set(json.loads(sys.argv[1])), sys.argv[2]


class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in HIDDEN or name.split(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


sys.meta_path.insert(0, Absent())
said = {"failed": {}}
for room in ("models", "index", "app", "vitrine"):
    package = importlib.import_module(room)
    for found in pkgutil.walk_packages(package.__path__, room + "."):
        if not found.name.endswith("__main__"):
            try:
                importlib.import_module(found.name)
            except ModuleNotFoundError as error:
                said["failed"][found.name] = str(error.name).split(".")[0]

import os
from fastapi.testclient import TestClient
from typer.testing import CliRunner
from app import Settings, create_app
from vitrine.cli import cli

os.chdir(PLACE)


def command(*words):
    done = CliRunner().invoke(cli, [*words])
    return {"code": done.exit_code, "out": done.stdout, "error": str(done.exception or "")}


said["index"] = command("index", "products.csv", "--out", "catalogue")
os.environ.update(VITRINE_CATALOGUE="catalogue", VITRINE_CHECKPOINT=sys.argv[3], VITRINE_PORT="0", HF_HUB_OFFLINE="1")
said["doctor"] = command("doctor", "--json")
said["evaluate"] = command("evaluate", "--catalogue", "catalogue", "--split", "all", "--json")
with TestClient(create_app(Settings.read(catalogue="catalogue", checkpoint=sys.argv[3])), "http://localhost") as client:
    answer = client.post("/v1/search/images", json={"text": "red ball", "k": 3})
    said["search"] = {"code": answer.status_code, "first": answer.json()["results"][0]["title"]}
for words in ("train tiny products.csv", "pack x --out y", "export x", "demo --folder d", "sweep tiny products.csv",
              "compare tiny --data products.csv", "calibrate --catalogue catalogue --plot p.png",
              "index products.csv --ray local", "index shard.parquet --out other", "index products.csv --device cuda"):
    said[words] = command(*words.split())
json.dump(said, open("said.json", "w"))
'''


def test_without_any_extra_a_catalogue_is_indexed_evaluated_and_served(shapes: Path, tmp_path: Path) -> None:
    with shapes.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:20]
    with (tmp_path / "products.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        (tmp_path / row["image"]).write_bytes((shapes.parent / row["image"]).read_bytes())
    (tmp_path / "shard.parquet").write_bytes(b"PAR1 and more")
    hidden = sorted(set().union(*EXTRAS.values()))
    assert {"torch", "torchvision", "transformers", "onnx", "matplotlib", "pyarrow", "ray"} <= set(hidden)
    subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(hidden), str(tmp_path), str(CHECKPOINT)], cwd=ROOT, check=True
    )
    said = json.loads((tmp_path / "said.json").read_text())
    may_fail = set().union(*(names for extra, names in EXTRAS.items() if extra not in ("train", "parquet")))
    failed = {name for name, missing in said["failed"].items() if missing not in may_fail}
    assert failed == NEEDS_TORCH
    assert said["index"]["code"] == said["evaluate"]["code"] == 0, said
    assert said["search"] == {"code": 200, "first": said["search"]["first"]}
    assert json.loads(said["evaluate"]["out"])
    looked = {one["check"]: one for one in json.loads(said["doctor"]["out"])["findings"]}
    assert "not needed: onnxruntime encodes" in looked["torch"]["found"]
    assert not [one for one in looked.values() if one["state"] == "problem"]
    needed = {
        "train tiny products.csv": "needs torch, which is not installed; run pip install 'vitrine[train]'",
        "pack x --out y": "vitrine pack needs torch",
        "export x": "vitrine export needs torch",
        "demo --folder d": "the demo needs torch",
        "sweep tiny products.csv": "vitrine sweep needs torch",
        "compare tiny --data products.csv": "vitrine compare needs torch",
        "calibrate --catalogue catalogue --plot p.png": "--plot needs matplotlib",
        "index products.csv --ray local": "--ray needs ray",
        "index shard.parquet --out other": "shard.parquet, a parquet file, needs pyarrow",
        "index products.csv --device cuda": "the device 'cuda' needs torch",
    }
    for words, wanted in needed.items():
        assert said[words]["code"] != 0
        assert wanted in said[words]["error"], said[words]
    # The same vectors as in an environment that has everything.
    with Catalogue.open(tmp_path / "catalogue") as opened:
        snapshot = opened.snapshot()
        titles = [product.title for product in snapshot.products]
        assert np.array_equal(snapshot.text_vectors, load_encoder(CHECKPOINT, "cpu").encode_text(titles))

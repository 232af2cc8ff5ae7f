"""The names of libraries that we use although they are not public: each is tested, since an upgrade may remove it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.tools.imports import source_files

DOCUMENTED = {"_replace"}
"""Names with an underscore that are public: those of Python's named tuples."""
SOURCES = {name: path.read_text(encoding="utf-8") for name, path in source_files().items()}


@dataclass(frozen=True)
class PrivateName:
    """A name that its library may remove in any release."""

    name: str
    """As it is written in our source, or the part of it that is found there."""
    library: str
    there: Callable[[Any], bool]
    """Whether the library, imported, still has it."""
    instead: str
    """What to do when it is gone."""


def _multiprocess(uvicorn: Any) -> bool:
    from uvicorn.supervisors import multiprocess

    steps = ("init_processes", "handle_signals", "handle_hup", "keep_subprocess_alive")
    workers = "self.processes" in inspect.getsource(multiprocess.Multiprocess)
    pipes = "self.child_conn" in inspect.getsource(multiprocess.Process)
    return workers and pipes and all(callable(getattr(multiprocess.Multiprocess, step, None)) for step in steps)


def _executor_threads(ray: Any) -> bool:
    from ray.data._internal.execution import streaming_executor

    source = inspect.getsource(streaming_executor)
    stops = inspect.signature(streaming_executor.StreamingExecutor.shutdown).parameters
    return "StreamingExecutor-" in source and "force" in stops


def _fetching_threads(ray: Any) -> bool:
    from ray.data._internal.block_batching import util

    return 'name="iter_threaded"' in inspect.getsource(util)


def _trial(optuna: Any) -> bool:
    study = optuna.create_study()
    study.ask()
    return isinstance(study.get_trials(deepcopy=False)[0]._trial_id, int)


def _protocol(uvicorn: Any) -> bool:
    from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

    ours = {"on_message_begin", "on_header", "on_headers_complete", "on_body", "on_message_complete"}
    ours |= {"on_response_complete", "_unset_keepalive_if_required", "pause_writing", "resume_writing"}
    names = set(HttpToolsProtocol.__init__.__code__.co_names)
    return ours <= vars(HttpToolsProtocol).keys() and {"cycle", "pipeline", "headers"} <= names and bool(STATUS_LINE)


def _spool(starlette: Any) -> bool:
    from starlette.formparsers import MultiPartException, MultiPartParser

    return hasattr(MultiPartParser, "spool_max_size") and MultiPartException("why").message == "why"


def _parts(starlette: Any) -> bool:
    from starlette.formparsers import MultiPartParser

    source = inspect.getsource(MultiPartParser)
    kept = ("self._current_part.content_disposition", "self._current_part.item_headers", "self._charset")
    return all(name in source for name in kept) and callable(MultiPartParser.on_headers_finished)


def _kept_file(onnxruntime: Any) -> bool:
    return "self._model_bytes = path_or_bytes" in inspect.getsource(onnxruntime.InferenceSession)


def _skipped_fusion(onnxruntime: Any) -> bool:
    return "disabled_optimizers" in inspect.getsource(onnxruntime.InferenceSession)


NAMES = [
    PrivateName(
        "_is_avx512_bf16_supported",
        "torch",
        lambda torch: isinstance(torch.cpu._is_avx512_bf16_supported(), bool),
        "look for the flag avx512_bf16 in /proc/cpuinfo, or take bfloat16 where a small product is faster in it",
    ),
    PrivateName(
        "_cdata",
        "torch",
        lambda torch: (one := torch.ones(2)).untyped_storage()._cdata == one[1:].untyped_storage()._cdata,
        "look for another number that two tensors on one storage share, also fake ones, which have no address",
    ),
    PrivateName(
        "_supports_sdpa",
        "transformers",
        lambda transformers: hasattr(transformers.PreTrainedModel, "_supports_sdpa"),
        "call set_attn_implementation('eager') and let towers without attention refuse it",
    ),
    PrivateName(
        "_trial_id",
        "optuna",
        _trial,
        "find the trial by its number in study.get_trials()",
    ),
    PrivateName(
        "StreamingExecutor-",
        "ray",
        _executor_threads,
        "find out how Ray Data names the thread that runs a stopped pipeline, or whether it stops by itself now",
    ),
    PrivateName(
        "iter_threaded",
        "ray",
        _fetching_threads,
        "find out how Ray Data names the threads that fetch batches, or whether closing their generator waits for them",
    ),
    PrivateName(
        "Multiprocess",
        "uvicorn",
        _multiprocess,
        "adapt the supervisor of workers to uvicorn's new one; tests/app/test_workers.py says what it must do",
    ),
    PrivateName("spool_max_size", "starlette", _spool, "find another way to keep an upload in memory"),
    PrivateName("_current_part", "starlette", _parts, "find another way to see the headers of a form's part"),
    PrivateName("_charset", "starlette", _parts, "find another way to see in which charset a form's names are"),
    PrivateName(
        "swig_ptr", "faiss", lambda faiss: callable(faiss.swig_ptr), "give the arrays to FAISS's Python functions"
    ),
    PrivateName(
        "knn_inner_products_by_idx",
        "faiss",
        lambda faiss: hasattr(faiss, "knn_inner_products_by_idx"),
        "take a product with the rows that pass the filter",
    ),
    PrivateName(
        "_unset_keepalive_if_required",
        "uvicorn",
        _protocol,
        "see how uvicorn's HttpToolsProtocol receives data now, and bound heads and connections there",
    ),
    PrivateName(
        "_model_bytes",
        "onnxruntime",
        _kept_file,
        "see whether a session still keeps the bytes that it was made of, 51 MB of the shipped checkpoint",
    ),
    PrivateName(
        "disabled_optimizers",
        "onnxruntime",
        _skipped_fusion,
        "see whether the fusions of a sum with what is behind it are still slow (DECISIONS.md), and how it is left out",
    ),
]


@pytest.mark.parametrize("private", NAMES, ids=lambda private: private.name)
def test_a_name_that_an_upgrade_may_remove_is_there(private: PrivateName) -> None:
    users = [module for module, source in SOURCES.items() if private.name in source]
    assert users, f"nothing uses {private.name} any more: take its row out of NAMES"
    library = pytest.importorskip(private.library)
    try:
        there = private.there(library)
    except (AttributeError, ImportError, TypeError):
        there = False
    version = getattr(library, "__version__", "?")
    assert there, f"{private.library} {version} has no {private.name} as {', '.join(users)} need it: {private.instead}"


def test_every_private_attribute_of_a_library_is_listed() -> None:
    """A private name that none of our modules defines belongs to a library."""
    used: dict[str, str] = {}
    ours: set[str] = set()
    for module, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                used.setdefault(node.attr, module)
            elif isinstance(node, ast.Attribute):
                ours.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                ours.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                ours.add(node.id)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr"):
                used.setdefault(str(getattr(node.args[1], "value", "")), module)
    private = {
        name: module for name, module in used.items() if re.match(r"_[^_]", name) and name not in ours | DOCUMENTED
    }
    assert private.keys() <= {row.name for row in NAMES}, private

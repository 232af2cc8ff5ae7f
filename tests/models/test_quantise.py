"""Int8 that keeps a tower's vectors: large channels, matrices that stay in float32, factors behind a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from models.onnx_backend import session
from models.onnx_cut import cut
from models.onnx_parts import filled
from models.onnx_quantise import MOST_KEPT, fold_scales, matrices, quantise, smooth, spoilt
from models.packing import WeightsFile

IN, OUT, LARGE = 64, 48, 7
RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(0, 1, (OUT, IN)).astype(np.float32)
PROBES = [RNG.normal(0, 1, (1, 9, IN)).astype(np.float32) for _ in range(3)]
for one in PROBES:
    one[0, 0, LARGE] = 60  # one row has a channel that is far larger than all others


def graph(*, factors: np.ndarray | None = None) -> bytes:
    """Return a tower of one matrix, a bias and, with `factors`, a product behind it."""
    constants = {"weight": np.ascontiguousarray(WEIGHT.T), "bias": np.linspace(-1, 1, OUT, dtype=np.float32)}
    nodes = [
        helper.make_node("MatMul", ["input", "weight"], ["product"], "matrix"),
        helper.make_node("Add", ["product", "bias"], ["features" if factors is None else "added"], "add"),
    ]
    if factors is not None:
        constants["factors"] = factors
        nodes.append(helper.make_node("Mul", ["added", "factors"], ["features"], "scale"))
    made = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, "rows", IN])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, "rows", OUT])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model: bytes = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    ).SerializeToString()
    return model


def results(model: bytes) -> np.ndarray:
    """Return what a tower makes of the rows without the large channel, where int8 has few steps left."""
    tower = session(model)
    return np.concatenate([tower.run(None, {"input": probe})[0][0, 1:] for probe in PROBES])


def off(model: bytes) -> float:
    exact = results(graph())
    return float(np.linalg.norm(results(model) - exact) / np.linalg.norm(exact))


def test_a_large_channel_costs_the_others_no_steps() -> None:
    smoothed, found = smooth(graph(), "input", PROBES)
    assert off(smoothed) < 1e-6  # as long as nothing is rounded, it is the same tower
    assert len(found) == 1
    assert found[0].argmax() == LARGE
    assert off(quantise(smoothed)) < 0.6 * off(quantise(graph()))


def test_a_matrix_without_large_channels_stays_as_it_is() -> None:
    even = [probe.clip(-2, 2) for probe in PROBES]
    smoothed, found = smooth(graph(), "input", even)
    assert found == []
    assert smoothed == graph()


def test_smoothed_weights_are_stored_once(tmp_path: Path) -> None:
    save_file({"layer.weight": WEIGHT}, tmp_path / "model.safetensors")
    weights = WeightsFile(tmp_path / "model.safetensors")
    smoothed, found = smooth(graph(), "input", PROBES)
    whole = quantise(smoothed)
    bare, parts = cut(whole, weights, found)
    assert len(bare) < len(whole) - WEIGHT.size / 2
    assert [part.names[0].split("*")[0] for part in parts] == ["layer.weight"]
    assert filled(bare, parts, weights) == whole
    parts[0] = type(parts[0])(parts[0].at, parts[0].form, (f"layer.weight*{IN}:1",))
    with pytest.raises(ValueError, match="names a channel"):
        filled(bare, parts, weights)


@pytest.mark.parametrize("bad", [set(), {0}, {9}, {3, 7}])
def test_matrices_that_spoil_a_tower_are_found(bad: set[int]) -> None:
    names = [f"matrix {number}" for number in range(10)]
    wanted = {names[number] for number in bad}

    def close(kept: Sequence[str]) -> bool:
        return wanted <= set(kept)

    assert set(spoilt(names, close) or ()) == wanted


def test_a_tower_that_int8_spoils_everywhere_is_given_up() -> None:
    tried: list[int] = []

    def close(kept: Sequence[str]) -> bool:
        tried.append(len(kept))
        return len(kept) > MOST_KEPT

    assert spoilt([str(number) for number in range(40)], close) is None
    assert len(tried) < 40


def test_factors_behind_a_matrix_become_part_of_its_scales() -> None:
    factors = RNG.normal(0, 1, OUT).astype(np.float32)  # some are negative
    plain = quantise(graph(factors=factors))
    folded = fold_scales(plain)
    assert np.allclose(results(folded), results(plain), rtol=1e-5, atol=1e-5)
    before, after = (len(onnx.load_from_string(model).graph.node) for model in (plain, folded))
    assert after == before - 1
    assert matrices(graph(factors=factors)) == ["matrix"]
    assert matrices(folded) == []

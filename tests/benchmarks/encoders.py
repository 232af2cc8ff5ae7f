"""How long the towers take in each form that a CPU can run them in, and how close each form stays to float32.

    python -m tests.benchmarks.encoders CHECKPOINT --data PATH --out docs/performance/encoders.json

Titles and pictures are those of the data set's validation split. The forms take turns, for several rounds, alone and
beside a process that holds a core; a figure is the median over rounds of each round's median, in milliseconds.
OpenVINO's forms are measured where `openvino` and `nncf` are installed.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from models import TOWERS, TowerName
from tests.benchmarks.performance import machine, machine_line, table

ROUNDS = 3
SECONDS = 0.6
"""A round's figure is the median of what fits into this time, but at least three calls."""
TEXTS, PICTURES = 32, 16
"""Inputs that are encoded together."""
ALTERNATING = 32
"""Single inputs that take turns, of different lengths."""
SAMPLE = 256
"""Titles and pictures on which a form is compared with float32."""
OURS = "onnxruntime int8, one a call"
BASE = "torch float32"

Encode = Callable[[list[np.ndarray]], np.ndarray]
"""From single inputs, token ids (1, T) or pixels (1, H, W, 3), to unit rows (B, D)."""


def measure(folder: Path, data: Path, *, seconds: float = SECONDS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return the figures of every form of both towers, as JSON data."""
    titles, pixels, text = _inputs(folder, data)
    result: dict[str, Any] = {"machine": machine("onnx", "openvino", "nncf"), "towers": {}}
    for tower in TOWERS:
        inputs, many = (titles, TEXTS) if tower == "text" else (pixels, PICTURES)
        forms = _forms(folder, tower, inputs, text)
        exact = forms[BASE](inputs[:SAMPLE])
        found: dict[str, Any] = {}
        for name, encode in forms.items():
            rows = encode(inputs[:SAMPLE])
            cosines = (rows * exact).sum(axis=1)
            found[name] = {"cosine": round(float(cosines.mean()), 5), "least": round(float(cosines.min()), 5)}
        for neighbour in (False, True):
            timings: dict[str, list[tuple[float, float]]] = {name: [] for name in forms}
            stop = _busy() if neighbour else None
            try:
                for _ in range(rounds):
                    for name, encode in forms.items():
                        one = _time(lambda call: encode([inputs[call % ALTERNATING]]), seconds)  # noqa: B023
                        together = _time(lambda _: encode(inputs[:many]), seconds)  # noqa: B023
                        timings[name].append((one, together))
            finally:
                if stop is not None:
                    stop()
            suffix = " beside a busy neighbour" if neighbour else ""
            for name, pairs in timings.items():
                found[name][f"one{suffix}"] = round(statistics.median(one for one, _ in pairs), 3)
                found[name][f"many{suffix}"] = round(statistics.median(many_ for _, many_ in pairs), 3)
        result["towers"][tower] = {"many": many, "forms": found}
    return result


def _inputs(folder: Path, data: Path) -> tuple[list[np.ndarray], list[np.ndarray], Any]:
    """Return token ids (1, T) of distinct titles, pixels (1, H, W, 3) of pictures, and the tokenizer."""
    from index import SplitRule
    from models import TextPreprocessor, read_config, read_pixels
    from training.data import decode_pictures, open_dataset

    config, training, _ = read_config(folder)
    text = TextPreprocessor.load(folder, config.text.max_tokens)
    dataset = open_dataset(data)
    rule = SplitRule(**training["split"])
    items = [item for item in dataset.items if rule.of(item.title) == "validation"]
    order = np.random.default_rng(0).permutation(len(items))[: 2 * SAMPLE].tolist()
    dataset.items[:] = [items[row] for row in order]
    titles = list(dict.fromkeys(item.title for item in dataset.items))[:SAMPLE]
    size = config.image.preprocess.size
    pictures = [pixels[None] for _, _, pixels in decode_pictures(dataset, lambda data: read_pixels(data, size))][
        :SAMPLE
    ]
    return [text([title]) for title in titles], pictures, text


def _forms(folder: Path, tower: TowerName, inputs: list[np.ndarray], text: Any) -> dict[str, Encode]:
    """Return the forms of a tower by name; made here, from the checkpoint's own weights."""
    import onnxruntime
    import torch

    from models import OnnxBackend, load_checkpoint
    from models.onnx_export import export_tower, quiet
    from models.onnx_quantise import quantise

    checkpoint = load_checkpoint(folder)
    work = Path(tempfile.mkdtemp())
    forms: dict[str, Encode] = {}

    def stacked(parts: list[np.ndarray]) -> np.ndarray:
        if tower == "image":
            return np.concatenate(parts)
        width = max(part.shape[1] for part in parts)
        return np.concatenate(
            [np.pad(p, ((0, 0), (0, width - p.shape[1])), constant_values=text.pad_id) for p in parts]
        )

    # With masks, since these forms take padded batches.
    plain = export_tower(copy.deepcopy(checkpoint.model), tower, stacked(inputs[:4]), "eager")
    (work / f"{tower}.onnx").write_bytes(plain)

    def torch_form(dtype: Any, compiled: bool) -> Encode:
        model = copy.deepcopy(checkpoint.model).eval()
        getattr(model, f"{tower}_tower").to(dtype)
        call: Any = torch.compile(model, dynamic=True) if compiled else model

        def encode(parts: list[np.ndarray]) -> np.ndarray:
            with torch.inference_mode():
                rows = call(**{tower: torch.from_numpy(stacked(parts))})[f"{tower}_features"]
                return np.asarray(rows.float().numpy())

        return encode

    def onnx_form(model: bytes) -> Encode:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name

        def encode(parts: list[np.ndarray]) -> np.ndarray:
            return np.asarray(session.run(None, {name: stacked(parts)})[0])

        return encode

    def static() -> bytes:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

        class Reader(CalibrationDataReader):  # type: ignore[misc]
            def __init__(self) -> None:
                self.left = iter(inputs[:64])

            def get_next(self) -> Any:
                one = next(self.left, None)
                return None if one is None else {"input": one}

        quantize_static(
            work / f"{tower}.onnx",
            work / f"{tower}-static.onnx",
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        return (work / f"{tower}-static.onnx").read_bytes()

    forms[BASE] = torch_form(torch.float32, False)
    forms["torch bfloat16"] = torch_form(torch.bfloat16, False)
    if shutil.which("c++"):  # which the compiler of torch needs
        forms["torch bfloat16, compiled"] = torch_form(torch.bfloat16, True)
    forms["onnxruntime float32"] = onnx_form(plain)
    with quiet():
        forms["onnxruntime int8, static"] = onnx_form(static())
        forms["onnxruntime int8, dynamic"] = onnx_form(quantise(plain))
    towers = OnnxBackend(folder, checkpoint.encoder_id, text.pad_id)
    ours = towers.encode_ids if tower == "text" else towers.encode_pixels
    forms[OURS] = lambda parts: ours(stacked(parts))
    forms.update(_openvino(work / f"{tower}.onnx", inputs, stacked))
    return forms


def _openvino(plain: Path, inputs: list[np.ndarray], stacked: Callable[..., np.ndarray]) -> dict[str, Encode]:
    try:
        import nncf
        import openvino
    except ImportError:
        return {}

    core = openvino.Core()
    model = core.read_model(plain)
    calibrated = nncf.quantize(
        core.read_model(plain), nncf.Dataset(inputs[:128]), model_type=nncf.ModelType.TRANSFORMER
    )
    forms: dict[str, Encode] = {}
    for name, made, precision in (
        ("OpenVINO float32", model, "f32"),
        ("OpenVINO bfloat16", model, "bf16"),
        ("OpenVINO int8, calibrated", calibrated, "f32"),
    ):
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        request = core.compile_model(made, "CPU", settings).create_infer_request()

        def encode(parts: list[np.ndarray], request: Any = request) -> np.ndarray:
            return np.array(request.infer({0: stacked(parts)})[0])

        forms[name] = encode
    return forms


def _time(call: Callable[[int], object], seconds: float) -> float:
    """Return milliseconds per call; it is told its number."""
    call(0)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken) < 3:
        start = time.perf_counter()
        call(len(taken))
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)


def _busy() -> Callable[[], None]:
    """Keep a core busy until what is returned is called."""
    process = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    process.start()
    time.sleep(1)  # until it spins

    def stop() -> None:
        process.kill()
        process.join()

    return stop


def _spin() -> None:
    while True:
        pass


def markdown(result: dict[str, Any]) -> str:
    """Return the section of docs/performance.md."""
    parts = ["## The towers on a CPU", machine_line(result["machine"])]
    for tower, found in result["towers"].items():
        forms, many = found["forms"], found["many"]
        base = forms[BASE]
        what = "text" if tower == "text" else "picture"
        rows = []
        for name, form in forms.items():
            label = f"**{name}** (ours)" if name == OURS else name
            busy = " beside a busy neighbour"
            rows.append(
                [
                    label,
                    *(f"{form[key]:.3g} ms (×{base[key] / form[key]:.1f})" for key in ("one", "many")),
                    *(f"×{form[key + busy] / form[key]:.1f}" for key in ("one", "many")),
                    f"{form['cosine']:.4f}",
                ]
            )
        head = [f"{tower} tower", f"one {what}", f"{many} {what}s", "one, busy neighbour", f"{many}, busy neighbour"]
        parts.append(table([*head, "cosine to float32"], rows))
    text, image = (result["towers"][tower]["forms"] for tower in ("text", "image"))
    parts.append(
        "Goal: a text in 1/8 of torch float32's time, a picture in 1/3. Reached: a text alone "
        f"{_gain(text, 'one')}, in a batch {_gain(text, 'many')}; a picture alone {_gain(image, 'one')}, in a batch "
        f"{_gain(image, 'many')}. The columns of the busy neighbour are the time beside a process that occupies a "
        "core, divided by the time without it. What int8 costs in retrieval is in results.md."
    )
    return "\n\n".join(parts)


def _gain(forms: dict[str, Any], key: str) -> str:
    return f"×{forms[BASE][key] / forms[OURS][key]:.1f}"


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    figures = measure(arguments.checkpoint, arguments.data, seconds=arguments.seconds, rounds=arguments.rounds)
    write_json(arguments.out, figures)
    print(markdown(figures))  # noqa: T201

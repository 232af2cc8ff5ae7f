"""Everything that needs a GPU, in one command within a time limit, for the day when one is at hand.

    python -m tests.benchmarks.gpu_day --packs artefacts/packs --out artefacts/gpu --minutes 9

The parts, in this order: `main` trains the shipped model's recipe, `speed` times its steps at 112 and 224 px,
`encoders` times both towers, `families` trains the source paper's families with the time that is left. Each is a
process of its own, so that a part that fails or takes too long ends alone. Each writes its results at once into the
folder; `parts.json` says what became of every part. With `--limit` all of it is a rehearsal in small.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import VitrineError, write_json
from tests.tools.root import ROOT
from training.config_files import config_names
from training.gpu import FAMILIES, check_packs, starting_checkpoint

SHARES = {"main": 0.72, "speed": 0.13, "encoders": 0.07, "families": 1.0}
"""Part -> the most that it may take of the whole time; none takes more than is left."""
LOADING = 48.0
"""Seconds of `main` beside its steps: data, compilation, the last validations (20 on an H200 before; twice is safe)."""

REHEARSED = {"speed": (8, 2), "families": (64, None)}
"""Part -> products and batch in a rehearsal, of those that would take minutes on a CPU."""
SUMMARY = "parts.json"


def run_parts(
    packs: Path,
    out: Path,
    *,
    minutes: float,
    parts: Sequence[str] = tuple(SHARES),
    batch: int | None = None,
    recipe: Path | None = None,
    steps: int | None = None,
    limit: int | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Run the parts one after another, and return what became of each; it is also in `out`/parts.json.

    Args:
        packs: the folder that `python -m training.gpu pack` wrote.
        out: the folder for all results.
        minutes: the time of all parts together.
        parts: which of them.
        batch: pairs in a step instead of the recipe's.
        recipe: a JSON file with fields that differ from the default recipe.
        steps: steps of training and of each measurement of speed, for a rehearsal.
        limit: products, for a rehearsal; the families are then the small ones.
        device: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        ArtefactError: a pack is missing, too large or damaged; nothing has run.
    """
    for name, size in check_packs(packs).items():
        _say(f"{name}: {size:,} bytes")
    began = time.monotonic()
    found: dict[str, Any] = {"minutes": minutes, "parts": {}}
    with tempfile.TemporaryDirectory() as folder:
        starting_checkpoint(packs, Path(folder))
        for name in parts:
            left = 60 * minutes - (time.monotonic() - began)
            limit_s = min(60 * minutes * SHARES[name], left)
            if limit_s < 1:
                found["parts"][name] = {"state": "no time was left"}
            else:
                _say(f"== {name}: at most {limit_s:.0f} of {left:.0f} s")
                command = _command(
                    name, packs, out, Path(folder), limit_s, batch=batch, recipe=recipe, steps=steps, limit=limit
                )
                found["parts"][name] = _run([*command, "--device", device], limit_s)
            _say(f"== {name}: {found['parts'][name]['state']}")
            write_json(out / SUMMARY, found)
    return found


def _command(
    name: str,
    packs: Path,
    out: Path,
    checkpoint: Path,
    seconds: float,
    *,
    batch: int | None,
    recipe: Path | None,
    steps: int | None,
    limit: int | None,
) -> list[str]:
    """Return the command of a part that has `seconds`, without its device."""
    if limit is not None:
        least, small_batch = REHEARSED.get(name, (limit, batch))
        limit, batch = min(limit, least), small_batch
    small = [] if limit is None else ["--limit", str(limit)]
    if name == "encoders":
        times = [] if limit is None else ["--seconds", "0.1", "--sizes", "1", "8"]
        return _module("tests.benchmarks.gpu", str(checkpoint), "--out", str(out / "encoders.json"), *times)
    of_packs = ["--packs", str(packs), *small]
    if name == "families":
        # What a part writes at its end must be written before its process is ended.
        kept = ["--out", str(out / "families.json"), "--seconds", str(0.95 * seconds)]
        names = FAMILIES if limit is None else [one for one in config_names() if one.startswith("paper-small-")]
        return _module("training.gpu", "families", *of_packs, *kept, *(f"--config={one}" for one in names))
    of_packs += [] if batch is None else ["--batch", str(batch)]
    of_packs += [] if recipe is None else ["--recipe", str(recipe)]
    of_packs += [] if steps is None else ["--steps", str(steps)]
    if name == "speed":
        kept = ["--out", str(out / "speed.json"), "--seconds", str(0.8 * seconds)]
        return _module("training.gpu", "speed", *of_packs, *kept)
    training = max(seconds - LOADING, seconds / 2)
    return _module("training.gpu", "run", *of_packs, "--out", str(out / "main"), "--seconds", str(training))


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _run(command: list[str], seconds: float) -> dict[str, Any]:
    """Run a command for at most `seconds`, its output among ours, and return what became of it."""
    began = time.monotonic()
    # A group of its own: compiling starts processes that must end with it.
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True) as process:
        try:
            code = process.wait(seconds)
            state = "done" if code == 0 else f"failed with exit code {code}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            state = "ended by the limit; what it had written stays"
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return {"state": state, "seconds": round(time.monotonic() - began, 1), "limit": round(seconds, 1)}


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says, and return the exit code: 0 if every part was done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packs", type=Path, required=True, help="folder of the packs")
    parser.add_argument("--out", type=Path, required=True, help="folder for all results")
    parser.add_argument("--minutes", type=float, default=9.0, help="time of all parts together [default: %(default)g]")
    parser.add_argument("--parts", nargs="+", choices=SHARES, default=tuple(SHARES), help="which parts [default: all]")
    parser.add_argument("--batch", type=int, help="pairs in a step instead of the recipe's")
    parser.add_argument("--recipe", type=Path, help="JSON file with fields that differ from the default recipe")
    parser.add_argument("--steps", type=int, help="take this many, for a rehearsal")
    parser.add_argument("--limit", type=int, help="take only this many products, for a rehearsal")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    given = parser.parse_args(arguments)
    # The parts run in the folder of the repository.
    packs, out, recipe = (path and path.resolve() for path in (given.packs, given.out, given.recipe))
    try:
        found = run_parts(
            packs,
            out,
            minutes=given.minutes,
            parts=given.parts,
            batch=given.batch,
            recipe=recipe,
            steps=given.steps,
            limit=given.limit,
            device=given.device,
        )
    except VitrineError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return int(any(part["state"] != "done" for part in found["parts"].values()))


if __name__ == "__main__":
    sys.exit(main())

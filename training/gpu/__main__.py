"""The commands: `python -m training.gpu pack | run | unpack`. Knows no step."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from common import VitrineError
from training.gpu import Recipe, join_parts, train_packs
from training.gpu.packs import check_packs


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.gpu", description="Train on one GPU, in minutes.")
    commands = parser.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack", help="write the two files that a run needs")
    pack.add_argument("--data", type=Path, required=True, help="the data set")
    pack.add_argument("--text-tower", help="local folder or hub id instead of the preset's")
    pack.add_argument("--image-tower", help="local folder or hub id instead of the preset's")
    pack.add_argument("--out", type=Path, required=True, help="folder for the packs")
    run = commands.add_parser("run", help="train; needs nothing but the packs")
    run.add_argument("--packs", type=Path, required=True, help="folder of the packs")
    run.add_argument("--out", type=Path, required=True, help="folder for the log and the parts of the checkpoint")
    run.add_argument("--seconds", type=float, default=335.0, help="the run's time; the rates follow it")
    run.add_argument("--steps", type=int, help="end after this many, for a rehearsal")
    run.add_argument("--limit", type=int, help="take only this many products, for a rehearsal")
    run.add_argument("--batch", type=int, default=Recipe().batch_size, help="pairs in a step")
    run.add_argument("--device", default="auto", help="auto, cpu or cuda")
    unpack = commands.add_parser("unpack", help="join the parts into a checkpoint folder")
    unpack.add_argument("--parts", type=Path, required=True, help="folder that `run` wrote")
    unpack.add_argument("--out", type=Path, required=True, help="the new checkpoint folder")
    given = parser.parse_args(arguments)
    try:
        if given.command == "pack":
            from training.gpu import write_packs  # needs packages that a machine for `run` may lack

            sizes = write_packs(given.data, given.out, text_tower=given.text_tower, image_tower=given.image_tower)
            _say_sizes(sizes)
        elif given.command == "run":
            _say_sizes(check_packs(given.packs))
            began = time.monotonic()
            train_packs(
                given.packs,
                given.out,
                Recipe(batch_size=given.batch),
                seconds=given.seconds,
                steps=given.steps,
                limit=given.limit,
                device=given.device,
                say=lambda line: _say(f"[{time.monotonic() - began:6.1f} s] {line}"),
            )
        else:
            _say(f"{given.out}: encoder {join_parts(given.parts, given.out)}")
    except VitrineError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _say_sizes(sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        _say(f"{name}: {size:,} bytes")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

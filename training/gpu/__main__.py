"""The commands: `python -m training.gpu pack | run | speed | families | unpack`. Knows no step."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from pydantic import ValidationError

from common import ConfigError, VitrineError
from training.gpu import Recipe, check_packs, join_parts


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        _check_numbers(given)
        if given.command == "pack":
            # Each of these needs packages that the machine of another may lack.
            from training.gpu import write_packs

            towers = {"text_tower": given.text_tower, "image_tower": given.image_tower, "init": given.init}
            _say_sizes(write_packs(given.data, given.out, **towers))
        elif given.command == "unpack":
            _say(f"{given.out}: encoder {join_parts(given.parts, given.out)}")
        else:
            _say_sizes(check_packs(given.packs))
            _work(given)
    except VitrineError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def read_recipe(path: Path | None, batch: int | None = None) -> Recipe:
    """Return the recipe of a JSON file, by default that of the shipped model, with another `batch` if it is given.

    Raises:
        ConfigError: no such file, no JSON, or a field that is unknown or out of bounds.
    """
    fields = {}
    try:
        if path is not None:
            fields = json.loads(path.read_text(encoding="utf-8"))
        return Recipe.model_validate({**fields, **({} if batch is None else {"batch_size": batch})})
    except (OSError, ValueError, TypeError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else []
        found = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems) or str(error)
        raise ConfigError(
            f"{path or 'the recipe'} cannot be used ({found}); its fields are {', '.join(Recipe.model_fields)}"
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.gpu", description="Train on one GPU, in minutes.")
    commands = parser.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack", help="write the two files that a run needs")
    pack.add_argument("--data", type=Path, required=True, help="the data set")
    pack.add_argument("--text-tower", help="local folder or hub id instead of the preset's")
    pack.add_argument("--image-tower", help="local folder or hub id instead of the preset's")
    pack.add_argument("--init", type=Path, help="checkpoint folder to go on from, instead of pretrained towers")
    pack.add_argument("--out", type=Path, required=True, help="folder for the packs")
    run = commands.add_parser("run", help="train; needs nothing but the packs")
    speed = commands.add_parser("speed", help="time steps at 112 and 224 px")
    families = commands.add_parser("families", help="train the source paper's families from random weights")
    for command, out, seconds in (
        (run, "folder for the log and the parts of the checkpoint", 335.0),
        (speed, "JSON file of the figures", 120.0),
        (families, "JSON file of the comparison", 600.0),
    ):
        command.add_argument("--packs", type=Path, required=True, help="folder of the packs")
        command.add_argument("--out", type=Path, required=True, help=out)
        command.add_argument("--seconds", type=float, default=seconds, help="its time [default: %(default)s]")
        command.add_argument("--limit", type=int, help="take only this many products, for a rehearsal")
        command.add_argument("--device", default="auto", help="auto, cpu or cuda")
    for command in (run, speed):
        command.add_argument("--steps", type=int, help="take this many, for a rehearsal")
        command.add_argument("--batch", type=int, help="pairs in a step instead of the recipe's")
        command.add_argument("--recipe", type=Path, help="JSON file with fields that differ from the default recipe")
    families.add_argument("--config", action="append", help="name of a config; may be repeated [default: the paper's]")
    unpack = commands.add_parser("unpack", help="join the parts into a checkpoint folder")
    unpack.add_argument("--parts", type=Path, required=True, help="folder that `run` wrote")
    unpack.add_argument("--out", type=Path, required=True, help="the new checkpoint folder")
    return parser


def _check_numbers(given: argparse.Namespace) -> None:
    """Refuse a time or a count that leaves nothing to do."""
    for name in ("seconds", "limit", "steps", "batch"):
        value = getattr(given, name, None)
        if value is not None and not value > 0:
            raise ConfigError(f"--{name} is {value}; give a number above 0")


def _work(given: argparse.Namespace) -> None:
    """Do what needs a GPU."""
    began = time.monotonic()

    def say(line: str) -> None:
        _say(f"[{time.monotonic() - began:6.1f} s] {line}")

    options = {"seconds": given.seconds, "limit": given.limit, "device": given.device, "say": say}
    if given.command == "families":
        from training.gpu import FAMILIES, train_families

        train_families(given.packs, given.out, families=given.config or FAMILIES, **options)
        return
    recipe = read_recipe(given.recipe, given.batch)
    if given.command == "run":
        from training.gpu import train_packs

        train_packs(given.packs, given.out, recipe, steps=given.steps, **options)
    else:
        from training.gpu import measure_speed

        more = {} if given.steps is None else {"steps": given.steps}
        measure_speed(given.packs, given.out, recipe, **more, **options)


def _say_sizes(sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        _say(f"{name}: {size:,} bytes")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

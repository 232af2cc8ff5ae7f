"""The command: `python -m training.languages CHECKPOINT --data DATA --out FOLDER`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pydantic import ValidationError

from common import VitrineError
from training.languages import TeachRecipe, teach


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    defaults = TeachRecipe()
    parser = argparse.ArgumentParser(
        prog="python -m training.languages",
        description="Teach a trained text tower titles in French, German, Spanish and Italian.",
    )
    parser.add_argument("checkpoint", type=Path, help="a checkpoint that reads English titles")
    parser.add_argument("--data", type=Path, required=True, help="the data set that it was trained on")
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the checkpoint")
    parser.add_argument(
        "--epochs", type=int, default=defaults.epochs, help=f"passes over the titles ({defaults.epochs})"
    )
    parser.add_argument(
        "--learning-rate", type=float, default=defaults.learning_rate, help=f"its peak ({defaults.learning_rate:g})"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    given = parser.parse_args(arguments)
    try:
        recipe = TeachRecipe(epochs=given.epochs, learning_rate=given.learning_rate)
    except ValidationError as error:
        problem = error.errors()[0]
        option = str(problem["loc"][0]).replace("_", "-")
        print(f"error: --{option} is {problem['input']}: {problem['msg']}", file=sys.stderr)  # noqa: T201
        return 2
    try:
        found = teach(given.checkpoint, given.data, given.out, recipe, device=given.device)
    except VitrineError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(json.dumps(found))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

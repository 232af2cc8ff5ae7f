"""A tool: the locks in requirements/, with the hashes of all files, and how they hang together with pyproject.toml.

    python -m tests.tools.lock            # after a change of pyproject.toml; versions stay where they can
    python -m tests.tools.lock --upgrade  # newest versions

All locks come from one resolution, so that a version is the same in each. They hold for Python 3.11 and newer on every
platform, by markers. torch, and what only torch needs, is apart: `TORCH_INDEX` may give other builds of it.
Needs `uv`, which `make lock` installs; uses nothing else that is not in Python.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from common import atomic_file
from tests.tools.root import ROOT

FOLDER = ROOT / "requirements"
LOCKS = {
    "serve": ("postgres", "telemetry"),
    "train": ("postgres", "telemetry", "parquet", "train"),
    "dev": ("dev",),
}
"""The extras in each lock; `torch.txt` goes with the two that have `train`. What builds a wheel is in `build.txt`."""
TOOLS = ("cyclonedx-bom>=7", "pip-audit>=2.10", "uv>=0.9")
"""In `tools.txt`: what lists and checks the packages, in an environment of its own."""
TORCH = ("torch", "torchvision")
OLDEST = "3.11"
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
BLOCK = re.compile(r"^[a-z0-9-]+==.*(?:\n    --hash=.*)+\n?", re.MULTILINE)
NAME = re.compile(r"[A-Za-z0-9._-]+")
HEAD = """\
# Made by `make lock` from pyproject.toml; do not edit.
# inputs: {digest}
"""


def project() -> dict[str, Any]:
    """Return what pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def name_of(requirement: str) -> str:
    """Return the normalised name of the package that a requirement is for."""
    match = NAME.match(requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def wanted(settings: dict[str, Any], extras: Sequence[str]) -> list[str]:
    """Return the requirements of the core and of these extras; an extra may name others of ours."""
    found = dict.fromkeys(settings["project"]["dependencies"])
    for extra in extras:
        for requirement in settings["project"]["optional-dependencies"][extra]:
            if name_of(requirement) == settings["project"]["name"]:
                inner = re.findall(r"[\w-]+", requirement.partition("[")[2])
                found |= dict.fromkeys(wanted(settings, inner))
            else:
                found[requirement] = None
    return list(found)


def digest_of(settings: dict[str, Any]) -> str:
    """Return what tells whether the requirements have changed since the locks were made."""
    parts = [settings["build-system"]["requires"], settings["project"]["requires-python"]]
    parts += [wanted(settings, extras) for extras in LOCKS.values()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def blocks(text: str) -> dict[str, list[str]]:
    """Return the entries of a lock by the name of the package; there are several where versions differ by markers."""
    found: dict[str, list[str]] = {}
    for block in BLOCK.findall(text):
        found.setdefault(block.partition("==")[0], []).append(block.rstrip("\n") + "\n")
    return found


def resolved(requirements: Iterable[str], *options: str, before: str = "") -> str:
    """Return what these requirements come to, with hashes; the versions of `before` stay where they can.

    Raises:
        subprocess.CalledProcessError: nothing fits all of them; uv has said why.
    """
    command = ["uv", "pip", "compile", "-", "--universal", "--python-version", OLDEST, "--generate-hashes", "--quiet"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header", *options]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "made.txt")
        made.write_text(before, encoding="utf-8")
        command += ["--output-file", str(made)]
        subprocess.run(command, input="\n".join(requirements), text=True, check=True, stdout=subprocess.DEVNULL)
        return made.read_text(encoding="utf-8")


def make(upgrade: bool) -> None:
    """Write all locks."""
    settings = project()
    build = settings["build-system"]["requires"]
    before = {} if upgrade else {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.txt")}
    every = resolved(
        [*wanted(settings, ["dev"]), *build], before="".join(before.get(name, "") for name in ("dev", "torch"))
    )
    texts = {"tools": resolved(TOOLS, before=before.get("tools", ""))}
    with tempfile.TemporaryDirectory() as folder:
        common = Path(folder, "every.txt")
        common.write_text(every, encoding="utf-8")
        for name, extras in LOCKS.items():
            asked = [one for one in wanted(settings, extras) if name_of(one) not in TORCH]
            asked += build if name == "dev" else []
            texts[name] = resolved(asked, "--constraints", str(common))
        texts["build"] = resolved(build, "--constraints", str(common))
    beside = blocks(texts["dev"])
    texts["torch"] = "".join(entry for name, of in blocks(every).items() if name not in beside for entry in of)
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts.items():
        entries = "".join(entry for _, of in sorted(blocks(text).items()) for entry in of)
        with atomic_file(FOLDER / f"{name}.txt") as path:
            path.write_text(HEAD.format(digest=digest_of(settings)) + entries, encoding="utf-8")


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description="Make the locks in requirements/ from pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    make(parser.parse_args().upgrade)


if __name__ == "__main__":
    main()

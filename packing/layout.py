"""Commands of setuptools that build a wheel with everything below `vitrine`.

Instead of `app/`, `common.py` and `checkpoints/` an installation gets `vitrine/app/`, `vitrine/common.py` and
`vitrine/checkpoints/`, each source file as `packing.imports` rewrites it. Editable installations keep the plain layout.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info
from setuptools.command.sdist import sdist

from packing.imports import PREFIX, ROOMS, WHEEL, in_wheel

SHARED = "common"
"""The module that lies beside the packages."""
CHECKPOINTS = "checkpoints"
SHIPPED = ("README.md", "*.json", "*.safetensors", "onnx/*.json", "onnx/*.graph")
"""The files of a shipped checkpoint. Whole ONNX files, which an older export left there, are none of it."""
COMMIT_FILE = Path(WHEEL, "commit.txt")
"""Which commit a wheel or a source distribution was made from."""


def below(package: str) -> str:
    """Return the name of a package in a wheel."""
    return package if package.split(".")[0] == WHEEL else PREFIX + package


def commit() -> str:
    """Return the commit of the source in the working folder; empty where it is not known.

    A source distribution says it in a file; in a clone git does.
    """
    if COMMIT_FILE.is_file():
        return COMMIT_FILE.read_text(encoding="ascii").strip()
    if not Path(".git").exists():
        return ""  # git would look in the folders above
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - ours
    return ""


class BuildPy(build_py):
    """Copies the modules and their data to where a wheel has them."""

    def finalize_options(self) -> None:
        """Move the packages, and what belongs to them, below `vitrine`."""
        super().finalize_options()
        if self.editable_mode:
            return
        found = (f"{package}.{module}".strip(".") for package, module, _ in self.find_all_modules())
        self.modules = {name.removesuffix(".__init__") for name in found}
        shipped = below(CHECKPOINTS)
        self.packages: list[str] = [*map(below, self.distribution.packages), shipped]
        self.py_modules = None
        self.package_dir = {below(room): room for room in (*ROOMS, CHECKPOINTS)}
        self.package_data: dict[str, list[str]] = {
            below(package): files for package, files in self.distribution.package_data.items()
        }
        self.package_data[shipped] = [f"*/{pattern}" for pattern in SHIPPED]

    def find_package_modules(self, package: str, package_dir: str) -> Any:
        """Return (package, module, file) of each module of a package; `vitrine` also holds the shared one."""
        found = super().find_package_modules(package, package_dir)
        return [*found, (WHEEL, SHARED, f"{SHARED}.py")] if package == WHEEL and not self.editable_mode else found

    def run(self) -> None:
        """Build into an empty folder: what another version left there would become part of the wheel."""
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            Path(self.build_lib, COMMIT_FILE).write_text(f"{commit()}\n", encoding="ascii")

    def build_module(self, module: str, module_file: str, package: str) -> Any:
        """Copy one module, rewritten. The copy keeps the time of the original, so that wheels can be compared."""
        outfile, copied = super().build_module(module, module_file, package)
        if not self.editable_mode:
            source = Path(module_file).read_text(encoding="utf-8")
            Path(outfile).write_text(in_wheel(source, self.modules, module_file), encoding="utf-8")
            before = os.stat(module_file)
            os.utime(outfile, (before.st_atime, before.st_mtime))
        return outfile, copied


class EggInfo(egg_info):
    """Writes the metadata."""

    def run(self) -> None:
        """Name the one package that an installation takes."""
        super().run()
        Path(self.egg_info, "top_level.txt").write_text(f"{WHEEL}\n", encoding="ascii")


class Sdist(sdist):
    """Packs the source."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Say which commit it was."""
        super().make_release_tree(base_dir, files)
        Path(base_dir, COMMIT_FILE).write_text(f"{commit()}\n", encoding="ascii")

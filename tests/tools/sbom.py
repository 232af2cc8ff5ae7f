"""A tool: lists the packages of a lock, with their licences and what needs what, as CycloneDX.

    python -m tests.tools.sbom build/tools/bin/cyclonedx-py requirements/serve.txt build/sbom.json

Nothing is installed for it: the records of the packages are those of the environment that this runs in, which has the
same versions of them beside others. cyclonedx-py is shown an environment that holds these records alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.tools.root import ROOT

PINNED = re.compile(r"^([\w.-]+==[^\\\n]+)", re.MULTILINE)


def records(lock: str) -> list[Path]:
    """Return the folder with the record of each package that a lock asks for on this machine.

    Raises:
        LookupError: a package is not installed here in the version of the lock.
    """
    found = []
    for wanted in map(Requirement, PINNED.findall(lock)):
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            package = distribution(wanted.name)
        except PackageNotFoundError:
            raise LookupError(f"the lock has {wanted}, and it is not installed here: run make check") from None
        if package.version not in wanted.specifier:
            raise LookupError(f"the lock has {wanted}, and {package.version} is installed here: run make check")
        found += [Path(str(file.locate())).parent for file in package.files or () if file.name == "METADATA"][:1]
    return found


def write(program: str, lock: Path, out: Path) -> None:
    """Write the list of a lock's packages, as `program`, cyclonedx-py, makes and validates it."""
    folders = records(lock.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        venv.create(temporary)
        [packages] = Path(temporary).glob("lib/python*/site-packages")
        for folder in folders:
            (packages / folder.name).symlink_to(folder)
        command = [program, "environment", f"{temporary}/bin/python", "--pyproject", str(ROOT / "pyproject.toml")]
        subprocess.run([*command, "--output-reproducible", "--output-file", str(out)], check=True)


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))

"""Installs each peer into an environment of its own, as its documents say; torch, the largest part, is lent by ours.

    python -m tests.benchmarks.peers.install [NAME ...]

The environments stand in build/peers/NAME. A peer's own requirements are resolved by pip; pins beyond them have their
reason beside them. What is lent are links to this environment's torch and the libraries that it comes with: pip sees
them as installed, the peers compute with the same torch as we do, and 6 GB are on the disk once. One that works with
older ones only gets its own.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

BUILD = Path(__file__).parents[3] / "build" / "peers"

PEERS: dict[str, tuple[str, ...]] = {
    "infinity": (
        "infinity-emb[torch,optimum,server]==0.0.77",
        "transformers<4.49",  # its BetterTransformer refuses later ones: michaelfeil/infinity issue 597
        "optimum<1.25",  # later ones do not find the file that it names in a local folder
        "torch<2.9",  # that optimum does not know the exporter of later ones
        "click<8.2",  # its typer is older than that release
        "pyarrow<20",  # later ones refuse the numpy that it asks for
        "datasets<4",  # the same
        "pandas<3",
        "scikit-learn<1.8",
        "scipy<1.17",
    ),
    "sentence-transformers": ("sentence-transformers==6.2.0", "uvicorn[standard]", "fastapi", "pillow"),
    # The newest release whose extra for onnxruntime can be installed: optimum-onnx refuses the transformers of 6.
    "sentence-transformers-onnx": ("sentence-transformers[onnx]==5.7.0", "uvicorn[standard]", "fastapi", "pillow"),
    "clip-retrieval": ("clip-retrieval==2.45.0", "setuptools<81"),
}
"""Name -> what pip is asked for."""

LENT = re.compile(r"(torch|torchgen|torchvision|functorch|triton|nvidia|cuda)([_\-.].*)?")
"""Entries of site-packages that belong to torch: itself, its compiler, NVIDIA's libraries, and what they say of
themselves."""


def python_of(name: str) -> Path:
    """Return the interpreter of a peer's environment."""
    return BUILD / name / "bin" / "python"


def lend_torch(name: str) -> None:
    """Link this environment's torch into the peer's."""
    ours = Path(sysconfig.get_path("purelib"))
    lib = f"python{sys.version_info.major}.{sys.version_info.minor}"
    theirs = BUILD / name / "lib" / lib / "site-packages"
    for entry in ours.iterdir():
        if LENT.fullmatch(entry.name) and not (theirs / entry.name).exists():
            (theirs / entry.name).symlink_to(entry)


def install(name: str) -> None:
    """Make the environment of a peer, unless it is there."""
    done = BUILD / name / "installed"
    if done.exists():
        return
    venv.create(BUILD / name, with_pip=True, clear=True)
    if not any(one.startswith("torch<") for one in PEERS[name]):
        lend_torch(name)
    subprocess.run([str(python_of(name)), "-m", "pip", "install", "--quiet", *PEERS[name]], check=True)
    done.touch()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PEERS)} [default: all]")
    for chosen in parser.parse_args().names or PEERS:
        sys.stderr.write(f"{chosen}: {', '.join(PEERS[chosen])}\n")
        install(chosen)

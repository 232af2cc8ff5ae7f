"""A tool: runs the commands and programs that our Markdown pages show, and compares the output with the pages.

A block ```console holds commands, ```python a program; a block ```json or ```text that follows is what the last of them
prints. `python -m tests.tools.readme PAGE ...` runs the pages against the demo in artefacts/demo and writes the
answers again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.tools.root import ROOT

SERVICE = ("127.0.0.1:8000", "localhost:8000")
"""What the pages call the service; each run has one of its own on a free port."""
ELSEWHERE = {
    "make ": "minutes; docs/first-hour.md, and .ci/run for the tests",
    "source ": "the commands are on the path already",
    "vitrine serve": "serves until it is stopped; every other command talks to one",
    "vitrine mcp": "serves until its caller leaves; tests/vitrine/test_mcp.py",
    "vitrine data download": "needs the network; tests/training/test_hub.py",
    "vitrine --install-completion": "changes the user's shell; tests/vitrine/test_cli.py",
    "docker ": "needs a Docker engine; tests/whole/test_container.py",
    "export RAY_": "needs a Ray cluster; tests/training/test_encode_ray.py",
    "ray ": "needs a Ray cluster; tests/training/test_encode_ray.py",
    "psql ": "needs a database; tests/index/test_contract.py",
    "export VITRINE_CATALOGUE": "needs a database; tests/whole/test_database.py",
    "vitrine index --data products.csv --out": "needs a database; tests/index/test_contract.py",
    "vitrine copy --to": "needs a database; tests/index/test_contract.py",
    "vitrine copy --catalogue postgresql:": "needs a database; tests/index/test_backup.py",
    "vitrine evaluate --queries ": "needs queries, and the catalogue that they ask; tests/vitrine/test_queries.py",
    "vitrine evaluate --against": "needs another encoder; tests/vitrine/test_against.py",
    "torchrun ": "needs several GPUs; tests/training/test_distributed.py",
    "python -m training.gpu ": "needs a GPU and pretrained towers; tests/training/gpu",
    "python -m tests.load.": "minutes to hours; tests/whole/test_kill.py runs the shortest",
    "python -m tests.benchmarks.": "minutes; tests/whole/test_benchmarks.py runs them small",
    "export VITRINE_API_KEY": "needs the shop's own service; tests/training/test_sync.py",
    "vitrine sync ": "needs a service with the shop's products; tests/training/test_sync.py",
    "vitrine data mirror": "needs a shop that answers; tests/training/test_mirror.py",
    "kill ": "needs the service's process; tests/app/test_workers.py",
}
"""Commands that are not run here, by how they begin, and why; that they exist is still tested."""
PLACEHOLDER = re.compile(r"\b(ARCHIVE|CONFIG|PATH|PID)\b")
"""A command with one of these stands for many, takes up to hours, and is run by the tests of what it calls."""
DEPENDS = frozenset({"kept", "cutoff"})
"""Fields that are empty or not by what was found: the demo's model differs between machines."""
SHOWN_NUMBERS = 3
WIDTH = 150
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One command or program of a page, and the span of what it is said to print (None: not shown)."""

    language: str
    code: str
    answer: str | None
    span: tuple[int, int] | None


def steps(page: str) -> list[Step]:
    """Return what a page runs, in its order."""
    found: list[Step] = []
    for block in BLOCK.finditer(page):
        language, text = block.group(1), block.group(2)
        if language == "console":
            joined = text.replace("\\\n", "\\\0")
            found += [Step(language, line.replace("\0", "\n"), None, None) for line in joined.splitlines() if line]
        elif language == "python":
            found.append(Step(language, text, None, None))
        elif language in ("json", "text") and found and found[-1].answer is None:
            last = found.pop()
            found.append(Step(last.language, last.code, text, block.span(2)))
    return found


def elsewhere(step: Step) -> bool:
    """Return whether a step is none to be run here."""
    if step.language != "console":
        return False
    return step.code.startswith(tuple(ELSEWHERE)) or PLACEHOLDER.search(step.code) is not None


def run(page: str, folder: Path, address: str) -> list[tuple[Step, str]]:
    """Run a page's steps in one shell in `folder`, against the service at `address`; return what each printed.

    Raises:
        AssertionError: a step failed; says which, and what it said.
    """
    wanted = [step for step in steps(page) if not elsewhere(step)]
    results = folder / ".steps"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()
    script = ["set -o pipefail"]
    for number, step in enumerate(wanted):
        code = step.code
        for name in SERVICE:
            code = code.replace(name, address)
        if step.language == "python":
            (results / f"{number}.py").write_text(code, encoding="utf-8")
            code = f"{shlex.quote(sys.executable)} .steps/{number}.py"
        script.append(f"{{ {code}\n}} > .steps/{number}.out 2> .steps/{number}.err || exit {number % 250 + 1}")
    bash = shutil.which("bash")
    assert bash, "the pages' commands need bash; install it"
    assert shutil.which("curl"), "the pages' commands need curl; install it"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")},
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "120",
        "NO_COLOR": "1",
        "HF_HUB_OFFLINE": "1",
        "NO_PROXY": "*",
    }
    done = subprocess.run([bash, "-c", "\n".join(script)], cwd=folder, env=environment, check=False)
    if done.returncode:
        number = done.returncode - 1
        errors = (results / f"{number}.err").read_text(encoding="utf-8")
        output = (results / f"{number}.out").read_text(encoding="utf-8")
        raise AssertionError(f"{wanted[number].code}\n{output}{errors}")
    return [(step, (results / f"{n}.out").read_text(encoding="utf-8")) for n, step in enumerate(wanted)]


@contextmanager
def kitchen(folder: Path, demo: Path, photos: Sequence[tuple[str, Path, dict[str, str]]]) -> Iterator[str]:
    """Lay out `folder` as a clone that made the demo, with photos in my-shop, serve it, and yield the address.

    `photos` are (id, picture, attributes and text) by the names of the columns of my-shop/products.csv.
    """
    (folder / "artefacts").mkdir(parents=True)
    shutil.copytree(demo, folder / "artefacts" / "demo", ignore=shutil.ignore_patterns("cache"))
    for name in ("checkpoints", "training"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "bin").mkdir()
    for name, words in (("vitrine", "-m vitrine"), ("python", "")):
        (folder / "bin" / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n', encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    (folder / "my-shop").mkdir()
    names = list(photos[0][2])
    rows = [",".join(["id", "image", *names])]
    for product_id, picture, fields in photos:
        shutil.copy(picture, folder / "my-shop" / f"{product_id}.jpg")
        rows.append(",".join([product_id, f"{product_id}.jpg", *(f'"{fields[name]}"' for name in names)]))
    (folder / "my-shop" / "products.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")}
    with (folder / "serve.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "vitrine", "serve", "--port", address.rpartition(":")[2]],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT), "VITRINE_DEADLINE_S": "60"},
            stderr=log,
        )
        try:
            deadline = time.monotonic() + 300
            while not _ready(address):
                assert process.poll() is None, (folder / "serve.log").read_text(encoding="utf-8")
                assert time.monotonic() < deadline, "the service did not come up"
                time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait(60)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/readyz", timeout=10, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def photos_of(data: Path, count: int) -> list[tuple[str, Path, dict[str, str]]]:
    """Return some products of a data set in Kaggle's layout as somebody's own photos."""
    import csv

    with (data / "styles.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:count]
    return [
        (
            row["id"],
            data / "images" / f"{row['id']}.jpg",
            {"text": row["productDisplayName"], "colour": row["baseColour"], "kind": row["articleType"]},
        )
        for row in rows
    ]


def shape(value: Any) -> Any:
    """Return what two answers of one call have in common: names and kinds, not what was found and how well."""
    if isinstance(value, dict):
        if value and all(type(one) is int for one in value.values()) and not {"queue", "prompt_tokens"} & value.keys():
            return "counts"
        return {name: "found" if name in DEPENDS else shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool) or value is None:
        return value
    return "number" if isinstance(value, int | float) else "text"


def pattern(text: str) -> str:
    """Return a text with numbers and ids as N, without the frames and padding of tables."""
    plain = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\d[\d,.]*", "N", text)
    plain = re.sub(r"[^\x00-\x7f–→…·×%]", " ", plain)
    return "\n".join(" ".join(line.split()) for line in plain.splitlines() if line.strip())


def same(step: Step, output: str) -> bool:
    """Return whether a step printed what its page shows, but for figures and what was found."""
    assert step.answer is not None
    if output.lstrip().startswith(("{", "[")):
        return bool(shape(json.loads(step.answer.replace(", …]", "]"))) == shape(json.loads(output)))
    return pattern(step.answer) == pattern(output)


def written(output: str) -> str:
    """Return an output as a page shows it: JSON broken into lines, long lists of numbers cut."""
    if not output.lstrip().startswith("{"):
        return output.rstrip("\n") + "\n"
    lines = [f"{json.dumps(name)}: {_value(value)}" for name, value in json.loads(output).items()]
    joined: list[str] = []
    for line in lines:
        if joined and len(joined[-1]) + len(line) + 2 < WIDTH and "\n" not in joined[-1] + line:
            joined[-1] += f", {line}"
        else:
            joined.append(line)
    return "{" + ",\n ".join(joined) + "}\n"


def _value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(_cut(json.dumps(_rounded(one), ensure_ascii=False)) for one in value) + "]"
    return _cut(json.dumps(_rounded(value), ensure_ascii=False))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def _cut(text: str) -> str:
    number = r"-?[\d.]+(?:e-?\d+)?"
    return re.sub(rf"\[((?:{number}, ){{{SHOWN_NUMBERS}}})(?:{number}, )+{number}\]", r"[\1…]", text)


def rewrite(pages: Sequence[Path], demo: Path) -> None:
    """Run pages, one after the other, against the demo, and put what was printed in the place of what they show."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "vitrine"
        with kitchen(folder, demo, photos_of(demo / "data", 300)) as address:
            for path in pages:
                page = path.read_text(encoding="utf-8")
                for step, output in reversed(run(page, folder, address)):
                    if step.span is not None:
                        output = output.replace(address, SERVICE[0]).replace(temporary, "~")
                        page = page[: step.span[0]] + written(output) + page[step.span[1] :]
                path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write what pages show of the commands' output again.")
    parser.add_argument("pages", type=Path, nargs="+")
    parser.add_argument("--demo", type=Path, default=Path("artefacts/demo"), help="folder that `vitrine demo` made")
    given = parser.parse_args()
    rewrite(given.pages, given.demo)

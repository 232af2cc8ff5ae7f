"""Attacks a service in many ways, one after another, and measures what another caller notices.

    python -m tests.load.attack --out docs/reliability/attack.json
    python -m tests.load.attack --only jpeg2000 slow_bodies --seconds 5
    python -m tests.load.attack --url http://127.0.0.1:8000

The attackers are in attackers.py, each in a process of its own, as is the other caller (attack_victim.py), who comes
from an address of its own unless told otherwise. Attacker, caller and service share the machine. Without --url the
program serves a copy of a catalogue itself, and starts it again when an attack was too much for it. Prints a table, and
exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from tests.load.attack_victim import WAITING
from tests.load.attackers import ATTACKS, LASTING, SECRET
from tests.load.products import write_shop
from tests.load.running import SHIPPED, Service, percentile, save, say, serving, work_folder
from tests.tools.root import ROOT

REST_S = 5.0
RECOVERY_S = 20.0
"""How long a service is given to be well again after an attack, before it counts as lost."""
SETTLE_S = 5.0
"""How long a service may go on with the work of an attack before the next one; after that it is started again."""
IDLE = 0.2
"""Share of a core that a service at rest may take."""
SAMPLE_S = 0.2
WELL_IN_A_ROW = 3
PRODUCTS = 2000

TARGETS: Mapping[str, float] = {
    "text p99 ms": 250,
    "health p99 ms": 100,
    "errors": 0.01,
    "memory ratio": 1.5,
    "refusals p99 ms": 50,
    "well again s": 2,
}
"""What another caller may notice at most; `errors` is the share of texts that were not answered with 200."""
EXCUSED = {("overload", "errors")}
"""400 clients at once are more than the service can answer: that it refuses some of anybody's is right."""


@dataclass(frozen=True)
class Sample:
    """One question of the other caller."""

    kind: str
    start: float
    ms: float
    status: int


@dataclass(frozen=True)
class Target:
    """What is attacked: an address, a key that may write, and the service behind it where it is our own."""

    url: str
    secret: str
    service: Service | None

    def memory_mb(self) -> float:
        """Return the memory of all processes of the service, what they share counted once; 0 where it is not ours."""
        total = 0
        for pid in self.service.processes() if self.service else []:
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
                    total += int(line.split()[1]) if line.startswith("Pss:") else 0
        return round(total / 1024, 1)

    def busy_s(self) -> float:
        """Return the seconds that the service's processes have computed; 0 where they are not ours."""
        ticks = 0
        for pid in self.service.processes() if self.service else []:
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def settles(self, seconds: float) -> bool:
        """Wait until the service computes next to nothing; False if it goes on for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = self.busy_s()
            time.sleep(0.5)
            if self.busy_s() - before < 0.5 * IDLE:
                return True
        return False

    def lives(self) -> bool:
        """Whether the process is still the one that was started."""
        return self.service is None or self.service.process.poll() is None

    def ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def other_caller(target: Target, source: str, out: Path) -> Iterator[None]:
    """Let the other caller ask for as long as the block lasts; its samples are in `out` afterwards."""
    command = [sys.executable, "-m", "tests.load.attack_victim", "--url", target.url, "--source", source, "--out", out]
    process = subprocess.Popen([str(word) for word in command], cwd=ROOT, env=_environment(), stdin=subprocess.PIPE)
    try:
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(20)


def samples_of(file: Path) -> list[Sample]:
    """Return what the other caller wrote down so far, by the time of asking."""
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
    return sorted((Sample(*json.loads(line)) for line in lines), key=lambda one: one.start)


def seen(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return what the samples say."""
    texts = [one for one in samples if one.kind == "text"]
    late = {kind: [one.ms for one in samples if one.kind == kind] for kind in ("text", "health", "picture")}
    return {
        "texts": len(texts),
        "text p50 ms": percentile(late["text"], 0.5),
        "text p99 ms": percentile(late["text"], 0.99),
        "errors": round(sum(one.status not in (200, WAITING) for one in texts) / max(1, len(texts)), 4),
        "health p99 ms": percentile(late["health"], 0.99),
        "health max ms": percentile(late["health"], 1.0),
        "picture p99 ms": percentile(late["picture"], 0.99),
    }


def at_rest(target: Target, source: str, work: Path) -> dict[str, Any]:
    """Return what the other caller sees when nobody attacks, and the memory."""
    with other_caller(target, source, work / "rest"):
        time.sleep(2 + REST_S)
    samples = samples_of(work / "rest")
    since = samples[0].start + 2 if samples else 0.0  # the first questions of a process are slower
    return {**seen([one for one in samples if one.start > since]), "memory MB": target.memory_mb()}


def well_since(samples: Sequence[Sample], ended: float, bound_ms: float) -> float | None:
    """Return how long after the end three texts in a row had come in time, or None when they never did."""
    row = 0
    for one in samples:
        if one.kind != "text" or one.start < ended:
            continue
        row = row + 1 if one.status == 200 and one.ms <= bound_ms else 0
        if row == WELL_IN_A_ROW:
            return round(one.start + one.ms / 1000 - ended, 2)
    return None


def under(target: Target, name: str, rest: Mapping[str, Any], given: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Attack in one way, and return what the other caller saw, the memory, and what the attacker was answered."""
    command = [sys.executable, "-m", "tests.load.attackers", name, "--url", target.url]
    command += ["--seconds", str(given.seconds), "--products", str(given.products)]
    peak = 0.0
    with other_caller(target, given.source, work / name):
        attacker = subprocess.Popen(
            command, cwd=ROOT, env=_environment(**{SECRET: target.secret}), stdout=subprocess.PIPE, text=True
        )
        while attacker.poll() is None:
            peak = max(peak, target.memory_mb())
            time.sleep(SAMPLE_S)
        said = attacker.communicate()[0]
        if attacker.returncode:
            raise RuntimeError(f"the attacker {name} ended with {attacker.returncode}")
        answered = json.loads(said)
        ended = float(answered.pop("ended"))
        bound = 2 * max(rest["text p99 ms"], 10.0)
        well: float | None = None
        ready = 0.0
        while time.monotonic() - ended < RECOVERY_S and target.lives():
            peak = max(peak, target.memory_mb())
            if not ready and target.ready():
                ready = time.monotonic() - ended
            well = well_since(samples_of(work / name), ended, bound)
            if well is not None and ready:
                break
            time.sleep(0.1)
    began = float(answered.pop("began") or ended)
    during = [one for one in samples_of(work / name) if began <= one.start <= ended]
    return {
        **seen(during),
        "memory MB": peak,
        "memory ratio": round(peak / rest["memory MB"], 2) if rest["memory MB"] else 0.0,
        "well again s": max(well, round(ready, 2)) if well is not None and ready else None,
        "lives": target.lives(),
        "attacker": answered,
    }


def missed(name: str, figures: Mapping[str, Any]) -> list[str]:
    """Return the targets that an attack made the service miss."""
    found = {**figures, "refusals p99 ms": figures["attacker"]["refusals p99 ms"]}
    late = [
        what
        for what, most in TARGETS.items()
        if (name, what) not in EXCUSED and (found[what] is None or found[what] > most)
    ]
    broken = [status for status in figures["attacker"]["statuses"] if status.startswith("5") and status not in GOOD_5XX]
    return [*late, *broken, *([] if figures["lives"] else ["lives"])]


GOOD_5XX = {"503", "504", "507"}
"""What says that a bound was reached; any other 5xx is a fault."""


def run(given: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Attack in all the ways asked for, and return the figures."""
    names = [name for name in given.only or ATTACKS if name not in LASTING]
    names += [name for name in given.only or ATTACKS if name in LASTING]
    figures: dict[str, Any] = {}
    rests: list[dict[str, Any]] = []
    while names:
        with attacked(given, work / f"service-{len(rests)}") as target:
            rest = at_rest(target, given.source, work)
            rests.append(rest)
            say(f"at rest: {rest}")
            while names:
                name = names.pop(0)
                figures[name] = {"what": _what(name), **under(target, name, rest, given, work)}
                figures[name]["missed"] = missed(name, figures[name])
                say(f"{name}: {figures[name]}")
                well = target.lives() and figures[name]["well again s"] is not None
                if target.service is not None and names and not (well and target.settles(SETTLE_S)):
                    target.service.kill()
                    break
    return {
        "seconds": given.seconds,
        "products": given.products,
        "workers": given.workers,
        "caller from": given.source,
        "targets": dict(TARGETS),
        "rest": rests[0],
        "attacks": figures,
    }


@contextmanager
def attacked(given: argparse.Namespace, work: Path) -> Iterator[Target]:
    """Yield what is attacked: the service at --url, or one of our own on a copy of the catalogue."""
    if given.url:
        yield Target(given.url.rstrip("/"), os.environ.get(SECRET, ""), None)
        return
    work.mkdir()
    if given.catalogue is None:
        write_shop(given.checkpoint, work / "catalogue", given.products)
    else:
        shutil.copytree(given.catalogue, work / "catalogue", symlinks=True)
    with serving(given.checkpoint, work / "catalogue", work / "log", given.workers) as service:
        yield Target(service.url, service.secret, service)


def table(figures: Mapping[str, Any]) -> Table:
    """Return the figures as a table to print; what misses its target is red."""
    columns = (
        "attack",
        "text p50",
        "p99",
        "errors",
        "picture p99",
        "health p99",
        "max",
        "memory",
        "refusals p99",
        "well",
        "answers",
    )
    made = Table(*columns, title=f"{figures['seconds']:g} s each; times in ms, memory by rest, well again in s")
    rest = figures["rest"]
    made.add_row("nobody", *_cells(rest, 1.0, 0.0, 0.0), "")
    for name, one in figures["attacks"].items():
        cells = _cells(one, one["memory ratio"], one["attacker"]["refusals p99 ms"], one["well again s"])
        answers = ", ".join(f"{count} × {status}" for status, count in one["attacker"]["statuses"].items())
        made.add_row(name, *cells, answers, style="red" if one["missed"] else "")
    return made


def _cells(one: Mapping[str, Any], memory: float, refusals: float, well: float | None) -> list[str]:
    texts = [f"{one[what]:,.0f}" for what in ("text p50 ms", "text p99 ms")]
    others = [f"{one[what]:,.0f}" for what in ("picture p99 ms", "health p99 ms", "health max ms")]
    errors = f"{100 * one['errors']:.1f} %"
    ratio = f"{memory:.2f}" if memory else "–"
    return [*texts, errors, *others, ratio, f"{refusals:,.0f}", "never" if well is None else f"{well:.1f}"]


def _what(name: str) -> str:
    return (ATTACKS[name].__doc__ or "").strip()


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def main() -> None:
    """Attack, print the table, write the figures; exit with 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ATTACKS, metavar="NAME", help=f"some of {', '.join(ATTACKS)}")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each attack lasts")
    parser.add_argument("--url", help=f"attack the service there; {SECRET} in the environment is a key that may write")
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, help="[default: the one of the repository]")
    parser.add_argument("--catalogue", type=Path, help="a folder to copy [default: drawn products]")
    parser.add_argument("--products", type=int, default=PRODUCTS, help="how many are drawn, or the catalogue has")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--source", default="127.0.0.2", help="address that the other caller comes from")
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    arguments = parser.parse_args()
    with work_folder() as work:
        figures = run(arguments, work)
    Console(width=200).print(table(figures))
    if arguments.out:
        save(arguments.out, figures)
    sys.exit(1 if any(one["missed"] for one in figures["attacks"].values()) else 0)


if __name__ == "__main__":
    main()

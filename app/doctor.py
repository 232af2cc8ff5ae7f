"""Looks at the machine and at what is to be served, and says of each finding what to do. Changes nothing.

Owns what `vitrine doctor` prints. It loads no model and searches nothing: /readyz is there for that.
"""

from __future__ import annotations

import errno
import math
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx

from app.exposure import exposure
from app.findings import Finding
from app.http import read_keys
from app.port_owner import port_owner
from app.settings import Settings, misspelt, service_link, variables
from common import VitrineError, first_line, require
from index import Location, damaged_products, open_catalogue
from models import CONFIG_FILE, earlier_export, encoder_id, exported, gpu_likely

OLDEST_PYTHON = (3, 11)
NEEDED_MEMORY_GB = 1.5
"""A worker with the checkpoint that comes along and 40,633 products took 1.09 GB; the rest is for uploads."""
NEEDED_DISK_GB = 1.0
HUB_TIMEOUT_S = 5.0
MAX_NAMED = 20
"""Most damaged products that are named."""
GIB = 1024**3
ROOT = Path("/")
_CPU = Finding("device", "ok", "cpu")


def examine(checkpoints: Sequence[Path], catalogue: Location) -> list[Finding]:
    """Look at everything; `checkpoints` are the folders that may hold one, `catalogue` is the one to be served."""
    found: list[Finding] = []
    try:
        settings = Settings.read()
    except VitrineError as error:
        found.append(Finding("settings", "problem", str(error), "change the variable; `vitrine settings` has them all"))
        settings = Settings.model_construct()  # the defaults, so that the rest is seen all the same
    else:
        found.append(Finding("settings", "ok", ", ".join(variables()) or "all at their defaults"))
    found += [Finding("settings", "note", one, "`vitrine settings` has them all") for one in misspelt()]
    found += [Finding("settings", "note", link, "use enableServiceLinks: false")] if (link := service_link()) else []
    checks: dict[str, Callable[[], list[Finding]]] = {
        "python": _python,
        "torch": lambda: _torch(settings.device, settings.runtime, checkpoints),
        "threads": _threads,
        "memory": lambda: _memory(settings.workers),
        "disk": lambda: _disk(catalogue),
        "hub": _hub,
        "artefacts": lambda: _artefacts(checkpoints, catalogue),
        "products": lambda: _products(catalogue),
        "keys": lambda: _keys(settings.keys),
        "exposure": lambda: exposure(settings, catalogue),
        "port": lambda: _port(settings.host, settings.port),
    }
    for name, check in checks.items():
        try:
            found += check()
        except Exception as error:  # one look that fails must not hide the others
            found.append(Finding(name, "problem", f"{type(error).__name__}: {error}", "please report this"))
    return found


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return findings as JSON data; `ok` is false when one of them is a problem."""
    return {"ok": all(one.state != "problem" for one in findings), "findings": [asdict(one) for one in findings]}


def _python() -> list[Finding]:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.prefix}"
    if sys.version_info < OLDEST_PYTHON:
        return [Finding("python", "problem", found, "use Python 3.11 or newer: make PYTHON=python3.11 run")]
    return [Finding("python", "ok", found)]


def _torch(asked: str, runtime: str, checkpoints: Sequence[Path]) -> list[Finding]:
    """Look at torch and at the device; torch is imported, which takes seconds, only where it would encode."""
    there = [folder for folder in checkpoints if (folder / CONFIG_FILE).is_file()]
    asked_for = runtime == "torch" or asked not in ("auto", "cpu")
    used = asked_for or not all(map(exported, there))
    try:
        require("train", "torch", what="this")
    except VitrineError:
        if used:
            fix = "pip install 'vitrine[train]', or have the checkpoint exported and leave the choice to Vitrine"
            return [Finding("torch", "problem" if asked_for else "note", "not installed", fix)]
        return [Finding("torch", "ok", "not installed, and not needed: onnxruntime encodes"), _CPU]
    if not used and not gpu_likely():
        return [Finding("torch", "ok", f"{metadata.version('torch')}, not used: onnxruntime encodes"), _CPU]
    try:
        import torch

        from models import fast_dtype, pick_device
    except (ImportError, OSError) as error:
        again = "install it again: pip install --force-reinstall torch torchvision"
        return [Finding("torch", "problem", f"cannot be imported ({first_line(error)})", again)]
    found = [Finding("torch", "ok", torch.__version__)]
    try:
        device = pick_device(asked)
    except VitrineError as error:
        return [*found, Finding("device", "problem", str(error), "set VITRINE_DEVICE=auto, or repair the GPU's driver")]
    named = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    return [*found, Finding("device", "ok", f"{device} ({named}), computes in {str(fast_dtype(device))[6:]}")]


def _threads() -> list[Finding]:
    cores = usable_cores()
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # then those of teams within teams
    threads = int(asked) if asked.isdecimal() else _scheduled_cores()
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    found = f"{threads} threads on {cores:.3g} cores, load {busy:.1f}, OpenMP waits {_waiting()}"
    if threads > math.ceil(cores):
        return [Finding("threads", "note", found, f"set OMP_NUM_THREADS={max(1, math.floor(cores))}")]
    if _waiting() != "passively" and busy > cores / 2:
        return [Finding("threads", "note", found, "beside other work, set OMP_WAIT_POLICY=PASSIVE")]
    return [Finding("threads", "ok", found)]


def _waiting() -> str:
    return "passively" if os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE" else "actively"


def usable_cores(root: Path = ROOT) -> float:
    """Return how many cores this process may use, by its affinity and its control group; `root` holds /sys."""
    cores = _scheduled_cores()
    limit = _read(root / "sys/fs/cgroup/cpu.max").split()
    if len(limit) == 2 and limit[0].isdecimal():
        return min(float(cores), int(limit[0]) / int(limit[1]))
    return float(cores)


def _scheduled_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(root: Path = ROOT) -> float | None:
    """Return the bytes of memory that this process may still take, or None where the system does not say."""
    said = dict(line.split(":", 1) for line in _read(root / "proc/meminfo").splitlines() if ":" in line)
    if "MemAvailable" not in said:
        return None
    free = int(said["MemAvailable"].split()[0]) * 1024
    group = root / "sys/fs/cgroup"
    limit, used = _read(group / "memory.max").strip(), _read(group / "memory.current").strip()
    return min(free, int(limit) - int(used)) if limit.isdecimal() and used.isdecimal() else free


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def _memory(workers: int) -> list[Finding]:
    free = free_memory()
    if free is None:
        return [Finding("memory", "ok", "this system does not say how much is free")]
    needed = NEEDED_MEMORY_GB * workers
    found = f"{free / GIB:.1f} GiB free"
    if free / GIB < needed:
        fix = f"a service of {workers} worker{'s' * (workers > 1)} wants about {needed:.1f} GiB: free some"
        return [Finding("memory", "note", found, fix)]
    return [Finding("memory", "ok", found)]


def _disk(catalogue: Location) -> list[Finding]:
    if not isinstance(catalogue, Path):
        return [Finding("disk", "ok", "the catalogue is in a database, whose disk is its host's to watch")]
    folder = next(path for path in (catalogue.absolute().parent, *catalogue.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(folder).free / GIB
    found = f"{free:.1f} GiB free in {folder}"
    if not os.access(folder, os.W_OK):
        fix = f"give yourself the right to write to {folder}; a service that only reads does without"
        return [Finding("disk", "note", f"{found}, which cannot be written", fix)]
    if free < NEEDED_DISK_GB:
        return [Finding("disk", "note", found, "free some: a full disk stops training, indexing and changes")]
    return [Finding("disk", "ok", found)]


def _hub() -> list[Finding]:
    from huggingface_hub import constants

    spare = "not needed to serve or index; give towers as folders (--text-tower, --image-tower), or set HF_ENDPOINT"
    if constants.HF_HUB_OFFLINE:
        return [Finding("hub", "note", "HF_HUB_OFFLINE is set, so it is not asked", spare)]
    try:
        answer = httpx.head(constants.ENDPOINT, timeout=HUB_TIMEOUT_S, follow_redirects=True)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = first_line(error)
        return [Finding("hub", "note", f"{constants.ENDPOINT} cannot be reached ({why})", spare)]
    return [Finding("hub", "ok", f"{constants.ENDPOINT} answers")]


def _artefacts(checkpoints: Sequence[Path], catalogue: Location) -> list[Finding]:
    found: list[Finding] = []
    known: dict[str, Path] = {}
    for folder in checkpoints:
        if not (folder / CONFIG_FILE).is_file():
            continue
        try:
            name = encoder_id(folder)
        except (VitrineError, OSError) as error:
            found.append(Finding("checkpoint", "problem", f"{folder}: {error}", "copy it again, or take it away"))
        else:
            known.setdefault(name, folder)
            found.append(Finding("checkpoint", "ok", f"{folder}: encoder {name}"))
            found.append(_runtime(folder))
    if not found:
        places = f"none in {' or '.join(map(str, checkpoints))}" if checkpoints else "none here"
        found.append(Finding("checkpoint", "note", places, "`vitrine demo` makes one; or train your own"))
    if isinstance(catalogue, Path) and not catalogue.exists():
        fix = "`vitrine demo` makes one; of your own products: vitrine index --data PATH"
        return [*found, Finding("catalogue", "note", f"none in {catalogue}", fix)]
    try:
        with open_catalogue(catalogue) as opened:
            info, products = opened.info, len(opened)
    except VitrineError as error:
        again = "vitrine index --data PATH makes it again"
        if not isinstance(catalogue, Path):
            again = (
                "repair the database or VITRINE_CATALOGUE; `vitrine index --data PATH --out URL` makes the catalogue"
            )
        return [*found, Finding("catalogue", "problem", str(error), again)]
    said = f"{catalogue}: {products:,} products of {info.source}, by encoder {info.encoder_id}"
    if info.encoder_id not in known:
        fix = "put back the checkpoint that made it, or make it again: vitrine index --data PATH"
        return [*found, Finding("catalogue", "problem", f"{said}, which is none of the checkpoints above", fix)]
    return [*found, Finding("catalogue", "ok", said)]


def _runtime(folder: Path) -> Finding:
    """Say what encodes with a checkpoint on a CPU."""
    if not exported(folder):
        fix = f"on a CPU, `vitrine export {folder}` makes it several times as fast; that needs vitrine[train]"
        return Finding("runtime", "note", f"{folder} is not exported: torch encodes", fix)
    try:
        earlier = earlier_export(folder)
    except VitrineError as error:
        return Finding("runtime", "problem", str(error), "copy the checkpoint again, or export it again")
    if earlier:
        found = f"{folder} was exported by an earlier version, whose vectors of pictures may be far from torch's"
        return Finding("runtime", "note", found, f"`vitrine export {folder}`, then make the catalogue again")
    return Finding("runtime", "ok", f"{folder} is exported: onnxruntime encodes on a CPU")


def _products(catalogue: Location) -> list[Finding]:
    """Read every product of a catalogue whole; where there is none, `_artefacts` has said so."""
    try:
        damaged = damaged_products(catalogue)
    except VitrineError:
        return []
    if not damaged:
        return [Finding("products", "ok", "each is what was stored")]
    named = "; ".join(f"{product_id!r}: {reason}" for product_id, reason in list(damaged.items())[:MAX_NAMED])
    more = f"; and {len(damaged) - MAX_NAMED:,} more" if len(damaged) > MAX_NAMED else ""
    fix = "they are left out; put them in again with their pictures, or put back a copy of the catalogue"
    return [Finding("products", "problem", f"{len(damaged):,} damaged: {named}{more}", fix)]


def _keys(path: Path) -> list[Finding]:
    try:
        keys = read_keys(path)
    except VitrineError as error:
        return [Finding("keys", "problem", str(error), "repair the file, or move it away and make new keys")]
    if not keys:
        fix = "to change products over HTTP: vitrine key create NAME --scope write"
        return [Finding("keys", "note", f"none in {path}; searches work without", fix)]
    return [Finding("keys", "ok", f"{path}: " + ", ".join(f"{key.name} ({key.scope})" for key in keys))]


def _port(host: str, port: int) -> list[Finding]:
    where = f"{host} port {port}"
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        fix = "if that is not your own service: vitrine serve --port 0"
        owner = port_owner(port) if error.errno == errno.EADDRINUSE else None
        why = error.strerror if owner is None else f"taken by {owner}"
        return [Finding("port", "note", f"{where} cannot be listened on ({why})", fix)]
    return [Finding("port", "ok", f"{where} is free")]

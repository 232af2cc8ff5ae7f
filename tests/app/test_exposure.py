"""What `vitrine doctor` says of who can reach what, and that its parts agree with what the service does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import app.exposure
from app.exposure import exposure
from app.findings import Finding
from app.http import create_key
from app.settings import Settings
from tests.tools.root import ROOT


@pytest.fixture(autouse=True)
def _no_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(app.exposure, "DEVICE_ID", tmp_path / ".onnxruntime")


def look(catalogue: Path = Path("nowhere"), **given: Any) -> dict[str, Finding]:
    return {one.check: one for one in exposure(Settings.read(**given), catalogue)}


def test_the_defaults_are_safe() -> None:
    found = look()
    assert {one.state for one in found.values()} == {"ok"}
    assert found["proxies"].found == "trusted: none"


def test_keys_that_others_may_read_are_a_problem(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    create_key(keys, "shop", "write")
    assert look(keys=keys)["key file"].state == "ok"
    keys.chmod(0o640)
    assert look(keys=keys)["key file"] == Finding(
        "key file", "problem", f"{keys} has mode 0640: others may read it", f"chmod 600 {keys}"
    )


def test_a_keyed_catalogue_that_everybody_may_read_is_a_problem(tmp_path: Path) -> None:
    """Its pictures and titles were in files of mode 0644, though every search needed a key."""
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir(mode=0o755)
    (catalogue / "catalogue-1.sqlite").touch(0o644)
    assert "files" not in look(catalogue)
    assert look(catalogue, reads="keyed")["files"].state == "problem"
    catalogue.chmod(0o750)
    assert look(catalogue, reads="keyed")["files"].state == "ok"
    catalogue.chmod(0o755)
    (catalogue / "catalogue-1.sqlite").chmod(0o640)
    assert look(catalogue, reads="keyed")["files"].state == "ok"


@pytest.mark.parametrize(
    ("trusted", "state"),
    [
        ("127.0.0.1", "ok"),
        ("10.0.0.0/8,172.16.0.0/12", "ok"),
        ("fd00::/8", "ok"),
        ("*", "problem"),
        ("10.0.0.1, 0.0.0.0/0", "problem"),
        ("::/0", "problem"),
    ],
)
def test_trust_in_nearly_everybody_is_a_problem(trusted: str, state: str) -> None:
    assert look(trusted_proxies=trusted)["proxies"].state == state


def test_a_service_for_others_is_told_what_it_lacks() -> None:
    found = look(host="0.0.0.0")
    assert (found["network"].state, found["hosts"].state) == ("note", "note")
    assert "VITRINE_READS=keyed" in found["network"].fix
    assert "VITRINE_PAGES=shop" in found["pages"].fix
    assert look(host="0.0.0.0", pages="shop")["pages"].state == look()["pages"].state == "ok"
    safe: dict[str, Any] = {"host": "0.0.0.0", "reads": "keyed", "metrics": "off", "rate_limit": "600/minute"}
    found = look(allowed_hosts="shop.example", **safe)
    assert {one.state for one in found.values()} == {"ok"}


def test_a_device_id_that_onnxruntime_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / ".onnxruntime").mkdir()
    found = look()["reports"]
    assert found.state == "note"
    assert "ORT_DISABLE_TELEMETRY=1" in found.fix


@pytest.mark.parametrize("module", ["common", "vitrine", "app", "index", "models", "training.indexing.ray_cluster"])
def test_whatever_is_imported_first_switches_reports_off(module: str) -> None:
    program = f"import {module}, os; print(os.environ['ORT_DISABLE_TELEMETRY'], os.environ['RAY_USAGE_STATS_ENABLED'])"
    environment = {"PYTHONPATH": str(ROOT), "ORT_DISABLE_TELEMETRY": "", "RAY_USAGE_STATS_ENABLED": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1 0\n"
    assert done.stderr == ""


def test_who_imports_onnxruntime_first_is_warned() -> None:
    """Nothing can be switched off any more then."""
    program = "import sys; sys.modules['onnxruntime'] = sys; import vitrine"
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert "import vitrine first" in done.stderr
    environment["ORT_DISABLE_TELEMETRY"] = "1"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""

"""What the container, the sources and the running process promise: few rights, no surprises."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.server import create_app
from app.settings import Settings
from index import Catalogue
from tests.tools.root import ROOT
from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    ask,
    served,
)


def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def test_the_monitoring_profile_is_pinned_read_only_and_local() -> None:
    services = compose()["services"]
    assert "profiles" not in services["api"]
    for name in ("prometheus", "grafana"):
        service = services[name]
        assert service["profiles"] == ["monitoring"]
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for mount in service["volumes"]:
            source, _, options = mount.partition(":")
            if source.startswith("./"):
                assert options.endswith(":ro")
                assert (ROOT / source).exists()
            else:
                assert source in compose()["volumes"]
    scraped = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert [job["static_configs"][0]["targets"] for job in scraped] == [["api:8000"]]
    provider = yaml.safe_load((ROOT / "monitoring/grafana/provisioning/dashboards/vitrine.yml").read_text())
    folder = provider["providers"][0]["options"]["path"]
    assert f"./monitoring/grafana/dashboards:{folder}:ro" in services["grafana"]["volumes"]


def test_the_service_has_few_rights_in_its_container() -> None:
    api = compose()["services"]["api"]
    assert api["read_only"] is True
    assert api["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in api["security_opt"]
    assert api["ports"] == ["${VITRINE_BIND:-127.0.0.1}:${VITRINE_PORT:-8000}:8000"]
    for name in api["environment"]:
        assert name.removeprefix("VITRINE_").lower() in Settings.model_fields
    stages = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")
    by_name = {stage.split("\n")[0].rpartition(" AS ")[2]: stage for stage in stages}
    for name in ("train", "serve"):
        stage = by_name[name]
        assert stage.startswith("base AS "), "the command is that of the base"
        assert re.findall(r"^USER (\S+)$", stage, re.MULTILINE) == ["10001"]
        assert not re.search(r"^(COPY|RUN|CMD)", stage.split("\nUSER 10001")[1], re.MULTILINE)
    assert "\nCMD " in by_name["base"]
    assert by_name["serve"] == stages[-1], "what is built unless another stage is named"


FORBIDDEN = {
    "pickle": r"\bimport (c?pickle|dill|joblib|shelve|marshal)\b|\bfrom (pickle|dill|joblib|shelve|marshal)\b",
    "torch.load of anything but weights": r"\btorch\.load\((?!.*weights_only=True)",
    "eval or exec": r"(?<![\w.])(eval|exec)\(",
    "a shell": r"\bos\.(system|popen)\(|shell\s*=\s*True",
    "unsafe YAML": r"\byaml\.(load|unsafe_load|full_load)\(",
    "pickled arrays": r"allow_pickle\s*=\s*True",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_source_runs_what_it_reads(what: str) -> None:
    sources = [ROOT / "common.py"]
    for package in ("app", "index", "models", "training", "vitrine"):
        sources += (ROOT / package).rglob("*.py")
    assert len(sources) > 30
    for path in sources:
        assert not re.search(FORBIDDEN[what], path.read_text(encoding="utf-8")), path


def test_nothing_is_connected_to_while_serving(
    checkpoint: Path, catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an image by address nor a model from the hub is fetched (marqo 1452, open_clip 580)."""
    strangers: list[object] = []
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def watched(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
            strangers.append(address)
        connect(self, address)

    def looked_up(host: Any, *args: Any, **options: Any) -> Any:
        if host not in (None, "127.0.0.1", b"127.0.0.1"):
            strangers.append(host)
        return lookup(host, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    app = create_app(Settings.read(checkpoint=checkpoint, catalogue=catalogue, device="cpu", allowed_hosts="*"))
    address = "http://169.254.169.254/latest/meta-data"
    with served(app) as client, Catalogue.open(catalogue) as opened:
        assert ask(client, IMAGES, text=address)["results"]
        picture = opened.image("p0")
        assert client.post(DESCRIPTIONS, files={"image": (address, picture)}).status_code == 200
        for body in ({"image": address}, {"text": "red", "image": address}, {"text": "red", "image_url": address}):
            assert client.post(IMAGES, json=body).status_code == 422
        assert client.post(IMAGES, data={"image": address}, files={"x": b""}).status_code == 422
        assert client.get("/v1/evaluation").status_code == 200
        assert client.get(f"/v1/products/{address}/image").status_code == 404
        for path in ("/", "/docs", "/readyz", "/metrics"):
            assert client.get(path, headers={"host": "169.254.169.254", "referer": address}).status_code == 200
    assert strangers == []
    assert threading.active_count() < 100

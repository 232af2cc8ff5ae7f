"""What can be held of the container files where no Docker engine runs; docs/container.md says how the rest was seen."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from app.errors import MisdirectedError
from app.http.hosts import Hosts
from tests.tools.root import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_service_alone_starts_by_default_and_the_rest_by_profile() -> None:
    profiles = {name: service.get("profiles", []) for name, service in SERVICES.items()}
    assert [name for name, of in profiles.items() if not of] == ["api"]
    assert {profile for of in profiles.values() for profile in of} == {"train", "monitoring", "cluster"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_pinned_and_has_no_rights(name: str) -> None:
    service = SERVICES[name]
    tag = service["image"].rpartition(":")[2]
    assert re.match(r"v?\d+\.\d+", tag), f"{service['image']} names no release"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded(name: str) -> None:
    """One body took 2.7 GB of the host, and /tmp had no size: a service that runs wild must not take others along."""
    service = SERVICES[name]
    for limit in ("mem_limit", "cpus", "pids_limit"):
        assert re.fullmatch(r"\$\{\w+:-[1-9]\d*[gm]?\}", service[limit]), f"{limit}: {service.get(limit)}"
    assert all("size=" in place for place in service.get("tmpfs", []))


def test_only_the_names_of_this_machine_are_answered() -> None:
    """In a container every address is listened on, so that the service itself would answer for any name."""
    names = SERVICES["api"]["environment"]["VITRINE_ALLOWED_HOSTS"].removeprefix("${VITRINE_ALLOWED_HOSTS:-")[:-1]
    hosts = Hosts(names, "0.0.0.0")
    for host in ("127.0.0.1:8000", "localhost:8000", "[::1]:8000", "api:8000"):
        hosts.check([host], "/v1/facets")
    with pytest.raises(MisdirectedError):
        hosts.check(["evil.example"], "/v1/facets")


def test_there_is_no_default_password() -> None:
    """The database's was `vitrine`. An empty one is refused: by PostgreSQL's image, and for Grafana by the command."""
    assert SERVICES["db"]["environment"]["POSTGRES_PASSWORD"] == "${DB_PASSWORD:-}"
    for name in ("fill", "replica"):
        assert SERVICES[name]["environment"]["PGPASSWORD"] == "${DB_PASSWORD:-}"
        assert SERVICES[name]["environment"]["VITRINE_CATALOGUE"] == "postgresql://vitrine@db:5432/vitrine"
    grafana = SERVICES["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_PASSWORD:-}"
    assert not [name for name in grafana["environment"] if "ANONYMOUS" in name]
    script = grafana["entrypoint"][-1].replace("$$", "$").replace("/run.sh", "true")
    for password, status in (("", 1), ("secret", 0)):
        done = subprocess.run(["/bin/sh", "-euc", script], env={"GF_SECURITY_ADMIN_PASSWORD": password}, check=False)
        assert done.returncode == status


def test_volumes_and_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
            if source.startswith("./") and source != "./my-shop":
                assert (ROOT / source).exists(), volume
            elif not source.startswith("."):
                assert source in COMPOSE["volumes"], volume


STAGES = {
    match["name"]: match["text"]
    for match in re.finditer(
        r"^FROM \S+ AS (?P<name>\S+)\n(?P<text>.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL
    )
}


def test_the_base_of_both_images_is_one_named_by_its_content() -> None:
    assert re.search(r"^ARG PYTHON=python:3\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) - set(STAGES)
    assert bases == {"${PYTHON}", "scratch"}
    assert not re.search(r"[:@]latest", DOCKERFILE)


def test_what_serves_is_built_last_and_takes_nothing_that_trains() -> None:
    assert list(STAGES)[-1] == "serve"
    taken = re.findall(r"--from=(\S+) (\S+)", STAGES["base"] + STAGES["serve"])
    assert dict(taken) == {"lean": "/opt/venv", "code": "/opt/vitrine", "demo": "/tmp/demo"}
    assert "FROM packages AS lean" in DOCKERFILE
    assert "torch" not in STAGES["packages"] + STAGES["lean"] + STAGES["serve"]


def test_all_packages_are_those_of_the_locks() -> None:
    installs = re.findall(r"pip --python \S+ install (.*)", DOCKERFILE)
    hashed = [one for one in installs if "--require-hashes --no-deps -r requirements/" in one]
    ours = [one for one in installs if one.startswith("--no-deps --no-build-isolation --target /opt/vitrine .")]
    given = [one for one in installs if one.startswith('--index-url "$TORCH_INDEX"')]
    assert len(installs) == len(hashed) + len(ours) + len(given) == 8 - 1
    for path in re.findall(r"requirements/\w+\.txt", DOCKERFILE):
        assert (ROOT / path).is_file()
    assert DOCKERFILE.index("-r requirements/serve.txt") < DOCKERFILE.index("COPY . .")


def test_both_images_run_without_rights() -> None:
    for name in ("train", "serve"):
        assert re.search(r"^USER 10001$", STAGES[name], re.MULTILINE)
    assert re.search(r"^HEALTHCHECK (?:.*\\\n)?.*/readyz", STAGES["base"], re.MULTILINE)
    assert "if command -v pip; then exit 1; fi" in STAGES["base"]


@pytest.mark.parametrize(("answer", "healthy"), [("200 OK", True), ("503 Service Unavailable", False), ("", False)])
def test_the_check_of_health_asks_the_service(answer: str, healthy: bool) -> None:
    """Without an HTTP client, whose import costs more than the check."""
    command = json.loads(re.search(r"^HEALTHCHECK .*? CMD (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.M)[1])  # type: ignore[index]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command[-1] = command[-1].replace("/8000", f"/{listening.getsockname()[1]}")
        with subprocess.Popen(command) as running:
            connection, _ = listening.accept()
            with connection:
                asked = b""
                while not asked.endswith(b"\r\n\r\n"):
                    asked += connection.recv(1000)
                assert asked == b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n"
                if answer:
                    connection.sendall(f"HTTP/1.1 {answer}\r\n\r\n{{}}".encode())
            assert (running.wait(60) == 0) is healthy


def test_what_serves_and_what_trains_are_the_two_images() -> None:
    made = {name: service["build"]["target"] for name, service in SERVICES.items() if "build" in service}
    assert made == {"api": "serve", "train": "train"}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    images = {name: service["image"] for name, service in SERVICES.items() if service["image"].startswith("vitrine")}
    assert images.pop("train") == f"vitrine-train:{version}"
    assert set(images.values()) == {f"vitrine:{version}"}


def test_the_image_says_no_package_index() -> None:
    text = DOCKERFILE + (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)


def test_the_balancer_sends_to_the_replicas() -> None:
    config = (ROOT / "monitoring" / "balancer.conf").read_text(encoding="utf-8")
    assert "server replica:8000" in config
    assert f"listen {SERVICES['balancer']['ports'][0].rpartition(':')[2]};" in config
    assert SERVICES["replica"]["deploy"]["replicas"] == 2

"""What can be held of the container files where no Docker engine runs; docs/container.md says how the rest was seen."""

from __future__ import annotations

import re
import subprocess
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


def test_the_image_is_built_in_stages_and_runs_without_rights() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", DOCKERFILE, re.MULTILINE)
    assert [name for _, name in stages] == ["dependencies", "build", "service"]
    assert re.search(r"^ARG PYTHON=3\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert "latest" not in DOCKERFILE
    service = DOCKERFILE.partition("AS service")[2]
    assert re.search(r"^USER 10001$", service, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\n.*/readyz", service, re.MULTILINE)
    assert DOCKERFILE.index("pip --python /opt/venv/bin/python install -r") < DOCKERFILE.index("COPY . .")


def test_the_image_says_no_package_index() -> None:
    text = DOCKERFILE + (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)


def test_the_balancer_sends_to_the_replicas() -> None:
    config = (ROOT / "monitoring" / "balancer.conf").read_text(encoding="utf-8")
    assert "server replica:8000" in config
    assert f"listen {SERVICES['balancer']['ports'][0].rpartition(':')[2]};" in config
    assert SERVICES["replica"]["deploy"]["replicas"] == 2

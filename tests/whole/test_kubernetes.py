"""deploy/kubernetes.yaml: what it says fits the image, the settings and the calls; docs/container.md says what checked
it against the schemas of Kubernetes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import PREFIX, Settings
from tests.tools.root import ROOT
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue

TEXT = (ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")
OBJECTS: dict[str, Any] = {one["kind"]: one for one in yaml.safe_load_all(TEXT)}
POD = OBJECTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def test_the_pod_has_no_rights() -> None:
    assert POD["automountServiceAccountToken"] is False
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert f"USER {POD['securityContext']['runAsUser']}" in DOCKERFILE
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_what_is_written_has_a_place() -> None:
    mounted = {one["mountPath"]: one["name"] for one in CONTAINER["volumeMounts"]}
    assert mounted.keys() == {"/srv/artefacts", "/tmp"}
    assert set(mounted.values()) == {one["name"] for one in POD["volumes"]}
    assert all("sizeLimit" in one["emptyDir"] for one in POD["volumes"] if "emptyDir" in one)


def test_a_service_called_vitrine_sets_nothing_in_the_pod() -> None:
    """Kubernetes writes the address of each Service into variables: that of ours would be VITRINE_PORT."""
    assert OBJECTS["Service"]["metadata"]["name"] == "vitrine"
    assert POD["enableServiceLinks"] is False


def test_its_settings_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    (named,) = (one["configMapRef"]["name"] for one in CONTAINER["envFrom"])
    assert named == OBJECTS["ConfigMap"]["metadata"]["name"]
    for variable, value in OBJECTS["ConfigMap"]["data"].items():
        assert variable.removeprefix(PREFIX).lower() in Settings.model_fields, variable
        monkeypatch.setenv(variable, value)
    Settings.read()


def test_probes_ask_what_there_is(tmp_path: Path) -> None:
    probes = {name: CONTAINER[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    with shop_open(write_catalogue(tmp_path / "catalogue", DrawnEncoder())) as client:
        for one in probes.values():
            assert client.get(one["path"]).status_code == 200
    assert probes["readiness"]["path"] == "/readyz"
    assert probes["liveness"]["path"] == "/healthz"  # one under load is not ended
    (port,) = CONTAINER["ports"]
    assert f"EXPOSE {port['containerPort']}" in DOCKERFILE
    used = [one["port"] for one in probes.values()] + [one["targetPort"] for one in OBJECTS["Service"]["spec"]["ports"]]
    used += [port["port"] for rule in OBJECTS["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]]
    assert set(used) == {port["name"]}


def test_it_selects_its_pods_and_starts_the_image_that_compose_builds() -> None:
    labels = OBJECTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [OBJECTS["Service"]["spec"]["selector"], OBJECTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]]
    selectors += [OBJECTS[kind]["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")]
    assert all(selector == labels for selector in selectors)
    assert CONTAINER["image"] == COMPOSE["services"]["api"]["image"]
    memory = CONTAINER["resources"]["limits"]["memory"].removesuffix("Gi")
    assert COMPOSE["services"]["api"]["mem_limit"] == f"${{API_MEMORY:-{memory}g}}"
    assert (
        int(re.sub(r"\D", "", COMPOSE["services"]["api"]["stop_grace_period"])) == POD["terminationGracePeriodSeconds"]
    )

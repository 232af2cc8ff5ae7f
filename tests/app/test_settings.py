"""Settings from the environment, also from one that others have written."""

from __future__ import annotations

import pytest

from app.settings import DEFAULT_PORT, Settings, misspelt, service_link, settings_list
from common import ConfigError

KUBERNETES = {
    "VITRINE_SERVICE_HOST": "10.96.0.1",
    "VITRINE_SERVICE_PORT": "8000",
    "VITRINE_SERVICE_PORT_HTTP": "8000",
    "VITRINE_PORT": "tcp://10.96.0.1:8000",
    "VITRINE_PORT_8000_TCP": "tcp://10.96.0.1:8000",
    "VITRINE_PORT_8000_TCP_PROTO": "tcp",
    "VITRINE_PORT_8000_TCP_PORT": "8000",
    "VITRINE_PORT_8000_TCP_ADDR": "10.96.0.1",
}
"""What a pod finds where a Service is called vitrine."""


@pytest.mark.parametrize(
    "link", ["tcp://10.96.0.1:8000", "udp://[fd00::1]:53", "sctp://10.0.0.1:1", "TCP://x:1", " tcp://x:1"]
)
def test_link_to_a_service_of_kubernetes_is_no_port_to_listen_on(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    for name, value in {**KUBERNETES, "VITRINE_PORT": link}.items():
        monkeypatch.setenv(name, value)
    assert Settings.read().port == DEFAULT_PORT
    assert Settings.read(port=9000).port == 9000
    assert next(one["value"] for one in settings_list() if one["variable"] == "VITRINE_PORT") == DEFAULT_PORT
    assert misspelt() == []
    assert f"VITRINE_PORT is {link.strip()!r}" in service_link()
    assert "ignored" in service_link()
    monkeypatch.setenv("VITRINE_PORT", "9000")
    assert service_link() == ""


@pytest.mark.parametrize("value", ["8000/tcp", "http://x:80", "tcp", "80 80", "-1", "70000"])
def test_other_ports_that_are_none_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("VITRINE_PORT", value)
    with pytest.raises(ConfigError, match="VITRINE_PORT is"):
        Settings.read()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("VITRINE_PROT", "VITRINE_PORT"),
        ("VITRINE_WORKER", "VITRINE_WORKERS"),
        ("VITRINE_RATELIMIT", "VITRINE_RATE_LIMIT"),
        ("VITRINE_ALLOWED_HOST", "VITRINE_ALLOWED_HOSTS"),
    ],
)
def test_variable_that_is_misspelt_is_told(monkeypatch: pytest.MonkeyPatch, variable: str, meant: str) -> None:
    monkeypatch.setenv(variable, "1")
    assert misspelt() == [f"{variable} is no setting; did you mean {meant}?"]


@pytest.mark.parametrize(
    "variable",
    [
        "VITRINE_API_KEY",
        "VITRINE_BIND",
        "VITRINE_TEST_DATA",
        "VITRINE_SERVICE_HOST",
        "VITRINE_PORT_8000_TCP",
        "VITRINE_PROT",
    ],
)
def test_variable_of_something_else_or_without_a_value_is_not(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "" if variable == "VITRINE_PROT" else "1")
    assert misspelt() == []

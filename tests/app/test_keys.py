"""Keys: made, kept as hashes, recognised, and demanded by the calls."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Depends
from typer.testing import CliRunner

from app.http import (
    SCOPES,
    ScopeName,
    create_key,
    read_keys,
    require,
    revoke_key,
)
from app.server import create_app
from app.settings import Settings
from common import ConfigError, InputError, NotFoundError
from tests.app.helpers import bearer
from tests.tools.shop import IMAGES, PATIENT, DrawnEncoder, ask, error_of, served
from vitrine.cli import cli

OPEN = ["/healthz", "/readyz", "/", "/embed.js", "/docs", "/openapi.json", "/metrics"]
READS = ["/v1/products/1000", "/v1/products/1000/image", "/v1/evaluation"]


@contextmanager
def keyed(folder: Path, keys: Path, **settings: Any) -> Iterator[httpx.Client]:
    """Serve a shop that has calls of every scope, as the routes of live changes will be."""
    app = create_app(Settings.read(catalogue=folder, keys=keys, **{**PATIENT, **settings}), encoder=DrawnEncoder())

    def demand(scope: ScopeName) -> None:
        def call(name: str | None = Depends(require(scope))) -> dict[str, str | None]:
            """Try a key."""
            return {"name": name}

        app.add_api_route(f"/v1/try/{scope}", call, methods=["POST"])

    for scope in SCOPES:
        demand(scope)
    with served(app) as client:
        yield client


def test_only_the_hash_of_a_key_is_kept_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    key, secret = create_key(path, "shop", "write")
    assert secret.startswith("vtr_")
    assert len(secret) == 47
    text = path.read_text(encoding="utf-8")
    assert secret not in text
    assert secret[4:20] not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_keys(path) == [key]
    assert key.last4 == secret[-4:]
    create_key(path, "another", "read")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert revoke_key(path, "shop") == key
    assert [key.name for key in read_keys(path)] == ["another"]
    assert os.listdir(path.parent) == ["keys.json"]


def test_mistakes_with_keys_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    create_key(path, "shop", "read")
    with pytest.raises(InputError, match="there is a key 'shop'"):
        create_key(path, "shop", "read")
    for name in ("", "a b", "-x", "x" * 65, "a\nb"):
        with pytest.raises(InputError, match="cannot name a key"):
            create_key(path, name, "read")
    with pytest.raises(NotFoundError, match="there is: shop"):
        revoke_key(path, "other")
    for content in ("", "[]", '{"format": 2, "keys": []}', '{"format": 1, "keys": [{"name": "x"}]}', '{"format": 1}'):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ConfigError, match="no file of keys"):
            read_keys(path)
        with pytest.raises(ConfigError, match="no file of keys"):
            create_key(path, "other", "read")


def test_reads_are_open_and_writes_never_are(folder: Path, tmp_path: Path) -> None:
    with keyed(folder, tmp_path / "keys.json") as client:
        for path in OPEN + READS:
            assert client.get(path).status_code == 200, path
        assert ask(client, IMAGES, text="red dress")["results"]
        assert client.post("/v1/try/read").json() == {"name": None}
        for scope in ("write", "admin"):
            answer = client.post(f"/v1/try/{scope}", headers=bearer("vtr_guess"))
            error = error_of(answer, 401, "unauthorized")
            assert f"vitrine key create NAME --scope {scope}" in error["message"]
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("mine", [one for one in SCOPES if one != "search"])
def test_a_scope_includes_the_lower_ones(folder: Path, tmp_path: Path, mine: ScopeName) -> None:
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "mine", mine)
    with keyed(folder, keys) as client:
        for scope in SCOPES:
            for headers in (bearer(secret), {"X-API-Key": secret}, {"authorization": f"bearer  {secret}"}):
                answer = client.post(f"/v1/try/{scope}", headers=headers)
                if SCOPES.index(scope) <= SCOPES.index(mine):
                    assert answer.json() == {"name": "mine"}
                else:
                    assert f"'mine' has {mine}" in error_of(answer, 403, "forbidden")["message"]


def test_with_keyed_reads_all_of_v1_needs_a_key_and_nothing_else_does(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "reader", "read")
    with keyed(folder, keys, reads="keyed") as client:
        for path in OPEN:
            assert client.get(path).status_code == 200, path
        document = client.get("/openapi.json").json()
        assert set(document["components"]["securitySchemes"]) == {"Bearer", "ApiKey"}
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                assert bool(operation.get("security")) == path.startswith("/v1/"), path
                if path.startswith("/v1/"):
                    answer = client.request(method, path.replace("{product_id}", "1000"))
                    error_of(answer, 401, "unauthorized")
                    assert answer.headers["www-authenticate"] == "Bearer"
                    if not path.startswith("/v1/try"):
                        assert {"401", "403", "429"} <= set(operation["responses"])
        for path in READS:
            assert client.get(path, headers=bearer(secret)).status_code == 200
        assert client.post(IMAGES, json={"text": "red"}, headers=bearer(secret)).status_code == 200


def test_what_is_no_known_key_is_told_apart_by_nothing(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "reader", "read")
    wrong: list[dict[str, Any]] = [
        {},
        bearer(secret[:-1]),
        bearer(secret + "x"),
        bearer("x" * 10_000),
        {"X-API-Key": ""},
        {"Authorization": f"Basic {secret}"},
        {"Authorization": secret},
        {"Authorization": b"Bearer \xff\xfe"},
        {"X-API-Key": read_keys(keys)[0].sha256},
    ]
    with keyed(folder, keys, reads="keyed") as client:
        messages = {
            error_of(client.get(READS[0], headers=headers), 401, "unauthorized")["message"] for headers in wrong
        }
        assert len(messages) == 1
        assert client.get(READS[0], params={"key": secret}).status_code == 401  # addresses end up in logs


def test_new_and_revoked_keys_count_without_a_restart(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    with keyed(folder, keys, reads="keyed") as client:
        error_of(client.get(READS[0]), 401, "unauthorized")
        for _ in range(5):
            _, secret = create_key(keys, "shop", "read")
            assert client.get(READS[0], headers=bearer(secret)).status_code == 200
            revoke_key(keys, "shop")
            error_of(client.get(READS[0], headers=bearer(secret)), 401, "unauthorized")


def test_a_damaged_file_opens_nothing(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "shop", "admin")
    whole = keys.read_text(encoding="utf-8")
    with keyed(folder, keys, reads="keyed") as client:
        assert client.get(READS[0], headers=bearer(secret)).status_code == 200
        keys.write_text(whole[:-20], encoding="utf-8")
        answer = client.get(READS[0], headers=bearer(secret))
        assert str(tmp_path) not in error_of(answer, 503, "unavailable")["message"]
        assert str(keys) in caplog.text
        assert client.get("/healthz").status_code == 200
        keys.write_text(whole, encoding="utf-8")
        assert client.get(READS[0], headers=bearer(secret)).status_code == 200


def test_metrics_are_open_keyed_or_off(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "prometheus", "read")
    with keyed(folder, keys, metrics="keyed") as client:
        error_of(client.get("/metrics"), 401, "unauthorized")
        assert client.get("/metrics", headers=bearer(secret)).status_code == 200
    with keyed(folder, keys, metrics="off") as client:
        error_of(client.get("/metrics", headers=bearer(secret)), 404, "not_found")
        assert "/metrics" not in client.get("/openapi.json").json()["paths"]


def test_keys_are_made_listed_and_revoked_on_the_command_line(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    def run(*words: str) -> Any:
        done = CliRunner().invoke(cli, ["key", *words, "--keys", str(path)])
        return done.stdout if done.exit_code == 0 else done.exception

    assert "no keys" in CliRunner().invoke(cli, ["key", "list", "--keys", str(path)]).output
    shown = run("create", "shop", "--scope", "write")
    secret = shown.splitlines()[0]
    assert f"curl -H 'Authorization: Bearer {secret}'" in shown
    made = json.loads(run("create", "reader", "--scope", "read", "--json"))
    assert (made["name"], made["scope"], made["file"]) == ("reader", "read", str(path))
    listed = json.loads(run("list", "--json"))["keys"]
    assert [(key["name"], key["last4"]) for key in listed] == [("shop", secret[-4:]), ("reader", made["key"][-4:])]
    assert "shop" in run("list")
    assert secret not in run("list")
    with keyed(folder, path) as client:
        assert client.post("/v1/try/write", headers=bearer(secret)).json() == {"name": "shop"}
        assert "revoked" in run("revoke", "shop")
        error_of(client.post("/v1/try/write", headers=bearer(secret)), 401, "unauthorized")
    for words in (["create", "reader", "--scope", "read"], ["create", "x", "--scope", "all"], ["revoke", "nobody"]):
        assert isinstance(run(*words), InputError)

"""Lines of the log: one for every request, as text or JSON, which nobody else can write into."""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from app.http import create_key
from app.logs import JsonLine, Origin, TextLine, log_config, origin
from tests.tools.shop import (
    shop_open,
    until,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "vitrine.access"]


def test_every_request_leaves_one_line(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "shop", "read")
    caplog.set_level(logging.INFO, "vitrine")
    with shop_open(folder, keys=keys) as client:
        headers = {"authorization": f"Bearer {secret}", "x-request-id": "order-66", "traceparent": PARENT}
        answer = client.get("/v1/products/1000?secret=words", headers=headers)
        client.get("/v1/products/9")
        for path in ("/healthz", "/readyz", "/metrics"):
            client.get(path)
        until(lambda: len(lines(caplog)) == 2)
        first, second = (record.__dict__ for record in lines(caplog))
        assert first["method"] == "GET"
        assert first["path"] == "/v1/products/1000"
        assert first["route"] == "/v1/products/{product_id:path}"
        assert (first["status"], second["status"]) == (200, 404)
        assert (first["code"], second["code"]) == ("-", "not_found")
        assert (first["key"], second["key"]) == ("shop", "-")
        assert first["bytes"] == len(answer.content)
        assert first["client"] == "127.0.0.1"
        assert first["ms"] > 0
        assert "secret" not in caplog.text
        assert secret not in caplog.text
        caplog.clear()
        caplog.set_level(logging.DEBUG, "vitrine")
        client.get("/healthz")
        # The line of a request before may come late: it is written after the answer.
        until(lambda: any(record.__dict__["path"] == "/healthz" for record in lines(caplog)))
        assert all(record.levelno == logging.DEBUG for record in lines(caplog))


def record(message: str, *args: object, **extra: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "vitrine.app", "levelno": 20, "levelname": "INFO", "msg": message, **extra})
    made.args = args
    return made


def test_a_line_as_json_has_the_ids_and_the_exception() -> None:
    token = origin.set(Origin("order-66", TRACE, "b7ad6b7169203331"))
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        text = JsonLine().format(record("it is %s\n", "so", exc_info=sys.exc_info(), status=500))
    finally:
        origin.reset(token)
    assert "\n" not in text
    line = json.loads(text)
    assert line["message"] == "it is so\n"
    assert line["status"] == 500
    assert line["level"] == "INFO"
    assert line["logger"] == "vitrine.app"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert (line["request_id"], line["trace_id"], line["span_id"]) == ("order-66", TRACE, "b7ad6b7169203331")
    assert "RuntimeError: broken" in line["exc_info"]
    assert "request_id" not in json.loads(JsonLine().format(record("outside")))


def test_nobody_can_write_lines_into_the_log() -> None:
    shown = TextLine().format(record("GET %s", "/a\r\n2026-01-01T00:00:00Z INFO forged\x1b[31m\u2028"))
    assert len(shown.splitlines()) == 1
    assert "\x1b" not in shown
    assert "\\x0a" in shown


def test_the_servers_own_lines_go_through_the_same_format() -> None:
    config = log_config("json", "warning")
    assert config["loggers"]["uvicorn"] == config["loggers"]["vitrine"] == {"level": "WARNING"}
    assert config["formatters"]["line"] == {"()": "app.logs.JsonLine"}

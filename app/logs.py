"""What a line of the log looks like: as text or as JSON, with the ids of the request it belongs to. Knows no route."""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that a line belongs to."""

    request_id: str
    trace_id: str
    span_id: str


origin: ContextVar[Origin | None] = ContextVar("origin", default=None)
"""Set while a request is answered; None outside of one."""


def log_config(style: str, level: str, *, starts: bool = True) -> dict[str, Any]:
    """Return the configuration of `logging` for `text` or `json` lines on standard error, from `level` up.

    Without `starts` the server does not say that it starts and stops.

    The loggers of the server go through the same format; its access lines are off, as ours replace them.
    """
    formatter = {"text": TextLine, "json": JsonLine}[style]
    upper = level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{formatter.__module__}.{formatter.__name__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "vitrine": {"level": upper},
            "uvicorn": {"level": upper if starts or upper not in ("DEBUG", "INFO") else "WARNING"},
            "uvicorn.access": {"level": "CRITICAL", "propagate": False},
            # They warn of every form that is answered 400, and of every header of a caller that is passed over.
            "python_multipart": {"level": "ERROR"},
            "opentelemetry.trace": {"level": "ERROR"},
        },
    }


class TextLine(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO vitrine.access GET / 200 ... request=... trace=...`; exceptions follow below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: D102, N802
        return _time(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: D102, N802
        found = origin.get()
        ids = f" request={found.request_id} trace={found.trace_id}" if found else ""
        # One record, one line: what a caller sends must not write further lines.
        return CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", super().formatMessage(record)) + ids


class JsonLine(JsonFormatter):
    """One JSON object per record: time, level, logger, message, process, and whatever the record carries."""

    def __init__(self) -> None:
        super().__init__(["message"], reserved_attrs=[*logging.makeLogRecord({}).__dict__, "color_message", "taskName"])

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Put what every line has before what this one carries."""
        log_data["time"] = _time(record)
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        super().add_fields(log_data, record, message_dict)
        log_data["process"] = record.process
        if found := origin.get():
            log_data.update(request_id=found.request_id, trace_id=found.trace_id, span_id=found.span_id)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

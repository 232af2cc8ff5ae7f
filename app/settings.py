"""The service's settings, read from arguments and `VITRINE_*` environment variables. Opens nothing."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common import ConfigError
from index import Database, Location, parse_location
from models import MAX_PIXELS

PREFIX = "VITRINE_"
DEFAULT_PORT = 8000
SERVICE_LINK = re.compile(r"(?:tcp|udp|sctp)://", re.IGNORECASE)
"""How VITRINE_PORT begins in a pod beside a Kubernetes Service called vitrine, or in a container linked to one."""
OF_CLIENTS = ("url", "key", "api_key", "demo")
"""Variables that are no settings of the service, and are read elsewhere."""
MAX_RATE = 1_000_000
"""Most requests that a limit may allow in its window: their times are remembered."""
RATE = re.compile(r"\s*(\d+)\s*(?:/|per)\s*(\d*)\s*(second|minute|hour|day|month|year)s?\s*", re.IGNORECASE)
ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,99}){1,8}")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "month": 30 * 86_400, "year": 360 * 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` requests within `count` units of time."""

    amount: int
    count: int
    unit: str

    @property
    def seconds(self) -> int:
        """Length of the window."""
        return self.count * SECONDS[self.unit]

    def __str__(self) -> str:
        return f"{self.amount} per {self.count} {self.unit}"


def parse_rate(text: str) -> Rate:
    """Return the rate that a text such as `600/minute` or `10 per 5 seconds` stands for.

    Raises:
        ValueError: it stands for none, or for several.
    """
    match = RATE.fullmatch(text)
    if match:
        rate = Rate(int(match[1]), int(match[2] or 1), match[3].lower())
        if 1 <= rate.amount <= MAX_RATE and rate.count:
            return rate
    raise ValueError("give one limit of at least 1 request, such as 600/minute; empty for none")


def _own_port(value: Any) -> Any:
    """Return the default where Kubernetes has set the variable: it means the Service, not what to listen on."""
    return DEFAULT_PORT if isinstance(value, str) and SERVICE_LINK.match(value.strip()) else value


class Settings(BaseSettings):
    """Everything an operator can choose; `VITRINE_MAX_BATCH=8` in the environment sets `max_batch`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    checkpoint: Path = Path("artefacts/checkpoint")
    """Folder of the encoder's checkpoint; `vitrine serve`, unless told, takes the one that made the catalogue."""

    catalogue: Annotated[Location, BeforeValidator(parse_location), PlainSerializer(str)] = Path("artefacts/catalogue")
    """Folder of the catalogue that was encoded with that checkpoint, or a postgresql:// URL."""

    lexicons: Path | None = None
    """Folder with the shop's own words, a file such as fr.toml for each language; it adds to what is understood."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every network interface."""

    port: Annotated[int, BeforeValidator(_own_port)] = Field(DEFAULT_PORT, ge=0, le=65535)
    """TCP port to listen on; 0 takes a free one."""

    device: str = "auto"
    """Where the encoder runs: auto, cpu, cuda or cuda:N."""

    runtime: Literal["auto", "torch", "onnx"] = "auto"
    """What computes the encoder: torch, onnx (on a CPU, after `vitrine export`), or auto: onnx where it can be."""

    max_upload_mb: float = Field(10.0, gt=0, allow_inf_nan=False)
    """Largest upload, in megabytes (10^6 bytes), counted while it arrives."""

    max_pixels: int = Field(MAX_PIXELS, ge=1)
    """Largest picture, in pixels (width x height), checked before it is decoded."""

    max_batch: int = Field(32, ge=1)
    """Most texts and pictures encoded in one call."""

    queue_limit: int = Field(256, ge=1)
    """Most texts and pictures that wait for the encoder; further ones are refused at once."""

    text_cache: int = Field(4096, ge=0)
    """Query texts whose vectors are kept, so that a text asked again costs no encoding; 0 keeps none."""

    deadline_s: float = Field(10.0, gt=0, allow_inf_nan=False)
    """Longest a query may wait for its answer once it is read, in seconds."""

    upload_slots: int = Field(64, ge=1)
    """Most uploads held in memory at a time, in uploads; further ones are refused at once."""

    upload_memory_mb: float = Field(128.0, gt=0, allow_inf_nan=False)
    """Most memory that large request bodies hold together, in megabytes (10^6 bytes); further ones are refused."""

    upload_timeout_s: float = Field(30.0, gt=0, allow_inf_nan=False)
    """Longest a request body may take to arrive, in seconds."""

    decode_threads: int = Field(2, ge=1)
    """Processes that decode pictures, beside one for those that are large or take long."""

    decode_memory_mb: float = Field(256.0, ge=16, allow_inf_nan=False)
    """Most memory that decoding one picture may take, in megabytes (10^6 bytes); large ones are decoded one by one."""

    ready_timeout_s: float = Field(5.0, gt=0, allow_inf_nan=False)
    """Longest the query that /readyz sends through the whole service may take, in seconds."""

    evaluation_limit_s: float = Field(600.0, gt=0, allow_inf_nan=False)
    """Longest an evaluation may compute, in seconds; the time grows with the square of the catalogue."""

    workers: int = Field(1, ge=1, le=256)
    """Processes that serve, each with its own copy of encoder and catalogue."""

    keys: Path = Path("artefacts/keys.json")
    """File of the API keys' hashes, which `vitrine key` writes; a change is seen without a restart."""

    reads: Literal["open", "keyed"] = "open"
    """Whether searches need a key: open or keyed. Changes always do."""

    pages: Literal["lab", "shop", "off"] = "lab"
    """Which pages there are: lab shows everything, shop what customers need and nothing of the inside, off none."""

    metrics: Literal["open", "keyed", "off"] = "open"
    """Whether /metrics is there for everybody, with a key, or not at all: open, keyed or off."""

    picture_metadata: Literal["strip", "keep"] = "strip"
    """Whether pictures are given out without what says where, when and by whom they were taken: strip or keep."""

    picture_cache: Path = Path("artefacts/picture-cache")
    """Folder of pictures that were made small for pages; the workers share it, and it is made when it is needed."""

    picture_cache_mb: float = Field(1000.0, ge=0, allow_inf_nan=False)
    """Most room for those pictures, in megabytes (10^6 bytes); what was not shown for longest goes; 0 keeps none."""

    rate_limit: str = ""
    """Most requests per key, or per client address without one, such as 600/minute; empty for no limit. All worker
    processes count together."""

    max_connections: int = Field(1000, ge=2)
    """Most connections of a worker process, of which no address may hold more than half; at the bound, who has waited
    longest for its caller is closed for the new one."""

    allowed_hosts: str = ""
    """Names that requests may be for, with commas between: shop.example, *.shop.example, or * for all. Empty stands for
    localhost, 127.0.0.1 and [::1] when the service listens on loopback, else for all."""

    root_path: str = ""
    """Path below which a proxy serves this, such as /search: requests with and without it are answered, addresses in
    answers begin with it. What a trusted proxy says in X-Forwarded-Prefix goes first."""

    origins: str = ""
    """Origins whose pages may search from a visitor's browser (CORS), with commas between: https://shop.example,
    https://*.shop.example, or * for all; empty for none. Changes are not for them."""

    trusted_proxies: str = ""
    """Addresses or networks, with commas between, whose X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Prefix are
    believed; empty for none, * for all."""

    log_format: Literal["text", "json"] = "text"
    """What a line of the log is: text or json."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged: debug, info, warning or error."""

    @field_validator("root_path")
    @classmethod
    def _is_root_path(cls, value: str) -> str:
        path = value.strip().removesuffix("/")
        if path and not ROOT_PATH.fullmatch(path):
            raise ValueError(
                "give a path such as /search or /shop/search, without a host; empty for the root of a site"
            )
        return path

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if value:
            parse_rate(value)
        return value

    def environment(self) -> dict[str, str]:
        """Return the variables that make another process read these settings; an empty one stands for the default."""
        return {
            f"{PREFIX}{name.upper()}": value.url if isinstance(value, Database) else "" if value is None else str(value)
            for name, value in self
        }

    @classmethod
    def read(cls, **given: Any) -> Settings:
        """Return the settings: `given` first, then the environment, then the defaults; None counts as not given.

        Raises:
            ConfigError: a value that does not fit, named as the user typed it.
        """
        given = {name: value for name, value in given.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            problems = []
            for problem in error.errors(include_url=False):
                name = ".".join(str(part) for part in problem["loc"])
                spelled = name if name in given else f"{PREFIX}{name.upper()}"
                problems.append(f"{spelled} is {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}")
            raise ConfigError("; ".join(problems)) from None


def settings_list() -> list[dict[str, Any]]:
    """Return every setting with its variable, default, present value and meaning, as JSON data.

    Raises:
        ConfigError: a variable in the environment does not fit.
    """
    now = Settings.read().model_dump(mode="json")
    default = Settings.model_construct().model_dump(mode="json")
    return [
        {
            "variable": f"{PREFIX}{name.upper()}",
            "default": default[name],
            "value": now[name],
            "meaning": " ".join((field.description or "").split()),
        }
        for name, field in Settings.model_fields.items()
    ]


def settings_table() -> str:
    """Return every setting with its variable, default and meaning, as a Markdown table."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        meaning = " ".join((field.description or "").split())
        default = f"`{field.default}`" if field.default not in ("", None) else "empty"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {meaning} |")
    return "\n".join(lines)


def variables() -> list[str]:
    """Return the variables of the environment that are for us and not empty, in order."""
    return sorted(name for name in os.environ if name.startswith(PREFIX) and os.environ[name])


def service_link() -> str:
    """Return a sentence when VITRINE_PORT is the address of a Kubernetes Service, which is ignored; else nothing."""
    value = os.environ.get("VITRINE_PORT", "").strip()
    if not SERVICE_LINK.match(value):
        return ""
    return (
        f"VITRINE_PORT is {value!r}, which Kubernetes sets for a Service called vitrine and which is no port to listen"
        f" on: it is ignored, and the default is {DEFAULT_PORT}; enableServiceLinks: false in the pod leaves it out"
    )


def misspelt() -> list[str]:
    """Return a sentence for each variable of the environment that is nearly called as a setting, and is none."""
    names = [*Settings.model_fields, *OF_CLIENTS]
    sent = {variable: variable.removeprefix(PREFIX).lower() for variable in variables()}
    unknown = {variable: name for variable, name in sent.items() if name not in names}
    if not unknown:
        return []
    from index import typo_of  # its library takes some 10 ms

    return [
        f"{variable} is no setting; did you mean {PREFIX}{near.upper()}?"
        for variable, name in unknown.items()
        if (near := typo_of(name, names)) is not None
    ]

"""The calls that read: what each sends, and how its answer is read. Sends nothing: a client does.

Each function here is a method of `Client` and of `AsyncClient`, of the name of its operation in the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    import httpx


T = TypeVar("T")
Picture = "str | os.PathLike[str] | bytes | IO[bytes] | Image.Image"
"""A picture: the path of a file or a data URI, the bytes of a file, an open file, or a picture of Pillow."""
Repeat = Literal["always", "unseen"]
"""When a call may be sent again: always, or only while the service has certainly not begun with it."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    repeat: Repeat = "always"

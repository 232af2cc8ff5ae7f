"""One call as data: what is sent, how the answer is read, and whether it may be sent again. Sends nothing."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar
from urllib.parse import quote

from vitrine.client.errors import ServiceError

if TYPE_CHECKING:
    import httpx
    from PIL import Image

    Picture: TypeAlias = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image

T = TypeVar("T")
Repeat = Literal["always", "unseen"]
"""When a call may be sent again: always, or only while the service has certainly not begun with it."""
JSON = {"content-type": "application/json"}
QUALITY = 95
"""Of a picture in memory that is sent as JPEG."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    repeat: Repeat = "always"
    patience_s: float = 0.0
    """Seconds that it may take at least, whatever is usual."""


def json_of(answer: httpx.Response) -> Any:
    """Return the JSON of an answer.

    Raises:
        ServiceError: it is none: something else than a service answers there.
    """
    try:
        return json.loads(answer.content)
    except ValueError:
        raise ServiceError(
            f"{answer.request.url.copy_with(query=None)} answers no JSON but {answer.text[:80]!r}; is it the address "
            "of a Vitrine service?",
            status=answer.status_code,
            code="no_json",
        ) from None


def get(path: str, **params: Any) -> Call[Any]:
    """Return a call that reads at an address; parameters of None are left out, objects are sent as JSON."""
    return Call("GET", path, json_of, parameters(params))


def post(path: str, fields: Mapping[str, Any]) -> Call[Any]:
    """Return a call that asks with a JSON body and changes nothing; fields of None are left out."""
    return Call("POST", path, json_of, headers=JSON, content=body(fields))


def body(fields: Mapping[str, Any]) -> bytes:
    """Return fields as JSON, without those that are None."""
    given = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(given, ensure_ascii=False).encode("utf-8", "surrogatepass")


def parameters(given: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return the parameters of an address: lists come several times, objects as JSON, None not at all."""
    found: dict[str, str | list[str]] = {}
    for name, value in given.items():
        if value is None:
            continue
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, (list, tuple)):
            found[name] = [str(one) for one in value]
        else:
            found[name] = json.dumps(value)
    return found


def product_path(product_id: str, part: str = "") -> str:
    """Return the path of a product, or of a part of it such as `/image`."""
    return f"/v1/products/{quote(product_id, safe='')}{part}"


def several(given: str | Sequence[str]) -> list[str]:
    """Return one text or several as a list."""
    return [given] if isinstance(given, str) else list(given)


def data_uri(picture: Picture | None) -> str | None:
    """Return a picture as JSON carries it.

    Args:
        picture: the path of a file, a data URI, the bytes of a file, an open file, or a picture of Pillow.

    Raises:
        OSError: a file cannot be read.
        TypeError: it is none of these.
    """
    if picture is None or (isinstance(picture, str) and picture[:5].lower() == "data:"):
        return picture
    return f"data:application/octet-stream;base64,{base64.b64encode(bytes_of(picture)).decode('ascii')}"


def bytes_of(picture: Picture) -> bytes:
    """Return the bytes of a picture's file.

    Raises:
        OSError: a file cannot be read.
        TypeError: it is no picture as `data_uri` takes it.
    """
    if isinstance(picture, str) and picture[:5].lower() == "data:":
        return base64.b64decode(picture.partition(",")[2])
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return bytes(picture)
    if isinstance(picture, (str, os.PathLike)):
        if str(picture).startswith(("http://", "https://")):
            raise TypeError(f"{str(picture)[:100]!r} is an address, and none is fetched; send the picture's bytes")
        with open(picture, "rb") as file:
            return file.read()
    if hasattr(picture, "save"):
        kept = BytesIO()
        if getattr(picture, "mode", "") in ("RGB", "L"):
            picture.save(kept, "JPEG", quality=QUALITY)
        else:
            picture.save(kept, "PNG")
        return kept.getvalue()
    if hasattr(picture, "read"):
        return bytes(picture.read())
    raise TypeError(
        f"a picture is a path, bytes, an open file or a picture of Pillow, and not {type(picture).__name__}"
    )

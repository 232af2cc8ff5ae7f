"""A body that is a picture and nothing else; what is said beside it is in the address. Knows no call."""

from __future__ import annotations

from collections import defaultdict

from fastapi import Request

from app.http.limits import BodyLimits
from app.http.places import Hold


async def read_raw(request: Request, hold: Hold, limits: BodyLimits) -> tuple[dict[str, list[str]], list[bytes | str]]:
    """Return the fields of the address, each with all that was sent for it, and the picture; none where it is empty.

    Raises:
        VitrineError: as `Hold.whole`.
    """
    body = await hold.whole(request, limits.max_bytes, "the picture")
    fields: dict[str, list[str]] = defaultdict(list)
    for name, value in request.query_params.multi_items():
        if value.strip():  # one left empty counts as not sent, as in a form
            fields[name].append(value)
    return fields, [bytes(body)] if body else []

"""Parameters of an address that are nearly one that its call has. Knows no call."""

from __future__ import annotations

from fastapi import Request
from fastapi.routing import APIRoute

from app.errors import InvalidError
from index import nearest_name

CALLS = "/v1/"


async def no_slip(request: Request) -> None:
    """Refuse a parameter that is nearly one that the call has: `filter` for `filters` would be all products.

    Other unknown ones are ignored, as ever: links and scripts add their own, such as `utm_source`.

    Raises:
        InvalidError: says which one was probably meant.
    """
    if not request.scope["query_string"] or not request.scope["path"].startswith(CALLS):
        return
    route = request.scope.get("route")
    known = [field.alias for field in route.dependant.query_params] if isinstance(route, APIRoute) else []
    for name in request.query_params:
        if name not in known and (near := nearest_name(name, known)) is not None:
            message = f"unknown parameter {name[:100]!r}; did you mean {near!r}?"
            raise InvalidError(message, [{"field": name[:100], "message": message}])

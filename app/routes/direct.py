"""Routes that the framework only matches and documents. Knows no call."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic_core import to_json

from app.http import FrequentCall, require
from app.routes.components import Components, components_of
from app.schemas import error_answers

may_search = require("search")


class DirectRoute(APIRoute):
    """A route whose function is called with the request and the components, and whose answer is sent as it is.

    The framework's own handler resolves dependencies, validates the answer and makes JSON of it. For a text whose
    vector is in the cache the event loop takes 170 us a request this way and 270 to 310 us the framework's way
    (FastAPI 0.165). The OpenAPI document has what the signature and `response_model` say; that answers are of that
    shape is held by tests.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request; the framework asks for it (its way to a route of one's own)."""
        answer: Callable[[Request, Components], Coroutine[Any, Any, Response]] = self.endpoint

        async def handler(request: Request) -> Response:
            await may_search(request, None, None)
            return await answer(request, await components_of(request))

        return handler


def direct_router() -> APIRouter:
    """Return a router of direct routes, which need what searches need."""
    return APIRouter(
        route_class=DirectRoute, dependencies=[Depends(may_search)], responses=error_answers(401, 403, 429)
    )


def frequent_calls(routers: Iterable[APIRouter]) -> dict[tuple[str, str], FrequentCall]:
    """Return by method and path what answers the direct routes of some routers, those without a parameter."""
    routes = [route for router in routers for route in router.routes if isinstance(route, DirectRoute)]
    return {
        (method, route.path): FrequentCall(route, route.get_route_handler())
        for route in routes
        if "{" not in route.path
        for method in route.methods or ()
    }


def json_response(value: dict[str, Any]) -> Response:
    """Return an answer that is not checked any more: it is of our own making."""
    return Response(to_json(value), media_type="application/json")

"""What a text that is being typed may become."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from app.http import require, while_connected
from app.query import Serving
from app.routes.components import TheComponents
from app.schemas import MAX_SUGGESTIONS, MAX_TEXT, SuggestionResult, SuggestionsAnswer, error_answers

WORK = 1.0
"""Of one completion, as a job's."""

router = APIRouter(dependencies=[Depends(require("search"))], responses=error_answers(401, 403, 429))


@router.get("/v1/suggest", operation_id="suggest", responses=error_answers(422, 500, 503, 504), tags=["search"])
async def suggest(
    request: Request,
    components: TheComponents,
    q: Annotated[
        str,
        Query(max_length=MAX_TEXT, description="What was typed so far.", json_schema_extra={"examples": ["re"]}),
    ],
    k: Annotated[int, Query(ge=1, le=MAX_SUGGESTIONS, description="Most suggestions.")] = 8,
) -> SuggestionsAnswer:
    """Complete what is being typed: brands, values of attributes, titles and phrases of the catalogue, likeliest first.

    Each completion leads to products; `count` says to how many. A typing error is forgiven. A space at the end says
    that the last word is finished. Before anything is typed, frequent brands and values come.
    """

    def complete(serving: Serving) -> SuggestionsAnswer:
        index = serving.index
        found = [
            SuggestionResult(text=one.text, kind=one.kind, attribute=one.attribute, count=one.count)
            for one in index.suggest(q, k)
        ]
        return SuggestionsAnswer(suggestions=found, catalogue_version=index.version)

    return await while_connected(request, components.service.look_up(complete, WORK))

"""The things in a picture, each to search with."""

from __future__ import annotations

from fastapi import Request, Response

from app.http import while_connected
from app.query import find_regions
from app.routes.components import TheComponents
from app.routes.direct import direct_router, json_response
from app.schemas import RegionsAnswer, body_docs, regions_body

router = direct_router()


@router.post(
    "/v1/regions", operation_id="findRegions", response_model=RegionsAnswer, **body_docs(regions_body(), "search")
)
async def regions(request: Request, components: TheComponents) -> Response:
    """Find the things in a picture: where each is, what it is called, and its vector to search with.

    Send the picture as the body (`Content-Type: image/jpeg`), as a file `image` in a form, or as a data URI in JSON. A
    window of it counts as a thing where the products that are nearest to it are of one type and fit it well; things do
    not overlap, and there are at most six. Where nothing stands out, the whole picture is the only one.
    """
    boxes, pixels = await components.uploads.read_windows(request)
    found, encoder_id = await while_connected(request, find_regions(components.service, boxes, pixels))
    return json_response(
        {
            "regions": [
                {
                    "box": [round(side, 4) for side in one.box],
                    "label": one.label,
                    "attribute": one.attribute,
                    "score": round(one.score, 4),
                    # Half of the bytes; the direction moves by less than a thousandth.
                    "vector": [round(value, 4) for value in one.vector.tolist()],
                }
                for one in found
            ],
            "encoder_id": encoder_id,
        }
    )

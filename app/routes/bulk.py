"""The call that makes many edits, one a line; and in mode sync takes out what no line names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request

from app.caller import caller
from app.errors import CountError, InvalidError
from app.http import Line, error_entry, require
from app.live import Edit, Edited, Named
from app.routes.components import Components, TheComponents
from app.routes.listing import EXAMPLES, take_out
from app.schemas import CHANGES, BulkAnswer, LineError, bulk_body, error_answers
from common import NoSpaceError, VitrineError

MAX_LINE_ERRORS = 100

router = APIRouter(tags=[CHANGES], dependencies=[Depends(require("write"))], responses=error_answers(401, 403, 429))


@router.post(
    "/v1/products",
    operation_id="writeProducts",
    response_model_exclude_unset=True,
    responses=error_answers(400, 408, 409, 413, 415, 422, 500, 503, 504, 507),
    openapi_extra={"requestBody": bulk_body()},
)
async def write_products(
    request: Request,
    components: TheComponents,
    mode: Annotated[
        Literal["edit", "sync"],
        Query(
            description="sync: the lines name all products that are to stay, and at the end the others are taken out."
        ),
    ] = "edit",
    max_delete: Annotated[
        float,
        Query(ge=0, le=1, description="In mode sync: the part of the products that may go; if more would, none does."),
    ] = 0.1,
    dry_run: Annotated[bool, Query(description="Only say what would be created, replaced and taken out.")] = False,
) -> BulkAnswer:
    """Put many products in, change them or take them out: one JSON object a line, each with its `id`.

    Send lines (application/x-ndjson) with pictures as data URIs, as many as you like: they are read, encoded and
    written piece by piece. Or send them as a JSON list, or in a multipart form with a file `products` of such lines and
    the pictures as files that the lines name. As with PUT, what a line leaves out stays. A bad line fails alone. When a
    call breaks off, what was written stays; send it again whole.

    In mode sync, a line with nothing but an `id` keeps the product as it is. Products that no line names are taken out
    when the whole body has been read, and every line's id: a bad line keeps its product, too. When more than
    `max_delete` of the products would go, none does (409); what the lines say is written all the same.
    """
    answer = BulkAnswer(created=0, replaced=0, unchanged=0, deleted=0, failed=0, errors=[], catalogue_version=0)
    if dry_run or mode == "sync":
        answer.dry_run = dry_run
    counts: Counter[str] = Counter()
    if mode == "sync":
        with components.listing.one_sync():
            named = await components.listing.named(caller.get())
            await _read_all(request, components, counts, answer, named)
            await _take_out_missing(components, named, max_delete, counts, answer)
    else:
        await _read_all(request, components, counts, answer, None)
    for name, count in counts.items():
        setattr(answer, name, count)
    answer.catalogue_version = components.service.serving.index.version
    return answer


async def _read_all(
    request: Request, components: Components, counts: Counter[str], answer: BulkAnswer, named: Named | None
) -> None:
    """Make the edits of all lines; `named` hears which products they name."""
    async with aclosing(components.uploads.bulk.read(request)) as pieces:
        async for piece in pieces:
            if named is not None:
                named.add(piece)
            await _write_piece(request, components, piece, counts, answer)


async def _take_out_missing(
    components: Components, named: Named, max_delete: float, counts: Counter[str], answer: BulkAnswer
) -> None:
    """Take out the products that no line names, or count them.

    Raises:
        InvalidError: no line names a product, or nobody knows which one a line names.
        CountError: they are more than may go.
        VitrineError: as `take_out`.
    """
    written = (
        "what the lines say is written, and nothing was taken out" if not answer.dry_run else "nothing was changed"
    )
    if named.unknown is not None:
        raise InvalidError(
            f"line {named.unknown} has no id that can be read, so that nobody knows which product it keeps: {written};"
            " correct the line and send it again",
            [{"field": f"line {named.unknown}", "message": "no id"}],
        )
    if not named.count:
        raise InvalidError(
            f"no line names a product, as if all were to go: {written}; send the products that are to stay"
        )
    missing: list[tuple[str, str]] = []
    allowed = int(max_delete * named.total + 1e-9)
    async with aclosing(components.listing.pieces(None, {}, caller.get())) as pieces:
        async for piece in pieces:
            gone = [(product.id, digest) for product, digest in piece.products if named.lacks(product.id)]
            answer.missing += len(gone)
            if len(missing) <= allowed:
                missing += gone
    answer.missing_examples = [product_id for product_id, _ in missing[:EXAMPLES]]
    if answer.missing > allowed:
        shown = ", ".join(map(repr, answer.missing_examples[:3]))
        raise CountError(
            f"{answer.missing:,} of {named.total:,} products, such as {shown}, are named by no line, and max_delete is"
            f" {max_delete:g}, which are {allowed:,}: {written}; check that the feed is whole, or raise max_delete"
        )
    if not answer.dry_run:
        deleted, _ = await take_out(components, missing)
        counts["deleted"] += deleted


async def _many(
    components: Components, edits: list[Edit], counts: Counter[str], *, dry_run: bool
) -> Sequence[Edited | VitrineError]:
    """Make the edits of a piece; on a full disk each of them fails, where the call has written something before.

    Raises:
        NoSpaceError: nothing of this call is written.
        VitrineError: as `Editor.edit`.
    """
    if dry_run:
        return await components.editor.foreseen(edits)
    try:
        return await components.editor.edit(edits)
    except NoSpaceError as error:
        if not counts.total() - counts["failed"]:
            raise
        return [error] * len(edits)


async def _write_piece(
    request: Request, components: Components, piece: list[Line], counts: Counter[str], answer: BulkAnswer
) -> None:
    """Make the edits of some lines, and add up what they came to."""
    edits: list[Edit] = []
    of_edit: list[int] = []
    outcomes: dict[int, Edited | VitrineError] = {}
    for number, line in enumerate(piece):
        fields = line.fields
        if line.error is not None:
            outcomes[number] = line.error
        elif fields is not None:
            of_edit.append(number)
            change = (fields.id, fields.title, fields.changed_attributes, line.pictures)
            edits.append(Edit(*change, replace=fields.replace, delete=fields.delete))
    if edits:
        made = await _many(components, edits, counts, dry_run=answer.dry_run)
        outcomes.update(zip(of_edit, made, strict=True))
    for number, line in enumerate(piece):
        outcome = outcomes[number]
        if not isinstance(outcome, Edited):
            counts["failed"] += 1
            if len(answer.errors) < MAX_LINE_ERRORS:
                entry = error_entry(request.state.request_id, outcome)["error"]
                error = LineError(line=line.number, id=line.id, code=entry["code"], message=entry["message"])
                answer.errors.append(error)
            continue
        written = outcome.written
        if written.digest is None:
            counts["deleted"] += written.changed
            counts["unchanged"] += not written.changed
        else:
            kind = "created" if written.created else "replaced" if written.changed else "unchanged"
            counts[kind] += 1

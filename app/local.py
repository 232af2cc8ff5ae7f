"""One search without a service: its own request, job, engine and answer, so that nothing of it differs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.query import Engine, Job, JobResult, Serving, answer_modified
from app.schemas import SearchRequest, checked
from app.searching import to_job
from app.telemetry import Telemetry
from common import ImageError, InputError
from index import Languages, Location, open_catalogue, open_search
from models import TOWERS, load_encoder


def search_request(body: Mapping[str, Any], picture: Path | None) -> SearchRequest:
    """Return the request with these fields; texts stand for numbers, as in an address.

    Raises:
        InvalidError: fields that do not fit, or nothing to search for.
    """
    fields = checked(SearchRequest, body, strict=False)
    fields.check(int(picture is not None))
    return fields


def search_here(
    checkpoint: Path,
    place: Location,
    fields: SearchRequest,
    picture: Path | None = None,
    *,
    device: str = "auto",
    lexicons: Path | None = None,
) -> dict[str, Any]:
    """Return the answer that a service of this checkpoint and catalogue would give to `POST /v1/search`.

    Args:
        checkpoint: the encoder's folder.
        place: of the catalogue.
        fields: of the request.
        picture: the file of its picture.
        device: where the encoder runs.
        lexicons: folder of the shop's own words.

    Raises:
        ImageError: a picture that cannot be used; names the file.
        ArtefactError: checkpoint or catalogue missing or damaged, or made by different encoders.
        InputError: a filter or facet on an attribute that no product has.
    """
    sent = None if picture is None else _read(picture)
    encoder = load_encoder(checkpoint, device, towers=("text",) if sent is None else TOWERS)
    pixels = None
    if sent is not None:
        try:
            pixels = encoder.read_image(sent)
        except ImageError as error:
            raise ImageError(f"{picture}: {error}") from error
    with open_catalogue(place, encoder_id=encoder.encoder_id) as catalogue:
        serving = Serving(encoder, open_search(catalogue, Languages.of_folder(lexicons), once=True))
        engine = Engine(lambda: serving, 0, Telemetry())

        async def search(job: Job) -> JobResult:
            job.submitted = time.perf_counter()
            (result,) = engine.answer([job])
            if isinstance(result, Exception):
                raise result
            assert isinstance(result, JobResult)  # noqa: S101 - a job's
            return result

        job = to_job("images", fields, pixels, encoder.dim)
        asked = search(job) if job.modify is None else answer_modified(job, job.modify, search)
        answer: dict[str, Any] = json.loads(asyncio.run(asked).body)
    return answer


def _read(picture: Path) -> bytes:
    try:
        return picture.read_bytes()
    except OSError as error:
        raise InputError(f"{picture} cannot be read ({error.strerror}); give a picture file") from error

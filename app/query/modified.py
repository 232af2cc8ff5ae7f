"""A search with words beside a picture: what is near the picture is found first, then what the words make of it.

Both go through the queue as searches of their own, so that they share batches, and wait for no database in between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.errors import REPLACED, UnavailableError
from app.query.jobs import Job, JobResult, Modify
from index import NEIGHBOURS, Change, Hit, Kept, SearchQuery, change_of


async def answer_modified(job: Job, modify: Modify, search: Callable[[Job], Awaitable[JobResult]]) -> JobResult:
    """Return the result of a job with `modify`.

    What is kept of the picture is only guessed: it is left out where it would leave nothing.

    Raises:
        UnavailableError: the model was replaced in between.
        VitrineError: as `search`.
    """
    assert job.query is not None  # noqa: S101 - words beside nothing are refused before
    seen = await search(_looking(job, job.query, modify))
    assert seen.parsed is not None  # noqa: S101 - it read the words
    assert seen.page is not None  # noqa: S101 - it is a search
    hits = [hit for hit in seen.page.hits if isinstance(hit, Hit)]
    # Beside a picture, what a named product has does not decide.
    named = () if job.pixels or job.vector is not None else job.query.like
    change = change_of(seen.parsed, hits, named, keep=modify.keep)
    kept = change.keeping(job.query.filters)
    result = await search(_changed(job, job.query, modify, seen, change, kept))
    if kept and result.page is not None and result.page.total == 0:
        kept = {}
        result = await search(_changed(job, job.query, modify, seen, replace(change, kept={}), kept))
    if result.serving.encoder is not seen.serving.encoder:
        raise UnavailableError(REPLACED)
    return _joined(seen, result, change, kept)


def _looking(job: Job, query: SearchQuery, modify: Modify) -> Job:
    """Return the job that reads the words and finds what is near the picture."""
    near = SearchQuery(NEIGHBOURS, exclude=frozenset(query.unlike), like=query.like, unlike=query.unlike)
    return Job(
        pixels=job.pixels,
        query=near,
        vector=job.vector,
        weights=job.weights,
        reads=modify.text,
        options=job.options,
        heavy=job.heavy,
    )


def _changed(job: Job, query: SearchQuery, modify: Modify, seen: JobResult, change: Change, kept: Kept) -> Job:
    """Return the job that searches for the picture as the words change it."""
    texts = [(change.wanted, modify.weight), (change.had, -modify.weight)]
    # What is not wanted filters. Nothing is taken off for it: the rest of the picture is to stay as it is.
    said = [(text, sign) for text, sign in texts if text and sign] if change.wanted else []
    render = job.render
    return Job(
        tuple(text for text, _ in said),
        query=replace(query, filters=change.filters(query.filters), like=(), unlike=(), parsed=seen.parsed),
        side=job.side,
        vector=seen.vector,
        signs=tuple(sign for _, sign in said),
        render=None if render is None else lambda result: render(_joined(seen, result, change, kept)),
        heavy=job.heavy,
    )


def _joined(seen: JobResult, result: JobResult, change: Change, kept: Kept) -> JobResult:
    """Return the result with what the words were read as, what is kept, and the time that both searches took."""
    return replace(
        result,
        parsed=change.parsed,
        kept=kept,
        queued_s=seen.queued_s + result.queued_s,
        understand_s=seen.understand_s + result.understand_s,
        encode_s=seen.encode_s + result.encode_s,
        search_s=seen.search_s + result.search_s,
    )

"""From the text of a search to what is encoded and searched for: words, conditions, filters. Knows no encoder."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from app.errors import InvalidError
from app.query.jobs import Job
from index import LikeVectors, ParsedText, Search, SearchQuery, UnknownProductError, as_filters, hub_weight


@dataclass(frozen=True, slots=True)
class Task:
    """A job that can be answered: what of it is encoded, and what is searched for."""

    job: Job
    texts: tuple[str, ...]
    """What the encoder reads; nothing where words alone rank."""
    query: SearchQuery | None = None
    like: LikeVectors | None = None
    """The vectors of the products that the query names; None where nothing is searched."""
    parsed: ParsedText | None = None
    understand_s: float = 0.0


def prepare(job: Job, index: Search) -> Task:
    """Return the task of a job; the text of a search by words is read as the catalogue understands it.

    In mode vector the text stays as it is. The words that are encoded scale the query's `hub_weight`: what is unwanted
    is not among them, and in mode lexical there are none.

    Raises:
        InvalidError: the query names products that are not there. In a path that would be 404, but a body was
            understood.
        InputError: a filter, facet or order on an attribute that no product has, or an unknown language.
    """
    query = job.query
    if query is None:
        return Task(job, job.texts)
    try:
        like = index.check(query)
    except UnknownProductError as error:
        raise InvalidError(f"{error.field}: {error}", [{"field": error.field, "message": str(error)}]) from None
    options = job.options
    if job.reads:
        start = time.perf_counter()
        parsed = index.understand(job.reads, options.language, correct=options.correct, dismissed=options.dismiss)
        return Task(job, (), query, like, parsed, time.perf_counter() - start)
    if query.mode == "vector" or query.parsed is not None or not job.texts:
        return Task(job, job.texts, _by_words(query, job.texts), like, query.parsed)
    start = time.perf_counter()
    (text,) = job.texts
    parsed = index.understand(text, options.language, correct=options.correct, dismissed=options.dismiss)
    query = replace(query, parsed=parsed)
    if options.strict:
        query = replace(query, filters={**as_filters(parsed.conditions), **query.filters})
    texts = () if query.mode == "lexical" else (parsed.english or text,)
    return Task(job, texts, _by_words(query, texts), like, parsed, time.perf_counter() - start)


def _by_words(query: SearchQuery, texts: tuple[str, ...]) -> SearchQuery:
    """Return the query with the hub correction of the text that is encoded; without one there is none."""
    if not query.hub_weight:
        return query
    return replace(query, hub_weight=query.hub_weight * (hub_weight(texts[0]) if texts else 0.0))

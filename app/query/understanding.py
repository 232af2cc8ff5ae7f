"""From the text of a search to what is encoded and searched for: words, conditions, filters. Knows no encoder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from app.errors import InvalidError
from app.query.jobs import Job
from index import Condition, Filter, LikeVectors, ParsedText, Search, SearchQuery, UnknownProductError


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

    In mode vector the text stays as it is.

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
    if query.mode == "vector" or not job.texts:
        return Task(job, job.texts, query, like)
    start = time.perf_counter()
    options = job.options
    (text,) = job.texts
    parsed = index.understand(text, options.language, correct=options.correct, dismissed=options.dismiss)
    query = replace(query, parsed=parsed)
    if options.strict:
        query = replace(query, filters={**as_filters(parsed.conditions), **query.filters})
    texts = () if query.mode == "lexical" else (parsed.english or text,)
    return Task(job, texts, query, like, parsed, time.perf_counter() - start)


def as_filters(conditions: Iterable[Condition]) -> Mapping[str, Filter]:
    """Return a filter for each attribute of which a text says something.

    "red or blue", and also "red blue", are either: a product has one value of an attribute.
    """
    filters: dict[str, Filter] = {}
    for condition in conditions:
        known = filters.get(condition.attribute, Filter())
        if condition.values and condition.negated:
            known = replace(known, none=(*known.none, *condition.values))
        elif condition.values:
            known = replace(known, any=(*(known.any or ()), *condition.values))
        bounds = {name: bound for name in ("gte", "gt", "lte", "lt") if (bound := getattr(condition, name)) is not None}
        filters[condition.attribute] = replace(known, **bounds)
    return filters

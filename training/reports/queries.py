"""The evaluation of a search with judged queries: of a catalogue here, or of a service over HTTP; the same figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from common import InputError, UnreachableError
from index import (
    MODES,
    Hit,
    Languages,
    Location,
    Mode,
    Page,
    ParsedText,
    Product,
    Search,
    SearchQuery,
    hub_weight,
    open_catalogue,
    open_search,
)
from index.metrics import (
    DEPTH,
    HALVES,
    Asked,
    Drawn,
    Found,
    Judged,
    JudgedQuery,
    draw,
    judged_figures,
    read_queries,
)
from models import load_encoder
from training.reports.edits import Edits, TextEncoder

ALL = "all"
"""Every mode, or both halves."""
BATCH = 50
"""Texts that are asked at a time; a service is sent two searches for each."""
TIMEOUT_S = 120.0
"""How long a service may take for a batch."""


class Question(NamedTuple):
    """A text, and the ids of the products beside which it is typed."""

    text: str
    like: tuple[str, ...] = ()

    def is_edit(self, mode: Mode) -> bool:
        """Return whether the text says how those products should differ; words alone cannot ask that."""
        return bool(self.like) and mode != "lexical"


Ask = Callable[[Sequence[Question], Mode], list[Found]]
"""Returns what each of some questions finds, in their order."""


def evaluate_queries(
    queries: Path,
    checkpoint: Path | None,
    place: Location,
    *,
    mode: str = "hybrid",
    half: str = "report",
    url: str | None = None,
    lexicons: Path | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Measure a search with judged queries.

    Args:
        queries: a file of judged queries, or a folder of such files.
        checkpoint: the one that made the catalogue; not read where a service is asked.
        place: the catalogue, whose products say what is right.
        mode: one of `MODES`, or "all".
        half: "tune", "report" or "all".
        url: the service that is asked, with the same catalogue; None: the search is made here.
        lexicons: folder of the shop's own lexicons, for a search that is made here.
        device: "auto", "cpu", "cuda" or "cuda:N".

    Returns:
        What was measured, and `modes`: mode -> what `judged_figures` returns.

    Raises:
        InputError: an unknown mode or half, a malformed file, queries for which nothing is right, a service that
            refuses or serves another catalogue.
        ArtefactError: no checkpoint or catalogue there, or a catalogue of another encoder.
    """
    modes = chosen("mode", mode, MODES)
    halves = chosen("half", half, HALVES)
    lines = read_queries(queries)
    if url is not None and lexicons is not None:
        raise InputError("a service reads its own lexicons, at VITRINE_LEXICONS; leave out one of --url and --lexicons")
    encoder = None if url is not None or checkpoint is None else load_encoder(checkpoint, device)
    with open_catalogue(place, encoder_id=None if encoder is None else encoder.encoder_id) as catalogue:
        snapshot = catalogue.snapshot()
        wanted = judged_queries(lines, halves, snapshot.products)
        served = snapshot.info.encoder_id, snapshot.version
        about = {
            "protocol": "queries",
            "half": half,
            "source": snapshot.info.source,
            "encoder_id": snapshot.info.encoder_id,
            "catalogue_version": snapshot.version,
            "gallery": len(snapshot.products),
            "queries": len(wanted),
        }
        if url is not None:
            with httpx.Client(base_url=url, timeout=TIMEOUT_S) as client:
                service = over_http(client, served)
                asked = {one: ask_all(service, wanted, one) for one in modes}
        else:
            assert encoder is not None  # noqa: S101 - only a service needs none
            here = offline(open_search(catalogue, Languages.of_folder(lexicons)), encoder)
            asked = {one: ask_all(here, wanted, one) for one in modes}
    return {**about, "modes": {one: judged_figures(found) for one, found in asked.items()}}


def chosen(what: str, given: str, known: Sequence[str]) -> list[Any]:
    """Return one of the known values, or all of them.

    Raises:
        InputError: none of them; names them.
    """
    if given not in (*known, ALL):
        raise InputError(f"there is no {what} {given!r}; choose one of {', '.join((*known, ALL))}")
    return list(known) if given == ALL else [given]


def judged_queries(
    lines: Sequence[JudgedQuery | Drawn], halves: Sequence[str], products: Sequence[Product]
) -> list[tuple[JudgedQuery, frozenset[str]]]:
    """Return the queries of some halves, those that are drawn among them, with the ids of what is right.

    Raises:
        InputError: there are none, or queries for which the catalogue has nothing that is right.
    """
    queries = [
        query
        for line in lines
        for query in (draw(line, products) if isinstance(line, Drawn) else [line])
        if query.half in halves
    ]
    if not queries:
        raise InputError(f"no query is of half {' or '.join(halves)}; choose another half")
    seen = [Judged.of(product) for product in products]
    there = {product.id for product in products}
    judged = [(query, query.relevant(seen) & there) for query in queries]
    gone = [one for query in queries for one in query.like if one not in there]
    if gone:
        raise InputError(f'the catalogue has no product with the id {", ".join(map(repr, gone[:3]))}; correct "like"')
    idle = [query.text for query, relevant in judged if not relevant and not query.nothing]
    if idle:
        raise InputError(
            f"nothing in the catalogue is right for {len(idle)} queries, such as {', '.join(map(repr, idle[:3]))}; "
            'correct "where" or "ids", or say "nothing": true'
        )
    return judged


def ask_all(ask: Ask, wanted: Sequence[tuple[JudgedQuery, frozenset[str]]], mode: Mode) -> list[Asked]:
    """Return what is found for all queries and their other texts; each distinct question is asked once."""
    questions = list(
        dict.fromkeys(
            Question(text, query.like) for query, _ in wanted for text in (query.text, query.plain) if text is not None
        )
    )
    found = {
        question: one
        for start in range(0, len(questions), BATCH)
        for question, one in zip(
            questions[start : start + BATCH], ask(questions[start : start + BATCH], mode), strict=True
        )
    }
    return [
        Asked(
            query,
            relevant,
            found[Question(query.text, query.like)],
            None if query.plain is None else found[Question(query.plain, query.like)],
        )
        for query, relevant in wanted
    ]


def offline(
    search: Search,
    encoder: TextEncoder,
    understand: Callable[[str], ParsedText] | None = None,
    edits: Edits | None = None,
) -> Ask:
    """Return what asks an opened catalogue as the service does: words are understood first, then encoded.

    With `understand`, a text is understood by that in the place of `Search.understand`; with `edits`, words beside
    products are asked so.
    """
    understand = understand or search.understand
    edits = edits or Edits(search, encoder, understand)

    def of_texts(questions: Sequence[Question], mode: Mode) -> list[Found]:
        parsed = [None if mode == "vector" else understand(one.text) for one in questions]
        read = [one.text if text is None else text.english for one, text in zip(questions, parsed, strict=True)]
        vectors = encoder.encode_text(read)
        queries = [
            SearchQuery(DEPTH, mode=mode, parsed=one, hub_weight=hub_weight(text))
            for one, text in zip(parsed, read, strict=True)
        ]
        pages = search.search("images", vectors, queries)
        cut = search.search("images", vectors, [replace(one, cutoff="auto") for one in queries])
        return [
            Found(_ids(page), _ids(kept), one is not None and one.correction is not None)
            for page, kept, one in zip(pages, cut, parsed, strict=True)
        ]

    def of_edits(questions: Sequence[Question], mode: Mode) -> list[Found]:
        likes, texts = [one.like for one in questions], [one.text for one in questions]
        vectors, queries = edits.asked(likes, texts, DEPTH, mode)
        pages = search.search("images", vectors, queries)
        corrected = [one.parsed is not None and one.parsed.correction is not None for one in queries]
        return [Found(_ids(page), _ids(page), one) for page, one in zip(pages, corrected, strict=True)]

    def ask(questions: Sequence[Question], mode: Mode) -> list[Found]:
        found: dict[Question, Found] = {}
        for is_edit, asked in ((False, of_texts), (True, of_edits)):
            chosen = [one for one in questions if one.is_edit(mode) == is_edit]
            if chosen:
                found |= zip(chosen, asked(chosen, mode), strict=True)
        return [found[one] for one in questions]

    return ask


def _ids(page: Page[Hit]) -> tuple[str, ...]:
    return tuple(hit.product.id for hit in page.hits)


def over_http(client: httpx.Client, served: tuple[str, int]) -> Ask:
    """Return what asks a service that must serve a catalogue: the id of its encoder, and its version."""

    def ask(questions: Sequence[Question], mode: Mode) -> list[Found]:
        queries = [
            {
                **({"modify": one.text, "like": one.like} if one.is_edit(mode) else {"text": one.text}),
                "k": DEPTH,
                "mode": mode,
                "cutoff": cutoff,
            }
            for cutoff in ("none", "auto")
            for one in questions
        ]
        answers = list(_answers(client, queries, served))
        ids = [tuple(hit["id"] for hit in answer["results"]) for answer in answers]
        corrected = [answer.get("corrected") is not None for answer in answers]
        return [Found(*one) for one in zip(ids[: len(questions)], ids[len(questions) :], corrected, strict=False)]

    return ask


def _answers(
    client: httpx.Client, queries: Sequence[dict[str, Any]], served: tuple[str, int]
) -> Iterator[dict[str, Any]]:
    """Yield a service's answer to each of at most 100 searches.

    Raises:
        InputError: it refuses, or serves another catalogue.
        UnreachableError: it does not answer.
    """
    try:
        response = client.post("/v1/search/images/batch", json={"queries": queries})
        body = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise UnreachableError(f"{client.base_url} does not answer ({error}); start it with vitrine serve") from error
    for answer in body["answers"] if response.is_success else [body]:
        if "error" in answer:
            raise InputError(f"{client.base_url} refuses a search: {answer['error']['message']}")
        serves = answer["encoder_id"], answer["catalogue_version"]
        if serves != served:
            raise InputError(
                f"{client.base_url} serves a catalogue of encoder {serves[0]}, version {serves[1]}, and what is right "
                f"comes from one of encoder {served[0]}, version {served[1]}; give --catalogue that it serves"
            )
        yield answer

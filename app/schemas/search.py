"""A search: what is looked for, filters, weights. Knows no answer: those are in `app.schemas.results`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from app.errors import InvalidError
from app.query import WEIGHTS, Part
from app.schemas.checking import OTHER_NAMES
from app.schemas.conditions import MAX_FILTERS, Filtering
from app.schemas.fields import (
    CroppedPicture,
    Cutoff,
    Fields,
    Ids,
    Language,
    Name,
    Order,
    Picture,
    Text,
    Vector,
)
from index import MAX_K, MODIFY_WEIGHT, NEWEST, Mode, Sort, words_share

MAX_OFFSET = 9_000
"""With the most results that one query may ask for, the best 10,000 can be seen: the work grows with the depth."""
MAX_WEIGHT = 10
MAX_HISTOGRAMS = 16
OF_A_GROUP = 5
"""Results that a group with its members counts as, where queries share a bound."""
ABOUT = ("filters", "facets", "sort", "group_by")
"""Fields that ask for products without anything to search for."""

Weight = Annotated[float, Field(ge=0, le=MAX_WEIGHT)]


class Weights(Fields):
    """How much each part of a query counts."""

    text: Weight = WEIGHTS["text"]
    image: Weight = WEIGHTS["image"]
    like: Weight = WEIGHTS["like"]
    unlike: Weight = WEIGHTS["unlike"]
    vector: Weight = WEIGHTS["vector"]
    modify: Weight = MODIFY_WEIGHT

    def by_part(self) -> dict[Part, float]:
        """Return them as the engine takes them."""
        return {part: getattr(self, part) for part in WEIGHTS}


class SearchRequest(CroppedPicture):
    """What to search for and how: at least one of text, image, like, unlike and vector.

    With none of these, but with filters, facets, sort or group_by, it asks for all products that pass the filters.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [part]} for part in (*WEIGHTS, *ABOUT)]})

    structured: ClassVar[tuple[str, ...]] = (
        "like",
        "unlike",
        "vector",
        "weights",
        "filters",
        "facets",
        "histograms",
        "dismiss",
        "crop",
    )
    """Fields that are JSON in a form."""
    also: ClassVar[Mapping[str, str]] = OTHER_NAMES

    text: Text = Field(None, description="What to look for, in words.")
    image: Picture = Field(
        None, description="What to look for, as a picture: data:image/png;base64,... Addresses are not fetched."
    )
    like: Ids = Field(default_factory=list, description="Ids of products that what is looked for is like.")
    unlike: Ids = Field(default_factory=list, description="Ids of products that it is unlike.")
    vector: Vector | None = Field(
        None, description="What to look for, as a vector such as /v1/embeddings gives; its length does not matter."
    )
    modify: Text = Field(
        None,
        description="How what is looked for differs from image, like or vector, in words: in blue, without sleeves, as "
        "a skirt. What they say of attributes filters, `strict` or not; the kind of product stays as it is in the "
        "picture. Not together with text.",
    )
    keep: bool = Field(
        True,
        description="With modify: whether the kind of product stays as it is in the picture, unless the words name "
        "another one; then, for whom it is.",
    )
    weights: Weights = Field(
        default_factory=Weights,
        description="Weight of each part: text 1, image 1, like 1, unlike 0.5 and vector 1, unless given; modify 1.5, "
        "beside 1 for all others together.",
    )
    k: int = Field(10, ge=1, le=MAX_K, description="How many results to return.")
    offset: int = Field(
        0, ge=0, le=MAX_OFFSET, description="How many of the best results to skip; filters narrow down what is deeper."
    )
    filters: Filtering = Field(
        default_factory=dict,
        description="Attribute to value, list of allowed values, or condition: any, not, gte, gt, lte, lt, of numbers "
        "or of dates such as 2026-11-26. Several attributes must all hold; case does not matter.",
    )
    facets: Annotated[list[Name], Field(max_length=MAX_FILTERS)] = Field(
        default_factory=list,
        description="Attributes whose values to count among what passes; each one's own filter is left out.",
    )
    histograms: Annotated[list[Name], Field(max_length=MAX_HISTOGRAMS)] = Field(
        default_factory=list,
        description="Attributes of numbers, prices or dates, to tell how they are spread among what passes; each one's "
        "own filter is left out.",
    )
    collapse: Literal["title", "image"] | None = Field(
        None,
        description="title: one product per title. image: no near-duplicate of a better picture. Of "
        "the best 20,000 and 10,000 results; what comes after these is not looked through.",
    )
    collapse_threshold: float = Field(
        0.98, gt=0, le=1, description="With collapse image: pictures with at least this cosine count as one."
    )
    min_score: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        None, description="Leave out what scores less than this."
    )
    mode: Mode | None = Field(
        None,
        description="What ranks. hybrid: words and vectors together. vector: vectors alone. lexical: words alone. "
        "hybrid when there is a text, else vector, unless given.",
    )
    language: Language | None = Field(None, description="Language of the text; told from its words, unless given.")
    correct: bool = Field(True, description="Whether words that the catalogue does not know are corrected.")
    dismiss: Annotated[list[Name], Field(max_length=MAX_FILTERS)] = Field(
        default_factory=list,
        description="Phrases of the text, as in `interpreted`, that are not to be read as conditions.",
    )
    strict: bool = Field(
        False,
        description="Whether what is interpreted filters; a filter of the request on the same attribute goes first.",
    )
    hub_correction: bool = Field(
        True,
        description="Whether products whose pictures are near to many titles (hubs) come later than their cosines say: "
        "for a text of three words a little, of six or more fully. Not in mode lexical, nor with modify. In mode "
        "vector, score and relevance stay those of the cosine.",
    )
    cutoff: Cutoff = Field(
        "none",
        description="Leave out what is less relevant than this: a number from 0 to 1, or auto for the catalogue's own "
        "limit, which there is none of with modify; total and facets count what is left.",
    )
    sort: Order = Field(
        "relevance",
        description="Order of what is left: relevance, newest, or an attribute with a direction, as price:asc. Numbers "
        "come first, then dates, truths and texts; products without the attribute come last.",
    )
    group_by: Name | None = Field(
        None,
        description="Attribute whose values make groups, of which each is one result; variant is item_group_id. "
        "The best product of a group is shown, with the others in `group`; totals, facets and offset count groups.",
    )

    image_versions: bool = Field(
        False,
        description="Whether each `image_url` names the content of its picture (`v`), so that browsers may keep it for "
        "a year.",
    )

    def check(self, pictures: int) -> None:
        """Refuse a query of nothing; `pictures` says how many came beside the fields.

        Raises:
            InvalidError: there is nothing to search for, or no words for a search for words.
        """
        self.check_crop(pictures + len(self.pictures))
        searches = self.looks_for_something(bool(pictures or self.image))
        if not searches and not self.model_fields_set.intersection(ABOUT):
            raise InvalidError(
                "there is nothing to search for; send at least one of text, image, like, unlike and vector, or for all"
                " products that pass: filters, facets, sort or group_by",
                [{"field": "text", "message": "empty, and there is no image, like, unlike or vector"}],
            )
        if not searches and (self.min_score is not None or self.cutoff != "none" or self.collapse == "image"):
            raise InvalidError(
                "min_score, cutoff and collapse image compare with what is searched for, and there is nothing; leave"
                " them out",
                [{"field": "text", "message": "empty, and there is no image, like, unlike or vector"}],
            )
        if self.group_by is not None and self.collapse is not None:
            raise InvalidError(
                "group_by and collapse were both sent; send one: a group is one result already",
                [{"field": "group_by", "message": "not together with collapse"}],
            )
        if self.modify and self.text:
            raise InvalidError(
                "text and modify were both sent; send one: text says what to look for, and modify how it differs from"
                " the picture",
                [{"field": "modify", "message": "not together with text"}],
            )
        if self.modify and not (pictures or self.image or self.like or self.vector):
            raise InvalidError(
                "modify says how what is looked for differs from a picture, and there is none; send image, like or"
                " vector beside it, or send the words as text",
                [{"field": "modify", "message": "needs image, like or vector"}],
            )
        if self.mode == "lexical" and not self.text:
            raise InvalidError(
                "mode is lexical, which searches for words, and there is no text; send a text, or mode vector",
                [{"field": "mode", "message": "lexical needs a text"}],
            )

    def looks_for_something(self, picture: bool) -> bool:
        """Return whether there is anything to search for; `picture` says whether there is one."""
        return bool(picture or self.text or self.like or self.unlike or self.vector)

    @property
    def most_shown(self) -> int:
        """How many results it may bring, a group for some."""
        return self.k * (OF_A_GROUP if self.group_by else 1)

    @property
    def ranked_by(self) -> Mode:
        """What ranks: without a text there are no words, so that hybrid is vector."""
        return (self.mode or "hybrid") if self.text or self.modify else "vector"

    @property
    def limit(self) -> float | Literal["auto"] | None:
        """The cutoff as the index takes it; no limit was measured for words beside a picture."""
        return None if self.cutoff == "none" or (self.cutoff == "auto" and self.modify) else self.cutoff

    def text_share(self, picture: bool) -> float:
        """Return the part of the text's weight in that of all parts that are there; what is unlike counts for none.

        Words beside a picture count as much as they do in the query's vector.
        """
        if self.modify:
            return words_share(self.weights.modify) if self.ranked_by == "hybrid" else 0.0
        there = {"text": self.text, "image": picture, "like": self.like, "vector": self.vector}
        weights = self.weights.by_part()
        total = sum(weights[part] for part in weights if there.get(part))
        return weights["text"] / total if self.text and total else float(self.text is not None)

    def hub_share(self, picture: bool) -> float:
        """Return the most of a product's hubness that may be taken off: as much as the text has of the query."""
        return self.text_share(picture) if self.hub_correction and self.text else 0.0

    def order(self) -> Sort | None:
        """Return the order that is asked for as the index takes it; None: by score."""
        if self.sort == "relevance":
            return None
        by, _, direction = self.sort.rpartition(":")
        return Sort(by, direction == "desc") if by else Sort(NEWEST)

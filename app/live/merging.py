"""What an edit asks of a product, and what the product becomes: what is not sent stays. Writes nothing.

Attributes follow JSON Merge Patch (RFC 7396): a value sets one, null takes one out, those that are not named stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.errors import InvalidError
from app.http import UploadedPicture
from common import NotFoundError
from index import ANY, MAX_TITLE, Product, SplitRule, Value, beyond


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to one product, as a caller asks for it."""

    id: str
    title: str | None = None
    """None: the one that the product has is kept."""
    attributes: Mapping[str, Value | None] | None = field(default_factory=dict)
    """Attributes that are set, and with None those that go; None: all go."""
    pictures: tuple[UploadedPicture, ...] = ()
    """None at all: those that the product has are kept."""
    replace: bool = False
    """Whether the attributes that are not named go, too."""
    patch: bool = False
    """Only when there is such a product."""
    delete: bool = False
    expected: frozenset[str] | None = None
    """Digests, of which the product must have one before; `ANY` for any."""
    absent: bool = False
    """Only when there is no such product yet."""

    @property
    def is_whole(self) -> bool:
        """Whether it says all of the product, so that nothing need be known of the one that is there."""
        return self.delete or (self.replace and self.title is not None and bool(self.pictures))

    @property
    def could_be_whole(self) -> bool:
        """Whether it says enough to put in a product where there is none."""
        return self.title is not None and bool(self.pictures)

    def expects(self, digest: str) -> frozenset[str]:
        """Return the digests that allow it, once it was merged with the product of this digest."""
        if self.expected is None or ANY in self.expected:
            return frozenset({digest})
        return self.expected & {digest}

    def merged(self, before: Product | None, rule: SplitRule) -> Product:
        """Return what the product becomes; `before` is the one that is there.

        Raises:
            NotFoundError: there is none, and the edit is only for one that is there.
            InvalidError: there is none, and the edit does not say enough of a new one; or it would have too much.
        """
        if before is None and self.patch:
            raise NotFoundError(f"no product has the id {self.id!r}; PUT makes a new one")
        if before is None and not self.could_be_whole:
            parts = {"title": self.title, "image": self.pictures}
            missing = [name for name, part in parts.items() if not part]
            needed = " and ".join({"title": "a title", "image": "a picture"}[name] for name in missing)
            raise InvalidError(
                f"product {self.id!r} is new, and a new product needs {needed}; send it with {needed}",
                [{"field": name, "message": "missing"} for name in missing],
            )
        kept = {} if before is None or self.replace or self.attributes is None else before.attributes
        named = {**kept, **(self.attributes or {})}
        title = self.title if self.title is not None else before.title if before is not None else ""
        attributes = {name: value for name, value in named.items() if value is not None}
        _check_limits(title, attributes, before)
        return Product(self.id, title, attributes, rule.of(title))


def _check_limits(title: str, attributes: Mapping[str, Value], before: Product | None) -> None:
    """Refuse what is beyond the limits of a product, unless the product has it already.

    Raises:
        InvalidError: names the title or the first attribute that is.
    """
    there = {} if before is None else before.attributes
    if len(title) > MAX_TITLE and (before is None or title != before.title):
        problem = f"it has {len(title):,} characters; at most {MAX_TITLE:,} are taken"
        raise InvalidError(f"the title cannot be used: {problem}", [{"field": "title", "message": problem}])
    for name, problem in beyond(attributes).items():
        if name not in there or there[name] != attributes[name]:
            message = f"the attribute {name[:100]!r} cannot be used: {problem}"
            raise InvalidError(message, [{"field": f"attributes.{name[:50]}", "message": problem}])

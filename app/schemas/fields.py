"""The types of single fields of requests, with their limits. Knows no call."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from app.errors import InvalidError
from index import MAX_NAME as MAX_NAME
from index import MAX_TITLE, MAX_VALUE
from models import WHOLE, Crop, plain

MAX_TEXT = 2_000
MAX_VALUES = 200
MAX_IDS = 100
MAX_SUGGESTIONS = 50
MAX_DIM = 4_096
MAX_UNKNOWN = 20
"""Unknown fields of an object that are reported: each becomes an error, an object of its own."""
MAX_NUMBER = 1e15
MIN_CROP = 0.02
"""Width and height of a part of a picture, at least."""
ROUNDING = 1e-6
"""By which a part may reach beyond its picture: sums of parts are rounded."""
MAX_JSON = 256_000
"""Bytes of a JSON body without a picture, or of the text fields of a form; a full text and filters fit many times."""
MAX_PRODUCT_JSON = 1_500_000
"""The same of a product: all characters that it may have fit, each written as an escape."""
AnsweredValue = str | int | float | bool | list[str]
"""A value of an attribute in an answer: of the type that it came as."""
MAX_PROMPTS = 1_000
"""Labels times templates of one classification; words of one explanation."""
EXAMPLE_PRODUCT: dict[str, Any] = {
    "id": "10054",
    "title": "Catwalk Women Red Heels",
    "attributes": {"gender": "Women", "articleType": "Heels", "baseColour": "Red"},
    "image_url": "/v1/products/10054/image",
}
MODEL_NAME = "vitrine"
"""The lasting name of whatever model is served."""
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mM8IafLwMDA"
    "xMDAwMDAAAANqQEXPqtZtwAAAABJRU5ErkJggg=="
)
"""A small red picture, for the examples."""


def clean(text: Any, longest: int = MAX_TEXT) -> Any:
    """Return `text` with control characters (NUL among them) as spaces, trimmed; None when nothing can be seen of it.

    One that is too long is left for the check of its length: how long it is does not depend on what it consists of.
    """
    if not isinstance(text, str) or len(text) > longest:
        return text
    text = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text).strip()
    return text if plain(text) else None


def clean_title(text: Any) -> Any:
    """Return a title or a description as `clean` does; it may be longer than what is searched for."""
    return clean(text, MAX_TITLE)


def as_value(value: Any) -> Any:
    """Return a number as the text that it is compared as: 2012 and 2012.0 as "2012"."""
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return value
    if isinstance(value, int):
        return str(value) if abs(value) < 10**MAX_NAME else value
    return f"{value:.15g}" if isinstance(value, float) else value


def as_text_value(value: Any) -> Any:
    """Return the value of a filter as the text that it is compared as, true and false too."""
    return ("true" if value else "false") if isinstance(value, bool) else as_value(value)


def as_list(value: Any) -> Any:
    """Return a lone filter value as a list of one."""
    return value if isinstance(value, list) else [value]


def in_one_line(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Return a cutoff; say of a bad one what is needed once, not once for each of its types."""
    try:
        return check(value)
    except ValidationError:
        raise ValueError("must be a relevance from 0 to 1, auto or none") from None


def check_order(text: str) -> str:
    """Refuse an order that is none; whether there is such an attribute, the catalogue knows."""
    if text in ("relevance", "newest") or (text.endswith((":asc", ":desc")) and not text.startswith(":")):
        return text
    raise ValueError("must be relevance, newest, or an attribute with :asc or :desc, such as price:asc")


def check_uri(image: str) -> str:
    """Refuse what is no data URI; whether it holds a picture shows when it is decoded.

    An address is refused in words of its own: a service that fetches what callers name can be sent anywhere.

    Raises:
        ValueError: it is none.
    """
    if re.match(r"\s*(https?:)?//", image[:MAX_TEXT], re.IGNORECASE):
        raise ValueError("pictures are not fetched from addresses; send the picture itself, as a data URI or in a form")
    if not re.match(URI_HEAD, image[:MAX_TEXT]):
        raise ValueError("no data URI; send data:image/png;base64,... with the picture's bytes in base64 behind it")
    return image


def check_crop(crop: list[float]) -> list[float]:
    """Return a part of a picture without what rounding has put beyond its edge.

    Raises:
        ValueError: it is not within the picture, or too small to see anything.
    """
    left, top, width, height = crop
    if min(width, height) < MIN_CROP:
        raise ValueError(f"must be at least {MIN_CROP} wide and high, of 1")
    if max(left + width, top + height) > 1 + ROUNDING:
        raise ValueError("must lie within the picture: left + width and top + height are at most 1")
    return [left, top, min(width, 1 - left), min(height, 1 - top)]


def at_most(limit: int) -> BeforeValidator:
    """Return what refuses an object of more than `limit` members before any of them is looked at.

    A list's length is checked first; an object's would be once all of its members, and their errors, are made.
    """

    def check(value: Any) -> Any:
        if isinstance(value, dict) and len(value) > limit:
            context = {"field_type": "Dictionary", "max_length": limit, "actual_length": len(value)}
            raise PydanticKnownError("too_long", context)
        return value

    return BeforeValidator(check)


class FirstOnly(FailFast):
    """A list of which only the first bad value is reported: thousands may be, and each becomes an error of its own."""

    __hash__ = object.__hash__  # annotations with `|` need it


Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
ValueText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_VALUE)]
Value = Annotated[ValueText, BeforeValidator(as_text_value, json_schema_input_type=ValueText | Number | bool)]
"""A text, or a number or truth that is compared as its text."""
Vector = Annotated[list[Number], Field(min_length=1, max_length=MAX_DIM), FirstOnly()]
ListedValues = Annotated[list[Value], Field(min_length=1, max_length=MAX_VALUES), FirstOnly()]
Values = Annotated[ListedValues, BeforeValidator(as_list, json_schema_input_type=Value | ListedValues)]
Ids = Annotated[list[Name], Field(max_length=MAX_IDS)]
CropBox = Annotated[
    list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=4, max_length=4), AfterValidator(check_crop)
]
Text = Annotated[str | None, Field(max_length=MAX_TEXT), BeforeValidator(clean)]
URI_HEAD = r"\s*[Dd][Aa][Tt][Aa]:([Ii][Mm][Aa][Gg][Ee]/[^,;]*|[Aa]pplication/octet-stream)?(;[^,]*)?,"
Uri = Annotated[str, Field(json_schema_extra={"pattern": f"^{URI_HEAD}"}), AfterValidator(check_uri)]
"""A picture as a data URI, in any of the forms in which clients write one."""
Picture = Uri | None

Language = Literal["en", "fr", "de", "es", "it"]
Cutoff = Annotated[Literal["auto", "none"] | Annotated[float, Field(ge=0, le=1)], WrapValidator(in_one_line)]
Order = Annotated[
    str,
    Field(
        min_length=1, max_length=MAX_NAME, json_schema_extra={"pattern": r"^(relevance|newest|[^:][\s\S]*:(asc|desc))$"}
    ),
    AfterValidator(check_order),
]


class Fields(BaseModel):
    """A body of a request: what it does not name is refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    max_bytes: ClassVar[int] = MAX_JSON
    """Of its JSON, without pictures."""
    max_values: ClassVar[int] = 20_000
    """Of its JSON, with all that it may hold: for a search a vector, and as many values in as many filters."""

    also: ClassVar[Mapping[str, str]] = {}
    """Names that other services have for a field, for the message that an unknown one gets."""

    @model_validator(mode="before")
    @classmethod
    def _few_unknown(cls, value: Any) -> Any:
        """Leave out all but the first unknown fields; one is enough to be refused."""
        if not isinstance(value, dict) or len(value) <= len(cls.model_fields) + MAX_UNKNOWN:
            return value
        known = {field.alias or name for name, field in cls.model_fields.items()}
        unknown = [name for name in value if name not in known][:MAX_UNKNOWN]
        return {name: value[name] for name in value if name in known} | {name: value[name] for name in unknown}


class OnePicture(Fields):
    """A body that may hold one picture."""

    image: Picture = None

    @property
    def pictures(self) -> list[str]:
        """The picture, if there is one."""
        return [] if self.image is None else [self.image]

    def check_one(self, pictures: int, what: str, instead: str = "") -> None:
        """Refuse anything but one picture.

        Args:
            pictures: how many came beside the fields.
            what: they are, in the message.
            instead: what else may be sent.

        Raises:
            InvalidError: there is none, or more than one.
        """
        count = pictures + len(self.pictures)
        if count != 1:
            raise InvalidError(
                f"there are {count} {what}; send one in the field 'image'{instead}",
                [{"field": "image", "message": "exactly one is needed"}],
            )


class Cropped(Fields):
    """A body that may say which part of its picture counts."""

    crop: CropBox | None = Field(
        None,
        description="The part of the picture that counts: left, top, width and height in parts of the upright picture, "
        f"each from 0 to 1, such as [0, 0.5, 1, 0.5] for its lower half; at least {MIN_CROP} wide and high.",
    )

    @property
    def part(self) -> Crop:
        """The part of the picture that counts."""
        return WHOLE if self.crop is None else Crop(*self.crop)

    def check_crop(self, pictures: int) -> None:
        """Refuse a part of nothing; `pictures` says how many there are.

        Raises:
            InvalidError: there is a part and not one picture.
        """
        if self.crop is not None and pictures != 1:
            raise InvalidError(
                f"crop is a part of one picture, and there are {pictures}; send one, or leave crop out",
                [{"field": "crop", "message": "without exactly one picture"}],
            )


class CroppedPicture(OnePicture, Cropped):
    """A body that may hold one picture, of which a part counts."""

"""Which form of a picture a request gets: a width of a few, and WebP or JPEG by `Accept` (RFC 9110, section 12.5.1).

Knows no picture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import Headers

Form = Literal["webp", "jpeg"]
"""What small pictures are made as."""

WIDTHS = (160, 320, 640, 1280)
"""Of small pictures, in pixels; what is asked for is rounded up, and no picture becomes larger than it is."""
SHOWN = frozenset(f"image/{name}" for name in ("jpeg", "png", "apng", "gif", "webp", "avif", "bmp", "svg+xml"))
"""What browsers show. One that names any of them in `Accept` wants a picture that it can show."""
RANGE = re.compile(r"\s*([\w!#$&^.+*-]+/[\w!#$&^.+*-]+)\s*((?:;[^,]*)?)")
QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE)
MAX_ACCEPT = 2_000
"""Characters of `Accept` that are read."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a caller takes."""

    named: Mapping[str, float]
    """Media ranges as they are named -> how much they are wanted, 0 to 1."""

    @property
    def form(self) -> Form:
        """WebP where it is named, or no picture is; else JPEG, which everything shows."""
        if not self.is_browser:
            webp, jpeg = self._wanted("image/webp"), self._wanted("image/jpeg")
        else:
            webp, jpeg = self.named.get("image/webp", 0.0), self.named.get("image/jpeg", 0.0)
        return "webp" if webp and webp >= jpeg else "jpeg"

    @property
    def is_browser(self) -> bool:
        """Whether it names a picture that browsers show; a program that takes anything gets a picture as it is."""
        return any(quality and name in SHOWN for name, quality in self.named.items())

    def names(self, media_type: str) -> bool:
        """Return whether this very type is named and wanted."""
        return bool(self.named.get(media_type))

    def _wanted(self, media_type: str) -> float:
        if not self.named:
            return 1.0
        return next((self.named[name] for name in (media_type, "image/*", "*/*") if name in self.named), 0.0)


def accepted(headers: Headers) -> Accepted:
    """Return what a request says that it takes; what cannot be read says nothing."""
    named: dict[str, float] = {}
    for part in ",".join(headers.getlist("accept"))[:MAX_ACCEPT].split(","):
        match = RANGE.fullmatch(part)
        if match:
            quality = QUALITY.search(match[2])
            named[match[1].lower()] = min(1.0, float(quality[1])) if quality else 1.0
    return Accepted(named)


def width_of(asked: int) -> int:
    """Return the width that is made for one that is asked for."""
    return next((width for width in WIDTHS if width >= asked), WIDTHS[-1])

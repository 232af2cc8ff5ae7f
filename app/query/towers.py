"""What is known of an encoder beside what it does: its towers and its recipe, without where they lie."""

from __future__ import annotations

import re
from typing import Any

from app.query.jobs import Encoder
from models import Encoder as LoadedEncoder


def tower_details(encoder: Encoder) -> dict[str, Any]:
    """Return what is known of the towers; nothing of an encoder that is given in memory, which need not have any."""
    if not isinstance(encoder, LoadedEncoder):
        return {}
    config = encoder.config
    return {
        "max_tokens": config.text.max_tokens,
        "text_tower": source_name(config.text.source),
        "image_tower": source_name(config.image.source),
        "recipe": source_name(encoder.training.get("preset")),
    }


def source_name(source: str | None) -> str | None:
    """Return what a tower is called: its preset or its name on a hub; of a folder here, not where that is."""
    if source is None or re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", source):
        return source
    return source.replace("\\", "/").rpartition("/")[2]

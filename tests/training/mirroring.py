"""Short words for mirrors in tests: a feed of some addresses, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.mirror import MirrorOptions, mirror_feed

QUICK: dict[str, Any] = {"allow_private": True, "backoff_s": 0.01, "timeout_s": 5.0}


def feed_of(folder: Path, *addresses: str) -> Path:
    """Write a feed whose products name these addresses, and return its path."""
    path = folder / "shop.csv"
    rows = [f'{number},"{address}",Product {number}' for number, address in enumerate(addresses, 1)]
    path.write_text("\n".join(["id,image,text", *rows]) + "\n", encoding="utf-8")
    return path


def mirrored(folder: Path, *addresses: str, **options: Any) -> dict[str, Any]:
    """Mirror a feed of these addresses into `folder`/mirror and return the report."""
    return mirror_feed(str(feed_of(folder, *addresses)), folder / "mirror", MirrorOptions(**{**QUICK, **options}))


def reasons(report: dict[str, Any]) -> dict[str, str]:
    """Return why each address failed, by its path."""
    return {"/" + one["address"].split("/", 3)[3]: one["reason"] for one in report["failures"]}

"""`vitrine demo`: a drawn shop in which unseen titles find the right product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.demo import prepare_demo
from training.demo.shop import KINDS


@pytest.mark.timeout(500)
def test_the_demo_finds_type_and_colour_of_titles_it_never_saw(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, report = demo
    assert report["found"]["titles"] >= 100
    assert report["found"]["both"] >= 0.9
    assert report["evaluation"]["gallery"] == 2000
    again = prepare_demo(folder, device="cpu")
    assert again["evaluation"] == report["evaluation"]
    assert again["seconds"] < report["seconds"] / 3, "what is there is used again"


def test_kinds_have_words_of_their_own() -> None:
    assert len({kind.word for kind in KINDS}) == len(KINDS) >= 12

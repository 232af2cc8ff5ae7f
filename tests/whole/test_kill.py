"""The service, killed in the middle of its work, as `python -m tests.load.kill` does for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.kill import run


@pytest.mark.timeout(900)  # it starts some ten processes, on a machine that may be busy
def test_nothing_is_lost_and_nothing_half_visible_when_the_service_is_killed(exported: Path, tmp_path: Path) -> None:
    """Index and products never get out of step (clip-retrieval 304).

    Nor does a build from the first data, in the last round, drop what was written before and while it ran: it did.
    """
    figures = run(exported, tmp_path, rounds=3, seed=3, replace_every=3, most_writes=30)
    assert figures["faults"] == []
    assert figures["counts"]["kills"] == 3
    assert figures["acknowledged"] > 10
    assert figures["counts"]["catalogues built from the first data"] > 0

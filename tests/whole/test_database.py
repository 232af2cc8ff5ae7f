"""Services on one database that is killed and replaced, as `python -m tests.load.database` has it for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.database import run


@pytest.mark.timeout(1200)  # it starts four services, on a machine that may be busy
def test_no_acknowledged_write_is_lost_when_the_database_is_killed_or_replaced(exported: Path, tmp_path: Path) -> None:
    figures = run(exported, tmp_path, seconds=0.5)
    for name, phase in figures["phases"].items():
        assert (phase["faults"], phase["lost"]) == ([], 0), name
        assert phase["acknowledged"] > 5, name
        for answer in phase.get("away", {}):
            path, status, *code = answer.split()
            assert status == ("200" if path == "/healthz" else "503"), answer
            assert code in ([], ["unavailable"]), answer

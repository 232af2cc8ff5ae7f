"""A tool: runs the command line in this process, as a pipe sees it, which takes a hundredth of a process of its own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from vitrine.cli import main


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str | Path, folder: Path | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Run a command with its output in pipes; what nobody foresaw is raised."""
    out, errors, status = io.StringIO(), io.StringIO(), 0
    settings = {"COLUMNS": "120", "HF_HUB_OFFLINE": "1", "VITRINE_PORT": "1", **(env or {})}
    with (
        patch.object(sys, "argv", ["vitrine", *map(str, words)]),
        patch.dict(os.environ, settings),
        chdir(folder or Path.cwd()),
        redirect_stdout(out),
        redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Done(status, out.getvalue(), errors.getvalue())


def refused(*words: str | Path, folder: Path | None = None, status: int = 2) -> str:
    """Run a command that must fail, by default as a user's mistake does, and return its one line."""
    done = run(*words, folder=folder)
    assert done.returncode == status, done
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]

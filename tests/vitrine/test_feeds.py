"""The command that mirrors a feed, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from common import InputError
from tests.tools.origin import origin
from vitrine.cli import cli


def test_mirror_tells_what_failed_and_is_no_error_unless_strict(tmp_path: Path) -> None:
    feed, out, report = tmp_path / "shop.csv", tmp_path / "mirror", tmp_path / "report.json"
    command = ["data", "mirror", str(feed), "--out", str(out), "--allow-private", "--report", str(report)]
    with origin() as host:
        feed.write_text(f"id,image,text\n1,{host.picture('/1.jpg')},Dress\n2,{host.url}/[none].jpg,Shoe\n")
        told = CliRunner().invoke(cli, command, env={"COLUMNS": "200"})
        assert told.exit_code == 0
        assert "1 fetched" in told.stdout
        assert "/[none].jpg" in told.stdout
        assert "404 Not Found" in told.stdout
        as_json = CliRunner().invoke(cli, [*command, "--json"])
        assert json.loads(as_json.stdout) == json.loads(report.read_text())
        strict = CliRunner().invoke(cli, [*command, "--strict"])
    assert isinstance(strict.exception, InputError)
    assert "1 of 2 pictures were not fetched" in str(strict.exception)

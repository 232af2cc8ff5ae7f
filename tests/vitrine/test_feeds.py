"""The commands on a shop's feed, and what is a data set on the command line, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.http import create_key
from app.server import create_app
from app.settings import Settings
from common import InputError
from tests.tools.origin import origin
from tests.tools.shop import PATIENT, DrawnEncoder, draw, encoded, served, write_catalogue
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


def test_sync_reads_the_key_from_a_file_and_never_shows_it(tmp_path: Path) -> None:
    live = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    keys = tmp_path / "keys.json"
    _, secret = create_key(keys, "sync", "write")
    (tmp_path / "key").write_text(secret)
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "1.png").write_bytes(encoded(draw("red", "bag")))
    (shop / "shop.csv").write_text("id,image,text\n1,1.png,Red bag\n")
    app = create_app(Settings.read(catalogue=live, keys=keys, **PATIENT), encoder=DrawnEncoder())
    with served(app) as client:
        command = ["sync", str(shop / "shop.csv"), "--url", str(client.base_url)]
        without = CliRunner().invoke(cli, [*command, "--keep-missing"], env={"VITRINE_KEY": "", "VITRINE_API_KEY": ""})
        command += ["--key-file", str(tmp_path / "key")]
        refused = CliRunner().invoke(cli, command)
        planned = CliRunner().invoke(cli, [*command, "--keep-missing", "--dry-run", "--json"])
        done = CliRunner().invoke(cli, [*command, "--keep-missing"], env={"COLUMNS": "300"})
    assert isinstance(without.exception, InputError)
    assert "--key-file or VITRINE_KEY" in str(without.exception)
    assert "lacks 48 of 48 live products" in str(refused.exception)
    assert json.loads(planned.stdout)["created"] == 1
    assert done.exit_code == 0
    assert "1 were created" in done.stdout
    for result in (without, refused, planned, done):
        assert secret not in result.output + str(result.exception)


@pytest.mark.parametrize("url", ["shop.example", "ftp://shop.example", "http://", "https://me:secret@shop.example"])
def test_sync_refuses_what_is_no_address_of_a_service(tmp_path: Path, url: str) -> None:
    refused = CliRunner().invoke(cli, ["sync", str(tmp_path), "--url", url])
    assert isinstance(refused.exception, InputError)
    assert "--url" in str(refused.exception)


@pytest.mark.parametrize("text", ["", " ", "\t", "\u00a0", "\u200b\ufeff"])
def test_search_for_nothing_is_refused(text: str) -> None:
    refused = CliRunner().invoke(cli, ["search", text])
    assert isinstance(refused.exception, InputError)
    assert "nothing to search for" in str(refused.exception)


def test_data_set_is_an_argument_or_an_option_and_not_two(checkpoint: Path, tmp_path: Path) -> None:
    places = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "catalogue")]
    for given in (["none.csv"], ["--data", "none.csv"]):
        lacking = CliRunner().invoke(cli, ["index", *given, *places])
        assert "there is no file or folder none.csv" in str(lacking.exception)
    twice = CliRunner().invoke(cli, ["index", "one.csv", "--data", "other.csv", *places])
    assert "two data sets are given" in str(twice.exception)
    for command in (["train", "none.toml"], ["sweep", "none.toml"], ["sync", "--url", "http://127.0.0.1:1"]):
        lacking = CliRunner().invoke(cli, command)
        assert isinstance(lacking.exception, InputError)
        assert f"type vitrine {' '.join(command)} DATA" in str(lacking.exception)

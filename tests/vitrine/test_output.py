"""What commands print, and how they end: tables in a terminal, tabs in a pipe, JSON on request, exit codes."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from tests.tools.command import refused, run

BOX = set("─│┌┐└┘├┤┬┴┼━┃┏┓┗┛┡┩╇╭╮╰╯")


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_a_pipe_gets_a_line_for_each_row_and_a_terminal_a_table(
    exported: Path, catalogue: Path, tmp_path: Path
) -> None:
    keys = str(tmp_path / "keys.json")
    assert run("key", "list", "--keys", keys).stdout == ""
    run("key", "create", "shop", "--scope", "search", "--origin", "https://a.example", "--keys", keys)
    place = ["--catalogue", str(catalogue), "--checkpoint", str(exported)]
    printed = {
        ("search", "red ball", "-k", "3", *place): (4, "score\tid\ttitle\tattributes"),
        ("key", "list", "--keys", keys): (2, "name\tscope\tcreated\tends in\tfor pages of\tlimit"),
        ("evaluate", "--catalogue", str(catalogue)): (8, "query\tright is\ttop-1"),
        ("doctor",): (10, "state\tcheck\tfound\tfix"),
    }
    for words, (least, heading) in printed.items():
        piped = run(*words, folder=tmp_path)
        assert piped.stdout.startswith(heading), words
        assert not BOX & set(piped.stdout), words
        assert len(rows(piped.stdout)) >= least, words
        for table in piped.stdout.split("\n\n"):
            assert len({len(row) for row in rows(table)}) == 1, words
        drawn = run(*words, folder=tmp_path, env={"TTY_COMPATIBLE": "1", "NO_COLOR": "1"})
        assert "\t" not in drawn.stdout, words
        assert words[0] == "doctor" or BOX & set(drawn.stdout), words


def test_an_error_is_a_line_and_with_json_also_json(tmp_path: Path) -> None:
    cases: dict[tuple[str, ...], tuple[str, int]] = {
        ("serch",): ("usage", 2),
        ("evaluate", "--splt", "test"): ("usage", 2),
        ("evaluate", "--split", "tset"): ("bad_input", 2),
        ("search", "red"): ("bad_artefact", 2),
        ("data", "info", "none.csv"): ("bad_data", 2),
        ("data", "mirror", "http://127.0.0.1:1025/feed.xml", "--out", "feed", "--allow-private"): ("unreachable", 1),
        ("search", "red", "--url", "http://127.0.0.1:9"): ("unreachable", 1),
    }
    for words, (code, status) in cases.items():
        told = refused(*words, folder=tmp_path, status=status)
        done = run(*words, "--json", folder=tmp_path)
        assert done.returncode == status, words
        error = json.loads(done.stdout)["error"]
        assert error["code"] == code, words
        assert told == done.stderr.strip() == f"error: {error['message']}", words


def test_what_is_misspelt_is_told_with_what_is_meant(tmp_path: Path) -> None:
    for words, meant in {
        ("serch",): "no such command 'serch', did you mean 'search', 'serve'? see vitrine --help",
        ("index", "--dta", "x"): "no such option: --dta, did you mean --data? see vitrine index --help",
        ("evaluate", "--split", "tset"): "'test'",
        ("evaluate", "--protocol", "kagle"): "'kagl'",
        ("key", "create", "a", "--scope", "writ"): "'write'",
        ("index", "x.csv", "--pictures", "foldr"): "'folder'",
        ("train", "own-product", "x.csv"): "own-products",
    }.items():
        assert meant in refused(*words, folder=tmp_path), words
    assert "choose search, read, write or admin" in refused("key", "create", "a", "--scope", "owner")


def test_a_variable_that_is_misspelt_is_told_by_every_command(tmp_path: Path) -> None:
    told = run("search", "red", folder=tmp_path, env={"VITRINE_CATALOG": "shop"})
    assert told.stderr.startswith("warning: VITRINE_CATALOG is no setting; did you mean VITRINE_CATALOGUE?\n")


def test_a_port_that_is_taken_names_who_has_it(exported: Path, catalogue: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refused("serve", "--catalogue", catalogue, "--checkpoint", exported, "--port", str(port), status=1)
    assert told.startswith(f"error: port {port} is taken")
    assert "`--port 0` takes a free one" in told
    if Path("/proc/net/tcp").exists():
        assert f"by pid {os.getpid()} (" in told


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        (["evaluate", "--queries", "q.jsonl", "--out", "x.csv"], ".json or .md"),
        (["evaluate", "--against", "a", "--checkpoint", "b"], "--checkpoint"),
        (["evaluate", "--checkpoint", "b"], "--checkpoint"),
        (["evaluate", "--from", "x.json", "--split", "test"], "--split"),
        (["evaluate", "--queries", "q", "--url", "http://x", "--device", "cpu"], "--device"),
        (["evaluate", "a", "--catalogue", "b"], "two catalogues"),
        (["index", "--strict", "--device", "cpu"], "--device and --strict"),
        (["train", "tiny", "x.csv", "--benchmark", "--resume"], "--resume"),
        (["demo", "--no-serve", "--port", "1"], "--port"),
    ],
)
def test_options_that_would_be_ignored_are_refused(words: list[str], left_out: str, tmp_path: Path) -> None:
    assert left_out in refused(*words, folder=tmp_path)
    assert "leave out --write" in run("settings", "--json", "--write", "x.md").stderr

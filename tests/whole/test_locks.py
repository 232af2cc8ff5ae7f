"""The locks in requirements/: they fit pyproject.toml, name no index, and are listed; what is said of weaknesses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.tools.audit import UNREACHABLE, audit, verdict
from tests.tools.lock import FOLDER, LOCKS, PINNED, TORCH, blocks, digest_of, name_of, project, wanted
from tests.tools.sbom import records, write

TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.txt")}
REFRESH = "pyproject.toml has changed since the locks were made: run make lock"


def pinned(name: str) -> dict[str, set[str]]:
    """Return the versions in a lock by package."""
    found: dict[str, set[str]] = {}
    for package, version in PINNED.findall(TEXTS[name]):
        found.setdefault(package, set()).add(version)
    return found


@pytest.mark.parametrize("name", [*LOCKS, "torch", "build", "tools"])
def test_locks_are_those_of_the_project(name: str) -> None:
    assert f"# inputs: {digest_of(project())}\n" in TEXTS[name], REFRESH


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_locked_to_a_version_that_fits(name: str) -> None:
    locked = pinned(name) | (pinned("torch") if name != "serve" else {})
    for text in wanted(project(), LOCKS[name]):
        requirement = Requirement(text)
        versions = locked.get(name_of(text), set())
        assert versions, f"{text} is not in requirements/{name}.txt; {REFRESH}"
        assert all(version in requirement.specifier for version in versions), (text, versions)


def test_what_serves_has_no_torch_and_no_other_version_than_what_is_tested() -> None:
    everything = pinned("dev") | pinned("torch")
    assert not set(pinned("serve")) & set(pinned("torch"))
    assert not {name for name in pinned("serve") if name.startswith(("nvidia", "transformers", "onnxscript"))}
    for name in ("serve", "train"):
        for package, versions in pinned(name).items():
            assert versions <= everything[package], (name, package)
    assert set(TORCH) <= set(pinned("torch"))


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_has_a_hash_and_no_index_is_named(name: str) -> None:
    """A lock that names a host installs nowhere else."""
    entries = blocks(TEXTS[name])
    assert sum(map(len, entries.values())) == len(PINNED.findall(TEXTS[name])) > 0
    assert not re.search(r"://|--index|--find-links|--extra-index", TEXTS[name])


def test_the_list_of_packages_is_made_of_the_records_of_the_lock_and_no_others(tmp_path: Path) -> None:
    """As an environment has them that was installed from this lock alone."""
    program = tmp_path / "cyclonedx-py"
    program.write_text(
        '#!/bin/sh\ncat "${2%/bin/python}"/lib/python*/site-packages/*/METADATA > "$7"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    write(str(program), FOLDER / "serve.txt", tmp_path / "sbom.json")
    listed = re.findall(r"^Name: (.+)$", (tmp_path / "sbom.json").read_text(encoding="utf-8"), re.MULTILINE)
    marked = set(re.findall(r"^([a-z0-9-]+)==\S+ ; ", TEXTS["serve"], re.MULTILINE))
    assert pinned("serve").keys() - marked <= set(map(name_of, listed)) <= pinned("serve").keys()
    assert len(listed) > 50


@pytest.mark.parametrize("line", ["pillow==0.1 \\\n", "no-such-package==1.0\n", "pillow==0.1 ; python_version > '3'\n"])
def test_a_package_that_is_not_here_as_locked_is_not_listed_as_if_it_were(line: str) -> None:
    with pytest.raises(
        LookupError, match=rf"the lock has {line.partition('==')[0]}==.* installed here: run make check"
    ):
        records(line)
    assert records(line.partition(" ")[0].strip() + " ; sys_platform == 'no such'\n") == []


def test_packages_without_a_known_weakness_pass() -> None:
    checked = {"name": "pillow", "version": "13.0.0", "vulns": []}
    assert verdict({"dependencies": [checked]}) == (
        "pip-audit: 1 packages checked, 0 unknown to the database, 0 weaknesses",
        True,
    )


def test_a_weakness_fails_when_a_version_repairs_it() -> None:
    weak = {"id": "PYSEC-1", "fix_versions": ["13.0.1"]}
    text, passes = verdict({"dependencies": [{"name": "pillow", "version": "13.0.0", "vulns": [weak]}]})
    assert not passes
    assert "pillow 13.0.0: PYSEC-1, repaired in 13.0.1: run make lock UPGRADE=1" in text
    text, passes = verdict(
        {"dependencies": [{"name": "pillow", "version": "13.0.0", "vulns": [{**weak, "fix_versions": []}]}]}
    )
    assert passes
    assert "no version repairs it" in text


def test_a_database_that_knows_no_package_at_all_was_not_reached() -> None:
    """A mirror answers 404 for each of them, and pip-audit calls that "no known vulnerabilities found"."""
    skipped = {"name": "pillow", "skip_reason": "Dependency not found and could not be audited: pillow (13.0.0)"}
    assert verdict({"dependencies": [skipped]}) == (UNREACHABLE, True)


@pytest.mark.parametrize(
    ("said", "text", "passes"),
    [
        ("requests.exceptions.ProxyError: no route", UNREACHABLE, True),
        ("error: no such option", "pip-audit failed: error: no such option", False),
    ],
)
def test_a_fault_of_the_program_is_told_apart_from_a_missing_network(
    tmp_path: Path, said: str, text: str, passes: bool
) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    assert audit(str(program), ["requirements/dev.txt"]) == (text, passes)

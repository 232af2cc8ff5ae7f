"""A tool: gathers the pages of the static site and has mkdocs build them: README, docs/, decisions, references.

`python -m tests.tools.site FOLDER` builds into FOLDER; a warning is an error. Nothing is written here that is not
elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import indent

import typer
import yaml
from typer.cli import get_docs_for_click

from app.settings import Settings
from tests.tools.reference import reference
from tests.tools.root import ROOT
from tests.tools.shop import DrawnEncoder, write_catalogue
from vitrine.cli import cli

TOP = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "reporting.md",
    "DECISIONS.md": "decisions.md",
    "CHANGELOG.md": "changelog.md",
    "checkpoints/minilm-dinov2/README.md": "model.md",
}
"""Pages at the top of the repository, and what they are called on the site."""
SERVICE = "http://127.0.0.1:8000"


def gather(pages: Path) -> None:
    """Write every page of the site into `pages`, a new folder, with links that lead from page to page."""
    pages.mkdir(parents=True)
    for path in (ROOT / "docs").rglob("*"):
        if path.is_file():
            target = pages / path.relative_to(ROOT / "docs")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    for name, page in TOP.items():
        (pages / page).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    for path in pages.rglob("*.md"):
        text = re.sub(r"\]\((?:\.\./|docs/)?([^):#]+)(#[^)]*)?\)", _link, path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
    (pages / "api.md").write_text(api_page(), encoding="utf-8")
    (pages / "commands.md").write_text(commands_page(), encoding="utf-8")


def _link(link: re.Match[str]) -> str:
    target = TOP.get(link.group(1), link.group(1))
    return f"]({target}{link.group(2) or ''})"


def api_page() -> str:
    """Return the description of every call as a page of the site."""
    from app import create_app

    with tempfile.TemporaryDirectory() as folder:
        catalogue = write_catalogue(Path(folder) / "catalogue", DrawnEncoder())
        document = create_app(Settings.read(catalogue=catalogue), encoder=DrawnEncoder()).openapi()
    # Indented lines and blank ones inside it would be Markdown again.
    html = reference(document, SERVICE).replace("\n", "&#10;")
    return f"# API reference\n\n<div>{html}</div>\n"


def commands_page() -> str:
    """Return the help of every command as a page of the site."""
    command = typer.main.get_command(cli)
    help_of_all = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name="vitrine"), name="vitrine")
    shown = help_of_all.replace("# `vitrine`\n", "# Command line\n", 1)
    shown = shown.replace("\b", "").replace("`--help`", "`-h, --help`")  # \b: what follows is not to be wrapped
    # In a terminal lines with two spaces stay as they are; in Markdown those are lines of one paragraph.
    return re.sub(r"^(?:  \S.*\n)+", lambda lines: "\n" + indent(lines.group(), "  "), shown, flags=re.MULTILINE)


def build(site: Path, pages: Path) -> subprocess.CompletedProcess[str]:
    """Build the site into `site` from pages gathered in `pages`; a warning makes it fail."""
    gather(pages)
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    config |= {"docs_dir": str(pages.resolve()), "site_dir": str(site.resolve())}
    written = pages.parent / "mkdocs.yml"
    written.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean", "--config-file", str(written)],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        done = build(Path(sys.argv[1]), Path(temporary) / "pages")
    sys.stderr.write(done.stdout + done.stderr)
    sys.exit(done.returncode)

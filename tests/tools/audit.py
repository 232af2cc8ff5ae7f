"""A tool: known weaknesses of the packages in the locks, by pip-audit, where its database can be reached.

    python -m tests.tools.audit build/tools/bin/pip-audit requirements/dev.txt requirements/torch.txt

Fails on a weakness that a newer version does not have. pip-audit takes a mirror that knows no weaknesses for one that
has none to report: where not one package could be checked, the database was not reached, which fails nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

PATIENCE_S = 120
UNREACHABLE = "pip-audit: its database is not reachable, skipped"


def verdict(report: dict[str, Any]) -> tuple[str, bool]:
    """Return what a report of pip-audit comes to, and whether it passes."""
    checked = [one for one in report["dependencies"] if "skip_reason" not in one]
    if not checked:
        return UNREACHABLE, True
    found = [(one, weak) for one in checked for weak in one["vulns"]]
    lines = []
    for one, weak in found:
        better = " or ".join(weak["fix_versions"])
        advice = f"repaired in {better}: run make lock UPGRADE=1" if better else "no version repairs it"
        lines.append(f"{one['name']} {one['version']}: {weak['id']}, {advice}")
    skipped = len(report["dependencies"]) - len(checked)
    summary = f"pip-audit: {len(checked)} packages checked, {skipped} unknown to the database, {len(found)} weaknesses"
    return "\n".join([*lines, summary]), not any(weak["fix_versions"] for _, weak in found)


def audit(program: str, locks: Sequence[str]) -> tuple[str, bool]:
    """Return what pip-audit says of these locks in one text, and whether it passes."""
    command = [program, "--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", "5"]
    command += ["--format", "json"]
    for lock in locks:
        command += ["--requirement", lock]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        return verdict(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        return f"pip-audit: no answer in {PATIENCE_S} s, skipped", True
    except json.JSONDecodeError:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        unreachable = "requests.exceptions." in done.stderr
        return (UNREACHABLE, True) if unreachable else (f"pip-audit failed: {said}", False)


def main() -> None:
    """Run the tool."""
    text, passes = audit(sys.argv[1], sys.argv[2:])
    sys.stdout.write(text + "\n")
    sys.exit(0 if passes else 1)


if __name__ == "__main__":
    main()

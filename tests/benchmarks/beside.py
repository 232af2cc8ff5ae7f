"""The README's table: quality and speed beside the best of the others. Measures nothing."""

from __future__ import annotations

from typing import Any

from training.reports import KAGL_ROWS

PER_SECOND = "per second of 32 clients"
TASKS = ("text to products", "picture to products", "text to vector")
COSTS = {"memory of the service, MB": "memory MB", "seconds from start to the first answer": "start s"}


def table(titles: dict[str, Any], peers: dict[str, Any]) -> str:
    """Return the table in Markdown.

    Args:
        titles: `docs/kagl-test.json`, the public leaderboard's protocol on titles that were not trained on.
        peers: `docs/performance/peers.json`, the servers measured one after the other on one machine.
    """
    recall, best = titles["titles"]["recall10"]["value"], max(KAGL_ROWS, key=_published)
    theirs = f"{100 * _published(best):.1f} ({best}: four times the size, sees full photos, not trained on this shop)"
    rows = [("right products among the first ten for a title never seen, %", f"{100 * recall:.1f}", theirs)]
    corrected = titles["titles_hub_corrected"]["recall10"]["value"]
    rows.append(("the same as a search ranks it, corrected for hubs, %", f"{100 * corrected:.1f}", "–"))
    servers = dict(peers["servers"])
    ours = servers.pop("Vitrine")
    for task in TASKS:
        name = peers["ratios"][task]["best peer"]
        theirs = f"{servers[name][task][PER_SECOND]:,.0f} ({name})"
        rows.append((f"{task}, answers a second", f"{ours[task][PER_SECOND]:,.0f}", theirs))
    for label, key in COSTS.items():
        name = min(servers, key=lambda server: float(servers[server][key]))
        rows.append((label, f"{ours[key]:,.0f}", f"{servers[name][key]:,.0f} ({name})"))
    lines = ["| | Vitrine | best of the others |", "|---|---:|---|"]
    return "\n".join([*lines, *(f"| {label} | **{mine}** | {theirs} |" for label, mine, theirs in rows)])


def _published(model: str) -> float:
    """Return the recall@10 that a model is published with."""
    return KAGL_ROWS[model][0][1]

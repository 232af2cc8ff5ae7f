"""What a search must keep to, and the file that keeps it beside a catalogue."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from common import ConfigError, InputError

logger = logging.getLogger("vitrine.index")

REQUIREMENTS_FILE = "search.json"
"""What `vitrine index` was given; it stays when the catalogue is replaced."""


@dataclass(frozen=True, slots=True)
class IndexRequirements:
    """What a search must keep to.

    Raises:
        ConfigError: a number out of its range.
    """

    budget_mb: float | None = None
    """Megabytes (10^6 bytes) that the indexes over pictures and texts may take in memory together; None: any."""
    recall: float = 0.99
    """Part of the ten best results that must be found, on average."""

    def __post_init__(self) -> None:
        """Refuse what no index can keep to."""
        if self.budget_mb is not None and not self.budget_mb > 0:
            raise ConfigError(f"the budget is {self.budget_mb} MB; it must be above 0")
        if not 0 < self.recall <= 1:
            raise ConfigError(f"the recall is {self.recall}; it must be above 0 and at most 1")


def read_requirements(folder: Path) -> IndexRequirements | None:
    """Return what is kept with the catalogue in `folder`; None where there is nothing that can be used."""
    try:
        return IndexRequirements(**json.loads((folder / REQUIREMENTS_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, InputError) as error:
        logger.warning("%s cannot be used (%s): the search keeps to the defaults", folder / REQUIREMENTS_FILE, error)
        return None

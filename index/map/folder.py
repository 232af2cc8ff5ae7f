"""The map in a catalogue's folder, beside the catalogue: one file of JSON. Knows no layout."""

from __future__ import annotations

import json
from pathlib import Path

from common import ArtefactError, NotFoundError, atomic_file
from index.map.product_map import ProductMap, parsed_map

MAP_FILE = "map.json"


class FolderMap:
    """Where the map of a catalogue in a folder is kept."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / MAP_FILE

    def stamp(self) -> str:
        """Return a text that is another one when the map is; empty: there is none."""
        try:
            return f"{self._file.stat().st_mtime_ns:x}"
        except OSError:
            return ""

    def load(self) -> ProductMap | None:
        """Return the map, None: there is none; ArtefactError: it cannot be read."""
        try:
            value = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ArtefactError(f"{self._file} cannot be read ({error}); make a new one with `vitrine map`") from error
        return parsed_map(value, str(self._file))

    def save(self, made: ProductMap) -> None:
        """Put a map in its place, all of it or nothing."""
        with atomic_file(self._file) as beside:
            beside.write_text(json.dumps(made.to_json(), ensure_ascii=False), encoding="utf-8")

    def close(self) -> None:
        """Do nothing: no file is open."""


def checked_map(found: ProductMap | None, encoder_id: str) -> ProductMap:
    """Return a map that was loaded, where vectors of this encoder are served.

    Raises:
        NotFoundError: there is none, or it was made for another encoder (names both).
    """
    if found is None:
        raise NotFoundError("this catalogue has no map yet; its operator makes one with `vitrine map`")
    if found.encoder_id != encoder_id:
        raise NotFoundError(
            f"the map was made for encoder {found.encoder_id}, and {encoder_id} is served; "
            "the operator makes a new one with `vitrine map`"
        )
    return found

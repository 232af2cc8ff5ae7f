"""Reads all of a catalogue to find the products that are damaged, pictures included."""

from __future__ import annotations

from collections.abc import Mapping

from index.damage import Damage
from index.location import Location
from index.store import open_whole


def damaged_products(place: Location) -> Mapping[str, str]:
    """Return the damaged products of a catalogue: id -> what is wrong with it.

    Raises:
        VitrineError: as `open_whole`.
    """
    damage = Damage(place)
    with open_whole(place, damage) as whole:
        for _ in whole.entries:
            pass
    return damage.reasons()

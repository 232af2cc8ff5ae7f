"""Which attributes a data set has, where a recipe names some."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common import ConfigError
from training.data import Item


def attribute_names(items: Iterable[Item]) -> set[str]:
    """Return the names of the attributes that some item has."""
    return {name for item in items for name in item.attributes}


def check_attributes(field: str, names: Sequence[str], items: Iterable[Item]) -> None:
    """Refuse names that no item has an attribute of.

    Args:
        field: of the recipe, for the message.
        names: that it names.
        items: the products.

    Raises:
        ConfigError: names the first of them, and the attributes that there are.
    """
    known = attribute_names(items)
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(
            f"{field}: the data set has no attribute {unknown[0]!r}; its attributes are {', '.join(sorted(known))}"
        )


def attributes_there(names: Sequence[str], items: Iterable[Item]) -> tuple[str, ...]:
    """Return those of the names that some item has an attribute of."""
    known = attribute_names(items)
    return tuple(name for name in names if name in known)

"""The vectors of an entry that is about to be written, after checking them."""

from __future__ import annotations

import numpy as np

from index.records import Entry, Vectors, checked_vector


def entry_vectors(entry: Entry, dim: int) -> tuple[Vectors, Vectors]:
    """Return the vectors of an entry's pictures (K, D), in order, and that of its title (D,).

    Raises:
        InputError: one that cannot be stored; names the product.
    """
    product_id = entry.product.id
    pictures = (entry.image_vector, *(one.vector for one in entry.more))
    images = np.stack([checked_vector(vector, dim, product_id, "image") for vector in pictures])
    return images, checked_vector(entry.text_vector, dim, product_id, "text")

"""Where the products of a catalogue stand on a map of two dimensions, and the file in its folder that says so.

The file carries the encoder's id, as the catalogue does. A PCA is stored as the projection itself, so that a product
that comes later has its place at once. UMAP has no such projection: its coordinates are stored by product, and what
comes later is left out until the map is made anew. Knows no model and no HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from common import ArtefactError, ConfigError, NotFoundError, write_json
from index.records import Vectors
from index.sqlite import Catalogue

MAP_FILE = "map.json"
FORMAT = 1
Method = Literal["pca", "umap"]
METHODS: tuple[Method, ...] = get_args(Method)
DIGITS = 5
"""Decimals of a coordinate; a screen shows three."""

Points = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ProductMap:
    """A map as it is stored: with `mean` and `axes` for PCA, with `places` for UMAP."""

    method: Method
    encoder_id: str
    """Whose image vectors were projected."""
    created: str
    """ISO 8601, UTC."""
    mean: Points | None = None
    """(D,)."""
    axes: Points | None = None
    """(2, D)."""
    places: dict[str, tuple[float, float]] | None = None
    """Product id -> where it stands."""

    def place(self, ids: Sequence[str], vectors: Vectors) -> tuple[Rows, Points]:
        """Return which of N products have a place (M,), and where that is (M, 2).

        Args:
            ids: N.
            vectors: (N, D), their image vectors.
        """
        if self.places is None:
            assert self.mean is not None and self.axes is not None  # noqa: S101, PT018 - a PCA has both
            return np.arange(len(ids)), (vectors - self.mean) @ self.axes.T
        found = [(row, self.places[one]) for row, one in enumerate(ids) if one in self.places]
        return (
            np.array([row for row, _ in found], dtype=np.int64),
            np.array([point for _, point in found], dtype=np.float64).reshape(-1, 2),
        )


def pca(vectors: Vectors) -> tuple[Points, Points]:
    """Return the mean (D,) of `vectors` (N, D) and the two axes (2, D) along which they differ most.

    The same vectors give the same axes: the largest part of each is positive.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean
    _, found = np.linalg.eigh(centred.T @ centred)
    axes = found[:, :-3:-1].T
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    return mean, axes * signs[:, None]


def umap(vectors: Vectors) -> Points:
    """Return places (N, 2) in which neighbours among `vectors` (N, D) stay neighbours (McInnes et al. 2018).

    Raises:
        ConfigError: the library is not installed.
    """
    try:
        from umap import UMAP
    except ImportError:
        raise ConfigError("UMAP is not installed; get it with `pip install 'vitrine[map]'`, or use pca") from None
    neighbours = min(15, len(vectors) - 1)
    projection = UMAP(n_components=2, n_neighbors=neighbours, min_dist=0.1, metric="cosine", random_state=0, n_jobs=1)
    return np.asarray(projection.fit_transform(vectors), dtype=np.float64)


def make_map(folder: Path, method: Method = "pca") -> int:
    """Project the products of the catalogue in `folder` and store the map beside them; return how many there are.

    Raises:
        ArtefactError: no catalogue there, or one with fewer than three products.
        ConfigError: UMAP is asked for and not installed.
    """
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
    if len(snapshot.products) < 3 or snapshot.info.dim < 2:
        raise ArtefactError(f"{folder} has {len(snapshot.products)} products; a map needs three or more")
    value: dict[str, Any] = {
        "format": FORMAT,
        "method": method,
        "encoder_id": snapshot.info.encoder_id,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if method == "pca":
        mean, axes = pca(snapshot.image_vectors)
        value |= {"mean": mean.tolist(), "axes": axes.tolist()}
    else:
        points = umap(snapshot.image_vectors).round(DIGITS)
        value |= {
            "ids": [product.id for product in snapshot.products],
            "x": points[:, 0].tolist(),
            "y": points[:, 1].tolist(),
        }
    write_json(folder / MAP_FILE, value)
    return len(snapshot.products)


def load_map(folder: Path, encoder_id: str) -> ProductMap:
    """Return the map that is stored with the catalogue in `folder`, for vectors of this encoder.

    Raises:
        NotFoundError: there is none, or it was made for another encoder (names both).
        ArtefactError: it cannot be read.
    """
    try:
        value = json.loads((folder / MAP_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError("this catalogue has no map yet; its operator makes one with `vitrine map`") from None
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{folder / MAP_FILE} cannot be read ({error}); make it anew with `vitrine map`") from error
    try:
        if value["format"] != FORMAT:
            raise ArtefactError(
                f"{folder / MAP_FILE} is of format {value['format']}, this version reads {FORMAT}: run `vitrine map`"
            )
        if value["encoder_id"] != encoder_id:
            raise NotFoundError(
                f"the map was made for encoder {value['encoder_id']}, and {encoder_id} is served; "
                "the operator makes it anew with `vitrine map`"
            )
        head = value["method"], value["encoder_id"], value["created"]
        if value["method"] == "pca":
            mean, axes = (np.array(value[name], dtype=np.float64) for name in ("mean", "axes"))
            if mean.ndim != 1 or axes.shape != (2, len(mean)):
                raise ValueError(f"mean and axes are {mean.shape} and {axes.shape}, not (D,) and (2, D)")
            return ProductMap(*head, mean=mean, axes=axes)
        pairs = zip(value["x"], value["y"], strict=True)
        return ProductMap(*head, places=dict(zip(value["ids"], pairs, strict=True)))
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"{folder / MAP_FILE} is incomplete ({error!r}); make it anew with `vitrine map`"
        ) from error

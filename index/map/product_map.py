"""A map of products in two dimensions as it is stored: where each product is, and what its regions are called.

A product that is not on it, or whose picture is another one now, gets its place from its nearest neighbours that are.
A PCA is stored as the projection itself. Knows no file and no database.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from common import ArtefactError
from index.map.labels import RegionLabel
from index.map.neighbours import Points, place_among
from index.records import Vectors

FORMAT = 2
READ = 1, FORMAT
Method = Literal["tsne", "pca"]
METHODS: tuple[Method, ...] = get_args(Method)
REFERENCES = 50_000
"""Products at most among which the neighbours of a new one are looked for."""

Prints = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class ProductMap:
    """Where N products are; or, for a PCA, how vectors become places."""

    method: str
    """One of `METHODS`; in a file of format 1 also `umap`."""
    encoder_id: str
    """Whose image vectors were projected."""
    created: str
    """ISO 8601, UTC."""
    catalogue: str = ""
    """When the catalogue was built that it was made for; empty: unknown."""
    ids: Sequence[str] = ()
    """N; none for a PCA."""
    points: Points = field(default_factory=lambda: np.zeros((0, 2)))
    """(N, 2)."""
    prints: Prints | None = None
    """(N,) of the vectors, by which a changed one is known; None: unknown."""
    labels: tuple[RegionLabel, ...] | None = None
    """None for a map of format 1."""
    mean: Points | None = None
    """(D,) of a PCA."""
    axes: Points | None = None
    """(2, D) of a PCA."""

    def place(
        self,
        ids: Sequence[str],
        vectors_of: Callable[[Sequence[str]], Vectors],
        edited: Collection[str] | None = None,
    ) -> Points:
        """Return the places (M, 2) of products that may be others than those it was made for.

        Args:
            ids: M.
            vectors_of: returns the image vectors (K, D) of K of them.
            edited: those whose vectors may be others now; None: any.
        """
        if self.mean is not None and self.axes is not None:
            return np.asarray((vectors_of(ids) - self.mean) @ self.axes.T, dtype=np.float64)
        row_of = {product_id: row for row, product_id in enumerate(self.ids)}
        rows = np.array([row_of.get(product_id, -1) for product_id in ids], dtype=np.int64)
        if self.prints is not None:
            suspects = np.array(
                [at for at, one in enumerate(ids) if rows[at] >= 0 and (edited is None or one in edited)],
                dtype=np.int64,
            )
            if len(suspects):
                now = prints_of(vectors_of([ids[at] for at in suspects.tolist()]))
                rows[suspects[now != self.prints[rows[suspects]]]] = -1
        points = np.zeros((len(ids), 2))
        placed, new = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
        points[placed] = self.points[rows[placed]]
        if len(new) and len(placed):
            step = -(-len(placed) // REFERENCES)
            others = placed[::step]
            points[new] = place_among(
                vectors_of([ids[at] for at in new.tolist()]),
                vectors_of([ids[at] for at in others.tolist()]),
                points[others],
            )
        return points

    def to_json(self) -> dict[str, Any]:
        """Return what `parsed_map` reads."""
        value: dict[str, Any] = {
            "format": FORMAT,
            "method": self.method,
            "encoder_id": self.encoder_id,
            "created": self.created,
            "catalogue": self.catalogue,
            "labels": [label.to_json() for label in self.labels or ()],
        }
        if self.mean is not None and self.axes is not None:
            return value | {"mean": self.mean.tolist(), "axes": self.axes.tolist()}
        assert self.prints is not None  # noqa: S101 - one of format 1 is never stored
        return value | {
            "ids": list(self.ids),
            "x": _packed(self.points[:, 0], "<f4"),
            "y": _packed(self.points[:, 1], "<f4"),
            "prints": _packed(self.prints, "<u4"),
        }


def prints_of(vectors: Vectors) -> Prints:
    """Return a number (N,) for each of some vectors (N, D) that is another one when the vector is."""
    bits = np.ascontiguousarray(vectors, dtype="<f4").view("<u4")
    factors = np.random.default_rng(0).integers(1, 2**31, bits.shape[1], dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return np.asarray((bits * factors).sum(axis=1, dtype=np.uint32))


def parsed_map(value: Any, place: str) -> ProductMap:
    """Return a map from what `to_json` or format 1 has.

    Raises:
        ArtefactError: it is none, or of another format; names the place.
    """
    try:
        if value["format"] not in READ:
            raise ArtefactError(
                f"{place} is of format {value['format']}, this version reads {FORMAT}: run `vitrine map`"
            )
        head = value["method"], value["encoder_id"], value["created"], value.get("catalogue", "")
        labels = None if value["format"] == 1 else tuple(map(RegionLabel.of, value["labels"]))
        if "mean" in value:
            mean, axes = (np.array(value[name], dtype=np.float64) for name in ("mean", "axes"))
            if mean.ndim != 1 or axes.shape != (2, len(mean)):
                raise ValueError(f"mean and axes are {mean.shape} and {axes.shape}, not (D,) and (2, D)")
            return ProductMap(*head, labels=labels, mean=mean, axes=axes)
        ids = [str(one) for one in value["ids"]]
        x, y = (
            np.array(value[axis], dtype=np.float64) if value["format"] == 1 else _unpacked(value[axis], "<f4")
            for axis in "xy"
        )
        prints = None if value["format"] == 1 else _unpacked(value["prints"], "<u4")
        if not len(ids) == len(x) == len(y) == len(ids if prints is None else prints):
            raise ValueError(f"there are {len(ids)} ids, {len(x)} and {len(y)} coordinates")
        return ProductMap(*head, ids, np.stack([x, y], axis=1).astype(np.float64), prints, labels)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"{place} is incomplete ({error!r}); make a new one with `vitrine map`") from error


def _packed(values: npt.NDArray[Any], kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode("ascii")


def _unpacked(text: str, kind: str) -> npt.NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=kind)

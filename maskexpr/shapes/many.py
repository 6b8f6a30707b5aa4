"""Many shapes of any kinds in one frame, asked in pairs of one thing and one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Floats, Indices
from ..core.coverage import Coverage
from ..sphere.vectors import Caps
from .base import Shape
from .batch import Batch, Rings
from .circle import Circle, CircleAnnulus, discs
from .ellipse import Ellipse, EllipseAnnulus, Rectangle, RectangleAnnulus, tangents
from .outline import Outlines, outlines
from .polygon import Polygon, Polygons
from .sector import Sector, Sectors, fans

__all__ = ["Many"]


class Many:
    """n shapes on the sky, as batches of one kind each.

    Parameters
    ----------
    shapes : sequence of Shape
        They mark no pixels, and are no compounds.
    frame : str
        The frame that they are turned into, in which they are asked.

    Attributes
    ----------
    caps : Caps
        Caps outside which the shapes hold nothing; a negative radius is a shape that holds nothing at all.
    """

    def __init__(self, shapes: Sequence[Shape], frame: str) -> None:
        self._kind = np.zeros(len(shapes), dtype=np.intp)
        self._row = np.zeros(len(shapes), dtype=np.intp)
        self._batches: list[Batch] = []
        self.caps = Caps(np.zeros((3, len(shapes))), np.zeros(len(shapes)))
        for members, batch in _batches(shapes, frame):
            self._kind[members], self._row[members] = len(self._batches), np.arange(len(members))
            self._batches.append(batch)
            self.caps.centre[:, members], self.caps.radius[members] = batch.caps

    @classmethod
    def of_one_kind(cls, batch: Batch) -> Many:
        """The shapes of a batch, which need not be objects each."""
        made = cls((), "")
        number = len(batch.caps.radius)
        made._kind, made._row = np.zeros(number, dtype=np.intp), np.arange(number)
        made._batches, made.caps = [batch], batch.caps
        return made

    def __len__(self) -> int:
        return len(self._row)

    @property
    def batch(self) -> Indices:
        """The number of the batch that each shape is in, shape (n,)."""
        return self._kind

    def which(self, predicate: Callable[[Batch], bool]) -> Bools:
        """Which shapes are in batches of which something is true, shape (n,)."""
        return np.array([predicate(each) for each in self._batches], dtype=bool)[self._kind]

    def batch_of(self, which: Indices) -> tuple[Batch, Indices]:
        """The batch of some shapes that are all in one, and their places in it."""
        return self._batches[self._kind[which[0]]], self._row[which]

    def outlines(self) -> tuple[Indices, list[Outlines]]:
        """The polygons in batches, and their numbers, those of one batch after the other's."""
        found = [
            (np.flatnonzero(self._kind == place), batch)
            for place, batch in enumerate(self._batches)
            if isinstance(batch, Outlines)
        ]
        none = np.empty(0, dtype=np.intp)
        return np.concatenate([none, *(each for each, _ in found)]), [batch for _, batch in found]

    def inside(self, xyz: Floats, which: Indices) -> Bools:
        """Whether points are inside the shape that they are asked about.

        Parameters
        ----------
        xyz : ndarray, shape (3, k) or (3, k, j)
            Unit vectors: one point, or j of them, for each of k pairs.
        which : ndarray of int, shape (k,)
            The shape of each pair.

        Returns
        -------
        ndarray of bool, shape (k,) or (k, j)
        """
        spread = (slice(None), *[None] * (xyz.ndim - 2))

        def of(batch: Batch, some: Indices | slice) -> Bools:
            return batch.inside(np.ascontiguousarray(xyz[:, some]), self._row[which[some]][spread])

        hit: Bools = self._by_kind(of, which, np.empty(xyz.shape[1:], dtype=bool))
        return hit

    def coverage(self, caps: Caps, which: Indices) -> Coverage:
        """Coverage of each cap by the shape that it is asked about, shape (k,)."""

        def of(batch: Batch, some: Indices | slice) -> Coverage:
            return batch.coverage(Caps(*map(np.ascontiguousarray, caps.take(some))), self._row[which[some]])

        cover: Coverage = self._by_kind(of, which, np.empty(len(which), dtype=np.uint8))
        return cover

    def _by_kind(self, of: Callable[[Batch, Any], NDArray[Any]], which: Indices, out: Any) -> Any:
        if len(self._batches) == 1:
            return of(self._batches[0], slice(None))
        kind = self._kind[which]
        for place, batch in enumerate(self._batches):
            some = np.flatnonzero(kind == place)
            if len(some):
                out[some] = of(batch, some)
        return out


@dataclass(frozen=True)
class _OneByOne:
    """Shapes of a kind that has no batch."""

    shapes: Sequence[Shape]
    frame: str

    @property
    def caps(self) -> Caps:
        number = len(self.shapes)
        return Caps(np.tile([[1.0], [0.0], [0.0]], number), np.full(number, np.pi))

    def inside(self, xyz: Floats, which: Any) -> Bools:
        which = np.broadcast_to(which, xyz.shape[1:])
        out = np.zeros(which.shape, dtype=bool)
        for number in np.unique(which):
            some = which == number
            out[some] = self.shapes[number].inside(np.ascontiguousarray(xyz[:, some]), self.frame)
        return out

    def coverage(self, caps: Caps, which: Any) -> Coverage:
        out = np.empty(len(which), dtype=np.uint8)
        for number in np.unique(which):
            some = which == number
            out[some] = self.shapes[number].coverage(caps.take(some), self.frame)
        return out


def _kind(shape: Shape) -> tuple[Any, ...]:
    """What shapes that become arrays together have in common."""
    alike: Any = None
    if isinstance(shape, Polygon):
        alike = len(shape.lon)
    elif isinstance(shape, Sector):
        alike = type(shape.ring)
    return type(shape), shape.frame, alike


def _batches(shapes: Sequence[Shape], frame: str) -> Iterator[tuple[Indices, Batch]]:
    """Shapes of one kind as arrays, with the places of those in each batch."""
    if isinstance(shapes, Polygons):
        yield from shapes.outlines(frame)
        return
    kinds: dict[Any, list[int]] = {}
    for number, shape in enumerate(shapes):
        kinds.setdefault(_kind(shape), []).append(number)
    for members in kinds.values():
        some: list[Any] = [shapes[i] for i in members]
        if isinstance(some[0], Polygon):
            lon, lat, larger = (
                [getattr(each, name) for each in some] for name in ("lon", "lat", "larger_side")
            )
            for places, made in outlines(lon, lat, some[0].frame, frame, larger):
                yield np.array(members)[places], made
        else:
            yield np.array(members), _batch(some, frame)


def _batch(shapes: Any, frame: str) -> Batch:
    """Shapes of a kind that makes one batch."""
    first = shapes[0]
    if isinstance(first, Circle):
        return discs(shapes, frame)
    if isinstance(first, Ellipse | Rectangle):
        return tangents(shapes, frame)
    if isinstance(first, CircleAnnulus):
        return Rings(*(discs([each.rims[i] for each in shapes], frame) for i in (0, 1)))
    if isinstance(first, EllipseAnnulus | RectangleAnnulus):
        return Rings(*(tangents([each.rims[i] for each in shapes], frame) for i in (0, 1)))
    if isinstance(first, Sector):
        rings = None if first.ring is None else _batch([each.ring for each in shapes], frame)
        return Sectors(fans(shapes, frame), rings)
    return _OneByOne(shapes, frame)

"""Batches: many shapes of one kind as arrays, asked in pairs of one thing and one shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.coverage import Coverage, invert
from ..sphere.vectors import Caps
from .base import Shape

__all__ = ["Batch", "OfBatch", "Rings", "Which"]

Which = Indices | slice
"""Which shape each thing is asked about: numbers that broadcast with the things, or all of one."""


class Batch(Protocol):
    """n shapes of one kind, turned into one frame. A shape alone answers as a batch of one."""

    @property
    def caps(self) -> Caps:
        """Caps outside which the shapes hold nothing, negative where they hold nothing at all."""

    def inside(self, xyz: Floats, which: Which) -> Bools:
        """Whether each point is inside the shape that it is asked about; see `Shape.inside`."""

    def coverage(self, caps: Caps, which: Which) -> Coverage:
        """Coverage of each cap by the shape that it is asked about; see `Shape.coverage`."""


@dataclass(frozen=True)
class Rings:
    """n annuli: shapes without smaller ones, whose rims belong to the annuli."""

    inner: Batch
    outer: Batch

    @property
    def caps(self) -> Caps:
        """See `Batch.caps`."""
        return self.outer.caps

    def inside(self, xyz: Floats, which: Which) -> Bools:
        """See `Batch.inside`."""
        return np.asarray(self.outer.inside(xyz, which) & ~self.inner.inside(xyz, which))

    def coverage(self, caps: Caps, which: Which) -> Coverage:
        """See `Batch.coverage`."""
        return np.minimum(self.outer.coverage(caps, which), invert(self.inner.coverage(caps, which)))


class OfBatch(Shape):
    """A shape that answers as a batch of one."""

    def _batch(self, frame: str) -> Batch:
        """The shape, turned into a frame."""
        raise NotImplementedError

    def inside(self, xyz: Floats, frame: str) -> Bools:
        """See `Shape.inside`."""
        return self._batch(frame).inside(xyz, slice(None))

    def coverage(self, caps: Caps, frame: str) -> Coverage:
        """See `Shape.coverage`."""
        return self._batch(frame).coverage(caps, slice(None))

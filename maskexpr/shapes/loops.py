"""Rims of shapes as closed curves on the sphere, by points of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from ..core.arrays import Floats, Indices
from ..sphere.vectors import tangents
from .batch import Batch, Rings
from .circle import Discs
from .ellipse import Ellipse, Rectangle
from .tangent import Kind, Tangents

__all__ = ["has_loops", "loops"]

Offsets = tuple[Floats, Floats]


def has_loops(batch: Batch) -> bool:
    """Whether the rims of the shapes of a batch are known as curves."""
    return (
        isinstance(batch, Discs)
        or (isinstance(batch, Tangents) and batch.kind in _OFFSETS)
        or (isinstance(batch, Rings) and has_loops(batch.inner) and has_loops(batch.outer))
    )


def loops(batch: Batch, some: Indices, points: int) -> list[tuple[Floats, int]]:
    """The rims of some shapes, each a closed curve once round their centres.

    Parameters
    ----------
    batch : Batch
        One that `has_loops`.
    points : int
        Number of points on each curve, a multiple of 4.

    Returns
    -------
    list of (ndarray, shape (3, n, points), int)
        Unit vectors, and the number of corners: so many points, evenly spread from the first on, are corners,
        between which the curves are smooth.
    """
    if isinstance(batch, Rings):
        return [each for rim in (batch.outer, batch.inner) for each in loops(rim, some, points)]
    if isinstance(batch, Discs):
        centre, radius = batch.centre[:, some], batch.radius[some]
        width, height = tangents(centre)
        offsets, corners = _ellipse((radius, radius), points), 0
    else:
        assert isinstance(batch, Tangents)
        centre, width, height = (each[:, some] for each in batch.axes)
        outline, corners = _OFFSETS[batch.kind]
        offsets = outline((batch.half[0][some], batch.half[1][some]), points)
    return [(_on_sphere(centre, width, height, offsets), corners)]


def _on_sphere(centre: Floats, width: Floats, height: Floats, offsets: Offsets) -> Floats:
    """Unit vectors, shape (3, n, m), at offsets of shape (n, m) along two axes at centres, shape (3, n)."""
    along, across = offsets
    separation = np.hypot(along, across)
    # sin(x) / x, which is 1 at 0.
    scale = np.sinc(separation / np.pi)
    return np.asarray(
        centre[:, :, None] * np.cos(separation)
        + width[:, :, None] * (along * scale)
        + height[:, :, None] * (across * scale)
    )


def _ellipse(half: Offsets, points: int) -> Offsets:
    turn = np.arange(points) * (2 * np.pi / points)
    return half[0][:, None] * np.cos(turn), half[1][:, None] * np.sin(turn)


def _rectangle(half: Offsets, points: int) -> Offsets:
    side = np.arange(points // 4) * (8 / points) - 1
    end = np.ones(len(side))
    x, y = np.concatenate([side, end, -side, -end]), np.concatenate([-end, side, end, -side])
    return half[0][:, None] * x, half[1][:, None] * y


_OFFSETS: Final[dict[type[Kind], tuple[Callable[[Offsets, int], Offsets], int]]] = {
    Ellipse: (_ellipse, 0),
    Rectangle: (_rectangle, 4),
}

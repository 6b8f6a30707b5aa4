"""Cells of one order as parts of the sphere, each cut from one of the order before, and their centres as
points.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from ...core.arrays import Floats, Indices, Ints
from ...core.once import once
from ...sphere.vectors import TIE, Caps
from ..parts import Parts
from ..points import Points
from .cells import centres, children, vertices
from .faces import MAX_ORDER, number_of

__all__ = ["Cells", "PointsOfCells", "deepest_within", "least_width", "most_reach"]


class Cells(Parts):
    """n cells of one order in a frame.

    Parameters
    ----------
    order : int
    ids : ndarray of int64, shape (n,)
    frame : str
    parent : Cells, optional
        Cells that these are parts of, or are.
    owner : ndarray of int, shape (n,), optional
        The place of that cell among ``parent``.
    centres_of : int, optional
        The order of parts whose centres alone count; all points of the cells unless given.
    sharp : bool
        Whether those who can tell more of cells than of caps round them should do so.
    """

    def __init__(
        self,
        order: int,
        ids: Ints,
        frame: str = "icrs",
        parent: Cells | None = None,
        owner: Indices | None = None,
        centres_of: int | None = None,
        sharp: bool = False,
    ) -> None:
        self.order = order
        self.centres_of = centres_of
        self.sharp = sharp
        self.ids = ids
        self._frame = frame
        self._cut_from(parent, owner)

    @classmethod
    def whole_sky(cls, frame: str = "icrs", centres_of: int | None = None) -> Self:
        """The twelve cells of order 0."""
        return cls(0, np.arange(number_of(0)), frame, centres_of=centres_of)

    def __len__(self) -> int:
        return len(self.ids)

    @once
    def caps(self) -> Caps:
        """Caps round the centres of the cells that hold all that counts of them."""
        return Caps(centres(self.order, self.ids), np.full(len(self), self.reach))

    @property
    def reach(self) -> float:
        """The radius of the caps, radians."""
        reach = most_reach(self.order)
        # The centre of a part is half a part's side away from the border, in either coordinate of the face.
        return reach if self.centres_of is None else reach - most_reach(self.centres_of) + 2 * TIE

    @once
    def corners(self) -> Floats:
        """Unit vectors of the vertices of the cells, shape (3, n, 4), in turn."""
        return vertices(self.order, self.ids)

    @once
    def points(self) -> PointsOfCells:
        """The centres of the cells."""
        return PointsOfCells(self.caps.centre, self, np.arange(len(self)))

    def corner_points(self) -> PointsOfCells:
        """The vertices of the cells, four by four."""
        return PointsOfCells(self.corners.reshape(3, -1), self, np.repeat(np.arange(len(self)), 4))

    @once
    def bulge(self) -> Floats:
        """How far the sides of each cell are at most from the straight lines between their ends.

        That is an eighth of the square of a side's length times what bounds the second derivative of the
        direction along it, by x or y in a face of side 1. In the belt z is linear with a slope of 2/3 and the
        longitude with pi/4: 1.95. In a cap, t from the pole, the longitude is ``pi a / (2 t)``, ``a <= t``,
        and the distance from the axis ``s <= sqrt(2/3) t``: ``s lon'**2`` is at most ``2.02 / t``,
        ``2 s' lon' + s lon''`` nothing but ``pi a sqrt(2/3) / (6 w)`` as the rest cancels, and with ``s''``
        and ``z''`` it is less than ``2.02 / t + 2``. A side that reaches the pole is a meridian, any other is
        at least the side of a cell away from it.
        """
        side = 1.0 / (1 << self.order)
        from_pole = np.sqrt(np.maximum(3.0 * (1.0 - np.abs(self.caps.centre[2])), 0.0))
        found: Floats = side * side * (0.26 / np.maximum(from_pole - 1.01 * side, side) + 0.25) + 2 * TIE
        return found

    def split(self, some: Indices) -> Self:
        """The parts of some of the cells, of the next order, four by four."""
        parts = children(self.ids[some]).reshape(-1)
        owner = np.repeat(some, 4)
        return type(self)(self.order + 1, parts, self.frame, self, owner, self.centres_of)

    def take(self, some: Indices) -> Self:
        """Some of the cells, as parts of these."""
        found = type(self)(self.order, self.ids[some], self.frame, self, some, self.centres_of)
        found._share(self, some)
        return found

    def sharpened(self) -> Self:
        """The same cells, about which more should be told than caps tell."""
        every = np.arange(len(self))
        found = type(self)(self.order, self.ids, self.frame, self, every, self.centres_of, sharp=True)
        found._share(self, slice(None))
        return found

    def _share(self, other: Cells, some: Indices | slice) -> None:
        """Take over what has been made of other cells, of which these are some."""
        done = other.__dict__
        if "caps" in done:
            self.__dict__["caps"] = other.caps.take(some)
        if "corners" in done:
            self.__dict__["corners"] = other.corners[:, some]


class PointsOfCells(Points):
    """Bare points of which each is in a cell, or on its border.

    Parameters
    ----------
    xyz : ndarray, shape (3, n)
    cells : Cells
    place : ndarray of int, shape (n,)
        The place among ``cells`` of the cell of each.
    """

    def __init__(self, xyz: Floats, cells: Cells, place: Indices) -> None:
        super().__init__(xyz, cells.frame)
        self.cells = cells
        self.place = place


def most_reach(order: int) -> float:
    """Angle in radians from the centre of a cell that no point of it exceeds, whichever cell it is.

    With v and u the sum and the difference of the coordinates in a face of side 1, to go by (dx, dy) is to go
    by v and u whose lengths add up to at most twice the longer of |dx| and |dy|, which is half a cell. So the
    reach is at most the side of a cell times the larger of the lengths of the two derivatives of the
    direction:

    - In the belt these are ``(2/3) / s`` and ``(pi/4) s``, s from 0.745 to 1 the sine of the angle from the
      pole: at most 0.895.
    - In the caps, t from the pole, ``s = k t w`` with ``k = sqrt(2/3)`` and ``w = sqrt(1 - t**2/6)`` from
      0.912 to 1. By u it is ``(pi/4) k w <= 0.642``. By v the angle from the pole changes by ``k / w`` and
      the longitude, at most pi/4 from the middle of the quarter, so that s times it changes by at most
      ``(pi/4) k w``: together at most 1.070.

    Examples
    --------
    >>> round(most_reach(0), 2)
    1.07
    """
    return _REACH / (1 << order) + 2 * TIE


def least_width(order: int) -> float:
    """Angle in radians within which of any point there is nothing but its cell and the neighbours of that.

    A way out of them crosses a neighbour from side to side, along which x or y changes by a whole cell. So it
    is no shorter than the side of a cell over the length of the gradient of x on the sphere: half that of v
    plus that of u. In the belt the two are at right angles, ``1.5 s`` and ``(4/pi) / s``, together at most
    2.05. In the caps the radial parts add up to at most ``2 w / k``, the other is ``(4/pi) / (k w)``:
    together at most 2.91.

    Examples
    --------
    >>> round(least_width(0), 2)
    0.68
    """
    return _WIDTH / (1 << order) - 2 * TIE


def deepest_within(radius: Floats) -> Ints:
    """The deepest order of cells whose `least_width` is not less than angles in radians; -1 where none is.

    Examples
    --------
    >>> deepest_within(np.array([np.pi, 0.5, 0.3, 0.0])).tolist()
    [-1, 0, 1, 29]
    """
    widths = np.array([least_width(order) for order in range(MAX_ORDER, -1, -1)])
    return np.asarray(MAX_ORDER - np.searchsorted(widths, radius, side="left"))


# Rounded away from what is proved.
_REACH = 1.0725
_WIDTH = 0.685

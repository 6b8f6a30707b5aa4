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
from .faces import MAX_ORDER, SOUTH, number_of, to_faces

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
    """

    def __init__(
        self,
        order: int,
        ids: Ints,
        frame: str = "icrs",
        parent: Cells | None = None,
        owner: Indices | None = None,
        centres_of: int | None = None,
    ) -> None:
        self.order = order
        self.centres_of = centres_of
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

    def support(self, place: Indices, away: Floats) -> tuple[Floats, Floats]:
        """How far cells go along vectors from their centres, times the lengths of these (the support function
        of a convex body), if they were parallelograms; radians that no point is further from these.

        Parameters
        ----------
        place : ndarray of int, shape (n,)
            Cells, by their places.
        away : ndarray, shape (3, n)
            A vector for each.
        """
        x, y, _ = self.caps.centre.take(place, axis=1)
        north, inward, turn, east, rest = self._slopes.take(place, axis=1)
        across = x * away[1] - y * away[0]
        by_sum = north * away[2] - inward * (x * away[0] + y * away[1]) + turn * across
        # By x and by y the products are half the sum and half the difference of these two: together they are
        # as long as the longer of them.
        along = np.maximum(np.abs(by_sum), np.abs(east * across))
        return np.asarray(along * self._extent), rest

    @property
    def _extent(self) -> float:
        """How far what counts goes from border to border, in sides of a face."""
        return 1.0 / (1 << self.order) - (0.0 if self.centres_of is None else 1.0 / (1 << self.centres_of))

    @once
    def _slopes(self) -> Floats:
        """Derivatives of the direction at the centres, and what they leave out, shape (5, n).

        By the difference of the coordinates in a face of side 1 it is ``east (-y, x, 0)``, by their sum
        ``(-inward x - turn y, -inward y + turn x, north)``. With t from the pole, at most 1, and s the sine
        of the angle from it, ``north = 2 t / 3``, ``inward = north z / s**2`` and ``east = pi / (4 t)``. The
        turn is of the caps: the longitude from the middle of the quarter over t, in the south less than 0 to
        the east.

        Sum and difference change by no more than an extent together, so that what is left out is half of its
        square times the largest second derivative: in the belt 1.08, in the caps ``0.51 / t + 1.4``, where t
        is at least that of the centre less the extent. A cell that lies half in each is given the mean of
        their turns, and how far that is from either. Of one that touches the pole nothing is told but its
        reach.
        """
        out, side, extent = np.empty((5, len(self))), 1.0 / (1 << self.order), self._extent
        x, y, z = self.caps.centre
        beside = x * x + y * y
        out[0], out[2], out[3], out[4] = 2 / 3, 0.0, np.pi / 4, 0.54 * extent * extent
        # All that is not in the belt as a whole; rows are ten times as far apart, at any order.
        cap = np.flatnonzero(np.abs(z) > 2 / 3 - 1e-10)
        if len(cap):
            face, column, row = to_faces(self.order, self.ids[cap])
            ring = (SOUTH[face] << self.order) - column - row - 1
            from_pole = np.minimum(ring, (4 << self.order) - ring) * side
            turn = (np.pi / 4) * (column - row) * side / (from_pole * from_pole)
            turn *= np.where(from_pole < 1.0, 1.0, 0.5) * np.sign(z[cap])
            rest = extent * extent * (0.255 / np.maximum(from_pole - extent, side) + 0.7)
            rest += np.where(from_pole < 1.0, 0.0, np.abs(turn) * extent)
            out[0, cap], out[2, cap], out[3, cap] = 2 / 3 * from_pole, turn, (np.pi / 4) / from_pole
            out[4, cap] = rest
            polar = cap[from_pole < 1.5 * side]
            out[:, polar] = np.array([[0.0], [0.0], [0.0], [0.0], [self.reach]])
        np.divide(out[0] * z, beside, out=out[1])
        out[4] += 2 * TIE
        return out

    def split(self, some: Indices) -> Self:
        """The parts of some of the cells, of the next order, four by four."""
        parts = children(self.ids[some]).reshape(-1)
        owner = np.repeat(some, 4)
        return type(self)(self.order + 1, parts, self.frame, self, owner, self.centres_of)

    def take(self, some: Indices) -> Self:
        """Some of the cells, as parts of these."""
        found = type(self)(self.order, self.ids[some], self.frame, self, some, self.centres_of)
        # What has been made of these.
        if "caps" in self.__dict__:
            found.__dict__["caps"] = self.caps.take(some)
        return found


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

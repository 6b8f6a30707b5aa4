"""`Open` and `Close`: erosion and dilation by one shape, one after the other."""

from __future__ import annotations

import dataclasses

from ..core.coverage import Coverage
from ..core.once import once
from ..expr.mask import Ask, Bools, Mask, Reach, node
from ..grid.points import Points
from ..grid.tiles import Areas, Tile
from ..growth.node import Growth
from .dilate import Dilate
from .erode import Erode

__all__ = ["Close", "Open"]


class _Pair(Growth):
    """Two growths by the same shape, asked as the mask that they make together."""

    hands_on = True
    first: type[Growth]
    second: type[Growth]

    @once
    def both(self) -> Mask:
        """The second growth of the first."""
        fields = dict(self.fields())
        return self.second.restore({**fields, "mask": self.first.restore(fields)})

    @property
    def asked(self) -> tuple[Mask, ...]:
        return (self.both,)

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return of.coverage(self.both, areas)

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        return of.values(self.both, where)

    def reach(self) -> Reach:
        once = super().reach()
        return Reach(min(180.0, 2 * once.degrees), 2 * once.pixels)


@node("open")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Open(_Pair):
    """Erode, then dilate: drops what the shape does not fit into, and keeps the rest.

    Parameters
    ----------
    mask : Mask
        What is opened.
    radius, kernel, metric, axis
        As of `Dilate`.

    Examples
    --------
    >>> from maskexpr.expr.mask import AllSky
    >>> Open(AllSky(), "1 deg").both.label()
    'Dilate(1 deg)'
    """

    first = Erode
    second = Dilate


@node("close")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Close(_Pair):
    """Dilate, then erode: fills what the shape does not fit into.

    Parameters
    ----------
    mask : Mask
        What is closed.
    radius, kernel, metric, axis
        As of `Dilate`.

    Examples
    --------
    >>> from maskexpr.expr.mask import AllSky
    >>> Close(AllSky(), "1 deg").both.label()
    'Erode(1 deg)'
    """

    first = Dilate
    second = Erode

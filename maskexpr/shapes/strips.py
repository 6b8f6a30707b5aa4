"""Windows of separable grids: latitudes of their rows and longitudes of their columns."""

from __future__ import annotations

import numpy as np

from ..core.arrays import Bools, Floats, Ints
from ..core.once import once
from ..grid.lattice import Grid
from ..pixels.window import Window
from ..sphere.vectors import unit
from .pieces import DOUBT

__all__ = ["Strip"]

# Columns within which a place counts as on a column: a thousand times what is in doubt, as far as that is no
# more than rounding makes of a place, and few pixels.
_LEAST, _MOST = 1e-6, 1e-4


class Strip:
    """What belongs to the rows and the columns of a window alone.

    Attributes
    ----------
    lat, row : ndarray, shape (rows,)
        Latitudes of the rows that are on the sky, ascending, and their indices on the grid.
    x0, x1 : int
        The columns that are on the sky.
    step : float
        Radians of longitude per column, signed.
    period : float
        Columns in a turn.
    slack : float
        Columns within which a place counts as on a column.
    """

    def __init__(self, geom: Grid, window: Window) -> None:
        self.geom = geom
        lat = geom.lat_of(np.arange(window.y0, window.y1))
        on_sky = np.flatnonzero(np.isfinite(lat))
        on_sky = on_sky[np.argsort(lat[on_sky], kind="stable")]
        self.row = on_sky + window.y0
        self._degrees = lat[on_sky]
        self.lat = np.deg2rad(self._degrees)
        lon = geom.lon_of(np.arange(window.x0, window.x1))
        columns = np.flatnonzero(np.isfinite(lon))
        self.x0 = window.x0 + int(columns[0]) if len(columns) else window.x0
        self.x1 = window.x0 + int(columns[-1]) + 1 if len(columns) else window.x0
        self.step, self.period = np.deg2rad(geom.lon_step), 360.0 / abs(geom.lon_step)
        self.slack = float(np.clip(1000 * DOUBT / abs(self.step), _LEAST, _MOST))
        # The one column that is on the sky however far the map reaches beyond it.
        self._origin = geom.reference_pixel[1]
        self._origin_lon = float(geom.lon_of(np.array([self._origin]))[0])
        self._lon = lon[self.x0 - window.x0 : self.x1 - window.x0]

    @once
    def tan(self) -> Floats:
        """Tangents of the latitudes."""
        return np.tan(self.lat)

    @once
    def _rows(self) -> tuple[Floats, float]:
        """Latitudes of the rows with what is south and north of all of them, and how far they are apart if
        they are evenly spaced, else 0.
        """
        number = len(self.lat)
        step = (self.lat[-1] - self.lat[0]) / max(number - 1, 1)
        off = self.lat - (self.lat[0] + np.arange(number) * step)
        even = number > 1 and np.abs(off).max() < step / 4
        return np.concatenate([[-np.inf], self.lat, [np.inf]]), float(step) if even else 0.0

    def below(self, lat: Floats) -> tuple[Ints, Bools]:
        """How many rows are south of latitudes, and whether one is within `DOUBT`; of a strip with rows."""
        rows, step = self._rows
        if step:
            guess = np.clip(np.ceil((lat - self.lat[0]) / step), 0, len(self.lat))
            at = guess.astype(np.int64)
            at -= rows[at] >= lat
            at += rows[at + 1] < lat
        else:
            at = np.searchsorted(self.lat, lat)
        return at, (lat - rows[at] <= DOUBT) | (rows[at + 1] - lat <= DOUBT)

    @once
    def cos(self) -> Floats:
        """Cosines of the latitudes."""
        return np.cos(self.lat)

    def starts(self, lon: Floats) -> Floats:
        """Columns of longitudes (radians), in the turn that ends behind the first column."""
        column = self._origin + (np.rad2deg(lon) - self._origin_lon) / self.geom.lon_step
        return np.asarray(column - np.ceil((column - self.x0) / self.period) * self.period)

    @once
    def is_even(self) -> bool:
        """Whether the columns are evenly spaced, with room to `slack`."""
        off = self._origin + (self._lon - self._origin_lon) / self.geom.lon_step
        off -= np.arange(self.x0, self.x1)
        off = np.abs(off - np.round(off / self.period) * self.period)
        rounding = 1e-15 * (abs(self.x0) + abs(self.x1) + abs(self._origin) + 2 * self.period)
        return bool(len(off) == 0 or off.max() + rounding < self.slack / 4)

    def points(self, row: Ints, x: Ints) -> Floats:
        """Unit vectors of pixels by the number of their row among `lat` and their column, shape (3, n)."""
        return unit(self._lon[x - self.x0], self._degrees[row])

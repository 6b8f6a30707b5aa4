"""`Catalog`: circles round many sources."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from ..circles.index import CircleIndex
from ..circles.nearby import Nearby, numbers_near
from ..circles.parallels import circles_between
from ..core.coverage import FULL, Coverage
from ..core.errors import AxisError, FormatError, MaskValueError, borrowed
from ..core.once import once_for
from ..core.pieces import neighbours_first
from ..core.records import frozen_array
from ..core.threads import in_slices
from ..doors.files import check_path
from ..expr.mask import Ask, Bools, Mask, node
from ..grid.axis import axis_name, axis_of
from ..grid.lattice import Grid
from ..grid.parts import Parts
from ..grid.points import Points, lonlat_of
from ..grid.tiles import Areas, Tile, Tiles
from ..sphere.angles import AngleLike, format_degrees, to_degrees_array
from ..sphere.parallels import Parallels, StripRuns
from ..sphere.vectors import TIE, Caps, lonlat, rotate, rotation, unit
from ..tables.given import as_positions, named_radius
from ..tables.read import Request, read_circles
from .ellipses import Ellipses

__all__ = ["Catalog"]

# Bytes of the index of a source, with the images of its rim.
_PER_SOURCE = 600
# What to write in place of arguments that `Catalog.read` takes, of a table in memory.
_OF_ROWS = "of a table take the rows, table[table['Signif_Avg'] > 10]"
_OF_COLUMNS = "give SkyCoord(table['RA'], table['DEC'], unit='deg', frame='icrs') for the table"


@node("catalog")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Catalog(Mask):
    """Circles round the sources of a catalogue: separation strictly less than the radius.

    Parameters
    ----------
    positions : SkyCoord, table, or gammapy SourceCatalog
        n sources, n from 0 to millions; a table has position columns of usual names.
    radius : Quantity, Angle or str
        One angle, one per source (n,), or per source and energy bin (n, nbin); (1, nbin) is the same for all
        sources. Of a table also the name of a column.
    axis : str
        Name of the axis that radii per bin belong to.

    Raises
    ------
    AngleError
        For a radius without a unit.
    MaskValueError
        For a negative radius or a position that is NaN (naming the row), or as many radii as there are no
        sources.

    Examples
    --------
    >>> from astropy.coordinates import SkyCoord
    >>> crab = SkyCoord([83.63], [22.01], unit="deg")
    >>> Catalog(crab, "0.3 deg")
    Catalog(1 source, radius 0.3 deg)
    >>> Catalog(crab, "0.3 deg").contains(SkyCoord(83.6, 22.1, unit="deg"))
    array(True)
    """

    _instead: ClassVar = {"where": _OF_ROWS, **dict.fromkeys(("lon", "lat", "frame", "units"), _OF_COLUMNS)}

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    frame: str
    radius: NDArray[np.float64]
    axis: str
    stores_arguments = False

    def __init__(self, positions: Any, radius: AngleLike | list[Any], axis: str = "energy") -> None:
        if isinstance(radius, str):
            radius = named_radius(positions, radius)
        lon, lat, frame = lonlat_of(as_positions(positions))
        lon, lat = frozen_array(lon.reshape(-1)), frozen_array(lat.reshape(-1))
        size = frozen_array(to_degrees_array(radius, "radius"))
        axis_of(axis, size.ndim == 2)
        self._store(lon=lon, lat=lat, frame=frame, radius=size, axis=axis)
        self.check_stored()

    def check_stored(self) -> None:
        lon, lat, radius = self.lon, self.lat, self.radius
        bad = np.flatnonzero(~(np.isfinite(lon) & np.isfinite(lat)))
        if len(bad):
            raise MaskValueError(
                f"the position of row {int(bad[0])} is masked or not finite "
                f"({len(bad)} such rows of {len(lon)})"
            )
        if not (
            radius.ndim == 0
            or radius.shape == (len(lon),)
            or (radius.ndim == 2 and len(radius) in (1, len(lon)))
        ):
            raise MaskValueError(
                f"radius has shape {radius.shape}; it must be one angle, ({len(lon)},) or ({len(lon)}, bins)"
            )
        negative = np.argwhere(radius < 0)
        if len(negative):
            row = f" at row {int(negative[0][0])}" if radius.ndim else ""
            raise MaskValueError(
                f"radius must not be negative, got {format_degrees(radius[tuple(negative[0])])}{row}"
            )
        axis_name(self.axis)

    @overload
    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        radius: AngleLike,
        hdu: int | str | None = None,
        lon: str | None = None,
        lat: str | None = None,
        frame: str | None = None,
        axis: str = "energy",
        *,
        where: str | None = None,
        units: Mapping[str, Any] | None = None,
        missing: Any = "raise",
    ) -> Catalog: ...

    @overload
    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        radius: None = None,
        hdu: int | str | None = None,
        lon: str | None = None,
        lat: str | None = None,
        frame: str | None = None,
        axis: str = "energy",
        *,
        major: Any,
        minor: Any,
        angle: Any,
        axes: str = "semi",
        where: str | None = None,
        units: Mapping[str, Any] | None = None,
        missing: Any = "raise",
    ) -> Ellipses: ...

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        radius: Any = None,
        hdu: int | str | None = None,
        lon: str | None = None,
        lat: str | None = None,
        frame: str | None = None,
        axis: str = "energy",
        *,
        major: Any = None,
        minor: Any = None,
        angle: Any = None,
        axes: str = "semi",
        where: str | None = None,
        units: Mapping[str, Any] | None = None,
        missing: Any = "raise",
    ) -> Catalog | Ellipses:
        r"""Read circles or ellipses round the sources of a catalogue from a table file.

        Parameters
        ----------
        path : str or Path
            FITS, VOTable, ECSV, CSV and other text: what TOPCAT, VizieR, HEASARC, SExtractor, XMM SAS, CIAO
            and Aladin write, gzipped or not. Contents decide what it is, not the name.
        radius : Quantity, Angle or str
            As in `Catalog`, or the name of a column that holds angles.
        hdu : int or str, optional
            The table in a file of several, by number or name; else the first that has positions and all
            columns that are asked for.
        lon, lat : str, optional
            Names of the columns; found by themselves where they have a usual name (RAJ2000, RA, GLON ...) or
            UCD. Numbers and sexagesimal texts are read.
        frame : str, optional
            Frame of the columns; follows from their names, and from what the file says, unless given.
        axis : str
            As in `Catalog`.
        major, minor, angle : Quantity, Angle or str
            Instead of ``radius``: axes and position angle (from north through east) of ellipses, as in
            `Ellipses`, or the names of columns. A minor axis without a unit is a part of the major one, b/a.
        axes : {"semi", "full"}
            Whether the axes are half-axes or, as D25, whole ones.
        where : str, optional
            Which rows: comparisons of columns, such as ``"Signif_Avg > 10 and CLASS1 != 'psr'"``. A row of
            which a value that matters is missing is not taken.
        units : mapping of str to unit, optional
            Units of columns that have none, or a wrong one: ``{"size": "arcmin"}``.
        missing : {"raise", "drop"} or angle
            What is done with a row whose position, radius or axes are missing (masked, NaN, infinite): it is
            an error; it is left out; or, of radii and axes, the row gets a circle of this radius.

        Returns
        -------
        Catalog or Ellipses

        Raises
        ------
        FormatError
            If the file cannot be read as a table, or the columns are not there (lists those that are).
        AngleError
            If nothing says the unit of a column of angles.
        MaskValueError
            For a row whose values are missing or cannot be.

        Examples
        --------
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "sources.csv")
        >>> _ = path.write_text("name,ra,dec,size\nCrab,83.63,22.01,18\nIC 443,94.31,22.58,24\n")
        >>> Catalog.read(path, radius="size", units={"size": "arcmin"}, where="name != 'Crab'")
        Catalog(1 source, radius 0.4 deg)
        """
        check_path(path, "catalogue")
        of_ellipse = {"major": major, "minor": minor, "angle": angle}
        _check_sizes(radius, of_ellipse)
        rows: dict[str, Any] = {"hdu": hdu, "lon": lon, "lat": lat, "frame": frame}
        rows |= {"where": where, "units": units, "missing": missing}
        with borrowed(f"the catalogue {str(path)!r}", FormatError, str(path)):
            if radius is None:
                return Ellipses.read(path, **of_ellipse, axes=axes, **rows)
            if axes != "semi":
                raise MaskValueError("Catalog.read: axes= is about ellipses, a circle has a radius")
            made = cls(*read_circles(Request.of(path, {"radius": radius}, **rows)), axis=axis)
        return made.read_from(path=Path(path), radius=radius, axis=axis, **rows)

    def arguments(self) -> dict[str, Any]:
        places = {"lon": self.lon.tolist(), "lat": self.lat.tolist(), "unit": "deg", "frame": self.frame}
        return {"positions": places, "radius": _typed(self.radius.tolist()), "axis": self.axis}

    def label(self) -> str:
        number = f"{len(self.lon)} source{'s' * (len(self.lon) != 1)}"
        if not self.radius.size:
            return f"Catalog({number})"
        low, high = format_degrees(self.radius.min()), format_degrees(self.radius.max())
        spread = low if low == high else f"{low} to {high}"
        return f"Catalog({number}, radius {spread}{f' per {self.axis}' * (self.radius.ndim == 2)})"

    def axes(self) -> frozenset[str]:
        return frozenset([self.axis]) if self.radius.ndim == 2 else frozenset()

    def check(self, geom: Grid) -> None:
        if self.radius.ndim < 2:
            return
        bins = {axis.name: axis.nbin for axis in geom.axes}
        if bins.get(self.axis) != self.radius.shape[1]:
            raise AxisError(
                f"Catalog has radii for {self.radius.shape[1]} bins of the axis {self.axis!r}; the "
                f"geometry has {bins or 'no axes'}"
            )

    @once_for
    def _index(self, geom_frame: str, bin_: int | None, wider: float = 0.0) -> Nearby:
        """Indexes of the circles, wider by an angle (radians), their centres turned into a frame."""
        radius = self.radius if bin_ is None else self.radius[:, bin_]
        radius = np.broadcast_to(np.deg2rad(radius), self.lon.shape)
        same, turn = self.frame == geom_frame, rotation(self.frame, geom_frame)

        def index_of(some: NDArray[np.intp]) -> CircleIndex:
            some = some[radius[some] > TIE]
            # Neighbours together: what is near on the sky is then near in memory.
            some = some[neighbours_first(self.lat[some], self.lon[some])]
            (lon, lat), centre = np.empty((2, len(some))), np.empty((3, len(some)))

            def place(part: slice) -> None:
                lon[part], lat[part] = self.lon[some[part]], self.lat[some[part]]
                made = unit(lon[part], lat[part])
                centre[:, part] = made if same else rotate(turn, made)

            in_slices(place, len(some))
            return CircleIndex(centre, radius[some] + wider, (lon, lat) if same else None)

        back = rotation(geom_frame, self.frame)
        return Nearby(self.lon, self.lat, radius + wider, back, index_of)

    def local(self, cap: Caps, frame: str) -> Mask:
        """The sources whose circles may meet the cap."""
        wide = self.radius.max(axis=1, initial=0.0) if self.radius.ndim == 2 else self.radius
        here = Caps(rotate(rotation(frame, self.frame), cap.centre), cap.radius)
        some = numbers_near(self.lon, self.lat, np.deg2rad(wide), here)
        each = self.radius.ndim > 0 and len(self.radius) == len(self.lon)
        radius = self.radius[some] if each else self.radius
        made = object.__new__(Catalog)
        made._store(lon=self.lon[some], lat=self.lat[some], frame=self.frame, radius=radius, axis=self.axis)
        return made

    def held_bytes(self) -> int:
        return _PER_SOURCE * len(self.lon)

    def _bin(self, where: Points | Tile | Areas) -> int | None:
        if self.radius.ndim < 2:
            return None
        geom = getattr(where, "geom", None)
        if geom is None:
            raise AxisError(
                f"Catalog has a radius per bin of {self.axis!r}: give the geometry, "
                f"contains(positions, geom=geom)"
            )
        return where.plane[[axis.name for axis in geom.axes].index(self.axis)]

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return self._index(areas.frame, self._bin(areas)).at(areas.caps).cover(areas)

    def edge_samples(self, areas: Areas, number: int) -> NDArray[np.float64]:
        """Pixels beside the rims of circles, half of them inside."""
        geom = areas.geom
        pixel = np.deg2rad(float(np.min(geom.pixel_scales.value)))
        index = self._index(geom.frame, self._bin(areas)).at(areas.caps)
        return np.stack(geom.pixel(*lonlat(index.edge_samples(pixel, number))))

    def inside(self, points: Points) -> Bools:
        return self._index(points.frame, self._bin(points)).of(points).holds(points)

    def near(self, points: Points, angle: float) -> Bools:
        # A circle leaves out ties and growing takes them in.
        index = self._index(points.frame, self._bin(points), angle + 2 * TIE).all
        return points.on_sky.copy() if index.is_whole_sky else index.holds(points)

    def cover_near(self, parts: Parts, angle: float) -> Coverage:
        index = self._index(parts.frame, self._bin(parts), angle + 2 * TIE).all
        return np.full(len(parts), FULL) if index.is_whole_sky else index.cover(parts)

    def between_parallels(
        self, parallels: Parallels, angle: float = 0.0
    ) -> tuple[StripRuns, StripRuns] | None:
        if self.radius.ndim == 2:
            return None
        index = self._index(parallels.frame, None, angle).all
        return circles_between(index.centre, index.radius, parallels)

    def paint(self, tile: Tile, out: Bools, of: Ask) -> None:
        index = self._index(tile.geom.frame, self._bin(tile)).at(tile.tiles.caps)
        left = index.paint(tile, out)
        if len(left):
            out |= of.refine(_Circles(CircleIndex(index.centre[:, left], index.radius[left])), tile)

    def reached(self, tiles: Tiles) -> Bools | None:
        if self.radius.ndim == 2 or not tiles.geom.separable:
            return None
        return self._index(tiles.frame, None).at(tiles.caps).reached(tiles)

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        return self._painted(where, of) if isinstance(where, Tile) else self.inside(where)


def _check_sizes(radius: Any, of_ellipse: Mapping[str, Any]) -> None:
    """Refuse what is neither a circle nor an ellipse."""
    lacking = [name for name, value in of_ellipse.items() if value is None]
    if radius is not None and len(lacking) < len(of_ellipse):
        raise MaskValueError("Catalog.read: give radius= for circles, or major=, minor= and angle=, not both")
    if radius is None and lacking:
        wanted = "radius=" if len(lacking) == len(of_ellipse) else ", ".join(f"{name}=" for name in lacking)
        raise MaskValueError(f"Catalog.read: {wanted} is missing; ellipses take major=, minor= and angle=")


class _Circles(Mask):
    """Circles whose centres are in the frame of the geometry, for refinement."""

    def __init__(self, index: CircleIndex) -> None:
        self._circles = index

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return self._circles.coverage(areas.caps)

    def inside(self, points: Points) -> Bools:
        return self._circles.inside(points.xyz)


def _typed(degrees: Any) -> Any:
    """Radii as a user types them, nested as they are."""
    return [_typed(each) for each in degrees] if isinstance(degrees, list) else format_degrees(degrees)

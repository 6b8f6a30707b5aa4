"""`Ellipses`: ellipses round many sources."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..circles.inscribed import Inscribed
from ..core.arguments import one_of
from ..core.coverage import Coverage
from ..core.errors import MaskTypeError, MaskValueError
from ..core.names import described
from ..core.once import once_for
from ..core.records import frozen_array
from ..expr.mask import Ask, Bools, Mask, node
from ..grid.points import Points, lonlat_of
from ..grid.tiles import Areas, Tile
from ..shapes import Ellipse
from ..shapes.index import ShapeIndex
from ..shapes.many import Many
from ..shapes.tangent import Tangents, axes_of
from ..sphere.angles import format_degrees, to_degrees_array, unmasked
from ..sphere.trees import chord_bound, pairs_within, tree_of
from ..sphere.vectors import TIE, rotate, rotation, unit
from ..tables.read import Request, read_ellipses

__all__ = ["Ellipses"]

# Bytes of the index of a source.
_PER_SOURCE = 900
# Rounding may make a minor axis larger than the major one by so much.
_ROUNDING = 1 + 1e-6


@node("ellipses")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Ellipses(Mask):
    """Ellipses round the sources of a catalogue, as a `Region` of ellipses has them, however many there are.

    Parameters
    ----------
    positions : SkyCoord
        n sources.
    major : Quantity, Angle or str
        Semi-major axes: half of a diameter such as D25. One angle, or one per source (n,).
    minor : Quantity, Angle, str or float
        Semi-minor axes, or numbers without a unit from 0 to 1: parts of the major axes, b/a.
    angle : Quantity, Angle or str
        Position angles of the major axes, from north through east, north of the frame of the positions.

    Raises
    ------
    AngleError
        For an angle without a unit.
    MaskValueError
        For axes that are negative or larger than 180 deg, a minor axis that is the larger one, a position
        that is NaN (naming the row), or as many of them as there are no sources.

    See Also
    --------
    maskexpr.Catalog.read : reads them from columns, ``major=``, ``minor=``, ``angle=``.

    Examples
    --------
    >>> from astropy.coordinates import SkyCoord
    >>> galaxies = SkyCoord([10.68], [41.27], unit="deg")
    >>> m31 = Ellipses(galaxies, "95 arcmin", 0.32, "35 deg")
    >>> m31
    Ellipses(1 source, 1.58333 x 0.506667 deg)
    >>> along = galaxies.directional_offset_by([35, 125] * u.deg, 1.5 * u.deg)
    >>> m31.contains(along).tolist()
    [True, False]
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    frame: str
    major: NDArray[np.float64]
    minor: NDArray[np.float64]
    angle: NDArray[np.float64]
    stores_arguments = False

    def __init__(self, positions: SkyCoord, major: Any, minor: Any, angle: Any) -> None:
        if not isinstance(positions, SkyCoord):
            raise MaskTypeError(f"positions must be a SkyCoord, got {described(positions)}")
        flat = positions.reshape(-1)
        lon, lat, frame = lonlat_of(flat)
        given = [to_degrees_array(major, "major"), _minor(minor), to_degrees_array(angle, "angle")]
        for name, each in zip(("major", "minor", "angle"), given, strict=True):
            if each.ndim and each.shape != (len(lon),):
                raise MaskValueError(f"{name} has shape {each.shape}; it must be one, or ({len(lon)},)")
        axis, other, tilt = (np.broadcast_to(each, len(lon)) for each in given)
        if _is_part(minor):
            bad = np.flatnonzero(other > 1)
            if len(bad):
                raise MaskValueError(
                    f"minor without a unit is a part of major, at most 1, not {other[bad[0]]:g}"
                )
            other = axis * other
        tilt = _turned(flat, tilt, frame)
        lon, lat, axis, other, tilt = map(frozen_array, (lon, lat, axis, other, tilt))
        self._store(lon=lon, lat=lat, frame=frame, major=axis, minor=other, angle=tilt)
        self.check_stored()

    def check_stored(self) -> None:
        lon, lat, major, minor, angle = self.lon, self.lat, self.major, self.minor, self.angle
        for name, wrong in (
            ("position is masked or not finite", ~(np.isfinite(lon) & np.isfinite(lat))),
            ("axis is negative", (major < 0) | (minor < 0)),
            ("major axis is larger than 180 deg", major > 180),
            ("minor axis is larger than the major one: exchange them", minor > major * _ROUNDING),
            ("axis or angle is not finite", ~np.isfinite(major + minor + angle)),
        ):
            bad = np.flatnonzero(wrong)
            if len(bad):
                raise MaskValueError(f"row {int(bad[0])}: the {name} ({len(bad)} such rows of {len(lon)})")

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        major: Any,
        minor: Any,
        angle: Any,
        hdu: int | str | None = None,
        lon: str | None = None,
        lat: str | None = None,
        frame: str | None = None,
        *,
        axes: str = "semi",
        where: str | None = None,
        units: Mapping[str, Any] | None = None,
        missing: Any = "raise",
    ) -> Ellipses:
        r"""Read ellipses round the sources of a catalogue; as `maskexpr.Catalog.read`, which says more.

        Parameters
        ----------
        path : str or Path
            The file.
        major, minor, angle : Quantity, Angle or str
            As in `Ellipses`, or the names of columns. A minor axis without a unit is a part of the major one.
        axes : {"semi", "full"}
            Whether the axes are half-axes or, as D25, whole ones.
        hdu, lon, lat, frame, where, units, missing
            As in `maskexpr.Catalog.read`.

        Examples
        --------
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "galaxies.csv")
        >>> _ = path.write_text("name,ra,dec,D25,b,PA\n,deg,deg,arcmin,,deg\nM31,10.7,41.3,190,0.3,35\n")
        >>> Ellipses.read(path, "D25", "b", "PA", axes="full").major
        array([1.58333333])
        """
        one_of("axes", axes, ("semi", "full"))
        sizes = {"major": major, "minor": minor, "angle": angle}
        rows: dict[str, Any] = {"hdu": hdu, "lon": lon, "lat": lat, "frame": frame}
        rows |= {"where": where, "units": units, "missing": missing}
        half = 0.5 if axes == "full" else 1.0
        positions, *found = read_ellipses(Request.of(path, sizes, **rows), half)
        made = cls(positions, *(each * u.deg for each in found))
        return made.read_from(path=Path(path), axes=axes, **sizes, **rows)

    def arguments(self) -> dict[str, Any]:
        places = {"lon": self.lon.tolist(), "lat": self.lat.tolist(), "unit": "deg", "frame": self.frame}
        sizes = {"major": self.major, "minor": self.minor, "angle": self.angle}
        written = {name: [format_degrees(each) for each in values.tolist()] for name, values in sizes.items()}
        return {"positions": places, **written}

    def label(self) -> str:
        number = f"{len(self.lon)} source{'s' * (len(self.lon) != 1)}"
        if len(self.lon) != 1:
            sizes = [
                format_degrees(float(f"{each:.6g}"))
                for each in (self.major.min(initial=180), self.major.max(initial=0))
            ]
            return f"Ellipses({number}{f', major {sizes[0]} to {sizes[1]}' * bool(len(self.lon))})"
        return f"Ellipses({number}, {self.major[0]:.6g} x {self.minor[0]:.6g} deg)"

    @once_for
    def _union(self, frame: str) -> Inscribed:
        """The ellipses in a frame."""
        # Height lies along the position angle, width across it.
        axes = axes_of(self.lon, self.lat, self.angle, self.frame, frame)
        batch = Tangents(Ellipse, axes, (np.deg2rad(self.minor), np.deg2rad(self.major)))

        def together(some: NDArray[np.intp]) -> ShapeIndex:
            return ShapeIndex(Many.of_one_kind(batch.take(some)), frame)

        return Inscribed(batch.caps, batch.inside, together)

    def held_bytes(self) -> int:
        return _PER_SOURCE * len(self.lon)

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return self._union(areas.frame).shapes.cover(areas)

    def inside(self, points: Points) -> Bools:
        return self._union(points.frame).inside(points)

    def near(self, points: Points, angle: float) -> Bools:
        out = np.zeros(len(points), dtype=bool)
        known = np.flatnonzero(points.on_sky)
        rows = np.flatnonzero(self.minor > np.rad2deg(TIE))
        centre = rotate(rotation(self.frame, points.frame), unit(self.lon[rows], self.lat[rows]))
        reach = np.minimum(np.deg2rad(self.major[rows]) + angle, np.pi)
        pair, point = pairs_within(tree_of(points.xyz[:, known]), centre, chord_bound(reach))
        # Pairs come by sources.
        for some in np.split(np.arange(len(pair)), np.flatnonzero(np.diff(pair)) + 1):
            left = known[point[some]]
            left = left[~out[left]]
            if len(left):
                shape = self._shape(int(rows[pair[some[0]]]))
                out[left] = shape.near(points.xyz[:, left], points.frame, angle)
        return out

    def _shape(self, row: int) -> Ellipse:
        lon, lat, major, minor, angle = (
            float(each[row]) for each in (self.lon, self.lat, self.major, self.minor, self.angle)
        )
        return Ellipse(lon, lat, 2 * minor, 2 * major, angle, self.frame)

    def paint(self, tile: Tile, out: Bools, of: Ask) -> None:
        self._union(tile.geom.frame).paint(tile, out)

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        return self._painted(where, of) if isinstance(where, Tile) else self.inside(where)


def _is_part(minor: Any) -> bool:
    """Whether minor axes are given as parts of the major ones: numbers without a unit."""
    if isinstance(minor, u.Quantity):
        return bool(minor.unit.is_equivalent(u.one))
    if isinstance(minor, list | tuple):
        return bool(minor) and all(map(_is_part, minor))
    return isinstance(minor, int | float | np.ndarray | np.number) and not isinstance(minor, bool)


def _minor(minor: Any) -> NDArray[np.float64]:
    if not _is_part(minor):
        return to_degrees_array(minor, "minor")
    parts = unmasked(minor.to_value(u.one) if isinstance(minor, u.Quantity) else minor)
    if not np.isfinite(parts).all():
        raise MaskValueError("minor must be finite, got NaN, inf or masked")
    return parts


def _turned(positions: SkyCoord, angle: NDArray[np.float64], frame: str) -> NDArray[np.float64]:
    """Position angles from the north of the frame in which the positions are kept.

    Frames such as FK4, that are no fixed rotation of ICRS, are kept as ICRS, whose north is another.
    """
    there = positions.frame
    if not len(angle) or (there.name == frame and there.is_equivalent_frame(type(there)())):
        return angle
    near = positions.directional_offset_by(angle * u.deg, 1 * u.arcsec)
    return np.asarray(
        positions.transform_to(frame).position_angle(near.transform_to(frame)).deg, dtype=np.float64
    )

"""Tables of sources: positions and radii by column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from ..core.errors import AngleError, FileMissingError, FormatError, MaskValueError
from ..sphere.angles import unmasked

__all__ = ["read_catalog", "sky_columns"]

# Usual names of position columns, the most trusted first: (longitude, latitude, frame).
_USUAL = (
    ("RAJ2000", "DEJ2000", "icrs"),
    ("RA_ICRS", "DE_ICRS", "icrs"),
    ("_RAJ2000", "_DEJ2000", "icrs"),
    ("RA", "DEC", "icrs"),
    ("ALPHA_J2000", "DELTA_J2000", "icrs"),
    ("GLON", "GLAT", "galactic"),
    ("L", "B", "galactic"),
)


def read_catalog(
    path: str | Path,
    radius: Any,
    hdu: int | str | None = None,
    lon: str | None = None,
    lat: str | None = None,
    frame: str | None = None,
) -> tuple[SkyCoord, Any]:
    """Positions and radii of a table.

    Parameters
    ----------
    path : str or Path
        The file.
    radius : Quantity, Angle or str
        Angles, or the name of a column of angles.
    hdu, lon, lat, frame
        As in `maskexpr.Catalog.read`.

    Returns
    -------
    positions : SkyCoord, shape (n,)
    radius : Quantity, Angle or str
        As given, or the column's angles.

    Raises
    ------
    FormatError
        If there is no such table or column.
    """
    table = _read(Path(path), hdu)
    name_lon, name_lat, found = sky_columns(table.colnames, lon, lat, frame, str(path))
    try:
        coordinate = [_angles(table, name, str(path)) for name in (name_lon, name_lat)]
        _check_finite(coordinate, str(path))
        positions = SkyCoord(*coordinate, frame=found)
    except ValueError as err:
        if isinstance(err, (FormatError, MaskValueError)):
            raise
        raise MaskValueError(
            f"{path}: the columns {name_lon!r} and {name_lat!r} hold no sky positions: {err}"
        ) from err
    if isinstance(radius, str) and radius in table.colnames:
        radius = _radii(table, radius, str(path))
    elif isinstance(radius, str) and not any(each.isdigit() for each in radius):
        raise FormatError(
            f"{path} has no column {radius!r} for the radius; columns: {', '.join(table.colnames)}"
        )
    return positions, radius


def sky_columns(
    names: list[str], lon: str | None, lat: str | None, frame: str | None, what: str
) -> tuple[str, str, str]:
    """The position columns among the names of a table, and their frame.

    Examples
    --------
    >>> sky_columns(["Name", "GLON", "GLAT"], None, None, None, "table")
    ('GLON', 'GLAT', 'galactic')
    """
    if (lon is None) != (lat is None):
        raise FormatError(f"{what}: give both columns, lon= and lat=, or neither; got {lon or lat!r} alone")
    if lon is not None and lat is not None:
        for name in (lon, lat):
            if name not in names:
                raise FormatError(f"{what} has no column {name!r}; columns: {', '.join(names)}")
        usual = {a.upper(): f for a, _, f in _USUAL}
        return lon, lat, frame or usual.get(lon.upper(), "icrs")
    folded = {name.upper(): name for name in names}
    for usual_lon, usual_lat, usual_frame in _USUAL:
        if usual_lon in folded and usual_lat in folded and frame in (None, usual_frame):
            return folded[usual_lon], folded[usual_lat], usual_frame
    raise FormatError(
        f"{what} has no position columns of a usual name: give lon= and lat=; columns: {', '.join(names)}"
    )


def _read(path: Path, hdu: int | str | None) -> Table:
    if not path.exists():
        raise FileMissingError(f"there is no catalogue {str(path)!r}")
    is_fits = any(suffix in (".fits", ".fit", ".fts") for suffix in path.suffixes)
    try:
        return _read_fits(path, hdu) if is_fits else Table.read(path)
    except FormatError:
        raise
    except Exception as err:
        # astropy's last lines list all formats that it knows.
        raise FormatError(f"cannot read a table from {str(path)!r}: {str(err).splitlines()[0]}") from err


def _read_fits(path: Path, hdu: int | str | None) -> Table:
    # Table.read takes the first table where the one that was asked for is not there.
    with fits.open(path) as hdus:
        tables = {
            i: each for i, each in enumerate(hdus) if isinstance(each, fits.BinTableHDU | fits.TableHDU)
        }
        wanted = hdu.casefold() if isinstance(hdu, str) else hdu
        found = [i for i, each in tables.items() if wanted in (None, i, each.name.casefold())]
        if not found:
            which = "table" if hdu is None else f"table HDU {hdu!r}"
            listed = ", ".join(f"{i} {each.name}".strip() for i, each in tables.items()) or "none"
            raise FormatError(f"{path} has no {which}; tables: {listed}")
        return Table.read(tables[found[0]], unit_parse_strict="silent")


def _angles(table: Table, name: str, path: str) -> u.Quantity:
    column = table[name]
    unit = column.unit if column.unit is not None else u.deg
    if column.dtype.kind not in "fiu":
        raise FormatError(f"{path}: the column {name!r} holds {column.dtype}, not numbers")
    try:
        return u.Quantity(unmasked(column), unit).to(u.deg)
    except (u.UnitConversionError, TypeError) as err:
        raise FormatError(f"{path}: the column {name!r} is in {str(unit)!r}, not an angle") from err


def _radii(table: Table, name: str, path: str) -> u.Quantity:
    if table[name].unit is None:
        raise AngleError(
            f"{path}: the column {name!r} says no unit: give the radii as angles, "
            f"Catalog(positions, table[{name!r}] * u.deg)"
        )
    radii = _angles(table, name, path)
    # Point sources have no extension: what they get instead is not ours to say.
    bad = np.unique(np.argwhere(~np.isfinite(radii.value))[:, 0])
    if len(bad):
        raise MaskValueError(
            f"{path}: the radius {name!r} of row {int(bad[0])} is masked or not finite ({len(bad)} such rows "
            f"of {len(table)}): fill it and give the radii as angles, Catalog(positions, radii)"
        )
    return radii


def _check_finite(coordinate: list[u.Quantity], path: str) -> None:
    lon, lat = (each.value for each in coordinate)
    bad = np.flatnonzero(~(np.isfinite(lon) & np.isfinite(lat)))
    if len(bad):
        raise MaskValueError(
            f"{path}: the position of row {int(bad[0])} is masked or not finite "
            f"({len(bad)} such rows of {len(lon)})"
        )
    high = np.flatnonzero(np.abs(lat) > 90)
    if len(high):
        raise MaskValueError(f"{path}: row {int(high[0])} has latitude {lat[high[0]]:g} deg")

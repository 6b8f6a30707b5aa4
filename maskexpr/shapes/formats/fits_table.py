"""FITS region tables: those of the ASC standard, and source lists with the shapes of their sources."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from ...core.arrays import Floats
from ...core.errors import FormatError, MaskError, RegionError
from ...doors.fits import open_fits
from ...grid.wcs.geom import WcsGeom
from ...sphere.units import pixel_unit
from .. import IMAGE, Shape
from .fits_shapes import SHAPES, Plane, Projected, Row, Stated
from .items import Item, Reader, shown
from .numbers import degrees_in, frame_named

__all__ = ["read_fits"]

# Pairs of columns that are positions, and the frame if their names say it.
_POSITIONS: Final = (("X", "Y"), ("RA", "DEC"), ("RAJ2000", "DEJ2000"), ("GLON", "GLAT"))
_READ: Final = ("SHAPE", "R", "ROTANG", "COMPONENT")
# What FITS calls the pixels' keywords of an image, and those of a pixel list.
_KEYWORDS: Final = {"CTYPE": "TCTYP", "CUNIT": "TCUNI", "CRVAL": "TCRVL", "CRPIX": "TCRPX", "CDELT": "TCDLT"}
# What the package regions calls itself; it writes pixels from 0.
_REGIONS: Final = "astropy/regions"


def read_fits(data: bytes, path: Path, reader: Reader) -> None:
    """Read a FITS region table: one item of each row.

    Positions in pixels count from 1, or from 0 where the header says that the package ``regions`` wrote them.
    A table whose columns have a WCS (TCTYP and so on) means the sky. Rows of equal COMPONENT are what they
    share, an excluded (``!``) row taken away; components are united. Without that column an excluded row is
    an exclusion.

    Raises
    ------
    FormatError
        For a file that has no such table, or several.
    RegionError
        Naming the row, for everything that cannot be honoured.
    """
    # A file of our own: one that astropy opens stays open where it stumbles.
    with _stumbling(path), open_fits(io.BytesIO(data), str(path), whole=True) as hdus:
        hdu = _chosen(hdus, reader.use("hdu"), path)
        columns = {name.upper(): np.array(hdu.data[name]) for name in hdu.columns.names}
        units = {
            name.upper(): _spelled(unit)
            for name, unit in zip(hdu.columns.names, hdu.columns.units, strict=True)
        }
        table = _Table(path, hdu.header.copy(), columns, units, reader)
    reader.items.extend(table.items())


@contextmanager
def _stumbling(path: Path) -> Iterator[None]:
    """Turn what a broken file makes astropy stumble over into one error."""
    try:
        yield
    except MaskError:
        raise
    except Exception as err:  # KeyError, TypeError, VerifyError, ...: whatever the broken part leads to
        raise FormatError(
            f"{path} is no FITS file that can be read: {type(err).__name__}: {shown(str(err))}"
        ) from err


def _is_pixels(unit: str) -> bool:
    """Whether a column is in pixels, which those without a unit are."""
    return not unit or pixel_unit(unit)


def _spelled(unit: str | None) -> str:
    return (unit or "").strip().lower()


def _chosen(hdus: fits.HDUList, wanted: int | str | None, path: Path) -> Any:
    """The table of regions: that of the user, that which is called so, or the only one that has shapes."""
    if wanted is not None:
        try:
            hdu = hdus[wanted]
        except (KeyError, IndexError) as err:
            raise FormatError(f"{path} has no HDU {wanted!r}; it has {_listed(hdus)}") from err
        if not isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
            raise FormatError(f"HDU {wanted!r} of {path} is no table; the file has {_listed(hdus)}")
        return hdu
    tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)]
    named = [hdu for hdu in tables if hdu.name == "REGION"]
    found = named or [hdu for hdu in tables if _has_shapes(hdu)]
    if not found:
        raise FormatError(f"{path} has no table named REGION, and none with shapes{_what_it_is(tables)}")
    if len(found) > 1:
        numbers = ", ".join(str(hdus.index(hdu)) for hdu in found)
        raise FormatError(f"{path} has {len(found)} tables of regions, hdu= {numbers}: say which one")
    return found[0]


def _has_shapes(hdu: Any) -> bool:
    names = {name.upper() for name in hdu.columns.names}
    return "SHAPE" in names and any(set(pair) <= names for pair in _POSITIONS)


def _listed(hdus: fits.HDUList) -> str:
    return ", ".join(f"{number} {hdu.name or 'without a name'}" for number, hdu in enumerate(hdus))


def _what_it_is(tables: list[Any]) -> str:
    """What to say of a file that is something else."""
    for hdu in tables:
        header = hdu.header
        if (
            header.get("ORDERING") in ("NUNIQ", "RANGE", "RANGE29")
            or "MOCORDER" in header
            or "MOCVERS" in header
        ):
            return ": it is a MOC, which Moc.read reads"
        if header.get("PIXTYPE") == "HEALPIX":
            return ": it is a HEALPix map, which read_map and read_mask are for"
    names = [f"{hdu.name or 'a table'} with {', '.join(hdu.columns.names[:8])}" for hdu in tables[:4]]
    return f"; it has {'; '.join(names)}. Catalog.read is for positions" if names else ": it holds no table"


class _Table:
    """A table of regions: its columns by their names in capitals, and what they are positions of."""

    def __init__(
        self,
        path: Path,
        header: fits.Header,
        columns: dict[str, NDArray[Any]],
        units: dict[str, str],
        reader: Reader,
    ) -> None:
        self._path = path
        self._header = header
        self._columns = columns
        self._units = units
        self._reader = reader
        self._kept: Plane | None = None
        self._pair = self._positions()
        self._by_regions = str(header.get("ORIGIN", "")).strip() == _REGIONS
        if "SHAPE" not in columns and "R" in columns:
            raise RegionError(f"{path}: the table has sizes (R), but no column SHAPE")
        x, y = (self._numbers(name) for name in self._pair)
        self._is_long = bool(((x[:, -1:] != 0) | (y[:, -1:] != 0)).any(axis=1).sum())
        self._x, self._y = x, y
        self._r = self._numbers("R")
        self._angles = self._numbers("ROTANG") * self._angle_unit()
        self._components = self._numbers("COMPONENT") if "COMPONENT" in columns else None
        self._extra = [name for name in columns if name not in (*_READ, *self._pair)]
        reader.ignored.update(name.lower() for name in self._extra)

    def _positions(self) -> tuple[str, str]:
        for pair in _POSITIONS:
            if set(pair) <= set(self._columns):
                return pair
        if {"DETX", "DETY"} <= set(self._columns):
            raise RegionError(
                f"{self._path}: positions are on the detector (DETX, DETY); give those on the sky"
            )
        pairs = ", ".join(f"{x} and {y}" for x, y in _POSITIONS)
        raise RegionError(f"{self._path}: no columns of positions; they are {pairs}")

    def _numbers(self, name: str) -> Floats:
        """A column as numbers, shape (rows, values); none of a column that is absent."""
        number = len(next(iter(self._columns.values())))
        if name not in self._columns:
            return np.empty((number, 0))
        column = self._columns[name]
        if column.dtype.kind not in "fiu":
            raise RegionError(f"{self._path}: the column {name} must hold numbers, one row after the other")
        return column.reshape(number, -1).astype(np.float64)

    def _angle_unit(self) -> float:
        """Degrees to the unit of ROTANG, which is degrees unless it says something else."""
        return self._factor("ROTANG", self._units.get("ROTANG") or "deg")

    def _factor(self, name: str, unit: str) -> float:
        factor = degrees_in(unit)
        if factor is None:
            raise RegionError(f"{self._path}: the unit {unit!r} of {name} is no angle, such as 'deg'")
        return factor

    # ---- what positions are

    @property
    def _plane(self) -> Plane:
        """Pixels of the map, or the sky: by keywords of a WCS, by the columns' names, by their unit."""
        if self._kept is None:
            # Cards are parsed when they are asked for.
            with _stumbling(self._path):
                self._kept = self._found_plane()
        return self._kept

    def _found_plane(self) -> Plane:
        x_name, y_name = self._pair
        places = {name: place for place, name in enumerate(self._columns, start=1)}
        size_unit = self._units.get("R", "")
        in_angles = None if _is_pixels(size_unit) else self._factor("R", size_unit)
        if f"TCTYP{places[x_name]}" in self._header:
            return Projected(self._geometry(places[x_name], places[y_name]), in_angles)
        unit = self._units[x_name]
        if unit != self._units[y_name]:
            raise RegionError(
                f"{x_name} is in {unit or 'no unit'!r} and {y_name} in {self._units[y_name]!r}: "
                "give both one unit (TUNIT)"
            )
        if x_name == "X" and _is_pixels(unit):
            if in_angles is not None:
                raise RegionError(
                    f"R is in {size_unit!r}, but positions are in pixels and the table has no WCS"
                )
            origin = self._reader.use("origin")
            return Stated(IMAGE, (0 if self._by_regions else 1) if origin is None else origin)
        if in_angles is None and self._r.shape[1]:
            raise RegionError(
                "positions are on the sky, but R has no unit of an angle: give it one (TUNIT), such as 'deg'"
            )
        if unit and self._factor(x_name, unit) != 1:
            raise RegionError(f"{x_name} and {y_name} must be in degrees, not {unit!r}")
        return Stated(self._sky_frame(), factor=in_angles or 1.0)

    def _sky_frame(self) -> str:
        if self._pair[0] == "GLON":
            return "galactic"
        system = self._header.get("RADESYS", self._header.get("RADECSYS"))
        if system is None and self._header.get("EQUINOX") == 2000:
            system = "FK5"
        frame = self._reader.use("frame") if system is None else frame_named(str(system).strip())
        frame = frame and frame_named(frame)
        if frame is None or frame == "fk4":
            raise RegionError(
                f"the frame of positions is {system or 'not stated'}: give frame='icrs', 'fk5' or 'galactic'"
            )
        return frame

    def _geometry(self, x: int, y: int) -> WcsGeom:
        """The projection of two columns, from the keywords of a pixel list."""
        header = fits.Header()
        for axis, column in ((1, x), (2, y)):
            for name, keyword in _KEYWORDS.items():
                if f"{keyword}{column}" in self._header:
                    header[f"{name}{axis}"] = self._header[f"{keyword}{column}"]
        if any(re.fullmatch(rf"T(P|C|PC|CD){x}_{y}|T(P|C|PC|CD){y}_{x}", key) for key in self._header):
            raise RegionError(
                "the columns' WCS is turned by a matrix (TP or TC), which is not supported: give "
                "positions on the sky, in columns RA and DEC"
            )
        header["CROTA2"] = self._header.get(f"TCROT{y}", 0.0)
        for name in ("RADESYS", "EQUINOX"):
            for key in (f"{name[:4]}{x}", name, "RADECSYS" if name == "RADESYS" else name):
                if key in self._header:
                    header[name] = self._header[key]
                    break
        geom = WcsGeom(WCS(header), (1, 1))
        across, up = geom.pixel_scales.value
        if self._r.shape[1] and abs(across / up - 1) > 1e-3:
            raise RegionError(
                f"the table's pixels are not square ({across:g} and {up:g} deg): a circle is none on "
                "the sky; give positions and sizes on the sky, in columns RA, DEC and R"
            )
        return geom

    # ---- rows

    def items(self) -> Iterator[Item]:
        """One item of each row."""
        shapes = self._columns.get("SHAPE")
        for number in range(len(self._x)):
            word = "point" if shapes is None else str(shapes[number]).strip().lower()
            excluded, word = word.startswith("!"), word.removeprefix("!").strip()
            properties = {name.lower(): self._columns[name][number] for name in self._extra}
            properties.update(shape=word, row=number + 1, include=not excluded)
            component = None
            if self._components is not None:
                component = properties["component"] = int(self._components[number, 0])
            place = f"row {number + 1} of {self._path}"
            yield Item(place, properties, excluded, partial(self._shape, word, number), component)

    def _shape(self, word: str, number: int) -> Shape:
        if word not in SHAPES:
            raise RegionError(
                f"the shape {shown(word)} is not supported: the shapes are {', '.join(SHAPES)}; "
                f"where={shown('shape!=' + word)} leaves such rows out"
            )
        row = Row(
            self._x[number],
            self._y[number],
            self._r[number],
            self._angles[number],
            self._plane,
            self._by_regions,
            not self._is_long,
        )
        return SHAPES[word](row)

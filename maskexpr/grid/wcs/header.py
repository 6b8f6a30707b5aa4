"""FITS headers and GADF tables of geometries: to and from a `Projection`, a shape and axes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning

from ...core.errors import FormatError, GeometryError, MaskError, borrowed
from ...core.limits import check_limit
from ...core.names import described
from ...doors.files import open_plain
from ...doors.fits import check_header, open_fits
from ..axis import INTERPOLATIONS, Axis, scale, unscale
from .cards import celestial_cards, lengths_of
from .celestial import celestial_part
from .cunit import with_fits_units
from .projection import Projection, reason

__all__ = ["axes_from_bands", "bands_hdu", "find_bands", "header_text", "parts_of_file", "parts_of_header"]

Parts = tuple[Projection, tuple[int, int], tuple[Axis, ...]]
"""What a geometry is made of: projection, (ny, nx), axes in the order of the array's dimensions."""

_MAX_AXES: Final = 5


def header_text(projection: Projection, shape: tuple[int, int], axes: Sequence[Axis]) -> str:
    """Cards of 80 characters. Floats have all their digits, which ``WCS.to_header`` does not keep.

    Axes are in FITS order behind the image: the last dimension before y is NAXIS3.
    """
    lengths = [*shape[::-1], *(axis.nbin for axis in reversed(axes))]
    cards: list[tuple[str, object]] = [("NAXIS", len(lengths))]
    cards += [(f"NAXIS{i}", n) for i, n in enumerate(lengths, 1)]
    cards.append(("WCSAXES", 2))
    suffix = "" if projection.sip is None else "-SIP"
    for i in (1, 2):
        cards += [
            (f"CTYPE{i}", projection.ctype[i - 1] + suffix),
            (f"CRPIX{i}", projection.crpix[i - 1]),
            (f"CRVAL{i}", projection.crval[i - 1]),
            (f"CDELT{i}", projection.cdelt[i - 1]),
            (f"CUNIT{i}", "deg"),
        ]
    if projection.pc != ((1.0, 0.0), (0.0, 1.0)):
        cards += [(f"PC{i}_{j}", projection.pc[i - 1][j - 1]) for i in (1, 2) for j in (1, 2)]
    cards += [(f"PV{i}_{m}", value) for i, m, value in projection.pv]
    cards += [("LONPOLE", projection.lonpole), ("LATPOLE", projection.latpole)]
    if projection.radesys:
        cards.append(("RADESYS", projection.radesys))
    if projection.radesys == "FK5":
        cards.append(("EQUINOX", 2000.0))
    cards += _sip_cards(projection)
    for i, axis in enumerate(reversed(axes), 1):
        cards += [(f"AXCOLS{i}", ",".join(_columns(axis)[1:])), (f"INTERP{i}", axis.interp)]
    return "".join(_card(key, value) for key, value in cards)


def bands_hdu(axes: Sequence[Axis], name: str = "BANDS") -> fits.BinTableHDU:
    """The GADF table of axes, as gammapy writes it.

    Parameters
    ----------
    axes : sequence of Axis
        In the order of the array's dimensions.
    name : str
        EXTNAME of the table; put it into the image's header as BANDSHDU.

    Examples
    --------
    >>> bands_hdu([Axis("energy", [1, 10, 100] * u.GeV)], "MASK_BANDS").columns.names
    ['CHANNEL', 'ENERGY', 'E_MIN', 'E_MAX']
    """
    inner_first = list(reversed(axes))
    count = int(np.prod([axis.nbin for axis in axes]))
    columns = [fits.Column("CHANNEL", "K", array=np.arange(count))]
    # numpy's own index order of meshgrid ("xy") is what GADF readers undo by taking unique values.
    grids = [np.meshgrid(*parts) for parts in zip(*(_bins(axis) for axis in inner_first), strict=True)]
    for i, axis in enumerate(inner_first):
        for column, grid in zip(_columns(axis), grids, strict=True):
            columns.append(fits.Column(column, "D", unit=axis.unit.to_string("fits"), array=grid[i].ravel()))
    table = fits.BinTableHDU.from_columns(columns, name=name)
    for i, axis in enumerate(inner_first, 1):
        table.header[f"AXCOLS{i}"] = ",".join(_columns(axis)[1:])
        table.header[f"INTERP{i}"] = axis.interp
    return table


def axes_from_bands(table: fits.BinTableHDU) -> tuple[Axis, ...]:
    """Axes of a ``*_BANDS``, ``EBOUNDS`` or ``ENERGIES`` table, in the order of the array's dimensions.

    Raises
    ------
    FormatError
        For a table without axes, or a column that it names and lacks.
    """
    names = [str(name) for name in table.columns.names]
    found: list[Axis] = []
    for i in range(1, _MAX_AXES + 1):
        declared = table.header.get(f"AXCOLS{i}")
        if declared is None:
            break
        found.append(
            _axis(
                table,
                [part.strip() for part in declared.split(",")],
                str(table.header.get(f"INTERP{i}", "lin")),
            )
        )
    if not found and {"E_MIN", "E_MAX"} <= set(names):
        found.append(_axis(table, ["E_MIN", "E_MAX"], "log"))
    if not found and "ENERGY" in (name.upper() for name in names):
        found.append(
            _axis(table, [next(name for name in names if name.upper() == "ENERGY")], "log", "energy_true")
        )
    if not found:
        raise FormatError(
            f"table {table.name!r} describes no axis: no AXCOLS1, E_MIN and E_MAX or ENERGY among {names}"
        )
    return tuple(reversed(found))


def find_bands(hdus: fits.HDUList, hdu: Any) -> fits.BinTableHDU | None:
    """The table that describes the axes of an image, or None."""
    declared = hdu.header.get("BANDSHDU")
    if declared is not None and declared not in hdus:
        raise FormatError(f"HDU {hdu.name!r} names the table {declared!r} for its axes, which the file lacks")
    names = [declared] if declared is not None else [f"{hdu.name or 'PRIMARY'}_BANDS"]
    if declared is None and hdu.header.get("NAXIS", 0) >= 3:
        names += ["BANDS", "EBOUNDS", "ENERGIES"]
    return next((hdus[name] for name in names if name in hdus), None)


def parts_of_header(
    header: fits.Header, bands: fits.BinTableHDU | None = None, celestial: bool = False
) -> Parts:
    """Projection, image shape and axes of an image's header and its table of axes; of a cube's celestial axes
    alone if ``celestial``.
    """
    if not isinstance(header, fits.Header):
        raise GeometryError(
            f"expected an astropy.io.fits.Header, got {described(header)}; a file is read by "
            "WcsGeom.read(path)"
        )
    header, what = with_fits_units(header), "the header"
    if celestial:
        check_header(header, what)
        with borrowed(what, GeometryError):
            return *celestial_part(header, lengths_of(header, what)), ()
    cards = celestial_cards(header, what)
    with borrowed(what, GeometryError):
        _check_latitude(cards)
        projection = Projection.from_wcs(_wcs(cards, _of_cube(header)))
    lengths = lengths_of(header, what)
    axes = () if bands is None else axes_from_bands(bands)
    planes = [axis.nbin for axis in reversed(axes)]
    # Radio images carry frequency and Stokes axes of length 1, which say nothing about a mask.
    if axes and lengths[2:] and planes != lengths[2:]:
        raise FormatError(f"the axes' table describes {planes} planes but the image has {lengths[2:]}")
    if not axes and any(n != 1 for n in lengths[2:]):
        raise FormatError(
            f"the image has {lengths[2:]} planes and no table (*_BANDS, EBOUNDS) says what they are"
            f"{_of_cube(header)}"
        )
    check_limit("bins", math.prod(planes), what, "planes")
    check_limit("pixels", math.prod(planes) * lengths[0] * lengths[1], what, "pixels")
    return projection, (lengths[1], lengths[0]), axes


def _wcs(header: fits.Header, way: str) -> WCS:
    with warnings.catch_warnings():
        # wcslib mends dates and units and says so; nothing that a geometry keeps is touched.
        warnings.simplefilter("ignore", FITSFixedWarning)
        try:
            return WCS(header, naxis=2)
        except (ValueError, KeyError, OSError) as err:
            raise GeometryError(f"the header holds no usable WCS: {reason(err)}{way}") from err


def parts_of_file(path: str | Path, hdu: int | str | None = None, celestial: bool = False) -> Parts:
    """Projection, image shape and axes of an image or sparse map in a FITS file; no pixel is read."""
    with open_plain(path, "map", "map_bytes") as file, open_fits(file, str(path)) as hdus:
        if hdu is None:
            image = next((each for each in hdus if _has_map(each)), None)
            if image is None:
                raise FormatError(
                    f"{path}: no HDU holds an image with celestial coordinates (CTYPE1 and two axes)"
                )
        else:
            try:
                image = hdus[hdu]
            except (KeyError, IndexError) as err:
                raise FormatError(
                    f"{path}: no HDU {hdu!r}; there are {[each.name for each in hdus]}"
                ) from err
        try:
            bands = None if celestial else find_bands(hdus, image)
            return parts_of_header(image.header, bands, celestial)
        except MaskError as err:
            raise type(err)(f"{path}, HDU {image.name or 'PRIMARY'!r}: {err}") from err


def _of_cube(header: fits.Header) -> str:
    """Of a cube the way to its map."""
    if int(header.get("NAXIS", 0)) < 3:
        return ""
    return "; the celestial map of a cube is WcsGeom.read(path, celestial=True)"


def _check_latitude(header: fits.Header) -> None:
    """Refuse a reference beyond the pole in words; wcslib speaks of "no valid solution for latp"."""
    for i in (1, 2):
        if str(header.get(f"CTYPE{i}", ""))[:4] not in ("DEC-", "GLAT", "SLAT"):
            continue
        value, unit = header.get(f"CRVAL{i}", 0.0), str(header.get(f"CUNIT{i}", "")).strip() or "deg"
        if abs(u.Quantity(value, unit).to_value(u.deg)) > 90:
            raise GeometryError(f"the latitude CRVAL{i} is {value} {unit}, beyond the pole")


def _card(key: str, value: object) -> str:
    if isinstance(value, str):
        text = "'" + value.replace("'", "''").ljust(8) + "'"
    else:
        text = f"{value!r}".upper().rjust(20)
    return f"{key:<8}= {text}".ljust(80)


def _sip_cards(projection: Projection) -> list[tuple[str, object]]:
    cards: list[tuple[str, object]] = []
    sip = projection.sip
    if sip is None:
        return cards
    for name, terms in (("A", sip.a), ("B", sip.b), ("AP", sip.ap), ("BP", sip.bp)):
        if terms is None:
            continue
        cards.append((f"{name}_ORDER", len(terms) - 1))
        cards += [
            (f"{name}_{p}_{q}", v) for p, row in enumerate(terms) for q, v in enumerate(row) if v != 0.0
        ]
    return cards


def _columns(axis: Axis) -> tuple[str, str, str]:
    name = axis.name.upper()
    return ("ENERGY", "E_MIN", "E_MAX") if axis.name == "energy" else (name, f"{name}_MIN", f"{name}_MAX")


def _bins(axis: Axis) -> tuple[Any, Any, Any]:
    return axis.center.value, axis.edges.value[:-1], axis.edges.value[1:]


def _axis(table: fits.BinTableHDU, columns: list[str], interp: str, name: str | None = None) -> Axis:
    missing = [column for column in columns if column not in table.columns.names]
    if missing:
        raise FormatError(f"table {table.name!r} names the column {missing[0]!r} for an axis and lacks it")
    first = columns[0]
    name = name or ("energy" if first == "E_MIN" else first.removesuffix("_MIN").lower())
    if interp not in INTERPOLATIONS:
        raise FormatError(
            f"table {table.name!r}: INTERP {interp!r} of axis {name!r} is none of {', '.join(INTERPOLATIONS)}"
        )
    unit = u.Unit(table.columns[first].unit or "", format="fits")
    values = [np.unique(np.asarray(table.data[column], dtype=np.float64)) for column in columns]
    if len(columns) == 2:
        return Axis(name, u.Quantity(np.append(values[0], values[1][-1]), unit), interp=interp)
    return Axis(name, u.Quantity(_edges_around(name, values[0], interp), unit), interp=interp)


def _edges_around(name: str, nodes: Any, interp: str) -> Any:
    """Edges halfway between nodes, and as far beyond the outer ones."""
    if len(nodes) < 2:
        raise FormatError(f"axis {name!r} has one node and no edges; its width is unknown")
    on_scale = scale(nodes, interp)
    middle = (on_scale[:-1] + on_scale[1:]) / 2
    outer = 2 * on_scale[0] - middle[0], 2 * on_scale[-1] - middle[-1]
    return unscale(np.concatenate([[outer[0]], middle, [outer[1]]]), interp)


def _has_map(hdu: Any) -> bool:
    header = hdu.header
    number = header.get("NAXIS", 0)
    return "CTYPE1" in header and ((isinstance(number, int) and number >= 2) or "WCSSHAPE" in header)

"""Other people's objects as the grids that they are or carry.

They are told by the names of their classes and modules, so that no optional package is imported to find out.
"""

from __future__ import annotations

from typing import Any

import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.wcsapi import BaseLowLevelWCS

from ..core.errors import GeometryError, MaskTypeError
from ..core.names import described, hint_of
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from .gammapy import is_nddata
from .xarray import geom_of

__all__ = ["as_grid"]

_GRIDS = (
    "a WcsGeom or another Grid, a gammapy geometry or map, an astropy WCS with a shape, a FITS header, "
    "NDData with "
    "a WCS, or a DataArray that carries its grid"
)


_HINTS = {
    "str": "read the grid of a file with WcsGeom.read(path)",
    "PurePath": "read the grid of a file with WcsGeom.read(path)",
    "ndarray": "an array has no sky; give (wcs, array.shape)",
    "tuple": "make a grid with WcsGeom.create(skydir=, width=, binsz=) or WcsGeom.allsky(binsz=)",
    "int": "make a grid with WcsGeom.allsky(binsz=)",
    "float": "make a grid with WcsGeom.allsky(binsz=)",
    "NoneType": "make a grid with WcsGeom.allsky(binsz=)",
    "SkyCoord": "positions are asked with mask.contains(positions)",
    "Mask": "masks combine with | & ^ ~ -; a grid is WcsGeom.allsky(binsz=), or another's",
    "Table": "positions are asked with mask.contains(table)",
    "Axis": "geom.to_cube([axis]) is a grid with that axis",
    "Dataset": "give one of its arrays",
    "HDUList": "give the header of one HDU",
    "PrimaryHDU": "give its header",
    "ImageHDU": "give its header",
}
"""What to write instead of an object of a class, or of one below it."""


def as_grid(value: Any) -> Grid:
    """The grid that an object is, or carries.

    Parameters
    ----------
    value : object
        A `Grid`; a gammapy ``WcsGeom``, ``HpxGeom``, map or dataset; an astropy ``WCS`` with a shape, or a
        pair (WCS, shape) with the shape (ny, nx); a FITS header; ``NDData`` or ``CCDData`` with a WCS; a
        DataArray that carries its grid.

    Raises
    ------
    MaskTypeError
        For anything else, with its type and package.
    GeometryError
        If the object has no grid that a mask can be put on.

    Examples
    --------
    >>> geom = WcsGeom.create(npix=(4, 3), binsz=1)
    >>> as_grid(geom.to_header()) == as_grid((geom.wcs, (3, 4))) == geom
    True
    """
    if isinstance(value, Grid):
        return value
    if type(value).__module__.partition(".")[0] == "gammapy":
        return _of_gammapy(value)
    if isinstance(value, xr.DataArray):
        return geom_of(value)
    if isinstance(value, fits.Header):
        return WcsGeom.from_header(value)
    if is_nddata(value):
        if value.wcs is None:
            raise GeometryError(f"{described(value)} has no wcs")
        return _of_wcs(value.wcs, value.data.shape)
    if isinstance(value, BaseLowLevelWCS):
        return _of_wcs(value, value.array_shape)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], BaseLowLevelWCS):
        return _of_wcs(*value)
    hint = hint_of(value, _HINTS)
    raise MaskTypeError(f"a mask is put on {_GRIDS}; got {described(value)}{hint and ': '}{hint}")


def _of_gammapy(value: Any) -> Grid:
    geom = getattr(value, "geom", value)
    if hasattr(geom, "geom"):
        geom = geom.geom
    name = type(geom).__name__
    if name == "RegionGeom":
        raise GeometryError(
            "a gammapy RegionGeom is one region with no pixels: take geom.to_wcs_geom(), or make the mask "
            "of its "
            "region with maskexpr.Region(geom.region)"
        )
    if name == "WcsGeom":
        return WcsGeom.from_gammapy(geom)
    if name == "HpxGeom":
        return HpxGeom.from_gammapy(geom)
    counts = getattr(value, "counts", None)
    if counts is not None and counts is not value:
        return _of_gammapy(counts)
    raise MaskTypeError(f"a mask is put on {_GRIDS}; got {described(value)}")


def _of_wcs(wcs: Any, shape: Any) -> WcsGeom:
    if not isinstance(wcs, WCS):
        raise GeometryError(
            f"the WCS must be an astropy.wcs.WCS, got {described(wcs)}; it has no FITS header"
        )
    if shape is None:
        raise GeometryError("the WCS has no shape: set wcs.array_shape = (ny, nx), or give (wcs, (ny, nx))")
    if wcs.naxis > 2:
        wcs, shape = wcs.celestial, tuple(shape)[-2:]
    return WcsGeom(wcs, shape)

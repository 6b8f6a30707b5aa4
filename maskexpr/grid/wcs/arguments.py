"""The arguments of `WcsGeom.create`, normalised at the door as gammapy does it, so that equal arguments give
equal headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle, SkyCoord

from ...core.errors import GeometryError
from ...core.names import shown
from ...sphere.angles import to_degrees, unmasked
from ...sphere.frames import near_frame
from ...sphere.vectors import degrees_of
from .projection import FRAMES, Projection
from .sip import Pair

__all__ = ["pair", "spec_of", "whole_pair"]


def spec_of(
    skydir: Any, width: Any, npix: Any, binsz: Any, proj: str, frame: str, refpix: Any
) -> tuple[Projection, tuple[int, int]]:
    """Projection and image shape (ny, nx) of the arguments of `WcsGeom.create`.

    Examples
    --------
    >>> projection, shape = spec_of(None, None, None, 1.0, "CAR", "icrs", None)
    >>> shape, projection.crpix
    ((180, 360), (180.5, 90.5))
    """
    if not isinstance(frame, str) or frame not in FRAMES:
        raise GeometryError(
            f"frame {shown(frame)} cannot be used for a map{near_frame(frame, FRAMES)}; "
            f"supported frames: {', '.join(FRAMES)}"
        )
    lon_size, lat_size = _sizes(binsz, "binsz")
    if npix is None:
        lon_width, lat_width = (360.0, 180.0) if width is None else _sizes(width, "width")
        nx, ny = int(np.rint(lon_width / lon_size)), int(np.rint(lat_width / lat_size))
    else:
        nx, ny = whole_pair(npix, "npix", 1)
    if nx < 1 or ny < 1:
        raise GeometryError(
            f"a map of {nx} columns and {ny} rows holds no pixel: width is less than half of binsz; give a "
            "larger width or npix="
        )
    reference = ((nx + 1) / 2.0, (ny + 1) / 2.0) if refpix is None else _numbers(refpix, "refpix")
    projection = Projection.create(proj, frame, reference, _direction(skydir, frame), (-lon_size, lat_size))
    return projection, (ny, nx)


def pair(value: Any) -> tuple[Any, Any]:
    """(lon, lat) of one value for both or of a pair.

    Examples
    --------
    >>> pair("1 deg"), pair((1, 2))
    (('1 deg', '1 deg'), (1, 2))
    """
    if isinstance(value, str) or not (isinstance(value, (tuple, list)) or np.ndim(value)):
        return value, value
    if len(value) != 2:
        raise GeometryError(f"expected one value or a pair (lon, lat), got {value!r}")
    return value[0], value[1]


def whole_pair(value: Any, name: str, least: int) -> tuple[int, int]:
    """(lon, lat) of whole numbers not less than ``least``.

    Examples
    --------
    >>> whole_pair(3, "npix", 1), whole_pair((3, 4), "npix", 1)
    ((3, 3), (3, 4))
    """
    numbers = []
    for each in pair(value):
        try:
            whole = int(each)
        except (TypeError, ValueError, OverflowError) as err:
            raise GeometryError(f"{name} must be whole numbers of pixels, got {value!r}") from err
        if whole != each or isinstance(each, bool):
            raise GeometryError(f"{name} must be whole numbers of pixels, got {value!r}")
        if whole < least:
            raise GeometryError(f"{name} must be at least {least}, got {value!r}")
        numbers.append(whole)
    return numbers[0], numbers[1]


def _sizes(value: Any, name: str) -> Pair:
    lon, lat = (_degrees(each, name) for each in pair(value))
    if lon <= 0 or lat <= 0:
        raise GeometryError(f"{name} must be greater than zero, got {value!r}")
    return lon, lat


def _degrees(value: Any, name: str) -> float:
    """Degrees of a number (degrees, as gammapy has it), a string or a Quantity."""
    try:
        degrees = (
            to_degrees(value, name)
            if isinstance(value, str) and not _is_bare(value)
            else float(unmasked(Angle(value, u.deg).deg))
        )
    except (TypeError, ValueError, u.UnitsError) as err:
        raise GeometryError(f"{name} must be an angle or a number of degrees, got {value!r}") from err
    if not np.isfinite(degrees):
        raise GeometryError(f"{name} must be finite, got {value!r}")
    return degrees


def _is_bare(text: str) -> bool:
    """Whether a text is a number alone, which gammapy takes for degrees."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _direction(skydir: Any, frame: str) -> Pair:
    if skydir is None:
        return 0.0, 0.0
    if isinstance(skydir, SkyCoord):
        if skydir.size != 1:
            raise GeometryError(f"skydir must be one position, got {skydir.size}")
        lon, lat = (float(each) for each in degrees_of(skydir.reshape(()), frame))
        if not np.isfinite(lon + lat):
            raise GeometryError("skydir must be a position on the sky, got one that is masked or NaN")
        return lon, lat
    if not isinstance(skydir, Sequence) or isinstance(skydir, str) or len(skydir) != 2:
        raise GeometryError(f"skydir must be a SkyCoord or a pair (lon, lat) in degrees, got {skydir!r}")
    lon, lat = _degrees(skydir[0], "skydir longitude"), _degrees(skydir[1], "skydir latitude")
    if abs(lat) > 90:
        raise GeometryError(f"the latitude of skydir is {lat:g} deg, beyond the pole")
    return lon, lat


def _numbers(value: Any, name: str) -> Pair:
    try:
        x, y = (float(each) for each in value)
    except (TypeError, ValueError) as err:
        raise GeometryError(f"{name} must be a pair of numbers, got {value!r}") from err
    if not (np.isfinite(x) and np.isfinite(y)):
        raise GeometryError(f"{name} must be finite, got {value!r}")
    return x, y

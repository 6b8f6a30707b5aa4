"""Distances to what a mask leaves out, and apodised weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import astropy.units as u
import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..compile.compiled import Compiled, compile_mask
from ..compile.measured import Measured
from ..compile.whole import lazy_array
from ..core.arguments import one_of
from ..core.arrays import Floats
from ..core.calls import told
from ..core.errors import AngleError, MaskTypeError, MaskValueError
from ..core.names import described, shown
from ..expr.describe import one_line
from ..expr.mask import Mask
from ..io.given import as_grid
from ..io.xarray import wrap
from ..nodes.erode import Erode
from ..sphere.angles import to_degrees

__all__ = ["PROFILES", "apodize", "distance", "sky_fractions"]


def _c1(x: Floats) -> Floats:
    return x - np.sin(2 * np.pi * x) / (2 * np.pi)


def _cosine(x: Floats) -> Floats:
    return (1 - np.cos(np.pi * x)) / 2


# The first two are functions of sqrt((1 - cos d) / (1 - cos width)), as NaMaster has them, the third of
# d / width, as pixell has it.
PROFILES: Final[dict[str, tuple[Callable[[Floats], Floats], bool]]] = {
    "C1": (_c1, True),
    "C2": (_cosine, True),
    "cos": (_cosine, False),
}


@dataclass(frozen=True)
class _Profile:
    """Weights of distances in radians."""

    profile: str | Callable[[Floats], Floats]
    width: float

    def __call__(self, angles: NDArray[np.floating[Any]]) -> Floats:
        # One and the same function for angles of 32 bits.
        angles = np.asarray(angles, dtype=np.float64)
        if not isinstance(self.profile, str):
            found = np.asarray(self.profile(np.minimum(angles / self.width, 1.0)))
            if found.dtype.kind not in "biuf" or found.shape not in ((), np.shape(angles)):
                raise MaskTypeError(
                    f"profile must give a weight for each number that it gets, got {shown(found)}"
                )
            if not np.isfinite(found).all():
                raise MaskValueError("profile must give a finite weight for each number from 0 to 1")
            return np.clip(found, 0.0, 1.0)
        formula, by_cosine = PROFILES[self.profile]
        # 1 - cos d is twice the square of sin(d / 2), which is accurate for small angles.
        ratio = np.sin(angles / 2) / np.sin(self.width / 2) if by_cosine else angles / self.width
        weights = formula(np.minimum(ratio, 1.0))
        return np.where(angles <= 0, 0.0, np.where(angles >= self.width, 1.0, weights))


def distance(mask: Mask, geom: Any, max: Any, chunks: Any = "auto") -> xr.DataArray:
    """Distances to what is not selected. See `Mask.distance`."""
    largest = _limit(max, "max")
    attrs = {"units": "deg", "long_name": "distance to the nearest unselected pixel", "mask": one_line(mask)}
    return _measured(mask, geom, largest, _degrees, chunks, "distance", attrs)


def _degrees(angles: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The bits of ``np.rad2deg``, which takes five times as long in 32 bits."""
    kind = angles.dtype.type
    return np.asarray(angles * (kind(180) / kind(np.pi)))


def apodize(
    mask: Mask, geom: Any, width: Any, profile: str | Callable[[Floats], Floats] = "C1", chunks: Any = "auto"
) -> xr.DataArray:
    """Apodised weights. See `Mask.apodize`."""
    if not callable(profile):
        one_of("profile", profile, PROFILES, " (or a callable)")
    angle = _limit(width, "width")
    attrs = {"long_name": "weight", "mask": one_line(mask)}
    return _measured(mask, geom, angle, _Profile(profile, angle), chunks, "weight", attrs)


def _limit(value: Any, name: str) -> float:
    degrees = to_degrees(value, name)
    if not 0 < degrees <= 180:
        raise AngleError(f"{name} must be more than 0 and at most 180 deg, got {value!r}")
    return float(np.deg2rad(degrees))


def _measured(
    mask: Mask, geom: Any, largest: float, weigh: Any, chunks: Any, name: str, attrs: dict[str, str]
) -> xr.DataArray:
    grid = as_grid(geom)
    inner = compile_mask(mask, grid, chunks)
    # What erosion takes away is nearer than its radius to what is not selected: it asks what is needed here.
    carrier = Erode(inner.mask, np.rad2deg(largest) * u.deg)
    source = Measured(Compiled(carrier, inner.geom, inner.along, inner.layout), largest, weigh)
    array = lazy_array(source.name, source, source.compiled.chunks, np.float32)
    if array.shape != grid.shape:
        array = da.broadcast_to(array, grid.shape)  # type: ignore[no-untyped-call]
    return wrap(array, grid, name=name, attrs=attrs)


@told
def sky_fractions(weights: xr.DataArray) -> dict[str, float]:
    """Moments of a map of weights: the means over the whole sky of the weights and of their second and
    fourth powers.

    Parameters
    ----------
    weights : DataArray
        Weights on a grid, as of `Mask.apodize`, or a mask; computed by chunks.

    Returns
    -------
    dict
        ``fsky``, ``w2``, ``w4``: the pixels' solid angles times the power, over 4 pi.

    Examples
    --------
    >>> import maskexpr as mx
    >>> geom = mx.WcsGeom.allsky(binsz=5)
    >>> round(mx.sky_fractions(mx.AllSky().on(geom))["w2"], 6)
    1.0
    """
    if not isinstance(weights, xr.DataArray):
        raise MaskTypeError(f"weights are a DataArray that carries its grid, got {described(weights)}")
    grid: Any = as_grid(weights)
    areas = grid.solid_angle()
    areas = getattr(areas, "data", areas)
    values = weights.data.astype(np.float64)
    sums = [da.nansum(areas * values**power) for power in (1, 2, 4)]
    done = da.compute(*sums)  # type: ignore[no-untyped-call]
    return {name: float(each) / (4 * np.pi) for name, each in zip(("fsky", "w2", "w4"), done, strict=True)}

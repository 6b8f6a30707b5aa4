"""Masks of the sky as lazy expressions, free of any grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors as errors  # mx.errors, without another import
from .compile.plan import Plan
from .core.errors import MaskAttributeError, MaskError
from .core.limits import get_limits, set_limits
from .core.names import nearest
from .core.versions import show_versions
from .estimate.psf import containment_radius
from .estimate.significance import significance
from .expr.mask import AllSky, And, Mask, NoSky, Not, Or, Xor
from .expr.serialize import dumps, from_dict, loads
from .expr.verbs import use_engine
from .grid.axis import Axis
from .grid.healpix.geom import HpxGeom
from .grid.wcs.geom import WcsGeom
from .growth.as_gammapy import gammapy_radius, gammapy_structure
from .io.read import read_map, read_mask
from .io.tilestore import TileStore
from .io.xarray import geom_of
from .nodes.axisrange import AxisRange
from .nodes.band import Band
from .nodes.bits import Bits
from .nodes.boundary import Boundary
from .nodes.catalog import Catalog
from .nodes.dilate import Dilate
from .nodes.ellipses import Ellipses
from .nodes.erode import Erode
from .nodes.fill_holes import FillHoles
from .nodes.hysteresis import Hysteresis
from .nodes.moc import Moc
from .nodes.open_close import Close, Open
from .nodes.raster import Raster
from .nodes.region import Region
from .nodes.remove_small import RemoveSmall
from .nodes.threshold import Threshold
from .recipes.recipe import Recipe
from .verbs import engine
from .verbs.accessor import SkyAccessor as _accessor  # noqa: F401  # registers array.maskexpr
from .verbs.verify import info, verify
from .verbs.weights import sky_fractions

use_engine(engine)


def __dir__() -> list[str]:
    """What is offered for completion: the public names, and the modules that users import from."""
    return sorted([*__all__, "__version__", "errors"])


if not TYPE_CHECKING:  # a type checker finds what is misspelled itself

    def __getattr__(name: str) -> Any:
        raise MaskAttributeError(f"maskexpr has no {name!r}{nearest(name, __all__)}")


__version__ = "0.1.0"

__all__ = [
    "AllSky",
    "And",
    "Axis",
    "AxisRange",
    "Band",
    "Bits",
    "Boundary",
    "Catalog",
    "Close",
    "Dilate",
    "Ellipses",
    "Erode",
    "FillHoles",
    "HpxGeom",
    "Hysteresis",
    "Mask",
    "MaskError",
    "Moc",
    "NoSky",
    "Not",
    "Open",
    "Or",
    "Plan",
    "Raster",
    "Recipe",
    "Region",
    "RemoveSmall",
    "Threshold",
    "TileStore",
    "WcsGeom",
    "Xor",
    "containment_radius",
    "dumps",
    "from_dict",
    "gammapy_radius",
    "gammapy_structure",
    "geom_of",
    "get_limits",
    "info",
    "loads",
    "read_map",
    "read_mask",
    "set_limits",
    "show_versions",
    "significance",
    "sky_fractions",
    "verify",
]

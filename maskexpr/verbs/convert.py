"""Masks as the arrays of other packages, computed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compile.compiled import compile_mask
from ..compile.eager import compute_array
from ..core.arguments import flag
from ..core.errors import require
from ..expr.mask import Mask
from ..io.gammapy import as_gammapy_has_it
from ..io.given import as_grid

__all__ = ["to_array", "to_gammapy"]


def to_array(mask: Mask, geom: Any, masked: bool = False) -> NDArray[np.bool_]:
    """A plain array. See `Mask.to_array`."""
    flag(masked, "masked")
    values = compute_array(compile_mask(mask, as_grid(geom)))
    return ~values if masked else values


def to_gammapy(mask: Mask, geom: Any) -> Any:
    """A gammapy map. See `Mask.to_gammapy`."""
    maps = require("gammapy.maps", extra="gammapy")
    grid: Any = as_grid(geom)
    given = getattr(geom, "geom", geom)
    theirs = given if type(given).__module__.startswith("gammapy.maps") else grid.to_gammapy()
    return maps.Map.from_geom(theirs, data=as_gammapy_has_it(to_array(mask, grid), theirs), dtype=bool)

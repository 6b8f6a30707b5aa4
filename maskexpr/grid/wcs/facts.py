"""What is known of each projection of the FITS standard: one record a code.

Sources: Calabretta & Greisen 2002 (A&A 395, 1077) for all but the HEALPix projections, Calabretta & Roukema
2007 (MNRAS 381, 865) for those, and what wcslib makes of them. Formulas that bound a projection's image stand
with the proofs that use them, in `bend`, `smooth` and `sector`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.polynomial import Polynomial

if TYPE_CHECKING:
    from .projection import Projection

__all__ = ["FACTS", "Box", "Facts"]

Box = tuple[float, float, float, float]
"""West, east, south and north bounds in the plane of a projection, degrees."""


@dataclass(frozen=True)
class Facts:
    """What may be relied on for a projection without distortion.

    Attributes
    ----------
    surface : str
        What the sky is projected on.
    image : "convex", "cut" or "other"
        Whether the image of the sky is convex: a disk, oval, rectangle, strip or the whole plane; "cut" if it
        is convex and smooth but for half a great circle from native pole to native pole, where it is cut.
        SIN is convex without its slant only.
    everywhere : bool
        Whether every position has an image. wcslib flags the few that have none, so that nobody has to go
        back from the image to see.
    fitted : bool
        Whether its plane has no fold round the reference, so that polynomial distortions are fitted on it.
    ellipse : "fills", "within" or None
        Whether the image is the ellipse that touches the sides of its box, or lies in it.
    turns : bool
        Whether the plane repeats after a turn of native longitude.
    box : callable, optional
        The box of the image; None for a projection whose image has no end or one that is not known.
    off_cut : float
        Degrees by which what comes back from the plane can miss a line along which the sky is cut.
    """

    surface: Literal["plane", "cylinder", "oval", "cone", "polyconic", "cube", "healpix"]
    image: Literal["convex", "cut", "other"] = "other"
    everywhere: bool = False
    fitted: bool = False
    ellipse: Literal["fills", "within"] | None = None
    turns: bool = False
    box: Callable[[Projection], Box | None] | None = None
    off_cut: float = 1e-11

    @property
    def repeats(self) -> bool:
        """Whether the plane shows a place more than once, other than by a turn: the plane of a cube goes on
        beside its faces with faces that it has had, and of PCO a whole row is the pole.
        """
        return self.surface in ("cube", "polyconic")

    @property
    def convex(self) -> bool:
        """Whether the image of the sky is convex."""
        return self.image != "other"


def _rectangle(width: float, height: float) -> Callable[[Projection], Box | None]:
    return lambda _: (-width, width, -height, height)


def _cea_box(projection: Projection) -> Box | None:
    height = math.degrees(1.0) / projection.parameter(1, 1.0)
    return (-180.0, 180.0, -height, height)


def _hpx_box(projection: Projection) -> Box | None:
    facets = projection.parameter(1, 4.0)
    height = 90.0 * (projection.parameter(2, 3.0) + 1.0) / facets
    # wcslib takes every x on the row of the poles for the pole, to half a facet beyond the seam.
    width = 180.0 + 180.0 / facets
    return (-width, width, -height, height)


def _sin_box(projection: Projection) -> Box | None:
    radius = math.degrees(1.0)
    return None if projection.pv else (-radius, radius, -radius, radius)


@lru_cache(maxsize=256)
def _zpn_box(projection: Projection) -> Box | None:
    """The square about the disk of the largest radius that the polynomial of zenith distances up to 180 deg
    takes: between two of so many even places it takes none that is further from both than its second
    derivative allows.
    """
    series = Polynomial([projection.parameter(power, 0.0) for power in range(_ZPN_POWERS)])
    places, step = np.linspace(0.0, math.pi, _ZPN_PLACES, retstep=True)
    bend = Polynomial(np.abs(series.deriv(2).coef))(math.pi)
    radius = math.degrees(np.abs(series(places)).max() + bend * step**2 / 8)
    return (-radius, radius, -radius, radius)


# Powers that the standard has for ZPN, and places at which its polynomial is looked at.
_ZPN_POWERS: Final = 30
_ZPN_PLACES: Final = 1024
# Mollweide: x = (2 sqrt 2 / pi) phi cos gamma, so 2 sqrt 2 radians at the rim, as Hammer-Aitoff.
_OVAL: Final = _rectangle(math.degrees(math.sqrt(8.0)), math.degrees(math.sqrt(2.0)))
_PLATE: Final = _rectangle(180.0, 90.0)
# wcslib takes the faces of the cubes on either side of the first, hence 7 half faces.
_CUBE: Final = _rectangle(315.0, 135.0)

FACTS: Final[dict[str, Facts]] = {
    "AZP": Facts("plane"),
    "SZP": Facts("plane"),
    "TAN": Facts("plane", "convex", fitted=True),
    "STG": Facts("plane", "convex", everywhere=True, fitted=True),
    "SIN": Facts("plane", "convex", fitted=True, ellipse="fills", box=_sin_box),
    "ARC": Facts(
        "plane", "convex", everywhere=True, fitted=True, ellipse="fills", box=_rectangle(180.0, 180.0)
    ),
    "ZPN": Facts("plane", ellipse="within", box=_zpn_box),
    "ZEA": Facts(
        "plane",
        "convex",
        everywhere=True,
        fitted=True,
        ellipse="fills",
        box=_rectangle(math.degrees(2.0), math.degrees(2.0)),
    ),
    "AIR": Facts("plane"),
    "CYP": Facts("cylinder", "convex", everywhere=True, turns=True),
    "CEA": Facts("cylinder", "convex", everywhere=True, turns=True, box=_cea_box),
    "CAR": Facts("cylinder", "convex", everywhere=True, turns=True, box=_PLATE),
    "MER": Facts("cylinder", "convex", everywhere=True, turns=True),
    "SFL": Facts("oval", "cut", everywhere=True, ellipse="within", box=_PLATE),
    "PAR": Facts("oval", "cut", everywhere=True, ellipse="within", box=_PLATE),
    "MOL": Facts("oval", "cut", everywhere=True, ellipse="fills", box=_OVAL),
    "AIT": Facts("oval", "cut", everywhere=True, ellipse="fills", box=_OVAL),
    "COP": Facts("cone"),
    "COE": Facts("cone"),
    "COD": Facts("cone"),
    "COO": Facts("cone"),
    "BON": Facts("polyconic"),
    "PCO": Facts("polyconic"),
    "TSC": Facts("cube", everywhere=True, turns=True, box=_CUBE),
    # The polynomials of CSC come back up to 0.03 degrees away.
    "CSC": Facts("cube", turns=True, box=_CUBE, off_cut=0.03),
    "QSC": Facts("cube", everywhere=True, turns=True, box=_CUBE),
    "HPX": Facts("healpix", everywhere=True, turns=True, box=_hpx_box),
    # The butterfly's diagonal.
    "XPH": Facts("healpix", everywhere=True, box=_rectangle(260.0, 260.0)),
}

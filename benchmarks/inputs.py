"""What the tasks work on: made anew for every round, so that nobody profits from the round before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

import maskexpr as mx
from examples.demo import catalogue

__all__ = ["Whole", "blobs", "computed", "fermi", "noise", "square", "uniform"]


@dataclass(frozen=True)
class Whole:
    """The job from an expression to the array of a whole map.

    Attributes
    ----------
    made : callable
        Returns the mask and the grid, made anew.
    chunks : int or str
        Side of the chunks.
    """

    made: Callable[[], tuple[mx.Mask, mx.WcsGeom | mx.HpxGeom]]
    chunks: int | str = "auto"

    def __call__(self) -> NDArray[np.bool_]:
        """By ``on``, as users type it."""
        mask, geom = self.made()
        return np.asarray(mask.on(geom, chunks=self.chunks).compute().data)

    def direct(self) -> NDArray[np.bool_]:
        """By ``compute``, which makes no lazy array; ``on`` should cost no more."""
        mask, geom = self.made()
        return np.asarray(mask.compute(geom, chunks=self.chunks).data)


def computed(mask: mx.Mask, geom: mx.WcsGeom) -> NDArray[np.bool_]:
    """The mask as an array in memory."""
    return Whole(lambda: (mask, geom))()


def fermi(rng: np.random.Generator, small: bool = False) -> SkyCoord:
    """The sources of 4FGL-DR4, turned round the galactic poles by a random angle; icrs."""
    positions = catalogue()[0].galactic
    if small:
        positions = positions[rng.choice(len(positions), 300, replace=False)]
    return SkyCoord(positions.l + rng.uniform(0, 360) * u.deg, positions.b, frame="galactic").icrs


def uniform(rng: np.random.Generator, number: int) -> SkyCoord:
    """Positions all over the sky; icrs."""
    lat = np.rad2deg(np.arcsin(rng.uniform(-1, 1, number)))
    return SkyCoord(rng.uniform(0, 360, number), lat, unit="deg")


def square(side: int, binsz: float = 0.02) -> mx.WcsGeom:
    """A tangent map of side x side pixels round the Crab nebula."""
    crab = SkyCoord(83.63, 22.01, unit="deg")
    return mx.WcsGeom.create(skydir=crab, npix=(side, side), binsz=binsz, proj="TAN", frame="icrs")


def noise(rng: np.random.Generator, side: int, sigma: float = 8.0) -> NDArray[np.float32]:
    """A smooth random field of unit variance, shape (side, side); coarse structure under fine."""
    coarse = gaussian_filter(rng.standard_normal((side // 4, side // 4), dtype=np.float32), sigma / 4)
    field = zoom(coarse, 4, order=1)
    field /= field.std()
    field += 0.3 * rng.standard_normal((side, side), dtype=np.float32)
    return np.asarray(field / field.std(), dtype=np.float32)


def blobs(rng: np.random.Generator, side: int) -> NDArray[np.bool_]:
    """Blobs that cover some per cent of a map, and isolated pixels, shape (side, side)."""
    selected = gaussian_filter(noise(rng, side), 2.0) > 2.0
    selected |= rng.random((side, side), dtype=np.float32) > 0.99998
    return np.asarray(selected)

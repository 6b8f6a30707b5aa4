"""Components and significance: work on maps of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

import maskexpr as mx

from ..harness import Job, Task
from ..inputs import Whole, noise, square
from .agreement import equal

__all__ = ["TASKS"]

Bools = NDArray[np.bool_]


# ---- components ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Levels:
    """A map of numbers, its grid, and the side of chunks."""

    values: NDArray[np.float32]
    geom: mx.WcsGeom
    chunk: int
    low: float = 1.0
    high: float = 3.0


def _levels(chunks: int) -> Any:
    def data(rng: np.random.Generator, small: bool) -> Levels:
        side = 200 if small else 4000
        return Levels(noise(rng, side), square(side), side // chunks)

    return data


def _hysteresis(data: Levels) -> Job:
    def made() -> tuple[mx.Mask, mx.WcsGeom]:
        return mx.Hysteresis((data.values, data.geom), low=data.low, high=data.high), data.geom

    return Whole(made, data.chunk)


def _skimage(data: Levels) -> Job:
    from skimage.filters import apply_hysteresis_threshold

    return lambda: apply_hysteresis_threshold(data.values, data.low, data.high)


@dataclass(frozen=True)
class Ragged:
    """A mask with thousands of holes and of small pieces, and its grid."""

    mask: Bools
    geom: mx.WcsGeom


def _ragged(rng: np.random.Generator, small: bool) -> Ragged:
    side = 200 if small else 4000
    return Ragged(noise(rng, side) > 0.5, square(side))


# Pieces of fewer pixels are removed.
_LEAST = 20


def _filled(data: Ragged) -> Job:
    return Whole(lambda: (mx.Raster((data.mask, data.geom)).fill_holes(), data.geom))


def _filled_by_scipy(data: Ragged) -> Job:
    from scipy.ndimage import binary_fill_holes

    return lambda: binary_fill_holes(data.mask)


def _removed(data: Ragged) -> Job:
    return Whole(lambda: (mx.Raster((data.mask, data.geom)).remove_small(_LEAST * u.pix**2), data.geom))


def _removed_by_skimage(data: Ragged) -> Job:
    from skimage.morphology import remove_small_objects

    return lambda: remove_small_objects(data.mask, max_size=_LEAST - 1, connectivity=1)


# ---- significance --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """Counts, the background that is expected, and the radius to sum over."""

    counts: NDArray[np.float32]
    background: NDArray[np.float32]
    geom: mx.WcsGeom
    radius: u.Quantity


def _counts(rng: np.random.Generator, small: bool) -> Counts:
    side = 100 if small else 2000
    background = (0.5 * np.exp(0.2 * noise(rng, side))).astype(np.float32)
    counts = rng.poisson(background).astype(np.float32)
    return Counts(counts, background, square(side), (0.1 if small else 0.4) * u.deg)


def _significance(data: Counts) -> Job:
    return lambda: mx.significance((data.counts, data.geom), data.background, data.radius).compute().data


def _gammapy(data: Counts) -> Job:
    from gammapy.datasets import MapDataset
    from gammapy.estimators import ExcessMapEstimator
    from gammapy.maps import Map, MapAxis, WcsGeom

    axis = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=1)
    flat = WcsGeom(data.geom.wcs, (data.geom.shape[1], data.geom.shape[0]))
    cube = flat.to_cube([axis])
    counts = Map.from_geom(cube, data=data.counts[np.newaxis])
    background = Map.from_geom(cube, data=data.background[np.newaxis])
    dataset = MapDataset(counts=counts, background=background)
    estimator = ExcessMapEstimator(data.radius, selection_optional=[])
    return lambda: estimator.run(dataset)["sqrt_ts"].data[0]


def _agree_significance(data: Counts, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> str:
    assert np.array_equal(np.isnan(ours), np.isnan(theirs)), "NaN in other places"
    apart = np.abs(ours - theirs)
    worst, off = float(np.nanmax(apart)), float(np.mean(apart > 1e-10))
    # gammapy sums by FFT and rounds to float32: a sum whose 25th bit is in doubt falls either way.
    assert off < 1e-2, f"{100 * off:.2f} % of the pixels differ by more than 1e-10"
    assert worst < 1e-5, f"sqrt_ts differs by up to {worst}"
    return (
        f"sqrt_ts equal to 1e-10 but in {100 * off:.3f} % of the pixels, where the noise of gammapy's FFT "
        f"decides how a sum is rounded to float32; there to {worst:.0e}"
    )


TASKS = (
    Task(
        key="hysteresis",
        work="hysteresis, 4000x4000, one chunk",
        peer="scikit-image",
        needs=("skimage",),
        at_most=1 / 6,
        aim=1 / 15,
        data=_levels(1),
        ours=_hysteresis,
        theirs=_skimage,
        agree=equal,
    ),
    Task(
        key="hysteresis-chunks",
        work="hysteresis, 4000x4000, 16 chunks",
        peer="scikit-image",
        needs=("skimage",),
        at_most=1,
        aim=1 / 2,
        data=_levels(4),
        ours=_hysteresis,
        theirs=_skimage,
        agree=equal,
    ),
    Task(
        key="fill-holes",
        work="holes filled, 4000x4000",
        peer="scipy binary_fill_holes",
        needs=("scipy",),
        at_most=1 / 4,
        aim=1 / 10,
        data=_ragged,
        ours=_filled,
        theirs=_filled_by_scipy,
        agree=equal,
    ),
    Task(
        key="remove-small",
        work="pieces of less than 20 pixels removed, 4000x4000",
        peer="scikit-image",
        needs=("skimage",),
        at_most=1 / 3,
        aim=1 / 8,
        data=_ragged,
        ours=_removed,
        theirs=_removed_by_skimage,
        agree=equal,
    ),
    Task(
        key="significance",
        work="significance, 2000x2000, 0.4 deg on 0.02 deg pixels",
        peer="gammapy ExcessMapEstimator",
        needs=("gammapy",),
        at_most=1 / 3,
        aim=1 / 10,
        data=_counts,
        ours=_significance,
        theirs=_gammapy,
        agree=_agree_significance,
    ),
)

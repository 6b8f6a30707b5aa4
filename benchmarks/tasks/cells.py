"""Masks on HEALPix cells, and distances to what a mask leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import maskexpr as mx

from ..harness import Job, Task
from ..inputs import fermi

__all__ = ["TASKS"]

_RADIUS = 0.3 * u.deg
_GROWTH = 1.0
_FURTHEST = 0.5


@dataclass(frozen=True)
class Cells:
    """Circles round sources, and the grid to put them on."""

    positions: SkyCoord
    geom: Any

    @property
    def mask(self) -> mx.Mask:
        return mx.Catalog(self.positions, _RADIUS)


def _on(nside: int, least: int) -> Any:
    def data(rng: np.random.Generator, small: bool) -> Cells:
        return Cells(fermi(rng, small), mx.HpxGeom(nside=least if small else nside))

    return data


def _centres(nside: int) -> NDArray[np.float64]:
    import healpy as hp

    return np.stack(hp.pix2vec(nside, np.arange(hp.nside2npix(nside)), nest=True), axis=1)


def _equal(data: Cells, ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> str:
    differ = int(np.count_nonzero(ours != theirs))
    assert differ == 0, f"{differ} cells differ"
    return f"all {ours.size:,} cells are equal"


def _circles(data: Cells) -> Job:
    return lambda: data.mask.compute(data.geom).values


def _query_disc(data: Cells) -> Job:
    import healpy as hp

    directions, nside = data.positions.cartesian.xyz.value.T, data.geom.nside

    def job() -> NDArray[np.bool_]:
        out = np.zeros(hp.nside2npix(nside), dtype=bool)
        for each in directions:
            out[hp.query_disc(nside, each, _RADIUS.to_value(u.rad), nest=True)] = True
        return out

    return job


def _grown(data: Cells) -> Job:
    return lambda: data.mask.dilate(_GROWTH * u.deg).compute(data.geom).values


def _grown_by_tree(data: Cells) -> Job:
    selected = data.mask.compute(data.geom).values
    chord = 2 * np.sin(np.deg2rad(_GROWTH) / 2) * (1 + 1e-12)

    def job() -> NDArray[np.bool_]:
        centres = _centres(data.geom.nside)
        return np.isfinite(cKDTree(centres[selected]).query(centres, distance_upper_bound=chord)[0])

    return job


def _plane(rng: np.random.Generator, small: bool) -> Cells:
    return Cells(fermi(rng, small), mx.WcsGeom.allsky(binsz=0.5 if small else 0.05, frame="icrs"))


def _away(data: Cells) -> Job:
    return lambda: (~data.mask).distance(data.geom, _FURTHEST * u.deg).values


def _distance_transform(data: Cells) -> Job:
    from pixell import enmap

    kept = enmap.enmap((~data.mask).compute(data.geom).values, data.geom.wcs)
    return lambda: np.rad2deg(enmap.distance_transform(kept, rmax=np.deg2rad(_FURTHEST)))


def _near(data: Cells, ours: NDArray[np.float32], theirs: NDArray[np.float64]) -> str:
    apart = float(np.abs(ours - np.minimum(theirs, _FURTHEST)).max())
    size = float(data.geom.pixel_scales[0].to_value("deg"))
    assert apart < size, f"they differ by {apart} deg, more than a pixel"
    return f"within {apart / size:.2f} of a pixel, by which pixell's are too large"


TASKS = [
    Task(
        key="cells",
        work="4FGL, 0.3 deg, on HEALPix nside 4096",
        peer="healpy `query_disc`, source by source",
        needs=("healpy",),
        at_most=1.0,
        aim=1 / 2,
        data=_on(4096, 64),
        ours=_circles,
        theirs=_query_disc,
        agree=_equal,
    ),
    Task(
        key="cells-dilate",
        work="4FGL dilated by 1 deg on HEALPix nside 1024",
        peer="scipy KD-tree over all selected centres",
        needs=("healpy",),
        at_most=1 / 3,
        aim=1 / 10,
        data=_on(1024, 32),
        ours=_grown,
        theirs=_grown_by_tree,
        agree=_equal,
    ),
    Task(
        key="distance",
        work="distance up to 0.5 deg from 4FGL, CAR 0.05 deg",
        peer="pixell `distance_transform`",
        needs=("pixell",),
        at_most=1 / 3,
        aim=1 / 5,
        data=_plane,
        ours=_away,
        theirs=_distance_transform,
        agree=_near,
    ),
]

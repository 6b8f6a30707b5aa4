"""Masks on HEALPix cells, and distances to what a mask leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.grid.healpix.cells import cells_of

from ..harness import Job, Task
from ..inputs import Whole, fermi

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
    return Whole(lambda: (data.mask, data.geom))


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
    return Whole(lambda: (data.mask.dilate(_GROWTH * u.deg), data.geom))


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


def _healsparse(data: Cells) -> Job:
    import healsparse
    import hpgeom

    lon, lat = data.positions.icrs.ra.deg, data.positions.icrs.dec.deg
    nside, radius = data.geom.nside, _RADIUS.to_value(u.deg)

    def job() -> Any:
        made = healsparse.HealSparseMap.make_empty(min(128, nside // 2), nside, bool)
        for each in zip(lon, lat, strict=True):
            made.update_values_pix(hpgeom.query_circle(nside, *each, radius), True)
        return made

    return job


def _agree_healsparse(data: Cells, ours: NDArray[np.bool_], theirs: Any) -> str:
    cells = theirs.valid_pixels
    assert np.array_equal(np.flatnonzero(ours), np.sort(cells)), "other cells are selected"
    return f"the same {len(cells):,} of {ours.size:,} cells are selected"


def _dist2holes(data: Cells) -> Job:
    import healpy as hp

    # Holes, to healpy, are the cells that are not 0.
    holes = hp.reorder(data.mask.compute(data.geom).values.astype(np.uint8), n2r=True)
    return lambda: np.rad2deg(hp.dist2holes(holes, maxdist=np.deg2rad(_FURTHEST)))


def _near_holes(data: Cells, ours: NDArray[np.float32], theirs: NDArray[np.float64]) -> str:
    import healpy as hp

    nested = np.minimum(hp.reorder(theirs, r2n=True), _FURTHEST)
    width = float(np.rad2deg(hp.nside2resol(data.geom.nside)))
    apart = float(np.abs(ours - nested).max())
    assert apart < width / 1000, f"they differ by {apart} deg"
    return f"the same distances, to {apart / width:.1g} of a cell"


def _one_chunk(levels: int) -> Callable[[Cells], Job]:
    """The million cells at the first source, of a grid that is some orders coarser."""

    def ready(data: Cells) -> Job:
        geom = mx.HpxGeom(order=data.geom.order - levels)
        parents = max(geom.order - 10, 0)
        number = 4 ** (geom.order - parents)
        first = int(cells_of(parents, data.positions.icrs.cartesian.xyz.value[:, :1])[0]) * number

        def job() -> NDArray[np.bool_]:
            return np.asarray(data.mask.on(geom, chunks=parents)[first : first + number].values)

        return job

    return ready


def _agree_chunks(data: Cells, ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> str:
    assert len(ours) <= max(len(theirs), 1 << 20), "more cells than a chunk has"
    return f"{ours.sum():,} of {len(ours):,} cells are selected; of the coarse chunk {theirs.sum():,}"


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
        memory=1 / 5,
        data=_plane,
        ours=_away,
        theirs=_distance_transform,
        agree=_near,
    ),
    Task(
        key="cells-distance",
        work="distance up to 0.5 deg from 4FGL, HEALPix nside 2048",
        peer="healpy `dist2holes`",
        needs=("healpy",),
        at_most=1 / 3,
        aim=1 / 10,
        memory=1 / 2,
        data=_on(2048, 64),
        ours=_away,
        theirs=_dist2holes,
        agree=_near_holes,
    ),
    Task(
        key="cells-fine",
        work="4FGL, 0.3 deg, on HEALPix nside 8192",
        peer="healsparse, source by source",
        needs=("healsparse", "hpgeom"),
        at_most=1 / 3,
        aim=1 / 10,
        memory=1.0,
        data=_on(8192, 64),
        ours=_circles,
        theirs=_healsparse,
        agree=_agree_healsparse,
    ),
    Task(
        key="cells-chunk",
        work="4FGL on HEALPix nside 65536, one chunk of a million cells of it",
        peer="the same at nside 4096 (ours)",
        needs=(),
        at_most=1.5,
        aim=1.0,
        data=_on(65536, 1024),
        ours=_one_chunk(0),
        theirs=_one_chunk(4),
        agree=_agree_chunks,
    ),
]

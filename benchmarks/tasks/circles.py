"""Circles round many sources, on maps of the whole sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from regions import CircleSkyRegion

import maskexpr as mx

from ..harness import THREADS, Job, Task
from ..inputs import Whole, computed, fermi, uniform

__all__ = ["TASKS", "Circles", "fermi_on"]

# Separations of our unit vectors and of astropy's may differ by so much (degrees).
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Circles:
    """Circles of one radius, the grid to put them on, and the order of the peer's HEALPix cells."""

    positions: SkyCoord
    radius: u.Quantity
    binsz: float
    frame: str
    proj: str = "CAR"
    order: int = 13

    @property
    def geom(self) -> mx.WcsGeom:
        return mx.WcsGeom.allsky(binsz=self.binsz, frame=self.frame, proj=self.proj)


def _ours(data: Circles) -> Job:
    return Whole(lambda: (mx.Catalog(data.positions, data.radius), data.geom))


# ---- gammapy -------------------------------------------------------------------------------------


def _few(rng: np.random.Generator, small: bool) -> Circles:
    if small:
        return Circles(uniform(rng, 20), 5 * u.deg, 2.0, "icrs")
    return Circles(uniform(rng, 200), 0.3 * u.deg, 0.1, "icrs")


def _drawn(data: Circles) -> list[CircleSkyRegion]:
    return [CircleSkyRegion(position, data.radius) for position in data.positions]


def _regions(data: Circles) -> Job:
    drawn = _drawn(data)
    return Whole(lambda: (mx.Region(drawn), data.geom))


def _gammapy(data: Circles) -> Job:
    from gammapy.maps import WcsGeom

    drawn = _drawn(data)
    geom = WcsGeom.create(skydir=(0, 0), binsz=data.binsz, proj=data.proj, frame=data.frame)
    return lambda: geom.region_mask(drawn).data


def _agree_gammapy(data: Circles, ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> str:
    planar = computed(mx.Region(_drawn(data), metric="pixel"), data.geom)
    differ = int(np.count_nonzero(planar != theirs))
    assert differ == 0, f"metric='pixel' differs from region_mask in {differ} pixels"
    _check_pixels(data, ours, np.random.default_rng(0), 20_000)
    return (
        "bit for bit with metric='pixel'; timed is the default, true circles on the sphere "
        f"({ours.sum():,} pixels), where gammapy's are circles on the pixel plane ({theirs.sum():,})"
    )


# ---- mocpy ---------------------------------------------------------------------------------------


def fermi_on(proj: str, frame: str, binsz: float, order: int = 13) -> Any:
    def data(rng: np.random.Generator, small: bool) -> Circles:
        if small:
            return Circles(fermi(rng, small), 3 * u.deg, 1.0, frame, proj, order=7)
        return Circles(fermi(rng), 0.3 * u.deg, binsz, frame, proj, order)

    return data


def _million(rng: np.random.Generator, small: bool) -> Circles:
    if small:
        return Circles(uniform(rng, 2000), 40 * u.arcmin, 0.5, "icrs", order=8)
    return Circles(uniform(rng, 1_000_000), 1 * u.arcmin, 0.01, "icrs")


def _mocpy(data: Circles) -> Job:
    from mocpy import MOC

    lon, lat = data.positions.ra, data.positions.dec
    return lambda: MOC.from_cones(
        lon, lat, radius=data.radius, max_depth=data.order, union_strategy="small_cones", n_threads=THREADS
    )


def _agree_mocpy(data: Circles, ours: NDArray[np.bool_], theirs: Any) -> str:
    where, gap = _check_pixels(data, ours, np.random.default_rng(0), 100_000)
    cell = 58.6 / 2**data.order
    clear = np.abs(gap) > 2 * cell
    cells = theirs.contains_lonlat(where.ra, where.dec)
    wrong = int(np.count_nonzero(cells[clear] != (gap[clear] < 0)))
    # mocpy samples its cells: a few at a rim may be off by more than their size.
    assert wrong <= 1e-3 * clear.sum(), f"{wrong} of {clear.sum()} positions away from rims differ from mocpy"
    return (
        f"other grids: cells of {60 * cell:.2f}' and pixels of {60 * data.binsz:.2f}'; of {len(gap):,} pixel "
        f"centres round sources all of ours are right by astropy's separation; of the {clear.sum():,} "
        f"that are further than two cells from a rim mocpy has {wrong} wrong"
    )


def _check_pixels(
    data: Circles, ours: NDArray[np.bool_], rng: np.random.Generator, number: int
) -> tuple[SkyCoord, NDArray[np.float64]]:
    """Check pixels round random sources by astropy's separations; centres and degrees beyond the rim."""
    chosen = data.positions[rng.integers(len(data.positions), size=number)]
    radius = data.radius.to_value("deg")
    there = chosen.directional_offset_by(
        rng.uniform(0, 360, number) * u.deg, rng.uniform(0, 2, number) * data.radius
    )
    geom = data.geom
    y, x = (np.asarray(i) for i in geom.wcs.world_to_array_index(there))
    inside = (y >= 0) & (y < geom.shape[0]) & (x >= 0) & (x < geom.shape[1])
    y, x = y[inside], x[inside]
    centre = geom.wcs.array_index_to_world(y, x)
    lon, lat = centre.spherical.lon.deg, centre.spherical.lat.deg
    on_sky = np.isfinite(lon)
    y, x, centre = y[on_sky], x[on_sky], SkyCoord(lon[on_sky], lat[on_sky], unit="deg", frame=data.frame).icrs
    gap = centre.match_to_catalog_sky(data.positions)[1].deg - radius
    clear = np.abs(gap) > _ROUNDING
    wrong = int(np.count_nonzero(ours[y, x][clear] != (gap[clear] < 0)))
    assert wrong == 0, f"{wrong} of {len(gap)} sampled pixels are wrong by astropy's separation"
    return centre, gap


# ---- pixell --------------------------------------------------------------------------------------


def _pixell(data: Circles) -> Job:
    from pixell import enmap

    geom = data.geom
    points = np.array([data.positions.dec.rad, data.positions.ra.rad])
    limit = data.radius.to_value("rad")
    return lambda: enmap.distance_from(geom.shape, geom.wcs, points, rmax=limit) < limit


def _agree_pixell(data: Circles, ours: NDArray[np.bool_], theirs: Any) -> str:
    y, x = np.nonzero(ours != np.asarray(theirs))
    assert len(y) <= 1e-3 * ours.size, f"{len(y)} of {ours.size} pixels differ"
    gap = data.geom.wcs.array_index_to_world(y, x).match_to_catalog_sky(data.positions)[1] - data.radius
    clear = np.abs(gap.deg) > _ROUNDING
    wrong = int(np.count_nonzero(ours[y, x][clear] != (gap.deg[clear] < 0)))
    assert wrong == 0, f"{wrong} of the {len(y)} pixels that differ are wrong by astropy's separation"
    return (
        f"{len(y):,} of {ours.size:,} pixels differ; in {int(clear.sum()):,} astropy's separation says what "
        "we say (pixell hands the nearest source from pixel to pixel, and misses some), the others are ties"
    )


TASKS = (
    Task(
        key="regions-200",
        work="200 circles of 0.3 deg, all-sky CAR 0.1 deg",
        peer="gammapy region_mask",
        needs=("gammapy",),
        at_most=1 / 300,
        aim=1 / 2000,
        data=_few,
        ours=_regions,
        theirs=_gammapy,
        agree=_agree_gammapy,
    ),
    Task(
        key="fermi-car",
        work="7,195 4FGL circles of 0.3 deg, all-sky CAR 0.01 deg (648 Mpx)",
        peer="mocpy from_cones order 13",
        needs=("mocpy",),
        at_most=1 / 6,
        aim=1 / 20,
        data=fermi_on("CAR", "galactic", 0.01),
        ours=_ours,
        theirs=_mocpy,
        agree=_agree_mocpy,
    ),
    Task(
        key="fermi-ait",
        work="the same on AIT at 0.01 deg",
        peer="mocpy from_cones order 13",
        needs=("mocpy",),
        at_most=1 / 4,
        aim=1 / 10,
        data=fermi_on("AIT", "galactic", 0.01),
        ours=_ours,
        theirs=_mocpy,
        agree=_agree_mocpy,
    ),
    Task(
        key="fermi-coarse",
        work="the same, CAR 0.05 deg",
        peer="pixell distance_from < r",
        needs=("pixell",),
        at_most=1 / 5,
        aim=1 / 20,
        data=fermi_on("CAR", "icrs", 0.05),
        ours=_ours,
        theirs=_pixell,
        agree=_agree_pixell,
    ),
    Task(
        key="million",
        work="10^6 circles of 1 arcmin, random on the sky, CAR 0.01 deg",
        peer="mocpy from_cones order 13",
        needs=("mocpy",),
        at_most=1 / 15,
        aim=1 / 40,
        data=_million,
        ours=_ours,
        theirs=_mocpy,
        agree=_agree_mocpy,
    ),
)

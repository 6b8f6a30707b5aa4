"""Cells of HEALPix: covers of circles, and positions in a MOC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

import maskexpr as mx

from ..harness import THREADS, Job, Task
from ..inputs import fermi, uniform

__all__ = ["TASKS"]

# Degrees of a cell of order 0, by area.
_CELL = 58.6
# How many orders deeper cells are looked at to know a cover.
_DEEPER = 4


@dataclass(frozen=True)
class Cones:
    """Circles of one radius, and the order of the cells that cover them."""

    positions: SkyCoord
    radius: u.Quantity
    order: int

    @property
    def mask(self) -> mx.Catalog:
        return mx.Catalog(self.positions, self.radius)


def _cones(order: int) -> Any:
    def data(rng: np.random.Generator, small: bool) -> Cones:
        if small:
            return Cones(fermi(rng, small), 3 * u.deg, order - 5)
        return Cones(fermi(rng), 0.3 * u.deg, order)

    return data


def _cover(cover: str) -> Any:
    def ours(data: Cones) -> Job:
        return lambda: data.mask.to_moc(data.order, cover)

    return ours


def _from_cones(data: Cones) -> Job:
    from mocpy import MOC

    lon, lat = data.positions.ra, data.positions.dec
    return lambda: MOC.from_cones(
        lon, lat, radius=data.radius, max_depth=data.order, union_strategy="small_cones", n_threads=THREADS
    )


def _round_rims(data: Cones, number: int) -> tuple[SkyCoord, NDArray[np.float64]]:
    """Positions round random sources, and how far they are beyond the nearest rim, in degrees."""
    rng = np.random.default_rng(0)
    there = data.positions[rng.integers(len(data.positions), size=number)].directional_offset_by(
        rng.uniform(0, 360, number) * u.deg, rng.uniform(0, 2, number) * data.radius
    )
    gap = there.match_to_catalog_sky(data.positions)[1].deg - data.radius.to_value("deg")
    return there, gap


def _differ(ours: mx.Moc, theirs: Any) -> str:
    beyond = theirs.symmetric_difference(ours.to_mocpy()).sky_fraction / theirs.sky_fraction
    return f"mocpy's differs in {100 * beyond:.2g} % of its area"


def _agree_centre(data: Cones, ours: mx.Moc, theirs: Any) -> str:
    there, gap = _round_rims(data, 100_000)
    clear = np.abs(gap) > 2 * _CELL / 2**data.order
    wrong = int(np.count_nonzero(ours.contains(there)[clear] != (gap[clear] < 0)))
    assert wrong == 0, f"{wrong} of {clear.sum()} positions away from rims are wrong"
    return f"all of {int(clear.sum()):,} positions further than two cells from a rim are right; " + _differ(
        ours, theirs
    )


def _agree_outer(data: Cones, ours: mx.Moc, theirs: Any) -> str:
    there, gap = _round_rims(data, 100_000)
    missing = int(np.count_nonzero(~ours.contains(there)[gap < 0]))
    assert missing == 0, f"{missing} of {(gap < 0).sum()} positions in circles are in no cell"
    deep = data.mask.to_moc(data.order + _DEEPER).ranges
    # Cells of whose parts one has its centre in a circle: there are no fewer that hold a point of one.
    parts = np.stack([deep[:, 0] >> 2 * _DEEPER, (deep[:, 1] - 1 >> 2 * _DEEPER) + 1], axis=1)
    certain = mx.Moc(parts, data.order)
    lost = certain.to_mocpy().difference(ours.to_mocpy())
    assert lost.empty(), "a cell is missing that has a part in a circle"
    more = ours.sky_fraction / certain.sky_fraction - 1
    assert more <= 0.02, f"{100 * more:.2f} % more cells than the true cover"
    return f"no cell missing, at most {100 * more:.2f} % more cells than the true cover; " + _differ(
        ours, theirs
    )


@dataclass(frozen=True)
class Asked:
    """A MOC, and the positions to be asked about."""

    moc: mx.Moc
    positions: SkyCoord


def _asked(rng: np.random.Generator, small: bool) -> Asked:
    cones = _cones(13)(rng, small)
    return Asked(cones.mask.to_moc(cones.order), uniform(rng, 10_000 if small else 1_000_000))


def _contains(data: Asked) -> Job:
    # A new one each time, which has built no index yet.
    return lambda: mx.Moc(data.moc.ranges, data.moc.order).contains(data.positions)


def _contains_mocpy(data: Asked) -> Job:
    moc, lon, lat = data.moc.to_mocpy(), data.positions.ra, data.positions.dec
    return lambda: moc.contains_lonlat(lon, lat)


def _agree_contains(data: Asked, ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> str:
    differ = int(np.count_nonzero(ours != theirs))
    assert differ == 0, f"{differ} of {len(ours)} positions differ"
    return f"all {len(ours):,} positions alike, {100 * ours.mean():.1f} % of them in"


TASKS = (
    Task(
        key="moc-centre",
        work="4FGL circles of 0.3 deg to a MOC of order 13, cells by their centres",
        peer="mocpy from_cones order 13",
        needs=("mocpy",),
        at_most=1,
        aim=1 / 3,
        data=_cones(13),
        ours=_cover("centre"),
        theirs=_from_cones,
        agree=_agree_centre,
    ),
    Task(
        key="moc-outer",
        work="the same, order 11, all cells that hold a point of a circle",
        peer="mocpy from_cones order 11",
        needs=("mocpy",),
        at_most=2,
        aim=1,
        data=_cones(11),
        ours=_cover("outer"),
        theirs=_from_cones,
        agree=_agree_outer,
    ),
    Task(
        key="moc-positions",
        work="10^6 random positions in a MOC of order 13",
        peer="mocpy contains_lonlat",
        needs=("mocpy",),
        at_most=1 / 2,
        aim=1 / 5,
        data=_asked,
        ours=_contains,
        theirs=_contains_mocpy,
        agree=_agree_contains,
    ),
)

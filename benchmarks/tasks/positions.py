"""Asking a mask about positions, with no raster, and about a piece of a huge map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

import maskexpr as mx

from ..harness import Job, Task
from ..inputs import fermi, uniform

__all__ = ["TASKS"]


@dataclass(frozen=True)
class Questions:
    """Circles and the positions to be asked about."""

    sources: SkyCoord
    radius: u.Quantity
    asked: SkyCoord
    nside: int = 8192


def _questions(rng: np.random.Generator, small: bool) -> Questions:
    if small:
        return Questions(fermi(rng, small), 3 * u.deg, uniform(rng, 10_000), 512)
    return Questions(fermi(rng), 0.3 * u.deg, uniform(rng, 1_000_000))


def _contains(data: Questions) -> Job:
    return lambda: mx.Catalog(data.sources, data.radius).contains(data.asked)


def _healsparse(data: Questions) -> Job:
    import healsparse
    import hpgeom

    cells = healsparse.HealSparseMap.make_empty(128, data.nside, bool)
    radius = data.radius.to_value("deg")
    for lon, lat in zip(data.sources.ra.deg, data.sources.dec.deg, strict=True):
        cells.update_values_pix(hpgeom.query_circle(data.nside, lon, lat, radius), True)
    lon, lat = data.asked.ra.deg, data.asked.dec.deg
    return lambda: cells.get_values_pos(lon, lat)


def _agree_healsparse(data: Questions, ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> str:
    gap = data.asked.match_to_catalog_sky(data.sources)[1].deg - data.radius.to_value("deg")
    assert np.array_equal(ours, gap < 0), "contains differs from astropy's separations"
    cell = 58.6 / data.nside
    differ = ours != theirs
    assert np.abs(gap[differ]).max(initial=0) < cell, "healsparse differs further than a cell from a rim"
    return (
        f"ours equal astropy's separations at all {len(gap):,} positions; healsparse differs at "
        f"{int(differ.sum()):,}, all within a cell of {60 * cell:.2f}' of a rim"
    )


@dataclass(frozen=True)
class Piece:
    """A mask, a huge map, a small one cut out of it, and the same piece of sky on both."""

    sources: SkyCoord
    radius: u.Quantity
    huge: mx.WcsGeom
    small: mx.WcsGeom
    offset: tuple[int, int]
    first: tuple[int, int]
    side: int


def _piece(rng: np.random.Generator, small: bool) -> Piece:
    binsz, width, side, radius = (0.05, 500, 200, 3.0) if small else (0.00025, 10_000, 4096, 0.3)
    sources = fermi(rng, small)
    # A rim of a source is in the piece, neither pole nor seam is: the same sky has the same pixels there.
    plain = sources[(np.abs(sources.dec.deg) < 60) & (np.abs(sources.ra.wrap_at("180d").deg) < 150)]
    rim = plain[rng.integers(len(plain))].directional_offset_by(rng.uniform(0, 360) * u.deg, radius * u.deg)
    huge = mx.WcsGeom.allsky(binsz=binsz, frame="icrs")
    # A cutout keeps the pixels of the map that it is cut from.
    cut = huge.cutout(rim, width * binsz * u.deg)
    offset = tuple(round(huge.wcs.wcs.crpix[i] - cut.wcs.wcs.crpix[i]) for i in (1, 0))
    y, x = (int(rng.integers(0.2 * n, 0.8 * n - side)) for n in cut.shape)
    return Piece(sources, radius * u.deg, huge, cut, offset, (y, x), side)


def _slice(data: Piece, geom: mx.WcsGeom, y: int, x: int) -> NDArray[np.bool_]:
    lazy = mx.Catalog(data.sources, data.radius).on(geom)
    return np.asarray(lazy.isel(y=slice(y, y + data.side), x=slice(x, x + data.side)).compute().data)


def _of_huge(data: Piece) -> Job:
    y, x = (i + at for i, at in zip(data.first, data.offset, strict=True))
    return lambda: _slice(data, data.huge, y, x)


def _of_small(data: Piece) -> Job:
    return lambda: _slice(data, data.small, *data.first)


def _agree_slices(data: Piece, ours: NDArray[np.bool_], theirs: Any) -> str:
    assert np.array_equal(ours, theirs), f"{int((ours != theirs).sum())} pixels differ between the two maps"
    assert ours.any(), "nothing is selected in the slice"
    return f"the same {ours.size:,} pixels bit for bit, {100 * ours.mean():.0f} % of them selected"


TASKS = (
    Task(
        key="positions",
        work="10^6 random positions in the 4FGL mask, exact",
        peer="healsparse get_values_pos (nside 8192, its map already built)",
        needs=("healsparse", "hpgeom"),
        at_most=2,
        aim=1 / 2,
        data=_questions,
        ours=_contains,
        theirs=_healsparse,
        agree=_agree_healsparse,
    ),
    Task(
        key="slice",
        work="slice of 4096x4096 of a 10^12-pixel mask, plan included",
        peer="the same slice of a 10^8-pixel map (ours)",
        needs=(),
        at_most=1.5,
        aim=1,
        data=_piece,
        ours=_of_huge,
        theirs=_of_small,
        agree=_agree_slices,
    ),
)

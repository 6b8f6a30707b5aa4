"""Thin maps, and strategies of hypothesis that cut any map into tiles of every shape."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom

__all__ = ["Tiling", "random_geometries", "thin_geometries", "thin_tilings", "tilings"]

# The side below which a tile is not cut into parts, the next below and above it, and the thinnest.
_SIDES = (1, 2, 7, 8, 9)
# Tiles along an axis of a lazy map: each is a task of its own.
_MOST = 6


class Tiling(NamedTuple):
    """A map cut into tiles, with a number from which an order of them and a part of the map are drawn."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    seed: int

    def order(self, number: int) -> NDArray[np.intp]:
        """An order in which so many tiles may be classified."""
        return np.random.default_rng(self.seed).permutation(number)

    def chunks_of(self, geom: Grid) -> Any:
        """The tiles as chunks of arrays, or what comes nearest where these are cut in another way."""
        if isinstance(geom, HpxGeom):
            return self.seed % (geom.order + 1)
        return self.rows, self.columns

    def slice_of(self, geom: Grid) -> tuple[slice, ...]:
        """A part of a map, from all its planes."""
        rng = np.random.default_rng(self.seed)
        edges = [np.sort(rng.choice(size + 1, 2, replace=False)).tolist() for size in geom.array_shape]
        return (*(slice(None) for _ in geom.axes), *(slice(*each) for each in edges))


def thin_geometries() -> dict[str, WcsGeom]:
    """Small maps that are much wider than tall, or taller than wide."""
    make = WcsGeom.create
    return {
        "row": make(skydir=(0, 0), npix=(300, 1), binsz=1, frame="galactic"),
        "column": make(skydir=(83, 0), npix=(1, 170), binsz=1, frame="icrs"),
        "wide": make(skydir=(179, 22), npix=(140, 8), binsz=1.5, frame="icrs"),
        "belt": make(skydir=(0, 0), npix=(90, 9), binsz=4, frame="icrs"),
        "tall": make(skydir=(83.6, 22), npix=(5, 70), binsz=2, proj="TAN", frame="galactic"),
        "plank": make(skydir=(10, -60), npix=(60, 12), binsz=2, proj="ZEA", frame="icrs"),
    }


@st.composite
def random_geometries(draw: st.DrawFn) -> WcsGeom:
    """Small maps anywhere on the sky, of any shape, in usual projections."""
    height = draw(st.sampled_from([1, 2, 8, 9, 17]))
    width = draw(st.integers(1, 300 // height))
    if draw(st.booleans()):
        height, width = width, height
    degrees = draw(st.sampled_from([1.0, 2.0, 4.0]))
    proj = draw(st.sampled_from(["CAR", "TAN", "SIN", "ZEA", "AIT", "MOL", "CEA", "SFL"]))
    # The reference is on the equator where a projection is of the whole sky.
    lat = draw(st.integers(-90, 90)) if proj in ("TAN", "SIN", "ZEA") else 0
    frame = draw(st.sampled_from(["icrs", "galactic"]))
    skydir = (draw(st.integers(0, 359)), lat)
    return WcsGeom.create(skydir=skydir, npix=(width, height), binsz=degrees, proj=proj, frame=frame)


def thin_tilings(geom: Grid, seed: int) -> list[Tiling]:
    """A map cut into whole rows and columns, and bundles of them, into pixels, and not at all."""
    height, width = geom.image_shape
    shapes = [*((side, width) for side in _SIDES), *((height, side) for side in _SIDES), (1, 1)]
    shapes.append((height, width))
    return [Tiling(_cut(height, min(y, height)), _cut(width, min(x, width)), seed) for y, x in shapes]


def tilings(geom: Grid) -> st.SearchStrategy[Tiling]:
    """Ways to cut a map into a few tiles: of like or of mixed heights and widths."""
    height, width = geom.image_shape
    return st.builds(Tiling, _sizes(height), _sizes(width), st.integers(0, 99))


def _sizes(length: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Chunk sizes along an axis: all alike, the whole, or mixed."""
    least = -(-length // _MOST)
    alike = st.sampled_from([*(side for side in _SIDES if side >= least), length]) | st.integers(
        least, length
    )
    ends = st.lists(st.integers(1, length), max_size=_MOST - 1, unique=True)
    mixed = ends.map(lambda some: tuple(np.diff([0, *sorted({*some} - {length}), length]).tolist()))
    return alike.map(lambda side: _cut(length, side)) | mixed


def _cut(length: int, side: int) -> tuple[int, ...]:
    return tuple(min(side, length - first) for first in range(0, length, side))

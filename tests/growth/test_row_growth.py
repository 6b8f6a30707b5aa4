"""Growing on separable grids: packed rows against lists of columns, widths against the predicate that they
stand for, and whole tiles against a tree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskexpr.core.coverage import MIXED
from maskexpr.grid.tiles import Tile, Tiles
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.growth.rows import grow_rows
from maskexpr.growth.shape import NEVER, Selection, SkyShape
from maskexpr.pixels.spread import RowSpread
from maskexpr.pixels.window import Window

from .growth_ways import by_tree

# ---- packed rows ---------------------------------------------------------------------------------

WIDE = st.sampled_from([1, 5, 63, 64, 65, 130, 700])


@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 12), WIDE),
    source=st.tuples(st.integers(1, 40), WIDE),
    place=st.tuples(st.integers(-15, 15), st.integers(-300, 300)),
    most=st.sampled_from([1, 4, 31, 32, 40, 500, 5000, NEVER]),
    part=st.sampled_from([0.0, 0.003, 0.1, 0.9]),
    wraps=st.booleans(),
)
def test_rows_spread_by_their_widths(
    seed: int,
    shape: tuple[int, int],
    source: tuple[int, int],
    place: tuple[int, int],
    most: int,
    part: float,
    wraps: bool,
) -> None:
    rng = np.random.default_rng(seed)
    first, column = place
    mask = rng.random(source) < part
    near = rng.integers(-3, most, (source[0], 5))
    near[rng.random(near.shape) < 0.1] = NEVER if most > 500 else -1
    wrapped = rng.integers(50, 1500, near.shape) if wraps else None
    out = RowSpread(shape)
    assert out.add(mask, column, first, near, wrapped) == mask.any()
    want = np.zeros(shape, dtype=bool)
    for i, j in np.ndindex(near.shape):
        if 0 <= first + i + j < shape[0]:
            apart = np.abs(np.arange(shape[1])[:, None] - np.flatnonzero(mask[i]) - column)
            held = apart <= near[i, j]
            if wrapped is not None:
                held |= apart >= wrapped[i, j]
            want[first + i + j] |= held.any(axis=1)
    assert np.array_equal(out.values(), want)


def test_rows_of_several_masks_add_up() -> None:
    out = RowSpread((3, 200))
    dot = np.ones((1, 1), dtype=bool)
    assert out.add(dot, -10, 0, np.array([[9, 10, 11]]))
    assert out.add(dot, 150, 2, np.array([[0]]))
    assert not out.add(~dot, 0, 0, np.array([[5]]))
    assert [np.flatnonzero(row).tolist() for row in out.values()] == [[], [0], [0, 1, 150]]


def test_a_shift_by_a_whole_word_leaves_nothing() -> None:
    # What C leaves undefined, numpy defines; the packed rows lean on it.
    assert (np.ones(9, dtype="<u8") << np.full(9, 64, dtype="<u8") == 0).all()


# ---- widths --------------------------------------------------------------------------------------


def ulps(rng: np.random.Generator, number: int) -> np.ndarray:
    return 1 + rng.choice([0, 1e-16, -1e-16, 1e-15, -1e-15, 1e-14, 3e-13, -3e-13], number)


@pytest.mark.parametrize("degrees", [2e-4, 0.013, 0.05, 0.1, 0.5, 0.7, 1.0, 2.0, 30.0])
@pytest.mark.parametrize("columns", [0, 1e-6, 0.5, 1, 2, 5, 10, 13.3, 700])
def test_widths_are_those_of_the_predicate(degrees: float, columns: float) -> None:
    """Rows whole steps apart, rows that the shape touches, poles, and columns on the rim."""
    rng = np.random.default_rng(round(1e4 * degrees) + round(columns))
    radius = np.radians(min(degrees * columns, 90.0))
    shape, step, number = SkyShape(radius, radius, box=False), np.radians(degrees), 3000
    steps = round(90 / degrees)
    row = rng.integers(-steps, steps + 1, number)
    away = rng.integers(-int(columns) - 2, int(columns) + 3, number)
    lat = rng.uniform(-np.pi / 2, np.pi / 2, number)
    at_pole = rng.choice([-1, 1], number) * (np.pi / 2 - radius * rng.choice([0, 1e-9, 0.5, 1], number))
    # On the rim: cos(lat) cos(other) sin^2(lon / 2) is what sin^2 of the radius leaves of the equator's.
    lon = np.arange(number) % (int(columns) + 2) * step
    rim = np.arccos(np.clip(np.cos(radius) / np.maximum(np.cos(lon), 1e-300), -1, 1))
    for some, other in (
        (np.radians(row * degrees), np.radians((row + away) * degrees)),
        (lat, lat + radius * rng.uniform(-1.1, 1.1, number)),
        (lat, lat + radius * rng.choice([-1, 1], number) * ulps(rng, number)),
        (at_pole, at_pole + radius * rng.choice([-1, -0.5, 0, 0.5, 1], number) * ulps(rng, number)),
        (np.zeros(number), rim * ulps(rng, number)),
    ):
        pair = np.clip(some, -np.pi / 2, np.pi / 2), np.clip(other, -np.pi / 2, np.pi / 2)
        want = shape.spreads(*pair, step)[0]
        assert np.array_equal(shape.near_columns(*pair, step), want)


def test_few_widths_are_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    spreads = SkyShape.spreads

    def counted(self: SkyShape, lat: np.ndarray, *rest: object, **more: object) -> object:
        asked.append(len(lat))
        return spreads(self, lat, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(SkyShape, "spreads", counted)
    shape = SkyShape(np.radians(0.47), np.radians(0.47), box=False)
    lat = np.radians(np.arange(-85, 85, 0.05))
    pairs = np.repeat(lat, 19), np.repeat(lat, 19) + np.radians(np.tile(np.arange(-9, 10), len(lat)) * 0.05)
    shape.near_columns(*pairs, np.radians(0.05))
    assert sum(asked) < 0.001 * len(pairs[0])


# ---- tiles ---------------------------------------------------------------------------------------

MAPS = {
    "car": WcsGeom.allsky(binsz=2),
    "no whole number of columns": WcsGeom.create(binsz=0.7, npix=(90, 40), skydir=(179, 0), proj="CAR"),
    "north": WcsGeom.create(npix=(400, 40), binsz=1, refpix=(200, -60), proj="CAR"),
    "mer": WcsGeom.create(skydir=(10, 0), npix=(60, 50), binsz=6, proj="MER"),
    "cea": WcsGeom.allsky(binsz=2, proj="CEA", frame="galactic"),
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize(
    "size", [(0.0, 0.0), (1.4, 1.4), (2.0, 2.0), (17.0, 17.0), (100.0, 100.0), (30.0, 4.0)]
)
@pytest.mark.parametrize("part", [0.001, 0.05])
def test_noise_grows_as_by_a_tree(name: str, size: tuple[float, float], part: float) -> None:
    """Single pixels, of which a hash of their position selects some, on the lattice as a whole."""
    geom = MAPS[name]
    lon, lat = np.radians(size)
    shape = SkyShape(float(lon), float(lat), box=size[0] != size[1])

    def values(tile: Tile) -> np.ndarray:
        x, y = tile.lonlat
        mixed = (
            np.abs(np.sin(np.nan_to_num(np.round(y, 6) * 12.9898 + np.round(x, 6) * 78.233)) * 43758.5453) % 1
        )
        return np.asarray((mixed < part) & np.isfinite(x))

    chosen = Selection(values, lambda tiles: np.full(len(tiles), MIXED))
    ny, nx = geom.image_shape
    for window in (Window(0, ny, 0, nx), Window(ny // 3, ny // 3 + 17, nx - 30, nx), Window(0, 3, 5, 9)):
        tile = Tile(geom, window)
        on_sky = np.isfinite(tile.lonlat[0])
        assert np.array_equal(grow_rows(tile, shape, chosen) & on_sky, by_tree(tile, shape, chosen))


def test_a_large_shape_that_fills_the_tile_asks_no_more() -> None:
    geom = WcsGeom.allsky(binsz=0.05)
    asked = []

    def values(tile: Tile) -> np.ndarray:
        asked.append(tile.window.size)
        return np.ones(tile.shape, dtype=bool)

    def cover(tiles: Tiles) -> np.ndarray:
        return np.full(len(tiles), MIXED)

    tile = Tile(geom, Window(1700, 1800, 3000, 3100))
    shape = SkyShape(np.radians(80.0), np.radians(80.0), box=False)
    assert grow_rows(tile, shape, Selection(values, cover)).all()
    assert sum(asked) < 0.3 * 3600 * 7200

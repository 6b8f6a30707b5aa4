"""The request plan of a task: each pixel of a node is asked once, however deep growth is stacked."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import astropy.units as u
import dask
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.compile.compiled import compile_mask
from maskexpr.compile.evaluate import Evaluator, evaluate
from maskexpr.compile.stages import Stages
from maskexpr.core.coverage import MIXED
from maskexpr.core.trace import tracing
from maskexpr.expr.mask import Bools
from maskexpr.grid.tiles import Areas, Tile
from maskexpr.growth.metric import _rings
from maskexpr.pixels.patches import Patches
from maskexpr.pixels.rectangles import areas, disjoint, without
from maskexpr.pixels.window import Window
from maskexpr.testing import whole_tile

RNG = np.random.default_rng(1)
LAT = np.degrees(np.arcsin(RNG.uniform(-1, 1, 400)))
SOURCES = mx.Catalog(SkyCoord(RNG.uniform(0, 360, 400), LAT, unit="deg", frame="galactic"), "4 deg")


@pytest.mark.parametrize(
    ("binsz", "chunks", "radius"),
    [
        (2.0, 1, "1 deg"),
        (2.0, 5, "1 deg"),
        (1.0, 3, "1 deg"),
        (0.5, 1, "1 deg"),
        (0.5, 2, "1 deg"),
        (2.0, 2, "0.3 deg"),
        (2.0, 4, "0.3 deg"),
    ],
)
def test_stacked_opening_asks_each_pixel_about_once(binsz: float, chunks: int, radius: str) -> None:
    """Chunks of a few pixels and limbs too, and radii below a pixel: what a task asks for beyond its own tile
    is what is within the radius."""
    geom = mx.WcsGeom.allsky(binsz=binsz, proj="AIT", frame="galactic")
    ny, nx = geom.image_shape
    opened = SOURCES.open(radius).open(radius).open(radius)
    with tracing() as counts, dask.config.set(scheduler="synchronous"):
        values = opened.on(geom, chunks=(-(-ny // chunks), -(-nx // chunks))).compute().values
    asked = {what: number for what, number in counts.items() if what.startswith("asked ")}
    assert len(asked) >= 7
    assert max(asked.values()) <= 2 * ny * nx
    # Opening what is open changes nothing.
    assert np.array_equal(values, evaluate(SOURCES.open(radius), whole_tile(geom)))
    assert values.any()


@pytest.mark.parametrize("proj", ["AIT", "MOL", "SFL", "CAR"])
def test_what_is_planned_is_what_is_asked(proj: str) -> None:
    """The plan is a bound of what each node is asked for, and no node is asked beyond its windows."""
    geom = mx.WcsGeom.allsky(binsz=2, proj=proj, frame="galactic")
    mask = SOURCES.dilate("3 deg").erode("5 deg") | SOURCES.open("2 deg").dilate("3 deg")
    for window in (Window(0, 90, 0, 180), Window(10, 50, 0, 60)):
        tile = Tile(geom, window)
        plan = Evaluator(mask).requests(mask, tile)
        with tracing() as counts:
            evaluate(mask, tile)
        asked = {what.split()[-1]: number for what, number in counts.items() if what.startswith("asked ")}
        planned: Counter[str] = Counter()
        for each in plan:
            open_ = (
                at.window.size for at, cover in zip(each.tiles, each.cover, strict=True) if cover == MIXED
            )
            planned[each.node.key.hex()[:8]] += sum(open_)
        assert asked.keys() <= planned.keys()
        assert all(number <= planned[what] for what, number in asked.items())


def test_a_node_below_several_is_asked_once() -> None:
    class Counting(Evaluator):
        asked = 0

        def coverage(self, child: mx.Mask, areas: Areas) -> np.ndarray:
            return np.full(len(areas), 1)

        def refine(self, leaf: mx.Mask, tile: Tile) -> Bools:
            self.asked += tile.window.size
            return super().refine(leaf, tile)

    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(60, 50), binsz=1, proj="TAN")
    leaf = mx.Region("icrs;ellipse(0,0,9,4,30)")
    mask = leaf.dilate("2 deg") ^ leaf.dilate("4 deg") ^ leaf.open("3 deg").dilate("1 deg")
    ask = Counting(mask)
    ask.run(mask, whole_tile(geom))
    assert 50 * 60 <= ask.asked <= 2.5 * (50 + 14) * (60 + 14)


@pytest.mark.parametrize("proj", ["SFL", "PAR", "MOL", "AIT"])
@pytest.mark.parametrize("radius", [1.3, 6.0])
def test_slanted_lattices_grow_as_all_pairs_say(proj: str, radius: float) -> None:
    geom = mx.WcsGeom.allsky(binsz=1.5, proj=proj, frame="galactic")
    y, x = np.mgrid[: geom.image_shape[0], : geom.image_shape[1]]
    lon, lat = geom.wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
    on_sky = np.isfinite(lon)
    lon, lat = np.radians(lon[on_sky]), np.radians(lat[on_sky])
    centres = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    mask = mx.Region("galactic;ellipse(120,40,25,9,30)") | mx.Region("galactic;circle(179,-50,12)")
    chosen = evaluate(mask, whole_tile(geom)).ravel()[on_sky]
    distance, _ = cKDTree(centres[chosen]).query(centres)
    want = np.zeros(x.size, dtype=bool)
    want[on_sky] = distance <= 2 * np.sin(np.radians(radius) / 2) + 1e-12
    got = evaluate(mask.dilate(radius * u.deg), whole_tile(geom))
    assert np.array_equal(got.ravel(), want)


@given(angle=st.floats(0, np.pi), length=st.floats(1, 3), height=st.floats(0.3, 3), slant=st.floats(-4, 4))
def test_hidden_pixels_are_never_nearest(angle: float, length: float, height: float, slant: float) -> None:
    """All lattice vectors against the neighbours within so many rings as are said to do."""
    a = np.array([np.cos(angle), np.sin(angle)])
    b = slant * a + height * np.array([-a[1], a[0]])
    b = b * (length if b @ b < 1 else 1)
    yy, yx, xx = (np.full((3, 3, 1), value) for value in (b @ b, a @ b, a @ a))
    rings, hides = _rings(yy, yx, xx)
    if not hides[0]:
        return
    near, far = np.arange(-rings[0], rings[0] + 1), np.arange(-12, 13)
    steps = np.array([i * a + k * b for i in near for k in near])
    ways = np.array([i * a + k * b for i in far for k in far if i or k])
    nearer = ((ways[:, None] - steps[None]) ** 2).sum(axis=2).min(axis=1)
    assert np.all(nearer < (ways**2).sum(axis=1))


WINDOWS = st.lists(
    st.tuples(st.integers(-300, 300), st.integers(1, 90), st.integers(-300, 300), st.integers(1, 90)),
    min_size=1,
    max_size=12,
).map(lambda some: np.array([[y, y + height, x, x + width] for y, height, x, width in some]).T)


def _painted(bounds: np.ndarray) -> np.ndarray:
    out = np.zeros((800, 800), dtype=np.int64)
    for y0, y1, x0, x1 in bounds.T + 350:
        out[y0:y1, x0:x1] += 1
    return out


@given(bounds=WINDOWS)
def test_rectangles_hold_all_windows_and_do_not_overlap(bounds: np.ndarray) -> None:
    found = disjoint(bounds)
    wanted, painted = _painted(bounds) > 0, _painted(found)
    assert painted.max() == 1
    assert np.all(painted[wanted] == 1)
    # At worst the cells that windows touch, of four pixels a side, and some more.
    cells = 16 * wanted[2:798, 2:798].reshape(199, 4, 199, 4).any(axis=(1, 3)).sum()
    assert areas(found).sum() <= 1.2 * cells + 1024
    rest = without(np.array([-320, 300, -310, 320]), found)
    both = _painted(rest) + painted
    assert np.all(both[30:650, 40:670] == 1)


@given(bounds=WINDOWS, window=WINDOWS)
def test_patches_are_as_one_array(bounds: np.ndarray, window: np.ndarray) -> None:
    windows = [Window(*each) for each in disjoint(bounds).T.tolist()]
    whole = np.random.default_rng(0).random((800, 800)) < 0.3
    held = _painted(disjoint(bounds)) > 0
    cut = [whole[w.y0 + 350 : w.y1 + 350, w.x0 + 350 : w.x1 + 350] for w in windows]
    patches, asked = Patches(windows, [each.copy() for each in cut]), Window(*window[:, 0].tolist())
    want = (whole & held)[asked.y0 + 350 : asked.y1 + 350, asked.x0 + 350 : asked.x1 + 350]
    assert np.array_equal(patches.on(asked), want)
    y, x = np.mgrid[asked.y0 : asked.y1, asked.x0 : asked.x1].reshape(2, -1)
    assert np.array_equal(patches.at(y, x), want.ravel())
    patches.fill(window[:, :1])
    everything = held[asked.y0 + 350 : asked.y1 + 350, asked.x0 + 350 : asked.x1 + 350]
    assert np.array_equal(patches.on(asked), everything)


def test_planning_asks_a_leaf_a_number_of_times_that_depth_adds_to() -> None:
    asked: list[int] = []

    class Counting(Evaluator):
        def coverage(self, child: mx.Mask, areas: Areas) -> np.ndarray:
            known = len(self._coverage)
            found = super().coverage(child, areas)
            if child is SOURCES and len(self._coverage) > known:
                asked.append(len(areas))
            return found

    geom = mx.WcsGeom.allsky(binsz=2, frame="galactic")
    mask: mx.Mask = SOURCES
    for _ in range(14):
        mask = mask.dilate("1 deg")
    Counting(mask).classify(mask, whole_tile(geom).tiles)
    assert len(asked) == 15


def _calls(work: Callable[[], Any]) -> int:
    """Calls of functions of Python that some work makes."""
    number = 0

    def note(frame: Any, event: str, arg: Any) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return number


@pytest.mark.parametrize("grown", [False, True])
def test_stages_take_work_in_proportion_to_tiles(grown: bool) -> None:
    mask = mx.RemoveSmall(SOURCES, "3 deg2")
    geom = mx.WcsGeom.allsky(binsz=1.8, frame="galactic")

    def work(side: int) -> int:
        compiled = compile_mask(mask.dilate("1 deg") if grown else mask, geom, side)

        def build() -> None:
            stages = Stages(compiled, "name", ("source",))
            for block in np.ndindex(*compiled.numblocks):
                stages.needs([compiled.mask], compiled.window(block), compiled.planes(block))

        return _calls(build)

    few, many = work(4), work(2)
    assert many < 5 * few

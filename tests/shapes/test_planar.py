"""Shapes on the plane of a map's pixels: painting on boxes against dense answers, edges, seams, promises."""

from __future__ import annotations

import functools
import os
import threading
import time

import dask
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import maskexpr as mx
from maskexpr.compile.evaluate import Evaluator, evaluate
from maskexpr.core.coverage import EMPTY, FULL
from maskexpr.core.trace import tracing
from maskexpr.errors import RegionError
from maskexpr.grid.points import Pixels
from maskexpr.grid.tiles import Tile
from maskexpr.nodes.region import Region
from maskexpr.pixels.window import Window
from maskexpr.shapes import Circle, Compound, Ellipse, PixelBox, Polygon, Rectangle, Shape, WholeSky, planar
from maskexpr.shapes.compound import join_values
from maskexpr.shapes.loop import Loop
from maskexpr.testing import whole_tile
from tests import plane_oracle as oracle

Bools = NDArray[np.bool_]
GEOM = mx.WcsGeom.create(skydir=(10, 20), npix=(60, 50), binsz=0.1, proj="TAN", frame="icrs")
WHOLE = Window(0, 50, 0, 60)


def values(shape: Shape, geom: mx.WcsGeom = GEOM) -> Bools:
    return evaluate(Region(shape, metric="pixel"), whole_tile(geom))


def random_shape(rng: np.random.Generator) -> Shape:
    x, y, a, b = *rng.uniform(-10, 70, 2), *rng.uniform(0.5, 25, 2)
    return (
        Circle(x, y, a, "image"),
        Ellipse(x, y, a, b, rng.uniform(0, 360), "image"),
        Rectangle(x, y, a, b, rng.uniform(0, 360), "image"),
        Polygon(rng.uniform(-10, 70, 5), rng.uniform(-10, 60, 5), "image"),
        WholeSky("image"),
    )[int(rng.integers(5))]


def random_formula(rng: np.random.Generator, number: int) -> list[int | str]:
    """Reverse Polish notation of shapes and operators in a random tree."""
    formula: list[int | str] = []
    depth, used = 0, 0
    while used < number or depth > 1:
        if used < number and (depth < 2 or rng.random() < 0.5):
            formula.append(used)
            depth, used = depth + 1, used + 1
        else:
            formula.append(("or", "and", "xor", "minus")[int(rng.integers(4))])
            depth -= 1
    return formula


@pytest.mark.parametrize("seed", range(12))
def test_compounds_are_their_formula(seed: int) -> None:
    """Painted on boxes in place, in windows of any size, or asked pixel by pixel: the dense formula."""
    rng = np.random.default_rng(seed)
    shapes = [random_shape(rng) for _ in range(7)]
    shape = Compound(shapes, random_formula(rng, 7))
    nothing = np.zeros(WHOLE.shape, dtype=bool)
    expected = shape.fold(values, join_values, nothing)
    region = Region(shape, metric="pixel")
    assert np.array_equal(values(shape), expected)
    for side in (1, 8, 17):
        parts, _ = whole_tile(GEOM).tiles.split(side)
        cover = Evaluator(region).coverage(region, parts)
        for i in range(len(parts)):
            y0, y1, x0, x1 = parts.tile(i).window
            part = expected[y0:y1, x0:x1]
            if side > 1:
                assert np.array_equal(evaluate(region, parts.tile(i)), part)
            assert cover[i] != EMPTY or not part.any()
            assert cover[i] != FULL or part.all()
    y, x = np.indices(WHOLE.shape).reshape(2, -1)
    found = Evaluator(region).run(region, Pixels(GEOM, y, x))
    assert np.array_equal(found.reshape(WHOLE.shape), expected)
    # Few that are far apart are asked one by one; what is off the map is in nothing.
    few = rng.integers(0, len(y), 5)
    y, x = np.append(y[few], [-400, 20]), np.append(x[few], [3, 900])
    found = Evaluator(region).run(region, Pixels(GEOM, y, x))
    assert np.array_equal(found[:-2], expected[y[:-2], x[:-2]])
    assert not found[-2:].any()


def test_what_is_outside_the_map_is_nothing() -> None:
    tile = Tile(GEOM, Window(-5, 55, -5, 65))
    inside = np.zeros(tile.shape, dtype=bool)
    inside[5:-5, 5:-5] = True
    assert np.array_equal(evaluate(Region(WholeSky(), metric="pixel"), tile), inside)
    assert np.array_equal(
        evaluate(Region("image;circle(1,1,3)", metric="pixel"), tile) & ~inside, ~inside & False
    )


@given(
    st.lists(st.tuples(st.integers(-8, 24), st.integers(-8, 24)), min_size=3, max_size=9, unique=True),
    st.booleans(),
    st.sampled_from([1, 2, 3, 7]),
)
def test_polygons_by_rows_are_polygons_by_pixels(
    vertices: list[tuple[int, int]], strict: bool, parts: int
) -> None:
    """Vertices on a lattice hit centres: both ways must decide each edge alike."""
    x, y = np.array(vertices, dtype=float).T / parts
    loop = Loop(y, x, strict)
    window = Window(-4, 20, -3, 17)
    rows, columns = np.mgrid[window.y0 : window.y1, window.x0 : window.x1].astype(float)
    found = loop.values(window)
    assert np.array_equal(found, loop.contains(rows, columns))
    if strict:
        assert np.array_equal(found, oracle.loop(x.tolist(), y.tolist())(columns, rows))


def test_edges_of_polygons() -> None:
    """Strictly inside; by half-open crossings in gammapy's metric."""
    square = "image;polygon(2,2,7,2,7,7,2,7)"
    tile = whole_tile(GEOM)
    assert evaluate(Region(square, metric="pixel"), tile).sum() == 16
    assert evaluate(Region(square, metric="gammapy"), tile).sum() == 25


def test_only_boxes_are_asked() -> None:
    """A thousand circles cost the pixels of their boxes, and not that of the map each."""
    rng = np.random.default_rng(2)
    lon, lat = 10 + rng.uniform(-2, 2, 1000), 20 + rng.uniform(-2, 2, 1000)
    text = "icrs;" + ";".join(f"circle({x:.5f},{y:.5f},0.12)" for x, y in zip(lon, lat, strict=True))
    with tracing() as counts:
        evaluate(Region(text, metric="pixel"), whole_tile(GEOM))
    assert 0 < counts["pixels"] < 1000 * 8 * 8


def test_a_centre_at_the_seam() -> None:
    """A step to the north or east of it may jump to the other end of the map; the other way it does not."""
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(360, 40), binsz=1, proj="CAR", frame="galactic")
    for lon in (179.99999, 180.0, 180.00001):
        region = Region(f"galactic;ellipse({lon},0,8,3,30)", metric="pixel")
        found = evaluate(region, whole_tile(geom))
        # Half of it: what is beyond the seam is beyond the plane.
        assert 30 < found.sum() < 46
        assert found[:, :180].any() != found[:, 180:].any()


def test_box_by_corners_on_the_sky() -> None:
    box = PixelBox((9.0, 11.0), (19.0, 21.0))
    x, y = GEOM.wcs.world_to_pixel_values([9.0, 11.0], [19.0, 21.0])
    rows, columns = np.indices(GEOM.image_shape)
    expected = (rows > y.min()) & (rows < y.max()) & (columns > x.min()) & (columns < x.max())
    assert np.array_equal(values(box), expected)
    assert mx.loads(mx.dumps(Region(box, metric="pixel"))) == Region(box, metric="pixel")
    with pytest.raises(RegionError, match="centerbox"):
        Region(box)
    behind = PixelBox((189.0, 191.0), (-19.0, -21.0))
    assert not values(behind).any()


def test_what_is_behind_the_horizon_is_nothing() -> None:
    shapes = (Ellipse(190, -20, 1, 2), Rectangle(190, -20, 1, 2), Polygon([190, 191, 190], [-20, -20, -21]))
    union = Compound(shapes, [0, 1, "or", 2, "or"])
    assert not functools.reduce(np.logical_or, map(values, shapes)).any()
    assert not values(union).any()


def test_small_shapes_are_painted_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large ones by all of them: of these the calls are long."""
    geom = mx.WcsGeom.create(skydir=(10, 20), npix=(400, 300), binsz=0.1, proj="TAN", frame="icrs")
    rng = np.random.default_rng(4)
    x, y, size = rng.uniform(0, 400, 40), rng.uniform(0, 300, 40), rng.uniform(1, 30, 40)
    small = [Ellipse(*each, 10.0, "image") for each in zip(x, y, size, size / 2, strict=True)]
    # In both chunks.
    large = [Circle(200.0, 150.0, 90.0, "image")]
    mask = Region(Compound.union([*small, *large]), metric="pixel")
    want = np.logical_or.reduce([values(each, geom) for each in (*small, *large)])
    now: dict[bool, int] = {True: 0, False: 0}
    most = dict(now)
    both = threading.Barrier(2)
    part = planar._Plane._part

    def noted(self: planar._Plane, number: int, window: Window) -> tuple[Window, Bools]:
        is_large = number >= len(small)
        now[is_large] += 1
        most[is_large] = max(most[is_large], now[is_large])
        if is_large:
            # Each waits for the other, which comes if it may.
            both.wait(60)
        else:
            # Time for the other to come, if it may.
            time.sleep(0.002)
        found = part(self, number, window)
        now[is_large] -= 1
        return found

    monkeypatch.setattr(planar._Plane, "_part", noted)
    with dask.config.set(scheduler="threads", num_workers=2):
        assert np.array_equal(mask.on(geom, chunks=(300, 200)).values, want)
    assert most == {True: 2, False: 1}


# From Python 3.12 on it warns of what is tried here.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="no forks on this system")
def test_a_forked_process_does_not_wait_for_a_thread_it_has_not() -> None:
    with planar._alone:
        child = os.fork()
        if not child:
            os._exit(0 if planar._alone.acquire(timeout=20) else 1)
        assert os.waitpid(child, 0)[1] == 0

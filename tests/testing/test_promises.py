"""What is promised of a tile is so: EMPTY and FULL are proved, for tiles of every shape.

A run tries 200 examples. ``HYPOTHESIS_PROFILE=search pytest tests/test_promises.py`` tries 2,000 new ones.
"""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr.compile.evaluate import Evaluator
from maskexpr.core.coverage import EMPTY, MIXED
from maskexpr.grid.tiles import Areas
from maskexpr.sphere.vectors import Caps
from maskexpr.testing import (
    OPERATORS,
    STRATEGIES,
    Tiling,
    check_promises,
    geometries,
    masks,
    random_geometries,
    thin_geometries,
    tilings,
    unpruned,
)

from ..examples import some


def grown_source():
    return mx.Catalog(SkyCoord([1.0], [0.0], unit="deg"), "0.5 deg").dilate("0.3 deg")


def test_a_grown_source_on_a_strip():
    strip = mx.WcsGeom.create(skydir=(0, 0), npix=(3000, 8), binsz=0.1, frame="icrs")
    mask = grown_source()
    assert mask.compute(strip).values.sum() == 120
    assert mask.on(strip).values.sum() == 120
    assert np.isclose(mask.area(strip).to_value("deg2"), 1.2, rtol=1e-4)


@pytest.mark.parametrize("chunks", [(8, 3000), (1, 3000), (9, 3000), (500, 500)])
def test_a_grown_source_by_thin_chunks(chunks):
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(3000, 1000), binsz=0.1, frame="icrs")
    assert grown_source().on(geom, chunks=chunks).values.sum() == 192


@pytest.mark.parametrize(
    "mask",
    [
        mx.Catalog(SkyCoord([1.0, 90.0], [0.0, 50.0], unit="deg"), ["1 deg", "30 deg"]),
        mx.Band(lat=("-5 deg", "5 deg")),
        mx.Band(lon=("-5 deg", "5 deg"), frame="galactic"),
        mx.Raster((np.ones((3, 3), bool), mx.WcsGeom.create(npix=(3, 3), binsz=1))),
        *(
            mx.Region(f"icrs; {shape}")
            for shape in (
                "circle(10, 20, 3)",
                "annulus(10, 20, 3, 5)",
                "box(10, 20, 3, 5, 45)",
                "ellipse(10, 20, 3, 5, 45)",
                "polygon(0, 0, 20, 0, 10, 20)",
                "box(10, 20, 3, 5, 45); -circle(10, 20, 1)",
            )
        ),
    ],
    ids=str,
)
def test_nothing_is_promised_of_a_place_that_is_not_known(mask):
    geom = mx.WcsGeom.create(npix=(4, 4), binsz=1, frame="icrs")
    caps = Caps(np.array([[1.0], [0.0], [0.0]]), np.array([np.nan]))
    assert Evaluator(mask).classify(mask, Areas(geom, caps)).tolist() == [MIXED]


GEOMETRIES = geometries() | thin_geometries()


def expressions(tag):
    """A node alone, in Boolean expressions, and under a node that looks beyond a tile."""
    few = masks(cheap=True, max_leaves=2)
    node = STRATEGIES[tag] if tag in STRATEGIES else OPERATORS[tag](few)
    joined = st.builds(lambda a, b, join: join(a, b), node, few, st.sampled_from([mx.Or, mx.And, mx.Xor]))
    grown = OPERATORS["dilate"](node) | OPERATORS["erode"](node) if tag in STRATEGIES else node
    return node | node.map(mx.Not) | joined | grown


@pytest.mark.parametrize("tag", sorted(STRATEGIES) + sorted(OPERATORS))
@settings(
    max_examples=some(5),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_what_is_promised_of_tiles_is_so(tag, data):
    mask = data.draw(expressions(tag), "mask")
    geom = data.draw(st.sampled_from(sorted(GEOMETRIES)).map(GEOMETRIES.get) | random_geometries(), "geom")
    if tag == "axisrange":
        geom = GEOMETRIES["cube"]
    check_promises(mask, geom, data.draw(tilings(geom), "tiling"))


class Lies(mx.Band):
    """A band that calls every tile EMPTY."""

    def coverage(self, areas, of):
        return np.full(len(areas), EMPTY)


def test_a_promise_that_is_broken_is_found():
    geom, mask = geometries()["allsky"], Lies(lat=("-5 deg", "5 deg"))
    truth = mx.Band(lat=("-5 deg", "5 deg")).compute(geom).values
    assert truth.any()
    assert not mask.compute(geom).values.any()
    with unpruned():
        assert np.array_equal(mask.compute(geom).values, truth)
        assert np.array_equal(mask.on(geom, chunks=7).values, truth)
        assert mask.plan(geom, chunks=7).n_mixed == 5 * 9
    with pytest.raises(AssertionError, match="EMPTY is not kept"):
        check_promises(mask, geom, Tiling((10, 20), (60,), 0))


SMALL = {
    "grown": lambda source: source.dilate("2 deg"),
    "grown in pixels": lambda source: source.dilate(1 * u.pix, metric="pixel"),
    "the rest shrunk": lambda source: (~source).erode("2 deg"),
    "closed": lambda source: source.close("3 deg"),
    "with data": lambda source: source | mx.Raster((np.ones((2, 2), bool), FAR)),
    "without data": lambda source: ~source - mx.Raster((np.ones((2, 2), bool), FAR)),
}
FAR = mx.WcsGeom.create(skydir=(200, -80), npix=(2, 2), binsz=1, frame="icrs")


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("name", thin_geometries())
def test_a_small_thing_on_a_thin_map(name, kind):
    geom = thin_geometries()[name]
    check_promises(SMALL[kind](mx.Catalog(geom.center_skydir, "3 deg")), geom, Tiling(*one_tile(geom), 0))


def one_tile(geom):
    return [(size,) for size in geom.image_shape]

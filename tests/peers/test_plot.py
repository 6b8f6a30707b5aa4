"""Masks over pictures that gammapy draws: on its axes, pixel on pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx

maps = pytest.importorskip("gammapy.maps")
plt = pytest.importorskip("matplotlib.pyplot")

CRAB = SkyCoord(184.55, -5.78, unit="deg", frame="galactic")
MASK = mx.Catalog(CRAB, "1 deg") | mx.Band(lat=("-4 deg", "5 deg"), frame="galactic")
SMALL = {"skydir": CRAB, "npix": (80, 60), "binsz": 0.1, "frame": "galactic", "proj": "TAN"}


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def picture(kind: str) -> tuple[Any, Any]:
    """A map of gammapy and the axes that it is drawn on."""
    if kind == "all sky":
        there = maps.Map.create(binsz=2, frame="galactic", proj="AIT")
        return there, there.plot()
    there = maps.Map.create(**SMALL)
    if kind == "cut out":
        there = there.cutout(CRAB, 3 * u.deg)
    if kind == "plane":
        energy = maps.MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=2)
        cube = maps.Map.create(**SMALL, axes=[energy])
        return cube.slice_by_idx({"energy": 0}), np.ravel(cube.plot_grid())[0]
    if kind == "imshow":
        axes = plt.figure().add_subplot()
        axes.imshow(there.data, origin="lower")
        return there, axes
    return there, there.plot()


@pytest.mark.parametrize("kind", ["map", "cut out", "plane", "all sky", "imshow"])
@pytest.mark.parametrize("how", ["geom", "map"])
def test_over_a_map(kind: str, how: str) -> None:
    there, ax = picture(kind)
    limits = ax.get_xlim(), ax.get_ylim()
    assert MASK.plot(there.geom if how == "geom" else there, ax=ax, legend=False) is ax
    assert (ax.get_xlim(), ax.get_ylim()) == limits
    inside = MASK.to_gammapy(there.geom).data
    assert 0 < inside.sum() < inside.size
    np.testing.assert_array_equal(np.asarray(ax.images[-1].get_array())[..., 3] == 1, inside)
    ax.figure.canvas.draw()


@pytest.mark.parametrize("kind", ["map", "cut out", "plane", "all sky"])
def test_axes_of_gammapy_say_what_to_draw(kind: str) -> None:
    there, ax = picture(kind)
    MASK.plot(ax=ax, legend=False)
    drawn = np.asarray(ax.images[-1].get_array())[..., 3] == 1
    # The axes of the whole sky end at its rim, some pixels before the map does.
    rows, columns = drawn.shape
    inside = MASK.to_gammapy(there.geom).data
    np.testing.assert_array_equal(drawn, inside[:rows, :columns])
    assert inside.sum() == drawn.sum()
    MASK.plot(ax=ax, outline=True)


def test_a_map_of_another_part() -> None:
    whole = maps.Map.create(**SMALL)
    with pytest.raises(mx.MaskError, match="another projection"):
        MASK.plot(whole, ax=whole.cutout(CRAB, 3 * u.deg).plot())

"""Several thresholds of one map in one sweep, against each of them on its own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from maskexpr import MaskError, WcsGeom
from maskexpr.compile.evaluate import evaluate
from maskexpr.grid.tiles import Tile
from maskexpr.io.given_map import held_source
from maskexpr.maps import levels as _levels
from maskexpr.maps.levels import levels
from maskexpr.nodes.threshold import Threshold
from maskexpr.pixels.runs import unpack_into
from maskexpr.pixels.window import Window

GEOM = WcsGeom.create(npix=(150, 90), binsz=0.1, proj="TAN")
DATA = np.random.default_rng(2).normal(size=GEOM.shape)
DATA[5, 7] = DATA[60, 149] = np.nan


def two(nan: bool | str = False, dtype: str = "f8") -> tuple[Threshold, Threshold]:
    source = held_source((DATA.astype(dtype), GEOM))
    return Threshold(source, ">", 0.3, nan), Threshold(source, ">", 1.5, nan)


@pytest.mark.parametrize("window", [Window(0, 90, 0, 150), Window(3, 80, 64, 150), Window(60, 61, 149, 150)])
@pytest.mark.parametrize("dtype", ["f8", ">f4"])
@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize("band", [1, 1000, 1 << 17])
def test_as_each_on_its_own(
    window: Window, dtype: str, nan: bool, band: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_levels, "_BAND", band)
    thresholds, tile = two(nan, dtype), Tile(GEOM, window)
    found = levels(thresholds, tile)
    assert found is not None
    for each, words in zip(thresholds, found, strict=True):
        out = np.zeros(tile.shape, dtype=bool)
        unpack_into(words, (1, *tile.shape), 0, out)
        assert_array_equal(out, evaluate(each, tile))


def test_a_cutout_of_the_map() -> None:
    cutout, thresholds = GEOM.window(Window(10, 40, 20, 90)), two()
    found = levels(thresholds, Tile(cutout, Window(0, 30, 0, 70)))
    assert found is not None
    out = np.zeros((30, 70), dtype=bool)
    unpack_into(found[0], (1, 30, 70), 0, out)
    assert_array_equal(out, DATA[10:40, 20:90] > 0.3)


def test_nan_is_refused_where_it_is() -> None:
    with pytest.raises(MaskError, match="data pixel y=60, x=149"):
        levels(two("raise"), Tile(GEOM, Window(40, 90, 0, 150)))


def test_what_is_no_window_of_one_map() -> None:
    low, high = two()
    assert levels((low, high), Tile(GEOM, Window(-1, 90, 0, 150))) is None
    assert levels((low, high), Tile(WcsGeom.allsky(binsz=1), Window(0, 9, 0, 9))) is None
    assert levels((low, two()[1]), Tile(GEOM, Window(0, 90, 0, 150))) is None

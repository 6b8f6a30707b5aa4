"""The page on grids of one's own: its module and its test, run as they stand there.

Adding a grid is one class: nothing of the package is changed, told or registered.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.errors import MaskValueError
from maskexpr.extend import Window
from maskexpr.testing import check_grid

PAGE = Path(__file__).resolve().parents[2] / "docs/adding-a-grid.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def equal_area(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's classes, imported from a file of theirs."""
    (tmp_path / "equal_area.py").write_text(BLOCKS[0] + BLOCKS[2].split("\n\nfast =")[0], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "equal_area", raising=False)
    return importlib.import_module("equal_area")


def test_the_test_on_the_page(equal_area: ModuleType) -> None:
    namespace: dict[str, Any] = {}
    exec(compile(BLOCKS[3], str(PAGE), "exec"), namespace)
    for grid in namespace["test_laws"].pytestmark[0].args[1]:
        namespace["test_laws"](grid)


def test_it_imports_nothing_but_extend() -> None:
    named = re.findall(r"^(?:from|import) (maskexpr[\w.]*)", BLOCKS[0], re.MULTILINE)
    assert named == ["maskexpr.extend"]


@pytest.mark.parametrize("kind", ["EqualArea", "ByRows"])
def test_a_class_is_all_that_verbs_need(equal_area: ModuleType, kind: str) -> None:
    grid = getattr(equal_area, kind)(12, "galactic")
    sine, lon = np.meshgrid((np.arange(12) + 0.5) / 6 - 1, (np.arange(48) + 0.5) * 7.5, indexing="ij")
    there = SkyCoord(lon, np.degrees(np.arcsin(sine)), unit="deg", frame="galactic")
    circle = there.separation(SkyCoord(30, 40, unit="deg", frame="icrs")).deg < 33
    mask = mx.Region("icrs;circle(30,40,33)").dilate("17.3 deg")
    at = there.cartesian.xyz.value.reshape(3, -1).T
    chord, _ = cKDTree(there[circle].cartesian.xyz.value.T).query(at)
    want = (2 * np.arcsin(chord / 2) <= np.deg2rad(17.3)).reshape(12, 48)
    np.testing.assert_array_equal(mask.on(grid).values, want)
    np.testing.assert_array_equal(mask.on(grid, chunks={"y": 5, "x": 7})[2:9, 40:].values, want[2:9, 40:])
    np.testing.assert_array_equal(mask.compute(grid).values, want)
    np.testing.assert_array_equal(mask.contains(there, geom=grid), want)
    np.testing.assert_allclose(mask.fsky(grid), want.mean())
    np.testing.assert_allclose(mask.area(grid).to_value(u.sr), want.mean() * 4 * np.pi)
    plan = mask.plan(grid, chunks=6)
    assert plan.n_empty > 0
    assert plan.n_empty + plan.n_full + plan.n_mixed == 16


def test_dims_of_its_own(equal_area: ModuleType) -> None:
    class Ringed(equal_area.EqualArea):  # type: ignore[misc, name-defined]
        dims = ("ring", "place")

    lazy = mx.Band(lat=("20 deg", "90 deg")).on(Ringed(6), chunks={"ring": 2})
    assert lazy.dims == ("ring", "place")
    assert lazy.chunks == ((2, 2, 2), (24,))
    with pytest.raises(MaskValueError, match="'ring' and 'place'"):
        mx.AllSky().on(Ringed(6), chunks={"y": 2})


def test_a_bad_guess_of_the_scale_changes_no_area(equal_area: ModuleType) -> None:
    class Small(equal_area.EqualArea):  # type: ignore[misc, name-defined]
        @property
        def pixel_scales(self) -> u.Quantity:
            return [1, 1] * u.arcsec

    # Two pixels of 573 deg2 hang together.
    mask = mx.Region("icrs;circle(30,9,22)")
    assert mask.compute(Small(6)).sum() > 1
    assert mask.remove_small("600 deg2").compute(Small(6)).equals(mask.compute(Small(6)))


# ---- each law can be broken


def moved(grid: Any, y: Any, x: Any) -> Any:
    lon, lat = grid.honest("lonlat", y, x)
    return lon + 9 * np.isin(x, 3), lat


def half_nan(grid: Any, y: Any, x: Any) -> Any:
    lon, lat = grid.honest("lonlat", y, x)
    return np.nan_to_num(lon), lat


def together(grid: Any, y: Any, x: Any) -> Any:
    lon, lat = grid.honest("lonlat", y, x)
    return lon, lat + 1e-9 * (np.size(lon) > 1)


def small_caps(grid: Any, bounds: Any, measured: Any, sky: Any) -> Any:
    caps = grid.honest("caps", bounds, measured, sky)
    return caps._replace(radius=0.9 * caps.radius)


def all_state(state: int) -> Any:
    return lambda grid, bounds, measured: np.full(bounds.shape[1], state, dtype=np.uint8)


def one_way(grid: Any, window: Any, corners: bool) -> Any:
    rim = grid.honest("rim", window, corners)
    keep = (rim.y != 2) | (rim.x != 0)
    return type(rim)(*(each[keep] for each in rim))


def no_last_row(grid: Any, lon: Any, lat: Any) -> Any:
    y, x = grid.honest("array_index", lon, lat)
    return np.where(y == 5, -1, y), x


# Class, what of it is exchanged for what, what `check_grid` says.
LIES: dict[str, tuple[str, str, Any, str]] = {
    "position": ("EqualArea", "lonlat", moved, "leads back"),
    "half a position": ("EqualArea", "lonlat", half_nan, "NaN"),
    "position among others": ("EqualArea", "lonlat", together, "does not depend on the others"),
    "way back": ("EqualArea", "array_index", no_last_row, "in a pixel of the map"),
    "caps": ("EqualArea", "caps", small_caps, "a cap holds"),
    "on": ("EqualArea", "sky", all_state(2), "is ON"),
    "off": ("EqualArea", "sky", all_state(0), "is OFF"),
    "areas": ("EqualArea", "solid_angles", lambda grid, *at: 1.01 * grid.honest("solid_angles", *at), "4 pi"),
    "rim": ("EqualArea", "rim", one_way, "leads back|is at the rim too"),
    "lattice": ("EqualArea", "lattice", property(lambda grid: Window(0, 3, 0, 9)), "lattice holds"),
    "texts": ("EqualArea", "to_attrs", lambda grid: {"rows": 6}, "texts"),
    "fingerprint": ("EqualArea", "fingerprint", property(lambda grid: "ab" * 16), "without its axes"),
    "offset": ("EqualArea", "offset_in", lambda grid, other: (0, 1), "offset in itself"),
    "period": ("ByRows", "period", property(lambda grid: 23), "a period is 360 deg"),
    "step": ("ByRows", "lon_step", property(lambda grid: 14.0), "a step of longitude apart"),
    "latitude": ("ByRows", "lat_of", lambda grid, y: 1.001 * grid._lat(y), "bit for bit"),
    "step of none": ("EqualArea", "lon_step", 15.0, "only a separable grid"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found(equal_area: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    kind, member, lie, law = LIES[name]
    cls = getattr(equal_area, kind)
    honest = {each: getattr(cls, each) for each in ("lonlat", "array_index", "caps", "rim", "solid_angles")}
    monkeypatch.setattr(cls, "honest", lambda grid, of, *args: honest[of](grid, *args), raising=False)
    monkeypatch.setattr(cls, member, lie, raising=False)
    axes = (mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 2),) if name == "fingerprint" else ()
    with pytest.raises(AssertionError, match=law):
        check_grid(cls(6, axes=axes))

"""The page on nodes of one's own: its module and its test, run as they stand there."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr import extend
from maskexpr.expr.serialize import dumps, loads
from maskexpr.testing import check_node, geometries

PAGE = Path(__file__).resolve().parents[2] / "docs/adding-a-node.md"


@pytest.fixture
def hemisphere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's module, imported from a file; its tag is forgotten afterwards."""
    code = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```\n")[0]
    (tmp_path / "hemisphere.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(extend.NODES, "hemisphere", mx.AllSky)
    del extend.NODES["hemisphere"]
    monkeypatch.delitem(sys.modules, "hemisphere", raising=False)
    return importlib.import_module("hemisphere")


@pytest.mark.parametrize("name", geometries())
def test_laws(hemisphere: ModuleType, name: str) -> None:
    for mask in (hemisphere.Hemisphere(10, 80), ~hemisphere.Hemisphere(180, -5, "galactic")):
        check_node(mask, geometries()[name])


def test_it_is_what_it_says(hemisphere: ModuleType) -> None:
    mask = hemisphere.Hemisphere(30.0, 40.0, "galactic")
    places = SkyCoord(*np.random.default_rng(1).uniform([0, -90], [360, 90], (500, 2)).T, unit="deg")
    centre = SkyCoord(30, 40, unit="deg", frame="galactic")
    np.testing.assert_array_equal(mask.contains(places), places.separation(centre) < 90 * u.deg)
    assert loads(dumps(mask)) == mask
    assert 0 < np.count_nonzero(mask.contains(places)) < 500


@pytest.mark.parametrize("page", sorted(PAGE.parent.glob("adding-a-*.md")), ids=lambda path: path.stem)
def test_authors_import_one_module(page: Path) -> None:
    found = re.findall(r"^(?:from|import) (maskexpr[\w.]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert "maskexpr.extend" in found
    assert set(found) <= {"maskexpr", "maskexpr.extend", "maskexpr.testing"}

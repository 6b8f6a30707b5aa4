"""A type checker finds what the types of the public API can find, and takes what is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api", reason="mypy is not installed")

# Each line that ends in "# wrong" is an error, and no other is.
LINES = """
import astropy.units as u
import numpy as np
import maskexpr as mx

mask = mx.Region("icrs;circle(1,2,3)")
geom = mx.WcsGeom.allsky(binsz=10)
mask.dilate("0.1 deg", kernel="box").erode(0.1 * u.deg, metric="sky").open(("1 deg", "2 deg"), kernel="box")
mask.dilate(["1 deg", "2 deg"])
mx.Band(lat=("-5 deg", "5 deg"), lon=[1, 2] * u.deg)
mx.Threshold("a.fits", ">", 5, nan="raise")
mx.Catalog(None, [1, 2] * u.deg)
mask.dilate(0.1)  # wrong
mask.dilate(np.zeros(3))  # wrong
mask.dilate("0.1 deg", kernel="gauss")  # wrong
mask.dilate("0.1 deg", "disc")  # wrong
mask.erode("0.1 deg", metric="pixels")  # wrong
mask.dilat("0.1 deg")  # wrong
mx.Dilate(mask, 0.1)  # wrong
mx.Dilate("0.1 deg", mask)  # wrong
mx.Dilate(mask, "0.1 deg", kernel="gauss")  # wrong
mx.Band(lat=(-5, 5))  # wrong
mx.Catalog(None, 0.3)  # wrong
mx.Threshold("a.fits", "gt", 5)  # wrong
mx.Region("icrs;circle(1,2,3)", metric="plane")  # wrong
mask.distance(geom, 5)  # wrong
mask.apodize(geom, "1 deg", "gauss")  # wrong
mask.on(geom, coords="sky")  # wrong
mx.Boundary(0.5)  # wrong
mask + mask  # fine for the checker, refused when it runs
mask | True  # fine for the checker, refused when it runs
mx.Regions  # wrong
"""


# What the lines below say nothing of is not followed into: those packages' classes are not named here.
CONFIG = """
[mypy]
ignore_missing_imports = True
follow_imports = silent
[mypy-xarray.*,dask.*,distributed.*,pandas.*,click.*,yaml.*]
follow_imports = skip
"""


def test_a_type_checker_finds_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "user.py"
    path.write_text(LINES)
    config = tmp_path / "mypy.ini"
    config.write_text(CONFIG)
    out, err, _ = api.run([str(path), "--config-file", str(config), "--cache-dir", str(tmp_path / "cache")])
    assert not err
    found = {int(number) for number in re.findall(r"user\.py:(\d+): error", out)}
    wanted = {n for n, line in enumerate(LINES.splitlines(), 1) if line.endswith("# wrong")}
    assert found == wanted, out

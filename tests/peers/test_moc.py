"""MOCs against mocpy: files both ways."""

from __future__ import annotations

import json
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from mocpy import MOC, TimeMOC

import maskexpr as mx
from maskexpr.core.errors import MaskTypeError, RegionError


def some() -> dict[str, mx.Moc]:
    rng = np.random.default_rng(11)
    starts = rng.integers(0, 12 << 20, 3000)
    return {
        "empty": mx.Moc([], order=7),
        "whole": mx.Moc([[0, 12]], order=0),
        "deepest": mx.Moc([[(12 << 58) - 1, 12 << 58], [0, 5]], order=29),
        "many": mx.Moc(np.stack([starts, starts + rng.integers(1, 300, 3000)], axis=1).clip(0, 12 << 20), 10),
    }


WAYS = [
    ("fits", "nuniq", {"v1_compatible": True}),
    ("fits", "range", {}),
    ("json", "nuniq", {}),
    ("ascii", "nuniq", {}),
]


@pytest.mark.parametrize(("kind", "packing", "options"), WAYS)
@pytest.mark.parametrize("which", some())
def test_files_both_ways(
    which: str, kind: str, packing: str, options: dict[str, bool], tmp_path: Path
) -> None:
    moc = some()[which]
    theirs = moc.to_mocpy()
    assert mx.Moc.from_mocpy(theirs) == moc
    theirs.save(tmp_path / "theirs", format=kind, **options)
    assert mx.Moc.read(tmp_path / "theirs") == moc
    moc.write(tmp_path / "ours", format=kind, packing=packing)
    back = MOC.load(tmp_path / "ours", format=kind)
    assert back == theirs
    assert back.max_order == moc.order
    if kind == "fits":
        ours, other = (fits.getdata(tmp_path / name, 1) for name in ("ours", "theirs"))
        assert (ours is None and other is None) or ours.tobytes() == other.tobytes()
    elif kind == "json":
        ours, other = (json.loads((tmp_path / name).read_text()) for name in ("ours", "theirs"))
        assert ours == other
    else:
        assert (tmp_path / "ours").read_text().split() == (tmp_path / "theirs").read_text().split()


def test_the_fraction_of_the_sky() -> None:
    for moc in some().values():
        assert moc.sky_fraction == pytest.approx(moc.to_mocpy().sky_fraction, rel=1e-12)


def test_a_moc_is_a_region() -> None:
    moc = some()["many"]
    region = mx.Region(moc.to_mocpy())
    assert region == mx.Region(moc)
    assert region.to_moc(moc.order) == moc
    assert mx.HpxGeom(order=12, cells=moc.to_mocpy()) == mx.HpxGeom(order=12, cells=moc)
    with pytest.raises(RegionError, match="sphere alone"):
        mx.Region(moc.to_mocpy(), metric="pixel")
    with pytest.raises(MaskTypeError, match=r"mocpy\.MOC"):
        mx.Moc.from_mocpy(TimeMOC.new_empty(10))


def test_positions() -> None:
    rng = np.random.default_rng(4)
    there = SkyCoord(rng.uniform(0, 360, 20000), np.degrees(np.arcsin(rng.uniform(-1, 1, 20000))), unit="deg")
    moc = some()["many"]
    assert (moc.contains(there) == moc.to_mocpy().contains_skycoords(there)).all()


def test_covers_of_cones_and_polygons() -> None:
    """Theirs hold our inner cells, and hardly anything beyond our outer ones."""
    lon, lat = np.array([10.0, 83.6, 200.0]), np.array([89.0, 22.0, -45.0])
    circles = mx.Catalog(SkyCoord(lon, lat, unit="deg"), "3 deg")
    theirs = MOC.from_cones(
        lon * u.deg, lat * u.deg, radius=3 * u.deg, max_depth=8, union_strategy="small_cones"
    )
    inner, centre, outer = (circles.to_moc(8, cover).to_mocpy() for cover in ("inner", "centre", "outer"))
    assert inner.difference(theirs).empty()
    assert centre.difference(theirs).empty()
    assert outer.difference(theirs).sky_fraction < 0.01 * outer.sky_fraction
    corners = SkyCoord([10, 40, 30, 15], [-20, -15, 20, 10], unit="deg")
    polygon = mx.Region("icrs;polygon(10, -20, 40, -15, 30, 20, 15, 10)")
    theirs = MOC.from_polygon_skycoord(corners, max_depth=8)
    inner, outer = (polygon.to_moc(8, cover).to_mocpy() for cover in ("inner", "outer"))
    assert inner.difference(theirs).empty()
    assert theirs.difference(outer).sky_fraction < 0.001

"""What is masked is not there, and an angle keeps its unit, wherever a position or an angle is given."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Angle, SkyCoord
from astropy.table import Column
from astropy.utils.masked import Masked

import maskexpr as mx
from maskexpr.errors import AngleError, MaskError

GEOM = mx.WcsGeom.create(skydir=(83.6, 22.0), npix=(40, 30), binsz=0.1, proj="TAN")
CELLS = mx.HpxGeom(order=5)
MASK = mx.Region("icrs;circle(83.6,22,1)")
GRIDS = {"WCS": GEOM, "HEALPix": CELLS, "a part": mx.HpxGeom.from_mask(MASK, order=7)}
POSITIONS = SkyCoord(
    Masked([83.6, 83.6] * u.deg, mask=[False, True]), Masked([22, 22] * u.deg, mask=[False, True])
)
HIDDEN = Masked(1 * u.deg, mask=True)


@pytest.mark.parametrize("name", GRIDS)
def test_a_masked_position_is_nowhere(name):
    grid = GRIDS[name]
    assert grid.contains(POSITIONS).tolist() == [True, False]
    assert grid.contains(POSITIONS.galactic).tolist() == [True, False]
    for mask in (MASK, mx.AllSky(), MASK.dilate("1 deg"), ~mx.NoSky()):
        assert mask.contains(POSITIONS, geom=grid).tolist() == [True, False]


REFUSED = {
    "cutout": lambda: GEOM.cutout(POSITIONS[1], "1 deg"),
    "skydir": lambda: mx.WcsGeom.create(skydir=POSITIONS[1], width=2),
    "skydir of two angles": lambda: mx.WcsGeom.create(skydir=(HIDDEN, HIDDEN), width=2),
    "width": lambda: mx.WcsGeom.create(width=HIDDEN),
    "binsz": lambda: mx.WcsGeom.create(width=5, binsz=HIDDEN),
    "one of several radii": lambda: mx.Catalog(POSITIONS[:1], radius=[HIDDEN]),
    "edges": lambda: mx.Axis("energy", Masked([1, 2, 3] * u.TeV, mask=[False, True, False])),
    "an edge": lambda: mx.Axis("energy", [1 * u.TeV, Masked(2 * u.TeV, mask=True), 3 * u.TeV]),
    "a bound": lambda: mx.Axis.from_bounds("energy", Masked(1 * u.TeV, mask=True), 3 * u.TeV, 4),
    "min_area": lambda: MASK.remove_small(Masked(1 * u.deg**2, mask=True)),
    "max_area": lambda: MASK.fill_holes(Masked(1 * u.pix, mask=True)),
    "gammapy's width": lambda: mx.gammapy_radius(GEOM, HIDDEN),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_masked_argument_is_refused(name):
    with pytest.raises(MaskError):
        REFUSED[name]()


@pytest.mark.regions
@pytest.mark.parametrize("metric", ["sky", "pixel"])
def test_a_masked_angle_of_a_region_is_refused(metric):
    import regions

    ellipse = regions.EllipseSkyRegion(POSITIONS[0], 1 * u.deg, 2 * u.deg, angle=HIDDEN)
    with pytest.raises(MaskError, match="angle must be finite"):
        mx.Region(ellipse, metric=metric)


@pytest.mark.parametrize("ask", ["pixel", "array_index"])
@pytest.mark.parametrize("name", GRIDS)
def test_coordinates_keep_their_unit(name, ask):
    ask = getattr(GRIDS[name], ask)
    lon, lat = Angle(83.6, "deg"), Angle(22.0, "deg")
    want = np.array(ask(83.6, 22.0))
    assert (want > 0).all()
    for unit in ("rad", "hourangle", "arcsec"):
        np.testing.assert_allclose(ask(lon.to(unit), lat.to(unit)), want, atol=1e-6)
    columns = Column([lon.rad], unit="rad"), Column([lat.deg])
    np.testing.assert_allclose(np.ravel(ask(*columns)), want, atol=1e-6)
    several = np.array(ask([lon, Masked(lon, mask=True)], [lat.to("rad"), lat]))
    np.testing.assert_allclose(several[:, 0], want, atol=1e-6)
    assert not (several[:, 1] >= 0).any()
    for wrong in ("83.6", "05h34m31.9s", 5 * u.m, None, True, 1j, ["83.6"]):
        with pytest.raises(AngleError, match="lon must be"):
            ask(wrong, 22.0)

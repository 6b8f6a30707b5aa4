"""Map geometries against gammapy."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import NoOverlapError

from maskexpr.errors import AxisError, GeometryError
from maskexpr.grid.axis import Axis
from maskexpr.grid.healpix.geom import HpxGeom
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.grid.wcs.header import bands_hdu

maps = pytest.importorskip("gammapy.maps")

CODES = ["TAN", "STG", "SIN", "ARC", "ZEA", "AIR", "CYP", "CEA", "CAR", "MER", "SFL", "PAR", "MOL", "AIT"]
CODES += ["PCO", "TSC", "CSC", "QSC", "HPX", "XPH", "AZP", "SZP"]
CRAB = SkyCoord(83.63, 22.01, unit="deg")

ARGUMENTS = [
    {},
    {"binsz": 0.7},
    {"binsz": (0.3, 0.7), "width": (20, 10)},
    {"binsz": "0.1 deg", "width": "3 deg"},
    {"binsz": 0.1, "width": 3.33},
    {"binsz": 0.1, "width": (3.25, 3.35)},
    {"binsz": 6 * u.arcmin, "width": (2 * u.deg, 90 * u.arcmin)},
    {"binsz": ("6 arcmin", 0.2 * u.deg), "npix": (11, 12)},
    {"npix": 5, "width": 100},
    {"npix": (400, 200), "skydir": (83.63, 22.01)},
    {"npix": (7, 5), "skydir": CRAB},
    {"npix": (7, 5), "skydir": CRAB.galactic},
    {"npix": (7, 5), "skydir": CRAB.galactic, "refpix": (1, 2)},
    {"npix": (7, 5), "skydir": (-30.5, -90.0), "refpix": (3.25, 2.0)},
    {"npix": (7, 5), "skydir": (359.9, 90.0), "binsz": 1 / 3},
]


def assert_same(ours: WcsGeom, theirs) -> None:
    assert ours.image_shape == theirs.data_shape[-2:]
    ours_wcs, theirs_wcs = ours.wcs.wcs, theirs.wcs.wcs
    ours_wcs.set()
    theirs_wcs.set()
    for name in ("crpix", "crval", "cdelt"):
        np.testing.assert_array_equal(getattr(ours_wcs, name), getattr(theirs_wcs, name))
    np.testing.assert_array_equal(ours_wcs.get_pc(), theirs_wcs.get_pc())
    assert list(ours_wcs.ctype) == list(theirs_wcs.ctype)
    assert (ours_wcs.lonpole, ours_wcs.latpole) == (theirs_wcs.lonpole, theirs_wcs.latpole)
    assert ours_wcs.radesys == theirs_wcs.radesys
    assert ours_wcs.equinox == theirs_wcs.equinox or np.isnan([ours_wcs.equinox, theirs_wcs.equinox]).all()
    assert ours.frame == theirs.frame
    assert ours.projection == theirs.projection
    assert ours.is_allsky == theirs.is_allsky
    np.testing.assert_array_equal(ours.pixel_scales.to_value("deg"), theirs.pixel_scales.deg)


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
@pytest.mark.parametrize("frame", ["icrs", "galactic", "fk5"])
@pytest.mark.parametrize("code", ["CAR", "TAN", "AIT"])
def test_create_makes_the_same_header(arguments, frame, code):
    ours = WcsGeom.create(proj=code, frame=frame, **arguments)
    theirs = maps.WcsGeom.create(proj=code, frame=frame, **arguments)
    assert_same(ours, theirs)


@pytest.mark.parametrize("code", CODES)
def test_every_projection(code):
    arguments = {"skydir": (30.0, 40.0), "width": (33, 21), "binsz": 0.3, "proj": code, "frame": "galactic"}
    ours, theirs = WcsGeom.create(**arguments), maps.WcsGeom.create(**arguments)
    assert_same(ours, theirs)
    assert_same(WcsGeom.from_gammapy(theirs), theirs)
    assert WcsGeom.from_gammapy(theirs) == ours
    assert_same(ours, ours.to_gammapy())
    coord = theirs.get_coord()
    lon, lat = ours.lonlat(*np.mgrid[: ours.shape[0], : ours.shape[1]])
    np.testing.assert_array_equal(lat, coord.lat.to_value("deg"))
    np.testing.assert_allclose(lon, coord.lon.to_value("deg") % 360, rtol=0, atol=1e-12)


def test_allsky():
    for code in ("CAR", "AIT"):
        assert_same(WcsGeom.allsky(binsz=0.5, proj=code), maps.WcsGeom.create(binsz=0.5, proj=code))


@pytest.mark.parametrize("where", [(83.63, 22.01), (85.9, 24.3), (82.0, 22.0), (83.63, 27.8)])
@pytest.mark.parametrize("width", [0.01, 1.0, 1.25, 3.33, (2.0, 4.0), 30.0])
@pytest.mark.parametrize(("code", "frame"), [("TAN", "icrs"), ("CAR", "galactic"), ("AIT", "galactic")])
def test_cutout(where, width, code, frame):
    arguments = {"skydir": CRAB, "width": (8, 12), "binsz": (0.1, 0.15), "proj": code, "frame": frame}
    ours, theirs = WcsGeom.create(**arguments), maps.WcsGeom.create(**arguments)
    position = SkyCoord(*where, unit="deg")
    try:
        expected = theirs.cutout(position, width * u.deg)
    except NoOverlapError:
        with pytest.raises(GeometryError, match="beside the map"):
            ours.cutout(position, width * u.deg)
    else:
        assert_same(ours.cutout(position, width * u.deg), expected)


@pytest.mark.parametrize("code", ["CAR", "TAN", "AIT"])
def test_pad_crop_and_resampling(code):
    arguments = {"skydir": CRAB, "npix": (60, 36), "binsz": (0.1, 0.3), "proj": code}
    ours, theirs = WcsGeom.create(**arguments), maps.WcsGeom.create(**arguments)
    assert_same(ours.pad(3), theirs.pad(3, axis_name=None))
    assert_same(ours.pad((3, 5)), theirs.pad((3, 5), axis_name=None))
    assert_same(ours.crop(3), theirs.crop(3))
    assert_same(ours.crop((7, 2)), theirs.crop((7, 2)))
    for factor in (1, 2, 3, 6):
        assert_same(ours.downsample(factor), theirs.downsample(factor))
        assert_same(ours.upsample(factor), theirs.upsample(factor))
    border = SkyCoord(theirs.wcs.calc_footprint(center=False), unit="deg", frame=theirs.frame)
    assert ours.footprint.separation(border).max() < 1e-9 * u.arcsec
    assert ours.center_skydir.separation(theirs.center_skydir) < 1e-9 * u.arcsec


@pytest.mark.parametrize("code", ["CAR", "TAN", "AIT", "HPX"])
def test_contains(code):
    arguments = {"skydir": (0.0, 0.0), "npix": (60, 36), "binsz": 2, "proj": code, "frame": "galactic"}
    ours, theirs = WcsGeom.create(**arguments), maps.WcsGeom.create(**arguments)
    rng = np.random.default_rng(1)
    sky = SkyCoord(rng.uniform(-90, 90, 5000), rng.uniform(-60, 60, 5000), unit="deg", frame="galactic").icrs
    assert 0 < theirs.contains(sky).sum() < 5000
    np.testing.assert_array_equal(ours.contains(sky), theirs.contains(sky))


def test_axes_both_ways():
    energy = maps.MapAxis.from_energy_bounds("10 GeV", "2 TeV", nbin=4)
    rad = maps.MapAxis.from_bounds(0, 0.6, 3, unit="deg", name="rad")
    theirs = maps.WcsGeom.create(width=3, axes=[energy, rad])
    ours = WcsGeom.from_gammapy(theirs)
    assert ours.shape == theirs.data_shape == (3, 4, 6, 6)
    assert [axis.name for axis in ours.axes] == ["rad", "energy"]
    assert ours.to_gammapy() == theirs
    for axis in ours.axes:
        np.testing.assert_array_equal(axis.edges.value, theirs.axes[axis.name].edges.value)
        np.testing.assert_allclose(axis.center, theirs.axes[axis.name].center, rtol=1e-12)
    # gammapy's edges went through log and exp, and take the unit of the upper bound.
    assert ours.axes[1].matches(Axis.from_bounds("energy", "10 GeV", "2 TeV", 4))
    extra = maps.MapAxis.from_bounds(0, 1, 2, name="extra")
    bigger = ours.to_cube([Axis("extra", [0, 0.5, 1] * u.one)])
    assert bigger.shape == theirs.to_cube([extra]).data_shape


ODD = [0.3, 1.7, 4.1, 33.3, 1234.5]


@pytest.mark.parametrize("interp", ["lin", "log", "sqrt"])
@pytest.mark.parametrize(
    "geom",
    [
        WcsGeom.create(npix=(5, 4), binsz=1),
        HpxGeom(order=3, frame="galactic"),
        HpxGeom(order=3, cells=[[5, 70], [300, 301]]),
    ],
    ids=["pixels", "cells", "some cells"],
)
def test_grids_with_axes_come_back(geom, interp):
    """Equal but for the last digits of edges, which gammapy computes anew."""
    far, near = (Axis.from_bounds(hi, "0.1 TeV", hi, 7, interp) for hi in ("0.7 PeV", "3 TeV"))
    bounds, single = [far, near], [Axis("phase", ODD[:2] * u.one)]
    if type(geom) is HpxGeom and not geom.is_allsky:
        # gammapy fails at these when it is asked for coordinates.
        for axes, said in ((bounds, "7, 7"), (single, "1")):
            with pytest.raises(GeometryError, match=f"axes of \\[{said}\\] bins"):
                geom.to_cube(axes).to_gammapy()
        bounds, single = [far], [near]
    for axes in (bounds, [Axis("energy", ODD * u.GeV, interp=interp)], single):
        ours = geom.to_cube(axes)
        again = type(geom).from_gammapy(ours.to_gammapy())
        assert again.to_image() == ours.to_image()
        assert len(again.axes) == len(axes)
        assert all(one.matches(other) for one, other in zip(again.axes, ours.axes, strict=True))


def test_axes_of_nodes_are_read():
    axis = maps.MapAxis.from_nodes([1, 10, 100] * u.TeV, name="energy", interp="log")
    (ours,) = WcsGeom.from_gammapy(maps.WcsGeom.create(width=3, axes=[axis])).axes
    np.testing.assert_allclose(ours.edges.value, 10.0 ** np.array([-0.5, 0.5, 1.5, 2.5]), rtol=1e-13)


def test_axes_without_bins_are_refused():
    label = maps.LabelMapAxis(["a", "b"], name="dataset")
    cube = maps.Map.create(width=3, axes=[label])
    with pytest.raises(AxisError, match=r"'dataset' is a LabelMapAxis.*slice_by_idx.*drop") as err:
        WcsGeom.from_gammapy(cube.geom)
    assert "map.slice_by_idx({'dataset': 0})" in str(err.value)
    # What the message says works.
    assert WcsGeom.from_gammapy(cube.slice_by_idx({"dataset": 0}).geom) == WcsGeom.from_gammapy(
        cube.geom.drop("dataset")
    )
    with pytest.raises(GeometryError, match="HpxGeom"):
        WcsGeom.from_gammapy(maps.HpxGeom.create(nside=2))
    irregular = maps.WcsGeom.create(npix=([3, 4], [3, 4]), axes=[maps.MapAxis.from_bounds(0, 1, 2, name="e")])
    with pytest.raises(GeometryError, match="one pixel size"):
        WcsGeom.from_gammapy(irregular)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("hdu", ["COUNTS", "PRIMARY"])
def test_gammapy_files_are_read(tmp_path, suffix, sparse, hdu):
    if sparse and hdu == "PRIMARY":
        pytest.skip("gammapy writes no sparse primary HDU")
    axes = [maps.MapAxis.from_energy_bounds("10 GeV", "2 TeV", nbin=4)]
    if not sparse:
        axes.append(maps.MapAxis.from_bounds(0, 0.6, 3, unit="deg", name="rad"))
    theirs = maps.WcsGeom.create(skydir=CRAB, npix=(9, 6), binsz=0.25, proj="TAN", axes=axes)
    path = tmp_path / f"map{suffix}"
    maps.Map.from_geom(theirs, data=np.ones(theirs.data_shape)).write(path, hdu=hdu, sparse=sparse)
    ours = WcsGeom.read(path)
    assert ours == WcsGeom.read(path, hdu=hdu)
    assert ours.shape == theirs.data_shape
    assert ours.to_gammapy() == theirs
    np.testing.assert_allclose(ours.wcs.wcs.crval, theirs.wcs.wcs.crval, rtol=1e-11)


@pytest.mark.parametrize("fmt", ["fgst-ccube", "gadf"])
def test_gammapy_formats(tmp_path, fmt):
    axis = maps.MapAxis.from_energy_bounds("10 GeV", "2 TeV", nbin=4)
    theirs = maps.WcsGeom.create(skydir=CRAB, npix=(9, 6), binsz=0.25, axes=[axis])
    maps.Map.from_geom(theirs).write(tmp_path / "map.fits", format=fmt)
    ours = WcsGeom.read(tmp_path / "map.fits")
    np.testing.assert_allclose(ours.axes[0].edges.to_value("TeV"), axis.edges.to_value("TeV"), rtol=1e-6)
    assert ours.axes[0].interp == "log"


def test_gammapy_reads_our_header_and_table(tmp_path):
    axes = [Axis("rad", [0, 1, 3] * u.deg), Axis.from_bounds("energy", "10 GeV", "2 TeV", 3)]
    ours = WcsGeom.create(skydir=CRAB, width=3, binsz=1 / 3, proj="TAN", axes=axes)
    header = ours.to_header()
    header["BANDSHDU"] = "MASK_BANDS"
    data = np.arange(np.prod(ours.shape)).reshape(ours.shape) % 2
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(data.astype(np.uint8), header, name="MASK"),
        bands_hdu(axes, "MASK_BANDS"),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "mask.fits")
    theirs = maps.Map.read(tmp_path / "mask.fits", hdu="MASK")
    assert theirs.is_mask
    np.testing.assert_array_equal(theirs.data, data.astype(bool))
    again = WcsGeom.from_gammapy(theirs.geom)
    assert again.to_image() == ours.to_image()
    assert all(one.matches(other) for one, other in zip(again.axes, ours.axes, strict=True))
    assert [axis.interp for axis in theirs.geom.axes] == ["log", "lin"]


@pytest.mark.parametrize("code", ["TAN", "CAR"])
def test_solid_angle(code):
    # gammapy's pixels are plane: equal where pixels are small and far from the poles.
    arguments = {"skydir": (10, 0), "npix": (30, 20), "binsz": 0.05, "proj": code}
    theirs = maps.WcsGeom.create(**arguments).solid_angle().to_value("sr")
    np.testing.assert_allclose(WcsGeom.create(**arguments).solid_angle().values, theirs, rtol=1e-5)

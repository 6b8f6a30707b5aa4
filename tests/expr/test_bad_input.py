"""Bad input is refused at once, by an error of maskexpr that names the item; empty input is no error."""

from __future__ import annotations

import base64
import json
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regions
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from astropy.utils.masked import Masked
from astropy.wcs import WCS

import maskexpr as mx

TWO = SkyCoord([1, 2], [3, 4], unit="deg")
NONE = SkyCoord([], [], unit="deg")
GEOM = mx.WcsGeom.allsky(binsz=10)
ENERGY = mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 3)
DISK = mx.Region("icrs;circle(1,2,30)")


def refused(make: Callable[[], Any], *words: str, kind: type[Exception] = ValueError) -> None:
    """The error is one of maskexpr's, is the builtin a user expects, and its message holds the words."""
    with pytest.raises(mx.MaskError) as caught:
        make()
    assert isinstance(caught.value, kind)
    for word in words:
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize("radius", [0.3, "0.3", None, True, [1, 2], np.array([1.0, 2.0]), ""])
def test_angle_without_a_unit(radius: Any) -> None:
    refused(lambda: mx.Catalog(TWO, radius), "radius", "unit")
    refused(lambda: mx.Catalog(TWO, radius), kind=TypeError)


@pytest.mark.parametrize("radius", ["0.3 dge", "0.3 m", 1 * u.m, 1 * u.pix, 1 * u.one, [1 + 1j, 2] * u.deg])
def test_what_is_no_angle(radius: Any) -> None:
    refused(lambda: mx.Catalog(TWO, radius), "radius")


@pytest.mark.parametrize(
    ("radius", "words"),
    [
        ("-0.3 deg", ["negative", "-0.3 deg"]),
        ([1, -1] * u.deg, ["negative", "row 1"]),
        (np.nan * u.deg, ["finite", "nan"]),
        ("inf deg", ["finite", "inf"]),
        ([1, np.nan] * u.deg, ["finite", "row 1"]),
        (Masked([1.0, 2.0] * u.deg, mask=[False, True]), ["masked", "row 1"]),
        (MaskedColumn([1.0, 2.0], mask=[False, True], unit="deg"), ["masked", "row 1"]),
        ([1, 2, 3] * u.deg, ["(3,)", "(2,)"]),
        (np.ones((3, 2)) * u.deg, ["(3, 2)", "(2, bins)"]),
    ],
)
def test_radii(radius: Any, words: list[str]) -> None:
    refused(lambda: mx.Catalog(TWO, radius), "radius", *words)


def test_radii_as_people_write_them() -> None:
    half = mx.Catalog(TWO, "0.5 deg")
    for radius in ("30 arcmin", "30'", "0d30m", "0.5deg", 1800 * u.arcsec):
        assert mx.Catalog(TWO, radius) == half, radius
    each = mx.Catalog(TWO, [1, 2] * u.deg)
    assert mx.Catalog(TWO, ["1 deg", "120 arcmin"]) == each
    assert mx.Catalog(TWO, Table({"r": [60, 120] * u.arcmin})["r"]) == each


@pytest.mark.parametrize("positions", [(1, 2), [TWO, TWO], None, "crab", np.ones((2, 2))])
def test_positions_of_another_type(positions: Any) -> None:
    refused(lambda: mx.Catalog(positions, "1 deg"), "SkyCoord", type(positions).__name__, kind=TypeError)
    refused(lambda: DISK.contains(positions), "SkyCoord", type(positions).__name__, kind=TypeError)


def test_positions_that_are_none() -> None:
    refused(lambda: mx.Catalog(SkyCoord([1, np.nan], [3, 4], unit="deg"), "1 deg"), "row 1")
    hidden = SkyCoord(Masked([1.0, 2.0] * u.deg, mask=[False, True]), [3, 4] * u.deg)
    refused(lambda: mx.Catalog(hidden, "1 deg"), "row 1", "masked")
    horizon = SkyCoord(1 * u.deg, 2 * u.deg, frame="altaz")
    refused(lambda: mx.Catalog(horizon, "1 deg"), "altaz")
    refused(lambda: DISK.contains(horizon), "altaz")


def test_a_nan_position_is_in_no_mask() -> None:
    some = SkyCoord([np.nan, 1], [1, 2], unit="deg")
    assert DISK.contains(some).tolist() == [False, True]
    assert (~DISK).contains(some).tolist() == [False, False]
    assert (~DISK).contains(some, geom=GEOM).tolist() == [False, bool((~DISK).contains(some[1], geom=GEOM))]


@pytest.mark.parametrize("radius", ["1 deg", [] * u.deg, np.zeros((0, 3)) * u.deg])
def test_an_empty_catalogue_selects_nothing(radius: Any) -> None:
    geom = GEOM.to_cube([ENERGY])
    mask = mx.Catalog(NONE, radius)
    assert not mask.on(geom).values.any()
    assert np.all((~mask).fsky(geom) == pytest.approx(1))
    assert mx.loads(mx.dumps(mask)) == mask
    assert repr(mask)
    assert mask.explain(geom)
    assert np.ndim(radius) == 2 or not mask.contains(TWO).any()
    assert not (mask & DISK).on(geom).values.any()


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A folder of catalogues with one fault each."""

    def write(name: str, **columns: Any) -> None:
        Table(columns).write(tmp_path / name)

    ra, dec = [1.0, 2.0] * u.deg, [3.0, 4.0] * u.deg
    write("good.fits", RA=ra, DEC=dec, r=[6.0, 12.0] * u.arcmin)
    write("empty.fits", RA=[] * u.deg, DEC=[] * u.deg, r=[] * u.deg)
    write("lat.fits", RA=ra, DEC=[3.0, 91.0] * u.deg)
    write("nan.fits", RA=[1.0, np.nan] * u.deg, DEC=dec)
    write("hidden.ecsv", RA=MaskedColumn([1, 2], mask=[False, True], unit="deg"), DEC=dec)
    write("metres.ecsv", RA=ra, DEC=[3.0, 4.0] * u.m)
    write("text.ecsv", RA=["1h", "2h"], DEC=["3d", "4d"])
    write("radii.ecsv", RA=ra, DEC=dec, minus=[0.1, -0.1] * u.deg, bare=[1.0, 2.0], nan=[np.nan, 1] * u.deg)
    write("columns.csv", a=[1.0], b=[2.0])
    tmp_path.joinpath("junk.fits").write_text("hello")
    image = fits.ImageHDU(np.zeros((2, 2)), name="COUNTS")
    table = fits.BinTableHDU(Table.read(tmp_path / "good.fits"), name="SOURCES")
    fits.HDUList([fits.PrimaryHDU(), image, table]).writeto(tmp_path / "second.fits")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("lat.fits", {}, ["row 1", "latitude 91"]),
        ("nan.fits", {}, ["row 1"]),
        ("hidden.ecsv", {}, ["row 1", "masked"]),
        ("metres.ecsv", {}, ["'DEC'", "'m'"]),
        ("text.ecsv", {}, ["'RA'", "numbers"]),
        ("radii.ecsv", {"radius": "minus"}, ["negative", "row 1"]),
        ("radii.ecsv", {"radius": "nan"}, ["radius", "row 0"]),
        ("radii.ecsv", {"radius": "bare"}, ["'bare'", "unit"]),
        ("radii.ecsv", {"radius": "Size"}, ["'Size'", "columns: RA, DEC, minus"]),
        ("good.fits", {"radius": 0.3}, ["unit"]),
        ("good.fits", {"hdu": 7}, ["HDU 7", "tables: 1"]),
        ("good.fits", {"hdu": "SOURCES"}, ["'SOURCES'"]),
        ("good.fits", {"lon": "RA"}, ["'RA' alone"]),
        ("good.fits", {"lon": "x", "lat": "y"}, ["no column 'x'", "RA, DEC, r"]),
        ("good.fits", {"lon": "RA", "lat": "DEC", "frame": "galaxy"}, ["galaxy"]),
        ("columns.csv", {}, ["columns: a, b"]),
        ("junk.fits", {}, ["junk.fits"]),
        (".", {}, []),
    ],
)
def test_catalogue_files(tables: Path, name: str, options: dict[str, Any], words: list[str]) -> None:
    refused(lambda: mx.Catalog.read(tables / name, **{"radius": "1 deg", **options}), *words)


def test_catalogue_files_that_are_right(tables: Path) -> None:
    good = mx.Catalog(TWO, [0.1, 0.2] * u.deg)
    assert mx.Catalog.read(tables / "good.fits", radius="r") == good
    # The first table, though it is not the first HDU.
    assert mx.Catalog.read(tables / "second.fits", radius="r") == good
    assert mx.Catalog.read(tables / "second.fits", radius="r", hdu="sources") == good
    assert not mx.Catalog.read(tables / "empty.fits", radius="r").on(GEOM).values.any()
    refused(lambda: mx.Catalog.read(tables / "no.fits", radius="1 deg"), "no.fits", kind=FileNotFoundError)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("icrs;circle(1,2,-3)", ["line 1", "negative"]),
        ("icrs;circle(1,2,nan)", ["line 1", "'nan'"]),
        ("icrs\ncircle(1,2,3)\ncircle(1,91,3)", ["line 3", "91"]),
        ("icrs\n\nblob(3,4,5)", ["line 3", "'blob'"]),
        ("mars;circle(1,2,3)", ["line 1", "'mars'"]),
        ("circle(1,2,3)", ["line 1", "frame"]),
        ("icrs;polygon(1,2,3,4)", ["line 1", "three"]),
        ("icrs;polygon(1,1,1,1,1,1)", ["line 1", "three"]),
        ("icrs;circle(1,2)", ["line 1", "2 parameters"]),
        ("icrs;circle(1,2,3", ["line 1", "bracket"]),
        ("icrs;circle(1,2,3p)", ["line 1", "'3p'"]),
        ("icrs;circle(1,2,181)", ["line 1", "181"]),
        ("icrs;-circle(1,2,3)", ["line 1", "before it"]),
        ("icrs;panda(1,2,0,90,1,2,1,4)", ["line 1", "inner radius 2"]),
        ("image;circle(1,2,3)", ["line 1", "pixel"]),
        ("", ["no shape"]),
        ("sources.reg", ["line 1"]),
    ],
)
def test_region_text(text: str, words: list[str]) -> None:
    refused(lambda: mx.Region(text), *words)


def test_region_text_is_checked_in_files(tmp_path: Path) -> None:
    path = tmp_path / "few.reg"
    path.write_text("# Region file format: DS9\nfk5\ncircle(1,2,3)\n\nfoo(1,2,3)\n")
    refused(lambda: mx.Region.read(path), "few.reg", "line 5", "foo")
    refused(lambda: mx.Region.read(tmp_path / "no.reg"), "no.reg", kind=FileNotFoundError)
    refused(lambda: mx.Region.read(tmp_path), "folder")


def test_region_objects() -> None:
    pixels = regions.CirclePixelRegion(regions.PixCoord(1, 2), 3)
    good = regions.CircleSkyRegion(TWO[0], 1 * u.deg)
    refused(lambda: mx.Region([good, pixels]), "region 1", "CirclePixelRegion")
    for odd in (None, 3, [good, 1], TWO, b"icrs;circle(1,2,3)"):
        refused(lambda odd=odd: mx.Region(odd), kind=TypeError)
    refused(lambda: mx.Region("icrs;circle(1,2,3)", metric="planar"), "'planar'")
    assert not mx.Region([]).on(GEOM).values.any()


@pytest.mark.parametrize("first", ["icrs;", "galactic;", "fk5\n"])
def test_a_circle_less_a_circle_is_the_annulus(first: str) -> None:
    geom = mx.WcsGeom.create(skydir=(10, 10), npix=60, binsz=0.2, proj="TAN")
    both = mx.Region(f"{first}circle(10,10,5);-circle(10,10,2)")
    ring = mx.Region(f"{first}annulus(10,10,2,5)")
    # The rim of the inner circle belongs to neither; no pixel centre lies on it here.
    assert np.array_equal(both.on(geom).values, ring.on(geom).values)
    assert both.on(mx.WcsGeom.allsky(binsz=1)).values.any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ["lon=", "lat="]),
        ({"lat": (-5, 5)}, ["lat", "unit"]),
        ({"lat": ("-5 deg", "91 deg")}, ["91"]),
        ({"lat": ("5 deg", "-5 deg")}, ["empty"]),
        ({"lat": "5 deg"}, ["pair"]),
        ({"lat": [-5, 0, 5] * u.deg}, ["pair"]),
        ({"lat": ("nan deg", "5 deg")}, ["finite"]),
        ({"lat": (None, "5 deg")}, ["lat from"]),
        ({"lon": ("10 deg", "10 deg")}, ["empty"]),
        ({"lat": ("-5 deg", "5 deg"), "frame": "galaxy"}, ["'galaxy'", "galactic"]),
        ({"lat": ("-5 deg", "5 deg"), "frame": None}, ["None"]),
        ({"lat": ("-5 deg", "5 deg"), "frame": "altaz"}, ["'altaz'"]),
    ],
)
def test_bands(options: dict[str, Any], words: list[str]) -> None:
    refused(lambda: mx.Band(**options), *words)


def broken(**cards: Any) -> fits.Header:
    header = GEOM.to_header()
    header.update(cards)
    return header


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: mx.WcsGeom.allsky(binsz=0), ["binsz", "zero"]),
        (lambda: mx.WcsGeom.allsky(binsz=np.nan), ["binsz", "nan"]),
        (lambda: mx.WcsGeom.allsky(binsz=1, frame="galaxy"), ["'galaxy'", "galactic"]),
        (lambda: mx.WcsGeom.allsky(binsz=1, proj="XYZ"), ["'XYZ'", "TAN"]),
        (lambda: mx.WcsGeom.create(npix=3, binsz=(1, 0)), ["binsz", "zero"]),
        (lambda: mx.WcsGeom.create(npix=2.5, binsz=1), ["npix", "2.5"]),
        (lambda: mx.WcsGeom.create(npix=0, binsz=1), ["npix", "0"]),
        (lambda: mx.WcsGeom.create(skydir=(0, 91), npix=3), ["skydir", "91"]),
        (lambda: mx.WcsGeom.create(skydir=TWO, npix=3), ["skydir", "one position"]),
        (lambda: mx.WcsGeom.from_header(broken(CDELT1=0.0)), ["zero pixel size"]),
        (lambda: mx.WcsGeom.from_header(broken(CDELT1=1e-60)), ["pixels of [1e-60", "CDELT"]),
        (lambda: mx.WcsGeom.from_header(broken(CDELT2=1e60)), ["CDELT2 is 1e+60"]),
        (lambda: mx.WcsGeom.from_header(broken(PC1_1=1.0, PC1_2=1.0, PC2_1=1.0, PC2_2=1.0)), ["zero pixel"]),
        (lambda: mx.WcsGeom.from_header(broken(CRVAL2=91.0)), ["latitude", "91"]),
        (lambda: mx.WcsGeom.from_header(broken(CTYPE1="FREQ")), []),
        (lambda: mx.WcsGeom.from_header(fits.Header()), ["longitude"]),
        (lambda: mx.WcsGeom.from_header(None), ["NoneType"]),
        (lambda: mx.WcsGeom(WCS(naxis=2), (3, 3)), ["longitude", "CTYPE"]),
        (lambda: mx.WcsGeom(GEOM.wcs, (0, 3)), ["shape", "0"]),
        (lambda: mx.WcsGeom(GEOM.wcs, (3,)), ["shape", "(3,)"]),
        (lambda: mx.WcsGeom(GEOM.wcs, None), ["shape", "None"]),
        (lambda: mx.WcsGeom(GEOM.to_header(), (3, 3)), ["Header"]),
        (lambda: mx.WcsGeom.create(npix=3, axes=ENERGY), ["axes=[axis]"]),
        (lambda: mx.WcsGeom.create(npix=3, axes=["energy"]), ["str"]),
        (lambda: mx.WcsGeom.create(npix=3, axes=[ENERGY, ENERGY]), ["'energy'"]),
    ],
)
def test_geometries(make: Callable[[], Any], words: list[str]) -> None:
    refused(make, *words)


@pytest.mark.parametrize("geom", ["geom", 3, [GEOM], np.zeros((3, 3))])
def test_what_is_no_geometry(geom: Any, tmp_path: Path) -> None:
    for ask in (DISK.on, DISK.plan, DISK.area, lambda g: DISK.write(tmp_path / "a.fits", g)):
        refused(lambda ask=ask: ask(geom), type(geom).__name__, kind=TypeError)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "chunks", [0, -5, (0, 4), (4, -2), (4,), (4, 4, 4), 1.5, None, True, "big", {"q": 4}, ((9, 8), (36,))]
)
def test_chunks(chunks: Any) -> None:
    refused(lambda: DISK.on(GEOM, chunks=chunks), "chunk")


def test_memory_limits() -> None:
    refused(lambda: DISK.plan(GEOM, memory_limit="1 B"), "1 B", "larger limit", kind=MemoryError)
    refused(lambda: DISK.plan(GEOM, memory_limit="lots"), "'lots'")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("energy",), ["lo="]),
        (("energy", 1, 10), ["unit"]),
        (("energy", "10 GeV", "1 GeV"), ["below"]),
        (("energy", "1 m"), ["'m'", "GeV"]),
        (("time", "1 s"), ["'time'", "energy"]),
        (("energy", "nan GeV"), ["finite"]),
    ],
)
def test_axis_ranges(arguments: tuple[Any, ...], words: list[str]) -> None:
    refused(lambda: mx.AxisRange(*arguments).on(GEOM.to_cube([ENERGY])), *words)


def test_an_axis_that_the_map_lacks() -> None:
    refused(lambda: mx.AxisRange("energy", "1 GeV").on(GEOM), "energy", kind=LookupError)
    refused(lambda: mx.Catalog(TWO, np.ones((2, 2)) * u.deg).on(GEOM.to_cube([ENERGY])), "2 bins", "energy")


@pytest.mark.parametrize("suffix", [".zarr", ".fits", ".fits.gz"])
def test_an_existing_output_is_kept(suffix: str, tmp_path: Path) -> None:
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    path = tmp_path / f"mask{suffix}"
    DISK.write(path, GEOM)
    before = mx.read_mask(path).values
    refused(lambda: (~DISK).write(path, GEOM), str(path), "overwrite=True", kind=FileExistsError)
    assert np.array_equal(mx.read_mask(path).values, before)
    (~DISK).write(path, GEOM, overwrite=True)
    assert np.array_equal(mx.read_mask(path).values, ~before)


def test_outputs_and_inputs_that_are_not_there(tmp_path: Path) -> None:
    refused(lambda: DISK.write(tmp_path / "no" / "a.fits", GEOM), "no", kind=FileNotFoundError)
    refused(lambda: DISK.write(tmp_path / "a.txt", GEOM), "a.txt", ".zarr")
    refused(lambda: mx.read_mask(tmp_path / "q.fits"), "q.fits", kind=FileNotFoundError)
    refused(lambda: mx.WcsGeom.read(tmp_path / "q.fits"), "q.fits", kind=FileNotFoundError)


def test_texts_that_are_no_masks() -> None:
    data = json.loads(mx.dumps(DISK))
    for change, words in (
        ({"maskexpr": 99}, ["99"]),
        ({"maskexpr": None}, ["None"]),
        ({"nodes": []}, ["no nodes"]),
        ({"nodes": [{"tag": "blob"}]}, ["node 0", "'blob'", "region"]),
        ({"nodes": [{"tag": "not", "mask": {"node": 3}}]}, ["node 0", "3"]),
        ({"nodes": [{"tag": "not"}]}, ["node 0"]),
        ({"hash": "00"}, ["hash"]),
    ):
        refused(lambda change=change: mx.from_dict({**data, **change}), *words)
    for text in ("", "{}", "[]", "null", mx.dumps(DISK)[:-5], None):
        refused(lambda text=text: mx.loads(text))


@pytest.mark.parametrize("other", [1, True, None, "x", np.ones(3, dtype=bool), DISK.on(GEOM)])
def test_operands_that_are_no_masks(other: Any) -> None:
    for work in (operator.or_, operator.and_, operator.xor, operator.sub):
        refused(lambda work=work: work(DISK, other), "takes masks", type(other).__name__, kind=TypeError)
        refused(lambda work=work: work(other, DISK), "takes masks", kind=TypeError)
    refused(lambda: mx.Or(DISK, other), "operand 1", type(other).__name__, kind=TypeError)
    refused(lambda: bool(DISK), "truth", kind=TypeError)


@pytest.mark.parametrize("part", ["values", "missing"])
def test_stored_arrays_of_another_shape(part: str) -> None:
    """An expression from a file may hold fewer pixels than its geometry has."""
    geom = mx.WcsGeom.create(npix=(12, 9), binsz=2)
    counts = np.ma.masked_equal(np.arange(108).reshape(9, 12), 7)
    data = json.loads(mx.dumps(mx.Threshold((counts, geom), ">", 50)))
    # Without its hash: a stranger writes one that fits.
    data = {key: data[key] for key in ("maskexpr", "nodes")}
    text = json.dumps(data)
    shape = data["nodes"][0]["data"][part]["shape"]
    assert shape == [9, 12]
    for other in ([1, 1], []):
        item = data["nodes"][0]["data"][part]
        size = 8 if part == "values" else 1
        item.update(shape=other, array=base64.b64encode(bytes(size)).decode())
        refused(lambda: mx.loads(json.dumps(data)).compute(geom), "does not fit the geometry's shape (9, 12)")
    assert mx.loads(text).compute(geom).sum() == 57


def test_axis_of_a_unit_without_a_text() -> None:
    for scale in (np.inf, 1 + 2j):
        odd = u.CompositeUnit(scale, [u.m], [1])
        refused(lambda odd=odd: mx.Axis("energy", u.Quantity([1, 2], odd)), "'energy'", "unit")

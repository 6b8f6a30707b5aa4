"""The kinds of inputs: good ones to begin with, how they are changed, and what a user does with one."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

import maskexpr as mx
from maskexpr.errors import AxisError
from maskexpr.grid.wcs.projection import PROJECTIONS

from . import grammar
from .mutate import mutate_bytes, mutate_fits, mutate_json, mutate_text

__all__ = ["KINDS", "Kind"]

Input = bytes
GEOM = mx.WcsGeom.create(npix=(12, 9), binsz=2, proj="TAN", skydir=(10, 20))
PLACES = SkyCoord([10.0, 11.5, 200.0, 0.0, 0.0], [20.0, 19.0, -40.0, 90.0, -90.0], unit="deg")
# One mask of so many is put on a map; all are asked at positions.
SOME = 10


@dataclass(frozen=True)
class Kind:
    """A kind of inputs.

    Attributes
    ----------
    seeds : callable
        Good inputs.
    vary : callable
        Makes an input of good ones.
    use : callable
        Reads an input (bytes) under a path in a folder of its own, and uses what it reads.
    suffix : callable
        The suffix of the file for an input.
    in_file : bool
        Whether it is read from a file, which errors must name.
    """

    seeds: Callable[[], Sequence[bytes]]
    vary: Callable[[Random, Sequence[bytes]], bytes]
    use: Callable[[Path, bytes, Random], None]
    suffix: Callable[[Random, bytes], str]
    in_file: bool = True


def _use_mask(mask: mx.Mask, random: Random) -> None:
    """What a user does with a mask that was read."""
    repr(mask)
    try:
        mask.contains(PLACES, geom=GEOM)
    except AxisError:
        return
    if random.randrange(SOME) == 0:
        assert mx.loads(mx.dumps(mask)) == mask
        mask.plan(GEOM)
        mask.compute(GEOM)


# Regions


DS9_WORDS = [
    "circle", "ellipse", "box", "polygon", "annulus", "point", "line", "text", "vector", "panda", "epanda", "bpanda",
    "composite", "image", "physical", "fk5", "icrs", "galactic", "ecliptic", "fk4", "wcs", "linear", "detector",
    "global", "-circle", "!circle", "include=0", "text={a}", "tag={b}", "color=green", "# text", "|| and", "rotbox", "tile",
]  # fmt: skip

DS9 = b"""# Region file format: DS9 version 4.1
global color=green dashlist=8 3 width=1 font="helvetica 10 normal roman" select=1
icrs
circle(10.68,41.26,0.3) # text={M 31; {x}} color=red tag={a}
ellipse(83.6,22.0,0.6,0.2,30)
-circle(83.6,22.0,60")
box(0:40:05,+41:16:08,0.5d,30',45) ; annulus(10,20,1',2',3')
polygon(10,20,11,20,11,21,10.5,20.5)
galactic;point(0,0) # point=x
line(0,0,10,10) # line=0 0
fk5
ellipse(10,20,0.1,0.2,0.3,0.4,10)
# text(10,20) text={hello}
fk4;circle(10,20,3)
ecliptic; circle 10 20 3
"""

IMAGE = b"image;circle(6,5,3);box(3,4,5,2,30)\n-ellipse(6,5,2,1,0)\npolygon(1,1,5,1,5,5)\nphysical;circle(1,2,3)\n"

CRTF_WORDS = [
    "circle", "annulus", "ellipse", "box", "centerbox", "rotbox", "poly", "symbol", "line", "vector", "text", "coord=",
    "J2000", "GALACTIC", "B1950", "ICRS", "pix", "deg", "arcsec", "rad", "range=[1GHz,2GHz]", "corr=[I]", "ann", "global",
    "veltype=RADIO", "color=red", "#CRTFv0", "12h10m00s", "-10.10.10.0", "label='x'", "frame=LSRK", "restfreq=1GHz",
]  # fmt: skip

CRTF = b"""#CRTFv0 CASA Region Text Format version 0
global coord=J2000, color=blue
circle[[10deg, 20deg], 3deg]
+annulus[[17h51m03.2s, -45d17m50s], [0.1deg, 4.12deg]]
ellipse[[83.6deg, 22deg], [0.2deg, 0.6deg], 30deg], coord=ICRS
-centerbox[[10deg, 20deg], [60arcmin, 3600arcsec]]
rotbox[[12h10m00s, 20.10.10.0], [1deg, 2deg], 45deg]
poly[[10deg, 20deg], [11deg, 20deg], [11deg, 21deg]], coord=GALACTIC
symbol[[10deg, 20deg], .]
line[[10deg, 20deg], [11deg, 21deg]]
ann text[[10deg, 20deg], 'my text']
circle[[6pix, 5pix], 3pix]
"""


def _use_ds9(path: Path, data: bytes, random: Random) -> None:
    metric = random.choice(("sky", "sky", "pixel"))
    if random.random() < 0.5:
        _use_mask(mx.Region(data.decode("utf-8", "surrogateescape"), metric=metric), random)
    else:
        path.write_bytes(data)
        _use_mask(mx.Region.read(path, metric=metric), random)


def _use_region_file(path: Path, data: bytes, random: Random) -> None:
    path.write_bytes(data)
    _use_mask(mx.Region.read(path, metric=random.choice(("sky", "pixel"))), random)


@cache
def region_tables() -> list[bytes]:
    """FITS tables of regions, as several programs write them."""
    import regions

    shapes = [
        regions.CirclePixelRegion(regions.PixCoord(6, 5), 3),
        regions.EllipsePixelRegion(regions.PixCoord(6, 5), 3, 2, 30 * u.deg),
        regions.PolygonPixelRegion(regions.PixCoord([1, 5, 5], [1, 1, 5])),
        regions.RectanglePixelRegion(regions.PixCoord(6, 5), 3, 2, 30 * u.deg),
        regions.CircleAnnulusPixelRegion(regions.PixCoord(6, 5), 3, 4),
        regions.PointPixelRegion(regions.PixCoord(6, 5)),
    ]
    made = []
    for some in (shapes[:1], shapes[2:3], shapes):
        table = regions.Regions(some).serialize(format="fits")
        made.append(_bytes_of(fits.BinTableHDU(table, name="REGION")))
    rows = Table(
        {
            "SHAPE": ["CIRCLE", "!CIRCLE", "BOX"],
            "X": [[6.0], [7.0], [3.0]],
            "Y": [[5.0], [5.0], [3.0]],
            "R": [[3.0, 0.0], [1.0, 0.0], [2.0, 4.0]],
            "ROTANG": [[0.0], [0.0], [45.0]],
            "COMPONENT": np.array([1, 1, 2], np.int16),
        }
    )
    made.append(_bytes_of(fits.BinTableHDU(rows, name="REGION")))
    return made


def _bytes_of(*hdus: fits.FitsHDU) -> bytes:
    file = io.BytesIO()
    first = [] if isinstance(hdus[0], fits.PrimaryHDU) else [fits.PrimaryHDU()]
    fits.HDUList([*first, *hdus]).writeto(file)
    return file.getvalue()


# Headers and maps


# Of projections that have no default.
PARAMETER = {
    "AZP": 2.0,
    "COP": 45.0,
    "COE": 45.0,
    "COD": 45.0,
    "COO": 45.0,
    "BON": 45.0,
    "ZPN": 1.0,
    "CYP": 1.0,
}

HEADER_KEYS = [
    "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "WCSAXES", "WCSAXESA", "CTYPE1", "CTYPE2", "CTYPE3", "CUNIT1", "CUNIT2", "CRPIX1",
    "CRPIX2", "CRVAL1", "CRVAL2", "CDELT1", "CDELT2", "PC1_1", "PC1_2", "PC2_1", "PC2_2", "PC1_3", "CD1_1", "CD1_2", "CD2_2",
    "CROTA2", "PV1_1", "PV1_2", "PV2_1", "PV2_2", "PV2_20", "LONPOLE", "LATPOLE", "RADESYS", "EQUINOX", "A_ORDER", "B_ORDER",
    "AP_ORDER", "BP_ORDER", "A_2_0", "A_0_2", "B_1_1", "BITPIX", "BSCALE", "BZERO", "BLANK", "PCOUNT", "GCOUNT", "TFIELDS",
    "TFORM1", "TTYPE1", "TUNIT1", "TDIM1", "TNULL1", "TSCAL1", "TZERO1", "THEAP", "EXTNAME", "XTENSION", "SIMPLE", "END",
    "ZIMAGE", "ZTILE1", "ZCMPTYPE", "ZNAXIS1", "ZBITPIX", "WCSSHAPE", "BANDSHDU", "AXCOLS1", "INTERP1", "BUNIT", "CONTINUE",
    "HISTORY", "COMMENT", "GROUPS", "CPDIS1", "D2IMDIS1", "DP1", "CQDIS1", "MJD-OBS", "DATE-OBS", "HIERARCH", "PS1_0", "CHECKSUM",
]  # fmt: skip


@cache
def headers() -> list[bytes]:
    """Headers of all projections, one with SIP, one of a cube."""
    tan = mx.WcsGeom.create(npix=(12, 9), binsz=2, proj="TAN", skydir=(10, 20)).to_header()
    made = []
    for proj in PROJECTIONS:
        header = tan.copy()
        header.update(CTYPE1=f"RA---{proj}", CTYPE2=f"DEC--{proj}", PV2_1=PARAMETER.get(proj, 0.0))
        if proj not in PARAMETER:
            del header["PV2_1"]
        made.append(header)
    made.append(mx.WcsGeom.allsky(binsz=30, frame="galactic", proj="CAR").to_header())
    sip = mx.WcsGeom.create(npix=(12, 9), binsz=0.1, proj="TAN", skydir=(10, 20)).to_header()
    sip.update(CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=1e-4, B_1_1=-1e-4)
    old = mx.WcsGeom.create(npix=(12, 9), binsz=0.1, proj="TAN", skydir=(10, 20)).to_header()
    old.update(NAXIS=4, NAXIS3=1, NAXIS4=1, CTYPE3="FREQ", CTYPE4="STOKES", CROTA2=30.0, EQUINOX=2000.0)
    return [each.tostring().encode() for each in (*made, sip, old)]


def _use_header(path: Path, data: bytes, random: Random) -> None:
    text = data.decode("latin-1")
    header = fits.Header.fromstring(text)
    _use_geom(mx.WcsGeom.from_header(header), random)


def _use_geom(geom: mx.WcsGeom, random: Random) -> None:
    repr(geom)
    assert mx.WcsGeom.from_header(geom.to_image().to_header()) == geom.to_image()
    geom.contains(PLACES)
    geom.pixel_scales, geom.center_skydir, geom.is_allsky, hash(geom)
    if random.randrange(SOME) == 0:
        geom.footprint  # noqa: B018
        disk = mx.Region("icrs;circle(10,20,5)")
        disk.plan(geom)
        if np.prod(geom.shape) < 1e5:
            disk.compute(geom)


@cache
def maps() -> list[bytes]:
    """Images, cubes, sparse and compressed maps, masks."""
    geom = mx.WcsGeom.create(npix=(12, 9), binsz=2, proj="TAN", skydir=(10, 20))
    header = geom.to_header()
    values = np.arange(108.0).reshape(9, 12)
    image = fits.PrimaryHDU(values.astype(">f4"), header)
    scaled = fits.ImageHDU(values.astype(">i2"), header, name="COUNTS")
    scaled.header["BLANK"] = -5
    axis = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 2)
    cube = fits.PrimaryHDU(np.zeros((2, 9, 12), np.uint8), header)
    cube.header["BANDSHDU"] = "BANDS"
    from maskexpr.grid.wcs.header import bands_hdu

    sparse = fits.BinTableHDU.from_columns(
        [fits.Column("PIX", "J", array=[1, 5, 100]), fits.Column("VALUE", "E", array=[1, 2, 3])],
        name="SKYMAP",
    )
    for card in header.cards:
        if card.keyword not in ("NAXIS", "NAXIS1", "NAXIS2"):
            sparse.header.append(card)
    sparse.header["WCSSHAPE"] = "(12,9)"
    packed = fits.CompImageHDU(values.astype(">i4"), header, name="PACKED")
    mask = fits.ImageHDU((values > 50).astype(np.uint8), header, name="MASK")
    return [
        _bytes_of(image),
        _bytes_of(scaled),
        _bytes_of(cube, bands_hdu([axis])),
        _bytes_of(sparse),
        _bytes_of(packed),
        _bytes_of(mask),
        _bytes_of(image, scaled, mask),
    ]


def _packed(random: Random, data: bytes) -> bytes:
    """Sometimes gzipped, and sometimes damaged then."""
    if random.random() > 0.2:
        return data
    data = random.choice((gzip.compress, gzip.compress, bz2.compress))(data)
    return mutate_bytes(random, [data]) if random.random() < 0.3 else data


def _vary_map(random: Random, seeds: Sequence[bytes]) -> bytes:
    return _packed(random, mutate_fits(random, seeds, HEADER_KEYS))


def _use_map(path: Path, data: bytes, random: Random) -> None:
    path.write_bytes(data)
    what = random.randrange(4)
    if what == 0:
        _use_geom(mx.WcsGeom.read(path), random)
    elif what == 1:
        array = mx.read_map(path)
        if array.size < 1e5:
            array.compute()
    elif what == 2:
        array = mx.read_mask(path)
        if array.size < 1e5:
            array.compute()
    else:
        mask = mx.Threshold(str(path), ">", 50.0, nan=random.choice((False, True, "raise")))
        if not mask.axes():
            _use_mask(mask, random)


@cache
def stores() -> list[bytes]:
    """zarr stores, each file of it a member of a JSON object (in Latin-1)."""
    import tempfile

    made = []
    with tempfile.TemporaryDirectory(prefix="maskexpr-") as folder:
        for name, geom in (("a", GEOM), ("b", GEOM.to_cube([mx.Axis("e", [1, 2, 3] * u.TeV)]))):
            path = Path(folder) / f"{name}.zarr"
            mx.Region("icrs;circle(10,20,5)").write(path, geom, chunks=5)
            files = {
                str(f.relative_to(path)): f.read_bytes().decode("latin-1")
                for f in path.rglob("*")
                if f.is_file()
            }
            made.append(json.dumps(files).encode())
    return made


STORE_WORDS = [
    "zarr.json", ".zarray", "shape", "chunk_shape", "codecs", "bytes", "blosc", "zstd", "pickle", "numcodecs.pickle", "json2",
    "data_type", "float64", "object", "string", "bool", "fill_value", "attributes", "node_type", "group", "array", "consolidated_metadata",
    "metadata", "mask", "sky_wcs", "x", "y", "dimension_names", "fits_header", "axes", "grid_mapping", "finished", "sharding_indexed",
    "units", "seconds since 1-1-1", "scale_factor", "_FillValue", "calendar", "dtype", "<f8", "|O", "compressor", "filters", "order",
]  # fmt: skip


def _vary_store(random: Random, seeds: Sequence[bytes]) -> bytes:
    files = json.loads(random.choice(seeds))
    if "zarr.json" in files and random.random() < 0.7:
        # Most readers look at the consolidated metadata alone.
        data = mutate_json(random, [files["zarr.json"].encode("latin-1")], STORE_WORDS)
        return json.dumps({**files, "zarr.json": data.decode("latin-1")}).encode()
    name = random.choice(sorted(files))
    if random.random() < 0.1:
        del files[name]
    else:
        data = files[name].encode("latin-1")
        data = (
            mutate_bytes(random, [data])
            if random.random() < 0.5
            else mutate_text(random, [data], STORE_WORDS)
        )
        files[name] = data.decode("latin-1")
    return json.dumps(files).encode()


def _use_store(path: Path, data: bytes, random: Random) -> None:
    shutil.rmtree(path, ignore_errors=True)
    for name, text in json.loads(data).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(text.encode("latin-1"))
    read = random.choice((mx.read_mask, mx.read_map))
    try:
        array = read(path)
        if array.size < 1e5:
            array.compute()
    finally:
        shutil.rmtree(path, ignore_errors=True)


# Catalogues


CATALOGUE_WORDS = [
    "RAJ2000", "DEJ2000", "ra", "dec", "GLON", "GLAT", "radius", "deg", "arcsec", "rad", "hourangle", "float64", "string", "object",
    "int8", "!!python/object:os.system", "!astropy.units.Unit {unit: deg}", "&a [*a,*a]", "*a", "- {name: x, datatype: float64}",
    "# %ECSV 1.0", "# ---", "# schema: astropy-2.0", "meta: !!omap", "subtype: json", "<TABLEDATA>", "<BINARY>", "<STREAM>", "</TD>",
    "<FIELD name='ra' datatype='double'/>", "arraysize='10000000000'", "nrows='100000000'", "<!DOCTYPE a>", "<!ENTITY a 'b'>", "&a;",
    "<STREAM href='file:///etc/passwd'/>", "<STREAM href='http://127.0.0.1:9/x'/>", "encoding='base64'", "<![CDATA[", "<!--", "<TR><TD>1</TD></TR>",
]  # fmt: skip


@cache
def catalogues() -> list[bytes]:
    """Tables of sources as FITS, VOTable, ECSV and CSV."""
    table = Table(
        {
            "name": ["a", "b", "c"],
            "RAJ2000": [10.0, 11.0, 12.0] * u.deg,
            "DEJ2000": [20.0, 21.0, -22.0] * u.deg,
            "radius": [0.5, 1.0, 2.0] * u.deg,
        }
    )
    made = [_bytes_of(fits.BinTableHDU(table, name="SOURCES"))]
    columns = [
        fits.Column("RA", "E", unit="deg", array=[1.0, 2.0]),
        fits.Column("DEC", "D", unit="deg", array=[3.0, 4.0]),
        fits.Column("L", "PD()", array=np.array([np.ones(2), np.ones(3)], dtype=object)),
        fits.Column("V", "3J", dim="(3)", array=np.ones((2, 3))),
    ]
    made.append(_bytes_of(fits.BinTableHDU.from_columns(columns, name="LISTS")))
    made.append(
        _bytes_of(
            fits.TableHDU.from_columns([fits.Column(n, "F8.3", array=[1.0, 2.0]) for n in ("RA", "DEC")])
        )
    )
    for form in ("votable", "ascii.ecsv", "ascii.csv"):
        file = io.BytesIO() if form == "votable" else io.StringIO()
        table.write(file, format=form)
        text = file.getvalue()
        made.append(text if isinstance(text, bytes) else text.encode())
    binary = io.BytesIO()
    table.write(binary, format="votable", tabledata_format="binary")
    return [*made, binary.getvalue()]


def _vary_catalogue(random: Random, seeds: Sequence[bytes]) -> bytes:
    chosen = [random.choice(seeds)]
    if chosen[0].startswith(b"SIMPLE"):
        return _packed(random, mutate_fits(random, chosen, HEADER_KEYS))
    return _packed(random, mutate_text(random, chosen, CATALOGUE_WORDS))


def _catalogue_suffix(random: Random, data: bytes) -> str:
    for start, suffix in (
        (b"SIMPLE", ".fits"),
        (b"<?xml", ".vot"),
        (b"# %ECSV", ".ecsv"),
        (b"\x1f\x8b", ".fits.gz"),
    ):
        if data.startswith(start):
            return suffix
    return random.choice((".csv", ".ecsv", ".vot", ".fits", ".csv.gz", ".txt", ".fits.bz2"))


def _use_catalogue(path: Path, data: bytes, random: Random) -> None:
    path.write_bytes(data)
    radius = random.choice(("1 deg", "1 deg", "radius"))
    _use_mask(mx.Catalog.read(path, radius=radius), random)


# Expressions


EXPRESSION_WORDS = [
    "or", "and", "xor", "not", "allsky", "nosky", "region", "catalog", "band", "boundary", "dilate", "erode", "open", "close",
    "fill_holes", "remove_small", "threshold", "hysteresis", "raster", "axisrange", "circle", "ellipse", "polygon", "compound",
    "line", "point", "whole_sky", "rectangle_annulus", "file", "array", "tag", "masks", "mask", "shape", "metric", "radius", "frame",
    "lon", "lat", "unit", "kernel", "axis", "deg", "pix", "sky", "pixel", "disk", "box", "icrs", "galactic", "fk5", "image", "energy",
    "deg2", "pix2", "minus", "formula", "shapes", "path", "hdu", "header", "axes", "values", "<f8", "<i8", "|b1", "O", "V8", "<U4",
    "(1000000000,)f8", "f8,f8", "maskexpr", "hash", "nodes", "connectivity", "linked", "op", ">", "nan", "raise", "node", "record",
]  # fmt: skip


@cache
def expressions() -> list[bytes]:
    """Expressions that hold every node, and most shapes."""
    disk = mx.Region("icrs;circle(10,20,5)")
    sources = mx.Catalog(SkyCoord([10, 11], [20, 21], unit="deg"), [1, 2] * u.deg)
    data = (np.arange(108.0).reshape(9, 12), GEOM)
    shapes = mx.Region(
        "icrs;ellipse(10,20,3,1,30);-box(10,20,1,2,3);polygon(9,19,12,19,12,22);annulus(10,20,1,2)\ngalactic;circle(0,0,3)"
    )
    masks = [
        ~(disk | sources) ^ mx.Band(lat=("-5 deg", "5 deg"), frame="galactic"),
        shapes & mx.AllSky() | mx.NoSky(),
        mx.Region("icrs;line(9,19,12,22);point(10,20)"),
        mx.Region("image;circle(5,5,3)", metric="pixel"),
        disk.dilate("1 deg").erode(2 * u.pix, metric="pixel").open("1 deg", kernel="box").close("1 deg"),
        mx.Threshold(data, ">", 50.0).fill_holes().remove_small("3 deg2"),
        mx.Hysteresis(data, 20, 50) | mx.Raster((data[0] > 3, GEOM)),
        mx.Boundary("1 deg") & mx.AxisRange("energy", "1 TeV", "10 TeV"),
        mx.Threshold("absent.fits", ">", 3),
    ]
    made = [mx.dumps(each).encode() for each in masks]
    nodes = [{"tag": "region", **disk.to_dict()["nodes"][0]}, {"tag": "nosky"}]
    for i in range(2, 8):
        nodes.append({"tag": random_tag(i), "masks": [{"node": i - 1}, {"node": i - 1}, {"node": i - 2}]})
    return [*made, json.dumps({"maskexpr": 1, "nodes": nodes}).encode()]


def random_tag(i: int) -> str:
    return ("xor", "or", "xor", "and")[i % 4]


def _use_expression(path: Path, data: bytes, random: Random) -> None:
    mask = mx.loads(data)
    repr(mask), str(mask), hash(mask)
    assert mx.loads(mx.dumps(mask)) == mask
    _use_mask(mask, random)


def _lines(text: bytes, head: bytes) -> list[bytes]:
    """Each line as a file of its own: a fault in one does not hide what comes of another."""
    return [head + line for line in text.splitlines() if line]


def _fixed(suffix: str) -> Callable[[Random, bytes], str]:
    return lambda random, data: suffix


KINDS: dict[str, Kind] = {
    "ds9": Kind(
        lambda: [DS9, IMAGE, *_lines(DS9, b"icrs\n"), *_lines(IMAGE, b"image\n")],
        partial(grammar.vary, grammar.ds9, DS9_WORDS),
        _use_ds9,
        _fixed(".reg"),
        in_file=False,
    ),
    "crtf": Kind(
        lambda: [CRTF, *_lines(CRTF, b"#CRTFv0\n")],
        partial(grammar.vary, grammar.crtf, CRTF_WORDS),
        _use_region_file,
        _fixed(".crtf"),
    ),
    "regions": Kind(
        region_tables,
        lambda random, seeds: _packed(random, mutate_fits(random, seeds, HEADER_KEYS)),
        _use_region_file,
        _fixed(".fits"),
    ),
    "headers": Kind(
        headers,
        lambda random, seeds: mutate_fits(random, seeds, HEADER_KEYS),
        _use_header,
        _fixed(".hdr"),
        in_file=False,
    ),
    "maps": Kind(maps, _vary_map, _use_map, _fixed(".fits")),
    "stores": Kind(stores, _vary_store, _use_store, _fixed(".zarr")),
    "catalogues": Kind(catalogues, _vary_catalogue, _use_catalogue, _catalogue_suffix),
    "expressions": Kind(
        expressions,
        lambda random, seeds: mutate_json(random, seeds, EXPRESSION_WORDS),
        _use_expression,
        _fixed(".json"),
        in_file=False,
    ),
}

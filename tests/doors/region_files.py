# ruff: noqa: E501  # what a producer writes on one line stays on one line
"""Region files as their producers write them, each with what it means; and what is refused, with the words.

What a file means is a function of the map: pixel centres by formulas of their own (`tests.plane_oracle`), none
of which goes through a parser. The texts were written from the formats' documentation and from what the
producers write.
"""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from tests import plane_oracle as oracle
from tests.plane_oracle import Form, disc, loop, oval, slab, turned, turned_in_pixels

Bools = NDArray[np.bool_]

SIZE = 61
CENTRE = (83.6, 22.0)
STEP = 0.02


def wcs_of(frame: str = "icrs", cdelt: tuple[float, float] = (-STEP, STEP), transposed: bool = False) -> WCS:
    """A TAN map of 61 x 61 pixels of 0.02 deg about RA 83.6, Dec 22."""
    wcs = WCS(naxis=2)
    at = SkyCoord(*CENTRE, unit="deg").transform_to(frame).spherical
    names = ["GLON-TAN", "GLAT-TAN"] if frame == "galactic" else ["RA---TAN", "DEC--TAN"]
    centre = [at.lon.deg, at.lat.deg]
    if transposed:
        names, centre = names[::-1], centre[::-1]
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt, wcs.wcs.crpix = names, centre, cdelt, [31, 31]
    if frame != "galactic":
        wcs.wcs.radesys = frame.upper()
    return wcs


MAPS = {
    "icrs": wcs_of(),
    "galactic": wcs_of("galactic"),
    "flipped": wcs_of(cdelt=(-STEP, -STEP)),
    "transposed": wcs_of(cdelt=(STEP, -STEP), transposed=True),
}

Truth = Callable[[WCS], Bools]
SHAPE = (SIZE, SIZE)


def sky(form: Form, lon: float, lat: float, frame: str = "icrs") -> Truth:
    """A form on the sphere."""
    return lambda wcs: form(*oracle.on_sky(wcs, SHAPE, SkyCoord(lon, lat, unit="deg", frame=frame)))


def plane(form: Form, lon: float, lat: float, frame: str = "icrs") -> Truth:
    """A form of the sky on the plane of the pixels."""
    return lambda wcs: form(*oracle.on_plane(wcs, SHAPE, SkyCoord(lon, lat, unit="deg", frame=frame)))


def pix(form: Form, x: float, y: float) -> Truth:
    """A form in pixels, which count from 0."""
    return lambda wcs: form(*oracle.in_pixels(SHAPE, x, y))


def polygon(lon: Iterable[float], lat: Iterable[float], frame: str = "icrs") -> Truth:
    """Great circles are straight on a TAN map."""

    def truth(wcs: WCS) -> Bools:
        x, y = wcs.world_to_pixel(SkyCoord(list(lon), list(lat), unit="deg", frame=frame))
        return loop(x, y)(*oracle.in_pixels(SHAPE, 0, 0))

    return truth


def both(*truths: Truth) -> Truth:
    """The union."""
    return lambda wcs: np.logical_or.reduce([truth(wcs) for truth in truths])


def less(first: Truth, *others: Truth) -> Truth:
    """What is in the first and in none of the others."""
    return lambda wcs: first(wcs) & ~both(*others)(wcs)


def shared(first: Truth, second: Truth) -> Truth:
    """What is in two."""
    return lambda wcs: first(wcs) & second(wcs)


def everything(wcs: WCS) -> Bools:
    """All pixels."""
    return np.ones(SHAPE, dtype=bool)


def pixel_of(lon: float, lat: float, frame: str = "icrs") -> Truth:
    """The one pixel that holds a position."""

    def truth(wcs: WCS) -> Bools:
        x, y = wcs.world_to_pixel(SkyCoord(lon, lat, unit="deg", frame=frame))
        out = np.zeros(SHAPE, dtype=bool)
        out[math.floor(y + 0.5), math.floor(x + 0.5)] = True
        return out

    return truth


class Read(NamedTuple):
    """A file that is read: the kind of fault it is of, its content, how it is read, what it means."""

    kind: str
    name: str
    content: str | bytes
    options: dict[str, Any]
    truth: Truth
    map: str = "icrs"
    # Pixels that may differ: where the formula is not exact.
    apart: int = 0


class Refused(NamedTuple):
    """A file that is refused, and words of the error."""

    kind: str
    name: str
    content: str | bytes
    options: dict[str, Any]
    words: tuple[str, ...]


READ: list[Read] = []
REFUSED: list[Refused] = []
PIXEL = {"metric": "pixel"}


def read(kind: str, name: str, content: str | bytes, truth: Truth, map: str = "icrs", **options: Any) -> None:
    """Add a case."""
    apart = options.pop("apart", 0)
    READ.append(Read(kind, name, content, options, truth, map, apart))


def refuse(kind: str, name: str, content: str | bytes, *words: str, **options: Any) -> None:
    """Add a case."""
    REFUSED.append(Refused(kind, name, content, options, words))


def table(
    rows: list[tuple[str, Any, Any, Any, Any]],
    header: dict[str, Any] | None = None,
    names: tuple[str, ...] = ("X", "Y", "R", "ROTANG"),
    units: dict[str, str] | None = None,
    extname: str = "REGION",
    width: int = 1,
    fill: float = 0.0,
    **extra: Any,
) -> bytes:
    """A FITS file of one table of shapes, vectors padded to the longest."""
    columns = [fits.Column("SHAPE", "16A", array=[row[0] for row in rows])]
    for place, name in enumerate(names, start=1):
        values = [np.atleast_1d(np.asarray(row[place], dtype=float)) for row in rows]
        longest = max(width if place < 3 else 1, *(len(each) for each in values))
        padded = [np.pad(each, (0, longest - len(each)), constant_values=fill) for each in values]
        form = "D" if longest == 1 else f"{longest}D"
        array = np.array(padded)[:, 0] if longest == 1 else np.array(padded)
        columns.append(fits.Column(name, form, unit=(units or {}).get(name), array=array))
    for name, values in extra.items():
        columns.append(fits.Column(name, "J" if isinstance(values[0], int) else "20A", array=values))
    hdu = fits.BinTableHDU.from_columns(columns, name=extname)
    hdu.header.update(header or {})
    return written(hdu)


def written(*hdus: Any) -> bytes:
    """The bytes of a FITS file."""
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file)
    return file.getvalue()


# ---- 2: one check, one set of words, whichever format ---------------------------------------------------------

TURNED = turned(30, oval(0.9, 0.3))
read("2", "ellipse, DS9", "icrs;ellipse(83.6,22,0.45,0.15,30)", sky(TURNED, *CENTRE))
read(
    "2",
    "ellipse, CRTF",
    "#CRTFv0\nellipse[[83.6deg, 22deg], [0.15deg, 0.45deg], 30deg] coord=ICRS",
    sky(TURNED, *CENTRE),
)
read("2", "ellipse, STC-S", "Ellipse ICRS 83.6 22 0.15 0.45 30", sky(TURNED, *CENTRE))
SKY_HEADER = {"RADESYS": "ICRS"}
DEGREES = {"RA": "deg", "DEC": "deg", "R": "deg", "ROTANG": "deg"}
ON_SKY = ("RA", "DEC", "R", "ROTANG")
read(
    "2",
    "ellipse, FITS",
    table([("ELLIPSE", 83.6, 22, [0.45, 0.15], 30)], SKY_HEADER, ON_SKY, DEGREES),
    sky(TURNED, *CENTRE),
)
BOX = turned(20, slab(0.8, 0.3))
read("2", "box, DS9", "fk5;box(83.6,22,0.8,0.3,20)", sky(BOX, *CENTRE, "fk5"))
read(
    "2",
    "box, CRTF",
    "#CRTFv0\nrotbox[[83.6deg, 22deg], [0.8deg, 0.3deg], 20deg], coord=J2000",
    sky(BOX, *CENTRE, "fk5"),
)
read(
    "2",
    "box, FITS",
    table([("ROTBOX", 83.6, 22, [0.8, 0.3], 20)], {"RADESYS": "FK5"}, ON_SKY, DEGREES),
    sky(BOX, *CENTRE, "fk5"),
)
for form, content in {
    "DS9": "circle(83.6,22,0.3)",
    "CRTF": "#CRTFv0\ncircle[[83.6deg, 22deg], 0.3deg]",
    "STC-S": "Circle UNKNOWNFrame 83.6 22 0.3",
    "FITS": table([("CIRCLE", 83.6, 22, 0.3, 0)], None, ON_SKY, DEGREES),
}.items():
    refuse("2", f"no frame, {form}", content, "frame", "frame='icrs'")
    read("2", f"the user's frame, {form}", content, sky(disc(0.3), *CENTRE), frame="icrs")
for form, content in {
    "DS9": "icrs;circle(83.6,22,-0.3)",
    "CRTF": "#CRTFv0\ncircle[[83.6deg, 22deg], -0.3deg], coord=ICRS",
    "STC-S": "Circle ICRS 83.6 22 -0.3",
    "FITS": table([("CIRCLE", 83.6, 22, -0.3, 0)], SKY_HEADER, ON_SKY, DEGREES),
}.items():
    refuse("2", f"negative radius, {form}", content, "radius must not be negative")
for form, content in {
    "DS9": "icrs;circle(83.6,95,0.3)",
    "CRTF": "#CRTFv0\ncircle[[83.6deg, 95deg], 0.3deg], coord=ICRS",
    "STC-S": "Circle ICRS 83.6 95 0.3",
    "FITS": table([("CIRCLE", 83.6, 95, 0.3, 0)], SKY_HEADER, ON_SKY, DEGREES),
}.items():
    refuse("2", f"beyond the pole, {form}", content, "latitude 95 deg is beyond the pole")
refuse("2", "pixels on the sky, DS9", "image;circle(3,4,5)", "line 1", "metric='pixel'")
refuse("2", "pixels on the sky, CRTF", "#CRTFv0\ncircle[[3pix, 4pix], 5pix]", "line 2", "metric='pixel'")
refuse("2", "pixels on the sky, FITS", table([("CIRCLE", 3, 4, 5, 0)]), "row 1", "metric='pixel'")
refuse(
    "2",
    "a position in pixels, a length in degrees",
    "#CRTFv0\ncircle[[3pix, 4pix], 5deg]",
    "is not in pixels",
    **PIXEL,
)
refuse(
    "2",
    "a position in degrees, a length in pixels",
    "#CRTFv0\ncircle[[3deg, 4deg], 5pix], coord=ICRS",
    "no angle",
)
refuse(
    "2",
    "a column of degrees and one of pixels",
    table([("CIRCLE", 3, 4, 5, 0)], units={"X": "deg"}),
    "X is in",
    **PIXEL,
)
refuse(
    "2",
    "sizes in degrees of pixels",
    table([("CIRCLE", 3, 4, 5, 0)], units={"R": "deg"}),
    "R is in 'deg'",
    **PIXEL,
)
refuse(
    "2",
    "sizes without a unit on the sky",
    table([("CIRCLE", 83, 4, 5, 0)], SKY_HEADER, ON_SKY, {}),
    "R has no unit",
)
refuse("2", "an unknown frame", "#CRTFv0\ncircle[[3deg, 4deg], 5deg], coord=AZEL", "AZEL", "GALACTIC")

# ---- 3: what pixels count from --------------------------------------------------------------------------------

HERE = pix(disc(5.2), 19, 29)
read("3", "DS9", "image;circle(20,30,5.2)", HERE, **PIXEL)
read("3", "FITS", table([("CIRCLE", 20, 30, 5.2, 0)]), HERE, **PIXEL)
read("3", "CRTF", "#CRTFv0\ncircle[[19pix, 29pix], 5.2pix]", HERE, **PIXEL)
read("3", "CRTF with a sky's coord", "#CRTFv0\ncircle[[19pix, 29pix], 5.2pix] coord=J2000", HERE, **PIXEL)
read("3", "DS9, origin 0", "image;circle(19,29,5.2)", HERE, origin=0, **PIXEL)
read("3", "CRTF, origin 1", "#CRTFv0\ncircle[[20pix, 30pix], 5.2pix]", HERE, origin=1, **PIXEL)
read("3", "FITS, origin 0", table([("CIRCLE", 19, 29, 5.2, 0)]), HERE, origin=0, **PIXEL)
BY_REGIONS = {"ORIGIN": "astropy/regions"}
read("3", "FITS of the package regions", table([("circle", 19, 29, 5.2, 0)], BY_REGIONS), HERE, **PIXEL)
read(
    "3",
    "FITS of the package regions, rewritten",
    table([("circle", 20, 30, 5.2, 0)], BY_REGIONS),
    HERE,
    origin=1,
    **PIXEL,
)
read(
    "3",
    "CRTF of the package regions",
    "#CRTFv0\nglobal coord=IMAGE\ncircle[[19.000000deg, 29.000000deg], 5.200000deg]\n",
    HERE,
    origin=0,
    **PIXEL,
)
read(
    "3",
    "DS9 of the package regions",
    "# Region file format: DS9 astropy/regions\nimage\ncircle(20.0000,30.0000,5.2000)\n",
    HERE,
    **PIXEL,
)
read("3", "box, DS9", "image;box(20,30,9,5,20)", pix(turned_in_pixels(20, slab(9, 5)), 19, 29), **PIXEL)
read(
    "3",
    "box, FITS",
    table([("ROTBOX", 20, 30, [9, 5], 20)]),
    pix(turned_in_pixels(20, slab(9, 5)), 19, 29),
    **PIXEL,
)
read(
    "3",
    "ellipse, DS9",
    "image;ellipse(20,30,9.3,5.1,20)",
    pix(turned_in_pixels(20, oval(18.6, 10.2)), 19, 29),
    **PIXEL,
)
read(
    "3",
    "ellipse, CRTF: the first axis from +y on",
    "#CRTFv0\nellipse[[19pix, 29pix], [5.1pix, 9.3pix], 20deg]",
    pix(turned_in_pixels(20, oval(18.6, 10.2)), 19, 29),
    **PIXEL,
)
read("3", "annulus, DS9", "image;annulus(20,30,4.3,8.1)", pix(disc(8.1, 4.3), 19, 29), **PIXEL)
read("3", "annulus, FITS", table([("ANNULUS", 20, 30, [4.3, 8.1], 0)]), pix(disc(8.1, 4.3), 19, 29), **PIXEL)
read(
    "3",
    "polygon, DS9",
    "image;polygon(11.5,11.5,41.5,11.5,26.5,41.5)",
    pix(loop([10.5, 40.5, 25.5], [10.5, 10.5, 40.5]), 0, 0),
    **PIXEL,
)
read(
    "3",
    "rectangle by corners, CIAO",
    "image;rectangle(11.5,12.5,31.5,22.5)",
    pix(slab(20, 10), 20.5, 16.5),
    **PIXEL,
)
read(
    "3",
    "rectangle by corners, FITS",
    table([("RECTANGLE", [11.5, 31.5], [12.5, 22.5], 0, 0)]),
    pix(slab(20, 10), 20.5, 16.5),
    **PIXEL,
)
read(
    "3",
    "box by corners, CRTF",
    "#CRTFv0\nbox[[10.5pix, 11.5pix], [30.5pix, 21.5pix]]",
    pix(slab(20, 10), 20.5, 16.5),
    **PIXEL,
)
LTM = {"LTM1_1": 0.5, "LTM2_2": 0.5, "LTV1": -10.0, "LTV2": 4.0}
CIAO_P = {"CRPIX1P": 0.5, "CRVAL1P": 21.0, "CDELT1P": 2.0, "CRPIX2P": 0.5, "CRVAL2P": -7.0, "CDELT2P": 2.0}
read("3", "physical, the whole file", "physical;circle(20,30,5.2)", HERE, physical="image", **PIXEL)
read("3", "physical, LTM and LTV", "physical;circle(60,52,10.4)", HERE, physical=LTM, **PIXEL)
read("3", "physical, CIAO's P", "physical;circle(60,52,10.4)", HERE, physical=CIAO_P, **PIXEL)
read(
    "3", "no frame, the user's physical", "circle(60,52,10.4)", HERE, frame="physical", physical=LTM, **PIXEL
)
read("3", "no frame, the user's image", "circle(20,30,5.2)", HERE, frame="image", **PIXEL)
SKY_TABLE = {
    "TCTYP2": "RA---TAN", "TCTYP3": "DEC--TAN", "TCRVL2": 83.6, "TCRVL3": 22.0, "TCRPX2": 4096.5, "TCRPX3": 4096.5,
    "TCDLT2": -0.002, "TCDLT3": 0.002, "RADECSYS": "ICRS", "MTYPE1": "sky", "MFORM1": "X,Y",
}  # fmt: skip
read(
    "3",
    "event pixels mean the sky",
    table([("CIRCLE", 4096.5, 4096.5, 150, 0)], SKY_TABLE),
    sky(disc(0.3), *CENTRE),
)
read(
    "3",
    "event pixels, a turned box aside",
    table([("ROTBOX", 4196.5, 4146.5, [200, 80], 35)], SKY_TABLE),
    lambda wcs: turned_in_pixels(35, slab(20, 8))(*oracle.in_pixels(SHAPE, 40, 35)),
    apart=1,
)
read(
    "3",
    "event pixels, a mirrored table",
    table([("ELLIPSE", 4196.5, 4146.5, [100, 40], 35)], {**SKY_TABLE, "TCDLT2": 0.002}),
    lambda wcs: turned_in_pixels(-35, oval(20, 8))(*oracle.in_pixels(SHAPE, 20, 35)),
    apart=1,
)
read(
    "3",
    "event pixels, a polygon",
    table([("POLYGON", [4000, 4200, 4100], [4000, 4050, 4200], 0, 0)], SKY_TABLE),
    lambda wcs: loop([20.35, 40.35, 30.35], [20.35, 25.35, 40.35])(*oracle.in_pixels(SHAPE, 0, 0)),
)
refuse("3", "physical", "physical;circle(3,4,5)", "physical", "physical='image'", **PIXEL)
refuse(
    "3", "physical that turns", "physical;circle(3,4,5)", "turns", physical={**LTM, "LTM1_2": 0.1}, **PIXEL
)
refuse(
    "3",
    "physical that stretches",
    "physical;circle(3,4,5)",
    "stretches",
    physical={**LTM, "LTM1_1": 1.0},
    **PIXEL,
)
refuse("3", "an origin of the sky", "icrs;circle(83,22,1)", "origin", "applies to nothing", origin=0)
refuse("3", "an origin of event pixels", table([("CIRCLE", 4096, 4096, 5, 0)], SKY_TABLE), "origin", origin=0)
refuse("3", "an origin of 2", "image;circle(3,4,5)", "0 or 1", origin=2, **PIXEL)
refuse(
    "3",
    "pixels written as degrees",
    "#CRTFv0\nglobal coord=image\ncircle[[3deg, 4deg], 5deg]",
    "origin=0",
    **PIXEL,
)
refuse(
    "3", "DETX", table([("CIRCLE", 3, 4, 5, 0)], names=("DETX", "DETY", "R", "ROTANG")), "detector", **PIXEL
)

# ---- 4: rows that are filled up -------------------------------------------------------------------------------

TRIANGLE = ([11.5, 41.5, 26.5], [11.5, 11.5, 41.5])
PENTAGON = ([46.5, 56.5, 59.5, 51.5, 45.5], [21.5, 21.5, 31.5, 41.5, 31.5])
TWO = both(
    pix(loop([10.5, 40.5, 25.5], [10.5, 10.5, 40.5]), 0, 0),
    pix(loop([45.5, 55.5, 58.5, 50.5, 44.5], [20.5, 20.5, 30.5, 40.5, 30.5]), 0, 0),
)


def padded(first: float | None, fill: float = 0.0, width: int = 1, again: int = 0) -> bytes:
    """The triangle and the pentagon, the triangle with vertices more: its own again, or what fills."""
    x, y = (list(each) for each in TRIANGLE)
    if first is not None:
        x, y = [*x, *[x[int(first)]] * again], [*y, *[y[int(first)]] * again]
    return table([("POLYGON", x, y, 0, 0), ("POLYGON", *PENTAGON, 0, 0)], width=width, fill=fill)


read("4", "zeros", padded(None), TWO, **PIXEL)
read("4", "zeros, longer than any", padded(None, width=9), TWO, **PIXEL)
read("4", "NaN", padded(None, fill=np.nan), TWO, **PIXEL)
read("4", "NaN, longer than any", padded(None, fill=np.nan, width=9), TWO, **PIXEL)
read("4", "closed, then zeros", padded(0, again=1), TWO, **PIXEL)
read("4", "closed, then NaN", padded(0, fill=np.nan, again=1), TWO, **PIXEL)
read("4", "the first again and again", padded(0, again=2), TWO, **PIXEL)
read("4", "the last again and again", padded(-1, again=2), TWO, **PIXEL)
read("4", "the last again, then zeros", padded(-1, again=1), TWO, **PIXEL)
read(
    "4",
    "of the package regions",
    table(
        [
            ("polygon", [10.5, 40.5, 25.5], [10.5, 10.5, 40.5], 0, 0),
            ("polygon", *np.array(PENTAGON) - 1, 0, 0),
        ],
        BY_REGIONS,
    ),
    TWO,
    **PIXEL,
)
read(
    "4",
    "a vertex at the first pixel",
    table([("polygon", [20.2, 7.7, 0], [3.3, 30.3, 0], 0, 0)], BY_REGIONS),
    pix(loop([20.2, 7.7, 0], [3.3, 30.3, 0]), 0, 0),
    apart=1,
    **PIXEL,
)
read(
    "4",
    "circles among polygons",
    table([("CIRCLE", 20, 30, 5.2, 0), ("POLYGON", *PENTAGON, 0, 0)]),
    both(HERE, pix(loop(*np.array(PENTAGON) - 1), 0, 0)),
    **PIXEL,
)
refuse(
    "4",
    "NaN between vertices",
    table([("POLYGON", [1, np.nan, 4, 9], [1, 2, 8, 3], 0, 0)]),
    "row 1",
    "vertex 2",
    **PIXEL,
)
refuse(
    "4", "two vertices", table([("POLYGON", [1, 5, 0], [1, 8, 0], 0, 0)]), "row 1", "three distinct", **PIXEL
)

# ---- 5: what it holds, not what it is called ------------------------------------------------------------------

CIRCLE = sky(disc(0.3), *CENTRE)
DS9_CIRCLE = "icrs\ncircle(83.6,22,0.3)\n"
CRTF_CIRCLE = "#CRTFv0\ncircle[[83.6deg, 22deg], 0.3deg], coord=ICRS\n"
read("5", "DS9 called x.fits", DS9_CIRCLE, CIRCLE, file="x.fits")
read("5", "DS9 called x.crtf", DS9_CIRCLE, CIRCLE, file="x.crtf")
read("5", "CRTF called x.reg", CRTF_CIRCLE, CIRCLE, file="x.reg")
read("5", "CRTF called x.fits.gz", CRTF_CIRCLE, CIRCLE, file="x.fits.gz")
read("5", "FITS called x.reg", table([("CIRCLE", 20, 30, 5.2, 0)]), HERE, file="x.reg", **PIXEL)
read("5", "FITS called x", table([("CIRCLE", 20, 30, 5.2, 0)]), HERE, file="x", **PIXEL)
read("5", "STC-S called x.reg", "Circle ICRS 83.6 22 0.3\n", CIRCLE, file="x.reg")
read("5", "gzip without saying so, DS9", gzip.compress(DS9_CIRCLE.encode()), CIRCLE, file="x.reg")
read("5", "gzip without saying so, CRTF", gzip.compress(CRTF_CIRCLE.encode()), CIRCLE, file="x.crtf")
read("5", "gzip, FITS", gzip.compress(table([("CIRCLE", 20, 30, 5.2, 0)])), HERE, file="x.reg", **PIXEL)
read("5", "CRTF without its first line", "circle[[83.6deg, 22deg], 0.3deg], coord=ICRS", CIRCLE)
TWICE = written(*(fits.open(io.BytesIO(table([("CIRCLE", 20 + 9 * i, 30, 5.2, 0)])))[1] for i in range(2)))
read("5", "the second of two tables", TWICE, pix(disc(5.2), 28, 29), hdu=2, **PIXEL)
refuse("5", "two tables of regions", TWICE, "2 tables of regions", "hdu= 1, 2", **PIXEL)
refuse("5", "an HDU that is none", TWICE, "no HDU 7", "1 REGION", hdu=7, **PIXEL)
refuse("5", "an HDU of text", DS9_CIRCLE, "hdu", "applies to nothing", hdu=1)
refuse("5", "a frame for nothing", DS9_CIRCLE, "frame", "applies to nothing", frame="fk5")
refuse("5", "physical for nothing", DS9_CIRCLE, "physical", "applies to nothing", physical="image")
refuse("5", "an image", written(fits.ImageHDU(np.zeros((3, 3)))), "no table named REGION", "no table")
refuse(
    "5",
    "a catalogue",
    written(
        fits.BinTableHDU.from_columns(
            [fits.Column("RA", "D", array=[1.0]), fits.Column("FLUX", "D", array=[2.0])]
        )
    ),
    "no table named REGION",
    "RA, FLUX",
    "Catalog.read",
)
refuse("5", "half a gzip file", gzip.compress(DS9_CIRCLE.encode() * 50)[:40], "gzip")
refuse("5", "neither text nor FITS", b"\x00\x01\x02\xff" * 30, "neither text nor FITS")
refuse("5", "half a FITS file", table([("CIRCLE", 20, 30, 5.2, 0)])[:3000], "FITS", **PIXEL)

# ---- 6: units by all their names ------------------------------------------------------------------------------

for written_as in ("0.3", "0.3d", "0.3deg", "0.3 deg", "0.3DEG", "0.3degrees", "0.3 Degrees", "18'", "18arcmin", "18 ARCMIN",
                   "18arcmins", "1080\"", "1080arcsec", "1080 arcsecs", "0.005235987755982988r",
                   "0.005235987755982988 rad", "0.005235987755982988radians"):  # fmt: skip
    read("6", f"DS9: {written_as}", f"icrs;circle(83.6,22,{written_as})", CIRCLE)
for written_as in (
    "0.3deg",
    "0.3 degrees",
    "18arcmin",
    "18ARCMIN",
    "1080arcsec",
    "18'",
    '1080"',
    "0.005235987755982988rad",
):
    read("6", f"CRTF: {written_as}", f"#CRTFv0\ncircle[[83.6deg, 22deg], {written_as}] coord=ICRS", CIRCLE)
for written_as, factor in {
    "deg": 1,
    "arcmin": 60,
    "ARCMIN": 60,
    "arcsec": 3600,
    "Degrees": 1,
    "radian": np.pi / 180,
}.items():
    column = {**DEGREES, "R": written_as}
    read(
        "6",
        f"FITS: {written_as}",
        table([("CIRCLE", 83.6, 22, 0.3 * factor, 0)], SKY_HEADER, ON_SKY, column),
        CIRCLE,
    )
    numbers = " ".join(repr(each * factor) for each in (83.6, 22, 0.3))
    read("6", f"STC-S: {written_as}", f"Circle ICRS {numbers} unit {written_as}", CIRCLE)
read("6", "an angle in radians", "icrs;ellipse(83.6,22,0.45,0.15,0.5235987755982988r)", sky(TURNED, *CENTRE))
read(
    "6",
    "a column of angles in radians",
    table([("ELLIPSE", 83.6, 22, [0.45, 0.15], np.pi / 6)], SKY_HEADER, ON_SKY, {**DEGREES, "ROTANG": "rad"}),
    sky(TURNED, *CENTRE),
)
refuse("6", "a length in hours", "icrs;circle(83.6,22,1h)", "line 1", "'1h' is no angle")
refuse("6", "a length in metres", "icrs;circle(83.6,22,1m)", "line 1", "'1m' is no angle")
refuse(
    "6",
    "a length without a unit, CRTF",
    "#CRTFv0\ncircle[[83.6deg, 22deg], 3], coord=ICRS",
    "Units must be specified",
)
refuse(
    "6",
    "a column in metres",
    table([("CIRCLE", 83, 2, 3, 0)], SKY_HEADER, ON_SKY, {**DEGREES, "R": "m"}),
    "no angle",
)

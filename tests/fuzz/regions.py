"""Texts and tables of regions."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from random import Random

import astropy.units as u
import numpy as np
import regions
from astropy.io import fits
from astropy.table import Table

import maskexpr as mx

from . import grammar
from .kind import Kind, bytes_of, fixed, packed, use_mask
from .mutate import mutate_fits, words

__all__ = ["CRTF_FILES", "DS9_TEXTS", "FITS_FILES"]

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
panda(10,20,0,90,2,1,3,2) # panda=(0 45 90)(1 2 3)
epanda(10,20,300,10,1,1,2,3,4,1,0);pie(10,20,1,3,0,200);sector(10,20,0,90)
"""

IMAGE = b"""image;circle(6,5,3);box(3,4,5,2,30)
-ellipse(6,5,2,1,0)
polygon(1,1,5,1,5,5)
physical;circle(1,2,3)
"""

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
        use_mask(mx.Region(data.decode("utf-8", "surrogateescape"), metric=metric), random)
    else:
        path.write_bytes(data)
        use_mask(mx.Region.read(path, metric=metric), random)


def _use_region_file(path: Path, data: bytes, random: Random) -> None:
    path.write_bytes(data)
    use_mask(mx.Region.read(path, metric=random.choice(("sky", "pixel"))), random)


@cache
def region_tables() -> list[bytes]:
    """FITS tables of regions, as several programs write them."""
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
        made.append(bytes_of(fits.BinTableHDU(table, name="REGION")))
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
    made.append(bytes_of(fits.BinTableHDU(rows, name="REGION")))
    rows["SHAPE"], rows["ROTANG"] = ["PIE", "!SECTOR", "PIE"], [[0.0, 90.0], [30.0, 300.0], [350.0, 10.0]]
    made.append(bytes_of(fits.BinTableHDU(rows, name="REGION")))
    return made


def lines(text: bytes, head: bytes) -> list[bytes]:
    """Each line as a file of its own: a fault in one does not hide what comes of another."""
    return [head + line for line in text.splitlines() if line]


DS9_TEXTS = Kind(
    lambda: [DS9, IMAGE, *lines(DS9, b"icrs\n"), *lines(IMAGE, b"image\n")],
    partial(grammar.vary, grammar.ds9, words("ds9")),
    _use_ds9,
    fixed(".reg"),
    in_file=False,
)
CRTF_FILES = Kind(
    lambda: [CRTF, *lines(CRTF, b"#CRTFv0\n")],
    partial(grammar.vary, grammar.crtf, words("crtf")),
    _use_region_file,
    fixed(".crtf"),
)
FITS_FILES = Kind(
    region_tables,
    lambda random, seeds: packed(random, mutate_fits(random, seeds, words("headers"))),
    _use_region_file,
    fixed(".fits"),
)

# ruff: noqa: E501  # what a producer writes on one line stays on one line
"""Files as DS9, CARTA, CASA, CIAO, XMM SAS, Aladin and archives export them; selections and exclusions."""

from __future__ import annotations

import gzip

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from tests.plane_oracle import Form, disc, loop, oval, slab, turned, turned_in_pixels, without

from .region_files import (
    BOX,
    BY_REGIONS,
    CENTRE,
    CIRCLE,
    HERE,
    PIXEL,
    SKY_TABLE,
    TURNED,
    both,
    everything,
    less,
    pix,
    pixel_of,
    plane,
    polygon,
    read,
    refuse,
    shared,
    sky,
    table,
)

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

GLOBAL = (
    'global color=green dashlist=8 3 width=1 font="helvetica 10 normal roman" select=1 highlite=1 dash=0 fixed=0 '
    "edit=1 move=1 delete=1 include=1 source=1\n"
)
DS9 = f"# Region file format: DS9 version 4.1\n{GLOBAL}"

# ---- 7: untouched exports -------------------------------------------------------------------------------------

HMS = "5:34:24.0000,+22:00:00.000"
read(
    "7",
    "DS9, sexagesimal",
    DS9 + f'fk5\ncircle({HMS},1080.000") # color=red width=2 text={{a "b"; c}}\n',
    sky(disc(0.3), *CENTRE, "fk5"),
)
read(
    "7",
    "DS9, a composite",
    DS9
    + "fk5\n# composite(83.6,22,17.4) || composite=1\n"
    + f'circle({HMS},720") || # color=pink tag={{a}} tag={{b}} This is a comment\n-box(83.6,22,360",360",0) || # background\n',
    less(sky(disc(0.2), *CENTRE, "fk5"), sky(slab(0.1, 0.1), *CENTRE, "fk5")),
)
read(
    "7",
    "DS9, all that it draws",
    DS9
    + 'icrs\ncircle(83.6,22,0.3)\n# compass(83.4,21.9,72.8") compass=fk5 {N} {E} 1 1\n# ruler(83.6,22,83.7,22.1) ruler=fk5 degrees\n'
    + "# text(83.8,22.2) textangle=30 text={here}\npoint(83.3,21.8) # point=boxcircle 11\n# A comment of someone; circle(1,2,3)\n",
    both(CIRCLE, pixel_of(83.3, 21.8)),
)
read(
    "7",
    "DS9, galactic",
    DS9 + 'galactic\nellipse(184.4958,-5.8575,1080",720",40)\n',
    sky(turned(40, oval(0.6, 0.4)), 184.4958, -5.8575, "galactic"),
)
read(
    "7",
    "DS9, ecliptic",
    DS9 + 'ecliptic\ncircle(84.05,-1.33,1080")\n',
    sky(disc(0.3), 84.05, -1.33, "barycentricmeanecliptic"),
)
read("7", "DS9, fk4", DS9 + 'fk4\ncircle(82.85,21.96,1080")\n', sky(disc(0.3), 82.85, 21.96, "fk4"))
read(
    "7",
    "DS9, image",
    DS9 + 'image\nbox(20,30,9,5,20) # color=#0ff font="times 12 bold"\n',
    pix(turned_in_pixels(20, slab(9, 5)), 19, 29),
    **PIXEL,
)
read(
    "7",
    "DS9, XML-free old style",
    "# Region file format: DS9 version 3.0\nglobal color=green font=\"helvetica 10 normal\" select=1 edit=1 move=1 delete=1 include=1 fixed=0 source\nfk5;ellipse(83.6,22,27',9',30)\n",
    sky(TURNED, *CENTRE, "fk5"),
)
read("7", "DS9, rings", DS9 + "icrs\nannulus(83.6,22,0.1,0.2,0.3)\n", sky(disc(0.3, 0.1), *CENTRE))
read("7", "DS9, rings by number", DS9 + "icrs\nannulus(83.6,22,0.1,0.3,n=4)\n", sky(disc(0.3, 0.1), *CENTRE))
RING = turned(30, without(oval(0.9, 0.3), oval(0.45, 0.15)))
read(
    "7",
    "DS9, an elliptical ring",
    DS9 + "icrs\nellipse(83.6,22,0.225,0.075,0.45,0.15,30)\n",
    sky(RING, *CENTRE),
)
read("7", "DS9, a mosaic of coordinates", DS9 + "wcs;icrs;circle(83.6,22,0.3)\n", CIRCLE)
CARTA = "# Region file format: DS9 CARTA 4.1.0\n" + GLOBAL
read(
    "7",
    "CARTA, DS9",
    CARTA + 'icrs\nbox(83.600000000, 22.000000000, 2880.0000", 1080.0000", 20) # color=#2EE6D6\n',
    sky(BOX, *CENTRE),
)
read(
    "7", "CARTA, DS9 in pixels", CARTA + "image\ncircle(20.00, 30.00, 5.20) # color=#2EE6D6\n", HERE, **PIXEL
)
read(
    "7",
    "CARTA, DS9 with a text box",
    CARTA
    + 'icrs\n# textbox(83.6, 22.0, 10.0", 20.0", 0) align=center\ncircle(83.6, 22.0, 1080.0000") # color=#2EE6D6\n',
    CIRCLE,
)
CARTA_CRTF = "#CRTFv0 CASA Region Text Format version 0\n"
STYLE = ", corr=[I], linewidth=2, linestyle=-, symsize=1, symthick=1, color=2ee6d6, font=Helvetica, fontsize=10, fontstyle=bold, usetex=false\n"
read(
    "7",
    "CARTA, CRTF ellipse",
    CARTA_CRTF
    + "ellipse [[83.60000000deg, 22.00000000deg], [540.0000arcsec, 1620.0000arcsec], 30.00000000deg] coord=ICRS"
    + STYLE,
    sky(TURNED, *CENTRE),
)
read(
    "7",
    "CARTA, CRTF rotbox",
    CARTA_CRTF
    + "rotbox [[5:34:24.00000, 022.00.00.0000], [2880.0000arcsec, 1080.0000arcsec], 20deg] coord=ICRS"
    + STYLE,
    sky(BOX, *CENTRE),
)
read(
    "7",
    "CARTA, CRTF centerbox",
    CARTA_CRTF + 'centerbox [[83.6deg, 22.0deg], [0.8deg, 0.3deg]] coord=ICRS, label="my box, 1"' + STYLE,
    sky(slab(0.8, 0.3), *CENTRE),
)
read(
    "7",
    "CARTA, CRTF poly",
    CARTA_CRTF + "poly [[83.4deg, 21.8deg], [83.9deg, 21.9deg], [83.6deg, 22.4deg]] coord=ICRS" + STYLE,
    polygon([83.4, 83.9, 83.6], [21.8, 21.9, 22.4]),
)
read(
    "7",
    "CARTA, CRTF pixels",
    CARTA_CRTF
    + "centerbox [[19.0000pix, 29.0000pix], [9.0000pix, 5.0000pix]] coord=J2000, linewidth=2, linestyle=-, color=2ee6d6\n",
    pix(slab(9, 5), 19, 29),
    **PIXEL,
)
read(
    "7",
    "CARTA, CRTF points",
    CARTA_CRTF
    + "symbol [[5:35:12.00000, 022.12.00.0000], .] coord=ICRS"
    + STYLE
    + "symbol [[83.3deg, 21.8deg], ,] coord=ICRS"
    + STYLE,
    both(pixel_of(83.8, 22.2), pixel_of(83.3, 21.8)),
)
read(
    "7",
    "CARTA, CRTF annotations",
    CARTA_CRTF
    + "circle [[83.6deg, 22.0deg], 0.3deg] coord=ICRS"
    + STYLE
    + "ann circle [[83.6deg, 22.0deg], 3deg] coord=ICRS"
    + STYLE
    + '# textbox [[83.6deg, 22deg], [1deg, 1deg]]\ntext [[83.6deg, 22.0deg], "here, too"] coord=ICRS'
    + STYLE,
    CIRCLE,
)
CASA = (
    "#CRTFv0 CASA Region Text Format version 0\n"
    "{} coord=J2000, corr=[I], linewidth=1, linestyle=-, symsize=1, symthick=1, color=magenta, "
    'font="DejaVu Sans", fontsize=11, fontstyle=normal, usetex=false\n'
)
read(
    "7",
    "CASA viewer, an ellipse",
    CASA.format(
        "ellipse [[05:34:24.00000, +022.00.00.0000], [540.0000arcsec, 1620.0000arcsec], 30.00000000deg]"
    ),
    sky(TURNED, *CENTRE, "fk5"),
)
read(
    "7",
    "CASA viewer, a box",
    CASA.format("box [[05:35:12.00000, +021.48.00.0000], [05:33:36.00000, +022.12.00.0000]]"),
    lambda wcs: shared(corners_x, corners_y)(wcs),
    **PIXEL,
)
read(
    "7",
    "CASA viewer, a polygon",
    CASA.format("poly [[05:33:36.0, +021.48.00.0], [05:35:36.0, +021.54.00.0], [05:34:24.0, +022.24.00.0]]"),
    polygon([83.4, 83.9, 83.6], [21.8, 21.9, 22.4], "fk5"),
)
read(
    "7",
    "CASA, by hand",
    "#CRTFv0\nglobal coord=ICRS, frame=BARY, corr=[I, Q], color=blue\n\n# A simple circle region:\n"
    "circle[[5h34m24.0s, 22d00m00s], 18arcmin]\nannulus[[83.6deg, 22deg], [0.1deg, 0.2deg]], color=red, label=\u2019My label\u2019\n"
    "-ellipse[[5:34:24, 22.00.00], [0.05deg, 0.1deg], 0.5rad], color=green, label='Removed this'\n",
    less(CIRCLE, sky(turned(np.rad2deg(0.5), oval(0.2, 0.1)), *CENTRE)),
)


def corners_x(wcs: WCS) -> Bools:
    """Columns between the two corners of CASA's box."""
    return between(wcs, 0)


def corners_y(wcs: WCS) -> Bools:
    """Rows between them."""
    return between(wcs, 1)


def between(wcs: WCS, axis: int) -> Bools:
    """Pixels between the corners along an axis of the plane."""
    ends = wcs.world_to_pixel(SkyCoord([83.8, 83.4], [21.8, 22.2], unit="deg", frame="fk5"))[axis]
    places = np.indices((61, 61))[1 - axis]
    return (places > ends.min()) & (places < ends.max())


CIAO = "# Region file format: CIAO version 1.0\n"
read("7", "CIAO, on the sky", CIAO + f"circle({HMS},18')\n", sky(disc(0.3), *CENTRE, "fk5"), frame="fk5")
read(
    "7",
    "CIAO, physical",
    CIAO + "circle(20,30,5.2)\n-rotbox(20,30,4,2,0)\n",
    less(HERE, pix(slab(4, 2), 19, 29)),
    frame="physical",
    physical="image",
    **PIXEL,
)
read(
    "7",
    "CIAO, the field less a box",
    CIAO + "field()\n-rotbox(20,30,9,5,20)\n",
    less(everything, pix(turned_in_pixels(20, slab(9, 5)), 19, 29)),
    frame="image",
    **PIXEL,
)
read(
    "7",
    "CIAO, a difference on one line",
    CIAO + "circle(20,30,5.2)-circle(20,30,2.2)\n",
    pix(disc(5.2, 2.2), 19, 29),
    frame="image",
    **PIXEL,
)
read(
    "7",
    "CIAO, what two share",
    CIAO + "circle(20,30,5.2)*circle(23,30,5.2)\n",
    shared(HERE, pix(disc(5.2), 22, 29)),
    frame="image",
    **PIXEL,
)
read(
    "7",
    "CIAO, a sum on one line",
    CIAO + "circle(20,30,5.2)+circle(40,30,5.2)\n",
    both(HERE, pix(disc(5.2), 39, 29)),
    frame="image",
    **PIXEL,
)
COMPONENTS = {"COMPONENT": [1, 1, 2]}
THREE = [("CIRCLE", 20, 30, 5.2, 0), ("!CIRCLE", 20, 30, 2.2, 0), ("ROTBOX", 40, 30, [9, 5], 20)]
DMCOPY = both(pix(disc(5.2, 2.2), 19, 29), pix(turned_in_pixels(20, slab(9, 5)), 39, 29))
ASC = {
    "HDUCLASS": "ASC",
    "HDUCLAS1": "REGION",
    "HDUCLAS2": "STANDARD",
    "HDUVERS": "1.2.0",
    "MTYPE1": "pos",
    "MFORM1": "X,Y",
}
read("7", "CIAO dmcopy, components", table(THREE, ASC, **COMPONENTS), DMCOPY, **PIXEL)
read(
    "7",
    "CIAO dmcopy, in another order",
    table([THREE[i] for i in (1, 2, 0)], ASC, COMPONENT=[1, 2, 1]),
    DMCOPY,
    **PIXEL,
)
read(
    "7",
    "CIAO dmcopy, what two share",
    table([THREE[0], ("CIRCLE", 23, 30, 5.2, 0)], ASC, COMPONENT=[1, 1]),
    shared(HERE, pix(disc(5.2), 22, 29)),
    **PIXEL,
)
read(
    "7",
    "CIAO wavdetect",
    table(
        [("ellipse", 4096.5, 4096.5, [225, 75], 30), ("ellipse", 4196.5, 4246.5, [25, 25], 0)],
        {**SKY_TABLE, "HDUCLASS": "ASC", "HDUNAME": "SRCLIST"},
        extname="SRCLIST",
        COMPONENT=[1, 2],
        NET_COUNTS=[120, 17],
    ),
    lambda wcs: (turned_in_pixels(30, oval(45, 15))(*indices(30, 30))) | disc(2.5)(*indices(40, 45)),
    apart=2,
)


def indices(x: float, y: float) -> tuple[Floats, Floats]:
    """Offsets in pixels."""
    rows, columns = np.indices((61, 61))
    return columns - x, rows - y


XMM = {
    **{key: value for key, value in SKY_TABLE.items() if key != "RADECSYS"},
    "RADECSYS": "FK5",
    "EQUINOX": 2000.0,
    "HDUCLAS1": "REGION",
}
read(
    "7",
    "XMM SAS, all but the sources",
    table([("!CIRCLE", 4096.5, 4096.5, 151, 0), ("!CIRCLE", 4300.0, 4200.0, 60, 0)], XMM, COMPONENT=[1, 1]),
    lambda wcs: ~(disc(15.1)(*indices(30, 30)) | disc(6)(*indices(50.35, 40.35))),
    apart=2,
)
read(
    "7",
    "XMM SAS, text",
    '# Region file format: DS9 version 3.0\nglobal color=green font="helvetica 10 normal" select=1 edit=1 move=1 delete=1 include=1 fixed=0 source\nphysical;circle(20,30,5.2)\n',
    HERE,
    physical="image",
    **PIXEL,
)
read(
    "7",
    "Aladin, DS9",
    "# Region file format: DS9 version 4.1\n# Filename: Crab.fits\nglobal color=red\nj2000\npolygon(83.4,21.8,83.9,21.9,83.6,22.4)\ncircle(83.6,22.0,0.05)\n",
    both(polygon([83.4, 83.9, 83.6], [21.8, 21.9, 22.4], "fk5"), sky(disc(0.05), *CENTRE, "fk5")),
)
read(
    "7",
    "LAT: no space before the comment",
    "fk5;ellipse(83.6000, 22.0000, 0.4500, 0.1500,  30.0)# text={Crab} color=green\n",
    sky(TURNED, *CENTRE, "fk5"),
)


def within(start: float, stop: float, form: Form = lambda a, b: np.hypot(a, b) > 0) -> Form:
    """What of a form lies from a direction counter-clockwise to another: 0 is west, 90 north."""
    return lambda a, b: (
        form(a, b) & ((np.rad2deg(np.arctan2(b, -a)) - start) % 360 < stop - start) & (np.hypot(a, b) > 1e-9)
    )


def within_in_pixels(start: float, stop: float, form: Form = lambda a, b: np.hypot(a, b) > 0) -> Form:
    """The same in pixels: 0 is +x, 90 is +y."""
    return lambda a, b: within(start, stop, form)(-a, b)


OVALS = without(oval(0.9, 0.3), oval(0.45, 0.15))
SLABS = without(slab(0.8, 0.4), slab(0.4, 0.2))
for name, text, truth in (
    ("a panda", "panda(83.6,22,10,100,1,0.1,0.3,1)", sky(within(10, 100, disc(0.3, 0.1)), *CENTRE)),
    ("a panda of twelve parts", "panda(83.6,22,10,100,3,360\",1080\",4)", sky(within(10, 100, disc(0.3, 0.1)), *CENTRE)),
    ("a panda over the start of the turn", "panda(83.6,22,350,20,1,0.1,0.3,1)", sky(within(350, 380, disc(0.3, 0.1)), *CENTRE)),
    ("a panda over it, as DS9 writes angles", "panda(83.6,22,350,380,1,0.1,0.3,1)", sky(within(350, 380, disc(0.3, 0.1)), *CENTRE)),
    ("a panda of more than half a turn", "panda(83.6,22,10,300,1,0,0.3,1)", sky(within(10, 300, disc(0.3)), *CENTRE)),
    ("a panda all round", "panda(83.6,22,0,360,4,0.1,0.3,2)", sky(disc(0.3, 0.1), *CENTRE)),
    ("a panda in unequal parts", "panda(83.6,22,10,30,1,0.1,0.2,1) # panda=(10 30 100)(360\" 720\" 1080\")\npanda(83.6,22,10,30,1,0.2,0.3,1) # panda=ignore\n"
     "panda(83.6,22,30,100,1,0.1,0.2,1) # panda=ignore\npanda(83.6,22,30,100,1,0.2,0.3,1) # panda=ignore", sky(within(10, 100, disc(0.3, 0.1)), *CENTRE)),
    ("an epanda", "epanda(83.6,22,10,100,1,0.225,0.075,0.45,0.15,1,0)", sky(within(10, 100, OVALS), *CENTRE)),
    ("an epanda without an angle", "epanda(83.6,22,190,400,1,0.225,0.075,0.45,0.15,1)", sky(within(190, 400, OVALS), *CENTRE)),
    ("a bpanda", "bpanda(83.6,22,100,190,2,0.4,0.2,0.8,0.4,1,0)", sky(within(100, 190, SLABS), *CENTRE)),
    ("the way out of a turned bpanda", "box(83.6,22,0.4,0.2,0.8,0.4,30)*sector(83.6,22,100,190)", sky(lambda a, b: turned(30, SLABS)(a, b) & within(100, 190)(a, b), *CENTRE)),
    ("CIAO, a pie", "pie(83.6,22,0.1,0.3,10,100)", sky(within(10, 100, disc(0.3, 0.1)), *CENTRE)),
    ("CIAO, a sector", "sector(83.6,22,10,100)", sky(within(10, 100), *CENTRE)),
    ("less a panda", "circle(83.6,22,0.3)\n-panda(83.6,22,10,100,1,0.1,0.3,1)", less(CIRCLE, sky(within(10, 100, disc(0.3, 0.1)), *CENTRE))),
):  # fmt: skip
    read("7", f"DS9, {name}", DS9 + f"icrs\n{text}\n", truth)
    if "panda" in name:
        read("7", f"DS9, {name}, in galactic coordinates", DS9 + f"icrs\n{text}\n", truth, map="galactic")
read(
    "7",
    "DS9, fk4, a panda",
    DS9 + "fk4\npanda(82.85,21.96,10,100,1,0.1,0.3,1)\n",
    sky(within(10, 100, disc(0.3, 0.1)), 82.85, 21.96, "fk4"),
)
PIE = pix(within_in_pixels(10, 100, disc(9.3, 3.2)), 19, 29)
read("7", "DS9, a panda in pixels", DS9 + "image\npanda(20,30,10,100,2,3.2,9.3,2)\n", PIE, **PIXEL)
read("7", "CIAO, a pie in pixels", CIAO + "pie(20,30,3.2,9.3,10,100)\n", PIE, frame="image", **PIXEL)
read(
    "7",
    "DS9, quarters of a panda share no pixel and leave none",
    DS9 + "image\n" + "".join(f"panda(20,30,{a},{a + 90},1,0.5,9.3,1)\n" for a in (0, 90, 180, 270)),
    pix(disc(9.3, 0.5), 19, 29),
    **PIXEL,
)
read(
    "7",
    "CIAO, a sector from +x up",
    CIAO + "sector(20,30,0,90)\n",
    lambda wcs: (indices(19, 29)[0] > 0) & (indices(19, 29)[1] >= 0),
    frame="image",
    **PIXEL,
)
read("7", "CIAO dmcopy, a pie", table([("PIE", 20, 30, [3.2, 9.3], [10, 100])], ASC), PIE, **PIXEL)
read(
    "7",
    "CIAO dmcopy, a sector and a circle",
    table([("SECTOR", 20, 30, 0, [10, 100]), ("CIRCLE", 40, 30, 5.2, [0, 0])], ASC, COMPONENT=[1, 2]),
    both(pix(within_in_pixels(10, 100), 19, 29), pix(disc(5.2), 39, 29)),
    **PIXEL,
)
read(
    "7",
    "CIAO dmcopy, a pie on event pixels",
    table([("PIE", 4096.5, 4096.5, [52, 153], [10, 100])], SKY_TABLE),
    sky(within(10, 100, disc(0.306, 0.104)), *CENTRE),
    apart=2,
)
read(
    "7",
    "CIAO dmcopy, a pie on mirrored event pixels",
    table([("PIE", 4096.5, 4096.5, [52, 153], [10, 100])], {**SKY_TABLE, "TCDLT2": 0.002}),
    sky(within(80, 170, disc(0.306, 0.104)), *CENTRE),
    apart=2,
)

for name, text in {
    "no brackets": "icrs;circle 83.6 22 0.3",
    "capitals": "ICRS\nCIRCLE(83.6,22,0.3)",
    "tabs": "icrs\n\tcircle(83.6,22,0.3)\t# color=red",
    "exponents": "icrs;circle(8.36e1,2.2e1,3e-1)",
    "a plus": "icrs;+circle(83.6,22,0.3)",
    "a shape inside a text": "icrs\ncircle(83.6,22,0.3) # text={; box(1,2,3,4)}",
    "properties without values": "icrs\ncircle(83.6,22,0.3) # select=0 highlite=0 background",
    "a bar of a composite": "icrs\ncircle(83.6,22,0.3) || # tag={a}\ncircle(83.6,22,0.1) ||",
}.items():
    read("7", f"DS9, {name}", text, CIRCLE)
for name, text in {
    "Stokes parameters": "circle[[83.6deg, 22deg], 0.3deg], coord=ICRS, corr=[I, Q, U, V]",
    "small letters of a frame": "# comment [\n\ncircle[[83.6deg,22deg],0.3deg],coord=icrs",
    "quotes in a font": 'circle [[83.6deg, 22.0deg], 1080arcsec] coord=ICRS, font="DejaVu Sans", usetex=false',
}.items():
    read("7", f"CRTF, {name}", f"#CRTFv0\n{text}\n", CIRCLE)
for name, text, words in (
    ("a frame before a shape", "icrs circle(83.6,22,0.3)", "a frame stands alone"),
    ("decimal commas", "icrs;circle(83,6,22,0,3)", "got 5 parameters"),
    ("a minus of typographers", "icrs;circle(83.6,\u221222,0.3)", "is not a number"),
    ("a zero byte", "icrs;circle(83.6,22,0.3)\0", "bracket is not closed"),
    ("a tile of a mosaic", "tile 2;icrs;circle(83.6,22,0.3)", "'tile' is not supported"),
    ("a panda without its numbers", "icrs;panda(83.6,22,0,90,0.1,0.3)", "got 6 parameters"),
    ("a panda inside out", "icrs;panda(83.6,22,0,90,1,0.3,0.1,1)", "must be less than the outer"),
    ("a turned epanda", "icrs;epanda(83.6,22,0,90,1,0.1,0.1,0.3,0.3,1,30)", "*sector(83.6,22,start,stop)"),
    ("a panda of no angle", "icrs;panda(83.6,22,90,90,1,0.1,0.3,1)", "0 and 360 for all round"),
    ("a projection", "icrs\n# projection(83.6,22,83.7,22,0.1)", "write line(x1,y1,x2,y2)"),
):
    refuse("7", f"DS9, {name}", text, "line ", words)
refuse(
    "7", "a sector of one angle", table([("SECTOR", 20, 30, 0, 10)]), "row 1", "2 values of ROTANG", **PIXEL
)

TEXT = DS9 + "icrs\ncircle(83.6,22,0.2) # text={N\u00fcrnberg}\ncircle(83.9,22.1,0.15) # text={\u00c5}\n"
TEXT_MEANS = both(sky(disc(0.2), *CENTRE), sky(disc(0.15), 83.9, 22.1))
STC = "Union ICRS (\nCircle 83.6 22 0.2\nCircle 83.9 22.1 0.15)\n"
CRTF = "#CRTFv0\ncircle[[83.6deg, 22deg], 0.2deg], coord=ICRS, label='N\u00fcrnberg'\ncircle[[83.9deg, 22.1deg], 0.15deg], coord=ICRS\n"
for form, text in {"DS9": TEXT, "STC-S": STC, "CRTF": CRTF}.items():
    read("7", f"{form}, byte order mark", text.encode("utf-8-sig"), TEXT_MEANS)
    read("7", f"{form}, CRLF", text.replace("\n", "\r\n").encode(), TEXT_MEANS)
    read("7", f"{form}, CR", text.replace("\n", "\r").encode(), TEXT_MEANS)
    read("7", f"{form}, Latin-1", text.encode("latin-1"), TEXT_MEANS)
    read("7", f"{form}, gzip", gzip.compress(text.encode()), TEXT_MEANS)
    read(
        "7",
        f"{form}, gzip of CRLF and a byte order mark",
        gzip.compress(text.replace("\n", "\r\n").encode("utf-8-sig")),
        TEXT_MEANS,
    )
read(
    "7",
    "a name with a line's end of Latin-1",
    (DS9 + "icrs\ncircle(83.6,22,0.3) # text={a\x85b}\n").encode("latin-1"),
    CIRCLE,
)
refuse("7", "a vector", DS9 + "icrs\n# vector(83.6,22,0.3,30) vector=1\n", "line 4", "vector")
refuse("7", "a pie without a second angle", table([("PIE", 20, 30, [2, 5], 0)]), "row 1", "ROTANG", **PIXEL)
refuse(
    "7",
    "a range of frequencies",
    "#CRTFv0\ncircle[[83.6deg, 22deg], 0.3deg], coord=ICRS, range=[1GHz, 2GHz]",
    "line 2",
    "frequency",
)
refuse(
    "7",
    "only what is drawn, CRTF",
    "#CRTFv0\nann circle[[83.6deg, 22deg], 0.3deg], coord=ICRS",
    "line 2",
    "annotation",
)
refuse(
    "7",
    "only what is drawn, DS9",
    DS9 + "icrs\n# compass(83,22,1) compass=fk5 {N} {E} 1 1\n",
    "line 4",
    "compass",
)
refuse(
    "7",
    "a box by corners on the sky",
    CASA.format("box [[83deg, 21deg], [84deg, 22deg]]"),
    "line 2",
    "metric='pixel'",
    "centerbox",
)
refuse(
    "7", "a property of none", "#CRTFv0\ncircle[[83.6deg, 22deg], 0.3deg], colour=red", "line 2", "'colour'"
)
refuse(
    "7",
    "several operators on one line",
    "image;circle(1,2,3)+circle(4,5,6)-circle(7,8,9)",
    "line 1",
    "operators",
    **PIXEL,
)
refuse("7", "a DS9 frame of some image", "wcs;circle(1,2,3)", "line 1", "'wcs'")
refuse("7", "an alternative WCS", "wcsa;circle(1,2,3)", "line 1", "'wcsa'")
refuse("7", "an end too early", "#CRTFv0\ncircle[[83.6deg, 22deg], 0.3deg", "line 2", "bracket")
refuse("7", "very long", "icrs;circle(" + "1" * 5000 + ",2,3)", "line 1", "hundreds of digits")
refuse("7", "control characters", "icrs;circle(1,\x1b[31m2,3)", "line 1", "\\x1b")

# ---- 8: hours only where the text says so ---------------------------------------------------------------------

for name, text in {
    "colons in equatorial frames": "icrs;circle(5:34:24,22:00:00,0.3)",
    "hours, minutes, seconds": "icrs;circle(5h34m24s,22d0m0s,0.3)",
    "hours and degrees": "icrs;circle(5h34m24.0s,22d,0.3)",
    "degrees, minutes, seconds": "icrs;circle(83d36m0s,22d0m0s,0.3)",
    "signs": "icrs;circle(+5:34:24,+22:00:00,0.3)",
    "CRTF colons": "#CRTFv0\ncircle[[05:34:24, 22.00.00], 0.3deg] coord=ICRS",
    "CRTF dots": "#CRTFv0\ncircle[[083.36.00.0, +22.00.00.0], 0.3deg] coord=ICRS",
    "CRTF letters": "#CRTFv0\ncircle[[5h34m24s, 22d0m0s], 0.3deg] coord=ICRS",
}.items():
    read("8", name, text, CIRCLE)
GALACTIC = sky(disc(0.3), 184.5, -5.8, "galactic")
read("8", "colons in galactic coordinates", "galactic;circle(184:30:00,-5:48:00,0.3)", GALACTIC)
read("8", "hours in galactic coordinates", "galactic;circle(12h18m0s,-5:48:00,0.3)", GALACTIC)
refuse(
    "8",
    "hours of latitude",
    "#CRTFv0\ncircle[[05:34:24, 22:00:00], 0.3deg] coord=ICRS",
    "line 2",
    "hours of latitude",
)
refuse("8", "seventy minutes", "icrs;circle(5:70:24,22:00:00,0.3)", "line 1", "60 or more")
refuse("8", "colons and letters", "icrs;circle(5:34m24s,22:00:00,0.3)", "line 1", "'5:34m24s'")
refuse("8", "minutes of pixels", "image;circle(5:34:24,22:00:00,0.3)", "line 1", "no position", **PIXEL)
refuse("8", "dots in DS9", "icrs;circle(5.34.24,22,0.3)", "line 1", "'5.34.24'")

# ---- 9: planar shapes on maps that are flipped, turned, transposed --------------------------------------------

PLANAR = {
    "ellipse": ("icrs;ellipse(83.6,22,0.45,0.15,30)", turned(30, oval(0.9, 0.3))),
    "box": ("icrs;box(83.7,22.1,0.8,0.3,20)", turned(20, slab(0.8, 0.3))),
    "elliptical ring": ("icrs;ellipse(83.6,22,0.225,0.075,0.45,0.15,30)", RING),
    "CRTF ellipse": (
        "#CRTFv0\nellipse[[83.6deg, 22deg], [0.15deg, 0.45deg], 30deg] coord=ICRS",
        turned(30, oval(0.9, 0.3)),
    ),
    "panda": ("icrs;panda(83.6,22,10,100,2,0.11,0.31,1)", within(10, 100, disc(0.31, 0.11))),
    "epanda": ("icrs;epanda(83.6,22,10,100,1,0.225,0.075,0.45,0.15,1)", within(10, 100, OVALS)),
    "STC-S ellipse": ("Ellipse ICRS 83.6 22 0.15 0.45 30", turned(30, oval(0.9, 0.3))),
}
for name, (text, form) in PLANAR.items():
    for flip in ("icrs", "flipped", "transposed", "galactic"):
        at = (83.7, 22.1) if name == "box" else CENTRE
        read("9", f"{name}, {flip}", text, plane(form, *at), map=flip, **PIXEL)
read(
    "9",
    "a circle on a flipped map",
    DS9 + "icrs\ncircle(83.6,22,0.3)",
    plane(disc(0.3), *CENTRE),
    map="flipped",
    **PIXEL,
)

# ---- 10: small and large --------------------------------------------------------------------------------------

RINGS = less(pix(turned_in_pixels(70, oval(18, 12)), 19, 29), pix(turned_in_pixels(20, oval(8, 4)), 19, 29))
read("10", "two angles", table([("ELLIPTANNULUS", 20, 30, [4, 2, 9, 6], [20, 70])]), RINGS, **PIXEL)
SAME = pix(turned_in_pixels(20, without(oval(18, 12), oval(8, 4))), 19, 29)
read("10", "two equal angles", table([("ELLIPTANNULUS", 20, 30, [4, 2, 9, 6], [20, 20])]), SAME, **PIXEL)
read("10", "one angle for two", table([("ELLIPTANNULUS", 20, 30, [4, 2, 9, 6], 20)]), SAME, **PIXEL)
read(
    "10",
    "a ring of boxes",
    table([("BOXANNULUS", 20, 30, [4, 2, 9, 6], [20, 20])]),
    pix(turned_in_pixels(20, without(slab(9, 6), slab(4, 2))), 19, 29),
    **PIXEL,
)
read(
    "10",
    "a ring of the package regions",
    table([("elliptannulus", 19, 29, [8, 18, 4, 12], 20)], BY_REGIONS),
    SAME,
    **PIXEL,
)
read(
    "10",
    "angles without a unit",
    table([("ELLIPSE", 20, 30, [9.3, 5.1], 20)], units={"X": "pix"} | {"Y": "pix"}),
    pix(turned_in_pixels(20, oval(18.6, 10.2)), 19, 29),
    **PIXEL,
)
read(
    "10",
    "a diamond",
    table([("DIAMOND", 20.2, 30.3, [15, 9], 0)]),
    pix(loop([26.7, 19.2, 11.7, 19.2], [29.3, 33.8, 29.3, 24.8]), 0, 0),
    **PIXEL,
)
read(
    "10",
    "a turned rectangle by corners",
    table([("ROTRECTANGLE", [11.5, 31.5], [12.5, 22.5], 0, 90)]),
    pix(slab(20, 10), 20.5, 16.5),
    **PIXEL,
)
read("10", "image pixels by i", "icrs;circle(20i,30i,5.2i)", HERE, **PIXEL)
read(
    "10",
    "image pixels by i, an angle",
    "fk5;box(20i,30i,9i,5i,20)",
    pix(turned_in_pixels(20, slab(9, 5)), 19, 29),
    **PIXEL,
)
read("10", "physical pixels by p", "icrs;circle(20p,30p,5.2p)", HERE, physical="image", **PIXEL)
read("10", "i in the frame of pixels", "image;circle(20i,30i,5.2i)", HERE, **PIXEL)
read(
    "10",
    "a ragged table, no padding",
    table([("POLYGON", [11.5, 41.5, 26.5], [11.5, 11.5, 41.5], 0, 0)]),
    pix(loop([10.5, 40.5, 25.5], [10.5, 10.5, 40.5]), 0, 0),
    **PIXEL,
)
refuse("10", "a MOC, ASCII", "5/8-10 42 46-48\n8/\n", "MOC", "Moc.read")
refuse("10", "a MOC, JSON", '{"5":[8,9,10,42],"8":[]}', "MOC", "Moc.read")
refuse(
    "10",
    "a MOC, FITS",
    moc := table([("X", 1, 1, 1, 1)], {"ORDERING": "NUNIQ"}, names=("A", "B", "C", "D"), extname="MOC"),
    "MOC",
    "Moc.read",
)
refuse(
    "10",
    "a HEALPix map",
    table([("X", 1, 1, 1, 1)], {"PIXTYPE": "HEALPIX"}, names=("A", "B", "C", "D"), extname="HPX"),
    "HEALPix",
)
refuse("10", "a VOTable", "<?xml version='1.0'?>\n<VOTABLE></VOTABLE>", "XML", "Catalog.read")
refuse("10", "i and no i", "icrs;circle(20i,30i,0.1)", "line 1", "'20i' is no position", **PIXEL)

# ---- STC-S ----------------------------------------------------------------------------------------------------

POLYGON = polygon([83.4, 83.9, 83.6], [21.8, 21.9, 22.4])
TWO_CIRCLES = (sky(disc(0.2), *CENTRE), sky(disc(0.2), 83.75, 22.1))
for name, text, truth in (
    ("a circle", "Circle ICRS 83.6 22 0.3", CIRCLE),
    ("capitals", "CIRCLE ICRS 83.6 22.0 0.3", CIRCLE),
    ("reference position and flavour", "Circle ICRS TOPOCENTER SPHERICAL2 83.6 22 0.3 unit deg", CIRCLE),
    ("fill factor and details", "Circle fillfactor 0.9 ICRS GEOCENTER 83.6 22 0.3 unit deg Error 0.1 Resolution 0.2 PixSize 0.3", CIRCLE),
    ("a position behind", "Circle ICRS BARYCENTER 83.6 22 0.3 Position 83.6 22 unit deg", CIRCLE),
    ("J2000", "Circle J2000 83.6 22 0.3", sky(disc(0.3), *CENTRE, "fk5")),
    ("galactic", "Circle GALACTIC 184.5 -5.8 0.3", GALACTIC),
    ("FK4", "Circle FK4 82.85 21.96 0.3", sky(disc(0.3), 82.85, 21.96, "fk4")),
    ("a polygon", "POLYGON ICRS 83.4 21.8 83.9 21.9 83.6 22.4", POLYGON),
    ("a polygon the other way round", "Polygon ICRS 83.6 22.4 83.9 21.9 83.4 21.8", POLYGON),
    ("two polygons, as archives join them", "POLYGON ICRS 83.4 21.8 83.9 21.9 83.6 22.4 POLYGON ICRS 83.3 22.2 83.5 22.2 83.4 22.4", both(POLYGON, polygon([83.3, 83.5, 83.4], [22.2, 22.2, 22.4]))),
    ("an ellipse", "Ellipse ICRS 83.6 22 0.45 0.15 60", sky(turned(60, oval(0.3, 0.9)), *CENTRE)),
    ("a box", "Box ICRS 83.6 22 0.8 0.3", sky(lambda a, b: slab(2 * np.tan(np.deg2rad(0.4)), 2 * np.tan(np.deg2rad(0.15)))(*gnomonic(a, b)), *CENTRE)),
    ("a union", "Union ICRS (Circle 83.6 22 0.2 Circle 83.75 22.1 0.2)", both(*TWO_CIRCLES)),
    ("an intersection", "Intersection ICRS TOPOCENTER (Circle 83.6 22 0.2 Circle 83.75 22.1 0.2)", shared(*TWO_CIRCLES)),
    ("an intersection with Not", "Intersection ICRS (Circle 83.6 22 0.2 Not (Circle 83.75 22.1 0.2))", less(*TWO_CIRCLES)),
    ("Not", "Not ICRS (Circle 83.6 22 0.3)", less(everything, CIRCLE)),
    ("operands with frames of their own", "Union (Circle ICRS 83.6 22 0.2 Circle GALACTIC 184.5 -5.8 0.3)", both(TWO_CIRCLES[0], GALACTIC)),
    ("an interval", "PositionInterval ICRS 83.4 21.8 83.8 22.2", lambda wcs: interval(wcs)),
    ("a position", "Position ICRS 83.8 22.2", pixel_of(83.8, 22.2)),
    ("all the sky", "AllSky ICRS", everything),
):  # fmt: skip
    read("STC-S", name, text, truth)


def gnomonic(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Offsets on the tangent plane, from separation times position angle."""
    r = np.hypot(a, b)
    with np.errstate(invalid="ignore"):
        factor = np.where(r > 0, np.tan(np.deg2rad(r)) / r, np.deg2rad(1.0))
    return a * factor, b * factor


def interval(wcs: WCS) -> Bools:
    """Between longitudes and latitudes."""
    there = wcs.pixel_to_world(*np.indices((61, 61))[::-1])
    return (there.ra.deg > 83.4) & (there.ra.deg < 83.8) & (there.dec.deg > 21.8) & (there.dec.deg < 22.2)


refuse("STC-S", "time", "TimeInterval UTC 2000-01-01 2001-01-01 Circle ICRS 83.6 22 0.3", "time")
refuse("STC-S", "convex", "Convex ICRS 1 0 0 0.5", "convex", "Polygon")
refuse("STC-S", "difference", "Difference ICRS (Circle 83.6 22 0.3 Circle 83.6 22 0.1)", "Difference", "Not")
refuse("STC-S", "too few numbers", "Circle ICRS 83.6 22", "shape 1", "got 2 numbers")
refuse("STC-S", "an open bracket", "Union ICRS (Circle 83.6 22 0.3", "bracket")
refuse("STC-S", "no bracket", "Union ICRS Circle 83.6 22 0.3", "brackets")
refuse("STC-S", "very deep", "Not ICRS (" * 5000 + "Circle 83.6 22 1" + ")" * 5000, "deep")
refuse("STC-S", "Cartesian", "Circle ICRS CARTESIAN2 83.6 22 0.3", "cartesian2 are no longitudes")
refuse("STC-S", "no unit", "Circle ICRS 83.6 22 0.3 unit furlong", "furlong")

# ---- which regions are taken, what exclusions take away from --------------------------------------------------

TAGGED = (
    DS9 + "icrs\ncircle(83.6,22,0.3) # color=red text={Crab} tag={source} tag={a b}\n"
    "circle(83.8,22.2,0.1) # text={other} tag={source}\nbox(83.4,21.8,0.2,0.1,0) # color=red tag={artefact}\n"
    "# vector(83.6,22,0.3,30) vector=1 color=blue\n"
)
RED = both(CIRCLE, sky(slab(0.2, 0.1), 83.4, 21.8))
for where, truth in {
    "tag=source": both(CIRCLE, sky(disc(0.1), 83.8, 22.2)),
    "tag=a b": CIRCLE,
    "color=red": RED,
    "color = green": sky(disc(0.1), 83.8, 22.2),
    "name=Crab": CIRCLE,
    "shape=box": sky(slab(0.2, 0.1), 83.4, 21.8),
    "shape!=vector": both(RED, sky(disc(0.1), 83.8, 22.2)),
    "include=1": both(RED, sky(disc(0.1), 83.8, 22.2)),
    "line=5": sky(disc(0.1), 83.8, 22.2),
}.items():
    content = TAGGED if where != "include=1" else TAGGED.rpartition("# vector")[0]
    read("where", where, content, truth, where=where)
read("where", "a callable", TAGGED, CIRCLE, where=lambda r: "a b" in r["tag"] and r["color"] == "red")
read("where", "CRTF, by label", CRTF, sky(disc(0.2), *CENTRE), where="name=N\u00fcrnberg")
read(
    "where",
    "CRTF, by colour",
    CASA.format("circle[[83.6deg, 22deg], 0.3deg]"),
    sky(disc(0.3), *CENTRE, "fk5"),
    where="color=magenta",
)
read(
    "where",
    "FITS, by shape",
    table(THREE),
    pix(turned_in_pixels(20, slab(9, 5)), 39, 29),
    where="shape=rotbox",
    **PIXEL,
)
read(
    "where",
    "FITS, by component",
    table(THREE, **COMPONENTS),
    pix(disc(5.2, 2.2), 19, 29),
    where="component=1",
    **PIXEL,
)
read(
    "where",
    "FITS, by a column",
    table([THREE[0], THREE[2]], NET_COUNTS=[120, 17]),
    HERE,
    where=lambda r: r["net_counts"] > 100,
    **PIXEL,
)
refuse("where", "none", TAGGED, "where='tag=nothing'", "'source'", "'artefact'", where="tag=nothing")
refuse("where", "no such property", TAGGED, "where='colour=red'", "color", where="colour=red")
refuse("where", "no sense", TAGGED, "where must be like", where="red")
CUT = "icrs;-circle(83.6,22,0.1);circle(83.6,22,0.3);circle(83.9,22.1,0.1)"
read(
    "exclude",
    "before what it cuts",
    CUT,
    less(both(CIRCLE, sky(disc(0.1), 83.9, 22.1)), sky(disc(0.1), *CENTRE)),
    exclude="all",
)
read(
    "exclude",
    "in order",
    "icrs;circle(83.6,22,0.3);-circle(83.6,22,0.2);circle(83.6,22,0.1)",
    both(sky(disc(0.3, 0.2), *CENTRE), sky(disc(0.1), *CENTRE)),
)
read(
    "exclude",
    "from all",
    "icrs;circle(83.6,22,0.3);-circle(83.6,22,0.2);circle(83.6,22,0.1)",
    sky(disc(0.3, 0.2), *CENTRE),
    exclude="all",
)
read("exclude", "from the whole sky", "icrs;-circle(83.6,22,0.3)", less(everything, CIRCLE), exclude="all")
read(
    "exclude",
    "from the whole map",
    "image;-circle(20,30,5.2)",
    less(everything, HERE),
    exclude="all",
    **PIXEL,
)
read(
    "exclude",
    "by a property",
    "icrs;circle(83.6,22,0.3);circle(83.6,22,0.2) # include=0",
    sky(disc(0.3, 0.2), *CENTRE),
)
read(
    "exclude",
    "CRTF",
    "#CRTFv0\nglobal coord=ICRS\n-circle[[83.6deg, 22deg], 0.2deg]\ncircle[[83.6deg, 22deg], 0.3deg]",
    sky(disc(0.3, 0.2), *CENTRE),
    exclude="all",
)
read("exclude", "FITS", table([THREE[1], THREE[0]]), pix(disc(5.2, 2.2), 19, 29), exclude="all", **PIXEL)
refuse("exclude", "nothing before it, DS9", CUT, "line 1", "takes away", "exclude='all'")
refuse(
    "exclude",
    "nothing before it, CRTF",
    "#CRTFv0\nglobal coord=ICRS\n-circle[[83.6deg, 22deg], 0.2deg]",
    "line 3",
    "takes away",
)
refuse("exclude", "nothing before it, FITS", table([THREE[1], THREE[0]]), "row 1", "takes away", **PIXEL)
refuse("exclude", "no sense", CUT, "'before' or 'all'", exclude="after")

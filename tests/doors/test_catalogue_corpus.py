"""Catalogues of every producer, and what each must give: a count of pixels, or an error and its words.

The oracle is astropy's WCS on all pixel centres with formulas of this file, and positions that stand in
`producers`, from where the files are made too; no parser of what is tested has a part in it.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import FK4, FK5, SkyCoord
from astropy.io import fits
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

import maskexpr as mx

from . import producers as p
from .producers import DEC, NAMES, RA, RADIUS, SIGNIF, WRAPPERS, column, csv_of, fits_file, table

GEOM = mx.WcsGeom.create(skydir=(83.5, 22.0), npix=(70, 60), binsz=0.03, proj="TAN")
EVERY = np.arange(3)


def vectors(lon: Any, lat: Any) -> np.ndarray:
    lam, phi = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


@functools.cache
def centres() -> np.ndarray:
    """Pixel centres by astropy's WCS, shape (3, ny, nx)."""
    y, x = np.indices(GEOM.shape)
    return vectors(*GEOM.wcs.wcs_pix2world(x, y, 0))


def angle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return 2 * np.degrees(np.arcsin(np.sqrt(((one - other) ** 2).sum(axis=0)) / 2))


def circles(some: Any, radius: Any = RADIUS, ra: Any = RA, dec: Any = DEC) -> np.ndarray:
    """Pixels in circles; none is so near a rim that digits of a file could matter."""
    out = np.zeros(GEOM.shape, dtype=bool)
    for row in np.atleast_1d(some):
        apart = angle(centres(), vectors(ra[row], dec[row])[:, None, None])
        size = float(np.broadcast_to(radius, 3)[row])
        assert size < 0 or np.abs(apart - size).min() > 2e-6, "choose another radius"
        out |= apart < size
    return out


def ellipses(some: Any, major: Any, minor: Any, tilt: Any) -> np.ndarray:
    """Pixels in ellipses: separation and position angle, from north through east."""
    out = np.zeros(GEOM.shape, dtype=bool)
    for row in np.atleast_1d(some):
        lam, phi = np.radians(RA[row]), np.radians(DEC[row])
        north = np.array([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)])
        east = np.array([-np.sin(lam), np.cos(lam), 0.0])
        towards = np.arctan2(np.tensordot(east, centres(), 1), np.tensordot(north, centres(), 1))
        apart = angle(centres(), vectors(RA[row], DEC[row])[:, None, None])
        turned = towards - np.radians(np.broadcast_to(tilt, 3)[row])
        a, b = (float(np.broadcast_to(each, 3)[row]) for each in (major, minor))
        if min(a, b) <= 0:
            continue
        r2 = (apart * np.cos(turned) / a) ** 2 + (apart * np.sin(turned) / b) ** 2
        assert np.abs(r2 - 1).min() > 2e-5, "choose another ellipse"
        out |= r2 < 1
    return out


ALL = circles(EVERY, 0.2)
OWN = circles(EVERY)


class Case(NamedTuple):
    """A file, the arguments of `Catalog.read`, and the pixels that it must select."""

    data: Callable[[], bytes]
    arguments: dict[str, Any]
    want: np.ndarray
    name: str = "catalogue"


def reads(
    data: Callable[..., bytes], *given: Any, want: np.ndarray = ALL, name: str = "catalogue", **arguments: Any
) -> Case:
    return Case(functools.partial(data, *given), {"radius": "0.2 deg", **arguments}, want, name)


def own(data: Callable[..., bytes], radius: str, *given: Any, **arguments: Any) -> Case:
    return reads(data, *given, want=OWN, radius=radius, **arguments)


HOURS = {"RA": "hourangle"}
CASES: dict[str, Case] = {
    # producers
    "FITS": reads(p.plain_fits),
    "FITS, radius by column": own(p.plain_fits, "SIZE"),
    "FITS, radius by column in another case": own(p.plain_fits, "size"),
    "TOPCAT fits-plus": reads(p.topcat_fits_plus),
    "TOPCAT colfits": reads(p.topcat_colfits),
    "TOPCAT colfits, radius": own(p.topcat_colfits, "size"),
    "TOPCAT VOTable": own(p.topcat_votable, "size"),
    "TOPCAT VOTable BINARY": own(p.topcat_votable, "size", "BINARY"),
    "TOPCAT VOTable BINARY2": own(p.topcat_votable, "size", "BINARY2"),
    "TOPCAT ASCII": reads(p.topcat_ascii),
    "TOPCAT CSV": reads(p.topcat_csv),
    "TOPCAT TST": reads(p.topcat_tst),
    "TOPCAT text": reads(p.topcat_text),
    "TOPCAT ECSV": own(p.ecsv, "size"),
    "TOPCAT IPAC": reads(p.ipac),
    "astropy, positions as one column": reads(p.ecsv_with_one_column_of_positions),
    "VizieR TSV": own(p.vizier_tsv, "Diam"),
    "VizieR TSV with semicolons": own(p.vizier_tsv, "Diam", ";"),
    "VizieR TSV with bars": own(p.vizier_tsv, "Diam", "|"),
    "VizieR TSV, sexagesimal": own(p.vizier_tsv, "Diam", "\t", "texts"),
    "VizieR TSV with semicolons, sexagesimal": own(p.vizier_tsv, "Diam", ";", "texts"),
    "VizieR TSV of two tables": own(p.vizier_tsv_of_two_tables, "Diam"),
    "VizieR TSV of two tables, the second by name": own(p.vizier_tsv_of_two_tables, "Diam", hdu="J/X/1/srcs"),
    "VizieR TSV of two tables, the second by number": own(p.vizier_tsv_of_two_tables, "Diam", hdu=1),
    "VizieR FITS, texts": own(p.vizier_fits, "Diam"),
    "VizieR FITS, texts beside numbers": own(p.vizier_fits, "Diam", "both"),
    "VizieR VOTable": reads(p.vizier_votable),
    "VizieR VOTable, ICRS": reads(p.vizier_votable, "ICRS", ""),
    "SExtractor ASCII_HEAD": reads(p.sextractor_ascii_head),
    "SExtractor ASCII_HEAD, radius": own(p.sextractor_ascii_head, "A_WORLD"),
    "SExtractor LDAC": reads(p.sextractor_ldac),
    "SExtractor LDAC, radius": own(p.sextractor_ldac, "A_WORLD"),
    "SExtractor LDAC, one of several": reads(p.sextractor_ldac, 3, hdu=4, want=circles(1, 0.2)),
    "HEASARC FITS": reads(p.heasarc_fits),
    "HEASARC VOTable": reads(p.heasarc_votable),
    "HEASARC bars": reads(p.heasarc_pipes),
    "HEASARC TDAT": own(p.heasarc_tdat, "extent"),
    "XMM SAS source list": reads(p.xmm_srclist),
    "XMM SAS source list, summary rows": own(
        p.xmm_srclist, "RADEC_ERR", where="ID_INST == 0 and ID_BAND == 0"
    ),
    "CIAO wavdetect": reads(p.ciao_wavdetect),
    "Aladin TSV": own(p.aladin_tsv, "Size", units={"Size": "deg"}),
    "Aladin VOTable": reads(p.aladin_votable),
    "NED bars": reads(p.ned_bars),
    "SIMBAD semicolons": reads(p.simbad_semicolons),
    "journal": own(p.journal, "Size"),
    "markdown": reads(p.markdown),
    "ASCII table extension, hours": reads(p.ascii_table_extension),
    # on the way
    **{
        f"{made}, {way}": reads(lambda data=data, wrap=wrap: wrap(data()))
        for made, data in (("VizieR TSV", p.vizier_tsv), ("CSV", p.topcat_csv), ("VOTable", p.topcat_votable))
        for way, wrap in WRAPPERS.items()
        if not (way in ("UTF-16", "Latin-1", "UTF-8", "CR") and made == "VOTable")
    },
    **{
        f"{made}, {way}": reads(lambda data=data, wrap=WRAPPERS[way]: wrap(data()))
        for made, data in (("FITS", p.plain_fits), ("LDAC", p.sextractor_ldac))
        for way in ("gzip", "bzip2", "xz")
    },
    # a name is a hint
    **{
        f"{kind} called {name}": reads(data, name=name)
        for kind, data in (
            ("FITS", p.plain_fits),
            ("CSV", p.topcat_csv),
            ("VOTable", p.topcat_votable),
            ("TSV", p.vizier_tsv),
        )
        for name in ("x.fits", "x.csv", "x.xml", "x.dat", "x.fits.gz", "no-suffix")
    },
    # names of columns
    **{
        f"columns {ra}, {dec}": reads(p.plain_fits, ra, dec)
        for ra, dec in (
            ("RAJ2000", "DEJ2000"),
            ("_RAJ2000", "_DEJ2000"),
            ("RA_ICRS", "DE_ICRS"),
            ("_RA.icrs", "_DE.icrs"),
            ("ra", "dec"),
            ("Ra", "Dec"),
            ("RA_J2000", "DEC_J2000"),
            ("RAJ2000", "DECJ2000"),
            ("RAdeg", "DEdeg"),
            ("ra_deg", "dec_deg"),
            ("RA (deg)", "Dec (deg)"),
            ("RA [deg]", "DEC [deg]"),
            ("s_ra", "s_dec"),
            ("raMean", "decMean"),
            ("RAJD", "DECJD"),
            ("ALPHA_SKY", "DELTA_SKY"),
            ("ALPHAWIN_J2000", "DELTAWIN_J2000"),
            ("right_ascension", "declination"),
            ("Right Ascension", "Declination"),
            ("RA2000", "DE2000"),
        )
    },
    "columns by name": reads(p.plain_fits, "alpha", "delta", lon="alpha", lat="delta"),
    "columns by name in another case": reads(p.plain_fits, "alpha", "delta", lon="ALPHA", lat="Delta"),
    # units
    **{
        f"unit {unit!r}": reads(
            lambda unit=unit, f=f: fits_file(table(column("RA", RA * f, unit), column("DEC", DEC * f, unit)))
        )
        for unit, f in {
            "deg": 1.0,
            "DEG": 1.0,
            "degree": 1.0,
            "degrees": 1.0,
            "Degrees": 1.0,
            None: 1.0,
            "": 1.0,
            "arcmin": 60.0,
            "ARCMIN": 60.0,
            "arcsec": 3600.0,
            "Arcseconds": 3600.0,
            "mas": 3.6e6,
            "rad": np.pi / 180,
            "RADIANS": np.pi / 180,
            "radian": np.pi / 180,
        }.items()
    },
    **{
        f"right ascension in {unit!r}": reads(
            lambda unit=unit: fits_file(table(column("RA", RA / 15, unit), column("DEC", DEC, "deg")))
        )
        for unit in ("h", "hourangle", "hr", "HOURS", "Hour")
    },
    **{
        f"radius in {unit!r}": own(
            lambda unit=unit, f=f: fits_file(
                table(column("RA", RA, "deg"), column("DEC", DEC, "deg"), column("r", RADIUS * f, unit))
            ),
            "r",
        )
        for unit, f in {
            "DEG": 1.0,
            "degrees": 1.0,
            "arcmin": 60.0,
            "ARCMIN": 60.0,
            "Arcmins": 60.0,
            "arcmin.": 60.0,
            "ARCSEC": 3600.0,
            "arcsecs": 3600.0,
            "asec": 3600.0,
            "mas": 3.6e6,
            "milliarcsec": 3.6e6,
            "uas": 3.6e9,
            "radian": np.pi / 180,
            "10mas": 3.6e5,
            "hourangle": 1 / 15,
        }.items()
    },
    "units that the user says": own(
        lambda: (
            csv_of(RA, DEC)
            .replace(b"ra,dec", b"ra,dec,size")
            .replace(b"\n", b",6\n")
            .replace(b"size,6", b"size", 1)
        ),
        "size",
        units={"size": "arcmin"},
    )._replace(want=circles(EVERY, 0.1)),
    "a right ascension in hours, as the user says": reads(csv_of, RA / 15, DEC, units={"ra": "hourangle"}),
    "a wrong unit put right": reads(
        lambda: fits_file(table(column("RA", RA, "h"), column("DEC", DEC, "deg"))), units={"RA": "deg"}
    ),
    "a line of units in a CSV": reads(csv_of, RA * 60, DEC * 60, "ra,dec", "arcmin,arcmin"),
    "a line of units in brackets": reads(csv_of, RA, DEC, "ra,dec", "[deg],[deg]"),
    # sexagesimal
    **{
        f"sexagesimal with {separator!r}": reads(
            csv_of,
            [p.sexagesimal(each, True, separator) for each in RA],
            [p.sexagesimal(each, False, separator, sign=True) for each in DEC],
        )
        for separator in (":", " ")
    },
    "sexagesimal with letters": reads(
        csv_of,
        ["{}h{}m{}s".format(*p.sexagesimal(each, True).split()) for each in RA],
        ["{}d{}m{}s".format(*p.sexagesimal(each, False).split()) for each in DEC],
    ),
    "sexagesimal with signs": reads(
        csv_of,
        ["{}h {}m {}s".format(*p.sexagesimal(each, True).split()) for each in RA],
        ["{}\u00b0 {}' {}''".format(*p.sexagesimal(each, False).split()) for each in DEC],
    ),
    "sexagesimal degrees, by letters": reads(
        csv_of,
        ["{}d{}m{}s".format(*p.sexagesimal(each, False).split()) for each in RA],
        ["{}d{}m{}s".format(*p.sexagesimal(each, False).split()) for each in DEC],
    ),
    "sexagesimal degrees, as the user says": reads(
        csv_of, [p.sexagesimal(each, False, ":") for each in RA], DEC, units={"ra": "deg"}
    ),
    "sexagesimal hours of a name that says nothing": reads(
        csv_of, p.RA_TEXT, DEC, "x,y", lon="x", lat="y", units={"x": "hourangle"}
    ),
    "sexagesimal by decimal minutes": reads(
        csv_of, [f"{int(each / 15):02d} {(each / 15 % 1) * 60:.8f}" for each in RA], DEC
    ),
    "numbers as texts": reads(
        lambda: fits_file(
            table(
                column("RA", [f"{x:.4f}" for x in RA], "deg", "12A"),
                column("DEC", [f"{x:+.4f}" for x in DEC], "deg", "12A"),
            )
        )
    ),
    # the usable pair
    "texts that are no positions beside numbers": reads(
        lambda: fits_file(
            table(
                column("RAJ2000", ["", "x", "y"], form="5A"),
                column("DEJ2000", ["a", "", ""], form="5A"),
                column("RA", RA, "deg"),
                column("DEC", DEC, "deg"),
            )
        )
    ),
    "a pair in metres beside one in degrees": reads(
        lambda: fits_file(
            table(
                column("RA", RA, "m"),
                column("DEC", DEC, "m"),
                column("_RAJ2000", RA, "deg"),
                column("_DEJ2000", DEC, "deg"),
            )
        )
    ),
    "a pair with gaps beside one without": reads(
        lambda: fits_file(
            table(
                column("RA", [*RA[:2], np.nan], "deg"),
                column("DEC", DEC, "deg"),
                column("ALPHA_J2000", RA, "deg"),
                column("DELTA_J2000", DEC, "deg"),
            )
        )
    ),
    "luminosities and magnitudes called L and B": reads(
        lambda: fits_file(
            table(
                column("L", [1.0, 2, 3], "Lsun"),
                column("B", [8.0, 9, 10], "mag"),
                column("_RA", RA, "deg"),
                column("_DE", DEC, "deg"),
            )
        )
    ),
    # frames
    **{
        f"frame {name}": reads(
            lambda name=name, frame=frame: fits_file(
                table(*(column(*each, "deg") for each in zip(name.split(), _in(frame), strict=True)))
            )
        )
        for name, frame in {
            "GLON GLAT": "galactic",
            "glon glat": "galactic",
            "l b": "galactic",
            "LII BII": "galactic",
            "_Glon _Glat": "galactic",
            "SGLON SGLAT": "supergalactic",
            "SGL SGB": "supergalactic",
            "ELON ELAT": "barycentricmeanecliptic",
            "ecl_lon ecl_lat": "barycentricmeanecliptic",
        }.items()
    },
    **{
        f"B1950 by the names {name}": reads(
            lambda name=name: fits_file(
                table(
                    *(
                        column(*each, "deg")
                        for each in zip(name.split(), _in(FK4(equinox="B1950")), strict=True)
                    )
                )
            )
        )
        for name in ("RAB1950 DEB1950", "_RAB1950 _DEB1950", "RA1950 DE1950")
    },
    "B1950 by the header": reads(lambda: _headed(FK4(equinox="B1950"), RADESYS="FK4", EQUINOX=1950.0)),
    "B1950 by the equinox alone": reads(lambda: _headed(FK4(equinox="B1950"), EQUINOX=1950.0)),
    "FK5 of another equinox": reads(lambda: _headed(FK5(equinox="J1975"), RADECSYS="FK5", EQUINOX=1975.0)),
    "FK5 by the equinox alone": reads(lambda: _headed(FK5(), EQUINOX=2000.0)),
    "ICRS by the header": reads(lambda: _headed("icrs", RADESYS="ICRS")),
    "B1950 by a VOTable": reads(
        lambda: p.votable(
            p.field("ra", "deg", ref="B") + p.field("dec", "deg", ref="B"),
            p.tabledata(*_in(FK4(equinox="B1950"))),
            '<COOSYS ID="B" system="eq_FK4" equinox="B1950"/>',
        )
    ),
    "a column's own frame beside that of others": reads(
        lambda: p.votable(
            p.field("RA", "deg", ref="B") + p.field("DEC", "deg", ref="B"),
            p.tabledata(*_in(FK4(equinox="B1950"))),
            '<COOSYS ID="B" system="eq_FK4" equinox="B1950"/>\n<COOSYS ID="J" system="eq_FK5"/>',
        )
    ),
    **{
        f"positions as one column, {name}": reads(p.ecsv_with_one_column_of_positions, frame)
        for name, frame in {
            "FK4": FK4(equinox="B1950"),
            "FK5 of a year": FK5(equinox="J1975"),
            "ecliptic": "barycentrictrueecliptic",
            "galactic": "galactic",
        }.items()
    },
    # parts
    "parts, all of the north": reads(lambda: parts_of(RA, DEC, ["+", "", "+"]), want=ALL),
    **{
        f"parts, all of the south, {name}": reads(
            lambda sign=sign: parts_of(RA, DEC, [sign] * 3), want=circles(EVERY, 0.2, RA, -DEC)
        )
        for name, sign in {"hyphen": "-", "minus": "\u2212", "dash": "\u2013"}.items()
    },
    "a frame that the user says": reads(lambda: csv_of(*_in(FK4(equinox="B1950"))), frame="fk4"),
    "galactic that the user says": reads(
        lambda: csv_of(*_in("galactic"), "x,y"), lon="x", lat="y", frame="galactic"
    ),
    "a frame that chooses the pair": reads(
        lambda: fits_file(
            table(
                column("RA", RA + 90, "deg"),
                column("DEC", -DEC, "deg"),
                *(column(*each, "deg") for each in zip(("GLON", "GLAT"), _in("galactic"), strict=True)),
            )
        ),
        frame="galactic",
    ),
    "FK5 that the user says": reads(p.plain_fits, frame="fk5"),
    **{
        f"{frame} that names of a pair say": reads(
            lambda names=names, there=there: fits_file(
                table(
                    column("RA", RA + 90, "deg"),
                    column("DEC", -DEC, "deg"),
                    *(column(*each, "deg") for each in zip(names.split(), _in(there), strict=True)),
                )
            ),
            frame=frame,
        )
        for frame, names, there in (
            ("fk4", "RAB1950 DEB1950", FK4(equinox="B1950")),
            ("fk5", "ALPHA_J2000 DELTA_J2000", "fk5"),
            ("icrs", "RA_ICRS DE_ICRS", "icrs"),
        )
    },
    # several tables
    "the first table with positions": reads(
        lambda: fits_file(
            fits.ImageHDU(np.zeros((2, 2))),
            table(column("t", [1.0]), name="GTI"),
            table(column("RA", RA, "deg"), column("DEC", DEC, "deg"), name="SRC"),
        )
    ),
    "the first table with positions and the radius": own(
        lambda: fits_file(
            table(column("RA", RA + 1, "deg"), column("DEC", DEC, "deg"), name="POINT"),
            table(column("RA", RA, "deg"), column("DEC", DEC, "deg"), column("R", RADIUS, "deg"), name="EXT"),
        ),
        "R",
    ),
    "a table by number": reads(lambda: _two_tables(), hdu=2),
    "a table by name": reads(lambda: _two_tables(), hdu="second"),
    # missing
    **{
        f"missing by {name}": reads(
            lambda values=values, more=more: fits_file(
                table(column("RA", RA, "deg"), column("DEC", DEC, "deg"), column("r", values, "deg", **more))
            ),
            radius="r",
            missing=missing,
            want=want,
        )
        for name, values, more in (
            ("NaN", [0.3, np.nan, 0.2], {}),
            ("infinity", [0.3, np.inf, 0.2], {}),
        )
        for missing, want in (("drop", circles([0, 2])), ("0.1 deg", OWN), (0.1 * u.deg, OWN))
    },
    "missing by TNULL": reads(
        lambda: fits_file(
            table(
                column("RA", RA, "deg"),
                column("DEC", DEC, "deg"),
                column("r", [18, -1, 12], "arcmin", "I", null=-1),
            )
        ),
        radius="r",
        missing="drop",
        want=circles([0, 2]),
    ),
    "missing by an empty field": reads(
        lambda: b"ra,dec,r\n83.6331,22.0145,0.3\n84.05,21.6,\n82.9,22.4,0.2\n",
        radius="r",
        units={"r": "deg"},
        missing="drop",
        want=circles([0, 2]),
    ),
    "missing by null in a VOTable": reads(
        lambda: p.votable(
            p.field("ra", "deg") + p.field("dec", "deg") + p.field("r", "deg"),
            p.tabledata(RA, DEC, [0.3, "", 0.2]),
        ),
        radius="r",
        missing="drop",
        want=circles([0, 2]),
    ),
    "missing position": reads(
        lambda: csv_of([RA[0], "", RA[2]], DEC), missing="drop", want=circles([0, 2], 0.2)
    ),
    "missing where it does not matter": own(
        lambda: fits_file(
            table(
                column("RA", [*RA, np.nan], "deg"),
                column("DEC", [*DEC, 0], "deg"),
                column("r", [*RADIUS, np.nan], "deg"),
            )
        ),
        "r",
        where="r > 0",
    ),
    # nothing
    "no rows": reads(
        lambda: fits_file(table(column("RA", [], "deg"), column("DEC", [], "deg"))), want=circles([])
    ),
    "no rows of a CSV": reads(lambda: b"ra,dec\n", want=circles([])),
    "no rows of a VOTable": reads(
        lambda: p.votable(p.field("ra", "deg") + p.field("dec", "deg"), "<TABLEDATA/>"), want=circles([])
    ),
    "one row": reads(csv_of, RA[:1], DEC[:1], want=circles([0], 0.2)),
}


PARTS = "RAh,RAm,RAs,DE-,DEd,DEm,DEs"
UNSIGNED = PARTS.replace("DE-,", "")


def parts_of(ra: Any, dec: Any, signs: Any) -> bytes:
    """A CSV of positions in parts, with signs of their own."""
    texts = [
        SkyCoord(*each, unit="deg").to_string("hmsdms", sep=",", precision=6)
        for each in zip(ra, dec, strict=True)
    ]
    rows = [text.replace(" +", f",{sign},") for text, sign in zip(texts, signs, strict=True)]
    return "\n".join([PARTS, *rows, ""]).encode()


# A row of parts, its declination or what is said of it; and whether a table in memory can know it.
IN_PARTS: dict[str, tuple[str, str, float | str, float | str]] = {
    "minus": (PARTS, "5,34,32,-,0,30,36", -0.51, -0.51),
    "minus of typesetters": (PARTS, "5,34,32,\u2212,0,30,36", -0.51, -0.51),
    "dash": (PARTS, "5,34,32,\u2013,0,30,36", -0.51, -0.51),
    "minus twice": (PARTS, "5,34,32,-,-1,30,36", -1.51, -1.51),
    "plus": (PARTS, "5,34,32,+,0,30,36", 0.51, 0.51),
    "blank": (PARTS, "5,34,32,,0,30,36", 0.51, 0.51),
    "another sign": (PARTS, "5,34,32,S,0,30,36", "'DE-' of row 0 is 'S'", "'DE-' of row 0 is 'S'"),
    "signs that contradict": (PARTS, "5,34,32,+,-1,30,36", "contradicts the sign", "contradicts the sign"),
    "no sign": (UNSIGNED, "5,34,32,-1,30,36", -1.51, -1.51),
    "no sign, -00": (UNSIGNED, "5,34,32,-00,30,36", -0.51, "no column 'DE-' says whether north or south"),
    "no sign, 00": (UNSIGNED, "5,34,32,00,30,36", 0.51, "no column 'DE-' says whether north or south"),
    "minutes beyond 60": (PARTS, "5,34,32,+,1,75,36", "'DEm' of row 0 is 75", "'DEm' of row 0 is 75"),
    "seconds beyond 60": (PARTS, "5,34,61,+,1,5,36", "'RAs' of row 0 is 61", "'RAs' of row 0 is 61"),
    "seconds that are rounded": (PARTS, "5,34,60.0,+,1,5,60.0", 1.1, 1.1),
    "negative minutes": (UNSIGNED, "5,34,32,0,-30,36", "'DEm' of row 0 is -30", "'DEm' of row 0 is -30"),
    "texts": (UNSIGNED, "5,34,32,\u22121,30,36", "'DEd' holds texts", "'DEd' holds texts"),
}


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize("name", IN_PARTS)
def test_positions_in_parts(name: str, in_memory: bool, tmp_path: Path) -> None:
    head, row, of_file, of_table = IN_PARTS[name]
    want = of_table if in_memory else of_file
    path = tmp_path / "parts.csv"
    path.write_text(f"{head}\n{row}\n", encoding="utf-8")

    def made() -> mx.Catalog:
        return mx.Catalog(Table.read(path), "1 deg") if in_memory else mx.Catalog.read(path, "1 deg")

    if isinstance(want, str):
        with pytest.raises(mx.MaskError, match=want):
            made()
    else:
        assert_allclose(made().lat, want, rtol=1e-14)


def _in(frame: Any) -> tuple[Any, Any]:
    there = SkyCoord(RA, DEC, unit="deg").transform_to(frame).spherical
    return there.lon.deg, there.lat.deg


def _headed(frame: Any, **cards: Any) -> bytes:
    lon, lat = _in(frame)
    return fits_file(table(column("RA", lon, "deg"), column("DEC", lat, "deg"), **cards))


def _two_tables() -> bytes:
    other = table(column("RA", RA + 1, "deg"), column("DEC", DEC, "deg"), name="FIRST")
    return fits_file(other, table(column("RA", RA, "deg"), column("DEC", DEC, "deg"), name="SECOND"))


@pytest.mark.parametrize("name", CASES)
def test_catalogue(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = tmp_path / case.name
    path.write_bytes(case.data())
    mask = mx.Catalog.read(path, **case.arguments)
    assert_array_equal(mask.on(GEOM).values, case.want)
    assert mx.loads(mx.dumps(mask)) == mask


# ---- conditions


CONDITIONS: dict[str, Any] = {
    "SIGNIF > 10": [0, 2],
    "SIGNIF >= 12": [0, 2],
    "SIGNIF < 12": [1],
    "SIGNIF <= 12": [0, 1],
    "SIGNIF == 5": [1],
    "SIGNIF != 5": [0, 2],
    "signif > 10": [0, 2],
    "10 < SIGNIF": [0, 2],
    "5 < SIGNIF < 20": [0],
    "5 <= SIGNIF <= 12": [0, 1],
    "not SIGNIF > 10": [1],
    "not (SIGNIF > 10 or SIGNIF < 6)": [],
    "SIGNIF > 10 and SIZE > 15": [0],
    "SIGNIF > 15 or SIZE < 7": [1, 2],
    "SIGNIF > 15 or SIGNIF < 6 and SIZE < 7": [1, 2],
    "(SIGNIF > 15 or SIGNIF < 6) and SIZE < 7": [1],
    "NAME == 'Crab'": [0],
    'NAME == "zeta Tau"': [1],
    "NAME != 'Crab'": [1, 2],
    "NAME in ('Crab', 'S147 W')": [0, 2],
    "NAME in ['Crab']": [0],
    "NAME not in ('Crab', 'S147 W')": [1],
    "NAME > 'a'": [1],
    "SIGNIF in (5, 20)": [1, 2],
    "SIGNIF > SIZE": [2],
    "SIGNIF > -5": [0, 1, 2],
    "SIGNIF > +5.5e0": [0, 2],
    "GAP > 0": [0],
    "not GAP > 0": [2],
    "GAP > 0 or SIGNIF == 5": [0, 1],
    "GAP > 0 and SIGNIF == 5": [],
    "GAP is None": [1],
    "GAP is not None": [0, 2],
    "GAP == GAP": [0, 2],
    "WORD is None": [2],
    "WORD == 'x'": [0],
    "WORD != 'x'": [1],
    "FLAG": [0, 2],
    "not FLAG": [1],
    "FLAG and SIGNIF > 15": [2],
    "`S/N` > 10": [0, 2],
    "`S/N` > 10 and `b-v` < 0": [2],
    "NUMBER == 9007199254740993": [0],
    "NUMBER > 9007199254740993": [1, 2],
    "NULL > 0": [0],
    "NULL is None": [2],
    # As astropy's tables and numexpr have it.
    "(SIGNIF > 5) & (GAP > 0)": [0],
    "~(NUMBER == 9007199254740993)": [1, 2],
    "(NULL is None) | (NUMBER == 9007199254740993)": [0, 2],
    "FLAG & ~(SIGNIF > 15)": [0],
    # In the precision of the column: 0.3 of 32 bits is more than 0.3 of 64.
    "SINGLE <= 0.3": [0, 1],
    "0.3 < SINGLE": [2],
    "SINGLE == 0.3": [0],
    "SINGLE in (0.1, 0.7)": [1, 2],
    "-0.3 < SINGLE < 1e300": [0, 1, 2],
    "SINGLE < WIDE": [1, 2],
}


def conditioned() -> bytes:
    return fits_file(
        table(
            column("NAME", NAMES, form="12A"),
            column("RA", RA, "deg"),
            column("DEC", DEC, "deg"),
            column("SIZE", RADIUS * 60, "arcmin", "E"),
            column("SIGNIF", SIGNIF, form="E"),
            column("GAP", [1.0, np.nan, -1.0]),
            column("WORD", ["x", "y", ""], form="3A"),
            column("FLAG", [True, False, True], form="L"),
            column("S/N", SIGNIF),
            column("b-v", [0.5, 0, -0.5]),
            column("NUMBER", np.array([2**53 + 1, 2**53 + 2, 2**53 + 3]), form="K"),
            column("SINGLE", [0.3, 0.1, 0.7], form="E"),
            column("WIDE", [0.3, 0.2, 0.7]),
            column("NULL", np.array([4, -3, -99]), form="I", null=-99),
            column("VECTOR", np.ones((3, 2)), form="2D"),
        )
    )


@pytest.mark.parametrize("condition", CONDITIONS)
def test_where(condition: str, tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    path.write_bytes(conditioned())
    mask = mx.Catalog.read(path, "0.2 deg", where=condition)
    assert_allclose(mask.lon, RA[CONDITIONS[condition]])
    assert_array_equal(mask.on(GEOM).values, circles(CONDITIONS[condition], 0.2))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            "Signif_Avg > 10",
            r"no column 'Signif_Avg' for where= \(did you mean 'SIGNIF'\?\); columns: NAME, RA",
        ),
        ("SIGNFI > 10", "did you mean 'SIGNIF'"),
        ("SIGNIF > ", "cannot be read"),
        ("SIGNIF > 10)", "cannot be read"),
        ("", "where must be a text"),
        ("SIGNIF", "'SIGNIF' in 'SIGNIF' is not understood"),
        ("SIGNIF + 1 > 10", "'SIGNIF \\+ 1'.*not understood"),
        ("abs(SIGNIF) > 10", "not understood"),
        ("__import__('os').system('x') == 0", "not understood"),
        ("SIGNIF.real > 1", "not understood"),
        ("NAME[0] == 'C'", "not understood"),
        ("lambda: 1", "not understood"),
        ("[x for x in RA]", "not understood"),
        ("f'{NAME}' == 'x'", "not understood"),
        ("SIGNIF > 1j", "not understood"),
        ("SIGNIF > None", "not understood"),
        ("SIGNIF is 5", "not understood"),
        ("SIGNIF in ()", "not understood"),
        ("SIGNIF if FLAG else 1", "not understood"),
        ("(x := 1) == 1", "not understood"),
        ("SIGNIF > 1; import os", "cannot be read"),
        ("NAME > 5", "compares a text with a number"),
        ("SIGNIF == 'x'", "compares a number with a text"),
        ("VECTOR > 1", "'VECTOR' holds no single"),
        ("SIGNIF > 1 " + "and SIGNIF > 1 " * 500, "characters"),
        ("(" * 900 + "FLAG" + ")" * 900, "cannot be read|not understood"),
        ("not " * 400 + "SIGNIF", "not understood"),
        ("a\0b > 1", "cannot be read"),
        (5, "where must be a text"),
        ("`nothing here` > 1", "no column 'nothing here'"),
    ],
)
def test_where_refused(condition: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    path.write_bytes(conditioned())
    with pytest.raises(mx.MaskError, match=words):
        mx.Catalog.read(path, "0.2 deg", where=condition)


# ---- ellipses


TILT = np.array([10.0, 100.0, 37.0])


def galaxies(**more: Any) -> bytes:
    return fits_file(
        table(
            column("RA", RA, "deg"),
            column("DEC", DEC, "deg"),
            column("a", RADIUS * 60, "arcmin"),
            column("b", RADIUS * 24, "arcmin"),
            column("D25", RADIUS * 120, "arcmin"),
            column("b/a", [0.4] * 3),
            column("PA", TILT, "deg"),
            column("PA_rad", np.radians(TILT), "rad"),
            column("bare", TILT),
            column("gaps", [*RADIUS[:2] * 60, np.nan], "arcmin"),
            column("PA_gaps", [10.0, np.nan, np.nan], "deg"),
            column("round", RADIUS * np.array([60, 24, 60]), "arcmin"),
            column("a/b", [2.5] * 3),
            column("GLON", _in("galactic")[0], "deg"),
            column("GLAT", _in("galactic")[1], "deg"),
        )
    )


OVALS = ellipses(EVERY, RADIUS, 0.4 * RADIUS, TILT)
ELLIPSES: dict[str, tuple[dict[str, Any], np.ndarray]] = {
    "semi-axes": ({"major": "a", "minor": "b", "angle": "PA"}, OVALS),
    "whole axes": ({"major": "D25", "minor": "b/a", "angle": "PA", "axes": "full"}, OVALS),
    "b/a by column": ({"major": "a", "minor": "b/a", "angle": "PA"}, OVALS),
    "b/a as a number": ({"major": "a", "minor": 0.4, "angle": "PA"}, OVALS),
    "PA in radians": ({"major": "a", "minor": "b", "angle": "PA_rad"}, OVALS),
    "PA by units=": ({"major": "a", "minor": "b", "angle": "bare", "units": {"bare": "deg"}}, OVALS),
    "one angle": ({"major": "a", "minor": "b", "angle": "37 deg"}, ellipses(EVERY, RADIUS, 0.4 * RADIUS, 37)),
    "one ellipse": (
        {"major": "0.31 deg", "minor": "5 arcmin", "angle": 37 * u.deg},
        ellipses(EVERY, 0.31, 1 / 12, 37),
    ),
    "one major axis, b/a by column": (
        {"major": "0.31 deg", "minor": "b/a", "angle": "PA"},
        ellipses(EVERY, 0.31, 0.4 * 0.31, TILT),
    ),
    "some rows": (
        {"major": "a", "minor": "b", "angle": "PA", "where": "a > 10"},
        ellipses([0, 2], RADIUS, 0.4 * RADIUS, TILT),
    ),
    "missing, left out": (
        {"major": "gaps", "minor": 0.4, "angle": "PA", "missing": "drop"},
        ellipses([0, 1], RADIUS, 0.4 * RADIUS, TILT),
    ),
    "missing, a circle": (
        {"major": "gaps", "minor": 0.4, "angle": "PA", "missing": "0.2 deg"},
        ellipses([0, 1], RADIUS, 0.4 * RADIUS, TILT) | circles([2]),
    ),
    "a circle has no PA": (
        {"major": "a", "minor": "round", "angle": "PA_gaps", "missing": "drop"},
        circles([0, 2]),
    ),
}


@pytest.mark.parametrize("name", ELLIPSES)
def test_ellipses(name: str, tmp_path: Path) -> None:
    arguments, want = ELLIPSES[name]
    path = tmp_path / "x.fits"
    path.write_bytes(galaxies())
    mask = mx.Catalog.read(path, **arguments)
    assert isinstance(mask, mx.Ellipses)
    assert_array_equal(mask.on(GEOM).values, want)
    assert_array_equal(mask.on(GEOM, chunks=13).values, want)
    assert mx.loads(mx.dumps(mask)) == mask


def test_position_angles_are_from_the_north_of_the_columns_frame(tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    path.write_bytes(galaxies())
    arguments = {"major": "a", "minor": "b", "angle": "PA"}
    mask = mx.Catalog.read(path, frame="galactic", **arguments)
    there = SkyCoord(*_in("galactic"), unit="deg", frame="galactic")
    tip = there.directional_offset_by(TILT * u.deg, 0.9 * RADIUS * u.deg)
    assert mask.contains(tip).all()
    assert not mx.Catalog.read(path, **arguments).contains(tip).all()


# ---- refusals


BROKEN: dict[str, tuple[Callable[[], bytes], dict[str, Any], str]] = {
    "nothing": (lambda: b"", {}, "is empty"),
    "blanks": (lambda: b"\n  \n", {}, "is empty"),
    "binary": (lambda: b"\x00\x01\x02\x03" * 50, {}, "neither FITS nor VOTable nor text"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", {}, "neither FITS nor VOTable nor text"),
    "a web page": (lambda: b"<!DOCTYPE html><html><body>404</body></html>", {}, "is a web page"),
    "prose": (lambda: b"Dear editor,\nthis is no table.\n", {}, "fields|no position columns"),
    "numbers without names": (lambda: b"83.6 22.0\n84 21\n", {}, "line 1 is numbers already"),
    "a short row": (lambda: b"ra,dec\n83.6,22.0\n84\n", {}, "line 3 has 1 fields, there are 2 columns"),
    "a long row": (lambda: b"ra,dec\n83.6,22.0,5\n", {}, "line 2 has 3 fields"),
    "no positions": (lambda: b"a,b\n1,2\n", {}, "give lon= and lat=; columns: a, b"),
    "FITS without a table": (lambda: fits_file(fits.ImageHDU(np.zeros((3, 3)))), {}, "has no table"),
    "FITS cut short": (lambda: p.plain_fits()[:5800], {}, "cut short|cannot read"),
    "FITS with a broken header": (
        lambda: b"SIMPLE  = nonsense".ljust(2880),
        {},
        "cannot read|no table|no FITS file",
    ),
    "gzip cut short": (lambda: WRAPPERS["gzip"](p.plain_fits())[:200], {}, "damaged or cut short"),
    "VOTable cut short": (lambda: p.topcat_votable()[:500], {}, "cannot read"),
    "VOTable that is elsewhere": (
        lambda: p.votable(
            p.field("ra", "deg") + p.field("dec", "deg"),
            '<BINARY><STREAM href="http://example.org/x"/></BINARY>',
        ),
        {},
        "STREAM that is elsewhere",
    ),
    "VOTable with entities": (
        lambda: p.votable(p.field("ra"), "", doctype='<!DOCTYPE x [<!ENTITY a "b">]>\n'),
        {},
        "DOCTYPE or entities",
    ),
    "several tables without positions": (
        lambda: fits_file(
            table(column("t", [1.0]), name="GTI"), table(column("x", [1.0]), column("y", [1.0]), name="PIX")
        ),
        {},
        r"tables: 1 GTI \(t\); 2 PIX \(x, y\)",
    ),
    "several tables, a radius that none has": (
        lambda: _two_tables(),
        {"radius": "Size"},
        r"no column 'Size'; tables: 1 FIRST \(RA, DEC\); 2",
    ),
    "parts of one name": (
        lambda: p.sextractor_ldac(3),
        {},
        "in 3 tables of one name .2 LDAC_OBJECTS, 4 LDAC_OBJECTS",
    ),
    "parts of one name, by name": (
        lambda: p.sextractor_ldac(3),
        {"hdu": "LDAC_OBJECTS"},
        "several tables 'LDAC_OBJECTS'",
    ),
    "a table that is not there": (
        lambda: _two_tables(),
        {"hdu": "third"},
        "no table HDU 'third'; tables: 1 FIRST, 2 SECOND",
    ),
    "a number that is not there": (lambda: _two_tables(), {"hdu": 0}, "no table HDU 0"),
    "hdu of a text": (p.topcat_csv, {"hdu": 1}, "is one table.*leave out hdu="),
    "hdu of an ECSV": (p.ecsv, {"hdu": "x"}, "leave out hdu="),
    "lon alone": (p.plain_fits, {"lon": "RA"}, "'RA' alone"),
    "a column that is not there": (p.plain_fits, {"lon": "x", "lat": "DEC"}, "no column 'x' for lon="),
    "a radius that is not there": (
        p.plain_fits,
        {"radius": "SIZ"},
        "no column 'SIZ' for the radius .did you mean 'SIZE'",
    ),
    "a radius like an identifier": (p.plain_fits, {"radius": "R95"}, "no column 'R95' for the radius"),
    "a radius without a unit": (p.plain_fits, {"radius": "0.2"}, "unit"),
    "a column without a unit": (
        lambda: _with(column("r", RADIUS)),
        {"radius": "r"},
        "'r' says no unit: say it, units=",
    ),
    "a radius in pixels": (p.ciao_wavdetect, {"radius": "R"}, "'R' is in 'pixel', not an angle"),
    "a radius in days": (
        lambda: _with(column("P", RADIUS, "d")),
        {"radius": "P"},
        "'P' is in 'd', not an angle",
    ),
    "a radius as texts": (p.plain_fits, {"radius": "NAME"}, "holds texts, not numbers"),
    "a radius that is negative": (
        lambda: _with(column("r", [0.1, -0.2, 0.1], "deg")),
        {"radius": "r"},
        "negative.*row 1",
    ),
    "a radius that is NaN": (
        lambda: _with(column("r", [0.1, 0.2, np.nan], "deg")),
        {"radius": "r"},
        "'r' of row 2 is masked or not finite.*missing='drop'",
    ),
    "a radius that is infinite": (
        lambda: _with(column("r", [np.inf, 0.2, 1], "deg")),
        {"radius": "r"},
        "row 0 is masked or not finite",
    ),
    "a radius that is null": (
        lambda: _with(column("r", [5, -1, 5], "deg", "J", null=-1)),
        {"radius": "r"},
        "row 1 is masked",
    ),
    "a position that is NaN": (
        lambda: csv_of([RA[0], "nan", RA[2]], DEC),
        {},
        r"position \(ra, dec\) of row 1",
    ),
    "a replacement is no position": (
        lambda: csv_of([RA[0], "", RA[2]], DEC),
        {"missing": "1 deg"},
        "position .* of row 1",
    ),
    "an infinite position": (lambda: _with(RA=[1, np.inf, 3]), {}, "row 1"),
    "a latitude beyond the pole": (lambda: csv_of(RA, [1, 95, 2]), {}, "row 1 has latitude 95"),
    "a longitude beyond a turn": (lambda: csv_of(RA * 3600, DEC), {}, "row 0 has longitude 301079.*units="),
    "positions in metres": (
        lambda: fits_file(table(column("RA", RA, "m"), column("DEC", DEC, "deg"))),
        {},
        "'RA' is in 'm', not an angle",
    ),
    "a declination in hours": (
        lambda: fits_file(table(column("RA", RA, "deg"), column("DEC", DEC, "h"))),
        {},
        "'DEC' is in hours",
    ),
    "a galactic longitude in hours": (
        lambda: fits_file(table(column("GLON", RA, "h"), column("GLAT", DEC, "deg"))),
        {},
        "'GLON' is in hours",
    ),
    "texts of which nothing says what they are": (
        lambda: csv_of(p.RA_TEXT, DEC, "x,y"),
        {"lon": "x", "lat": "y"},
        "hours or of degrees",
    ),
    "galactic texts": (lambda: csv_of(["10:20:30"] * 3, DEC, "glon,glat"), {}, "hours or of degrees"),
    "hours beyond the day": (lambda: csv_of(["83:37:59"] * 3, DEC), {}, "83.6331 hours.*units="),
    "minutes beyond the hour": (lambda: csv_of(["05:77:10"] * 3, DEC), {}, "'05:77:10'"),
    "texts of two kinds": (
        lambda: csv_of(["5h30m10s", "05:30:10", "05:30:10"], DEC),
        {},
        "others with others or without",
    ),
    "letters against the unit": (
        lambda: fits_file(table(column("RA", ["5h30m10s"] * 3, "deg", "12A"), column("DEC", DEC, "deg"))),
        {},
        "texts are in hourangle",
    ),
    "a text that is none": (lambda: csv_of(["05:30:10", "?", "05:30:10"], DEC), {}, "row 1 is '\\?'"),
    "a longitude and a latitude of two frames": (
        p.xmm_srclist,
        {"lon": "RA", "lat": "BII"},
        "'RA' is of the frame equatorial and 'BII' of galactic",
    ),
    "a frame that no columns are of": (p.plain_fits, {"frame": "galactic"}, "of the frame 'galactic'"),
    "a frame that there is not": (p.plain_fits, {"frame": "mars", "lon": "RA", "lat": "DEC"}, "mars"),
    "a system that there is not": (lambda: _headed("icrs", RADESYS="GAPPT"), {}, "'GAPPT'.*frame="),
    "names and header that contradict": (
        lambda: p.plain_fits("RAJ2000", "DEJ2000", RADESYS="FK4", EQUINOX=1950.0),
        {},
        "J2000 by its name.*fk4.*frame=",
    ),
    "an equinox that is none": (lambda: _headed("icrs", EQUINOX="now"), {}, "equinox 'now'"),
    "vectors as positions": (
        lambda: _with(column("x", np.ones((3, 2)), "deg", "2D")),
        {"lon": "x", "lat": "DEC"},
        "several values a row",
    ),
    "variable lengths": (
        lambda: _with(
            fits.Column("v", "PE()", array=np.array([np.ones(1), np.ones(2), np.ones(3)], dtype=object))
        ),
        {"radius": "v"},
        "holds no numbers",
    ),
    "logicals as positions": (
        lambda: _with(column("t", [True] * 3, form="L")),
        {"lon": "t", "lat": "DEC"},
        "bool, not numbers",
    ),
    "units of a column that is not there": (
        p.plain_fits,
        {"units": {"SIZES": "deg"}},
        "no column 'SIZES' for units=",
    ),
    "units that are none": (p.plain_fits, {"units": {"RA": "metre"}}, "'metre' is no unit of an angle"),
    "missing that is none": (
        p.plain_fits,
        {"missing": "skip"},
        "missing, if not 'raise' or 'drop', must be an angle",
    ),
    "missing that is negative": (p.plain_fits, {"missing": "-1 deg"}, "missing must not be negative"),
    "no radius": (p.plain_fits, {"radius": None}, "radius= is missing"),
    "a circle and an ellipse": (galaxies, {"major": "a", "minor": "b", "angle": "PA"}, "not both"),
    "axes of a circle": (p.plain_fits, {"axes": "full"}, "axes= is about ellipses"),
    "half an ellipse": (galaxies, {"radius": None, "major": "a"}, "minor=, angle= is missing"),
    "axes that are none": (
        galaxies,
        {"radius": None, "major": "a", "minor": "b", "angle": "PA", "axes": "double"},
        "axes must be",
    ),
    "an angle without a unit": (
        galaxies,
        {"radius": None, "major": "a", "minor": "b", "angle": "bare"},
        "'bare' says no unit",
    ),
    "a minor axis that is the larger one": (
        galaxies,
        {"radius": None, "major": "b", "minor": "a", "angle": "PA"},
        "minor axis is larger.*exchange",
    ),
    "a part above 1": (
        galaxies,
        {"radius": None, "major": "a", "minor": "a/b", "angle": "PA"},
        "'a/b' has no unit.*row 0 has 2.5",
    ),
    "a part, or an angle": (
        lambda: b"ra,dec,a,b\n83.6,22,5,0.5\n",
        {"radius": None, "major": "a", "minor": "b", "angle": "0 deg", "units": {"a": "arcmin"}},
        "nothing says whether 'b' is an angle or a part of 'a'",
    ),
    "an ellipse with gaps": (
        galaxies,
        {"radius": None, "major": "gaps", "minor": 0.4, "angle": "PA"},
        "ellipse .gaps, 0.4, PA. of row 2",
    ),
    "a PA with gaps": (
        galaxies,
        {"radius": None, "major": "a", "minor": "b", "angle": "PA_gaps"},
        "of row 1",
    ),
}


def _with(*more: fits.Column, **replaced: Any) -> bytes:
    given = {"RA": RA, "DEC": DEC, **replaced}
    return fits_file(table(*(column(name, values, "deg") for name, values in given.items()), *more))


@pytest.mark.parametrize("name", BROKEN)
def test_refused(name: str, tmp_path: Path) -> None:
    data, arguments, words = BROKEN[name]
    path = tmp_path / "catalogue"
    path.write_bytes(data())
    with pytest.raises(mx.MaskError, match=re.compile(words, re.DOTALL)) as caught:
        mx.Catalog.read(path, **{"radius": "0.2 deg", **arguments})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("http://example.org/x.fits", "is an address"),
        ("/dev/null", "not a file"),
        (".", "not a file"),
        ("nowhere.fits", "there is no catalogue"),
        ("a\0b", "cannot be opened"),
    ],
)
def test_what_is_no_file(path: str, words: str) -> None:
    with pytest.raises(mx.MaskError, match=words):
        mx.Catalog.read(path, radius="1 deg")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(mx.MaskError, match="not a file"):
        mx.Catalog.read(tmp_path / "pipe", radius="1 deg")


def test_names_cannot_talk_to_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\x1b[31m,b\x07\n1,2\n")
    with pytest.raises(mx.MaskError, match="columns: a") as caught:
        mx.Catalog.read(path, radius="1 deg")
    assert str(caught.value).isprintable()


def test_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    """A column that cannot be read does no harm to others."""
    path = tmp_path / "x.fits"
    vectors = np.array([np.ones(1), np.ones(2), np.ones(3)], dtype=object)
    path.write_bytes(
        _with(fits.Column("v", "PE()", array=vectors), column("flags", np.ones((3, 12), bool), form="12X"))
    )
    assert len(mx.Catalog.read(path, "1 deg").lon) == 3


def test_astropy_s_own_files(tmp_path: Path) -> None:
    made = Table({"RA": RA * u.deg, "DEC": DEC * u.deg, "SIZE": (RADIUS * 60) * u.arcmin})
    for name, kind in (
        ("x.fits", "fits"),
        ("x.ecsv", "ascii.ecsv"),
        ("x.xml", "votable"),
        ("x.tbl", "ascii.ipac"),
    ):
        made.write(tmp_path / name, format=kind)
        assert_array_equal(mx.Catalog.read(tmp_path / name, radius="SIZE").on(GEOM).values, OWN)


FRAMES = (FK4(equinox="B1950"), FK5(equinox="J1975"), "galactic", "barycentrictrueecliptic")


@pytest.mark.parametrize("frame", FRAMES, ids=str)
@pytest.mark.parametrize("suffix", ["fits", "ecsv"])
def test_positions_as_one_column(suffix: str, frame: Any, tmp_path: Path) -> None:
    """astropy cuts such a column into several, and tells their frame in a way of its own."""
    there = SkyCoord(RA, DEC, unit="deg").transform_to(frame)
    path = tmp_path / f"x.{suffix}"
    Table({"a_rather_long_name_of_positions": there, "SIGNIF": SIGNIF}).write(path)
    for mask in (mx.Catalog.read(path, "0.2 deg"), mx.Catalog(Table.read(path), "0.2 deg")):
        assert_array_equal(mask.on(GEOM).values, ALL)
    some = mx.Catalog.read(path, "0.2 deg", where="SIGNIF > 10")
    assert_array_equal(some.on(GEOM).values, circles([0, 2], 0.2))


@pytest.mark.parametrize(
    ("frame", "meta"),
    [
        (FK4(equinox="B1950"), {"RADESYS": "FK4", "EQUINOX": 1950.0}),
        (FK4(equinox="B1950"), {"equinox": "B1950"}),
        (FK4(equinox="B1950"), {"keywords": {"EQUINOX": {"value": "1950"}}}),
        (FK5(equinox="J1975"), {"RADECSYS": "FK5", "EQUINOX": 1975}),
        ("icrs", {"RADESYS": "ICRS", "comments": ["of somebody"]}),
    ],
)
def test_frames_in_the_metadata_of_a_table(frame: Any, meta: Any, tmp_path: Path) -> None:
    lon, lat = _in(frame)
    made = Table({"RA": lon * u.deg, "DEC": lat * u.deg}, meta=meta)
    made.write(tmp_path / "x.ecsv")
    for mask in (mx.Catalog(made, "0.2 deg"), mx.Catalog.read(tmp_path / "x.ecsv", "0.2 deg")):
        assert_array_equal(mask.on(GEOM).values, ALL)
    assert mx.Catalog(SkyCoord(RA, DEC, unit="deg"), "1 arcsec").contains(made).all()


@pytest.mark.parametrize("first", ["# %ECSV 1.0", "# 1 ALPHA_J2000 x"])
def test_one_line_is_not_taken_for_a_path(
    first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Table({"RA": RA * u.deg, "DEC": DEC * u.deg}).write(tmp_path / first, format="ascii.ecsv")
    (tmp_path / "given.txt").write_text(first)
    with pytest.raises(mx.MaskError, match=r"given\.txt"):
        mx.Catalog.read("given.txt", radius="1 deg")

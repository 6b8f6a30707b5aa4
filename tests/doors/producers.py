"""Catalogues as their producers write them: three sources in the form of each, made by hand from its
documentation.

Nothing here is written by what is tested: texts are texts, FITS tables are astropy's low-level columns.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from astropy.io import fits

# Name, right ascension and declination in degrees (ICRS), radius in degrees, significance.
SOURCES = (
    ("Crab", 83.6331, 22.0145, 0.30, 12.0),
    ("zeta Tau", 84.0500, 21.6000, 0.10, 5.0),
    ("S147 W", 82.9000, 22.4000, 0.20, 20.0),
)
NAMES = [each[0] for each in SOURCES]
RA = np.array([each[1] for each in SOURCES])
DEC = np.array([each[2] for each in SOURCES])
RADIUS = np.array([each[3] for each in SOURCES])
SIGNIF = np.array([each[4] for each in SOURCES])


def sexagesimal(
    degrees: float, hours: bool, separator: str = " ", digits: int = 4, sign: bool = False
) -> str:
    """As catalogues print it; not by astropy."""
    value = abs(degrees) / (15 if hours else 1) * 3600
    value = round(value, digits)
    first, rest = divmod(value, 3600)
    second, third = divmod(rest, 60)
    width = digits + 3
    mark = "-" if degrees < 0 else "+" if sign else ""
    return separator.join([f"{mark}{int(first):02d}", f"{int(second):02d}", f"{third:0{width}.{digits}f}"])


RA_TEXT = [sexagesimal(each, True) for each in RA]
DEC_TEXT = [sexagesimal(each, False, digits=3, sign=True) for each in DEC]


def rows(*columns: Any, between: str = "\t") -> str:
    return "".join(between.join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


def lines(text: str) -> bytes:
    return text.encode()


# ---- FITS


def table(*columns: fits.Column, name: str = "", **cards: Any) -> fits.BinTableHDU:
    made = fits.BinTableHDU.from_columns(list(columns), name=name)
    made.header.update(cards)
    return made


def fits_file(*hdus: Any, primary: Any = None) -> bytes:
    out = io.BytesIO()
    fits.HDUList([primary or fits.PrimaryHDU(), *hdus]).writeto(out)
    return out.getvalue()


def column(name: str, values: Any, unit: str | None = None, form: str = "D", **more: Any) -> fits.Column:
    return fits.Column(name, form, unit=unit, array=np.asarray(values), **more)


def plain_fits(ra: str = "RA", dec: str = "DEC", unit: str | None = "deg", **cards: Any) -> bytes:
    return fits_file(
        table(
            column("NAME", NAMES, form="10A"),
            column(ra, RA, unit),
            column(dec, DEC, unit),
            column("SIZE", RADIUS * 60, "arcmin", "E"),
            column("SIGNIF", SIGNIF, form="E"),
            **cards,
        )
    )


def topcat_fits_plus() -> bytes:
    """TOPCAT's FITS: a VOTable with the metadata as bytes in the primary HDU."""
    document = "<?xml version='1.0'?><VOTABLE version='1.3'><RESOURCE><TABLE nrows='3'/></RESOURCE></VOTABLE>"
    primary = fits.PrimaryHDU(np.frombuffer(document.encode(), np.uint8))
    primary.header["VOTMETA"] = True
    hdu = table(
        column("name", NAMES, form="8A"),
        column("ra", RA, "deg"),
        column("dec", DEC, "deg"),
        TUCD2="pos.eq.ra;meta.main",
        TUCD3="pos.eq.dec;meta.main",
    )
    return fits_file(hdu, primary=primary)


def topcat_colfits() -> bytes:
    """TOPCAT's column-oriented FITS: one row, in which each column is a vector."""
    return fits_file(
        table(
            fits.Column("name", "30A", dim="(10,3)", array=np.array([NAMES], "S10")),
            column("ra", RA[None], "deg", "3D"),
            column("dec", DEC[None], "deg", "3D"),
            column("size", RADIUS[None] * 3600, "arcsec", "3E"),
        )
    )


def vizier_fits(form: str = "text") -> bytes:
    """VizieR's FITS: the catalogue's columns as text, and its own in degrees before them."""
    computed = [column("_RAJ2000", RA, "deg"), column("_DEJ2000", DEC, "deg")]
    text = [
        column("RAJ2000", RA_TEXT, '"h:m:s"', "13A"),
        column("DEJ2000", DEC_TEXT, '"d:m:s"', "13A"),
        column("Diam", RADIUS * 3600, "arcsec"),
    ]
    return fits_file(table(*(computed if form == "both" else []), *text, name="J_A+A_1_1_table"))


def sextractor_ldac(extensions: int = 1) -> bytes:
    """SExtractor's FITS_LDAC: for each image a table of its header's cards, then one of objects."""
    hdus = []
    for number in range(extensions):
        card = np.array(["SIMPLE  =                    T".ljust(80) * 2])
        hdus.append(table(column("Field Header Card", card, form="160A"), name="LDAC_IMHEAD"))
        some = slice(None) if extensions == 1 else slice(number, number + 1)
        hdus.append(
            table(
                column("NUMBER", np.arange(3)[some], form="J"),
                column("X_IMAGE", np.arange(3.0)[some], "pixel", "E"),
                column("ALPHA_J2000", RA[some], "deg"),
                column("DELTA_J2000", DEC[some], "deg"),
                column("FLAGS", np.array([0, 4, 0])[some], form="I"),
                column("A_WORLD", RADIUS[some], "deg", "E"),
                column("B_WORLD", RADIUS[some] / 2, "deg", "E"),
                column("THETA_J2000", np.array([10.0, 20.0, 30.0])[some], "deg", "E"),
                name="LDAC_OBJECTS",
            )
        )
    return fits_file(*hdus)


def heasarc_fits() -> bytes:
    return fits_file(
        table(
            column("NAME", NAMES, form="25A"),
            column("RA", RA, "degree"),
            column("DEC", DEC, "degree"),
            column("LII", np.zeros(3), "degree"),
            column("BII", np.zeros(3), "degree"),
            name="BROWSE_EXTRACT",
            RADECSYS="FK5",
            EQUINOX=2000.0,
        )
    )


def xmm_srclist() -> bytes:
    """emldetect: rows of each source for all, and each instrument and band; nulls where there is nothing."""
    instrument, band = [0, 1, 1] * 3, [0, 0, 1] * 3
    repeat = np.repeat(np.arange(3), 3)
    flux = np.where(np.array(instrument) == 0, 1e-13, np.nan)
    return fits_file(
        table(
            column("ML_ID_SRC", repeat + 1, form="J"),
            column("ID_INST", instrument, form="J"),
            column("ID_BAND", band, form="J"),
            column("EXT", np.zeros(9), "imagepixel", "E"),
            column("FLUX", flux, "erg/cm**2/s", "E"),
            column("RA", RA[repeat], "deg"),
            column("DEC", DEC[repeat], "deg"),
            column("RADEC_ERR", RADIUS[repeat] * 3600, "arcsec", "E"),
            column("LII", np.zeros(9), "deg"),
            column("BII", np.zeros(9), "deg"),
            column("FLAG", np.zeros(9, int), form="J", null=-1),
            name="SRCLIST",
            RADECSYS="FK5",
            EQUINOX=2000.0,
        )
    )


def ciao_wavdetect() -> bytes:
    """wavdetect: positions, and ellipses in pixels of the image."""
    return fits_file(
        table(
            column("RA", RA, "deg"),
            column("DEC", DEC, "deg"),
            column("RA_ERR", RADIUS / 100, "deg"),
            column("DEC_ERR", RADIUS / 100, "deg"),
            column("X", np.arange(3.0), "pixel"),
            column("Y", np.arange(3.0), "pixel"),
            column("NET_COUNTS", SIGNIF, "count", "E"),
            column("SRC_SIGNIFICANCE", SIGNIF, form="E"),
            column("SHAPE", ["ellipse"] * 3, form="10A"),
            column("R", np.ones((3, 2)), "pixel", "2D"),
            column("ROTANG", np.zeros(3), "deg", "E"),
            name="SRCLIST",
            HDUCLASS="ASC",
            HDUCLAS1="REGION",
            RADECSYS="ICRS",
            MTYPE1="pos",
        ),
        table(column("nothing", np.zeros(1)), name="GTI"),
    )


def ascii_table_extension() -> bytes:
    """A TABLE extension, of before there were binary ones; 1875 had no degrees."""
    hdu = fits.TableHDU.from_columns(
        [
            fits.Column("RA", "F12.8", unit="h", array=RA / 15),
            fits.Column("Dec", "F10.6", unit="deg", array=DEC),
            fits.Column("Name", "A10", array=np.array(NAMES)),
        ]
    )
    return fits_file(hdu)


# ---- VOTable


def votable(fields: str, body: str, before: str = "", doctype: str = "") -> bytes:
    return lines(
        f'<?xml version="1.0" encoding="UTF-8"?>\n{doctype}<VOTABLE version="1.3" '
        f'xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n{before}<RESOURCE>\n<TABLE name="some/table">\n'
        f"{fields}<DATA>{body}</DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n"
    )


def field(name: str, unit: str = "", ucd: str = "", kind: str = 'datatype="double"', ref: str = "") -> str:
    more = "".join(
        f' {key}="{value}"' for key, value in (("unit", unit), ("ucd", ucd), ("ref", ref)) if value
    )
    return f'<FIELD name="{name}" {kind}{more}/>\n'


TEXT = 'datatype="char" arraysize="*"'


def tabledata(*columns: Any) -> str:
    cells = "".join(
        "<TR>" + "".join(f"<TD>{each}</TD>" for each in row) + "</TR>\n" for row in zip(*columns, strict=True)
    )
    return f"<TABLEDATA>\n{cells}</TABLEDATA>"


def topcat_votable(serialisation: str = "TABLEDATA") -> bytes:
    fields = field("ra", "deg", "pos.eq.ra;meta.main") + field("dec", "deg", "pos.eq.dec;meta.main")
    fields += field("size", "arcmin")
    values = list(zip(RA.tolist(), DEC.tolist(), (RADIUS * 60).tolist(), strict=True))
    if serialisation == "TABLEDATA":
        return votable(fields, tabledata(*zip(*values, strict=True)))
    flags = b"\0" if serialisation == "BINARY2" else b""
    packed = b"".join(flags + struct.pack(">ddd", *row) for row in values)
    stream = f"<STREAM encoding='base64'>{base64.b64encode(packed).decode()}</STREAM>"
    return votable(fields, f"<{serialisation}>{stream}</{serialisation}>")


def vizier_votable(system: str = "eq_FK5", equinox: str = "J2000") -> bytes:
    fields = field("_RAJ2000", "deg", "pos.eq.ra", ref="H_2000") + field(
        "_DEJ2000", "deg", "pos.eq.dec", ref="H_2000"
    )
    fields += field("Name", kind=TEXT) + field("RAJ2000", "&quot;h:m:s&quot;", "pos.eq.ra;meta.main", TEXT)
    fields += field("DEJ2000", "&quot;d:m:s&quot;", "pos.eq.dec;meta.main", TEXT)
    before = f'<COOSYS ID="H_2000" system="{system}" equinox="{equinox}"/>\n'
    return votable(fields, tabledata(RA, DEC, NAMES, RA_TEXT, DEC_TEXT), before)


def heasarc_votable() -> bytes:
    """HEASARC's: with the name of a DTD, degrees spelled out, the system in DEFINITIONS."""
    fields = field("name", "", "meta.id;meta.main", TEXT)
    fields += field("ra", "degree", "pos.eq.ra;meta.main") + field("dec", "degree", "pos.eq.dec;meta.main")
    before = '<DEFINITIONS><COOSYS system="eq_FK5" equinox="2000"/></DEFINITIONS>\n'
    doctype = '<!DOCTYPE VOTABLE SYSTEM "http://us-vo.org/xml/VOTable.dtd">\n'
    return votable(fields, tabledata(NAMES, RA, DEC), before, doctype)


def aladin_votable() -> bytes:
    """Aladin's: names of its own that only the UCDs explain, and a selection's columns as text."""
    fields = (
        field("OID", kind=TEXT)
        + field("Coo1", "deg", "pos.eq.ra;meta.main")
        + field("Coo2", "deg", "pos.eq.dec;meta.main")
    )
    return votable(fields, tabledata(NAMES, RA, DEC))


# ---- text


def vizier_tsv(between: str = "\t", form: str = "degrees") -> bytes:
    ra, dec, units = (
        (RA, DEC, ("deg", "deg")) if form == "degrees" else (RA_TEXT, DEC_TEXT, ('"h:m:s"', '"d:m:s"'))
    )
    head = (
        "#\n#   VizieR Astronomical Server vizier.cds.unistra.fr\n#    Date: 2024-02-27T15:09:07 [V1.99+]\n"
        "#\n#Coosys\tJ2000:\teq_FK5 J2000\n#INFO\t-out.max=unlimited\t\n#-out.max=unlimited\n"
        "#\n\n#RESOURCE=yCat_1239\n#Name: I/239\n#Title: The Catalogue (Somebody, 1997)\n"
        "#Table\tI_239_main:\n#Name: I/239/main\n#Title: The Main Catalogue\n"
        "#Column\t_RAJ2000\t(F10.6)\tRight ascension (FK5, Equinox=J2000.0) (computed)\t[ucd=pos.eq.ra]\n"
        "#Column\t_DEJ2000\t(F10.6)\tDeclination (FK5, Equinox=J2000.0) (computed)\t[ucd=pos.eq.dec]\n"
        "#Column\tDiam\t(F5.2)\t? Diameter\t[ucd=phys.angSize]\n\n"
    )
    names = between.join(["_RAJ2000", "_DEJ2000", "Name", "Diam", "Vmag"])
    unit = between.join([*units, " ", "arcsec", "mag"])
    dashes = between.join(["----------", "----------", "--------", "------", "-----"])
    body = rows(ra, dec, NAMES, RADIUS * 3600, [" 8.40", "     ", " 3.00"], between=between)
    return lines(f"{head}{names}\n{unit}\n{dashes}\n{body}\n#END#\n")


def vizier_tsv_of_two_tables() -> bytes:
    first = (
        "#RESOURCE=yCat_1\n#Name: J/X/1\n\n#Table\tJ_X_1_refs:\n#Name: J/X/1/refs\n"
        "Ref\tBibcode\n \t \n---\t-------------------\n  1\t1999A&A...343..660K\n\n\n"
    )
    second = (
        "#Table\tJ_X_1_srcs:\n#Name: J/X/1/srcs\n_RAJ2000\t_DEJ2000\tDiam\ndeg\tdeg\tarcmin\n---\t---\t---\n"
    )
    return lines(first + second + rows(RA, DEC, RADIUS * 60) + "\n")


def topcat_ascii() -> bytes:
    """TOPCAT's ASCII: names in a comment, texts with blanks in quotes, nulls as "" or null."""
    quoted = [f'"{each}"' if " " in each else each for each in NAMES]
    return lines("# name  ra  dec  mag\n" + rows(quoted, RA, DEC, ["8.4", '""', "null"], between="  "))


def topcat_csv() -> bytes:
    return lines("name,ra,dec,mag\n" + rows(NAMES, RA, DEC, [8.4, "", 3.0], between=","))


def topcat_tst() -> bytes:
    return lines(
        "Tab-separated table\n\n# Table parameters\nEQUINOX: J2000.0\nEPOCH: J1996.35\n\n"
        "# Start of data\nname\tra\tdec\n----\t--\t---\n" + rows(NAMES, RA, DEC) + "[EOD]\n"
    ).replace(b"[EOD]\n", b"")


def topcat_text() -> bytes:
    """TOPCAT's plain text: a box of bars."""
    rule = "+----------+----------+----------+\n"
    return lines(
        rule
        + "| name     | ra       | dec      |\n"
        + rule
        + "".join(f"| {n:8} | {a:8} | {d:8} |\n" for n, a, d in zip(NAMES, RA, DEC, strict=True))
        + rule
    )


def ecsv() -> bytes:
    return lines(
        "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: name, datatype: string}\n"
        "# - {name: ra, unit: deg, datatype: float64}\n# - {name: dec, unit: deg, datatype: float64}\n"
        "# - {name: size, unit: arcmin, datatype: float64}\n# schema: astropy-2.0\nname ra dec size\n"
        + rows([f'"{each}"' for each in NAMES], RA, DEC, RADIUS * 60, between=" ")
    )


def ecsv_with_one_column_of_positions(frame: Any = "icrs") -> bytes:
    from astropy.coordinates import SkyCoord
    from astropy.table import QTable

    out = io.StringIO()
    QTable({"where": SkyCoord(RA, DEC, unit="deg").transform_to(frame)}).write(out, format="ascii.ecsv")
    return lines(out.getvalue())


def ipac(unit: str = "deg") -> bytes:
    return lines(
        "\\fixlen = T\n\\ comment of IRSA\n"
        "|name      |ra         |dec        |\n|char      |double     |double     |\n"
        f"|          |{unit:11}|{unit:11}|\n|null      |null       |null       |\n"
        + "".join(f" {n:10} {a:11.4f} {d:11.4f} \n" for n, a, d in zip(NAMES, RA, DEC, strict=True))
    )


def sextractor_ascii_head() -> bytes:
    return lines(
        "#   1 NUMBER                 Running object number\n"
        "#   2 ALPHA_J2000            Right ascension of barycenter (J2000)                      [deg]\n"
        "#   3 DELTA_J2000            Declination of barycenter (J2000)                          [deg]\n"
        "#   4 X_IMAGE                Object position along x                                    [pixel]\n"
        "#   5 A_WORLD                Profile RMS along major axis (world units)                 [deg]\n"
        "#   6 FLAGS                  Extraction flags\n"
        + "".join(
            f"{i:10d} {a:11.7f} {d:+11.7f} {i:10.4f} {r:8.5f} {f:3d}\n"
            for i, (a, d, r, f) in enumerate(zip(RA, DEC, RADIUS, (0, 4, 0), strict=True), 1)
        )
    )


def heasarc_pipes() -> bytes:
    """Browse in batch: talk, then rows in bars, positions as texts."""
    return lines(
        "BatchStart\nSearching heasarc_test at 05 34 31.9 +22 00 52\n\n"
        "|name    |ra           |dec          |count_rate|\n"
        + "".join(
            f"|{n:8}|{a}|{d}|{s:10}|\n" for n, a, d, s in zip(NAMES, RA_TEXT, DEC_TEXT, SIGNIF, strict=True)
        )
        + "\nBatchEnd\n"
    )


def heasarc_tdat() -> bytes:
    return lines(
        "<HEADER>\n#\n# TABLE: heasarc_test\n#\ntable_name = heasarc_test\n#\n"
        "field[name] = char25 [meta.id;meta.main] (key) // Designation\n"
        "field[ra] = float8:.4f_degree [pos.eq.ra] (index) // Right Ascension\n"
        "field[dec] = float8:.4f_degree [pos.eq.dec] (index) // Declination\n"
        "field[extent] = float4:.4f_arcmin [phys.angSize] // Extent\n"
        "line[1] = name ra dec extent\n<DATA>\n"
        + "".join(f"{n}|{a}|{d}|{r * 60}|\n" for n, a, d, r in zip(NAMES, RA, DEC, RADIUS, strict=True))
        + "<END>\n"
    )


def aladin_tsv() -> bytes:
    """Aladin's "save as TSV": names, dashes, rows."""
    return lines(
        "RAJ2000\tDEJ2000\tMAIN_ID\tSize\n-------\t-------\t-------\t----\n" + rows(RA, DEC, NAMES, RADIUS)
    )


def ned_bars() -> bytes:
    """NED's bar-separated list: talk, one line of names, rows without bars at the ends."""
    return lines(
        "No.|Object Name|RA(deg)|DEC(deg)|Type\n" + rows([1, 2, 3], NAMES, RA, DEC, "GGG", between="|")
    )


def simbad_semicolons() -> bytes:
    return lines("identifier;RA;DEC\n" + rows(NAMES, RA_TEXT, DEC_TEXT, between=";"))


def journal() -> bytes:
    """A machine-readable table of a journal: positions in parts."""
    head = (
        "Title: Some sources\nAuthors: Somebody A.\nTable: Sources\n" + "=" * 80 + "\n"
        "Byte-by-byte Description of file: t1.txt\n" + "-" * 80 + "\n"
        "   Bytes Format Units  Label   Explanations\n" + "-" * 80 + "\n"
        "   1-  8 A8     ---    Name    Name\n"
        "  10- 11 I2     h      RAh     Hour of Right Ascension (J2000)\n"
        "  13- 14 I2     min    RAm     Minute of Right Ascension (J2000)\n"
        "  16- 22 F7.4   s      RAs     Second of Right Ascension (J2000)\n"
        "      24 A1     ---    DE-     Sign of the Declination (J2000)\n"
        "  25- 26 I2     deg    DEd     Degree of Declination (J2000)\n"
        "  28- 29 I2     arcmin DEm     Arcminute of Declination (J2000)\n"
        "  31- 36 F6.3   arcsec DEs     Arcsecond of Declination (J2000)\n"
        "  38- 42 F5.2   arcmin Size    Size\n" + "-" * 80 + "\n"
    )
    body = "".join(
        f"{n:8} {a} {d} {r * 60:5.2f}\n" for n, a, d, r in zip(NAMES, RA_TEXT, DEC_TEXT, RADIUS, strict=True)
    )
    return lines(head + body)


def markdown() -> bytes:
    return lines(
        "| name | ra | dec |\n|------|----|-----|\n"
        + "".join(f"| {n} | {a} | {d} |\n" for n, a, d in zip(NAMES, RA, DEC, strict=True))
    )


def csv_of(ra: Any, dec: Any, names: str = "ra,dec", units: str = "", between: str = ",") -> bytes:
    head = names.replace(",", between) + "\n" + (units.replace(",", between) + "\n" if units else "")
    return lines(head + rows(ra, dec, between=between))


WRAPPERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "CR": lambda data: data.replace(b"\n", b"\r"),
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "Latin-1": lambda data: data.replace(b"zeta Tau", "\u00e9ta Tau".encode("latin-1")),
    "UTF-8": lambda data: data.replace(b"zeta Tau", "\u03b6 Tau".encode()),
    "empty lines at the end": lambda data: data + b"\n\n  \n",
    "no newline at the end": lambda data: data.rstrip(b"\n"),
}
"""What happens to files on their way."""

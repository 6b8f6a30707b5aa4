"""Region text and files, read strictly: DS9, CRTF and FITS."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import regions
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable

from maskexpr.errors import FormatError, RegionError
from maskexpr.nodes.region import Region
from maskexpr.shapes import (
    Circle,
    CircleAnnulus,
    Compound,
    Ellipse,
    EllipseAnnulus,
    Line,
    Point,
    Polygon,
    Rectangle,
    RectangleAnnulus,
)

# ---- DS9 ---------------------------------------------------------------------------------------------

ONE = {
    "fk5; circle(10, 20, 0.5)": Circle(10, 20, 0.5, "fk5"),
    "J2000\ncircle 10 20 30'": Circle(10, 20, 0.5, "fk5"),
    'ICRS; CIRCLE(10d, -20d, 36")': Circle(10, -20, 0.01),
    "icrs; circle(10:30:36, -5:30:36, 0.5d)": Circle(157.65, -5.51, 0.5),
    "icrs; circle(10h30m36s, -5d30m36s, 0.5)": Circle(157.65, -5.51, 0.5),
    "galactic; circle(10:30:36, -5:30:36, 0.5)": Circle(10.51, -5.51, 0.5, "galactic"),
    "galactic; circle(0, 0, 0.3 deg)": Circle(0, 0, 0.3, "galactic"),
    "galactic; circle(0, 0, 0.5r)": Circle(0, 0, np.rad2deg(0.5), "galactic"),
    "ecliptic; circle(1,2,3)": Circle(1, 2, 3, "barycentricmeanecliptic"),
    "icrs; + circle(1,2,3) # color=red text={a; b # c} tag={d}": Circle(1, 2, 3),
    "icrs; circle(1,2,3) # include=1": Circle(1, 2, 3),
    "icrs; ellipse(1,2,3,4,5)": Ellipse(1, 2, 6, 8, 5),
    "icrs; ellipse(1,2,3,4)": Ellipse(1, 2, 6, 8, 0),
    "icrs; box(1,2,3',4\",5)": Rectangle(1, 2, 0.05, 4 / 3600, 5),
    "icrs; annulus(1,2,3,4)": CircleAnnulus(1, 2, 3, 4),
    "icrs; ellipse(1,2,1,2,3,4,5)": EllipseAnnulus(1, 2, 2, 4, 6, 8, 5),
    "icrs; box(1,2,1,2,3,4,5)": RectangleAnnulus(1, 2, 1, 2, 3, 4, 5),
    "icrs; polygon(1,2,3,4,1,5)": Polygon([1, 3, 1], [2, 4, 5]),
    "icrs; line(1,2,3,4) # line=0 0": Line((1, 3), (2, 4)),
    "icrs; point(1,2) # point=cross": Point(1, 2),
    "icrs; circle(1,2,0)": Circle(1, 2, 0),
}


@pytest.mark.parametrize("text", ONE)
def test_one_shape(text: str) -> None:
    found, expected = Region(text).shape, ONE[text]
    assert type(found) is type(expected)
    assert found.frame == expected.frame
    for name in (field.name for field in dataclasses.fields(expected)):
        if name != "frame":
            assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-15)


SAME_AS_REGIONS = [
    "fk5\ncircle(10:20:30.5,-5:06:07.25,30')\nellipse(10.5,20.25,3',1',33)",
    "galactic;box(185,-4,1,0.5,45);annulus(1,2,0.1,0.2);polygon(1,2,3,4,1,5)",
    "icrs;line(1,2,3,4);point(5,6)",
    "ecliptic;circle(100,20,1)",
    "fk4;circle(100,20,1);polygon(10,20,11,20,10,21)",
    "icrs;ellipse(1,2,1,2,3,4,5);box(1,2,1,2,3,4,5)",
    "b1950\ncircle(10h20m30s,5d6m7s,3)",
]


@pytest.mark.parametrize(
    "label",
    [
        "text(1,2) # text={hi; there}",
        "text 1 2 {hi}",
        'text(1, 2, "hi")',
        "-text(1,2)",
        "# text(1,2) textangle=3 text={hi}",
        "# textbox(1,2) text={hi}",
        "# Text(1,2) text={circle(1,2,3)}",
    ],
)
def test_labels_select_nothing_and_are_counted(label: str) -> None:
    word = "a textbox" if "textbox" in label else "a text"
    found = Region(f"icrs\n{label}\ncircle(1,2,3)\n{label}\n")
    assert found.shape == Circle(1, 2, 3)
    assert found.ignored[word] == 2
    with pytest.raises(RegionError, match=f"line 2: .*: {word} selects nothing, and there is nothing else"):
        Region(f"icrs\n{label}")


def test_a_shape_behind_a_label_is_not_passed_over() -> None:
    with pytest.raises(RegionError, match="'text'"):
        Region("icrs; text(1,2)+circle(3,4,1)")


@pytest.mark.parametrize("text", SAME_AS_REGIONS)
def test_same_as_regions_reads(text: str) -> None:
    """What regions reads of valid text, we read."""
    ours = Region(text).shape.leaves
    theirs = Region(regions.Regions.parse(text, format="ds9")).shape.leaves
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert type(a) is type(b)
        assert a.frame == b.frame
        for name in (field.name for field in dataclasses.fields(a)):  # type: ignore[arg-type]
            if name != "frame":
                assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-13, abs=1e-12)


def test_pixels_count_from_zero() -> None:
    assert Region("image; circle(10, 20, 3)", metric="pixel").shape == Circle(9, 19, 3, "image")
    theirs = regions.Regions.parse("image; circle(10, 20, 3)", format="ds9")
    assert Region(theirs, metric="pixel") == Region("image; circle(10, 20, 3)", metric="pixel")


def test_a_list_is_a_union_and_minus_takes_away() -> None:
    region = Region("icrs; circle(1,2,3); circle(2,2,3); -circle(1,2,1); circle(1,2,0.5)")
    assert isinstance(region.shape, Compound)
    assert region.shape.formula == (0, 1, "or", 2, "minus", 3, "or")
    assert Region("icrs; circle(1,2,3); circle(1,2,1) # include=0") == Region(
        "icrs; circle(1,2,3); -circle(1,2,1)"
    )
    assert Region("icrs; circle(1,2,3); -circle(1,2,1) # include=1").shape.formula == (0, 1, "or")
    # Words inside a text are no properties.
    assert Region("icrs; circle(1,2,3); circle(1,2,1) # text={include=0}").shape.formula == (0, 1, "or")


def test_rings_of_one_annulus() -> None:
    region = Region("icrs; circle(0,0,9); -annulus(1,2,1,2,3)")
    assert region.shape.formula == (0, 1, "minus", 2, "minus")
    assert region.shape.leaves[1:] == (CircleAnnulus(1, 2, 1, 2), CircleAnnulus(1, 2, 2, 3))


def test_comments_and_globals() -> None:
    text = """# Region file format: DS9 version 4.1; circle(0,0,1)
    global color=green dashlist=8 3 font="helvetica 10 normal" select=1 include=1 source=1

    # vector of sources
    fk5 # the frame
    circle(1,2,3) # color=blue; circle(2,3,4); # done; circle(4,5,6)
    galactic;circle(1,2,3)
    """
    assert Region(text).shape.leaves == (
        Circle(1, 2, 3, "fk5"),
        Circle(2, 3, 4, "fk5"),
        Circle(1, 2, 3, "galactic"),
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("icrs\ncircle(1,2,3)\nfoo(1,2,3)", 3, "unknown frame or shape 'foo'"),
        ("icrs\n\nvector(1,2,3,4)", 3, "no area: write line(x1,y1,x2,y2)"),
        ("icrs\n# vector(1,2,3,4) vector=1", 2, "where='shape!=vector' leaves"),
        ("icrs\n# projection(1,2,3,4,5)", 2, "or box(x,y,length,width,angle)"),
        ("icrs;panda(1,2,0,360,4,1,2)", 1, "got 7 parameters"),
        ("icrs;panda(1,2,0,90,0,1,2,1)", 1, "'0' is no number of parts"),
        ("icrs;panda(1,2,0,90,1,1,2,1.5)", 1, "'1.5' is no number of parts"),
        ("icrs;panda(1,2,90,90,1,1,2,1)", 1, "0 and 360 for all round"),
        ("icrs;panda(1,2,0,370,1,1,2,1)", 1, "0 and 360 for all round"),
        ("icrs;epanda(1,2,0,90,1,1,1,2,2,1,30)", 1, "write ellipse(1,2,1,1,2,2,30)*sector(1,2,start,stop)"),
        ("icrs;sector(1,2,3)", 1, "a centre and two angles"),
        ("icrs;pie(1,2,3,4)", 1, "two radii and two angles"),
        ("icrs\n# composite(1,2,0) || composite=1", 2, "composite"),
        ("icrs\ncircle(1,2,3) || circle(2,3,4)", 2, "composite regions are not supported"),
        ("icrs;circle(1,2,3) && circle(2,3,4)", 1, "composite"),
        ("circle(1,2,3)", 1, "no frame"),
        ("marsian\ncircle(1,2,3)", 1, "unknown frame or shape 'marsian'"),
        ("physical;circle(1,2,3)", 1, "'physical' is not supported"),
        ("icrs;circle(1,2,3);wcsa\ncircle(1,2,3)", 1, "'wcsa' is not supported"),
        ("icrs;polygon(1,2,3,4)", 1, "three or more vertices"),
        ("icrs;polygon(1,2,3,4,1,2)", 1, "three distinct vertices"),
        ("icrs;polygon(1,2,3,4,5,6,7)", 1, "got 7 parameters"),
        ("icrs;circle(1,2,-0.3)", 1, "negative"),
        ("icrs;circle(1,2,nan)", 1, "'nan' is not a number"),
        ("icrs;circle(nan,2,1)", 1, "'nan' is not a number"),
        ("icrs;circle(1,91,1)", 1, "latitude 91"),
        ("fk4;circle(1,91,1)", 1, "latitude 91"),
        ("icrs;circle(1,2)", 1, "got 2 parameters"),
        ("icrs;circle(1,2,3,4)", 1, "got 4 parameters"),
        ("icrs;ellipse(1,2,3)", 1, "got 3 parameters"),
        ("icrs;ellipse(1,2,3,4,5,6)", 1, "got 6 parameters"),
        ("icrs;annulus(1,2,3)", 1, "two or more radii"),
        ("icrs;annulus(1,2,3,2)", 1, "less than the outer"),
        ("icrs;circle(1,2,3p)", 1, "'3p' is no angle"),
        ("icrs;circle(1,2,3i)", 1, "'3i' is no angle"),
        ("icrs;circle(1p,2p,3)", 1, "'1p' is no position"),
        ("icrs;circle(10:70:00,2,3)", 1, "60 or more"),
        ("icrs;circle(10:20m30s,2,3)", 1, "'10:20m30s'"),
        ("icrs;circle(1,2,3", 1, "not closed"),
        ("icrs;-circle(1,2,3)", 1, "takes away"),
        ("icrs;circle(1,2,3);!circle(1,2,1)", 1, "'!' is not supported"),
        ("icrs\ncircle(1,2,3)\nimage\ncircle(1,2,3)", 4, "metric='pixel'"),
        ("global include=0\nicrs;circle(1,2,3)", 1, "include=0"),
        ("icrs;x point 1 2", 1, "'x'"),
        ("icrs;line(0,0,180,0)", 1, "antipodes"),
        ("icrs circle(1,2,3)", 1, "a frame stands alone: write 'icrs' on a line of its own"),
        ("icrs;%", 1, "neither a frame (icrs) nor a shape"),
    ],
)
def test_what_cannot_be_honoured(text: str, line: int, words: str) -> None:
    with pytest.raises(RegionError) as caught:
        Region(text)
    # In each it is the last statement of its line.
    quoted = text.split("\n")[line - 1].split(";")[-1]
    assert str(caught.value).startswith(f"line {line}: {quoted!r}: ")
    assert words in str(caught.value)


def test_pixel_text_that_cannot_be_honoured() -> None:
    for text, words in (
        ('image; circle(1,2,3")', "no length"),
        ("image; circle(1d,2,3)", "no position"),
        ("image; circle(1:2:3,2,3)", "no position"),
        ("image; line(1,2,3,4)", "line holds no pixel centre"),
    ):
        with pytest.raises(RegionError, match=words):
            Region(text, metric="pixel")


def test_text_without_a_shape() -> None:
    for text in ("", "icrs", "# nothing"):
        with pytest.raises(RegionError, match=r"Region\.read"):
            Region(text)


# ---- files -------------------------------------------------------------------------------------------


def write(folder: Path, text: str, name: str = "some.reg") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_ds9_file(tmp_path: Path) -> None:
    text = "# Region file format: DS9\nfk5\ncircle(1,2,3)\n-circle(1,2,1)\n"
    assert Region.read(write(tmp_path, text)) == Region(text)
    assert Region.read(str(write(tmp_path, text, "named.txt"))) == Region(text)
    assert Region.read(write(tmp_path, "")).shape.leaves == ()


def test_ds9_file_written_by_regions(tmp_path: Path) -> None:
    several = regions.Regions(
        [
            regions.CircleSkyRegion(SkyCoord(1, 2, unit="deg"), 3 * u.deg),
            regions.EllipseSkyRegion(SkyCoord(1, 2, unit="deg"), 3 * u.deg, 1 * u.deg, 30 * u.deg),
            regions.PolygonSkyRegion(SkyCoord([1, 2, 3], [2, 3, 1], unit="deg")),
        ]
    )
    several.write(tmp_path / "theirs.reg", format="ds9", precision=10)
    assert Region.read(tmp_path / "theirs.reg") == Region(several)


def test_errors_name_the_file_and_the_line(tmp_path: Path) -> None:
    path = write(tmp_path, "icrs\ncircle(1,2,3)\ncircle(1,2)\n")
    with pytest.raises(RegionError, match=r"some\.reg, line 3: 'circle\(1,2\)'"):
        Region.read(path)
    with pytest.raises(FileNotFoundError):
        Region.read(tmp_path / "absent.reg")
    binary = tmp_path / "binary.reg"
    binary.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(FormatError, match="neither text nor FITS"):
        Region.read(binary)


CRTF = """#CRTFv0
global coord=J2000, color=red
circle[[10deg, 20deg], 0.5deg]
# a comment
ellipse[[10:30:36, -05.30.36], [2deg, 1deg], 30deg]
-circle[[10deg, 20deg], 0.1deg]
centerbox[[10deg, 20deg], [3deg, 1deg]]
rotbox[[10deg, 20deg], [3deg, 1deg], 20deg], coord=GALACTIC
poly[[1deg, 2deg], [3deg, 4deg], [1deg, 5deg]]
annulus[[1deg, 2deg], [3deg, 4deg]]
symbol[[1deg, 2deg], .]
line[[1deg, 2deg], [3deg, 4deg]]
"""


def test_crtf_file(tmp_path: Path) -> None:
    region = Region.read(write(tmp_path, CRTF, "some.crtf"))
    assert isinstance(region.shape, Compound)
    assert [type(each) for each in region.shape.leaves] == [
        Circle, Ellipse, Circle, Rectangle, Rectangle, Polygon, CircleAnnulus, Point, Line,
    ]  # fmt: skip
    assert region.shape.formula[:5] == (0, 1, "or", 2, "minus")
    assert region.shape.leaves[0] == Circle(10, 20, 0.5, "fk5")
    # Half-axes, the major one first, which is the height.
    ellipse = region.shape.leaves[1]
    assert isinstance(ellipse, Ellipse)
    assert ellipse.lon == pytest.approx(157.65, abs=1e-10)
    assert dataclasses.replace(ellipse, lon=157.65) == Ellipse(157.65, -5.51, 2, 4, 30, "fk5")
    assert region.shape.leaves[4].frame == "galactic"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("disk[[1deg, 2deg], 3deg]", "disk"),
        ("circle[[1deg, 2deg]]", "expected number"),
        ("circle[[1deg, 2deg], 3]", "Units must be specified"),
        ("circle[[1deg, 95deg], 3deg]", "95"),
        ("circle[[1deg, 2deg], 3deg], coord=image", "metric='pixel'"),
        ("circle[[1deg, 2deg], 3deg], coord=nowhere", "nowhere"),
        ("circle[[1deg, 2deg], 3deg], range=[1GHz, 2GHz]", "frequency"),
        ("ann circle[[1deg, 2deg], 3deg]", "annotation"),
        ("box[[1deg, 2deg], [3deg, 4deg]]", "centerbox"),
        ("poly[[1deg, 2deg], [3deg, 4deg]]", "3 coordinates"),
        ("vector[[1deg, 2deg], [3deg, 4deg]]", "vector"),
        ("-circle[[1deg, 2deg], 3deg]", "takes away"),
        ("whatever", "not a CRTF region"),
        ("global colour=red", "colour"),
    ],
)
def test_crtf_that_cannot_be_honoured(tmp_path: Path, line: str, words: str) -> None:
    path = write(tmp_path, f"#CRTFv0\nglobal coord=ICRS\n{line}\n", "bad.crtf")
    with pytest.raises(RegionError) as caught:
        Region.read(path)
    assert "bad.crtf, line 3: " in str(caught.value)
    assert words in str(caught.value)


def write_fits(
    path: Path, rows: list[tuple[str, list[float], list[float], list[float], float]], **extra: list[int]
) -> Path:
    table = QTable()
    table["SHAPE"] = [row[0] for row in rows]
    for name, place in (("X", 1), ("Y", 2), ("R", 3)):
        table[name] = np.array([(list(row[place]) + [0.0] * 4)[:4] for row in rows])  # type: ignore[call-overload]
    table["ROTANG"] = [row[4] for row in rows] * u.deg
    for name, values in extra.items():
        table[name] = values
    hdu = fits.BinTableHDU(table, name="REGION")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


FITS_ROWS = [
    ("CIRCLE", [10.0], [20.0], [5.0], 0.0),
    ("ROTBOX", [30.0], [20.0], [5.0, 3.0], 30.0),
    ("!circle", [10.0], [20.0], [2.0], 0.0),
]


def test_fits_file(tmp_path: Path) -> None:
    region = Region.read(write_fits(tmp_path / "some.fits", FITS_ROWS), metric="pixel")
    assert isinstance(region.shape, Compound)
    assert region.shape.formula == (0, 1, "or", 2, "minus")
    # The standard counts pixels from 1, as DS9 does.
    assert region.shape.leaves[0] == Circle(9, 19, 5, "image")
    assert region.shape.leaves[1] == Rectangle(29, 19, 5, 3, 30, "image")
    with pytest.raises(RegionError, match=r"row 1 .*metric='pixel'"):
        Region.read(tmp_path / "some.fits")
    with gzip.open(tmp_path / "some.fits.gz", "wb") as file:
        file.write((tmp_path / "some.fits").read_bytes())
    assert Region.read(tmp_path / "some.fits.gz", metric="pixel") == region


def test_fits_components(tmp_path: Path) -> None:
    """Rows of one component share, components are united."""
    path = write_fits(tmp_path / "parts.fits", FITS_ROWS, COMPONENT=[1, 2, 1])
    shape = Region.read(path, metric="pixel").shape
    assert isinstance(shape, Compound)
    assert shape.formula == (0, 1, "minus", 2, "or")
    assert [each.lon for each in shape.leaves] == [9, 9, 29]


def test_fits_that_cannot_be_honoured(tmp_path: Path) -> None:
    for number, (shape, words) in enumerate(
        [("PIE", "inner radius"), ("SECTOR", "of the 2 values of ROTANG"), ("BLOB", "blob")]
    ):
        path = write_fits(tmp_path / f"{number}.fits", [*FITS_ROWS, (shape, [1.0], [2.0], [3.0], 0.0)])
        with pytest.raises(RegionError, match=rf"row 4 .*{words}"):
            Region.read(path, metric="pixel")
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(tmp_path / "image.fits")
    with pytest.raises(FormatError, match="no table named REGION"):
        Region.read(tmp_path / "image.fits", metric="pixel")
    with pytest.raises(RegionError, match=r"row 1 .*takes away"):
        Region.read(write_fits(tmp_path / "less.fits", FITS_ROWS[::-1]), metric="pixel")


def test_file_of_extended_sources(shared: Path) -> None:
    """The 82 extended sources of 4FGL-DR4: ellipses in fk5 without a space before their comments."""
    path = shared / "data/catalogs/LAT_extended_sources_14years.reg"
    region = Region.read(path)
    assert len(region.shape.leaves) == 82
    assert region.shape.leaves[0] == Ellipse(14.5, -72.75, 3, 3, 90, "fk5")
    assert region == Region(regions.Regions.read(path, format="ds9"))

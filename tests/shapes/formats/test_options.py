"""What a user says besides the regions: to which of them it applies, and what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
import regions
from astropy.coordinates import SkyCoord
from astropy.io import fits

import maskexpr as mx
from maskexpr.errors import MaskTypeError, MaskValueError, RegionError
from maskexpr.nodes.region import Region
from maskexpr.shapes import Circle, Compound
from maskexpr.shapes.formats.items import Options
from maskexpr.shapes.formats.physical import physical_of

AT = SkyCoord(10, 20, unit="deg")
OBJECTS = [
    regions.CircleSkyRegion(AT, 3 * u.deg, meta=regions.RegionMeta({"tag": ["a", "b"]})),
    regions.CircleSkyRegion(AT, 2 * u.deg, visual=regions.RegionVisual({"color": "red"})),
    regions.PointSkyRegion(AT, meta=regions.RegionMeta({"text": "here"})),
]


@pytest.mark.parametrize(
    ("where", "number"),
    [
        ("tag=b", 0),
        ("color=red", 1),
        ("name=here", 2),
        ("shape=point", 2),
        (lambda region: region["color"] == "red" if "color" in region else False, 1),
    ],
)
def test_objects_by_their_properties(where: Any, number: int) -> None:
    assert Region(OBJECTS, where=where) == Region(OBJECTS[number])


def test_exclusions_of_objects() -> None:
    hole = regions.CircleSkyRegion(AT, 1 * u.deg, meta=regions.RegionMeta({"include": False}))
    assert Region([hole, OBJECTS[0]], exclude="all") == Region([OBJECTS[0], hole])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Region(Circle(1, 2, 3), where="tag=a"), MaskValueError, "does not apply to a shape"),
        (lambda: Region(Circle(1, 2, 3), frame="icrs"), MaskValueError, "does not apply to a shape"),
        (lambda: Region(OBJECTS, origin=0), MaskValueError, "does not apply to objects"),
        (lambda: Region("icrs;circle(1,2,3)", where=3), MaskTypeError, "callable"),
        (lambda: Region("icrs;circle(1,2,3)", origin=True), MaskValueError, "0 or 1"),
        (lambda: Region("circle(1,2,3)", frame="marsian"), RegionError, "'marsian'"),
        (
            lambda: Region("physical;circle(1,2,3)", metric="pixel", physical=3),
            MaskTypeError,
            "FITS header",
        ),
        (lambda: Region("image;circle(1,2,3)", metric="gammapie"), MaskValueError, "'gammapy'"),
        (
            lambda: Region("image;circle(1,2,3);fk5;circle(1,2,3)", metric="pixel"),
            RegionError,
            "cannot be joined",
        ),
        (lambda: Region("sources.reg"), RegionError, r"Region\.read"),
    ],
)
def test_what_does_not_apply(make: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_what_is_left_out_need_not_be_understood() -> None:
    text = "icrs;circle(1,2,3);panda(1,2,3,4);# vector(1,2,3,4)"
    assert Region(text, where="shape=circle").shape == Circle(1, 2, 3)
    # A frame cannot be left out: what comes after it would be in another.
    with pytest.raises(RegionError, match="marsian"):
        Region("icrs;circle(1,2,3);marsian;circle(4,5,6)", where="shape=circle")


def test_unions_stay_a_plain_sequence() -> None:
    shape = Region("icrs;annulus(1,2,3,4,5);-circle(1,2,1)+circle(2,2,1);segment(1,2,3,4,5,6)").shape
    assert isinstance(shape, Compound)
    assert shape.formula == (0, 1, "or", 2, "minus", 3, "minus", 4, "or", 5, "or")


def test_reading_is_remembered_as_it_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "a.reg"
    path.write_text("icrs\ncircle(1,2,3) # tag={a}\ncircle(4,5,6)\n")
    read = Region.read(path, where="tag=a", exclude="all")
    assert read.origin == {"path": path, "metric": "sky", "where": "tag=a", "exclude": "all"}
    assert Region.read(path, where=lambda region: True).origin is None
    assert read == Region("icrs;circle(1,2,3)")
    assert mx.loads(mx.dumps(read)).ignored == {}


@pytest.mark.parametrize(
    "text",
    [
        "icrs;circle(1,2,3) # {};",
        "icrs;circle(1,2,3) # text={{{}",
        "#CRTFv0\ncircle[[1deg,2deg],3deg] {}, coord=ICRS",
        "Union ICRS ({}",
        "{}circle(1,2,3)",
    ],
)
@pytest.mark.parametrize(
    "piece", ["a", "a ", "{", " ", "tag={a} ", "a=", "[", "'", "1 ", ";", "Circle 1 2 3 "]
)
def test_long_texts_are_read_or_refused(text: str, piece: str) -> None:
    """In a time that grows with their length: with its square this would take minutes."""
    with contextlib.suppress(mx.MaskError):
        Region(text.replace("{}", piece * 30_000))


def test_physical_pixels() -> None:
    """A cutout from x = 101 on, binned by 4: its first pixel is 101 to 104 of the file."""
    header = fits.Header({"LTM1_1": 0.25, "LTM2_2": 0.25, "LTV1": -24.625, "LTV2": 0.375})
    there = physical_of(header)
    assert there.place(102.5, is_x=True) == 1
    assert there.place(2.5, is_x=False) == 1
    assert physical_of(fits.Header()) == physical_of("image")
    for cards in ({"LTM1_1": "x"}, {"CDELT1P": 0.0}, {"LTM1_1": -1.0, "LTM2_2": -1.0}):
        with pytest.raises(RegionError):
            physical_of(cards)


def test_options_as_plain_values() -> None:
    assert Options("pixel", frame="icrs").written() == {"metric": "pixel", "frame": "icrs"}
    assert Options(physical=fits.Header()).written() is None

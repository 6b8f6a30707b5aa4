"""What a notebook shows: pictures with the right pixels, and only where they cost little."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from xml.etree import ElementTree

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.compile.evaluate import Evaluator
from maskexpr.core.trace import tracing
from maskexpr.pixels.png import png
from maskexpr.verbs.notebook import preview

PLANE = mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")
GEOM = mx.WcsGeom.allsky(binsz=2, frame="galactic")


def unpacked(picture):
    """Palette's places of a PNG, the lowest row first; a reader of its own."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    place, data, size = 8, b"", None
    while place < len(picture):
        length, kind = struct.unpack(">I4s", picture[place : place + 8])
        body = picture[place + 8 : place + 8 + length]
        (crc,) = struct.unpack(">I", picture[place + 8 + length : place + 12 + length])
        assert crc == zlib.crc32(kind + body)
        if kind == b"IHDR":
            nx, ny, depth, colour, *rest = struct.unpack(">IIBBBBB", body)
            assert (depth, colour, rest) == (8, 3, [0, 0, 0])
            size = (ny, nx)
        data += body if kind == b"IDAT" else b""
        place += 12 + length
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(size[0], size[1] + 1)
    assert not rows[:, 0].any()
    return rows[::-1, 1:]


def test_png():
    values = np.random.default_rng(1).integers(0, 3, (5, 7)).astype(np.uint8)
    np.testing.assert_array_equal(unpacked(png(values, [(0, 0, 0, 0), (9, 9, 9, 9), (1, 2, 3, 4)])), values)


def test_png_for_another_reader():
    image = pytest.importorskip("matplotlib.image")
    from io import BytesIO

    colours = [(0, 0, 0, 0), (255, 0, 0, 255), (0, 255, 0, 128)]
    read = image.imread(BytesIO(png(np.array([[0, 1, 2]], dtype=np.uint8), colours)))
    np.testing.assert_allclose(read[0] * 255, colours, atol=0.6)


def test_preview_has_the_values_of_the_mask():
    sky = mx.WcsGeom.allsky(binsz=3, frame="galactic", proj="AIT")
    mask = ~PLANE | mx.Region("icrs;circle(83,22,20)")
    places = unpacked(preview(mask))
    np.testing.assert_array_equal(places == 2, mask.compute(sky).values)
    np.testing.assert_array_equal(places > 0, mx.AllSky().compute(sky).values)


COSTLY = {
    "data": mx.Raster((np.ones(GEOM.shape, dtype=bool), GEOM)),
    "an axis": mx.AxisRange("energy", 1 * u.GeV, 2 * u.GeV),
    "the map": mx.Boundary("3 deg"),
    "holes": PLANE.fill_holes(),
    "pixels": PLANE.dilate(3 * u.pix, metric="pixel"),
    "far": PLANE.dilate("30 deg"),
    "many": mx.Catalog(SkyCoord(np.linspace(0, 359, 20_000), np.zeros(20_000), unit="deg"), "1 deg"),
    "a crowd": mx.Or(*[mx.Band(lat=("1 deg", f"{i + 2} deg")) for i in range(80)]),
    "a point": mx.Region("icrs;point(1,2)"),
}


@pytest.mark.parametrize("name", COSTLY)
def test_no_picture_of_what_is_costly(name):
    with tracing() as counts:
        text = COSTLY[name]._repr_html_()
    assert "<img" not in text
    assert not counts["pixels"]
    ElementTree.fromstring(text)


def test_a_picture_asks_no_more_than_its_pixels():
    with tracing() as counts:
        assert "<img" in (~PLANE - mx.Region("icrs;circle(83,22,20)"))._repr_html_()
    assert counts["pixels"] <= 3 * 60 * 120


def test_map_of_tiles():
    mask = PLANE | mx.Region("galactic;circle(10,60,30)")
    plan = mask.plan(GEOM, chunks=30)
    text = plan._repr_html_()
    ElementTree.fromstring(text)
    assert f"<td>{plan.n_mixed:,}</td>" in text
    assert "monospace" in text
    picture = base64.b64decode(re.search(r"base64,([^\"]*)", text)[1])
    np.testing.assert_array_equal(unpacked(picture), plan.states)


def test_map_of_very_many_tiles_is_as_small():
    mask = mx.Region("galactic;circle(10,60,30)")
    plan = mask.plan(mx.WcsGeom.allsky(binsz="0.5 deg", frame="galactic"), chunks=2)
    places = unpacked(base64.b64decode(re.search(r"base64,([^\"]*)", plan._repr_html_())[1]))
    assert max(places.shape) <= 140
    step = -(-360 // 140)
    for y in range(places.shape[0]):
        for x in range(places.shape[1]):
            some = np.unique(plan.states[y * step : (y + 1) * step, x * step : (x + 1) * step])
            assert places[y, x] == (some[0] if len(some) == 1 else 1)


def test_map_of_tiles_of_a_cube():
    cube = GEOM.to_cube([mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 3)])
    plan = mx.AxisRange("energy", 10 * u.GeV).plan(cube, chunks=30)
    places = unpacked(base64.b64decode(re.search(r"base64,([^\"]*)", plan._repr_html_())[1]))
    assert (places == 1).all()  # in one plane empty, in another full


def test_explanation_is_shown_as_it_is():
    text = PLANE.dilate("1 deg").explain(GEOM)
    assert repr(text) == str(text)
    shown = text._repr_html_()
    assert "\n" in ElementTree.fromstring(shown).text
    assert ElementTree.fromstring(shown).text == str(text)


def test_completion_offers_what_users_ask():
    names = dir(mx.Catalog(SkyCoord([1], [2], unit="deg"), "1 deg"))
    assert {"on", "compute", "dilate", "write", "plot", "read", "radius"} <= set(names)
    laws = {"coverage", "values", "survey", "with_children", "restore", "inside", "near", "reach", "key"}
    assert not laws & set(names)
    assert not [name for name in names if name.startswith("_")]
    assert "to_regions" in dir(mx.Region("icrs;circle(1,2,3)"))
    assert {"create", "contains", "cutout", "lonlat", "shape", "frame"} <= set(dir(GEOM))
    assert not {"caps", "rim", "chords", "topology"} & set(dir(GEOM))
    assert {"Region", "WcsGeom", "read_mask", "errors"} <= set(dir(mx))
    assert not {"Any", "annotations", "engine", "use_engine", "pixels", "nearest"} & set(dir(mx))


def test_preview_of_what_is_small_and_grows():
    """Circles of a degree, which the picture's pixels miss, as large as they are grown."""
    centres = SkyCoord([10, 200, 330], [5, -60, 40], unit="deg", frame="galactic")
    grown = ~mx.Catalog(centres, "1 deg").dilate("9 deg") - PLANE
    sky = mx.WcsGeom.allsky(binsz=3, frame="galactic", proj="AIT")
    y, x = np.mgrid[tuple(map(slice, sky.shape))]
    lon, lat = sky.lonlat(y, x)
    at = SkyCoord(np.nan_to_num(lon), np.nan_to_num(lat), unit="deg", frame="galactic")
    far = np.min([at.separation(each).deg for each in centres], axis=0) >= 10
    with tracing() as counts:
        places = unpacked(preview(grown))
    np.testing.assert_array_equal(places == 2, far & (np.abs(lat) >= 5) & np.isfinite(lon))
    assert counts["pixels"] <= 5 * 60 * 120


def test_no_picture_of_very_many_shapes_that_grow():
    shapes = mx.Region("icrs;" + ";".join(f"ellipse({i},{i / 5},2,1,{i})" for i in range(300)))
    assert preview(shapes) is not None
    assert preview(shapes.dilate("1 deg")) is None


@pytest.mark.parametrize(("seconds", "points"), [(1e-4, 1984), (1e-3, 192), (1.0, 64), (4e-5, 0), (1e-6, 0)])
def test_a_picture_that_takes_long_is_given_up(seconds, points, monkeypatch):
    """A clock that goes on with each point that is asked: none is asked after 0.2 s of it but the first."""
    asked = []

    class Watched(Evaluator):
        def run(self, mask, where):
            asked.append(len(where))
            return super().run(mask, where)

    monkeypatch.setattr("maskexpr.verbs.notebook.Evaluator", Watched)
    monkeypatch.setattr("maskexpr.verbs.notebook.thread_time", lambda: seconds * sum(asked))
    text = (~PLANE)._repr_html_()
    ElementTree.fromstring(text)
    assert ("<img" in text) == (points == 0)
    assert sum(asked) == (points or sum(unpacked(preview(mx.AllSky())).ravel() > 0))


def test_pieces_of_a_picture_are_the_picture():
    """Catalogues and polygons too, which look at what is near to the points that they are asked."""
    vertices = ",".join(f"{100 + 30 * np.cos(t):.4f},{30 * np.sin(t):.4f}" for t in np.linspace(0, 6.2, 50))
    mask = mx.Region(f"icrs;polygon({vertices})") ^ mx.Catalog(
        SkyCoord([10, 99], [5, 9], unit="deg"), "20 deg"
    )
    sky = mx.WcsGeom.allsky(binsz=3, frame="galactic", proj="AIT")
    np.testing.assert_array_equal(unpacked(preview(mask)) == 2, mask.compute(sky).values)

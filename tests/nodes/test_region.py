"""The Region node on grids: the sky metric against astropy, the pixel metric against regions, marks."""

from __future__ import annotations

import importlib
import operator
import pickle
import warnings

import astropy.units as u
import numpy as np
import pytest
import regions
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

import maskexpr as mx
from maskexpr.compile.evaluate import Evaluator, evaluate
from maskexpr.core.trace import tracing
from maskexpr.errors import MaskTypeError, MaskValueError, NeedsGridError, RegionError
from maskexpr.expr.mask import And, Mask, NoSky, Not, Or, Xor
from maskexpr.grid.points import Points
from maskexpr.grid.tiles import Areas, Tile
from maskexpr.nodes.region import Region
from maskexpr.pixels.window import Window
from maskexpr.shapes import Circle, Compound, Ellipse, Line, Point, Polygon
from maskexpr.shapes.compound import join_values
from maskexpr.testing import check_node, geometries, whole_tile
from tests import plane_oracle as oracle

Bools = NDArray[np.bool_]

GEOMETRIES = geometries()
ALLSKY = mx.WcsGeom.allsky(binsz=1, frame="icrs")
SMALL = mx.WcsGeom.create(skydir=(10, 20), npix=(60, 50), binsz=0.1, proj="TAN", frame="icrs")
SPHERICAL = hasattr(regions, "LuneSphericalSkyRegion")


def values(mask: Mask, geom: mx.WcsGeom) -> Bools:
    return evaluate(mask, whole_tile(geom))


def centres(geom: mx.WcsGeom) -> SkyCoord:
    lon, lat = whole_tile(geom).lonlat
    return SkyCoord(lon, lat, unit="deg", frame=geom.frame)


def at(lon: float, lat: float, frame: str = "icrs") -> SkyCoord:
    return SkyCoord(lon, lat, unit="deg", frame=frame)


TEXTS = [
    "icrs; circle(0, 90, 20)",
    "galactic; circle(180, 0, 3)",
    "icrs; circle(83.6, 22, 100)",
    "galactic; annulus(0, 0, 10, 20, 30)",
    "icrs; ellipse(10, -89, 30, 8, 33)",
    "galactic; ellipse(10, 60, 5, 3, 20, 12, 33)",
    "icrs; box(10, 60, 40, 10, 20)",
    "galactic; box(180, -80, 10, 5, 40, 30, 20)",
    "icrs; polygon(350, -10, 30, -20, 10, 40, 0, 5)",
    "galactic; polygon(0, 60, 90, 70, 180, 60, 270, 50)",
    "icrs; circle(83, 22, 15); -circle(83, 22, 6); box(90, 22, 5, 5, 0)",
]
MARKS = [
    "icrs; point(83.6, 22)",
    "galactic; point(0, 90); point(180, 0)",
    "icrs; line(350, -20, 40, 60)",
    "galactic; line(120, 80, 290, 85)",
    "icrs; circle(83.6, 22, 12); -line(60, 22, 100, 22); point(10, 60)",
]


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("text", TEXTS + MARKS)
def test_laws(text: str, name: str) -> None:
    check_node(Region(text), GEOMETRIES[name], side=8)


@pytest.mark.parametrize("name", ["allsky", "seam", "aitoff", "tan", "oblong", "rotated", "pixel", "cube"])
@pytest.mark.parametrize("text", TEXTS[:-1:2] + MARKS[:2])
def test_laws_in_pixels(text: str, name: str) -> None:
    check_node(Region(text, metric="pixel"), GEOMETRIES[name], side=8)


# ---- the sky metric ----------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [17, 64, 360])
@pytest.mark.parametrize(
    ("lon", "lat"), [(0, 90), (0, -90), (180, 0), (180, 5), (30, 60), (30, 80), (30, 85), (0.2, 0.2)]
)
@pytest.mark.parametrize("radius", [0.4, 4.3, 90.0, 170.0])
def test_circles_on_the_whole_sky(lon: float, lat: float, radius: float, chunk: int) -> None:
    region = Region(regions.CircleSkyRegion(at(lon, lat), radius * u.deg))
    separation = at(lon, lat).separation(centres(ALLSKY)).deg
    assert np.abs(separation - radius).min() > 1e-9, "choose a radius that decides every pixel"
    parts, _ = whole_tile(ALLSKY).tiles.split(chunk)
    got = np.zeros(ALLSKY.image_shape, dtype=bool)
    for i in range(len(parts)):
        part = parts.tile(i)
        y0, y1, x0, x1 = part.window
        got[y0:y1, x0:x1] = evaluate(region, part)
    assert np.array_equal(got, separation < radius)


@pytest.mark.parametrize("radius", [0.7, 30.0, 91.0, 170.0])
def test_circle_and_complement_on_aitoff(radius: float) -> None:
    geom = mx.WcsGeom.allsky(binsz=2, frame="galactic", proj="AIT")
    region = Region(regions.CircleSkyRegion(at(179.5, 40, "galactic"), radius * u.deg))
    with np.errstate(invalid="ignore"):
        separation = at(179.5, 40, "galactic").separation(centres(geom)).deg
    on_sky = np.isfinite(separation)
    assert not on_sky.all()
    assert np.array_equal(values(region, geom), on_sky & (separation < radius))
    assert np.array_equal(values(~region, geom), on_sky & ~(separation < radius))


def test_circle_beyond_the_horizon() -> None:
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(60, 60), binsz=2, proj="TAN", frame="icrs")
    region = Region(regions.CircleSkyRegion(at(130, 0), 100 * u.deg))
    expected = at(130, 0).separation(centres(geom)).deg < 100
    assert expected.any()
    assert np.array_equal(values(region, geom), expected)


def test_cutout_of_the_mask_is_the_mask_of_the_cutout() -> None:
    for text in TEXTS + MARKS[2:3]:
        region = Region(text)
        part = ALLSKY.cutout(at(20, 30), (47 * u.deg, 33 * u.deg))
        lon, lat = whole_tile(part).lonlat
        row, column = (np.rint(each).astype(int) for each in ALLSKY.pixel(lon, lat))
        assert np.array_equal(values(region, ALLSKY)[row, column], values(region, part))


def test_small_regions_ask_few_pixels() -> None:
    with tracing() as counts:
        values(Region("icrs; circle(40, 30, 5)"), ALLSKY)
    assert counts["pixels"] < 1500
    with tracing() as counts:
        values(Region("icrs; polygon(40, 30, 50, 30, 45, 40)"), ALLSKY)
    assert counts["pixels"] < 1500


# ---- points and lines --------------------------------------------------------------------------------


def test_point_is_the_pixel_that_holds_it() -> None:
    for y, x in [(0, 0), (17, 31), (49, 59)]:
        lon, lat = SMALL.lonlat(np.array([y + 0.3]), np.array([x - 0.4]))
        found = np.argwhere(values(Region(regions.PointSkyRegion(at(lon[0], lat[0]))), SMALL))
        assert found.tolist() == [[y, x]]


def test_point_that_the_map_does_not_hold() -> None:
    assert not values(Region("icrs; point(190, -20)"), SMALL).any()
    assert not values(Region("icrs; point(50, 20)"), SMALL).any()


LINES = [
    (350.0, -20.0, 40.0, 60.0),
    (179.0, 80.0, 1.0, 85.0),
    (170.0, 3.0, 190.0, -8.0),
    (0.0, 0.0, 60.0, 0.0),
]


@pytest.mark.parametrize(
    "name", ["allsky", "pole", "seam", "aitoff", "tan", "sine", "zea", "rotated", "oblong"]
)
@pytest.mark.parametrize("ends", LINES)
def test_line_is_every_pixel_of_its_arc(ends: tuple[float, ...], name: str) -> None:
    """Against many points of the arc, put on the map by astropy."""
    geom = GEOMETRIES[name]
    start, end = at(ends[0], ends[1]), at(ends[2], ends[3])
    length, angle = start.separation(end), start.position_angle(end)
    arc = start.directional_offset_by(angle, np.linspace(0, 1, 200_001) * length)
    there = arc.transform_to(geom.frame)
    y, x = geom.pixel(there.spherical.lon.deg, there.spherical.lat.deg)
    seen = np.isfinite(y) & np.isfinite(x)
    row, column = np.floor(y[seen] + 0.5).astype(int), np.floor(x[seen] + 0.5).astype(int)
    height, width = geom.image_shape
    held = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    sampled = np.zeros(geom.image_shape, dtype=bool)
    sampled[row[held], column[held]] = True
    on_sky = whole_tile(geom).on_sky
    sampled &= True if on_sky is None else on_sky
    marked = values(Region(regions.LineSkyRegion(start, end)), geom)
    # The samples may miss a corner that the arc cuts by less than their step. On an edge between pixels both
    # sides are right.
    differ = marked != sampled
    assert differ.sum() <= (2 if ends != LINES[3] else marked.sum()), np.argwhere(differ)
    if ends != LINES[3]:
        assert not (sampled & ~marked).any()


def test_line_along_a_row() -> None:
    """Along the equator, through the middle of pixels."""
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(41, 11), binsz=1, proj="CAR", frame="icrs")
    marked = values(Region("icrs; line(355, 0, 7, 0)"), geom)
    assert np.argwhere(marked)[:, 0].tolist() == [5] * 13
    assert np.array_equal(np.flatnonzero(marked[5]), np.arange(13, 26))


def test_line_without_length_is_a_point() -> None:
    line, point = Region("icrs; line(10, 20, 10, 20)"), Region("icrs; point(10, 20)")
    assert values(line, SMALL).sum() == 1
    assert np.array_equal(values(line, SMALL), values(point, SMALL))


def test_line_does_not_jump_over_the_seam() -> None:
    marked = values(Region("icrs; line(175, 10, 185, 10)"), ALLSKY)
    assert set(np.flatnonzero(marked.any(axis=0)) // 20) == {0, 17}


def test_marks_at_bare_points_need_the_grid() -> None:
    bare = Points.from_sky(at(10, 20))
    for text in ("icrs; point(10, 20)", "icrs; circle(0, 0, 1); line(0, 0, 1, 1)"):
        with pytest.raises(NeedsGridError, match="geom=geom"):
            Evaluator(Region(text)).run(Region(text), bare)
    with pytest.raises(NeedsGridError, match="geom=geom"):
        Evaluator(NoSky()).run(Region("icrs; circle(10, 20, 1)", metric="pixel"), bare)
    places = SkyCoord([10.05, 12], [20.05, 20], unit="deg")
    assert Region("icrs; point(10.03, 20.03)").contains(places, geom=SMALL).tolist() == [True, False]


# ---- the pixel metric --------------------------------------------------------------------------------

PLANAR = [
    regions.CircleSkyRegion(at(10, 20), 0.73 * u.deg),
    regions.CircleSkyRegion(at(12.9, 22), 0.8 * u.deg),
    regions.EllipseSkyRegion(at(10, 20), 2 * u.deg, 0.9 * u.deg, 33 * u.deg),
    regions.RectangleSkyRegion(at(10, 20), 2 * u.deg, 0.9 * u.deg, 33 * u.deg),
    regions.CircleAnnulusSkyRegion(at(10, 20), 0.5 * u.deg, 1.1 * u.deg),
    regions.EllipseAnnulusSkyRegion(at(10, 20), 1 * u.deg, 2 * u.deg, 0.5 * u.deg, 1.3 * u.deg, 20 * u.deg),
    regions.RectangleAnnulusSkyRegion(at(10, 20), 1 * u.deg, 2 * u.deg, 0.5 * u.deg, 1.3 * u.deg, 20 * u.deg),
    regions.PolygonSkyRegion(SkyCoord([9, 11, 10.2, 10], [19, 19.3, 21, 19.8], unit="deg")),
    regions.CirclePixelRegion(regions.PixCoord(20, 30), 7.3),
    regions.PolygonPixelRegion(regions.PixCoord([3, 40, 20], [4, 8, 33])),
    regions.RegularPolygonPixelRegion(regions.PixCoord(30, 20), 7, 12.5, 10 * u.deg),
]


def rotated() -> mx.WcsGeom:
    header = SMALL.to_header()
    header.update({"PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8})
    return mx.WcsGeom.from_header(header)


def with_cards(**cards: object) -> mx.WcsGeom:
    header = SMALL.to_header()
    header.update(cards)
    return mx.WcsGeom.from_header(header)


TRANSPOSED = {
    "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 20.0, "CRVAL2": 10.0, "CDELT1": 0.1, "CDELT2": -0.1,
}  # fmt: skip
PLANES = {
    "small": SMALL,
    "rotated": rotated(),
    "flipped": with_cards(CDELT2=-0.1),
    "upside down": with_cards(CDELT1=0.1, CDELT2=-0.1),
    "transposed": with_cards(**TRANSPOSED),
    "oblong": mx.WcsGeom.create(
        skydir=at(10, 20), npix=(50, 120), binsz=(0.17, 0.06), proj="TAN", frame="galactic"
    ),
    "seam": mx.WcsGeom.create(skydir=(10.03, 0), npix=(50, 600), binsz=0.1, proj="CAR", frame="icrs"),
}


def by_formula(region: regions.Region, geom: mx.WcsGeom) -> Bools:
    """All pixel centres by a formula of its own, over astropy's WCS."""
    wcs, shape = geom.wcs, geom.image_shape
    if isinstance(region, regions.PixelRegion):
        y, x = np.indices(shape)
        return np.asarray(region.contains(regions.PixCoord(x, y)))
    if isinstance(region, regions.PolygonSkyRegion):
        x, y = wcs.world_to_pixel(region.vertices)
        return oracle.loop(x, y)(*oracle.in_pixels(shape, 0, 0))
    size = {
        name: getattr(region, name).to_value(u.deg)
        for name in region._params
        if name not in ("center", "text")
    }
    return form_of(type(region).__name__, size)(*oracle.on_plane(wcs, shape, region.center))


def form_of(kind: str, size: dict[str, float]) -> oracle.Form:
    if kind == "CircleSkyRegion":
        return oracle.disc(size["radius"])
    if kind == "CircleAnnulusSkyRegion":
        return oracle.disc(size["outer_radius"], size["inner_radius"])
    plain = oracle.oval if "Ellipse" in kind else oracle.slab
    if "Annulus" in kind:
        outer = plain(size["outer_width"], size["outer_height"])
        return oracle.turned(
            size["angle"], oracle.without(outer, plain(size["inner_width"], size["inner_height"]))
        )
    return oracle.turned(size["angle"], plain(size["width"], size["height"]))


@pytest.mark.parametrize("region", PLANAR, ids=lambda region: type(region).__name__)
@pytest.mark.parametrize("name", PLANES)
def test_pixel_metric_is_that_of_the_formula(region: regions.Region, name: str) -> None:
    """The same whichever version of regions is there, on maps that are flipped, turned and transposed."""
    expected = by_formula(region, PLANES[name])
    assert np.array_equal(values(Region(region, metric="pixel"), PLANES[name]), expected)
    assert expected.any()


@pytest.mark.parametrize("name", PLANES)
def test_gammapys_metric_mirrors_on_flipped_maps(name: str) -> None:
    """What is round is the same; what is not is mirrored where the map shows east clockwise from north."""
    geom = PLANES[name]
    disc, oval = PLANAR[0], PLANAR[2]
    assert np.array_equal(
        values(Region(disc, metric="gammapy"), geom), values(Region(disc, metric="pixel"), geom)
    )
    mirrored = values(Region(oval, metric="gammapy"), geom)
    right = values(Region(oval, metric="pixel"), geom)
    assert np.array_equal(mirrored, right) == (name not in ("flipped", "transposed"))
    if name == "flipped":
        # 33 degrees the one way and the other: a mirror image about the centre's column.
        x0 = round(float(geom.wcs.world_to_pixel(oval.center)[0]) * 2)
        columns = x0 - np.arange(geom.image_shape[1])
        some = (columns >= 0) & (columns < geom.image_shape[1])
        assert np.array_equal(mirrored[:, some], right[:, columns[some]])


def test_the_ellipse_of_the_flipped_map() -> None:
    """947 pixels, whatever is installed; the position angle runs from north through east."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.radesys = ["RA---TAN", "DEC--TAN"], "ICRS"
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [83.6, 22], [51, 51], [-0.02, -0.02]
    geom = mx.WcsGeom(wcs, (101, 101))
    found = values(Region("icrs;ellipse(83.6,22,0.6,0.2,30)", metric="pixel"), geom)
    assert found.sum() == 947
    # The width lies 30 degrees from the east-west line, its eastern end to the south.
    lon, lat = whole_tile(geom).lonlat
    east, north = (lon - 83.6) * np.cos(np.deg2rad(22)), lat - 22
    assert (east[found] * north[found]).sum() < 0


def test_pixel_metric_of_a_list_and_a_compound() -> None:
    first, second = PLANAR[0], PLANAR[2]
    both = by_formula(first, SMALL) | by_formula(second, SMALL)
    assert np.array_equal(values(Region([first, second], metric="pixel"), SMALL), both)
    assert np.array_equal(values(Region(first | second, metric="pixel"), SMALL), both)
    odd = by_formula(first, SMALL) ^ by_formula(second, SMALL)
    assert np.array_equal(values(Region(first ^ second, metric="pixel"), SMALL), odd)


def test_pixel_metric_is_false_outside_the_map() -> None:
    region = Region(regions.CirclePixelRegion(regions.PixCoord(0, 0), 5), metric="pixel")
    tile = Tile(SMALL, Window(-10, 10, -10, 10))
    got = evaluate(region, tile)
    assert got[10:, 10:].sum() > 10
    assert not got[:10].any()
    assert not got[:, :10].any()


def test_flat_shapes_hold_nothing_in_pixels() -> None:
    assert not values(Region("icrs; circle(10, 20, 0)", metric="pixel"), SMALL).any()
    holed = values(Region("icrs; annulus(10, 20, 0, 1)", metric="pixel"), SMALL)
    assert np.array_equal(holed, values(Region("icrs; circle(10, 20, 1)", metric="pixel"), SMALL))


def test_a_position_that_cannot_be_shown() -> None:
    """Behind a TAN map's horizon positions have no pixel."""
    behind = Region("icrs; circle(190, -20, 1); polygon(190, -20, 191, -20, 190, -21)", metric="pixel")
    assert not values(behind, SMALL).any()


def test_pixel_metric_decides_by_the_bounding_box() -> None:
    with tracing() as counts:
        evaluate(Region("icrs; circle(10, 20, 0.5)", metric="pixel"), Tile(SMALL, Window(0, 10, 0, 10)))
    assert counts["pixels"] == 0
    region = Region("icrs; circle(10, 20, 0.5)", metric="pixel")
    parts, _ = whole_tile(SMALL).tiles.split(10)
    cover = Evaluator(region).coverage(region, parts)
    assert 0 < np.count_nonzero(cover) <= 9
    bare = Areas(SMALL, parts.caps)
    assert (Evaluator(region).coverage(region, bare) == 1).all()


# ---- compounds ---------------------------------------------------------------------------------------


def test_compound_operators() -> None:
    a = regions.CircleSkyRegion(at(10, 20), 1 * u.deg)
    b = regions.CircleSkyRegion(at(11, 20), 1 * u.deg)
    c = regions.CircleSkyRegion(at(10.5, 21), 1 * u.deg)
    va, vb, vc = (values(Region(each), SMALL) for each in (a, b, c))
    for compound, expected in (
        (a | b, va | vb),
        (a & b, va & vb),
        (a ^ b, va ^ vb),
        ((a | b) & c, (va | vb) & vc),
        (a | (b & c), va | (vb & vc)),
        ((a ^ b) ^ (b & c), (va ^ vb) ^ (vb & vc)),
        (regions.CompoundSkyRegion(a, b, np.logical_and), va & vb),
    ):
        assert np.array_equal(values(Region(compound), SMALL), expected)


def test_circle_without_circle_is_the_annulus() -> None:
    got = values(Region("icrs; circle(10, 20, 1.5); -circle(10, 20, 1)"), SMALL)
    assert np.array_equal(got, values(Region("icrs; annulus(10, 20, 1, 1.5)"), SMALL))
    again = values(Region("icrs; circle(10, 20, 1.5); -circle(10, 20, 1); circle(10, 20, 0.5)"), SMALL)
    assert np.array_equal(again, got | values(Region("icrs; circle(10, 20, 0.5)"), SMALL))


def test_deep_compounds_need_no_recursion() -> None:
    region = regions.CircleSkyRegion(at(10, 20), 1 * u.deg)
    others = [regions.CircleSkyRegion(at(10 + i * 0.1, 20), 0.5 * u.deg) for i in range(7)]
    deep = region
    for i in range(3000):
        deep = regions.CompoundSkyRegion(
            deep,
            others[i % 7],
            (operator.or_, operator.xor, operator.and_)[i % 3],
        )
    mask = Region(deep)
    assert len(mask.shape.leaves) == 3001
    assert pickle.loads(pickle.dumps(mask)) == mask
    assert hash(mask) == hash(Region(deep))
    small = mx.WcsGeom.create(skydir=(10, 20), npix=(9, 9), binsz=0.3, proj="TAN", frame="icrs")
    assert np.array_equal(values(mask.lowered(), small), values(mask, small))


def test_lowered_is_flat() -> None:
    many = Region([regions.CircleSkyRegion(at(lon, 20), 1 * u.deg) for lon in range(20)])
    lowered = many.lowered()
    assert isinstance(lowered, Or)
    assert len(lowered.masks) == 20
    less = Region("icrs; circle(1, 2, 3); -circle(1, 2, 1); -circle(2, 2, 1)").lowered()
    assert isinstance(less, And)
    assert [type(each) for each in less.masks] == [Region, Not, Not]
    one = Region("icrs; circle(1, 2, 3)")
    assert one.lowered() is one
    assert Region([]).lowered() == NoSky()
    mixed = Compound([Circle(0, 0, i + 1) for i in range(4)], [0, 1, "xor", 2, 3, "xor", "xor"])
    flat = Region(mixed).lowered()
    assert isinstance(flat, Xor)
    assert len(flat.masks) == 4


def test_nothing_selects_nothing() -> None:
    assert not values(Region([]), SMALL).any()
    assert not values(Region([], metric="pixel"), SMALL).any()


# ---- the node ----------------------------------------------------------------------------------------


def test_structure() -> None:
    a = Region("galactic; circle(0, 0, 0.3)")
    b = Region(regions.CircleSkyRegion(at(0, 0, "galactic"), 18 * u.arcmin))
    assert a == b == Region(Circle(0, 0, 0.3, "galactic"))
    assert hash(a) == hash(b)
    assert a != Region("galactic; circle(0, 0, 0.3)", metric="pixel")
    assert a != Region("icrs; circle(0, 0, 0.3)")
    assert not a.needs_grid
    assert Region(Point(1, 2)).needs_grid
    assert Region("icrs; circle(0, 0, 1)", metric="pixel").needs_grid


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("galactic; circle(0, 0, 18')", 'Region("galactic;circle(0, 0, 0.3 deg)")'),
        ("icrs; box(1, 2, 3, 4)", 'Region("icrs;box(1, 2, 3 deg, 4 deg, 0 deg)")'),
        ("icrs; ellipse(1, 2, 3, 4, 5)", 'Region("icrs;ellipse(1, 2, 3 deg, 4 deg, 5 deg)")'),
        ("ecliptic; point(1, 2)", 'Region("ecliptic;point(1, 2)")'),
        (
            "icrs; circle(1, 2, 3); galactic; -circle(1, 2, 1)",
            'Region("icrs;circle(1, 2, 3 deg);galactic;-circle(1, 2, 1 deg)")',
        ),
    ],
)
def test_label_can_be_read_back(text: str, label: str) -> None:
    region = Region(text)
    assert region.label() == label
    assert eval(label, {"Region": Region}) == region


def test_label_of_pixels_can_be_read_back() -> None:
    region = Region("image; box(10, 20, 3, 4, 0); annulus(3, 3, 1, 2)", metric="pixel")
    assert eval(region.label(), {"Region": Region}) == region


def test_long_labels_are_short() -> None:
    many = Region([regions.CircleSkyRegion(at(lon, 20), 1 * u.deg) for lon in range(200)])
    assert len(many.label()) < 100
    turn = np.linspace(0, 350, 300)
    assert len(Region(Polygon(turn, 60 + 0 * turn)).label()) < 100


def test_to_regions_goes_round() -> None:
    for region in PLANAR:
        metric = "pixel" if isinstance(region, regions.PixelRegion) else "sky"
        mask = Region(region, metric=metric)
        assert Region(mask.to_regions(), metric=metric) == mask
    mask = Region("icrs; circle(10, 20, 1); point(1, 2); line(1, 2, 3, 4)")
    assert len(mask.to_regions()) == 3
    assert Region(mask.to_regions()) == mask
    less = Region("icrs; circle(10, 20, 1.5); -circle(10, 20, 1)")
    assert np.array_equal(values(Region(less.to_regions()), SMALL), values(less, SMALL))
    assert len(Region([]).to_regions()) == 0
    with pytest.raises(RegionError, match="larger side"):
        Region(Polygon([0, 1, 0], [0, 0, 1], larger_side=True)).to_regions()
    with pytest.raises(RegionError, match="regions has no"):
        Region(Circle(0, 0, 0)).to_regions()


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        (3, MaskTypeError, "got an int"),
        ([regions.CircleSkyRegion(at(0, 0), 1 * u.deg), "circle"], RegionError, "no frame"),
        (regions.CirclePixelRegion(regions.PixCoord(1, 2), 3), RegionError, "metric='pixel'"),
        (
            [regions.CircleSkyRegion(at(0, 0), 1 * u.deg), PLANAR[8]],
            RegionError,
            "region 1 .CirclePixelRegion",
        ),
        (regions.CircleSkyRegion(at(np.nan, 0), 1 * u.deg), RegionError, "region 0 .* finite"),
        (regions.CircleSkyRegion(at(0, 0), 200 * u.deg), RegionError, "at most 180"),
        (regions.PolygonSkyRegion(SkyCoord([1, 2], [3, 4], unit="deg")), RegionError, "three distinct"),
        (regions.CompoundSkyRegion(PLANAR[0], PLANAR[1], operator.sub), RegionError, "none of or, and, xor"),
    ],
)
def test_bad_specs(spec: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Region(spec)


def test_bad_metric() -> None:
    with pytest.raises(MaskValueError, match="'sky', 'pixel'"):
        Region("icrs; circle(0, 0, 1)", metric="planar")
    with pytest.raises(RegionError, match="line holds no pixel centre"):
        Region(Line((0, 1), (0, 1)), metric="pixel")


@pytest.mark.parametrize("kind", [Circle, Ellipse, Point])
@pytest.mark.parametrize(
    "formula",
    [
        [0, 0, "xor"],
        [0, 0, "or"],
        [1, 1, "and"],
        [0, 0, "minus"],
        [1, 1, "or", 1, "or"],
        [0, 1, "xor", 0, "xor"],
        [1],
        [],
    ],
)
def test_formulas_that_name_a_shape_twice_or_not_at_all(kind: type, formula: list[int | str]) -> None:
    size = {Circle: (0.3,), Ellipse: (0.6, 0.5), Point: ()}[kind]
    held = [kind(lon, 0, *size) for lon in (10, 14)]
    geom = mx.WcsGeom.create(skydir=(12, 0), npix=(30, 3), binsz=0.2, frame="icrs")
    alone = {shape: Region(shape).on(geom).values for shape in held}
    made = Compound(held, formula)
    mask = Region(made)
    want = made.fold(alone.__getitem__, join_values, np.zeros(geom.shape, dtype=bool))
    for same in (mask, mask | mask, mask ^ Region(Compound([], []))):
        assert np.array_equal(same.on(geom).values, want)


def test_excluded_regions() -> None:
    whole = regions.CircleSkyRegion(at(10, 20), 1.5 * u.deg)
    hole = regions.CircleSkyRegion(at(10, 20), 1 * u.deg, meta=regions.RegionMeta({"include": 0}))
    assert Region([whole, hole]) == Region("icrs; circle(10, 20, 1.5); -circle(10, 20, 1)")
    with pytest.raises(RegionError, match=r"region 0 .* none before it"):
        Region([hole, whole])
    with pytest.raises(RegionError, match="inside a compound"):
        Region(regions.CompoundSkyRegion(whole, hole, operator.or_, meta=regions.RegionMeta()))
    # A compound takes over the properties of its first region.
    with pytest.raises(RegionError, match="inside a compound"):
        Region([whole, regions.CompoundSkyRegion(hole, whole, operator.or_)])


def test_excluded_compounds() -> None:
    whole, left, right = (
        regions.CircleSkyRegion(at(lon, 20), radius * u.deg)
        for lon, radius in ((10, 1.5), (9.8, 0.5), (10.2, 0.5))
    )
    no = regions.RegionMeta({"include": False})
    both = regions.CompoundSkyRegion(left, right, operator.and_, meta=no)
    assert np.array_equal(
        values(Region([whole, both]), SMALL),
        values(Region(whole) - (Region(left) & Region(right)), SMALL),
    )
    assert Region([both, whole], exclude="all") == Region([whole, both])
    assert Region([whole, both], where="include=1") == Region(whole)
    with pytest.raises(RegionError, match=r"region 0 .* none before it"):
        Region(both)
    inner = regions.CompoundSkyRegion(whole, both, operator.xor, meta=regions.RegionMeta())
    with pytest.raises(RegionError, match="inside a compound"):
        Region(inner)


def test_frames_that_are_no_rotation_become_icrs() -> None:
    """FK4 turns positions and, near the pole above all, angles."""
    place = SkyCoord(30, 85, unit="deg", frame="fk4")
    shape = Region(regions.EllipseSkyRegion(place, 4 * u.deg, 1 * u.deg, 20 * u.deg)).shape
    assert shape.frame == "icrs"
    tip = place.directional_offset_by((20 + 270) * u.deg, 1.99 * u.deg).icrs
    beyond = place.directional_offset_by((20 + 270) * u.deg, 2.01 * u.deg).icrs
    inside = Evaluator(NoSky()).run(Region(shape), Points.from_sky(SkyCoord([tip, beyond])))
    assert inside.tolist() == [True, False]
    moved = Region(
        regions.CircleSkyRegion(SkyCoord(1, 2, unit="deg", frame="fk5", equinox="J1975"), 1 * u.deg)
    )
    assert moved.shape.frame == "icrs"
    with pytest.raises(RegionError, match="cannot be converted"):
        Region(regions.CircleSkyRegion(SkyCoord(1, 2, unit="deg", frame="altaz"), 1 * u.deg))


# ---- spherical regions (regions 0.12 and newer) --------------------------------------------------------

# A private part of regions, which its ranges are made of.
WHOLE = importlib.import_module("regions.shapes.whole_sky").WholeSphericalSkyRegion() if SPHERICAL else None
needs_spherical = pytest.mark.skipif(not SPHERICAL, reason="this version of regions has no spherical regions")


def by_spherical(region: object, geom: mx.WcsGeom) -> Bools:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(region.contains(centres(geom)))  # type: ignore[attr-defined]


@needs_spherical
def test_spherical_shapes() -> None:
    lune = regions.LuneSphericalSkyRegion(at(10, 0.3), at(150, 0.4))
    ring_ = regions.CircleAnnulusSphericalSkyRegion(at(0, 80), 5.2 * u.deg, 15.3 * u.deg)
    disk = regions.CircleSphericalSkyRegion(at(180, 3), 33.3 * u.deg)
    # Clockwise as one sees the sky: of the others regions itself selects the antipodal triangle.
    corners = SkyCoord([10, 50, 30], [5.1, 10.3, 50.2], unit="deg")
    triangle = regions.PolygonSphericalSkyRegion(corners)
    for region in (lune, ring_, disk, triangle, disk | ring_, disk & lune, disk ^ ring_):
        assert np.array_equal(values(Region(region), ALLSKY), by_spherical(region, ALLSKY))
    # By hand, where all three half-spaces of its sides meet.
    ends = corners.cartesian.xyz.value
    sides = np.cross(ends, np.roll(ends, -1, axis=1), axis=0)
    within = (np.tensordot(sides, centres(ALLSKY).cartesian.xyz.value, (0, 0)) >= 0).all(axis=0)
    for region in (triangle, regions.PolygonSphericalSkyRegion(corners[::-1])):
        assert np.array_equal(values(Region(region), ALLSKY), within)
    assert values(Region(WHOLE), ALLSKY).all()
    with pytest.raises(RegionError, match="whole sky"):
        Region(WHOLE).to_regions()


@needs_spherical
@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        ((20.2, 50.3), None),
        ((20.2, 290.3), None),
        ((350.2, 10.3), (10.2, 40.3)),
        (None, (-20.2, 40.3)),
        (None, (-90, 40.3)),
        ((20.2, 290.3), (30.2, 90)),
    ],
)
def test_spherical_ranges(lon: tuple[float, float] | None, lat: tuple[float, float] | None) -> None:
    region = regions.RangeSphericalSkyRegion(
        frame="icrs",
        longitude_range=None if lon is None else lon * u.deg,
        latitude_range=None if lat is None else lat * u.deg,
    )
    assert np.array_equal(values(Region(region), ALLSKY), by_spherical(region, ALLSKY))
    geom = GEOMETRIES["allsky"]
    # regions itself turns a range that goes over the seam, or over half the sky, to the wrong place.
    if lon is None or 0 < lon[1] - lon[0] < 180:
        turned = region.transform_to("galactic")
        assert np.array_equal(values(Region(turned), geom), values(Region(region), geom))


@needs_spherical
def test_spherical_ranges_that_go_round() -> None:
    outside = regions.RangeSphericalSkyRegion(frame="icrs", latitude_range=[40.3, -20.2] * u.deg)
    between = regions.RangeSphericalSkyRegion(frame="icrs", latitude_range=[-20.2, 40.3] * u.deg)
    assert np.array_equal(values(Region(outside), ALLSKY), ~values(Region(between), ALLSKY))
    whole = regions.RangeSphericalSkyRegion(frame="icrs", longitude_range=[0, 360] * u.deg)
    assert values(Region(whole), ALLSKY).all()


@needs_spherical
def test_spherical_shapes_have_no_pixel_metric() -> None:
    lune = regions.LuneSphericalSkyRegion(at(10, 0), at(150, 0))
    for region in (lune, WHOLE):
        with pytest.raises(RegionError, match="sphere alone"):
            Region(region, metric="pixel")

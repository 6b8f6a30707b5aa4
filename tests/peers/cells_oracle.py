"""Masks on HEALPix by brute force: what each registered node means at every cell of the whole sky.

Centres, neighbours, borders and cells of positions are healpy's, pixels of maps are astropy's, distances a
tree's, components a graph's. An answer is two arrays, what is selected for sure and what may be: they differ
where a centre lies on a rim to rounding.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

import astropy.units as u
import healpy as hp
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.expr.mask import NODES

from ..hunt.data import OPERATORS
from ..hunt.lattice import to_pixel, wcs_of
from ..hunt.sphere import TIE, Bounds, angle, below, chord, lonlat, turned, unit

Bools = np.ndarray
# Pixels of a map: so near to a border between two of them either may hold a centre. What is within 1e-7 of it
# is on it to `WcsGeom.array_index`; of 50 million cells there is one.
_BORDER = 1.001e-7
# Radians: so near to a border between cells of a MOC either may hold a centre.
_EDGE = 1e-12
# Places along a side of a cell.
_SIDE = 64
_SQUARE_DEGREES = np.degrees(1.0) ** 2


class NoAnswer(Exception):
    """There is no brute force for this."""


class Cells:
    """All cells of an order, and those of them that a grid holds."""

    def __init__(self, order: int, frame: str, ranges: list[list[int]] | None = None) -> None:
        self.geom = mx.HpxGeom(order=order, frame=frame, cells=ranges)
        self.order, self.frame, self.nside, self.number = order, frame, 1 << order, 12 << 2 * order
        self.held = np.ones(self.number, dtype=bool)
        if ranges is not None:
            self.held[:] = False
            for first, last in ranges:
                self.held[first:last] = True
        self.is_whole = bool(self.held.all())
        self.cell_area = 4 * np.pi * _SQUARE_DEGREES / self.number

    @cached_property
    def xyz(self) -> np.ndarray:
        return np.array(hp.pix2vec(self.nside, np.arange(self.number), nest=True))

    def vectors(self, frame: str) -> np.ndarray:
        return turned(self.xyz, self.frame, frame)

    def all_or_none(self, value: bool) -> Bounds:
        found = np.full(self.number, value)
        return Bounds(found, found)

    def neighbours(self, ids: np.ndarray, connectivity: int) -> np.ndarray:
        """Neighbours of cells, shape (n, 4 or 8), -1 where there is none."""
        near = hp.get_all_neighbours(self.nside, ids, nest=True).T
        return near if connectivity == 8 else near[:, ::2]


def answer(mask: mx.Mask, cells: Cells, plane: int = 0) -> Bounds:
    """The bounds of a mask at every cell of the sky, beyond the cells that are held too."""
    return ANSWERS[_TAGS[type(mask)]](mask, cells, plane)


def wrong(mask: mx.Mask, cells: Cells, got: Bools, plane: int = 0) -> int:
    """How many of the held cells differ from brute force."""
    low, high = (each[cells.held] for each in answer(mask, cells, plane))
    return int(np.count_nonzero((low & ~got) | (got & ~high)))


# ---- leaves


def _catalog(mask: mx.Catalog, cells: Cells, plane: int) -> Bounds:
    xyz, low, high = cells.vectors(mask.frame), *cells.all_or_none(False)
    radius = mask.radius[:, plane] if mask.radius.ndim == 2 else mask.radius
    for lon, lat, degrees in zip(mask.lon, mask.lat, np.broadcast_to(radius, mask.lon.shape), strict=True):
        one = below(angle(xyz, unit(lon, lat)), np.radians(degrees))
        low, high = low | one.low, high | one.high
    return Bounds(low, high)


def _offsets(xyz: np.ndarray, lon: float, lat: float) -> tuple[np.ndarray, np.ndarray]:
    """Separations from a place and position angles, from north through east, in radians."""
    centre, east = unit(lon, lat), unit(lon + 90.0, 0.0)
    north = np.cross(centre, east)
    return angle(xyz, centre), np.arctan2(np.tensordot(east, xyz, axes=1), np.tensordot(north, xyz, axes=1))


def _elongated(xyz: np.ndarray, at: tuple[float, float], axis: float, half: np.ndarray, box: bool) -> Bounds:
    """A box or an ellipse whose first half-axis has a position angle; all in radians but the place."""
    away, turn = _offsets(xyz, *at)
    along, across = away * np.cos(turn - axis), away * np.sin(turn - axis)
    if box:
        outside = np.maximum(np.abs(along) - half[0], np.abs(across) - half[1])
    else:
        outside = (np.hypot(along / half[0], across / half[1]) - 1.0) * min(half)
    # Near the antipode the way there is lost, and the answer with it.
    lost = np.where(np.sin(away) < 1e-6, away, 1e-15 / np.maximum(np.sin(away), 1e-9))
    return below(outside, 0.0, TIE + np.where(away < 1.0, 0.0, lost))


def _ellipses(mask: mx.Ellipses, cells: Cells, plane: int) -> Bounds:
    xyz, low, high = cells.vectors(mask.frame), *cells.all_or_none(False)
    for lon, lat, major, minor, turn in zip(
        mask.lon, mask.lat, mask.major, mask.minor, mask.angle, strict=True
    ):
        if minor > 0:
            half = np.radians([major, minor])
            one = _elongated(xyz, (lon, lat), np.radians(turn), half, box=False)
            low, high = low | one.low, high | one.high
    return Bounds(low, high)


def _band(mask: mx.Band, cells: Cells, plane: int) -> Bounds:
    lon, lat = lonlat(cells.vectors(mask.frame))
    low, high, tie = *cells.all_or_none(True), np.degrees(TIE)
    if mask.lat is not None:
        low = (lat > mask.lat[0] + tie) & (lat < mask.lat[1] - tie)
        high = (lat > mask.lat[0] - tie) & (lat < mask.lat[1] + tie)
    if mask.lon is not None:
        width, east = (mask.lon[1] - mask.lon[0]) % 360 or 360.0, (lon - mask.lon[0]) % 360
        # By a pole a longitude is not known as well as the place; a whole turn has no limit.
        tie = tie / np.maximum(np.cos(np.radians(lat)), 1e-12) if width < 360 else -1.0
        low = low & (east > tie) & (east < width - tie)
        high = high & ((east < width + tie) | (east > 360 - tie))
    return Bounds(low, high)


_SHAPE = re.compile(r"(-?)(\w+)\(([^)]*)\)")


def _region(mask: mx.Region, cells: Cells, plane: int) -> Bounds:
    """Of DS9 text: a union in which an excluded shape takes away from those before it."""
    frame, _, text = str(mask.arguments()["spec"]).partition(";")
    xyz, (low, high) = cells.vectors(frame), cells.all_or_none(False)
    for sign, name, numbers in _SHAPE.findall(text):
        one = _shape(xyz, name, [float(each.replace("deg", "")) for each in numbers.split(",")])
        low, high = (low & ~one.high, high & ~one.low) if sign else (low | one.low, high | one.high)
    return Bounds(low, high)


def _shape(xyz: np.ndarray, name: str, numbers: list[float]) -> Bounds:
    if name == "polygon":
        return _convex(xyz, unit(numbers[::2], numbers[1::2]))
    (lon, lat, *sizes), turn = numbers, 0.0
    if name in ("box", "ellipse"):
        turn = np.radians(90.0 + sizes.pop())
        half = np.radians(sizes) / (2 if name == "box" else 1)
        return _elongated(xyz, (lon, lat), turn, half, name == "box")
    disks = [below(angle(xyz, unit(lon, lat)), np.radians(each)) for each in sizes]
    if name == "circle":
        return disks[0]
    if name == "annulus":
        return Bounds(disks[1].low & ~disks[0].high, disks[1].high & ~disks[0].low)
    raise NoAnswer(name)


def _convex(xyz: np.ndarray, ring: np.ndarray) -> Bounds:
    normals = np.cross(ring, np.roll(ring, -1, axis=1), axis=0)
    normals /= np.linalg.norm(normals, axis=0)
    sides = normals.T @ ring.mean(axis=1)
    if not ((normals.T @ ring) * np.sign(sides)[:, None] > -1e-9).all():
        raise NoAnswer("a polygon that is not convex")
    least = np.min(
        [np.sign(side) * (each @ xyz) for side, each in zip(sides, normals.T, strict=True)], axis=0
    )
    return Bounds(least > TIE, least > -TIE)


def _moc(mask: mx.Moc, cells: Cells, plane: int) -> Bounds:
    xyz, low, high = cells.vectors("icrs"), *cells.all_or_none(True)
    high = ~high
    for step in ((0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
        ids = hp.vec2pix(1 << mask.order, *(xyz + _EDGE * np.array(step)[:, None]), nest=True)
        place = np.searchsorted(mask.ranges.reshape(-1), ids, side="right")
        low, high = low & (place % 2 == 1), high | (place % 2 == 1)
    return Bounds(low, high)


def _held_pixels(grid: mx.WcsGeom | mx.HpxGeom, cells: Cells) -> tuple[np.ndarray, Bools]:
    """The place in a map's array of the pixel that holds each centre, -1 beyond it; where that is unsure."""
    xyz = cells.vectors(grid.frame)
    if isinstance(grid, mx.HpxGeom):
        found = []
        for step in (0.0, _EDGE, -_EDGE):
            ids = hp.vec2pix(grid.nside, *(xyz + step), nest=True)
            all_ids = np.concatenate([np.arange(a, b) for a, b in grid.ranges.tolist()])
            place = np.minimum(np.searchsorted(all_ids, ids), len(all_ids) - 1)
            found.append(np.where(all_ids[place] == ids, place, -1))
        return found[0], (found[0] != found[1]) | (found[0] != found[2])
    ny, nx = grid.image_shape
    y, x = to_pixel(wcs_of(grid.to_header()), *lonlat(xyz))
    with np.errstate(invalid="ignore"):
        border = np.maximum(np.abs(y - np.floor(y) - 0.5) < _BORDER, np.abs(x - np.floor(x) - 0.5) < _BORDER)
        y, x = np.floor(y + 0.5), np.floor(x + 0.5)
        held = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
    return np.where(held, y * nx + x, -1).astype(int), border


def _data(judge: Callable[[mx.Mask, np.ndarray], Bools]) -> Callable[..., Bounds]:
    def found(mask: mx.Threshold, cells: Cells, plane: int) -> Bounds:
        grid, values = mask.data.open().geom, np.asanyarray(mask.data.array)
        known = np.ma.getdata(values)
        missing = np.ma.getmaskarray(values) | (known != known)
        chosen = np.where(missing, mask.nan, judge(mask, known)).astype(bool)
        place, unsure = _held_pixels(grid, cells)
        selected = np.where(place >= 0, chosen.ravel()[place], mask.outside)
        return Bounds(selected & ~unsure, selected | unsure)

    return found


def _compared(mask: mx.Threshold, values: np.ndarray) -> Bools:
    with np.errstate(invalid="ignore"):
        return OPERATORS[mask.op](values, mask.value)


def _flagged(mask: mx.Bits, values: np.ndarray) -> Bools:
    out = np.ones(values.shape, dtype=bool)
    flags = values.astype(np.int64) & ((1 << 8 * values.dtype.itemsize) - 1)
    if mask.any is not None:
        out &= (flags & mask.any) != 0
    if mask.all is not None:
        out &= (flags & mask.all) == mask.all
    if mask.none is not None:
        out &= (flags & mask.none) == 0
    return out


def _axis_range(mask: mx.AxisRange, cells: Cells, plane: int) -> Bounds:
    """Of bins of `ENERGY` that lie in the range as a whole."""
    low, high = (u.Quantity(*each) for each in (mask.lo, mask.hi))
    edges = ENERGY.edges[plane : plane + 2]
    return cells.all_or_none(bool(low <= edges[0] * (1 + 1e-9) and edges[1] <= high * (1 + 1e-9)))


ENERGY = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)


# ---- what is about the map


def _sure(mask: mx.Mask, cells: Cells, plane: int) -> Bools:
    """What a mask selects of the held cells, where brute force is unsure as it says itself."""
    low, high = answer(mask, cells, plane)
    unsure = np.flatnonzero((low != high) & cells.held)
    out = low & cells.held
    if len(unsure):
        place = np.cumsum(cells.held) - 1
        out[unsure] = np.asarray(mask.compute(cells.geom).values)[place[unsure]]
    return out


def _components(selected: Bools, cells: Cells, connectivity: int) -> tuple[np.ndarray, np.ndarray, Bools]:
    """Of selected cells the numbers of their components; the sizes of these in cells; which of them touch a
    cell that is not held.
    """
    ids = np.flatnonzero(selected)
    if not len(ids):
        return np.empty(0, dtype=int), np.empty(0, dtype=int), np.empty(0, dtype=bool)
    place = np.full(cells.number + 1, -1)
    place[ids] = np.arange(len(ids))
    near = cells.neighbours(ids, connectivity)
    start, way = np.nonzero(place[near] >= 0)
    ends = place[near[start, way]]
    graph = coo_array((np.ones(len(start), bool), (start, ends)), shape=(len(ids), len(ids)))
    number, label = connected_components(graph, directed=False)
    at_end = np.zeros(number, dtype=bool)
    at_end[label[((near >= 0) & ~cells.held[near]).any(axis=1)]] = True
    return label, np.bincount(label, minlength=number), at_end


def _of_components(selected: Bools, label: np.ndarray, good: Bools) -> Bools:
    out = np.zeros(len(selected), dtype=bool)
    out[np.flatnonzero(selected)[good[label]]] = True
    return out


def _limit(area: tuple[float, str], cells: Cells) -> float:
    """An area as a number of cells; one that is hit to rounding is nobody's."""
    value, unit_name = area
    number = value if unit_name == "pix2" else value / cells.cell_area
    if unit_name != "pix2" and abs(number - round(number)) < 1e-6:
        raise NoAnswer("an area that is a whole number of cells")
    return number


def _fill_holes(mask: mx.FillHoles, cells: Cells, plane: int) -> Bounds:
    selected = _sure(mask.mask, cells, plane)
    left = ~selected & cells.held
    label, size, at_end = _components(left, cells, mask.connectivity)
    hole = ~at_end
    if mask.max_area is not None:
        hole &= size <= _limit(mask.max_area, cells)
    elif cells.is_whole and len(size):
        if np.count_nonzero(size == size.max()) > 1:
            raise NoAnswer("two largest")
        hole &= size < size.max()
    found = selected | _of_components(left, label, hole)
    return Bounds(found, found)


def _remove_small(mask: mx.RemoveSmall, cells: Cells, plane: int) -> Bounds:
    selected = _sure(mask.mask, cells, plane)
    label, size, _ = _components(selected, cells, mask.connectivity)
    found = _of_components(selected, label, size >= _limit(mask.min_area, cells))
    return Bounds(found, found)


def _hysteresis(mask: mx.Hysteresis, cells: Cells, plane: int) -> Bounds:
    low, high = (_sure(each, cells, plane) for each in (mask.low, mask.high))
    label, size, _ = _components(low, cells, mask.connectivity)
    seeded = np.zeros(len(size), dtype=bool)
    seeded[label[high[low]]] = True
    found = _of_components(low, label, seeded)
    return Bounds(found, found)


def _boundary(mask: mx.Boundary, cells: Cells, plane: int) -> Bounds:
    """By places along the sides that end the grid: at most half a step further than the side itself."""
    if cells.is_whole:
        return cells.all_or_none(True)
    ids = np.flatnonzero(cells.held)
    near = hp.get_all_neighbours(cells.nside, ids, nest=True)
    places = []
    # Sides of cells in the order in which healpy draws them: from north over west, south and east.
    for side, way in enumerate((2, 0, 6, 4)):
        some = ids[~cells.held[near[way]]]
        if not len(some):
            continue
        border = hp.boundaries(cells.nside, some, step=_SIDE, nest=True)
        along = np.take(border, np.arange(_SIDE * side, _SIDE * side + _SIDE + 1) % (4 * _SIDE), axis=2)
        places.append(along.transpose(1, 0, 2).reshape(3, -1))
    away, _ = cKDTree(np.concatenate(places, axis=1).T).query(cells.xyz[:, ids].T)
    away, width = 2 * np.arcsin(away / 2), np.radians(mask.width[0, 0])
    low, high = np.zeros(cells.number, dtype=bool), np.zeros(cells.number, dtype=bool)
    low[ids] = away > width + 2.0 / cells.nside / _SIDE
    high[ids] = away > width - TIE
    return Bounds(low, high)


# ---- operators


def _not(mask: mx.Not, cells: Cells, plane: int) -> Bounds:
    low, high = answer(mask.mask, cells, plane)
    return Bounds(~high, ~low)


def _or(mask: mx.Or, cells: Cells, plane: int) -> Bounds:
    low, high = cells.all_or_none(False)
    for each in mask.masks:
        one = answer(each, cells, plane)
        low, high = low | one.low, high | one.high
    return Bounds(low, high)


def _and(mask: mx.And, cells: Cells, plane: int) -> Bounds:
    low, high = cells.all_or_none(True)
    for each in mask.masks:
        one = answer(each, cells, plane)
        low, high = low & one.low, high & one.high
    return Bounds(low, high)


def _xor(mask: mx.Xor, cells: Cells, plane: int) -> Bounds:
    odd, unsure = cells.all_or_none(False)
    for each in mask.masks:
        one = answer(each, cells, plane)
        odd, unsure = odd ^ one.low, unsure | (one.low != one.high)
    return Bounds(odd & ~unsure, odd | unsure)


def _dilated(of: Bounds, cells: Cells, degrees: float) -> Bounds:
    """Cells that have one within the radius, ties included."""
    found = []
    for selected, wider in ((of.low, -TIE), (of.high, TIE)):
        radius, out = np.radians(degrees) + wider, selected.copy()
        if selected.any() and not selected.all() and radius > 0:
            tree = cKDTree(cells.xyz[:, selected].T, balanced_tree=False, compact_nodes=False)
            rest = np.flatnonzero(~selected)
            limit = chord(radius)
            near, _ = tree.query(cells.xyz[:, rest].T, distance_upper_bound=limit + 1e-9)
            out[rest] = near <= limit
        found.append(out)
    return Bounds(*found)


def _grown(*steps: str) -> Callable[..., Bounds]:
    def found(mask: mx.Dilate, cells: Cells, plane: int) -> Bounds:
        if mask.kernel != "disk" or mask.metric != "sky":
            raise NoAnswer("boxes and pixels are of planes")
        degrees, of = float(mask.radius[min(plane, len(mask.radius) - 1), 0]), answer(mask.mask, cells, plane)
        for step in steps:
            if step == "dilate":
                of = _dilated(of, cells, degrees)
            else:
                rest = _dilated(Bounds(~of.high, ~of.low), cells, degrees)
                of = Bounds(~rest.high, ~rest.low)
        return of

    return found


_TAGS = {node: tag for tag, node in NODES.items()}
ANSWERS: dict[str, Callable[..., Bounds]] = {
    "allsky": lambda mask, cells, plane: cells.all_or_none(True),
    "nosky": lambda mask, cells, plane: cells.all_or_none(False),
    "catalog": _catalog,
    "ellipses": _ellipses,
    "band": _band,
    "region": _region,
    "moc": _moc,
    "axisrange": _axis_range,
    "threshold": _data(_compared),
    "raster": _data(lambda mask, values: values.astype(bool)),
    "bits": _data(_flagged),
    "hysteresis": _hysteresis,
    "boundary": _boundary,
    "or": _or,
    "and": _and,
    "xor": _xor,
    "not": _not,
    "dilate": _grown("dilate"),
    "erode": _grown("erode"),
    "open": _grown("erode", "dilate"),
    "close": _grown("dilate", "erode"),
    "fill_holes": _fill_holes,
    "remove_small": _remove_small,
}

"""Random operators over random leaves: algebra, growth in both metrics, components, what is about the map."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from astropy.io import fits
from scipy import ndimage
from scipy.spatial import cKDTree

import maskexpr as mx

from . import data, leaves
from .connected import filled, large
from .drawn import Drawn, NoOracle, nobody
from .lattice import Lattice, sky_of, whole_sky
from .sphere import TIE, Bounds, chord

Rng = np.random.Generator
PAIRS = 20_000_000


class Draw:
    """Draws masks for a map."""

    def __init__(self, rng: Rng, header: fits.Header, bare: Lattice, bins: int, is_large: bool) -> None:
        self.rng, self.header, self.bare, self.bins, self.is_large = rng, header, bare, bins, is_large

    def mask(self, depth: int) -> Drawn:
        if depth <= 0 or self.rng.random() < 0.15:
            return self.leaf()
        if self.is_large:  # growth by trees would take minutes
            return self.algebra(depth)
        makers = [
            (4, self.algebra),
            (4, self.growth),
            (1, self.pixel_growth),
            (1, self.fill),
            (1, self.remove),
        ]
        return _choose(self.rng, makers)(depth)

    def leaf(self) -> Drawn:
        rng = self.rng
        kind = rng.random()
        if kind < 0.2:
            makers = [(3, data.threshold), (2, data.raster), (1, data.hysteresis)]
            return _choose(rng, makers)(rng, self.header)
        if kind < 0.25:
            return self.boundary()
        if kind < 0.5 and self.bins > 1:
            return self.energies() if rng.random() < 0.5 else leaves.catalog(rng, self.bare, self.bins)
        return _choose(rng, leaves.LEAVES)(rng, self.bare)

    def energies(self) -> Drawn:
        """The bins of 1 to 3, 3 to 10 and 10 to 100 TeV that lie within a range as a whole."""
        edges = [1.0, 3.0, 10.0, 100.0][: self.bins + 1]
        low, high = [(1.0, 3.0), (2.0, 200.0), (3.0, 100.0), (0.5, 10.0)][int(self.rng.integers(4))]

        def answer(on: Lattice, plane: int) -> Bounds:
            inside = np.full(on.shape, low <= edges[plane] and edges[plane + 1] <= high)
            return Bounds(inside, inside)

        return Drawn(mx.AxisRange("energy", low * u.TeV, high * u.TeV), "axis range", answer)

    def boundary(self) -> Drawn:
        width = min(leaves.size(self.rng, self.bare), 90.0)
        return Drawn(mx.Boundary(width * u.deg), "boundary", nobody)

    def algebra(self, depth: int) -> Drawn:
        kind = str(self.rng.choice(["or", "and", "xor", "not", "minus"]))
        number = {"not": 1, "minus": 2}.get(kind, int(self.rng.integers(2, 4)))
        some = tuple(self.mask(depth - 1) for _ in range(number))
        masks = [each.mask for each in some]
        made = {"or": mx.Or, "and": mx.And, "xor": mx.Xor, "not": mx.Not, "minus": lambda a, b: a - b}[kind](
            *masks
        )

        def answer(on: Lattice, plane: int) -> Bounds:
            return _combined(kind, on, [each.bounds(on, plane) for each in some])

        return Drawn(made, kind, answer, some)

    def growth(self, depth: int) -> Drawn:
        rng, of = self.rng, self.mask(depth - 1)
        name, box = str(rng.choice(["Dilate", "Erode", "Open", "Close"])), bool(rng.random() < 0.2)
        most = min(90.0 if box else 180.0, self._farthest())
        lon = lat = leaves.size(rng, self.bare, most)
        if box and rng.random() < 0.5:
            lat = leaves.size(rng, self.bare, most)
        radius = (lon * u.deg, lat * u.deg) if box else lon * u.deg
        made = getattr(mx, name)(of.mask, radius, kernel="box" if box else "disk")
        grow = _in_box(lon, lat) if box else _in_disk(lon)
        reach = min(180.0, np.hypot(lon, lat) * 1.6 if box else lon) * (2 if name in ("Open", "Close") else 1)

        def answer(on: Lattice, plane: int) -> Bounds:
            return _grown(name, grow, on, of.bounds(on, plane))

        return Drawn(
            made, f"{name.lower()} ({'box' if box else 'disk'})", answer, (of,), float(np.radians(reach))
        )

    def _farthest(self) -> float:
        """Degrees within which the pixels of the lattice can be counted."""
        scale = float(np.sqrt(np.abs(np.linalg.det(self.bare.wcs.pixel_scale_matrix))))
        return 180.0 if whole_sky(self.bare.wcs, self.bare.map_shape) else 25.0 * scale

    def pixel_growth(self, depth: int) -> Drawn:
        rng, of = self.rng, self.mask(depth - 1)
        name, box = str(rng.choice(["Dilate", "Erode", "Open", "Close"])), bool(rng.random() < 0.4)
        size = float(rng.choice([0.5, 1.0, 1.5, 2.0, 4.3]))
        made = getattr(mx, name)(of.mask, size * u.pix, kernel="box" if box else "disk", metric="pixel")
        half = int(size)
        y, x = np.mgrid[-half : half + 1, -half : half + 1]
        shape = np.ones(y.shape, bool) if box else y * y + x * x <= size * size

        def answer(on: Lattice, plane: int) -> Bounds:
            return Bounds(*(_in_pixels(name, shape, on, each) for each in of.bounds(on, plane)))

        return Drawn(made, f"{name.lower()} (pixels)", answer, (of,))

    def fill(self, depth: int) -> Drawn:
        of, rng = self.mask(depth - 1), self.rng
        area, in_pixels = self._area()
        area = area if rng.random() < 0.7 else None
        connectivity = int(rng.choice([4, 8]))
        made = mx.FillHoles(of.mask, None if area is None else _quantity(area, in_pixels), connectivity)

        def answer(on: Lattice, plane: int) -> Bounds:
            return filled(on, of.bounds(on, plane), area, in_pixels, connectivity)

        return Drawn(made, "fill holes", answer, (of,))

    def remove(self, depth: int) -> Drawn:
        of = self.mask(depth - 1)
        area, in_pixels = self._area()
        connectivity = int(self.rng.choice([4, 8]))
        made = mx.RemoveSmall(of.mask, _quantity(area, in_pixels), connectivity)

        def answer(on: Lattice, plane: int) -> Bounds:
            return large(on, of.bounds(on, plane), area, in_pixels, connectivity)

        return Drawn(made, "remove small", answer, (of,))

    def _area(self) -> tuple[float, bool]:
        number = float(self.rng.integers(1, 60))
        if self.rng.random() < 0.5:
            return number, True
        return float(f"{number * abs(np.linalg.det(self.bare.wcs.pixel_scale_matrix)) * 0.97:.6g}"), False


def _choose(rng: Rng, makers: list) -> object:
    weights = np.array([weight for weight, _ in makers], dtype=float)
    return makers[int(rng.choice(len(makers), p=weights / weights.sum()))][1]


def _quantity(area: float, in_pixels: bool) -> u.Quantity:
    return area * (u.pix**2 if in_pixels else u.deg**2)


def _combined(kind: str, on: Lattice, some: list[Bounds]) -> Bounds:
    if kind == "not":
        return Bounds(on.on_sky & ~some[0].high, on.on_sky & ~some[0].low)
    if kind == "minus":
        return Bounds(some[0].low & ~some[1].high, some[0].high & ~some[1].low)
    if kind == "xor":
        odd = np.logical_xor.reduce([each.low for each in some])
        unsure = np.logical_or.reduce([each.low != each.high for each in some])
        return Bounds(odd & ~unsure, odd | unsure)
    join = np.logical_or.reduce if kind == "or" else np.logical_and.reduce
    return Bounds(join([each.low for each in some]), join([each.high for each in some]))


def _grown(name: str, grow, on: Lattice, of: Bounds) -> Bounds:
    """Growth only adds where its mask does, so the bounds of one are the other's; pixels beyond the map that
    show sky a second time may have a say or not.
    """
    own = on.own | on.is_map

    def dilate(found: Bounds) -> Bounds:
        return Bounds(grow(on, found.low & own, -TIE), grow(on, found.high, TIE))

    def mirrored(found: Bounds) -> Bounds:
        return Bounds(on.on_sky & ~found.high, on.on_sky & ~found.low)

    def erode(found: Bounds) -> Bounds:
        return mirrored(dilate(mirrored(found)))

    steps = {"Dilate": [dilate], "Erode": [erode], "Open": [erode, dilate], "Close": [dilate, erode]}[name]
    for step in steps:
        of = step(of)
    return of


def _in_disk(degrees: float):
    radius = np.radians(degrees)

    def grow(on: Lattice, selected: np.ndarray, wider: float) -> np.ndarray:
        out = np.zeros(on.shape, dtype=bool)
        if not selected.any() or radius + wider < 0:
            return selected & on.on_sky if not radius else out
        if radius + wider >= np.pi:
            return on.on_sky.copy()
        tree = cKDTree(on.xyz[:, selected].T)
        limit = chord(radius + wider)
        near, _ = tree.query(on.xyz[:, on.on_sky].T, distance_upper_bound=limit + 1e-6)
        out[on.on_sky] = near <= limit
        return out

    return grow


def _in_box(lon: float, lat: float):
    wide, high = np.radians([lon, lat])

    def grow(on: Lattice, selected: np.ndarray, wider: float) -> np.ndarray:
        l0, b0 = (np.radians(each[selected]) for each in sky_of(on, on.frame))
        l1, b1 = (np.radians(each[on.on_sky]) for each in sky_of(on, on.frame))
        if len(l0) * len(l1) > PAIRS:
            raise NoOracle
        out, found = np.zeros(on.shape, dtype=bool), np.zeros(len(l1), dtype=bool)
        each = max(1, 1_000_000 // max(1, len(l0)))
        for first in range(0, len(l1), each):
            some = slice(first, first + each)
            apart = np.abs((l1[some, None] - l0 + np.pi) % (2 * np.pi) - np.pi)
            cosine = np.maximum(np.cos(b1[some, None]), np.cos(b0))
            # Where the longitude turns round the pole it is not known as well as the place.
            near = (np.abs(b1[some, None] - b0) <= high + wider) & (apart * cosine <= wide + wider)
            found[some] = near.any(axis=1)
        out[on.on_sky] = found
        return out

    return grow


def _in_pixels(name: str, shape: np.ndarray, on: Lattice, selected: np.ndarray) -> np.ndarray:
    """Scipy's morphology on the map, nothing beyond it or off the sky."""
    values = (selected & on.on_sky)[on.here]
    # Margins, because scipy cannot take a structure larger than the array.
    half = len(shape) // 2
    values = np.pad(values, 2 * half + 1)
    inside = np.pad(on.on_sky[on.here], 2 * half + 1)
    steps = {"Dilate": "d", "Erode": "e", "Open": "ed", "Close": "de"}[name]
    for step in steps:
        do = ndimage.binary_dilation if step == "d" else ndimage.binary_erosion
        values = do(values, shape) & inside
    out = np.zeros(on.shape, dtype=bool)
    margin = slice(2 * half + 1, -2 * half - 1)
    out[on.here] = values[margin, margin]
    return out

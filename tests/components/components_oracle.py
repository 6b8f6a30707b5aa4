"""What the tests of components share: cutting a map, and scipy's components with seam and poles joined."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from astropy.coordinates import SkyCoord
from scipy import ndimage

from maskexpr import Axis, WcsGeom
from maskexpr.compile.evaluate import Evaluator, evaluate, evaluate_into
from maskexpr.components.node import Connected
from maskexpr.components.solve import solve
from maskexpr.expr.mask import Mask
from maskexpr.grid.tiles import Tile
from maskexpr.pixels.window import Window


def small_map(ny: int, nx: int, axes: tuple[Axis, ...] = ()) -> WcsGeom:
    return WcsGeom.create(npix=(nx, ny), binsz=0.1, proj="TAN", axes=axes)


def energies(number: int) -> Axis:
    return Axis.from_bounds("energy", "1 GeV", "1 TeV", number)


def whole(mask: Mask, geom: WcsGeom, plane: tuple[int, ...] = ()) -> np.ndarray:
    ny, nx = geom.image_shape
    return evaluate(mask, Tile(geom, Window(0, ny, 0, nx), plane))


def cut(length: int, at: list[int]) -> tuple[int, ...]:
    bounds = sorted({0, length, *(place for place in at if 0 < place < length)})
    return tuple(b - a for a, b in pairwise(bounds))


def chunked(
    node: Connected,
    geom: WcsGeom,
    rows: tuple[int, ...],
    columns: tuple[int, ...],
    plane: tuple[int, ...] = (),
) -> np.ndarray:
    """Values of a map by labelling and joining its tiles."""
    decided = solve(node, geom, plane, lambda: Evaluator(node), rows, columns)
    key = node.digest, () if node.linked else plane
    ny, nx = geom.image_shape
    out = np.zeros((ny, nx), dtype=bool)
    evaluate_into(node, Tile(geom, Window(0, ny, 0, nx)), (plane,), [out], {key: decided})
    return out


def label(
    pixels: np.ndarray, connectivity: int, seam: bool = False, poles: bool = False
) -> tuple[np.ndarray, int]:
    """Components of a whole map by scipy, those that the seam and the poles join made one, pixel by pixel."""
    structure = ndimage.generate_binary_structure(pixels.ndim, pixels.ndim if connectivity == 8 else 1)
    found, number = ndimage.label(pixels, structure)
    name = np.arange(number + 1)
    ny, nx = pixels.shape[-2:]
    pairs = []
    if seam:
        reach = (-1, 0, 1) if connectivity == 8 else (0,)
        pairs += [((..., y, nx - 1), (..., y + d, 0)) for y in range(ny) for d in reach if 0 <= y + d < ny]
    if poles:
        pairs += [
            ((..., y, a), (..., y, b)) for y in (0, ny - 1) for a, b in pairwise(np.flatnonzero(found[y]))
        ]
    for one, other in pairs:
        a, b = int(found[one]), int(found[other])
        if a and b:
            name[name == name[b]] = name[a]
    return name[found], number


def sizes(found: np.ndarray, number: int, area: np.ndarray | float = 1.0) -> np.ndarray:
    return np.bincount(found.ravel(), np.broadcast_to(area, found.shape).ravel(), number + 1)


def keep(found: np.ndarray, good: np.ndarray) -> np.ndarray:
    good = good.copy()
    good[0] = False
    return good[found]


def removed(pixels: np.ndarray, least: float, connectivity: int = 4, **closed: bool) -> np.ndarray:
    found, number = label(pixels, connectivity, **closed)
    return keep(found, sizes(found, number) >= least)


def reconstructed(low: np.ndarray, high: np.ndarray, connectivity: int = 4, **closed: bool) -> np.ndarray:
    found, number = label(low, connectivity, **closed)
    return keep(found, np.bincount(found[high & low], minlength=number + 1) > 0)


def sky(lonlat: list[list[float]]) -> SkyCoord:
    return SkyCoord(lonlat, unit="deg")

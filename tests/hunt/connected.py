"""Components of a map by scipy's graphs, pixel by pixel, the seam and the poles of upright cylinders joined.

There is no answer on maps that meet the rim of the sky in another way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .drawn import NoOracle
from .lattice import Lattice, to_sky
from .sphere import Bounds

SLACK = 1e-3  # pixels


@dataclass(frozen=True)
class Closed:
    """How a map meets itself, and the solid angles of its pixels in deg2 (None where they are not known)."""

    seam: bool
    poles: tuple[bool, bool]
    area: np.ndarray | None


def closed(on: Lattice) -> Closed:
    ny, nx = on.map_shape
    rows, columns = np.mgrid[-2 : ny + 2, -2 : nx + 2]
    lon, lat = to_sky(on.wcs, rows, columns)
    middle, there = (slice(2, -2), slice(2, -2)), np.isfinite(lon) & np.isfinite(lat)
    step = _upright(on)
    if step is None:
        if not there.all() or on.code not in ("TAN", "STG", "ZEA", "ARC", "SIN"):
            raise NoOracle
        return Closed(False, (False, False), None)
    if not there[middle].all():
        raise NoOracle
    if nx * step > 360.0 + SLACK * step:
        raise NoOracle
    seam = nx * step >= 360.0 - SLACK * step
    beyond = [
        not np.isfinite(to_sky(on.wcs, np.array([y]), np.array([float(on.wcs.wcs.crpix[0] - 1)]))[1][0])
        for y in (-0.5 - SLACK, ny - 0.5 + SLACK)
    ]
    return Closed(seam, (seam and beyond[0], seam and beyond[1]), _areas(on, step))


def _upright(on: Lattice) -> float | None:
    """Degrees of longitude a column, if the map is a cylinder along its own rows."""
    if on.code not in ("CAR", "CEA", "CYP", "MER"):
        return None
    y, x = np.mgrid[0:5, 0:7] + np.array([on.wcs.wcs.crpix[1] - 3, on.wcs.wcs.crpix[0] - 4]).reshape(2, 1, 1)
    lon, lat = to_sky(on.wcs, y, x)
    steps = (np.diff(lon, axis=1) + 180) % 360 - 180
    if not np.isfinite(steps).all() or np.ptp(lat, axis=1).max() > 1e-9 or np.ptp(steps) > 1e-9:
        return None
    return float(np.abs(steps).mean())


def _areas(on: Lattice, step: float) -> np.ndarray:
    ny, nx = on.map_shape
    edges = np.arange(ny + 1) - 0.5
    _, lat = to_sky(on.wcs, edges, np.full(ny + 1, float(on.wcs.wcs.crpix[0] - 1)))
    _, centre = to_sky(on.wcs, np.arange(ny), np.full(ny, float(on.wcs.wcs.crpix[0] - 1)))
    low, high = lat[:-1], lat[1:]
    low, high = (np.where(np.isfinite(each), each, np.sign(centre) * 90.0) for each in (low, high))
    height = np.abs(np.sin(np.radians(high)) - np.sin(np.radians(low)))
    return np.broadcast_to((np.degrees(height) * step)[:, None], (ny, nx))


def components(selected: np.ndarray, connectivity: int, how: Closed) -> tuple[np.ndarray, int]:
    """A number for each selected pixel, -1 for the others; how many there are."""
    ny, nx = selected.shape
    index = np.arange(ny * nx).reshape(ny, nx)
    pairs = [(index[:-1], index[1:]), (index[:, :-1], index[:, 1:])]
    if connectivity == 8:
        pairs += [(index[:-1, :-1], index[1:, 1:]), (index[:-1, 1:], index[1:, :-1])]
    if how.seam:
        pairs.append((index[:, -1], index[:, 0]))
        if connectivity == 8:
            pairs += [(index[:-1, -1], index[1:, 0]), (index[1:, -1], index[:-1, 0])]
    for row, pole in ((0, how.poles[0]), (ny - 1, how.poles[1])):
        some = index[row][selected[row]]
        if pole and len(some):
            pairs.append((some[:-1], some[1:]))
    flat = selected.ravel()
    a, b = (np.concatenate([each[i].ravel() for each in pairs]) for i in (0, 1))
    both = flat[a] & flat[b]
    graph = coo_array((np.ones(both.sum()), (a[both], b[both])), shape=(flat.size, flat.size))
    number, found = connected_components(graph, directed=False)
    return np.where(flat, found, -1).reshape(ny, nx), number


def keep(found: np.ndarray, good: np.ndarray) -> np.ndarray:
    return np.where(found >= 0, good[found], False)


def on_map(on: Lattice, inside: np.ndarray) -> Bounds:
    """Values on the lattice of what is known on the map and not selected beyond it."""
    out = np.zeros(on.shape, dtype=bool)
    out[on.here] = inside
    return Bounds(out, out)


def sure(on: Lattice, *some: Bounds) -> list[np.ndarray]:
    """Values on the map, if none of them is on a rim: one pixel decides on a component."""
    if any((each.low != each.high)[on.here].any() for each in some):
        raise NoOracle
    return [(each.low & on.on_sky)[on.here] for each in some]


def reconstructed(on: Lattice, weak: Bounds, strong: Bounds, connectivity: int) -> Bounds:
    how = closed(on)
    low, high = sure(on, weak, strong)
    found, number = components(low, connectivity, how)
    good = np.zeros(number, dtype=bool)
    good[found[high & low]] = True
    return on_map(on, keep(found, good))


def sizes(found: np.ndarray, number: int, how: Closed, in_pixels: bool) -> np.ndarray:
    if not in_pixels and how.area is None:
        raise NoOracle
    weight = np.ones(found.shape) if in_pixels else how.area
    return np.bincount(found[found >= 0], weight[found >= 0], minlength=number)


def decided(size: np.ndarray, limit: float, in_pixels: bool) -> None:
    """Sizes at the limit to rounding are nobody's."""
    if not in_pixels and (np.abs(size - limit) < 1e-6 * limit).any():
        raise NoOracle


def large(on: Lattice, of: Bounds, least: float, in_pixels: bool, connectivity: int) -> Bounds:
    how = closed(on)
    (selected,) = sure(on, of)
    found, number = components(selected, connectivity, how)
    size = sizes(found, number, how, in_pixels)
    decided(size, least, in_pixels)
    return on_map(on, keep(found, size >= least))


def filled(on: Lattice, of: Bounds, most: float | None, in_pixels: bool, connectivity: int) -> Bounds:
    how = closed(on)
    (selected,) = sure(on, of)
    found, number = components(~selected, connectivity, how)
    hole = np.ones(number, dtype=bool)
    sides = [
        (found[0], how.poles[0]),
        (found[-1], how.poles[1]),
        (found[:, 0], how.seam),
        (found[:, -1], how.seam),
    ]
    for side, no_edge in sides:
        if not no_edge:
            hole[side[side >= 0]] = False
    if most is not None:
        size = sizes(found, number, how, in_pixels)
        decided(size, most, in_pixels)
        hole &= size <= most
    elif how.seam and all(how.poles) and number:
        size = sizes(found, number, how, False)
        size[~np.isin(np.arange(number), found)] = 0.0
        largest = size.max()
        if (np.abs(size - largest) < 1e-6 * largest).sum() > 1:
            raise NoOracle
        hole &= size < largest
    return on_map(on, selected | keep(found, hole))

"""Random maps of data with NaN in them, on the lattice of the map or on another one."""

from __future__ import annotations

import operator

import numpy as np
from astropy.io import fits

import maskexpr as mx

from .connected import reconstructed
from .drawn import Drawn
from .lattice import Lattice, to_pixel, to_sky, wcs_of
from .maps import random_header
from .sphere import Bounds, lonlat, turned

Rng = np.random.Generator
OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Grid:
    """The grid of some data, and which of its pixels holds the centre of a pixel of a map."""

    def __init__(self, header: fits.Header, shift: tuple[int, int] | None) -> None:
        self.header, self.shift = header, shift
        self.wcs = wcs_of(header)
        self.shape = (header["NAXIS2"], header["NAXIS1"])
        self.frame = "galactic" if header["CTYPE1"].startswith("GLON") else "icrs"
        self.geom = mx.WcsGeom.from_header(header)

    def at(self, on: Lattice) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Row and column (0 beyond the data), where these are on the data, and where that is unsure."""
        rows, columns = np.indices(on.shape)
        if self.shift is not None:
            y, x = rows + on.y0 + self.shift[0], columns + on.x0 + self.shift[1]
            unsure = np.zeros(on.shape, dtype=bool)
        else:
            y, x, unsure = self._held(on)
        held = (y >= 0) & (y < self.shape[0]) & (x >= 0) & (x < self.shape[1])
        return np.where(held, y, 0).astype(int), np.where(held, x, 0).astype(int), held, unsure

    def _held(self, on: Lattice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at = lonlat(turned(on.xyz, on.frame, self.frame))
        y, x = to_pixel(self.wcs, *at)
        with np.errstate(invalid="ignore"):
            border = np.maximum(np.abs(y - np.floor(y) - 0.5) < 1e-5, np.abs(x - np.floor(x) - 0.5) < 1e-5)
        # Next to a rim of the sky, or where the sky is shown twice, another pixel may hold the place.
        rim = ~np.isfinite(y)
        for dy, dx in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            rim |= ~np.isfinite(to_sky(self.wcs, np.nan_to_num(y) + dy, np.nan_to_num(x) + dx)[0])
        twice = self.wcs.wcs.ctype[0][-3:] in ("TSC", "CSC", "QSC")
        missing = -9.0 * np.ones(y.shape)
        y, x = (np.where(np.isfinite(each), np.floor(each + 0.5), missing) for each in (y, x))
        return y, x, border | rim | twice


def random_grid(rng: Rng, header: fits.Header) -> Grid:
    """The map's own lattice (the map, a cutout, a padding), or another one."""
    while True:
        if rng.random() < 0.6:
            made = header.copy()
            shift = [int(each) for each in rng.integers(-3, 4, 2)] if rng.random() < 0.6 else [0, 0]
            made["CRPIX1"], made["CRPIX2"] = made["CRPIX1"] + shift[1], made["CRPIX2"] + shift[0]
            for i in (1, 2) if any(shift) else ():
                made[f"NAXIS{i}"] = max(1, made[f"NAXIS{i}"] + int(rng.integers(-4, 5)))
        else:
            made, shift = random_header(rng, 1500), None
        try:
            return Grid(made, None if shift is None else (shift[0], shift[1]))
        except (mx.MaskError, ValueError):
            continue


def _values(rng: Rng, grid: Grid) -> np.ndarray:
    values = np.round(rng.normal(0, 2, grid.shape), 1)
    if rng.random() < 0.5:  # some lumps
        y, x = np.indices(grid.shape)
        values += 4 * np.sin(y / 2.3 + rng.uniform(0, 6)) * np.sin(x / 3.1)
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


def _chosen(grid: Grid, chosen: np.ndarray, outside: bool, on: Lattice) -> Bounds:
    y, x, held, unsure = grid.at(on)
    found = np.where(held, chosen[y, x], outside)
    return Bounds(found & ~unsure, found | unsure)


def threshold(rng: Rng, header: fits.Header) -> Drawn:
    grid = random_grid(rng, header)
    values, op = _values(rng, grid), str(rng.choice(list(OPERATORS)))
    limit, nan, outside = (
        float(rng.choice([-1.0, 0.0, 2.5])),
        bool(rng.random() < 0.5),
        bool(rng.random() < 0.3),
    )
    with np.errstate(invalid="ignore"):
        chosen = np.where(np.isnan(values), nan, OPERATORS[op](values, limit))
    mask = mx.Threshold((values, grid.geom), op, limit, nan=nan, outside=outside)
    return Drawn(mask, _name("threshold", grid), lambda on, plane: _chosen(grid, chosen, outside, on))


def raster(rng: Rng, header: fits.Header) -> Drawn:
    grid = random_grid(rng, header)
    chosen = rng.random(grid.shape) < rng.choice([0.02, 0.5, 0.98, 1.0])
    outside = bool(rng.random() < 0.3)
    mask = mx.Raster((chosen, grid.geom), outside=outside)
    return Drawn(mask, _name("raster", grid), lambda on, plane: _chosen(grid, chosen, outside, on))


def hysteresis(rng: Rng, header: fits.Header) -> Drawn:
    grid = random_grid(rng, header)
    values, nan, outside = _values(rng, grid), bool(rng.random() < 0.3), bool(rng.random() < 0.2)
    low, high = sorted(rng.choice([-1.0, 0.0, 1.5, 3.0], 2).tolist())
    connectivity = int(rng.choice([4, 8]))
    with np.errstate(invalid="ignore"):
        above = [np.where(np.isnan(values), nan, values > limit) for limit in (low, high)]
    mask = mx.Hysteresis((values, grid.geom), low, high, connectivity, nan=nan, outside=outside)

    def answer(on: Lattice, plane: int) -> Bounds:
        weak, strong = (_chosen(grid, each, outside, on) for each in above)
        return reconstructed(on, weak, strong, connectivity)

    return Drawn(mask, _name("hysteresis", grid), answer)


def _name(node: str, grid: Grid) -> str:
    return f"{node} ({'other' if grid.shift is None else 'same'} grid)"

"""Every pixel that can have a say on a map: those on it, and those beyond it that regions grow from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from .sphere import TIE, chord, lonlat, turned, unit

LARGEST = 120_000
# Projections whose image of the sky has no end, or ends where their parameters say.
ENDLESS = frozenset({"AZP", "SZP", "TAN", "STG", "AIR", "MER", "COP", "COO"})

CUBES = frozenset({"TSC", "CSC", "QSC"})


class TooLarge(Exception):
    """The pixels beyond the map that have a say are too many, or not known."""


@dataclass(frozen=True)
class Lattice:
    """A window of pixel indices, from row y0 and column x0 on, that holds a map of shape (ny, nx) and all
    pixels of the sky within `reach` (radians) of it.
    """

    wcs: WCS
    frame: str
    map_shape: tuple[int, int]
    y0: int
    x0: int
    shape: tuple[int, int]
    _turned: dict = field(default_factory=dict, repr=False)

    @property
    def code(self) -> str:
        return self.wcs.wcs.ctype[0][-3:]

    @cached_property
    def lonlat(self) -> tuple[np.ndarray, np.ndarray]:
        y, x = np.mgrid[self.y0 : self.y0 + self.shape[0], self.x0 : self.x0 + self.shape[1]]
        return to_sky(self.wcs, y, x)

    @cached_property
    def on_sky(self) -> np.ndarray:
        return np.isfinite(self.lonlat[0]) & np.isfinite(self.lonlat[1])

    @cached_property
    def xyz(self) -> np.ndarray:
        return np.where(self.on_sky, unit(*self.lonlat), np.nan)

    @cached_property
    def own(self) -> np.ndarray:
        """Pixels that the way back from the sky leads to; others show sky that another pixel shows too."""
        y, x = to_pixel(self.wcs, *self.lonlat)
        rows, columns = np.indices(self.shape)
        with np.errstate(invalid="ignore"):
            return (np.abs(y - rows - self.y0) < 0.01) & (np.abs(x - columns - self.x0) < 0.01)

    @cached_property
    def is_map(self) -> np.ndarray:
        out = np.zeros(self.shape, dtype=bool)
        out[self.here] = True
        return out

    @property
    def here(self) -> tuple[slice, slice]:
        return (
            slice(-self.y0, self.map_shape[0] - self.y0),
            slice(-self.x0, self.map_shape[1] - self.x0),
        )

    def vectors(self, frame: str) -> np.ndarray:
        if frame not in self._turned:
            self._turned[frame] = turned(self.xyz, self.frame, frame)
        return self._turned[frame]


def to_sky(wcs: WCS, y, x) -> tuple[np.ndarray, np.ndarray]:
    shape = np.shape(y)
    # The point added shares no coordinate with the others, which would change the last bits (see wcslib).
    points = np.stack([np.ravel(x), np.ravel(y)], axis=1).astype(float)
    extra = points[:1] * 0.5 + [[0.75, 0.25]]
    world = wcs.wcs.p2s(np.concatenate([points, extra]), 0)["world"][:-1]
    return world[:, 0].reshape(shape), world[:, 1].reshape(shape)


def to_pixel(wcs: WCS, lon, lat) -> tuple[np.ndarray, np.ndarray]:
    shape, good = np.shape(lon), np.isfinite(np.ravel(lon)) & np.isfinite(np.ravel(lat))
    out = np.full((good.size, 2), np.nan)
    if good.any():
        world = np.stack([np.ravel(lon)[good], np.ravel(lat)[good]], axis=1)
        out[good] = wcs.wcs.s2p(np.concatenate([world, world[:1] * 0.5 + 0.3]), 0)["pixcrd"][:-1]
        back = unit(*to_sky(wcs, out[:, 1], out[:, 0]))
        with np.errstate(invalid="ignore"):
            away = ~(np.linalg.norm(back - unit(np.ravel(lon), np.ravel(lat)), axis=0) < 1e-3)
        out[away] = np.nan
    return out[:, 1].reshape(shape), out[:, 0].reshape(shape)


def wcs_of(header: fits.Header) -> WCS:
    wcs = WCS(header)
    wcs.wcs.set()
    return wcs


def lattice_of(header: fits.Header, reach: float) -> Lattice:
    """The lattice of a map for masks that reach so far (radians).

    Raises
    ------
    TooLarge
        If the oracle cannot say which pixels have a say.
    """
    wcs, ny, nx = wcs_of(header), header["NAXIS2"], header["NAXIS1"]
    frame = "galactic" if header["CTYPE1"].startswith("GLON") else "icrs"
    bare = Lattice(wcs, frame, (ny, nx), 0, 0, (ny, nx))
    if reach == 0:
        return bare
    window = whole_sky(wcs, (ny, nx))
    if window is not None:
        y0, y1, x0, x1 = window
        return Lattice(wcs, frame, (ny, nx), y0, x0, (y1 - y0, x1 - x0))
    return _round_the_map(bare, reach)


def whole_sky(wcs: WCS, map_shape: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Window that holds a map and the images of points all over the sky, two pixels to spare; None if these
    pixels are too many.
    """
    if wcs.wcs.ctype[0][-3:] in ENDLESS:
        return None
    y0, y1, x0, x1 = _images(wcs)
    y0, y1, x0, x1 = min(y0, 0), max(y1, map_shape[0]), min(x0, 0), max(x1, map_shape[1])
    return (y0, y1, x0, x1) if (y1 - y0) * (x1 - x0) <= LARGEST else None


def _images(wcs: WCS) -> tuple[int, int, int, int]:
    lat = np.degrees(np.arcsin(np.linspace(-1, 1, 91)))
    lon, lat = np.meshgrid(np.linspace(0, 360, 241), np.concatenate([lat, [-89.99, 89.99]]))
    y, x = to_pixel(wcs, lon, lat)
    if wcs.wcs.ctype[0][-3:] in CUBES:  # wcslib's plane shows the side faces to the west and to the east
        turn = np.linalg.solve(wcs.pixel_scale_matrix, [360.0, 0.0])
        x, y = (
            each + step * np.array([-1, 0, 1]).reshape(3, 1, 1)
            for each, step in zip((x, y), turn, strict=True)
        )
    low, high = [np.floor(np.nanmin(each)) for each in (y, x)], [np.ceil(np.nanmax(each)) for each in (y, x)]
    spare = [2 + int(0.01 * (b - a)) for a, b in zip(low, high, strict=True)]
    return (
        int(low[0]) - spare[0],
        int(high[0]) + spare[0] + 1,
        int(low[1]) - spare[1],
        int(high[1]) + spare[1] + 1,
    )


def _round_the_map(bare: Lattice, reach: float) -> Lattice:
    """The map with a margin that no reach gets over; there must be no rim of the sky in it, beyond which the
    lattice may go on elsewhere.
    """
    from scipy.spatial import cKDTree

    ny, nx = bare.map_shape
    scales = np.sqrt((bare.wcs.pixel_scale_matrix**2).sum(axis=0))
    margin = [int(1.3 * np.degrees(reach) / scale) + 4 for scale in scales[::-1]]
    for _ in range(3):
        shape = (ny + 2 * margin[0], nx + 2 * margin[1])
        if shape[0] * shape[1] > LARGEST:
            raise TooLarge
        wide = Lattice(bare.wcs, bare.frame, bare.map_shape, -margin[0], -margin[1], shape)
        if not wide.on_sky.all() or not wide.own.all():
            raise TooLarge
        rim = np.ones(shape, dtype=bool)
        rim[2:-2, 2:-2] = False
        tree = cKDTree(wide.xyz[:, wide.is_map].T)
        if tree.query(wide.xyz[:, rim].T)[0].min() > chord(reach + TIE) + 1e-6 and not _jumps(wide):
            return wide
        margin = [2 * each for each in margin]
    raise TooLarge


def _jumps(wide: Lattice) -> bool:
    """Whether neighbours on the lattice are ever far apart on the sky, as they are at a seam."""
    steps = [np.linalg.norm(np.diff(wide.xyz, axis=axis), axis=0) for axis in (1, 2)]
    return any(each.size and each.max() > 20 * np.median(each) + 1e-12 for each in steps)


@lru_cache(maxsize=8)
def lattice_cached(text: str, reach: float) -> Lattice:
    return lattice_of(fits.Header.fromstring(text, sep="\n"), reach)


def sky_of(lattice: Lattice, frame: str) -> tuple[np.ndarray, np.ndarray]:
    return lonlat(lattice.vectors(frame))

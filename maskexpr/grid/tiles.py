"""Areas of the sky in batches: tiles of a grid with the caps that bound them.

Everything that classifies works on batches, because one numpy call over a thousand tiles costs little more
than over one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Ints
from ..core.coverage import FULL, MIXED
from ..core.once import once
from ..pixels.window import Window, cut
from ..sphere.vectors import Caps
from .lattice import OFF, ON, PART, Grid
from .points import Pixels
from .sky_rows import SkyRows, sky_by_rows

__all__ = [
    "OFF",
    "ON",
    "PART",
    "Areas",
    "Tile",
    "Tiles",
    "block_pixels",
    "expand_blocks",
    "grid_tiles",
    "refine",
]

# What may be known of windows, whichever plane they are on.
_KNOWN = ("_measured", "sky", "caps")
# Radians to which angles that areas grow by are rounded up.
_STEP = 2.0**-44
# Sides of the blocks by which the rim of the sky is found, each a multiple of the next.
_SKY_SIDES = (256, 64, 16)
# A long tile is looked at in so many parts at most.
_PARTS = 16
# Pixels asked in one call: bounds memory, and keeps the working arrays in the cache.
_BATCH = 1 << 17


class Areas:
    """n areas of the sky, each inside a cap.

    Parameters
    ----------
    geom : Grid
        Gives the frame and the axes.
    caps : Caps
        Bounds in the frame of ``geom``.
    plane : tuple of int
        Index of the plane along each non-spatial axis, or empty.
    """

    caps: Caps

    def __init__(self, geom: Grid, caps: Caps, plane: tuple[int, ...] = ()) -> None:
        self.geom = geom
        self.plane = plane
        self.caps = caps

    def __len__(self) -> int:
        return len(self.caps.radius)

    @property
    def frame(self) -> str:
        """Frame of the caps."""
        return self.geom.frame

    def grow(self, angle: float) -> Areas:
        """Everything within an angle (radians) of the areas.

        What is grown in several steps is one object for the same sum of angles, so that what is known of it
        is found again by whatever way it is reached.
        """
        origin, before = self._grown_from
        # Rounded up: sums in another order are equal.
        total = math.ceil((before + angle) / _STEP) * _STEP
        if total not in origin._grown:
            areas = Areas(origin.geom, origin.caps.grow(total), origin.plane)
            areas.__dict__["_grown_from"] = (origin, total)
            origin._grown[total] = areas
        return origin._grown[total]

    @once
    def _grown_from(self) -> tuple[Areas, float]:
        return self, 0.0

    @once
    def _grown(self) -> dict[float, Areas]:
        return {}


class Tiles(Areas):
    """n windows of pixels of one plane of a geometry; they may reach beyond the map, on its lattice.

    Parameters
    ----------
    geom : Grid
        The geometry.
    bounds : ndarray of int64, shape (4, n)
        ``y0, y1, x0, x1`` of each window, half open.
    plane : tuple of int
        Index of the plane along each non-spatial axis.
    known : mapping, optional
        What is known of the windows already, by the names in `_KNOWN`.
    """

    def __init__(
        self,
        geom: Grid,
        bounds: Ints,
        plane: tuple[int, ...] = (),
        known: Mapping[str, Any] | None = None,
    ) -> None:
        self.geom = geom
        self.bounds = bounds
        self.plane = plane
        self.__dict__.update(known or {})

    def __len__(self) -> int:
        return int(self.bounds.shape[1])

    @once
    def _measured(self) -> Any:
        return self.geom.measure(self.bounds)

    @once
    def sky(self) -> NDArray[np.uint8]:
        """``OFF``, ``PART`` or ``ON`` for each window."""
        if self.geom.is_on_sky(self.bounds):
            return np.full(len(self), ON, dtype=np.uint8)
        return self.geom.sky(self.bounds, self._measured)

    @once
    def caps(self) -> Caps:
        """Caps that hold all pixel centres."""
        found = self.geom.caps(self.bounds, self._measured, self.sky)
        # Some hundred bytes a window that nobody needs any more.
        self.__dict__.pop("_measured", None)
        return found

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Tiles:
        """The windows at an index, with what is known of them."""
        known = self._known()
        if known.get("_measured") is not None:
            known["_measured"] = self._measured[..., index]
        if "sky" in known:
            known["sky"] = self.sky[index]
        if "caps" in known:
            known["caps"] = self.caps.take(index)
        return Tiles(self.geom, self.bounds[:, index], self.plane, known)

    def on_plane(self, plane: tuple[int, ...]) -> Tiles:
        """The same windows on another plane, with what is known of them."""
        return self if plane == self.plane else Tiles(self.geom, self.bounds, plane, self._known())

    @staticmethod
    def together(parts: Sequence[Tiles]) -> Tiles:
        """The windows of several batches of a plane, at least one, with what is known of them all."""
        if len(parts) == 1:
            return parts[0]
        each = [part._known() for part in parts]
        known: dict[str, Any] = {}
        for name in set.intersection(*map(set, each)):
            values = [one[name] for one in each]
            if name == "caps":
                known[name] = Caps(*(np.concatenate(some, axis=-1) for some in zip(*values, strict=True)))
            elif all(value is not None for value in values):
                known[name] = np.concatenate(values, axis=-1)
        bounds = np.concatenate([part.bounds for part in parts], axis=1)
        return Tiles(parts[0].geom, bounds, parts[0].plane, known)

    def _known(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in _KNOWN if name in self.__dict__}

    def moved(self, bounds: Ints) -> Tiles:
        """Other windows of the plane; one object for equal bounds, by whatever steps they are reached, so
        that what is known of them is found again.
        """
        family: dict[bytes, Tiles] = self._family
        key = blake2b(bounds.tobytes(), digest_size=16).digest()
        if key not in family:
            family[key] = Tiles(self.geom, bounds, self.plane)
            family[key].__dict__["_family"] = family
        return family[key]

    @once
    def _family(self) -> dict[bytes, Tiles]:
        return {}

    def split(self, side: int) -> tuple[Tiles, NDArray[np.intp]]:
        """Cut every window into blocks of at most ``side`` x ``side`` pixels from its first corner.

        Returns
        -------
        blocks : Tiles
        parent : ndarray of int
            The window that each block was cut from.
        """
        bounds, parent = cut(self.bounds, side)
        return Tiles(self.geom, bounds, self.plane), parent

    def tile(self, i: int) -> Tile:
        """The i-th window as a tile, with what is known of it."""
        known = {"tiles": self.take(np.array([i]))} if self._known() else None
        return Tile(self.geom, Window(*(int(v) for v in self.bounds[:, i])), self.plane, known)


@dataclass(frozen=True, eq=False)
class Tile:
    """One window of pixels of one plane of a geometry; it may reach beyond the map, on its lattice.

    ``known`` is what is known of it already, by the names of the attributes that are made once.
    """

    geom: Grid
    window: Window
    plane: tuple[int, ...] = ()
    known: InitVar[Mapping[str, Any] | None] = None

    def __post_init__(self, known: Mapping[str, Any] | None) -> None:
        self.__dict__.update(known or {})

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.window.shape

    @property
    def key(self) -> tuple[int, ...]:
        """What tells this tile from others of the same geometry."""
        return (*self.window, *self.plane)

    @once
    def tiles(self) -> Tiles:
        """The tile as a batch of one."""
        return Tiles(self.geom, np.array(self.window, dtype=np.int64)[:, None], self.plane)

    @once
    def squares(self) -> Tiles:
        """The tile in some parts that are about as wide as high, which caps hold much more tightly than a
        long strip; the tile itself where it is no strip.
        """
        short, long = sorted(self.shape)
        if long < 2 * short:
            return self.tiles
        return self.tiles.split(max(short, -(-long // _PARTS)))[0]

    @once
    def on_sky(self) -> NDArray[np.bool_] | None:
        """Which pixels are on the sky, shape (ny, nx); None where all are."""
        state = self.tiles.sky[0]
        if state == ON:
            return None
        if state == OFF:
            return np.zeros(self.shape, dtype=bool)
        known = self.geom.on_sky(self.window)
        if known is not None:
            return known
        if not self.geom.convex_sky:
            return np.isfinite(self.lonlat[0])
        if self._sky_rows is not None:
            return self._sky_rows.values()
        # What is known of the sky is a coverage: OFF is EMPTY, PART is MIXED, ON is FULL.
        return refine(
            self,
            _SKY_SIDES,
            lambda blocks: blocks.sky,
            lambda y, x: np.isfinite(self.geom.lonlat(y, x)[0]),
        )

    @once
    def _sky_rows(self) -> SkyRows | None:
        """What is on the sky by rows, of a part of a convex sky, if that is known."""
        known = self.tiles.sky[0] != PART or not self.geom.convex_sky
        return None if known else sky_by_rows(self.geom, self.window)

    def clear_off_sky(self, out: NDArray[np.bool_]) -> None:
        """Unselect the pixels that are off the sky, in a part of a C-contiguous array, shape (ny, nx)."""
        if "on_sky" not in self.__dict__ and self._sky_rows is not None:
            self._sky_rows.clear(out)
        elif self.on_sky is not None:
            out &= self.on_sky

    @once
    def lonlat(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude in degrees of all pixel centres, shape (ny, nx)."""
        y0, y1, x0, x1 = self.window
        return self.geom.lonlat(np.arange(y0, y1)[:, None], np.arange(x0, x1)[None, :])

    def pixels(self, y: Ints, x: Ints) -> Pixels:
        """Pixels at absolute indices, as points."""
        return Pixels(self.geom, y, x, self.plane)

    def all_pixels(self) -> Pixels:
        """Every pixel of the tile as a flat list of points, row after row."""
        y0, y1, x0, x1 = self.window
        y, x = np.mgrid[y0:y1, x0:x1]
        return self.pixels(y.ravel(), x.ravel())

    def on(self, window: Window) -> Tile:
        """Another window of the same plane."""
        return Tile(self.geom, window, self.plane)

    def on_plane(self, plane: tuple[int, ...]) -> Tile:
        """The same window on another plane, with what is known of it."""
        done = self.__dict__
        known: dict[str, Any] = {name: done[name] for name in ("on_sky", "lonlat") if name in done}
        if "tiles" in done:
            known["tiles"] = self.tiles.on_plane(plane)
        return Tile(self.geom, self.window, plane, known)


def grid_tiles(
    geom: Grid, rows: tuple[int, ...], columns: tuple[int, ...], plane: tuple[int, ...] = ()
) -> Tiles:
    """The tiles of a whole map, row after row, from the chunk sizes along y and x."""
    y1 = np.cumsum(np.array(rows, dtype=np.int64))
    x1 = np.cumsum(np.array(columns, dtype=np.int64))
    top, left = np.broadcast_arrays((y1 - rows)[:, None], (x1 - columns)[None, :])
    bottom, right = np.broadcast_arrays(y1[:, None], x1[None, :])
    return Tiles(geom, np.stack([each.ravel() for each in (top, bottom, left, right)]), plane)


def refine(
    tile: Tile,
    sides: tuple[int, ...],
    cover: Callable[[Tiles], NDArray[np.uint8]],
    ask: Callable[[Ints, Ints], NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """Values of a tile's pixels, shape (ny, nx), from the coverage of ever smaller blocks, down to pixels.

    Parameters
    ----------
    sides : tuple of int
        Sides of the blocks, each a multiple of the next.
    cover : callable
        Coverage of blocks.
    ask : callable
        Values of pixels, from their rows and columns.
    """
    (height, width), smallest = tile.shape, sides[-1]
    # One entry per smallest block: whether it is full.
    full = np.zeros((-(-height // smallest), -(-width // smallest)), dtype=bool)
    blocks = tile.tiles
    for side in sides:
        if side > smallest and side >= max(height, width):
            continue
        blocks, _ = blocks.split(side)
        state = cover(blocks)
        decided = np.zeros((-(-height // side), -(-width // side)), dtype=bool)
        y, x = blocks.bounds[::2, state == FULL]
        decided[(y - tile.window.y0) // side, (x - tile.window.x0) // side] = True
        full |= expand_blocks(decided, side // smallest, full.shape)
        blocks = blocks.take(state == MIXED)
    out = expand_blocks(full, smallest, tile.shape)
    per_call = _BATCH // smallest**2
    for first in range(0, len(blocks), per_call):
        y, x = block_pixels(blocks.take(np.arange(first, min(first + per_call, len(blocks)))), smallest)
        out[y - tile.window.y0, x - tile.window.x0] = ask(y, x)
    return out


def block_pixels(blocks: Tiles, side: int) -> tuple[Ints, Ints]:
    """Rows and columns of all pixels of blocks of at most a side."""
    offset_y, offset_x = (each.ravel() for each in np.mgrid[:side, :side])
    y0, y1, x0, x1 = blocks.bounds[:, :, None]
    y, x = y0 + offset_y, x0 + offset_x
    inside = (y < y1) & (x < x1)
    return y[inside], x[inside]


def expand_blocks(state: NDArray[np.bool_], smallest: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """One entry per smallest block spread over its pixels."""
    return np.repeat(np.repeat(state, smallest, axis=0), smallest, axis=1)[: shape[0], : shape[1]]

"""Grids of HEALPix cells in nested order, on the whole sky or a part of it; the door is `HpxGeom`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, ClassVar, Self

import astropy.units as u
import dask.array as da
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import xarray as xr
from astropy.coordinates import SkyCoord
from numpy.typing import ArrayLike, NDArray
from xarray.indexes import PandasIndex

from ...core.arrays import Bools, Floats, Ints
from ...core.calls import told_class, told_methods, told_names
from ...core.errors import GeometryError, MaskTypeError, MaskValueError
from ...core.names import described
from ...grid.meant import MEANT
from ...pixels.window import Window
from ...sphere.angles import bare_degrees
from ...sphere.positions import positions_of
from ...sphere.vectors import Caps, degrees_of, rotation
from ..axis import Axis, axes_text, checked_axes
from ..held import HeldGrid
from ..lattice import OFF, ON, EvenRings, Grid, Rim, Topology
from ..layout import Layout
from ..rings import Rings
from .cells import caps as cell_caps
from .extent import covers_of, extent_of
from .faces import MAX_ORDER, SQUARES, check_order, number_of
from .gammapy import from_gammapy, to_gammapy
from .layout import Parents, parent_order
from .mocs import moc_cells
from .rim import rim_of, sides_of
from .sets import CellSet
from .staircase import (
    caps_of,
    cells_at,
    cells_in,
    even_rings_of,
    index_of,
    lonlat_at,
    lonlat_beside,
    on_sky,
    pixel_of,
    rings_in,
    sky_of,
    vectors_at,
)

__all__ = ["HpxGeom"]

__doctest_requires__ = {("HpxGeom.from_gammapy", "HpxGeom.to_gammapy"): ["gammapy.maps"]}


# Caps that hold a map, at most.
_CAPS = 64
_DIM = "cells"
_IDS = "cell_ids"
_TAKEN = (_DIM, _IDS)


@told_class
@told_methods
@told_names("an HpxGeom", MEANT)
class HpxGeom(HeldGrid):
    """A grid of HEALPix cells in nested order, on the whole sky or on some cells, and bins of axes.

    Instances are immutable, hashable and picklable. Arrays on it have one dimension, ``cells``, in ascending
    order of the cells' numbers, which are its coordinate ``cell_ids``. RING is a layout of files and no grid.

    Parameters
    ----------
    order : int, optional
        Order of the cells, 0 to 29; give this or ``nside``.
    nside : int, optional
        ``2**order``.
    frame : str
        Frame of the cells: any that is a rotation of ICRS.
    cells : array_like of int or Moc, optional
        The cells of the map if they are not all: numbers of shape (n,), half-open ranges of them of shape
        (n, 2), in any order, or a `Moc` of at most this order, which is in ICRS.
    axes : sequence of Axis
        Non-spatial axes in the order of the array's dimensions (the outermost first).

    Raises
    ------
    MaskValueError
        For an order or cells that are not there.
    GeometryError
        For another frame, or a Moc on a grid that is not in ICRS.
    AxisError
        For axes of one name.

    Examples
    --------
    >>> HpxGeom(order=10)
    HpxGeom(order 10 icrs, all 12582912 cells of 3.44 arcmin)
    >>> HpxGeom(nside=2, cells=[[0, 4], [40, 48]]).shape
    (12,)
    """

    __slots__ = ("_cells", "_frame")
    _called = "an HpxGeom"

    dims: ClassVar[tuple[str, ...]] = (_DIM,)

    _cells: CellSet
    _frame: str

    def __init__(
        self,
        order: int | None = None,
        nside: int | None = None,
        frame: str = "icrs",
        cells: Any = None,
        axes: Iterable[Axis] = (),
    ) -> None:
        order = _order(order, nside)
        rotation(frame, "icrs")
        if cells is None:
            held = CellSet.whole(order)
        else:
            if moc_cells(cells) is not None and frame != "icrs":
                raise GeometryError(
                    f"the cells of a Moc are in ICRS, the grid is in {frame!r}: "
                    "take HpxGeom.from_mask(moc, order, frame=...), the cells whose centres are in it"
                )
            held = CellSet.of(order, cells)
        self._set(held, frame, axes)

    def _set(self, cells: CellSet, frame: str, axes: Iterable[Axis]) -> None:
        held = (("_cells", cells), ("_frame", frame), ("_axes", checked_axes(axes, _TAKEN)))
        for slot, value in held:
            object.__setattr__(self, slot, value)

    @classmethod
    def _of(cls, order: int, ranges: Ints | None, frame: str, axes: Iterable[Axis]) -> Self:
        geom = cls.__new__(cls)
        geom._set(CellSet.whole(order) if ranges is None else CellSet(order, ranges), frame, axes)
        return geom

    @classmethod
    def allsky(
        cls,
        order: int | None = None,
        nside: int | None = None,
        frame: str = "icrs",
        axes: Iterable[Axis] = (),
    ) -> HpxGeom:
        """All cells of an order.

        Examples
        --------
        >>> HpxGeom.allsky(order=3).shape
        (768,)
        """
        return cls(order, nside, frame, None, axes)

    # ---- what it is

    @property
    def order(self) -> int:
        """Order of the cells."""
        return self._cells.order

    @property
    def nside(self) -> int:
        """``2**order``."""
        return 1 << self.order

    @property
    def frame(self) -> str:
        return self._frame

    @property
    def cells(self) -> CellSet:
        """The cells of the map."""
        return self._cells

    @property
    def ranges(self) -> Ints:
        """The cells as half-open ranges of nested numbers, ascending, shape (n, 2)."""
        return self._cells.ranges

    @property
    def is_allsky(self) -> bool:
        """Whether it has all cells."""
        return self._cells.is_whole

    @property
    def kind(self) -> str:
        return f"HEALPix order {self.order} {self.frame}"

    @property
    def image_shape(self) -> tuple[int, int]:
        """Rows and columns of the staircase of faces, on which cells are laid out."""
        return SQUARES * self.nside, SQUARES * self.nside

    @property
    def array_shape(self) -> tuple[int, ...]:
        return (self._cells.number,)

    @property
    def pixel_scales(self) -> u.Quantity:
        return np.full(2, np.degrees(np.sqrt(self.largest_pixel))) * u.deg

    @property
    def fingerprint(self) -> str:
        edges = [(axis.name, axis.edges.value.tolist(), str(axis.unit)) for axis in self._axes]
        text = repr(("healpix", self.order, self._frame, edges)).encode()
        return blake2b(text + self.ranges.tobytes(), digest_size=16).hexdigest()

    def to_image(self) -> Self:
        return self._of(self.order, self.ranges, self._frame, ())

    def to_cube(self, axes: Iterable[Axis]) -> HpxGeom:
        """The geometry with more axes, put before those that it has.

        Examples
        --------
        >>> HpxGeom(order=0).to_cube([Axis("energy", [1, 10, 100] * u.TeV)]).shape
        (2, 12)
        """
        axes = (*checked_axes(axes, _TAKEN), *self._axes)
        return HpxGeom._of(self.order, self.ranges, self._frame, axes)

    @classmethod
    def from_mask(cls, mask: Any, order: int, frame: str = "icrs", axes: Iterable[Axis] = ()) -> HpxGeom:
        """The cells of an order whose centres a mask selects.

        Parameters
        ----------
        mask : Mask
            Without axes of its own.
        order, frame, axes
            As of `HpxGeom`.

        Raises
        ------
        MaskValueError
            If the mask selects none.

        Examples
        --------
        >>> import maskexpr as mx
        >>> mx.HpxGeom.from_mask(mx.Band(lat=("80 deg", "90 deg")), order=3).shape
        (4,)
        """
        whole = cls(order, frame=frame)
        if not hasattr(mask, "plan"):
            raise MaskTypeError(f"from_mask takes a mask, got {described(mask)}")
        held = CellSet.of(whole.order, mask._cells_in(whole))
        return cls._of(held.order, held.ranges, frame, axes)

    @classmethod
    def from_gammapy(cls, geom: Any) -> HpxGeom:
        """The grid of a gammapy ``HpxGeom``; of one in RING order the same cells in nested order.

        Raises
        ------
        GeometryError
            If it is none, or has cells of several sizes.

        Examples
        --------
        >>> from gammapy.maps import HpxGeom as Theirs
        >>> HpxGeom.from_gammapy(Theirs(nside=4, nest=True, frame="galactic"))
        HpxGeom(order 2 galactic, all 192 cells of 14.7 deg)
        """
        cells, frame, axes = from_gammapy(geom)
        return cls._of(cells.order, cells.ranges, frame, axes)

    def to_gammapy(self) -> Any:
        """The same grid as a gammapy ``HpxGeom``, nested.

        Examples
        --------
        >>> int(HpxGeom(order=2).to_gammapy().nside[0])
        4
        """
        return to_gammapy(self._cells, self._frame, self._axes)

    # ---- where its cells are

    def contains(self, positions: SkyCoord) -> Bools:
        """Whether the cell that holds each position is on the map.

        Examples
        --------
        >>> HpxGeom(order=0, cells=[0]).contains(SkyCoord([45, 45], [45, -45], unit="deg")).tolist()
        [True, False]
        """
        return np.asarray(self.array_index(*degrees_of(positions_of(positions), self.frame))[0] >= 0)

    def solid_angle(self) -> xr.DataArray:
        """Lazy solid angles of the cells in sr, dim ``("cells",)``: of all the same.

        Examples
        --------
        >>> float(HpxGeom(order=2).solid_angle().sum() / np.pi)
        4.0
        """
        sizes = self.layout().sizes
        array = da.full(self.array_shape, self.largest_pixel, chunks=sizes)  # type: ignore[no-untyped-call]
        return xr.DataArray(array, self.coordinates(), self.dims, "solid_angle", {"units": "sr"})

    @property
    def lattice(self) -> Window:
        ny, nx = self.image_shape
        return Window(0, ny, 0, nx)

    def lonlat(self, y: ArrayLike, x: ArrayLike) -> tuple[Floats, Floats]:
        return lonlat_at(self.order, y, x)

    def vectors(self, y: ArrayLike, x: ArrayLike) -> Floats:
        return vectors_at(self.order, y, x)

    def beside(self, y: Ints, x: Ints, down: Floats, right: Floats) -> tuple[Floats, Floats]:
        return lonlat_beside(self.order, y, x, down, right)

    def pixel(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        return pixel_of(self.order, bare_degrees(lon, "lon"), bare_degrees(lat, "lat"))

    def array_index(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Ints, Ints]:
        """The row and column on the staircase of the cell that holds each position (degrees, or angles with a
        unit); -1 where the map lacks it.
        """
        y, x = index_of(self.order, bare_degrees(lon, "lon"), bare_degrees(lat, "lat"))
        if not self.is_allsky:
            held = self.on_map(y, x)
            y, x = np.where(held, y, -1), np.where(held, x, -1)
        return y, x

    def solid_angles(self, y: Ints, x: Ints) -> Floats:
        held = self._cells.holds(cells_at(self.order, np.asarray(y)[:, None], np.asarray(x)[None, :]))
        return np.where(held, self.largest_pixel, np.nan)

    def solid_angle_of(self, window: Window) -> Floats:
        return np.where(self._held(window), self.largest_pixel, np.nan)

    @property
    def largest_pixel(self) -> float:
        return 4 * np.pi / number_of(self.order)

    @property
    def smooth(self) -> bool:
        return True

    @property
    def repeats(self) -> bool:
        return False

    @property
    def hidden_by(self) -> int:
        # The Voronoi neighbours of a cell's centre are among the cells that touch it: by hulls of all cells
        # to order 5, and of cells beside the seams of faces to order 13, beyond which shapes hardly change.
        return 1

    def sky(self, bounds: Ints, measured: Any) -> NDArray[np.uint8]:
        return sky_of(self.order, bounds)

    def caps(self, bounds: Ints, measured: Any, sky: NDArray[np.uint8]) -> Caps:
        return caps_of(self.order, bounds)

    def on_sky(self, window: Window) -> Bools:
        return on_sky(self.order, window)

    @property
    def even_rings(self) -> EvenRings:
        return even_rings_of(self.order)

    def rings(self, window: Window) -> Rings:
        return rings_in(self.order, window)

    def offset_in(self, other: Grid) -> tuple[int, int] | None:
        same = isinstance(other, HpxGeom) and (self.order, self.frame) == (other.order, other.frame)
        return (0, 0) if same else None

    # ---- what of the lattice is the map, and how it ends

    def on_map(self, y: Ints, x: Ints) -> Bools:
        return self._cells.holds(cells_at(self.order, y, x))

    def map_in(self, window: Window) -> Bools | None:
        return None if self.is_allsky else self._held(window)

    def _held(self, window: Window) -> Bools:
        if self.is_allsky:
            return on_sky(self.order, window)
        return self._cells.holds(cells_in(self.order, window))

    def covers(self, bounds: Ints) -> NDArray[np.uint8]:
        if self.is_allsky:
            return np.where(self.sky(bounds, None) == OFF, OFF, ON).astype(np.uint8)
        return covers_of(self._cells, bounds)

    def topology(self) -> Topology:
        return Topology(extent_of(self._cells), False, (False, False), (False,) * 4, True, self.is_allsky)

    def edge_sides(self) -> tuple[Ints, Ints, Ints, Ints]:
        return sides_of(self._cells)

    def rim(self, window: Window, corners: bool) -> Rim:
        return rim_of(self._cells, window, corners)

    # ---- how its arrays lie

    def layout(self, chunks: Any = "auto") -> Layout:
        return Parents(self._cells, parent_order(self._cells, chunks))

    def places(self, y: Ints, x: Ints) -> tuple[Ints, ...]:
        return (self._cells.positions(cells_at(self.order, y, x)),)

    def extent(self) -> Caps:
        """Caps round parent cells that hold the map."""
        levels = 0
        while self._cells.parents(levels).number > _CAPS:
            levels += 1
        held = self._cells.parents(levels)
        return cell_caps(held.order, held.ids(0, held.number))

    def coordinates(self) -> xr.Coordinates:
        """The coordinate ``cell_ids``, of the whole sky a range, with the attributes that xdggs reads."""
        return _coordinates(self._cells)

    def to_attrs(self) -> dict[str, str]:
        """Order and frame, and the axes, as JSON; the fingerprint. Which cells there are ``cell_ids`` say."""
        return {
            "healpix": json.dumps({"order": self.order, "frame": self.frame}),
            "axes": axes_text(self._axes),
            "fingerprint": self.fingerprint,
        }

    def to_text(self) -> str:
        """Order, frame and, if they are not all, ranges of cells as JSON, which `from_text` reads; without
        axes.

        Examples
        --------
        >>> HpxGeom(order=1, cells=[3, 4]).to_text()
        '{"order": 1, "frame": "icrs", "cells": [[3, 5]]}'
        """
        cells = {} if self.is_allsky else {"cells": self.ranges.tolist()}
        return json.dumps({"order": self.order, "frame": self.frame, **cells})

    @classmethod
    def from_text(cls, text: str, axes: Iterable[Axis] = ()) -> HpxGeom:
        """The geometry of a text that `to_text` made, with axes.

        Raises
        ------
        GeometryError
            If the text cannot be read.

        Examples
        --------
        >>> HpxGeom.from_text('{"order": 1, "frame": "icrs", "cells": [[3, 5]]}').shape
        (2,)
        """
        if not isinstance(text, str):
            raise MaskTypeError(f"from_text takes the text that to_text made, got {described(text)}")
        try:
            fields = json.loads(text)
            if not isinstance(fields, dict) or not {"order", "frame"} <= set(fields):
                raise ValueError("it lacks the order or the frame")
        except ValueError as err:
            raise GeometryError(f"the text {text!r} is none of an HpxGeom: {err}") from err
        return cls(fields["order"], frame=fields["frame"], cells=fields.get("cells"), axes=axes)

    # ---- an object of Python

    def __reduce__(self) -> tuple[Any, ...]:
        ranges = None if self.is_allsky else np.asarray(self.ranges)
        return type(self)._of, (self.order, ranges, self._frame, self._axes)

    def _facts(self) -> list[tuple[str, str]]:
        size = u.Quantity(self.pixel_scales[0])
        unit = next((each for each in (u.deg, u.arcmin, u.arcsec) if size >= 1 * each), u.mas)
        number = self._cells.number
        held = f"all {number}" if self.is_allsky else f"{number} of {number_of(self.order)}"
        return [
            ("grid", f"order {self.order} {self.frame}"),
            ("cells", f"{held} cells of {size.to(unit):.3g}"),
        ]


def _order(order: int | None, nside: int | None) -> int:
    if (order is None) == (nside is None):
        raise MaskValueError("give either order= or nside=, of which nside is 2**order")
    if nside is None:
        assert order is not None
        return check_order(order)
    whole = isinstance(nside, int | np.integer) and not isinstance(nside, bool) and nside > 0
    if not whole or nside & (nside - 1) or nside > 1 << MAX_ORDER:
        raise MaskValueError(
            f"nside must be a power of two from 1 to 2**{MAX_ORDER}, as nested cells have it, got {nside!r}"
        )
    return int(nside).bit_length() - 1


def _coordinates(cells: CellSet) -> xr.Coordinates:
    whole = len(cells.ranges) == 1
    # A range instead of an array: a map of the whole sky has coordinates of a few bytes.
    ids = pd.RangeIndex(*cells.ranges[0].tolist()) if whole else pd.Index(cells.ids(0, cells.number))
    ids.name = _IDS
    made = PandasIndex(ids, _DIM)
    variables = made.create_variables()
    # xdggs takes no other attributes.
    variables[_IDS].attrs = {"grid_name": "healpix", "level": cells.order, "indexing_scheme": "nested"}
    return xr.Coordinates(variables, indexes={_IDS: made})

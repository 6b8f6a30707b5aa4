"""What `Dilate`, `Erode`, `Open` and `Close` share: their arguments, and what they ask of their masks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.coverage import EMPTY, FULL, MIXED, Coverage, invert
from ..core.errors import NeedsGridError
from ..core.once import once
from ..expr.mask import Ask, Bools, Mask, Reach, need_mask
from ..expr.structure import postorder
from ..expr.verbs import Kernel, Metric, Radius
from ..grid.axis import axis_of
from ..grid.lattice import Grid
from ..grid.points import Pixels, Points
from ..grid.survey import Survey
from ..grid.tiles import Areas, Tile
from ..pixels.rectangles import disjoint
from ..pixels.window import Window
from .distance import Near, nearest_selected
from .pixel import cover_in_pixels, grow_in_pixels, windows_around
from .radius import (
    check_axis,
    check_sizes,
    half_sides,
    in_pixels,
    plane_row,
    row_widths,
    show,
    typed,
)
from .shape import Selection, SkyShape
from .survey import SkySurvey, grow_on_sky, grow_tile, survey_sky

__all__ = ["Growth", "Sized", "SkyGrowth", "at_pixels", "reach_of"]

# Pixels asked one by one are answered by blocks of this side that hold them.
_BLOCK = 64


class Sized(Mask):
    """A node with sizes, one or as many as an axis has bins, that stores other fields than a user gives."""

    metric: str
    axis: str | None

    stores_arguments = False
    needs_grid = True
    # Noise at the level of pixels, of which all are rims.
    bytes_per_pixel = 64

    def sizes(self) -> NDArray[np.float64]:
        """Half-sides (lon, lat), shape (1 or bins, 2)."""
        raise NotImplementedError

    def axes(self) -> frozenset[str]:
        return frozenset() if self.axis is None else frozenset({self.axis})

    def check(self, geom: Grid) -> None:
        check_axis(self.sizes(), self.axis, geom)
        if self.metric == "pixel":
            geom.need_plane(self.label(), "give an angle and metric='sky'")


@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Growth(Sized):
    """A mask and the shape that it grows or shrinks by; see `Dilate` for the parameters."""

    mask: Mask
    radius: NDArray[np.float64]
    unit: str
    kernel: str
    metric: str
    axis: str | None

    def __init__(
        self,
        mask: Mask,
        radius: Radius,
        kernel: Kernel = "disk",
        metric: Metric = "sky",
        axis: str = "energy",
    ) -> None:
        need_mask(mask, type(self).__name__)
        sizes, unit = half_sides(radius, kernel, metric)
        several = axis_of(axis, len(sizes) > 1)
        self._store(mask=mask, radius=sizes, unit=unit, kernel=kernel, metric=metric, axis=several)

    def check_stored(self) -> None:
        check_sizes(self.radius, self.unit, self.kernel, self.metric, self.axis)

    def sizes(self) -> NDArray[np.float64]:
        return self.radius

    def arguments(self) -> dict[str, Any]:
        options = {key: value for key, value, _ in self._options()}
        given = {"mask": self.mask, "radius": typed(self.radius, self.unit, self.kernel == "box"), **options}
        return given if self.axis is None else {**given, "axis": self.axis}

    def reach(self) -> Reach:
        return reach_of(self.radius, self.unit, self.kernel)

    def label(self) -> str:
        named = [f"{key}={value!r}" for key, value, usual in self._options() if value != usual]
        return f"{type(self).__name__}({', '.join([show(self.radius, self.unit), *named])})"

    def _options(self) -> list[tuple[str, str, str]]:
        return [("kernel", self.kernel, "disk"), ("metric", self.metric, "sky")]


class SkyGrowth(Growth):
    """One dilation or erosion, in either metric."""

    widens = True
    erodes: bool = False

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        if self.metric == "pixel":
            return cover_in_pixels(self.mask, areas, self._widths(areas.geom, areas.plane), of, self.erodes)
        around = areas.grow(self._shape(areas.geom, areas.plane).bound)
        near, here = of.coverage(self.mask, around), of.coverage(self.mask, areas)
        # Where nothing is near nothing grows, and what is selected stays so; shrinking is the mirror image.
        gone, kept = (FULL, EMPTY) if self.erodes else (EMPTY, FULL)
        return np.where(near == gone, gone, np.where(here == kept, kept, MIXED)).astype(np.uint8)

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        if not isinstance(where, Tile):
            return at_pixels(self, where, of)
        if self.metric == "pixel":
            return self._painted(where, of)
        grown = grow_tile(where, self._shape(where.geom, where.plane), self._selection(of))
        return _complement(grown, where) if self.erodes else grown

    def distances(self, tile: Tile, of: Ask) -> Iterator[Near]:
        """Angles to the nearest pixel that the shape is laid round where they are below its radius: to a
        selected one, or, of an erosion, to an unselected one. In windows that make up the tile.
        """
        return nearest_selected(tile, self._shape(tile.geom, tile.plane), self._selection(of))

    def survey(self, tiles: Sequence[Tile], of: Ask) -> Survey:
        if self.metric == "pixel":
            widths = self._widths(tiles[0].geom, tiles[0].plane)
            return Survey(list(tiles), disjoint(windows_around(tiles, widths)))
        return survey_sky(tiles, self._shape(tiles[0].geom, tiles[0].plane), self._selection(of))

    def values_on(self, survey: Survey, of: Ask) -> list[Bools]:
        if not isinstance(survey, SkySurvey) or not survey.together:
            return super().values_on(survey, of)
        grown = grow_on_sky(survey, self._selection(of))
        if not self.erodes:
            return grown
        return [_complement(values, tile) for values, tile in zip(grown, survey.tiles, strict=True)]

    def _selection(self, of: Ask) -> Selection:
        child, erodes = self.mask, self.erodes

        def values(where: Tile | Pixels) -> Bools:
            found = of.values(child, where)
            return _complement(found, where) if erodes else found

        def cover(areas: Areas) -> Coverage:
            found = of.coverage(child, areas)
            return invert(found) if erodes else found

        return Selection(values, cover, values if self._is_of_points and not of.keeps(child) else None)

    @once
    def _is_of_points(self) -> bool:
        """Whether what grows is known at single points, by formulas."""
        below = postorder(self.mask)
        return not any(each.needs_grid or each.reads_data or each.widens for each in below)

    def paint(self, tile: Tile, out: Bools, of: Ask) -> None:
        if self.metric == "pixel":
            grow_in_pixels(out, self.mask, tile, self._widths(tile.geom, tile.plane), of, self.erodes)
        else:
            super().paint(tile, out, of)

    def _shape(self, geom: Grid, plane: tuple[int, ...]) -> SkyShape:
        lon, lat = np.deg2rad(plane_row(self.radius, self.axis, geom, plane))
        return SkyShape(float(lon), float(lat), self.kernel == "box")

    def _widths(self, geom: Grid, plane: tuple[int, ...]) -> NDArray[np.int64]:
        size = plane_row(self.radius, self.axis, geom, plane)
        return row_widths(in_pixels(size, self.unit, geom), self.kernel, geom.image_shape)


def reach_of(radius: NDArray[np.float64], unit: str, kernel: str) -> Reach:
    """How far a shape reaches; the corner of a box is further away than its sides."""
    if unit == "pix":
        return Reach(pixels=math.ceil(float(radius.max())))
    lon, lat = (float(each) for each in radius.max(axis=0))
    return Reach(degrees=min(180.0, math.hypot(lon, lat) if kernel == "box" else lat))


def _complement(values: Bools, where: Tile | Pixels) -> Bools:
    """What is on the sky and not selected."""
    return ~values if where.on_sky is None else ~values & where.on_sky


def at_pixels(mask: Mask, points: Points, of: Ask) -> Bools:
    """Values of a mask that is known by tiles, at pixels given one by one.

    Raises
    ------
    NeedsGridError
        For points that are no pixels of a grid.
    """
    if not isinstance(points, Pixels):
        raise NeedsGridError(
            f"{type(mask).__name__} has a meaning only on a grid: "
            "give the geometry, contains(positions, geom=geom)"
        )
    out = np.zeros(len(points), dtype=bool)
    blocks = np.stack([points.y // _BLOCK, points.x // _BLOCK])
    places, back = np.unique(blocks, axis=1, return_inverse=True)
    for i in range(places.shape[1]):
        some = np.flatnonzero(back.reshape(-1) == i)
        y, x = points.y[some], points.x[some]
        window = Window(int(y.min()), int(y.max()) + 1, int(x.min()), int(x.max()) + 1)
        out[some] = of.values(mask, Tile(points.geom, window, points.plane))[y - window.y0, x - window.x0]
    return out

"""`Region`: shapes on the sky, or on the plane of the pixels."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
import regions

from ..core.arguments import one_of
from ..core.calls import told
from ..core.coverage import EMPTY, Coverage
from ..core.errors import NeedsGridError, RegionError, borrowed
from ..core.once import once, once_for
from ..doors.texts import check_region_text
from ..expr.mask import And, Ask, Bools, Mask, NoSky, Not, Or, Xor, node
from ..grid.lattice import Grid
from ..grid.points import Pixels, Points
from ..grid.tiles import Areas, Tile, Tiles
from ..shapes import CellUnion, Compound, Line, Point, Polygon, Shape
from ..shapes.formats.items import Found, Options
from ..shapes.formats.read import read_shape, shape_of
from ..shapes.formats.to_regions import to_regions
from ..shapes.index import ShapeIndex
from ..shapes.line import MarkedPixels, marked
from ..shapes.planar import Convention, plane_coverage, plane_paint, plane_values
from .moc import Moc

__all__ = ["Region"]

METRICS = ("sky", "pixel", "gammapy")

_lock = threading.Lock()
# Geometries of which marked pixels are kept.
_GEOMETRIES = 4

# Where DS9's name of a frame is not astropy's.
_FRAMES = {"barycentricmeanecliptic": "ecliptic"}


@node("region")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Region(Mask):
    """A region, or a list of them, which is their union.

    Parameters
    ----------
    spec : str, regions.Region, Moc, mocpy.MOC, list of these objects, or Shape
        Text of DS9 or CIAO (lines or semicolons), CRTF or STC-S, objects of the ``regions`` package, MOCs, or
        a shape of `maskexpr.shapes`. An excluded shape (``-circle``) takes away from the shapes before it. A
        text region is the point that it marks.
    metric : "sky", "pixel" or "gammapy"
        Whether distances are angles on the sphere, or the planar arithmetic of the map's pixels.
        ``"gammapy"`` is the latter as gammapy has it with regions 0.11: on flipped maps what is not round is
        mirrored.
    where : callable or str, optional
        Which regions are taken: ``"tag=source"``, ``"color=red"``, ``"shape!=line"``, or a callable on the
        mapping of a region's properties (``shape``, ``include``, ``line``, ``name``, ``color``, ``tag``,
        which is a tuple, and what else the text says).
    exclude : "before" or "all"
        What an excluded shape takes away from: the shapes before it, or all shapes wherever they stand (the
        whole sky if there are none).
    frame : str, optional
        Frame of the positions for which the text states none, such as ``"icrs"`` or ``"image"``.
    origin : 0 or 1, optional
        What positions in pixels count from, if not what the format says.
    physical : Header or "image", optional
        Header of the map, whose LTM and LTV (or CIAO's WCS "P") say where physical pixels are; ``"image"`` if
        the map is the whole of the file that they are pixels of.

    Raises
    ------
    RegionError
        For a shape that cannot be honoured, naming the line or the place in the list, and for an argument
        that applies to nothing.

    Notes
    -----
    In the sky metric a point is the pixel that holds it and a line is the pixels that its great-circle arc
    crosses; both need a grid. In the pixel metrics a point is the pixels whose centres are less than one
    pixel away in each direction, which is what gammapy makes of it, and a line is refused. Outside the map
    the pixel metrics select nothing.

    Examples
    --------
    >>> Region("galactic; circle(0, 0, 0.3)")
    Region("galactic;circle(0, 0, 0.3 deg)")
    >>> Region("fk5; circle(83.6, 22, 30'); -circle(83.6, 22, 6')").shape.formula
    (0, 1, 'minus')
    >>> Region("icrs; circle(1, 2, 3) # color=red; circle(4, 5, 6) # color=green", where="color=green")
    Region("icrs;circle(4, 5, 6 deg)")
    """

    shape: Shape
    metric: Literal["sky", "pixel", "gammapy"]
    _ignored: ClassVar[Mapping[str, int]]

    def __init__(
        self,
        spec: Any,
        metric: Literal["sky", "pixel", "gammapy"] = "sky",
        *,
        where: Callable[[Mapping[str, Any]], Any] | str | None = None,
        exclude: str = "before",
        frame: str | None = None,
        origin: int | None = None,
        physical: Any = None,
    ) -> None:
        _check_metric(metric)
        options = Options(metric, where, exclude, frame, origin, physical)
        if isinstance(spec, str):
            check_region_text(spec)
        with borrowed("the region", RegionError):
            self._keep(shape_of(spec, options), metric)

    @classmethod
    def read(
        cls,
        path: str | Path,
        metric: str = "sky",
        *,
        where: Callable[[Mapping[str, Any]], Any] | str | None = None,
        exclude: str = "before",
        frame: str | None = None,
        origin: int | None = None,
        physical: Any = None,
        hdu: int | str | None = None,
    ) -> Region:
        r"""The union of the shapes in a region file.

        That is text of DS9, CIAO, CRTF or STC-S or a FITS region table, packed with gzip or not: what it
        holds decides, not its name. Positions in pixels need ``metric="pixel"``. They count from 1 in DS9
        text and in FITS tables and from 0 in CRTF, unless ``origin`` says otherwise; in FITS tables that the
        package ``regions`` wrote they count from 0, which their header tells. FITS tables whose columns have
        a WCS mean the sky.

        Parameters
        ----------
        path : str or Path
            The file.
        metric, where, exclude, frame, origin, physical
            See `Region`.
        hdu : int or str, optional
            The table of a FITS file that has several.

        Raises
        ------
        RegionError
            For a shape that cannot be honoured, naming the line or row, and for an argument that applies to
            nothing.
        FormatError
            For a file that is none of these.

        Examples
        --------
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "drawn.reg")
        >>> _ = path.write_text("galactic\ncircle(184,-5,18')\nbox(185, -4, 1, 0.5, 45) # tag={plume}")
        >>> Region.read(path, where="tag=plume")
        Region("galactic;box(185, -4, 1 deg, 0.5 deg, 45 deg)")
        """
        _check_metric(metric)
        options = Options(metric, where, exclude, frame, origin, physical, hdu)
        made = object.__new__(cls)
        what = f"the region file {str(path)!r}" if isinstance(path, str | Path) else "Region.read"
        with borrowed(what, RegionError, str(path)):
            made._keep(read_shape(path, options), metric)
        written = options.written()
        return made if written is None else made.read_from(path=Path(path), **written)

    def _keep(self, found: Found, metric: str) -> None:
        self._store(shape=found.shape, metric=metric, _ignored=MappingProxyType(dict(found.ignored)))

    @classmethod
    def restore(cls, fields: dict[str, Any]) -> Region:
        """See `Mask.restore`."""
        return cls(fields["shape"], fields["metric"])

    @property
    def ignored(self) -> Mapping[str, int]:
        """What the text said that selects nothing, such as colours and annotations, and how often.

        It is no part of the mask, and is not saved with it.

        Examples
        --------
        >>> dict(Region("icrs; circle(83.6, 22, 1) # color=red").ignored)
        {'color': 1}
        """
        return self._ignored

    @property
    def needs_grid(self) -> bool:  # type: ignore[override]  # here it depends on the shape
        """Whether the region has a meaning only on a grid."""
        return self.is_planar or self.shape.needs_grid

    @property
    def is_planar(self) -> bool:
        """Whether the region is of the plane of a map's pixels."""
        return self.metric != "sky"

    def arguments(self) -> dict[str, Any]:
        """See `Mask.arguments`: DS9 text where it says the shape to the last bit, else the shape."""
        text = _text(self.shape)
        try:
            spec: Any = text if shape_of(text, Options(self.metric)).shape == self.shape else self.shape
        except RegionError:
            spec = self.shape
        return {"spec": spec, "metric": self.metric}

    def label(self) -> str:
        """See `Mask.label`."""
        metric = "" if self.metric == "sky" else f", metric={self.metric!r}"
        return f'Region("{_text(self.shape)}"{metric})'

    @told
    def to_regions(self) -> regions.Regions:
        """The region as objects of the ``regions`` package, of which it is the union.

        Raises
        ------
        RegionError
            For a shape that the installed version does not have.

        Examples
        --------
        >>> len(Region("icrs; circle(83.6, 22, 1); circle(80, 22, 1)").to_regions())
        2
        """
        return to_regions(self.shape)

    def check(self, geom: Grid) -> None:
        """See `Mask.check`."""
        if self.is_planar:
            geom.need_plane(self.label(), "give it in sky coordinates and with metric='sky'")

    def lowered(self) -> Mask:
        """The same mask with the operators between shapes as operators of the expression."""
        return self._lowered

    @once
    def _lowered(self) -> Mask:
        if isinstance(self.shape, CellUnion):
            return Moc(self.shape.ranges, self.shape.order)
        if not isinstance(self.shape, Compound):
            return self
        if not self.shape.formula:
            return NoSky()
        nothing: _Pending = ("", [])
        return _made(self.shape.fold(self._pending, _join, nothing))

    def _pending(self, shape: Shape) -> _Pending:
        return "", [Region(shape, self.metric).lowered()]

    @once
    def is_indexed(self) -> bool:
        """Whether the region is of many shapes with an area, which are asked together, or of a polygon, which
        may have many edges.
        """
        shape = self.shape
        if isinstance(shape, Polygon):
            return not self.needs_grid
        if not isinstance(shape, Compound) or self.needs_grid:
            return False
        return shape.joined == "xor" or bool(shape.adds)

    @once
    def is_marks(self) -> bool:
        """Whether the region is of points and lines alone."""
        shape = self.shape
        one_union = not isinstance(shape, Compound) or shape.joined == "or"
        return self.metric == "sky" and one_union and all(isinstance(x, Point | Line) for x in shape.samples)

    def _marked(self, geom: Grid) -> MarkedPixels:
        """The pixels that points and lines mark; those of the last geometries are kept."""
        if isinstance(self.shape, Point | Line):
            return self.shape.pixels(geom)
        with _lock:
            if geom not in self._pixels:
                while len(self._pixels) >= _GEOMETRIES:
                    del self._pixels[next(iter(self._pixels))]
                self._pixels[geom] = marked(self.shape.leaves, geom)
            return self._pixels[geom]

    @once
    def _pixels(self) -> dict[Grid, MarkedPixels]:
        return {}

    @once_for
    def _index(self, frame: str) -> ShapeIndex:
        """Index of the shapes in a frame."""
        shape = self.shape
        whole = shape if isinstance(shape, Compound) else Compound([shape], [0])
        return ShapeIndex(whole.shapes, frame, whole.adds, whole.joined == "xor")

    # ---- what a node says of itself
    # ------------------------------------------------------------------------------------

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        """See `Mask.coverage`."""
        if self.is_planar:
            return plane_coverage(self.shape, areas, Convention(self.metric))
        if self.is_marks:
            return _marks_coverage(self._marked(areas.geom), areas)
        if self.shape.needs_grid:
            return of.coverage(self.lowered(), areas)
        if self.is_indexed:
            return self._index(areas.frame).cover(areas)
        return self.shape.coverage(areas.caps, areas.frame)

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        """See `Mask.values`."""
        if self.is_indexed and isinstance(where, Tile):
            return self._painted(where, of)
        if not self.needs_grid:
            return super().values(where, of)
        if not isinstance(where, Tile | Pixels):
            raise NeedsGridError(
                f"{self.label()} has a meaning only on a grid: give it, contains(positions, geom=geom)"
            )
        if self.is_planar:
            return plane_values(self.shape, where, Convention(self.metric))
        if self.is_marks:
            return _marks(self._marked(where.geom), where)
        return of.values(self.lowered(), where)

    def paint(self, tile: Tile, out: Bools, of: Ask) -> None:
        """See `Mask.paint`."""
        if self.is_indexed:
            self._index(tile.geom.frame).paint(tile, out)
        elif self.is_planar:
            plane_paint(self.shape, tile, out, Convention(self.metric))
        else:
            super().paint(tile, out, of)

    def reached(self, tiles: Tiles) -> Bools | None:
        """See `Mask.reached`."""
        return self._index(tiles.frame).reached(tiles) if self.is_indexed else None

    def inside(self, points: Points) -> Bools:
        """See `Mask.inside`."""
        if self.is_indexed:
            return self._index(points.frame).holds(points)
        return self.shape.inside(points.xyz, points.frame)

    def near(self, points: Points, angle: float) -> Bools:
        """See `Mask.near`."""
        if self.needs_grid:
            return super().near(points, angle)
        return self.shape.near(points.xyz, points.frame, angle)


def _check_metric(metric: str) -> None:
    one_of("metric", metric, METRICS)


def _marks(pixels: MarkedPixels, where: Tile | Pixels) -> Bools:
    if isinstance(where, Pixels):
        return pixels.hold(where.y, where.x)
    out = np.zeros(where.shape, dtype=bool)
    pixels.fill(out, where.window.y0, where.window.x0)
    return out


def _marks_coverage(pixels: MarkedPixels, areas: Areas) -> Coverage:
    cover = pixels.coverage(areas.caps)
    if isinstance(areas, Tiles):
        open_ = np.flatnonzero(cover != EMPTY)
        y0, y1, x0, x1 = areas.bounds[:, open_]
        first, last = np.searchsorted(pixels.y, y0), np.searchsorted(pixels.y, y1)
        for i, place in enumerate(open_):
            x = pixels.x[first[i] : last[i]]
            if not np.any((x >= x0[i]) & (x < x1[i])):
                cover[place] = EMPTY
    return cover


def _text(shape: Shape) -> str:
    """Text that DS9 takes, where the shape is simple or a short sequence of such; else a description."""
    if not isinstance(shape, Compound):
        return f"{_FRAMES.get(shape.frame, shape.frame)};{shape.text()}"
    if len(shape.shapes) > 3:
        return shape.text()
    sequence = list(range(len(shape.shapes)))
    in_order = [token for token in shape.formula if isinstance(token, int)] == sequence
    signs = {"or": "", "minus": "-"}
    operators = [token for token in shape.formula if isinstance(token, str)]
    stepwise = all(isinstance(token, str) for token in shape.formula[2::2])
    if not sequence or not in_order or not stepwise or not set(operators) <= set(signs):
        return shape.text()
    parts = [_text(shape.shapes[0])]
    for operator, before, each in zip(operators, shape.shapes, shape.shapes[1:], strict=False):
        frame = "" if each.frame == before.frame else f"{_FRAMES.get(each.frame, each.frame)};"
        parts.append(f"{frame}{signs[operator]}{each.text()}")
    return ";".join(parts)


# An operator that is still being collected: operands of one operator make one flat node.
_Pending = tuple[str, list[Mask]]
_NODES = {"or": Or, "and": And, "xor": Xor}


def _made(pending: _Pending) -> Mask:
    operator, masks = pending
    return masks[0] if len(masks) == 1 else _NODES[operator](*masks)


def _join(operator: str, left: _Pending, right: _Pending) -> _Pending:
    name = "and" if operator == "minus" else operator
    last = Not(_made(right)) if operator == "minus" else _made(right)
    if left[0] == name or len(left[1]) == 1:
        left[1].append(last)
        return name, left[1]
    return name, [_made(left), last]

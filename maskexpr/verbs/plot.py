"""A coarse picture of a mask on axes that know the sky; the full map is never computed."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from itertools import product
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from ..compile.compiled import compile_mask
from ..compile.eager import compute_array
from ..compile.evaluate import evaluate_planes
from ..core.arguments import flag
from ..core.errors import AxisError, MaskTypeError, MaskValueError, require
from ..core.names import described, nearest, shown
from ..expr.describe import one_line
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..grid.healpix.areas import most_reach
from ..grid.healpix.cells import centres
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.tiles import Tile
from ..grid.wcs.geom import WcsGeom
from ..io.given import as_grid
from ..nodes.raster import Raster
from ..pixels.window import Window
from ..sphere.vectors import angle_between, lonlat, normalise

__all__ = ["MOST_PIXELS", "axes_for", "coarser", "plot"]

MOST_PIXELS = 500_000
"""A preview evaluates at most this many pixels, planes counted, unless it is told another number."""

# What a mask is drawn on if no geometry is given.
_ALLSKY = WcsGeom.allsky(binsz=0.5, frame="galactic", proj="AIT")
# Of HEALPix: the order of the smallest cells that are shown, degrees from their middle beyond which the whole
# sky is, and pixels across what is less.
_FINEST = 8
_WIDEST = 60.0
_ACROSS = 500
# Projections that show the whole sky as an ellipse, and its half-axes in degrees of the plane.
_ELLIPSES = ("AIT", "MOL")
_HALF_AXES = np.rad2deg([math.sqrt(2.0), 2.0 * math.sqrt(2.0)])
_LABELS = {
    "galactic": ("Galactic longitude", "Galactic latitude"),
    "supergalactic": ("Supergalactic longitude", "Supergalactic latitude"),
}
# Axes that any map can be drawn on.
_WRITE = "ax = plt.subplot(projection=geom.wcs)"
_EQUATORIAL = ("Right ascension", "Declination")
# Arguments of imshow, and of contour, that say what color a number has.
_PASSED_OVER = (
    frozenset({"cmap", "norm", "vmin", "vmax", "colorizer"}),
    frozenset({"cmap", "norm", "vmin", "vmax", "colorizer", "colors", "levels"}),
)


def plot(
    mask: Mask,
    geom: Grid | None = None,
    ax: Any = None,
    *,
    plane: int | tuple[int, ...] | None = None,
    color: str = "tab:blue",
    background: str | None = None,
    outline: bool = False,
    legend: bool = True,
    title: str | None = None,
    most: int = MOST_PIXELS,
    **style: Any,
) -> Any:
    """Draw a coarse preview of a mask: selected pixels are coloured.

    Every coarse pixel has the mask's value at its own centre. Radii in pixels, where a mask has them, count
    the preview's pixels; the title says so.

    Parameters
    ----------
    mask : Mask
        The mask.
    geom : WcsGeom or HpxGeom, optional
        The map to show; the whole sky in galactic Aitoff if neither this nor ``ax`` is given. Cells of
        HEALPix are shown as they are, or their parents of order 8, in a projection of the sky that they hold.
    ax : WCSAxes or Axes, optional
        Where to draw: axes made with ``projection=geom.wcs``, by gammapy too, which show the whole map if
        they are empty. Without ``geom``, what they show is drawn in their own projection. Axes that know no
        sky, as of ``plt.imshow(array)``, count the pixels of ``geom``. New axes if not given.
    plane : int or tuple of int, optional
        Index along the non-spatial axes. If not given, a pixel counts that any plane selects.
    color, background : str
        Of selected pixels, and of others that are on the sky, which are left transparent on given axes.
    outline : bool
        Draw the edge of what is selected and nothing else, over a picture that is there.
    legend : bool
        Whether to say which colour means selected.
    title : str, optional
        Title; the mask in one line if not given.
    most : int
        How many pixels to evaluate at most, planes counted.
    **style
        For ``imshow``, for example ``alpha=0.5``; with ``outline`` for ``contour``, ``linewidths=2``.

    Returns
    -------
    WCSAxes or Axes
        Those given, or new WCSAxes.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    MaskTypeError
        If ``ax`` are no axes of matplotlib, or know no sky and ``geom`` is not given.
    MaskValueError
        If ``ax`` show another projection, or a picture of other pixels, than ``geom``.
    AxisError
        If ``plane`` is none of the geometry's.

    Examples
    --------
    >>> import maskexpr as mx
    >>> ax = mx.Band(lat=("-5 deg", "5 deg"), frame="galactic").plot()
    >>> ax.get_title()
    "Band(lat=(-5 deg, 5 deg), frame='galactic')"
    """
    flag(outline, "outline")
    flag(legend, "legend")
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise MaskValueError(f"most must be a whole number of pixels, got {shown(most)}")
    given = ax is not None
    geom = None if geom is None else as_grid(geom)
    axes = geom.axes if isinstance(geom, HpxGeom) else ()
    if isinstance(geom, HpxGeom):
        title = one_line(mask) if title is None and not given else title
        mask, geom = _of_cells(mask, geom, hasattr(ax, "wcs"))
    geom = _geometry(geom, ax).to_cube(axes)
    values, on_sky, factor = _sample(mask, geom, plane, most)
    if ax is None:
        ax = axes_for(geom)
    elif not ax.has_data() and ax.get_autoscale_on():
        _decorate(ax, geom)  # a panel of a figure, which nobody has drawn on or chosen what it shows
    _check_style(style, outline)
    colors = (color, background or ("none" if given else "0.9"))
    for name, each in zip(("color", "background"), colors, strict=True):
        _need_color(name, each)
    if outline:
        _draw_outline(ax, values, factor, color, style)
    else:
        _draw(ax, values, on_sky, factor, colors, style)
    if title is not None or not given:
        ax.set_title(_title(mask, factor) if title is None else title, fontsize="medium")
    if legend:
        _add_legend(ax, colors)
    return ax


def coarser(geom: WcsGeom, most: int = MOST_PIXELS) -> tuple[WcsGeom, int]:
    """The same sky in larger pixels, so that there are at most so many.

    Parameters
    ----------
    geom : WcsGeom
        The map; its axes are dropped.
    most : int
        The limit.

    Returns
    -------
    coarse : WcsGeom
        An image that begins at the corner of the map. Where the map is not divisible its last row and column
        reach over the edge.
    factor : int
        How many pixels of the map a coarse one is wide.

    Examples
    --------
    >>> coarse, factor = coarser(WcsGeom.allsky(binsz="0.01 deg"))
    >>> coarse.shape, factor
    ((500, 1000), 36)
    """
    ny, nx = geom.image_shape
    # Ratios of integers, because the number of pixels need not fit a float.
    factor = max(1, math.isqrt(max(0, ny * nx - 1) // most) + (ny * nx > most))
    while -(-ny // factor) * -(-nx // factor) > most:
        factor += max(1, factor // 50)
    rows, columns = -(-ny // factor), -(-nx // factor)
    window = Window(0, rows * factor, 0, columns * factor)
    return geom.to_image().window(window).downsample(factor), factor


def _geometry(geom: Grid | None, ax: Any) -> WcsGeom:
    """What to draw: what the user says, or what the axes show, or the whole sky."""
    if geom is not None and not isinstance(geom, WcsGeom):
        raise MaskTypeError(
            f"a mask is drawn on a WcsGeom or an HpxGeom, got {geom!r}; leave it out to draw the whole sky"
        )
    if ax is None:
        return _ALLSKY if geom is None else geom
    if not isinstance(ax, require("matplotlib.axes", extra="plot").Axes):
        raise MaskTypeError(f"ax must be axes of matplotlib, for example {_WRITE}; got {described(ax)}")
    if not hasattr(ax, "wcs"):
        return _of_pixels(geom, ax)
    shape = tuple(max(1, math.floor(max(limits) + 0.5)) for limits in (ax.get_ylim(), ax.get_xlim()))
    shown = WcsGeom(ax.wcs, shape if geom is None else geom.image_shape)
    if geom is not None and shown != geom.to_image():
        raise MaskValueError(f"ax show another projection than geom: write {_WRITE}, or leave geom out")
    _check_upright(shown, ax)
    return shown if geom is None else geom


def _of_cells(mask: Mask, cells: HpxGeom, is_shown: bool) -> tuple[Mask, WcsGeom | None]:
    """A mask as HEALPix cells have it, not finer than a picture shows them, and the map to show it on, if
    none is shown yet.
    """
    levels = max(cells.order - _FINEST, 0)
    coarse = HpxGeom(
        cells.order - levels, frame=cells.frame, cells=cells.cells.parents(levels).ranges, axes=cells.axes
    )
    values = np.broadcast_to(compute_array(compile_mask(mask, coarse)), coarse.shape)
    shown = Raster((values, coarse))
    if is_shown:
        return shown, None
    there = centres(coarse.order, coarse.cells.ids(0, coarse.cells.number))
    middle = normalise(there.mean(axis=1))
    reach = np.rad2deg(angle_between(there, middle[:, None]).max() + most_reach(coarse.order))
    if not reach < _WIDEST:
        return shown, WcsGeom.allsky(binsz=0.5, frame=cells.frame, proj="AIT")
    lon, lat = lonlat(middle)
    geom = WcsGeom.create(
        skydir=SkyCoord(lon, lat, unit="deg", frame=cells.frame),
        width=2 * reach,
        binsz=2 * reach / _ACROSS,
        proj="ZEA",
        frame=cells.frame,
    )
    return shown, geom


def _of_pixels(geom: WcsGeom | None, ax: Any) -> WcsGeom:
    """The map whose pixels the axes count, as those of ``plt.imshow(array)`` do."""
    if geom is None:
        raise MaskTypeError(
            f"ax know no sky: give the geom of the map they show, plot(geom, ax=ax), or write {_WRITE}"
        )
    ny, nx = geom.image_shape
    want = ((-0.5, -0.5), (nx - 0.5, ny - 0.5))
    for picture in (*ax.images, *ax.collections):
        corners = _corners(picture)
        if corners is not None and not np.allclose(corners, want, atol=1e-6):
            (left, bottom), (right, top) = corners
            raise MaskValueError(
                f"ax show a picture over x = {left:g} ... {right:g}, y = {bottom:g} ... {top:g}, and the "
                f"pixels of geom are x = -0.5 ... {nx - 0.5:g}, y = -0.5 ... {ny - 0.5:g}: give the geom of "
                f"the array that is shown, without extent=, or write {_WRITE}"
            )
    return geom


def _corners(picture: Any) -> Any:
    """The corners of an image, as of ``imshow``, or of a mesh, as xarray draws; of nothing else."""
    if hasattr(picture, "get_extent"):
        left, right, bottom, top = picture.get_extent()
        found = np.array([(left, bottom), (right, top)])
    elif hasattr(picture, "get_coordinates"):
        found = np.asarray(picture.get_coordinates()).reshape(-1, 2)
    else:
        return None
    return found.min(axis=0), found.max(axis=0)


def _check_upright(geom: WcsGeom, ax: Any) -> None:
    """A WCS of three axes may be shown by any two of them, in any order (``slices=``)."""
    ny, nx = geom.image_shape
    y, x = np.array([0.0, 0.0, 1.0]) + ny // 2, np.array([0.0, 1.0, 0.0]) + nx // 2
    sky = np.stack(geom.lonlat(y, x), axis=-1)
    if not np.isfinite(sky).all():
        return
    there = (ax.get_transform(geom.frame) - ax.transData).transform(sky)
    # A turn of an all-sky map's longitude is the same sky: pixels are compared as directions.
    back = geom.lonlat(there[:, 1], there[:, 0])
    if not np.allclose(np.exp(1j * np.deg2rad(back)), np.exp(1j * np.deg2rad(sky.T)), atol=1e-6):
        raise MaskValueError(
            "ax show the axes of their wcs in another order: write slices=('x', 'y', 0), longitude first"
        )


def _sample(
    mask: Mask, geom: WcsGeom, plane: int | tuple[int, ...] | None, most: int
) -> tuple[Bools, Bools, int]:
    """At the centres of coarse pixels: values, and whether they are on the sky, shape (ny, nx) each; and how
    coarse they are.
    """
    compiled = compile_mask(mask, geom)
    # An axis along which the mask does not vary has one plane here.
    sizes = [sum(chunks) for chunks in compiled.along]
    chosen = _planes(geom, plane)
    planes = tuple(product(*(range(size) for size in sizes))) if chosen is None else (chosen,)
    coarse, factor = coarser(geom, max(1, most // len(planes)))
    ny, nx = coarse.image_shape
    window = Window(0, ny, 0, nx)
    values = evaluate_planes(compiled.mask, coarse.to_cube(geom.axes), window, planes)
    on_sky = Tile(coarse, window).on_sky
    return np.any(values, axis=0), np.ones((ny, nx), dtype=bool) if on_sky is None else on_sky, factor


def _planes(geom: WcsGeom, plane: int | tuple[int, ...] | None) -> tuple[int, ...] | None:
    if plane is None:
        return None
    index = plane if isinstance(plane, tuple) else (plane,)
    sizes = [axis.nbin for axis in geom.axes]
    whole = all(isinstance(each, int | np.integer) for each in index)
    if (
        not whole
        or len(index) != len(sizes)
        or not all(-size <= i < size for i, size in zip(index, sizes, strict=True))
    ):
        known = ", ".join(f"{axis.name} {axis.nbin}" for axis in geom.axes) or "none"
        raise AxisError(f"plane={plane!r} is none of the geometry's; its axes are: {known}")
    return tuple(i % size for i, size in zip(index, sizes, strict=True))


def axes_for(geom: WcsGeom, figure: Any = None, place: Any = 111) -> Any:
    """New WCSAxes for a map, with a graticule; an ellipse for the whole sky in Aitoff or Mollweide.

    Parameters
    ----------
    geom : WcsGeom
        The map.
    figure : matplotlib Figure, optional
        A new one if not given.
    place : int or SubplotSpec
        Where in the figure, as for ``add_subplot``.

    Returns
    -------
    WCSAxes

    Examples
    --------
    >>> axes_for(WcsGeom.create(width=4, binsz=0.1)).coords[0].get_axislabel()
    'Right ascension'
    """
    if figure is None:
        figure = require("matplotlib.pyplot", extra="plot").figure(figsize=(8.0, 4.5), layout="constrained")
    options = {}
    if _is_ellipse(geom):
        options["frame_class"] = require("astropy.visualization.wcsaxes.frame", extra="plot").EllipticalFrame
    ax = figure.add_subplot(place, projection=geom.wcs, **options)
    _decorate(ax, geom)
    return ax


def _is_ellipse(geom: WcsGeom) -> bool:
    upright = np.array_equal(geom.wcs.wcs.get_pc(), np.eye(2))
    return geom.is_allsky and geom.projection in _ELLIPSES and upright


def _draw(
    ax: Any,
    values: Bools,
    on_sky: Bools,
    factor: int,
    colors: tuple[str, str],
    style: dict[str, Any],
) -> None:
    to_rgba = require("matplotlib.colors", extra="plot").to_rgba
    image = np.zeros((*values.shape, 4))
    image[on_sky] = to_rgba(colors[1])
    image[values] = to_rgba(colors[0])
    rows, columns = (n * factor - 0.5 for n in values.shape)
    limits = ax.get_xlim(), ax.get_ylim()
    place = {"origin": "lower", "extent": (-0.5, columns, -0.5, rows), "aspect": ax.get_aspect()}
    with _styled(style):
        _try_out(ax.imshow(image, **place, **{"interpolation": "nearest", **style}), style)
    ax.set(xlim=limits[0], ylim=limits[1])


def _check_style(style: dict[str, Any], outline: bool) -> None:
    """Refuse what matplotlib would pass over, as pixels have their color already, and what sets it twice."""
    for name in _PASSED_OVER[outline] & set(style):
        raise MaskTypeError(
            f"{name}={shown(style[name])} has no meaning for a mask, which has one color: color='red'"
        )


def _need_color(name: str, value: Any) -> None:
    colors = require("matplotlib.colors", extra="plot")
    if not colors.is_color_like(value):
        known = [*colors.CSS4_COLORS, *colors.TABLEAU_COLORS]
        raise MaskValueError(
            f"{name} must be a color of matplotlib, such as 'tab:blue', '#1f77b4' or '0.9', "
            f"got {shown(value)}{nearest(value, known)}"
        )


def _draw_outline(ax: Any, values: Bools, factor: int, color: str, style: dict[str, Any]) -> None:
    if values.all() or not values.any():
        return  # no edge
    rows, columns = (n * factor - 0.5 for n in values.shape)
    place = {"origin": "lower", "extent": (-0.5, columns, -0.5, rows)}
    limits = ax.get_xlim(), ax.get_ylim()
    with _styled(style):
        edge = ax.contour(values.astype(float), levels=[0.5], **place, **{"colors": [color], **style})
        _try_out(edge, style)
    ax.set(xlim=limits[0], ylim=limits[1])


def _try_out(artist: Any, style: dict[str, Any]) -> None:
    """Draw what a user styled on a canvas of its own: some arguments matplotlib looks at no sooner than when
    the figure is saved.
    """
    if not style:
        return
    canvas = require("matplotlib.backends.backend_agg", extra="plot").RendererAgg(1, 1, 72)
    try:
        artist.draw(canvas)
        float(artist.get_zorder())  # which the axes sort by
    except Exception:
        artist.remove()
        raise
    artist.stale = True


@contextmanager
def _styled(style: dict[str, Any]) -> Iterator[None]:
    """Words of ours about an argument that neither `plot` nor matplotlib knows."""
    try:
        yield
    except (ArithmeticError, AttributeError, TypeError, ValueError) as err:
        odd = next((each for each in style if f"{each!r}" in str(err)), None)
        if odd is None:
            given = ", ".join(f"{name}={shown(value)}" for name, value in style.items())
            raise MaskValueError(f"matplotlib does not take {given or 'this'}: {err}") from err
        known = [each for each in signature(plot).parameters if each != "style"]
        raise MaskTypeError(
            f"plot has no argument {odd!r}{nearest(odd, known)}; it has {', '.join(known)}, and those of "
            "imshow, or with outline=True of contour"
        ) from err


def _decorate(ax: Any, geom: WcsGeom) -> None:
    """Limits, the graticule and its labels."""
    ny, nx = geom.image_shape
    ax.set(xlim=(-0.5, nx - 0.5), ylim=(-0.5, ny - 0.5), aspect="equal")
    if not hasattr(ax, "coords"):
        return  # axes that count pixels
    lon, lat = sorted(ax.coords, key=lambda each: each.coord_type != "longitude")
    if _is_ellipse(geom):
        (y, x), scales = geom.reference_pixel, geom.pixel_scales.value
        half_y, half_x = _HALF_AXES / scales[::-1]
        ax.set(xlim=(x - half_x, x + half_x), ylim=(y - half_y, y + half_y))
        # Longitudes along the equator, as sky maps have them; on the rim they would all meet at the poles.
        lon.set_ticklabel_position("h")
        halo = require("matplotlib.patheffects", extra="plot").withStroke(linewidth=2.5, foreground="white")
        lon.set_ticklabel(fontsize="x-small", path_effects=[halo])
        lat.set_ticklabel(fontsize="x-small")
        for each in (lon, lat):
            each.set_axislabel_position("")
            each.set_ticks_visible(False)
    else:
        for each, label in zip((lon, lat), _LABELS.get(geom.frame, _EQUATORIAL), strict=True):
            each.set_axislabel(label)
    if geom.is_allsky:
        lon.set_major_formatter("d")
        lon.set_ticks(spacing=60 * u.deg)
        lat.set_ticks(spacing=30 * u.deg)
    ax.coords.grid(color="0.3", alpha=0.35, linestyle=":", linewidth=0.7)


def _title(mask: Mask, factor: int) -> str:
    text = textwrap.shorten(one_line(mask), 90, placeholder=" ...")
    in_pixels = factor > 1 and any(each.reach().pixels for each in postorder(mask))
    note = f"\n(radii in pixels count pixels of this preview, {factor} times as large)"
    return text + note * in_pixels


def _add_legend(ax: Any, colors: tuple[str, str]) -> None:
    patch = require("matplotlib.patches", extra="plot").Patch
    names = ("selected", "not selected")
    shown = [
        patch(facecolor=each, edgecolor="0.5", linewidth=0.5, label=name)
        for each, name in zip(colors, names, strict=True)
        if each != "none"
    ]
    ax.legend(handles=shown, loc="lower right", fontsize="x-small", framealpha=0.9)

"""The verbs on `Mask`: ``mask.on(geom)``, ``mask.dilate("1 deg")``.

Users want methods on the expression, while what they do is made of the passes above it. So this is the one
place that reaches up: what puts masks on grids is an `Engine`, which the package fills in when it is
imported; nodes of other nodes are found in the registry by their tags.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import absent
from ..core.calls import told_methods
from ..sphere.angles import AngleLike, AnglePair
from .describe import one_line, tree
from .structure import NODES, Node

if TYPE_CHECKING:
    import xarray as xr
    from astropy.units import Quantity

    from ..compile.explain import Explanation
    from ..compile.plan import Plan
    from ..nodes.moc import Moc
    from ..verbs.fractions import AreaBounds
    from .mask import Mask

__all__ = ["Engine", "Fluent", "Kernel", "Metric", "Radius", "use_engine"]

Kernel: TypeAlias = Literal["disk", "box"]
Metric: TypeAlias = Literal["sky", "pixel"]
Radius: TypeAlias = AngleLike | AnglePair
"""A radius, half-sides (lon, lat) of a box, or one for each bin of an axis."""

# Examples that need more than the package does.
__doctest_requires__ = {"Fluent.plot": ["matplotlib"], "Fluent.to_gammapy": ["gammapy.maps"]}


class Engine(Protocol):
    """What answers the verbs that put a mask on a grid: the module `maskexpr.verbs.engine`."""

    def on(self, mask: Any, geom: Any, chunks: Any, like: Any, coords: str) -> xr.DataArray: ...
    def compute(self, mask: Any, geom: Any, chunks: Any) -> xr.DataArray: ...
    def plan(self, mask: Any, geom: Any, chunks: Any, memory_limit: Any) -> Plan: ...
    def contains(self, mask: Any, positions: Any, geom: Any) -> NDArray[np.bool_]: ...
    def area(self, mask: Any, geom: Any, rtol: float | None) -> Any: ...
    def count(self, mask: Any, geom: Any) -> Any: ...
    def fraction(self, mask: Any, geom: Any, levels: int, chunks: Any) -> xr.Dataset: ...
    def fsky(self, mask: Any, geom: Any) -> Any: ...
    def explain(self, mask: Any, geom: Any, chunks: Any) -> Explanation: ...
    def simplify(self, mask: Any) -> Mask: ...
    def to_dict(self, mask: Any) -> dict[str, Any]: ...
    def to_recipe(self, mask: Any, path: str | os.PathLike[str] | None, embed: bool) -> str: ...
    def distance(self, mask: Any, geom: Any, max: Any, chunks: Any) -> xr.DataArray: ...
    def apodize(self, mask: Any, geom: Any, width: Any, profile: Any, chunks: Any) -> xr.DataArray: ...
    def to_gammapy(self, mask: Any, geom: Any) -> Any: ...
    def to_array(self, mask: Any, geom: Any, masked: bool) -> NDArray[np.bool_]: ...
    def mask_html(self, mask: Any) -> str: ...
    def plot(self, mask: Any, geom: Any, ax: Any, **style: Any) -> Any: ...
    def serve(self, mask: Any, port: int, frame: str) -> Any: ...
    def to_moc(self, mask: Any, order: int, cover: str) -> Moc: ...
    def cells_in(self, mask: Any, geom: Any) -> NDArray[np.int64]: ...
    def write(
        self,
        mask: Any,
        path: str | os.PathLike[str],
        geom: Any,
        overwrite: bool,
        chunks: Any,
        progress: bool,
        memory_limit: Any,
        resume: bool,
        client: Any,
        store: Any,
        ordering: Any,
    ) -> Path: ...


_engines: list[Engine] = []


def use_engine(engine: Engine) -> None:
    """Let an engine answer the verbs of all masks."""
    _engines[:] = [engine]


_MEANT = {
    "all": "mask.on(geom).all()",
    "any": "mask.on(geom).any()",
    "binary_dilate": "mask.dilate(radius)",
    "binary_erode": "mask.erode(radius)",
    "boundary": "mask & maskexpr.Boundary(width)",
    "buffer": "mask.dilate(radius)",
    "coords": "mask.on(geom).coords: a mask has no grid",
    "data": "mask.on(geom).data: a mask is no array",
    "difference": "mask - other",
    "dims": "mask.on(geom).dims: a mask has no grid",
    "dtype": "mask.on(geom).dtype: a mask is no array",
    "expand": "mask.dilate(radius)",
    "geom": "maskexpr.geom_of(mask.on(geom)): a mask has no grid until it is put on one",
    "grow": "mask.dilate(radius)",
    "intersection": "mask & other",
    "invert": "~mask",
    "mean": "mask.fsky(geom)",
    "ndim": "mask.on(geom).ndim: a mask is no array",
    "save": "mask.write(path, geom), or maskexpr.dumps(mask)",
    "shape": "mask.on(geom).shape: a mask is no array",
    "show": "mask.plot(geom)",
    "shrink": "mask.erode(radius)",
    "sum": "mask.on(geom).sum(), or mask.area(geom)",
    "symmetric_difference": "mask ^ other",
    "to_fits": "mask.write('mask.fits', geom)",
    "union": "mask | other",
    "values": "mask.on(geom).values: a mask is no array",
}
"""What users of other packages call verbs and operators of masks."""


@told_methods
class Fluent(Node):
    """The verbs that every mask has."""

    if not TYPE_CHECKING:  # a type checker finds what is misspelled itself

        def __getattr__(self, name: str) -> Any:
            raise absent(f"a mask ({type(self).__name__})", name, dir(self), _MEANT)

    def on(
        self,
        geom: Any = None,
        chunks: Any = "auto",
        like: xr.DataArray | None = None,
        coords: Literal["pixel", "world"] = "pixel",
    ) -> xr.DataArray:
        """Put the mask on a grid.

        Parameters
        ----------
        geom : Grid, or what carries one
            The grid; a gammapy geometry, map or dataset, an astropy WCS with a shape, a FITS header,
            NDData with a WCS, or a DataArray that carries its grid stand for theirs, here and wherever a
            grid is taken.
        chunks : "auto", int, or (int, int)
            Pixels along y and x of a dask chunk.
        like : DataArray, optional
            A cube on the grid whose dims, labels and chunks the mask takes over; the grid need not be
            given where the cube carries it. Dims of the cube that are no axis of the grid (time) are left
            out, as xarray's broadcasting supplies them.
        coords : "pixel" or "world"
            "world" adds the coordinates ``lon`` and ``lat`` (degrees, in the grid's frame): one number a
            column and a row where the map is separable, else lazy arrays of the map's shape.

        Returns
        -------
        xarray.DataArray over a dask.array.Array
            Lazy bool array with dims ``(axes..., "y", "x")``, integer pixel coordinates and the scalar
            coordinate ``sky_wcs``. Nothing is computed; slicing it and computing evaluates only the tiles
            that the slice touches.

        Examples
        --------
        >>> import maskexpr as mx
        >>> from maskexpr import WcsGeom
        >>> geom = mx.WcsGeom.allsky(binsz=10)
        >>> int(mx.Band(lat=("-10 deg", "10 deg")).on(geom).sum())
        72
        """
        return _engines[0].on(self, geom, chunks, like, coords)

    def compute(self, geom: Any, chunks: Any = "auto") -> xr.DataArray:
        """Put the mask on a grid, in memory: what ``on(geom).compute()`` gives, without copying tiles
        together.

        Parameters
        ----------
        geom : Grid
            The grid.
        chunks : "auto", int, or (int, int)
            Pixels along y and x of the tiles that threads work on; by default as for `on`.

        Returns
        -------
        xarray.DataArray
            Bool array with dims ``(axes..., "y", "x")``. Along axes that the mask does not vary along, the
            planes are views of one, and read-only.

        Examples
        --------
        >>> import maskexpr as mx
        >>> from maskexpr import WcsGeom
        >>> mx.Band(lat=("-10 deg", "10 deg")).compute(mx.WcsGeom.allsky(binsz=10)).values.sum()
        np.int64(72)
        """
        return _engines[0].compute(self, geom, chunks)

    def plan(self, geom: Any, chunks: Any = "auto", memory_limit: Any = None) -> Plan:
        """Count, before anything runs, which tiles are empty, full or to be evaluated.

        Parameters
        ----------
        geom, chunks
            As for `on`.
        memory_limit : int or str, optional
            Refuse the plan if it may need more, in bytes or as text such as ``"2 GB"``.

        Raises
        ------
        MemoryLimitError
            With the figures and what to change.

        Examples
        --------
        >>> import maskexpr as mx
        >>> from maskexpr import WcsGeom
        >>> geom = mx.WcsGeom.allsky(binsz=1)
        >>> mx.Band(lat=("60 deg", "90 deg")).plan(geom, chunks=30).n_full
        12
        """
        return _engines[0].plan(self, geom, chunks, memory_limit)

    def contains(self, positions: Any, geom: Any = None) -> NDArray[np.bool_]:
        """Which sky positions are selected, with no raster.

        Parameters
        ----------
        positions : SkyCoord, table, or gammapy SourceCatalog or EventList
            Of any shape and frame; a table has position columns of usual names.
        geom : Grid, optional
            Ask the pixels that hold the positions instead; False outside the map. Masks that have a meaning
            only on a grid need it.

        Returns
        -------
        ndarray of bool
            Shape of the positions; with ``geom``, after the axes that the mask varies along.

        Raises
        ------
        NeedsGridError
            If the mask has a meaning only on a grid and there is none.

        Examples
        --------
        >>> from astropy.coordinates import SkyCoord
        >>> import maskexpr as mx
        >>> mx.Band(lat=("60 deg", "90 deg")).contains(SkyCoord([10, 10], [50, 70], unit="deg"))
        array([False,  True])
        """
        return _engines[0].contains(self, positions, geom)

    @overload
    def area(self, geom: None = None, *, rtol: float = ...) -> AreaBounds: ...
    @overload
    def area(self, geom: Any) -> Quantity: ...
    def area(self, geom: Any = None, *, rtol: float | None = None) -> Any:
        """Solid angle of the selected pixels of a grid, or of the mask itself as a set on the sphere.

        Parameters
        ----------
        geom : Grid, optional
            See `on`.
        rtol : float, optional
            Without a grid: by what part of the area its bounds are apart, at most; 0.01 unless given. The
            effort is in inverse proportion.

        Returns
        -------
        Quantity or AreaBounds
            In deg2. On a grid one, or one per plane where the mask varies along axes. Without a grid
            ``value``, and ``lower`` and ``upper``, which the area certainly is not below and not above.

        Raises
        ------
        NeedsGridError
            If there is no grid, and the mask has a meaning only on one.
        MaskValueError
            If ``rtol`` is not more than 0, or cannot be reached with reasonable effort.

        Examples
        --------
        >>> import maskexpr as mx
        >>> mx.AllSky().area(mx.WcsGeom.allsky(binsz=5)).round(2)
        <Quantity 41252.96 deg2>
        >>> found = mx.Region("icrs; circle(30, 40, 10)").area(rtol=0.05)
        >>> bool(found.lower < 313.36 * found.value.unit < found.upper)
        True
        """
        return _engines[0].area(self, geom, rtol)

    def count(self, geom: Any) -> Any:
        """Number of selected pixels of a grid: one, or one per plane where the mask varies along axes.

        Of an image it equals ``mask.on(geom).sum()``, without an array of the map: tiles that are all in or
        all out are counted by their size.

        Parameters
        ----------
        geom : Grid, or what carries one
            See `on`.

        Returns
        -------
        int64 or ndarray of int64

        Examples
        --------
        >>> import maskexpr as mx
        >>> int(mx.Band(lat=("0 deg", "90 deg")).count(mx.WcsGeom.allsky(binsz=1)))
        32400
        """
        return _engines[0].count(self, geom)

    def fraction(self, geom: Any, levels: int = 4, chunks: Any = "auto") -> xr.Dataset:
        """What fraction of each pixel's area the mask selects, as a set on the sphere, between two bounds.

        Pixels that an edge crosses are cut in four, and these again. What is proved to be in counts for both
        bounds, what is left open for the upper one alone; so their difference halves with every level.

        Parameters
        ----------
        geom : Grid, or what carries one
            See `on`; its non-spatial axes do not matter.
        levels : int
            How often pixels are halved along their sides, 0 to 12.
        chunks : int or tuple, optional
            See `on`.

        Returns
        -------
        Dataset
            ``lower`` and ``upper``, lazy, of float32, from 0 to 1; 0 for pixels whose centre is off the sky.
            Of pixels beside these nothing is known, unless all of the sky is selected, or none. Computed
            together they are one piece of work.

        Raises
        ------
        NeedsGridError
            If the mask has a meaning only on a grid.
        MaskValueError
            For other levels.

        Examples
        --------
        >>> import maskexpr as mx
        >>> disk = mx.Region("icrs; circle(45, 0, 20)")
        >>> found = disk.fraction(mx.HpxGeom(order=2), levels=6).compute()
        >>> area = 41252.96 * found.mean()
        >>> bool(area.lower < 1243.9 < area.upper)
        True
        """
        return _engines[0].fraction(self, geom, levels, chunks)

    def fsky(self, geom: Any) -> Any:
        """Selected fraction of the whole sky: one, or one per plane where the mask varies along axes.

        Examples
        --------
        >>> import maskexpr as mx
        >>> round(float(mx.Band(lat=("0 deg", "90 deg")).fsky(mx.WcsGeom.allsky(binsz=5))), 3)
        0.5
        """
        return _engines[0].fsky(self, geom)

    def explain(self, geom: Any = None, chunks: Any = "auto") -> Explanation:
        """The expression as a tree, each node with its reach beyond a tile.

        With a geometry it is the mask as it would be evaluated (simplified), each node with the number of
        tiles that it leaves empty, full and mixed, and the plan. A node's counts are those of its own plan.
        In very deep masks the upper nodes are not counted.

        Returns
        -------
        Explanation
            Text, which a prompt and a notebook show as it is.

        Examples
        --------
        >>> import maskexpr as mx
        >>> print(mx.Band(lat=("-5 deg", "5 deg")).explain(mx.WcsGeom.allsky(binsz=1), chunks=30))
        Band(lat=(-5 deg, 5 deg), frame='icrs')       48 empty       0 full      24 mixed
        ...
        """
        return _engines[0].explain(self, geom, chunks)

    def simplify(self) -> Mask:
        """An equal mask, bit for bit on every grid, of at most as many nodes.

        Examples
        --------
        >>> import maskexpr as mx
        >>> north = mx.Band(lat=("0 deg", "90 deg"))
        >>> (~~north | north).simplify() == north
        True
        """
        return _engines[0].simplify(self)

    def distance(self, geom: Any, max: AngleLike, chunks: Any = "auto") -> xr.DataArray:
        """Distance from each selected pixel to the nearest unselected one.

        Parameters
        ----------
        geom : Grid, or what carries one
            See `on`.
        max : angle
            The largest distance that is told; no further is looked. More than 0, at most 180 degrees.
        chunks
            As for `on`.

        Returns
        -------
        xarray.DataArray
            Lazy float32, degrees: true angles between the centres of pixels, at most ``max``, 0 where
            unselected and off the sky. The seam and the poles are no edge, nor is the map's border: the mask
            goes on beyond it, so that the distance of a cutout is the cutout of the distance. Only tiles with
            an edge of the mask within ``max`` are tasks.

        Examples
        --------
        >>> import maskexpr as mx
        >>> north = mx.Band(lat=("0 deg", "90 deg")).distance(mx.WcsGeom.allsky(binsz=10), "25 deg")
        >>> north[::3, 0].values
        array([ 0.,  0.,  0., 10., 25., 25.], dtype=float32)
        """
        return _engines[0].distance(self, geom, max, chunks)

    def apodize(
        self,
        geom: Any,
        width: AngleLike,
        profile: Literal["C1", "C2", "cos"] | Callable[..., Any] = "C1",
        chunks: Any = "auto",
    ) -> xr.DataArray:
        """Weights that rise from 0 at what is not selected to 1 a width away.

        Parameters
        ----------
        geom : Grid, or what carries one
            See `on`.
        width : angle
            The true angle from the nearest unselected pixel from which the weight is 1.
        profile : {"C1", "C2", "cos"} or callable
            "C1" and "C2" as NaMaster types them: with ``x = sqrt((1 - cos d) / (1 - cos width))``, C1 is
            ``x - sin(2 pi x) / (2 pi)`` and C2 ``(1 - cos(pi x)) / 2``. "cos" is C2's formula of ``x = d /
            width``, as pixell has it. A callable is given ``d / width``, from 0 to 1, and gives weights.
        chunks
            As for `on`.

        Returns
        -------
        xarray.DataArray
            Lazy float32, from 0 to 1. Neither the seam nor the poles nor the border of the map taper.

        References
        ----------
        Grain, Tristram and Stompor 2009, Phys. Rev. D 79, 123515 (where C1 and C2 are the other way round).

        Examples
        --------
        >>> import maskexpr as mx
        >>> north = mx.Band(lat=("0 deg", "90 deg")).apodize(mx.WcsGeom.allsky(binsz=10), "20 deg", "cos")
        >>> north[9:12, 0].values
        array([0.5, 1. , 1. ], dtype=float32)
        """
        return _engines[0].apodize(self, geom, width, profile, chunks)

    def to_gammapy(self, geom: Any) -> Any:
        """The mask on a grid, computed, as a gammapy ``WcsNDMap`` of bool.

        Parameters
        ----------
        geom : Grid, or what carries one
            See `on`. The geometry of the map is the gammapy geometry itself where one is given.

        Raises
        ------
        MissingDependencyError
            Without gammapy, or with a version of regions that it does not import with.

        Examples
        --------
        >>> import maskexpr as mx
        >>> geom = mx.WcsGeom.create(npix=(6, 4), binsz=1)
        >>> mx.AllSky().to_gammapy(geom).data.sum()
        np.int64(24)
        """
        return _engines[0].to_gammapy(self, geom)

    def to_array(self, geom: Any, masked: bool = False) -> NDArray[np.bool_]:
        """The mask on a grid, computed, as a plain numpy array.

        Parameters
        ----------
        geom : Grid, or what carries one
            See `on`.
        masked : bool
            Whether True shall mean *left out*, which is what `numpy.ma`, ``NDData`` and ``CCDData`` mean
            by a mask. maskexpr's own True means selected.

        Returns
        -------
        ndarray of bool, shape ``geom.shape``

        Examples
        --------
        >>> import maskexpr as mx
        >>> geom = mx.WcsGeom.allsky(binsz=90)
        >>> mx.Band(lat=("0 deg", "90 deg")).to_array(geom, masked=True)
        array([[ True,  True,  True,  True],
               [False, False, False, False]])
        """
        return _engines[0].to_array(self, geom, masked)

    def plot(self, geom: Any = None, ax: Any = None, **style: Any) -> Any:
        """Draw a coarse preview on WCSAxes, never the full map.

        Parameters
        ----------
        geom : Grid, or what carries one, optional
            The map to show; the whole sky in galactic Aitoff if neither this nor ``ax`` is given. Cells of
            HEALPix are shown in a projection of the sky that they hold.
        ax : WCSAxes, optional
            Where to draw; new axes if not given.
        **style
            ``plane`` (index along the axes; any plane if not given), ``color``, ``background``, ``legend``,
            ``title``, ``most`` (pixels to evaluate at most); the rest is ``imshow``'s.

        Returns
        -------
        WCSAxes

        Examples
        --------
        >>> import maskexpr as mx
        >>> mx.Band(lat=("-5 deg", "5 deg"), frame="galactic").plot(title="the plane").get_title()
        'the plane'
        """
        return _engines[0].plot(self, geom, ax, **style)

    def serve(self, port: int = 0, frame: str = "galactic") -> Any:
        """Show the mask on a page to pan and zoom, on loopback; tiles are computed when they are looked at.

        Parameters
        ----------
        port : int
            Port on loopback; a free one if 0.
        frame : str
            Frame of the map that is shown.

        Returns
        -------
        Server
            It runs on a thread until ``close()``, or the end of a ``with`` block; ``url`` is its address.

        Raises
        ------
        MaskError
            If the port cannot be had, or the mask varies along an axis.

        Examples
        --------
        >>> import maskexpr as mx
        >>> with mx.Band(lat=("-5 deg", "5 deg"), frame="galactic").serve() as page:
        ...     page.url.startswith("http://127.0.0.1:")
        True
        """
        return _engines[0].serve(self, port, frame)

    def to_moc(self, order: int, cover: str = "centre") -> Moc:
        """The HEALPix cells that the mask selects, found without a raster.

        Parameters
        ----------
        order : int
            Of the smallest cells, 0 to 29.
        cover : {"centre", "inner", "outer"}
            The cells whose centres are in the mask; those that lie in it as a whole; or all that hold a point
            of it. Where it is not known of a cell of that order, after a look at its parts, it is not inner,
            and it is outer. ``(~mask).to_moc(order, "inner") == ~mask.to_moc(order, "outer")`` as sets.

        Returns
        -------
        Moc

        Raises
        ------
        NeedsGridError
            If the mask has a meaning only on a grid.
        MaskValueError
            For another order or cover.

        Examples
        --------
        >>> import maskexpr as mx
        >>> disk = mx.Region("icrs; circle(45, 0, 1 deg)")
        >>> [disk.to_moc(6, cover).sky_fraction * 12 * 4**6 for cover in ("inner", "centre", "outer")]
        [0.0, 4.0, 12.0]
        """
        return _engines[0].to_moc(self, order, cover)

    def _cells_in(self, geom: Any) -> NDArray[np.int64]:
        """Ranges of the cells of a HEALPix grid that are selected, for `HpxGeom.from_mask`."""
        return _engines[0].cells_in(self, geom)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: a list of nodes with a format version and a hash; `maskexpr.from_dict` is the
        inverse.

        Examples
        --------
        >>> import maskexpr as mx
        >>> mask = ~mx.Band(lat=("-5 deg", "5 deg"))
        >>> mx.from_dict(mask.to_dict()) == mask
        True
        """
        return _engines[0].to_dict(self)

    def to_recipe(self, path: str | os.PathLike[str] | None = None, embed: bool = False) -> str:
        """Write the mask as YAML that people read and change; `maskexpr.Recipe` reads it.

        Parameters
        ----------
        path : path, optional
            The file; only the text is given back unless it is given. Files that the mask was read from are
            named relative to its folder.
        embed : bool
            Write data in memory, such as a catalogue of more than 1,000 rows, into the recipe.

        Returns
        -------
        str
            The recipe.

        Raises
        ------
        MaskTypeError
            For data in memory, unless ``embed``: write them to a file, and make the mask of its path.

        Examples
        --------
        >>> import maskexpr as mx
        >>> print(mx.Band(lat=("-5 deg", "5 deg"), frame="galactic").dilate("1 deg").to_recipe())
        maskexpr: 1
        mask:
          Dilate:
            mask:
              Band:
                lat: [-5 deg, 5 deg]
                frame: galactic
            radius: 1 deg
        <BLANKLINE>
        """
        return _engines[0].to_recipe(self, path, embed)

    def write(
        self,
        path: str | os.PathLike[str],
        geom: Any,
        overwrite: bool = False,
        chunks: Any = "auto",
        progress: bool = False,
        memory_limit: Any = None,
        resume: bool = False,
        client: Any = "auto",
        store: Any = None,
        ordering: str | None = None,
    ) -> Path:
        """Write the mask to ``.zarr``, ``.fits`` or ``.fits.gz`` (cells also to ``.hsp``), tile by tile, with
        the expression as provenance.

        The file appears under its name only when it is complete.

        Parameters
        ----------
        path : str or path
            Ends in ``.zarr``, ``.fits`` or ``.fits.gz``; on an `HpxGeom` also in ``.hsp`` (HealSparse) or in
            ``.moc.fits``: the cells of a grid in ICRS whose centres are selected, as a MOC.
        geom : Grid, or what carries one
            See `on`.
        overwrite : bool
            Replace an existing file.
        chunks : "auto", int or (int, int)
            Pixels along y and x of a tile; for zarr also of a chunk of the store.
        progress : bool
            Show a progress bar.
        memory_limit : int or str, optional
            Refuse, before anything runs, if the plan may need more than this, in bytes or as ``"2 GB"``.
        resume : bool
            Finish what a killed run of the same mask on the same grid began: its finished tiles are compared
            with its journal and not evaluated again. If this run fails, what is done is left for the next.
        client : "auto", None or distributed.Client
            Whose workers evaluate the tiles, and store them where they see the folder of the output;
            elsewhere bits come back, compressed. The one that dask would use now, or with None threads.
        store : path or TileStore, optional
            A folder of evaluated tiles that runs share. A tile is found again by any run for which nothing
            has changed that matters there.
        ordering : {"nested", "ring"}, optional
            Order of the cells of an `HpxGeom` in a FITS file; nested if not given.

        Returns
        -------
        Path
            What was written.

        Raises
        ------
        OutputExistsError
            If the output is there and ``overwrite`` is not given; nothing is computed then.
        WriteError
            If the output cannot be written. What was there is as it was.
        TileError
            If workers die of a tile, or evaluating it fails.

        Examples
        --------
        >>> import tempfile
        >>> import maskexpr as mx
        >>> path = tempfile.mkdtemp() + "/plane.fits"
        >>> mx.Band(lat=("-5 deg", "5 deg")).write(path, mx.WcsGeom.allsky(binsz=1)).name
        'plane.fits'
        """
        return _engines[0].write(
            self, path, geom, overwrite, chunks, progress, memory_limit, resume, client, store, ordering
        )

    def dilate(
        self, radius: Radius, kernel: Kernel = "disk", metric: Metric = "sky", axis: str = "energy"
    ) -> Mask:
        """Grow by a radius. See `maskexpr.Dilate`.

        Parameters
        ----------
        radius : angle, number of pixels, or array of angles
            True angle (``"0.3 deg"``) or, with ``metric="pixel"``, ``3 * u.pix``; a pair (lon, lat) for
            boxes, an array for one radius a bin of ``axis``.
        kernel : {"disk", "box"}
            A box's radius is its half-side.
        metric : {"sky", "pixel"}
            Angles on the sphere, or the plane of the pixels.
        axis : str
            Of radii that differ from bin to bin.

        Examples
        --------
        >>> import maskexpr as mx
        >>> band = mx.Band(lat=("-10 deg", "10 deg"))
        >>> [int(each.on(mx.WcsGeom.allsky(binsz=5)).sum()) for each in (band, band.dilate("5 deg"))]
        [288, 432]
        """
        made: Mask = NODES["dilate"](self, radius, kernel, metric, axis)
        return made

    def erode(
        self, radius: Radius, kernel: Kernel = "disk", metric: Metric = "sky", axis: str = "energy"
    ) -> Mask:
        """Shrink by a radius. See `maskexpr.Erode`.

        Parameters
        ----------
        radius : angle, number of pixels, or array of angles
            True angle (``"0.3 deg"``) or, with ``metric="pixel"``, ``3 * u.pix``; a pair (lon, lat) for
            boxes, an array for one radius a bin of ``axis``.
        kernel : {"disk", "box"}
            A box's radius is its half-side.
        metric : {"sky", "pixel"}
            Angles on the sphere, or the plane of the pixels.
        axis : str
            Of radii that differ from bin to bin.

        Examples
        --------
        >>> import maskexpr as mx
        >>> band = mx.Band(lat=("-10 deg", "10 deg"))
        >>> [int(each.on(mx.WcsGeom.allsky(binsz=5)).sum()) for each in (band, band.erode("5 deg"))]
        [288, 144]
        """
        made: Mask = NODES["erode"](self, radius, kernel, metric, axis)
        return made

    def open(
        self, radius: Radius, kernel: Kernel = "disk", metric: Metric = "sky", axis: str = "energy"
    ) -> Mask:
        """Erode, then dilate. See `maskexpr.Open`.

        Parameters
        ----------
        radius : angle, number of pixels, or array of angles
            True angle (``"0.3 deg"``) or, with ``metric="pixel"``, ``3 * u.pix``; a pair (lon, lat) for
            boxes, an array for one radius a bin of ``axis``.
        kernel : {"disk", "box"}
            A box's radius is its half-side.
        metric : {"sky", "pixel"}
            Angles on the sphere, or the plane of the pixels.
        axis : str
            Of radii that differ from bin to bin.

        Examples
        --------
        >>> import maskexpr as mx
        >>> band = mx.Band(lat=("-10 deg", "10 deg"))
        >>> [int(each.on(mx.WcsGeom.allsky(binsz=5)).sum()) for each in (band, band.open("5 deg"))]
        [288, 288]
        """
        made: Mask = NODES["open"](self, radius, kernel, metric, axis)
        return made

    def close(
        self, radius: Radius, kernel: Kernel = "disk", metric: Metric = "sky", axis: str = "energy"
    ) -> Mask:
        """Dilate, then erode. See `maskexpr.Close`.

        Parameters
        ----------
        radius : angle, number of pixels, or array of angles
            True angle (``"0.3 deg"``) or, with ``metric="pixel"``, ``3 * u.pix``; a pair (lon, lat) for
            boxes, an array for one radius a bin of ``axis``.
        kernel : {"disk", "box"}
            A box's radius is its half-side.
        metric : {"sky", "pixel"}
            Angles on the sphere, or the plane of the pixels.
        axis : str
            Of radii that differ from bin to bin.

        Examples
        --------
        >>> import maskexpr as mx
        >>> band = mx.Band(lat=("-10 deg", "10 deg"))
        >>> [int(each.on(mx.WcsGeom.allsky(binsz=5)).sum()) for each in (band, band.close("5 deg"))]
        [288, 288]
        """
        made: Mask = NODES["close"](self, radius, kernel, metric, axis)
        return made

    def fill_holes(
        self, max_area: AngleLike | None = None, connectivity: Literal[4, 8] = 4, linked: bool = False
    ) -> Mask:
        """Fill holes up to an area. See `maskexpr.FillHoles`.

        Parameters
        ----------
        max_area : solid angle or number of pixels, optional
            ``"1 deg2"`` or ``20 * u.pix**2``; every hole if not given.
        connectivity : {4, 8}
            Of the holes: with 4 they do not go on across a corner.
        linked : bool
            Whether holes go on from plane to plane along non-spatial axes.

        Examples
        --------
        >>> import maskexpr as mx
        >>> ring = mx.Region("icrs; annulus(0, 0, 10, 20)")
        >>> bool(ring.fill_holes().on(mx.WcsGeom.create(npix=50, binsz=1)).values[25, 25])
        True
        """
        made: Mask = NODES["fill_holes"](self, max_area, connectivity, linked)
        return made

    def remove_small(
        self, min_area: AngleLike, connectivity: Literal[4, 8] = 4, linked: bool = False
    ) -> Mask:
        """Remove components below an area. See `maskexpr.RemoveSmall`.

        Parameters
        ----------
        min_area : solid angle or number of pixels
            ``"1 deg2"`` or ``20 * u.pix**2``.
        connectivity : {4, 8}
            Whether pixels that share a side are connected, or those that touch at a corner too.
        linked : bool
            Whether components go on from plane to plane along non-spatial axes.

        Examples
        --------
        >>> import maskexpr as mx
        >>> two = mx.Region("icrs; circle(0, 0, 10); circle(20, 0, 2)")
        >>> geom = mx.WcsGeom.create(npix=60, binsz=1)
        >>> bool((two.remove_small("50 deg2").on(geom) == mx.Region("icrs; circle(0, 0, 10)").on(geom)).all())
        True
        """
        made: Mask = NODES["remove_small"](self, min_area, connectivity, linked)
        return made

    def __repr__(self) -> str:
        return one_line(self)

    def __str__(self) -> str:
        return tree(self)

    def _repr_html_(self) -> str:
        return _engines[0].mask_html(self)

    def __dir__(self) -> list[str]:
        """What users ask of a mask; the laws of nodes, which passes ask, are not offered for completion."""
        own = [
            name
            for name, value in vars(type(self)).items()
            if name.startswith("to_") or (isinstance(value, classmethod) and name != "restore")
        ]
        verbs = [name for name in vars(Fluent) if not name.startswith("_")]
        return sorted({*verbs, *own, *(name for name, _ in self.fields()), "children"})

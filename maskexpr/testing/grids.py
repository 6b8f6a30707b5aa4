"""Laws that every grid must keep: `check_grid` holds one of any kind to what the protocol promises.

Promises are checked on random windows and pixels against what `Grid.lonlat` says of every pixel centre, so
that a grid is compared with its own positions and with nothing else.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..core.arrays import Bools, Floats, Ints
from ..core.errors import GeometryError
from ..expr.mask import AllSky
from ..grid.lattice import OFF, ON, Grid, Rim, Topology
from ..grid.tiles import Tiles
from ..io.xarray import GRID, grid_number
from ..pixels.window import Window
from ..sphere.vectors import angle_between, rotation, unit

__all__ = ["as_array", "check_grid"]

# Windows and pixels that are tried, and pixels of the largest window.
_WINDOWS = 60
_PIXELS = 4000
_LARGEST = 1 << 16
# Rounding of an angle between two directions, and how far the centre of a position's pixel may be from a
# position that is one, radians.
_ROUNDING = 1e-11
_SAME = 1e-7
_WAYS = {False: ((0, 1), (1, 0)), True: ((0, 1), (1, 0), (1, 1), (1, -1))}


def check_grid(grid: Grid, seed: int = 0, whole: float = 1e-6, chunks: Any = None) -> None:
    """Hold a grid to the laws of `maskexpr.grid.lattice.Grid`, best a small one: some ask every pixel.

    Parameters
    ----------
    grid : Grid
        The grid.
    seed : int
        Of the random windows and pixels.
    whole : float
        How far the solid angles of a map of the whole sky may be from adding up to it, relatively: more than
        rounding where the rim of the sky cuts pixels.
    chunks : object, optional
        Small ones in which its arrays are tried: of 5 pixels a side, unless its arrays take others.

    Raises
    ------
    AssertionError
        With the law that is broken.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> check_grid(WcsGeom.allsky(binsz=10))
    """
    rng = np.random.default_rng(seed)
    if chunks is None:
        chunks = 5 if grid.array_shape == grid.image_shape else "auto"
    _check_identity(grid)
    _check_positions(grid, rng)
    _check_windows(grid, rng)
    _check_solid_angles(grid, whole)
    _check_lattice(grid)
    for corners in (False, True):
        _check_neighbours(grid, corners)
    _check_separable(grid, rng)
    _check_shape_of_sky(grid, rng)
    _check_map(grid, rng)
    for some in (chunks, "auto"):
        _check_layout(grid, some)
        _check_array(grid, some)


def _check_identity(grid: Grid) -> None:
    """Equality, hash, fingerprint and pickle tell the same grid from others; the image is a grid of its
    own.
    """
    again = pickle.loads(pickle.dumps(grid))
    image = grid.to_image()
    for law, kept in (
        ("a pickled copy is equal", again == grid),
        ("equal grids have one hash", hash(again) == hash(grid)),
        ("equal grids have one fingerprint", again.fingerprint == grid.fingerprint),
        ("the fingerprint is hexadecimal and no shorter than 64 bits", len(grid.fingerprint) >= 16),
        ("the fingerprint is what dask knows a grid by", grid.__dask_tokenize__() == grid.fingerprint),
        ("a grid is no other object", grid != grid.fingerprint),
        ("the image has no axes", image.axes == () and image.shape == grid.array_shape),
        ("the image has the lattice of the grid", image.image_shape == grid.image_shape),
        ("the image of the image is the image", image.to_image() == image),
        ("without its axes it is another grid", (image == grid) == (not grid.axes)),
        ("and has another fingerprint", (image.fingerprint == grid.fingerprint) == (not grid.axes)),
        ("its offset in itself is none", grid.offset_in(grid) == (0, 0)),
        ("planes have the lattice of the image", grid.offset_in(image) == image.offset_in(grid) == (0, 0)),
        ("shape is the axes' bins and the array's", grid.shape == (*_bins(grid), *grid.array_shape)),
        ("a map has pixels", min(*grid.image_shape, *grid.array_shape) >= 1),
        ("pixel scales are two positive angles", bool((grid.pixel_scales.to_value("deg") > 0).all())),
        ("there are two", grid.pixel_scales.shape == (2,)),
        ("the frame is a rotation of ICRS", rotation(grid.frame, "icrs").shape == (3, 3)),
    ):
        assert kept, f"{law}: {grid!r}"
    int(grid.fingerprint, 16)


def _bins(grid: Grid) -> tuple[int, ...]:
    return tuple(axis.nbin for axis in grid.axes)


def _check_positions(grid: Grid, rng: np.random.Generator) -> None:
    """Positions are NaN in both coordinates or in none, do not depend on what is asked together with them,
    and lead back to a pixel with that centre.
    """
    around = grid.lattice.pad(2)
    y, x = rng.integers(around.y0, around.y1, _PIXELS), rng.integers(around.x0, around.x1, _PIXELS)
    ny, nx = grid.image_shape
    y[::2], x[::2] = rng.integers(0, ny, _PIXELS // 2), rng.integers(0, nx, _PIXELS // 2)
    lon, lat = grid.lonlat(y, x)
    assert lon.shape == lat.shape == y.shape, f"positions have the shape of the indices: {grid!r}"
    on_sky = np.isfinite(lon)
    assert np.array_equal(on_sky, np.isfinite(lat)), f"off the sky both coordinates are NaN: {grid!r}"
    assert (np.abs(lat[on_sky]) <= 90).all(), f"latitudes are between -90 and 90 deg: {grid!r}"
    some = rng.permutation(_PIXELS)[:40]
    for law, there in (
        ("a pixel alone", np.transpose([grid.lonlat(int(y[i]), int(x[i])) for i in some])),
        ("few pixels", np.stack(grid.lonlat(y[some], x[some]))),
        ("rows and columns", np.diagonal(grid.lonlat(y[some, None], x[None, some]), axis1=1, axis2=2)),
    ):
        same = np.array_equal(there, np.stack([lon[some], lat[some]]), equal_nan=True)
        assert same, f"{law}: a pixel's position does not depend on the others: {grid!r}"
    here = on_sky & (y >= 0) & (y < ny) & (x >= 0) & (x < nx) & grid.on_map(y, x)
    _check_way_back(grid, lon[here], lat[here])


def _check_way_back(grid: Grid, lon: Floats, lat: Floats) -> None:
    """The centres of pixels of the map lead back to pixels with that centre, what is no position to none."""
    xyz = unit(lon, lat)
    row, column = grid.array_index(lon, lat)
    ny, nx = grid.image_shape
    held = (row >= 0) & (row < ny) & (column >= 0) & (column < nx) & grid.on_map(row, column)
    assert held.all(), f"the centre of a pixel of the map is in a pixel of the map: {grid!r}"
    assert row.dtype == column.dtype == np.int64, f"pixels have whole indices: {grid!r}"
    far = angle_between(unit(*grid.lonlat(row, column)), xyz)
    assert (far < _SAME).all(), f"the centre of a pixel leads back to it: {grid!r}"
    at = np.stack(grid.pixel(lon, lat))
    # Elsewhere on a lattice that repeats pixels may be shifted by a part of one.
    size = 2 * np.deg2rad(grid.pixel_scales.to_value("deg").max()) if grid.repeats else _SAME
    far = angle_between(unit(*grid.lonlat(*_whole(at))), xyz)
    assert (far < size).all(), f"the indices of a centre are those of a pixel: {grid!r}"
    nowhere = np.array([np.nan, 1.0]), np.array([1.0, np.nan])
    assert np.isnan(grid.pixel(*nowhere)).all(), f"what is no position has no indices: {grid!r}"
    assert (np.stack(grid.array_index(*nowhere)) == -1).all(), f"what is no position has no pixel: {grid!r}"


def _whole(index: Floats) -> Ints:
    return np.floor(index + 0.5).astype(np.int64)


def _check_windows(grid: Grid, rng: np.random.Generator) -> None:
    """`Grid.sky` and `Grid.caps` keep what they promise of all pixel centres of windows, on the map, beyond
    it, beyond the lattice.
    """
    tiles = Tiles(grid, _random_windows(grid, rng))
    bounds, sky, number = tiles.bounds, tiles.sky, len(tiles)
    assert sky.shape == (number,), f"an answer for each window: {grid!r}"
    measured = grid.measure(bounds)
    centres = [unit(*_positions(grid, Window(*each))) for each in bounds.T.tolist()]
    for i, xyz in enumerate(centres):
        few = None if measured is None else measured[..., [i]]
        where, seen = f"window {bounds[:, i]} of {grid!r}", np.isfinite(xyz[0])
        assert sky[i] != OFF or not seen.any(), f"a window that is OFF has no pixel on the sky: {where}"
        assert sky[i] != ON or seen.all(), f"all pixels of a window that is ON are on the sky: {where}"
        alone = grid.sky(bounds[:, [i]], few)
        assert alone[0] == sky[i], f"a window's sky does not depend on the others: {where}"
    caps = tiles.caps
    assert caps.centre.shape == (3, number), f"a cap for each window: {grid!r}"
    assert caps.radius.shape == (number,), f"a radius for each window: {grid!r}"
    for i, xyz in enumerate(centres):
        seen = xyz[:, np.isfinite(xyz[0])]
        if seen.size:
            far = angle_between(seen, caps.centre[:, i, None]).max()
            where = f"window {bounds[:, i]} of {grid!r}"
            assert far <= caps.radius[i] + _ROUNDING, f"a cap holds all pixel centres: {where}"


def _random_windows(grid: Grid, rng: np.random.Generator) -> Ints:
    """Windows of all sizes, half of them on the map; the map, its lattice, what is round it."""
    ny, nx = grid.image_shape
    found = [Window(0, ny, 0, nx), Window(0, 1, 0, 1), Window(-1, ny + 1, -1, nx + 1)]
    for around in (Window(0, ny, 0, nx), grid.lattice.pad(3)):
        for _ in range(_WINDOWS):
            height, width = (1 + int(2 ** rng.uniform(0, 5)) for _ in range(2))
            y0 = int(rng.integers(around.y0, max(around.y0 + 1, around.y1 - height)))
            x0 = int(rng.integers(around.x0, max(around.x0 + 1, around.x1 - width)))
            found.append(Window(y0, y0 + height, x0, x0 + width))
    found.append(grid.lattice)
    return np.array([each for each in found if each.size <= _LARGEST], dtype=np.int64).T


def _positions(grid: Grid, window: Window) -> tuple[Floats, Floats]:
    lon, lat = grid.lonlat(np.arange(window.y0, window.y1)[:, None], np.arange(window.x0, window.x1))
    return lon.ravel(), lat.ravel()


def _map(grid: Grid) -> Window:
    ny, nx = grid.image_shape
    return Window(0, ny, 0, nx)


def _on_sky(grid: Grid, window: Window) -> Bools:
    return np.isfinite(_positions(grid, window)[0]).reshape(window.shape)


def _of_map(grid: Grid) -> Bools:
    """Which pixels of the image are the map's and on the sky."""
    return _on_sky(grid, _map(grid)) & grid.on_map(*np.indices(grid.image_shape))


def _check_solid_angles(grid: Grid, whole: float) -> None:
    """Solid angles of the map's pixels are positive on the sky and NaN off it; those of a map of the whole
    sky add up to it.
    """
    area, on_sky = grid.solid_angle_of(_map(grid)), _of_map(grid)
    area = np.broadcast_to(area, on_sky.shape)
    assert (area[on_sky] > 0).all(), f"a pixel on the sky has a solid angle: {grid!r}"
    assert np.isnan(area[~on_sky]).all(), f"off the sky the solid angle is NaN: {grid!r}"
    part = grid.solid_angles(np.array([0]), np.arange(grid.image_shape[1]))
    assert np.array_equal(part[0], area[0], equal_nan=True), (
        f"a row has the solid angles of the map: {grid!r}"
    )
    if grid.topology().edgeless:
        total = float(area[on_sky].sum())
        assert abs(total - 4 * np.pi) <= whole * 4 * np.pi, (
            f"the solid angles of a map of the whole sky add up to 4 pi, not {total}: {grid!r}"
        )


def _check_lattice(grid: Grid) -> None:
    """The lattice and the topology's window hold all pixels of the map that are on the sky."""
    y, x = np.nonzero(_of_map(grid))
    for name, held in (("lattice", grid.lattice), ("topology's window", grid.topology().window)):
        inside = (y >= held.y0) & (y < held.y1) & (x >= held.x0) & (x < held.x1)
        assert inside.all(), f"the {name} holds the pixels of the map: {grid!r}"
    window = grid.topology().window
    assert window.intersect(_map(grid)) == window, f"the topology's window is of the map: {grid!r}"


def _check_neighbours(grid: Grid, corners: bool) -> None:
    """Steps over the rim lead from pixels of the map to others and back, do not depend on the window, and
    hold a map of the whole sky together.
    """
    topology, on_sky = grid.topology(), _of_map(grid)
    links = _on_lattice(topology, on_sky, corners)
    if topology.rims and topology.window.size:
        around = grid.rim(topology.window, corners)
        _check_rim(grid, around, on_sky)
        _check_parts(grid, topology.window, corners)
        over = around.target >= 0
        links = np.concatenate([links, [_starts(grid, around)[over], around.target[over]]], axis=1)
    if topology.edgeless:
        assert grid.holds_whole_sky(), f"a map without edges holds the whole sky: {grid!r}"
        size = on_sky.size
        graph = scipy.sparse.coo_array((np.ones(links.shape[1]), tuple(links)), shape=(size, size))
        _, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
        assert len(np.unique(label[on_sky.ravel()])) == 1, f"the whole sky hangs together: {grid!r}"


def _check_rim(grid: Grid, around: Rim, on_sky: Bools) -> None:
    start, target = _starts(grid, around), around.target
    over = target >= 0
    # Where some pixels are only near the rim, steps may be found from one side alone, which joins both.
    exact = (over | around.edge).all()
    steps, back = _steps(grid, around), _steps(grid, around, back=True)
    for law, kept in (
        ("pixels at the rim are on the sky", on_sky[around.y, around.x].all()),
        ("steps lead to the map", (target < on_sky.size).all() and (target >= -1).all()),
        ("steps lead to pixels on the sky", on_sky.ravel()[target[over]].all()),
        ("steps lead to other pixels", (target != start).all()),
        ("a step that ends the map leads nowhere", not (around.edge & over).any()),
        ("a step leads to a pixel that is at the rim too", np.isin(target[over], start).all()),
        ("where a step leads, one leads back", steps == back or not exact),
    ):
        assert kept, f"{law}: {grid!r}"


def _check_parts(grid: Grid, window: Window, corners: bool) -> None:
    """The rim of a window is that of its parts; what touches along a side is among what touches."""
    whole = _steps(grid, grid.rim(window, corners))
    (y0, y1, x0, x1), (height, width) = window, window.shape
    parts: set[tuple[int, int]] = set()
    for top, bottom in ((y0, y0 + height // 3), (y0 + height // 3, y1)):
        for left, right in ((x0, x0 + width // 2), (x0 + width // 2, x1)):
            part = Window(top, bottom, left, right)
            if part.size:
                parts |= _steps(grid, grid.rim(part, corners))
    assert parts == whole, f"steps over the rim do not depend on the window: {grid!r}"
    if not corners:
        assert whole <= _steps(grid, grid.rim(window, True)), f"what touches along a side touches: {grid!r}"


def _starts(grid: Grid, around: Rim) -> Ints:
    return np.asarray(around.y * grid.image_shape[1] + around.x)


def _steps(grid: Grid, around: Rim, back: bool = False) -> set[tuple[int, int]]:
    """Pairs of flat indices between which a step leads, or the way back."""
    over = around.target >= 0
    ends = _starts(grid, around)[over].tolist(), around.target[over].tolist()
    return set(zip(*(ends[::-1] if back else ends), strict=True))


def _on_lattice(topology: Topology, on_sky: Bools, corners: bool) -> Ints:
    """Pairs of flat indices of pixels that touch on the lattice, over the seam or at a pole, shape (2, n)."""
    y0, y1, x0, x1 = topology.window
    flat = np.where(on_sky, np.arange(on_sky.size).reshape(on_sky.shape), -1)[y0:y1, x0:x1]
    if not flat.size:
        return np.empty((2, 0), dtype=np.int64)
    wide = np.pad(flat, 1, constant_values=-1)
    if topology.seam:
        wide[1:-1, -1] = flat[:, 0]
    found = []
    for dy, dx in _WAYS[corners]:
        other = wide[1 + dy : 1 + dy + flat.shape[0], 1 + dx : 1 + dx + flat.shape[1]]
        found.append(np.stack([flat.ravel(), other.ravel()]))
    for row, pole in zip((flat[0], flat[-1]), topology.poles, strict=True):
        if pole:
            found.append(np.stack([row, np.full_like(row, row[0])]))
    pairs = np.concatenate(found, axis=1)
    return np.asarray(pairs[:, (pairs >= 0).all(axis=0)])


def _check_separable(grid: Grid, rng: np.random.Generator) -> None:
    """A grid that says that it is separable has longitudes of its columns and latitudes of its rows."""
    if not grid.separable:
        has_step = np.isfinite(grid.lon_step) or grid.period is not None
        assert not has_step, f"only a separable grid has a step of longitude: {grid!r}"
        for ask in (grid.lon_of, grid.lat_of):
            try:
                ask(np.array([0]))
            except GeometryError:
                continue
            raise AssertionError(f"only a separable grid has longitudes of columns: {grid!r}")
        return
    y, x = _random_pixels(grid, rng)
    lon, lat = grid.lonlat(y, x)
    on_sky = np.isfinite(lon)
    of_lines = np.stack([grid.lon_of(x), grid.lat_of(y)])
    assert np.array_equal(of_lines[:, on_sky], np.stack([lon, lat])[:, on_sky]), (
        f"positions are the longitude of the column and the latitude of the row, bit for bit: {grid!r}"
    )
    assert np.array_equal(np.isfinite(of_lines).all(axis=0), on_sky), (
        f"a pixel is on the sky if its column and its row are: {grid!r}"
    )
    step = (grid.lon_of(x + 1) - grid.lon_of(x) - grid.lon_step + 180) % 360 - 180
    assert (np.abs(step[np.isfinite(step)]) < 1e-9).all(), f"columns are a step of longitude apart: {grid!r}"
    if grid.period is not None:
        turn = grid.period * abs(grid.lon_step)
        assert abs(turn - 360) < 1e-6, f"a period is 360 deg, not {turn}: {grid!r}"


def _random_pixels(grid: Grid, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Pixels of the map and of what is round it."""
    (ny, nx), limits = grid.image_shape, grid.lattice
    y = rng.integers(max(limits.y0, -ny) - 1, min(limits.y1, 2 * ny) + 1, _PIXELS)
    x = rng.integers(max(limits.x0, -nx) - 1, min(limits.x1, 2 * nx) + 1, _PIXELS)
    return y, x


def _check_shape_of_sky(grid: Grid, rng: np.random.Generator) -> None:
    """What a grid claims of the image of the sky on its lattice: convex, smooth, in chords, cut, not
    repeated.
    """
    y, x = _random_pixels(grid, rng)
    seen = np.isfinite(grid.lonlat(y, x)[0])
    if grid.convex_sky:
        # The middle of two pixels is one where their indices are both odd or both even.
        one, other = (np.stack([y, x])[:, seen][:, i::2][:, : seen.sum() // 2] for i in (0, 1))
        whole = ((one + other) % 2 == 0).all(axis=0)
        between = (one + other)[:, whole] // 2
        assert np.isfinite(grid.lonlat(*between)[0]).all(), f"a convex sky holds what lies between: {grid!r}"
    if grid.smooth:
        for y0, y1, x0, x1 in _random_windows(grid, rng).T.tolist():
            corners = grid.lonlat([y0, y0, y1 - 1, y1 - 1], [x0, x1 - 1, x0, x1 - 1])[0]
            held = np.isnan(corners).any() or _on_sky(grid, Window(y0, y1, x0, x1)).all()
            assert held, f"a rectangle with its corners on a smooth sky is on it: {grid!r}"
    rows, row = np.unique(y, return_inverse=True)
    chords = grid.chords(rows)
    if chords is not None:
        outer, inner, inner_end, outer_end = chords[:, row]
        beyond, within = (x < outer) | (x > outer_end), (x >= inner) & (x <= inner_end)
        assert not seen[beyond].any(), f"beyond the chords of a row there is no sky: {grid!r}"
        assert seen[within].all(), f"within the chords of a row all is sky: {grid!r}"
    if grid.cut is not None:
        lengths = np.linalg.norm(np.stack(grid.cut), axis=1)
        assert np.allclose(lengths, 1, rtol=_ROUNDING), f"a cut is of unit vectors: {grid!r}"
    if not grid.repeats and grid.period is None:
        xyz = unit(*_positions(grid, _map(grid)))
        xyz = xyz[:, np.isfinite(xyz[0])]
        alike = scipy.spatial.cKDTree(xyz.T).query_pairs(_ROUNDING)
        assert not alike, f"no position is shown twice: {grid!r}"


def _check_map(grid: Grid, rng: np.random.Generator) -> None:
    """What is said of windows is what is said of their pixels: which are on the sky, which are the map's."""
    bounds = _random_windows(grid, rng)
    covers, whole = grid.covers(bounds), _map(grid)
    for state, each in zip(covers, bounds.T.tolist(), strict=True):
        window, on_sky = Window(*each), _on_sky(grid, Window(*each))
        y, x = np.arange(window.y0, window.y1)[:, None], np.arange(window.x0, window.x1)
        held = np.broadcast_to(grid.on_map(y, x), window.shape)
        where = f"window {window} of {grid!r}"
        assert state != OFF or not (held & on_sky).any(), f"a window that is OFF has none of the map: {where}"
        assert state != ON or (held | ~on_sky).all(), f"a window that is ON is the map's: {where}"
        known, of_map = grid.on_sky(window), grid.map_in(window)
        assert known is None or np.array_equal(known, on_sky), f"what is on the sky: {where}"
        if window.intersect(whole) == window:
            got = np.ones(window.shape, dtype=bool) if of_map is None else of_map
            assert np.array_equal(got & on_sky, held & on_sky), f"what is the map's: {where}"


def _check_layout(grid: Grid, chunks: Any) -> None:
    """Blocks of arrays hold each pixel of the map once, in the same order for all chunks; strips cut all of
    the image.
    """
    ny, nx = grid.image_shape
    number = np.arange(ny * nx).reshape(ny, nx)
    layout = grid.layout(chunks)
    array = as_array(grid, number, chunks)
    assert array.shape == grid.array_shape == tuple(sum(each) for each in layout.sizes), f"shape: {grid!r}"
    assert np.array_equal(array, as_array(grid, number, "auto")), f"one order for all chunks: {grid!r}"
    held = number[_of_map(grid)]
    assert len(np.unique(array)) == array.size, f"no pixel is twice in an array: {grid!r}"
    assert np.isin(held, array).all(), f"all pixels of the map are in an array: {grid!r}"
    rows, columns = layout.strips(7)
    assert (sum(rows), sum(columns)) == (ny, nx), f"strips cut the image: {grid!r}"


def as_array(grid: Grid, values: NDArray[Any], chunks: Any = "auto") -> NDArray[Any]:
    """Values of the image of a grid, shape (ny, nx), as its arrays have them.

    Examples
    --------
    >>> from maskexpr import HpxGeom
    >>> as_array(HpxGeom(order=0), np.arange(25).reshape(5, 5))
    array([21, 17, 13,  9, 20, 16, 12,  8, 15, 11,  7,  3])
    """
    layout = grid.layout(chunks)
    out = np.zeros(grid.array_shape, dtype=values.dtype)
    for block in np.ndindex(*layout.numblocks):
        y0, y1, x0, x1 = layout.bounds(np.array(block)[:, None])[:, 0].tolist()
        layout.pack(values[y0:y1, x0:x1], block, out[layout.place(block)])
    return out


def _check_array(grid: Grid, chunks: Any) -> None:
    """An array on the grid has its dims, coordinates, and the grid's texts and number; in chunks it is what
    it is as a whole.
    """
    array = AllSky().on(grid, chunks=chunks)
    what = f"of an array on {grid!r}"
    attrs = grid.to_attrs()
    assert array.dims == (*(axis.name for axis in grid.axes), *grid.dims), f"dims {what}"
    assert array.shape == grid.shape, f"shape {what}"
    for name, coordinate in grid.coordinates().items():
        same = array[name].variable.identical(coordinate.variable)  # type: ignore[no-untyped-call]
        assert same, f"coordinate {name} {what}"
    assert all(isinstance(text, str) for text in (*attrs, *attrs.values())), f"attributes are texts {what}"
    assert array[GRID].attrs == attrs, f"attributes {what}"
    assert int(array[GRID]) == grid_number(grid), f"number {what}"
    on_sky = np.broadcast_to(as_array(grid, _on_sky(grid, _map(grid))), grid.shape)
    assert np.array_equal(array.values, on_sky), f"all of the sky is all pixels on the sky {what}"
    part: tuple[Any, ...] = (..., *(slice(length // 3, length // 3 + 3) for length in grid.array_shape))
    assert np.array_equal(array[part].values, on_sky[part]), f"a slice {what}"

"""Laws that every node must keep, for this package's tests and for nodes that others write.

`check_node` holds a mask against its laws on one geometry, `check_promises` against what is promised of its
tiles; `geometries` and `thin_geometries` are awkward maps to do it on, `tilings` cuts them in every shape;
`masks` makes random expressions over all registered nodes; `unpruned` switches off what the promises are
used for. Needs hypothesis.
"""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np

from ..compile.classify import classify
from ..compile.compiled import compile_mask
from ..compile.evaluate import Evaluator, evaluate
from ..compile.simplify import simplify
from ..core.coverage import EMPTY, MIXED, Coverage
from ..core.errors import NeedsGridError
from ..core.pruning import unpruned
from ..expr.mask import Bools, Mask
from ..expr.serialize import dumps, loads
from ..expr.structure import Reach, postorder
from ..grid.axis import Axis
from ..grid.lattice import Grid
from ..grid.points import Points
from ..grid.tiles import Areas, Tile, Tiles, grid_tiles
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from .grids import as_array
from .tilings import Tiling, thin_tilings

__all__ = [
    "brute_force",
    "check_coverage",
    "check_node",
    "check_points",
    "check_promises",
    "geometries",
    "whole_tile",
]

ENERGY = Axis.from_bounds("energy", 1 * u.GeV, 1000 * u.GeV, 3)


def geometries() -> dict[str, WcsGeom]:
    """Small maps on which masks go wrong: poles, seams, limbs, corners off the sky, one pixel, axes."""
    make = WcsGeom.create
    return {
        "allsky": WcsGeom.allsky(binsz=6, frame="galactic"),
        "pole": make(skydir=(0, 88), npix=(40, 21), binsz=1.3, frame="icrs"),
        "seam": make(skydir=(180, 10), npix=(31, 22), binsz=1.1, proj="CAR", frame="galactic"),
        "aitoff": WcsGeom.allsky(binsz=7, frame="galactic", proj="AIT"),
        "mollweide": WcsGeom.allsky(binsz=9, frame="icrs", proj="MOL"),
        "tan": make(skydir=(83.6, 22), npix=(33, 27), binsz=2.5, proj="TAN", frame="icrs"),
        "sine": make(skydir=(10, -80), npix=(40, 40), binsz=4, proj="SIN", frame="galactic"),
        "zea": make(skydir=(0, -90), npix=(37, 37), binsz=8, proj="ZEA", frame="icrs"),
        "hpx": make(skydir=(0, 0), npix=(60, 30), binsz=6, proj="HPX", frame="galactic"),
        "oblong": make(skydir=(5, 60), npix=(25, 45), binsz=(3, 0.7), proj="TAN", frame="galactic"),
        "rotated": WcsGeom.from_header(_rotated_header()),
        "pixel": make(skydir=(12, 34), npix=(1, 1), binsz=2, proj="CAR", frame="icrs"),
        "cube": make(skydir=(0, 0), npix=(20, 15), binsz=2, proj="CAR", frame="galactic", axes=[ENERGY]),
    }


def _rotated_header() -> object:
    header = WcsGeom.create(skydir=(200, 40), npix=(24, 30), binsz=1.7, proj="TAN", frame="icrs").to_header()
    header.update({"PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8})
    return header


def whole_tile(geom: Grid, plane: tuple[int, ...] = ()) -> Tile:
    """The whole map as one tile."""
    height, width = geom.image_shape
    return Tile(geom, Window(0, height, 0, width), plane or (0,) * len(geom.axes))


class _Blind(Evaluator):
    """An evaluator that uses no kernel of a leaf, so that every pixel is asked by its position."""

    def paint(self, child: Mask, tile: Tile, out: Bools) -> None:
        out |= self.values(child, tile)

    def run_into(self, mask: Mask, tile: Tile, out: Bools) -> None:
        if not _is_pointwise(mask):
            super().run_into(mask, tile, out)
            return
        out |= self.refine(mask, tile)
        if tile.on_sky is not None:
            out &= tile.on_sky

    def refine(self, leaf: Mask, tile: Tile) -> Bools:
        return leaf.inside(tile.all_pixels()).reshape(tile.shape)

    def _answer(self, child: Mask, where: Tile | Points) -> Bools:
        return self.run(child, where) if _is_pointwise(child) else super()._answer(child, where)


def _is_pointwise(mask: Mask) -> bool:
    """Whether a leaf says of bare points whether they are inside."""
    return type(mask).inside is not Mask.inside and not (mask.children or mask.needs_grid or mask.reads_data)


def brute_force(mask: Mask, tile: Tile) -> Bools:
    """Values of a mask as written, not simplified, nothing pruned: the oracle of everything that is fast."""
    with unpruned():
        return _Blind(mask).run(mask, tile)


def check_node(mask: Mask, geom: Grid, side: int = 7) -> None:
    """Hold a mask against its laws on one geometry.

    Coverage keeps its promises on windows of several sizes; values are the same by tiles, as one, pruned or
    not, by simplified expression, after pickling and JSON, and at bare points where the mask has a meaning
    there; nothing is selected off the sky.

    Raises
    ------
    AssertionError
        With the law that is broken.
    """
    for plane in np.ndindex(*(axis.nbin for axis in geom.axes)):
        tile = whole_tile(geom, plane)
        want = brute_force(mask, tile)
        on_sky = np.ones(tile.shape, dtype=bool) if tile.on_sky is None else tile.on_sky
        assert not np.any(want & ~on_sky), f"{mask!r} selects pixels off the sky"
        for law, got in (
            ("pruned equals unpruned", evaluate(mask, tile)),
            ("simplified equals as written", evaluate(simplify(mask), tile)),
            ("tiles equal one tile", _by_tiles(mask, tile, side)),
            ("pickle keeps it", evaluate(pickle.loads(pickle.dumps(mask)), tile)),
        ):
            assert np.array_equal(got, want), (
                f"{law}: {np.count_nonzero(got != want)} pixels of {mask!r} differ on {geom!r}"
            )
        check_coverage(mask, tile, want & on_sky, on_sky)
        check_points(mask, tile, want)
    _check_text(mask)


def check_promises(mask: Mask, geom: Grid, tiling: Tiling) -> None:
    """Hold a mask against what is promised of its tiles on one geometry.

    Every tile that is called EMPTY or FULL is so in all its pixels on the sky, of a tiling as of all thin
    ones, in whatever order tiles are classified. A lazy array with these chunks, a slice of it, the whole
    mask in memory, and the whole mask when nothing is pruned have the bits of `brute_force`.

    Parameters
    ----------
    mask : Mask
        The mask.
    geom : Grid
        A small map.
    tiling : Tiling
        How to cut it.

    Raises
    ------
    AssertionError
        With the promise that is broken.
    """
    want = np.zeros(geom.shape, dtype=bool)
    for plane in np.ndindex(*(axis.nbin for axis in geom.axes)):
        want[plane] = as_array(geom, _check_tiles(mask, whole_tile(geom, plane), tiling))
    chunks, part = tiling.chunks_of(geom), tiling.slice_of(geom)
    lazy = mask.on(geom, chunks=chunks)
    with unpruned():
        # In one tile: where nothing is pruned each tile of a mask that grows asks for all the sky round it.
        asked = mask.on(geom).values
    for law, got, of in (
        (f"on(chunks={chunks}) equals brute force", lazy.values, want),
        (f"a slice {part} of on(chunks={chunks}) is the slice of the whole", lazy[part].values, want[part]),
        ("compute equals brute force", mask.compute(geom).values, want),
        ("on, not pruned, equals brute force", asked, want),
    ):
        differ = np.count_nonzero(got != of)
        assert not differ, f"{law}: {differ} pixels of {mask!r} differ on {geom!r}"


def _check_tiles(mask: Mask, tile: Tile, tiling: Tiling) -> Bools:
    """Hold a mask against what is promised of the tiles of one plane; gives the values of that."""
    want = brute_force(mask, tile)
    on_sky = np.ones(tile.shape, dtype=bool) if tile.on_sky is None else tile.on_sky
    simple = compile_mask(mask, tile.geom).mask
    for each in (tiling, *thin_tilings(tile.geom, tiling.seed)):
        tiles = grid_tiles(tile.geom, each.rows, each.columns, tile.plane)
        tiles = tiles.take(each.order(len(tiles)))
        _check_kept(mask, tiles, classify(simple, tiles), want, on_sky)
    return want


def _check_text(mask: Mask) -> None:
    again = loads(dumps(mask))
    assert again == mask, f"JSON keeps it: {mask!r} became {again!r}"
    assert hash(again) == hash(mask)
    simple = simplify(mask)
    assert len(list(postorder(simple))) <= len(list(postorder(mask))), f"simplify added nodes to {mask!r}"
    assert repr(mask)
    assert str(mask)


def _by_tiles(mask: Mask, tile: Tile, side: int) -> Bools:
    out = np.zeros(tile.shape, dtype=bool)
    parts, _ = tile.tiles.split(side)
    for i in range(len(parts)):
        part = parts.tile(i)
        y0, y1, x0, x1 = part.window
        out[y0:y1, x0:x1] = evaluate(mask, part)
    return out


def check_coverage(mask: Mask, tile: Tile, want: Bools, on_sky: Bools) -> None:
    """EMPTY and FULL are kept by every pixel on the sky, for windows, and for the bare caps round them."""
    for side in (1, 3, 8, max(tile.shape)):
        parts, _ = tile.tiles.split(side)
        ask = Evaluator(mask)
        for kind, areas in (("windows", parts), ("caps", Areas(parts.geom, parts.caps, parts.plane))):
            cover = ask.classify(mask, areas)
            assert cover.shape == (len(parts),)
            _check_kept(mask, parts, cover, want, on_sky, kind)


def _check_kept(
    mask: Mask, tiles: Tiles, cover: Coverage, want: Bools, on_sky: Bools, kind: str = "windows"
) -> None:
    for i in np.flatnonzero(cover != MIXED):
        y0, y1, x0, x1 = tiles.bounds[:, i]
        seen = want[y0:y1, x0:x1][on_sky[y0:y1, x0:x1]]
        promise = "EMPTY" if cover[i] == EMPTY else "FULL"
        kept = not seen.any() if cover[i] == EMPTY else bool(seen.all())
        assert kept, (
            f"coverage of {mask!r} over {kind}: {promise} is not kept at {tiles.bounds[:, i]} "
            f"of {tiles.geom!r}"
        )


def check_points(mask: Mask, tile: Tile, want: Bools) -> None:
    """At bare points a mask that has a meaning there has the value of the pixel with that centre.

    Not one that grows: on a grid that is about the centres of pixels, at bare points about the mask itself.
    """
    if any(each.reach() != Reach() for each in postorder(mask)):
        return
    bare = Points(tile.all_pixels().xyz, tile.geom.frame)
    try:
        got = Evaluator(mask).run(mask, bare)
    except (NeedsGridError, LookupError):
        return
    assert np.array_equal(got.reshape(tile.shape), want), f"points equal pixels: {mask!r} on {tile.geom!r}"

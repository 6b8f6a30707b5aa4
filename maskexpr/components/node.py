"""Base of the nodes that select connected components: what a node says, and one tile labelled.

Such a node is about the map itself. `Connected.label_tile` says of one tile what its neighbours must know,
`maskexpr.components.solve` joins that in a tree and hands the decisions down. Neither depends on how the map
is cut.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..core.arguments import flag
from ..core.arrays import Bools, Ints, Words
from ..core.coverage import EMPTY, MIXED, Coverage
from ..core.errors import GeometryError, MaskTypeError, MaskValueError
from ..core.names import described
from ..expr.mask import Ask, Mask, Reach
from ..grid.lattice import ON, Grid, Rim
from ..grid.points import Pixels, Points
from ..grid.rim import topology
from ..grid.tiles import Areas, Tile, Tiles
from ..pixels.join import SEED, Largest, Rule, Summary, Table, Verdict, summarise
from ..pixels.label import LabelledBlock, Pieces, lonely, sieve
from ..pixels.runs import run_places
from ..pixels.window import Window
from ..pixels.words import join_planes, list_places, pack, starts_of
from .areas import weights
from .memory import paint_tile, pixels_of
from .tile import edges_of, flag_edges, ports_of, rim_bits, sides_of

__all__ = ["Connected", "Labelled", "check_fields", "inside_map"]


class Labelled(NamedTuple):
    """A labelled tile: the pieces of its components that may be kept, the places of these among the open ones
    (-1 for closed ones), and what goes up.
    """

    pieces: Pieces
    table: Table
    open: Ints
    summary: Summary

    @property
    def nbytes(self) -> int:
        """Bytes of memory, the summary apart."""
        return self.pieces.nbytes + self.open.nbytes + sum(each.nbytes for each in self.table)


class _Block(NamedTuple):
    """The labelled components of some tiles, their seeds, and where they meet the rim of the sky."""

    labels: LabelledBlock
    seeds: Words | None
    around: Rim | None


class Connected(Mask):
    """Base of nodes that keep or drop connected components of some *candidate* pixels.

    A subclass says which pixels are candidates, which of them are seeds, which components to keep, and what
    to make of those.
    """

    needs_grid = True
    # Worst case: a checkerboard, where every other pixel is a run, with their trees.
    bytes_per_pixel = 96

    connectivity: int
    linked: bool

    # ---- what a subclass says
    # ------------------------------------------------------------------------------------------

    def candidates(self, tile: Tile, of: Ask) -> Bools:
        """The pixels whose components are looked for, shape (ny, nx)."""
        raise NotImplementedError

    def candidates_in(self, tiles: Tiles, of: Ask) -> Coverage:
        """Coverage of the candidates: an EMPTY tile is not labelled."""
        raise NotImplementedError

    def bits(self, tile: Tile, of: Ask) -> tuple[Words, Words | None]:
        """The candidates, as bits of the padded block (1, ny, nx), and those that are seeds; None instead of
        seeds where there is no such thing.

        Where there are seeds, no component without one is ever kept.
        """
        return pack(self.candidates(tile, of)[None]), None

    def area_unit(self, geom: Grid) -> str | None:
        """What the rule measures components in: ``"deg2"``, ``"pix2"`` or nothing."""

    def rule(self, geom: Grid) -> Rule:
        """Which components to keep; where the largest closed one is not known yet, at least those that are
        kept once it is.
        """
        raise NotImplementedError

    def drops_single(self, geom: Grid) -> bool:
        """Whether no component of one pixel is ever kept; of noise most components are such."""
        return False

    def compares(self, geom: Grid) -> bool:
        """Whether the rule asks for the largest closed component; else the first pixels of components are not
        looked for.
        """
        return True

    def paint_rest(self, tile: Tile, out: Bools, of: Ask) -> None:
        """Select in an array of a tile's pixels what is selected beside the components that are kept."""

    def options(self) -> str:
        """The options that are not the usual ones, as text."""
        return ", connectivity=8" * (self.connectivity == 8) + ", linked=True" * self.linked

    # ---- the laws
    # ------------------------------------------------------------------------------------------------------

    def check(self, geom: Grid) -> None:
        if prod(geom.planes_shape) * prod(geom.image_shape) >= 1 << 63:
            raise GeometryError(
                f"{self.label()} numbers all pixels in 64 bits, and {geom!r} is laid out on too many: "
                "take a lower order, or fewer planes at a time"
            )

    def reach(self) -> Reach:
        return Reach(everywhere=True)

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return np.full(len(areas), MIXED)

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        if isinstance(where, Tile):
            return self._painted(where, of)
        if isinstance(where, Pixels):
            return pixels_of(self, where, of)
        return self.inside(where)

    def paint(self, tile: Tile, out: Bools, of: Ask) -> None:
        paint_tile(self, tile, out, of)

    # ---- one tile
    # ------------------------------------------------------------------------------------------------------

    def planes(self, tile: Tile) -> list[tuple[int, ...]]:
        """The planes that are labelled together with that of a tile."""
        if not self.linked or not tile.geom.axes:
            return [tile.plane]
        return list(np.ndindex(*tile.geom.planes_shape))

    def block_shape(self, geom: Grid, window: Window) -> tuple[int, ...]:
        """Shape of a labelled block: planes before rows and columns."""
        return (*(geom.planes_shape if self.linked and geom.axes else (1,)), *window.shape)

    def label_tile(self, tile: Tile, of: Ask) -> Labelled:
        """Label a tile of the map's domain.

        Parameters
        ----------
        tile : Tile
            A window of the domain; on a linked node its plane does not matter.
        of : Ask
            The way to ask a child.
        """
        shape = self.block_shape(tile.geom, tile.window)
        tiles = [
            tile if plane == tile.plane else Tile(tile.geom, tile.window, plane)
            for plane in self.planes(tile)
        ]
        block = self._block(shape, tiles, of)
        table = self._table(block, tiles)
        ports = ports_of(block.labels, tile, block.around, table.flags)
        edges = edges_of(block.labels)
        flag_edges(tile, edges, table.flags)
        summary, place = summarise(shape, edges, table, Largest(), ports)
        return self._hopeful(tile.geom, block.labels, table, place, summary)

    def _block(self, shape: tuple[int, ...], tiles: list[Tile], of: Ask) -> _Block:
        geom, window, full = tiles[0].geom, tiles[0].window, self.connectivity == 8
        found = [_of_map(self.bits(each, of), geom.map_in(window)) for each in tiles]
        words = join_planes(shape, [low for low, _ in found])
        around = geom.rim(window, full) if topology(geom).rims and words.any() else None
        held = [high for _, high in found if high is not None]
        seeds = join_planes(shape, held) if held else None
        # What leads beyond the block may hold a seed, or be larger, there.
        known = sides_of(shape) | rim_bits(shape, window, around)
        if seeds is not None:
            words = sieve(words, known | seeds, shape, full)
        elif self.drops_single(geom):
            words = words & (known | ~lonely(words, shape, full))
        return _Block(LabelledBlock(shape, words, full), seeds, around)

    def _hopeful(self, geom: Grid, block: LabelledBlock, table: Table, place: Ints, up: Summary) -> Labelled:
        """What may still be kept of a tile; of noise that is little."""
        held = (place >= 0) | self.rule(geom)(table, Largest())
        return Labelled(block.pieces(held), table.take(held), place[held], up)

    def keep(self, geom: Grid, labelled: Labelled, verdict: Verdict) -> Bools:
        """Which components of a tile are kept, once the whole map is decided, shape (pieces.n_labels,)."""
        keep = np.array(self.rule(geom)(labelled.table, verdict.largest), dtype=bool)
        is_open = labelled.open >= 0
        keep[is_open] = verdict.keep[labelled.open[is_open]]
        return keep

    def place_of(self, tile: Tile) -> int:
        """The place of a tile's plane among those that are labelled together."""
        planes = self.planes(tile)
        return planes.index(tile.plane) if tile.plane in planes else 0

    def _table(self, made: _Block, tiles: list[Tile]) -> Table:
        geom, block = tiles[0].geom, made.labels
        first = np.zeros(block.n_labels, dtype=np.int64)
        if self.compares(geom):
            first = self._pixels(block, block.first_pixels(), tiles)
        flags = np.zeros(block.n_labels, dtype=np.uint8)
        if made.seeds is not None:
            # Seeds are candidates: a run of them lies in one component.
            label = block.label_at(list_places(starts_of(made.seeds)))
            flags[label[label >= 0]] = SEED
        return Table(self._areas(block, tiles[0]), first, flags)

    def _pixels(self, block: LabelledBlock, place: Ints, tiles: list[Tile]) -> Ints:
        """Places of a block as numbers of pixels of all planes of the map."""
        tile, geom = tiles[0], tiles[0].geom
        ny, nx = geom.image_shape
        plane, y, x = run_places(block.shape, place)
        if len(tiles) == 1 and tile.plane:
            plane = plane + np.ravel_multi_index(tile.plane, geom.planes_shape)
        return (plane * ny + y + tile.window.y0) * nx + x + tile.window.x0

    def _areas(self, block: LabelledBlock, tile: Tile) -> Ints:
        """The areas of components, in whole quanta (or pixels)."""
        name = self.area_unit(tile.geom)
        if name == "pix2":
            return block.sizes()
        area = np.zeros(block.n_labels, dtype=np.int64)
        if name is not None:
            start, end, label = block.runs
            _, y, x = run_places(block.shape, start)
            y, x = y + tile.window.y0, x + tile.window.x0
            np.add.at(area, label, weights(tile.geom, name, y, x, x + (end - start)))
        return area


def check_fields(name: str, masks: dict[str, Any], connectivity: Any, linked: Any) -> None:
    """Refuse what the nodes about components cannot be made of."""
    for field, mask in masks.items():
        if not isinstance(mask, Mask):
            raise MaskTypeError(f"{name}: {field} must be a mask, got {described(mask)}")
    if connectivity not in (4, 8) or isinstance(connectivity, bool):
        raise MaskValueError(
            f"{name}: connectivity must be 4 (pixels share a side) or 8 (or a corner), got {connectivity!r}"
        )
    flag(linked, f"{name}: linked")


def inside_map(tiles: Areas, cover: Coverage) -> Coverage:
    """A promise about a child, kept only for windows inside the map: beyond it nothing is selected."""
    if not isinstance(tiles, Tiles):
        return np.where(cover == EMPTY, EMPTY, MIXED).astype(np.uint8)
    return np.where(tiles.geom.covers(tiles.bounds) == ON, cover, MIXED).astype(np.uint8)


def _of_map(bits: tuple[Words, Words | None], held: Bools | None) -> tuple[Words, Words | None]:
    """Candidates and seeds without those that are none of the map's pixels."""
    if held is None:
        return bits
    words, (low, high) = pack(held[None]), bits
    return low & words, None if high is None else high & words

"""What a labelled tile shows: labels along its edges, ports at the rim of the sky, runs that hold a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..expr import Ask, Bools, Mask
from ..labels import Runs, place_of, run_of, run_places
from ..labels_bits import find_runs, padded_shape
from ..labels_join import EDGE, Ports, no_ports
from ..points import Pixels
from ..tiles import Tile
from ._domain import Rim, domain

__all__ = ["edges_of", "flag_edges", "ports_of", "seeded_runs"]

Ints = NDArray[np.int64]

# If fewer pixels than one in so many are candidates, data are asked for these alone.
_FEW = 8


def seeded_runs(runs: Runs, plane: int, seeds: Mask, tile: Tile, candidates: Bools, of: Ask) -> Ints:
    """Runs of one plane of a block that hold a pixel which a mask selects.

    Parameters
    ----------
    runs : Runs
        The block.
    plane : int
        Which of its planes.
    seeds : Mask
        The mask.
    tile : Tile
        Window and plane of the map.
    candidates : ndarray of bool, shape (ny, nx)
        The pixels of the runs.
    of : Ask
        The way to ask the mask.
    """
    if seeds.reads_data and np.count_nonzero(candidates) * _FEW <= candidates.size:
        of_plane, y, x = run_places(runs, runs.start)
        here = np.flatnonzero(of_plane == plane)
        length = (runs.end - runs.start)[here]
        run = np.repeat(here, length)
        step = np.arange(len(run)) - np.repeat(np.cumsum(length) - length, length)
        pixels = Pixels(tile.geom, tile.window.y0 + y[run], tile.window.x0 + x[run] + step, tile.plane)
        # What is selected is on the sky; nobody has to look.
        pixels.__dict__["on_sky"] = np.ones(len(run), dtype=bool)
        return run[of.values(seeds, pixels)]
    # Among the candidates a run of seeds lies in one run.
    start, _ = find_runs((of.values(seeds, tile) & candidates)[None])
    y, x = np.divmod(start, padded_shape((1, *tile.shape))[-1])
    return run_of(runs, place_of(runs, np.full(len(y), plane), y, x))


def edges_of(runs: Runs) -> tuple[NDArray[np.int32], ...]:
    """Label + 1 along the first and last row and the first and last column."""
    lead, (height, width) = runs.shape[:-2], runs.shape[-2:]
    planes = int(np.prod(lead))
    plane, y = (each.ravel() for each in np.indices((planes, height)))
    begin = place_of(runs, plane, y, np.zeros_like(y))
    # The runs of a row follow each other; a row may have none.
    bounds = np.searchsorted(runs.start, np.append(begin, begin[-1] + width))
    found = []
    for row in (0, height - 1):
        lines = np.arange(row, planes * height, height)
        edge = np.concatenate([_line(runs, begin[i], bounds[i], bounds[i + 1]) for i in lines])
        found.append(edge.reshape(*lead, width))
    busy = np.flatnonzero(bounds[:-1] < bounds[1:])
    first, last = bounds[:-1][busy], bounds[1:][busy] - 1
    at_sides = runs.start[first] == begin[busy], runs.end[last] == begin[busy] + width
    for run, there in zip((first, last), at_sides, strict=True):
        side = np.zeros(planes * height, dtype=np.int32)
        side[busy[there]] = runs.label[run[there]] + 1
        found.append(side.reshape(*lead, height))
    return tuple(found)


def _line(runs: Runs, begin: int, first: int, last: int) -> NDArray[np.int32]:
    """Label + 1 along a row that begins at a place and holds some of the runs, shape (nx,)."""
    values = np.zeros(2 * (last - first) + 1, dtype=np.int32)
    values[1::2] = runs.label[first:last] + 1
    bounds = np.empty(len(values) + 1, dtype=np.int64)
    bounds[0], bounds[-1] = begin, begin + runs.shape[-1]
    bounds[1:-1:2], bounds[2:-1:2] = runs.start[first:last], runs.end[first:last]
    return np.repeat(values, np.diff(bounds))


def flag_edges(tile: Tile, edges: tuple[NDArray[np.int32], ...], flags: NDArray[np.uint8]) -> None:
    """Mark the components that touch a side of the map that ends it."""
    here, (window, _, _, sides, _, _) = tile.window, domain(tile.geom)
    at = (here.y0 == window.y0, here.y1 == window.y1, here.x0 == window.x0, here.x1 == window.x1)
    for edge, is_side, ends in zip(edges, at, sides, strict=True):
        if is_side and ends:
            flags[edge[edge > 0] - 1] |= EDGE


def ports_of(runs: Runs, tile: Tile, around: Rim | None, flags: NDArray[np.uint8]) -> Ports:
    """Ports of a tile's components; marks those that touch the map's edge."""
    if around is None or not len(around.y):
        return no_ports()
    geom = tile.geom
    planes = int(np.prod(runs.shape[:-2]))
    # On one plane at a time its number does not matter: only pixels of one plane are ever compared.
    plane = np.repeat(np.arange(planes), len(around.y))
    y, x, target = (np.tile(each, planes) for each in (around.y, around.x, around.target))
    run = run_of(runs, place_of(runs, plane, y - tile.window.y0, x - tile.window.x0))
    held = run >= 0
    label = runs.label[run[held]]
    if not domain(geom).edgeless:
        flags[label[np.tile(around.edge, planes)[held]]] |= EDGE
    ny, nx = geom.image_shape
    shift = plane * (ny * nx)
    pixel = (y * nx + x + shift)[held]
    return Ports(pixel, np.where(target >= 0, target + shift, -1)[held], label)

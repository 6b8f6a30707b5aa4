"""What a labelled tile shows: labels along its edges, ports at the rim of the sky, runs that hold a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..expr import Ask, Bools, Mask
from ..labels import Runs, find_runs, run_of, run_places
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
    y, x = np.divmod(start, tile.shape[1] + 1)
    return run_of(runs, _place(runs, np.full(len(y), plane), y, x))


def _place(runs: Runs, plane: Ints, y: Ints, x: Ints) -> Ints:
    """Places of the padded block; the inverse of `run_places`."""
    padded = (runs.shape[0], *(length + 1 for length in runs.shape[1:]))
    return np.ravel_multi_index((*np.unravel_index(plane, runs.shape[:-2]), y, x), padded)


def edges_of(runs: Runs) -> tuple[NDArray[np.int32], ...]:
    """Label + 1 along the first and last row and the first and last column."""
    lead, (height, width) = runs.shape[:-2], runs.shape[-2:]
    planes = int(np.prod(lead))
    plane, y, x = run_places(runs, runs.start)
    found = []
    for row in (0, height - 1):
        edge = np.zeros((planes, width + 1), dtype=np.int32)
        here = y == row
        begin, end = (
            plane[here] * (width + 1) + x[here],
            plane[here] * (width + 1) + x[here] + (runs.end - runs.start)[here],
        )
        places = np.arange(int((end - begin).sum())) + np.repeat(
            begin - np.cumsum(end - begin) + (end - begin), end - begin
        )
        edge.reshape(-1)[places] = np.repeat(runs.label[here] + 1, end - begin)
        found.append(edge[:, :width].reshape(*lead, width))
    for here in (x == 0, x + (runs.end - runs.start) == width):
        edge = np.zeros((planes, height), dtype=np.int32)
        edge[plane[here], y[here]] = runs.label[here] + 1
        found.append(edge.reshape(*lead, height))
    return tuple(found)


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
    run = run_of(runs, _place(runs, plane, y - tile.window.y0, x - tile.window.x0))
    held = run >= 0
    label = runs.label[run[held]]
    if not domain(geom).edgeless:
        flags[label[np.tile(around.edge, planes)[held]]] |= EDGE
    ny, nx = geom.image_shape
    shift = plane * (ny * nx)
    pixel = (y * nx + x + shift)[held]
    return Ports(pixel, np.where(target >= 0, target + shift, -1)[held], label)

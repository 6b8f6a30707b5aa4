"""The arrangement of a closed curve's arcs on the sphere: its faces, their areas and parities.

Edges that cross, touch or run along each other are cut where they meet (all pairs whose caps meet are tried).
The pieces become half-edges, sorted by azimuth round their nodes; a face is an orbit of "arrive, go on by the
next half-edge clockwise". The curve is connected, so each face has one boundary and is one orbit.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import scipy

from ..core.arrays import Bools, Floats, Indices
from ..core.limits import check_limit
from ..sphere.arcs import cross, to_arc
from ..sphere.vectors import angle_between, dot, normalise

__all__ = ["Cells", "cells"]

# Places closer than this (radians) are one node.
_SNAP: Final = 1e-9


class Cells(NamedTuple):
    """The parts into which a closed curve divides the sphere.

    An edge that is passed an even number of times separates nothing.

    Attributes
    ----------
    areas : ndarray, shape (n,)
        Steradians.
    odd : ndarray of bool, shape (n,)
        Whether a way from the place that was asked for crosses the curve an odd number of times.
    """

    areas: Floats
    odd: Bools


def cells(vertices: Floats, place: Floats) -> Cells:
    """The cells of a closed curve of great-circle arcs.

    Parameters
    ----------
    vertices : ndarray, shape (3, n)
        Unit vectors; the last is joined to the first, no two neighbours are the same or antipodes.
    place : ndarray, shape (3,)
        From where crossings are counted; on no arc.

    Examples
    --------
    >>> east, north, up = np.eye(3)
    >>> found = cells(np.stack([east, north, up], axis=1), normalise(east + north + up))
    >>> (found.areas / np.pi).round(12).tolist(), found.odd.tolist()
    ([0.5, 3.5], [False, True])
    """
    nodes, start, stop = _pieces(vertices)
    # A piece that is passed several times is one pair of half-edges: u to v, and at + n v to u.
    pairs, times = np.unique(np.sort(np.stack([start, stop]), axis=0), axis=1, return_counts=True)
    tail, head = np.concatenate([pairs, pairs[::-1]], axis=1)
    face = _faces(nodes, tail, head)
    areas = _areas(nodes, tail, head, face, -place)
    # Only the face that holds the antipode of the apex has a negative sum: its area less the whole sphere.
    home = int(np.argmin(areas))
    areas[home] += 4 * np.pi
    left, right = np.split(face, 2)
    parts, cell = scipy.sparse.csgraph.connected_components(
        _graph(left, right, times % 2 == 0, len(areas)), directed=False
    )
    odd = _parities(_graph(cell[left], cell[right], times % 2 == 1, parts), int(cell[home]))
    return Cells(np.bincount(cell, areas, parts).astype(np.float64), odd)


def _graph(a: Indices, b: Indices, chosen: Bools, number: int) -> scipy.sparse.coo_array:
    """The graph of some of the pairs."""
    a, b = a[chosen], b[chosen]
    return scipy.sparse.coo_array(
        (np.ones(2 * len(a)), (np.append(a, b), np.append(b, a))), shape=(number, number)
    )


def _parities(graph: scipy.sparse.coo_array, start: int) -> Bools:
    """Which nodes of a connected bipartite graph are an odd number of steps away."""
    order, before = scipy.sparse.csgraph.breadth_first_order(graph.tocsr(), start, directed=False)
    odd = np.zeros(graph.shape[0], dtype=bool)
    for each in order[1:]:
        odd[each] = not odd[before[each]]
    return odd


def _pieces(vertices: Floats) -> tuple[Floats, Indices, Indices]:
    """Nodes, shape (3, n), and between which of them each piece of the curve goes."""
    edge, points = _meetings(vertices)
    near = scipy.spatial.cKDTree(points.T).query_pairs(_SNAP, output_type="ndarray")
    number, node = scipy.sparse.csgraph.connected_components(
        scipy.sparse.coo_array((np.ones(len(near)), tuple(near.T)), shape=(len(edge), len(edge))),
        directed=False,
    )
    nodes = np.zeros((3, number))
    nodes[:, node] = points
    along = angle_between(points, vertices[:, edge])
    order = np.lexsort((along, edge))
    start, stop = node[order[:-1]], node[order[1:]]
    real = (edge[order[:-1]] == edge[order[1:]]) & (start != stop)
    return nodes, start[real], stop[real]


def _meetings(vertices: Floats) -> tuple[Indices, Floats]:
    """Points at which edges begin, end or meet others: the edge that each cuts, (n,), and where, (3, n)."""
    check_limit("vertices", vertices.shape[1], "a polygon beyond a hemisphere", "vertices")
    ends = np.roll(vertices, -1, axis=1)
    normals = normalise(cross(vertices - ends, vertices + ends))
    middles = normalise(vertices + ends)
    halves = angle_between(vertices, middles)
    number = np.arange(vertices.shape[1])
    found = [(number, vertices), (number, ends)]
    pairs = 0
    for i in range(vertices.shape[1]):
        near = dot(middles[:, i], middles) >= np.cos(np.minimum(halves[i] + halves + 1e-7, np.pi)) - 1e-12
        some = np.flatnonzero(near & (number != i))
        pairs += len(some)
        check_limit("crossings", pairs / 2, "a polygon beyond a hemisphere", "pairs of edges that may cross")
        at = normalise(cross(normals[:, i, None], normals[:, some]))
        for points in (vertices[:, some], ends[:, some], at, -at):
            here = to_arc(points, vertices[:, i, None], ends[:, i, None]) <= _SNAP
            here &= to_arc(points, vertices[:, some], ends[:, some]) <= _SNAP
            found.append((np.full(int(here.sum()), i), points[:, here]))
    edge, points = zip(*found, strict=True)
    return np.concatenate(edge), np.concatenate(points, axis=1)


def _faces(nodes: Floats, tail: Indices, head: Indices) -> Indices:
    """The face to the left of each half-edge; half-edge i and i + n are twins."""
    axis = np.eye(3)[np.abs(nodes).argmin(axis=0)].T
    east = normalise(cross(axis, nodes))
    north = cross(nodes, east)
    at, to = tail, nodes[:, head]
    azimuth = np.arctan2(dot(north[:, at], to), dot(east[:, at], to))
    order = np.lexsort((azimuth, at))
    # Round each node the half-edge before, clockwise; the first goes to the last.
    before = np.empty(len(at), dtype=np.intp)
    firsts = np.flatnonzero(np.diff(at[order], prepend=-1))
    for low, high in pairwise([*firsts.tolist(), len(at)]):
        before[order[low:high]] = np.roll(order[low:high], 1)
    twin = (np.arange(len(at)) + len(at) // 2) % len(at)
    following = before[twin]
    graph = scipy.sparse.coo_array(
        (np.ones(len(at)), (np.arange(len(at)), following)), shape=(len(at), len(at))
    )
    return np.asarray(scipy.sparse.csgraph.connected_components(graph, directed=False)[1], dtype=np.intp)


def _areas(nodes: Floats, tail: Indices, head: Indices, face: Indices, apex: Floats) -> Floats:
    """Of each face the sum of signed triangles from an apex: its area, but for the one that holds the
    antipode of the apex, where it is less by a whole sphere.
    """
    a, b = nodes[:, tail], nodes[:, head]
    volume = dot(apex, cross(a, b))
    span = 1 + dot(apex, a) + dot(apex, b) + dot(a, b)
    return np.bincount(face, 2 * np.arctan2(volume, span)).astype(np.float64)

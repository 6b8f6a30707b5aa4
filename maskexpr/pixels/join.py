"""Union-find over the labels of neighbouring blocks, joined along their edges in a tree; the decisions go
down the same tree.

Upwards, a block is a `Summary`: the components that could still grow (they touch the block's outer edge or a
*port*) and nothing of its pixels. `merge` joins neighbouring blocks to one, `close` joins the whole map with
itself (seam, poles, ports). Downwards, `split` turns the decisions on a whole into those on its parts. What a
decision is made from (`Table`) is exact in integers, so that the order of joining, and so the chunks, cannot
matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Ints
from .runs import connect
from .words import Labels

__all__ = [
    "EDGE",
    "SEED",
    "Joint",
    "Largest",
    "Ports",
    "Rule",
    "Summary",
    "Table",
    "Verdict",
    "close",
    "meeting",
    "merge",
    "merge_plan",
    "no_ports",
    "nothing",
    "ring",
    "split",
    "summarise",
]

SEED, EDGE = np.uint8(1), np.uint8(2)
"""Flags of a component: it holds a seed; it touches the edge of the map."""

Edge = Labels | None
"""Label + 1 along one side of a block, 0 for nothing selected, shape (planes..., length); None: all 0."""


class Table(NamedTuple):
    """What is known of components: area (whole quanta), first pixel of the map (its identity), flags; each of
    shape (n,).
    """

    area: Ints
    first: Ints
    flags: NDArray[np.uint8]

    def take(self, index: Ints | Bools) -> Table:
        """The components at an index."""
        return Table(self.area[index], self.first[index], self.flags[index])


class Largest(NamedTuple):
    """The largest of the components that cannot grow any more; of equal ones the one that begins first. -1 if
    there is none.
    """

    area: int = -1
    first: int = -1


class Ports(NamedTuple):
    """Pixels at the rim of the sky's image, each with the pixel that a step over the rim leads to (-1: none),
    each shape (n,).
    """

    pixel: Ints
    target: Ints
    label: Labels


class Summary(NamedTuple):
    """The components of a block that may go on beyond it; ``edges`` are the first row, last row, first and
    last column.
    """

    shape: tuple[int, ...]
    edges: tuple[Edge, Edge, Edge, Edge]
    table: Table
    largest: Largest
    ports: Ports


class Joint(NamedTuple):
    """How the components of parts became those of a whole.

    ``to`` gives for each part the whole's component of each of its open ones; ``open`` the place of each of
    the whole's components among the open ones, -1 for those that are decided here.
    """

    to: tuple[Labels, ...]
    table: Table
    open: Ints


class Verdict(NamedTuple):
    """The decision on each open component of a block, and the largest closed one of the map, which the rule
    may ask for.
    """

    keep: Bools
    largest: Largest


Rule = Callable[[Table, Largest], Bools]
"""Which components to keep, each by its own entry alone."""


class Merge(NamedTuple):
    """One step of joining: a grid of parts (tiles count from 0, row after row; joined blocks follow) and what
    it makes.
    """

    parts: tuple[tuple[int, ...], ...]
    whole: int


def nothing(shape: tuple[int, ...]) -> Summary:
    """The summary of a block in which no pixel is selected."""
    table = Table(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8))
    return Summary(shape, (None, None, None, None), table, Largest(), no_ports())


def no_ports() -> Ports:
    """Ports of a block that has none."""
    return Ports(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32))


def merge_plan(rows: int, columns: int, fan: int = 4) -> tuple[Merge, ...]:
    """The steps that join a grid of tiles to one block, ``fan`` x ``fan`` at a time; the last makes the whole
    map.

    Examples
    --------
    >>> [step.whole for step in merge_plan(2, 8)]
    [16, 17, 18]
    """
    level = np.arange(rows * columns).reshape(rows, columns)
    plan: list[Merge] = []
    new = rows * columns
    while level.size > 1:
        height, width = (-(-length // fan) for length in level.shape)
        above = np.arange(new, new + height * width).reshape(height, width)
        for i, j in product(range(height), range(width)):
            group = level[i * fan : (i + 1) * fan, j * fan : (j + 1) * fan]
            plan.append(Merge(tuple(tuple(row) for row in group.tolist()), int(above[i, j])))
        new += height * width
        level = above
    return tuple(plan)


def summarise(
    shape: tuple[int, ...], edges: Sequence[Edge], table: Table, largest: Largest, ports: Ports
) -> tuple[Summary, Ints]:
    """Keep the components that may go on beyond a block, numbered anew, and the largest of the others.

    Parameters
    ----------
    edges : four arrays of labels + 1, or None
        First row, last row, first and last column.
    table : Table
        All components.
    largest : Largest
        The largest component that was decided before.
    ports : Ports
        Ports of the block, with labels.

    Returns
    -------
    Summary
    open : ndarray of int, shape (n,)
        Place of each component among the open ones, -1 for closed ones.
    """
    alive = np.zeros(len(table.area) + 1, dtype=bool)
    for edge in edges:
        if edge is not None:
            alive[edge] = True
    alive = alive[1:]
    alive[ports.label] = True
    place = np.where(alive, np.cumsum(alive) - 1, -1)
    new = place.astype(np.int32)
    north, south, west, east = (
        None if edge is None or not edge.any() else renamed(edge, new) for edge in edges
    )
    ports = ports._replace(label=place[ports.label].astype(np.int32))
    largest = max_of(table.take(~alive), largest)
    return Summary(shape, (north, south, west, east), table.take(alive), largest, ports), place


def max_of(table: Table, largest: Largest) -> Largest:
    """The largest of some closed components and of those closed earlier."""
    if not len(table.area):
        return largest
    area = int(table.area.max())
    first = int(table.first[table.area == area].min())
    return min(largest, Largest(area, first), key=lambda each: (-each.area, each.first))


def merge(parts: Sequence[Sequence[Summary]], full: bool) -> tuple[Summary, Joint]:
    """Join a grid of neighbouring blocks along their common edges.

    Parameters
    ----------
    parts : rows of summaries
        Blocks of a row have equal heights, those of a column equal widths.
    full : bool
        Whether pixels that touch at a corner are connected.
    """
    flat = [part for row in parts for part in row]
    offset = np.cumsum([0, *(len(part.table.area) for part in flat)])
    shifts = iter(offset.tolist())
    grid = [
        [tuple(moved(edge, shift) for edge in part.edges) for part, shift in zip(row, shifts, strict=False)]
        for row in parts
    ]
    pairs: list[tuple[Ints, Ints]] = []
    for row in grid:
        pairs += [meeting(one[3], other[2], full) for one, other in pairwise(row)]
    widths = [part.shape[-1] for part in parts[0]]
    heights = [row[0].shape[-2] for row in parts]
    lead = flat[0].shape[:-2]
    north = [chain([edges[0] for edges in row], widths, lead) for row in grid]
    south = [chain([edges[1] for edges in row], widths, lead) for row in grid]
    pairs += [meeting(above, below, full) for above, below in zip(south, north[1:], strict=False)]
    west = chain([row[0][2] for row in grid], heights, lead)
    east = chain([row[-1][3] for row in grid], heights, lead)
    to, table, ports, largest = _unite(flat, offset, pairs)
    edges = [renamed(edge, to) for edge in (north[0], south[-1], west, east)]
    whole, place = summarise((*lead, sum(heights), sum(widths)), edges, table, largest, ports)
    return whole, Joint(tuple(np.split(to, offset[1:-1])), table, place)


def close(whole: Summary, seam: bool, poles: tuple[bool, bool], full: bool) -> tuple[Joint, Largest]:
    """Join a whole map with itself; after this nothing is open.

    Parameters
    ----------
    seam : bool
        Whether the last column meets the first.
    poles : (bool, bool)
        Whether the first and the last row lie around a pole, where all their pixels meet.
    full : bool
        Whether pixels that touch at a corner are connected.
    """
    north, south, west, east = whole.edges
    pairs = [meeting(east, west, full)] if seam else []
    pairs += [ring(row) for row, pole in zip((north, south), poles, strict=True) if pole and row is not None]
    pairs.append(_through(whole.ports))
    to, table, _, largest = _unite([whole], np.array([0, len(whole.table.area)]), pairs)
    largest = max_of(table, largest)
    return Joint((to,), table, np.full(len(table.area), -1)), largest


def split(joint: Joint, verdict: Verdict, rule: Rule) -> list[Verdict]:
    """The verdicts on the parts from that on the whole (for `close`, one with no components)."""
    keep = np.array(rule(joint.table, verdict.largest), dtype=bool)
    keep[joint.open >= 0] = verdict.keep[joint.open[joint.open >= 0]]
    return [Verdict(keep[to], verdict.largest) for to in joint.to]


def _unite(
    parts: Sequence[Summary], offset: Ints, pairs: Sequence[tuple[Ints, Ints]]
) -> tuple[Labels, Table, Ports, Largest]:
    """Component of each part's components, one part after the other, and what is known of the components."""
    none = [np.zeros(0, np.int64)]
    one, other = (np.concatenate([*none, *(pair[i] for pair in pairs)]) for i in (0, 1))
    count, to = connect(int(offset[-1]), one, other)
    area = np.zeros(count, dtype=np.int64)
    first = np.full(count, np.iinfo(np.int64).max)
    flags = np.zeros(count, dtype=np.uint8)
    np.add.at(area, to, np.concatenate([part.table.area for part in parts]))
    np.minimum.at(first, to, np.concatenate([part.table.first for part in parts]))
    np.bitwise_or.at(flags, to, np.concatenate([part.table.flags for part in parts]))
    label = np.concatenate([part.ports.label + shift for part, shift in zip(parts, offset, strict=False)])
    pixel, target = (np.concatenate([part.ports[i] for part in parts]) for i in (0, 1))
    largest = min((part.largest for part in parts), key=lambda each: (-each.area, each.first))
    return to, Table(area, first, flags), Ports(pixel, target, to[label]), largest


def _through(ports: Ports) -> tuple[Ints, Ints]:
    """Pairs of components that meet over the rim of the sky's image."""
    order = np.argsort(ports.pixel, kind="stable")
    pixel, label = ports.pixel[order], ports.label[order]
    found = np.searchsorted(pixel, ports.target)
    there = found < len(pixel)
    there[there] = pixel[found[there]] == ports.target[there]
    return ports.label[there].astype(np.int64), label[found[there]].astype(np.int64)


def moved(edge: Edge, shift: int) -> Edge:
    """The edge with every label raised.

    Examples
    --------
    >>> moved(np.array([0, 1], dtype=np.int32), 10).tolist()
    [0, 11]
    """
    return None if edge is None else np.where(edge > 0, edge + shift, 0).astype(np.int32)


def renamed(edge: Edge, to: Labels) -> Edge:
    """The edge with every label replaced.

    Examples
    --------
    >>> renamed(np.array([0, 1, 2], dtype=np.int32), np.array([7, 5])).tolist()
    [0, 8, 6]
    """
    return None if edge is None else np.append(0, to + 1).astype(np.int32)[edge]


def chain(edges: Sequence[Edge], lengths: Sequence[int], lead: tuple[int, ...]) -> Edge:
    """Edges one after the other."""
    if all(edge is None for edge in edges):
        return None
    filled = [
        np.zeros((*lead, n), np.int32) if edge is None else edge
        for edge, n in zip(edges, lengths, strict=True)
    ]
    return np.concatenate(filled, axis=-1)


def meeting(one: Edge, other: Edge, full: bool) -> tuple[Ints, Ints]:
    """Pairs of components that meet along a common edge."""
    if one is None or other is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    found = []
    for way in product(*[(-1, 0, 1) if full and length > 1 else (0,) for length in one.shape]):
        here, there = one[_slices(way, -1, one.shape)], other[_slices(way, 1, one.shape)]
        both = (here > 0) & (there > 0)
        found.append(np.stack([here[both], there[both]]).astype(np.int64) - 1)
    pairs = np.concatenate(found, axis=1)
    # Neighbouring pixels mostly repeat the pair before them.
    new = np.ones(pairs.shape[1], dtype=bool)
    new[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)
    return pairs[0, new], pairs[1, new]


def _slices(way: tuple[int, ...], sign: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """What is left of an array after a step, on the side that the step leads to (1) or comes from (-1)."""
    steps = [sign * step for step in way]
    return tuple(slice(max(0, s), length - max(0, -s)) for s, length in zip(steps, shape, strict=True))


def ring(row: Labels) -> tuple[Ints, Ints]:
    """Pairs that make one component of all pixels of a row, plane by plane."""
    found = [np.unique(line[line > 0]).astype(np.int64) - 1 for line in row.reshape(-1, row.shape[-1])]
    return np.concatenate([line[:-1] for line in found]), np.concatenate([line[1:] for line in found])

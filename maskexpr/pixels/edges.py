"""Edges of labelled blocks: which labels lie along them, and which meet across them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from .words import Ints, Labels

__all__ = ["Edge", "chain", "meeting", "moved", "renamed", "ring"]

Edge = Labels | None
"""Label + 1 along one side of a block, 0 for nothing selected, shape (planes..., length); None: all 0."""


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

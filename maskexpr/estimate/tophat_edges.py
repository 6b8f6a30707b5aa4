"""Sums over a disk of pixels, from sums of columns taken at its edges: for numbers that nothing rounds.

The sum over a column of a disk is the difference of two sums from the top of the window, one at each end. So
a disk of radius 20 is 82 terms in place of 1257, and many of them stand to each other as others do: such a
pair is added once, and its sum is used wherever it is needed. That makes 35 additions where runs of rows need
60.

Differences of sums are right only if nothing is rounded: for whole numbers, which may even overflow on the
way, and for fractions that `fits` has looked at. Then every order of additions has the same bits, those of
runs of rows too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST", "sum_by_edges"]

# Pixels of radius. What terms have in common is found in a time like the cube of their number.
LARGEST = 50
# Rows that are summed side by side and then moved by what is above: two passes over memory in all.
_GROUP = 16
# Sums below this are left alone: the unit of their last place may be no normal number.
_TINY = 1e-200

Ints = NDArray[np.int64]
# Where an array is taken (row and column in one number), and with which sign.
Terms = dict[int, int]


# ``array[p] = first[p] + sign * second[p + shift]``: arrays by their numbers, then shift and sign.
Sum = tuple[int, int, int, int]


class Step(NamedTuple):
    """A new array, made of two; where it is added to the result; what is not needed any more after that.

    Elements ``low`` up to ``low + more`` and the length of the result are made of it. All places are elements
    of the sums of columns, row after row.
    """

    number: int
    sum: Sum
    low: int
    more: int
    terms: tuple[tuple[int, int], ...]
    done: tuple[int, ...]


class Program(NamedTuple):
    """Where the sums of columns themselves are added, the steps, and how many arrays are held at a time."""

    terms: tuple[tuple[int, int], ...]
    steps: tuple[Step, ...]
    held: int


def sum_by_edges(window: NDArray[Any], halves: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Sums over a disk round every pixel that lies ``len(halves) - 1`` pixels inside a window.

    Parameters
    ----------
    window : ndarray, shape (ny + 2 * reach, nx + 2 * reach)
        Values.
    halves : tuple of int
        Half-height of the disk's column at each distance from its centre.
    dtype : dtype
        In which they are added; integers must hold the sums.

    Returns
    -------
    ndarray, shape (ny, nx), or None
        None if the last bit of a sum may depend on the order of additions.

    Examples
    --------
    >>> sum_by_edges(np.ones((4, 3)), (1, 0), np.dtype(float)).tolist()
    [[5.0], [5.0]]
    """
    reach = len(halves) - 1
    rows, width = window.shape
    program = _program(halves, width)
    # In one piece, which the next call finds where this one left it: fresh memory costs a fault every 4096
    # bytes.
    columns, total, *spare = np.empty((2 + program.held, rows + 1, width), dtype=dtype)
    columns[0] = 0
    columns[1:] = window
    if dtype.kind == "f" and not _fits(columns, 2 * (2 * reach + 1), total):
        return None
    _sum_columns(columns[1:])
    ny, nx = rows - 2 * reach, width - 2 * reach
    line = total.reshape(-1)[: (ny - 1) * width + nx]
    _run(program, columns.reshape(-1), line, [each.reshape(-1) for each in spare])
    sums: NDArray[Any] = total[:ny, :nx]
    return sums


def _fits(values: NDArray[Any], number: int, work: NDArray[Any]) -> bool:
    """Whether sums of so many sums of columns are exact, whatever their order.

    All values must be multiples of a unit of which the largest possible sum has no more than the type has
    bits for. Added to three quarters of a power of two above that sum, a value is rounded to such multiples:
    it is at most a quarter of that power, as at least two rows (one of zeros) and two terms are counted.
    """
    largest = max(float(values.max(initial=0)), -float(values.min(initial=0)))
    bound = largest * len(values) * number
    if largest == 0:
        return True
    if not _TINY < bound < 1 / _TINY:
        return False
    shift = values.dtype.type(0.75 * 2.0 ** np.ceil(np.log2(bound) + 1e-9))
    rounded = np.add(values, shift, out=work)
    rounded -= shift
    return bool((rounded == values).all())


def _sum_columns(values: NDArray[Any]) -> None:
    """Replace rows by the sum of all rows up to them. `numpy.cumsum` goes down column by column."""
    whole = len(values) // _GROUP * _GROUP
    groups = values[:whole].reshape(-1, _GROUP, values.shape[1])
    for row in range(1, _GROUP):
        groups[:, row] += groups[:, row - 1]
    for above, group in pairwise(groups):
        group += above[-1]
    for row in range(max(whole, 1), len(values)):
        values[row] += values[row - 1]


def _run(program: Program, columns: NDArray[Any], total: NDArray[Any], spare: list[NDArray[Any]]) -> None:
    """Fill in the sums. Rows follow each other in memory and every shift is a shift along that line; what
    that makes of the margins, where a row runs into the next, is thrown away.
    """
    length = len(total)
    arrays = {0: (columns, 0)}
    total[...] = 0

    def taken(number: int, low: int, size: int) -> NDArray[Any]:
        array, start = arrays[number]
        return array[low - start : low - start + size]

    def add(number: int, terms: tuple[tuple[int, int], ...]) -> None:
        for place, sign in terms:
            (np.add if sign > 0 else np.subtract)(total, taken(number, place, length), out=total)

    add(0, program.terms)
    for step in program.steps:
        first, second, shift, sign = step.sum
        size, out = length + step.more, spare.pop()
        one, other = taken(first, step.low, size), taken(second, step.low + shift, size)
        (np.add if sign > 0 else np.subtract)(one, other, out=out[:size])
        arrays[step.number] = out, step.low
        add(step.number, step.terms)
        spare += [arrays.pop(each)[0] for each in step.done]


@lru_cache(maxsize=64)
def _program(halves: tuple[int, ...], width: int) -> Program:
    """What to add for a disk, in rows of some width."""
    sums, arrays = _shared(halves)
    origin, pitch = len(halves) * width + len(halves) - 1, 4 * len(halves)

    def flat(place: int) -> int:
        row = (place + pitch // 2) // pitch
        return row * width + place - row * pitch

    terms = [tuple((origin + flat(each), sign) for each, sign in array.items()) for array in arrays]
    order = _ordered(sums)
    last = {each: number for number in order for each in (*sums[number - 1][:2], number)}
    needed = [[place for place, _ in each] for each in terms]
    steps: list[Step] = []
    for number in reversed(order):
        first, second, shift, sign = sums[number - 1]
        low, high, shift = min(needed[number]), max(needed[number]), flat(shift)
        needed[first] += [low, high]
        needed[second] += [low + shift, high + shift]
        done = tuple(each for each, at in last.items() if each and at == number)
        steps.insert(0, Step(number, (first, second, shift, sign), low, high - low, terms[number], done))
    # An array is there before those that it is made of are let go.
    held = np.cumsum([1 - len(step.done) for step in steps]) + [len(step.done) for step in steps]
    return Program(terms[0], tuple(steps), int(held.max(initial=0)))


@lru_cache(maxsize=16)
def _shared(halves: tuple[int, ...]) -> tuple[list[Sum], list[Terms]]:
    """Sums that several terms of a disk share, and the terms of each array that are left.

    The sum that most terms share is taken first, as long as two do. Places are rows times a pitch plus
    columns, twice as far apart as the disk is wide, so that differences of them are unique too.
    """
    pitch, reach = 4 * len(halves), len(halves) - 1
    arrays: list[Terms] = [{}]
    for column in range(-reach, reach + 1):
        half = halves[abs(column)]
        arrays[0] |= {half * pitch + column: 1, (-half - 1) * pitch + column: -1}
    sums: list[Sum] = []
    known: dict[tuple[int, int], tuple[list[int], int, int]] = {}
    while True:
        for pair in ((i, j) for i in range(len(arrays)) for j in range(i + 1)):
            if pair not in known:
                known[pair] = _common(arrays[pair[0]], arrays[pair[1]])
        (first, second), (places, shift, sign) = max(known.items(), key=lambda item: len(item[1][0]))
        if len(places) < 2:
            return sums, arrays
        arrays.append({place: arrays[first].pop(place) for place in places})
        for place in places:
            del arrays[second][place + shift]
        sums.append((first, second, shift, sign))
        known = {pair: each for pair, each in known.items() if not {first, second} & set(pair)}


def _common(one: Terms, other: Terms) -> tuple[list[int], int, int]:
    """Which terms of an array have a partner in the same relation, the most frequent there is, in another.

    Returns their places, and where the partner is and whether its sign is the same (1) or not (-1).
    """
    if not one or not other:
        return [], 0, 1
    places, partners = (np.fromiter(each, dtype=np.int64, count=len(each)) for each in (one, other))
    signs, theirs = (np.fromiter(each.values(), dtype=np.int64, count=len(each)) for each in (one, other))
    relation = 2 * (partners - places[:, None]) + (theirs == signs[:, None])
    relation = relation[relation > 1] if one is other else relation.reshape(-1)
    if not len(relation):
        return [], 0, 1
    least = int(relation.min())
    best = int(np.bincount(relation - least).argmax()) + least
    shift, sign = best >> 1, 1 if best & 1 else -1
    found = []
    left = set(other)
    for place in sorted(one):
        # A term is in one pair only: in a row of them, the first with the second, the third with the fourth.
        pair = {place, place + shift} if one is other else {place + shift}
        if pair <= left and other[place + shift] == sign * one[place]:
            found.append(place)
            left -= pair
    return found, shift, sign


def _ordered(sums: Sequence[Sum]) -> list[int]:
    """An order of the sums in which few arrays are held at a time: what is made is used up first."""
    waiting = list(range(1, len(sums) + 1))
    made = [0]
    while waiting:
        ready = [each for each in waiting if {*sums[each - 1][:2]} <= {*made}]
        newest = max(ready, key=lambda each: max(made.index(source) for source in sums[each - 1][:2]))
        waiting.remove(newest)
        made.append(newest)
    return made[1:]

"""The area of a mask whose leaves say what they have between two parallels: circles, bands and their algebra,
which is done on the pieces of each strip between the meridians where a leaf begins or ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from ..core.arrays import Bools, Floats, Ints
from ..expr.mask import And, Mask, Not, Or, Xor
from ..expr.structure import postorder
from ..sphere.parallels import Parallels, StripRuns

__all__ = ["bounds_between", "leaves_between"]

# Runs that are put in order at a time: bounds memory.
_RUNS: Final = 1 << 20
# Strips that are: their numbers are short integers.
_STRIPS: Final = (1 << 15) - 1
# Degrees of longitude by which rounding may move an end of a run.
_ROUNDING: Final = 2e-13
# Leaves of which more are not worth a counter each.
_LEAVES: Final = 24

Known = tuple[Bools, Bools]
"""Whether pieces surely are in a mask, and whether they may be."""


def leaves_between(mask: Mask) -> tuple[list[Mask], str] | None:
    """The parts of a mask that say what they have between parallels of a frame, and the frame."""
    leaves: dict[int, Mask] = {}
    stack = [mask]
    while stack:
        each = stack.pop()
        if isinstance(each, And | Or | Xor | Not):
            stack += each.children
        else:
            leaves[id(each)] = each
    found = list(leaves.values())
    if len(found) > _LEAVES:
        return None
    below = [node for each in found for node in postorder(each)]
    frames = [str(frame) for node in below if (frame := getattr(node, "frame", None)) is not None]
    for frame in dict.fromkeys([*frames, "icrs"]):
        equator = Parallels(frame, np.array([0.0, 1e-3]))
        if all(each.between_parallels(equator) is not None for each in found):
            return found, frame
    return None


def bounds_between(mask: Mask, leaves: Sequence[Mask], frame: str, strips: int) -> tuple[float, float, int]:
    """The least and the largest fraction of the sphere that a mask may have, and how many runs that took.

    Parameters
    ----------
    leaves : sequence of Mask
        Of `leaves_between`.
    strips : int
        Into how many strips of equal height the sphere is cut; where a leaf ends at a parallel, there too.
    """
    borders = [lat for each in leaves for lat in each.border_parallels(frame) if abs(lat) < 90.0]
    edges = np.unique(np.concatenate([np.linspace(-90.0, 90.0, strips + 1), borders]))
    total, number, batch, first = np.zeros(2), 0, _STRIPS // 8, 0
    while first < len(edges) - 1:
        here = edges[first : first + batch + 1]
        parts = [_parts(each, Parallels(frame, here)) for each in leaves]
        runs = sum(len(each.strip) for pair in parts for each in pair)
        if runs > _RUNS and len(here) > 2:
            batch = max(1, batch // 2)
            continue
        total += _shares(mask, leaves, parts, Parallels(frame, here))
        first, number = first + len(here) - 1, number + runs
        batch = min(2 * batch, _STRIPS) if runs < _RUNS // 4 else batch
    return max(float(total[0]), 0.0), min(float(total[1]), 1.0), number


def _parts(leaf: Mask, parallels: Parallels) -> tuple[StripRuns, StripRuns]:
    found = leaf.between_parallels(parallels)
    assert found is not None, "a leaf that has answered for one zone answers for all"
    return found


def _shares(
    mask: Mask, leaves: Sequence[Mask], parts: Sequence[tuple[StripRuns, StripRuns]], parallels: Parallels
) -> Floats:
    """The least and the largest fraction of the sphere that a mask has in some strips."""
    heights = parallels.heights
    strip, lon, column, step, rim = _events(parts)
    doubt = _ROUNDING * float(heights[strip].sum())
    # Strips without a run are alike: one of them, with the height of all, stands for them.
    bare = np.ones(len(parallels), dtype=bool)
    bare[strip] = False
    others = np.flatnonzero(bare)
    heights[others[:1]] = heights[others].sum()
    # Each strip begins at 0 and ends at 360 degrees, so that no piece reaches into the next.
    ends = np.append(np.flatnonzero(~bare), others[:1])
    strip = np.concatenate([strip, ends, ends])
    lon = np.concatenate([lon, np.zeros(len(ends)), np.full(len(ends), 360.0)])
    column, step = (np.append(each, np.zeros(2 * len(ends), dtype=np.int64)) for each in (column, step))
    rim = np.append(rim, np.full(2 * len(ends), -1))
    order = np.argsort(lon)
    # A stable sort of short integers is a radix sort.
    order = order[np.argsort(strip[order].astype(np.int16), kind="stable")]
    strip, column, step, rim = (each[order] for each in (strip, column, step, rim))
    lon = lon[order]
    width = np.where(np.append(strip[1:] == strip[:-1], False), np.append(np.diff(lon), 0.0), 0.0)
    area = width * heights[strip]
    open_ = [np.cumsum(np.where(column == i, step, 0)) > 0 for i in range(2 * len(leaves))]
    known = {id(leaf): (open_[2 * i], open_[2 * i + 1]) for i, leaf in enumerate(leaves)}
    surely, perhaps = _combined(mask, known)
    share = np.array([surely, perhaps], dtype=np.float64)
    piece, within = _rims(strip, column, rim, surely, perhaps, parts)
    share[0, piece] = np.maximum(share[0, piece], within[0])
    share[1, piece] = np.minimum(share[1, piece], within[1])
    return np.asarray(share @ area + [-doubt, doubt])


def _rims(
    strip: Ints,
    column: Ints,
    rim: Ints,
    surely: Bools,
    perhaps: Bools,
    parts: Sequence[tuple[StripRuns, StripRuns]],
) -> tuple[Ints, Floats]:
    """Pieces in which nothing but one rim lies, between pieces that are known, and the least and the largest
    part of each that is in the mask.

    Such a piece is in the mask on either side of the rim if what is beside it there is, as only the rim's
    own run makes them differ.
    """
    known = np.concatenate(
        [np.empty((2, 0)), *(pair[1].parts for pair in parts if pair[1].parts is not None)], 1
    )
    # At its first end the run that may be in begins before the sure one, at its second it ends after that.
    alone = (rim[:-1] == rim[1:]) & (rim[:-1] >= 0) & (strip[:-1] == strip[1:])
    alone &= (column[:-1] & 1) != (rim[:-1] & 1)
    certain = surely == perhaps
    piece = np.flatnonzero(alone)
    piece = piece[certain[piece - 1] & certain[piece + 1]]
    is_first = rim[piece] & 1 == 0
    before, after = surely[piece - 1], surely[piece + 1]
    inside, outside = np.where(is_first, after, before), np.where(is_first, before, after)
    low, high = known[:, rim[piece] >> 1]
    within = np.where(
        outside, np.where(inside, 1.0, 1 - np.array([high, low])), inside * np.array([low, high])
    )
    return piece, within


def _events(parts: Sequence[tuple[StripRuns, StripRuns]]) -> tuple[Ints, Floats, Ints, Ints, Ints]:
    """Where runs begin and end, in columns that count those of one leaf and kind, an even and an odd one for
    each leaf; and which ends, first and second, of rims these are, counted through.
    """
    none = np.empty(0, dtype=np.int64)
    made: list[tuple[Any, ...]] = [(none, np.empty(0), none, none, none)]
    before = 0
    for leaf, pair in enumerate(parts):
        for column, runs in enumerate(pair, 2 * leaf):
            for strip, start, stop, first, second in _within_a_turn(runs, before):
                which, one = np.full(len(strip), column), np.ones(len(strip), dtype=np.int64)
                made += [(strip, start, which, one, first), (strip, stop, which, -one, second)]
        before += 0 if pair[1].parts is None else pair[1].parts.shape[1]
    return (*(np.concatenate(each) for each in zip(*made, strict=True)),)  # type: ignore[return-value]


def _within_a_turn(runs: StripRuns, before: int) -> Iterator[tuple[Ints, Floats, Floats, Ints, Ints]]:
    """Runs cut at 360 degrees, and the first and the second end of rims, of which some come before."""
    rim = np.full(len(runs.strip), -1) if runs.rim is None else runs.rim
    first = np.where(rim < 0, -1, 2 * (rim + before))
    second = np.where(rim < 0, -1, first + 1)
    over = np.flatnonzero(runs.stop > 360.0)
    none = np.full(len(over), -1)
    yield runs.strip[over], np.zeros(len(over)), runs.stop[over] - 360.0, none, second[over]
    second[over] = -1
    yield runs.strip, runs.start, np.minimum(runs.stop, 360.0), first, second


def _combined(mask: Mask, leaves: dict[int, Known]) -> Known:
    """What is known of a mask, from what is known of its leaves."""
    known = dict(leaves)
    for each in postorder(mask):
        is_algebra = isinstance(each, And | Or | Xor | Not)
        if id(each) in known or not (is_algebra and all(id(child) in known for child in each.children)):
            # A leaf, or below one.
            continue
        of = [known[id(child)] for child in each.children]
        surely, perhaps = of[0]
        if isinstance(each, Not):
            surely, perhaps = ~perhaps, ~surely
        for low, high in of[1:]:
            if isinstance(each, And):
                surely, perhaps = surely & low, perhaps & high
            elif isinstance(each, Or):
                surely, perhaps = surely | low, perhaps | high
            else:
                surely, perhaps = surely & ~high | low & ~perhaps, ~(surely & low | ~perhaps & ~high)
        known[id(each)] = surely, perhaps
    return known[id(mask)]

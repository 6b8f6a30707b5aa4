"""Values of a shape where it may hold pixels: a window of them, nothing outside, joined in place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools
from ..pixels.window import Window

__all__ = ["Patch", "join_patches"]


class Patch(NamedTuple):
    """Values on a window; False everywhere else. The array is the patch's own and changes in joins."""

    window: Window
    values: Bools


def join_patches(operator: str, left: Patch | None, right: Patch | None, whole: Window) -> Patch | None:
    """Join two patches by an operator; None holds nothing. Both are used up.

    A union grows to the ``whole`` window at once when it has to grow, so that many cost the pixels of each.
    """
    if left is None or right is None:
        keeps = left if operator == "minus" else (left or right)
        return None if operator == "and" else keeps
    if operator == "and":
        box = left.window.intersect(right.window)
        return Patch(box, _seen(left, box) & _seen(right, box)) if box.size else None
    if operator == "minus":
        box = left.window.intersect(right.window)
        _seen(left, box)[...] &= ~_seen(right, box)
        return left
    if not _holds(left.window, right.window):
        left, right = right, left
    if not _holds(left.window, right.window):
        grown = Patch(whole, np.zeros(whole.shape, dtype=bool))
        _seen(grown, left.window)[...] = left.values
        left = grown
    part = _seen(left, right.window)
    if operator == "or":
        part |= right.values
    else:
        part ^= right.values
    return left


def _holds(a: Window, b: Window) -> bool:
    return a.y0 <= b.y0 and b.y1 <= a.y1 and a.x0 <= b.x0 and b.x1 <= a.x1


def _seen(patch: Patch, box: Window) -> Bools:
    """The part of a patch in a box that it holds, as a view."""
    return patch.values[box.within(patch.window)]

"""Masks in the plane of pixels: packed words that grow. Knows arrays and nothing of the sky."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["box_widths", "disk_widths", "grow"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

# Relative: a radius that is an angle over a pixel scale (0.2 deg / 0.02 deg) must reach the pixel it means to
# reach.
_TIE = 1e-9
_BITS = 64


def disk_widths(radius_y: float, radius_x: float) -> Ints:
    """Half-widths of the rows of an ellipse of pixels, from its middle row (the first) outwards.

    The pixels are those with ``(dy / radius_y)^2 + (dx / radius_x)^2 <= 1``, which for equal radii is the
    disk ``dy^2 + dx^2 <= radius^2``; what is on the rim to a part in 10^9 is in.

    Parameters
    ----------
    radius_y, radius_x : float
        In pixels, at least 0.

    Examples
    --------
    >>> disk_widths(2, 2).tolist()
    [2, 1, 0]
    """
    rows = np.arange(math.floor(radius_y * (1 + _TIE)) + 1)
    # 0 <= rows <= radius, and where the radius is below a pixel the only row is 0.
    part = rows / radius_y if radius_y >= 1 else rows * 0.0
    widths = np.floor(radius_x * np.sqrt(np.maximum(1 + _TIE - part * part, 0.0)) + _TIE)
    return widths.astype(np.int64)


def box_widths(half_y: float, half_x: float) -> Ints:
    """Half-widths of the rows of a box, as `disk_widths`; the half-sides are in pixels.

    Examples
    --------
    >>> box_widths(1, 3.5).tolist()
    [3, 3]
    """
    rows = math.floor(half_y * (1 + _TIE)) + 1
    return np.full(rows, math.floor(half_x * (1 + _TIE)), dtype=np.int64)


def grow(mask: Bools, widths: Ints) -> Bools:
    """Dilate a mask by a shape that is symmetric and widest in the middle; outside the array nothing is
    selected.

    Parameters
    ----------
    mask : ndarray of bool, shape (ny, nx)
    widths : ndarray of int64, shape (k,)
        Half-width of the shape's rows 0, 1, ... k - 1 above (and below) the middle; never rising.

    Returns
    -------
    ndarray of bool, shape (ny, nx)

    Examples
    --------
    >>> grow(np.array([[0, 0, 0, 1, 0]], dtype=bool), np.array([1])).astype(int).tolist()
    [[0, 0, 1, 1, 1]]
    """
    ny, nx = mask.shape
    busy = np.flatnonzero(mask.any(axis=1))
    if not len(busy):
        return np.zeros((ny, nx), dtype=bool)
    top, bottom = int(busy[0]), int(busy[-1]) + 1
    wide = _pack(mask[top:bottom])
    out = np.zeros((ny, wide.shape[1]), dtype=np.uint64)
    spare = np.empty_like(wide), np.empty_like(wide)
    reached = 0
    # From the narrow tip to the wide middle, so that each width is made from the one before.
    for dy in range(len(widths) - 1, -1, -1):
        width = min(int(widths[dy]), nx)
        while reached < width:
            step = min(width - reached, 2 * reached + 1)
            _widen(wide, step, *spare)
            reached += step
        for shift in {dy, -dy}:
            first, last = max(top + shift, 0), min(bottom + shift, ny)
            if first < last:
                out[first:last] |= wide[first - top - shift : last - top - shift]
    return _unpack(out, nx)


def _pack(mask: Bools) -> Words:
    """64 pixels to a word, the first in the lowest bit, with an empty word on each side."""
    ny, nx = mask.shape
    words = -(-nx // _BITS)
    octets = np.zeros((ny, (words + 2) * 8), dtype=np.uint8)
    octets[:, 8 : 8 + -(-nx // 8)] = np.packbits(mask, axis=1, bitorder="little")
    return octets.view("<u8").astype(np.uint64, copy=False)


def _unpack(words: Words, nx: int) -> Bools:
    octets = words.astype("<u8", copy=False).view(np.uint8)[:, 8:]
    return np.unpackbits(octets, axis=1, count=nx, bitorder="little").view(bool)


def _widen(words: Words, step: int, spare: Words, carry: Words) -> None:
    """Add to every pixel those ``step`` to its left and right, in place."""
    whole, bits = divmod(step, _BITS)
    width = words.shape[1] - whole
    if width <= 0:
        return
    spare[...] = words
    _shifted_into(words[:, whole:], spare[:, :width], bits, carry[:, :width], left=True)
    _shifted_into(words[:, :width], spare[:, whole:], bits, carry[:, :width], left=False)


def _shifted_into(out: Words, words: Words, bits: int, carry: Words, left: bool) -> None:
    """``out |= words`` moved by ``bits``: to higher pixels if ``left`` (in the word), else to lower ones."""
    if bits == 0:
        out |= words
        return
    near, far = (np.left_shift, np.right_shift) if left else (np.right_shift, np.left_shift)
    near(words, np.uint64(bits), out=carry)
    out |= carry
    far(words, np.uint64(_BITS - bits), out=carry)
    if left:
        out[:, 1:] |= carry[:, :-1]
    else:
        out[:, :-1] |= carry[:, 1:]

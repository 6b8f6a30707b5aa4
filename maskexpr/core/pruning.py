"""Whether what a coverage decides is skipped. It is switched off only to test that this changes no bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["is_pruned", "unpruned"]

_off = 0


def is_pruned() -> bool:
    """Whether tiles, blocks and operands that a coverage decides are skipped."""
    return not _off


@contextmanager
def unpruned() -> Iterator[None]:
    """Within it every coverage is MIXED, so that all pixels of all tiles are asked, in all threads of this
    process; workers in other processes are not concerned.

    The bits are the same, or a promise is broken.

    Examples
    --------
    >>> import maskexpr as mx
    >>> geom = mx.WcsGeom.create(npix=(40, 3), binsz=1)
    >>> mask = mx.Band(lat=("-1 deg", "1 deg")).dilate("1 deg")
    >>> with unpruned():
    ...     every_pixel = mask.compute(geom)
    >>> bool((every_pixel == mask.compute(geom)).all())
    True
    """
    global _off
    _off += 1
    try:
        yield
    finally:
        _off -= 1

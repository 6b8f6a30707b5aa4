"""Each thread's own WCS of a projection."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Final

from astropy.wcs import WCS

from .projection import Projection

__all__ = ["thread_wcs"]


class _PerThread(threading.local):
    """One bounded cache of WCS objects for each thread: wcslib's structures are not safe to share, and slow
    when shared.
    """

    def __init__(self) -> None:
        self.wcs = lru_cache(maxsize=32)(_make)


def _make(projection: Projection) -> WCS:
    wcs = projection.to_wcs()
    if projection.code == "SZP":
        # wcslib draws the limb of the slant perspective some degrees further in on the way to pixels than on
        # the way to the sky; what comes back is on the map (see `maskexpr.grid.wcs.lattice`).
        wcs.wcs.bounds_check(True, False)
    return wcs


_PER_THREAD: Final = _PerThread()


def thread_wcs(projection: Projection) -> WCS:
    """The calling thread's own WCS of a projection; for evaluation only, never to be changed."""
    return _PER_THREAD.wcs(projection)

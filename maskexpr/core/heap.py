"""Arena retention in malloc: what tasks free stays with their process until the last of them has ended.

dask's nannies start workers with ``MALLOC_TRIM_THRESHOLD_`` set, so that freed memory goes back to the system
at once. That stops glibc from adapting, too: every array above 128 kB gets pages of its own, each of which is
cleared and mapped when it is first touched. Tasks that make one such array after the other pay for that
with a fifth of their processor time.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

__all__ = ["give_back_freed_memory", "keep_freed_memory"]

_SET_BY_DASK: Final = "MALLOC_TRIM_THRESHOLD_"
# Numbers of <malloc.h>.
_TRIM, _MMAP = -1, -3
# As far as glibc would adapt by itself: the largest arrays that come from the heap, and what it keeps free.
_LARGEST: Final = 1 << 25
_FREE: Final = 1 << 26
_MMAP_OF_GLIBC: Final = 1 << 17

_lock = threading.Lock()
_holders: set[str] = set()


class _Malloc(NamedTuple):
    """The functions of glibc, and what was set before."""

    set: Callable[[int, int], int]
    trim: Callable[[int], int]
    threshold: int


@cache
def _malloc() -> _Malloc | None:
    """None where freed memory is kept anyhow, or malloc is not glibc's."""
    try:
        threshold = int(os.environ[_SET_BY_DASK])
        library = ctypes.CDLL(None)
        return _Malloc(library.mallopt, library.malloc_trim, threshold)
    except (KeyError, ValueError, AttributeError, OSError, TypeError):
        return None


def keep_freed_memory(holder: str) -> None:
    """From now on this process, if it is a worker of dask, gets the memory that it has freed again."""
    malloc = _malloc()
    if malloc is None:
        return
    with _lock:
        if not _holders:
            malloc.set(_MMAP, _LARGEST)
            malloc.set(_TRIM, _FREE)
        _holders.add(holder)


def give_back_freed_memory(holder: str) -> None:
    """When all who asked to keep it have said so, freed memory goes back to the system, as it did before."""
    malloc = _malloc()
    if malloc is None:
        return
    with _lock:
        if holder not in _holders:
            return
        _holders.remove(holder)
        if not _holders:
            malloc.set(_MMAP, _MMAP_OF_GLIBC)
            malloc.set(_TRIM, malloc.threshold)
            malloc.trim(0)

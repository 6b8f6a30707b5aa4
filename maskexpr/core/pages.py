"""Large arrays of zeros of which little is written: memory that is taken page by page."""

from __future__ import annotations

import mmap
import sys
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["expect_writes", "sparse_zeros"]

# Bytes of the pages in which the system hands out memory, and of the large ones that it hands out for them
# where it is asked to.
_PAGE: Final = mmap.PAGESIZE
_LARGE: Final = 1 << 21
# A large page is worth it where at least this part of it is written. It takes the system about as long as a
# third of it in small ones (0.26 ms beside 1.6 us each), but what is not written of it is memory too, and
# on a map of which 5 % are selected to ask for them earlier saved no time that could be measured.
_WORTH: Final = 0.6
# Only Linux has memory of both kinds. Elsewhere new memory is in small pages as it is.
_CHOOSES: Final = sys.platform == "linux" and hasattr(mmap, "MADV_HUGEPAGE")


def sparse_zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array of zeros that takes memory where it is written, and nowhere else.

    `numpy.zeros` asks the system for large pages, of which one is taken as a whole when a byte of it is
    written.

    Examples
    --------
    >>> sparse_zeros((2, 3), bool).any()
    np.False_
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    if not _CHOOSES or size < 2 * _LARGE:
        return np.zeros(shape, dtype)
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    except OSError:
        # numpy says what there is too little of; a system without large pages knows no such advice.
        return np.zeros(shape, dtype)
    return np.frombuffer(memory, dtype).reshape(shape)


def expect_writes(view: NDArray[Any], pieces: NDArray[np.integer[Any]] | None = None, size: int = 1) -> None:
    """Have large pages for those parts of a view of `sparse_zeros` of which much is going to be written.

    Parameters
    ----------
    view : ndarray
        If it is of other memory than that of `sparse_zeros`, or not contiguous, nothing is asked.
    pieces : ndarray of int, optional
        The numbers of the pieces that are going to be written, each once; all of it unless given.
    size : int
        Bytes of a piece: a power of two, at most a large page.
    """
    memory = _memory_of(view)
    if memory is None or not view.flags.c_contiguous or view.size == 0:
        return
    origin, first = np.frombuffer(memory, np.uint8).ctypes.data, view.ctypes.data
    if pieces is None:
        # The system gives large pages where a whole one fits.
        start = (first - origin) // _PAGE * _PAGE
        memory.madvise(mmap.MADV_HUGEPAGE, start, first + view.nbytes - origin - start)
        return
    # Of pieces that are smaller than a page the first of them stands for all.
    pages = np.unique((first + pieces * size) // _PAGE)
    large, place = np.unique(pages // (_LARGE // _PAGE), return_inverse=True)
    busy = np.bincount(place) * max(size // _PAGE, 1)
    for each in large[busy > _WORTH * (_LARGE // _PAGE)].tolist():
        start = max(each * _LARGE - origin, 0)
        memory.madvise(mmap.MADV_HUGEPAGE, start, min(_LARGE, len(memory) - start))


def _memory_of(view: NDArray[Any]) -> mmap.mmap | None:
    """The memory that `sparse_zeros` has made for an array."""
    base: Any = view
    while isinstance(base, np.ndarray):
        base = base.base
    return base.obj if isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap) else None

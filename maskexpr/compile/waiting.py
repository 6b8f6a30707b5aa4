"""Whether anybody still waits for a task of dask's, told by the stack of the thread that asked for it.

A scheduler that is broken off by Ctrl-C starts no more tasks, but one that runs is told nothing and goes on
to its end. A long task therefore looks from time to time. A call is known by the function of dask's and by
the graph that it was given; where none is found, nothing is ever over.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator
from types import FrameType

from dask.local import get_async

__all__ = ["Waiting"]


class Waiting:
    """The call of a scheduler that waits for a task; made when the task begins.

    Parameters
    ----------
    thread : int
        The thread that asked for the task.
    key : hashable
        The task's.

    Examples
    --------
    >>> import threading
    >>> Waiting(threading.get_ident(), "nothing").is_over()
    False
    """

    def __init__(self, thread: int, key: Hashable) -> None:
        self._thread = thread
        calls = (each for each in _stack(thread) if each.f_code is get_async.__code__)
        self._call = next((each for each in calls if key in each.f_locals.get("dsk", ())), None)

    def is_over(self) -> bool:
        """Whether the call was there and has been left; of a task that runs nobody has the result."""
        return self._call is not None and all(each is not self._call for each in _stack(self._thread))


def _stack(thread: int) -> Iterator[FrameType]:
    """The frames of a thread, the innermost first."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        yield frame
        frame = frame.f_back

"""Exception translation: what fails while a tile is evaluated says which mask, tile and files it was.

Errors of maskexpr keep their class, which callers catch, and say it at the end; others become a `TileError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import LimitError, MaskError, TileError
from ..expr.describe import one_line
from ..expr.mask import Mask
from ..expr.structure import postorder
from ..io.sources import FileSource
from ..pixels.window import Window
from .cluster import is_on_worker

__all__ = ["told_where"]

_NAMED = "while evaluating "
# Limits belong to a process.
_ON_WORKERS = "on the workers too, client.run(maskexpr.set_limits, ...)"


@contextmanager
def told_where(mask: Mask, window: Window | str, plane: tuple[int, ...]) -> Iterator[None]:
    """While a mask is evaluated on a window of a plane: what fails says so."""
    try:
        yield
    except Exception as err:
        failure = _failure(err, mask, window, plane)
        if failure is err:
            raise
        raise failure from err


def _failure(err: Exception, mask: Mask, window: Window | str, plane: tuple[int, ...]) -> Exception:
    """The error to raise: the same with more to say, or a `TileError`."""
    where = f"{one_line(mask)} on {window}"
    if plane:
        where += f" of plane {plane}"
    paths = sorted(
        {
            value.path
            for each in postorder(mask)
            for _, value in each.fields()
            if isinstance(value, FileSource)
        }
    )
    if paths:
        where += f", which reads {', '.join(paths)}"
    if not isinstance(err, MaskError):
        return TileError(f"evaluating {where} failed: {type(err).__name__}: {err}")
    # One with more arguments (errno, text, path) says by these what it has to say.
    if len(err.args) == 1 and _NAMED not in str(err.args[0]):
        there = f" {_ON_WORKERS}" if isinstance(err, LimitError) and is_on_worker() else ""
        err.args = (f"{err.args[0]}{there}; {_NAMED}{where}",)
    return err

"""How the arrays of a grid lie: blocks of an array, and the windows of the lattice that they are cut from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Ints
from ..core.errors import MaskValueError
from ..core.limits import check_limit
from ..core.names import shown
from ..core.once import once
from ..pixels.window import equal_parts

__all__ = ["Layout", "Rectangles", "block_sides"]

Block = tuple[int, ...]
Sizes = tuple[tuple[int, ...], ...]

# Pixels along a side of a default chunk: large enough that a scheduler's cost per task does not count, small
# enough for a few at once.
_SIDE = 2048
_SIDE_OF_GIANTS = 4096
_GIANT = 10**10


class Layout(ABC):
    """The array of a grid, cut into blocks, each from one window of the lattice.

    Attributes
    ----------
    sizes : tuple of tuple of int
        Chunk sizes along each spatial dimension of the array.
    unit : str
        What its pixels are called.
    is_image : bool
        Whether a block lies in the array as its window does on the lattice.
    """

    sizes: Sizes
    unit: ClassVar[str] = "pixels"
    is_image: ClassVar[bool] = False

    @abstractmethod
    def bounds(self, blocks: Ints) -> Ints:
        """Windows of blocks, shape (4, n), from their indices, shape (dimensions, n)."""

    @abstractmethod
    def pack(self, values: NDArray[Any], block: Block, out: NDArray[Any]) -> None:
        """Write the values of a plane on the window of a block, (ny, nx), into the block, of zeros; where
        nothing is selected it need not be touched.
        """

    @abstractmethod
    def strips(self, side: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Heights and widths by which the image is cut into a grid of blocks: blocks of the array, a few
        together or parts of one, of at most so many pixels a side, and what is between them.
        """

    @property
    def token(self) -> Any:
        """What tells it from other layouts of its grid."""
        return self.sizes

    @property
    def numblocks(self) -> Block:
        """Number of blocks along each spatial dimension."""
        return tuple(len(each) for each in self.sizes)

    @once
    def starts(self) -> tuple[Ints, ...]:
        """The first pixel of every block, and one past the last of all, along each spatial dimension."""
        return tuple(np.concatenate([[0], np.cumsum(each, dtype=np.int64)]) for each in self.sizes)

    def place(self, block: Block) -> tuple[slice, ...]:
        """Where a block is in the array."""
        return tuple(
            slice(int(each[i]), int(each[i + 1])) for each, i in zip(self.starts, block, strict=True)
        )

    @once
    def all_bounds(self) -> Ints:
        """The windows of all blocks, the last dimension running fastest, shape (4, n)."""
        return self.bounds(np.indices(self.numblocks).reshape(len(self.sizes), -1))

    @once
    def largest(self) -> tuple[int, int]:
        """Rows and columns of no window are more."""
        y0, y1, x0, x1 = self.all_bounds
        return int((y1 - y0).max()), int((x1 - x0).max())


class Rectangles(Layout):
    """An array that is an image itself, cut into rows and columns of rectangles.

    Parameters
    ----------
    rows, columns : tuple of int
        Chunk sizes along y and x.
    """

    is_image = True

    def __init__(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> None:
        self.sizes = (rows, columns)

    @classmethod
    def of(cls, chunks: Any, shape: tuple[int, int], dims: tuple[str, ...]) -> Rectangles:
        """The layout of what users may give as chunks.

        Raises
        ------
        MaskValueError
            For chunks that do not fit.

        Examples
        --------
        >>> Rectangles.of({"x": 3}, (2, 7), ("y", "x")).sizes
        ((2,), (3, 3, 1))
        """
        down, across = dims
        known = isinstance(chunks, tuple | list | dict | Real) or (
            isinstance(chunks, str) and chunks == "auto"
        )
        if not known:
            raise MaskValueError(f"chunks must be 'auto', an int or ({down}, {across}), got {shown(chunks)}")
        if isinstance(chunks, str):
            side = _SIDE_OF_GIANTS if shape[0] * shape[1] > _GIANT else _SIDE
            chunks = block_sides(shape[1], side)
        if isinstance(chunks, dict):
            if not set(chunks) <= {down, across}:
                raise MaskValueError(f"chunks are of {down!r} and {across!r}, got {chunks!r}")
            chunks = (chunks.get(down, -1), chunks.get(across, -1))
        if isinstance(chunks, tuple | list):
            # Of another number than two dask says so.
            chunks = tuple(map(_side, chunks, shape)) if len(chunks) == len(shape) else tuple(chunks)
        else:
            chunks = _side(chunks, max(shape))
        try:
            rows, columns = da.core.normalize_chunks(chunks, shape, dtype=bool)  # type: ignore[no-untyped-call]
        except (TypeError, ValueError) as err:
            raise MaskValueError(
                f"chunks={chunks!r} do not fit a map of {shape[0]} x {shape[1]} pixels "
                f"({down}, {across}): {err}"
            ) from err
        return cls(rows, columns)

    def bounds(self, blocks: Ints) -> Ints:
        y, x = self.starts
        return np.stack([y[blocks[0]], y[blocks[0] + 1], x[blocks[1]], x[blocks[1] + 1]])

    def pack(self, values: NDArray[Any], block: Block, out: NDArray[Any]) -> None:
        out[...] = values

    def strips(self, side: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        tall, wide = block_sides(sum(self.sizes[1]), side)
        columns = (wide,) if wide > side else self.sizes[1]
        return _cut(_in_pairs(self.sizes[0], tall), tall), _cut(_in_pairs(columns, wide), wide)


def _side(given: Any, most: int) -> Any:
    """Pixels along a side of chunks, no more than there are; what says that in another way stays as it is."""
    if isinstance(given, np.ndarray):
        return tuple(given.tolist())
    if not isinstance(given, Real | np.bool_):
        return given
    number = float(given)
    if isinstance(given, bool | np.bool_) or (number != -1 and not (number >= 1 and number % 1 == 0)):
        raise MaskValueError(
            f"a chunk has a whole number of pixels, at least 1, or -1 for all, got {given!r}"
        )
    side = most if number == -1 else min(int(number), most)
    check_limit("tiles", most // side, "an array in such chunks", "chunks along a side")
    return side


def block_sides(width: int, side: int) -> tuple[int, int]:
    """Height and width of blocks of at most ``side * side`` pixels: of whole rows of an image where these are
    no longer than four sides, because memory is read and written twice as fast along them, and growth asks
    for nothing beside them.

    Examples
    --------
    >>> block_sides(4096, 2048), block_sides(9000, 2048), block_sides(1000, 2048)
    ((1024, 4096), (2048, 2048), (2048, 2048))
    """
    return (side * side // width, width) if side < width <= 4 * side else (side, side)


def _in_pairs(sizes: tuple[int, ...], side: int) -> tuple[int, ...]:
    """Chunk sizes along an axis, two and two together where they fit a block: fewer blocks to be joined.

    Examples
    --------
    >>> _in_pairs((1000, 1000, 1000), 2048), _in_pairs((1500, 1500), 2048)
    ((2000, 1000), (1500, 1500))
    """
    paired: list[int] = []
    for i in range(0, len(sizes), 2):
        pair = sizes[i : i + 2]
        paired += [sum(pair)] if sum(pair) <= side else pair
    return tuple(paired)


def _cut(sizes: tuple[int, ...], side: int) -> tuple[int, ...]:
    """Chunk sizes along an axis, the large ones in about equal parts."""
    return tuple(part for size in sizes for part in equal_parts(size, -(-size // side)))

"""What every writer of masks does: take blocks in any order, and publish the file when all are in."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..core.errors import MaskTypeError, MaskValueError
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from .publish import check_output, format_of, publish, remove, temporary_beside

__all__ = ["Block", "MaskWriter", "check_output", "format_of"]

Planes = tuple[int | slice, ...]


class Block(NamedTuple):
    """A piece of a mask to be written.

    Parameters
    ----------
    window : Window
        Where it is, inside the map.
    value : ndarray of bool, or bool
        Shape (ny, nx) of the window, or with the selected planes before that; True where all pixels are in.
    planes : tuple of int or slice, optional
        Index along each non-spatial axis; None for every plane.
    """

    window: Window
    value: NDArray[np.bool_] | bool
    planes: Planes | None = None


class MaskWriter(ABC):
    """Writes a mask block by block and publishes it when the ``with`` block ends without an error.

    Blocks may be stored from several threads and in any order, each pixel at most once; what is never stored
    is False.

    Parameters
    ----------
    path : str or path
        The output.
    geom : WcsGeom
        Its geometry.
    provenance : mapping of str to str
        Texts that travel in the file: the expression, its hash, the version.
    overwrite : bool
        Whether an existing output may be replaced.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        geom: WcsGeom,
        provenance: Mapping[str, str] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = check_output(path, overwrite)
        self.geom = geom
        self.provenance = dict(provenance or {})
        self.overwrite = overwrite
        self.axes_shape: tuple[int, ...] = tuple(geom.shape[:-2])
        self.map_window = Window(0, geom.shape[-2], 0, geom.shape[-1])
        self._numbers = np.arange(int(np.prod(self.axes_shape))).reshape(self.axes_shape)
        self._lock = threading.Lock()
        self._temporary: Path | None = None

    def __enter__(self) -> Self:
        self._temporary = temporary_beside(self.path)
        try:
            self._create(self._temporary)
        except BaseException:
            self._abandon()
            raise
        return self

    def store(self, block: Block) -> None:
        """Write one block.

        Raises
        ------
        MaskValueError
            For a window that is empty or beyond the map, or a value whose shape does not fit.
        MaskTypeError
            For a value that is not bool, or a writer that is not open.
        """
        if self._temporary is None:
            raise MaskTypeError(f"the writer of {self.path} is not open; use it in a with statement")
        window = block.window
        if window.size == 0 or window.intersect(self.map_window) != window:
            raise MaskValueError(
                f"{self.path}: {window} is empty or beyond the map of {self.map_window.shape} pixels"
            )
        numbers = self._numbers[() if block.planes is None else block.planes]
        value = block.value
        if isinstance(value, (bool, np.bool_)):
            if value:
                for number in numbers.flat:
                    self._write(self._plane(number), window, True)
            return
        if value.dtype != np.bool_:
            raise MaskTypeError(f"{self.path}: a block of a mask must be bool, got {value.dtype}")
        if value.shape not in (window.shape, (*numbers.shape, *window.shape)):
            raise MaskValueError(
                f"{self.path}: a block of shape {value.shape} does not fit {window} on {numbers.size} planes"
            )
        flat = value.reshape(-1, *window.shape)
        for i, number in enumerate(numbers.flat):
            self._write(self._plane(number), window, flat[i if len(flat) > 1 else 0])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._abandon()
            return
        try:
            assert self._temporary is not None
            finished = self._finish(self._temporary)
            try:
                publish(finished, self.path, self.overwrite)
            finally:
                remove(finished)
        finally:
            self._abandon()

    @abstractmethod
    def _create(self, temporary: Path) -> None:
        """Begin an output in which every pixel is False."""

    @abstractmethod
    def _write(self, plane: tuple[int, ...], window: Window, value: NDArray[np.bool_] | bool) -> None:
        """Write a window of one plane; thread-safe."""

    @abstractmethod
    def _finish(self, temporary: Path) -> Path:
        """Complete the output; returns the path of what is to be published."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of open files; more than once, and after a failed `_create`, too."""

    def _plane(self, number: int | np.integer[Any]) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(number, self.axes_shape)) if self.axes_shape else ()

    def _abandon(self) -> None:
        self._close()
        if self._temporary is not None:
            remove(self._temporary)
        self._temporary = None

"""What every writer of masks does: take patches in any order, and publish the file when all are in.

Files appear whole or not at all: they are written beside their place under another name, then renamed.
"""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..core.errors import FileMissingError, MaskTypeError, MaskValueError, OutputExistsError
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window

__all__ = ["TEMPORARY", "MaskWriter", "Patch", "check_place", "temporary_beside"]

Planes = tuple[int | slice, ...]

TEMPORARY: Final = ".maskexpr-part"
"""Suffix of what is being written; one that is left over was cut short and can be deleted."""


class Patch(NamedTuple):
    """A window of a mask with its values, to be written.

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
    """Writes a mask patch by patch and publishes it when the ``with`` block ends without an error.

    Patches may be stored from several threads and in any order, each pixel at most once; what is never stored
    is False.

    Parameters
    ----------
    path : str or path
        The output.
    geom : WcsGeom
        Its geometry.
    chunks : (int, int)
        Rows and columns of the chunks that each patch covers whole, for formats that have chunks.
    provenance : mapping of str to str
        Texts that travel in the file: the expression, its hash, the version.
    overwrite : bool
        Whether an existing output may be replaced.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        geom: WcsGeom,
        chunks: tuple[int, int],
        provenance: Mapping[str, str] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        check_place(self.path, overwrite)
        if len(chunks) != 2 or min(chunks) < 1:
            raise MaskValueError(
                f"chunks must be two whole numbers of at least 1, rows and columns; got {chunks!r}"
            )
        self.geom = geom
        rows, columns = geom.image_shape
        self.chunks = (min(int(chunks[0]), rows), min(int(chunks[1]), columns))
        self.provenance = dict(provenance or {})
        self.overwrite = overwrite
        self.axes_shape: tuple[int, ...] = tuple(geom.shape[:-2])
        self.map_window = Window(0, geom.shape[-2], 0, geom.shape[-1])
        self._numbers = np.arange(int(np.prod(self.axes_shape))).reshape(self.axes_shape)
        self.lock = threading.Lock()
        self._temporary: Path | None = None

    def __enter__(self) -> Self:
        self._temporary = temporary_beside(self.path)
        try:
            self.create(self._temporary)
        except BaseException:
            self._abandon()
            raise
        return self

    def store(self, patch: Patch) -> None:
        """Write one patch.

        Raises
        ------
        MaskValueError
            For a window that is empty or beyond the map, or a value whose shape does not fit.
        MaskTypeError
            For a value that is not bool, or a writer that is not open.
        """
        if self._temporary is None:
            raise MaskTypeError(f"the writer of {self.path} is not open; use it in a with statement")
        window = patch.window
        if window.size == 0 or window.intersect(self.map_window) != window:
            raise MaskValueError(
                f"{self.path}: {window} is empty or beyond the map of {self.map_window.shape} pixels"
            )
        numbers = self._numbers[() if patch.planes is None else patch.planes]
        value = patch.value
        if isinstance(value, (bool, np.bool_)):
            if value:
                for number in numbers.flat:
                    self.write(self._plane(number), window, True)
            return
        if value.dtype != np.bool_:
            raise MaskTypeError(f"{self.path}: a patch of a mask must be bool, got {value.dtype}")
        if value.shape not in (window.shape, (*numbers.shape, *window.shape)):
            raise MaskValueError(
                f"{self.path}: a patch of shape {value.shape} does not fit {window} on {numbers.size} planes"
            )
        flat = value.reshape(-1, *window.shape)
        for i, number in enumerate(numbers.flat):
            self.write(self._plane(number), window, flat[i if len(flat) > 1 else 0])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._abandon()
            return
        try:
            assert self._temporary is not None
            finished = self.finish(self._temporary)
            try:
                publish(finished, self.path, self.overwrite)
            finally:
                remove(finished)
        finally:
            self._abandon()

    @abstractmethod
    def create(self, temporary: Path) -> None:
        """Begin an output in which every pixel is False."""

    @abstractmethod
    def write(self, plane: tuple[int, ...], window: Window, value: NDArray[np.bool_] | bool) -> None:
        """Write a window of one plane; thread-safe."""

    @abstractmethod
    def finish(self, temporary: Path) -> Path:
        """Complete the output; returns the path of what is to be published."""

    @abstractmethod
    def close(self) -> None:
        """Let go of open files; more than once, and after a failed `create`, too."""

    def _plane(self, number: int | np.integer[Any]) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(number, self.axes_shape)) if self.axes_shape else ()

    def _abandon(self) -> None:
        self.close()
        if self._temporary is not None:
            remove(self._temporary)
        self._temporary = None


def check_place(path: Path, overwrite: bool = False) -> None:
    """Refuse a place without a folder, or where something is that may not be replaced."""
    if not path.parent.is_dir():
        raise FileMissingError(f"{path}: there is no folder {str(path.parent)!r}; make it first")
    if os.path.lexists(path) and not overwrite:
        raise OutputExistsError(
            f"{path} is there already; give overwrite=True to replace it, or another name"
        )


def temporary_beside(path: Path) -> Path:
    """A name in the same folder, so on the same disk, that nobody else uses and that says what it is."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{TEMPORARY}")


def remove(path: Path) -> None:
    """Delete a file or folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def publish(temporary: Path, path: Path, overwrite: bool) -> None:
    """Give a finished file or folder its name, in one step.

    A folder cannot replace a folder in one step: the old one is moved aside first, under a name that ends in
    `TEMPORARY`.
    """
    if temporary.is_dir():
        _publish_folder(temporary, path, overwrite)
    elif overwrite:
        os.replace(temporary, path)
    else:
        _publish_new(temporary, path)


def _publish_new(temporary: Path, path: Path) -> None:
    try:
        # Unlike a rename, a link never replaces what another process put there in the meantime.
        os.link(temporary, path)
    except FileExistsError as err:
        raise OutputExistsError(
            f"{path} appeared while the mask was written, and is kept; nothing was written"
        ) from err
    except OSError:
        # A file system without links: the check and the rename are two steps there.
        check_place(path)
        os.rename(temporary, path)
    else:
        temporary.unlink()


def _publish_folder(temporary: Path, path: Path, overwrite: bool) -> None:
    if not overwrite:
        check_place(path)
        os.rename(temporary, path)
        return
    aside = temporary_beside(path)
    if path.exists():
        os.rename(path, aside)
    try:
        os.rename(temporary, path)
    except OSError:
        if aside.exists():
            os.rename(aside, path)
        raise
    remove(aside)

"""What every writer of masks does: take tiles in any order, keep a record of each, and publish the file when
all are in.

A file appears whole or not at all: it is made in a folder of its own beside its place (`Workspace`), then
given its name in one step (`publish`). What has been written is journalled, so that a run that was killed can
be gone on with.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..core.coverage import EMPTY, FULL
from ..core.errors import FormatError, MaskError, MaskTypeError, MaskValueError, WriteError
from ..core.progress import advance
from ..grid.lattice import Grid
from ..pixels.window import Window
from .journal import Journal
from .manifest import MASK_CONTENT, Content, Manifest, TileRecord, TileTable, describe, record_of
from .publish import check_place, mark_of, publish, size_on_disk, sync_tree
from .workspace import Workspace, abandoned, recover

__all__ = ["MaskWriter", "Patch"]

Planes = tuple[int | slice, ...]
Place = tuple[int, ...]

# Copies in one process may be shared by threads; a lock does not travel with them.
_attaching = threading.Lock()


class Patch(NamedTuple):
    """A window of a mask with its values, to be written.

    Parameters
    ----------
    window : Window
        Where it is, inside the map; whole tiles of the writer.
    value : ndarray, or bool
        Shape (ny, nx) of the window, or with the selected planes before that; True where all pixels are in.
    planes : tuple of int or slice, optional
        Index along each non-spatial axis; None for every plane.
    """

    window: Window
    value: NDArray[Any] | bool
    planes: Planes | None = None


class MaskWriter(ABC):
    """Writes a mask tile by tile and publishes it when the ``with`` block ends without an error.

    Patches may be stored from several threads and in any order, each pixel at most once; what is never stored
    is False. A writer that is open can be sent to another process: there `put` writes tiles, and the records
    that it returns come back to `note`.

    Parameters
    ----------
    path : str or path
        The output.
    geom : Grid
        Its geometry.
    chunks : (int, int)
        Rows and columns of the tiles that each patch covers whole.
    provenance : mapping of str to str
        Texts that travel in the file: the expression, its hash, the version.
    overwrite : bool
        Whether an existing output may be replaced.
    resume : bool
        Go on with what a killed run of the same ``run`` left, and leave what is done if this one fails.
    run : str
        Tells what is written.
    content : Content
        What the values are, those of a mask unless given; what is never stored of numbers is 0.

    Attributes
    ----------
    done : set of tuple of int
        Places of tiles that need not be written again.
    published : bool
        Whether the run that is gone on with had published its output, so that nothing is to do.
    """

    resumes: ClassVar[bool] = False
    """Whether the format can go on with an output; then it has `attach` and `read`."""
    handles: ClassVar[tuple[str, ...]] = ()
    """Attributes that hold open files, which do not travel."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        geom: Grid,
        chunks: tuple[int, int],
        provenance: Mapping[str, str] | None = None,
        overwrite: bool = False,
        resume: bool = False,
        run: str = "",
        content: Content = MASK_CONTENT,
    ) -> None:
        self.path = Path(path)
        check_place(self.path, overwrite)
        # The process may go to another folder while it writes.
        self._target = self.path.absolute()
        if len(chunks) != 2 or min(chunks) < 1:
            raise MaskValueError(
                f"chunks must be two whole numbers of at least 1, rows and columns; got {chunks!r}"
            )
        self.geom = geom
        rows, columns = geom.plane_shape
        self.chunks = (min(int(chunks[0]), rows), min(int(chunks[1]), columns))
        self.provenance = dict(provenance or {})
        self.content = content
        self.overwrite = overwrite
        self.resume = resume
        self.axes_shape: tuple[int, ...] = geom.planes_shape
        self.map_window = Window(0, rows, 0, columns)
        self.done: set[Place] = set()
        self.published = False
        self._temporary: Path | None = None
        self._users = 0
        self._run = f"{type(self).__name__} {self.chunks} {geom.fingerprint} {run}"
        self._here = _Here(Workspace(self._target), TileTable.empty(self.tiles_shape))

    @property
    def tiles_shape(self) -> tuple[int, ...]:
        """Number of tiles along each axis: one for each plane, then rows and columns of them."""
        grid = (-(-n // side) for n, side in zip(self.geom.plane_shape, self.chunks, strict=True))
        return (*self.axes_shape, *grid)

    @property
    def lock(self) -> threading.Lock:
        """For who needs one while tiles are written."""
        return self._mine.lock

    @property
    def manifest(self) -> Manifest:
        """What is known of the tiles that were written."""
        table = self._mine.table
        return Manifest(describe(self.geom, self.chunks, self.provenance, table, self.content), table)

    @property
    def _mine(self) -> _Here:
        if self._here is None:
            raise MaskTypeError(
                f"this writer of {self.path} is a copy in another process: it only puts tiles"
            )
        return self._here

    def __getstate__(self) -> dict[str, Any]:
        # What only the process that publishes needs may be large.
        left: dict[str, Any] = {"_here": None, "_users": 0, "provenance": {}, "done": set()}
        return {**self.__dict__, **left, **dict.fromkeys(self.handles, None)}

    @property
    def is_near(self) -> bool:
        """Whether this process can put tiles: it publishes, or sees where the output is made."""
        if self._here is not None:
            return True
        return self.resumes and self._temporary is not None and self._temporary.exists()

    # ---- the life of an output

    def __enter__(self) -> Self:
        try:
            with self._reported():
                self._begin()
        except BaseException:
            self._end(keep=False)
            raise
        return self

    def _begin(self) -> None:
        """Take up the work of a killed run, or make a folder; what other killed runs left is swept."""
        recover(self._target)
        check_place(self._target, self.overwrite)
        for space in abandoned(self._target):
            if self.resume and self.resumes and self._temporary is None and self._resume(space):
                continue
            space.discard()
        if self._temporary is None and not self.published:
            here = self._mine
            here.space.make()
            here.journal = self._journal(here.space)
            here.journal.begin()
            self.create(here.space.product)
            self._temporary = here.space.product

    def _journal(self, space: Workspace) -> Journal:
        return Journal(space.folder, len(self.tiles_shape), self._run)

    def _resume(self, space: Workspace) -> bool:
        """Go on with another run's output, if it is of the same mask: tiles whose bits are what the journal
        says are done.
        """
        journal = self._journal(space)
        mark = journal.published()
        if mark and mark == mark_of(self._target):
            # Killed when all was done but to delete what is in the way.
            self.published = True
            return False
        found = journal.resume()
        try:
            if found is None:
                return False
            self._temporary = space.product
            self.attach(space.product)
            done = [each for each in found if self._holds(each)]
        except (FormatError, OSError):
            journal.close()
            self.close()
            self._temporary = None
            return False
        self._here = _Here(space, TileTable.empty(self.tiles_shape), journal)
        self._here.table.put(done)
        self.done = {each.place for each in done}
        return True

    def _holds(self, record: TileRecord) -> bool:
        window = self._window(record.place)
        read = self.read(record.place[:-2], window)
        return record_of(record.place, read, window.shape, record.checksum) == record

    def _window(self, place: Place) -> Window:
        (rows, columns), (row, column) = self.chunks, place[-2:]
        return Window(row * rows, (row + 1) * rows, column * columns, (column + 1) * columns).intersect(
            self.map_window
        )

    def store(self, patch: Patch) -> None:
        """Write one patch and note it.

        Raises
        ------
        MaskValueError
            For a window that is empty, beyond the map or not of whole tiles, or a value whose shape does not
            fit.
        MaskTypeError
            For a value of another type, or a writer that is not open.
        WriteError
            If it cannot be written.
        """
        self.note(self.put(patch))

    def put(self, patch: Patch) -> list[TileRecord]:
        """Write one patch, in this process or another; its records are for `note`."""
        if self.published:
            return []
        if self._temporary is None:
            raise MaskTypeError(f"the writer of {self.path} is not open; use it in a with statement")
        numbers = np.arange(int(np.prod(self.axes_shape))).reshape(self.axes_shape)
        some = numbers[() if patch.planes is None else patch.planes]
        self._check(patch, some)
        if self._here is not None:
            with self._here.gate, self._reported():
                return self._put(patch, some)
        with self._reported(), self._attached(self._temporary):
            return self._put(patch, some)

    @contextmanager
    def _attached(self, temporary: Path) -> Iterator[None]:
        """The output open, where tiles are only put: by the first of the threads, until the last is done."""
        with _attaching:
            if not self._users:
                self.attach(temporary)
            self._users += 1
        try:
            yield
        finally:
            with _attaching:
                self._users -= 1
                if not self._users:
                    self.close()

    def _put(self, patch: Patch, numbers: Any) -> list[TileRecord]:
        records = []
        constant = isinstance(patch.value, (bool, np.bool_))
        flat = None if constant else np.asarray(patch.value).reshape(-1, *patch.window.shape)
        for i, number in enumerate(numbers.flat):
            plane = (
                tuple(int(k) for k in np.unravel_index(number, self.axes_shape)) if self.axes_shape else ()
            )
            for window, place in self._tiles(patch.window, plane):
                value: NDArray[Any] | bool = (
                    bool(patch.value)
                    if flat is None
                    else flat[i if len(flat) > 1 else 0][window.within(patch.window)]
                )
                if value is False:
                    continue
                record = record_of(place, value, window.shape)
                if record.state != EMPTY or self._rewrites:
                    checksum = self.write(plane, window, True if record.state == FULL else value)
                    record = record._replace(checksum=checksum or 0)
                records.append(record)
        return records

    @property
    def _rewrites(self) -> bool:
        """Whether something may lie where a tile is empty: of a run that was killed while it wrote."""
        return self.resume and bool(self.resumes)

    def note(self, records: Iterable[TileRecord]) -> None:
        """Take in what `put` returned, here or in another process."""
        here, some = self._mine, list(records)
        with here.lock, self._reported():
            here.table.put(some)
            if here.journal is not None:
                here.journal.append(some)
        advance(len(some))

    def _check(self, patch: Patch, numbers: Any) -> None:
        window, value = patch.window, patch.value
        if window.size == 0 or window.intersect(self.map_window) != window:
            raise MaskValueError(
                f"{self.path}: {window} is empty or beyond the map of {self.map_window.shape} pixels"
            )
        (rows, columns), (ny, nx) = self.chunks, self.geom.plane_shape
        y0, y1, x0, x1 = window
        if y0 % rows or x0 % columns or (y1 % rows and y1 != ny) or (x1 % columns and x1 != nx):
            raise MaskValueError(
                f"{self.path}: {window} does not cover whole chunks of {rows} x {columns} pixels"
            )
        if isinstance(value, (bool, np.bool_)) and self.content.is_mask:
            return
        dtype = np.asarray(value).dtype
        if dtype != np.dtype(self.content.dtype):
            raise MaskTypeError(
                f"{self.path}: a patch of a {self.content.name} must be {self.content.dtype}, got {dtype}"
            )
        assert not isinstance(value, bool)
        if value.shape not in (window.shape, (*numbers.shape, *window.shape)):
            raise MaskValueError(
                f"{self.path}: a patch of shape {value.shape} does not fit {window} on {numbers.size} planes"
            )

    def _tiles(self, window: Window, plane: Place) -> Iterator[tuple[Window, Place]]:
        rows, columns = self.chunks
        for row in range(window.y0 // rows, -(-window.y1 // rows)):
            for column in range(window.x0 // columns, -(-window.x1 // columns)):
                place = (*plane, row, column)
                yield self._window(place), place

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        keep = self.resume and self.resumes
        try:
            if kind is None and not self.published:
                with self._reported():
                    self._publish()
                keep = False
        finally:
            self._end(keep)

    def _publish(self) -> None:
        assert self._temporary is not None
        finished = self.finish(self._temporary)
        sync_tree(finished)
        if self._mine.journal is not None:
            self._mine.journal.publishing(mark_of(finished))
        publish(finished, self._target, self._mine.space.aside, self.overwrite)

    def _end(self, keep: bool) -> None:
        """Let go of everything; what is not kept is deleted when no thread writes any more."""
        here = self._mine
        here.gate.shut()
        with suppress(OSError):
            self.close()
        if here.journal is not None:
            here.journal.close()
        self._temporary = None
        if keep:
            here.space.leave()
        else:
            here.space.discard()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """What the operating system refuses is an error that names the output."""
        try:
            yield
        except MaskError:
            raise
        except OSError as err:
            written = 0 if self._here is None else size_on_disk(self._here.space.folder)
            kept = "; what is done is kept for resume=True" if self.resume else "; nothing is left of them"
            made = WriteError(
                err.errno or 0,
                f"{err.strerror or err}, after {written:,} bytes{kept}, and what was there is as it was",
                str(self.path),
            )
            made.written = written
            raise made from err

    # ---- what a format says

    @abstractmethod
    def create(self, temporary: Path) -> None:
        """Begin an output in which every pixel is False, or 0."""

    @abstractmethod
    def write(self, plane: tuple[int, ...], window: Window, value: NDArray[Any] | bool) -> int | None:
        """Write one tile of one plane; thread-safe.

        Returns
        -------
        int, optional
            What the format wants to sum up over tiles, kept with the tile's record.
        """

    @abstractmethod
    def finish(self, temporary: Path) -> Path:
        """Complete the output, with what `manifest` says; returns the path of what is to be published."""

    @abstractmethod
    def close(self) -> None:
        """Let go of open files; more than once, and after a failed `create`, too."""

    def attach(self, temporary: Path) -> None:
        """Open what `create` made, here or in another process, for more tiles.

        Raises
        ------
        FormatError
            If it is not what `create` would make.
        """
        raise FormatError(f"{self.path}: this format writes from one process, in one run")

    def read(self, plane: tuple[int, ...], window: Window) -> NDArray[Any]:
        """Values of a tile that was written."""
        raise FormatError(f"{self.path}: this format is written in one run")


class _Here:
    """What belongs to the process that publishes."""

    def __init__(self, space: Workspace, table: TileTable, journal: Journal | None = None) -> None:
        self.space = space
        self.table = table
        self.journal = journal
        self.lock = threading.Lock()
        self.gate = _Gate()


class _Gate:
    """A gate: threads pass while it is open, and who shuts it waits for those within."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._within = 0
        self._open = True

    def __enter__(self) -> None:
        with self._changed:
            if not self._open:
                raise MaskTypeError("the writer has been closed")
            self._within += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._within -= 1
            self._changed.notify_all()

    def shut(self) -> None:
        """Let nobody in any more, and wait until nobody is within."""
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: not self._within)

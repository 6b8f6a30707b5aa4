"""A file format is one record: its suffixes, how it is recognised, its reader and its writer.

What a file is, its contents decide; the suffix is only asked where a file is yet to be written.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ..core.errors import (
    FileMissingError,
    FormatError,
    GeometryError,
    IncompleteMaskError,
    IntegrityError,
    MaskTypeError,
    MaskValueError,
    borrowed,
)
from ..core.names import nearest
from ..doors.files import check_path
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from .manifest import MASK_CONTENT, Content, Manifest
from .publish import check_place
from .unpacked import Stamp, first_bytes
from .workspace import LOCK, recover
from .writer import MaskWriter

__all__ = [
    "FORMATS",
    "Format",
    "StoredMap",
    "check_number",
    "check_output",
    "existing",
    "format_of",
    "kind_of",
    "open_map",
    "open_writer",
    "register_format",
    "stamp_of",
    "unknown_ending",
]

# Looks at a name that writers take away and give again.
_TRIES: Final = 100


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredMap(ABC):
    """A map in a file, opened: what it is, and how its values are read; a format's reader returns one.

    Parameters
    ----------
    path : str
        The file.
    key : str or int, optional
        Name or number by which the file gives this map and no other; None where a file holds one map.
    name : str
        Name for the array.
    geom : WcsGeom or HpxGeom
        The map.
    dtype : dtype
        Of the values as they are read.
    has_gaps : bool
        Whether integers or bool may be missing, which are then read as a `numpy.ma.MaskedArray`; missing
        floating-point numbers are NaN.
    chunks : tuple of int, optional
        Sides of the pieces in which the values are stored, along all axes; None where any window costs what
        it holds.
    attrs : mapping
        Attributes for the array; ``units`` is the unit of the values.
    provenance : mapping of str to str
        Texts that were written with a mask.
    manifest : Manifest, optional
        What a product says of its tiles, with which `read_planes` compares what it reads.
    framed : {"stated", "assumed", "missing"}
        Whether the file says in which frame the map is, or its format lets one be assumed.
    """

    path: str
    key: str | int | None = None
    name: str = "map"
    geom: WcsGeom | HpxGeom
    dtype: np.dtype[Any]
    has_gaps: bool = False
    chunks: tuple[int, ...] | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    manifest: Manifest | None = None
    framed: Literal["stated", "assumed", "missing"] = "stated"

    @abstractmethod
    def read_planes(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        """A window of several planes, shape (planes..., ny, nx), in native byte order; thread-safe."""

    def read_array(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        """A piece of the array, of which one of one dimension is one row (`Grid.plane_shape`)."""
        return self.read_planes(planes, window)

    def in_frame(self, frame: str | None) -> Self:
        """The map in the frame that a user says it is in.

        Raises
        ------
        GeometryError
            If the file says another, or nobody says any.
        """
        if frame is None:
            if self.framed == "missing":
                raise GeometryError(
                    f"{self.path}: it does not say (COORDSYS) in which frame its cells are; if you know, "
                    'read it with read_mask(path, frame="galactic") or read_map(path, frame=...)'
                )
            return self
        if not isinstance(self.geom, HpxGeom) or self.framed == "stated":
            if frame != self.geom.frame:
                raise GeometryError(f"{self.path}: the map is in {self.geom.frame!r}, not in {frame!r}")
            return self
        made = HpxGeom(self.geom.order, frame=frame, cells=self.geom.ranges, axes=self.geom.axes)
        return replace(self, geom=made, framed="stated")

    def audit(self) -> None:  # noqa: B027 - most formats have nothing that reading does not look at
        """Compare what reading all tiles does not look at with what was written.

        Raises
        ------
        IntegrityError
            If it is something else.
        """


@dataclass(frozen=True, kw_only=True)
class Format:
    """How masks and maps are stored in files of one kind.

    Parameters
    ----------
    name : str
        What a file of the format is called, with its article: "a FITS file".
    suffixes : tuple of str
        Suffixes under which a mask is written in this format.
    magic : bytes
        First bytes of a file of the format, after unpacking if it is gzipped.
    members : tuple of str
        For a format whose files are folders, instead: names of which a folder of the format holds at least
        one. The first that is there changes whenever the map is written anew.
    open : callable
        ``open(path, stamp, key, mask)`` makes the `StoredMap` of one map in a file, or raises FormatError.
        ``key`` is what the user named, or None; then the map that is called "mask" goes first if ``mask`` is
        True.
    writer : callable, optional
        ``writer(path, geom, chunks, provenance, overwrite, resume, run)`` makes the `MaskWriter`; none for a
        format that is only read, which has no suffixes.
    options : tuple of str
        What else the writer takes, by name.
    numbers : bool
        Whether the writer takes ``content=``, so that weights and distances are written too.
    """

    name: str
    suffixes: tuple[str, ...] = ()
    magic: bytes = b""
    members: tuple[str, ...] = ()
    open: Callable[[str, Stamp, str | int | None, bool], StoredMap]
    writer: Callable[..., MaskWriter] | None = None
    options: tuple[str, ...] = ()
    numbers: bool = False

    def __post_init__(self) -> None:
        if bool(self.magic) == bool(self.members):
            raise MaskTypeError(f"{self.name}: give either magic= or members=, by which it is recognised")
        if bool(self.suffixes) != (self.writer is not None):
            raise MaskTypeError(f"{self.name}: give both suffixes= and writer=, or neither")

    def recognises(self, path: str | os.PathLike[str], start: bytes) -> bool:
        """Whether a file (that starts with some bytes), or a folder, is of this format; an empty folder is of
        every format of folders.
        """
        if os.path.isdir(path):
            found = os.listdir(path)
            return bool(self.members) and (not found or not set(found).isdisjoint(self.members))
        return bool(self.magic) and start.startswith(self.magic)


FORMATS: Final[list[Format]] = []
"""Every format; suffixes in messages are in this order."""


def register_format(made: Format) -> Format:
    """Make a format known to everything that reads or writes files, in this process.

    Raises
    ------
    MaskTypeError
        If another format has a suffix of it.
    """
    for suffix in made.suffixes:
        if suffix in _by_suffix():
            raise MaskTypeError(f"the suffix {suffix!r} is that of {_by_suffix()[suffix].name}")
    FORMATS.append(made)
    return made


def _by_suffix() -> dict[str, Format]:
    return {suffix: each for each in FORMATS for suffix in each.suffixes}


def unknown_ending(path: str | os.PathLike[str], known: Iterable[str]) -> FormatError:
    """The error about a name whose ending says nothing, with the ending that is nearest.

    Examples
    --------
    >>> print(unknown_ending("mask.fit", [".zarr", ".fits"]))
    mask.fit: cannot tell the format from the name; known endings are .zarr, .fits; did you mean '.fits'?
    """
    names = list(known)
    words = f"{path}: cannot tell the format from the name; known endings are {', '.join(names)}"
    return FormatError(words + nearest(Path(path).suffix, names))


def format_of(path: str | os.PathLike[str]) -> str:
    """The suffix of a format that a path ends in.

    Raises
    ------
    FormatError
        For another suffix.

    Examples
    --------
    >>> format_of("exclusion.fits.gz")
    '.fits.gz'
    """
    name = Path(path).name.lower()
    known = _by_suffix()
    for suffix in known:
        if name.endswith(suffix) and name != suffix:
            return suffix
    raise unknown_ending(path, known)


def check_output(path: str | os.PathLike[str], overwrite: bool = False) -> Path:
    """Refuse an output that cannot be written, before anything is computed.

    Parameters
    ----------
    path : str or path
        Where the mask shall be.
    overwrite : bool
        Whether what is there may be replaced.

    Returns
    -------
    Path

    Raises
    ------
    FormatError
        For an unknown suffix, or something in the place that is not of that format.
    OutputExistsError
        If something is there and may not be replaced.
    FileMissingError
        If the folder is not there.

    Examples
    --------
    >>> check_output("exclusion.png")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.FormatError: exclusion.png: cannot tell the format ...
    """
    suffix, target = format_of(path), Path(path)
    check_place(target, overwrite)
    wanted = _by_suffix()[suffix]
    # Replacing means deleting: never a folder that merely has the name of a store.
    if os.path.lexists(target) and (
        target.is_dir() != bool(wanted.members) or (target.is_dir() and not wanted.recognises(target, b""))
    ):
        raise FormatError(f"{target} is there and is not a {suffix} file; it is not replaced, move it away")
    return target


def open_writer(
    path: str | os.PathLike[str],
    geom: Grid,
    chunks: tuple[int, int],
    provenance: Mapping[str, str] | None = None,
    overwrite: bool = False,
    resume: bool = False,
    run: str = "",
    content: Content = MASK_CONTENT,
    **more: str,
) -> MaskWriter:
    """The writer for a path's suffix; the output is checked now, before anything is computed.

    Parameters
    ----------
    path : str or path
        Its suffix is the format.
    geom : WcsGeom or HpxGeom
        The map.
    chunks : (int, int)
        Rows and columns of a chunk of a store that has chunks; each patch covers whole ones.
    provenance : mapping of str to str
        Texts that travel in the file.
    overwrite : bool
        Whether an existing output may be replaced.
    resume, run
        See `MaskWriter`.
    content : Content
        What the values are, those of a mask unless given.
    **more
        Options of the format: ``ordering`` of HEALPix cells.

    Raises
    ------
    FormatError
        For an unknown suffix, or weights in a format of masks.
    MaskValueError
        For an option that is none of the format.
    OutputExistsError
        If the output is there and may not be replaced.
    """
    target, found = check_output(path, overwrite), _by_suffix()[format_of(path)]
    for name in more.keys() - set(found.options):
        raise MaskValueError(f"{path}: {name}= is no option of {found.name}")
    assert found.writer is not None
    options: dict[str, Any] = {**more}
    if not content.is_mask:
        if not found.numbers:
            known = ", ".join(suffix for suffix, each in _by_suffix().items() if each.numbers)
            raise FormatError(
                f"{path}: {found.name} holds masks alone; a {content.name} is written as {known}"
            )
        options["content"] = content
    return found.writer(target, geom, chunks, provenance, overwrite, resume, run, **options)


def existing(path: str | os.PathLike[str]) -> Path:
    """The path of a map that is there, after a writer that was killed has been helped to its end.

    Raises
    ------
    FileMissingError, FormatError
        See `check_path`.
    """
    for _ in range(_TRIES):
        try:
            return check_path(path, "map")
        except FileMissingError:
            # Between any two looks a writer may take the name away for a moment, and give it again.
            if not recover(Path(path).absolute()):
                raise
    return check_path(path, "map")


def stamp_of(path: str | os.PathLike[str]) -> Stamp:
    """What tells a file or folder from what had its name before or will have later.

    Raises
    ------
    FileMissingError
        If nothing is there.
    """
    for _ in range(_TRIES):
        place = existing(path)
        try:
            return _stamp(place)
        except FileNotFoundError:
            # It was taken away since; if for good, the next look says so.
            continue
    return _stamp(existing(path))


def _stamp(place: Path) -> Stamp:
    if place.is_dir():
        # A folder's own time changes with every new chunk; that of what describes it with every new store.
        names = [name for each in FORMATS for name in each.members]
        place = next((place / name for name in names if (place / name).exists()), place)
    status = place.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=64)
def open_map(
    path: str, stamp: Stamp, key: str | int | None, mask: bool = False, frame: str | None = None
) -> StoredMap:
    """Open a map once in each process: what it is, without its values.

    Parameters
    ----------
    path, stamp
        The file.
    key : str or int, optional
        Which of its maps.
    mask : bool
        Whether the one that is called "mask" goes first, where none was named.
    frame : str, optional
        The frame of a map that does not say it.

    Raises
    ------
    FormatError
        If the file is of no format, or holds no such map.
    GeometryError
        If the map has no usable geometry, or no frame.
    """
    if Path(path, LOCK).exists():
        raise IncompleteMaskError(f"{path}: the folder in which a mask is, or was, being written")
    with borrowed(path, FormatError, path):
        found = _recognised(path, stamp)
        if found is None:
            raise _unknown(path)
        stored = found.open(path, stamp, key, mask).in_frame(frame)
    check_number(stored.dtype, path)
    return stored


def _recognised(path: str, stamp: Stamp) -> Format | None:
    longest = max(len(each.magic) for each in FORMATS)
    start = b"" if os.path.isdir(path) else first_bytes(path, stamp, longest)
    return next((each for each in FORMATS if each.recognises(path, start)), None)


def _unknown(path: str) -> FormatError:
    """The error of a file that is of no format."""
    named = path.lower().endswith(tuple(_by_suffix()))
    # A writer that was killed leaves such, if nothing else was done yet.
    is_file = os.path.isfile(path)
    empty = not os.path.getsize(path) if is_file else os.path.isdir(path) and not os.listdir(path)
    # Of formats that are told by the same mark the first stands for all.
    names = {(each.magic, each.members): each.name for each in reversed(FORMATS)}.values()
    kind = IncompleteMaskError if empty else IntegrityError if named else FormatError
    return kind(
        f"{path}: neither {' nor '.join(sorted(names))}"
        f"{', though its name says so: it was damaged, or never was one' * named}"
    )


def kind_of(path: str) -> str:
    """What a file is called that could be opened: "a FITS file"."""
    found = _recognised(path, stamp_of(path))
    return found.name if found is not None else "a file"


def check_number(dtype: Any, what: str) -> np.dtype[Any]:
    """The type of a map's values, refused if they are no numbers."""
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind.kind not in "biuf":
        raise MaskTypeError(f"{what}: a map must hold numbers or bool, got {kind}")
    return kind

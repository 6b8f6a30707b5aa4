"""Files that appear whole or not at all: written beside their place under another name, then renamed."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import Final

from ..core.errors import FileMissingError, FormatError, OutputExistsError

__all__ = [
    "FORMATS",
    "TEMPORARY",
    "FileMissingError",
    "check_output",
    "format_of",
    "publish",
    "remove",
    "temporary_beside",
]

FORMATS: Final = (".zarr", ".fits", ".fits.gz")
"""Suffixes that a mask is written under; the suffix is the format."""

TEMPORARY: Final = ".maskexpr-part"
"""Suffix of what is being written; one that is left over was cut short and can be deleted."""


def format_of(path: str | os.PathLike[str]) -> str:
    """The suffix in `FORMATS` that a path ends in.

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
    for suffix in FORMATS:
        if name.endswith(suffix) and name != suffix:
            return suffix
    raise FormatError(f"{path}: cannot tell the format from the name; known endings are {', '.join(FORMATS)}")


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
    suffix = format_of(path)
    target = Path(path)
    if not target.parent.is_dir():
        raise FileMissingError(f"{target}: there is no folder {str(target.parent)!r}; make it first")
    if not os.path.lexists(target):
        return target
    if not overwrite:
        raise OutputExistsError(
            f"{target} is there already; give overwrite=True to replace it, or another name"
        )
    # Replacing means deleting: never a folder that merely has the name of a store.
    if target.is_dir() != (suffix == ".zarr") or (suffix == ".zarr" and not _is_store(target)):
        raise FormatError(f"{target} is there and is not a {suffix} file; it is not replaced, move it away")
    return target


def _is_store(folder: Path) -> bool:
    return not any(folder.iterdir()) or any(
        (folder / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray")
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
        check_output(path)
        os.rename(temporary, path)
    else:
        temporary.unlink()


def _publish_folder(temporary: Path, path: Path, overwrite: bool) -> None:
    if not overwrite:
        check_output(path)
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

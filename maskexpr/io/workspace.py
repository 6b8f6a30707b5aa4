"""Lock files: the folder beside an output in which it is made belongs to the process that holds its lock.

So what a killed process left is told from what a living one makes: the system lets go of a lock when its
holder ends, however it ends.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ..core.errors import MaskError, WriteError
from .journal import PUBLISHED
from .publish import check_place, discard, publish, sync_file

try:
    import fcntl
except ImportError:  # Windows: there the number of the process in the name decides.
    _fcntl: Any = None
else:
    _fcntl = fcntl

__all__ = ["LOCK", "TEMPORARY", "Workspace", "abandoned", "recover", "write_whole"]

TEMPORARY: Final = ".maskexpr-part"
"""Suffix of the folder in which an output is made; one that is left over was cut short."""
LOCK: Final = "maskexpr-part.lock"
"""Name of the file in it whose lock the maker holds."""
_ASIDE: Final = "aside"
# Bytes of an output's name that stand in the folder's, at most: with the rest a name has 255.
_LONGEST: Final = 180
# Seconds for which a name may be gone while a system without exchange replaces a folder.
_GAP: Final = 2.0
# Looks in a row, 2 ms apart, that find nobody between the two renames before one who is at work is believed
# not to be: from one look to the next a writer may come to its end, and another into the gap.
_LOOKS: Final = 5


class Workspace:
    """A folder beside an output, on the same disk, in which the output is made.

    Parameters
    ----------
    target : Path
        The output.
    folder : Path, optional
        One that another process left; a new one if not given. Nothing is made yet.
    lock : int, optional
        Descriptor of the file whose lock is held.

    Attributes
    ----------
    product : Path
        Name of the output while it is made.
    aside : Path
        Where an old output lies while it is replaced.
    """

    def __init__(self, target: Path, folder: Path | None = None, lock: int | None = None) -> None:
        owner = f"{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.target = target
        self.folder = folder or target.with_name(f"{_stem(target)}.{owner}{TEMPORARY}")
        self.product = self.folder / target.name
        self.aside = self.folder / _ASIDE
        self._lock = lock

    def make(self) -> None:
        """Make the folder and hold its lock."""
        os.mkdir(self.folder)
        # Named only when it is held: a lock file that nobody holds is then a dead process's for certain.
        unnamed = self.folder / f"{LOCK}.new"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        _hold(self._lock)
        os.rename(unnamed, self.folder / LOCK)

    def leave(self) -> None:
        """Let go of the folder, and keep it for a later run."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def discard(self) -> None:
        """Delete the folder, then let go of it."""
        try:
            # Last of all what says that the output was published, by which a run that goes on knows it.
            discard(self.folder, last=(LOCK, PUBLISHED))
        finally:
            self.leave()


def _spaces(target: Path) -> list[Path]:
    """The folders in which an output is made, or was."""
    try:
        names = os.listdir(target.parent)
    except OSError:
        return []
    # An owner has no dot: what stands before it is one output's name, and not the beginning of another's.
    stem = _stem(target)
    some = (
        name
        for name in sorted(names)
        if name.endswith(TEMPORARY) and name.removesuffix(TEMPORARY).rpartition(".")[0] == stem
    )
    return [target.with_name(name) for name in some]


def _stem(target: Path) -> str:
    """What the names of an output's folders begin with."""
    name = os.fsencode(target.name)
    return f".{target.name}" if len(name) <= _LONGEST else f".{hashlib.sha256(name).hexdigest()}"


def write_whole(path: Path, content: bytes, overwrite: bool) -> None:
    """Write a small file: it has its name when all of it is on the disk, and until then what was there has.

    Raises
    ------
    FileMissingError
        If there is no folder for it.
    OutputExistsError
        If it is there and is not to be overwritten.
    WriteError
        If it cannot be written, or a folder has the name.
    """
    check_place(path, overwrite)
    if path.is_dir():
        raise WriteError(errno.EISDIR, "it cannot be written, a folder has its name", str(path))
    space = Workspace(path)
    try:
        space.make()
        space.product.write_bytes(content)
        sync_file(space.product)
        publish(space.product, path, space.aside, overwrite)
    except OSError as err:
        if isinstance(err, MaskError):
            raise
        what = f"it cannot be written: {err.strerror or err}; what was there is as it was"
        raise WriteError(err.errno or 0, what, str(path)) from err
    finally:
        space.discard()


def abandoned(target: Path) -> Iterator[Workspace]:
    """The folders of an output whose makers have ended; each is held now, and the caller's to deal with."""
    for folder in _spaces(target):
        held = _take(folder)
        if held is not None:
            yield Workspace(target, folder, held if held >= 0 else None)


def recover(target: Path) -> bool:
    """Give an output its name again that a process lost between the two renames of a folder; whether it is
    there.

    Parameters
    ----------
    target : Path
        A name that nothing has.
    """
    end, quiet = time.monotonic() + _GAP, 0
    while not os.path.lexists(target):
        for space in abandoned(target):
            try:
                if os.path.lexists(space.aside) and not os.path.lexists(target):
                    # What was published had been complete, and on the disk, before the old one was moved.
                    whole = space.product if os.path.lexists(space.product) else space.aside
                    os.rename(whole, target)
            finally:
                space.leave()
        spaces = _spaces(target)
        quiet = 0 if any(os.path.lexists(each / _ASIDE) for each in spaces) else quiet + 1
        if quiet > (_LOOKS if spaces else 0) or time.monotonic() > end:
            break
        time.sleep(0.002)
    return os.path.lexists(target)


def _take(folder: Path) -> int | None:
    """Hold a folder if nobody does: the descriptor of its lock, -1 where it has none, None if it is held."""
    try:
        number = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return None if _is_alive(folder) else -1
    try:
        alive = not _hold(number) and _is_alive(folder)
    except BlockingIOError:
        alive = True
    if alive:
        os.close(number)
        return None
    return number


def _hold(number: int) -> bool:
    """Take the lock of an open file; False where the file system has no locks.

    Raises
    ------
    BlockingIOError
        If another process has it.
    """
    if _fcntl is None:
        return False
    try:
        _fcntl.flock(number, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _is_alive(folder: Path) -> bool:
    """Whether the process that a folder's name names may still run; of another host's nothing is known."""
    try:
        host, number, _ = folder.name.removesuffix(TEMPORARY).rpartition(".")[2].split("-")
        # On Windows that call ends the process.
        if host != _host() or os.name == "nt":
            return True
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True
    return True

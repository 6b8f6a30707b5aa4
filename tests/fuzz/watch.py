"""The watch: what an input may do while it is read: no bare exception, hang, socket, pickle, foreign file."""

from __future__ import annotations

import faulthandler
import math
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import maskexpr as mx
from maskexpr.errors import TileError

__all__ = ["SLOW", "Watch", "has_been_read"]

SECONDS = 2.0
# Processor time that a mask, or a map, may take when it is used.
EVALUATION_SECONDS = 4.0
# An input that takes longer, at most twice as long, stops the process: C code that does not come back cannot
# be interrupted.
DEAD_SECONDS = 60.0
# What is said of a mask that takes longer: it was read, and is no hang of a reader.
SLOW = "slow mask"
TIMES, MEGABYTES = 10, 200

_watches: list[Watch] = []


class Hang(BaseException):
    """More processor time than an input may take; no Exception, so that nobody handles it by mistake."""


class Watch:
    """Runs inputs one by one and says what each did that it must not.

    Parameters
    ----------
    folder : Path
        Where the inputs lie. Files elsewhere may be opened only where Python and its packages lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[str] = []
        self.busy, self.is_read, self.names = False, False, ""
        self._alive = -math.inf
        places = (folder, Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[2])
        unpacked = str(Path(tempfile.gettempdir()) / "maskexpr-")
        self._allowed = (*(str(each.resolve()) for each in places), unpacked, "/dev/null", "/proc/", "/sys/")
        _listen()
        _watches.append(self)

    def run(self, use: Callable[[], Any], size: int, memory: bool, names: str = "") -> tuple[str, str]:
        """What became of an input, and where: "mask", "slow mask", the name of a MaskError,
        or a fault.

        Parameters
        ----------
        use : callable
            Reads the input and uses what it reads.
        size : int
            Bytes of the input.
        memory : bool
            Whether the peak of the memory is looked at.
        names : str
            What a MaskError must name that is raised before `has_been_read`.
        """
        before = _reset_peak() if memory else 0
        self.seen, self.busy, self.names, self.is_read = [], True, names, False
        signal.signal(signal.SIGPROF, _stop)
        self._put_off()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcome = self._run(use)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.busy = False
        if self.seen:
            return "fault: " + self.seen[0], ""
        if memory and outcome[0] != SLOW and _peak() - before > TIMES * size + MEGABYTES * 1_000_000:
            return f"fault: memory {(_peak() - before) // 1_000_000} MB", ""
        return outcome

    def close(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        _watches.remove(self)

    def _put_off(self) -> None:
        """Put off the end of the process; not for every input, as that waits for a thread."""
        if time.monotonic() > self._alive + DEAD_SECONDS:
            faulthandler.dump_traceback_later(2 * DEAD_SECONDS, exit=True)
            self._alive = time.monotonic()

    def _run(self, use: Callable[[], Any]) -> tuple[str, str]:
        try:
            use()
        except mx.MaskError as err:
            said = str(err)
            if not self.is_read and self.names not in said:
                return f"fault: {type(err).__name__} does not name the input: {said[:200]}", _where(err)
            if not all(each.isprintable() for each in said):
                return f"fault: control characters in a message: {said!r:.200}", _where(err)
            if isinstance(err, TileError):
                return f"fault: {said[-200:]}", _where(err)
            return type(err).__name__, re.sub(r"\d+", "N", said)[:60]
        except Hang as err:
            return (SLOW if self.is_read else "fault: hang"), _where(err)
        except Exception as err:
            return f"fault: {type(err).__name__}: {str(err)[:200]!r}", _where(err)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return "mask", ""

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An event of the interpreter while an input is read."""
        if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "urllib.")):
            self.seen.append(event)
        # dask pickles what it names tasks by.
        elif event == "pickle.find_class" and not str(arguments[0]).startswith(("maskexpr.", "dask.")):
            self.seen.append(f"{event} {arguments!r:.80}")
        elif event == "open" and isinstance(arguments[0], str | bytes):
            name = os.path.realpath(os.fsdecode(arguments[0]))
            if not name.startswith(self._allowed) and name != tempfile.gettempdir():
                self.seen.append(f"open {name}")


@cache
def _listen() -> None:
    """Once: a hook cannot be taken away again."""
    sys.addaudithook(_heard)


def has_been_read() -> None:
    """From here on the mask takes the time, and not the reading; errors need not name the input."""
    for watch in _watches:
        watch.is_read = True
    signal.setitimer(signal.ITIMER_PROF, EVALUATION_SECONDS)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    for watch in _watches:
        if watch.busy:
            watch.heard(event, arguments)


def _stop(*_: Any) -> None:
    raise Hang


def _where(err: BaseException) -> str:
    """The last place in maskexpr, and the last of all: faults of one place are one."""
    frames = traceback.extract_tb(err.__traceback__)
    own = [each for each in frames if "/maskexpr/" in each.filename]
    places = [*own[-1:], *frames[-1:]]
    return " > ".join(f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in places)


def _reset_peak() -> int:
    """Forget the peak of the memory, where the system can; the memory now, bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return _peak()


def _peak() -> int:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024

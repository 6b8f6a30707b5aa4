"""Writers that are killed, interrupted or refused at a chosen call, each in a fork of this process.

Run with the shim of faults.c before the C library: ``python -m tests.io.torn TASK FOLDER NUMBER SUFFIX ...``.
It prints one line of JSON for each attempt. A fork that needs no new interpreter costs a tenth of a second.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask

import maskexpr as mx
from maskexpr.core.trace import tracing
from maskexpr.errors import IncompleteMaskError, IntegrityError, WriteError
from maskexpr.io import writer
from maskexpr.io.workspace import TEMPORARY

GEOM = mx.WcsGeom.create(skydir=(83.6, 22.0), npix=(61, 43), binsz=0.1)
OLD = mx.Region("icrs; circle(83.0, 22.0, 1.3)")
NEW = mx.Region(
    "icrs; circle(84.0, 22.5, 1.1)\nicrs; circle(82.0, 21.0, 0.5)\nicrs; box(86, 20.3, 0.6, 0.4, 10)"
)
CHUNKS = (16, 24)
FAIL, INTERRUPT, KILL_BEFORE, KILL_AFTER = range(4)
WRITTEN, REFUSED, INTERRUPTED, KILLED, OTHER = "written", "refused", "interrupted", "killed", "other"


def shim() -> Any:
    library = ctypes.CDLL(None)
    library.faults_arm.argtypes = (ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_int)
    library.faults_seen.restype = ctypes.c_long
    return library


def in_fork(work: Callable[[], Any], seconds: float | None = None) -> tuple[str, str]:
    """How some work ended in a process of its own, and what it said; it is killed after so many seconds."""
    return ended(begun(work), seconds)


def begun(work: Callable[[], Any]) -> tuple[int, int]:
    """Start some work in a process of its own."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        said, end = "", WRITTEN
        try:
            said = str(work())
        except WriteError as err:
            said, end = f"{err.errno} {err.filename} {err.written}", REFUSED
        except KeyboardInterrupt:
            end = INTERRUPTED
        except BaseException as err:  # whatever it is, the test has to hear of it
            said, end = f"{type(err).__name__}: {err}", OTHER
        while True:
            try:
                os.write(into, f"{end} {said}"[:4000].encode())
                os._exit(0)
            except KeyboardInterrupt:
                continue
    os.close(into)
    return child, out


def ended(started: tuple[int, int], seconds: float | None = None) -> tuple[str, str]:
    """See `in_fork`."""
    child, out = started
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    said = os.read(out, 4096).decode()
    os.close(out)
    os.waitpid(child, 0)
    end, _, rest = said.partition(" ")
    return end or KILLED, rest


def write(mask: mx.Mask, path: Path, **options: Any) -> None:
    with dask.config.set(num_workers=2):
        mask.write(path, GEOM, overwrite=True, chunks=CHUNKS, **options)


def fingerprint(path: Path) -> str:
    """All names and bytes of a file or folder; "" where nothing is."""
    if not path.exists():
        return ""
    whole = hashlib.sha256()
    for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
        whole.update(str(each.relative_to(path)).encode())
        if each.is_file():
            whole.update(each.read_bytes())
    return whole.hexdigest()


class Place:
    """A folder with one product in it, whose old and new state are known."""

    def __init__(self, folder: Path, suffix: str, fresh: bool = False) -> None:
        self.folder, self.path = folder / "here", folder / "here" / f"m{suffix}"
        shutil.rmtree(folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.kept = folder / f"old{suffix}"
        states = {}
        for mask in (NEW, OLD):
            ended = in_fork(lambda mask=mask: write(mask, self.path))
            assert ended[0] == WRITTEN, ended
            states[mask] = fingerprint(self.path)
        self.new, self.old = states[NEW], states[OLD]
        os.rename(self.path, self.kept)
        if fresh:
            self.old = ""
        self.state = "?"

    def reset(self) -> None:
        if self.state == self.old and self.left() == 0:
            return
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        if self.old:
            (shutil.copytree if self.kept.is_dir() else shutil.copy2)(self.kept, self.path)

    def left(self) -> int:
        return sum(each != self.path for each in self.folder.iterdir())

    def found(self) -> str:
        """Which product is there."""
        self.state = fingerprint(self.path)
        names = {self.old: "old", self.new: "new", "": "nothing" if self.old else "old"}
        return names.get(self.state, "another")


def faulty(place: Place, k: int, how: int, error: int = 0, no_exchange: bool = False, **options: Any) -> Any:
    """One attempt whose k-th call meets a fault: how it ended, what it said."""

    def attempt() -> str:
        shim().faults_arm(os.fsencode(place.folder), k, how, error, int(no_exchange))
        try:
            write(NEW, place.path, **options)
        finally:
            seen = shim().faults_seen()
            shim().faults_arm(b"", 0, 0, 0, 0)
        return str(seen)

    return in_fork(attempt)


def calls(place: Place, **options: Any) -> int:
    """How many calls a write makes that replaces a product."""
    place.reset()
    ended = faulty(place, 0, FAIL, **options)
    assert ended[0] == WRITTEN, ended
    place.found()
    return int(ended[1])


def publishing(place: Place, no_exchange: bool) -> range:
    """The calls from when an output is complete to when it has its name, and that lasts."""
    seen: list[int] = []

    def noted(step: Callable[..., None]) -> Callable[..., None]:
        def do(*what: Any) -> None:
            seen.append(shim().faults_seen())
            step(*what)
            seen.append(shim().faults_seen())

        return do

    def attempt() -> str:
        writer.sync_tree, writer.publish = noted(writer.sync_tree), noted(writer.publish)
        shim().faults_arm(os.fsencode(place.folder), 0, FAIL, 0, int(no_exchange))
        write(NEW, place.path)
        return f"{seen[0] + 1} {seen[-1] + 1}"

    place.reset()
    end, said = in_fork(attempt)
    assert end == WRITTEN, said
    place.found()
    return range(*map(int, said.split()))


def refuse(folder: Path, suffix: str, number: int) -> Iterator[dict[str, Any]]:
    """Every k-th call fails, with one error or another, or is interrupted; ``number`` attempts, or all."""
    for fresh in (False, True):
        for no_exchange in (False, True):
            place = Place(folder, suffix, fresh)
            every = [
                (k, how, error)
                for k in range(1, calls(place, no_exchange=no_exchange) + 1)
                for how, error in ((FAIL, errno.ENOSPC), (FAIL, errno.EIO), (INTERRUPT, 0))
            ]
            for k, how, error in spread(every, number // 4):
                place.reset()
                end, said = faulty(place, k, how, error, no_exchange)
                yield {"k": k, "fault": error, "end": end, "said": said, "fresh": fresh} | {
                    "found": place.found(),
                    "left": place.left(),
                }


def spread(every: list[Any], number: int) -> list[Any]:
    """So many of a list, evenly; all of it if that is fewer, or for 0."""
    if not number or number >= len(every):
        return every
    return [every[i * len(every) // number] for i in range(number)]


def kill(folder: Path, suffix: str, number: int) -> Iterator[dict[str, Any]]:
    """Writers are killed before and after each call of publishing; so many beside these, half of them before
    or after other calls, half at random moments. Then another writes, and sweeps.
    """
    dice = random.Random(suffix)
    for no_exchange in (False, True):
        place = Place(folder, suffix)
        total = calls(place, no_exchange=no_exchange)
        begin = time.perf_counter()
        in_fork(lambda place=place: write(NEW, place.path))
        length = time.perf_counter() - begin
        named = [(k, how) for k in publishing(place, no_exchange) for how in (KILL_BEFORE, KILL_AFTER)]
        every = [(k, how) for k in range(1, total + 1) for how in (KILL_BEFORE, KILL_AFTER)]
        chosen = spread(every, number // 4)
        for i, (k, how) in enumerate([*named, *chosen, *[(0, 0)] * (number // 2 - len(chosen))]):
            place.reset()
            if k:
                end, said = faulty(place, k, how, 0, no_exchange)
            else:
                end, said = in_fork(lambda place=place: write(NEW, place.path), dice.uniform(0, length))
                while end == WRITTEN:
                    # It came to its end before it was killed: another is killed, and earlier.
                    place.found()
                    place.reset()
                    length *= 0.9
                    end, said = in_fork(lambda place=place: write(NEW, place.path), dice.uniform(0, length))
            yield {"k": k, "end": end, "said": said} | aftermath(place, reads=i % 3 == 0)


def aftermath(place: Place, reads: bool) -> dict[str, Any]:
    """What a reader finds, what whatever else lies there says of itself, and what the next writer leaves.

    The bytes are compared each time; they are read by some of the readers, or by one that has to help.
    """

    def read() -> str:
        mx.read_mask(place.path).compute(scheduler="synchronous")
        strays = []
        for each in place.folder.rglob("*"):
            inside = place.path in each.parents or each == place.path
            if not inside and (each.name == place.path.name or each.name.endswith(TEMPORARY)):
                try:
                    # What was replaced, or is about to be published, is complete.
                    strays.append("" if bool(mx.verify(each)) else "opens")
                except IncompleteMaskError:
                    continue
                except IntegrityError as err:
                    # What is published is no longer there, and what it replaced is half deleted.
                    strays.append("" if fingerprint(place.path) == place.new else repr(err))
                except mx.MaskError as err:
                    strays.append(repr(err))
        return "".join(strays)

    reader = in_fork(read) if reads or not place.path.exists() else (WRITTEN, "")
    found, left = place.found(), place.left()
    another = in_fork(lambda: write(NEW, place.path))
    return {
        "reader": reader[0],
        "strays": reader[1],
        "found": found,
        "left": left,
        "then": another[0],
        "last": place.found(),
        "after": place.left(),
    }


def resume(folder: Path, suffix: str, number: int) -> Iterator[dict[str, Any]]:
    """Writers are killed and gone on with, which evaluates what was not finished."""
    place = Place(folder, suffix)
    total, n_tiles = calls(place), NEW.plan(GEOM, CHUNKS).n_mixed

    def go_on() -> str:
        with tracing() as counts:
            write(NEW, place.path, resume=True)
        return str(counts["tiles"])

    for k in spread(list(range(1, total + 1)), number):
        place.reset()
        end, _ = faulty(place, k, KILL_AFTER)
        known = journalled(place.folder)
        then, said = in_fork(go_on)
        yield {"k": k, "end": end, "then": then, "said": said, "known": known, "n_tiles": n_tiles} | {
            "found": place.found(),
            "left": place.left(),
        }


def journalled(folder: Path) -> int:
    """Mixed and full tiles in the journal that a killed writer left beside its output."""
    size = [each.stat().st_size for each in folder.glob(f".*{TEMPORARY}/tiles")]
    return size[0] // (2 * 8 + 1 + 8 + 16 + 4 + 4) if size else 0


def limit(folder: Path, suffix: str, number: int) -> Iterator[dict[str, Any]]:
    """A limit on the size of files, from nothing to enough."""
    place = Place(folder, suffix)

    def attempt(most: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        write(NEW, place.path)

    for i in range(number):
        place.reset()
        most = i * 300
        end, said = in_fork(lambda most=most: attempt(most))
        yield {"most": most, "end": end, "said": said, "found": place.found(), "left": place.left()}


def full(folder: Path, suffix: str, number: int) -> Iterator[dict[str, Any]]:
    """A file system, that of the folder, with room for nothing, up to more than any product takes."""
    place, ballast = Place(folder, suffix), folder / "ballast"
    for i in range(number):
        ballast.unlink(missing_ok=True)
        place.reset()
        room, here = 200_000 * i**2 // (number - 1) ** 2, os.statvfs(folder)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(here.f_bavail * here.f_frsize - room, 1))
        end, said = in_fork(lambda: write(NEW, place.path))
        yield {"room": room, "end": end, "said": said, "found": place.found(), "left": place.left()}


def writes(mask: mx.Mask, place: Place, end: float, no_exchange: int) -> int:
    """How often a writer replaces a product until a time."""
    shim().faults_arm(b"", 0, 0, 0, no_exchange)
    times = 0
    while time.time() < end:
        write(mask, place.path)
        times += 1
    return times


def reads(wanted: dict[bytes, str], place: Place, end: float) -> str:
    """How often a reader finds which product until a time: by its pixels, by what it says of itself, and by
    what is verified.
    """
    selected: dict[int | None, str] = {sum(pixels): name for pixels, name in wanted.items()}
    seen: Counter[str] = Counter()
    while time.time() < end:
        found = mx.read_mask(place.path).compute(scheduler="synchronous").values.tobytes()
        seen[wanted.get(found, "another")] += 1
        with dask.config.set(scheduler="synchronous"):
            for number in (mx.info(place.path).n_selected, mx.verify(place.path).n_selected):
                seen[selected.get(number, "another")] += 1
    return json.dumps(seen)


def race(folder: Path, suffix: str, number: int) -> Iterator[dict[str, Any]]:
    """Two writers and a reader for some tenths of a second, with exchange and without."""
    for no_exchange in (False, True):
        place = Place(folder, suffix)
        place.reset()
        wanted = {mask.compute(GEOM).values.tobytes(): name for mask, name in ((OLD, "old"), (NEW, "new"))}
        end = time.time() + number / 10

        way = int(no_exchange)
        both = [
            begun(lambda mask=mask, place=place, end=end, way=way: writes(mask, place, end, way))
            for mask in (OLD, NEW)
        ]
        reader = in_fork(lambda place=place, end=end, wanted=wanted: reads(wanted, place, end))
        writers = [ended(each) for each in both]
        yield {"no_exchange": no_exchange, "reader": reader, "writers": writers, "left": place.left()}


TASKS = {"race": race, "refuse": refuse, "kill": kill, "resume": resume, "limit": limit, "full": full}


def warm_up(folder: Path) -> None:
    """Import and remember all that a writer and a reader need, or each fork does; no thread of dask may be
    left, of which forks would have the pool and not the threads.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in (".zarr", ".fits", ".fits.gz"):
        path = folder / f"warm{suffix}"
        write(OLD, path)
        mx.read_mask(path).compute(scheduler="synchronous")
        with dask.config.set(scheduler="synchronous"):
            mx.verify(path)
    gc.collect()
    # What is there now is never collected: forks would copy its pages to look at it.
    gc.freeze()


def main() -> None:
    task, folder, number, *suffixes = sys.argv[1:]
    warm_up(Path(folder) / "warm")
    for suffix in suffixes:
        for each in TASKS[task](Path(folder) / "torn", suffix, int(number)):
            print(json.dumps({"suffix": suffix, **each}), flush=True)


if __name__ == "__main__":
    main()

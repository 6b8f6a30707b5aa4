"""Real writers are killed, refused and interrupted at every call: a product is there whole, or not at all.

The faults come from a shim before the C library. ``MASKEXPR_FAULTS=n`` makes n attempts of each kind and
format instead of the few of the suite; 0 makes all there are.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import maskexpr as mx
from maskexpr.doors.files import check_path
from maskexpr.errors import FileMissingError, FormatError, IncompleteMaskError, WriteError
from maskexpr.io import formats, workspace
from maskexpr.io.workspace import TEMPORARY, Workspace, abandoned, recover

pytest.importorskip("zarr")

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
SUFFIXES = (".zarr", ".fits", ".fits.gz")
GEOM = mx.WcsGeom.create(skydir=(83.6, 22.0), npix=(61, 43), binsz=0.1)
ONE = mx.Region("icrs; circle(83.0, 22.0, 1.3)")
Attempts = Callable[[str, int], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler and LD_PRELOAD for the shim that makes calls fail")
    made = tmp_path_factory.mktemp("shim") / "faults.so"
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", made, HERE.with_name("faults.c"), "-ldl"], check=True
    )
    return made


@contextmanager
def torn(shim: Path, folder: Path, before: Sequence[str] = ()) -> Iterator[Attempts]:
    """A process that makes attempts in a folder, with the shim before its C library."""
    command = [*before, sys.executable, "-m", "tests.io.attempts", str(folder)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "LD_PRELOAD": str(shim)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        into, out = process.stdin, process.stdout
        assert into is not None
        assert out is not None

        def attempts(task: str, number: int) -> list[dict[str, Any]]:
            print(task, os.environ.get("MASKEXPR_FAULTS", number), *SUFFIXES, file=into, flush=True)
            found = []
            for line in out:
                if line == "done\n":
                    return found
                found.append(json.loads(line))
            errors.seek(0)
            raise AssertionError(errors.read()[-2000:])

        try:
            yield attempts
        finally:
            process.kill()


@pytest.fixture(scope="module")
def attempts(shim: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attempts]:
    """One process for all attempts in one folder, which each of them begins anew."""
    with torn(shim, tmp_path_factory.mktemp("attempts")) as made:
        yield made


def test_killed_writers(attempts: Attempts) -> None:
    found = attempts("kill", 16)
    for each in found:
        assert each["found"] in ("old", "new"), each
        # A reader is never in the way of anything, nor does anything in its way read as a mask.
        assert (each["reader"], each["strays"]) == ("written", ""), each
        assert (each["then"], each["last"], each["after"]) == ("written", "new", 0), each
    killed = Counter(each["suffix"] for each in found if each["end"] == "killed")
    assert killed == Counter(each["suffix"] for each in found)
    assert killed.keys() == set(SUFFIXES)
    assert {each["found"] for each in found if each["end"] == "killed"} == {"old", "new"}


def test_calls_that_fail_or_are_interrupted(attempts: Attempts) -> None:
    ends = {"refused": ["old"], "interrupted": ["old", "new"], "written": ["new"]}
    for each in attempts("refuse", 16):
        assert each["found"] in ends[each["end"]], each
        assert each["left"] == 0, each
        assert (each["end"] == "interrupted") <= (each["fault"] == 0), each
        if each["end"] == "refused":
            number, path, written = each["said"].split()
            assert int(number) == each["fault"], each
            assert path.endswith(f"m{each['suffix']}"), each
            # The folder is made in the first calls; what lies in it is counted until the last.
            assert int(written) > 0 or each["k"] < 20, each


def test_limit_on_the_size_of_files(attempts: Attempts) -> None:
    found = attempts("limit", 3)
    for each in found:
        # Of many limits the last ones are enough.
        assert (each["end"], each["found"]) in (("refused", "old"), ("written", "new")), each
        assert each["left"] == 0, each
    for suffix in SUFFIXES:
        enough = [each["end"] == "written" for each in found if each["suffix"] == suffix]
        assert enough == sorted(enough)
        assert not any(enough[:3])


def test_a_full_file_system(shim: Path, tmp_path: Path) -> None:
    # In memory, mounted for this process alone.
    mount = "mount -t tmpfs -o size=8m tmpfs "
    before = ["unshare", "-rm", "sh", "-c", f'{mount}"$0" && exec "$@"', str(tmp_path)]
    try:
        subprocess.run([*before, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs unshare, and a system that lets users mount file systems of their own")
    with torn(shim, tmp_path, before) as attempts:
        found = attempts("full", 6)
    for each in found:
        assert (each["end"], each["found"]) in (("refused", "old"), ("written", "new")), each
        assert each["left"] == 0, each
        if each["end"] == "refused":
            assert int(each["said"].split()[0]) == errno.ENOSPC, each
    for suffix in SUFFIXES:
        ends = [each["end"] for each in found if each["suffix"] == suffix]
        assert (ends[0], ends[-1]) == ("refused", "written")


def test_killed_writers_are_gone_on_with(attempts: Attempts) -> None:
    found = attempts("resume", 7)
    for each in found:
        # Equal to the last byte to what a run gives that was not killed.
        assert (each["then"], each["found"], each["left"]) == ("written", "new", 0), each
        assert int(each["said"]) <= each["n_tiles"] - each["known"], each
    assert {int(each["said"]) for each in found} >= {0, found[0]["n_tiles"]}


def test_two_writers_and_a_reader(attempts: Attempts) -> None:
    """``MASKEXPR_FAULTS`` is here a number of tenths of seconds."""
    for each in attempts("race", 7):
        end, said = each["reader"]
        assert end == "written", each
        seen = json.loads(said)
        assert seen.keys() <= {"old", "new"}, each
        assert sum(seen.values()) > 0
        for end, said in each["writers"]:
            assert end == "written", each
            assert int(said) > 0
        assert each["left"] == 0, each


def test_an_array_is_never_of_two_products(tmp_path: Path) -> None:
    geom = mx.WcsGeom.create(npix=(9000, 40), binsz=0.01)
    for suffix in SUFFIXES:
        path = mx.AllSky().write(tmp_path / f"m{suffix}", geom)
        several = mx.read_mask(path)
        assert several.data.npartitions > 1
        mx.NoSky().write(path, geom, overwrite=True)
        with pytest.raises(FormatError, match="replaced while it was read"):
            several.compute()
        # One that comes in one piece is of the product that has the name now.
        mx.AllSky().write(path, GEOM, overwrite=True)
        alone = mx.read_mask(path)
        mx.NoSky().write(path, GEOM, overwrite=True)
        assert not alone.values.any()
        mx.NoSky().write(path, geom, overwrite=True)
        with pytest.raises(FormatError, match="replaced while it was read"):
            alone.compute()


def test_a_name_that_is_gone_between_two_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One writer gives the name, the next takes it away: to a reader both looks find nothing."""
    path = ONE.write(tmp_path / "m.zarr", GEOM)
    space = Workspace(path)
    space.make()
    hidden = tmp_path / "hidden"
    os.rename(path, hidden)
    looks = []

    def given_again(_: float) -> None:
        looks.append(os.path.lexists(path))
        if len(looks) == 3:
            os.rename(hidden, path)

    monkeypatch.setattr(workspace.time, "sleep", given_again)
    assert np.array_equal(mx.read_mask(path), ONE.compute(GEOM))
    assert looks == [False] * 3
    # Nobody gives it again.
    os.rename(path, hidden)
    with pytest.raises(FileMissingError):
        mx.read_mask(path)
    space.discard()


def test_a_name_that_is_gone_after_the_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, looked = ONE.write(tmp_path / "m.zarr", GEOM), []

    def gone_once(name: Any, what: str) -> Path:
        looked.append(name)
        if len(looked) == 1:
            raise FileMissingError("a writer had taken it away")
        return check_path(name, what)

    monkeypatch.setattr(formats, "check_path", gone_once)
    assert np.array_equal(mx.read_mask(path), ONE.compute(GEOM))
    assert len(looked) > 1
    (tmp_path / "loose.zarr").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileMissingError):
        mx.read_mask(tmp_path / "loose.zarr")


@pytest.mark.parametrize("name", ["m.fits", ".m.fits.0bbfd16a-16971-2581260f.maskexpr-part"])
def test_a_folder_of_a_writer_that_did_no_more_than_make_it_is_incomplete(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    for look in (mx.read_mask, mx.verify, mx.info):
        with pytest.raises(IncompleteMaskError):
            look(tmp_path / name)


def test_a_folder_between_two_renames_is_recovered(tmp_path: Path) -> None:
    for held in (False, True):
        path = ONE.write(tmp_path / f"m{held}.zarr", GEOM)
        space = Workspace(path)
        space.make()
        os.rename(path, space.aside)
        if not held:
            space.leave()
            assert np.array_equal(mx.read_mask(path), ONE.compute(GEOM))
        else:
            # Somebody is at it, and has 2 s for it.
            with pytest.raises(FileMissingError):
                mx.read_mask(path)
            assert space.aside.exists()
            space.leave()
            assert recover(path)
            assert np.array_equal(mx.read_mask(path), ONE.compute(GEOM))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_link_is_replaced_and_what_it_points_to_stays(suffix: str, tmp_path: Path) -> None:
    there = ONE.write(tmp_path / f"there{suffix}", GEOM)
    link = tmp_path / f"link{suffix}"
    link.symlink_to(there)
    assert mx.verify(link, against=ONE)
    mx.AllSky().write(link, GEOM, overwrite=True)
    assert mx.verify(there, against=ONE)
    assert mx.verify(link, against=mx.AllSky())
    assert not link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == sorted([link.name, there.name])


def test_only_the_dead_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.fits"
    living, dead = Workspace(path), Workspace(path)
    living.make()
    dead.make()
    dead.leave()
    assert [each.folder for each in abandoned(path)] == [dead.folder]
    # Without locks the process in the name decides, and this one lives.
    monkeypatch.setattr(workspace, "_fcntl", None)
    assert not list(abandoned(path))
    other = subprocess.Popen([sys.executable, "-c", ""])
    other.wait()
    gone = dead.folder.with_name(dead.folder.name.replace(f"-{os.getpid()}-", f"-{other.pid}-"))
    os.rename(dead.folder, gone)
    assert [each.folder for each in abandoned(path)] == [gone]
    ONE.write(path, GEOM)
    assert sorted(tmp_path.iterdir()) == sorted([path, living.folder])
    assert living.folder.name.endswith(TEMPORARY)
    # Nothing is known of processes of another machine.
    far = gone.with_name(gone.name.replace(workspace._host(), "00000000"))
    far.mkdir()
    assert not list(abandoned(path))


@pytest.mark.parametrize(
    ("one", "other"), [("m.fits", "m.fits.gz"), ("m.zarr", "m.zarr.gz.fits"), ("m", "m.zarr")]
)
def test_folders_of_an_output_are_not_those_of_one_whose_name_begins_alike(
    one: str, other: str, tmp_path: Path
) -> None:
    space = Workspace(tmp_path / other)
    space.make()
    (space.aside).write_text("the product, between two renames")
    space.leave()
    assert [*abandoned(tmp_path / one)] == []
    assert not recover(tmp_path / one)
    assert [each.folder for each in abandoned(tmp_path / other)] == [space.folder]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_as_long_as_the_file_system_has_them(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / ("m" * 236 + suffix)
    assert mx.verify(ONE.write(path, GEOM, resume=True), against=ONE)
    space = Workspace(path)
    space.make()
    space.leave()
    assert [each.folder for each in abandoned(path)] == [space.folder]


# Each writes over an old file, with no room for the new one.
CUT = """
import resource, sys
from pathlib import Path
import maskexpr as mx
from maskexpr.verbs.exchange import Held, convert
many = mx.Region("\\n".join(f"icrs;circle({i},2,3)" for i in range(100, 300)))
calls = {
    "a.reg": lambda path: convert(Held("regions", many), path, overwrite=True),
    "a.json": lambda path: convert(Held("regions", many), path, overwrite=True),
    "a.yaml": lambda path: convert(Held("regions", many), path, overwrite=True),
    "b.yaml": lambda path: many.to_recipe(path),
    "a.moc.fits": lambda path: many.to_moc(5).write(path, overwrite=True),
    "b.json": lambda path: many.to_moc(5).write(path, overwrite=True),
}
for name, call in calls.items():
    Path(name).write_text("what was there")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    try:
        call(name)
        print(name, "no error")
    except mx.errors.WriteError as err:
        print(name, err.errno, err.filename)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of the size of files")
def test_small_files_are_written_whole_or_what_was_there_stays(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CUT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    names = sorted(os.listdir(tmp_path))
    assert names == ["a.json", "a.moc.fits", "a.reg", "a.yaml", "b.json", "b.yaml"]
    assert sorted(done.stdout.split("\n")) == ["", *(f"{name} {errno.EFBIG} {name}" for name in names)]
    assert {each.read_text() for each in tmp_path.iterdir()} == {"what was there"}


def test_a_small_file_takes_no_name_of_a_folder(tmp_path: Path) -> None:
    for name in ("a.yaml", "a.json"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious").touch()
    with pytest.raises(WriteError, match="a folder has its name"):
        ONE.to_recipe(tmp_path / "a.yaml")
    with pytest.raises(WriteError, match="a folder has its name"):
        ONE.to_moc(3).write(tmp_path / "a.json", overwrite=True)
    assert len([*tmp_path.rglob("precious")]) == 2

"""What a product says of itself, and what of it is reused: manifest, verify, info, the store of tiles."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import astropy.units as u
import dask
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

import maskexpr as mx
from maskexpr.compile.compiled import compile_mask
from maskexpr.core.trace import tracing
from maskexpr.errors import IncompleteMaskError, IntegrityError, MaskValueError, WriteError
from maskexpr.io.formats import open_writer
from maskexpr.io.manifest import record_of
from maskexpr.io.sums import ones_sum, tile_sum
from maskexpr.io.writer import MaskWriter
from maskexpr.verbs.sink import Sink
from maskexpr.verbs.write import provenance

pytest.importorskip("zarr")

SUFFIXES = (".zarr", ".fits", ".fits.gz")
GEOM = mx.WcsGeom.allsky(binsz="1 deg", frame="galactic")


def sources(number: int = 60, seed: int = 1) -> SkyCoord:
    rng = np.random.default_rng(seed)
    return SkyCoord(
        rng.uniform(0, 360, number), np.rad2deg(np.arcsin(rng.uniform(-1, 1, number))), unit="deg"
    )


@pytest.fixture(params=SUFFIXES, name="suffix")
def any_suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


CUBE = mx.WcsGeom.create(npix=(61, 43), binsz=0.5, axes=[mx.Axis("energy", [1, 3, 10, 30] * u.GeV)])
CASES: dict[str, tuple[mx.Mask, mx.WcsGeom, Any]] = {
    "catalogue": (mx.Catalog(sources(), "4 deg"), GEOM, 40),
    "odd width": (mx.Catalog(sources(), "4 deg"), mx.WcsGeom.create(npix=(211, 97), binsz=1.3), (13, 50)),
    "cube": (mx.Catalog(sources(9), [[9, 6, 2]] * u.deg), CUBE, (10, 61)),
    "flat cube": (mx.Region("icrs; circle(1, 2, 7)"), CUBE, ((20, 23), (30, 31))),
    "nothing": (mx.NoSky(), GEOM, 90),
    "everything": (mx.AllSky(), mx.WcsGeom.allsky(binsz="2 deg", proj="AIT"), 60),
}


@pytest.mark.parametrize("case", CASES)
def test_verified_and_told(case: str, suffix: str, tmp_path: Path) -> None:
    mask, geom, chunks = CASES[case]
    path = mask.write(tmp_path / f"m{suffix}", geom, chunks=chunks)
    values = mask.compute(geom).values
    report = mx.verify(path, against=mask)
    assert report
    assert report.n_selected == values.sum()
    about = mx.info(path)
    assert about.is_product
    assert (about.geom, about.hash, about.n_selected) == (geom, mask.digest.hex(), values.sum())
    assert about.n_tiles == about.n_empty + about.n_full + about.n_mixed == report.n_tiles
    assert about.expression is not None
    assert mx.loads(about.expression) == mask
    assert about.versions["numpy"] == np.__version__
    assert "selected" in str(about)
    assert "are as the manifest and" in str(report)
    with pytest.raises(IntegrityError, match="are not those of"):
        mx.verify(path, against=~mask)
    if suffix != ".zarr":
        # astropy warns of a sum that does not fit, and warnings are errors.
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            assert all("CHECKSUM" in each.header and "DATASUM" in each.header for each in hdus)
            assert np.array_equal(hdus["MASK"].data, values)


def test_info_reads_no_pixel(tmp_path: Path) -> None:
    mask = mx.Catalog(sources(), "4 deg")
    path = mask.write(tmp_path / "m.zarr", GEOM, chunks=40)
    shutil.rmtree(path / "mask/c")
    assert mx.info(path).n_mixed == mask.plan(GEOM, 40).n_mixed > 20
    with pytest.raises(IntegrityError):
        mx.verify(path)


def test_stray_chunks_and_changed_headers_are_found(tmp_path: Path) -> None:
    path = mx.Region("galactic; circle(10, 10, 5)").write(tmp_path / "m.zarr", GEOM, chunks=40)
    chunk = next(each for each in (path / "mask/c").rglob("*") if each.is_file())
    for name in ("mask/c/4/0", "mask/c/9/9", "mask/c/readme"):
        stray = path / name
        stray.parent.mkdir(exist_ok=True)
        shutil.copy(chunk, stray)
        with pytest.raises(IntegrityError, match="no chunk of this mask"):
            mx.verify(path)
        stray.unlink()
    path = mx.Region("galactic; circle(10, 10, 5)").write(tmp_path / "m.fits", GEOM, chunks=40)
    path.write_bytes(path.read_bytes().replace(b"EXTNAME = 'MASK    '", b"EXTNAME = 'MASK1   '"))
    # A name does the mask no harm; that the file is another now, verify says.
    assert mx.read_mask(path).values.any()
    with pytest.raises(IntegrityError, match=r"'MASK1'.* CHECKSUM"):
        mx.verify(path)


def test_sums_are_those_of_the_standard() -> None:
    rng = np.random.default_rng(0)
    for width, height in ((61, 43), (64, 10), (30, 7), (5, 5)):
        image = rng.random((height, width)) < 0.6
        whole = fits.ImageHDU(image.astype(np.uint8))
        whole.add_datasum()
        total = 0
        for y in range(0, height, 4):
            for x in range(0, width, 7):
                total += tile_sum(image[y : y + 4, x : x + 7], y * width + x, width)
        assert total % 0xFFFFFFFF == int(whole.header["DATASUM"]) % 0xFFFFFFFF


def test_records_tell_tiles_apart() -> None:
    value = np.eye(4, 6, dtype=bool)
    records = [record_of((0, 0), each, each.shape) for each in (value, ~value, value[:, :5], value[:3])]
    assert len({each.digest for each in records}) == 4
    assert record_of((0, 0), np.ones((2, 2), bool), (2, 2)) == record_of((0, 0), True, (2, 2))
    assert ones_sum(io.BytesIO(b"\xff" * 8), 8) == 0xFFFFFFFF


def test_tiles_are_written_by_other_processes(suffix: str, tmp_path: Path) -> None:
    """What a worker needs pickles, and what it returns is all that the manifest needs."""
    mask, here, there = mx.Catalog(sources(), "4 deg"), tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    compiled = compile_mask(mask, GEOM, 40)
    blocks = list(np.ndindex(*compiled.numblocks))
    with open_writer(there, GEOM, (40, 40), provenance(mask)) as writer:
        sent = pickle.dumps((Sink(writer, None), compiled))
        for block in blocks:
            sink, arrived = pickle.loads(sent)
            writer.note(pickle.loads(pickle.dumps(sink.take(arrived, block))))
    mask.write(here, GEOM, chunks=40)
    assert mx.verify(there, against=mask)
    if suffix != ".zarr":
        assert here.read_bytes() == there.read_bytes()


def test_a_worker_that_is_late_makes_no_folder_that_is_gone(suffix: str, tmp_path: Path) -> None:
    """Its client may have been killed, and another have gone on and published."""
    mask, path = mx.AllSky(), tmp_path / f"m{suffix}"
    compiled = compile_mask(mask, GEOM, 40)
    with open_writer(path, GEOM, (40, 40), provenance(mask)) as writer:
        late = pickle.loads(pickle.dumps(Sink(writer, None)))
    assert not late.writer.is_near
    with pytest.raises(WriteError):
        late.take(compiled, (0, 0))
    assert os.listdir(tmp_path) == [path.name]


def write(mask: mx.Mask, path: Path, **options: Any) -> tuple[int, int]:
    """Tiles that were evaluated, and those that came from the store."""
    with tracing() as counts:
        mask.write(path, GEOM, overwrite=True, chunks=30, **options)
    assert mx.verify(path, against=mask)
    return counts["tiles"], counts["tiles reused"]


WRAPPED = {
    "alone": lambda mask: mask,
    "grown": lambda mask: (mask | mx.Band(lat=("-3 deg", "3 deg"), frame="galactic")).dilate("2 deg"),
    "within": lambda mask: ~(mask - mx.Region("galactic; circle(0, 0, 20)")).erode("1 deg"),
}


@pytest.mark.parametrize("how", WRAPPED)
def test_one_row_changes_and_only_its_tiles_are_evaluated(how: str, tmp_path: Path) -> None:
    positions, store = sources(), tmp_path / "store"
    first = WRAPPED[how](mx.Catalog(positions, "3 deg"))
    n_mixed = first.plan(GEOM, 30).n_mixed
    assert write(first, tmp_path / "a.fits", store=store) == (n_mixed, 0)
    assert write(first, tmp_path / "b.zarr", store=store) == (0, n_mixed)
    lon, lat = positions.ra.deg.copy(), positions.dec.deg.copy()
    lat[7] = 0.9 * lat[7]
    other = WRAPPED[how](mx.Catalog(SkyCoord(lon, lat, unit="deg"), "3 deg"))
    evaluated, reused = write(other, tmp_path / "c.zarr", store=store)
    # Those that the old and the new circle, and what grows from them, may reach.
    two = SkyCoord([lon[7]] * 2, [positions.dec.deg[7], lat[7]], unit="deg")
    moved = mx.Catalog(two, "14 deg")
    near = moved.plan(GEOM, 30)
    assert 0 < evaluated <= near.n_mixed + near.n_full < n_mixed // 2
    assert reused == other.plan(GEOM, 30).n_mixed - evaluated
    # Back to the first: all is there.
    assert write(first, tmp_path / "d.fits.gz", store=store) == (0, n_mixed)


def test_two_runs_of_one_recipe_share_tiles(tmp_path: Path) -> None:
    text = """maskexpr: 1
mask: {Region: "galactic;circle(40,10,12)"}
grid: {allsky: {binsz: 1 deg, frame: galactic}}
outputs: [{path: m.zarr, chunks: 30}]
"""
    found = []
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        with tracing() as counts:
            mx.Recipe.loads(text, tmp_path / name).run(store=tmp_path / "store")
        found.append((counts["tiles"], counts["tiles reused"]))
    (evaluated, _), _ = found
    assert evaluated > 0
    assert found == [(evaluated, 0), (0, evaluated)]


def test_what_is_about_the_whole_map_is_evaluated_anew(tmp_path: Path) -> None:
    positions = sources()
    first = mx.Catalog(positions, "3 deg").fill_holes()
    other = mx.Catalog(positions[1:], "3 deg").fill_holes()
    write(first, tmp_path / "a.fits", store=tmp_path / "store")
    assert write(other, tmp_path / "a.fits", store=tmp_path / "store")[1] == 0


def test_a_file_that_changes_is_another(tmp_path: Path) -> None:
    data, store = tmp_path / "data.zarr", tmp_path / "store"
    mx.Catalog(sources(), "3 deg").write(data, GEOM, chunks=30)
    mask = mx.Raster(data)
    n_mixed = mask.plan(GEOM, 30).n_mixed
    assert write(mask, tmp_path / "a.fits", store=store)[1] == 0
    assert write(mask, tmp_path / "a.fits", store=store) == (0, n_mixed)
    mx.Catalog(sources(seed=5), "3 deg").write(data, GEOM, chunks=30, overwrite=True)
    assert write(mask, tmp_path / "a.fits", store=store)[1] == 0


def test_the_store_is_bounded_and_believes_nothing(tmp_path: Path) -> None:
    store = mx.TileStore(tmp_path / "store", max_bytes=4000)
    values = np.random.default_rng(0).random((64, 64)) < 0.5
    for i in range(30):
        store.put(f"{i:032x}", values)
        assert store.size <= 4000
    last = store.get(f"{29:032x}")
    assert last is not None
    assert np.array_equal(last, values)
    assert store.get(f"{0:032x}") is None
    [path] = (tmp_path / "store").rglob(f"{29:032x}.tile")
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        assert store.get(f"{29:032x}") is None
        path.write_bytes(whole[:at])
        assert store.get(f"{29:032x}") is None
    assert pickle.loads(pickle.dumps(store)).max_bytes == 4000
    with pytest.raises(MaskValueError, match="max_bytes"):
        mx.TileStore(tmp_path, max_bytes="much")
    (tmp_path / "file").write_text("x")
    with pytest.raises(WriteError, match="store of tiles"):
        mx.TileStore(tmp_path / "file")


class Stop(Exception):
    pass


def write_three(writer: MaskWriter, mask: mx.Mask) -> None:
    compiled = compile_mask(mask, GEOM, 30)
    with writer:
        for block in [(0, 0), (2, 3), (5, 11)]:
            writer.note(Sink(writer, None).take(compiled, block))
        raise Stop


@pytest.mark.parametrize("resume", [False, True])
def test_what_is_done_is_left_only_if_asked_for(resume: bool, suffix: str, tmp_path: Path) -> None:
    mask, path = mx.Catalog(sources(), "3 deg"), tmp_path / f"m{suffix}"
    options: dict[str, Any] = {"resume": resume, "run": "a run"}
    with pytest.raises(Stop):
        write_three(open_writer(path, GEOM, (30, 30), **options), mask)
    left = list(tmp_path.iterdir())
    assert len(left) == resume
    if resume:
        with pytest.raises(IncompleteMaskError):
            mx.read_mask(left[0])
        with open_writer(path, GEOM, (30, 30), **{**options, "run": "another"}) as other:
            assert not other.done
        path.unlink() if path.is_file() else shutil.rmtree(path)
    assert not list(tmp_path.iterdir())


def test_a_run_of_another_mask_does_not_go_on(suffix: str, tmp_path: Path) -> None:
    path, one = tmp_path / f"m{suffix}", mx.Catalog(sources(), "3 deg")
    with dask.config.set(scheduler="synchronous"):
        with pytest.raises(Stop):
            write_three(open_writer(path, GEOM, (30, 30), resume=True, run="x"), one)
        other = one | mx.Region("galactic; circle(3, 3, 9)")
        assert write(other, path, resume=True) == (other.plan(GEOM, 30).n_mixed, 0)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_process_that_goes_to_another_folder_while_it_writes(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    monkeypatch.chdir(here)
    noted = MaskWriter.note

    def gone(self: MaskWriter, *records: Any) -> None:
        noted(self, *records)
        os.chdir(there)

    monkeypatch.setattr(MaskWriter, "note", gone)
    mask = mx.Catalog(sources(), "3 deg")
    path = mask.write(f"m{suffix}", GEOM, chunks=60)
    assert path == Path(f"m{suffix}")
    assert ([*there.iterdir()], [*here.iterdir()]) == ([], [here / path])
    assert mx.verify(here / path, against=mask)


def test_threads_of_a_worker_share_a_copy_of_the_writer(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One puts a tile from beginning to end while another one is about to write."""
    mask = mx.Catalog(sources(), "3 deg")
    compiled, path = compile_mask(mask, GEOM, 60), tmp_path / f"m{suffix}"
    blocks = [(i, j) for i in range(3) for j in range(6)]
    begun, go_on = threading.Event(), threading.Event()

    def late(write: Any) -> Any:
        def waits(*what: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                begun.set()
                assert go_on.wait(60)
            return write(*what)

        return waits

    with open_writer(path, GEOM, (60, 60), provenance(mask)) as writer:
        if not writer.resumes:
            pytest.skip("written by one process alone")
        copy = pickle.loads(pickle.dumps(writer))
        monkeypatch.setattr(type(writer), "write", late(type(writer).write))
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(Sink(copy, None).take, compiled, blocks[0])
            assert begun.wait(60)
            try:
                for block in blocks[1:]:
                    writer.note(Sink(copy, None).take(compiled, block))
            finally:
                go_on.set()
            writer.note(first.result())
        assert getattr(copy, "_file", None) is None
    assert mx.verify(path, against=mask)


@pytest.mark.parametrize("grid", ["cells", "cube", "cube of cells"])
def test_tiles_of_every_grid_are_shared(grid: str, tmp_path: Path) -> None:
    geom: mx.WcsGeom | mx.HpxGeom = mx.HpxGeom(order=4) if "cells" in grid else GEOM
    mask: mx.Mask = mx.Region("galactic; circle(3, 3, 9)")
    if "cube" in grid:
        geom = geom.to_cube([mx.Axis("energy", [1, 3, 10] * u.GeV)])
        mask &= mx.AxisRange("energy", hi="3 GeV")
    store = mx.TileStore(tmp_path / "store")
    mask.write(tmp_path / "a.fits", geom, store=store)
    assert store.size > 0
    assert mx.verify(mask.write(tmp_path / "b.fits", geom, store=store), against=mask)

"""Masks and maps in files: what is written is read, whole or not at all, and never more than is needed."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from numpy.typing import NDArray

from maskexpr.core.records import decode, encode
from maskexpr.errors import (
    FileMissingError,
    FormatError,
    GeometryError,
    IncompleteMaskError,
    MaskTypeError,
    MaskValueError,
    OutputExistsError,
)
from maskexpr.grid.axis import Axis
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.grid.wcs.header import bands_hdu
from maskexpr.io import publish as publishing
from maskexpr.io import unpacked, zarr
from maskexpr.io.formats import StoredMap, check_output, format_of, open_writer, stamp_of
from maskexpr.io.given_map import as_source
from maskexpr.io.read import read_map, read_mask
from maskexpr.io.sources import ArraySource, FileSource, as_mask
from maskexpr.io.workspace import TEMPORARY
from maskexpr.io.writer import Patch
from maskexpr.io.xarray import geom_of, wrap
from maskexpr.io.zarr_product import ZarrWriter
from maskexpr.pixels.window import Window

zarr_package = pytest.importorskip("zarr")

SUFFIXES = (".zarr", ".fits", ".fits.gz")
ENERGY = Axis("energy", [1, 3, 10, 100] * u.GeV, interp="log")
RAD = Axis("rad", [0, 1, 2.5] * u.deg)
GEOMS = {
    "image": WcsGeom.create(skydir=(83.6, 22.0), npix=(70, 50), binsz=0.1, proj="TAN", frame="galactic"),
    "cube": WcsGeom.create(npix=(70, 50), binsz=(0.1, 0.3), axes=[ENERGY]),
    "two axes": WcsGeom.create(npix=(31, 20), axes=[RAD, ENERGY]),
    "one pixel": WcsGeom.create(npix=1),
    "one row": WcsGeom.create(npix=(40, 1)),
}
TEXTS = {"expression": '{"node": "allsky", "name": "Å"}' * 3000, "hash": "0f" * 16, "version": "1"}
CHUNKS = (16, 32)


def random_mask(geom: WcsGeom, seed: int = 1) -> NDArray[np.bool_]:
    """Blobs, with planes and tiles that are empty and full."""
    rng = np.random.default_rng(seed)
    values = rng.random(geom.shape) < 0.3
    values[..., : CHUNKS[0], : CHUNKS[1]] = False
    values[..., CHUNKS[0] :, CHUNKS[1] :] = True
    return values


def tiles(geom: WcsGeom, chunks: tuple[int, int] = CHUNKS) -> list[Window]:
    ny, nx = geom.image_shape
    return [
        Window(y, min(y + chunks[0], ny), x, min(x + chunks[1], nx))
        for y in range(0, ny, chunks[0])
        for x in range(0, nx, chunks[1])
    ]


def cut(values: NDArray[np.bool_], window: Window) -> NDArray[np.bool_]:
    return values[..., window.y0 : window.y1, window.x0 : window.x1]


def blocks_of(geom: WcsGeom, values: NDArray[np.bool_]) -> list[Patch]:
    """As a caller that leaves empty tiles out, and says of full ones that they are."""
    pieces = [(window, cut(values, window)) for window in tiles(geom)]
    return [Patch(w, True if piece.all() else piece) for w, piece in pieces if piece.any()]


def write(path: Path, geom: WcsGeom, values: NDArray[np.bool_], **options: bool) -> Path:
    with open_writer(path, geom, CHUNKS, TEXTS, **options) as writer:
        for block in blocks_of(geom, values):
            writer.store(block)
    return path


@pytest.fixture(params=GEOMS, name="geom")
def any_geom(request: pytest.FixtureRequest) -> WcsGeom:
    return GEOMS[request.param]


@pytest.fixture(params=SUFFIXES, name="suffix")
def any_suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_is_written_is_read(geom: WcsGeom, suffix: str, tmp_path: Path) -> None:
    values = random_mask(geom)
    path = write(tmp_path / f"m{suffix}", geom, values)
    mask = read_mask(path)
    assert mask.dtype == bool
    assert mask.chunks is not None
    assert geom_of(mask) == geom
    assert np.array_equal(mask.values, values)
    assert {key: mask.attrs[f"maskexpr_{key}"] for key in TEXTS} == TEXTS
    assert list(tmp_path.iterdir()) == [path]


def test_astropy_reads_the_fits(geom: WcsGeom, tmp_path: Path) -> None:
    values = random_mask(geom)
    for suffix in (".fits", ".fits.gz"):
        path = write(tmp_path / f"m{suffix}", geom, values)
        with fits.open(path) as hdus:
            hdus.verify("exception")
            assert [hdu.name for hdu in hdus][:2] == ["PRIMARY", "MASK"]
            assert hdus["MASK"].header["BITPIX"] == 8
            assert hdus["MASK"].data.dtype == np.uint8
            assert np.array_equal(hdus["MASK"].data, values)
        assert WcsGeom.read(path, "MASK") == geom


def test_xarray_reads_the_zarr(geom: WcsGeom, tmp_path: Path) -> None:
    values = random_mask(geom)
    path = write(tmp_path / "m.zarr", geom, values)
    data = xr.open_zarr(path)
    assert list(data.data_vars) == ["mask"]
    assert geom_of(data["mask"]) == geom
    assert np.array_equal(data["mask"].values, values)
    assert np.array_equal(data["x"], np.arange(geom.shape[-1]))


def test_one_image_on_every_plane(suffix: str, tmp_path: Path) -> None:
    geom = GEOMS["cube"]
    image = random_mask(geom.to_image())
    path = write(tmp_path / f"m{suffix}", geom, image)
    assert np.array_equal(read_mask(path), np.broadcast_to(image, geom.shape))


def test_planes_by_index_and_slice(suffix: str, tmp_path: Path) -> None:
    geom = GEOMS["two axes"]
    window = Window(16, 20, 0, 31)
    expected = np.zeros(geom.shape, dtype=bool)
    some = np.random.default_rng(3).random((2, *window.shape)) < 0.5
    with open_writer(tmp_path / f"m{suffix}", geom, CHUNKS) as writer:
        writer.store(Patch(window, True, (1, 2)))
        writer.store(Patch(window, some, (0, slice(0, 2))))
        writer.store(Patch(window, False, (0, 2)))
    expected[1, 2, 16:20] = True
    expected[0, 0:2, 16:20] = some
    assert np.array_equal(read_mask(tmp_path / f"m{suffix}"), expected)


def test_blocks_from_threads_in_any_order(suffix: str, tmp_path: Path) -> None:
    geom = WcsGeom.create(npix=(500, 400), binsz=0.1)
    values = random_mask(geom)
    windows = tiles(geom)
    np.random.default_rng(0).shuffle(windows)
    path = tmp_path / f"m{suffix}"
    with open_writer(path, geom, CHUNKS) as writer, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda window: writer.store(Patch(window, cut(values, window))), windows))
    assert np.array_equal(read_mask(path), values)


def test_wide_bands_of_full_rows(tmp_path: Path) -> None:
    # More than one band of rows for each write, and a remainder.
    geom = WcsGeom.create(npix=(3000, 3001), binsz=0.01)
    with open_writer(tmp_path / "a.fits", geom, (2999, 3000)) as writer:
        writer.store(Patch(Window(0, 2999, 0, 3000), True))
    assert int(fits.getdata(tmp_path / "a.fits").sum()) == 2999 * 3000
    values = np.zeros(geom.shape, dtype=bool)
    values[1::7, 5] = True
    with open_writer(tmp_path / "b.fits", geom, (3001, 3000)) as writer:
        writer.store(Patch(Window(0, 3001, 0, 3000), values))
    assert np.array_equal(fits.getdata(tmp_path / "b.fits"), values)


def test_equal_masks_are_equal_files(tmp_path: Path) -> None:
    geom = GEOMS["cube"]
    one, other = (write(tmp_path / f"{name}.fits.gz", geom, random_mask(geom)) for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_empty_chunks_take_no_space(tmp_path: Path) -> None:
    geom = GEOMS["cube"]
    # A tile that is stored and holds nothing leaves no chunk either.
    blocks = [Patch(Window(16, 32, 0, 32), np.zeros((16, 32), bool)), Patch(Window(0, 16, 0, 32), True, (1,))]
    path = tmp_path / "m.zarr"
    with open_writer(path, geom, CHUNKS) as writer:
        list(map(writer.store, blocks))
    assert [p.relative_to(path).as_posix() for p in path.glob("mask/c/**/*") if p.is_file()] == [
        "mask/c/1/0/0"
    ]
    marks = zarr_package.open_group(path, mode="r")["manifest"].attrs
    assert marks["tiles"] == {"empty": 35, "mixed": 0, "full": 1}
    stored = zarr_package.open_array(path, path="mask", mode="r").metadata.to_dict()["codecs"][-2]
    codec = stored["configuration"]
    assert (codec["cname"], codec["shuffle"]) == ("zstd", "bitshuffle")


def test_manifest_says_what_each_tile_is(tmp_path: Path) -> None:
    geom = GEOMS["image"]
    path = write(tmp_path / "m.zarr", geom, random_mask(geom))
    states = np.asarray(zarr_package.open_array(path, path="manifest/tile_state", mode="r")[...])
    assert states.tolist() == [[0, 1, 1], [1, 2, 2], [1, 2, 2], [1, 2, 2]]


@pytest.mark.parametrize("suffix", [".zarr", ".fits"])
def test_large_map_with_few_tiles_is_quick_and_small(suffix: str, tmp_path: Path) -> None:
    geom = WcsGeom.allsky(binsz=0.01)
    side = 512
    value = np.zeros((side, side), dtype=bool)
    value[100:140, 200:300] = True
    windows = [Window(side * i, side * (i + 1), side * (i + 2), side * (i + 3)) for i in range(8)]
    path = tmp_path / f"m{suffix}"
    with open_writer(path, geom, (side, side)) as writer:
        for window in windows:
            writer.store(Patch(window, value))
        writer.store(Patch(Window(side * 20, side * 21, 0, side), True))
    blocks = sum(p.stat().st_blocks for p in ([path] if path.is_file() else path.rglob("*")))
    assert blocks * 512 < 5_000_000
    mask = read_mask(path)
    assert mask.shape == (18000, 36000)
    assert int(mask[:2048, :4096].sum()) == 4 * 4000
    assert int(mask[side * 20 : side * 21, : 2 * side].sum()) == side * side


def test_output_is_checked_before_anything_is_written(suffix: str, tmp_path: Path) -> None:
    geom = GEOMS["image"]
    path = write(tmp_path / f"m{suffix}", geom, random_mask(geom))
    before = stamp_of(path)
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        open_writer(path, geom, CHUNKS)
    with pytest.raises(FileExistsError):
        check_output(path)
    assert stamp_of(path) == before
    other = ~random_mask(geom)
    write(path, geom, other, overwrite=True)
    assert np.array_equal(read_mask(path), other)
    assert list(tmp_path.iterdir()) == [path]


def test_other_things_are_never_replaced(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        folder = tmp_path / f"thesis{suffix}"
        folder.mkdir()
        (folder / "chapter.tex").write_text("x")
        with pytest.raises(FormatError, match="not replaced"):
            check_output(folder, overwrite=True)
    file = tmp_path / "notes.zarr"
    file.write_text("x")
    with pytest.raises(FormatError, match="not replaced"):
        check_output(file, overwrite=True)


def test_names_that_say_no_format(tmp_path: Path) -> None:
    for name in ("mask.png", "mask", ".zarr", "mask.fits.bz2"):
        with pytest.raises(FormatError, match=r"\.zarr, \.fits, \.fits\.gz"):
            check_output(tmp_path / name)
    assert format_of("A.FITS.GZ") == ".fits.gz"
    with pytest.raises(FileMissingError, match="no folder"):
        check_output(tmp_path / "nowhere" / "mask.fits")


def test_output_that_appears_meanwhile_is_kept(suffix: str, tmp_path: Path) -> None:
    geom = GEOMS["image"]
    path = tmp_path / f"m{suffix}"
    first = random_mask(geom)
    with pytest.raises(OutputExistsError), open_writer(path, geom, CHUNKS):
        write(path, geom, first)
    assert np.array_equal(read_mask(path), first)
    assert list(tmp_path.iterdir()) == [path]


def test_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise PermissionError("links are not supported")

    monkeypatch.setattr(publishing, "_call", lambda: None)
    monkeypatch.setattr(publishing.os, "link", no_link)
    path = write(tmp_path / "m.fits", GEOMS["image"], random_mask(GEOMS["image"]))
    assert list(tmp_path.iterdir()) == [path]


def test_error_while_writing_leaves_nothing(suffix: str, tmp_path: Path) -> None:
    geom = GEOMS["image"]
    path = write(tmp_path / f"m{suffix}", geom, random_mask(geom))
    blocks = [Patch(Window(top, top + 16, 0, 32), True) for top in (0, 16, 3000)]
    with pytest.raises(MaskValueError), open_writer(path, geom, CHUNKS, overwrite=True) as writer:
        list(map(writer.store, blocks))
    assert np.array_equal(read_mask(path), random_mask(geom))
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import sys
from contextlib import ExitStack
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.io.formats import open_writer
from maskexpr.io.writer import Patch
from maskexpr.pixels.window import Window
geom = WcsGeom.create(npix=(640, 640), binsz=0.1)
with ExitStack() as stack:
    opened = [open_writer(path, geom, (16, 32), {"hash": "x"}, overwrite=True) for path in sys.argv[1:]]
    writers = [stack.enter_context(each) for each in opened]
    for y in range(0, 640, 16):
        if y == 320:
            print("half", flush=True)
            sys.stdin.read()
        for x in range(0, 640, 32):
            for writer in writers:
                writer.store(Patch(Window(y, y + 16, x, x + 32), True))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], Path]:
    """What a process was writing when it was killed: in every format, where one was and where none was."""
    geom = GEOMS["image"]
    paths = {
        (suffix, old): tmp_path_factory.mktemp("killed") / f"m{suffix}"
        for suffix in SUFFIXES
        for old in (False, True)
    }
    for (_, old), path in paths.items():
        if old:
            write(path, geom, random_mask(geom))
    command = [sys.executable, "-c", KILLED, *map(str, paths.values())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
    return paths


@pytest.mark.parametrize("old", [False, True])
def test_killed_writer_leaves_no_mask(killed: dict[tuple[str, bool], Path], suffix: str, old: bool) -> None:
    path = killed[suffix, old]
    assert path.exists() == old
    if old:
        assert np.array_equal(read_mask(path), random_mask(GEOMS["image"]))
    left = [each for each in path.parent.iterdir() if each != path]
    assert len(left) == 1
    assert left[0].name.endswith(TEMPORARY)
    with pytest.raises(IncompleteMaskError, match="being written"):
        read_mask(left[0])
    with pytest.raises(IncompleteMaskError, match="cut short"):
        read_mask(left[0] / path.name)


def test_lost_and_damaged_tiles_are_found(tmp_path: Path) -> None:
    geom = GEOMS["image"]
    for chunk in ("mask/c/1/0", "mask/c/1/1"):
        path = write(tmp_path / "m.zarr", geom, random_mask(geom), overwrite=True)
        (path / chunk).unlink()
        with pytest.raises(FormatError, match=r"tile \(1, .\) is not what the manifest says"):
            read_mask(path).compute()
    path = write(tmp_path / "m.zarr", geom, random_mask(geom), overwrite=True)
    (path / "mask/c/0").mkdir(exist_ok=True)
    (path / "mask/c/0/0").write_bytes((path / "mask/c/1/1").read_bytes())
    with pytest.raises(FormatError, match=r"tile \(0, 0\)"):
        read_mask(path).compute()


def test_crop_of_a_store_by_xarray_is_a_mask_too(tmp_path: Path) -> None:
    geom = GEOMS["cube"]
    path = write(tmp_path / "m.zarr", geom, random_mask(geom))
    crop = xr.open_zarr(path).isel(y=slice(10, 40), x=slice(3, 50)).load()
    crop.to_zarr(tmp_path / "crop.zarr", consolidated=False)
    found = read_mask(tmp_path / "crop.zarr")
    assert geom_of(found) == geom.window(Window(10, 40, 3, 50))
    assert np.array_equal(found, random_mask(geom)[:, 10:40, 3:50])
    assert found.attrs["maskexpr_hash"] == TEXTS["hash"]


def test_format_of_a_later_version(tmp_path: Path) -> None:
    path = write(tmp_path / "m.zarr", GEOMS["image"], random_mask(GEOMS["image"]))
    zarr_package.open_group(path)["manifest"].attrs["maskexpr"] = 99
    # The consolidated copy in the root still has the old number; other programs write the store without it.
    root = json.loads((path / "zarr.json").read_text())
    del root["consolidated_metadata"]
    (path / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(FormatError, match="format 99; this version of maskexpr reads 2"):
        read_mask(path)


def test_file_cut_short(tmp_path: Path) -> None:
    geom = WcsGeom.create(npix=(300, 300), binsz=0.1)
    path = write(tmp_path / "m.fits", geom, random_mask(geom))
    os.truncate(path, 40_000)
    with pytest.raises(FormatError, match="cut short"):
        read_mask(path)
    packed = write(tmp_path / "m.fits.gz", geom, random_mask(geom))
    os.truncate(packed, packed.stat().st_size // 2)
    with pytest.raises(FormatError, match="cannot be unpacked"):
        read_mask(packed)


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        (Patch(Window(0, 16, 60, 80), True), MaskValueError, "beyond the map"),
        (Patch(Window(-16, 16, 0, 32), True), MaskValueError, "beyond the map"),
        (Patch(Window(3, 3, 0, 32), True), MaskValueError, "empty"),
        (Patch(Window(0, 16, 0, 32), np.ones((16, 31), bool)), MaskValueError, "does not fit"),
        (Patch(Window(0, 16, 0, 32), np.ones((16, 32))), MaskTypeError, "must be bool"),  # type: ignore[arg-type]
    ],
)
def test_blocks_that_do_not_fit(
    suffix: str, block: Patch, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with (
        pytest.raises(error, match=message),
        open_writer(tmp_path / f"m{suffix}", GEOMS["image"], CHUNKS) as writer,
    ):
        writer.store(block)
    assert not list(tmp_path.iterdir())


def test_zarr_blocks_are_whole_chunks(tmp_path: Path) -> None:
    geom = GEOMS["image"]
    with (
        pytest.raises(MaskValueError, match="whole chunks"),
        ZarrWriter(tmp_path / "m.zarr", geom, CHUNKS) as writer,
    ):
        writer.store(Patch(Window(0, 16, 0, 40), True))
    with pytest.raises(MaskValueError, match="chunks"):
        ZarrWriter(tmp_path / "m.zarr", geom, (0, 16))
    with pytest.raises(MaskTypeError, match="with statement"):
        ZarrWriter(tmp_path / "m.zarr", geom, CHUNKS).store(Patch(Window(0, 16, 0, 32), True))


# Reading what others wrote


def header_of(geom: WcsGeom) -> fits.Header:
    return geom.to_header()


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "i8", "f4", "f8", "i1", "u2", "u4", "u8"])
@pytest.mark.parametrize("packed", [False, True])
def test_values_equal_astropy(kind: str, packed: bool, tmp_path: Path) -> None:
    geom = GEOMS["image"]
    rng = np.random.default_rng(2)
    dtype = np.dtype(kind)
    values = (
        rng.normal(size=geom.shape).astype(dtype)
        if dtype.kind == "f"
        else (rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, geom.shape, dtype, endpoint=True))
    )
    path = tmp_path / ("m.fits.gz" if packed else "m.fits")
    fits.PrimaryHDU(values, header_of(geom)).writeto(path)
    found = read_map(path)
    assert found.dtype == dtype
    assert found.dtype.isnative
    assert np.array_equal(found.values, fits.getdata(path))
    assert np.array_equal(found.values, values)
    window = Window(7, 30, 11, 12)
    assert np.array_equal(FileSource(str(path)).read(window), cut(values, window))
    assert geom_of(found) == geom


@pytest.mark.parametrize(("kind", "expected"), [("u1", "f4"), ("i2", "f4"), ("i4", "f8"), ("f4", "f4")])
@pytest.mark.parametrize(
    ("scale", "zero", "blank"), [(0.5, 0, None), (1, 10, None), (2, -3, 7), (1, 0, 7), (1, 0, 0)]
)
def test_scaled_values(
    kind: str, expected: str, scale: float, zero: float, blank: int | None, tmp_path: Path
) -> None:
    geom = GEOMS["one row"]
    raw = (np.arange(40) % 9).astype(kind).reshape(geom.shape)
    hdu = fits.PrimaryHDU(raw, header_of(geom))
    hdu.header["BSCALE"], hdu.header["BZERO"] = scale, zero
    if blank is not None and kind != "f4":
        hdu.header["BLANK"] = blank
    path = tmp_path / "m.fits"
    # Written as they stand, not unscaled.
    path.write_bytes(
        hdu.header.tostring().encode() + raw.astype(raw.dtype.newbyteorder(">")).tobytes().ljust(2880, b"\0")
    )
    wanted = raw * float(scale) + zero
    if "BLANK" in hdu.header:
        wanted[raw == blank] = np.nan
    found = read_map(path)
    assert np.array_equal(found.values, wanted, equal_nan=True)
    if blank != 0:
        # astropy 8 forgets a BLANK of zero.
        assert np.array_equal(found.values, fits.getdata(path), equal_nan=True)
    if (scale, zero) != (1, 0):
        assert found.dtype == expected


def test_cube_with_bounds_of_energy(tmp_path: Path) -> None:
    geom = GEOMS["cube"]
    values = np.random.default_rng(1).poisson(2, geom.shape).astype("f4")
    energies = ENERGY.edges.to_value("MeV")
    columns = [
        fits.Column("CHANNEL", "I", array=np.arange(3)),
        fits.Column("E_MIN", "E", unit="MeV", array=energies[:-1]),
        fits.Column("E_MAX", "E", unit="MeV", array=energies[1:]),
    ]
    header = geom.to_image().to_header()
    hdus = [fits.PrimaryHDU(values, header), fits.BinTableHDU.from_columns(columns, name="EBOUNDS")]
    fits.HDUList(hdus).writeto(tmp_path / "ccube.fits")
    found = read_map(tmp_path / "ccube.fits")
    assert found.dims == ("energy", "y", "x")
    assert np.array_equal(found.values, values)
    source = FileSource(str(tmp_path / "ccube.fits"))
    assert np.array_equal(source.read(Window(1, 5, 2, 9), (2,)), values[2, 1:5, 2:9])


def test_tile_compressed_image(tmp_path: Path) -> None:
    geom = GEOMS["image"]
    values = np.random.default_rng(1).integers(0, 2, geom.shape, dtype=np.int16)
    hdu = fits.CompImageHDU(values, header_of(geom), name="MASK", compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "m.fits")
    assert np.array_equal(read_mask(tmp_path / "m.fits"), values == 1)
    assert read_map(tmp_path / "m.fits").dtype == np.int16


def test_sparse_table(tmp_path: Path) -> None:
    geom = GEOMS["cube"]
    values = random_mask(geom)
    channel, y, x = np.nonzero(values)
    order = np.random.default_rng(0).permutation(len(y))
    columns = [
        fits.Column("PIX", "J", array=(y * geom.shape[-1] + x)[order]),
        fits.Column("CHANNEL", "I", array=channel[order]),
        fits.Column("VALUE", "E", array=np.ones(len(y))),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="SKYMAP")
    for card in geom.to_image().to_header().cards:
        if not card.keyword.startswith("NAXIS"):
            hdu.header.append(card)
    hdu.header["WCSSHAPE"] = "(70,50,3)"
    hdu.header["BANDSHDU"] = "SKYMAP_BANDS"
    fits.HDUList([fits.PrimaryHDU(), hdu, bands_hdu(geom.axes, "SKYMAP_BANDS")]).writeto(tmp_path / "s.fits")
    mask = read_mask(tmp_path / "s.fits")
    assert geom_of(mask) == geom
    assert np.array_equal(mask, values)
    hdu.data["PIX"][0] = 70 * 50
    fits.HDUList([fits.PrimaryHDU(), hdu, bands_hdu(geom.axes, "SKYMAP_BANDS")]).writeto(tmp_path / "t.fits")
    with pytest.raises(FormatError, match=r"row 0.*beyond the map"):
        read_mask(tmp_path / "t.fits").compute()


def test_choice_of_the_map(tmp_path: Path) -> None:
    geom = GEOMS["image"]
    counts = np.full(geom.shape, 3.5, dtype="f4")
    mask = random_mask(geom)
    hdus = [
        fits.PrimaryHDU(),
        fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1])], name="GTI"),
        fits.ImageHDU(counts, header_of(geom), name="COUNTS"),
        fits.ImageHDU(mask.astype(int), header_of(geom), name="MASK"),
    ]
    path = tmp_path / "m.fits"
    fits.HDUList(hdus).writeto(path)
    assert np.array_equal(read_mask(path), mask)
    assert np.array_equal(read_mask(path, "mask"), mask)
    assert np.array_equal(read_mask(path, 3), mask)
    assert np.array_equal(read_map(path), counts)
    assert read_map(path).name == "counts"
    with pytest.raises(FormatError, match=r"no HDU 'NOPE'; there are 0 PRIMARY, 1 GTI, 2 COUNTS, 3 MASK"):
        read_mask(path, "NOPE")
    with pytest.raises(FormatError, match="holds no image"):
        read_map(path, "GTI")
    with pytest.raises(FormatError, match=r"0 and 1 only, found 3\.5"):
        read_mask(path, "COUNTS").compute()


def test_only_zero_and_one_are_a_mask() -> None:
    assert as_mask(np.array([0.0, 1.0]), "it").tolist() == [False, True]
    for odd in (np.array([0, -1]), np.array([np.nan, 1.0]), np.array([255], np.uint8)):
        with pytest.raises(FormatError, match="select by value with a Threshold"):
            as_mask(odd, "it")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match="no such file"):
        read_mask(tmp_path / "absent.fits")
    with pytest.raises(FileNotFoundError):
        read_map(tmp_path / "absent.zarr")
    (tmp_path / "text.fits").write_text("not a map" * 1000)
    with pytest.raises(FormatError, match="neither a FITS file"):
        read_mask(tmp_path / "text.fits")
    (tmp_path / "folder.zarr").mkdir()
    with pytest.raises(FormatError, match="not a zarr group"):
        read_mask(tmp_path / "folder.zarr")
    with gzip.open(tmp_path / "text.fits.gz", "wb") as file:
        file.write(b"not a map" * 1000)
    with pytest.raises(FormatError, match="neither a FITS file"):
        read_mask(tmp_path / "text.fits.gz")


def test_zarr_by_xarray(tmp_path: Path) -> None:
    geom = GEOMS["cube"]
    flux = np.random.default_rng(4).normal(size=geom.shape).astype("f4")
    flux[:, 3, 4] = np.nan
    array = wrap(da.from_array(flux, chunks=(2, 20, 30)), geom, "flux", {"units": "s-1"})
    crop = array.isel(y=slice(20, 50), x=slice(30, 70))
    crop.to_dataset().to_zarr(tmp_path / "a.zarr", consolidated=False)
    found = read_map(tmp_path / "a.zarr")
    assert geom_of(found) == geom_of(crop)
    assert found.attrs["units"] == "s-1"
    assert np.array_equal(found, crop, equal_nan=True)
    assert np.array_equal(
        FileSource(str(tmp_path / "a.zarr")).read(Window(0, 4, 2, 9), (1,)), crop[1, 0:4, 2:9]
    )
    two = xr.Dataset({"flux": crop, "sig": crop * 2})
    two.to_zarr(tmp_path / "b.zarr", consolidated=False)
    with pytest.raises(FormatError, match="no variable was named; there are flux, sig"):
        read_map(tmp_path / "b.zarr")
    assert np.array_equal(read_map(tmp_path / "b.zarr", "sig"), crop * 2, equal_nan=True)
    xr.DataArray(flux[0], dims=("y", "x"), name="bare").to_dataset().to_zarr(
        tmp_path / "c.zarr", consolidated=False
    )
    with pytest.raises(GeometryError, match=r"c\.zarr.*carries no sky grid"):
        read_map(tmp_path / "c.zarr")


# Laziness


def test_building_reads_nothing_and_a_slice_reads_its_chunks(
    tmp_path: Path, no_compute: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    geom = WcsGeom.create(npix=(9000, 5000), binsz=0.01)
    path = tmp_path / "m.fits"
    with open_writer(path, geom, (10, 5)) as writer:
        writer.store(Patch(Window(4000, 4010, 8000, 8005), True))
    seen: list[Window] = []
    real = StoredMap.read_array

    def counted(self: StoredMap, planes: tuple[slice, ...], window: Window) -> NDArray[np.generic]:
        seen.append(window)
        return real(self, planes, window)

    monkeypatch.setattr(StoredMap, "read_array", counted)
    mask = read_mask(path)
    assert not seen
    part = mask[3990:4020, 7990:8010]
    assert int(part.data.sum().compute(scheduler="synchronous")) == 50
    assert seen == [Window(2048, 4096, 6144, 8192)]


def test_graph_pickles_and_knows_only_names(suffix: str, tmp_path: Path) -> None:
    geom = GEOMS["image"]
    path = write(tmp_path / f"m{suffix}", geom, random_mask(geom))
    text = pickle.dumps(read_mask(path).data)
    assert len(text) < 10_000
    assert np.array_equal(pickle.loads(text).compute(scheduler="synchronous"), random_mask(geom))
    assert read_mask(path).data.name == read_mask(path).data.name
    write(path, geom, ~random_mask(geom), overwrite=True)
    assert np.array_equal(read_mask(path), ~random_mask(geom))


def test_names_tell_files_apart(tmp_path: Path) -> None:
    geom = GEOMS["image"]
    path = write(tmp_path / "m.fits", geom, random_mask(geom))
    before = read_mask(path).data.name
    os.utime(path, ns=(1, 1))
    assert read_mask(path).data.name != before
    assert read_mask(path).data.name != read_map(path).data.name


def test_threads_read_one_file(suffix: str, tmp_path: Path) -> None:
    geom = GEOMS["two axes"]
    values = random_mask(geom)
    path = str(write(tmp_path / f"m{suffix}", geom, values))
    start = threading.Barrier(8)

    def read(i: int) -> bool:
        start.wait()
        plane = (i % 2, i % 3)
        window = Window(i, 20, 2 * i, 31)
        return bool(np.array_equal(FileSource(path, None).read(window, plane), cut(values[plane], window)))

    zarr.dataset.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


def test_packed_file_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    geom = GEOMS["image"]
    path = write(tmp_path / "m.fits.gz", geom, random_mask(geom))
    opened: list[object] = []
    real = unpacked.spill
    monkeypatch.setattr(unpacked, "spill", lambda *a, **k: opened.append(a) or real(*a, **k))
    mask = read_mask(path)
    for _ in range(3):
        mask.compute()
    assert len(opened) == 1


# Sources


@pytest.mark.parametrize("order", ["<", ">"])
def test_kinds_of_sources(order: str, tmp_path: Path) -> None:
    if order == ">":
        pytest.importorskip("zarr", minversion="3.1", reason="zarr 3.0 stores no big-endian values")
    geom = GEOMS["cube"]
    values = np.arange(np.prod(geom.shape), dtype=f"{order}f4").reshape(geom.shape)
    path = tmp_path / "m.fits"
    fits.PrimaryHDU(values[0], geom.to_image().to_header()).writeto(path)
    wrap(values, geom, "v").to_dataset().to_zarr(tmp_path / "m.zarr", consolidated=False)
    window = Window(2, 7, 10, 60)
    lazily = xr.open_dataset(tmp_path / "m.zarr", engine="zarr", chunks=None, consolidated=False)["v"]
    chunked = da.from_array(values, chunks=(1, 13, 17))
    for data in (
        (values, geom),
        wrap(values, geom),
        (chunked, geom),
        wrap(chunked, geom),
        lazily,
        tmp_path / "m.zarr",
    ):
        source = as_source(data)
        assert as_source(source) is source
        assert source.open().geom == geom
        assert source.open().shape == geom.shape
        found = source.read(window, (1,))
        assert found.dtype.isnative
        assert np.array_equal(found, cut(values[1], window))
        assert pickle.loads(pickle.dumps(source)) == source
    assert as_source(path) == FileSource(str(path)) == as_source((path, None))
    assert as_source((str(path), 0)) == FileSource(str(path), 0)
    assert np.array_equal(as_source(path).read(window), cut(values[0], window))


def test_fingerprint_follows_values() -> None:
    geom = GEOMS["image"]
    values = np.zeros(geom.shape)
    one, same = ArraySource(values, geom), ArraySource(values.copy(), geom)
    assert one.fingerprint == same.fingerprint
    assert one == same
    assert hash(one) == hash(same)
    values[3, 4] = 1
    assert ArraySource(values, geom) != one
    assert ArraySource(np.zeros(geom.shape), geom.window(Window(1, 51, 0, 70))) != one


def test_file_source_is_saved_and_array_source_refuses() -> None:
    def nothing(_: object) -> None:
        return None

    source = FileSource("maps/a.fits", "SIG")
    assert decode(encode(source, nothing), nothing) == source
    with pytest.raises(MaskTypeError, match="write the data to a FITS or zarr file"):
        encode(ArraySource(np.zeros((1, 1)), GEOMS["one pixel"]), nothing)


@pytest.mark.parametrize("window", [Window(-1, 3, 0, 4), Window(0, 51, 0, 4), Window(0, 1, 60, 71)])
def test_windows_beyond_the_map(window: Window, tmp_path: Path) -> None:
    geom = GEOMS["image"]
    fits.PrimaryHDU(np.zeros(geom.shape, "f4"), geom.to_header()).writeto(tmp_path / "m.fits")
    for source in (ArraySource(np.zeros(geom.shape), geom), FileSource(str(tmp_path / "m.fits"))):
        with pytest.raises(MaskValueError, match="beyond the map"):
            source.read(window)
        with pytest.raises(MaskValueError, match="no plane"):
            source.read(Window(0, 1, 0, 1), (0,))


def test_what_is_no_map() -> None:
    for odd in (3, None, [1, 2], (1, 2, 3), np.zeros((3, 3))):
        with pytest.raises(MaskTypeError, match="a map must be a DataArray that carries its sky grid"):
            as_source(odd)
    with pytest.raises(MaskTypeError, match="WcsGeom"):
        as_source((np.zeros((3, 3)), "geom"))
    with pytest.raises(GeometryError, match="does not fit"):
        as_source((np.zeros((3, 3)), GEOMS["image"]))
    with pytest.raises(MaskTypeError, match="numbers or bool"):
        as_source((np.zeros((1, 1), complex), GEOMS["one pixel"]))
    with pytest.raises(GeometryError, match="carries no sky grid"):
        as_source(xr.DataArray(np.zeros((3, 3)), dims=("y", "x")))

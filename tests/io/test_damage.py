"""Files that are cut, flipped or in part lost give the right bits or an error that says so.

``MASKEXPR_DAMAGE=n`` flips n bits instead of 100, and cuts a third as often.
"""

from __future__ import annotations

import mmap
import os
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

import maskexpr as mx
from maskexpr.errors import FormatError, IncompleteMaskError, IntegrityError
from maskexpr.io.sources import FileSource
from maskexpr.pixels.window import Window

zarr = pytest.importorskip("zarr")

SUFFIXES = (".zarr", ".fits", ".fits.gz")
CHUNKS = (16, 24)
CUBE = mx.WcsGeom.create(
    skydir=(83.6, 22), npix=(61, 43), binsz=0.1, axes=[mx.Axis("energy", [1, 3, 10] * u.GeV, interp="log")]
)
MASK = mx.Region("icrs; circle(84.0, 22.5, 1.1)\nicrs; circle(82.0, 21.0, 0.5)") & mx.AxisRange(
    "energy", hi="3 GeV"
)
FLIPS = int(os.environ.get("MASKEXPR_DAMAGE", 100))


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    found: np.ndarray = MASK.compute(CUBE).values
    return found


def outcome(path: Path, values: np.ndarray) -> str:
    """The name of the error, or whether the bits and the grid are right."""
    try:
        array = mx.read_mask(path)
        found = array.compute(scheduler="synchronous").values
    except (IntegrityError, IncompleteMaskError) as err:
        return type(err).__name__
    return "right" if np.array_equal(found, values) and mx.geom_of(array) == CUBE else "wrong"


def damaged(product: Path, kind: str, number: int, into: Path) -> Iterator[tuple[Path, str]]:
    """Copies of a product, each with one bit flipped or one file cut somewhere."""
    dice = random.Random(f"{kind} {product.suffix}")
    files = [each for each in sorted([product, *product.rglob("*")]) if each.is_file()]
    sizes = [each.stat().st_size for each in files]
    for i in range(number):
        copy = into / f"{i}{product.name}"
        (shutil.copytree if product.is_dir() else shutil.copy2)(product, copy)
        # Every file as often as others, however small, or every byte.
        file = dice.choice(files) if i % 2 else dice.choices(files, sizes)[0]
        text, at = bytearray(file.read_bytes()), dice.randrange(file.stat().st_size)
        if kind == "flip":
            text[at] ^= 1 << dice.randrange(8)
        else:
            del text[at:]
        (copy / file.relative_to(product) if product.is_dir() else copy).write_bytes(text)
        yield copy, f"{kind} in {file.name} at {at}"
        shutil.rmtree(copy) if copy.is_dir() else copy.unlink()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["flip", "cut"])
def test_any_flip_and_any_cut(suffix: str, kind: str, values: np.ndarray, tmp_path: Path) -> None:
    product = MASK.write(tmp_path / f"m{suffix}", CUBE, chunks=CHUNKS)
    ends: Counter[str] = Counter()
    # What others would be warned of in damaged headers is not what this is about.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for copy, what in damaged(product, kind, FLIPS if kind == "flip" else FLIPS // 3, tmp_path):
            ends[outcome(copy, values)] += 1
            assert not ends["wrong"], what
    assert ends["right"] < 0.7 * ends.total()


@pytest.mark.parametrize("left", [0, 1, 10, 24])
def test_a_manifest_of_which_hardly_anything_is_left(left: int, tmp_path: Path) -> None:
    path = MASK.write(tmp_path / "m.zarr", CUBE, chunks=CHUNKS)
    os.truncate(path / "manifest/zarr.json", left)
    with pytest.raises(IntegrityError, match="not what was written"):
        mx.read_mask(path)


def test_a_product_whose_mask_has_another_name(tmp_path: Path) -> None:
    """By a flip in the root's copy of the metadata: an array without chunks would be all False."""
    path = MASK.write(tmp_path / "m.zarr", CUBE, chunks=CHUNKS)
    root = path / "zarr.json"
    text = root.read_text()
    assert text.count('"mask": {') == 1
    root.write_text(text.replace('"mask": {', '"masc": {'))
    for key in (None, "mask", "masc"):
        with pytest.raises(IntegrityError):
            mx.read_mask(path, hdu=key)


def test_every_window_of_a_product_with_a_lost_chunk(values: np.ndarray, tmp_path: Path) -> None:
    path = MASK.write(tmp_path / "m.zarr", CUBE, chunks=CHUNKS)
    ny, nx = CUBE.image_shape
    lost = [each for each in sorted((path / "mask/c").rglob("*")) if each.is_file()]
    assert len(lost) > 3
    for chunk in lost:
        kept = chunk.read_bytes()
        plane, row, column = (int(part) for part in chunk.parts[-3:])
        tile = Window(row * 16, min(ny, row * 16 + 16), column * 24, min(nx, column * 24 + 24))
        chunk.unlink()
        some = np.random.default_rng(row).integers(0, [[ny], [nx]], (2, 60))
        for (y0, y1), (x0, x1) in zip(*(np.sort(each.reshape(-1, 2)) for each in some), strict=True):
            window = Window(int(y0), int(y1) + 1, int(x0), int(x1) + 1)
            if window.intersect(tile).size:
                for reader in (FileSource(str(path)), FileSource(str(path), "mask")):
                    with pytest.raises(IntegrityError, match=rf"tile \({row}, {column}\)"):
                        reader.read(window, (plane,))
            else:
                found = FileSource(str(path)).read(window, (plane,))
                assert np.array_equal(found, values[plane, y0 : y1 + 1, x0 : x1 + 1])
        with pytest.raises(IntegrityError):
            mx.read_mask(path)[plane, tile.y0, tile.x0].compute()
        with pytest.raises(IntegrityError):
            mx.verify(path)
        # A chunk of another product, whole in itself, is none of this one.
        chunk.write_bytes(next(each.read_bytes() for each in lost if each != chunk and each.exists()))
        same = chunk.read_bytes() == kept
        if not same:
            with pytest.raises(IntegrityError):
                FileSource(str(path)).read(Window(tile.y0, tile.y0 + 1, tile.x0, tile.x0 + 1), (plane,))
        chunk.write_bytes(kept)
        assert mx.verify(path)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_a_window_beside_a_flip_in_the_same_tile(suffix: str, tmp_path: Path) -> None:
    path = MASK.write(tmp_path / "m.fits", CUBE, chunks=CHUNKS)
    start = FileSource(str(path)).stored().start  # type: ignore[attr-defined]
    inside = np.argwhere(MASK.compute(CUBE).values[0])[0]
    text = bytearray(path.read_bytes())
    at = start + int(inside[0]) * 61 + int(inside[1])
    assert text[at] == 1
    # Another pixel of the tile: no bit of what is asked for has changed.
    text[at] = 0
    path.write_bytes(text)
    row, column = int(inside[0]) // 16 * 16, int(inside[1]) // 24 * 24
    far = Window(row, row + 1, column, column + 1)
    for _ in range(2):
        with pytest.raises(IntegrityError, match="is not what the manifest says"):
            FileSource(str(path)).read(far, (0,))
    for wrong in (2, 3, 255):
        text[at] = wrong
        path.write_bytes(text)
        with pytest.raises(IntegrityError):
            mx.read_mask(path).compute()


CELLS = mx.HpxGeom(order=4)
PART = mx.HpxGeom.from_mask(mx.Region("icrs; circle(84, 22, 30)"), order=4)


@pytest.mark.parametrize(
    ("geom", "names"),
    [
        (CUBE.to_image(), (1, -3, "MASK", "mask")),
        (CUBE, (1, -4, "MASK")),
        (CELLS, (1, -3, "MASK", "CHANNEL1")),
        (PART, (1, -3, "MASK", "VALUE")),
        (PART.to_cube(CUBE.axes), (1, -4, "VALUE")),
    ],
)
def test_a_flip_is_seen_however_the_map_is_named(
    geom: mx.Grid, names: tuple[str | int, ...], tmp_path: Path
) -> None:
    path = mx.Region("icrs; circle(84.0, 22.5, 2)").write(tmp_path / "m.fits", geom)
    text = bytearray(path.read_bytes())
    with fits.open(path) as hdus:
        start, rows = hdus[1].fileinfo()["datLoc"], hdus[1].header["NAXIS2"]
        width = hdus[1].header["NAXIS1"]
    # The last byte of a row is that of a pixel.
    text[start + rows // 2 * width + width - 1] ^= 1
    path.write_bytes(text)
    for name in names:
        for read in (
            lambda name: mx.read_mask(path, hdu=name).compute(),
            lambda name: mx.read_map(path, hdu=name).compute(),
            lambda name: mx.Raster((path, name)).compute(geom),
            lambda name: mx.Threshold((path, name), ">", 0).compute(geom),
        ):
            with pytest.raises(IntegrityError, match="is not what the manifest says"):
                read(name)


def test_columns_that_are_no_map_of_their_own(tmp_path: Path) -> None:
    axis = mx.Axis("energy", [1, 3, 10] * u.GeV)
    cube = mx.AllSky().write(tmp_path / "c.fits", CELLS.to_cube([axis]))
    with pytest.raises(FormatError, match=r"one of 2 planes of a cube.*isel\(energy=\.\.\.\)"):
        mx.read_mask(cube, hdu="CHANNEL2")
    listed = mx.AllSky().write(tmp_path / "l.fits", PART.to_cube([axis]))
    with pytest.raises(FormatError, match="no column 'CHANNEL' of values; there are VALUE"):
        mx.read_map(listed, hdu="CHANNEL")


def test_files_of_others_are_read_as_they_are(values: np.ndarray, tmp_path: Path) -> None:
    array = MASK.compute(CUBE)
    array.to_dataset(name="mask").to_zarr(tmp_path / "a.zarr", consolidated=False)
    found = mx.read_mask(tmp_path / "a.zarr")
    assert np.array_equal(found, values)
    assert not mx.info(tmp_path / "a.zarr").is_product
    with pytest.raises(FormatError, match="no manifest"):
        mx.verify(tmp_path / "a.zarr")
    assert mx.verify(tmp_path / "a.zarr", against=MASK).n_selected == values.sum()
    with pytest.raises(IntegrityError, match="are not those of"):
        mx.verify(tmp_path / "a.zarr", against=~MASK)


CUT = [
    ("plane.fits", mx.WcsGeom.create(npix=(61, 43), binsz=0.1), {}),
    ("implicit.fits", mx.HpxGeom(5), {}),
    ("ring.fits", mx.HpxGeom(5), {"ordering": "ring"}),
    ("listed.fits", mx.HpxGeom(5, cells=np.arange(40, 900)), {}),
]


@pytest.mark.parametrize(("name", "geom", "how"), CUT, ids=[each[0] for each in CUT])
def test_a_file_is_cut_in_place_while_it_is_read(
    name: str,
    geom: mx.WcsGeom | mx.HpxGeom,
    how: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = (~mx.Region("icrs; circle(0, 0, 3)")).write(tmp_path / name, geom, **how)
    stored = FileSource(str(path)).stored()
    every = Window(0, geom.plane_shape[0], 0, geom.plane_shape[1])
    # Who touches a page that was cut off is killed: nothing is mapped that others may cut.
    monkeypatch.setattr(mmap, "mmap", None)
    monkeypatch.setattr(np, "memmap", None)
    assert stored.read_array((), every).any()
    size = path.stat().st_size
    os.truncate(path, size // 3)
    with pytest.raises(IncompleteMaskError, match="cut short while it was read"):
        stored.read_array((), every)

"""HEALPix masks in files: written, read back, checked; tables as others write them, made here with astropy
from the numbers of cells, and cards that make no sense.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

import maskexpr as mx
from maskexpr import HpxGeom
from maskexpr.errors import GeometryError, IntegrityError, MaskError, MaskTypeError, MaskValueError
from maskexpr.grid.healpix.rings import from_ring, to_ring
from maskexpr.grid.healpix.staircase import cells_in
from maskexpr.io.cells import read_cells
from maskexpr.pixels.window import Window
from maskexpr.verbs.sink import Sink

ORDER = 4
NUMBER = 12 << 2 * ORDER
ENERGY = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)
WHOLE = HpxGeom(order=ORDER, frame="galactic")
PART = HpxGeom(order=ORDER, frame="galactic", cells=[[30, 700], [1500, 1525], [2250, 2251], [2950, 3072]])
GRIDS = {"whole": WHOLE, "part": PART, "cube": WHOLE.to_cube([ENERGY]), "part cube": PART.to_cube([ENERGY])}
DISC = mx.Region("galactic;circle(100,40,30)")
MASK = DISC | mx.AxisRange("energy", "1 GeV", "9 GeV") & mx.Region("galactic;circle(0,0,50)")


def mask_of(geom: HpxGeom) -> mx.Mask:
    return MASK if geom.axes else DISC


WRITTEN: list[tuple[str, dict[str, Any]]] = [
    ("m.fits", {}),
    ("m.fits.gz", {}),
    ("m.fits", {"ordering": "ring"}),
    ("m.zarr", {}),
    ("m.hsp", {}),
]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("name", "options"), WRITTEN)
def test_what_is_written_is_read(name: str, options: dict[str, Any], grid: str, tmp_path: Path) -> None:
    geom = GRIDS[grid]
    mask = mask_of(geom)
    path = tmp_path / name
    if name.endswith(".hsp") and geom.axes:
        with pytest.raises(GeometryError, match="no axes"):
            mask.write(path, geom)
        return
    want = mask.compute(geom).values
    assert 0 < want.sum() < want.size
    assert mask.write(path, geom, chunks=1 if geom is PART else "auto", **options) == path
    read = mx.read_mask(path)
    assert read.dtype == bool
    assert mx.geom_of(read) == geom
    np.testing.assert_array_equal(read.values, want)
    np.testing.assert_array_equal(read[..., 333:340].values, want[..., 333:340])
    about = mx.info(path)
    assert about.n_selected == want.sum()
    assert about.is_product
    assert mx.loads(str(about.expression)) == mask
    assert mx.verify(path, against=mask)
    with pytest.raises(IntegrityError, match="not those of"):
        mx.verify(path, against=~mask)


@pytest.mark.parametrize(("name", "options"), WRITTEN)
def test_a_file_is_a_leaf(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    for geom in (WHOLE, PART):
        path = DISC.write(tmp_path / name, geom, overwrite=True, **options)
        leaf = mx.Raster(str(path))
        want = DISC.compute(WHOLE).values
        if geom is PART:
            want = want & np.isin(np.arange(NUMBER), PART.cells.ids(0, PART.cells.number))
        np.testing.assert_array_equal(leaf.compute(WHOLE).values, want)
        np.testing.assert_array_equal(leaf.on(WHOLE, chunks=1).values, want)


@pytest.mark.parametrize(("name", "options"), WRITTEN)
def test_a_flipped_bit_is_found(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    path = DISC.write(tmp_path / name, WHOLE, **options)
    want = DISC.compute(WHOLE).values
    whole = path / "mask" / "c" / "0" if path.is_dir() else path
    text = whole.read_bytes()
    found = 0
    for at in range(0, len(text), max(1, len(text) // 40)):
        damaged = bytearray(text)
        damaged[at] ^= 4
        whole.write_bytes(damaged)
        try:
            values = mx.read_mask(path).values
        except MaskError:
            found += 1
            continue
        np.testing.assert_array_equal(values, want)
    assert found
    whole.write_bytes(text)
    assert mx.verify(path)


def test_small_orders_and_other_frames(tmp_path: Path) -> None:
    frames = ("icrs", "fk5", "galactic", "barycentricmeanecliptic")
    for order in (0, 1, 2):
        for frame in frames[order::2]:
            geom = HpxGeom(order=order, frame=frame)
            for name, options in WRITTEN:
                path = DISC.write(tmp_path / name, geom, overwrite=True, **options)
                read = mx.read_mask(path)
                assert mx.geom_of(read) == geom
                np.testing.assert_array_equal(read.values, DISC.compute(geom).values)
    geom = HpxGeom(order=1, frame="supergalactic")
    with pytest.raises(GeometryError, match=r"write a \.zarr store"):
        DISC.write(tmp_path / "a.fits", geom)
    np.testing.assert_array_equal(
        mx.read_mask(DISC.write(tmp_path / "a.zarr", geom)).values, DISC.compute(geom).values
    )


def test_empty_and_full(tmp_path: Path) -> None:
    for mask in (mx.NoSky(), mx.AllSky()):
        for geom in (WHOLE, PART):
            for name, options in WRITTEN:
                path = mask.write(tmp_path / name, geom, overwrite=True, **options)
                assert (mx.read_mask(path).values == (mask == mx.AllSky())).all()
                assert mx.verify(path, against=mask)


def test_what_does_not_apply_is_refused(tmp_path: Path) -> None:
    plane = mx.WcsGeom.create(npix=(4, 4), binsz=1)
    for path, geom, options, error in (
        ("a.fits", WHOLE, {"ordering": "spiral"}, MaskValueError),
        ("a.zarr", WHOLE, {"ordering": "ring"}, MaskError),
        ("a.hsp", WHOLE, {"ordering": "ring"}, MaskError),
        ("a.fits", plane, {"ordering": "ring"}, MaskError),
        ("a.hsp", plane, {}, GeometryError),
    ):
        with pytest.raises(error):
            DISC.write(tmp_path / path, geom, **options)
    assert not list(tmp_path.iterdir())
    with pytest.raises(MaskTypeError):
        DISC.write(tmp_path / "a.fits", "a grid")


def test_a_run_that_was_stopped_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    geom = HpxGeom(order=7)
    mask = mx.Region("icrs;circle(10,30,80)")
    plain = mask.write(tmp_path / "plain.fits", geom).read_bytes()
    done, real = [], Sink.take

    def stop(*args: Any) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(args)
        return real(*args)

    monkeypatch.setattr(Sink, "take", stop)
    path = tmp_path / "m.fits"
    with pytest.raises(KeyboardInterrupt):
        mask.write(path, geom, resume=True)
    first = {args[-1] for args in done}
    assert not path.exists()
    done.clear()
    monkeypatch.setattr(Sink, "take", lambda *args: done.append(args) or real(*args))
    mask.write(path, geom, resume=True)
    assert done
    assert not first & {args[-1] for args in done}
    assert path.read_bytes() == plain


def test_stores_follow_the_convention(tmp_path: Path) -> None:
    for geom in (WHOLE, PART):
        path = DISC.write(tmp_path / "m.zarr", geom, overwrite=True)
        root = json.loads((path / "zarr.json").read_text())["attributes"]
        assert [each["name"] for each in root["zarr_conventions"]] == ["dggs"]
        grid = root["dggs"]
        assert (grid["name"], grid["refinement_level"]) == ("healpix", ORDER)
        assert (grid["indexing_scheme"], grid["spatial_dimension"]) == ("nested", "cells")
        assert ("coordinate" in grid) == ("compression" in grid) == (geom is PART)
        assert (path / "cell_ids").exists() == (geom is PART)
        if geom is PART:
            about = json.loads((path / "cell_ids" / "zarr.json").read_text())["attributes"]
            # xdggs 0.6 stumbles over any other attribute.
            assert about == {"grid_name": "healpix", "level": ORDER, "indexing_scheme": "nested"}


# ---- tables as others write them

VALUES = np.random.default_rng(3).integers(0, 2, NUMBER).astype(np.uint8)
IDS = np.arange(NUMBER)
CARDS = {"PIXTYPE": "HEALPIX", "ORDERING": "NESTED", "NSIDE": 1 << ORDER, "COORDSYS": "G"}


def table(path: Path, columns: dict[str, tuple[str, Any]], **cards: Any) -> Path:
    made = fits.BinTableHDU.from_columns(
        [fits.Column(name, kind, array=values) for name, (kind, values) in columns.items()], name="MAP"
    )
    for key, value in {**CARDS, **cards}.items():
        if value is not None:
            made.header[key] = value
    made.writeto(path, overwrite=True)
    return path


@pytest.mark.parametrize("kind", ["B", "I", "J", "E", "D", "L"])
@pytest.mark.parametrize("repeat", [1, 1024])
@pytest.mark.parametrize("ring", [False, True])
def test_implicit(kind: str, repeat: int, ring: bool, tmp_path: Path) -> None:
    values = VALUES.astype(bool) if kind == "L" else VALUES
    if ring:
        values = np.empty_like(values)
        values[to_ring(ORDER, IDS)] = VALUES
    rows = values.reshape(-1, repeat) if repeat > 1 else values
    path = table(tmp_path / "m.fits", {"T": (f"{repeat}{kind}", rows)}, ORDERING="RING" if ring else "NESTED")
    read = mx.read_mask(path)
    assert mx.geom_of(read) == WHOLE
    np.testing.assert_array_equal(read.values, VALUES)
    np.testing.assert_array_equal(read[1000:1030].values, VALUES[1000:1030])


@pytest.mark.parametrize("ring", [False, True])
def test_explicit(ring: bool, tmp_path: Path) -> None:
    ids = PART.cells.ids(0, PART.cells.number)
    shuffled = np.random.default_rng(1).permutation(ids)
    numbers = to_ring(ORDER, shuffled) if ring else shuffled
    columns = {"PIXEL": ("J", numbers), "SIGNAL": ("E", VALUES[shuffled])}
    order = {"ORDERING": "RING" if ring else "NESTED"}
    for scheme in ({"INDXSCHM": "EXPLICIT"}, {"OBJECT": "PARTIAL"}, {}):
        read = mx.read_mask(table(tmp_path / "m.fits", columns, **order, **scheme))
        assert mx.geom_of(read) == PART
        np.testing.assert_array_equal(read.values, VALUES[ids])


def test_columns(tmp_path: Path) -> None:
    columns = {"GAL040": ("I", VALUES), "GAL060": ("I", 1 - VALUES)}
    path = table(tmp_path / "m.fits", columns)
    np.testing.assert_array_equal(mx.read_mask(path, "GAL060").values, 1 - VALUES)
    np.testing.assert_array_equal(mx.Raster((path, "GAL040")).compute(WHOLE).values, VALUES)
    with pytest.raises(MaskError, match=r"GAL040, GAL060.*name one"):
        mx.read_mask(path)
    with pytest.raises(MaskError, match="GAL080"):
        mx.read_mask(path, "GAL080")


def test_what_has_no_value(tmp_path: Path) -> None:
    values = VALUES.astype(np.float32)
    values[:5] = -1.6375e30
    path = table(tmp_path / "m.fits", {"T": ("E", values)})
    read = mx.read_map(path)
    assert np.isnan(read.values[:5]).all()
    np.testing.assert_array_equal(read.values[5:], VALUES[5:])
    assert mx.Threshold(path, ">", 0.5, nan=True).compute(WHOLE).values[:5].all()
    with pytest.raises(MaskError):
        mx.read_mask(path).load()


def test_a_frame_that_is_not_stated(tmp_path: Path) -> None:
    path = table(tmp_path / "m.fits", {"T": ("B", VALUES)}, COORDSYS=None)
    with pytest.raises(GeometryError, match="COORDSYS"):
        mx.read_mask(path)
    for frame in ("icrs", "galactic"):
        read = mx.read_mask(path, frame=frame)
        assert mx.geom_of(read) == HpxGeom(order=ORDER, frame=frame)
        np.testing.assert_array_equal(read.values, VALUES)
    path = table(tmp_path / "m.fits", {"T": ("B", VALUES)})
    assert mx.geom_of(mx.read_map(path, frame="galactic")) == WHOLE
    with pytest.raises(GeometryError, match="'galactic', not in 'icrs'"):
        mx.read_map(path, frame="icrs")


@pytest.mark.parametrize(
    ("cards", "word"),
    [
        ({"ORDERING": "SPIRAL"}, "ORDERING"),
        ({"ORDERING": None}, "ORDERING"),
        ({"NSIDE": 12}, "NSIDE"),
        ({"NSIDE": 0}, "NSIDE"),
        ({"NSIDE": -16}, "NSIDE"),
        ({"NSIDE": 16.5}, "NSIDE"),
        ({"NSIDE": "sixteen"}, "NSIDE"),
        ({"NSIDE": True}, "NSIDE"),
        ({"NSIDE": 1 << 30}, "NSIDE"),
        ({"NSIDE": 8}, "NSIDE"),
        ({"NSIDE": None}, "NSIDE"),
        ({"ORDER": 3}, "ORDER"),
        ({"ORDER": 99}, "ORDER"),
        ({"COORDSYS": "X"}, "COORDSYS"),
        ({"INDXSCHM": "LOCAL"}, "INDXSCHM"),
        ({"INDXSCHM": "SOME"}, "INDXSCHM"),
        ({"INDXSCHM": "IMPLICIT", "OBJECT": "PARTIAL"}, "OBJECT"),
        ({"INDXSCHM": "EXPLICIT"}, "PIXEL or PIX; that is called 'T'"),
        ({"OBJECT": "PARTIAL"}, "PIXEL or PIX; that is called 'T'"),
        ({"PIXTYPE": "CAR"}, "PIXTYPE = 'CAR' is not HEALPIX"),
        ({"LASTPIX": NUMBER}, "LASTPIX"),
        ({"LASTPIX": NUMBER - 2}, "LASTPIX"),
        ({"LASTPIX": -1}, "LASTPIX"),
        ({"LASTPIX": "all"}, "LASTPIX"),
        ({"FIRSTPIX": 1}, "FIRSTPIX"),
        ({"FIRSTPIX": 1, "LASTPIX": NUMBER}, "FIRSTPIX"),
        ({"FIRSTPIX": -1, "LASTPIX": NUMBER - 1}, "FIRSTPIX"),
        ({"HIERARCH COORDTYPE": "C"}, "COORDSYS = 'G' and COORDTYPE = 'C' are different frames"),
        ({"SKYCOORD": "Ecliptic"}, "SKYCOORD"),
    ],
)
def test_cards_that_make_no_sense(cards: dict[str, Any], word: str, tmp_path: Path) -> None:
    path = table(tmp_path / "m.fits", {"T": ("B", VALUES)}, **cards)
    with pytest.raises(MaskError, match=word):
        mx.read_mask(path)


SKY = {"FIRSTPIX": 0, "LASTPIX": NUMBER - 1}


@pytest.mark.parametrize(
    "cards",
    [
        # healpy; WMAP, which has two columns; Planck; the science tools of Fermi.
        {**SKY, "INDXSCHM": "IMPLICIT", "OBJECT": "FULLSKY"},
        {**SKY, "OBJECT": "ALL-SKY", "COORDSYS": None, "SKYCOORD": "Galactic", "RESOLUTN": ORDER},
        {**SKY, "INDXSCHM": "IMPLICIT", "OBJECT": "FULLSKY", "GRAIN": 0, "NPIX": 77, "COORDSYS": "GALACTIC"},
        {**SKY, "COORDSYS": "GAL", "ORDER": ORDER, "HPX_CONV": "FGST-CCUBE", "PIXTYPE": "HEALPIX"},
        {"PIXTYPE": None, "GRAIN": 1, "HIERARCH COORDTYPE": "GAL"},
    ],
)
def test_cards_of_other_producers(cards: dict[str, Any], tmp_path: Path) -> None:
    read = mx.read_mask(table(tmp_path / "m.fits", {"T": ("B", VALUES)}, **cards))
    assert mx.geom_of(read) == WHOLE
    np.testing.assert_array_equal(read.values, VALUES)


def test_a_frame_in_the_primary_header(tmp_path: Path) -> None:
    """As in files of WMAP; of other primary headers nothing is taken."""
    path = table(tmp_path / "m.fits", {"T": ("B", VALUES)}, COORDSYS=None)
    for cards, known in (({"SKYCOORD": "Galactic"}, False), ({"PIXTYPE": "HEALPIX"}, True)):
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.update(cards)
        if known:
            assert mx.geom_of(mx.read_mask(path)) == WHOLE
        else:
            with pytest.raises(GeometryError, match="COORDSYS"):
                mx.read_mask(path)


@pytest.mark.parametrize("name", ["PIXEL", "PIX", "pixel", "HEALPIX", "hpix", "IPIX"])
@pytest.mark.parametrize("cards", [{}, SKY, {"OBS_NPIX": 4}, {"FIRSTPIX": 3, "LASTPIX": 9}, {"GRAIN": 1}])
@pytest.mark.parametrize("ring", [False, True])
def test_lists_of_other_producers(name: str, cards: dict[str, Any], ring: bool, tmp_path: Path) -> None:
    numbers = np.array([9, 3, 5, 4])
    ids = from_ring(ORDER, numbers) if ring else numbers
    columns = {name: ("J", numbers), "SIGNAL": ("B", VALUES[ids])}
    order = {"ORDERING": "RING" if ring else "NESTED", "INDXSCHM": "EXPLICIT"}
    read = mx.read_mask(table(tmp_path / "m.fits", columns, **order, **cards))
    assert mx.geom_of(read) == HpxGeom(order=ORDER, frame="galactic", cells=np.sort(ids))
    np.testing.assert_array_equal(read.values, VALUES[np.sort(ids)])


@pytest.mark.parametrize(
    ("cards", "word"),
    [
        ({"OBS_NPIX": 5}, "OBS_NPIX = 5, and 4 cells"),
        ({"LASTPIX": 8}, "row 0: cell 9 is not from FIRSTPIX = 0 to LASTPIX = 8"),
        ({"FIRSTPIX": 4}, "row 1: cell 3"),
        ({"LASTPIX": NUMBER}, "LASTPIX"),
        ({"FIRSTPIX": 7, "LASTPIX": 6}, "LASTPIX"),
        ({"OBJECT": "FULLSKY"}, "OBJECT"),
        ({"INDXSCHM": "IMPLICIT"}, "PIXEL"),
    ],
)
def test_lists_that_make_no_sense(cards: dict[str, Any], word: str, tmp_path: Path) -> None:
    columns = {"PIXEL": ("J", np.array([9, 3, 5, 4])), "SIGNAL": ("B", np.ones(4))}
    path = table(tmp_path / "m.fits", columns, **{"INDXSCHM": "EXPLICIT", **cards})
    with pytest.raises(MaskError, match=word):
        mx.read_mask(path)


@pytest.mark.parametrize("repeats", [(1, 2), (2, 1), (2, 2)])
def test_several_values_of_a_listed_cell_are_refused(repeats: tuple[int, int], tmp_path: Path) -> None:
    """Of these only the first would be read; with a GRAIN they are of the cells that follow."""
    numbers, values = (np.arange(4 * repeat).reshape(4, -1) for repeat in repeats)
    columns = {"PIXEL": (f"{repeats[0]}J", numbers), "SIGNAL": (f"{repeats[1]}B", values)}
    with pytest.raises(MaskError, match="several values"):
        mx.read_mask(table(tmp_path / "m.fits", columns, INDXSCHM="EXPLICIT", GRAIN=2))


@pytest.mark.parametrize("ids", [[3, NUMBER], [-1, 4], [5, 5], []])
def test_cells_that_make_no_sense(ids: list[int], tmp_path: Path) -> None:
    columns = {"PIXEL": ("J", np.array(ids)), "T": ("B", np.ones(len(ids)))}
    with pytest.raises(MaskError):
        mx.read_mask(table(tmp_path / "m.fits", columns, INDXSCHM="EXPLICIT"))


# ---- HealSparse


def healsparse(
    path: Path, values: np.ndarray, coarse: list[int], levels: int, hdu: Any = None, **cards: Any
) -> Path:
    """A file as its specification says, from the values of all cells and the coarse ones that it has."""
    side = 1 << 2 * levels
    offsets = -side * np.arange(12 << 2 * (ORDER - levels))
    blocks = [np.full(side, cards.get("SENTINEL", 0), values.dtype)]
    for place, number in enumerate(coarse, 1):
        offsets[number] += place * side
        blocks.append(values[number * side : (number + 1) * side])
    sparse = np.concatenate(blocks)
    if cards.get("BITPACK"):
        sparse = np.packbits(sparse.astype(bool), bitorder="little")
    first = fits.PrimaryHDU(offsets.astype(np.int64))
    first.header.update({"EXTNAME": "COV", "PIXTYPE": "HEALSPARSE", "NSIDE": 1 << (ORDER - levels)})
    second = (hdu or fits.ImageHDU)(sparse)
    second.header.update({"EXTNAME": "SPARSE", "PIXTYPE": "HEALSPARSE", "NSIDE": 1 << ORDER, **cards})
    fits.HDUList([first, second]).writeto(path, overwrite=True)
    return path


def tiled(data: np.ndarray) -> fits.CompImageHDU:
    return fits.CompImageHDU(data, compression_type="GZIP_2", tile_shape=(min(64, len(data)),))


@pytest.mark.parametrize("hdu", [None, tiled])
@pytest.mark.parametrize("cards", [{"SENTINEL": False}, {"SENTINEL": False, "BITPACK": True}])
def test_boolean_healsparse(cards: dict[str, Any], hdu: Any, tmp_path: Path) -> None:
    coarse = [7, 2, 150]
    path = healsparse(tmp_path / "m.hsp", VALUES, coarse, 2, hdu, **cards)
    read = mx.read_mask(path)
    geom = HpxGeom(order=ORDER, cells=np.concatenate([np.arange(16 * n, 16 * n + 16) for n in coarse]))
    assert mx.geom_of(read) == geom
    np.testing.assert_array_equal(read.values, VALUES[geom.cells.ids(0, geom.cells.number)])
    assert mx.geom_of(mx.read_mask(path, frame="galactic")).frame == "galactic"
    want = np.where(np.isin(IDS >> 4, coarse), VALUES, 0)
    np.testing.assert_array_equal(mx.Raster(str(path)).compute(HpxGeom(order=ORDER)).values, want)


def test_numbers_of_healsparse(tmp_path: Path) -> None:
    lost = -(2**15)
    values = np.where(IDS % 7 == 0, lost, IDS).astype(np.int16)
    read = mx.read_map(healsparse(tmp_path / "m.hsp", values, [1, 4], 3, SENTINEL=lost))
    ids = np.concatenate([np.arange(64, 128), np.arange(256, 320)])
    np.testing.assert_array_equal(np.isnan(read.values), ids % 7 == 0)
    np.testing.assert_array_equal(read.values[ids % 7 > 0], ids[ids % 7 > 0])
    values = np.where(IDS % 7 == 0, -1.6375e30, IDS).astype(np.float32)
    read = mx.read_map(healsparse(tmp_path / "m.hsp", values, [1, 4], 3, SENTINEL=-1.6375e30))
    np.testing.assert_array_equal(np.isnan(read.values), ids % 7 == 0)


def test_healsparse_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "m.hsp"
    for cards in ({"WIDEMASK": True, "WWIDTH": 2}, {"NSIDE": 17}, {"NSIDE": 2}):
        with pytest.raises(MaskError):
            mx.read_mask(healsparse(path, VALUES, [1], 2, SENTINEL=False, **cards))
    with pytest.raises(MaskError, match="covers nothing"):
        mx.read_mask(healsparse(path, VALUES, [], 2, SENTINEL=False))
    healsparse(path, VALUES, [1, 2], 2, SENTINEL=False)
    with fits.open(path, mode="update") as hdus:
        hdus[0].data[1] += 1 << 20
    with pytest.raises(MaskError, match="beyond"):
        mx.read_mask(path)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["NSIDE"] = 8
    with pytest.raises(MaskError):
        mx.read_mask(path)


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("part", [False, True])
def test_windows_hold_the_cells_of_their_pixels(order: int, part: bool) -> None:
    """Squares of whole faces too: these are not in nested order."""
    number = 12 * 4**order
    ids = np.sort(np.random.default_rng(order).choice(number, number // 2, replace=False))
    geom = mx.HpxGeom(order=order, cells=ids if part else None)
    array = ids if part else np.arange(number)
    whole, sides = geom.image_shape[0], [1 << i for i in range(order + 3)]
    windows = [
        Window(y, y + side, x, x + side)
        for side in sides
        for y in range(0, whole - side + 1, max(1, side // 2))
        for x in range(0, whole - side + 1, max(1, side // 2))
    ]
    for window in windows:
        want = cells_in(order, window)
        held = geom.cells.holds(want)
        got = read_cells(geom, window, lambda first, end: array[first:end])
        assert np.array_equal(got[held], want[held]), window


# ---- stores as xdggs writes them

ABOUT = {"grid_name": "healpix", "level": ORDER, "indexing_scheme": "nested"}
CONVENTION = {"name": "healpix", "refinement_level": ORDER, "indexing_scheme": "nested"}


def store(path: Path, ids: Any, about: dict[str, Any], group: dict[str, Any] | None, name: str) -> Path:
    coords = {} if ids is None else {name: ("cells", ids, about)}
    values = VALUES if ids is None else VALUES[ids]
    attrs = {} if group is None else {"dggs": group}
    made = xr.Dataset({"seen": ("cells", values.astype(bool))}, coords=coords, attrs=attrs)
    made.to_zarr(path, mode="w", consolidated=False)
    return path


@pytest.mark.parametrize(
    ("geom", "about", "group", "name"),
    [
        (PART, ABOUT, None, "cell_ids"),
        (PART, {**ABOUT, "ellipsoid": "sphere"}, None, "cell_ids"),
        (PART, {}, {**CONVENTION, "coordinate": "cell_ids", "compression": "none"}, "cell_ids"),
        (PART, {}, {**CONVENTION, "coordinate": "numbers", "spatial_dimension": "cells"}, "numbers"),
        (WHOLE, {}, CONVENTION, "cell_ids"),
    ],
)
def test_stores_of_others(geom: HpxGeom, about: Any, group: Any, name: str, tmp_path: Path) -> None:
    """They say which cells these are, and in no frame."""
    ids = None if geom is WHOLE else geom.cells.ids(0, geom.cells.number)
    path = store(tmp_path / "m.zarr", ids, about, group, name)
    with pytest.raises(GeometryError, match=r'frame="galactic"'):
        mx.read_mask(path)
    read = mx.read_mask(path, frame="galactic")
    assert mx.geom_of(read) == geom
    want = VALUES if ids is None else VALUES[ids]
    np.testing.assert_array_equal(read.values, want)
    np.testing.assert_array_equal(read[83:555].values, want[83:555])


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"grid_name": "h3"}, "nested ones of HEALPix"),
        ({"indexing_scheme": "ring"}, "'ring'"),
        ({"indexing_scheme": "zuniq"}, "'zuniq'"),
        ({"ellipsoid": "WGS84"}, "WGS84"),
        ({"level": 30}, "0 to 29"),
        ({"level": "four"}, "0 to 29"),
        ({"level": 1}, "47"),
    ],
)
def test_stores_of_others_that_make_no_sense(about: dict[str, Any], says: str, tmp_path: Path) -> None:
    path = store(tmp_path / "m.zarr", np.arange(9, 99), {**ABOUT, **about}, None, "cell_ids")
    with pytest.raises(MaskError, match=says):
        mx.read_mask(path, frame="icrs")
    path = store(tmp_path / "m.zarr", np.arange(99, 9, -1), ABOUT, None, "cell_ids")
    with pytest.raises(GeometryError, match="ascending"):
        mx.read_mask(path, frame="icrs")

"""Files of MOCs: there and back, and what is refused."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import maskexpr as mx
from maskexpr.core.errors import (
    FileMissingError,
    FormatError,
    LimitError,
    MaskError,
    MaskValueError,
    OutputExistsError,
)
from maskexpr.verbs.exchange import read_any

WAYS = [("m.fits", "nuniq"), ("m.fits", "range"), ("m.json", "nuniq"), ("m.txt", "nuniq")]
DEEP = 12 << 58


def some() -> dict[str, mx.Moc]:
    rng = np.random.default_rng(5)
    return {
        "empty": mx.Moc([], order=7),
        "whole": mx.Moc([[0, 12]], order=0),
        "one": mx.Moc([[DEEP - 1, DEEP]], order=29),
        "many": mx.Moc(np.stack([a := rng.integers(0, 12 << 16, 500), a + 40], axis=1).clip(0, 12 << 16), 8),
        "coarse": mx.Moc([[64, 128]], order=4),
    }


@pytest.mark.parametrize(("name", "packing"), WAYS)
@pytest.mark.parametrize("which", some())
def test_there_and_back(which: str, name: str, packing: str, tmp_path: Path) -> None:
    moc = some()[which]
    assert moc.write(tmp_path / name, packing=packing) == tmp_path / name
    back = mx.Moc.read(tmp_path / name)
    assert back == moc
    assert back.order == moc.order
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_text_of_other_versions(tmp_path: Path) -> None:
    expected = mx.Moc([[16, 48], [64, 80], [48, 60], [84, 88], [92, 96], [100, 104]], order=3)
    for text in (
        "1/1 2 4 2/12-14 21 23 25 3/",
        "s1/1 2 4\n2/12-14\r\n21 23 25 3/\n",
        "1/1,2,4 2/12-14,21,23,25 3/",
        "1/ 4 2 1 1 2/14-14,25 21-21 23 1/4 2/12-13 3/",
        '{"1": [4, 2, 1], "2": [12, 13, 14, 21, 23, 25], "3": []}',
        '{"s": {"1": [1, 2, 4], "2": [12, 13, 14, 14, 21, 23, 25], "3": []}}',
    ):
        path = tmp_path / "moc.txt"
        path.write_text(text)
        assert mx.Moc.read(path) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no ASCII"),
        ("hello", "no ASCII"),
        ("5", "no ASCII"),
        ("3 / / 4", "no ASCII"),
        ("3/1 x/2", "no ASCII"),
        ("30/1", "deeper"),
        ("99999999999999999999/1", "no ASCII"),
        ("3/768", "0 to 767"),
        ("3/5-2", "before they begin"),
        ("3/1-2-3", "whole number"),
        ("3/-1", "whole number"),
        ("3/1e3", "whole number"),
        ("3/1_0", "whole number"),
        ("29/9999999999999999999999", "far too large"),
        ("3/\N{ARABIC-INDIC DIGIT ONE}", "beyond ASCII"),
        ("t61/1 s29/0", "time"),
        ('{"3": [1], "3": [2]}', "stands twice"),
        ('{"s": {"3": [1], "3": [2]}}', "stands twice"),
        ('{"3": [1.0]}', "whole numbers"),
        ('{"3": [true]}', "whole numbers"),
        ('{"3": ["1"]}', "whole numbers"),
        ('{"3": 1}', "whole numbers"),
        ('{"03": [1]}', "whole number"),
        ('{"3.0": [1]}', "whole number"),
        ('{"-1": [1]}', "whole number"),
        ('{"30": [1]}', "deeper"),
        ('{"3": [768]}', "0 to 767"),
        ('{"3": [-1]}', "0 to 767"),
        ('{"29": [1' + "0" * 5000 + "]}", "MOC"),
        ('{"29": [100000000000000000000]}', "far too large"),
        ("{}", "no order"),
        ('{"t": {"61": [1]}}', "time"),
        ('[{"t": {"61": [0]}, "s": {"29": [0]}}]', "time"),
        ("{" * 20000, "brackets"),
        ("[" * 200000, "brackets"),
        ('{"3": [1]', "not JSON"),
    ],
)
def test_hostile_text(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "moc"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((FormatError, LimitError), match=says) as caught:
        mx.Moc.read(path)
    assert len(str(caught.value)) < 400 + len(str(path))


def table(values: object, form: str = "1K", **cards: object) -> fits.HDUList:
    column = fits.Column(name="UNIQ", format=form, array=np.asarray(values))
    made = fits.BinTableHDU.from_columns([column])
    header = {"ORDERING": "NUNIQ", "COORDSYS": "C", "MOCDIM": "SPACE", "MOCORD_S": 3, **cards}
    for key, value in header.items():
        if value is not None:
            made.header[key] = value
    return fits.HDUList([fits.PrimaryHDU(), made])


def test_cells_of_older_files(tmp_path: Path) -> None:
    """Narrow numbers, in any order and overlapping, the order in quotes, no dimension, no frame."""
    expected = mx.Moc([[0, 64], [80, 96]], order=3)
    first = 4 * 4**2
    cells = [first + 22, 4, first + 20, first + 21, first + 23, first + 1]
    for each in (
        table(cells, "J", MOCDIM=None, COORDSYS=None, MOCORD_S=None, MOCORDER="3"),
        table(cells, "I", MOCVERS="1.1", PIXTYPE="HEALPIX"),
        table(np.array([80, 96, 0, 64, 0, 16]) << 52, ORDERING="RANGE"),
        table(np.array([80, 96, 0, 64, 0, 16]) << 20, "J", ORDERING="RANGE"),
        table(np.array([80, 96, 0, 64, 0, 16]) << 4, "I", ORDERING="RANGE"),
    ):
        each.writeto(tmp_path / "m.fits", overwrite=True)
        assert mx.Moc.read(tmp_path / "m.fits") == expected
    table(cells, MOCORD_S=None).writeto(tmp_path / "m.fits", overwrite=True)
    assert mx.Moc.read(tmp_path / "m.fits") == mx.Moc([[0, 16], [20, 24]], order=2)


@pytest.mark.parametrize(
    ("hdus", "says"),
    [
        (table([3]), "NUNIQ number"),
        (table([-5]), "NUNIQ number"),
        (table([0]), "NUNIQ number"),
        (table([16 << 58]), "NUNIQ number"),
        (table([4 * 4**4]), "deeper than the order"),
        (table([4], MOCORD_S=30), "0 to 29"),
        (table([4], MOCORD_S=-1), "0 to 29"),
        (table([4], MOCORD_S=2.5), "0 to 29"),
        (table([4], MOCORD_S="deep"), "0 to 29"),
        (table([4], MOCORDER=4), "two orders"),
        (table([4], COORDSYS="G"), "ICRS"),
        (table([4], MOCDIM="TIME"), "TIME"),
        (table([4], MOCDIM="TIME.SPACE", ORDERING="RANGE"), "TIME.SPACE"),
        (table([4], ORDERING="NESTED"), "no MOC"),
        (table([4.0], "1D"), "whole numbers"),
        (table([0, 1 << 52, 2 << 52], ORDERING="RANGE"), "pairs"),
        (table([1 << 52, 0], ORDERING="RANGE"), "goes from"),
        (table([0, 0], ORDERING="RANGE"), "goes from"),
        (table([-(1 << 52), 0], ORDERING="RANGE"), "goes from"),
        (table([0, DEEP + (1 << 52)], ORDERING="RANGE"), "goes from"),
        (table([0, 5], ORDERING="RANGE"), "not of whole cells"),
        (table([0, 5], "J", ORDERING="RANGE"), "not of whole cells"),
        (table([0, 768 + 1 << 20], "J", ORDERING="RANGE"), "goes from"),
        (table([0, 1 << 52], ORDERING="RANGE", MOCORD_S=None), "does not state the order"),
        (fits.HDUList([fits.PrimaryHDU()]), "no MOC"),
    ],
)
def test_hostile_fits(hdus: fits.HDUList, says: str, tmp_path: Path) -> None:
    hdus.writeto(tmp_path / "m.fits")
    with pytest.raises(FormatError, match=says):
        mx.Moc.read(tmp_path / "m.fits")


def test_a_multi_order_map_is_no_moc(tmp_path: Path) -> None:
    columns = [
        fits.Column(name="UNIQ", format="K", array=[4]),
        fits.Column(name="PROBDENSITY", format="D", array=[1.0]),
    ]
    made = fits.BinTableHDU.from_columns(columns)
    made.header["ORDERING"] = "NUNIQ"
    fits.HDUList([fits.PrimaryHDU(), made]).writeto(tmp_path / "m.fits")
    with pytest.raises(FormatError, match="PROBDENSITY"):
        mx.Moc.read(tmp_path / "m.fits")


@pytest.mark.parametrize("packing", ["nuniq", "range"])
def test_files_that_were_cut_off_or_changed(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "m.fits"
    some()["many"].write(path, packing=packing)
    whole = path.read_bytes()
    for length in (0, 5, 6, 2000, 2880, 5760, len(whole) - 2880, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(MaskError):
            mx.Moc.read(path)
    flipped = bytearray(whole)
    flipped[2 * 2880 + 2880 + 15] ^= 4
    path.write_bytes(flipped)
    with pytest.raises(FormatError, match="hecksum"):
        mx.Moc.read(path)
    path.write_bytes(whole.replace(b"NAXIS2  =", b"NAXIS2  = 9", 1))
    with pytest.raises(MaskError):
        mx.Moc.read(path)


def test_any_bytes_are_an_error_of_ours(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    some()["many"].write(tmp_path / "m.fits")
    whole = (tmp_path / "m.fits").read_bytes()
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, 3 * 2880, 8):
            data[place] = rng.integers(0, 256)
        (tmp_path / "n.fits").write_bytes(data)
        with suppress(MaskError):
            mx.Moc.read(tmp_path / "n.fits")


def test_limits(tmp_path: Path) -> None:
    moc = some()["many"]
    moc.write(tmp_path / "m.fits")
    for name, limit in (("m.json", {"values": 100}), ("m.txt", {"text_bytes": 100})):
        moc.write(tmp_path / name)
        with mx.set_limits(**limit), pytest.raises(LimitError, match="set_limits"):
            mx.Moc.read(tmp_path / name)
    packed = tmp_path / "m.fits.gz"
    packed.write_bytes(gzip.compress((tmp_path / "m.fits").read_bytes()))
    assert mx.Moc.read(packed) == moc
    with mx.set_limits(table_bytes=3000), pytest.raises(LimitError, match="set_limits"):
        mx.Moc.read(packed)


def test_places_and_names(tmp_path: Path) -> None:
    moc = some()["coarse"]
    moc.write(tmp_path / "m.fits")
    with pytest.raises(OutputExistsError):
        moc.write(tmp_path / "m.fits")
    moc.write(tmp_path / "m.fits", overwrite=True)
    with pytest.raises(MaskValueError, match=r"\.json"):
        moc.write(tmp_path / "m.moc")
    with pytest.raises(MaskValueError, match="packing"):
        moc.write(tmp_path / "n.fits", packing="RING")
    with pytest.raises(FileMissingError):
        moc.write(tmp_path / "nowhere" / "m.fits")
    with pytest.raises(FileMissingError):
        mx.Moc.read(tmp_path / "none.fits")
    with pytest.raises(MaskError):
        mx.Moc.read(tmp_path)
    assert moc.write(tmp_path / "m.moc", format="ascii").read_text() == "1/1 4/\n"


def test_a_moc_in_json_is_a_file_of_a_mask(tmp_path: Path) -> None:
    cells = mx.Moc([[0, 64], [80, 96]], order=3)
    cells.write(tmp_path / "s.json")
    held = read_any(tmp_path / "s.json")
    assert (held.kind, held.mask) == ("moc", cells)
    (tmp_path / "e.json").write_text(mx.dumps(mx.AllSky()))
    assert read_any(tmp_path / "e.json").kind == "expression"
    (tmp_path / "x.json").write_text('{"some": 1}')
    with pytest.raises(FormatError, match="this is not a maskexpr expression"):
        read_any(tmp_path / "x.json")

"""The demo: its mask is what it says, its files give the mask back, it can be run again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from examples import demo
from maskexpr import WcsGeom
from maskexpr.expr.serialize import loads
from maskexpr.io.read import read_mask

pytest.importorskip("matplotlib", reason="the demo draws a picture")
pytest.importorskip("zarr", reason="the demo writes a zarr store")

BINSZ = "0.5 deg"
GEOM = WcsGeom.allsky(binsz=BINSZ, frame="galactic")


@pytest.fixture(scope="module")
def second_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder, and what is printed, of a run that replaces the output of another: a coarser mask, and an
    empty picture.
    """
    import matplotlib.pyplot as plt

    folder, printed = tmp_path_factory.mktemp("demo") / "new" / "output", StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "picture", lambda path: plt.figure(figsize=(1, 1)))
        assert demo.run(folder, binsz="20 deg") == folder
    assert read_mask(folder / "exclusion.fits").shape == (9, 18)
    with redirect_stdout(printed):
        demo.run(folder, binsz=BINSZ)
    return folder, printed.getvalue()


@pytest.fixture(scope="module")
def folder(second_run: tuple[Path, str]) -> Path:
    return second_run[0]


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def test_sources_are_the_table_with_its_extensions() -> None:
    catalogue, table = demo.sources(), Table.read(demo.TABLE)
    np.testing.assert_allclose(catalogue.radius, table["Model_SemiMajor"] + 0.3)
    assert np.count_nonzero(catalogue.radius > 0.3) == 82
    np.testing.assert_array_equal(catalogue.lon, table["RAJ2000"])


def test_mask_keeps_what_is_away_from_sources() -> None:
    """Against astropy's separations, at pixels beside the plane and the drawn regions."""
    places = SkyCoord(
        *np.random.default_rng(4).uniform([0, 30], [360, 85], (300, 2)).T, unit="deg", frame="galactic"
    )
    y, x = np.round(GEOM.pixel(places.l.deg, places.b.deg)).astype(int)
    centres = SkyCoord(*GEOM.lonlat(y, x), unit="deg", frame="galactic")
    positions, extension = demo.catalogue()
    margins = centres[:, None].separation(positions.galactic[None, :]) - extension - 0.3 * u.deg
    nearest = margins.min(axis=1)
    # In between, a pixel is left out if a source's circle holds a pixel within 0.1 deg of it.
    kept = demo.exclusion().on(GEOM).compute().values[y, x]
    assert not kept[nearest < 0].any()
    assert kept[nearest >= 0.1 * u.deg].all()
    assert 0 < np.count_nonzero(nearest < 0) < 300


def test_crab_and_plane_are_left_out_and_the_pole_is_kept() -> None:
    keep = demo.exclusion()
    names = {"Crab": (184.557, -5.784), "plane": (45.0, 0.0), "Orion": (208.0, -18.0), "pole": (123.0, 83.0)}
    places = SkyCoord(list(names.values()), unit="deg", frame="galactic")
    assert keep.contains(places, geom=WcsGeom.allsky(binsz="0.05 deg", frame="galactic")).tolist() == [
        False,
        False,
        False,
        True,
    ]


def test_files_hold_the_mask_and_the_expression(folder: Path) -> None:
    wanted = demo.exclusion().on(GEOM).compute().values
    with fits.open(folder / "exclusion.fits") as hdus:
        np.testing.assert_array_equal(hdus["MASK"].data, wanted)
    stored = read_mask(folder / "exclusion.zarr")
    np.testing.assert_array_equal(stored.values, wanted)
    assert loads(stored.attrs["maskexpr_expression"]) == demo.exclusion()


def test_picture_shows_the_sky(folder: Path) -> None:
    import matplotlib.pyplot as plt

    image = plt.imread(folder / "exclusion.png")
    assert image.shape[0] > 1000
    assert image.shape[1] > 1000
    kept = np.all(np.abs(image[..., :3] - np.array([0x3B, 0x7E, 0xA8]) / 255) < 0.02, axis=-1)
    assert 0.2 < kept.mean() < 0.8


def test_it_says_what_it_does_and_how_long_it_takes(second_run: tuple[Path, str]) -> None:
    _, text = second_run
    assert len(re.findall(r"\[\d+\.\d\d s\]", text)) == text.count("\n* ") == 7
    for words in ("Catalog(7195 sources", "mixed", "exclusion.zarr", "exclusion.fits", "equal;", "read_mask"):
        assert words in text


def test_a_file_that_differs_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "other.fits"
    demo.sources().write(path, GEOM)
    with pytest.raises(AssertionError, match=r"pixels of .*other\.fits"):
        demo._compare(demo.exclusion(), GEOM, [path])


def test_commands_that_are_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--help"]) == demo.main(["a", "b"]) == 2
    assert "usage" in capsys.readouterr().err


def test_commands_next_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the demo says to type works as it stands."""
    monkeypatch.chdir(folder.parent)
    text = demo._NEXT.format(folder=folder.name, python="python")
    code = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    code = code.replace("y=slice(1600, 1800)", "y=slice(160, 180)").replace(
        "x=slice(3500, 3800)", "x=slice(350, 380)"
    )
    exec(compile(code, "next", "exec"), {})

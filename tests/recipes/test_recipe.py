"""Recipes: what is typed in Python and what stands in YAML are equal masks; a broken recipe says where."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr.errors import FileMissingError, FormatError, LimitError, MaskTypeError, RecipeError
from maskexpr.expr.structure import postorder
from maskexpr.recipes.schema import schema
from maskexpr.recipes.text import read_yaml
from maskexpr.testing import masks

DESIGN = """
maskexpr: 1
parts:                      # names; a string that is a part's name stands for it
  sources: {Catalog: {path: sources.ecsv, radius: 0.3 deg}}
  plane: {Band: {lat: [-5 deg, 5 deg], frame: galactic}}
  drawn: {Region: "galactic;box(185,-4,1,0.5,45)"}
mask: {And: [{Not: {Dilate: {mask: {Or: [sources, drawn]}, radius: 0.1 deg}}}, {Not: plane}]}
grid: {allsky: {binsz: 2 deg, frame: galactic}}
outputs: [exclusion.zarr, exclusion.fits]
"""


@pytest.fixture
def folder(tmp_path):
    table = Table({"RA": [83.6, 184.5] * u.deg, "DEC": [22.0, -5.8] * u.deg})
    table.write(tmp_path / "sources.ecsv")
    (tmp_path / "mask.yaml").write_text(DESIGN)
    return tmp_path


def typed(folder):
    sources = mx.Catalog.read(folder / "sources.ecsv", radius="0.3 deg")
    plane = mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")
    return ~(sources | mx.Region("galactic;box(185,-4,1,0.5,45)")).dilate("0.1 deg") - plane


def test_the_mask_is_the_one_typed_in_python(folder):
    recipe = mx.Recipe.read(folder / "mask.yaml")
    assert recipe.mask == typed(folder)
    assert recipe.grid == mx.WcsGeom.allsky(binsz="2 deg", frame="galactic")


def test_run_writes_the_outputs(folder):
    recipe = mx.Recipe.read(folder / "mask.yaml")
    paths = recipe.run()
    assert [path.name for path in paths] == ["exclusion.zarr", "exclusion.fits"]
    expected = recipe.mask.compute(recipe.grid).values
    for path in paths:
        assert path.parent == folder
        np.testing.assert_array_equal(mx.read_mask(path).values, expected)


def test_outputs_are_skipped_by_path_or_text(folder):
    recipe = mx.Recipe.read(folder / "mask.yaml")
    assert recipe.run(skip=[str(folder / "exclusion.zarr"), folder / "exclusion.fits"]) == []
    assert not (folder / "exclusion.fits").exists()


def test_a_mask_writes_the_recipe_that_people_would_have_written(folder):
    mask = typed(folder)
    text = mask.to_recipe(folder / "written.yaml")
    assert (folder / "written.yaml").read_text() == text
    assert "path: sources.ecsv" in text
    assert "base64" not in text
    assert len(text.splitlines()) < 20
    assert mx.Recipe.read(folder / "written.yaml").mask == mask


@settings(max_examples=50)
@given(masks())
def test_random_masks_come_back_equal(mask):
    assert mx.Recipe.loads(mask.to_recipe(embed=True)).mask == mask


@given(
    st.recursive(
        st.sampled_from([0.1, 1e3, "1e3", "yes", "12:30:45", "null", ".inf", "-", "a: b", "0o7"]),
        lambda each: st.lists(each, max_size=3),
    )
)
def test_values_are_written_as_they_are_read(value):
    from maskexpr.recipes.write import to_yaml

    assert read_yaml(to_yaml({"x": value}), "x").plain() == {"x": value}


def test_what_stands_twice_is_a_part():
    shared = mx.Band(lat=("-5 deg", "5 deg")).dilate("1 deg")
    text = (shared & shared.dilate("2 deg")).to_recipe()
    assert text.count("Band") == 1
    assert "parts:" in text


def test_a_deep_mask_is_flat_in_parts():
    mask = mx.AllSky()
    for number in range(60):
        mask = mask.dilate(f"{1 + number % 7} deg").erode("1 deg")
    recipe = mx.Recipe.loads(mask.to_recipe())
    assert recipe.mask == mask
    assert sum(1 for _ in postorder(recipe.mask)) == 121


def test_a_catalogue_in_memory_is_written_only_when_asked():
    places = SkyCoord(np.linspace(0, 359, 2000), np.zeros(2000), unit="deg")
    mask = mx.Catalog(places, "1 deg")
    with pytest.raises(MaskTypeError, match=r"write its data to a file.*embed=True"):
        mask.to_recipe()
    assert mx.Recipe.loads(mask.to_recipe(embed=True)).mask == mask
    few = mx.Catalog(places[:3], ["1 deg", "2 deg", "3 deg"])
    assert mx.Recipe.loads(few.to_recipe()).mask == few


def test_a_digest_holds_a_file(folder):
    digest = hashlib.sha256((folder / "sources.ecsv").read_bytes()).hexdigest()
    text = "maskexpr: 1\nmask: {{Catalog: {{path: sources.ecsv, radius: 1 deg, digest: 'sha256:{}'}}}}"
    assert isinstance(mx.Recipe.loads(text.format(digest), folder).mask, mx.Catalog)
    with pytest.raises(RecipeError, match="another file"):
        mx.Recipe.loads(text.format("0" * 64), folder)


def test_a_digest_of_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.ecsv")
    text = "maskexpr: 1\nmask: {Catalog: {path: pipe.ecsv, radius: 1 deg, digest: 'sha256:00'}}"
    with pytest.raises(RecipeError, match=r"line 2.*pipe"):
        mx.Recipe.loads(text, tmp_path)


@pytest.mark.parametrize("name", ["pipe.yaml", "http://127.0.0.1:9/mask.yaml", "/dev/zero"])
def test_a_recipe_in_what_is_no_file(name, tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(FormatError, match=r"pipe|address|device"):
        mx.Recipe.read(tmp_path / name if name == "pipe.yaml" else name)


def test_a_recipe_that_is_too_large(tmp_path):
    (tmp_path / "mask.yaml").write_text("maskexpr: 1\nmask: AllSky\n" + "# more\n" * 1000)
    with mx.set_limits(text_bytes=1000), pytest.raises(LimitError, match=r"mask\.yaml.*text_bytes"):
        mx.Recipe.read(tmp_path / "mask.yaml")


WILD = {
    "bins": "{allsky: {binsz: 30 deg, axes: [{name: energy, lo: 1 GeV, hi: 1 TeV, nbin: 9999999999}]}}",
    "pixels of 1e-300": "{create: {npix: [4, 4], binsz: 1e-300}}",
    "a word for a number": "{create: {npix: [4, four], binsz: 1 deg}}",
    "a number of 400 digits": f"{{create: {{npix: [{'9' * 400}, 4], binsz: 1 deg}}}}",
}


@pytest.mark.parametrize("name", WILD)
def test_a_grid_that_cannot_be(name):
    with pytest.raises(mx.MaskError, match="line 3"):
        mx.Recipe.loads(f"maskexpr: 1\nmask: AllSky\ngrid: {WILD[name]}")


def test_several_grids(folder):
    text = """
maskexpr: 1
mask: AllSky
grids:
  coarse: {allsky: {binsz: 10 deg}}
  cube: {create: {npix: 8, binsz: 1 deg, axes: [{name: energy, lo: 1 GeV, hi: 1 TeV, nbin: 3}]}}
outputs: [{path: a.fits, grid: coarse}, {path: b.fits, grid: cube}]
"""
    recipe = mx.Recipe.loads(text, folder)
    assert [mx.read_mask(path).shape for path in recipe.run()] == [(18, 36), (3, 8, 8)]
    with pytest.raises(FormatError, match="coarse, cube"):
        recipe.grid  # noqa: B018


def test_grids_of_cells(folder):
    text = """
maskexpr: 1
mask: {Region: "icrs;circle(45,30,20)"}
grids:
  whole: {healpix: {order: 3, frame: galactic}}
  part: {healpix: {nside: 8, cells: [[0, 100], [300, 400]]}}
  cube: {healpix: {order: 2, axes: [{name: energy, lo: 1 GeV, hi: 1 TeV, nbin: 3}]}}
outputs: [{path: a.fits, grid: whole, ordering: ring}, {path: b.zarr, grid: part}, {path: c.fits, grid: cube}]
"""
    recipe = mx.Recipe.loads(text, folder)
    assert recipe.grids["whole"] == mx.HpxGeom(order=3, frame="galactic")
    assert recipe.grids["part"] == mx.HpxGeom(order=3, cells=[[0, 100], [300, 400]])
    for path, geom in zip(recipe.run(), recipe.grids.values(), strict=True):
        read = mx.read_mask(path)
        assert mx.geom_of(read) == geom
        np.testing.assert_array_equal(read.values, recipe.mask.compute(geom).values)


@pytest.mark.parametrize(
    "arguments",
    [
        "{order: three}",
        "{order: 30}",
        "{}",
        "{nside: 7}",
        "{order: 2, cells: [500]}",
        "{order: 2, cells: a}",
        "{ordr: 2}",
    ],
)
def test_grids_of_cells_that_cannot_be(arguments):
    with pytest.raises(mx.MaskError, match="line 3"):
        mx.Recipe.loads(f"maskexpr: 1\nmask: AllSky\ngrid: {{healpix: {arguments}}}")


def body(mask, parts="{}"):
    return f"maskexpr: 1\nparts: {parts}\nmask: {mask}"


# Text of a recipe, its line and column, words of the error.
def outputs(files):
    return f"maskexpr: 1\nmask: AllSky\ngrid: {{allsky: {{binsz: 9 deg}}}}\noutputs: {files}"


BROKEN = {
    "empty": ("", 1, "empty"),
    "a word": ("hello", 1, "mapping"),
    "a list": ("- a", 1, "mapping"),
    "no version": ("mask: AllSky", 1, "maskexpr: 1"),
    "another version": ("maskexpr: 2\nmask: AllSky", 1, "version 2"),
    "version true": ("maskexpr: true\nmask: AllSky", 1, "version True"),
    "no mask": ("maskexpr: 1", 1, "needs a mask"),
    "odd key": ("maskexpr: 1\nmask: AllSky\nmasks: 3", 3, "did you mean 'mask'"),
    "two documents": ("maskexpr: 1\nmask: AllSky\n---\na: 1", 3, "second"),
    "alias": ("maskexpr: 1\nparts: {a: &x {Not: NoSky}}\nmask: *x", 2, "anchors"),
    "tag": ("maskexpr: 1\nmask: !!python/object:os.system {}", 2, "tags"),
    "doubled key": ("maskexpr: 1\nmask: AllSky\nmask: NoSky", 3, "second time"),
    "doubled argument": (body("{Band: {lat: [0 deg, 1 deg], lat: [0 deg, 2 deg]}}"), 3, "second time"),
    "number as key": ("maskexpr: 1\nmask: {1: 2}", 2, "a key must be text"),
    "unclosed": ("maskexpr: 1\nmask: [", 2, "no YAML"),
    "tab": ("maskexpr: 1\nmask:\n\tNot: AllSky", 3, "no YAML"),
    "too deep": (body("{Not: " * 200 + "AllSky" + "}" * 200), 3, "deeper than"),
    "unknown part": (body("srcs", "{sources: AllSky}"), 3, "did you mean 'sources'"),
    "unknown node": (body("{Dilat: {mask: AllSky, radius: 1 deg}}"), 3, "did you mean 'Dilate'"),
    "case": (body("{dilAte: {mask: AllSky, radius: 1 deg}}"), 3, "did you mean"),
    "two nodes": (body("{Not: AllSky, Or: [AllSky]}"), 3, "one node"),
    "no node": (body("{}"), 3, "one node"),
    "a number": (body("3"), 3, "one node"),
    "nothing": (body(""), 3, "one node"),
    "a list of masks": (body("[AllSky]"), 3, "list of 1"),
    "unknown argument": (body("{Dilate: {mask: AllSky, radis: 1 deg}}"), 3, "did you mean 'radius'"),
    "missing radius": (body("{Dilate: {mask: AllSky}}"), 3, "radius is not given"),
    "missing mask": (body("{Dilate: {radius: 1 deg}}"), 3, "mask is not given"),
    "missing all": (body("Dilate"), 3, "no part or node"),
    "no unit": (body("{Dilate: {mask: AllSky, radius: 1}}"), 3, "radius must carry a unit"),
    "odd unit": (body("{Dilate: {mask: AllSky, radius: 1 dog}}"), 3, "dog"),
    "negative": (body("{Dilate: {mask: AllSky, radius: -1 deg}}"), 3, "negative"),
    "kernel": (body("{Dilate: {mask: AllSky, radius: 1 deg, kernel: gauss}}"), 3, "'disk' or 'box'"),
    "or of a number": (body("{Or: 3}"), 3, "list of masks"),
    "or of a mask": (body("{Or: AllSky}"), 3, "list of masks"),
    "not of a list": (body("{Not: [AllSky]}"), 3, "list of 1"),
    "arguments of AllSky": (body("{AllSky: {a: 1}}"), 3, "no arguments"),
    "region": (body("{Region: 'icrs;circle(1,2'}"), 3, "line 1"),
    "region without frame": (body("{Region: 'circle(1,2,3)'}"), 3, "no frame"),
    "region metric": (body("{Region: {spec: 'icrs;circle(1,2,3)', metric: plane}}"), 3, "metric"),
    "region path": (body("{Region: {path: nowhere.reg}}"), 3, "nowhere.reg"),
    "shape": (body("{Region: {spec: {circel: {lon: 1}}}}"), 3, "did you mean 'circle'"),
    "shape fields": (body("{Region: {spec: {circle: {lon: 1}}}}"), 3, "Circle has the fields"),
    "band without limits": (body("{Band: {frame: icrs}}"), 3, "Band needs"),
    "band beyond": (body("{Band: {lat: [0 deg, 99 deg]}}"), 3, "lat"),
    "band frame": (body("{Band: {lat: [0 deg, 9 deg], frame: gal}}"), 3, "frame"),
    "catalogue path": (body("{Catalog: {path: nowhere.fits, radius: 1 deg}}"), 3, "nowhere.fits"),
    "catalogue number": (body("{Catalog: {path: 3, radius: 1 deg}}"), 3, "a path is text"),
    "catalogue positions": (body("{Catalog: {positions: 3, radius: 1 deg}}"), 3, "positions: {lon"),
    "catalogue unit": (body("{Catalog: {positions: {lon: [1], lat: [2]}, radius: 1 deg}}"), 3, "unit: deg"),
    "data": (body("{Threshold: {data: 3, op: '>', value: 1}}"), 3, "data is a path"),
    "data key": (body("{Threshold: {data: {path: a, hud: 1}, op: '>', value: 1}}"), 3, "'hud'"),
    "op": (body("{Threshold: {data: a.fits, op: '=>', value: 1}}"), 3, "op must be"),
    "circle of parts": (body("a", "{a: {Not: b}, b: {Not: a}}"), 2, "made of each other"),
    "part of itself": (body("a", "{a: {Not: a}}"), 2, "made of each other"),
    "part called as a node": (body("AllSky", "{Not: AllSky}"), 2, "name of a node"),
    "parts list": (body("AllSky", "[a]"), 2, "mapping of names"),
    "digest": (body("{Catalog: {path: a, radius: 1 deg, digest: 3}}"), 3, "sha256"),
    "grid": ("maskexpr: 1\nmask: AllSky\ngrid: {alsky: {binsz: 1 deg}}", 3, "did you mean 'allsky'"),
    "grid argument": ("maskexpr: 1\nmask: AllSky\ngrid: {allsky: {binz: 1 deg}}", 3, "binz"),
    "grid text": ("maskexpr: 1\nmask: AllSky\ngrid: allsky", 3, "a grid is one of"),
    "grid and grids": ("maskexpr: 1\nmask: AllSky\ngrid: {allsky: {binsz: 1}}\ngrids: {}", 4, "not both"),
    "output without grid": ("maskexpr: 1\nmask: AllSky\noutputs: [a.fits]", 3, "needs a grid"),
    "outputs text": ("maskexpr: 1\nmask: AllSky\noutputs: a.fits", 3, "list of files"),
    "output number": (
        "maskexpr: 1\nmask: AllSky\ngrid: {allsky: {binsz: 9}}\noutputs: [3]",
        4,
        "an output is",
    ),
    "output of another kind": (outputs("[a.fits, a.png]"), 4, "a.png: cannot tell the format"),
    "output twice": (outputs("[a.fits, b.fits, a.fits]"), 4, "an output already"),
    "output's option": (outputs("[{path: a.fits, overwrit: true}]"), 4, "did you mean 'overwrite'?"),
    "output on grids": (outputs("[{path: a.fits, grid: [grid]}]"), 4, "no grid is called"),
    "and of nothing": (body("{And: }"), 3, "list of masks"),
    "latitudes lacking": (
        body("{Catalog: {positions: {lon: [1, 2], lat: [3], unit: deg}, radius: 1 deg}}"),
        3,
        "2 longitudes and 1 latitudes",
    ),
    "a number after an angle": (body("{Dilate: {mask: AllSky, radius: 3 deg 4}}"), 3, "'3 deg 4'"),
    "output's ordering": (outputs("[{path: a.fits, ordering: rung}]"), 4, "did you mean 'ring'?"),
    "output's order on a map": (outputs("[{path: a.fits, ordering: ring}]"), 4, "of HEALPix cells"),
    "output's chunks": (outputs("[{path: a.fits, chunks: many}]"), 4, "chunks"),
    "output's chunks below nothing": (outputs("[{path: a.fits, chunks: -3}]"), 4, "chunks"),
    "output's store": (outputs("[{path: a.fits, store: 3}]"), 4, "the store of tiles"),
    "output's memory": (outputs("[{path: a.fits, memory_limit: lots}]"), 4, "'2 GB'"),
    "output's switch": (outputs("[{path: a.fits, overwrite: 'no'}]"), 4, "True or False"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_recipe_says_where(name):
    text, line, words = BROKEN[name]
    with pytest.raises(RecipeError) as caught:
        mx.Recipe.loads(text, name="mask.yaml")
    assert words in str(caught.value)
    assert caught.value.line == line
    assert f"mask.yaml, line {line}, column {caught.value.column}" in str(caught.value)


def test_there_are_sixty():
    assert len(BROKEN) >= 60


def test_a_recipe_that_is_not_there(tmp_path):
    with pytest.raises(FileMissingError, match="no such file"):
        mx.Recipe.read(tmp_path / "mask.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="cannot be read"):
        mx.Recipe.read(tmp_path / "bytes.yaml")


def test_yaml_is_that_of_1_2():
    text = "a: 12:30:45\nb: 1e3\nc: yes\nd: 0o17\ne: ~\nf: '1'\ng: .inf\nh: 010"
    assert read_yaml(text, "x").plain() == {
        "a": "12:30:45", "b": 1000.0, "c": "yes", "d": 15, "e": None, "f": "1", "g": float("inf"), "h": 10,
    }  # fmt: skip


def test_the_schema_that_is_shipped_is_that_of_the_nodes():
    from importlib.resources import files

    shipped = json.loads(files("maskexpr.recipes").joinpath("schema.json").read_text(encoding="utf-8"))
    assert shipped == schema(), "run: python -m maskexpr.recipes > maskexpr/recipes/schema.json"


@pytest.mark.parametrize("lat", [("60 deg", "90 deg"), ("-90 deg", "0 deg"), ("-90 deg", "90 deg")])
def test_a_band_that_takes_a_pole_in(lat: tuple[str, str]) -> None:
    band = mx.Band(lat=lat)
    assert f"lat=({lat[0]}, {lat[1]})" in repr(band)
    assert mx.Recipe.loads(band.to_recipe()).mask == band


@pytest.mark.parametrize(
    "text",
    [
        "mask: {Catalog: {path: 'https://example.org/x.fits', radius: 1 deg}}",
        "mask: {Threshold: {data: 's3://bucket/x.fits', op: '>', value: 1}}",
        "mask: AllSky\ngrid: {header: 'http://example.org/x.fits'}",
        "mask: AllSky\ngrid: {allsky: {binsz: 30 deg}}\noutputs: ['s3://bucket/x.zarr']",
    ],
)
def test_addresses_are_no_files(text: str, tmp_path: Path) -> None:
    """Not joined with the recipe's folder, where nothing of that name is."""
    path = tmp_path / "mask.yaml"
    path.write_text(f"maskexpr: 1\n{text}\n")
    with pytest.raises(mx.MaskError, match="is an address; a recipe reads and writes files"):
        mx.Recipe.read(path)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder to work in, with one map there and others of the same name beside."""
    for name, columns in ((".", 1), ("sub", 2), ("other", 3)):
        (tmp_path / name).mkdir(exist_ok=True)
        pixels = np.zeros((2, 4), np.uint8)
        pixels[:, :columns] = 1
        header = mx.WcsGeom.create(npix=(4, 2)).to_header()
        fits.PrimaryHDU(pixels, header).writeto(tmp_path / name / "o.fits")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("embed", [False, True])
@pytest.mark.parametrize("recipe", ["r.yaml", "./r.yaml", "sub/r.yaml", "{}/r.yaml", "{}/sub/r.yaml"])
@pytest.mark.parametrize("data", ["o.fits", "./o.fits", "other/../o.fits", "{}/o.fits"])
def test_a_recipe_means_the_file_of_the_mask_however_both_are_named(work, monkeypatch, data, recipe, embed):
    data, recipe = data.format(work), recipe.format(work)
    geom = mx.WcsGeom.create(npix=(4, 2))
    for mask in (mx.Raster(data), ~mx.Threshold((data, 0), ">", 0), mx.Hysteresis(data, 0, 0)):
        right = int(mask.count(geom))
        mask.to_recipe(recipe, embed=embed)
        place = (work / recipe).resolve()
        for folder in (work, work / "sub", work / "other"):
            monkeypatch.chdir(folder)
            assert int(mx.Recipe.read(os.path.relpath(place, folder)).mask.count(geom)) == right
        monkeypatch.chdir(work)


def test_a_file_among_the_fields_is_relative_to_the_recipe(work, monkeypatch):
    text = (
        "maskexpr: 1\nmask:\n  Raster: {fields: {data: {record: file, path: o.fits, hdu: null}, nan: false, "
        "outside: false}}\n"
    )
    (work / "sub" / "r.yaml").write_text(text)
    for folder, path in ((work, "sub/r.yaml"), (work / "sub", "r.yaml"), (work / "other", "../sub/r.yaml")):
        monkeypatch.chdir(folder)
        assert mx.Recipe.read(path).mask.count(mx.WcsGeom.create(npix=(4, 2))) == 4


def test_units_of_a_table_are_written_as_text(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Table({"ra": [1.0, 2.0], "dec": [3.0, 4.0], "r": [5.0, np.nan]}).write("t.ecsv")
    mask = mx.Catalog.read("t.ecsv", radius="r", units={"r": u.arcmin}, missing="drop")
    assert "units: {r: arcmin}" in mask.to_recipe()
    assert mx.Recipe.loads(mask.to_recipe()).mask == mask


def test_what_has_no_data_is_not_advised_to_write_them():
    mask = mx.AxisRange("label", 1 * u.one, 3 * u.one)
    with pytest.raises(MaskTypeError, match="what a user types: give embed=True"):
        mask.to_recipe()
    assert mx.Recipe.loads(mask.to_recipe(embed=True)).mask == mask

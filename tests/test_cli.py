"""The command line: what it prints, writes and exits with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import regions
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from click.testing import CliRunner

import maskexpr as mx
from maskexpr import cli
from maskexpr.cli import main
from maskexpr.core import progress as cli_progress

GRID = mx.WcsGeom.allsky(binsz=2)

TEXT = """
maskexpr: 1
mask: {Band: {lat: [-5 deg, 5 deg]}}
grid: {allsky: {binsz: 2 deg}}
outputs: [plane.fits]
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "mask.yaml"
    path.write_text(TEXT)
    return path


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_plan(recipe):
    result = run("plan", recipe)
    assert result.exit_code == 0, result.output
    assert "tiles" in result.output
    counts = json.loads(run("plan", recipe, "--json").output)
    plan = mx.Recipe.read(recipe).mask.plan(mx.WcsGeom.allsky(binsz=2))
    assert counts["n_tiles"] == plan.n_tiles
    assert counts["n_mixed"] == plan.n_mixed


def test_plan_is_of_the_outputs_with_their_options(recipe):
    text = TEXT.replace(
        "grid: {allsky: {binsz: 2 deg}}", "grids: {a: {allsky: {binsz: 2 deg}}, b: {healpix: {order: 4}}}"
    )
    recipe.write_text(TEXT.replace("[plane.fits]", "[{path: plane.zarr, chunks: 30}]"))
    mask = mx.Recipe.read(recipe).mask
    assert json.loads(run("plan", recipe, "--json").output)["n_tiles"] == mask.plan(GRID, 30).n_tiles == 18
    places = ("a.fits, grid: a", "b.fits, grid: b", "c.fits, grid: a", "d.zarr, grid: a, chunks: 30")
    outputs = f"[{', '.join(f'{{path: {each}}}' for each in places)}]"
    recipe.write_text(text.replace("[plane.fits]", outputs))
    plans = json.loads(run("plan", recipe, "--json").output)["plans"]
    assert [[Path(each).name for each in one["outputs"]] for one in plans] == [
        ["a.fits", "c.fits"],
        ["b.fits"],
        ["d.zarr"],
    ]
    assert [one["n_tiles"] for one in plans] == [1, mask.plan(mx.HpxGeom(order=4)).n_tiles, 18]
    shown = run("plan", recipe).output
    assert shown.count("Plan for") == 3
    assert "c.fits:\nPlan for 90 x 180" in shown
    assert json.loads(run("plan", recipe, "--grid", "b", "--json").output)["n_tiles"] == plans[1]["n_tiles"]


def test_a_memory_limit_names_options(recipe):
    fine = "grid: {allsky: {binsz: 0.1 deg}}"
    recipe.write_text(TEXT.replace("grid: {allsky: {binsz: 2 deg}}", fine))
    for limit, words in {
        "8 MB": "whatever its tiles, so give a larger limit",
        "70 MB": "give the outputs smaller chunks, and one thread (--workers 1)",
    }.items():
        assert words in run("run", recipe, "--memory-limit", limit).output
    recipe.write_text(TEXT.replace("[plane.fits]", "[{path: plane.fits, chunks: 30}]"))
    assert (
        "give fewer threads (--workers 2)"
        in run("run", recipe, "--workers", "4", "--memory-limit", "140 MB").output
    )


@pytest.mark.parametrize("how", [(), ("--scheduler", "threads", "--workers", "2")])
def test_run(recipe, how):
    result = run("run", recipe, *how)
    assert result.exit_code == 0, result.output
    written = mx.read_mask(recipe.parent / "plane.fits")
    read = mx.Recipe.read(recipe)
    np.testing.assert_array_equal(written.values, read.mask.compute(read.grid).values)
    again = run("run", recipe)
    assert again.exit_code == 1
    assert "maskexpr: " in again.output
    assert run("run", recipe, "--overwrite", "--json").exit_code == 0


def test_run_on_processes(recipe):
    result = run("run", recipe, "--scheduler", "processes", "--workers", "1")
    assert result.exit_code == 0, result.output
    assert mx.read_mask(recipe.parent / "plane.fits").values.any()


def test_show(recipe):
    pytest.importorskip("matplotlib")
    picture = recipe.parent / "plane.png"
    assert run("show", recipe, picture).exit_code == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_show_refuses_what_is_no_picture(recipe):
    pytest.importorskip("matplotlib")
    for name, words in (("plane.xyz", "a picture ends in"), ("none/plane.png", "make it first")):
        result = run("show", recipe, recipe.parent / name)
        assert result.exit_code == 1
        assert words in result.output
        assert isinstance(result.exception, SystemExit)


def test_words_are_about_options(recipe):
    assert run("run", recipe).exit_code == 0
    again = run("run", recipe)
    assert "--overwrite" in again.output
    assert "overwrite=True" not in again.output
    map_of_others = recipe.parent / "counts.fits"
    fits.PrimaryHDU(np.zeros((90, 180)), mx.WcsGeom.allsky(binsz=2).to_header()).writeto(map_of_others)
    assert "--against FILE" in run("verify", map_of_others).output
    folder = run("convert", recipe, recipe.parent / "none" / "mask.json")
    assert folder.exit_code == 1
    assert "make it first" in folder.output


def test_all_outputs_are_looked_at_before_the_first_is_made(recipe):
    recipe.write_text(TEXT.replace("[plane.fits]", "[first.fits, plane.fits]"))
    (recipe.parent / "plane.fits").write_bytes(b"there")
    result = run("run", recipe)
    assert result.exit_code == 1
    assert "plane.fits" in result.output
    assert not (recipe.parent / "first.fits").exists()


def test_an_error_is_one_line_with_its_place(recipe):
    recipe.write_text(TEXT.replace("Band", "Bnd"))
    result = run("plan", recipe)
    assert result.exit_code == 1
    assert "line 3, column 7" in result.output
    assert "Traceback" not in result.output


def test_a_command_line_that_cannot_be(recipe):
    assert run("plan", recipe.parent / "nothing.yaml").exit_code == 2
    assert run("plan", recipe, "--grid", "fine").exit_code == 2
    assert run("plot").exit_code == 2


# ---- files


@pytest.fixture
def files(tmp_path):
    return filled(tmp_path)


def filled(folder):
    """A folder with a file of each kind."""
    (folder / "mask.yaml").write_text(TEXT)
    (folder / "few.reg").write_text("galactic\ncircle(1.25,2,0.3)\n-circle(1,2,0.1)\nfk5;box(3,4,1,0.5,45)\n")
    Table({"RA": [83.6, 1.0] * u.deg, "DEC": [22.0, 2.0] * u.deg, "r": [1.0, 2.0] * u.deg}).write(
        folder / "sources.ecsv"
    )
    (folder / "mask.json").write_text(mx.dumps(~mx.Band(lat=("-5 deg", "5 deg"))))
    mx.Band(lat=("0 deg", "9 deg")).write(folder / "made.fits", GRID)
    return folder


MASKS = {
    "mask.yaml": mx.Band(lat=("-5 deg", "5 deg")),
    "few.reg": mx.Region("galactic\ncircle(1.25,2,0.3)\n-circle(1,2,0.1)\nfk5;box(3,4,1,0.5,45)\n"),
    "sources.ecsv": mx.Catalog(SkyCoord([83.6, 1.0], [22.0, 2.0], unit="deg"), [1.0, 2.0] * u.deg),
    "mask.json": ~mx.Band(lat=("-5 deg", "5 deg")),
    "made.fits": mx.Band(lat=("0 deg", "9 deg")),
}


@pytest.mark.parametrize("source", MASKS)
@pytest.mark.parametrize("ending", [".yaml", ".json", ".fits", ".zarr"])
def test_convert(files, source, ending):
    if ending == ".zarr":
        pytest.importorskip("zarr")
    target = files / f"target{ending}"
    options: list[object] = ["--radius", "r"] if source == "sources.ecsv" else []
    options += ["--grid", files / "made.fits"] if ending in (".fits", ".zarr") else []
    result = run("convert", files / source, target, *options)
    assert result.exit_code == 0, result.output
    wanted = MASKS[source]
    if ending == ".yaml":
        assert mx.Recipe.read(target).mask == wanted
    elif ending == ".json":
        assert mx.loads(target.read_text()) == wanted
    else:
        np.testing.assert_array_equal(mx.read_mask(target).values, wanted.compute(GRID).values)
    again = run("convert", files / source, target, *options)
    assert again.exit_code == 1
    assert "--overwrite" in again.output
    assert "overwrite=True" not in again.output


def test_convert_to_regions_says_the_same_sky(files):
    for source, options in (("few.reg", []), ("sources.ecsv", ["--radius", "r"])):
        target = files / "out.reg"
        result = run("convert", files / source, target, "--overwrite", "--json", *options)
        assert result.exit_code == 0, result.output
        assert json.loads(result.output)["kind"] == ("regions" if source == "few.reg" else "catalogue")
        grid = mx.WcsGeom.create(skydir=(2, 2), npix=(90, 80), binsz=0.2)
        read = mx.Region.read(target).compute(grid).values
        np.testing.assert_array_equal(read, MASKS[source].compute(grid).values)
        assert read.any()
    # regions, another reader of DS9, takes the text too.
    assert len(regions.Regions.read(target, format="ds9")) == 2


def test_convert_to_a_moc_and_back(files):
    cells = files / "few.moc.fits"
    assert run("convert", files / "few.reg", cells, "--order", 8).exit_code == 0
    assert mx.Moc.read(cells) == MASKS["few.reg"].to_moc(8)
    for name, options in (("again.moc.fits", []), ("same.json", [])):
        assert run("convert", cells, files / name, *options).exit_code == 0
    assert mx.Moc.read(files / "again.moc.fits") == mx.loads((files / "same.json").read_text())
    told = run("info", cells)
    assert "MOC" in told.output or "Moc" in told.output


def test_convert_refuses_what_cannot_be(files):
    for words, said in [
        (("mask.yaml", "out.reg"), "region file holds regions"),
        (("few.reg", "out.fits"), "--grid"),
        (("few.reg", "out.png"), "known endings"),
        (("few.reg", "out.moc.fits"), "--order"),
        (("few.reg", "out.json", "--order", "3"), ".moc.fits"),
        (("few.reg", "out.json", "--radius", "1 deg"), "few.reg"),
        (("sources.ecsv", "out.json"), "--radius"),
        (("sources.ecsv", "out.json", "--from", "regions"), "sources.ecsv"),
        (("mask.yaml", "out.json", "--radius", "1 deg"), "takes no radius"),
    ]:
        result = run("convert", files / words[0], files / words[1], *words[2:])
        assert result.exit_code == 1, result.output
        assert said in result.output
        assert not (files / words[1]).exists()


def test_convert_of_a_catalogue_names_the_columns(files):
    result = run("convert", files / "sources.ecsv", files / "out.json", "--radius", "R95")
    assert result.exit_code == 1
    assert "'R95'" in result.output
    assert "RA, DEC, r" in result.output


def test_info(files):
    told = run("info", files / "made.fits")
    assert told.exit_code == 0
    assert "Band" in told.output
    found = json.loads(run("info", files / "made.fits", "--json").output)
    assert found["n_selected"] == int(MASKS["made.fits"].compute(GRID).sum())
    assert found["hash"] == MASKS["made.fits"].digest.hex()
    assert found["shape"] == list(GRID.shape)
    for name in ("mask.yaml", "few.reg", "mask.json"):
        told = json.loads(run("info", files / name, "--json").output)
        assert told["hash"] == MASKS[name].digest.hex()
    assert "a region file" in run("info", files / "few.reg").output
    (files / "odd.txt").write_text("hello")
    odd = run("info", files / "odd.txt")
    assert odd.exit_code == 1
    assert "holds no mask" in odd.output


def test_one_map_of_several(tmp_path):
    path, header = tmp_path / "several.fits", fits.Header.fromstring(GRID.to_header().tostring())
    rng = np.random.default_rng(1)
    first, second = (rng.integers(0, 2, GRID.shape).astype(np.uint8) for _ in range(2))
    maps = [fits.ImageHDU(first, header, name="A"), fits.ImageHDU(second, header, name="B")]
    fits.HDUList([fits.PrimaryHDU(), *maps]).writeto(path)
    for hdu, values in (("A", first), ("B", second), ("2", second)):
        told = json.loads(run("info", path, "--hdu", hdu, "--json").output)
        assert told["kind"] == "map"
        assert told["hash"] == mx.Raster((path, int(hdu) if hdu.isdigit() else hdu)).digest.hex()
        out = tmp_path / f"{hdu}.json"
        assert run("convert", path, out, "--hdu", hdu).exit_code == 0
        np.testing.assert_array_equal(mx.loads(out.read_text()).compute(GRID), values > 0)
    odd = run("info", path, "--hdu", "C")
    assert odd.exit_code == 1
    assert "no HDU 'C'; there are 0 PRIMARY, 1 A, 2 B" in odd.output


def test_the_map_of_a_product_is_its_expression(files):
    told = json.loads(run("info", files / "made.fits", "--hdu", "MASK", "--json").output)
    assert told["hash"] == MASKS["made.fits"].digest.hex()


def test_verify(files):
    path = files / "made.fits"
    assert run("verify", path).exit_code == 0
    (files / "same.yaml").write_text(TEXT.replace("[-5 deg, 5 deg]", "[0 deg, 9 deg]"))
    assert json.loads(run("verify", path, "--against", files / "same.yaml", "--json").output)["ok"]
    other = run("verify", path, "--against", files / "mask.yaml", "--json")
    assert other.exit_code == 3
    told = json.loads(other.stdout)
    assert (told["ok"], told["error"]) == (False, "IntegrityError")
    with path.open("r+b") as stream:
        stream.seek(2880 * 3)
        held = stream.read(400)
        stream.seek(2880 * 3)
        stream.write(bytes(1 - each if each < 2 else each for each in held))
    assert run("verify", path).exit_code == 3


def test_run_resumes_and_keeps_what_is_written(recipe):
    recipe.write_text(TEXT.replace("[plane.fits]", "[plane.fits, other.fits]"))
    assert run("run", recipe).exit_code == 0
    made = (recipe.parent / "plane.fits").stat().st_mtime_ns
    (recipe.parent / "other.fits").unlink()
    result = run("run", recipe, "--resume", "--json", "--store", recipe.parent / "tiles")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert [Path(each).name for each in told["kept"]] == ["plane.fits"]
    assert [Path(each).name for each in told["outputs"]] == ["other.fits"]
    assert (recipe.parent / "plane.fits").stat().st_mtime_ns == made
    # Another mask under the name is not taken for this one.
    recipe.write_text(TEXT.replace("5 deg]", "6 deg]"))
    assert run("run", recipe, "--resume").exit_code == 1


def test_run_resumes_with_a_moc_among_the_outputs(recipe):
    text = (
        "maskexpr: 1\nmask: {Band: {lat: [-5 deg, 5 deg]}}\ngrid: {healpix: {order: 4}}\n"
        "outputs: [cells.moc.fits, other.fits]\n"
    )
    recipe.write_text(text)
    for kept in ([], ["cells.moc.fits", "other.fits"]):
        result = run("run", recipe, "--resume", "--json", "--store", recipe.parent / "tiles")
        assert result.exit_code == 0, result.output
        assert [Path(each).name for each in json.loads(result.output)["kept"]] == kept
    recipe.write_text(text.replace("5 deg]", "25 deg]").replace(", other.fits", ""))
    result = run("run", recipe, "--resume")
    assert (result.exit_code, "cells.moc.fits is there already" in result.output) == (1, True)
    (recipe.parent / "cells.moc.fits").write_text("no MOC")
    assert run("run", recipe, "--resume").exit_code == 1


def test_run_looks_at_the_files_that_a_mask_reads(recipe):
    data = recipe.parent / "data.fits"
    mx.Band(lat=("0 deg", "9 deg")).write(data, GRID)
    recipe.write_text(TEXT.replace("{Band: {lat: [-5 deg, 5 deg]}}", "{Raster: data.fits}"))
    assert run("run", recipe).exit_code == 0
    later = (recipe.parent / "plane.fits").stat().st_mtime + 10
    assert "was written before" in run("run", recipe, "--resume").output
    os.utime(data, (later, later))
    assert run("run", recipe, "--resume").exit_code == 1


def test_run_refuses_what_needs_too_much(recipe):
    result = run("run", recipe, "--memory-limit", "1 kB")
    assert result.exit_code == 1
    assert "more than the limit" in result.output
    assert run("run", recipe, "--scheduler", "thread").exit_code == 2


def test_a_log_gets_lines_and_a_terminal_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_EVERY", 0.01)
    with cli._progress():
        cli_progress.expect(7)
        cli_progress.advance(3)
        seen = ""
        while "3 of 7 tiles written" not in seen:
            seen += capsys.readouterr().err
    monkeypatch.setattr(cli, "_REDRAWN", 0.01)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with cli._progress():
        cli_progress.expect(2)
        cli_progress.advance(1)
        while f"[{'#' * 20:<40}] 1 of 2 tiles" not in seen:
            seen += capsys.readouterr().err


def test_writing_says_how_far_it_is(tmp_path):
    with cli_progress.watching() as progress:
        mx.Band(lat=("0 deg", "9 deg")).write(tmp_path / "a.fits", GRID, chunks=30)
    assert progress.done == progress.total > 1


# ---- as a process


# Each command is `python -m maskexpr` in a fork of a process that has imported it.
FORKS = """
import json, os, runpy, sys
import maskexpr.cli
for number, (words, more) in enumerate(json.loads(sys.argv[1])):
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(f"{sys.argv[2]}/{name}{number}", os.O_WRONLY | os.O_CREAT), stream)
    os.environ.update(more)
    sys.argv = ["maskexpr", *words]
    runpy.run_module("maskexpr", run_name="__main__", alter_sys=True)
    sys.exit("the command came back")
"""


def forked(commands, folder):
    """How commands ended, each with more in its environment, and what they said, by files in a folder."""
    command = [sys.executable, "-c", FORKS, json.dumps(commands), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [
        {"code": int(code)}
        | {name: (folder / f"{name}{number}").read_text() for name in ("stdout", "stderr")}
        for number, code in enumerate(done.stdout.split())
    ]


SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """How four commands ended, and the scripts that complete commands in three shells."""
    files = filled(tmp_path_factory.mktemp("processes"))
    made, recipe, regions_of = (str(files / name) for name in ("made.fits", "mask.yaml", "few.reg"))
    commands = [["verify", made], ["verify", made, "--against", recipe], ["plan", regions_of], ["plan"]]
    asked = [([], {"_MASKEXPR_COMPLETE": f"{shell}_source"}) for shell in SHELLS]
    ended = forked([*((words, {}) for words in commands), *asked], files)
    return ended[: len(commands)], dict(zip(SHELLS, ended[len(commands) :], strict=True))


def test_exit_codes_of_a_process(processes):
    fine, broken, wrong, incomplete = processes[0]
    assert fine["code"] == 0
    assert broken["code"] == 3
    assert broken["stderr"].startswith("maskexpr: ")
    assert "Traceback" not in broken["stderr"]
    assert wrong["code"] == 1
    assert incomplete["code"] == 2


def test_served_until_ctrl_c(recipe):
    command = [sys.executable, "-m", "maskexpr", "serve", str(recipe)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as served:
        try:
            url = served.stdout.readline().strip()
            with urllib.request.urlopen(f"{url}about.json", timeout=60) as answer:
                assert "Band" in json.load(answer)["tree"]
            served.send_signal(signal.SIGINT)
            assert served.wait(60) == 130
            assert served.stderr.read() == "maskexpr: stopped\n"
        finally:
            served.kill()


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_completion(shell, processes):
    made = processes[1][shell]
    if "bash" in made["stderr"].lower():
        pytest.skip("the version of bash cannot be found out")
    assert "_MASKEXPR_COMPLETE" in made["stdout"]


SLIPS = [
    ("pln mask.yaml", 2, ("'plan'",)),
    ("plan none.yaml", 2, ("none.yaml",)),
    ("plan few.reg", 1, ("few.reg is a region file and no recipe", "maskexpr convert few.reg mask.yaml")),
    ("plan map.fits", 1, ("map.fits is a mask product", "maskexpr convert map.fits mask.yaml")),
    ("run map.fits", 1, ("map.fits is a mask product", "and no recipe")),
    ("show map.fits o.png", 1, ("map.fits is a mask product", "and no recipe")),
    ("serve map.fits", 1, ("map.fits is a mask product", "and no recipe")),
    ("plan mask.json", 1, ("an expression as JSON and no recipe", "maskexpr convert mask.json mask.yaml")),
    ("plan notes.txt", 1, ("notes.txt, line 1", "a recipe is a mapping")),
    ("plan bare.yaml", 1, ("no grid", "grid: {allsky:")),
    ("plan two.yaml", 1, ("several grids, a, b", "--grid NAME")),
    ("plan two.yaml --grid c", 2, ("'c'", "a, b")),
    ("plan wrong.yaml", 1, ("wrong.yaml, line 2", "did you mean 'Band'?")),
    ("run bare.yaml", 1, ("outputs: [mask.zarr]",)),
    ("run mask.yaml --scheduler thread", 2, ("threads, processes or tcp://",)),
    ("run mask.yaml --memory-limit lots", 1, ("'2 GB'", "'lots'")),
    ("run mask.yaml --workers 0", 2, ("--workers",)),
    ("show mask.yaml mask.pic", 1, ("a picture ends in", ".png")),
    ("show mask.yaml none/mask.png", 1, ("make it first",)),
    ("serve mask.yaml --frame gal", 1, ("did you mean 'galactic'?",)),
    ("info few.reg --from regoins", 2, ("'regions'",)),
    ("info map.fits --radius 3", 1, ("map.fits",)),
    # Another test may have registered a format of its own, which is named too.
    ("verify few.reg", 1, ("neither a FITS file nor", "zarr store")),
    ("verify map.fits --against few.reg", 3, ("pixels of rows 0 to 89, columns 0 to 179 are not",)),
    ("info sources.ecsv", 1, ("maskexpr: sources.ecsv is a catalogue, which needs a radius",)),
    ("convert few.reg o.reg --radius 1deg", 1, ("few.reg is a region file, which takes no radius",)),
    ("convert sources.ecsv o.reg --radius 1deg --where x>1", 1, ("'x'",)),
    ("convert few.reg o.moc.fits", 1, ("(--order), or a HEALPix grid (--grid)",)),
    ("convert mask.yaml o.moc.fits", 1, ("(--order), or a HEALPix grid (--grid)",)),
    ("convert few.reg o.moc.fits --order 3 --grid mask.yaml", 1, ("not of both",)),
    ("convert few.reg few.png", 1, ("known endings are", ".moc.fits")),
    ("convert few.reg few.fit --grid mask.yaml", 1, ("did you mean '.fits'?",)),
    ("convert few.reg few.fits", 1, ("--grid",)),
    ("convert few.reg few.json --grid mask.yaml", 1, ("few.json", "leave out --grid")),
    ("convert few.reg few.json --order 3", 1, (".moc.fits",)),
    ("convert few.reg few.reg", 1, ("--overwrite",)),
]


@pytest.fixture
def slips(recipe, monkeypatch):
    """A folder of files, to be in."""
    folder = recipe.parent
    monkeypatch.chdir(folder)
    (folder / "few.reg").write_text("icrs;circle(1,2,3)")
    (folder / "bare.yaml").write_text("maskexpr: 1\nmask: AllSky\n")
    (folder / "wrong.yaml").write_text("maskexpr: 1\nmask: {Bnd: {lat: [-5 deg, 5 deg]}}\n")
    grid = "{allsky: {binsz: 9 deg}}"
    (folder / "two.yaml").write_text(f"maskexpr: 1\nmask: AllSky\ngrids: {{a: {grid}, b: {grid}}}\n")
    (folder / "mask.json").write_text(mx.dumps(mx.AllSky()))
    (folder / "notes.txt").write_text("nothing tonight")
    Table({"RA": [83.6] * u.deg, "DEC": [22.0] * u.deg}).write(folder / "sources.ecsv")
    mx.AllSky().write("map.fits", GRID)


@pytest.mark.parametrize(("typed", "code", "words"), SLIPS, ids=[typed for typed, _, _ in SLIPS])
@pytest.mark.usefixtures("slips")
def test_slip(typed, code, words):
    """One line that says what to write; never a traceback, never silence."""
    result = run(*typed.split())
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    for word in words:
        assert word in result.output

"""The command line: what it prints, writes and exits with."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import maskexpr as mx
from maskexpr.cli import main

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

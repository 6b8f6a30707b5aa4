"""The scripts of three users run, and use no name that the reference does not have."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import maskexpr as mx

from .pages import ROOT, close_figures
from .test_docs import REFERENCE, listed

USERS = ("gamma_ray", "large_maps", "notebook")


def names_of_ours(path: Path) -> set[str]:
    """Attributes of ``mx``, and every attribute or method that has the name of one of ours."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    ours = {name.rpartition(".")[2] for name in REFERENCE["public_methods"]()}
    found = set()
    for node in nodes:
        of_the_package = isinstance(node.value, ast.Name) and node.value.id == "mx"
        if of_the_package or node.attr in ours:
            found.add(node.attr)
    return found


@pytest.mark.parametrize("name", USERS)
def test_names_are_in_the_reference(name: str) -> None:
    found = names_of_ours(ROOT / f"examples/{name}.py")
    assert len(found) > 8
    known = {part for each in listed() for part in (each, each.rpartition(".")[2])}
    assert found - known == set()


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text("import maskexpr as mx\nmx.Nothing('x').on(1).mean()\n")
    assert names_of_ours(path) == {"Nothing", "on"}


def test_gamma_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from examples.gamma_ray import main, masks
    from examples.simulate_crab import CATALOG, DATASET, simulate

    data = simulate(tmp_path / "simulated")
    monkeypatch.chdir(tmp_path)
    main(str(data / DATASET), str(data / CATALOG))
    fit, exclusion, geom = masks(data / DATASET, data / CATALOG)
    read = mx.read_mask("mask_fit.fits")
    assert read.shape == geom.shape
    assert read.any(("y", "x")).values.tolist() == [True, True, True, True, False]
    np.testing.assert_array_equal(read.values, fit.compute(geom).values)
    assert 0 < mx.read_mask("exclusion.fits.gz").mean() < 1
    assert not exclusion.contains(geom.center_skydir, geom=geom.to_image())


def test_large_maps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("zarr")
    from examples.large_maps import galactic_mask, main

    folder = main(tmp_path / "large", binsz="1 deg")
    sky = mx.WcsGeom.allsky(binsz="1 deg", frame="galactic")
    assert mx.verify(folder / "keep.zarr", against=galactic_mask())
    printed = capsys.readouterr().out
    assert f"f_sky {float(galactic_mask().fsky(sky)):.4f}, weighted 0." in printed
    assert galactic_mask().plan(sky, chunks=18).n_mixed < 0.5 * galactic_mask().plan(sky, chunks=18).n_tiles


def test_large_maps_on_a_cluster(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    distributed = pytest.importorskip("distributed")
    from examples.large_maps import main

    options: dict[str, Any] = {"processes": False, "dashboard_address": "127.0.0.1:0", "protocol": "tcp"}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, **options) as cluster:
        folder = main(tmp_path / "large", binsz="2 deg", scheduler=cluster.scheduler_address, tiles=3)
    assert mx.verify(folder / "keep.zarr")


def test_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    try:
        left = runpy.run_path(str(ROOT / "examples/notebook.py"))
    finally:
        close_figures()
    assert left["plan"].n_mixed < 0.5 * left["plan"].n_tiles
    assert "[False  True]" in capsys.readouterr().out


# ---- the gallery


def test_the_gallery_shows_every_node() -> None:
    """The page itself runs with the others."""
    from maskexpr.expr.structure import NODES

    text = (ROOT / "docs/gallery.md").read_text(encoding="utf-8")
    drawn = re.findall(r'^\w+\(\s*"(\w+)"', text, re.MULTILINE)
    shown = re.findall(r"^!\[.+\]\(images/gallery/(\w+)\.png\)$", text, re.MULTILINE)
    assert drawn == shown
    nodes = {tag: cls for tag, cls in NODES.items() if cls.__module__.startswith("maskexpr.")}
    assert set(nodes) - set(drawn) == set()
    assert [cls.__name__ for cls in nodes.values() if f"\n### {cls.__name__}\n" not in text] == []


def test_pictures_of_a_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from examples.page_images import draw

    page = tmp_path / "page.md"
    page.write_text(
        "```python\nfrom examples.gallery import show\nimport maskexpr as mx\n```\n\n<!-- no-run -->\n"
        "```python\nshow('never', None)\n```\n\n```python\nshow('nothing', mx.NoSky())\n```\n"
    )
    assert draw(page, tmp_path / "images") == [tmp_path / "images/nothing.png"]
    assert (tmp_path / "images/nothing.png").stat().st_size > 500

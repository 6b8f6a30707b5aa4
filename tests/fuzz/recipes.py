"""Recipes: YAML texts of masks, grids and files."""

from __future__ import annotations

from pathlib import Path
from random import Random

import maskexpr as mx

from .kind import PLACES, SOME, Kind, fixed, use_mask
from .mutate import mutate_text, words
from .watch import has_been_read

__all__ = ["RECIPES"]

PLAIN = b"""maskexpr: 1
parts:
  sources: {Catalog: {positions: {lon: [10, 11.5], lat: [20, 21], unit: deg}, radius: 0.3 deg}}
  plane: {Band: {lat: [-5 deg, 5 deg], frame: galactic}}
  drawn: {Region: "icrs;box(10,20,1,0.5,45)"}
mask: {And: [{Not: {Dilate: {mask: {Or: [sources, drawn]}, radius: 0.1 deg}}}, {Not: plane}]}
grid: {create: {skydir: [10, 20], npix: [12, 9], binsz: 2 deg, proj: TAN, frame: icrs}}
outputs: [exclusion.zarr, {path: exclusion.fits, overwrite: true}]
"""
SHAPES = b"""maskexpr: 1
mask:
  Xor:
    - Region: {spec: {polygon: {lon: [9, 12, 12], lat: [19, 19, 22], frame: icrs, larger_side: false}}}
    - {Region: {spec: {circle: {lon: 10, lat: 20, radius: 1.0, frame: icrs}}, metric: sky}}
    - Boundary: 1 deg
    - {Open: {mask: {Band: {lon: [350 deg, 10 deg]}}, radius: [1 deg, 2 deg], kernel: box}}
grids:
  cube:
    allsky: {binsz: 30 deg, axes: [{name: energy, lo: 1 GeV, hi: 1 TeV, nbin: 3}]}
  other: {allsky: {binsz: [20, 10], frame: galactic, proj: AIT}}
"""
DATA = b"""maskexpr: 1
parts:
  busy: {Threshold: {data: {path: absent.fits, hdu: 1, digest: "sha256:00"}, op: ">", value: 3 1/s}}
  read: {Catalog: {path: absent.fits, radius: 0.3 deg, where: "a > 3"}}
  few: {Region: {path: absent.reg}}
mask: busy
grid: {header: absent.fits}
"""
PIECES = b"""maskexpr: 1
mask: {AxisRange: {name: energy, lo: 1 TeV, hi: 10 TeV, round_to_edge: false}}
"""
FIELDS = b"""maskexpr: 1
mask: {RemoveSmall: {mask: {FillHoles: {mask: AllSky, max_area: 3 deg2}}, min_area: 20 pix2, connectivity: 8}}
grid: {allsky: {binsz: 30 deg}}
"""


def _use_recipe(path: Path, data: bytes, random: Random) -> None:
    path.write_bytes(data)
    recipe = mx.Recipe.read(path)
    has_been_read()
    use_mask(recipe.mask, random)
    for grid in recipe.grids.values():
        repr(grid)
        grid.contains(PLACES)
        if random.randrange(SOME) == 0:
            recipe.mask.plan(grid)


RECIPES = Kind(
    lambda: [PLAIN, SHAPES, DATA, PIECES, FIELDS],
    lambda random, seeds: mutate_text(random, seeds, words("recipes")),
    _use_recipe,
    fixed(".yaml"),
)

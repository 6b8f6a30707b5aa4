"""Saved expressions."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

import maskexpr as mx

from .kind import GEOM, Kind, fixed, use_mask
from .mutate import mutate_json, words

__all__ = ["EXPRESSIONS"]


@cache
def expressions() -> list[bytes]:
    """Expressions that hold every node, and most shapes."""
    disk = mx.Region("icrs;circle(10,20,5)")
    sources = mx.Catalog(SkyCoord([10, 11], [20, 21], unit="deg"), [1, 2] * u.deg)
    data = (np.arange(108.0).reshape(9, 12), GEOM)
    shapes = mx.Region(
        "icrs;ellipse(10,20,3,1,30);-box(10,20,1,2,3);polygon(9,19,12,19,12,22);annulus(10,20,1,2)\ngalactic;circle(0,0,3)"
    )
    masks = [
        ~(disk | sources) ^ mx.Band(lat=("-5 deg", "5 deg"), frame="galactic"),
        shapes & mx.AllSky() | mx.NoSky(),
        mx.Region("icrs;line(9,19,12,22);point(10,20)"),
        mx.Region("image;circle(5,5,3)", metric="pixel"),
        disk.dilate("1 deg").erode(2 * u.pix, metric="pixel").open("1 deg", kernel="box").close("1 deg"),
        mx.Threshold(data, ">", 50.0).fill_holes().remove_small("3 deg2"),
        mx.Hysteresis(data, 20, 50) | mx.Raster((data[0] > 3, GEOM)),
        mx.Boundary("1 deg") & mx.AxisRange("energy", "1 TeV", "10 TeV"),
        mx.Threshold("absent.fits", ">", 3),
    ]
    made = [mx.dumps(each).encode() for each in masks]
    nodes = [{"tag": "region", **disk.to_dict()["nodes"][0]}, {"tag": "nosky"}]
    for i in range(2, 8):
        nodes.append({"tag": random_tag(i), "masks": [{"node": i - 1}, {"node": i - 1}, {"node": i - 2}]})
    return [*made, json.dumps({"maskexpr": 1, "nodes": nodes}).encode()]


def random_tag(i: int) -> str:
    return ("xor", "or", "xor", "and")[i % 4]


def _use_expression(path: Path, data: bytes, random: Random) -> None:
    mask = mx.loads(data)
    repr(mask), str(mask), hash(mask)
    assert mx.loads(mx.dumps(mask)) == mask
    use_mask(mask, random)


EXPRESSIONS = Kind(
    expressions,
    lambda random, seeds: mutate_json(random, seeds, words("expressions")),
    _use_expression,
    fixed(".json"),
    in_file=False,
)

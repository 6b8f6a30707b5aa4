"""Ellipses and annuli on a tangent plane, on the sphere and in the metric of the pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from regions import CircleAnnulusSkyRegion, EllipseSkyRegion, SkyRegion

import maskexpr as mx

from ..harness import Job, Task
from ..inputs import Whole

__all__ = ["TASKS"]

Bools = NDArray[np.bool_]
Metric = Literal["sky", "pixel"]

# Parts of the drawn area by which answers may differ. In the plane ours are those of regions 0.11, bit for
# bit; regions 0.12 takes a scale along each axis, some percent more away from the middle of a tangent plane.
_DIFFER: dict[Metric, float] = {"sky": 0.25, "pixel": 0.0 if version("regions").startswith("0.11") else 0.1}


@dataclass(frozen=True)
class Shapes:
    """Regions, and the grid to draw them on."""

    drawn: list[SkyRegion]
    geom: mx.WcsGeom
    metric: Metric


def _draw(kind: Callable[[SkyCoord, Any, Any, Any], SkyRegion], metric: Metric) -> Any:
    def data(rng: np.random.Generator, small: bool) -> Shapes:
        number, side = (20, 100) if small else (1000, 4000)
        geom = mx.WcsGeom.create(skydir=(83, 22), npix=(side, side), binsz=40 / side, proj="TAN")
        positions = geom.wcs.pixel_to_world(*rng.uniform(0, side, (2, number)))
        size = rng.uniform(0.2, 0.6, number) * (10 if small else 1) * u.deg
        ratio, angle = rng.uniform(0.3, 0.9, number), rng.uniform(0, 180, number) * u.deg
        return Shapes(list(map(kind, positions, size, size * ratio, angle)), geom, metric)

    return data


def _annulus(position: SkyCoord, width: Any, height: Any, angle: Any) -> SkyRegion:
    return CircleAnnulusSkyRegion(position, height / 2, width / 2)


def _ours(data: Shapes) -> Job:
    return Whole(lambda: (mx.Region(data.drawn, metric=data.metric), data.geom))


def _regions(data: Shapes) -> Job:
    def run() -> Bools:
        out = np.zeros(data.geom.image_shape, dtype=bool)
        for each in data.drawn:
            mask = each.to_pixel(data.geom.wcs).to_mask()
            large, small = mask.get_overlap_slices(out.shape)
            if large is not None:
                out[large] |= mask.data[small] > 0
        return out

    return run


def _agree(data: Shapes, ours: Bools, theirs: Bools) -> str:
    differ = np.count_nonzero(ours != theirs) / np.count_nonzero(theirs)
    assert differ <= _DIFFER[data.metric], f"the pixels of {differ:.1%} of the area differ"
    shape = (
        "on the sphere, where theirs are on the plane"
        if data.metric == "sky"
        else "on the plane, by the scale along the north"
    )
    return f"ours are {shape}: pixels of {differ:.2%} of the area differ"


def _task(key: str, name: str, kind: Any, metric: Metric) -> Task:
    work = f"1,000 {name}, TAN 4000^2, metric='{metric}'"
    peer = "regions to_mask, in a loop"
    return Task(key, work, peer, ("regions",), 1 / 10, 1 / 50, _draw(kind, metric), _ours, _regions, _agree)


TASKS = (
    _task("ellipses-sky", "ellipses", EllipseSkyRegion, "sky"),
    _task("ellipses-pixel", "ellipses", EllipseSkyRegion, "pixel"),
    _task("annuli-sky", "annuli", _annulus, "sky"),
    _task("annuli-pixel", "annuli", _annulus, "pixel"),
)

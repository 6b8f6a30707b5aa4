"""Polygons on maps of the whole sky: ours by great circles, the peers' by straight lines between pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from regions import PolygonSkyRegion

import maskexpr as mx

from ..harness import Job, Task
from ..inputs import Whole

__all__ = ["TASKS"]

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Polygons:
    """Vertices, shape (polygons, vertices), and the size of a pixel in degrees."""

    positions: SkyCoord
    binsz: float

    @property
    def geom(self) -> mx.WcsGeom:
        return mx.WcsGeom.allsky(binsz=self.binsz, proj="CAR")

    @property
    def corners(self) -> list[NDArray[np.float64]]:
        """Vertices of each polygon in pixels, x and y."""
        y, x = self.geom.pixel(self.positions.ra.deg, self.positions.dec.deg)
        return list(np.stack([x, y], axis=-1))


def _star(lon: Any, lat: Any, away: NDArray[np.float64]) -> SkyCoord:
    """Vertices round centres, at distances (degrees) in even directions, shape (centres, vertices)."""
    turn = np.arange(away.shape[1]) * (360 / away.shape[1])
    return SkyCoord(lon[:, None], lat[:, None], unit="deg").directional_offset_by(turn * u.deg, away * u.deg)


def _many(rng: np.random.Generator, small: bool) -> Polygons:
    number, size, binsz = (20, 8.0, 0.5) if small else (10_000, 1.0, 0.05)
    # Away from poles and seam, where straight lines between pixels mean something else.
    lon, lat = rng.uniform(-165, 165, number), rng.uniform(-60, 60, number)
    return Polygons(_star(lon, lat, size * rng.uniform(0.5, 1, (number, 8))), binsz)


def _footprint(rng: np.random.Generator, small: bool) -> Polygons:
    number, binsz = (100, 0.5) if small else (10_000, 0.05)
    wave = np.sin(np.arange(number) * (14 * np.pi / number))
    away = 45 + 4 * wave + rng.uniform(-0.3, 0.3, number)
    return Polygons(_star(np.zeros(1), np.zeros(1), away[None]), binsz)


def _ours(data: Polygons) -> Job:
    drawn = [PolygonSkyRegion(each) for each in data.positions]
    return Whole(lambda: (mx.Region(drawn), data.geom))


def _pil(data: Polygons) -> Job:
    from PIL import Image, ImageDraw

    corners, (ny, nx) = [each.ravel().tolist() for each in data.corners], data.geom.image_shape

    def run() -> Bools:
        image = Image.new("1", (nx, ny))
        draw = ImageDraw.Draw(image)
        for each in corners:
            draw.polygon(each, fill=1)
        return np.asarray(image)

    return run


def _opencv(data: Polygons) -> Job:
    import cv2

    corners, shape = [np.rint(each).astype(np.int32) for each in data.corners], data.geom.image_shape

    def run() -> Bools:
        image = np.zeros(shape, dtype=np.uint8)
        for each in corners:
            cv2.fillPoly(image, [each], 1)
        return image.view(bool)

    return run


def _agree(data: Polygons, ours: Bools, theirs: Bools) -> str:
    differ = np.count_nonzero(ours != theirs) / np.count_nonzero(theirs)
    assert differ < 0.25, f"the pixels of {differ:.0%} of the area differ"
    return (
        f"other edges: great circles and straight lines, which differ in pixels of {differ:.1%} of the area"
    )


def _task(key: str, work: str, peer: tuple[str, str, Any], bars: tuple[float, float], data: Any) -> Task:
    name, module, theirs = peer
    return Task(key, work, name, (module,), *bars, data, _ours, theirs, _agree)


_PIL = ("PIL ImageDraw.polygon", "PIL", _pil)
_OPENCV = ("cv2.fillPoly", "cv2", _opencv)
_MANY = "10^4 polygons of 8 vertices, CAR 0.05 deg, right on the sphere"
_ONE = "a footprint of 10^4 vertices, CAR 0.05 deg"

TASKS = (
    _task("polygons-pil", _MANY, _PIL, (1.0, 1 / 4), _many),
    _task("polygons-opencv", _MANY, _OPENCV, (3.0, 1.0), _many),
    _task("footprint-opencv", _ONE, _OPENCV, (20.0, 6.0), _footprint),
)

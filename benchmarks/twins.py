"""Cliffs: random masks on grids of every kind, each held against itself on a map of parallels and meridians.

``python -m benchmarks.twins [--seed N] [--minutes M]``; ``--case N`` replays one. A line for each that takes
more than `_LEAST` seconds of processor and more than `_MOST` times its twin.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import dask
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx

from .patience import TooSlow, limited

__all__ = ["Case", "drawn", "main"]

_LEAST, _MOST = 0.4, 10.0
# Seconds of processor after which a job is given up.
_LATE: Final = 60

_SIZE: Final = 0.5
TWIN: Final = mx.WcsGeom.allsky(binsz=_SIZE, proj="CAR")
GRIDS: Final[dict[str, Any]] = {
    **{code: mx.WcsGeom.allsky(binsz=_SIZE, proj=code) for code in ("AIT", "MOL", "SFL", "TSC")},
    **{
        code: mx.WcsGeom.create(skydir=(180, -50), npix=(500, 500), binsz=_SIZE, proj=code)
        for code in ("ZEA", "STG", "TAN")
    },
    "slanted CAR": mx.WcsGeom.create(skydir=(30, 40), npix=(720, 360), binsz=_SIZE, proj="CAR"),
    "HEALPix": mx.HpxGeom(order=7),
}
_CHUNKS: Final = ("auto", "64", "rows", "columns")


class Case(NamedTuple):
    """A mask, what it is called, and how maps are cut."""

    name: str
    mask: mx.Mask
    chunks: str

    def chunks_on(self, geom: Any) -> Any:
        """What `mask.on` is told: squares, or strips of eight pixels along the map or across it."""
        if self.chunks == "auto":
            return "auto"
        if isinstance(geom, mx.HpxGeom):
            return 2 if self.chunks == "64" else 3
        ny, nx = geom.image_shape
        return {"64": 64, "rows": (8, nx), "columns": (ny, 8)}[self.chunks]


def drawn(seed: int) -> Case:
    """The case of a seed.

    Examples
    --------
    >>> drawn(3).name == drawn(3).name
    True
    """
    rng = np.random.default_rng(seed)
    name, mask = _leaf(rng)
    for _ in range(rng.integers(3)):
        verb = str(rng.choice(["dilate", "erode", "open", "close", "holes"]))
        degrees = 10 ** rng.uniform(-0.5, 1.0)
        mask = mask.fill_holes() if verb == "holes" else getattr(mask, verb)(degrees * u.deg)
        name += f", {verb} {degrees:.2f}"
    return Case(name, mask, str(rng.choice(_CHUNKS)))


def _leaf(rng: np.random.Generator) -> tuple[str, mx.Mask]:
    """Shapes in one place or all over the sky."""
    kind = str(rng.choice(["circle", "ellipse", "box", "annulus", "polygon"]))
    number = int(10 ** rng.uniform(0, 4 if kind == "circle" else 2))
    place, lon, lat = _places(rng, number)
    size = 10 ** rng.uniform(-1, 1.4) * rng.uniform(0.5, 1, number)
    name = f"{number} x {kind} of {size.max():.2f}, {place}"
    if kind == "circle":
        return name, mx.Catalog(SkyCoord(lon, lat, unit="deg"), size * u.deg)
    turn = rng.uniform(0, 180, number)
    rows = [_written(kind, *row) for row in zip(lon, lat, size, turn, strict=True)]
    return name, mx.Region(f"icrs;{';'.join(rows)}")


def _places(rng: np.random.Generator, number: int) -> tuple[str, Any, Any]:
    place = str(rng.choice(["sky", "clump", "seam", "pole"]))
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
    if place == "pole":
        lat = 90 - np.abs(rng.normal(0, 5, number))
    elif place != "sky":
        lat = rng.normal(30 if place == "clump" else -50, 5, number)
    middle, spread = {"clump": (40, 5), "seam": (180, 2)}.get(place, (180, 0))
    lon = rng.normal(middle, spread, number) if spread else rng.uniform(0, 360, number)
    return place, lon % 360, lat


def _written(kind: str, lon: float, lat: float, size: float, turn: float) -> str:
    """A shape in the words of DS9."""
    if kind == "annulus":
        return f"annulus({lon},{lat},{0.6 * size},{size})"
    if kind != "polygon":
        return f"{kind}({lon},{lat},{size},{0.4 * size},{turn})"
    angles = (turn + np.arange(0, 360, 60)) * u.deg
    corners = SkyCoord(lon, lat, unit="deg").directional_offset_by(angles, size * u.deg)
    return f"polygon({','.join(f'{a},{b}' for a, b in zip(corners.ra.deg, corners.dec.deg, strict=True))})"


def _seconds(case: Case, geom: Any) -> float:
    """Processor time of a mask on a grid, by one thread; infinite if it is given up."""
    start = time.process_time()
    try:
        with limited(_LATE), dask.config.set(scheduler="synchronous"):
            case.mask.on(geom, chunks=case.chunks_on(geom)).compute()
    except TooSlow:
        return np.inf
    return time.process_time() - start


def compared(case: Case, grids: dict[str, Any], twin: Any = TWIN) -> Iterator[tuple[str, float, float]]:
    """The grids on which a mask takes too long, with how long it takes there and on the twin."""
    base = _seconds(case, twin)
    for name, geom in grids.items():
        taken = _seconds(case, geom)
        if taken > max(_LEAST, _MOST * base):
            yield name, taken, base


def main(arguments: list[str] | None = None) -> int:
    """The command; exit code 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.twins", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="case of the first draw; the next ones count on")
    parser.add_argument("--minutes", type=float, default=30.0, help="processor time")
    parser.add_argument("--case", type=int, help="replay one case")
    options = parser.parse_args(arguments)
    seed, found = options.seed if options.case is None else options.case, 0
    stop = time.process_time() + 60 * options.minutes
    while time.process_time() < stop:
        case = drawn(seed)
        for name, taken, base in compared(case, GRIDS):
            found += 1
            print(f"case {seed}, {name}, chunks {case.chunks}: {taken:.2f} s for {base:.2f} s; {case.name}")
            sys.stdout.flush()
        seed += 1
        if options.case is not None:
            break
    print(f"{found} found up to case {seed - 1}")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())

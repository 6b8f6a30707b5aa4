"""Time against size: sources, pixels, chunks, operands; each at most linear. Draws the plot in the docs."""

from __future__ import annotations

import functools
import math
import operator
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import astropy.units as u
import dask
import numpy as np
from regions import EllipseSkyRegion

import maskexpr as mx

from .harness import THREADS, Job, back_memory
from .inputs import computed, fermi, uniform
from .machine import machine
from .report import bar, seconds, times

__all__ = ["SERIES", "Series", "grow", "tenth"]

_ROOT = Path(__file__).resolve().parent.parent
PLOT = _ROOT / "docs" / "images" / "growth.png"
PAGE = Path(__file__).parent / "GROWTH.md"

# How much steeper than a line a step may be: timings have noise, memory has caches.
_SLACK = 1.25


@dataclass
class Series:
    """Seconds against a size that grows.

    Attributes
    ----------
    title, size : str
        What is done, and what grows.
    sizes, small : tuple of int
        The sizes, and those of the quick version.
    job : callable
        ``job(size)`` gets ready and returns what is timed.
    """

    title: str
    size: str
    sizes: tuple[int, ...]
    small: tuple[int, ...]
    job: Callable[[int], Job]
    seconds: list[float] = field(default_factory=list)

    def run(self, small: bool) -> None:
        """Time each size; the better of two."""
        self.sizes = self.small if small else self.sizes
        self.job(self.sizes[0])()
        self.seconds = [_timed(self.job, size) for size in self.sizes]

    @property
    def steps(self) -> Iterator[float]:
        """For each step, the time's growth over the size's: 1 is linear."""
        pairs = zip(self.sizes, self.seconds, strict=True)
        small, large = list(pairs)[:-1], list(zip(self.sizes, self.seconds, strict=True))[1:]
        for (n, a), (m, b) in zip(small, large, strict=True):
            yield (b / a) / (m / n)

    @property
    def exponent(self) -> float:
        """The power of the size that the time grows by, from the first size to the last."""
        return math.log(self.seconds[-1] / self.seconds[0]) / math.log(self.sizes[-1] / self.sizes[0])

    @property
    def linear(self) -> bool:
        return max(self.steps) <= _SLACK


def _timed(job: Callable[[int], Job], size: int) -> float:
    """Seconds; the better of two where they are short enough to be noisy."""
    best = math.inf
    for _ in range(2):
        run = job(size)
        back_memory()
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
        if best > 5:
            break
    return best


def _of_sources(number: int) -> Job:
    positions = uniform(np.random.default_rng(number), number)
    geom = mx.WcsGeom.allsky(binsz=0.05, frame="icrs")
    return lambda: computed(mx.Catalog(positions, 1 * u.arcmin), geom)


def _of_pixels(number: int) -> Job:
    positions = fermi(np.random.default_rng(number))
    geom = mx.WcsGeom.allsky(binsz=360 / math.sqrt(2 * number), frame="galactic")
    return lambda: computed(mx.Catalog(positions, 0.3 * u.deg), geom)


def _of_pixels_grown(verb: str, depth: int = 1) -> Callable[[int], Job]:
    """Sources grown by 0.5 deg, or opened, on an all-sky map with a limb, as often as ``depth`` says."""

    def job(number: int) -> Job:
        mask: mx.Mask = mx.Catalog(fermi(np.random.default_rng(1)), 0.3 * u.deg)
        for _ in range(depth):
            mask = getattr(mask, verb)(0.5 * u.deg)
        geom = mx.WcsGeom.allsky(binsz=360 / math.sqrt(2 * number), frame="galactic", proj="AIT")
        return lambda: computed(mask, geom)

    return job


def _of_chunks(number: int) -> Job:
    positions = fermi(np.random.default_rng(number))
    geom = mx.WcsGeom.allsky(binsz=0.05, frame="galactic")
    side = math.ceil(geom.shape[1] / math.sqrt(2 * number))
    return lambda: mx.Catalog(positions, 0.3 * u.deg).on(geom, chunks=side).compute()


def _ellipses(number: int) -> mx.Mask:
    """A union of many regions that no rule merges."""
    rng = np.random.default_rng(number)
    positions = uniform(rng, number)
    angles = rng.uniform(0, 180, number) * u.deg
    drawn = [
        EllipseSkyRegion(position, 0.5 * u.deg, 0.2 * u.deg, angle)
        for position, angle in zip(positions, angles, strict=True)
    ]
    return functools.reduce(operator.or_, (mx.Region(each) for each in drawn))


def _of_operands(number: int) -> Job:
    mask, geom = _ellipses(number), mx.WcsGeom.allsky(binsz=0.1, frame="icrs")
    return lambda: computed(mask, geom)


SERIES = (
    Series(
        "circles of 1 arcmin, CAR 0.05 deg", "sources", (10**3, 10**4, 10**5, 10**6), (100, 1000), _of_sources
    ),
    Series(
        "4FGL circles of 0.3 deg, all-sky CAR",
        "pixels",
        (10**6, 10**7, 10**8, 10**9),
        (10**4, 10**5),
        _of_pixels,
    ),
    Series(
        "4FGL circles, CAR 0.05 deg, through dask",
        "chunks",
        (8, 32, 128, 512, 2048, 8192),
        (2, 8),
        _of_chunks,
    ),
    *(
        Series(
            f"4FGL circles {done} by 0.5 deg, all-sky AIT",
            "pixels",
            (259_200, 1_036_800, 1_620_000, 6_480_000),
            (10**4, 4 * 10**4),
            _of_pixels_grown(verb, depth),
        )
        for done, verb, depth in (
            ("dilated", "dilate", 1),
            ("opened", "open", 1),
            ("opened thrice", "open", 3),
        )
    ),
    Series("union of ellipses, CAR 0.1 deg", "operands", (10, 100, 1000, 10_000), (5, 20), _of_operands),
)


def tenth(small: bool = False) -> tuple[float, float]:
    """1,000 regions, and those where a band leaves a tenth of the tiles: ratios of tiles and of time."""
    number, binsz, chunk = (50, 1.0, 18) if small else (1000, 0.02, 450)
    whole, geom = _ellipses(number), mx.WcsGeom.allsky(binsz=binsz, frame="icrs")
    part = whole & mx.Band(lon=(0 * u.deg, 36 * u.deg), frame="icrs")
    tiles = [mask.plan(geom, chunks=chunk).n_mixed for mask in (whole, part)]
    taken = [_timed(lambda _, m=mask: lambda: m.compute(geom, chunks=chunk), 0) for mask in (whole, part)]
    return tiles[1] / tiles[0], taken[1] / taken[0]


def grow(small: bool = False) -> int:
    """Measure all series, write the table and the plot; 1 if one grows faster than linearly."""
    with dask.config.set(scheduler="threads", num_workers=THREADS):
        for series in SERIES:
            series.run(small)
            shown = ", ".join(map(seconds, series.seconds))
            print(f"{series.title}, {series.size}: {shown}; exponent {series.exponent:.2f}", flush=True)
        tiles, taken = tenth(small)
    page = _page(tiles, taken)
    print(page)
    if not small:
        PAGE.write_text(page, encoding="utf-8")
        _draw()
    return 0 if small or all(series.linear for series in SERIES) else 1


def _page(tiles: float, taken: float) -> str:
    rows = [
        ("what", "grows", "sizes", "seconds", "steepest step (1 is linear)", "exponent", "at most linear")
    ]
    for series in SERIES:
        sizes, took = ", ".join(f"{n:,}" for n in series.sizes), ", ".join(map(seconds, series.seconds))
        rows.append(
            (
                series.title,
                series.size,
                sizes,
                took,
                f"{max(series.steps):.2f}",
                f"{series.exponent:.2f}",
                "yes" if series.linear else "NO",
            )
        )
    return (
        f"# Growth\n\nMade by `python -m benchmarks --growth`; do not edit. {machine()}.\n\n"
        f"{times(rows)}\n\n"
        f"A union of 1,000 ellipses, and the same where a band of longitude leaves {bar(tiles)} of its tiles "
        f"to evaluate: it takes {bar(taken)} of the time.\n"
    )


def _draw() -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(SERIES), figsize=(3.25 * len(SERIES), 3.4), layout="constrained")
    for panel, series in zip(panels, SERIES, strict=True):
        first, last = series.sizes[0], series.sizes[-1]
        slope = series.seconds[-1] / last
        panel.loglog([first, last], [slope * first, slope * last], color="0.75", lw=1, label="linear")
        panel.loglog(series.sizes, series.seconds, "o-", color="#3b7ea8")
        panel.set(title=series.title, xlabel=series.size)
        panel.title.set_fontsize(9)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("seconds, expression to array")
    panels[0].legend(frameon=False)
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, dpi=110)
    plt.close(figure)

"""One case: a map, a mask and chunks, all from one seed; and what is wrong with it."""

from __future__ import annotations

import dataclasses
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import dask
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits

import maskexpr as mx
from benchmarks.patience import TooSlow, limited
from maskexpr.testing import brute_force, whole_tile

from .drawn import Drawn, NoOracle
from .lattice import TooLarge, lattice_cached, lattice_of, whole_sky
from .maps import LARGEST, header_text, random_geom
from .operators import Draw

# Pixels asked as positions.
ASKED = 200


# Seconds of processor time after which a case is given up.
SLOW = 8


@dataclass(frozen=True)
class Case:
    seed: int
    header: fits.Header
    geom: mx.WcsGeom
    drawn: Drawn
    chunks: object
    chunk_kind: str
    cut: tuple[slice, slice]


@dataclass(frozen=True)
class Fault:
    case: Case
    law: str
    detail: str


@dataclass
class Outcome:
    faults: list[Fault]
    oracle: str
    pixels: int = 0
    ties: int = 0


def draw(seed: int, depth: int = 3) -> Case:
    """The case of a seed, of at most so many operators on top of each other."""
    rng = np.random.default_rng(seed)
    header, geom = random_geom(rng)
    bare = lattice_of(header, 0.0)
    bins = geom.axes[0].nbin if geom.axes else 1
    # Leaves cost little and go wrong on large maps; where much can be combined the map is small.
    is_large = header["NAXIS1"] * header["NAXIS2"] > LARGEST
    odds = [0.6, 0.4, 0.0, 0.0] if is_large else [0.2, 0.4, 0.3, 0.1]
    drawn = Draw(rng, header, bare, bins, is_large).mask(min(depth, int(rng.choice(4, p=odds))))
    chunks, kind = _chunks(rng, geom.image_shape)
    cut = tuple(
        slice(int(a), int(a) + int(rng.integers(1, n + 1)))
        for n in geom.image_shape
        for a in [rng.integers(n)]
    )
    return Case(seed, header, geom, drawn, chunks, kind, cut)


def _chunks(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[object, str]:
    ny, nx = shape
    kind = str(rng.choice(["1 x N", "N x 1", "thin", "random", "square", "auto"]))
    if kind == "1 x N":
        return (1, nx), kind
    if kind == "N x 1":
        return (ny, 1), kind
    if kind == "thin":
        return (min(ny, int(rng.choice([2, 7, 8, 9]))), nx), kind
    if kind == "random":
        return (_cuts(rng, ny), _cuts(rng, nx)), kind
    return (int(rng.integers(3, 40)) if kind == "square" else "auto"), kind


def _cuts(rng: np.random.Generator, length: int) -> tuple[int, ...]:
    places = np.unique(rng.integers(0, length, int(rng.integers(1, 6))))
    edges = np.unique(np.concatenate([[0], places, [length]]))
    return tuple(np.diff(edges).tolist())


def check(case: Case) -> Outcome:
    """Hold a case against the oracle and the laws."""
    out = Outcome([], "oracle")
    with warnings.catch_warnings(), dask.config.set(scheduler="synchronous"):
        warnings.simplefilter("error")
        try:
            with limited(SLOW):
                for law, detail in _broken(case, out):
                    out.faults.append(Fault(case, law, detail))
        except TooSlow:
            out.oracle = f"given up after {SLOW} s"
        except Exception as err:  # whatever is raised here is a fault
            where = traceback.extract_tb(err.__traceback__)[-1]
            place = f"{where.filename.rsplit('/', 1)[-1]}:{where.name}"
            law = f"raises {type(err).__name__} in {place}"
            out.faults.append(Fault(case, law, f"{err}\n{traceback.format_exc()[-1500:]}"))
    return out


def _broken(case: Case, out: Outcome) -> Iterator[tuple[str, str]]:
    mask, geom = case.drawn.mask, case.geom
    lazy = mask.on(geom, chunks=case.chunks)
    put, computed = lazy.values, mask.compute(geom).values
    planes = list(np.ndindex(*geom.shape[:-2]))
    blind = computed
    if _can_be_blind(case):
        blind = np.stack([brute_force(mask, whole_tile(geom, plane)) for plane in planes]).reshape(geom.shape)
    y, x = case.cut
    bounds = _oracle(case, out)
    if bounds is not None:
        low, high = bounds
        out.pixels, out.ties = low.size, int((low != high).sum())
        for name, got in (("on", put), ("compute", computed), ("brute force", blind)):
            yield from _wrong(f"{name} against the oracle", got.reshape(low.shape), low, high)
    yield from _wrong("on equals compute", put, computed, computed)
    yield from _wrong("compute equals brute force", computed, blind, blind)
    yield from _wrong(
        "a slice of on equals the slice", lazy[..., y, x].values, computed[..., y, x], computed[..., y, x]
    )
    yield from _area(case, computed)
    yield from _positions(case, computed)


def _can_be_blind(case: Case) -> bool:
    """Whether the pixels that a mask has to look at, when it may not prune, are few."""
    bare = lattice_cached(header_text(case.header), 0.0)
    return case.drawn.reach == 0 or whole_sky(bare.wcs, bare.map_shape) is not None


def _wrong(law: str, got: np.ndarray, low: np.ndarray, high: np.ndarray) -> Iterator[tuple[str, str]]:
    missing, extra = low & ~got, got & ~high
    if missing.any() or extra.any():
        places = [tuple(int(i) for i in each) for each in np.argwhere(missing | extra)[:4]]
        yield (
            law,
            f"{int(missing.sum())} pixels missing, {int(extra.sum())} too many, of {got.size}; "
            f"selected {int(got.sum())}, right {int(low.sum())} to {int(high.sum())}; "
            f"first (..., y, x) {places}",
        )


def _oracle(case: Case, out: Outcome) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        lattice = lattice_cached(header_text(case.header), case.drawn.reach)
        planes = range(int(np.prod(case.geom.shape[:-2])))
        found = [case.drawn.bounds(lattice, plane) for plane in planes]
    except TooLarge:
        out.oracle = "laws only: the lattice beyond the map is not known"
        return None
    except NoOracle:
        out.oracle = "laws only: no oracle for this node on this map"
        return None
    low, high = (np.stack([each[i][lattice.here] for each in found]) for i in (0, 1))
    return low, high


def _area(case: Case, computed: np.ndarray) -> Iterator[tuple[str, str]]:
    got = np.atleast_1d(case.drawn.mask.area(case.geom).to_value("deg2"))
    each = np.degrees(np.degrees(case.geom.solid_angle().values))
    want = np.nansum(np.where(computed, each, 0.0), axis=(-2, -1)).ravel()
    if not np.allclose(
        np.broadcast_to(got.ravel(), want.shape), want, rtol=1e-9, atol=1e-12 * np.nansum(each)
    ):
        yield "area is that of the selected pixels", f"{got.tolist()} deg2, right {want.tolist()}"


def _positions(case: Case, computed: np.ndarray) -> Iterator[tuple[str, str]]:
    """`contains` at pixel centres is the pixel's value."""
    geom, rng = case.geom, np.random.default_rng(case.seed + 1)
    bare = lattice_cached(header_text(case.header), 0.0)
    rows, columns = np.nonzero(bare.own & bare.on_sky)
    if not len(rows):
        return
    some = rng.integers(0, len(rows), ASKED)
    rows, columns = rows[some], columns[some]
    lon, lat = (each[rows, columns] for each in bare.lonlat)
    there = SkyCoord(lon, lat, unit="deg", frame=bare.frame)
    got = case.drawn.mask.contains(there, geom=geom)
    want = np.broadcast_to(computed, geom.shape).reshape(-1, *geom.image_shape)[:, rows, columns]
    got = np.broadcast_to(got.reshape(-1, len(rows)), want.shape)
    yield from _wrong("contains equals the pixels", got, want, want)


def smaller(case: Case, law: str) -> Case:
    """The smallest part of the mask that breaks the same law, with the plainest chunks that do."""
    again = True
    while again:
        again = False
        for part in sorted(case.drawn.every(), key=lambda each: len(list(each.every())))[:-1]:
            other = dataclasses.replace(case, drawn=part)
            if _breaks(other, law):
                case, again = other, part is not case.drawn
                break
    for chunks in ("auto", (1, case.geom.image_shape[1]), 20):
        other = dataclasses.replace(case, chunks=chunks)
        if chunks != case.chunks and _breaks(other, law):
            return other
    return case


def _breaks(case: Case, law: str) -> bool:
    return any(fault.law == law for fault in check(case).faults)

"""Random leaves that are sets on the sphere: catalogues, bands and shapes, with the oracle's own formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.shapes import Polygon

from .drawn import Drawn
from .lattice import Lattice, sky_of, to_pixel, to_sky
from .sphere import TIE, Bounds, angle, below, lonlat, turned, unit

Rng = np.random.Generator


def place(rng: Rng, lattice: Lattice) -> tuple[float, float, str]:
    """A position: on or near the map, at a pole or the seam, anywhere."""
    frame = str(rng.choice(["icrs", "galactic"]))
    kind = rng.random()
    if kind < 0.6:
        ny, nx = lattice.map_shape
        spread = rng.uniform(-0.2, 1.2, 2)
        y, x = (np.rint(spread * (ny, nx)) if rng.random() < 0.3 else spread * (ny, nx)).tolist()
        lon, lat = (float(each[0]) for each in to_sky(lattice.wcs, np.array([y]), np.array([x])))
        if np.isfinite(lon + lat):
            lon, lat = (float(each) for each in lonlat(turned(unit(lon, lat), lattice.frame, frame)))
            return round(lon % 360, 5) % 360, round(lat, 5), frame
    if kind < 0.8:  # where projections are singular: at their reference, its antipode and the poles
        lon, lat = (float(each) for each in lattice.wcs.wcs.crval)
        at = [(lon, lat), ((lon + 180) % 360, -lat), (0.0, 90.0), (0.0, -90.0), (180.0, 0.0), (90.0, 45.0)]
        return *at[int(rng.integers(len(at)))], lattice.frame
    return round(rng.uniform(0, 359.9), 4), round(float(np.degrees(np.arcsin(rng.uniform(-1, 1)))), 4), frame


def size(rng: Rng, lattice: Lattice, most: float = 180.0) -> float:
    """Degrees: some pixels, part of the map, part of the sky."""
    scale = float(np.sqrt(np.abs(np.linalg.det(lattice.wcs.pixel_scale_matrix))))
    kind = rng.random()
    if kind < 0.35:
        found = scale * rng.uniform(0.2, 6)
    elif kind < 0.7:
        found = scale * max(lattice.map_shape) * rng.uniform(0.05, 0.7)
    else:
        found = float(rng.choice([rng.uniform(0, 180), 180, 90, 0.5, 12]))
    return float(f"{min(found, most):.6g}")


def circle(rng: Rng, lattice: Lattice) -> Drawn:
    lon, lat, frame = place(rng, lattice)
    radius = size(rng, lattice)

    def answer(on: Lattice, plane: int) -> Bounds:
        # So near to the antipode a chord, which a circle may be tested by, knows angles to 3e-8 only.
        tie = 1e-7 if radius > 179.9 else TIE
        return below(angle(on.vectors(frame), unit(lon, lat)), np.radians(radius), tie)

    return Drawn(mx.Region(f"{frame};circle({lon!r},{lat!r},{radius!r})"), "circle", answer)


def annulus(rng: Rng, lattice: Lattice) -> Drawn:
    lon, lat, frame = place(rng, lattice)
    inner, outer = sorted((size(rng, lattice), size(rng, lattice)))
    outer = max(outer, inner + 1e-3)
    if outer > 180:
        inner, outer = 10.0, 20.0

    def answer(on: Lattice, plane: int) -> Bounds:
        away = angle(on.vectors(frame), unit(lon, lat))
        in_, out = below(away, np.radians(inner)), below(away, np.radians(outer))
        return Bounds(out.low & ~in_.high, out.high & ~in_.low)

    return Drawn(mx.Region(f"{frame};annulus({lon!r},{lat!r},{inner!r},{outer!r})"), "annulus", answer)


def elongated(rng: Rng, lattice: Lattice) -> Drawn:
    lon, lat, frame = place(rng, lattice)
    is_box = bool(rng.random() < 0.5)
    a, b = max(size(rng, lattice, 170), 1e-6), max(size(rng, lattice, 170), 1e-6)
    turn = round(float(rng.choice([0, 90, rng.uniform(-180, 360)])), 3)
    half = np.radians([a, b]) / (2 if is_box else 1)

    def answer(on: Lattice, plane: int) -> Bounds:
        xyz, centre = on.vectors(frame), unit(lon, lat)
        east = unit(lon + 90.0, 0.0)
        north = np.cross(centre, east)
        away = angle(xyz, centre)
        # Position angle from north through east; at 0 the width lies along the longitude.
        pa = np.arctan2(np.tensordot(east, xyz, axes=1), np.tensordot(north, xyz, axes=1))
        along = away * np.cos(pa - np.radians(90.0 + turn))
        across = away * np.sin(pa - np.radians(90.0 + turn))
        # Where the direction from the centre is lost, so is the answer.
        tie = TIE + np.where(np.sin(away) < 1e-6, away, 1e-15 / np.maximum(np.sin(away), 1e-9))
        if is_box:
            outside = np.maximum(np.abs(along) - half[0], np.abs(across) - half[1])
        else:
            outside = (np.hypot(along / half[0], across / half[1]) - 1.0) * min(half)
        return below(outside, 0.0, np.where(away < 1.0, TIE, tie))

    name = "box" if is_box else "ellipse"
    return Drawn(mx.Region(f"{frame};{name}({lon!r},{lat!r},{a!r},{b!r},{turn!r})"), name, answer)


def polygon(rng: Rng, lattice: Lattice) -> Drawn:
    """A polygon that its centre sees all of: concave as a rule, never crossing itself; or its larger side."""
    lon, lat, frame = place(rng, lattice)
    number = int(rng.integers(3, 12))
    most = max(size(rng, lattice, 80.0), 1e-4)
    centre = unit(lon, lat)
    east = unit(lon + 90.0, 0.0)
    north = np.cross(centre, east)
    turn = 2 * np.pi * (np.arange(number) + rng.uniform(0.1, 0.8, number)) / number
    away = np.radians(most * rng.uniform(0.2, 1.0, number))
    ring = np.outer(centre, np.cos(away)) + (
        np.outer(east, np.sin(turn)) + np.outer(north, np.cos(turn))
    ) * np.sin(away)
    at = [(round(float(a) % 360, 6) % 360, round(float(b), 6)) for a, b in zip(*lonlat(ring), strict=True)]
    ring, larger = unit(*np.array(at).T), bool(rng.random() < 0.15)
    gaps = np.diff(np.concatenate([turn, turn[:1] + 2 * np.pi]))
    if len(set(at)) < number or gaps.max() > 0.95 * np.pi:
        return circle(rng, lattice)

    def answer(on: Lattice, plane: int) -> Bounds:
        xyz = on.vectors(frame)
        crossed, unsure = _crossings(xyz, centre, ring)
        cosine = np.tensordot(centre, xyz, axes=1)
        near = cosine > (centre @ ring).min() - 1e-6
        inside, unsure = near & (crossed % 2 == 0), unsure & near
        inside = ~inside if larger else inside
        return Bounds(inside & ~unsure, inside | unsure)

    lons, lats = np.array(at).T.tolist()
    shape = Polygon(lons, lats, frame, larger_side=larger)
    return Drawn(mx.Region(shape), "polygon" + " (larger side)" * larger, answer)


def _crossings(xyz: np.ndarray, start: np.ndarray, ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many edges the arcs from a point to others cross, all in one hemisphere; where that is unsure."""
    ways = np.cross(start[:, None, None], xyz, axis=0)
    length = np.maximum(np.linalg.norm(ways, axis=0), 1e-300)
    number, unsure = np.zeros(xyz.shape[1:], dtype=int), np.zeros(xyz.shape[1:], dtype=bool)
    for a, b in zip(ring.T, np.roll(ring, -1, axis=1).T, strict=True):
        edge = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
        of_a, of_b = (np.tensordot(each, ways, axes=1) / length for each in (a, b))
        here, there = edge @ start, np.tensordot(edge, xyz, axes=1)
        number += (of_a * of_b < 0) & (here * there < 0)
        # Beside a vertex a crossing of one edge may be taken for that of the next.
        unsure |= (np.abs(there) < 3 * TIE) | (
            (np.minimum(np.abs(of_a), np.abs(of_b)) < 1e-12) & (length > 1e-9)
        )
    return number, unsure


def band(rng: Rng, lattice: Lattice) -> Drawn:
    lon, lat, frame = place(rng, lattice)
    half = size(rng, lattice)
    lats = lons = None
    kind = rng.random()
    if kind < 0.7:
        lats = (max(-90.0, round(lat - half, 4)), min(90.0, round(lat + half * rng.uniform(0.1, 1), 4)))
    if kind > 0.5 or lats is None or lats[0] >= lats[1]:
        lats = None if lats is None or lats[0] >= lats[1] else lats
        lons = (round((lon - half) % 360, 4), round((lon + max(0.01, half * rng.uniform(0.1, 0.9))) % 360, 4))
        if lons[0] == lons[1]:
            lons = (10.0, 20.0)

    def answer(on: Lattice, plane: int) -> Bounds:
        x, y = sky_of(on, frame)
        low, high = np.ones(on.shape, bool), np.ones(on.shape, bool)
        tie = np.degrees(TIE)
        if lats is not None:
            low &= (y > lats[0] + tie) & (y < lats[1] - tie)
            high &= (y > lats[0] - tie) & (y < lats[1] + tie)
        if lons is not None:
            width, east = (lons[1] - lons[0]) % 360, (x - lons[0]) % 360
            with np.errstate(divide="ignore", invalid="ignore"):
                tie = tie / np.cos(np.radians(y))
            low &= (east > tie) & (east < width - tie)
            high &= (east < width + tie) | (east > 360 - tie)
        return Bounds(low, high)

    given = {name: each * u.deg for name, each in (("lon", lons), ("lat", lats)) if each is not None}
    return Drawn(mx.Band(**given, frame=frame), "band", answer)


def catalog(rng: Rng, lattice: Lattice, bins: int = 1) -> Drawn:
    number = int(rng.choice([0, 1, 3, 20, 150], p=[0.05, 0.25, 0.3, 0.3, 0.1]))
    frame = str(rng.choice(["icrs", "galactic"]))
    at = []
    for _ in range(number):
        lon, lat, other = place(rng, lattice)
        at.append([float(each) for each in lonlat(turned(unit(lon, lat), other, frame))])
    lon, lat = np.array(at).reshape(-1, 2).T
    limit = 180.0 if number < 4 else 20.0
    if rng.random() < 0.4:
        radius = np.array(size(rng, lattice, limit))
    else:
        radius = np.array([size(rng, lattice, limit) for _ in range(number)])
    several = bins > 1 and number > 0 and rng.random() < 0.5
    if several:
        radius = np.outer(np.broadcast_to(radius, number), np.linspace(1.0, 0.2, bins))

    def answer(on: Lattice, plane: int) -> Bounds:
        low, high = np.zeros(on.shape, bool), np.zeros(on.shape, bool)
        radii = np.broadcast_to(radius[:, plane] if several else radius, number)
        for a, b, r in zip(lon, lat, radii, strict=True):
            one = below(angle(on.vectors(frame), unit(a, b)), np.radians(r))
            low, high = low | one.low, high | one.high
        return Bounds(low, high)

    positions = SkyCoord(lon * u.deg, lat * u.deg, frame=frame)
    kind = "catalogue" + (" (radius per energy)" if several else " (radii)" if radius.ndim else "")
    return Drawn(mx.Catalog(positions, radius * u.deg), kind, answer)


def point(rng: Rng, lattice: Lattice) -> Drawn:
    lon, lat, frame = place(rng, lattice)

    def answer(on: Lattice, plane: int) -> Bounds:
        at = lonlat(turned(unit(lon, lat), frame, on.frame))
        y, x = (float(each[0]) for each in to_pixel(on.wcs, *(np.atleast_1d(each) for each in at)))
        rows, columns = np.indices(on.shape)
        off = np.maximum(np.abs(rows + on.y0 - y), np.abs(columns + on.x0 - x))
        away = angle(on.vectors(frame), unit(lon, lat))
        if not np.isfinite(off).all():
            off[:] = np.inf
        with np.errstate(invalid="ignore"):
            # A projection may show the place a second time: then that pixel may be marked as well.
            again = ~on.own & (away < 3 * _pixel(on))
        return Bounds(off < 0.5 - 1e-6, (off < 0.5 + 1e-6) | again)

    return Drawn(mx.Region(f"{frame};point({lon!r},{lat!r})"), "point", answer)


def line(rng: Rng, lattice: Lattice) -> Drawn:
    """An arc: pixels that a sample of it lies well within are in, pixels all on one side of it are out."""
    lon, lat, frame = place(rng, lattice)
    east, north, other = place(rng, lattice)
    east, north = (round(float(each), 6) for each in lonlat(turned(unit(east, north), other, frame)))
    start, end = unit(lon, lat), unit(east, north)
    length = float(angle(start, end))
    if not 1e-6 < length < 3.0:
        return point(rng, lattice)

    def answer(on: Lattice, plane: int) -> Bounds:
        t = np.linspace(0, 1, 4001)
        arc = (np.outer(start, np.sin((1 - t) * length)) + np.outer(end, np.sin(t * length))) / np.sin(length)
        y, x = to_pixel(on.wcs, *lonlat(turned(arc, frame, on.frame)))
        row, column = np.floor(y + 0.5), np.floor(x + 0.5)
        with np.errstate(invalid="ignore"):
            well = np.maximum(np.abs(y - row), np.abs(x - column)) < 0.45
            row, column = row - on.y0, column - on.x0
            well &= (row >= 0) & (row < on.shape[0]) & (column >= 0) & (column < on.shape[1])
        low = np.zeros(on.shape, bool)
        low[row[well].astype(int), column[well].astype(int)] = True
        return Bounds(low, low | (_to_arc(on.vectors(frame), start, end) <= 2 * _corner(on)))

    return Drawn(mx.Region(f"{frame};line({lon!r},{lat!r},{east!r},{north!r})"), "line", answer)


def _to_arc(xyz: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
    beside = (np.tensordot(np.cross(normal, a), xyz, axes=1) > 0) & (
        np.tensordot(np.cross(b, normal), xyz, axes=1) > 0
    )
    ends = np.minimum(angle(xyz, a), angle(xyz, b))
    return np.where(beside, np.abs(np.arcsin(np.clip(np.tensordot(normal, xyz, axes=1), -1, 1))), ends)


def _pixel(on: Lattice) -> float:
    return float(np.radians(np.abs(on.wcs.pixel_scale_matrix).sum()))


def _corner(on: Lattice) -> np.ndarray:
    """How far the corners of pixels are from their centres; infinite where one is off the sky."""
    rows, columns = np.indices(on.shape)
    out = np.zeros(on.shape)
    for dy, dx in ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)):
        corner = unit(*to_sky(on.wcs, rows + on.y0 + dy, columns + on.x0 + dx))
        step = np.linalg.norm(np.cross(corner, on.xyz, axis=0), axis=0)
        away = np.arctan2(step, (corner * on.xyz).sum(axis=0))
        out = np.maximum(out, np.where(np.isfinite(away), away, np.inf))
    return out


def everything(rng: Rng, lattice: Lattice) -> Drawn:
    full = bool(rng.random() < 0.5)

    def answer(on: Lattice, plane: int) -> Bounds:
        all_ = np.full(on.shape, full)
        return Bounds(all_, all_)

    return Drawn(mx.AllSky() if full else mx.NoSky(), "all sky" if full else "no sky", answer)


LEAVES: list[tuple[float, Callable[..., Drawn]]] = [
    (3, circle),
    (1, annulus),
    (2, elongated),
    (2, polygon),
    (2, band),
    (4, catalog),
    (1, point),
    (1, line),
    (0.3, everything),
]

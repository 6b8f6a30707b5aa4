"""Whether any of many points is in the shape round another, against all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from maskexpr.core.trace import tracing
from maskexpr.growth.halves import any_within
from maskexpr.growth.shape import SkyShape
from maskexpr.sphere.vectors import unit

Floats = NDArray[np.float64]


def drawn(
    rng: np.random.Generator, number: int, whole: bool, about: tuple[float, float], scale: float
) -> Floats:
    """Points anywhere at whole degrees, where ties are, or round a place; poles and the seam among them."""
    if whole:
        return unit(rng.integers(0, 361, number).astype(float), rng.integers(-90, 91, number).astype(float))
    lat = np.clip(rng.normal(about[1], scale, number), -90, 90)
    return unit(rng.normal(about[0], 2 * scale, number), lat)


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_as_all_pairs(seed: int, box: bool) -> None:
    rng = np.random.default_rng(seed)
    whole, scale = seed % 3 == 0, float(10 ** rng.uniform(-1, 1.9))
    place = (
        float(rng.choice([0.0, 180.0, rng.uniform(0, 360)])),
        float(rng.choice([90.0, rng.uniform(-90, 90)])),
    )
    beside = place[0] + 2 * scale, float(np.clip(place[1] - scale, -90, 90))
    targets = drawn(rng, int(rng.integers(1, 200)), whole, place, scale)
    sources = drawn(rng, int(rng.integers(1, 200)), whole, beside, scale)
    lon, lat = np.minimum(np.deg2rad(np.ceil(10 ** rng.uniform(-0.5, 2.25, 2))), np.pi)
    shape = SkyShape(float(lon if box else lat), float(lat), box)
    expected = shape.holds(targets[:, :, None], sources[:, None, :]).any(axis=1)
    assert np.array_equal(any_within(targets, sources, shape), expected)


@pytest.mark.parametrize("box", [False, True])
def test_pairs_are_few(box: bool) -> None:
    """Rows at a horizon, all but equally far, and boxes that hold half of all: no pair of pixels each."""
    rng = np.random.default_rng(5)
    targets = unit(rng.uniform(0, 60, 3000), rng.uniform(-40, 40, 3000))
    horizon = unit(rng.uniform(80, 80.1, 20000), rng.uniform(-60, 60, 20000))
    with tracing() as counts:
        found = any_within(targets, horizon, SkyShape(0.7, 0.7, box))
    assert 300 < found.sum() < 2700
    assert counts["pairs"] < 3000 * 150

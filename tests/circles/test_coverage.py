"""Coverage of caps by circles of several radii, against every pair of both."""

from __future__ import annotations

import numpy as np
import pytest

from maskexpr.circles.index import CircleIndex
from maskexpr.core.coverage import EMPTY, FULL, MIXED
from maskexpr.sphere.vectors import Caps, unit


@pytest.mark.parametrize("spread", [1.0, 1.1, 3.0])
def test_small_caps_are_told_by_every_circle(spread: float) -> None:
    """Within a class of radii the nearest centre need not be that of the circle that decides."""
    rng = np.random.default_rng(8)
    centre = unit(rng.uniform(0, 360, 300), np.degrees(np.arcsin(rng.uniform(-1, 1, 300))))
    radius = np.deg2rad(rng.uniform(5, 5 * spread, 300))
    caps = Caps(
        unit(rng.uniform(0, 360, 5000), np.degrees(np.arcsin(rng.uniform(-1, 1, 5000)))),
        np.deg2rad(rng.uniform(0, 2, 5000)),
    )
    between = np.arccos(np.clip(np.einsum("in,im->nm", caps.centre, centre), -1, 1))
    gap, room = between - caps.radius[:, None] - radius, radius - between - caps.radius[:, None]
    expected = np.select([(room > 0).any(axis=1), (gap <= 0).any(axis=1)], [FULL, MIXED], EMPTY)
    clear = (np.abs(gap) > 1e-6).all(axis=1) & (np.abs(room) > 1e-6).all(axis=1)
    found = CircleIndex(centre, radius).coverage(caps)
    assert np.array_equal(found[clear], expected[clear])
    assert all(np.count_nonzero(expected[clear] == state) > 100 for state in (EMPTY, MIXED, FULL))


def test_where_circles_are_many_nothing_wrong_is_said() -> None:
    rng = np.random.default_rng(9)
    centre = unit(rng.uniform(0, 3, 20_000), rng.uniform(-1, 1, 20_000))
    radius = np.deg2rad(rng.uniform(40, 48, 20_000))
    caps = Caps(unit(rng.uniform(0, 360, 3000), rng.uniform(-89, 89, 3000)), np.full(3000, 0.01))
    found = CircleIndex(centre, radius).coverage(caps)
    between = np.arccos(np.clip(np.einsum("in,im->nm", caps.centre, centre), -1, 1))
    held = (between + 0.01 < radius).any(axis=1)
    met = (between - 0.01 <= radius).any(axis=1)
    assert not np.any((found == EMPTY) & met)
    assert not np.any((found == FULL) & ~held)

"""Caps of rectangles of longitudes and latitudes, against points of them."""

from __future__ import annotations

import numpy as np
import pytest

from maskexpr.sphere.rectangles import caps_of_rectangles
from maskexpr.sphere.vectors import angle_between, unit

QUARTER = np.pi / 2


@pytest.mark.parametrize("seed", range(5))
def test_caps_hold_their_rectangles_and_no_more_than_needed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    number = 400
    half = np.pi * 10 ** rng.uniform(-6, 0.2, number)
    south, north = np.sort(rng.uniform(-QUARTER, QUARTER, (2, number)), axis=0)
    # Some of them narrow, some of one latitude, some up to a pole or symmetric about the equator.
    north[::4] = south[::4] + (north - south)[::4] * 1e-4
    north[1::8], north[2::8], south[3::8] = south[1::8], QUARTER, -QUARTER
    south[4::8], north[4::8] = -np.abs(north[4::8]), np.abs(north[4::8])
    half[5::16], half[6::16] = 0.0, np.pi
    lon = rng.uniform(-np.pi, 3 * np.pi, number)
    caps = caps_of_rectangles(lon, half, south, north)
    share = np.linspace(-1, 1, 41)
    there = lon[:, None] + np.minimum(half, np.pi)[:, None] * share
    lat = south[:, None] + (north - south)[:, None] * (share + 1) / 2
    xyz = unit(np.rad2deg(there)[:, :, None], np.rad2deg(lat)[:, None, :])
    farthest = angle_between(xyz, caps.centre[:, :, None, None]).max(axis=(1, 2))
    assert np.all(farthest <= caps.radius + 1e-14 * (1 + farthest))
    # Between the points that are looked at it may be as much further.
    assert np.all(farthest >= caps.radius - 1e-7 - 1e-3)


def test_a_strip_round_a_pole_has_a_cap_round_the_pole() -> None:
    strips = np.array([[0.0, np.pi, 1.0, 1.2], [2.0, 9.0, -QUARTER, -1.1]]).T
    caps = caps_of_rectangles(*strips)
    assert np.allclose(caps.centre, [[0, 0], [0, 0], [1, -1]], atol=1e-15)
    assert np.allclose(caps.radius, [QUARTER - 1.0, QUARTER - 1.1])

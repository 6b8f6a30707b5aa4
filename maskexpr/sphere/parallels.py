"""Strips of the sphere between parallels, and parts of them between meridians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..core.arrays import Floats, Ints

__all__ = ["Parallels", "StripRuns", "no_runs", "whole_runs"]


@dataclass(frozen=True, eq=False)
class Parallels:
    """Strips between parallels that follow each other, from south to north.

    Attributes
    ----------
    frame : str
    lat : ndarray, shape (n + 1,)
        Degrees, ascending.
    """

    frame: str
    lat: Floats

    def __len__(self) -> int:
        return len(self.lat) - 1

    @property
    def heights(self) -> Floats:
        """The share of the sphere that each strip has for a degree of longitude, right to its last digits.

        Of two sines the difference loses those near a pole, so it is ``2 cos(middle) sin(half the height)``,
        the cosine by the distance to the pole, which is exact as a difference.
        """
        south, north = self.lat[:-1], self.lat[1:]
        to_pole = (90.0 - np.abs(south)) / 2 + (90.0 - np.abs(north)) / 2
        to_pole = np.where(south * north < 0, 90.0 - np.abs(south + north) / 2, to_pole)
        half = np.sin(np.deg2rad((north - south) / 2))
        return np.asarray(2 * np.sin(np.deg2rad(to_pole)) * half / 720.0)


class StripRuns(NamedTuple):
    """Parts of strips between meridians, which may overlap.

    Attributes
    ----------
    strip : ndarray of int, shape (n,)
    start, stop : ndarray, shape (n,)
        Longitudes in degrees; a start is from 0 to less than 360, and a stop up to a turn more.
    rim : ndarray of int, shape (n,), optional
        The number of the rim that both ends lie on: the same for the run that surely is in and for the one
        that holds all that may be; -1 where nothing is known of it.
    parts : ndarray, shape (2, rims), optional
        For each rim the least and the largest part that is in of what lies between these two runs.
    """

    strip: Ints
    start: Floats
    stop: Floats
    rim: Ints | None = None
    parts: Floats | None = None

    @classmethod
    def round_meridians(
        cls,
        strip: Ints,
        middle: Floats,
        half: Floats,
        rim: Ints | None = None,
        parts: Floats | None = None,
    ) -> StripRuns:
        """Runs of a half-width round meridians; none where that is not more than 0, a turn from 180 on."""
        some = np.flatnonzero(half > 0)
        strip, middle, half = strip[some], middle[some], half[some]
        whole = half >= 180.0
        start = np.where(whole, 0.0, (middle - half) % 360.0)
        start, stop = np.where(start < 360.0, start, 0.0), start + np.minimum(2 * half, 360.0)
        return cls(strip, start, stop, None if rim is None else rim[some], parts)


def no_runs() -> StripRuns:
    """No part of any strip."""
    return StripRuns(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


def whole_runs(which: Ints) -> StripRuns:
    """Some strips as a whole."""
    return StripRuns(which, np.zeros(len(which)), np.full(len(which), 360.0))

"""What a kind of inputs is, and what those of all kinds have in common."""

from __future__ import annotations

import bz2
import gzip
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from astropy.coordinates import SkyCoord
from astropy.io import fits

import maskexpr as mx
from maskexpr.errors import AxisError

from .mutate import mutate_bytes
from .watch import has_been_read

__all__ = ["GEOM", "PLACES", "SOME", "Kind", "bytes_of", "fixed", "packed", "use_mask"]

GEOM = mx.WcsGeom.create(npix=(12, 9), binsz=2, proj="TAN", skydir=(10, 20))
PLACES = SkyCoord([10.0, 11.5, 200.0, 0.0, 0.0], [20.0, 19.0, -40.0, 90.0, -90.0], unit="deg")
# One mask of so many is put on a map; all are asked at positions.
SOME = 10


@dataclass(frozen=True)
class Kind:
    """A kind of inputs.

    Attributes
    ----------
    seeds : callable
        Good inputs.
    vary : callable
        Makes an input of good ones.
    use : callable
        Reads an input (bytes) under a path in a folder of its own, and uses what it reads.
    suffix : callable
        The suffix of the file for an input.
    in_file : bool
        Whether it is read from a file, which errors must name.
    """

    seeds: Callable[[], Sequence[bytes]]
    vary: Callable[[Random, Sequence[bytes]], bytes]
    use: Callable[[Path, bytes, Random], None]
    suffix: Callable[[Random, bytes], str]
    in_file: bool = True


def fixed(suffix: str) -> Callable[[Random, bytes], str]:
    """The same suffix for all."""
    return lambda random, data: suffix


def use_mask(mask: mx.Mask, random: Random) -> None:
    """What a user does with a mask that was read."""
    has_been_read()
    repr(mask)
    try:
        mask.contains(PLACES, geom=GEOM)
    except AxisError:
        return
    if random.randrange(SOME) == 0:
        assert mx.loads(mx.dumps(mask)) == mask
        mask.plan(GEOM)
        mask.compute(GEOM)


def bytes_of(*hdus: fits.FitsHDU) -> bytes:
    file = io.BytesIO()
    first = [] if isinstance(hdus[0], fits.PrimaryHDU) else [fits.PrimaryHDU()]
    fits.HDUList([*first, *hdus]).writeto(file)
    return file.getvalue()


def packed(random: Random, data: bytes) -> bytes:
    """Sometimes gzipped, and sometimes damaged then."""
    if random.random() > 0.2:
        return data
    data = random.choice((_gzipped, _gzipped, bz2.compress))(data)
    return mutate_bytes(random, [data]) if random.random() < 0.3 else data


def _gzipped(data: bytes) -> bytes:
    """Without the time, so that an input is the same whenever it is made."""
    return gzip.compress(data, mtime=0)

"""Tables of sources."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import Table

import maskexpr as mx

from .kind import Kind, bytes_of, packed, use_mask
from .mutate import mutate_fits, mutate_text, words

__all__ = ["CATALOGUES"]


@cache
def catalogues() -> list[bytes]:
    """Tables of sources as FITS, VOTable, ECSV and CSV."""
    table = Table(
        {
            "name": ["a", "b", "c"],
            "RAJ2000": [10.0, 11.0, 12.0] * u.deg,
            "DEJ2000": [20.0, 21.0, -22.0] * u.deg,
            "radius": [0.5, 1.0, 2.0] * u.deg,
        }
    )
    made = [bytes_of(fits.BinTableHDU(table, name="SOURCES"))]
    columns = [
        fits.Column("RA", "E", unit="deg", array=[1.0, 2.0]),
        fits.Column("DEC", "D", unit="deg", array=[3.0, 4.0]),
        fits.Column("L", "PD()", array=np.array([np.ones(2), np.ones(3)], dtype=object)),
        fits.Column("V", "3J", dim="(3)", array=np.ones((2, 3))),
    ]
    made.append(bytes_of(fits.BinTableHDU.from_columns(columns, name="LISTS")))
    made.append(
        bytes_of(
            fits.TableHDU.from_columns([fits.Column(n, "F8.3", array=[1.0, 2.0]) for n in ("RA", "DEC")])
        )
    )
    for form in ("votable", "ascii.ecsv", "ascii.csv"):
        file = io.BytesIO() if form == "votable" else io.StringIO()
        table.write(file, format=form)
        text = file.getvalue()
        made.append(text if isinstance(text, bytes) else text.encode())
    binary = io.BytesIO()
    table.write(binary, format="votable", tabledata_format="binary")
    return [*made, binary.getvalue()]


def _vary_catalogue(random: Random, seeds: Sequence[bytes]) -> bytes:
    chosen = [random.choice(seeds)]
    if chosen[0].startswith(b"SIMPLE"):
        return packed(random, mutate_fits(random, chosen, words("headers")))
    return packed(random, mutate_text(random, chosen, words("catalogues")))


def _catalogue_suffix(random: Random, data: bytes) -> str:
    for start, suffix in (
        (b"SIMPLE", ".fits"),
        (b"<?xml", ".vot"),
        (b"# %ECSV", ".ecsv"),
        (b"\x1f\x8b", ".fits.gz"),
    ):
        if data.startswith(start):
            return suffix
    return random.choice((".csv", ".ecsv", ".vot", ".fits", ".csv.gz", ".txt", ".fits.bz2"))


def _use_catalogue(path: Path, data: bytes, random: Random) -> None:
    path.write_bytes(data)
    radius = random.choice(("1 deg", "1 deg", "radius"))
    use_mask(mx.Catalog.read(path, radius=radius), random)


CATALOGUES = Kind(catalogues, _vary_catalogue, _use_catalogue, _catalogue_suffix)

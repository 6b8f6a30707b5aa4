"""Headers, maps in FITS files and zarr stores."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import astropy.units as u
import numpy as np
from astropy.io import fits

import maskexpr as mx
from maskexpr.grid.wcs.header import bands_hdu
from maskexpr.grid.wcs.projection import PROJECTIONS

from .kind import GEOM, PLACES, SOME, Kind, bytes_of, fixed, packed, use_mask
from .mutate import mutate_bytes, mutate_fits, mutate_json, mutate_text, words
from .watch import has_been_read

__all__ = ["HEADERS", "MAPS", "STORES"]

# Of projections that have no default.
PARAMETER = {
    "AZP": 2.0,
    "COP": 45.0,
    "COE": 45.0,
    "COD": 45.0,
    "COO": 45.0,
    "BON": 45.0,
    "ZPN": 1.0,
    "CYP": 1.0,
}


@cache
def headers() -> list[bytes]:
    """Headers of all projections, one with SIP, one of a cube."""
    tan = mx.WcsGeom.create(npix=(12, 9), binsz=2, proj="TAN", skydir=(10, 20)).to_header()
    made = []
    for proj in PROJECTIONS:
        header = tan.copy()
        header.update(CTYPE1=f"RA---{proj}", CTYPE2=f"DEC--{proj}", PV2_1=PARAMETER.get(proj, 0.0))
        if proj not in PARAMETER:
            del header["PV2_1"]
        made.append(header)
    made.append(mx.WcsGeom.allsky(binsz=30, frame="galactic", proj="CAR").to_header())
    sip = mx.WcsGeom.create(npix=(12, 9), binsz=0.1, proj="TAN", skydir=(10, 20)).to_header()
    sip.update(CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=1e-4, B_1_1=-1e-4)
    old = mx.WcsGeom.create(npix=(12, 9), binsz=0.1, proj="TAN", skydir=(10, 20)).to_header()
    old.update(NAXIS=4, NAXIS3=1, NAXIS4=1, CTYPE3="FREQ", CTYPE4="STOKES", CROTA2=30.0, EQUINOX=2000.0)
    return [each.tostring().encode() for each in (*made, sip, old)]


def _use_header(path: Path, data: bytes, random: Random) -> None:
    text = data.decode("latin-1")
    header = fits.Header.fromstring(text)
    _use_geom(mx.WcsGeom.from_header(header), random)


def _use_geom(geom: mx.WcsGeom, random: Random) -> None:
    has_been_read()
    repr(geom)
    assert mx.WcsGeom.from_header(geom.to_image().to_header()) == geom.to_image()
    geom.contains(PLACES)
    geom.pixel_scales, geom.center_skydir, geom.is_allsky, hash(geom)
    if random.randrange(SOME) == 0:
        geom.footprint  # noqa: B018
        disk = mx.Region("icrs;circle(10,20,5)")
        disk.plan(geom)
        if np.prod(geom.shape) < 1e5:
            disk.compute(geom)


@cache
def maps() -> list[bytes]:
    """Images, cubes, sparse and compressed maps, masks."""
    geom = mx.WcsGeom.create(npix=(12, 9), binsz=2, proj="TAN", skydir=(10, 20))
    header = geom.to_header()
    values = np.arange(108.0).reshape(9, 12)
    image = fits.PrimaryHDU(values.astype(">f4"), header)
    scaled = fits.ImageHDU(values.astype(">i2"), header, name="COUNTS")
    scaled.header["BLANK"] = -5
    axis = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 2)
    cube = fits.PrimaryHDU(np.zeros((2, 9, 12), np.uint8), header)
    cube.header["BANDSHDU"] = "BANDS"
    sparse = fits.BinTableHDU.from_columns(
        [fits.Column("PIX", "J", array=[1, 5, 100]), fits.Column("VALUE", "E", array=[1, 2, 3])],
        name="SKYMAP",
    )
    for card in header.cards:
        if card.keyword not in ("NAXIS", "NAXIS1", "NAXIS2"):
            sparse.header.append(card)
    sparse.header["WCSSHAPE"] = "(12,9)"
    packed = fits.CompImageHDU(values.astype(">i4"), header, name="PACKED")
    mask = fits.ImageHDU((values > 50).astype(np.uint8), header, name="MASK")
    return [
        bytes_of(image),
        bytes_of(scaled),
        bytes_of(cube, bands_hdu([axis])),
        bytes_of(sparse),
        bytes_of(packed),
        bytes_of(mask),
        bytes_of(image, scaled, mask),
    ]


def _vary_map(random: Random, seeds: Sequence[bytes]) -> bytes:
    return packed(random, mutate_fits(random, seeds, words("headers")))


def _use_map(path: Path, data: bytes, random: Random) -> None:
    path.write_bytes(data)
    what = random.randrange(4)
    if what == 0:
        _use_geom(mx.WcsGeom.read(path), random)
    elif what == 1:
        array = mx.read_map(path)
        if array.size < 1e5:
            array.compute()
    elif what == 2:
        array = mx.read_mask(path)
        if array.size < 1e5:
            array.compute()
    else:
        mask = mx.Threshold(str(path), ">", 50.0, nan=random.choice((False, True, "raise")))
        if not mask.axes():
            use_mask(mask, random)


@cache
def stores() -> list[bytes]:
    """zarr stores, each file of it a member of a JSON object (in Latin-1)."""
    made = []
    with tempfile.TemporaryDirectory(prefix="maskexpr-") as folder:
        for name, geom in (("a", GEOM), ("b", GEOM.to_cube([mx.Axis("e", [1, 2, 3] * u.TeV)]))):
            path = Path(folder) / f"{name}.zarr"
            mx.Region("icrs;circle(10,20,5)").write(path, geom, chunks=5)
            files = {
                str(f.relative_to(path)): f.read_bytes().decode("latin-1")
                for f in path.rglob("*")
                if f.is_file()
            }
            made.append(json.dumps(files).encode())
    return made


def _vary_store(random: Random, seeds: Sequence[bytes]) -> bytes:
    files = json.loads(random.choice(seeds))
    if "zarr.json" in files and random.random() < 0.7:
        # Most readers look at the consolidated metadata alone.
        data = mutate_json(random, [files["zarr.json"].encode("latin-1")], words("stores"))
        return json.dumps({**files, "zarr.json": data.decode("latin-1")}).encode()
    name = random.choice(sorted(files))
    if random.random() < 0.1:
        del files[name]
    else:
        data = files[name].encode("latin-1")
        data = (
            mutate_bytes(random, [data])
            if random.random() < 0.5
            else mutate_text(random, [data], words("stores"))
        )
        files[name] = data.decode("latin-1")
    return json.dumps(files).encode()


def _use_store(path: Path, data: bytes, random: Random) -> None:
    shutil.rmtree(path, ignore_errors=True)
    for name, text in json.loads(data).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(text.encode("latin-1"))
    read = random.choice((mx.read_mask, mx.read_map))
    try:
        array = read(path)
        if array.size < 1e5:
            array.compute()
    finally:
        shutil.rmtree(path, ignore_errors=True)


HEADERS = Kind(
    headers,
    lambda random, seeds: mutate_fits(random, seeds, words("headers")),
    _use_header,
    fixed(".hdr"),
    in_file=False,
)
MAPS = Kind(maps, _vary_map, _use_map, fixed(".fits"))
STORES = Kind(stores, _vary_store, _use_store, fixed(".zarr"))

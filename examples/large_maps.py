"""What a person with large maps does: count first, a cube of xarray, a cluster, a product to rely on.

``python examples/large_maps.py [folder] [scheduler]``; without a scheduler it computes on threads.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

import maskexpr as mx

__all__ = ["main"]


def galactic_mask() -> mx.Mask:
    """The plane, and what a catalogue of a few bright clouds adds to it."""
    plane = mx.Band(lat=("-10 deg", "10 deg"), frame="galactic")
    clouds = mx.Region("galactic; circle(209, -19, 6); circle(353, 17, 5); ellipse(280, -33, 6, 5, 0)")
    return ~(plane | clouds).dilate("1 deg")


def main(
    folder: str | Path = "large-maps",
    binsz: str = "0.1 deg",
    scheduler: str | None = None,
    tiles: int = 10,
) -> Path:
    """Write the mask, in so many tiles from pole to pole, and use it; the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    keep, sky = galactic_mask(), mx.WcsGeom.allsky(binsz=binsz, frame="galactic")
    rows = sky.shape[0] // tiles

    # Before anything runs: tiles, memory.
    plan = keep.plan(sky, chunks=rows, memory_limit="4 GB")
    print(plan)

    with _client(scheduler):
        # A product: whole or not there, with its expression, to be verified by whoever reads it.
        path = keep.write(folder / "keep.zarr", sky, chunks=rows, overwrite=True)
        assert mx.verify(path, against=keep)

        # A cube that came from elsewhere: other dims, other chunks. The mask takes them over.
        cube = _observations(sky, rows)
        mask = keep.on(sky, like=cube)
        print(cube.where(mask).mean(("lat", "lon")).values)

        # Weights that fall to 0 at the edges, for spectra.
        weights = keep.apodize(sky, "2 deg", "C2", chunks=rows)
        area = sky.solid_angle()
        print(
            f"f_sky {float(keep.fsky(sky)):.4f}, weighted {float((weights * area).sum()) / (4 * np.pi):.4f}"
        )
    return folder


def _client(scheduler: str | None) -> Any:
    """The cluster to compute on, or nothing."""
    if scheduler is None:
        return nullcontext()
    from dask.distributed import Client

    return Client(scheduler)


def _observations(sky: mx.WcsGeom, rows: int) -> xr.DataArray:
    """Three days of noise on the grid, labelled as somebody else would."""
    noise = da.random.default_rng(0).normal(1, 0.1, size=(3, *sky.shape), chunks=(1, rows, rows))
    return xr.DataArray(noise, dims=("day", "lat", "lon"), coords={"day": [1, 2, 3]})


if __name__ == "__main__":
    main(*sys.argv[1:2], scheduler=sys.argv[2] if len(sys.argv) > 2 else None)

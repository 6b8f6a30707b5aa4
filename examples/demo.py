"""`make demo`: the mask of the gamma-ray sky away from known sources, from expression to files.

Run ``python examples/demo.py [folder]``; it writes into ``demo-output`` unless told otherwise.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from maskexpr import Band, Catalog, Mask, Raster, Region, WcsGeom, geom_of, read_mask
from maskexpr.errors import require
from maskexpr.verbs.plot import axes_for

__all__ = ["TABLE", "catalogue", "exclusion", "main", "picture", "run", "sources"]

TABLE = Path(__file__).parent / "data" / "fermi_4fgl_dr4.ecsv"
"""The table beside this file: 7,195 sources of 4FGL-DR4 (Fermi-LAT collaboration, arXiv:2307.12546)."""

_DRAWN = """\
galactic
box(185, -4, 1, 0.5, 45)
# The Orion clouds, roughly.
polygon(203.5,-11.5, 208,-14, 210,-17.5, 216.5,-18.5, 216.5,-20.8, 208,-21, 203.5,-17)
"""
_KEPT, _LEFT_OUT = "#3b7ea8", "#ececec"
_TITLE = "Sky away from the 7,195 sources of 4FGL-DR4, the galactic plane and two DS9 regions"
# Panels below the all-sky one: title, centre in galactic degrees.
_CLOSE_UPS = (("Orion, a polygon from DS9", 209.5, -16.0), ("Cygnus Loop, an extended source", 74.0, -9.0))
_NEXT = """\
Next, in {python}:

    from astropy.coordinates import SkyCoord
    import maskexpr as mx

    mask = mx.read_mask("{folder}/exclusion.zarr")     # lazy; True = kept
    mask.isel(y=slice(1600, 1800), x=slice(3500, 3800)).compute()

    keep = mx.loads(mask.attrs["maskexpr_expression"])    # the expression travels in the file
    keep.contains(SkyCoord("05h34m31.9s +22d00m52s"), geom=mx.geom_of(mask))
    (keep & mx.Band(lat=("60 deg", "90 deg"), frame="galactic")).plot()

Then docs/quickstart.md.
"""


def catalogue() -> tuple[SkyCoord, u.Quantity]:
    """Positions and extensions (0 where point-like) of the sources of the table, shape (n,) each."""
    table = QTable.read(TABLE)
    return SkyCoord(table["RAJ2000"], table["DEJ2000"], frame="icrs"), table["Model_SemiMajor"]


def sources(margin: u.Quantity = 0.3 * u.deg) -> Catalog:
    """Circles round the sources: each one's own extension plus a margin.

    Examples
    --------
    >>> sources()
    Catalog(7195 sources, radius 0.3 deg to 3.77 deg)
    """
    positions, extension = catalogue()
    return Catalog(positions, extension + margin)


def exclusion() -> Mask:
    """The sky to keep: away from sources, from a region drawn in DS9, and from the galactic plane."""
    plane = Band(lat=("-5 deg", "5 deg"), frame="galactic")
    return ~(sources() | Region(_DRAWN)).dilate("0.1 deg") - plane


def run(folder: str | Path = "demo-output", binsz: str = "0.05 deg") -> Path:
    """Build, plan, write, read back and draw the mask; says what it does and how long each step takes.

    Parameters
    ----------
    folder : str or Path
        For the output, which is replaced if it is there.
    binsz : str
        Pixel size of the all-sky map.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    AssertionError
        If a file does not give back the mask that was written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with _step("Build the expression. No grid is needed and nothing is computed"):
        keep = exclusion()
        _show(str(keep))
    with _step("Choose a grid and plan. No pixel is evaluated"):
        geom = WcsGeom.allsky(binsz=binsz, frame="galactic")
        _show(keep.explain(geom, chunks=_chunks(geom)))
    with _step("Plan the same expression on a grid of 25 times as many pixels"):
        _show(str(keep.plan(geom.upsample(5), chunks=512)))
    outputs = [folder / "exclusion.zarr", folder / "exclusion.fits"]
    for path in outputs:
        with _step(f"Write {path}, tile by tile"):
            keep.write(path, geom, overwrite=True, chunks=_chunks(geom), progress=sys.stdout.isatty())
            _show(f"{_size(path) / 1e6:.2f} MB on disk; the map has {np.prod(geom.shape) / 1e6:.1f} Mpx")
    with _step("Read both back and compare every pixel with the mask computed anew"):
        _compare(keep, geom, outputs)
        area = keep.area(geom)
        _show(f"equal; {area:.1f} are kept, {100 * keep.fsky(geom):.2f} % of the sky")
    with _step(f"Draw {folder / 'exclusion.png'}"):
        picture(outputs[0]).savefig(folder / "exclusion.png", dpi=150)
    print(f"\nDone in {time.perf_counter() - started:.1f} s.\n")
    print(_NEXT.format(folder=folder, python=Path(sys.executable).name))
    return folder


def picture(path: Path) -> Any:
    """A figure of a mask in a file: the whole sky, and close-ups that show its pixels.

    Parameters
    ----------
    path : Path
        An all-sky mask in galactic coordinates. It is read by windows.

    Returns
    -------
    matplotlib.figure.Figure
    """
    keep, geom = Raster(path), geom_of(read_mask(path))
    figure = require("matplotlib.pyplot", extra="plot").figure(figsize=(8.0, 8.4), layout="constrained")
    grid = figure.add_gridspec(2, len(_CLOSE_UPS), height_ratios=(1.0, 0.95))
    sky = WcsGeom.allsky(binsz="0.1 deg", frame="galactic", proj="AIT")
    positions = catalogue()[0]
    style: dict[str, Any] = {"color": _KEPT, "background": _LEFT_OUT, "interpolation": "antialiased"}
    ax = axes_for(sky, figure, grid[0, :])
    keep.plot(sky, ax=ax, most=sky.image_shape[0] * sky.image_shape[1], title=_TITLE, **style)
    for place, (title, lon, lat) in enumerate(_CLOSE_UPS):
        part = geom.cutout(SkyCoord(lon, lat, unit="deg", frame="galactic"), "12 deg")
        ax = axes_for(part, figure, grid[1, place])
        keep.plot(part, ax=ax, title=title, legend=False, **{**style, "interpolation": "nearest"})
        near = positions[part.contains(positions)]
        ax.plot(near.ra.deg, near.dec.deg, "k.", markersize=2.5, transform=ax.get_transform("icrs"))
    return figure


def _chunks(geom: WcsGeom) -> int:
    """Tiles of 18 degrees, so that the plan and the progress have something to show."""
    return max(1, geom.image_shape[0] // 10)


def _compare(keep: Mask, geom: WcsGeom, paths: Sequence[Path]) -> None:
    wanted = keep.on(geom).compute()
    for path in paths:
        differ = int((read_mask(path) != wanted).sum())
        assert not differ, f"{differ} pixels of {path} are not as computed"


def _size(path: Path) -> int:
    """Bytes on disk, which for a sparse file are fewer than its length."""
    some = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(each.stat().st_blocks * 512 for each in some if each.is_file())


@contextmanager
def _step(text: str) -> Iterator[None]:
    print(f"\n* {text}")
    start = time.perf_counter()
    yield
    print(f"  [{time.perf_counter() - start:.2f} s]", flush=True)


def _show(text: str) -> None:
    print(indent(text, "    "), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 if all went well."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) > 1 or any(each.startswith("-") for each in given):
        print("usage: python examples/demo.py [folder]", file=sys.stderr)
        return 2
    run(*given)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What an analyst does with gammapy: a mask of a fit, an exclusion mask, a margin, and files for gammapy.

``python examples/gamma_ray.py dataset.fits catalogue.fits`` takes the files of gammapy's mask tutorial.
docs/from-gammapy.md has each of gammapy's calls beside ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

import maskexpr as mx

__all__ = ["masks"]


def masks(dataset: str | Path, catalogue: str | Path) -> tuple[mx.Mask, mx.Mask, mx.WcsGeom]:
    """The mask of the fit, the exclusion mask, and the grid of the dataset."""
    geom = mx.geom_of(mx.read_map(dataset, hdu="COUNTS"))
    r95 = mx.containment_radius((dataset, "PSF"), 0.95, geom.axes[0].center)
    box = mx.Region("galactic; box(184.55, -5.78, 3, 3)")
    fit = mx.AxisRange("energy", "10 GeV", "700 GeV", round_to_edge=True) & box & mx.Boundary(r95)

    sqrt_ts = mx.significance(
        (dataset, "COUNTS"), (dataset, "BACKGROUND"), "0.4 deg", mask=(dataset, "MASK_SAFE")
    )
    faint = mx.Threshold(sqrt_ts, "<", 5, nan=True, outside=True)
    exclusion = faint - mx.Catalog.read(catalogue, radius="0.3 deg")
    return fit, exclusion, geom


def main(dataset: str, catalogue: str) -> None:
    """Write both masks as files that gammapy reads."""
    fit, exclusion, geom = masks(dataset, catalogue)
    print(fit.write("mask_fit.fits", geom, overwrite=True))
    print(exclusion.write("exclusion.fits.gz", geom.to_image(), overwrite=True))
    print(f"{exclusion.area(geom.to_image()):.2f} are background")


if __name__ == "__main__":
    main(*sys.argv[1:])

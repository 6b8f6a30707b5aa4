"""The versions that a report of a fault has to name."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib import metadata

from .calls import told

__all__ = ["installed", "show_versions"]

# By the names that pip knows: hard dependencies, then what the extras bring.
_NEEDED = ("maskexpr", "numpy", "scipy", "astropy", "regions", "xarray", "dask", "click", "pyyaml")
_OPTIONAL = ("zarr", "distributed", "matplotlib", "gammapy", "mocpy", "astropy-healpix")


@told
def show_versions() -> None:
    """Print the versions of Python, the platform, maskexpr and the packages that it uses.

    Reads what is installed and imports nothing. A report of a fault should hold this text.

    Examples
    --------
    >>> show_versions()
    python           3...
    platform         ...
    maskexpr         ...
    """
    print(f"{'python':<16} {sys.version.split()[0]}")
    print(f"{'platform':<16} {platform.platform()}")
    for name in (*_NEEDED, *_OPTIONAL):
        print(f"{name:<16} {installed(name)}")


@cache
def installed(name: str) -> str:
    """Version of an installed package, or that it is none.

    Examples
    --------
    >>> installed("no such package")
    'not installed'
    """
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"

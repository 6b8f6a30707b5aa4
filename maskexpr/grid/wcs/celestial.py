"""The celestial map of a cube: of the axes of a header (velocity, Stokes ...) the two that are on the sky."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning, InvalidSubimageSpecificationError
from astropy.wcs import NonseparableSubimageCoordinateSystemError as NonseparableError

from ...core.errors import GeometryError
from .projection import Projection, reason

__all__ = ["celestial_part"]


def celestial_part(header: fits.Header, lengths: Sequence[int]) -> tuple[Projection, tuple[int, int]]:
    """Projection and image shape (ny, nx) of the celestial axes, in the order that they have in the header.

    Parameters
    ----------
    header : Header
        Of an image with any number of axes.
    lengths : sequence of int
        Of these axes, NAXIS1 first.

    Raises
    ------
    GeometryError
        If there are no celestial axes, or they are mixed with others.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        try:
            wcs = WCS(header)
            places = sorted((wcs.wcs.lng, wcs.wcs.lat))
            if places[0] < 0 or places[1] >= len(lengths):
                raise GeometryError(
                    f"no celestial axes among {list(wcs.wcs.ctype)} of lengths {list(lengths)}"
                )
            part = wcs.sub([place + 1 for place in places])
        except (InvalidSubimageSpecificationError, NonseparableError) as err:
            raise GeometryError(
                f"the celestial axes are mixed with others by PC or CD: {reason(err)}"
            ) from err
        except (ValueError, KeyError, OSError, TypeError) as err:
            if isinstance(err, GeometryError):
                raise
            raise GeometryError(f"the header holds no usable WCS: {reason(err)}") from err
    return Projection.from_wcs(part), (lengths[places[1]], lengths[places[0]])

"""The SIP distortion of a projection, and the pairs of numbers that FITS headers hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.wcs import Sip

from ...core.arrays import Floats

__all__ = ["Distortion", "Pair", "pair_of", "shrink"]

Pair = tuple[float, float]
Terms = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Distortion:
    """SIP polynomials as FITS has them: ``A_p_q`` is ``a[p][q]``; ``crpix`` is (x, y) as in FITS."""

    a: Terms
    b: Terms
    ap: Terms | None
    bp: Terms | None
    crpix: Pair

    @classmethod
    def from_sip(cls, sip: Sip) -> Distortion:
        """The coefficients of an astropy ``Sip``."""

        def terms(matrix: Floats | None) -> Terms | None:
            return None if matrix is None else tuple(tuple((row + 0.0).tolist()) for row in matrix)

        zero = ((0.0, 0.0), (0.0, 0.0))
        return cls(
            terms(sip.a) or zero, terms(sip.b) or zero, terms(sip.ap), terms(sip.bp), pair_of(sip.crpix)
        )

    def to_sip(self) -> Sip:
        """An astropy ``Sip``."""
        # astropy wants the inverse polynomials both or not at all.
        both = self.ap is not None and self.bp is not None
        inverse = (np.array(self.ap), np.array(self.bp)) if both else (None, None)
        return Sip(np.array(self.a), np.array(self.b), *inverse, np.array(self.crpix))

    def resampled(self, factor: float) -> Distortion:
        """The same distortion seen with pixels ``factor`` times as large."""

        def terms(matrix: Terms | None) -> Terms | None:
            if matrix is None:
                return None
            return tuple(
                tuple(v * factor ** (p + q - 1) for q, v in enumerate(row)) for p, row in enumerate(matrix)
            )

        return Distortion(
            terms(self.a) or (),
            terms(self.b) or (),
            terms(self.ap),
            terms(self.bp),
            shrink(self.crpix, factor),
        )


def pair_of(values: Any) -> Pair:
    """Two header values, (x, y), as plain floats."""
    # Adding zero turns -0.0 into 0.0: equal numbers must have one text.
    first, second = (float(v) + 0.0 for v in values)
    return first, second


def shrink(crpix: Pair, factor: float) -> Pair:
    """A reference pixel on a grid of pixels ``factor`` times as large, which starts at the same corner."""
    return (crpix[0] - 0.5) / factor + 0.5, (crpix[1] - 0.5) / factor + 0.5

"""Shapes as DS9 text, to the last bit; what DS9 cannot say is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...core.errors import RegionError
from ..base import Shape
from ..compound import Compound

__all__ = ["ds9_text"]

# DS9's name of a frame where it is not astropy's.
_FRAMES: Final = {"barycentricmeanecliptic": "ecliptic"}
_SIGNS: Final = {"or": "", "minus": "-"}


def ds9_text(shapes: Sequence[Shape]) -> str:
    """A region file of the union of some shapes.

    Raises
    ------
    RegionError
        For shapes that are joined by anything but a union, or a difference with all that stands before.

    Examples
    --------
    >>> from maskexpr.shapes import Circle
    >>> print(ds9_text([Circle(1, 2, 0.5), Circle(3, 4, 0.5, frame="galactic")]))
    # Region file format: DS9
    icrs
    circle(1,2,0.5d)
    galactic
    circle(3,4,0.5d)
    <BLANKLINE>
    """
    lines, frame = ["# Region file format: DS9"], None
    for shape in shapes:
        for sign, each in _signed(shape):
            if each.frame != frame:
                frame = each.frame
                lines.append(_FRAMES.get(frame, frame))
            # DS9 takes a unit only where it follows its number at once.
            lines.append(sign + each.text().replace(" deg", "d").replace(", ", ","))
    return "\n".join(lines) + "\n"


def _signed(shape: Shape) -> list[tuple[str, Shape]]:
    """Simple shapes in order, those that take away with a minus."""
    if not isinstance(shape, Compound):
        return [("", shape)]
    operators = [each for each in shape.formula if isinstance(each, str)]
    stepwise = [0, *(each for i, sign in enumerate(operators, 1) for each in (i, sign))]
    if list(shape.formula) != stepwise[: len(shape.formula)] or not set(operators) <= set(_SIGNS):
        raise RegionError(
            "a region file holds unions, and differences with all that stands before; this is "
            f"{shape.text()}: write a recipe (.yaml) instead"
        )
    signs = ["", *(_SIGNS[each] for each in operators)][: len(shape.shapes)]
    return list(zip(signs, shape.shapes, strict=True))

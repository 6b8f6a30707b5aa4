"""`Bits`: where a map of flags has some bits set, or not."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import flag
from ..core.errors import MaskTypeError, MaskValueError
from ..expr.mask import Bools, node
from ..io.given_map import held_source
from ..io.sources import FileSource, Source
from ..io.validity import plain
from ..maps.leaf import DataPixels, FromData, name_of
from ..maps.missing import policy, settle

__all__ = ["Bits"]

# No integer type is wider.
_WIDEST = 64


@node("bits")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Bits(FromData):
    """Where the flags of a map have any, all or none of some bits set; of several conditions all must hold.

    Parameters
    ----------
    data : DataArray, path, (path, hdu), gammapy Map or (array, geom)
        The map of integers, such as MASKBITS of a survey or DQ of an image, read as for `Threshold`. Signed
        integers are taken for their bits: of int16 bit 15 is the sign.
    any : int, optional
        Bits of which at least one must be set, as a number: ``any=6`` is bit 1 (of value 2) or bit 2 (of
        value 4).
    all : int, optional
        Bits which must all be set.
    none : int, optional
        Bits of which none must be set.
    outside : bool
        The value of the mask beyond the map.
    nan : {False, True, "raise"}
        The value of the mask where the map has no value: where an array is masked, or a file says BLANK.
        "raise" is an error when such a pixel is read.

    Raises
    ------
    MaskValueError
        If no bit is given, or one that the integers of the map do not have.
    MaskTypeError
        If the map holds no integers. Of a file both are found when the mask is put on a geometry.

    See Also
    --------
    Threshold : comparisons of the value.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> geom = WcsGeom.create(npix=(4, 1), binsz=1)
    >>> flags = np.array([[0, 2, 4, 9]], dtype=np.int16)
    >>> Bits((flags, geom), any=6).on(geom).values
    array([[False,  True,  True, False]])
    >>> Bits((flags, geom), any=6, none=1)
    Bits(int16 (1, 4), any=6, none=1)
    """

    data: Source
    any: int | None
    all: int | None
    none: int | None
    nan: bool | str
    outside: bool

    def __init__(
        self,
        data: Any,
        any: int | None = None,
        all: int | None = None,
        none: int | None = None,
        outside: bool = False,
        nan: bool | str = False,
    ) -> None:
        given = {
            name: None if bits is None else _bits(bits, name)
            for name, bits in (("any", any), ("all", all), ("none", none))
        }
        if set(given.values()) == {None}:
            raise MaskValueError("Bits: give any=, all= or none=, the bits as a number such as any=6")
        source = held_source(data)
        self._store(data=source, **given, nan=policy(nan, "Bits"), outside=flag(outside, "Bits: outside"))
        if not isinstance(source, FileSource):
            self._check_type()

    def label(self) -> str:
        shown = [f"{name}={bits}" for name, bits in self._given()]
        shown += [f"nan={self.nan!r}"] * (self.nan is not False) + ["outside=True"] * self.outside
        return f"Bits({', '.join([name_of(self.data), *shown])})"

    def _given(self) -> list[tuple[str, int]]:
        found = [("any", self.any), ("all", self.all), ("none", self.none)]
        return [(name, bits) for name, bits in found if bits is not None]

    def _check_type(self) -> None:
        dtype = self.data.open().dtype
        if dtype.kind not in "biu":
            raise MaskTypeError(
                f"{self.label()}: flags are integers, these are {dtype}; give the file itself if they "
                "were read as floating-point numbers because some are missing"
            )
        width = 1 if dtype.kind == "b" else 8 * dtype.itemsize
        for name, bits in self._given():
            if bits >> width:
                raise MaskValueError(
                    f"{self.label()}: {name}={bits} has bit {bits.bit_length() - 1}, "
                    f"{dtype} has bits 0 to {width - 1}"
                )

    def judge(self, values: NDArray[Any], pixels: DataPixels) -> Bools:
        numbers = plain(values)
        words = numbers.view(f"u{numbers.dtype.itemsize}")
        out = np.ones(words.shape, dtype=bool)
        for name, bits in self._given():
            found = words & words.dtype.type(bits)
            out &= found == bits if name == "all" else (found != 0) == (name == "any")
        return settle(self, out, values, pixels)


def _bits(value: Any, name: str) -> int:
    """Bits as a number that has some."""
    try:
        bits = operator.index(value)
    except TypeError as err:
        raise MaskTypeError(
            f"Bits: {name} must be a whole number whose bits are meant, such as 6 or 1 << 3, got {value!r}"
        ) from err
    if isinstance(value, bool) or not 0 < bits < 1 << _WIDEST:
        raise MaskValueError(f"Bits: {name} must have at least one bit and at most {_WIDEST}, got {value!r}")
    return bits

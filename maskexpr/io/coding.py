"""How FITS stores numbers: scaled integers, unsigned ones by a zero of half the range, gaps by a number that
stands for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.errors import FormatError
from .validity import normal

__all__ = ["Coding", "column_coding", "column_values"]


_SAMPLES: Final = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_IMAGE: Final = ("BSCALE", "BZERO", "BLANK")


@dataclass(frozen=True)
class Coding:
    """The coding of an image or a column: type in the file, BSCALE, BZERO and BLANK (TSCAL, TZERO, TNULL).

    Examples
    --------
    >>> stored = np.array([-32768, -32767, 5], dtype=">i2")
    >>> Coding(stored.dtype, zero=32768.0, blank=5).decode(stored).tolist()
    [0, 1, None]
    """

    stored: np.dtype[Any]
    scale: float = 1.0
    zero: float = 0.0
    blank: int | None = None

    @classmethod
    def of(
        cls, stored: np.dtype[Any], cards: Mapping[str, Any], names: tuple[str, str, str], what: str
    ) -> Coding:
        """The coding that some cards, by the names of scale, zero and blank, give to values of a type.

        Raises
        ------
        FormatError
            If one of them is no number.
        """
        scale, zero, blank = (cards.get(name) for name in names)
        try:
            number = None if blank is None or stored.kind == "f" else int(blank)
            made = cls(
                stored, 1.0 if scale is None else float(scale), 0.0 if zero is None else float(zero), number
            )
        except (TypeError, ValueError, OverflowError) as err:
            found = ", ".join(
                f"{name} = {cards.get(name)!r}" for name in names if cards.get(name) is not None
            )
            raise FormatError(f"{what}: {found}: not numbers as FITS has them ({err})") from err
        if not (np.isfinite(made.scale) and np.isfinite(made.zero)):
            raise FormatError(f"{what}: {names[0]} and {names[1]} must be finite")
        return made

    @classmethod
    def of_image(cls, header: Mapping[str, Any], stored: int | np.dtype[Any], what: str) -> Coding:
        """The coding that a header gives to the values of an image of a type, or of a BITPIX."""
        dtype = np.dtype(_SAMPLES[stored]) if isinstance(stored, int) else stored
        return cls.of(dtype, {name: header[name] for name in _IMAGE if name in header}, _IMAGE, what)

    @property
    def has_gaps(self) -> bool:
        """Whether integers are read that may be missing."""
        return self.blank is not None and self.dtype.kind in "iu"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values as they are read, in native byte order."""
        if self.stored.kind == "f" or self._is_plain:
            return self.stored.newbyteorder("=")
        if self._is_unsigned:
            return np.dtype(np.int8 if self.stored.itemsize == 1 else f"u{self.stored.itemsize}")
        return np.dtype(np.float64 if self.stored.itemsize > 2 else np.float32)

    @property
    def _is_plain(self) -> bool:
        return self.scale == 1 and self.zero == 0

    @property
    def _is_unsigned(self) -> bool:
        """Whether the zero is moved by half the range, which is one bit: the sign's."""
        bits = 8 * self.stored.itemsize
        half = -128.0 if bits == 8 else 2.0 ** (bits - 1)
        signed = self.stored.kind == ("u" if bits == 8 else "i")
        return signed and self.scale == 1 and self.zero == half

    def decode(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Values of what is stored, gaps marked as `maskexpr.io.validity` has them."""
        native: NDArray[Any] = raw.astype(raw.dtype.newbyteorder("="))
        values = native
        if not self._is_plain:
            if native.dtype.kind != "f" and self._is_unsigned:
                bits = 8 * native.dtype.itemsize
                flipped = native.view(f"u{bits // 8}") ^ np.array(1 << (bits - 1), f"u{bits // 8}")
                values = flipped.view(self.dtype)
            else:
                values = native.astype(self.dtype)
                values *= self.scale
                values += self.zero
        if self.blank is None:
            return values
        return normal(np.ma.MaskedArray(values, mask=native == self.blank))


_CARDS = ("TSCAL", "TZERO", "TNULL")


def column_coding(hdu: Any, name: str, what: str) -> Coding:
    """The coding of a column of numbers in a binary table.

    Raises
    ------
    FormatError
        If the column holds no plain numbers.
    """
    column = hdu.columns[name]
    stored = hdu.columns.dtype[name].base
    if stored.kind not in "iuf" or str(column.format).lstrip("0123456789")[:1] not in "BIJKED":
        raise FormatError(f"{what}: the column {name!r} holds no numbers (TFORM {column.format})")
    given = dict(zip(_CARDS, (column.bscale, column.bzero, column.null), strict=True))
    cards = {key: value for key, value in given.items() if value not in (None, "")}
    return Coding.of(stored, cards, _CARDS, f"{what}, column {name!r}")


def column_values(hdu: Any, name: str, what: str) -> NDArray[Any]:
    """The numbers of a column of a binary table, gaps marked, shape (rows, ...)."""
    raw = hdu.data.view(np.ndarray)[name]
    values = column_coding(hdu, name, what).decode(raw)
    shape = hdu.data.columns[name].dim
    return values if shape is None or isinstance(shape, str) else values.reshape(len(raw), *shape)

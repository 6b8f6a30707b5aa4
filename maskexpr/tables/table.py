"""A table as it is found in a file: columns, read when they are asked for, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.errors import FormatError
from ..core.names import similar

__all__ = ["Column", "SourceTable", "listed", "masked_texts", "nearest", "printable"]

# Names of columns in a message; tables of surveys have hundreds.
_SHOWN: Final = 40


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    load : callable
        Gives the values, shape (rows, ...): numbers or bool as `maskexpr.io.validity` has them, or texts,
        masked where they are blank.
    unit, ucd : str
        As the file spells them.
    frame : str or frame, optional
        The frame that the file names for this column.
    """

    load: Callable[[], NDArray[Any]]
    unit: str = ""
    ucd: str = ""
    frame: Any = None


@dataclass(frozen=True)
class SourceTable:
    """A table.

    Parameters
    ----------
    where : str
        The file, and where in it the table is.
    columns : mapping of str to Column
        By their names, in order.
    frame : str or frame, optional
        The equatorial frame that the file names for the table.
    key : str
        By what the table is told from others of the file.
    """

    where: str
    columns: Mapping[str, Column]
    frame: Any = None
    key: str = ""
    _loaded: dict[str, NDArray[Any]] = field(default_factory=dict)

    def values(self, name: str) -> NDArray[Any]:
        """The values of a column, read once."""
        if name not in self._loaded:
            self._loaded[name] = self.columns[name].load()
        return self._loaded[name]

    def find(self, name: str) -> str | None:
        """The name of the column that a user means: the same, or the only one the same but for case."""
        if name in self.columns:
            return name
        alike = [each for each in self.columns if each.casefold() == name.casefold()]
        return alike[0] if len(alike) == 1 else None

    def need(self, name: str, what: str = "") -> str:
        """The column that a user means.

        Raises
        ------
        FormatError
            If there is none, with the nearest name and all names.
        """
        found = self.find(name)
        if found is None:
            purpose = f" for {what}" if what else ""
            raise FormatError(
                f"{self.where} has no column {name!r}{purpose}{nearest(name, self.columns)}; "
                f"columns: {listed(self.columns)}"
            )
        return found


def nearest(name: str, names: Iterable[str]) -> str:
    """A question that offers the most similar name, or nothing.

    Examples
    --------
    >>> nearest("Signif_Av", ["Name", "Signif_Avg"])
    " (did you mean 'Signif_Avg'?)"
    """
    found = similar(name, names)
    return "" if found is None else f" (did you mean {found!r}?)"


def listed(names: Iterable[str]) -> str:
    """Names for a message.

    Examples
    --------
    >>> listed(["RA", "DEC"]), listed([])
    ('RA, DEC', 'none')
    """
    every = list(names)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more if every else "none"


def printable(text: str) -> str:
    """A message in which what a terminal would obey, copied from a file, is escaped.

    Examples
    --------
    >>> printable(f"no column {chr(7)}").isprintable()
    True
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def masked_texts(texts: NDArray[Any]) -> NDArray[Any]:
    """Texts without the blanks around them, masked where nothing is left."""
    stripped = np.char.strip(texts) if texts.size else texts
    return np.ma.MaskedArray(stripped, mask=stripped == "")

"""Which table of a file is meant: the one that is named, or the first that has all that was asked."""

from __future__ import annotations

from ..core.errors import FormatError
from .positions import usual_pairs
from .table import SourceTable, listed, nearest

__all__ = ["table_of"]


def table_of(
    tables: list[SourceTable], path: str, hdu: int | str | None, wanted: list[str], named: bool
) -> SourceTable:
    """The table that is meant.

    Parameters
    ----------
    tables : list of SourceTable
        All of the file.
    path : str
        The file, for errors.
    hdu : int or str, optional
        Number or name of the table.
    wanted : list of str
        Columns that it must have.
    named : bool
        Whether the columns of the positions are among them; else a pair of usual names is looked for.

    Raises
    ------
    FormatError
        If there is none, listing what each holds; or if several of one name are.
    """
    if hdu is not None:
        return _by_key(tables, path, hdu)
    if len(tables) == 1:
        return tables[0]
    with_positions = [each for each in tables if named or any(True for _ in usual_pairs(each))]
    some = [each for each in with_positions if all(each.find(name) is not None for name in wanted)]
    if not some:
        held = "; ".join(f"{each.key} ({listed(each.columns)})" for each in tables) or "none"
        raise FormatError(f"{path} {_lack(tables, wanted, bool(with_positions))}; tables: {held}")
    alike = [each.key for each in some if _name(each) and _name(each) == _name(some[0])]
    if len(alike) > 1:
        raise FormatError(
            f"{path} holds its sources in {len(alike)} tables of one name ({listed(alike)}): read each, "
            "hdu= its number, and join them with |"
        )
    return some[0]


def _lack(tables: list[SourceTable], wanted: list[str], has_positions: bool) -> str:
    """Why no table will do."""
    if not tables:
        return "has no table"
    lost = next((name for name in wanted if all(each.find(name) is None for each in tables)), None)
    if lost is not None:
        every = [name for each in tables for name in each.columns]
        return f"has no column {lost!r}{nearest(lost, every)}"
    if has_positions:
        return f"has no table with positions and all of the columns {listed(wanted)}"
    return "has no position columns of a usual name: give lon= and lat="


def _name(table: SourceTable) -> str:
    return table.key.partition(" ")[2]


def _by_key(tables: list[SourceTable], path: str, hdu: int | str) -> SourceTable:
    if len(tables) == 1 and not tables[0].key:
        raise FormatError(f"{path} is one table, without a name or number: leave out hdu=")
    place = 0 if isinstance(hdu, int) else 2
    found = [each for each in tables if each.key.partition(" ")[place].casefold() == str(hdu).casefold()]
    keys = listed(each.key for each in found or tables)
    if not found:
        raise FormatError(f"{path} has no table HDU {hdu!r}; tables: {keys}")
    if len(found) > 1:
        raise FormatError(f"{path} has several tables {hdu!r}: give the number of one, {keys}")
    return found[0]

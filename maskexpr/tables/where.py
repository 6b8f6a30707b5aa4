"""Which rows of a table meet a condition: Python's grammar, of which a few nodes are known, in three values.

A comparison with what is missing is neither true nor false. Rows are taken where the condition is true, as a
database does it, so that ``not (x > 1)`` takes no row without x either.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable
from functools import reduce
from typing import Any, Final, NamedTuple

import numpy as np

from ..core.arrays import Bools
from ..core.errors import FormatError
from ..core.names import shown
from ..io.validity import gaps, plain
from .table import SourceTable

__all__ = ["columns_of", "rows_where"]

# Nobody writes a longer condition, and the grammar's time and depth grow with the text.
_LONGEST: Final = 2000
_LARGEST: Final = 1 << 64
# Names that Python would not take, such as `S/N`, stand in backticks.
_QUOTED: Final = re.compile(r"`([^`]+)`")
_COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_HELP: Final = (
    "a condition compares columns with numbers, texts or columns (Signif_Avg > 10, CLASS1 == 'psr', "
    "1 < z <= 2, CLASS1 in ('psr', 'PSR'), Size is None), joined by and, or, not, or in brackets by & | ~: "
    "(z > 1) & (z < 2); names that are no word stand in backticks: `S/N` > 5"
)


class _Known(NamedTuple):
    """Values of rows, and where they are known."""

    values: Any
    known: Any


def rows_where(table: SourceTable, condition: str) -> Bools:
    """The rows of a table of which a condition is true.

    Parameters
    ----------
    table : SourceTable
        The table.
    condition : str
        Such as ``"Signif_Avg > 10 and not CLASS1 == 'psr'"``.

    Raises
    ------
    FormatError
        For what is no condition, or a column that is not there, with the nearest name.

    Examples
    --------
    >>> from maskexpr.tables.table import Column
    >>> table = SourceTable("table", {"z": Column(lambda: np.array([0.5, 1.5, np.nan]))})
    >>> rows_where(table, "not z > 1").tolist()
    [True, False, False]
    """
    tree, names = _parsed(condition)
    found = _truth(tree, table, names, condition)
    return np.asarray(found.values & found.known)


def columns_of(condition: str) -> list[str]:
    """The names of columns in a condition.

    Examples
    --------
    >>> columns_of("`S/N` > 5 and z < 1")
    ['S/N', 'z']
    """
    tree, names = _parsed(condition)
    found = [each.id for each in ast.walk(tree) if isinstance(each, ast.Name)]
    return [names.get(each, each) for each in dict.fromkeys(found)]


def _parsed(condition: Any) -> tuple[ast.expr, dict[str, str]]:
    """The tree of a condition, and what stands for names in backticks."""
    if not isinstance(condition, str) or not condition.strip():
        chosen = "rows that are chosen already are Catalog(table[rows], radius)"
        raise FormatError(f"where must be a text, got {shown(condition)}: {chosen}; {_HELP}")
    if len(condition) > _LONGEST:
        raise FormatError(
            f"where: the condition has {len(condition)} characters, at most {_LONGEST} are read"
        )
    names: dict[str, str] = {}

    def stand_in(found: re.Match[str]) -> str:
        word = f"_column_{len(names)}_"
        names[word] = found[1]
        return word

    text = _QUOTED.sub(stand_in, condition.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(text, mode="eval").body, names
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        raise FormatError(f"where: {condition!r} cannot be read: {_HELP}") from err


def _truth(tree: ast.expr, table: SourceTable, names: dict[str, str], text: str) -> _Known:
    """Truth of a condition row by row."""
    if isinstance(tree, ast.BoolOp):
        parts = [_truth(each, table, names, text) for each in tree.values]
        return reduce(_both if isinstance(tree.op, ast.And) else _either, parts)
    # Of tables and numexpr people know & | ~, of which only whole conditions are operands: & binds closer
    # than a comparison.
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitAnd | ast.BitOr):
        sides = [_truth(each, table, names, text) for each in (tree.left, tree.right)]
        return (_both if isinstance(tree.op, ast.BitAnd) else _either)(*sides)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not | ast.Invert):
        return _not(_truth(tree.operand, table, names, text))
    if isinstance(tree, ast.Compare):
        terms = [tree.left, *tree.comparators]
        found = [
            _compared(one, compare, other, table, names, text)
            for one, compare, other in zip(terms, tree.ops, terms[1:], strict=False)
        ]
        return reduce(_both, found)
    if isinstance(tree, ast.Name):
        value = _term(tree, table, names, text)
        if value.values.dtype == np.bool_:
            return value
    raise _unknown(tree, text)


def _both(one: _Known, other: _Known) -> _Known:
    """Kleene's conjunction: false where either is, true where both are."""
    false = (one.known & ~one.values) | (other.known & ~other.values)
    return _Known(one.values & other.values, (one.known & other.known) | false)


def _either(one: _Known, other: _Known) -> _Known:
    return _not(_both(_not(one), _not(other)))


def _not(one: _Known) -> _Known:
    return _Known(~one.values, one.known)


def _compared(
    one: ast.expr, compare: ast.cmpop, other: ast.expr, table: SourceTable, names: dict[str, str], text: str
) -> _Known:
    left = _term(one, table, names, text)
    if isinstance(compare, ast.Is | ast.IsNot) and isinstance(other, ast.Constant) and other.value is None:
        missing = ~left.known if isinstance(compare, ast.Is) else left.known
        return _Known(missing, np.ones_like(missing))
    if isinstance(compare, ast.In | ast.NotIn) and isinstance(other, ast.Tuple | ast.List | ast.Set):
        parts = [_related(left, ast.Eq, _term(each, table, names, text), text) for each in other.elts]
        if not parts:
            raise _unknown(other, text)
        found = reduce(_either, parts)
        return found if isinstance(compare, ast.In) else _not(found)
    if type(compare) not in _COMPARE:
        raise _unknown(other, text)
    return _related(left, type(compare), _term(other, table, names, text), text)


def _related(left: _Known, compare: type[ast.cmpop], right: _Known, text: str) -> _Known:
    kinds = ["text" if np.asarray(each.values).dtype.kind == "U" else "number" for each in (left, right)]
    if kinds[0] != kinds[1]:
        raise FormatError(
            f"where: {text!r} compares a {kinds[0]} with a {kinds[1]}; numbers are in the unit of their "
            "column, without it"
        )
    with np.errstate(over="ignore"):
        found = _COMPARE[compare](left.values, right.values)
    values, known = np.broadcast_arrays(found, left.known & right.known)
    return _Known(np.asarray(values, dtype=bool), known)


def _term(tree: ast.expr, table: SourceTable, names: dict[str, str], text: str) -> _Known:
    """A column or a constant."""
    if isinstance(tree, ast.Name):
        return _column(table, table.need(names.get(tree.id, tree.id), "where="))
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        return _Known(np.array(tree.value.strip()), np.array(True))
    negative = isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub)
    inner = (
        tree.operand
        if isinstance(tree, ast.UnaryOp) and (negative or isinstance(tree.op, ast.UAdd))
        else tree
    )
    if isinstance(inner, ast.Constant) and isinstance(inner.value, int | float):
        number = -inner.value if negative else inner.value
        # Numbers of sources are compared to the last digit, as long as they are such; and a number of Python
        # takes the precision of a column, where an array of one would have the column's values widened.
        whole = isinstance(number, int) and abs(number) < _LARGEST
        return _Known(number if whole else float(number), np.array(True))
    raise _unknown(tree, text)


def _column(table: SourceTable, name: str) -> _Known:
    values = table.values(name)
    if values.ndim != 1 or values.dtype.kind not in "biufU":
        raise FormatError(
            f"{table.where}: the column {name!r} holds no single number or text a row to compare"
        )
    missing = np.ma.getmaskarray(values) if values.dtype.kind == "U" else gaps(values)
    return _Known(plain(values), np.ones(len(values), dtype=bool) if missing is None else ~missing)


def _unknown(tree: ast.AST, text: str) -> FormatError:
    try:
        part = ast.unparse(tree)
    except (ValueError, RecursionError):
        part = text
    return FormatError(f"where: {part!r} in {text!r} is not understood: {_HELP}")

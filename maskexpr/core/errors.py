"""The errors users meet: one root, and each child is also the builtin that a user expects."""

from __future__ import annotations

import importlib
import importlib.util
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Final

__all__ = [
    "AngleError",
    "AxisError",
    "ComparisonError",
    "FileMissingError",
    "FormatError",
    "GeometryError",
    "IncompleteMaskError",
    "IntegrityError",
    "LimitError",
    "MaskAttributeError",
    "MaskError",
    "MaskTypeError",
    "MaskValueError",
    "MemoryLimitError",
    "MissingDependencyError",
    "NeedsGridError",
    "OutputExistsError",
    "RecipeError",
    "RegionError",
    "TileError",
    "WriteError",
    "borrowed",
    "printable",
    "require",
]

_LONGEST: Final = 2000
"""Characters of a message that are shown."""


class MaskError(Exception):
    """Root of all errors that maskexpr raises on purpose.

    Messages quote what files say, so that control characters in them are shown as escapes, and what is very
    long is cut short.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class MaskValueError(MaskError, ValueError):
    """A value that cannot be honoured: negative radius, NaN position, latitude 91."""


class MaskTypeError(MaskError, TypeError):
    """An object of the wrong kind, such as a mask used as a truth value."""


class MaskAttributeError(MaskError, AttributeError):
    """A name that the object, or the package, does not have."""


class ComparisonError(MaskError, RuntimeError):
    """A mask compared with an array, a table or a number.

    No TypeError and no ValueError: tables of astropy take those for the answer "not equal".
    """


class AngleError(MaskError, ValueError, TypeError):
    """An angle without a unit, or that is not an angle."""


class GeometryError(MaskError, ValueError):
    """A map geometry that cannot be: zero pixel size, a WCS that is not celestial."""


class AxisError(MaskError, LookupError, ValueError):
    """A mask asks for an axis that the geometry lacks or that does not match."""


class RegionError(MaskError, ValueError):
    """A region that cannot be honoured, with the line or item that holds it."""


class FileMissingError(MaskError, FileNotFoundError):
    """The file, or the folder that it should be written into, is not there."""


class FormatError(MaskError, ValueError):
    """Text or a file that is not what it should be."""


class RecipeError(FormatError):
    """A recipe that cannot be read, with the line, the column and the keys that lead to the place.

    Parameters
    ----------
    words : str
        What is wrong, with the place.
    line, column : int, optional
        The place, from 1.
    keys : str
        The way to it from the top of the recipe.
    """

    def __init__(
        self, words: str, line: int | None = None, column: int | None = None, keys: str = ""
    ) -> None:
        super().__init__(words)
        self.line, self.column, self.keys = line, column, keys


class IntegrityError(FormatError):
    """A file that is not what was written: cut, damaged, copied in part, or replaced while it was read."""


class IncompleteMaskError(FormatError):
    """A mask whose writing has not come to its end."""


class NeedsGridError(MaskError, ValueError):
    """A node that has a meaning only on a grid was asked at bare sky positions."""


class LimitError(MaskError, ValueError):
    """An input that would cost more than it may; names the limit, which `maskexpr.set_limits` changes."""


class OutputExistsError(MaskError, FileExistsError):
    """The output is there already and ``overwrite=True`` was not given."""


class MemoryLimitError(MaskError, MemoryError):
    """A plan that would need more memory than it may."""


class TileError(MaskError, RuntimeError):
    """A task failed; names the node, the tile and the file."""


class WriteError(MaskError, OSError):
    """A mask could not be written: a full disk, a limit, a call that failed.

    What had the name before is as it was, and nothing is left behind.

    Attributes
    ----------
    errno : int
        What the operating system said, see `errno`.
    filename : str
        The output.
    written : int
        Bytes of it that had been written.
    """

    written: int = 0


class MissingDependencyError(MaskError, ImportError):
    """An optional package is not installed, or does not import; names the extra, or the cause."""


def printable(text: str) -> str:
    r"""A text that is safe to show: without control characters, and not endless.

    Examples
    --------
    >>> print(printable(chr(27) + "[31mred" + chr(10)))
    \x1b[31mred\n
    """
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]} ... {len(text) - _LONGEST:,} characters more ... {text[-half:]}"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or _is_space(each) else _escaped(each) for each in text)


def _is_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


@contextmanager
def borrowed(what: str, error: type[MaskError], name: str = "") -> Iterator[None]:
    """While a parser of another package reads an item from outside: whatever it stumbles over names the item.

    Parameters
    ----------
    what : str
        The item, for the message.
    error : type of MaskError
        What is raised; errors of maskexpr go through as they are.
    name : str
        The part of ``what`` that errors of maskexpr must have, or get before their words.

    Examples
    --------
    >>> with borrowed("the header", FormatError):
    ...     int("1 2")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.FormatError: the header: ValueError: invalid literal for int() with base 10: '1 2'
    """
    try:
        yield
    except MaskError as err:
        if name not in str(err):
            err.args = (f"{what}: {err}",)
        raise
    except (MemoryError, RecursionError) as err:
        raise LimitError(f"{what}: it takes more memory than there is, or is nested too deep: {err}") from err
    except Exception as err:
        said = str(err).strip()
        raise error(f"{what}: {type(err).__name__}{f': {said}' if said else ''}") from err


def _cause(package: str, err: ImportError) -> str:
    """Why a package that is there does not import, and what helps where that is known."""
    try:
        regions = version("regions")
    except PackageNotFoundError:
        regions = "0"
    # gammapy imports names of regions that 0.12 has no more, and says so nowhere in its own metadata.
    if package == "gammapy" and tuple(map(int, re.findall(r"\d+", regions)[:2])) >= (0, 12):
        return f"{err}; gammapy does not work with regions {regions}: pip install 'regions<0.12'"
    return str(err)


def require(module: str, extra: str) -> ModuleType:
    """Import an optional package, or say which extra brings it.

    Parameters
    ----------
    module : str
        Dotted name of the module, for example ``"matplotlib.pyplot"``.
    extra : str
        The extra of maskexpr that installs it.

    Raises
    ------
    MissingDependencyError
        If the module cannot be imported.

    Examples
    --------
    >>> require("math", extra="none").pi > 3
    True
    """
    try:
        return importlib.import_module(module)
    except ImportError as err:
        package = module.partition(".")[0]
        if importlib.util.find_spec(package) is not None and err.name != module:
            raise MissingDependencyError(
                f"{package} is installed but does not import: {_cause(package, err)}"
            ) from err
        raise MissingDependencyError(
            f"this needs the package {package!r}, which is not installed ({err}); "
            f"install it with: pip install 'maskexpr[{extra}]'"
        ) from err

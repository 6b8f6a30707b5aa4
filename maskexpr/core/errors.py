"""The errors users meet: one root, and each child is also the builtin that a user expects."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "AngleError",
    "AxisError",
    "FileMissingError",
    "FormatError",
    "GeometryError",
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
    "require",
]


class MaskError(Exception):
    """Root of all errors that maskexpr raises on purpose."""


class MaskValueError(MaskError, ValueError):
    """A value that cannot be honoured: negative radius, NaN position, latitude 91."""


class MaskTypeError(MaskError, TypeError):
    """An object of the wrong kind, such as a mask used as a truth value."""


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


class NeedsGridError(MaskError, ValueError):
    """A node that has a meaning only on a grid was asked at bare sky positions."""


class OutputExistsError(MaskError, FileExistsError):
    """The output is there already and ``overwrite=True`` was not given."""


class MemoryLimitError(MaskError, MemoryError):
    """A plan that would need more memory than it may."""


class TileError(MaskError, RuntimeError):
    """A task failed; names the node, the tile and the file."""


class MissingDependencyError(MaskError, ImportError):
    """An optional package is not installed; names the extra that brings it."""


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
        raise MissingDependencyError(
            f"this needs the package {package!r}, which is not installed ({err}); "
            f"install it with: pip install 'maskexpr[{extra}]'"
        ) from err

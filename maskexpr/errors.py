"""The errors that users meet, by the name under which they are caught: ``maskexpr.errors.MaskError``."""

from .core.errors import (
    AngleError,
    AxisError,
    FileMissingError,
    FormatError,
    GeometryError,
    MaskError,
    MaskTypeError,
    MaskValueError,
    MemoryLimitError,
    MissingDependencyError,
    NeedsGridError,
    OutputExistsError,
    RecipeError,
    RegionError,
    TileError,
    require,
)

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

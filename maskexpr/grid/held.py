"""What the grids of the package share: axes, attributes that nobody can change, and how they are shown."""

from __future__ import annotations

from abc import abstractmethod
from html import escape
from typing import ClassVar

from ..core.errors import MaskAttributeError
from .axis import Axis
from .lattice import Grid

__all__ = ["HeldGrid"]


class HeldGrid(Grid):
    """A grid that is immutable in its attributes too."""

    __slots__ = ("_axes",)

    _axes: tuple[Axis, ...]
    _called: ClassVar[str]
    """The class with its article."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self._axes

    @abstractmethod
    def _facts(self) -> list[tuple[str, str]]:
        """What is shown of it, by names."""

    def __setattr__(self, name: str, value: object) -> None:
        raise MaskAttributeError(f"{self._called} is immutable; make a new one instead of setting {name!r}")

    def __delattr__(self, name: str) -> None:
        raise MaskAttributeError(f"{self._called} is immutable; {name!r} cannot be deleted")

    def __repr__(self) -> str:
        axes = "".join(f", {axis.name} {axis.nbin}" for axis in self._axes)
        return f"{type(self).__name__}({', '.join(value for _, value in self._facts())}{axes})"

    def _repr_html_(self) -> str:
        rows = [*self._facts(), *((axis.name, repr(axis)) for axis in self._axes)]
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
        return f"<table><caption>{type(self).__name__}</caption>{cells}</table>"

"""Shapes made of shapes by Boolean operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..core.arrays import Bools, Floats
from ..core.coverage import EMPTY, FULL, MIXED, Coverage, invert
from ..core.errors import RegionError
from ..core.names import described
from ..core.once import once
from ..core.records import Columns, record
from ..sphere.vectors import Caps
from .base import IMAGE, Shape, store

__all__ = ["OPERATORS", "Compound", "combine", "join_coverage", "join_values"]

T = TypeVar("T")

OPERATORS = ("or", "and", "xor", "minus")


@record("compound")
@dataclass(frozen=True)
class Compound(Shape):
    """Shapes joined by operators, in reverse Polish notation, so that no depth of nesting costs recursion.

    Parameters
    ----------
    shapes : sequence of Shape
        The simple shapes.
    formula : sequence of int and str
        A number puts that shape on a stack; ``"or"``, ``"and"``, ``"xor"``, ``"minus"`` join the two last. An
        empty formula is nothing.

    Raises
    ------
    RegionError
        For a formula that does not work out, an operator that is not known, or shapes in pixels with shapes
        on the sky.

    Examples
    --------
    >>> from maskexpr.shapes import Circle
    >>> from maskexpr.sphere.vectors import unit
    >>> ring = Compound([Circle(0, 0, 2), Circle(0, 0, 1)], [0, 1, "minus"])
    >>> ring.inside(unit([0.0, 1.5], [0.0, 0.0]), "icrs").tolist()
    [False, True]
    """

    shapes: tuple[Shape, ...]
    formula: tuple[int | str, ...]

    def __init__(self, shapes: Iterable[Shape], formula: Iterable[int | str]) -> None:
        shapes = shapes if isinstance(shapes, Columns) else tuple(shapes)
        store(self, shapes=shapes, formula=tuple(formula))
        for number, shape in enumerate(self.samples):
            if not isinstance(shape, Shape) or isinstance(shape, Compound):
                raise RegionError(
                    f"shape {number} of a compound must be a simple shape, got {described(shape)}"
                )
        if len({shape.frame == IMAGE for shape in self.samples}) > 1:
            raise RegionError("a compound cannot join shapes in pixels with shapes on the sky")
        if not self._is_union:
            self._check_formula()

    @property
    def samples(self) -> tuple[Shape, ...]:
        """See `Shape.samples`: one for all of those that are held as columns."""
        return self.shapes[:1] if isinstance(self.shapes, Columns) else self.shapes

    @classmethod
    def union(cls, shapes: Iterable[Shape]) -> Compound:
        """What is in any of some shapes.

        Examples
        --------
        >>> from maskexpr.shapes import Circle
        >>> Compound.union([Circle(0, 0, 2), Circle(5, 0, 2), Circle(9, 0, 1)]).formula
        (0, 1, 'or', 2, 'or')
        """
        shapes = shapes if isinstance(shapes, Columns) else tuple(shapes)
        return cls(shapes, _union(len(shapes)))

    def _check_formula(self) -> None:
        depth = 0
        for token in self.formula:
            if isinstance(token, str):
                if token not in OPERATORS:
                    raise RegionError(f"unknown operator {token!r}: use {', '.join(OPERATORS)}")
                depth -= 1
            elif 0 <= token < len(self.shapes):
                depth += 1
            else:
                raise RegionError(f"the formula names shape {token} of {len(self.shapes)}")
            if depth < 1:
                raise RegionError("the formula of a compound has an operator without two operands")
        if depth > 1:
            raise RegionError("the formula of a compound leaves operands over")

    @once
    def frame(self) -> str:
        """Frame of the first shape: tells pixels from sky."""
        return self.samples[0].frame if self.shapes else "icrs"

    @once
    def _is_union(self) -> bool:
        return self.formula == _union(len(self.shapes))

    @once
    def joined(self) -> str:
        """The operator, if one alone joins all the shapes, each once; else an empty text."""
        if self._is_union and len(self.shapes) > 1:
            return "or"
        names = {token for token in self.formula if isinstance(token, str)}
        numbers = sorted(token for token in self.formula if not isinstance(token, str))
        once_each = numbers == list(range(len(self.shapes)))
        return names.pop() if len(names) == 1 and once_each else ""

    @once
    def adds(self) -> tuple[bool, ...]:
        """For each shape whether it adds to those before it or takes away, if nothing else is done to them.

        Empty for other formulas.
        """
        if self.joined == "or":
            return (True,) * len(self.shapes)
        order, names = self.formula[:1] + self.formula[1::2], self.formula[2::2]
        in_a_row = order == tuple(range(len(self.shapes))) and len(names) == len(order) - 1
        if not (in_a_row and order and set(names) <= {"or", "minus"}):
            return ()
        return (True, *(name == "or" for name in names))

    @once
    def needs_grid(self) -> bool:
        """See `Shape.needs_grid`."""
        return any(shape.needs_grid for shape in self.samples)

    @property
    def leaves(self) -> tuple[Shape, ...]:
        """See `Shape.leaves`."""
        return self.shapes

    def fold(self, leaf: Callable[[Shape], T], join: Callable[[str, T, T], T], nothing: T) -> T:
        """Work the formula out, with values of any kind for the shapes."""
        stack: list[T] = []
        for token in self.formula:
            if isinstance(token, str):
                right = stack.pop()
                stack[-1] = join(token, stack[-1], right)
            else:
                stack.append(leaf(self.shapes[token]))
        return stack[0] if stack else nothing

    def inside(self, xyz: Floats, frame: str) -> Bools:
        """See `Shape.inside`."""
        return self.fold(
            lambda shape: shape.inside(xyz, frame), join_values, np.zeros(xyz.shape[1:], dtype=bool)
        )

    def coverage(self, caps: Caps, frame: str) -> Coverage:
        """See `Shape.coverage`."""
        nothing = np.full(len(caps.radius), EMPTY)
        return self.fold(lambda shape: shape.coverage(caps, frame), join_coverage, nothing)

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """See `Shape.near`."""
        if any(token in OPERATORS and token != "or" for token in self.formula):
            return super().near(xyz, frame, angle)
        nothing = np.zeros(xyz.shape[1:], dtype=bool)
        return self.fold(lambda shape: shape.near(xyz, frame, angle), join_values, nothing)

    def text(self) -> str:
        """See `Shape.text`."""
        if len(self.shapes) > 3:
            return f"{len(self.shapes)} shapes: {self.shapes[0].text()}, ..."
        return self.fold(
            lambda shape: shape.text(),
            lambda operator, left, right: f"({left} {operator} {right})",
            "nothing",
        )


def _union(number: int) -> tuple[int | str, ...]:
    """The formula of the union of so many shapes, one joined after the other."""
    formula: list[int | str] = ["or"] * max(0, 2 * number - 1)
    formula[:1], formula[1::2] = range(min(number, 1)), range(1, number)
    return tuple(formula)


def join_values(operator: str, left: Bools, right: Bools) -> Bools:
    """Join values by an operator."""
    if operator == "or":
        return left | right
    if operator == "and":
        return left & right
    return left ^ right if operator == "xor" else left & ~right


def join_coverage(operator: str, left: Coverage, right: Coverage) -> Coverage:
    """Join coverages by an operator."""
    if operator == "or":
        return np.maximum(left, right)
    if operator == "and":
        return np.minimum(left, right)
    if operator == "minus":
        return np.minimum(left, invert(right))
    decided = np.where(left == right, EMPTY, FULL)
    return np.where((left == MIXED) | (right == MIXED), MIXED, decided).astype(np.uint8)


def combine(items: Iterable[tuple[str, Shape]]) -> Shape:
    """One shape of a sequence: each is joined to what stands before it by its operator, the first to none.

    Examples
    --------
    >>> from maskexpr.shapes import Circle
    >>> combine([("or", Circle(0, 0, 2)), ("minus", Circle(0, 0, 1))]).formula
    (0, 1, 'minus')
    """
    items = list(items)
    if len(items) == 1:
        return items[0][1]
    shapes: list[Shape] = []
    formula: list[Any] = []
    for number, (operator, shape) in enumerate(items):
        part = shape.formula if isinstance(shape, Compound) else (0,)
        # Nothing has no place on the stack: what it does to a union or a difference is said here.
        if number and operator in ("and", "minus") and not formula:
            continue
        if number and operator == "and" and not part:
            shapes, formula = [], []
            continue
        joins = bool(formula) and bool(part)
        formula.extend(token if isinstance(token, str) else token + len(shapes) for token in part)
        shapes.extend(shape.leaves)
        if joins:
            formula.append(operator)
    return Compound(shapes, formula)

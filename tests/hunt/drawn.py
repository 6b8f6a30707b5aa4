"""A random mask and the oracle's answer to it, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import maskexpr as mx

from .lattice import Lattice
from .sphere import Bounds

Answer = Callable[[Lattice, int], Bounds]
"""Bounds of a mask on the pixels of a lattice, on one plane; what is off the sky does not matter."""


class NoOracle(Exception):
    """There is no independent answer here: only the laws are held."""


@dataclass(frozen=True)
class Drawn:
    """A mask, what it is for the counts, how far it reaches (radians), and the oracle's answer."""

    mask: mx.Mask
    kind: str
    answer: Answer
    children: tuple[Drawn, ...] = ()
    own_reach: float = 0.0

    @property
    def reach(self) -> float:
        """How far beyond the map the mask looks."""
        return self.own_reach + max((each.reach for each in self.children), default=0.0)

    def bounds(self, lattice: Lattice, plane: int = 0) -> Bounds:
        low, high = self.answer(lattice, plane)
        return Bounds(low & lattice.on_sky, high & lattice.on_sky)

    def every(self) -> Iterator[Drawn]:
        yield self
        for each in self.children:
            yield from each.every()


def nobody(lattice: Lattice, plane: int) -> Bounds:
    raise NoOracle

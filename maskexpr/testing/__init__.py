"""Laws that every node and grid must keep, and random masks and maps to try them on: for ours and for yours.

Needs hypothesis.
"""

from ..core.pruning import unpruned
from .grids import check_grid
from .laws import (
    brute_force,
    check_coverage,
    check_node,
    check_points,
    check_promises,
    geometries,
    whole_tile,
)
from .masks import ON_THE_MAP, OPERATORS, STRATEGIES, masks
from .tilings import Tiling, random_geometries, thin_geometries, tilings

__all__ = [
    "ON_THE_MAP",
    "OPERATORS",
    "STRATEGIES",
    "Tiling",
    "brute_force",
    "check_coverage",
    "check_grid",
    "check_node",
    "check_points",
    "check_promises",
    "geometries",
    "masks",
    "random_geometries",
    "thin_geometries",
    "tilings",
    "unpruned",
    "whole_tile",
]

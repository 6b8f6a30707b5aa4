"""Laws that every node and grid must keep, and random masks and maps to try them on: for ours and for yours.

Needs hypothesis.
"""

from .laws import brute_force, check_coverage, check_node, check_points, geometries, whole_tile
from .masks import ON_THE_MAP, OPERATORS, STRATEGIES, masks

__all__ = [
    "ON_THE_MAP",
    "OPERATORS",
    "STRATEGIES",
    "brute_force",
    "check_coverage",
    "check_node",
    "check_points",
    "geometries",
    "masks",
    "whole_tile",
]

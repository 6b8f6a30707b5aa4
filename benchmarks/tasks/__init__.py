"""The work that is compared: every row of the table of bars."""

from __future__ import annotations

from .cells import TASKS as CELLS
from .circles import TASKS as CIRCLES
from .growing import TASKS as GROWING
from .mocs import TASKS as MOCS
from .numbers import TASKS as NUMBERS
from .polygons import TASKS as POLYGONS
from .positions import TASKS as POSITIONS
from .shapes import TASKS as SHAPES

__all__ = ["TASKS"]

TASKS = {
    task.key: task for task in (*CELLS, *CIRCLES, *GROWING, *MOCS, *NUMBERS, *POLYGONS, *POSITIONS, *SHAPES)
}

"""All that an author of nodes, grids or file formats imports.

What stands here is kept; the modules that it comes from may move.
"""

from .components.areas import Area, limit
from .components.node import Connected
from .core.coverage import EMPTY, FULL, MIXED, NAMES, Coverage, invert, merge
from .core.errors import require
from .core.once import once
from .core.records import digest_of, frozen_array
from .expr.mask import NODES, Ask, Bools, Mask, Reach, node
from .expr.structure import postorder
from .grid.axis import Axis
from .grid.lattice import OFF, ON, PART, Cut, EvenRings, Grid, Rim, Topology, centre_caps, centre_sky
from .grid.points import Pixels, Points
from .grid.rim import rim_by_neighbours, rim_by_steps, topology
from .grid.tiles import Areas, Tile, Tiles
from .io.formats import Format, StoredMap, register_format
from .io.validity import gaps
from .io.writer import MaskWriter
from .io.xarray import geom_from_attrs
from .maps.leaf import FromData
from .maps.missing import policy, settle
from .pixels.window import Window
from .sphere.angles import format_degrees, to_degrees, to_degrees_array
from .sphere.parallels import Parallels, StripRuns, no_runs, whole_runs
from .sphere.vectors import TIE, Caps, angle_between, lonlat, normalise, rotate, rotation, unit, within

__all__ = [
    "EMPTY",
    "FULL",
    "MIXED",
    "NAMES",
    "NODES",
    "OFF",
    "ON",
    "PART",
    "TIE",
    "Area",
    "Areas",
    "Ask",
    "Axis",
    "Bools",
    "Caps",
    "Connected",
    "Coverage",
    "Cut",
    "EvenRings",
    "Format",
    "FromData",
    "Grid",
    "Mask",
    "MaskWriter",
    "Parallels",
    "Pixels",
    "Points",
    "Reach",
    "Rim",
    "StoredMap",
    "StripRuns",
    "Tile",
    "Tiles",
    "Topology",
    "Window",
    "angle_between",
    "centre_caps",
    "centre_sky",
    "digest_of",
    "format_degrees",
    "frozen_array",
    "gaps",
    "geom_from_attrs",
    "invert",
    "limit",
    "lonlat",
    "merge",
    "no_runs",
    "node",
    "normalise",
    "once",
    "policy",
    "postorder",
    "register_format",
    "require",
    "rim_by_neighbours",
    "rim_by_steps",
    "rotate",
    "rotation",
    "settle",
    "to_degrees",
    "to_degrees_array",
    "topology",
    "unit",
    "whole_runs",
    "within",
]

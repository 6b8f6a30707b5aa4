"""Shapes on the sphere: plain records with their geometry, free of any grid.

A shape knows which points it holds and which caps it holds or misses as a whole. Positions are degrees in a
named frame; in the frame ``"image"`` they are pixels (``lon`` along x, ``lat`` along y, from 0) and the shape
has a meaning in the pixel metric only.
"""

from .base import IMAGE, Shape
from .cells import CellUnion
from .circle import Circle, CircleAnnulus, WholeSky
from .compound import Compound, combine
from .ellipse import Ellipse, EllipseAnnulus, Rectangle, RectangleAnnulus
from .line import Line, Point
from .pixel_box import PixelBox
from .polygon import Polygon, Polygons
from .sector import Sector

__all__ = [
    "IMAGE",
    "CellUnion",
    "Circle",
    "CircleAnnulus",
    "Compound",
    "Ellipse",
    "EllipseAnnulus",
    "Line",
    "PixelBox",
    "Point",
    "Polygon",
    "Polygons",
    "Rectangle",
    "RectangleAnnulus",
    "Sector",
    "Shape",
    "WholeSky",
    "combine",
]

"""What a notebook shows of a mask: its tree beside a small picture of the whole sky."""

from __future__ import annotations

import html
from functools import lru_cache
from itertools import islice
from time import thread_time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..compile.evaluate import Evaluator
from ..core.errors import MaskError
from ..expr.describe import tree
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..grid.points import Points
from ..grid.wcs.geom import WcsGeom
from ..growth.node import Growth
from ..pixels.png import data_url, png
from ..shapes.compound import Compound
from ..sphere.vectors import unit
from .to_moc import on_the_sphere

__all__ = ["mask_html", "preview"]

_SKY: Final = WcsGeom.allsky(binsz=3, frame="galactic", proj="AIT")
# What a preview may cost, so that it is there at once: nodes, shapes and sources, and how far nodes look.
_NODES: Final = 60
_THINGS: Final = 25_000
# A shape takes as long as so many numbers of a catalogue; what has a point of it near, longer.
_SHAPE: Final = 15
_GROWN_SHAPE: Final = 240
_REACH: Final = 20.0
# Seconds of processor time that a picture may take, and how many points the first piece of it has.
_PATIENCE: Final = 0.2
_FIRST: Final = 64
_COLOURS: Final = ((0, 0, 0, 0), (225, 225, 225, 255), (31, 119, 180, 255))


def preview(mask: Mask) -> bytes | None:
    """A picture (PNG) of a mask on the whole sky; None where it would take long or has no meaning: where data
    are read, along axes, in pixels of a map, for very many shapes, or far-reaching nodes. One that takes
    longer than a fifth of a second all the same is given up.

    Its pixels are asked as bare points, so that what is small grows before it is drawn coarsely.

    Examples
    --------
    >>> from maskexpr import AllSky
    >>> preview(AllSky())[1:4]
    b'PNG'
    """
    if not _is_small(mask):
        return None
    places, points = _sky()
    try:
        selected = _drawn(on_the_sphere(mask, "it has no picture"), points)
    except MaskError:
        # A picture that cannot be drawn is no reason not to show the tree.
        return None
    if selected is None:
        return None
    out = places.copy()
    out[places > 0] += selected
    return png(out, _COLOURS)


def _drawn(mask: Mask, points: NDArray[np.float64]) -> Bools | None:
    """Values at some points; None once it is seen that they take too long. Each piece has twice the points of
    the one before, and takes as long as all before it together: in the second half of the time only what is
    left is begun, if there is time for it.
    """
    begun, done, length = thread_time(), 0, _FIRST
    out = np.zeros(points.shape[1], dtype=bool)
    while done < out.size:
        spent, end = thread_time() - begun, min(done + length, out.size)
        if spent > _PATIENCE / 2 and spent * end > _PATIENCE * done:
            return None
        some = slice(done, end)
        out[some] = Evaluator(mask).run(mask, Points(points[:, some], _SKY.frame))
        done, length = end, 2 * length
    return out


@lru_cache(maxsize=1)
def _sky() -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Which pixels of the picture are on the sky, and the directions of their centres."""
    y, x = np.mgrid[tuple(map(slice, _SKY.image_shape))]
    lon, lat = _SKY.lonlat(y, x)
    on_sky = np.isfinite(lon)
    return on_sky.astype(np.uint8), unit(lon[on_sky], lat[on_sky])


def _is_small(mask: Mask) -> bool:
    things, reach = 0, 0.0
    shape = (
        _GROWN_SHAPE if any(isinstance(each, Growth) for each in islice(postorder(mask), _NODES)) else _SHAPE
    )
    for number, each in enumerate(postorder(mask)):
        far = each.reach()
        # Without the end of the walk a deep expression would cost what its picture may not.
        if number >= _NODES or each.reads_data or far.everywhere or far.pixels or each.axes():
            return False
        things += _number_of_things(each, shape)
        reach += far.degrees
    return things <= _THINGS and reach <= _REACH


def _number_of_things(node: Mask, shape: int) -> int:
    """Numbers that a node holds; its shapes count as several each."""
    held: Any = (value for _, value in node.plain_fields())
    return sum(
        shape * len(value.shapes) if isinstance(value, Compound) else int(np.size(value))
        for value in held
        if isinstance(value, Compound | np.ndarray)
    )


def mask_html(mask: Mask) -> str:
    """The tree of a mask, and the preview beside it where there is one."""
    text = f'<pre style="margin:0">{html.escape(tree(mask))}</pre>'
    picture = preview(mask)
    if picture is None:
        return text
    note = "the whole sky in galactic Aitoff; selected is blue"
    image = (
        f'<img alt="{note}" title="{note}" width="240" style="image-rendering:pixelated" '
        f'src="{data_url(picture)}"/>'
    )
    return f'<div style="display:flex;gap:1em;align-items:center">{text}{image}</div>'

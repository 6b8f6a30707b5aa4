"""Serve a mask on loopback, to pan and zoom it in a browser."""

from __future__ import annotations

from functools import lru_cache

from ..browser.pyramid import Pyramid
from ..browser.server import Server
from ..compile.compiled import compile_mask
from ..compile.eager import compute_array
from ..compile.evaluate import evaluate_planes
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window

__all__ = ["serve", "server_of"]


def server_of(mask: Mask, port: int = 0, frame: str = "galactic") -> Server:
    """A server of a mask, which is not started: ``serve_forever()`` does that.

    Examples
    --------
    >>> from maskexpr import AllSky
    >>> with server_of(AllSky()) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """
    return Server(Pyramid(mask, _values, frame), port)


def serve(mask: Mask, port: int = 0, frame: str = "galactic") -> Server:
    """Serve a mask from a thread. See `Mask.serve`."""
    return server_of(mask, port, frame).start()


def _values(mask: Mask, geom: WcsGeom, window: Window) -> Bools:
    if any(each.reach().everywhere for each in postorder(mask)):
        whole: Bools = _whole(mask, geom)
        return whole[window.y0 : window.y1, window.x0 : window.x1]
    values: Bools = evaluate_planes(compile_mask(mask, geom).mask, geom, window, ((),))[0]
    return values


@lru_cache(maxsize=8)
def _whole(mask: Mask, geom: WcsGeom) -> Bools:
    """What is about the whole map is computed as a whole, once."""
    return compute_array(compile_mask(mask, geom))

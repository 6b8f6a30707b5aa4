"""Names of frames: what a user may have meant by a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from astropy.coordinates import frame_transform_graph

from ..core.names import nearest

__all__ = ["near_frame"]

_CALLED: Final = {
    "b1950": "fk4",
    "ecliptic": "barycentricmeanecliptic",
    "equatorial": "icrs",
    "glat": "galactic",
    "glon": "galactic",
    "j2000": "fk5",
    "radec": "icrs",
}


def near_frame(frame: object, known: Iterable[str] | None = None) -> str:
    """``; did you mean 'galactic'?``, of some frames or of all that astropy names.

    Examples
    --------
    >>> near_frame("gal"), near_frame("J2000"), near_frame("mars")
    ("; did you mean 'galactic'?", "; did you mean 'fk5'?", '')

    Of a frame's class, or an object of it, its name is meant:

    >>> from astropy.coordinates import ICRS
    >>> near_frame(ICRS())
    "; did you mean 'icrs'?"
    """
    frame = getattr(frame, "name", frame)
    if not isinstance(frame, str):
        return ""
    # The plain frames go before those that begin alike: galactic before galacticlsr.
    names = sorted(frame_transform_graph.get_names() if known is None else known, key=len)
    text = frame.casefold().replace(" ", "").replace("_", "")
    meant = _CALLED.get(text, text)
    return f"; did you mean {meant!r}?" if meant in names else nearest(text, names)

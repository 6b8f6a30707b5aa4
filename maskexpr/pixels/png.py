"""Pictures of few colours as PNG files (palettes of one byte a pixel), with nothing but zlib."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["data_url", "png"]

Colour = tuple[int, int, int, int]
"""Red, green, blue and opacity, 0 to 255."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
"""PNG's number for pixels that are places in a palette."""


def png(values: NDArray[np.integer], colours: Sequence[Colour]) -> bytes:
    r"""A PNG file.

    Parameters
    ----------
    values : array of int, shape (ny, nx)
        The place of each pixel in ``colours``; the first row is the lowest, as on a map.
    colours : sequence of (red, green, blue, opacity)
        At most 256.

    Examples
    --------
    >>> png(np.zeros((2, 3), dtype=np.uint8), [(255, 0, 0, 255)])[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    ny, nx = values.shape
    rows = np.zeros((ny, nx + 1), dtype=np.uint8)  # each row begins with its filter, none
    rows[:, 1:] = values[::-1]
    header = struct.pack(">IIBBBBB", nx, ny, 8, _PALETTE, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"PLTE", bytes(part for colour in colours for part in colour[:3])),
        (b"tRNS", bytes(colour[3] for colour in colours)),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    ]
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def data_url(picture: bytes) -> str:
    """A PNG file as an address that holds it.

    Examples
    --------
    >>> data_url(b"abc")
    'data:image/png;base64,YWJj'
    """
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"

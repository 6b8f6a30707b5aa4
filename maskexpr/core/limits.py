"""What inputs may cost: limits that are checked before memory is spent, each of them settable."""

from __future__ import annotations

import dataclasses
import math
from types import TracebackType
from typing import Any, Final

from ..core.calls import told, told_class, told_names
from .errors import LimitError, MaskTypeError, MaskValueError

__all__ = ["Limits", "check_limit", "get_limits", "set_limits"]


@told_names("the limits")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What an input may cost before it is refused with a `LimitError`.

    The numbers are those of this process. `set_limits` changes them, for good or within a ``with`` block.

    Attributes
    ----------
    text_bytes : number
        Bytes of a region file, of a text of regions, of an expression or of a recipe, unpacked.
    table_bytes : number
        Bytes of the file of a catalogue, unpacked.
    map_bytes : number
        Bytes of a compressed map, unpacked into a temporary file.
    ratio : number
        Bytes that one byte of a compressed region file or catalogue may become, of those beyond 64 MiB.
    header_cards : number
        Cards of one FITS header.
    hdus : number
        HDUs of one FITS file.
    axes : number
        Axes of an image or of a WCS.
    bins : number
        Bins of the non-spatial axes of a map, all of them multiplied.
    side : number
        Pixels along one side of a map in a file.
    pixels : number
        Pixels of a map, all its planes.
    sip_order : number
        Order of a SIP polynomial; the convention ends at 9.
    chunk_bytes : number
        Bytes of one chunk of a zarr array, or of one tile of a compressed image, unpacked.
    coordinates : number
        Values of a coordinate that a zarr store holds.
    shapes : number
        Shapes of one region file or text.
    vertices : number
        Vertices of a polygon that does not fit into a hemisphere.
    crossings : number
        Pairs of edges of such a polygon that come near each other.
    nodes : number
        Nodes of a saved expression.
    operands : number
        Operands of all nodes of a saved expression.
    values : number
        Values (texts, numbers, lists) of a JSON text.
    depth : number
        Brackets within brackets of a JSON text.
    tiles : number
        Tiles of a plan, and chunks along one side of a lazy array.
    neighbours : number
        Pixels of a projection's plane, on the map or not, that may be neighbours of those of one tile.

    Examples
    --------
    >>> Limits().sip_order
    9
    """

    text_bytes: float = 64 << 20
    table_bytes: float = 8 << 30
    map_bytes: float = 4 << 30
    ratio: float = 100
    header_cards: float = 10_000
    hdus: float = 1_000
    axes: float = 16
    bins: float = 1_000_000
    side: float = 10_000_000
    pixels: float = 10**16
    sip_order: float = 9
    chunk_bytes: float = 256 << 20
    coordinates: float = 20_000_000
    shapes: float = 200_000
    vertices: float = 20_000
    crossings: float = 500_000
    nodes: float = 200_000
    operands: float = 2_000_000
    values: float = 2_000_000
    depth: float = 100
    tiles: float = 1_000_000
    neighbours: float = 1 << 30


_USUAL: Final = Limits()
_now: Limits = _USUAL


@told
def get_limits() -> Limits:
    """The limits that hold now.

    Examples
    --------
    >>> get_limits().header_cards
    10000
    """
    return _now


@told_class
class set_limits:  # used like a function and like a context, as xarray.set_options is
    """Change limits, for the rest of the process or within a ``with`` block.

    Parameters
    ----------
    **limits : int or float
        Any of the attributes of `Limits`; ``math.inf`` is no limit.

    Raises
    ------
    MaskTypeError
        For a name that is none of them.
    MaskValueError
        For a limit that is no positive number.

    Notes
    -----
    The limits are of the process: on a cluster set them on the workers too, ``client.run(maskexpr.set_limits,
    header_cards=20_000)``.

    Examples
    --------
    >>> import maskexpr as mx
    >>> with mx.set_limits(shapes=1):
    ...     mx.Region("icrs; circle(1, 2, 3); circle(4, 5, 6)")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.LimitError: the text of regions has 2 shapes, or separators ...
    """

    def __init__(self, **limits: float) -> None:
        global _now
        known = [each.name for each in dataclasses.fields(Limits)]
        for name, value in limits.items():
            if name not in known:
                raise MaskTypeError(f"there is no limit {name!r}; the limits are {', '.join(known)}")
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or math.isnan(value) or value <= 0:
                raise MaskValueError(f"the limit {name} must be a positive number, got {value!r}")
        self._before = _now
        _now = dataclasses.replace(_now, **limits)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _now
        _now = self._before


def check_limit(name: str, value: float, what: str, things: str) -> None:
    """Refuse what is more than a limit.

    Parameters
    ----------
    name : str
        The limit.
    value : number
        What is asked for.
    what : str
        The item, for the error.
    things : str
        What is counted, for the error.

    Raises
    ------
    LimitError
        Which says how the limit is set.

    Examples
    --------
    >>> check_limit("axes", 17, "m.fits, HDU 1", "axes")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.LimitError: m.fits, HDU 1 has 17 axes, more than the limit of 16; ...
    """
    limit: Any = getattr(_now, name)
    if value > limit:
        raise LimitError(
            f"{what} has {_shown(value)} {things}, more than the limit of {_shown(limit)}; "
            f"if that is meant, raise it: maskexpr.set_limits({name}=...)"
        )


def _shown(number: float) -> str:
    if number >= 10**15:
        return f"{float(number) if number < 10**300 else math.inf:.3g}"
    return f"{round(number):,}" if number >= 1000 or number == round(number) else f"{number:.1f}"

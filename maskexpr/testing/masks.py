"""Random masks: a strategy of hypothesis for every registered node."""

from __future__ import annotations

from collections.abc import Callable

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from hypothesis import strategies as st
from numpy.typing import NDArray

from ..expr.mask import AllSky, And, Mask, NoSky, Not, Or, Xor
from ..expr.structure import postorder
from ..grid.wcs.geom import WcsGeom
from ..nodes.axisrange import AxisRange
from ..nodes.band import Band
from ..nodes.bits import Bits
from ..nodes.boundary import Boundary
from ..nodes.catalog import Catalog
from ..nodes.dilate import Dilate
from ..nodes.ellipses import Ellipses
from ..nodes.erode import Erode
from ..nodes.fill_holes import FillHoles
from ..nodes.hysteresis import Hysteresis
from ..nodes.moc import Moc
from ..nodes.open_close import Close, Open
from ..nodes.raster import Raster
from ..nodes.region import Region
from ..nodes.remove_small import RemoveSmall
from ..nodes.threshold import Op, Threshold

__all__ = ["ON_THE_MAP", "OPERATORS", "STRATEGIES", "masks"]

_frame = st.sampled_from(["icrs", "galactic"])


@st.composite
def _sources(draw: st.DrawFn) -> tuple[np.random.Generator, SkyCoord, u.Quantity]:
    """Places all over the sky, an angle for each, and the generator to draw more from."""
    number = draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
    there = SkyCoord(rng.uniform(0, 360, number), lat, unit="deg", frame=draw(_frame))
    sizes = rng.choice([0.0, 0.5, 3.0, 20.0, 100.0, 175.0], number, p=[0.1, 0.2, 0.4, 0.2, 0.05, 0.05])
    return rng, there, sizes * u.deg


@st.composite
def _catalog(draw: st.DrawFn) -> Mask:
    return Catalog(*draw(_sources())[1:])


@st.composite
def _ellipses(draw: st.DrawFn) -> Mask:
    rng, there, major = draw(_sources())
    minor, angle = rng.choice([0.0, 0.2, 0.6, 1.0], len(there)), rng.uniform(0, 180, len(there))
    return Ellipses(there, major, minor, angle * u.deg)


@st.composite
def _band(draw: st.DrawFn) -> Mask:
    lat = draw(st.one_of(st.none(), st.sampled_from([(-5, 5), (40, 90), (-90, -60), (-90, 90)])))
    lon = draw(
        st.sampled_from(
            [(350, 10), (170, 190), (0, 180), (10, 350)] if lat is None else [None, (350, 10), (100, 101)]
        )
    )
    return Band(
        lon=None if lon is None else lon * u.deg,
        lat=None if lat is None else lat * u.deg,
        frame=draw(_frame),
    )


@st.composite
def _moc(draw: st.DrawFn) -> Mask:
    order = draw(st.sampled_from([0, 1, 3, 5, 29]))
    rng = np.random.default_rng(draw(st.integers(0, 20)))
    number = 12 << 2 * order
    start = rng.integers(0, number, draw(st.integers(0, 30)))
    stop = np.minimum(start + rng.integers(1, max(2, number // 40), len(start)), number)
    return Moc(np.stack([start, stop], axis=1), order)


_SHAPES = (
    "circle({lon},{lat},12)",
    "circle({lon},{lat},100)",
    "annulus({lon},{lat},5,20)",
    "ellipse({lon},{lat},20,6,30)",
    "box({lon},{lat},30,8,45)",
    "polygon({lon},0,{east},10,{east},50,{lon},35)",
    "circle({lon},{lat},15);-circle({lon},{lat},6)",
)


@st.composite
def _region(draw: st.DrawFn) -> Mask:
    shape = draw(st.sampled_from(_SHAPES))
    lon, lat = draw(st.sampled_from([0, 83, 179, 270])), draw(st.sampled_from([-89.5, -60, 0, 22, 90]))
    frame = draw(st.sampled_from(["galactic", "icrs"]))
    return Region(f"{frame};" + str(shape).format(lon=lon, lat=lat, east=(int(str(lon)) + 40) % 360))


@st.composite
def _data(draw: st.DrawFn) -> tuple[NDArray[np.float64], WcsGeom]:
    """A small map with NaN in it, on a grid of its own."""
    make = draw(st.sampled_from([_DATA_ALLSKY, _DATA_TAN]))
    rng = np.random.default_rng(draw(st.integers(0, 20)))
    values = np.round(rng.normal(0, 2, make.image_shape), 1)
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, make


_DATA_ALLSKY = WcsGeom.allsky(binsz=12, frame="galactic")
_DATA_TAN = WcsGeom.create(skydir=(83.6, 22), npix=(20, 25), binsz=4, proj="TAN", frame="icrs")
_flag = st.booleans()


@st.composite
def _threshold(draw: st.DrawFn) -> Mask:
    operator: Op = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    return Threshold(
        draw(_data()), operator, draw(st.sampled_from([-1.0, 0.0, 2.5])), draw(_flag), draw(_flag)
    )


@st.composite
def _raster(draw: st.DrawFn) -> Mask:
    values, geom = draw(_data())
    return Raster((values > 0, geom), outside=draw(_flag))


@st.composite
def _bits(draw: st.DrawFn) -> Mask:
    values, geom = draw(_data())
    flags = np.ma.masked_invalid(values).filled(0).astype(np.int16)
    if draw(_flag):
        flags = np.ma.MaskedArray(flags, mask=np.isnan(values))
    given = draw(st.sampled_from([{"any": 6}, {"all": 5}, {"none": 1}, {"any": 12, "none": 1 << 15}]))
    return Bits((flags, geom), **given, outside=draw(_flag), nan=draw(_flag))


@st.composite
def _hysteresis(draw: st.DrawFn) -> Mask:
    return Hysteresis(draw(_data()), 0.0, draw(st.sampled_from([0.0, 2.0])), draw(st.sampled_from([4, 8])))


STRATEGIES: dict[str, st.SearchStrategy[Mask]] = {
    "allsky": st.just(AllSky()),
    "nosky": st.just(NoSky()),
    "catalog": _catalog(),
    "ellipses": _ellipses(),
    "band": _band(),
    "region": _region(),
    "moc": _moc(),
    "axisrange": st.just(AxisRange("energy", "10 GeV", "2 TeV")),
    "threshold": _threshold(),
    "raster": _raster(),
    "bits": _bits(),
    "hysteresis": _hysteresis(),
    "boundary": st.sampled_from([0.5, 4.0, 20.0]).map(lambda width: Boundary(width * u.deg)),
}
"""A strategy for each leaf, by its tag; add that of a new node here, and it is held against the laws."""

ON_THE_MAP = frozenset({"hysteresis", "boundary", "fill_holes", "remove_small"})
"""Nodes about the map that they are put on: the mask of a cutout is not the cutout of the mask."""

_radius = st.sampled_from([0.3, 2.0, 7.0, 30.0, 100.0]).map(lambda radius: radius * u.deg)
_kernel = st.sampled_from(["disk", "box"])


def _grown(grow: Callable[..., Mask]) -> Callable[[st.SearchStrategy[Mask]], st.SearchStrategy[Mask]]:
    def strategy(of: st.SearchStrategy[Mask]) -> st.SearchStrategy[Mask]:
        on_sky = st.builds(grow, of, _radius.filter(lambda radius: radius.value <= 90), _kernel)
        in_pixels = st.builds(
            grow, of, st.sampled_from([0.5, 1.0, 2.5]).map(lambda r: r * u.pix), _kernel, st.just("pixel")
        )
        return on_sky | in_pixels

    return strategy


OPERATORS: dict[str, Callable[[st.SearchStrategy[Mask]], st.SearchStrategy[Mask]]] = {
    "or": lambda of: st.lists(of, max_size=4).map(lambda some: Or(*some)),
    "and": lambda of: st.lists(of, max_size=4).map(lambda some: And(*some)),
    "xor": lambda of: st.lists(of, max_size=4).map(lambda some: Xor(*some)),
    "not": lambda of: of.map(Not),
    "dilate": _grown(Dilate),
    "erode": _grown(Erode),
    "open": _grown(Open),
    "close": _grown(Close),
    "fill_holes": lambda of: st.builds(FillHoles, of, st.none() | st.just(900 * u.deg**2)),
    "remove_small": lambda of: st.builds(RemoveSmall, of, st.sampled_from([300 * u.deg**2, 3 * u.pix**2])),
}
"""A strategy for each node that has operands, from one for the operands."""


def masks(
    cube: bool = False, max_leaves: int = 6, cheap: bool = False, on_the_map: bool = True
) -> st.SearchStrategy[Mask]:
    """Random expressions over all registered nodes.

    Parameters
    ----------
    cube : bool
        Also nodes that need an energy axis.
    max_leaves : int
        Leaves of an expression.
    cheap : bool
        Only leaves and Boolean operators.
    on_the_map : bool
        Also nodes about the map that they are put on.
    """
    leaves = [
        each
        for tag, each in STRATEGIES.items()
        if (cube or tag != "axisrange") and (on_the_map or tag not in ON_THE_MAP)
    ]
    chosen = [
        make
        for tag, make in OPERATORS.items()
        if (not cheap or tag in ("or", "and", "xor", "not")) and (on_the_map or tag not in ON_THE_MAP)
    ]
    found = st.recursive(
        st.one_of(leaves), lambda of: st.one_of([make(of) for make in chosen]), max_leaves=max_leaves
    )
    # Outside the map nothing is selected in the plane of pixels, so that metric is about the map too.
    return found if on_the_map else found.filter(_is_on_the_sky)


def _is_on_the_sky(mask: Mask) -> bool:
    return all(getattr(each, "metric", "sky") == "sky" for each in postorder(mask))

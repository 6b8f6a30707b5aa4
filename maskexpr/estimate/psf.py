"""Containment radii of point spread functions: margins for masks, equal to gammapy's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final, NamedTuple

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from ..core.arrays import Floats
from ..core.calls import told
from ..core.errors import FormatError, MaskTypeError, MaskValueError, borrowed
from ..core.names import described, shown
from ..doors.files import check_path
from ..grid.wcs.geom import WcsGeom
from ..sphere.angles import to_degrees, unmasked

__all__ = ["containment_radius"]

# gammapy searches the radius among the bins of the table, each split in so many.
_FINER: Final = 20
# A fraction that the table misses by less than this is taken as its largest.
_SHORT: Final = 1e-2


@told
def containment_radius(
    psf: Any, fraction: float, energy: Any = None, position: Any = None, offset: Any = "0 deg"
) -> u.Quantity:
    """Radius that holds a fraction of a point source, per energy.

    Parameters
    ----------
    psf : path, (path, hdu), gammapy PSFMap, (theta, psf) or (energy, theta, psf)
        A file holds a gammapy PSF map (``PSF`` with ``PSF_BANDS``), a GADF table ``PSF_2D_TABLE``, or the
        ``PSF`` and ``THETA`` tables of Fermi's gtpsf. In arrays ``theta`` is a Quantity of n radii, ``psf``
        has shape (n,) or (energies, n) and is per sr unless it says otherwise.
    fraction : float
        Between 0 and 1.
    energy : Quantity, optional
        True energies; those of the table if not given.
    position : SkyCoord, optional
        Where in a PSF map; its centre if not given.
    offset : angle
        Offset from the pointing, for a GADF table.

    Returns
    -------
    Quantity
        Degrees, of the shape of ``energy``. As in gammapy it is the best of 20 radii per bin of the table.

    Raises
    ------
    MaskValueError
        For a fraction that is none or that the table does not reach, or an energy beyond the table.
    FormatError
        If a file holds no such table.

    Examples
    --------
    A Gaussian of 0.1 deg holds 68 % within 0.1 deg x sqrt(-2 ln 0.32):

    >>> theta = np.linspace(0, 1, 501) * u.deg
    >>> sigma = 0.1 * u.deg
    >>> psf = np.exp(-0.5 * (theta / sigma).value ** 2) / (2 * np.pi * sigma**2)
    >>> containment_radius((theta, psf), 0.68).round(3)
    <Quantity 0.151 deg>
    """
    if not isinstance(fraction, Real) or not 0 < fraction < 1:
        raise MaskValueError(f"fraction must lie between 0 and 1, such as 0.68, got {shown(fraction)}")
    table = _table(psf, position, offset)
    if table.energy is None:
        if energy is not None:
            raise MaskValueError("this PSF does not depend on energy; give (energy, theta, psf)")
        return u.Quantity(_radius(table, table.values[0], fraction), u.deg)
    wanted = u.Quantity(table.energy.nodes, u.TeV) if energy is None else u.Quantity(energy)
    numbers = np.atleast_1d(wanted.to_value(u.TeV))
    radii = [_radius(table, table.at(float(each)), fraction) for each in numbers.ravel()]
    return u.Quantity(np.reshape(radii, wanted.shape), u.deg)


class _Nodes(NamedTuple):
    """Bins of a table along an axis: centres, edges, whether they are measured in the logarithm and are given
    by their edges.
    """

    nodes: Floats
    edges: Floats
    log: bool
    binned: bool

    @classmethod
    def at(cls, nodes: Any, log: bool = False) -> _Nodes:
        """Bins round centres, with edges half-way between them."""
        centre = unmasked(nodes)
        if centre.ndim != 1 or len(centre) < 2 or not np.all(np.diff(centre) > 0):
            raise FormatError(
                "a PSF needs at least two values of energy and radius, none missing, in increasing order"
            )
        scaled = np.log(centre) if log else centre
        middle = (scaled[:-1] + scaled[1:]) / 2
        ends = scaled[0] - (middle[0] - scaled[0]), scaled[-1] + (scaled[-1] - middle[-1])
        edges = np.concatenate([[ends[0]], middle, [ends[1]]])
        return cls(centre, np.exp(edges) if log else edges, log, False)

    @classmethod
    def between(cls, low: Any, high: Any, log: bool = False) -> _Nodes:
        """Bins between edges; nodes where the bins have no width, as GADF allows."""
        low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        if np.array_equal(low, high):
            return cls.at(low, log)
        edges = np.concatenate([low, high[-1:]])
        centre = np.sqrt(edges[:-1] * edges[1:]) if log else (edges[:-1] + edges[1:]) / 2
        return cls(centre, edges, log, True)

    def weights(self, value: float) -> tuple[int, float]:
        """The node before a value and the weight of the next, for linear interpolation between nodes."""
        scaled = np.log(self.nodes) if self.log else self.nodes
        place = np.log(value) if self.log else value
        i = int(np.clip(np.searchsorted(scaled, place, side="right") - 1, 0, len(scaled) - 2))
        return i, float((place - scaled[i]) / (scaled[i + 1] - scaled[i]))

    def mix(self, values: Floats, value: float) -> Floats:
        """Values at a place along the first axis."""
        if len(self.nodes) == 1:
            return np.asarray(values[0])
        i, weight = self.weights(value)
        return np.asarray(values[i] * (1 - weight) + values[i + 1] * weight)


@dataclass(frozen=True)
class _Table:
    """A PSF in 1/sr, shape (energies, radii); radii in rad, energies in TeV."""

    energy: _Nodes | None
    radius: _Nodes
    values: Floats

    def at(self, energy: float) -> Floats:
        """The PSF at an energy. Containment is linear in it, so this is where energies are interpolated."""
        assert self.energy is not None
        low, high = self.energy.edges[[0, -1]]
        if not low <= energy <= high:
            raise MaskValueError(f"the PSF is known from {low:g} to {high:g} TeV, not at {energy:g} TeV")
        return self.energy.mix(self.values, energy)


def _radius(table: _Table, psf: Floats, fraction: float) -> float:
    """Degrees."""
    radius = table.radius
    width = np.diff(radius.edges)
    contained = np.cumsum(2 * np.pi * radius.nodes * psf * width)
    if not np.isfinite(contained).all():
        at = np.rad2deg(radius.nodes[np.flatnonzero(~np.isfinite(psf))[0]])
        raise MaskValueError(f"the PSF has no value (NaN, masked) at {at:.4g} deg from its centre")
    if contained.max() < fraction - _SHORT:
        raise MaskValueError(
            f"the PSF holds {contained.max():.4g} within its {np.rad2deg(radius.edges[-1]):.4g} deg, less "
            f"than the fraction {fraction:g}; is it per sr, normalised and known far enough out?"
        )
    fine = _finer(radius)
    known = _Nodes.at(radius.edges[1:])
    i = np.clip(np.searchsorted(known.nodes, fine, side="right") - 1, 0, len(known.nodes) - 2)
    weight = (fine - known.nodes[i]) / (known.nodes[i + 1] - known.nodes[i])
    found = np.maximum(contained[i] * (1 - weight) + contained[i + 1] * weight, 0.0)
    found[(fine < known.edges[0]) | (fine > known.edges[-1])] = 0.0
    return float(np.rad2deg(fine[np.argmin(np.abs(found - fraction))]))


def _finer(radius: _Nodes) -> Floats:
    points = radius.edges if radius.binned else radius.nodes
    last = len(points) - 1
    fine = np.interp(np.linspace(0, last, last * _FINER + 1), np.arange(last + 1), points)
    return (fine[:-1] + fine[1:]) / 2 if radius.binned else fine


def _table(psf: Any, position: Any, offset: Any) -> _Table:
    if hasattr(psf, "psf_map"):
        return _of_map_object(psf.psf_map, position)
    if isinstance(psf, (str, os.PathLike)):
        return _read(os.fspath(psf), None, position, offset)
    if isinstance(psf, tuple) and len(psf) == 2 and isinstance(psf[0], (str, os.PathLike)):
        return _read(os.fspath(psf[0]), psf[1], position, offset)
    if isinstance(psf, tuple) and len(psf) in (2, 3):
        return _of_arrays(*psf)
    raise MaskTypeError(
        "a PSF must be the path of a FITS file, (path, hdu), a gammapy PSFMap, (theta, psf) or "
        f"(energy, theta, psf), got {described(psf)}"
    )


def _of_arrays(*arrays: Any) -> _Table:
    theta, psf = arrays[-2:]
    try:
        radius = _Nodes.at(_values(theta, u.rad))
        values = np.atleast_2d(unmasked(psf.to_value(1 / u.sr) if isinstance(psf, u.Quantity) else psf))
        energy = _Nodes.at(_values(arrays[0], u.TeV), log=True) if len(arrays) == 3 else None
    except u.UnitConversionError as err:
        raise MaskValueError(f"the PSF needs theta as an angle, psf per sr and energies: {err}") from err
    expected = (1 if energy is None else len(energy.nodes), len(radius.nodes))
    if values.shape != expected:
        raise MaskValueError(f"the PSF has the shape {values.shape}, its energies and radii {expected}")
    return _Table(energy, radius, values)


def _values(quantity: Any, unit: u.UnitBase) -> Any:
    """Numbers in a unit, of a masked Quantity masked too."""
    return (quantity if isinstance(quantity, u.Quantity) else u.Quantity(quantity)).to_value(unit)


def _read(path: str, hdu: Any, position: Any, offset: Any) -> _Table:
    check_path(path, "PSF")
    with borrowed(f"the PSF {path!r}", FormatError, name=path), fits.open(path, memmap=False) as hdus:
        names = [hdu] if hdu is not None else [each for each in range(len(hdus)) if _is_psf(hdus[each])]
        if not names:
            raise FormatError(
                f"{path}: no PSF map, PSF_2D_TABLE or gtpsf table; there are {[h.name for h in hdus]}"
            )
        found = hdus[names[0]]
        if found.is_image:
            return _of_map_hdu(found, hdus[found.header.get("BANDSHDU", f"{found.name}_BANDS")], position)
        if "RPSF" in found.columns.names:
            return _of_gadf(found, to_degrees(offset, "offset"))
        if "Psf" in found.columns.names and "THETA" in hdus:
            theta = hdus["THETA"].data["Theta"] * u.deg
            return _of_arrays(
                found.data["Energy"] * u.MeV, theta, np.asarray(found.data["Psf"], float) / u.sr
            )
        raise FormatError(f"{path}: HDU {names[0]!r} holds no PSF")


def _is_psf(hdu: Any) -> bool:
    if hdu.is_image:
        return bool(hdu.name.startswith("PSF") and "EXPOSURE" not in hdu.name and hdu.header["NAXIS"] == 4)
    return bool({"RPSF", "Psf"} & set(hdu.columns.names))


def _of_gadf(hdu: Any, offset: float) -> _Table:
    """``PSF_2D_TABLE``: RPSF of (radius, offset, energy)."""

    def axis(name: str, unit: u.UnitBase, log: bool = False) -> _Nodes:
        low, high = (
            u.Quantity(hdu.data[f"{name}_{end}"][0], hdu.columns[f"{name}_{end}"].unit).to_value(unit)
            for end in ("LO", "HI")
        )
        return _Nodes.between(low, high, log)

    offsets = axis("THETA", u.deg)
    if not offsets.edges[0] <= offset <= offsets.edges[-1]:
        raise MaskValueError(
            f"the PSF is known for offsets up to {offsets.edges[-1]:g} deg, not {offset:g} deg"
        )
    values = u.Quantity(hdu.data["RPSF"][0], hdu.columns["RPSF"].unit).to_value(1 / u.sr)
    energy_by_radius = offsets.mix(np.moveaxis(values, 1, 0), offset).T
    return _Table(axis("ENERG", u.TeV, log=True), axis("RAD", u.rad), energy_by_radius)


def _of_map_hdu(hdu: Any, bands: Any, position: Any) -> _Table:
    """A gammapy PSF map: image planes of (energy, radius), described by a table of bands."""
    header = hdu.header
    lengths = [header["NAXIS3"], header["NAXIS4"]]
    axes = []
    for number, (length, inner) in enumerate(zip(lengths, (1, lengths[0]), strict=True), start=1):
        names = header.get(f"AXCOLS{number}", bands.header.get(f"AXCOLS{number}", "")).split(",")
        unit = u.rad if number == 1 else u.TeV
        columns = [u.Quantity(bands.data[name], bands.columns[name].unit).to_value(unit) for name in names]
        columns = [np.asarray(each[::inner][:length], dtype=np.float64) for each in columns]
        log: bool = header.get(f"INTERP{number}", bands.header.get(f"INTERP{number}", "lin")) == "log"
        axes.append(
            _Nodes.at(columns[0], log) if len(columns) == 1 else _Nodes.between(columns[0], columns[1], log)
        )
    values = u.Quantity(hdu.data, header.get("BUNIT", "sr-1")).to_value(1 / u.sr).astype(np.float64)
    return _of_planes(
        axes[1], axes[0], values, WcsGeom(WCS(header, naxis=2, fix=False), values.shape[-2:]), position
    )


def _of_map_object(skymap: Any, position: Any) -> _Table:
    axes = []
    for axis, unit in zip(skymap.geom.axes, (u.rad, u.TeV), strict=True):
        edges = axis.edges.to_value(unit)
        log = axis.interp == "log"
        centred = axis.node_type == "center"
        axes.append(
            _Nodes.at(axis.center.to_value(unit), log)
            if centred
            else _Nodes.between(edges[:-1], edges[1:], log)
        )
    values = skymap.quantity.to_value(1 / u.sr)
    geom = WcsGeom(skymap.geom.to_image().wcs, values.shape[-2:])
    return _of_planes(axes[1], axes[0], np.asarray(values, dtype=np.float64), geom, position)


def _of_planes(energy: _Nodes, radius: _Nodes, values: Floats, geom: WcsGeom, position: Any) -> _Table:
    """The PSF at a place of its map, between the centres of pixels."""
    there = geom.center_skydir if position is None else position.transform_to(geom.frame)
    spherical = there.reshape(()).spherical
    y, x = (float(each) for each in geom.pixel(spherical.lon.deg, spherical.lat.deg))
    ny, nx = geom.image_shape
    if not (-0.5 <= y <= ny - 0.5 and -0.5 <= x <= nx - 0.5):
        raise MaskValueError(f"the position {there.to_string()} is not on the map of the PSF")
    rows = _Nodes(np.arange(float(ny)), np.arange(ny + 1.0) - 0.5, False, True)
    columns = _Nodes(np.arange(float(nx)), np.arange(nx + 1.0) - 0.5, False, True)
    at_row = rows.mix(np.moveaxis(values, -2, 0), y)
    return _Table(energy, radius, columns.mix(np.moveaxis(at_row, -1, 0), x))

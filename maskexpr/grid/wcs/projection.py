"""The sky projection of a map: the numbers of its FITS header, canonical, immutable, and the same in every
process.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from astropy.wcs import WCS, SingularMatrixError

from ...core.arrays import Floats
from ...core.errors import GeometryError
from ...core.names import described, nearest, shown
from ...sphere.frames import near_frame
from .facts import FACTS, Facts
from .sip import Distortion, Pair, pair_of, shrink

__all__ = ["FRAMES", "PROJECTIONS", "Projection", "reason", "thread_wcs"]

FRAMES: Final = ("icrs", "fk5", "galactic", "supergalactic")
"""Frames that are pure rotations of ICRS and that FITS headers name (fk5 with equinox J2000)."""

PROJECTIONS: Final = tuple(FACTS)
"""Projections of the FITS standard."""

_PREFIXES: Final = {
    "icrs": ("RA--", "DEC-"),
    "fk5": ("RA--", "DEC-"),
    "galactic": ("GLON", "GLAT"),
    "supergalactic": ("SLON", "SLAT"),
}
_SUPPORTED: Final = f"supported frames: {', '.join(FRAMES)} (fk5 with equinox J2000)"

Matrix = tuple[Pair, Pair]

# Square degrees of a pixel: from an atom's at the distance of the sun to a billion turns.
_SMALLEST: Final = 1e-40
_LARGEST: Final = 1e24


@dataclass(frozen=True)
class Projection:
    """Pixel plane to sky, without the extent of a map.

    Pairs are in the order of the FITS axes, (x, y), and ``crpix`` counts from 1, because they are header
    values.

    Parameters
    ----------
    ctype : tuple of str
        CTYPE1, CTYPE2 without the ``-SIP`` suffix.
    crpix, crval, cdelt : tuple of float
        Reference pixel, its sky position and the pixel sizes in degrees.
    pc : tuple
        Rows of the PC matrix.
    lonpole, latpole : float
        Native longitude and latitude of the celestial pole, degrees.
    pv : tuple of (int, int, float)
        Parameters of the projection, ``PVi_m``.
    radesys : str
        ``"ICRS"`` or ``"FK5"`` for RA/Dec, empty otherwise.
    sip : Distortion, optional
        SIP distortion.
    """

    ctype: tuple[str, str]
    crpix: Pair
    crval: Pair
    cdelt: Pair
    pc: Matrix = ((1.0, 0.0), (0.0, 1.0))
    lonpole: float = 180.0
    latpole: float = 0.0
    pv: tuple[tuple[int, int, float], ...] = ()
    radesys: str = ""
    sip: Distortion | None = None

    @classmethod
    def create(cls, code: str, frame: str, crpix: Pair, crval: Pair, cdelt: Pair) -> Projection:
        """A projection from a few numbers, the rest as the FITS standard has it.

        Raises
        ------
        GeometryError
            For an unknown projection or frame, or numbers that make no map.
        """
        if not isinstance(code, str) or code not in PROJECTIONS:
            raise GeometryError(
                f"unknown projection {shown(code)}{nearest(code, PROJECTIONS)}; known are "
                f"{', '.join(PROJECTIONS)}"
            )
        if frame not in FRAMES:
            raise GeometryError(
                f"frame {frame!r} cannot be used for a map{near_frame(frame, FRAMES)}; {_SUPPORTED}"
            )
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = [f"{prefix}-{code}" for prefix in _PREFIXES[frame]]
        wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cdelt = crpix, crval, cdelt
        if frame in ("icrs", "fk5"):
            wcs.wcs.radesys = frame.upper()
        return cls.from_wcs(wcs)

    @classmethod
    def from_wcs(cls, wcs: WCS) -> Projection:
        """The canonical numbers of an astropy WCS, which is not changed.

        Raises
        ------
        GeometryError
            If the WCS is not celestial in its first two axes, is in an unsupported frame, has a zero or NaN
            pixel size, a reference beyond the poles, or a distortion other than SIP.
        """
        if not isinstance(wcs, WCS):
            raise GeometryError(f"a geometry needs an astropy.wcs.WCS, got {described(wcs)}")
        wcs = _celestial(wcs)
        raw = wcs.wcs
        numbers = {"CRPIX": raw.crpix, "CRVAL": raw.crval, "CDELT": raw.get_cdelt(), "PC": raw.get_pc()}
        for name, values in numbers.items():
            if not np.all(np.isfinite(values)):
                raise GeometryError(f"{name} must be finite, got {np.asarray(values).tolist()}")
        if abs(raw.crval[raw.lat]) > 90:
            raise GeometryError(
                f"the latitude of the reference is {raw.crval[raw.lat]:g} deg, beyond the pole"
            )
        ctype = (str(raw.ctype[0])[:8], str(raw.ctype[1])[:8])
        pc = raw.get_pc()
        _check_size(pc, raw.get_cdelt())
        result = cls(
            ctype,
            pair_of(raw.crpix),
            pair_of(raw.crval),
            pair_of(raw.get_cdelt()),
            (pair_of(pc[0]), pair_of(pc[1])),
            float(raw.lonpole),
            float(raw.latpole),
            tuple((int(i), int(m), float(v) + 0.0) for i, m, v in raw.get_pv()),
            _radesys(wcs),
            None if wcs.sip is None else Distortion.from_sip(wcs.sip),
        )
        if result.code not in PROJECTIONS:
            raise GeometryError(
                f"unknown projection {result.code!r} in CTYPE {ctype}; known are {', '.join(PROJECTIONS)}"
            )
        if result.sip is not None and result.sip.crpix != result.crpix:
            raise GeometryError(
                f"SIP around {result.sip.crpix}, not CRPIX {result.crpix}, is refused: no header says it"
            )
        _check_same(wcs, result)
        return result

    @property
    def code(self) -> str:
        """Code of the projection, such as ``"TAN"``."""
        return self.ctype[0][5:8]

    @property
    def lon_axis(self) -> int:
        """FITS axis (0 or 1) of the longitude."""
        return 0 if self.ctype[0][:4] in ("RA--", "GLON", "SLON") else 1

    @property
    def frame(self) -> str:
        """Name of the frame in `FRAMES`."""
        prefix = self.ctype[self.lon_axis][:4]
        return {"GLON": "galactic", "SLON": "supergalactic"}.get(prefix) or self.radesys.lower()

    @property
    def matrix(self) -> Matrix:
        """Pixels to degrees in the plane: ``CDELTi * PCi_j``."""
        (a, b), (c, d) = self.pc
        return ((self.cdelt[0] * a, self.cdelt[0] * b), (self.cdelt[1] * c, self.cdelt[1] * d))

    @property
    def facts(self) -> Facts:
        """What is known of the projection by its code."""
        return FACTS[self.code]

    @property
    def plane_rows(self) -> Matrix:
        """Rows of the matrix from pixels to the projection's plane, that of longitude first."""
        rows = self.matrix
        return (rows[1], rows[0]) if self.lon_axis else rows

    @property
    def plain(self) -> bool:
        """Whether it is what its code says: no distortion, and the native reference point where it belongs
        (PV parameters on the longitude axis move it).
        """
        return self.sip is None and not any(i == self.lon_axis + 1 for i, _, _ in self.pv)

    @property
    def turn(self) -> float:
        """Degrees in the plane of a turn of native longitude at the native equator of a cylinder."""
        return 360.0 * (self.parameter(2, 1.0) if self.code == "CYP" else 1.0)

    def parameter(self, m: int, default: float) -> float:
        """Parameter ``PVi_m`` of the latitude axis."""
        return next((v for i, j, v in self.pv if j == m and i == 2 - self.lon_axis), default)

    def shifted(self, rows: int, columns: int) -> Projection:
        """The same sky for a map whose first pixel is at (rows, columns) of this one."""
        crpix = (self.crpix[0] - columns, self.crpix[1] - rows)
        if self.sip is None:
            return replace(self, crpix=crpix)
        moved = (self.sip.crpix[0] - columns, self.sip.crpix[1] - rows)
        return replace(self, crpix=crpix, sip=replace(self.sip, crpix=moved))

    def resampled(self, factor: float) -> Projection:
        """The same sky with pixels ``factor`` times as large, the corner of the map kept."""
        sip = None if self.sip is None else self.sip.resampled(factor)
        cdelt = (self.cdelt[0] * factor, self.cdelt[1] * factor)
        return replace(self, crpix=shrink(self.crpix, factor), cdelt=cdelt, sip=sip)

    def to_wcs(self) -> WCS:
        """A new astropy WCS."""
        wcs = WCS(naxis=2)
        raw = wcs.wcs
        raw.ctype = [name + "-SIP" for name in self.ctype] if self.sip is not None else list(self.ctype)
        raw.crpix, raw.crval, raw.cdelt, raw.pc = self.crpix, self.crval, self.cdelt, self.pc
        raw.cunit = ["deg", "deg"]
        raw.lonpole, raw.latpole = self.lonpole, self.latpole
        if self.pv:
            raw.set_pv(list(self.pv))
        if self.radesys:
            raw.radesys = self.radesys
        if self.radesys == "FK5":
            raw.equinox = 2000.0
        if self.sip is not None:
            wcs.sip = self.sip.to_sip()
        raw.set()
        return wcs


def reason(error: Exception) -> str:
    """What wcslib says is wrong with a WCS: the last line of its traceback, in plainer words where it can be.

    Examples
    --------
    >>> reason(SingularMatrixError("ERROR 3"))
    'zero pixel size (the matrix of CDELT and PC, or CD, is singular)'
    """
    if isinstance(error, SingularMatrixError):
        return "zero pixel size (the matrix of CDELT and PC, or CD, is singular)"
    return str(error).strip().splitlines()[-1]


def _check_size(pc: Floats, cdelt: Floats) -> None:
    """Refuse pixels of no size, or of one that no map has."""
    # wcslib misses a matrix whose rows are parallel but for the last bit.
    if abs(np.linalg.det(pc)) < 1e-12 * np.prod(np.linalg.norm(pc, axis=1)):
        raise GeometryError(f"zero pixel size: the matrix {pc.tolist()} of PC (or CD) is singular")
    if not _SMALLEST < abs(np.linalg.det(pc) * np.prod(cdelt)) < _LARGEST:
        raise GeometryError(
            f"pixels of {np.asarray(cdelt).tolist()} deg (CDELT) are none that a map can have"
        )


def _celestial(wcs: WCS) -> WCS:
    """A set, private copy of the first two axes."""
    if wcs.cpdis1 is not None or wcs.cpdis2 is not None or wcs.det2im1 is not None or wcs.det2im2 is not None:
        raise GeometryError("the WCS has lookup-table distortions, which are not supported; SIP is")
    names = [str(name) for name in wcs.wcs.ctype]
    try:
        wcs = wcs.deepcopy() if wcs.naxis == 2 else wcs.sub([1, 2])
        wcs.wcs.set()
    except ValueError as err:  # wcslib's errors are all ValueError
        raise GeometryError(f"the WCS with CTYPE {names} cannot be used: {reason(err)}") from err
    if {wcs.wcs.lng, wcs.wcs.lat} != {0, 1}:
        raise GeometryError(
            f"the first two axes must be longitude and latitude on the sky, got CTYPE {names}"
        )
    return wcs


def _radesys(wcs: WCS) -> str:
    """ICRS or FK5 for RA and Dec, by the defaults of the FITS standard; nothing for frames that CTYPE names
    alone.
    """
    raw = wcs.wcs
    prefix = str(raw.ctype[raw.lng])[:4]
    if prefix in ("GLON", "SLON"):
        return ""
    if prefix != "RA--":
        raise GeometryError(f"the coordinates {prefix!r} cannot be used for a map; {_SUPPORTED}")
    equinox = None if np.isnan(raw.equinox) else float(raw.equinox)
    default = "ICRS" if equinox is None else "FK4" if equinox < 1984.0 else "FK5"
    radesys = str(raw.radesys) or default
    if radesys not in ("ICRS", "FK5"):
        raise GeometryError(
            f"RADESYS {radesys!r} is not a pure rotation of ICRS and cannot be used for a map; {_SUPPORTED}"
        )
    if radesys == "FK5" and equinox not in (None, 2000.0):
        raise GeometryError(f"FK5 of equinox {equinox} cannot be used for a map; {_SUPPORTED}")
    return radesys


def _check_same(wcs: WCS, projection: Projection) -> None:
    """Refuse a WCS of which the canonical numbers are not the whole truth (TPV and other distortions inside
    wcslib).
    """
    x, y = projection.crpix
    near = np.array([[x - 1, y - 1], [x + 40, y - 30], [x - 200, y + 100], [x + 1000, y + 700]])
    if not np.array_equal(
        wcs.wcs.p2s(near, 1)["world"], projection.to_wcs().wcs.p2s(near, 1)["world"], equal_nan=True
    ):
        raise GeometryError(
            f"the WCS with CTYPE {list(projection.ctype)} has a distortion, of which only SIP is supported"
        )


class _PerThread(threading.local):
    """One bounded cache of WCS objects for each thread: wcslib's structures are not safe to share, and slow
    when shared.
    """

    def __init__(self) -> None:
        self.wcs = lru_cache(maxsize=32)(_make)


def _make(projection: Projection) -> WCS:
    wcs = projection.to_wcs()
    if projection.code == "SZP":
        # wcslib draws the limb of the slant perspective some degrees further in on the way to pixels than on
        # the way to the sky; what comes back is on the map (see `maskexpr.grid.wcs.lattice`).
        wcs.wcs.bounds_check(True, False)
    return wcs


_PER_THREAD: Final = _PerThread()


def thread_wcs(projection: Projection) -> WCS:
    """The calling thread's own WCS of a projection; for evaluation only, never to be changed."""
    return _PER_THREAD.wcs(projection)

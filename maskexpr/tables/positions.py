"""Which columns of a table are positions: pairs of usual names and UCDs in order, the first that is usable.

Producers give one table several pairs: as texts and as numbers, of this frame and that. A pair is usable if
both columns are angles; numbers go before texts, pairs without gaps before pairs with gaps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Final, NamedTuple

import astropy.units as u
import numpy as np
from astropy.coordinates import FK4, FK5, ICRS, BaseCoordinateFrame, SkyCoord, frame_transform_graph

from ..core.arrays import Bools, Floats, Indices
from ..core.errors import FormatError, MaskError, MaskValueError
from ..sphere.frames import near_frame
from ..sphere.vectors import from_sky
from .angles import Units, degrees, numbers
from .table import SourceTable, listed

__all__ = ["Pair", "Positions", "pair_of", "read_positions", "usual_pairs"]

_J2000, _B1950, _EQUATORIAL = "J2000", "B1950", "equatorial"

# Names without case, blanks and signs: longitudes, latitudes, and what frame the names say.
_NAMES: Final[tuple[tuple[str, str, str], ...]] = (
    ("raj2000 ra2000", "dej2000 decj2000 de2000 dec2000", _J2000),
    ("raicrs", "deicrs decicrs", "icrs"),
    (
        "ra radeg raj rajd rahms rightascension sra ramean",
        "dec de decdeg dedeg decj decjd dedms declination sdec decmean",
        _EQUATORIAL,
    ),
    (
        "alphaj2000 alphawinj2000 alphapsfj2000 alphamodelj2000 alphapeakj2000",
        "deltaj2000 deltawinj2000 deltapsfj2000 deltamodelj2000 deltapeakj2000",
        _J2000,
    ),
    ("alphasky alphawinsky", "deltasky deltawinsky", _EQUATORIAL),
    (
        "glon galacticlongitude gallon lii l",
        "glat galacticlatitude gallat bii b",
        "galactic",
    ),
    ("sglon sgl", "sglat sgb", "supergalactic"),
    ("elon ecllon", "elat ecllat", "barycentricmeanecliptic"),
    (
        "rab1950 ra1950 alphab1950 alphawinb1950",
        "deb1950 decb1950 de1950 dec1950 deltab1950 deltawinb1950",
        _B1950,
    ),
)
_UCDS: Final = (
    ("pos.eq.ra", "pos.eq.dec", _EQUATORIAL),
    ("pos_eq_ra_main", "pos_eq_dec_main", _EQUATORIAL),
    ("pos.galactic.lon", "pos.galactic.lat", "galactic"),
    ("pos.supergalactic.lon", "pos.supergalactic.lat", "supergalactic"),
    ("pos.ecliptic.lon", "pos.ecliptic.lat", "barycentricmeanecliptic"),
)
_OF_EQUATOR: Final = (_J2000, _B1950, _EQUATORIAL, "icrs")
_SAID: Final = {"icrs": "icrs", "fk5": _J2000, "fk4": _B1950, "fk4noeterms": _B1950}
_FRAMES_OF_EQUATOR: Final = ("icrs", "fk5", "fk4", "fk4noeterms")
# RA may have a unit in its name, or an equinox: "RA (deg)", "RA_J2000".
_LAST: Final = ("ra", "dec", "l", "b", "sgl", "sgb")
_SIGNS: Final = re.compile(r"[^0-9a-z]+")


class Pair(NamedTuple):
    """Two columns, and what their names say of the frame."""

    lon: str
    lat: str
    system: str


class Positions(NamedTuple):
    """Longitudes and latitudes in degrees, NaN where there are none, and their frame."""

    pair: Pair
    lon: Floats
    lat: Floats
    frame: Any

    @property
    def missing(self) -> Bools:
        """Which rows have no position."""
        return ~(np.isfinite(self.lon) & np.isfinite(self.lat))

    def at(self, rows: Indices, what: str) -> SkyCoord:
        """The positions of some rows, checked.

        Raises
        ------
        MaskValueError
            For a latitude beyond the poles, or a longitude beyond a turn, naming the row.
        """
        lon, lat = self.lon[rows], self.lat[rows]
        for name, values, most in ((self.pair.lat, lat, 90.0), (self.pair.lon, lon, 360.0)):
            high = np.flatnonzero(np.abs(values) > most)
            if len(high):
                kind = "latitude" if most < 100 else "longitude"
                raise MaskValueError(
                    f"{what}: row {int(rows[high[0]])} has {kind} {values[high[0]]:g} deg in {name!r}; "
                    "are the columns exchanged? If it is in another unit, say so: "
                    f"units={{{name!r}: ...}}"
                )
        try:
            return SkyCoord(lon, lat, unit="deg", frame=self.frame)
        except (ValueError, TypeError) as err:
            near = near_frame(self.frame)
            raise MaskValueError(
                f"{what}: no positions in the frame {self.frame!r}{near or f': {err}'}"
            ) from err


def usual_pairs(table: SourceTable) -> Iterator[Pair]:
    """Pairs of columns that are positions by their names, and by their UCDs; the most trusted first.

    Examples
    --------
    >>> from maskexpr.tables.table import Column
    >>> columns = dict.fromkeys(["Name", "GLON", "GLAT", "_RAJ2000", "_DEJ2000"], Column(lambda: np.zeros(1)))
    >>> [each.lon for each in usual_pairs(SourceTable("table", columns))]
    ['_RAJ2000', 'GLON']
    """
    folded: dict[str, list[str]] = {}
    for name in table.columns:
        folded.setdefault(_folded(name), []).append(name)
    for lons, lats, system in _NAMES:
        for lon in (name for each in lons.split() for name in folded.get(each, ())):
            wanted = (name for each in lats.split() for name in folded.get(each, ()))
            # RAJ2000 goes with DEJ2000 and _RAJ2000 with _DEJ2000.
            alike = [name for name in wanted if name.startswith("_") == lon.startswith("_")]
            if alike:
                yield Pair(lon, max(alike, key=lambda name: _alike(lon, name)), system)
    for lons, lats, system in _UCDS:
        found = [_of_ucd(table, ucd) for ucd in (lons, lats)]
        if all(len(each) == 1 for each in found):
            yield Pair(found[0][0], found[1][0], system)


def _folded(name: str) -> str:
    """A name without case, blanks and signs; of one in parts, as astropy writes them, the last: where.ra."""
    text = name.casefold()
    last = text.rpartition(".")[2]
    return last if last in _LAST else _SIGNS.sub("", text)


def _alike(lon: str, lat: str) -> int:
    """How many characters two names have in common at both ends: ALPHAWIN_J2000 goes with DELTAWIN_J2000."""
    one, other = lon.casefold(), lat.casefold()
    return _start(one, other) + _start(one[::-1], other[::-1])


def _start(one: str, other: str) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _of_ucd(table: SourceTable, ucd: str) -> list[str]:
    """The columns of a UCD; those that are called the main ones, if any are."""
    words = {name: column.ucd.casefold().split(";") for name, column in table.columns.items()}
    some = [name for name, each in words.items() if each[0].strip() == ucd]
    main = [name for name in some if "meta.main" in [each.strip() for each in words[name]]]
    return main or some


def pair_of(table: SourceTable, lon: str, lat: str) -> Pair:
    """The pair that a user names, and what its names say.

    Raises
    ------
    FormatError
        If there are no such columns, or they are no pair: a right ascension and a galactic latitude.
    """
    lon, lat = table.need(lon, "lon="), table.need(lat, "lat=")
    of_lon, of_lat = (set(_systems(name, place)) for place, name in enumerate((lon, lat)))
    if of_lon and of_lat and not of_lon & of_lat and not (of_lon | of_lat) <= set(_OF_EQUATOR):
        raise FormatError(
            f"{table.where}: {lon!r} is of the frame {of_lon.pop()} and {lat!r} of {of_lat.pop()}: "
            "give two of one frame"
        )
    by_ucd = {system for a, _, system in _UCDS if lon in _of_ucd(table, a)}
    found = (of_lon & of_lat) or of_lon or by_ucd or {_EQUATORIAL}
    return Pair(lon, lat, next(iter(found)))


def _systems(name: str, place: int) -> Iterator[str]:
    folded = _folded(name)
    return (each[2] for each in _NAMES if folded in each[place].split())


def read_positions(
    table: SourceTable, lon: str | None, lat: str | None, frame: Any, units: Units
) -> Positions:
    """The positions of a table.

    Raises
    ------
    FormatError
        If there is no pair of columns, or none that is usable, saying of each why not.
    MaskValueError
        For a frame that there is not, or that needs a place or a time.
    """
    _check_frame(frame)
    if lon is not None and lat is not None:
        pair = pair_of(table, lon, lat)
        return _read(table, pair, frame, units, _is_right_ascension(table, pair))
    reasons, partial = [], None
    pairs = [each for each in dict.fromkeys(usual_pairs(table)) if _fits(each, frame)]
    pairs = [each for each in pairs if _says(each, frame)] or pairs
    # Sorting is stable: among numbers, and among texts, the most trusted stay first.
    for pair in sorted(pairs, key=lambda each: _is_text(table, each)):
        try:
            found = _read(table, pair, frame, units, True)
        except (MaskError, ValueError) as err:
            reasons.append(str(err).removeprefix(f"{table.where}: "))
            continue
        if not found.missing.any():
            return found
        if partial is None or found.missing.sum() < partial.missing.sum():
            partial = found
    if partial is not None:
        return partial
    of_frame = f" of the frame {frame!r}" if frame is not None else ""
    if reasons:
        raise FormatError(
            f"{table.where} has no position columns{of_frame} that are usable: {'; '.join(reasons)}"
        )
    raise FormatError(
        f"{table.where} has no position columns of a usual name{of_frame}: give lon= and lat=; "
        f"columns: {listed(table.columns)}"
    )


def _check_frame(frame: Any) -> None:
    """Refuse a name that is of no frame, or of one that needs a place or a time."""
    if not isinstance(frame, str):
        return
    if frame_transform_graph.lookup_name(frame.lower()) is None:
        raise MaskValueError(
            f"unknown frame={frame!r}{near_frame(frame) or '; there are icrs, fk5, fk4, galactic and others'}"
        )
    from_sky(SkyCoord(0, 0, unit="deg", frame=frame), "icrs")


def _fits(pair: Pair, frame: Any) -> bool:
    """Whether positions of a pair can be of the frame that the user states."""
    if frame is None:
        return True
    name = str(getattr(frame, "name", frame)).casefold()
    if pair.system in _OF_EQUATOR:
        of_1950 = name.startswith("fk4")
        return name in _FRAMES_OF_EQUATOR and (
            pair.system == _EQUATORIAL or of_1950 == (pair.system == _B1950)
        )
    return name == pair.system or ("ecliptic" in name and "ecliptic" in pair.system)


def _says(pair: Pair, frame: Any) -> bool:
    """Whether the names of a pair say the very system that the user states: RAB1950 that of fk4."""
    system = _SAID.get(str(getattr(frame, "name", frame)).casefold())
    return system is not None and pair.system == system


def _is_text(table: SourceTable, pair: Pair) -> bool:
    try:
        return any(numbers(table, name) is None for name in pair[:2])
    except MaskError:
        return True


def _is_right_ascension(table: SourceTable, pair: Pair) -> bool:
    """Whether a longitude that the user names is called a right ascension."""
    folded = _folded(pair.lon)
    named = (
        folded.startswith(("ra", "alpha", "rightasc"))
        or "pos.eq.ra" in table.columns[pair.lon].ucd.casefold()
    )
    return pair.system in _OF_EQUATOR and named


def _read(table: SourceTable, pair: Pair, frame: Any, units: Units, right_ascension: bool) -> Positions:
    hours = pair.system in _OF_EQUATOR
    usual = u.hourangle if hours and right_ascension else None
    lon = degrees(table, pair.lon, units, place=True, hours=hours, usual=usual)
    lat = degrees(table, pair.lat, units, place=True, hours=False, usual=u.deg)
    if lon.ndim != 1 or lat.ndim != 1:
        raise FormatError(
            f"{table.where}: {pair.lon!r} and {pair.lat!r} hold several values a row: "
            "give columns of one each, lon= and lat="
        )
    return Positions(pair, lon, lat, frame if frame is not None else _frame_of(table, pair))


def _frame_of(table: SourceTable, pair: Pair) -> Any:
    """The frame that the names of columns say, and within that what the file says."""
    if pair.system not in _OF_EQUATOR:
        return pair.system
    if pair.system == "icrs":
        return "icrs"
    stated = table.columns[pair.lon].frame
    # A frame of astropy without data is false.
    if stated is None:
        stated = table.frame
    if pair.system == _B1950:
        return stated if isinstance(stated, FK4) else FK4(equinox="B1950")
    if pair.system == _J2000 and stated is not None and not _is_of_2000(stated):
        raise FormatError(
            f"{table.where}: {pair.lon!r} is of J2000 by its name, the file says {stated.name} of "
            f"{getattr(stated, 'equinox', '')}: say which, frame="
        )
    return "icrs" if stated is None else stated


def _is_of_2000(frame: BaseCoordinateFrame) -> bool:
    return isinstance(frame, ICRS) or (isinstance(frame, FK5) and frame.is_equivalent_frame(FK5()))

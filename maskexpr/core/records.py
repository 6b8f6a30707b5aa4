"""Plain values with a name: what nodes are made of besides other nodes.

A *record* is a frozen dataclass registered under a tag. Records and nodes are written to plain data, and
hashed, by their fields alone, so that a class that only declares its fields can be saved, compared and
hashed, in this process or another.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import re
import struct
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import FormatError, MaskTypeError, borrowed
from .fields import check_fields

__all__ = [
    "RECORDS",
    "Columns",
    "Ragged",
    "build",
    "canonical",
    "decode",
    "digest_of",
    "encode",
    "field_names",
    "frozen_array",
    "record",
]

T = TypeVar("T", bound=type)

RECORDS: dict[str, type] = {}

# Types of arrays in texts: numbers and bool.
_DTYPE: Final = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")


def record(tag: str) -> Callable[[T], T]:
    """Register a frozen dataclass as a record, under a tag that files carry.

    Examples
    --------
    >>> RECORDS["circle"].__name__  # doctest: +SKIP
    'Circle'
    """

    def register(cls: T) -> T:
        if RECORDS.setdefault(tag, cls) is not cls:
            raise MaskTypeError(f"the record tag {tag!r} is taken by {RECORDS[tag].__name__}")
        cls.tag = tag  # type: ignore[attr-defined]
        return cls

    return register


def frozen_array(values: Any, dtype: Any = np.float64) -> NDArray[Any]:
    """A contiguous copy of an array that refuses to be written to.

    Examples
    --------
    >>> frozen_array([1, 2]).flags.writeable
    False
    """
    array = np.array(values, dtype=dtype, order="C", copy=True)
    array.flags.writeable = False
    return array


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(each.name for each in dataclasses.fields(cls))


def field_names(value: Any) -> tuple[str, ...]:
    """Names of the fields of a dataclass's instance."""
    kind: Any = type(value)
    return _names(kind)


def _fields(value: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(value, name)) for name in field_names(value)]


class Ragged(NamedTuple):
    """A column of tuples of floats: how many each has, and all of them one after the other."""

    number: NDArray[np.int64]
    values: NDArray[np.float64]


class Columns(Sequence[Any]):
    """Records of one class that are held as columns of their fields, and made when one is asked for.

    It stands for the tuple of them: it is equal to it, and has its digest.
    """

    kind: type

    @abstractmethod
    def columns(self) -> list[Any]:
        """The field of all records, for each field in turn: a Ragged, or the one value that all have."""

    def __eq__(self, other: object) -> bool:
        return tuple(self) == (tuple(other) if isinstance(other, Columns) else other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


def canonical(value: Any, child: Callable[[Any], bytes | None], here: bool = False) -> bytes:
    """Bytes that say what a value is: equal exactly for equal values, in every process.

    Parameters
    ----------
    value : object
        A field of a node or record.
    child : callable
        Gives the bytes of a value that has a digest of its own (a node), or None.
    here : bool
        Whether the bytes need only tell values apart in this process: data in memory then count by identity.
    """
    # What most fields are comes first: masks of thousands of shapes are asked for hundred thousands of these.
    if type(value) is float:
        return b"F" + struct.pack("<d", value + 0.0)
    if isinstance(value, (bool, int, str)):
        return f"{type(value).__name__}:{value}".encode()
    own = child(value)
    if own is not None:
        return b"N" + own
    if isinstance(value, (tuple, list, Columns)):
        return _canonical_of_many(value, child, here)
    if isinstance(value, np.ndarray):
        return _canonical_of_array(value)
    if value is None:
        return b"NoneType:None"
    if isinstance(value, float):
        return b"F" + struct.pack("<d", value + 0.0)
    if dataclasses.is_dataclass(value):
        return f"R{type(value).__name__}".encode() + canonical(
            [item for _, item in _fields(value)], child, here
        )
    if here and hasattr(value, "identity"):
        return f"I{type(value).__name__}:{value.identity}".encode()
    if hasattr(value, "fingerprint"):
        return f"P{type(value).__name__}:{value.fingerprint}".encode()
    raise MaskTypeError(f"a field of a node cannot be a {type(value).__name__}")


def _canonical_of_array(array: NDArray[Any]) -> bytes:
    octets = np.asarray(array, order="C").reshape(-1).view(np.uint8)
    return f"A{array.dtype.str}{array.shape}".encode() + hashlib.blake2b(octets.data, digest_size=16).digest()


def _canonical_of_many(values: Any, child: Callable[[Any], bytes | None], here: bool) -> bytes:
    """Bytes of a sequence: of many floats, numbers and words, or records of one class, in few calls."""
    if isinstance(values, Columns):
        return _canonical_columns(values.kind, len(values), values.columns(), child, here)
    kinds = set(map(type, values))
    if kinds == {float}:
        return b"D" + _canonical_of_array(np.array(values) + 0.0)
    if kinds and kinds <= {int, str}:
        return b"J" + json.dumps(values, separators=(",", ":")).encode()
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is not None and RECORDS.get(getattr(kind, "tag", "")) is kind:
        columns = [_column([getattr(each, name) for each in values]) for name in _names(kind)]
        return _canonical_columns(kind, len(values), columns, child, here)
    return b"(" + _framed([canonical(item, child, here) for item in values])


def _column(values: list[Any]) -> Any:
    """A field of many records as `Columns.columns` has it; a list of the values where they differ."""
    kinds = set(map(type, values))
    if kinds == {tuple} and set(map(type, chain.from_iterable(values))) == {float}:
        number = np.fromiter(map(len, values), np.int64, len(values))
        return Ragged(number, np.fromiter(chain.from_iterable(values), np.float64, int(number.sum())))
    is_one = len(kinds) == 1 and kinds <= {bool, int, str} and values.count(values[0]) == len(values)
    return values[0] if is_one else values


def _canonical_columns(
    kind: type, number: int, columns: list[Any], child: Callable[[Any], bytes | None], here: bool
) -> bytes:
    parts = [kind.__name__.encode(), struct.pack("<q", number)]
    for each in columns:
        if isinstance(each, Ragged):
            parts.append(b"L" + _framed(map(_canonical_of_array, (each.number, each.values + 0.0))))
        else:
            parts.append(canonical(each, child, here))
    return b"C" + _framed(parts)


def _framed(parts: Iterable[bytes]) -> bytes:
    """Pieces of bytes, each told from the next, and how many there are."""
    parts = list(parts)
    return struct.pack("<q", len(parts)) + b"".join(struct.pack("<q", len(p)) + p for p in parts)


def digest_of(name: str, value: Any, child: Callable[[Any], bytes | None], here: bool = False) -> bytes:
    """16-byte digest of named fields."""
    return hashlib.blake2b(name.encode() + b"\0" + canonical(value, child, here), digest_size=16).digest()


def encode(value: Any, child: Callable[[Any], Any]) -> Any:
    """Plain data (dict, list, str, numbers) of a value.

    Parameters
    ----------
    value : object
        A field of a node or record.
    child : callable
        Gives the plain form of a node, or None for everything else.
    """
    own = child(value)
    if own is not None:
        return own
    if isinstance(value, (tuple, list, Columns)):
        return [encode(item, child) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        data = np.asarray(value, order="C")
        data = data.astype(data.dtype.newbyteorder("<"))
        return {
            "array": base64.b64encode(data.tobytes()).decode(),
            "dtype": data.dtype.str,
            "shape": list(data.shape),
        }
    tag = getattr(value, "tag", None)
    if dataclasses.is_dataclass(value) and isinstance(tag, str) and RECORDS.get(tag) is type(value):
        return {"record": tag, **{name: encode(item, child) for name, item in _fields(value)}}
    raise MaskTypeError(
        f"data in memory ({type(value).__name__}) cannot be saved with the expression; "
        "write the data to a FITS or zarr file and name its path instead"
    )


def decode(data: Any, child: Callable[[Any], Any]) -> Any:
    """The value of plain data; the inverse of `encode`, with lists as tuples.

    Raises
    ------
    FormatError
        For a record that is not known, or fields that do not fit it.
    """
    own = child(data)
    if own is not None:
        return own
    if isinstance(data, list):
        return tuple(decode(item, child) for item in data)
    if not isinstance(data, dict):
        return data
    if set(data) == {"float"} and data["float"] in ("nan", "inf", "-inf"):
        return float(data["float"])
    if "array" in data:
        return _array(data)
    if "record" in data:
        cls = RECORDS.get(data["record"])
        if cls is None:
            raise FormatError(f"unknown record {data['record']!r}; known are {', '.join(sorted(RECORDS))}")
        fields = {name: decode(item, child) for name, item in data.items() if name != "record"}
        return build(cls, fields)
    raise FormatError(f"neither a value nor a record: {str(data)[:80]}")


def build(cls: type, fields: dict[str, Any]) -> Any:
    """Make a dataclass from exactly its fields, with an error that names what does not fit."""
    expected = {f.name for f in dataclasses.fields(cls)}
    if set(fields) != expected:
        odd = sorted(set(fields) ^ expected)
        raise FormatError(f"{cls.__name__} has the fields {sorted(expected)}; missing or unknown: {odd}")
    check_fields(cls, fields)
    restore = getattr(cls, "restore", None)
    if restore is None:
        return cls(**fields)
    made = restore(fields)
    made.check_stored()
    return made


def _array(data: dict[str, Any]) -> NDArray[Any]:
    with borrowed("an array that cannot be read", FormatError):
        found = _DTYPE.fullmatch(data["dtype"])
        if found is None or set(data) != {"array", "dtype", "shape"}:
            raise FormatError(f"an array of numbers has array, dtype and shape, got {str(data)[:80]}")
        flat = np.frombuffer(base64.b64decode(data["array"], validate=True), dtype=np.dtype(found[0]))
        return frozen_array(flat.reshape(data["shape"]), dtype=flat.dtype.newbyteorder("="))

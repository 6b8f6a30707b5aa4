"""VOTables: what they refer to and what they say that they hold, looked at before a parser is let in."""

from __future__ import annotations

import math
import re
from typing import Final

from ..core.errors import FormatError
from ..core.limits import check_limit

__all__ = ["check_votable"]

_ENCODING: Final = re.compile(rb"[^<]*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)")
_PLAIN: Final = (b"utf-8", b"us-ascii", b"ascii", b"iso-8859-1", b"latin-1")
# What a parser passes over.
_SILENT: Final = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
# The one that HEASARC writes; it names no entities, and nothing fetches it.
_USUAL: Final = re.compile(rb"<!DOCTYPE VOTABLE SYSTEM \"http://us-vo\.org/xml/VOTable\.dtd\">")
_TAG: Final = rb"<(?:[^\s<>:/!?\"'=]+:)?%s(?=[\s/>])((?:[^<>\"']|\"[^<\"]*\"|'[^<']*')*+)>"  # its attributes
_TABLE, _FIELD, _STREAM, _BINARY = (
    re.compile(_TAG % name, re.IGNORECASE) for name in (b"TABLE", b"FIELD", b"STREAM", b"BINARY2?")
)
_ROW: Final = re.compile(rb"<(?:[^\s<>:/!?\"'=]+:)?TR[\s/>]", re.IGNORECASE)
_LONGEST_VALUE: Final = 16
# astropy makes room for as many at first.
_ROWS: Final = 512
_ALWAYS: Final = 64 << 20


def check_votable(data: bytes, what: str) -> None:
    """Refuse a VOTable that reaches outside, or that says that it holds much more than it does.

    Raises
    ------
    FormatError
        For a DOCTYPE or an entity, a stream that is elsewhere, an encoding in which these could hide, or rows
        of no bytes.
    LimitError
        For rows that would take more than 64 MiB and more times the bytes of the text than the limit
        ``ratio``.

    Examples
    --------
    >>> check_votable(b'<VOTABLE><STREAM href="file:///etc/passwd"/>', "the table")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.FormatError: the table: a STREAM that is elsewhere (href) is not fetched: save ...
    """
    named = _ENCODING.match(data[:1000])
    if b"\0" in data[:1000] or (named is not None and named[1].lower() not in _PLAIN):
        raise FormatError(f"{what}: a VOTable must be UTF-8 or Latin-1: save it as UTF-8")
    data = _USUAL.sub(b" ", _SILENT.sub(b" ", data), count=1)
    if re.search(rb"<!", data) is not None:
        raise FormatError(f"{what}: a VOTable may not have a DOCTYPE or entities; remove them")
    if any(_attribute(each[1], b"href") is not None for each in _STREAM.finditer(data)):
        raise FormatError(
            f"{what}: a STREAM that is elsewhere (href) is not fetched: save the table with its data"
        )
    tables = list(_TABLE.finditer(data))
    for table, end in zip(tables, [*(each.start() for each in tables[1:]), len(data)], strict=True):
        _check_size(table[1], data[table.end() : end], len(data), what)


def _check_size(attributes: bytes, inside: bytes, size: int, what: str) -> None:
    """Refuse a table of more bytes than its text may become, or of rows of which one after the other could be
    read from nothing.
    """
    fields = [_bytes_of_field(each[1], what) for each in _FIELD.finditer(inside)]
    if not any(fields) and _BINARY.search(inside) is not None:
        raise FormatError(f"{what}: a table that states rows (nrows) but no fields of any bytes")
    stated = _attribute(attributes, b"nrows")
    rows = max(_count(stated or b"0", what), sum(1 for _ in _ROW.finditer(inside)), _ROWS)
    if sum(fields) * rows > _ALWAYS:
        check_limit("ratio", sum(fields) * rows / size, what, "bytes of rows for each byte of its text")


def _bytes_of_field(attributes: bytes, what: str) -> int:
    """Bytes that a value of a column may take."""
    lengths = _attribute(attributes, b"arraysize") or b"1"
    return _LONGEST_VALUE * math.prod(_count(each, what) for each in re.split(rb"[x*s]", lengths) if each)


def _attribute(attributes: bytes, name: bytes) -> bytes | None:
    found = re.search(rb"(?:^|[\s\"'])" + name + rb"\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", attributes)
    return None if found is None else (found[1] if found[1] is not None else found[2]).strip()


def _count(text: bytes, what: str) -> int:
    if not re.fullmatch(rb"\s*\d{1,18}\s*", text):
        raise FormatError(f"{what}: {text.decode('latin-1')!r} is no number of rows or values")
    return int(text)

"""Messages: what files say in them can neither move a cursor nor fill a screen."""

from __future__ import annotations

from pathlib import Path

import pytest

import maskexpr as mx
from maskexpr import errors
from maskexpr.core.errors import borrowed, printable
from maskexpr.errors import FormatError, LimitError, MaskError

EVIL = "a\x1b[2Jb\rc\nd\x07e\x00f\u202eg\u2028h\x9bi\ud800j\ufeffk"


def test_control_characters_are_escaped() -> None:
    said = str(FormatError(EVIL))
    assert said.isprintable()
    assert said == r"a\x1b[2Jb\rc\nd\x07e\x00f\u202eg\u2028h\x9bi\ud800j\ufeffk"
    said.encode("utf-8")
    # Letters of all scripts, and spaces of all kinds, are none.
    assert printable("é 日本 ß\u00a0ö\u3000ñ") == "é 日本 ß\u00a0ö\u3000ñ"


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "require"])
def test_so_in_every_error(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, MaskError)
    assert str(kind("x\x1by")) == r"x\x1by"
    assert len(str(kind("x" * 10**6))) < 3000


def test_messages_that_quote_files(tmp_path: Path) -> None:
    path = tmp_path / "a.reg"
    path.write_text("icrs\ncircle(1,2,3) # \x1b]0 title\x07\nsphere\x1b[31m(1,2,3)\n")
    with pytest.raises(MaskError) as caught:
        mx.Region.read(path)
    assert str(caught.value).isprintable()
    assert "line 3" in str(caught.value)


def test_borrowed_parsers() -> None:
    with (
        pytest.raises(FormatError, match="the item: KeyError: 'x'") as caught,
        borrowed("the item", FormatError),
    ):
        {}["x"]
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(LimitError, match="the item"), borrowed("the item", FormatError):
        raise MemoryError
    with pytest.raises(LimitError, match="the item"), borrowed("the item", FormatError):
        raise RecursionError
    with pytest.raises(MaskError, match=r"^as it is$"), borrowed("the item", FormatError):
        raise MaskError("as it is")
    with pytest.raises(KeyboardInterrupt), borrowed("the item", FormatError):
        raise KeyboardInterrupt

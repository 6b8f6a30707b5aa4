"""Region files of every producer: each means what it says, pixel for pixel, or is refused with a way out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import maskexpr as mx
from maskexpr.compile.evaluate import evaluate
from maskexpr.testing import whole_tile

from . import region_producers  # noqa: F401  # adds its cases
from .region_files import MAPS, READ, REFUSED, SHAPE, Read, Refused


def put(folder: Path, content: str | bytes, name: str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("case", READ, ids=lambda case: f"{case.kind}: {case.name}")
def test_means_what_it_says(case: Read, tmp_path: Path) -> None:
    wcs = MAPS[case.map]
    options = dict(case.options)
    path = put(tmp_path, case.content, options.pop("file", "regions"))
    found = evaluate(mx.Region.read(path, **options), whole_tile(mx.WcsGeom(wcs, SHAPE)))
    expected = case.truth(wcs)
    assert expected.any()
    assert np.count_nonzero(found != expected) <= case.apart, (found.sum(), expected.sum())


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.kind}: {case.name}")
def test_is_refused(case: Refused, tmp_path: Path) -> None:
    path = put(tmp_path, case.content, "named.dat")
    with pytest.raises(mx.MaskError) as caught:
        mx.Region.read(path, **case.options)
    message = str(caught.value)
    for words in case.words:
        assert words in message
    assert len(message) < 700
    assert all(character.isprintable() for character in message)


@pytest.mark.parametrize(
    "case",
    [case for case in READ if isinstance(case.content, str) and not case.options],
    ids=lambda case: case.name,
)
def test_text_is_the_same_without_a_file(case: Read, tmp_path: Path) -> None:
    assert isinstance(case.content, str)
    assert mx.Region(case.content) == mx.Region.read(put(tmp_path, case.content, "regions"))


def test_the_corpus_is_large() -> None:
    """At least ten of every kind."""
    kinds = Counter(case.kind for case in (*READ, *REFUSED))
    assert min(kinds.values()) >= 10, kinds
    assert sum(kinds.values()) >= 300
    names = [(case.kind, case.name) for case in READ]
    assert len(names) == len(set(names))


def test_what_selects_nothing_is_counted(tmp_path: Path) -> None:
    text = next(case.content for case in READ if case.name == "DS9, a composite")
    region = mx.Region.read(put(tmp_path, text, "a.reg"))
    assert region.ignored["color"] == 2
    assert region.ignored["tag"] == 2
    assert region.ignored["a composite"] == 1
    assert mx.Region("icrs;circle(1,2,3)").ignored == {}
    assert mx.loads(mx.dumps(region)) == region
    with pytest.raises(TypeError):
        region.ignored["color"] = 3  # type: ignore[index]

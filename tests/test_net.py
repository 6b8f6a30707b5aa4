"""Masks of every kind, bit for bit as they were recorded (``tests/net``): what no change may alter unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import maskexpr as mx

from .net import record
from .net.__main__ import main
from .net.maps import CUBES, PART
from .net.masks import ANYWHERE, BOUNDARIES, CASES, CHANGING, ON_CUBES, SOMEWHERE
from .net.record import compute, line_of

RECORDED = record.read()
ALL = {**CASES, **CHANGING}

# With both versions of `regions`, numpy and astropy that are supported.
pytestmark = pytest.mark.regions


def test_the_record_holds_every_mask_and_no_other() -> None:
    assert list(RECORDED) == list(ALL)
    assert len({said.split()[0] for said in RECORDED.values()}) > 200


@pytest.mark.parametrize("key", ALL)
def test_masks_are_as_recorded(key: str) -> None:
    assert compute([key])[key] == RECORDED[key], "see tests/net/__init__.py if that is meant"


def test_every_node_is_in_the_net() -> None:
    public = {getattr(mx, name) for name in mx.__all__}
    nodes = {each for each in public if isinstance(each, type) and issubclass(each, mx.Mask)} - {mx.Mask}
    image, cube = PART["TAN"], CUBES["TAN cube"]
    walk = [made(image) for made in (*ANYWHERE.values(), *SOMEWHERE.values(), *BOUNDARIES.values())]
    walk += [made(cube) for made in ON_CUBES.values()]
    for mask in walk:
        walk.extend(mask.children)
    assert nodes <= {type(mask) for mask in walk}


@pytest.fixture
def own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "digests.txt"
    path.write_bytes(record.RECORD.read_bytes())
    monkeypatch.setattr(record, "RECORD", path)
    return path


def test_a_difference_is_told_and_written_only_when_asked(
    own_record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = own_record.read_text(encoding="utf-8")
    broken = whole.replace(RECORDED["TAN: catalogue"], "0 1/6300")
    own_record.write_text(broken, encoding="utf-8")
    assert main(["TAN: catalogue"]) == 1
    assert RECORDED["TAN: catalogue"] in capsys.readouterr().out
    assert own_record.read_text(encoding="utf-8") == broken
    main(["--write", "TAN: latitudes"])  # another mask: this line stays as it is
    assert own_record.read_text(encoding="utf-8") == broken
    assert main(["--write", "TAN: catalogue"]) == 0
    assert own_record.read_text(encoding="utf-8") == whole


def test_a_pixel_or_a_shape_makes_another_line() -> None:
    values = np.zeros((6, 8), bool)
    other = values.copy()
    other[2, 3] = True
    assert len({line_of(values), line_of(other), line_of(values.reshape(8, 6))}) == 3

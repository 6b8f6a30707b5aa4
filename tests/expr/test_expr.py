"""The expression itself: structure, algebra, text, depth."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.expr.structure import postorder

A = mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")
B = mx.Catalog(SkyCoord([0, 83.6], [90, 22.0], unit="deg"), "1 deg")
C = mx.Region("icrs;circle(10,20,3)")


def test_operators_stay_flat():
    assert mx.Or(A, B, C) == (A | B | C)
    assert (A & (B & C)).masks == (A, B, C)
    assert mx.And(A, mx.Not(B)) == A - B
    assert A * B == A & B


def test_in_place_forms_make_new_masks():
    mask = before = A
    mask |= B
    mask &= C
    mask ^= A
    mask -= B
    mask *= C
    assert before == A
    assert mask != A


def test_equal_structure_is_equal_and_hashes_alike():
    again = mx.Band(lat=(-5 * u.deg, 300 * u.arcmin), frame="galactic")
    assert again == A
    assert hash(again) == hash(A)
    assert {A: 1}[again] == 1
    assert mx.Band(lat=("-5 deg", "5 deg"), frame="icrs") != A
    assert (A | B) != (B | A)
    assert A != "mask"


def test_the_hash_is_the_same_in_another_process():
    code = f"import maskexpr as mx; m = mx.loads({mx.dumps(~(A | B) ^ C)!r}); print(hash(m), m.digest.hex())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    mask = ~(A | B) ^ C
    assert done.stdout.split() == [str(hash(mask)), mask.digest.hex()]


@pytest.mark.parametrize("attempt", [bool, list, len, lambda m: m and A])
def test_a_mask_is_no_truth_value_and_no_sequence(attempt):
    with pytest.raises(mx.MaskError):
        attempt(A | B)


def test_numpy_does_not_take_a_mask_apart():
    with pytest.raises(TypeError):
        np.ones(3) * A
    with pytest.raises(TypeError):
        A | np.ones(3, dtype=bool)


@pytest.mark.parametrize("wrong", [1, None, "x", np.ones(2, dtype=bool)])
def test_operands_must_be_masks(wrong):
    with pytest.raises(TypeError):
        A | wrong
    with pytest.raises(mx.MaskError, match="operand 1"):
        mx.Or(A, wrong)
    with pytest.raises(mx.MaskError):
        mx.Not(wrong)


def test_masks_are_immutable():
    with pytest.raises(AttributeError):
        A.frame = "icrs"
    with pytest.raises(ValueError, match="read-only"):
        B.lon[0] = 3
    assert copy.deepcopy(A | B) == A | B


def test_ten_thousand_operands():
    circles = [mx.Region(mx_circle(i)) for i in range(10_000)]
    mask = circles[0]
    for each in circles[1:]:
        mask = mask | each
    # Flat: no node stands between the union and its operands.
    assert len(list(postorder(mask))) == 10_001
    assert len(mask.masks) == 10_000
    assert "more" in repr(mask)
    assert len(str(mask)) < 10_000
    assert hash(mask) == hash(mx.Or(*circles))
    assert isinstance(mask.simplify(), mx.Catalog)
    assert mx.loads(mx.dumps(mask)) == mask
    geom = mx.WcsGeom.allsky(binsz=2)
    assert np.array_equal(mask.on(geom).values, mask.simplify().on(geom, chunks=40).values)


def mx_circle(i):
    from maskexpr.shapes import Circle

    return Circle(
        (i * 37.7) % 360, np.degrees(np.arcsin(2 * ((i * 0.618) % 1) - 1)), 0.2 + (i % 7) / 10, "icrs"
    )


def test_an_alternating_expression_2000_deep():
    geom = mx.WcsGeom.allsky(binsz=10)
    deep, flat = A, A.on(geom).values
    bands = [mx.Band(lon=(f"{i % 360} deg", f"{(i * 7) % 360 + 20.5} deg")) for i in range(37)]
    arrays = [band.on(geom).values for band in bands]
    for i in range(2000):
        deep = ~(deep ^ bands[i % 37]) if i % 3 else ~(deep | bands[i % 37])
        flat = ~(flat ^ arrays[i % 37]) if i % 3 else ~(flat | arrays[i % 37])
    assert repr(deep)
    assert str(deep)
    assert isinstance(hash(deep), int)
    assert pickle.loads(pickle.dumps(deep)) == deep
    assert mx.loads(mx.dumps(deep)) == deep
    assert np.array_equal(deep.on(geom).values, flat)
    assert deep.plan(geom).n_tiles == 1
    assert "mixed" in deep.explain(geom)
    assert deep.contains(SkyCoord([1, 2], [3, 4], unit="deg")).shape == (2,)


def test_shared_parts_are_written_once():
    part = A | B
    mask = (part & C) ^ part
    assert sum(node["tag"] == "or" for node in mask.to_dict()["nodes"]) == 1
    assert len({id(each) for each in postorder(mx.from_dict(mask.to_dict()))}) == len(mask.to_dict()["nodes"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (~~A, A),
        (A | A, A),
        (A & A & B, A & B),
        (A ^ A, mx.NoSky()),
        (A ^ B ^ A, B),
        (A | mx.AllSky(), mx.AllSky()),
        (A & mx.AllSky(), A),
        (A ^ mx.AllSky(), ~A),
        (A | ~A, mx.AllSky()),
        (A & ~A, mx.NoSky()),
        (A | (A & B), A),
        (A & (A | B), A),
        (~A & ~C, ~(A | C)),
        (~A ^ ~C, A ^ C),
        (mx.Or(), mx.NoSky()),
        (mx.And(), mx.AllSky()),
        (mx.Or(A), A),
        (B - B, mx.NoSky()),
    ],
)
def test_rules(before, after):
    assert before.simplify() == after


def test_circles_become_one_catalogue():
    mask = (C | mx.Region("icrs;circle(30,20,2)") | B | A).simplify()
    (catalog,) = [each for each in mask.masks if isinstance(each, mx.Catalog)]
    assert sorted(catalog.radius.tolist()) == [1, 1, 2, 3]
    assert len(mask.masks) == 2


def test_text():
    assert repr(~(A | B)) == f"~({A!r} | {B!r})"
    assert str(A | B).splitlines()[0] == "Or"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "JSON"),
        ("[]", "version"),
        ('{"maskexpr": 99, "nodes": []}', "99"),
        ('{"maskexpr": 1, "nodes": []}', "no nodes"),
        ('{"maskexpr": 1, "nodes": [{"tag": "blob"}]}', "blob"),
        ('{"maskexpr": 1, "nodes": [{"tag": "not", "mask": {"node": 3}}]}', "node 3"),
        ('{"maskexpr": 1, "nodes": [{"tag": "band", "lat": [0, 1]}]}', "frame"),
        ('{"maskexpr": 1, "hash": "00", "nodes": [{"tag": "nosky"}]}', "hash"),
        (
            '{"maskexpr": 1, "nodes": [{"tag": "catalog", "lon": 1, "lat": 2,'
            ' "frame": "icrs", "radius": 1, "axis": "e"}]}',
            "catalog",
        ),
    ],
)
def test_bad_text_is_refused(text, match):
    with pytest.raises(mx.MaskError, match=match):
        mx.loads(text)

"""Every registered node on HEALPix cells equals brute force over all cell centres, see `cells_oracle`.

``MASKEXPR_ORDER=8`` goes on from order 6 to order 8, ``HYPOTHESIS_PROFILE=search`` tries a hundred times as
many masks.
"""

from __future__ import annotations

import os
from functools import lru_cache

import dask
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr.expr.mask import NODES
from maskexpr.expr.structure import postorder
from maskexpr.testing import ON_THE_MAP, OPERATORS, STRATEGIES, masks

from ..examples import some
from .cells_oracle import ANSWERS, ENERGY, Cells, NoAnswer, wrong

ORDERS = range(6, int(os.environ.get("MASKEXPR_ORDER", "6")) + 1)
# Of order 4: round a pole, over a corner of three faces, a cell alone, and most of two faces in the south.
PART = [[25, 625], [1500, 1525], [2250, 2251], [2950, 3072]]
GRIDS = {"whole": ("galactic", None), "part": ("icrs", PART)}
GROWING = {"dilate", "erode", "open", "close"}
# Chunks are looked at round an edge alone, so many of them.
FEW = 24


@lru_cache(maxsize=2)
def cells_of(name: str, order: int) -> Cells:
    frame, ranges = GRIDS[name]
    deeper = 2 * (order - 4)
    finer = ranges and [[first << deeper, last << deeper] for first, last in ranges]
    # One more cell of the order itself, all alone.
    return Cells(order, frame, finer and [*finer, [(2400 << deeper) + 1, (2400 << deeper) + 2]])


def strategy(tag: str) -> st.SearchStrategy[mx.Mask]:
    """Masks whose last node is the tag's, with no node that is about planes."""
    leaves = masks(cheap=True, max_leaves=3, on_the_map=False)
    found = STRATEGIES[tag] if tag in STRATEGIES else OPERATORS[tag](leaves)
    return found.filter(lambda mask: not any(is_planar(each) for each in postorder(mask)))


def is_planar(mask: mx.Mask) -> bool:
    return getattr(mask, "metric", "sky") != "sky" or getattr(mask, "kernel", "disk") != "disk"


def is_dear(mask: mx.Mask) -> bool:
    """Whether it grows noise, or far: it takes long, and `test_healpix` has some of that on larger cells."""
    data = any(each.reads_data for each in postorder(mask))
    return mask.tag in GROWING and (data or bool(mask.radius.max() > 5))


def is_mixed(mask: mx.Mask) -> bool:
    values = mask.compute(mx.HpxGeom(order=2, axes=[ENERGY] if mask.axes() else [])).values
    return bool(0 < values.sum() < values.size)


@lru_cache
def drawn(tag: str, number: int) -> list[mx.Mask]:
    """Different masks, of which some and not all is selected where there are such."""
    found: dict[mx.Mask, None] = {}

    @settings(max_examples=3 * number + 10, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy(tag))
    def draw(mask: mx.Mask) -> None:
        found[mask] = None

    draw()
    return sorted((mask for mask in found if not is_dear(mask)), key=is_mixed)[-number:]


def chunks_of(mask: mx.Mask, order: int) -> list[int]:
    """Orders of parent cells; coarse ones where all chunks are labelled, whichever is asked for."""
    if any(each.tag in ON_THE_MAP for each in postorder(mask)):
        return [1]
    # Of order 9 there are more chunks than are made.
    return [3] if any(each.tag in GROWING for each in postorder(mask)) else list(range(min(order, 8) + 1))


def compare(mask: mx.Mask, cells: Cells, geom: mx.HpxGeom) -> None:
    whole = np.asarray(mask.compute(geom).values)
    for plane in range(geom.shape[0] if geom.axes else 1):
        here = whole[plane] if geom.axes else whole
        assert wrong(mask, cells, here, plane) == 0, (mask, plane)
    edges = np.flatnonzero(np.diff(whole.reshape(-1, whole.shape[-1])[-1]))
    middle = int(edges[len(edges) // 2]) if len(edges) else whole.shape[-1] // 2
    for chunks in chunks_of(mask, cells.order):
        lazy, half = mask.on(geom, chunks=chunks), FEW // 2 << 2 * (cells.order - chunks)
        part = slice(max(0, middle - half), middle + half)
        np.testing.assert_array_equal(lazy[..., part].values, whole[..., part], err_msg=f"{mask} by {chunks}")


def test_every_node_has_an_answer() -> None:
    assert set(ANSWERS) == set(NODES), "a registered node has no brute force in tests/peers/cells_oracle.py"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("tag", sorted(ANSWERS))
def test_node(tag: str, name: str, order: int) -> None:
    cells, answered = cells_of(name, order), 0
    geom = cells.geom.to_cube([ENERGY]) if tag == "axisrange" else cells.geom
    for mask in drawn(tag, some(2 if tag in STRATEGIES else 1)):
        try:
            compare(mask, cells, geom)
            answered += 1
        except NoAnswer:
            continue
    assert answered


@pytest.mark.parametrize("order", ORDERS)
def test_two_processes(order: int) -> None:
    """All nodes at once, each by a chunk of order 1 that has an edge."""
    cells = cells_of("whole", order)
    found = [drawn(tag, 1)[0] for tag in sorted(set(ANSWERS) - {"axisrange"})]
    whole = [mask.compute(cells.geom).values for mask in found]
    size = cells.number // 48
    edged = [int(np.argmax([len(np.unique(each)) for each in one.reshape(48, -1)])) * size for one in whole]
    lazy = [
        mask.on(cells.geom, chunks=1)[first : first + size] for mask, first in zip(found, edged, strict=True)
    ]
    got = dask.compute(*lazy, scheduler="processes", num_workers=2)
    for mask, each, one, first in zip(found, got, whole, edged, strict=True):
        np.testing.assert_array_equal(each, one[first : first + size], err_msg=str(mask))

"""One mask of every node has the same bits on all schedulers: threads, processes, clusters."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import dask
import numpy as np
import pytest

import maskexpr as mx
from maskexpr.expr.structure import postorder
from tests.clusters import cluster, security
from tests.net.maps import CUBES, WHOLE
from tests.net.masks import ANYWHERE, BOUNDARIES, ON_CUBES, SOMEWHERE

CHUNKS = (30, 50)


def chosen() -> dict[str, tuple[mx.Mask, mx.WcsGeom]]:
    """Of the masks of the net those that are the first with one of their nodes."""
    found: dict[str, tuple[mx.Mask, mx.WcsGeom]] = {}
    seen: set[type] = set()
    for cases, geom in (
        ({**ANYWHERE, **SOMEWHERE, **BOUNDARIES}, WHOLE["CAR"]),
        (ON_CUBES, CUBES["CAR cube"]),
    ):
        for text, made in cases.items():
            mask = made(geom)
            kinds = {type(each) for each in postorder(mask)}
            if kinds - seen:
                seen |= kinds
                found[text] = (mask, geom)
    return found


MASKS = chosen()


@pytest.fixture(scope="module")
def want() -> dict[str, np.ndarray]:
    """The bits as they come without dask's tiles."""
    return {text: mask.compute(geom, chunks=-1).values for text, (mask, geom) in MASKS.items()}


def check(want: dict[str, np.ndarray]) -> None:
    """Compute all masks where dask computes now, in one go."""
    lazy = [mask.on(geom, chunks=CHUNKS).data for mask, geom in MASKS.values()]
    for text, got in zip(MASKS, dask.compute(*lazy), strict=True):
        assert np.array_equal(got, want[text]), text


def test_every_node_is_among_them(want: dict[str, np.ndarray]) -> None:
    public = {getattr(mx, name) for name in mx.__all__}
    nodes = {each for each in public if isinstance(each, type) and issubclass(each, mx.Mask)} - {mx.Mask}
    assert nodes <= {type(each) for mask, _ in MASKS.values() for each in postorder(mask)}
    assert sum(0 < values.mean() < 1 for values in want.values()) > len(want) - 4


@pytest.mark.parametrize("number", [1, 2, 8])
def test_threads(number: int, want: dict[str, np.ndarray]) -> None:
    with dask.config.set(scheduler="threads", num_workers=number):
        check(want)


def test_synchronous(want: dict[str, np.ndarray]) -> None:
    with dask.config.set(scheduler="synchronous"):
        check(want)


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes(method: str, want: dict[str, np.ndarray]) -> None:
    with warnings.catch_warnings():
        # That threads which run now do not go along is what newer Pythons say of any fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        with dask.config.set({"scheduler": "processes", "num_workers": 2, "multiprocessing.context": method}):
            check(want)


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_cluster(method: str, want: dict[str, np.ndarray]) -> None:
    # A fork has the locks of all threads as they are, and one that writes a log holds that of its file.
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            with cluster(method):
                check(want)
    finally:
        logging.disable(logging.NOTSET)


def test_cluster_with_tls(want: dict[str, np.ndarray], tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed")
    with cluster("spawn", security=security(tmp_path), protocol="tls://"):
        assert distributed.get_client().scheduler.address.startswith("tls://")
        check(want)

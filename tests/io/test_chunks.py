"""Chunks that are packed here are, byte for byte, those that zarr packs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

zarr: Any = pytest.importorskip("zarr")

RNG = np.random.default_rng(1)
CHUNKS = {
    "noise": RNG.random((300, 400)) > 0.5,
    "several blocks": RNG.random((2048, 1100)) > 0.99,
    "full": np.ones((64, 64), bool),
    "a row": RNG.random((1, 4096)) > 0.5,
    "not contiguous": (RNG.random((64, 70)) > 0.5)[:, ::2],
    "numbers": RNG.random((100, 130)).astype(np.float32),
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_are_as_zarr_packs_them(name: str) -> None:
    from maskexpr.io.zarr_product import _coding, _encode

    values, files = CHUNKS[name], {}  # type: ignore[var-annotated]
    store = zarr.storage.MemoryStore(files)
    array = zarr.create_array(store, shape=values.shape, chunks=values.shape, **_coding(values.dtype))
    array[...] = values
    assert files["c/0/0"].to_bytes() == _encode(values)

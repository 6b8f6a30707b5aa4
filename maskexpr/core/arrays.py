"""Types of arrays, by what annotations call them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Bytes", "Floats", "Indices", "Ints", "Smalls", "Words"]

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Ints = NDArray[np.int64]
Smalls = NDArray[np.int32]
Words = NDArray[np.uint64]

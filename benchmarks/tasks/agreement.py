"""How answers are compared where they must be the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["equal"]


def equal(data: Any, ours: NDArray[np.bool_], theirs: Any) -> str:
    differ = int(np.count_nonzero(ours != np.asarray(theirs)))
    assert differ == 0, f"{differ} of {ours.size} pixels differ"
    return f"bit for bit ({int(ours.sum()):,} of {ours.size:,} pixels selected)"

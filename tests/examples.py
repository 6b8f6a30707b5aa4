"""How many random examples a law is tried on: some in a run of all tests, many where new ones are sought."""

from __future__ import annotations

import os

__all__ = ["SEARCHES", "some"]

SEARCHES = os.environ.get("HYPOTHESIS_PROFILE") == "search"


def some(number: int) -> int:
    """A number of examples, or a hundred times as many under ``HYPOTHESIS_PROFILE=search``."""
    return number * 100 if SEARCHES else number

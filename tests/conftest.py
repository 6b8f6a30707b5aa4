"""What every test shares: settings that make a run repeatable, and the fixtures named in CONTRIBUTING."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What is started in the background of a script ignores Ctrl-C, and so would all that tests start and stop.
if (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything imports pyplot: no test opens a window.
os.environ.setdefault("MPLBACKEND", "Agg")

import dask
import pytest
from astropy.utils import iers
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
IMPORTS_REGIONS = re.compile(r"^\s*(?:from|import) regions\b", re.MULTILINE)

# A run tests the same examples each time. HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=True)
settings.register_profile("search", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# No test reaches for the network; positions of the Earth's pole are not what is tested.
iers.conf.auto_download = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by place and content, so that nobody has to remember to.

    A test under tests/peers is ``peers``. One whose file imports `regions`, or is named for regions, is
    ``regions``: the two supported versions of that package differ, so it runs with both.
    """
    depends: dict[Path, bool] = {}
    for item in items:
        if "peers" in item.path.parts:
            item.add_marker("peers")
        if item.path not in depends:
            named = item.path.stem.startswith("test_region")
            depends[item.path] = named or bool(IMPORTS_REGIONS.search(item.path.read_text(encoding="utf-8")))
        if depends[item.path]:
            item.add_marker("regions")


@pytest.fixture(scope="session", autouse=True)
def two_threads() -> Iterator[None]:
    """The same scheduler on every machine: tasks that race do so everywhere. A test's own choice wins."""
    with dask.config.set(scheduler="threads", num_workers=2):
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; the test is skipped where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the folder of real data, ../shared beside the checkout, which is absent")
    return SHARED


def refuse(*args: Any, **kwargs: Any) -> Any:
    """A dask scheduler that computes nothing."""
    raise AssertionError("computed, where only building was allowed")


@pytest.fixture
def no_compute() -> Iterator[None]:
    """Within the test any dask computation fails: building, printing and planning must do without."""
    with dask.config.set(scheduler=refuse):
        yield

"""Each kind of inputs in short, and the watch: it finds what an input must not do."""

from __future__ import annotations

import pickle
import socket
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskexpr.errors import FormatError

from . import watch as watching
from .__main__ import fuzz
from .kinds import KINDS
from .watch import SLOW, Watch, has_been_read

# Beyond what people run by hand, so that the same inputs are not read twice.
FIRST, COUNT = 10_000_000, 60


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_give_a_mask_or_words(kind: str) -> None:
    outcomes, faults, last, _ = fuzz(kind, FIRST, COUNT, quiet=True)
    assert not faults
    assert last == FIRST + COUNT
    assert outcomes["mask"] > 0
    assert outcomes.total() > outcomes["mask"]


def _spin() -> None:
    while True:
        pass


def _use(then: Callable[[], Any]) -> Callable[[], Any]:
    def use() -> None:
        has_been_read()
        then()

    return use


def _raise(error: Exception) -> Any:
    raise error


FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "bare": (lambda: {}["a"], "fault: KeyError"),
    "assertion": (lambda: _raise(AssertionError("no")), "fault: AssertionError"),
    "nameless": (lambda: _raise(FormatError("not read")), "fault: FormatError does not name the input"),
    "socket": (lambda: socket.socket().close(), "fault: socket"),
    "foreign file": (lambda: Path("/etc/hostname").read_bytes(), "fault: open /etc/hostname"),
    "pickle": (lambda: pickle.loads(pickle.dumps(OrderedDict(a=1))), "fault: pickle.find_class"),
    "memory": (lambda: np.ones(60_000_000), "fault: memory"),
    "hang": (_spin, "fault: hang"),
    "bare in use": (_use(lambda: {}["a"]), "fault: KeyError"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_watch_sees(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SECONDS", 0.5)
    use, said = FAULTS[name]
    watch = Watch(tmp_path)
    try:
        assert watch.run(use, 100, True, "input")[0].startswith(said)
    finally:
        watch.close()


def test_the_watch_lets_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "EVALUATION_SECONDS", 0.1)
    watch = Watch(tmp_path)
    inside = tmp_path / "input"
    try:
        assert watch.run(lambda: inside.write_bytes(b"a"), 100, True, "input")[0] == "mask"
        assert (
            watch.run(lambda: _raise(FormatError("input: not read")), 100, True, "input")[0] == "FormatError"
        )
        assert watch.run(_use(lambda: _raise(FormatError("no"))), 100, True, "input")[0] == "FormatError"
        assert watch.run(_use(_spin), 100, True, "input")[0] == SLOW
    finally:
        watch.close()

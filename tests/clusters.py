"""Clusters of processes on this machine, on free ports of loopback, and certificates for them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import pytest


@contextmanager
def cluster(method: str = "spawn", **options: Any) -> Iterator[Any]:
    """The client of two workers, which is what dask computes by until it ends."""
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed")
    facts = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    quiet = {
        "distributed.admin.tick.limit": "1h",
        "distributed.worker.memory.terminate": False,
        "distributed.worker.multiprocessing-method": method,
    }
    with (
        dask.config.set(quiet),
        distributed.LocalCluster(**{**facts, **options}) as made,
        distributed.Client(made) as client,
        dask.config.set(scheduler=None, num_workers=None),
    ):
        yield client


def security(folder: Path) -> Any:
    """A certificate that signs itself, for all sides of a cluster."""
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed")
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made with openssl, which is absent")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    asked = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout {key} -out {certificate}"
    )
    subprocess.run(asked.split(), check=True, capture_output=True)
    sides = {
        f"tls_{who}_{what}": str(path)
        for who in ("client", "scheduler", "worker")
        for what, path in (("key", key), ("cert", certificate))
    }
    return distributed.Security(tls_ca_file=str(certificate), require_encryption=True, **sides)

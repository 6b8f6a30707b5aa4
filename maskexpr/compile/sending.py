"""Data plane apart from control plane: of a lazy mask that is large, workers get the mask and the scheduler
the decisions.

A graph that is handed to a cluster goes to its scheduler, which decides what is needed. There a million
sources would weigh 24 MB, with every result that is asked for.
"""

from __future__ import annotations

from contextlib import suppress
from math import prod
from typing import Final

from .cluster import LostError, client_of, send
from .compiled import Compiled
from .dask import source_key
from .stages import has_stages

__all__ = ["send_source"]

# Blocks that are decided before anybody asks for them; of larger maps the mask itself stands in the graph.
_DECIDED: Final = 1 << 16


def send_source(compiled: Compiled) -> None:
    """Send a large mask to the workers of the client that dask would use now, if there is one."""
    client = client_of("auto")
    if client is None or prod(compiled.numblocks) > _DECIDED or has_stages(compiled.mask):
        return
    # Or it is sent with each graph.
    with suppress(LostError):
        send(client, source_key(compiled.name), compiled)

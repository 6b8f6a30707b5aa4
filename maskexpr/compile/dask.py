"""Lazy arrays of tiles: a dask layer that makes tasks only for the tiles that are asked for.

A layer of this kind is not a dict of tasks. It knows the tiles' keys, and when dask culls a graph to what a
result needs, it lets its source decide those tiles: a decided tile is an alias of one shared constant, an
undecided one is a task.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np
from dask._task_spec import Alias, DataNode, GraphNode, Task, TaskRef
from dask.highlevelgraph import Layer, MaterializedLayer
from numpy.typing import NDArray

from ..core.errors import MaskTypeError
from .cluster import fetched, is_for_cluster, is_sent
from .deaths import ends_by, killing, watch_here

__all__ = ["BlockId", "DecidedTiles", "Key", "OnDemand", "Split", "TileLayer", "TileSource", "source_key"]

BlockId = tuple[int, ...]
"""The index of a block, which is a chunk of the array, along each axis; dask's word."""
Key = tuple[Any, ...]


def source_key(name: str) -> Key:
    """The key of the source of an array of some name."""
    return (f"{name}-source",)


class TileSource(Protocol):
    """What a lazy array is made of. It must pickle; it stands in the graph once."""

    @property
    def waits(self) -> bool:
        """Whether blocks wait for data, and so more of them are computed at a time than there are cores."""

    def decide(self, blocks: Sequence[BlockId]) -> Sequence[bool | float | None]:
        """For each block its one value, or None if it has to be computed."""

    def compute(self, block: BlockId, known: Sequence[Any] = ()) -> np.ndarray:
        """The values of a block, from what earlier tasks made for it; runs in a task."""

    def where(self, block: BlockId) -> str:
        """What a block is, in the words of an error."""

    def stages(
        self, name: str, source: Key, blocks: Sequence[BlockId]
    ) -> tuple[dict[Key, GraphNode], list[Any]]:
        """Tasks that come before those of the blocks, and for each block the references to what it needs."""


class DecidedTiles:
    """What the scheduler of a cluster has to know of a source that the workers already have: the decisions.

    Parameters
    ----------
    states : ndarray of uint8
        Of every block: 0 or 1 for its one value, 2 if it has to be computed.
    """

    def __init__(self, states: NDArray[np.uint8]) -> None:
        self.states = states

    @classmethod
    def of(cls, source: TileSource, blocks: Sequence[BlockId]) -> DecidedTiles:
        """The decisions of a source on all its blocks, the last one last."""
        codes = [2 if state is None else int(state) for state in source.decide(blocks)]
        return cls(np.array(codes, dtype=np.uint8).reshape([i + 1 for i in blocks[-1]]))

    @property
    def waits(self) -> bool:
        """See `TileSource.waits`."""
        return False

    def decide(self, blocks: Sequence[BlockId]) -> Sequence[bool | float | None]:
        """See `TileSource.decide`."""
        return [(False, True, None)[self.states[block]] for block in blocks]

    def compute(self, block: BlockId, known: Sequence[Any] = ()) -> np.ndarray:
        """Nothing: the source itself computes."""
        raise MaskTypeError("this part of a lazy mask was made for a cluster and is computed there only")

    def where(self, block: BlockId) -> str:
        """See `TileSource.where`."""
        return f"block {block} of a lazy mask"

    def stages(
        self, name: str, source: Key, blocks: Sequence[BlockId]
    ) -> tuple[dict[Key, GraphNode], list[Any]]:
        """None: masks of nodes about the whole map are not sent like this."""
        return {}, [()] * len(blocks)


class Split(NamedTuple):
    """Some blocks of a lazy array.

    Parameters
    ----------
    graph : dict
        Tasks that come before those of blocks, and the source, unless the workers have it.
    undecided : dict
        Blocks that have to be computed, with the references to what each needs of that.
    decided : dict
        The others, with their one value.
    """

    graph: dict[Key, GraphNode]
    undecided: dict[BlockId, Any]
    decided: dict[BlockId, bool | float]


class OnDemand(Layer):
    """A layer whose keys are known, and its tasks made only where they are asked for."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._all: dict[Key, GraphNode] | None = None

    def _keys(self) -> Iterator[Key]:
        """The keys that others may ask for."""
        raise NotImplementedError

    def _graph(self, keys: Collection[Key]) -> dict[Key, GraphNode]:
        """The tasks of some of them, and those that these need."""
        raise NotImplementedError

    def cull(self, keys: set[Any], all_hlg_keys: Collection[Any]) -> tuple[Layer, Mapping[Any, set[Any]]]:
        """Make the tasks of the keys that are asked for, and no others."""
        graph = self._graph(keys)
        return MaterializedLayer(graph), {key: set(node.dependencies) for key, node in graph.items()}

    @property
    def has_legacy_tasks(self) -> bool:
        """False, known without making a task."""
        return False

    def is_materialized(self) -> bool:
        return self._all is not None

    def get_output_keys(self) -> set[Any]:
        return set(self._keys())

    def _whole(self) -> dict[Key, GraphNode]:
        if self._all is None:
            self._all = self._graph(list(self._keys()))
        return self._all

    def __getitem__(self, key: Any) -> Any:
        if self._all is None and isinstance(key, tuple) and key and key[0] == self.name:
            return self._graph([key])[key]
        return self._whole()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())


class TileLayer(OnDemand):
    """The blocks of one lazy array."""

    def __init__(
        self, name: str, source: TileSource, chunks: tuple[tuple[int, ...], ...], dtype: np.dtype[Any]
    ) -> None:
        super().__init__(name)
        self.source = source
        self.chunks = chunks
        self.dtype = dtype
        self.has_travelled = False

    def __repr__(self) -> str:
        return f"TileLayer<{self.name}>"

    def _keys(self) -> Iterator[Key]:
        return ((self.name, *block) for block in self.blocks)

    def split(
        self,
        blocks: Sequence[BlockId],
        decisions: Sequence[bool | float | None] | None = None,
        few: int = 0,
    ) -> Split:
        """What has to be computed of some blocks, what that needs, and what is decided: by the source, unless
        decisions are given. So ``few`` blocks need nothing: each asks for what others have found out too.
        """
        if isinstance(self.source, DecidedTiles):
            self.source = fetched(source_key(self.name)) or self.source
        given = self.source.decide(blocks) if decisions is None else decisions
        states = dict(zip(blocks, given, strict=True))
        undecided = [block for block in blocks if states[block] is None]
        shared = source_key(self.name)
        staged = self.source.stages(self.name, shared, undecided) if len(undecided) > few else None
        graph, needs = staged or ({}, [()] * len(undecided))
        if undecided and not isinstance(self.source, DecidedTiles):
            graph[shared] = DataNode(shared, self.source)
        decided = {block: state for block, state in states.items() if state is not None}
        return Split(graph, dict(zip(undecided, needs, strict=True)), decided)

    def _graph(self, keys: Collection[Key]) -> dict[Key, GraphNode]:
        split = self.split(sorted(key[1:] for key in keys if key[0] == self.name))
        graph = split.graph
        for block, known in split.undecided.items():
            key: Key = (self.name, *block)
            graph[key] = self.task(key, block, known)
        alike: dict[tuple[Any, ...], list[BlockId]] = {}
        for block, state in split.decided.items():
            alike.setdefault((state, *self.shape_of(block)), []).append(block)
        for (state, *shape), blocks in alike.items():
            if len(blocks) == 1:
                key = (self.name, *blocks[0])
                graph[key] = Task(key, np.full, tuple(shape), state, self.dtype)
                continue
            constant = (f"{self.name}-constant", state, *shape)
            graph[constant] = Task(constant, _shared, tuple(shape), state, self.dtype)
            graph |= {(self.name, *block): Alias((self.name, *block), constant) for block in blocks}
        return graph

    def task(self, key: Key, block: BlockId, known: Any) -> Task:
        """The task of an undecided block, from the references to what it needs."""
        return Task(key, _compute, TaskRef(source_key(self.name)), block, known)

    @property
    def blocks(self) -> list[BlockId]:
        """All blocks, in their order."""
        return list(product(*(range(len(each)) for each in self.chunks)))

    def shape_of(self, block: BlockId) -> tuple[int, ...]:
        """Shape of a block."""
        return tuple(sizes[i] for sizes, i in zip(self.chunks, block, strict=True))

    def __reduce__(self) -> tuple[Any, ...]:
        source = self.source
        if not isinstance(source, DecidedTiles) and is_for_cluster() and is_sent(source_key(self.name)):
            # Workers have the source.
            source = DecidedTiles.of(source, self.blocks)
        return (_arrived, (self.name, source, self.chunks, self.dtype))


def _arrived(*what: Any) -> TileLayer:
    layer = TileLayer(*what)
    layer.has_travelled = True
    watch_here()
    return layer


def _shared(shape: tuple[int, ...], state: bool | float, dtype: np.dtype[Any]) -> np.ndarray:
    """One array for all blocks of a value, which nobody may write to: it would be written to all of them."""
    made = np.full(shape, state, dtype)
    made.flags.writeable = False
    return made


def _killed(number: int, source: TileSource, block: BlockId, known: Sequence[Any]) -> NoReturn:
    raise killing(source.where(block), number)


@ends_by(_killed)
def _compute(source: TileSource, block: BlockId, known: Sequence[Any]) -> np.ndarray:
    return source.compute(block, known)

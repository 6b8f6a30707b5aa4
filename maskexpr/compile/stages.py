"""Stages of a plan whose mask has nodes about the whole map, as tasks: label every tile, join in a tree,
keep.

Such a node (`Connected`: hysteresis, holes, small objects) decides a component only when all tiles that it
touches are labelled. Each tile makes a summary of its border; summaries are joined in a tree, decisions are
handed down the same tree, and for each tile the pixels of the components that are kept become an input of
the tasks that need them. All of it grows linearly with the number of tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple, Protocol

import numpy as np
from dask._task_spec import GraphNode, List, Task, TaskRef

from ..components.memory import Decided, Kept, keep_tile
from ..components.node import Connected, Labelled
from ..components.solve import blocks, in_pairs, is_sparse
from ..core.coverage import EMPTY
from ..expr.mask import Bools, Mask, Reach
from ..expr.structure import postorder
from ..grid.lattice import Grid
from ..grid.rim import topology
from ..grid.tiles import Tile, Tiles
from ..pixels.join import Summary, Verdict, close, merge, merge_plan, nothing, split
from ..pixels.window import Window
from .evaluate import Evaluator

__all__ = ["Stages", "decisions", "has_stages"]

Plane = tuple[int, ...]
Key = tuple[Any, ...]
Made = tuple[int, Plane, Window, "Kept | None"]


class OnGrid(Protocol):
    """What stages are made from: a compiled mask."""

    @property
    def mask(self) -> Mask: ...
    @property
    def geom(self) -> Grid: ...
    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]: ...


class _Stage(NamedTuple):
    """One node about the whole map, on one plane: its tiles, and the tasks that make what is kept of each."""

    number: int
    plane: Plane
    windows: list[Window]
    keys: list[Key]


def has_stages(mask: Mask) -> bool:
    """Whether a mask has nodes about the whole map."""
    return any(isinstance(each, Connected) for each in postorder(mask))


def _connected(mask: Mask) -> list[Connected]:
    return [each for each in postorder(mask) if isinstance(each, Connected)]


def decisions(mask: Mask, made: Sequence[Made]) -> dict[tuple[bytes, Plane], Decided]:
    """What tasks have decided, by node and plane, in the form in which an evaluator takes it."""
    nodes = _connected(mask)
    found: dict[tuple[bytes, Plane], Decided] = {}
    for number, plane, window, kept in made:
        decided = found.setdefault((nodes[number].digest, plane), Decided([], []))
        decided.windows.append(window)
        decided.kept.append(kept)
    return found


class Stages:
    """The tasks of all stages of a compiled mask.

    Parameters
    ----------
    compiled : Compiled
        The mask on its grid.
    name : str
        Prefix of the keys.
    source : tuple
        Key of the compiled mask in the graph.

    Attributes
    ----------
    graph : dict
        Tasks by key.
    """

    def __init__(self, compiled: OnGrid, name: str, source: Key) -> None:
        self._compiled = compiled
        self._name = name
        self._source = source
        self._nodes = _connected(compiled.mask)
        self._stages: list[_Stage] = []
        self.graph: dict[Key, GraphNode] = {}
        for number, node in enumerate(self._nodes):
            for plane in self._planes(node):
                self._stages.append(self._stage(number, node, plane))

    def needs(self, mask: Mask, window: Window, planes: Sequence[Plane]) -> List:
        """References to what the evaluation of a mask on a window has to know."""
        below = {id(each) for each in postorder(mask)}
        near = all(each.reach() == Reach() for each in postorder(mask) if not isinstance(each, Connected))
        found = [
            TaskRef(key)
            for stage in self._stages
            if id(self._nodes[stage.number]) in below and self._serves(stage, planes)
            for place, key in zip(stage.windows, stage.keys, strict=True)
            if not near or place.intersect(window).size
        ]
        return List(*found)

    def _serves(self, stage: _Stage, planes: Sequence[Plane]) -> bool:
        return any(plane_of(self._nodes[stage.number], plane) == stage.plane for plane in planes)

    def _planes(self, node: Connected) -> list[Plane]:
        """Planes that are labelled each for itself."""
        varying = {name for each in postorder(node) for name in each.axes()}
        axes = self._compiled.geom.axes
        sizes = [axis.nbin if axis.name in varying else 1 for axis in axes]
        everyone = product(*(range(size) for size in sizes))
        return sorted({plane_of(node, plane) for plane in everyone})

    def _key(self, what: str, number: int, plane: Plane, i: int) -> Key:
        return (f"{self._name}-{what}", number, *plane, i)

    def _stage(self, number: int, node: Connected, plane: Plane) -> _Stage:
        geom = self._compiled.geom
        windows, shape = blocks(geom, *(in_pairs(sizes) for sizes in self._compiled.chunks[-2:]))
        busy = _busy(node, geom, windows, plane)
        known = [self._known(node, window, plane) for window in windows]
        for i, window in enumerate(windows):
            key = self._key("label", number, plane, i)
            of_tile = (TaskRef(self._source), number, plane, window)
            make = Task(key, _label, *of_tile, known[i]) if busy[i] else Task(key, _nothing, *of_tile)
            self.graph[key] = make
        verdict = self._join(number, plane, shape)
        for i, window in enumerate(windows):
            key, label = self._key("keep", number, plane, i), self._key("label", number, plane, i)
            if busy[i]:
                of_tile = (TaskRef(self._source), number, plane, window)
                self.graph[key] = Task(key, _keep, *of_tile, known[i], TaskRef(label), *verdict[i])
            else:
                self.graph[key] = Task(key, _keep_nothing, number, plane, window)
        return _Stage(
            number, plane, windows, [self._key("keep", number, plane, i) for i in range(len(windows))]
        )

    def _known(self, node: Connected, window: Window, plane: Plane) -> List:
        """References to what labelling a tile has to know of the nodes below."""
        geom = self._compiled.geom
        planes = node.planes(Tile(geom, window, plane or (0,) * len(geom.axes)))
        refs = [self.needs(child, window, planes) for child in node.children]
        return List(*(each for some in refs for each in some.args))

    def _join(self, number: int, plane: Plane, shape: tuple[int, int]) -> dict[int, tuple[Any, int | None]]:
        """Tasks of the tree; gives, for each tile, the reference and the place of its verdict."""
        source, plan = TaskRef(self._source), merge_plan(*shape)
        verdict: dict[int, tuple[Any, int | None]] = {}

        def up(i: int) -> TaskRef:
            what = "label" if i < shape[0] * shape[1] else "join"
            return TaskRef(self._key(what, number, plane, i))

        for step in plan:
            key, down = (
                self._key("join", number, plane, step.whole),
                self._key("down", number, plane, step.whole),
            )
            rows = List(*(List(*(up(i) for i in row)) for row in step.parts))
            self.graph[key] = Task(key, _merge, source, number, rows)
            for k, i in enumerate(i for row in step.parts for i in row):
                verdict[i] = (TaskRef(down), k)
        root = plan[-1].whole if plan else 0
        key = self._key("root", number, plane, 0)
        self.graph[key] = Task(key, _decide, source, number, up(root))
        verdict[root] = (TaskRef(key), None)
        for step in plan:
            down = self._key("down", number, plane, step.whole)
            self.graph[down] = Task(down, _split, source, number, up(step.whole), *verdict[step.whole])
        return verdict


def plane_of(node: Connected, plane: Plane) -> Plane:
    """The plane under which a node's decisions are kept: none where all planes are labelled together."""
    return () if node.linked else plane


def _busy(node: Connected, geom: Grid, windows: list[Window], plane: Plane) -> Bools:
    """Which tiles may hold candidates; the others need not be labelled."""
    if not windows:
        return np.zeros(0, dtype=bool)
    tiles = Tiles(geom, np.array(windows, dtype=np.int64).T, plane or (0,) * len(geom.axes))
    out = np.zeros(len(tiles), dtype=bool)
    for each in node.planes(tiles.tile(0)):
        out |= node.candidates_in(tiles.on_plane(each), Evaluator(node)) != EMPTY
    return out


def _tile(compiled: OnGrid, plane: Plane, window: Window) -> Tile:
    return Tile(compiled.geom, window, plane or (0,) * len(compiled.geom.axes))


def _label(
    compiled: OnGrid, number: int, plane: Plane, window: Window, known: Sequence[Made]
) -> tuple[Summary, Labelled | None]:
    node = _connected(compiled.mask)[number]
    ask = Evaluator(node, decisions(compiled.mask, known))
    labelled = node.label_tile(_tile(compiled, plane, window), ask)
    return labelled.summary, labelled if is_sparse(labelled) else None


def _nothing(compiled: OnGrid, number: int, plane: Plane, window: Window) -> tuple[Summary, None]:
    node = _connected(compiled.mask)[number]
    return nothing(node.block_shape(compiled.geom, window)), None


def _merge(compiled: OnGrid, number: int, rows: list[list[tuple[Summary, Any]]]) -> Any:
    node = _connected(compiled.mask)[number]
    return merge([[made[0] for made in row] for row in rows], node.connectivity == 8)


def _decide(compiled: OnGrid, number: int, whole: tuple[Summary, Any]) -> Verdict:
    node, ground = _connected(compiled.mask)[number], topology(compiled.geom)
    joint, champion = close(whole[0], ground.seam, ground.poles, node.connectivity == 8)
    return split(joint, Verdict(np.zeros(0, dtype=bool), champion), node.rule(compiled.geom))[0]


def _split(compiled: OnGrid, number: int, joined: Any, verdict: Any, k: int | None) -> list[Verdict]:
    node = _connected(compiled.mask)[number]
    return split(joined[1], verdict if k is None else verdict[k], node.rule(compiled.geom))


def _keep(
    compiled: OnGrid,
    number: int,
    plane: Plane,
    window: Window,
    known: Sequence[Made],
    label: tuple[Summary, Labelled | None],
    verdict: Any,
    k: int | None,
) -> Made:
    node = _connected(compiled.mask)[number]
    ask = Evaluator(node, decisions(compiled.mask, known))
    tile = _tile(compiled, plane, window)
    return number, plane, window, keep_tile(node, tile, label[1], verdict if k is None else verdict[k], ask)


def _keep_nothing(number: int, plane: Plane, window: Window) -> Made:
    return number, plane, window, None

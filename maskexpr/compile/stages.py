"""Nodes about the whole map as dask tasks: a task for each step of `maskexpr.components.solve`.

Such a node (`Connected`: hysteresis, holes, small objects) decides a component only when all tiles that it
touches are labelled. What is kept of each tile becomes an input of the tasks that need it. Tasks, and the
work of making them, grow linearly with the number of tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple, NoReturn, Protocol

from dask._task_spec import GraphNode, List, Task, TaskRef

from ..components.node import Connected
from ..components.solve import Blocks, Decided, Job, Kept, blocks_of, busy, plan
from ..expr.describe import one_line
from ..expr.mask import Mask, Reach
from ..expr.structure import postorder
from ..grid.lattice import Grid
from ..grid.layout import Layout
from ..grid.tiles import Tile
from ..pixels.window import Window
from .deaths import ends_by, killing
from .evaluate import Evaluator
from .failures import told_where

__all__ = ["Stages", "decisions", "has_stages"]

Plane = tuple[int, ...]
Key = tuple[Any, ...]
Made = tuple[int, Plane, Decided]
"""Which node, on which plane, and what is decided of some of its blocks."""


class OnGrid(Protocol):
    """What stages are made from: a compiled mask."""

    @property
    def mask(self) -> Mask: ...
    @property
    def geom(self) -> Grid: ...
    @property
    def layout(self) -> Layout: ...


class _Stage(NamedTuple):
    """One node about the whole map, on one plane: its blocks, the tasks that make what is kept of each, and
    the one task that puts all of that together.
    """

    number: int
    plane: Plane
    cut: Blocks
    keys: list[Key]
    whole: Key


def has_stages(mask: Mask) -> bool:
    """Whether a mask has nodes about the whole map."""
    return any(isinstance(each, Connected) for each in postorder(mask))


def _connected(mask: Mask) -> list[Connected]:
    return [each for each in postorder(mask) if isinstance(each, Connected)]


def decisions(mask: Mask, made: Sequence[Made]) -> dict[tuple[bytes, Plane], Decided]:
    """What tasks have decided, by node and plane, in the form in which an evaluator takes it."""
    nodes = _connected(mask) if made else []
    return {(nodes[number].key, plane): decided for number, plane, decided in made}


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
        self._stages: dict[tuple[int, Plane], _Stage] = {}
        self.graph: dict[Key, GraphNode] = {}
        for number, node in enumerate(self._nodes):
            for plane in self._planes(node):
                self._stages[number, plane] = self._stage(number, node, plane)

    def needs(self, masks: Sequence[Mask], window: Window, planes: Sequence[Plane]) -> List:
        """References to what the evaluation of some masks on a window has to know."""
        # Of each stage whether only the blocks that meet the window are needed, by every mask.
        near: dict[tuple[int, Plane], bool] = {}
        for mask in masks:
            nodes = list(postorder(mask))
            below = {id(each) for each in nodes}
            is_near = all(each.reach() == Reach() for each in nodes if not isinstance(each, Connected))
            for number, node in enumerate(self._nodes):
                if id(node) in below:
                    for key in {(number, plane_of(node, plane)) for plane in planes} & self._stages.keys():
                        near[key] = near.get(key, True) and is_near
        stages = [(self._stages[key], near[key]) for key in sorted(near)]
        return List(*(_near(stage, window) if is_near else TaskRef(stage.whole) for stage, is_near in stages))

    def _planes(self, node: Connected) -> list[Plane]:
        """Planes that are labelled each for itself."""
        varying = {name for each in postorder(node) for name in each.axes()}
        axes = self._compiled.geom.axes
        sizes = [axis.nbin if axis.name in varying else 1 for axis in axes]
        everyone = product(*(range(size) for size in sizes))
        return sorted({plane_of(node, plane) for plane in everyone})

    def _stage(self, number: int, node: Connected, plane: Plane) -> _Stage:
        geom = self._compiled.geom
        cut = blocks_of(geom, self._compiled.layout)

        def key(what: str, i: int) -> Key:
            return (f"{self._name}-{what}", number, *plane, i)

        for name, step in plan(cut, busy(node, geom, cut.windows, plane, Evaluator(node))).items():
            known = List() if step.window is None else self._known(node, step.window, plane)
            task, needed = key(*name), (TaskRef(key(*each)) for each in step.needs)
            job = (TaskRef(self._source), number, plane, known)
            self.graph[task] = Task(task, _run, *job, step.make, step.given, *needed)
        keys = [key("keep", i) for i in range(len(cut.windows))]
        whole = key("whole", 0)
        self.graph[whole] = Task(whole, _gather, number, plane, cut, *(TaskRef(each) for each in keys))
        return _Stage(number, plane, cut, keys, whole)

    def _known(self, node: Connected, window: Window, plane: Plane) -> List:
        """References to what labelling a tile has to know of the nodes below."""
        geom = self._compiled.geom
        planes = node.planes(Tile(geom, window, plane or (0,) * len(geom.axes)))
        return self.needs(node.children, window, planes)


def plane_of(node: Connected, plane: Plane) -> Plane:
    """The plane under which a node's decisions are kept: none where all planes are labelled together."""
    return () if node.linked else plane


def _near(stage: _Stage, window: Window) -> Task:
    """What is kept of the blocks that meet a window, put together in the task that needs it."""
    cut, index = stage.cut.part(window)
    return Task(None, _gather, stage.number, stage.plane, cut, *(TaskRef(stage.keys[i]) for i in index))


def _gather(number: int, plane: Plane, cut: Blocks, *kept: Kept | None) -> Made:
    return number, plane, Decided(cut, list(kept))


def _killed(
    number: int, compiled: OnGrid, node: int, plane: Plane, known: Any, make: Any, given: Any, *needed: Any
) -> NoReturn:
    raise killing(f"{one_line(_connected(compiled.mask)[node])} on {_window_of(given)}", number)


@ends_by(_killed)
def _run(
    compiled: OnGrid,
    number: int,
    plane: Plane,
    known: Sequence[Made],
    make: Callable[..., Any],
    given: tuple[Any, ...],
    *needed: Any,
) -> Any:
    """One step, with the node and the way to ask children made anew from the compiled mask."""
    node = _connected(compiled.mask)[number]
    of = Evaluator(node, decisions(compiled.mask, known))
    with told_where(node, _window_of(given), plane):
        return make(Job(node, compiled.geom, plane, of), *given, *needed)


def _window_of(given: tuple[Any, ...]) -> Window | str:
    """The window that a step is about."""
    return next((each for each in given if isinstance(each, Window)), "the whole map")

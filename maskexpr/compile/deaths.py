"""Circuit breaker: a task that killed workers is not tried for ever on others, and ends with an error that
says what it was.

The scheduler counts the workers that died of a task. A plugin there puts, in the place of one that has killed
as many as may be, a task that fails on the next worker and says so; dask's own `KilledWorker` names a key.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, NoReturn, TypeVar
from weakref import WeakSet

from dask._task_spec import GraphNode, Task

from ..core.errors import TileError, require

__all__ = ["KilledRun", "ends_by", "killing", "watch_deaths", "watch_here"]

F = TypeVar("F", bound=Callable[..., Any])

_NAME: Final = "maskexpr-deaths"
_told: WeakSet[Any] = WeakSet()


class KilledRun(Exception):
    """A worker died of one of several tiles, which are to be tried each by itself."""

    def __init__(self, where: str, blocks: Sequence[tuple[int, ...]]) -> None:
        super().__init__(where, blocks)
        self.blocks = blocks


class _End(NamedTuple):
    """How a task ends: by a function that raises, of the number of workers and of what the task is given."""

    fail: Callable[..., NoReturn]
    at_once: bool


_ends: dict[Callable[..., Any], _End] = {}


def ends_by(fail: Callable[..., NoReturn], at_once: bool = False) -> Callable[[F], F]:
    """Let tasks of a function end by another one when workers died of them.

    Parameters
    ----------
    fail : callable
        Raises; takes the number of workers, and what the function takes.
    at_once : bool
        After the first worker, else after as many as the cluster allows.
    """

    def known(function: F) -> F:
        _ends[function] = _End(fail, at_once)
        return function

    return known


def killing(where: str, number: int) -> TileError:
    """The error that says that evaluating something killed so many workers."""
    return TileError(
        f"evaluating {where} killed {number} workers, one after the other: most likely it needs more memory "
        "than a worker has; give smaller chunks=, fewer threads a worker, or more memory "
        "(mask.plan(geom).projected_memory says what the threads of this machine would take)"
    )


def watch_deaths(client: Any) -> None:
    """Watch the tasks of the scheduler of a client."""
    if client not in _told:
        client.run_on_scheduler(_watch)
        _told.add(client)


def watch_here() -> None:
    """Watch the tasks of the schedulers in this process: called where one takes up a graph."""
    module = sys.modules.get("distributed.scheduler")
    for each in () if module is None else list(module.Scheduler._instances):
        each.loop.add_callback(_watch, each)


def _watch(dask_scheduler: Any) -> None:
    dask_scheduler.add_plugin(_plugin(dask_scheduler), name=_NAME, idempotent=True)


def _plugin(scheduler: Any) -> Any:
    distributed: Any = require("distributed", extra="distributed")
    return type("Deaths", (_Deaths, distributed.SchedulerPlugin), {})(scheduler)


class _Deaths:
    """Ends tasks of which workers died. The scheduler suspects all that a worker had; here it is those
    that came first, one for each thread, for the others wait behind them.
    """

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler
        # The worker of each task that one has; what each worker has, and since when. What comes together
        # is done by priority.
        self.worker_of: dict[Any, Any] = {}
        self.tasks_of: dict[str, dict[Any, tuple[int, Any]]] = {}
        self.now: tuple[str, int] = ("", 0)
        # How often the scheduler has suspected a task.
        self.suspected: Counter[Any] = Counter()
        # The last worker that died, and what it was at.
        self.dead: tuple[str, list[Any]] = ("", [])

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        """See `distributed.SchedulerPlugin.transition`."""
        task = self.scheduler.tasks.get(key)
        if start == "processing" and (worker := self.worker_of.pop(key, None)) is not None:
            if finish == "released" and task.suspicious > self.suspected[key]:
                self.died(key, task, worker)
            self.tasks_of[worker.address].pop(key)
            if not self.tasks_of[worker.address]:
                del self.tasks_of[worker.address]
        if finish == "processing":
            self.worker_of[key] = task.processing_on
            if self.now[0] != kwargs["stimulus_id"]:
                self.now = (kwargs["stimulus_id"], self.now[1] + 1)
            tasks = self.tasks_of.setdefault(task.processing_on.address, {})
            tasks[key] = (self.now[1], task.priority)
        elif finish in ("memory", "erred", "forgotten"):
            self.suspected.pop(key, None)

    def died(self, key: Any, task: Any, worker: Any) -> None:
        """A worker died that had a task; it is told of one task after the other."""
        self.suspected[key] = task.suspicious
        if self.dead[0] != worker.address:
            tasks = self.tasks_of[worker.address]
            self.dead = (worker.address, sorted(tasks, key=lambda key: tasks[key])[: worker.nthreads])
        if key in self.dead[1]:
            # After one more the scheduler would end it by itself.
            is_last = task.suspicious >= self.scheduler.allowed_failures
            task.run_spec = _ended(task.run_spec, task.suspicious, is_last) or task.run_spec


def _ended(task: GraphNode, number: int, is_last: bool) -> Task | None:
    """The task that ends another one; it needs what that needs. None for one that goes on, or is not ours."""
    if not isinstance(task, Task):
        return None
    end = _ends.get(task.func)
    if end is not None:
        return Task(task.key, end.fail, number, *task.args) if is_last or end.at_once else None
    if not (task.args and isinstance(task.args[0], dict)):
        return None
    # One that dask fused of others; these are its first argument.
    ended = {key: _ended(each, number, is_last) for key, each in task.args[0].items()}
    if not any(ended.values()):
        return None
    inner = {key: ended[key] or each for key, each in task.args[0].items()}
    return Task(task.key, task.func, inner, *task.args[1:])

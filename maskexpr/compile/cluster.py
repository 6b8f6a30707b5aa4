"""Content-addressed scatter and a sliding window of futures: work on a `distributed` cluster.

What tasks share is sent once to every worker, under a name made of its content, and no more with any graph
that uses it. Tasks are handed over in portions, their results taken in as they come.
"""

from __future__ import annotations

import pickle
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from concurrent.futures import CancelledError
from types import FrameType
from typing import Any, Final, Literal, NamedTuple
from uuid import uuid4
from weakref import WeakKeyDictionary

from dask._task_spec import Alias, DataNode, GraphNode
from dask.base import get_scheduler

from ..core.errors import MaskTypeError, MaskValueError, require
from ..core.names import described

__all__ = [
    "LARGE",
    "LostError",
    "Portion",
    "client_of",
    "fetched",
    "forget",
    "is_for_cluster",
    "is_on_worker",
    "is_sent",
    "results",
    "send",
    "sent_key",
    "size_of",
]

Key = Any

LARGE: Final = 1 << 17
"""Bytes from which on a value is sent apart from the graphs that use it."""
# Values that a client keeps on its workers, those used last. What tasks need beyond these they keep.
_KEPT: Final = 8
_lock = threading.Lock()
_sent: WeakKeyDictionary[Any, OrderedDict[Key, Any]] = WeakKeyDictionary()


class LostError(Exception):
    """What was sent is gone with the workers that had it, or tasks were forgotten: to be sent again."""


class Portion(NamedTuple):
    """Some tasks.

    Parameters
    ----------
    graph : mapping
        The tasks, and those that they need.
    keys : sequence
        The results that are wanted.
    """

    graph: Mapping[Key, GraphNode]
    keys: Sequence[Key]


def client_of(client: Any | Literal["auto"] | None) -> Any | None:
    """The client that is meant: the one that dask would use now, none, or the one that is given.

    Raises
    ------
    MaskTypeError
        For what is no client.
    MaskValueError
        For a client that is closed or asynchronous.

    Examples
    --------
    >>> client_of(None) is None
    True
    """
    if client is None:
        return None
    if isinstance(client, str) and client == "auto":
        return _current()
    distributed: Any = require("distributed", extra="distributed")
    if not isinstance(client, distributed.Client):
        raise MaskTypeError(f"client must be 'auto', None or a distributed Client, got {described(client)}")
    if client.asynchronous or client.status != "running":
        raise MaskValueError(f"client must be running and not asynchronous, got {client!r}")
    return client


def _current() -> Any | None:
    # A task that waits for other tasks keeps a thread from them; it does its work itself.
    if "distributed" not in sys.modules or is_on_worker():
        return None
    distributed: Any = require("distributed", extra="distributed")
    try:
        client = getattr(get_scheduler(), "__self__", None)  # type: ignore[no-untyped-call]
    except RuntimeError:  # The client is asynchronous.
        return None
    usable = isinstance(client, distributed.Client) and client.status == "running"
    return client if usable else None


def is_on_worker() -> bool:
    """Whether this is done by a task on a worker.

    Examples
    --------
    >>> is_on_worker()
    False
    """
    # Whoever has a cluster has imported it; the import takes half a second.
    if "distributed" not in sys.modules:
        return False
    distributed: Any = require("distributed", extra="distributed")
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True


def size_of(value: Any) -> int:
    """Bytes of a value as it travels; arrays are not copied for it."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return len(head) + sum(each.raw().nbytes for each in buffers)


def send(client: Any, name: Key, value: Any) -> dict[Key, GraphNode]:
    """Let tasks refer to a value by its name: what has to stand in their graph for that.

    A small value stands there; a large one is sent to the workers, unless they have it.

    Parameters
    ----------
    client : Client
        The cluster.
    name : str
        Key of the value, made of its content.
    value : object
        What pickles.

    Raises
    ------
    LostError
        If workers were lost while it was sent.
    """
    if sent_key(client, name) is not None:
        return {}
    if size_of(value) < LARGE:
        return {name: DataNode(name, value)}
    try:
        # To one worker, from which others fetch it for their first task. Dask's own broadcast waits for ever
        # if a worker dies meanwhile, and copies that no task waits for are dropped in any case after 2 s.
        future = client.scatter({name: value})[name]
    except (OSError, KeyError) as err:  # A worker died of something else meanwhile, or there is none.
        raise LostError(f"sending to the workers failed: {err}") from err
    with _lock:
        sent = _sent.setdefault(client, OrderedDict())
        sent[name] = future
        while len(sent) > _KEPT:
            sent.popitem(last=False)
    return {}


def sent_key(client: Any, name: Key) -> Key | None:
    """The name, if the workers have a value of that name."""
    with _lock:
        sent = _sent.get(client, OrderedDict())
        if name not in sent:
            return None
        if sent[name].status != "finished":
            del sent[name]
            return None
        sent.move_to_end(name)
        return name


def forget(client: Any, name: Key) -> None:
    """Let a value be sent anew, whatever is believed of it: a future that is told of a loss before it is told
    that it was sent seems to be finished.
    """
    with _lock:
        _sent.get(client, OrderedDict()).pop(name, None)


def results(
    client: Any, portion: Callable[[], Portion | None], least: int
) -> Generator[tuple[Hashable, Any]]:
    """Keys and results of tasks, as they come; some portions ahead of the results, not all. There are no
    more when all that were handed over have come and ``portion`` gives None; it is asked when no more than
    ``least`` are waited for.

    Whoever stops taking them, or is interrupted, has cancelled what has not begun. An error of a task is
    raised here, its key in the attribute ``task_key``.

    Raises
    ------
    LostError
        If the cluster has forgotten tasks.
    """
    distributed: Any = require("distributed", extra="distributed")
    done = distributed.as_completed(with_results=True, raise_errors=False)
    waiting: dict[Key, Any] = {}
    try:
        while True:
            while len(waiting) <= least and (some := portion()) is not None:
                for future in client.get(dict(some.graph), list(some.keys), sync=False):
                    waiting[future.key] = future
                    done.add(future)
            if not waiting:
                return
            future, result = next(done)
            del waiting[future.key]
            if future.status == "error":
                raise _named(result[1], future.key)
            if future.status != "finished":
                raise LostError(f"{future.key} was {future.status}: {result}")
            yield future.key, result
    except CancelledError as err:
        raise LostError(str(err)) from err
    finally:
        if waiting:
            client.cancel(list(waiting.values()), force=True)


def _named(error: BaseException, key: Key) -> BaseException:
    error.task_key = key  # type: ignore[attr-defined]
    return error


def is_for_cluster() -> bool:
    """Whether what is being pickled goes to a cluster: whoever pickles a lazy array for another reason, to
    keep it, gets all of it.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "distributed.protocol.pickle":
            return True
        frame = frame.f_back
    return False


def is_sent(name: Key) -> bool:
    """Whether the workers of every client of this process have a value of that name; it is not known which of
    the clients a graph is for.
    """
    distributed: Any = require("distributed", extra="distributed")
    clients = [each for each in list(distributed.Client._instances) if each.status == "running"]
    return bool(clients) and all(sent_key(each, name) is not None for each in clients)


def fetched(name: Key) -> Any | None:
    """The value of that name, for a task on a worker; None anywhere else."""
    if not is_on_worker():
        return None
    distributed: Any = require("distributed", extra="distributed")
    # A future that is made here would wait for ever: the scheduler is told of those that graphs ask for.
    wanted = f"fetched-{uuid4().hex}"
    return distributed.get_client().get({wanted: Alias(wanted, name)}, wanted)

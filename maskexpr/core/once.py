"""`once` and `once_for`: what is computed when first asked and then kept with its object."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

__all__ = ["once", "once_for"]

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


class once(Generic[T]):  # a decorator, named like property
    """Like `functools.cached_property`, without its lock.

    Until Python 3.12 that lock is one for all instances of a class, so that threads that work on different
    tiles wait for each other. Here two threads that ask at once may both compute; the values are equal and
    one is kept.

    Examples
    --------
    >>> class Square:
    ...     side = 3
    ...
    ...     @once
    ...     def area(self):
    ...         return self.side**2
    >>> Square().area
    9
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        # The instance's dict comes before a descriptor without __set__, so this runs once.
        value: T = self._compute(instance)
        return instance.__dict__.setdefault(self._name, value)  # type: ignore[no-any-return]


def once_for(compute: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method that computes its value once for the same arguments, in one thread at a time.

    Examples
    --------
    >>> class Square:
    ...     @once_for
    ...     def grid(self, side):
    ...         return [[0] * side] * side
    >>> square = Square()
    >>> square.grid(2) is square.grid(2)
    True
    """
    lock = threading.Lock()

    @wraps(compute)
    def ask(self: S, /, *key: P.args, **named: P.kwargs) -> T:
        with lock:
            known: dict[Any, T] = self.__dict__.setdefault(f"_{compute.__name__}_for", {})
            arguments = (key, *named.items())
            if arguments not in known:
                known[arguments] = compute(self, *key, **named)
            return known[arguments]

    return ask

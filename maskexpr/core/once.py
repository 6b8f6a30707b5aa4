"""`once`: an attribute that is computed when first asked and then kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

__all__ = ["once"]

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

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

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

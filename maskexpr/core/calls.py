"""Calls that cannot be, told with the names that are right: an argument too many, missing, or misspelled."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from .arguments import absent
from .errors import MaskError, MaskTypeError
from .names import nearest

__all__ = ["told", "told_class", "told_methods", "told_names"]

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)


def told(function: F, name: str = "", reads: bool = False, instead: Mapping[str, str] | None = None) -> F:
    """The same function, whose wrong calls are a MaskTypeError that shows the right one.

    Parameters
    ----------
    function : callable
        A function or method.
    name : str
        What users call it, if not its own name.
    reads : bool
        Whether it makes an object of a class that ``read`` makes of a file.
    instead : mapping of str to str, optional
        What to write in place of arguments that others of the kind take, by their names.

    Examples
    --------
    >>> @told
    ... def grow(radius, kernel="disk"):
    ...     return radius
    >>> grow(1, kernl="box")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskTypeError: grow has no argument 'kernl'; did you mean 'kernel'? Write grow(...
    """

    @wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except TypeError as err:
            # Only a call that cannot be is told so; what goes wrong inside one that can be goes on.
            words = (
                None
                if isinstance(err, MaskError)
                else _wrong(function, name, arguments, keywords, instead or {})
            )
            if words is None:
                raise
            named = reads and len(arguments) == 2 and isinstance(arguments[1], str | os.PathLike)
            hint = f"; a file is read by {name}.read(path)" if named else ""
            raise MaskTypeError(words + hint) from None

    return cast(F, call)


def _wrong(
    function: Callable[..., Any],
    name: str,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    instead: Mapping[str, str],
) -> str | None:
    """What is wrong with a call, if anything is."""
    signature = inspect.signature(function)
    try:
        signature.bind(*arguments, **keywords)
    except TypeError:
        pass
    else:
        return None
    known = {key: each for key, each in signature.parameters.items() if key not in ("self", "cls")}
    name = name or getattr(function, "__name__", "the call")
    shown = f"Write {name}({', '.join(_shown(each) for each in known.values())})"
    odd = next((key for key in keywords if key not in known), None)
    if odd is not None:
        meant = [each for each in _MEANT.get(odd.casefold(), ()) if each in known]
        hint = f"; did you mean {meant[0]!r}?" if meant else nearest(odd, known) or ";"
        hint = f"; {instead[odd]}." if odd in instead else hint
        return f"{name} has no argument {odd!r}{hint} {shown}"
    bound = signature.bind_partial(*arguments[: _most(signature)], **_left(signature, arguments, keywords))
    missing = [
        key
        for key, each in known.items()
        if key not in bound.arguments and each.default is each.empty and each.kind not in _MANY
    ]
    if missing:
        return f"{name} needs {', '.join(missing)}; {shown}"
    return f"{name} does not take so many arguments; {shown}"


# Arguments that users of other packages, and of other nodes, try.
_MEANT = {
    **dict.fromkeys(("ra", "glon", "l", "longitude"), ("lon",)),
    **dict.fromkeys(("dec", "glat", "b", "latitude"), ("lat",)),
    **dict.fromkeys(("size", "width", "r", "rad", "distance", "dist"), ("radius", "width", "max")),
    **dict.fromkeys(("coordsys", "coordinates", "system", "coord"), ("frame",)),
    **dict.fromkeys(("center", "centre", "position"), ("skydir", "positions")),
    **dict.fromkeys(("data", "file", "filename", "name"), ("path", "spec")),
    **dict.fromkeys(("operator", "comparison"), ("op",)),
    **dict.fromkeys(("structure", "shape", "footprint"), ("kernel",)),
    **dict.fromkeys(("invalid", "bad", "bad_radius"), ("missing", "nan")),
    **dict.fromkeys(("min", "low", "start"), ("lo", "low")),
    **dict.fromkeys(("high", "stop"), ("hi", "high")),
    **dict.fromkeys(("grid", "wcs", "header", "geometry"), ("geom",)),
    **dict.fromkeys(("clobber", "replace", "exist_ok"), ("overwrite",)),
}
_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _most(signature: inspect.Signature) -> int:
    return sum(each.kind in _PLACED for each in signature.parameters.values())


def _left(
    signature: inspect.Signature, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> dict[str, Any]:
    """Keywords that are not given by place already."""
    placed = list(signature.parameters)[: len(arguments)]
    return {key: value for key, value in keywords.items() if key not in placed}


def _shown(parameter: inspect.Parameter) -> str:
    if parameter.kind in _MANY:
        return f"{'*' if parameter.kind is parameter.VAR_POSITIONAL else '**'}{parameter.name}"
    if parameter.default is parameter.empty:
        return parameter.name
    return f"{parameter.name}={parameter.default!r}"


def told_class(cls: C) -> C:
    """The same class, whose constructor and class methods are `told`, the constructor by its ``_instead``."""
    for key, value in list(vars(cls).items()):
        if isinstance(value, classmethod) and not key.startswith("_"):
            setattr(cls, key, classmethod(told(value.__func__, f"{cls.__name__}.{key}")))
    if cls.__init__ is not object.__init__:  # type: ignore[misc]
        instead = getattr(cls, "_instead", None)
        cls.__init__ = told(cls.__init__, cls.__name__, hasattr(cls, "read"), instead)  # type: ignore[misc]
    return cls


def told_methods(cls: C) -> C:
    """The same class, whose public methods are `told`."""
    for key, value in list(vars(cls).items()):
        if inspect.isfunction(value) and not key.startswith("_"):
            setattr(cls, key, told(value))
    return cls


def told_names(what: str, meant: Mapping[str, str] | None = None) -> Callable[[C], C]:
    """A decorator of a class whose objects tell the nearest name of an attribute that they do not have.

    Parameters
    ----------
    what : str
        What an object of the class is, "a grid".
    meant : mapping of str to str, optional
        What to write instead of names that users of other packages try.

    Examples
    --------
    >>> @told_names("a plan")
    ... class Plan:
    ...     cost = 3
    >>> Plan().costs
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskAttributeError: a plan has no 'costs'; did you mean 'cost'?...
    """

    def decorated(cls: C) -> C:
        def missing(self: Any, name: str) -> Any:
            # What is not offered for completion is not suggested either; protocols ask for names of Python's
            # of objects that are not made yet.
            raise absent(what, name, () if name.startswith("_") else dir(self), meant or {})

        # Set, not written: a type checker should go on finding what is misspelled.
        cls.__getattr__ = missing  # type: ignore[attr-defined]
        return cls

    return decorated

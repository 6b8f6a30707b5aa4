"""Structure: what a node is made of, which is all that equality, hashes, pickles and files look at.

Everything here works on flat lists of nodes, so that the depth of an expression costs no recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from ..core.calls import told_class
from ..core.errors import ComparisonError, MaskAttributeError, MaskTypeError
from ..core.names import described, hint_of
from ..core.once import once
from ..core.records import digest_of, field_names

__all__ = ["NODES", "Node", "Reach", "is_array", "node", "postorder"]

N = TypeVar("N", bound="Node")
C = TypeVar("C", bound=type)

NODES: dict[str, Any] = {}
"""Every kind of node, by its tag."""


def node(tag: str) -> Callable[[C], C]:
    """Register a mask node under the tag that files carry."""

    def register(cls: C) -> C:
        if NODES.setdefault(tag, cls) is not cls:
            raise MaskTypeError(f"the node tag {tag!r} is taken by {NODES[tag].__name__}")
        cls.tag = tag
        # A frozen dataclass has its own, whose error is not of ours.
        cls.__setattr__ = _set
        cls.__delattr__ = _delete
        return told_class(cls)

    return register


def _set(self: Any, name: str, value: object) -> None:
    raise MaskAttributeError(f"a mask is immutable; make a new one instead of setting {name!r}")


def _delete(self: Any, name: str) -> None:
    raise MaskAttributeError(f"a mask is immutable; {name!r} cannot be deleted")


class Reach(NamedTuple):
    """How far beyond a tile the children of a node must be known."""

    degrees: float = 0.0
    pixels: int = 0
    everywhere: bool = False

    def __str__(self) -> str:
        if self.everywhere:
            return "the whole map"
        parts = [f"{self.degrees:g} deg"] * (self.degrees > 0) + [f"{self.pixels} pix"] * (self.pixels > 0)
        return " + ".join(parts)


class Node:
    """A frozen dataclass whose fields are plain values, records, nodes and tuples of nodes."""

    tag: ClassVar[str] = ""
    stores_arguments: ClassVar[bool] = True
    """Whether the fields are the arguments that a user gives, so that `restore` can check them again."""
    _digest: bytes | None = None
    _key: bytes | None = None

    def fields(self) -> list[tuple[str, Any]]:
        """Names and values of the dataclass fields.

        Examples
        --------
        >>> import maskexpr as mx
        >>> (~mx.AllSky()).fields()
        [('mask', AllSky)]
        """
        return [(name, getattr(self, name)) for name in field_names(self)]

    def plain_fields(self) -> list[tuple[str, Any]]:
        """Names and values of the fields that hold no nodes."""
        return [
            (name, value)
            for name, value in self.fields()
            if not (isinstance(value, Node) or _holds_nodes(value))
        ]

    def label(self) -> str:
        """What the node is, in a few words, its children apart."""
        shown = [f"{name}={value!r}" for name, value in self.plain_fields()]
        return f"{type(self).__name__}({', '.join(shown)})" if shown else type(self).__name__

    @once
    def children(self) -> tuple[Self, ...]:
        """The masks this node is made of."""
        found: list[Any] = []
        for _, value in self.fields():
            if isinstance(value, Node):
                found.append(value)
            elif _holds_nodes(value):
                found.extend(value)
        return tuple(found)

    def with_children(self: N, children: tuple[N, ...]) -> N:
        """The same node over other children, in the order of `children`."""
        if all(a is b for a, b in zip(children, self.children, strict=True)):
            return self
        queue = iter(children)
        fields: dict[str, Any] = {}
        for name, value in self.fields():
            if isinstance(value, Node):
                fields[name] = next(queue)
            elif _holds_nodes(value):
                fields[name] = tuple(islice(queue, len(value)))
            else:
                fields[name] = value
        return self.restore(fields)

    @classmethod
    def restore(cls, fields: dict[str, Any]) -> Self:
        """Make a node from its fields as they are stored, which need not be the arguments that a user
        gives.
        """
        if cls.stores_arguments:
            return cls(**fields)
        made = object.__new__(cls)
        made._store(**fields)
        return made

    def check_stored(self) -> None:
        """Raise if fields that were read from a text are not what the node would have made of arguments.

        A node that stores its arguments has checked them already.
        """

    def _store(self, **fields: Any) -> None:
        """Set fields, which are frozen, while the node is made."""
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def digest(self) -> bytes:
        """16 bytes that stand for the structure, the same in every process."""
        return self._summed("_digest", _digest_of_child, here=False)

    @property
    def key(self) -> bytes:
        """16 bytes that stand for the structure in this process: arrays of data count by identity and are
        not read.
        """
        return self._summed("_key", _key_of_child, here=True)

    def _summed(self, name: str, of_child: Callable[[Any], bytes | None], here: bool) -> bytes:
        if getattr(self, name) is None:
            # What lies below a node that is summed already is so too: asked of node after node, each is
            # visited once.
            for each in postorder(self, below=lambda each: () if of_child(each) else each.children):
                if getattr(each, name) is None:
                    fields = [value for _, value in each.fields()]
                    if here and not each.children and not any(hasattr(value, "identity") for value in fields):
                        # Without data in memory both are the same bytes, and of many shapes long to find.
                        object.__setattr__(each, name, each.digest)
                        continue
                    object.__setattr__(each, name, digest_of(each.tag, fields, of_child, here))
        value: bytes = getattr(self, name)
        return value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            _refuse_comparison(other)
            return NotImplemented
        return self is other or self.digest == other.digest

    def __hash__(self) -> int:
        return int.from_bytes(self.digest[:7], "little")

    def __bool__(self) -> bool:
        raise MaskTypeError(
            "a mask is an expression and has no truth value: combine masks with | & ^ ~, not with or, "
            "and, not"
        )

    def __iter__(self) -> Iterator[Any]:
        raise MaskTypeError("a mask cannot be iterated over; its operands are mask.children")

    def __contains__(self, item: object) -> bool:
        # Without it Python looks through what iterates, and tells of that in words of its own.
        raise MaskTypeError(
            "nothing is `in` a mask: which positions it selects is mask.contains(positions), what it is made "
            "of is mask.children"
        )

    def __len__(self) -> int:
        raise MaskTypeError("a mask has no length; mask.on(geom) makes an array")

    def __dask_tokenize__(self) -> str:
        return self.digest.hex()

    def __reduce__(self) -> tuple[Any, ...]:
        # Flat, so that depth costs no recursion.
        order = list(postorder(self))
        place = {id(each): i for i, each in enumerate(order)}
        rows = [(type(each), each.with_references(place)) for each in order]
        return (_rebuild, (rows,))

    def with_references(self, place: dict[int, int]) -> dict[str, Any]:
        """Fields with every child replaced by its place in a list."""
        fields: dict[str, Any] = {}
        for name, value in self.fields():
            if isinstance(value, Node):
                fields[name] = _Reference(place[id(value)])
            elif _holds_nodes(value):
                fields[name] = tuple(_Reference(place[id(each)]) for each in value)
            else:
                fields[name] = value
        return fields


def is_array(value: Any) -> bool:
    """Whether a value is an array of numpy, dask, xarray or their kind.

    Examples
    --------
    >>> import numpy as np
    >>> is_array(np.zeros(3)), is_array(3)
    (True, False)
    """
    if isinstance(value, Node):
        return False
    return hasattr(value, "__array__") or hasattr(value, "__array_interface__")


_COMPARED: Mapping[str, str] = {
    "NDData": "compare mask.on(geom) with its data",
    "SkyCoord": "which positions it selects is mask.contains(positions)",
    "BaseCoordinateFrame": "which positions it selects is mask.contains(SkyCoord(positions))",
    "bool": "what it does not select is ~mask",
}
"""What to write instead of a comparison with an object of a class, or of one below it, which is no array."""


def _refuse_comparison(other: object) -> None:
    """Raise where "not equal" would be an answer to another question, about pixels or positions."""
    hint = "compare mask.on(geom) with it" if is_array(other) else hint_of(other, _COMPARED)
    if hint:
        raise ComparisonError(
            f"a mask is an expression and compares with masks, not with {described(other)}: {hint}"
        )


class _Reference(int):
    """The place of a child in the flat list of a pickle."""


def _rebuild(rows: list[tuple[type[Node], dict[str, Any]]]) -> Node:
    made: list[Node] = []
    for cls, fields in rows:
        for name, value in fields.items():
            if isinstance(value, _Reference):
                fields[name] = made[value]
            elif isinstance(value, tuple) and value and isinstance(value[0], _Reference):
                fields[name] = tuple(made[each] for each in value)
        made.append(cls.restore(fields))
    return made[-1]


def _holds_nodes(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Node)


def _digest_of_child(value: Any) -> bytes | None:
    return value._digest if isinstance(value, Node) else None


def _key_of_child(value: Any) -> bytes | None:
    return value._key if isinstance(value, Node) else None


def postorder(*roots: N, below: Callable[[N], tuple[N, ...]] = attrgetter("children")) -> Iterator[N]:
    """Every different node object once, children before parents, without recursion.

    Parameters
    ----------
    below : callable
        What lies below a node.

    Examples
    --------
    >>> from maskexpr import AllSky, NoSky
    >>> [type(each).__name__ for each in postorder(~AllSky() | NoSky())]
    ['AllSky', 'Not', 'NoSky', 'Or']
    """
    seen: set[int] = set()
    stack: list[tuple[N, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        each, done = stack.pop()
        if done:
            yield each
        elif id(each) not in seen:
            seen.add(id(each))
            stack.append((each, True))
            stack.extend((child, False) for child in reversed(below(each)))

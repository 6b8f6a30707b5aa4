"""Connected-component labelling of runs of set bits by union-find, and a sieve for noise before it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import isqrt, prod

import numpy as np

from ..core.arrays import Bools, Ints, Words
from ..core.once import once
from .runs import Runs, connect, paint, runs_from, unpack_into
from .words import (
    WORD,
    Marks,
    Places,
    list_bits,
    list_places,
    pack,
    padded_shape,
    place_type,
    places_of,
    shifted,
    starts_of,
    words_shape,
)

__all__ = ["LabelledBlock", "flood", "is_held", "lonely", "neighbours", "sieve", "steps", "thick"]

# Pixels along a side of a cell: those of a byte.
_SIDE = 8
# A flood goes so often in all directions, and each time 2**n - 1 rows far: most components are full by then.
_ROUNDS = 2
_DOUBLINGS = 3
_SHIFTS = [np.uint64(1 << i) for i in range(6)]
# Words of a band stay in the cache.
_BAND = 1 << 13


class LabelledBlock:
    """The connected components of a block: its pixels as bits, its runs, and a union-find forest of these.

    Parameters
    ----------
    shape : tuple of int
        Shape of the block, (planes..., ny, nx).
    words : ndarray of uint64
        Its pixels, as `maskexpr.pixels.words.pack` gives them.
    full : bool
        Whether pixels that touch at a corner (and, across planes, at an edge or corner) are connected; else
        only those that share a side.

    Attributes
    ----------
    n_labels : int
        How many components there are.
    """

    def __init__(self, shape: tuple[int, ...], words: Words, full: bool) -> None:
        self.shape = shape
        self.words = words
        self._starts = Marks(starts_of(words))
        self._word, self._below = list_bits(self._starts.words)
        self._root, self._roots, self._of_root, self.n_labels = self._components(full)

    @once
    def start(self) -> Ints:
        """First place of each run."""
        return places_of(self._word, self._below)

    @once
    def end(self) -> Ints:
        """The place after each run."""
        return self._ends_of(self._word.copy(), self._below)

    @once
    def label(self) -> Ints:
        """Component of each run, from 0; the same for equal blocks, in any process."""
        found: Ints = self._of_root[self._root]
        return found

    def labels_of(self, run: Ints) -> Ints:
        """Component of some runs."""
        found: Ints = self._of_root[self._root[run]]
        return found

    def run_of(self, place: Places) -> Ints:
        """The run that holds each place of the padded block; -1 where none does.

        Examples
        --------
        >>> block = LabelledBlock((1, 1, 3), pack(np.array([[[1, 0, 1]]], dtype=bool)), full=False)
        >>> block.run_of(np.array([0, 1, 2])).tolist()
        [0, -1, 1]
        """
        return np.where(is_held(self.words, place), self._starts.number_to(place) - 1, -1)

    def first_pixels(self) -> Ints:
        """Place of the first pixel of each component, shape (n_labels,)."""
        first = np.zeros(self.n_labels, dtype=np.int64)
        # A tree begins with its root. Of equal indices the last assignment holds, so go backwards.
        roots = self._roots[::-1]
        first[self._of_root[roots]] = places_of(self._word[roots], self._below[roots])
        return first

    def runs(self, held: Bools) -> Runs:
        """The runs of some components, numbered anew.

        Parameters
        ----------
        held : ndarray of bool, shape (n_labels,)
            Which components.
        """
        of_root = np.zeros(len(self._root), dtype=bool)
        of_root[self._roots] = held[self._of_root[self._roots]]
        run = np.flatnonzero(of_root[self._root])
        word, below = self._word[run], self._below[run]
        kind = place_type(prod(padded_shape(self.shape)))
        start = places_of(word, below).astype(kind)
        end = self._ends_of(word, below)
        label = (np.cumsum(held) - 1).astype(np.int32)[self.labels_of(run)]
        return Runs(self.shape, start, end.astype(kind), label, int(np.count_nonzero(held)))

    def _ends_of(self, word: Ints, below: Words) -> Ints:
        """The places after some runs; overwrites the words in which they begin."""
        free = ~(self.words[word] | below)
        on = np.flatnonzero(free == 0)
        while len(on):
            # Rows end with places that are not selected.
            word[on] += 1
            free[on] = ~self.words[word[on]]
            on = on[free[on] == 0]
        # The bits below the lowest that is set.
        return (word << 6) + np.bitwise_count((free - np.uint64(1)) & ~free)

    def _components(self, full: bool) -> tuple[Ints, Ints, Ints, int]:
        """The root of each run's tree, all roots, the component of each run that is a root, and how many
        components there are.

        A run hangs on one that touches it in an earlier row, and so from run to run on the first one of a
        tree; only where a run touches more than that, trees are to be connected.
        """
        parent = np.arange(len(self._word))
        left = [(parent[:0], parent[:0])]
        for later, earlier in self._touching(full):
            on = parent[later]
            free = np.flatnonzero(on == later)
            # Of equal indices one assignment holds; the others are left.
            parent[later[free]] = earlier[free]
            on[free] = parent[later[free]]
            extra = np.flatnonzero(on != earlier)
            left.append((later[extra], earlier[extra]))
        roots = np.flatnonzero(parent == np.arange(len(parent)))
        while True:
            above = parent[parent]
            if np.array_equal(above, parent):
                break
            parent = above
        one, other = (parent[np.concatenate(each)] for each in zip(*left, strict=True))
        apart = one != other
        of_root = np.empty_like(parent)
        of_root[roots] = np.arange(len(roots))
        count, of_tree = connect(len(roots), of_root[one[apart]], of_root[other[apart]])
        of_root[roots] = of_tree
        return parent, roots, of_root, count

    def _touching(self, full: bool) -> Iterator[tuple[Ints, Ints]]:
        """Pairs of runs that touch, (later, earlier), each pair once or twice.

        What two runs of neighbouring rows have in common begins at the first pixel of one of them; so it is
        enough to ask what lies above and below the first pixels. Runs that touch at corners too are those
        which have something in common if each is one pixel longer.
        """
        held = self.words | shifted(self.words) if full else self.words
        number, ways = len(held), steps(self.shape, full)
        reach = max(ways, default=0)
        # Beyond the block nothing is held.
        held, starts, before = (
            np.pad(each, reach) for each in (held, self._starts.words, self._starts.before)
        )
        # Mask of the lower bits; a larger AND means that the bit itself is set.
        half = self._below >> np.uint64(1)
        for way in (each for step in ways for each in (-step, step)):
            here = slice(reach + way, reach + way + number)
            found = held[here][self._word]
            found &= self._below
            hit = np.flatnonzero(found > half)
            del found
            there = self._word[hit]
            run = before[here][there] - 1
            run += np.bitwise_count(starts[here][there] & self._below[hit])
            yield (hit, run) if way < 0 else (run, hit)


def steps(shape: tuple[int, ...], full: bool) -> list[int]:
    """Words between a place and its neighbours in later rows and planes, columns apart."""
    strides = [prod(words_shape(shape)[i + 1 :]) for i in range(len(shape) - 1)]
    if not full:
        return [stride for stride, length in zip(strides, shape[:-1], strict=True) if length > 1]
    reach = [(-1, 0, 1) if length > 1 else (0,) for length in shape[:-1]]
    return sorted(step for way in product(*reach) if (step := sum(map(int.__mul__, way, strides))) > 0)


def sieve(words: Words, known: Words, shape: tuple[int, ...], full: bool) -> Words:
    """A block without most of the components that hold none of some known pixels.

    Of noise most runs are in such components. Two things tell them quickly: a pixel that nothing touches,
    and, of cells of 8 x 8 pixels, a component without a known pixel. For pixels that touch are in cells that
    are the same or touch, so that a component of pixels lies in one of cells.

    Parameters
    ----------
    words, known : ndarray of uint64
        Bits of the padded block: its pixels, and those whose components are to stay.
    full : bool
        Whether pixels that touch at a corner are connected.

    Examples
    --------
    >>> block = np.array([[[1, 1, 0, 1], [0, 0, 0, 0]]], dtype=bool)
    >>> known = np.array([[[1, 0, 0, 0], [0, 0, 0, 0]]], dtype=bool)
    >>> sieve(pack(block), pack(known), block.shape, full=False).tolist()
    [3, 0, 0]
    """
    known = known & words
    words = words & ~(lonely(words, shape, full) & ~known)
    cells = _cells(words, shape)
    block = LabelledBlock(cells.shape, pack(cells), full)
    held = np.zeros(block.n_labels, dtype=bool)
    held[block.labels_of(block.run_of(list_places(pack(_cells(known, shape)))))] = True
    if held.all():
        return words
    runs, stay = block.runs(held), np.zeros_like(cells)
    kept = paint(runs, np.ones(runs.n_labels, dtype=bool))
    for plane, part in enumerate(stay.reshape(-1, *stay.shape[-2:])):
        unpack_into(kept, stay.shape, plane, part)
    rows = words_shape(shape)[-2]
    octets = np.repeat(-stay.view(np.uint8), _SIDE, axis=-2)[..., :rows, :]
    return words & np.ascontiguousarray(octets).reshape(-1).view(words.dtype)


def _cells(words: Words, shape: tuple[int, ...]) -> Bools:
    """Which cells of the planes of the padded block hold a pixel."""
    rows = words.reshape(words_shape(shape))
    united = np.bitwise_or.reduceat(rows, np.arange(0, rows.shape[-2], _SIDE), axis=-2)
    held: Bools = united.view(np.uint8) != 0
    return held


def flood(words: Words, known: Words, shape: tuple[int, ...]) -> Words:
    """Some pixels with most of what is connected with them, 64 pixels at a time: enough that few runs are
    left to be labelled.

    Along a row a carry goes to higher places; to lower ones, and to other rows, each step is twice as long
    as the one before it (Kogge and Stone's fill). Bands of rows are filled each on its own.

    Examples
    --------
    >>> block = np.array([[[1, 1, 0], [1, 0, 0], [1, 0, 1]]], dtype=bool)
    >>> known = np.array([[[0, 1, 0], [0, 0, 0], [0, 0, 0]]], dtype=bool)
    >>> flood(pack(block), pack(known), block.shape)[:3].tolist()
    [3, 1, 1]
    """
    row, filled = words_shape(shape)[-1], known & words
    height = max(1, _BAND // row) * row
    for first in range(0, len(words), height):
        _flood_band(words[first : first + height], filled[first : first + height], row)
    return filled


def _flood_band(words: Words, filled: Words, row: int) -> None:
    """Fill some rows in place."""
    steps = [step for i in range(_DOUBLINGS) if (step := row << i) < len(words)]
    # Pixels that each step reaches over selected pixels alone.
    lower, later, earlier = [words], [words[row:]], [words[:-row]]
    for shift in _SHIFTS[:-1]:
        lower.append(lower[-1] & (lower[-1] >> shift))
    for step in steps[:-1]:
        later.append(later[-1][step:] & later[-1][:-step])
        earlier.append(earlier[-1][step:] & earlier[-1][:-step])
    for _ in range(_ROUNDS):
        filled |= runs_from(words, filled)
        filled[:-1] |= (filled[1:] << np.uint64(WORD - 1)) & words[:-1]
        for shift, mask in zip(_SHIFTS, lower, strict=True):
            filled |= (filled >> shift) & mask
        for step, below, above in zip(steps, later, earlier, strict=False):
            filled[step:] |= filled[:-step] & below
            filled[:-step] |= filled[step:] & above


def thick(words: Words, shape: tuple[int, ...], pixels: int) -> Words:
    """First pixels of some rectangles of so many pixels or a few more, all selected: each is in a component
    at least as large.

    Examples
    --------
    >>> block = np.array([[[0, 1, 1], [0, 1, 1], [1, 0, 1]]], dtype=bool)
    >>> thick(pack(block), block.shape, 4)[:3].tolist()
    [2, 0, 0]
    """
    row, width = words_shape(shape)[-1], min(WORD, isqrt(max(0, pixels - 1)) + 1)
    done = 1
    while done < width:
        more = min(done, width - done)
        words = words & (words >> np.uint64(more))
        done += more
    height, done = -(-pixels // width), 1
    while done < height:
        more = min(done, height - done)
        below = np.zeros_like(words)
        below[: -more * row] = words[more * row :]
        words = words & below
        done += more
    return words


def is_held(words: Words, place: Places) -> Words:
    """1 for each place whose bit is set, else 0."""
    held: Words = (words[place >> 6] >> (place & 63).astype(np.uint64)) & np.uint64(1)
    return held


def lonely(words: Words, shape: tuple[int, ...], full: bool) -> Words:
    """Pixels that are components of their own, as bits.

    Examples
    --------
    >>> block = np.array([[[1, 0, 1, 1]]], dtype=bool)
    >>> lonely(pack(block), block.shape, full=True).tolist()
    [1, 0]
    """
    return words & ~neighbours(words, shape, full)


def neighbours(words: Words, shape: tuple[int, ...], full: bool) -> Words:
    """All places that touch a pixel, as bits."""
    beside = shifted(words)
    behind = words >> np.uint64(1)
    behind[:-1] |= words[1:] << np.uint64(WORD - 1)
    beside |= behind
    near = words | beside if full else words
    for step in steps(shape, full):
        beside[step:] |= near[:-step]
        beside[:-step] |= near[step:]
    return beside

"""Closure by action: everything that some generators make out of one state.

The enumeration is that of Froidure and Pin ("Algorithms for computing finite semigroups", 1997): words are tried in
shortlex order, so that every element gets the least word that stands for it, and the products that fall on earlier
elements are a complete rewriting system. States are opaque; what counts as equal is the finder's business.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

import numpy as np

from augalgebra.errors import IncompleteError

State = TypeVar("State")
_Contra = TypeVar("_Contra", contravariant=True)
Indices: TypeAlias = tuple[int, ...]
"""A word as positions in the list of generators, read left to right in order of application."""
IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

DEFAULT_MAX_ELEMENTS = 1000
UNKNOWN = -1
"""Entry of a right Cayley graph that the bound left open."""


class Finder(Protocol[_Contra]):
    """Remembers states in the order they come and recognises equal ones."""

    def find(self, state: _Contra) -> int | None:
        """The number of the first remembered state equal to this one."""

    def add(self, state: _Contra) -> None:
        """Remember a state under the next number."""


@dataclass
class ExactFinder(Generic[State]):
    """Equality of a key.

    Attributes:
        key: Equal states have equal keys, and different ones different keys.
    """

    key: Callable[[State], Hashable]
    _numbers: dict[Hashable, int] = field(default_factory=dict)

    def find(self, state: State) -> int | None:
        """See `Finder`."""
        return self._numbers.get(self.key(state))

    def add(self, state: State) -> None:
        """See `Finder`."""
        self._numbers[self.key(state)] = len(self._numbers)


@dataclass
class ToleranceFinder(Generic[State]):
    """Equality of arrays up to a tolerance; the earliest that is close enough is taken.

    A projection on a fixed vector with entries in [-1, 1] cannot differ by more than the states do (in the largest or
    the root-mean-square difference), so only states with nearly equal projections are compared in full.

    Attributes:
        tolerance: Largest difference at which two states count as equal.
        array: The state as an array of floats.
        norm: ``max`` compares the largest absolute difference, ``rms`` the root mean square.
    """

    tolerance: float
    array: Callable[[State], np.ndarray[Any, Any]]
    norm: Literal["max", "rms"] = "max"
    _states: list[np.ndarray[Any, Any]] = field(default_factory=list)
    _projections: list[tuple[float, int]] = field(default_factory=list)
    _directions: dict[int, FloatArray] = field(default_factory=dict)

    def find(self, state: State) -> int | None:
        """See `Finder`."""
        array = self.array(state)
        projection = self._projection(array)
        slack = self.tolerance * (1 + 1e-6) + 1e-12
        matches = []
        for position in range(bisect_left(self._projections, (projection - slack, -1)), len(self._projections)):
            near, number = self._projections[position]
            if near > projection + slack:
                break
            if self._states[number].shape == array.shape and self._distance(number, array) <= self.tolerance:
                matches.append(number)
        return min(matches, default=None)

    def add(self, state: State) -> None:
        """See `Finder`."""
        array = self.array(state)
        insort(self._projections, (self._projection(array), len(self._states)))
        self._states.append(array)

    def _distance(self, number: int, array: np.ndarray[Any, Any]) -> float:
        difference = self._states[number] - array
        if self.norm == "max":
            return float(np.abs(difference).max(initial=0.0))
        return float(np.sqrt(np.mean(np.square(difference)))) if difference.size else 0.0

    def _projection(self, array: np.ndarray[Any, Any]) -> float:
        if array.size not in self._directions:
            self._directions[array.size] = np.random.default_rng(array.size).uniform(-1.0, 1.0, array.size)
        direction = self._directions[array.size]
        # not by a matrix product, whose threads cost more than they bring at this size
        return float(np.multiply(array.reshape(-1), direction, dtype=np.float64).sum()) / max(array.size, 1)


@dataclass(frozen=True)
class Cycle:
    """How the powers of one element run into a circle: g^index = g^(index + period), both least."""

    index: int
    period: int


@dataclass(frozen=True)
class Closure:
    """A monoid given by generators acting on a state; element 0 is the identity.

    Attributes:
        words: The shortlex-least word of each element, as positions in the list of generators.
        right: Right Cayley graph ``[elements, generators]``: the number of element · generator, or `UNKNOWN`.
        rules: Complete rewriting system, each pair a word and the lesser word equal to it. Every rule is minimal:
            each proper part of its left side is the least word of an element.
        complete: Whether nothing new appears; otherwise `bound` stopped the search.
        bound: The most elements that were allowed.
    """

    words: tuple[Indices, ...]
    right: IntArray
    rules: tuple[tuple[Indices, Indices], ...]
    complete: bool
    bound: int

    def __len__(self) -> int:
        return len(self.words)

    @property
    def order(self) -> int:
        """Number of elements; a lower limit where the closure is not complete."""
        return len(self.words)

    @cached_property
    def table(self) -> IntArray:
        """Multiplication table ``[elements, elements]``: row times column, row applied first.

        Raises:
            IncompleteError: The bound stopped the search.
        """
        self._require_complete("a multiplication table")
        numbers = {word: number for number, word in enumerate(self.words)}
        table = np.empty((len(self), len(self)), dtype=np.int64)
        table[:, 0] = np.arange(len(self))
        for number, word in enumerate(self.words[1:], start=1):
            table[:, number] = self.right[table[:, numbers[word[:-1]]], word[-1]]
        return table

    @cached_property
    def consistent(self) -> bool:
        """Whether the table is that of a monoid: (x y) g = x (y g) throughout.

        It always is when equal states come from equal maps. A state that is too symmetric, or a tolerance that is too
        wide, confuses elements and shows here.

        Raises:
            IncompleteError: The bound stopped the search.
        """
        return all(
            np.array_equal(self.right[self.table, generator], self.table[:, self.right[:, generator]])
            for generator in range(self.right.shape[1])
        )

    @property
    def abelian(self) -> bool | None:
        """Whether all generators commute; None where the bound left that open."""
        answer: bool | None = True
        for a in range(self.right.shape[1]):
            for b in range(a):
                ab, ba = self.find((a, b)), self.find((b, a))
                if ab is None or ba is None:
                    answer = None
                elif ab != ba:
                    return False
        return answer

    @property
    def is_group(self) -> bool | None:
        """Whether every element has an inverse; None where the bound left that open."""
        cycles = [self.cycle(generator) for generator in range(self.right.shape[1])]
        if any(cycle is not None and cycle.index for cycle in cycles):
            return False
        return True if self.complete else None

    @property
    def units(self) -> tuple[int, ...]:
        """The elements with an inverse.

        Raises:
            IncompleteError: The bound stopped the search.
        """
        # in a finite monoid an inverse on one side is one on both
        return tuple(int(number) for number in np.flatnonzero((self.table == 0).any(axis=1)))

    @property
    def idempotents(self) -> tuple[int, ...]:
        """The elements with e · e = e.

        Raises:
            IncompleteError: The bound stopped the search.
        """
        return tuple(int(number) for number in np.flatnonzero(np.diag(self.table) == np.arange(len(self))))

    def find(self, word: Indices, start: int = 0) -> int | None:
        """The number of the element that a word stands for, or None where the bound left that open."""
        for generator in word:
            start = int(self.right[start, generator])
            if start == UNKNOWN:
                return None
        return start

    def cycle(self, generator: int) -> Cycle | None:
        """Index and period of a generator's powers, or None where the bound left that open."""
        return self.element_cycle((generator,))

    def element_cycle(self, word: Indices) -> Cycle | None:
        """Index and period of a word's powers, or None where the bound left that open."""
        seen: dict[int, int] = {}
        power: int | None = 0
        while power is not None and power not in seen:
            seen[power] = len(seen)
            power = self.find(word, power)
        return None if power is None else Cycle(seen[power], len(seen) - seen[power])

    def _require_complete(self, what: str) -> None:
        if not self.complete:
            raise IncompleteError(
                f"the closure is not finished after {self.bound} elements, so it has no {what}; "
                "raise max_elements or take fewer generators"
            )


def close(
    generators: int,
    act: Callable[[int, State], State],
    start: State,
    finder: Finder[State],
    *,
    max_elements: int = DEFAULT_MAX_ELEMENTS,
) -> Closure:
    """Apply generators until nothing new appears.

    Two words count as one element when they take `start` to equal states, so `start` should be one that only equal
    maps agree on (an image without symmetries); `Closure.consistent` tells afterwards whether it was.

    Args:
        generators: How many generators there are.
        act: From a generator's position and a state to the next state.
        start: The state of the identity.
        finder: What counts as equal; an empty one, which is filled.
        max_elements: Where to stop if there is no end.

    Returns:
        The closure, the identity included; bounded and not `complete` if it has more elements than allowed.

    Examples:
        >>> quarter_turns = close(1, lambda _, turns: (turns + 1) % 4, 0, ExactFinder(int))
        >>> quarter_turns.order, quarter_turns.cycle(0)
        (4, Cycle(index=0, period=4))
    """
    finder.add(start)
    words: list[Indices] = [()]
    states: list[State | None] = [start]
    known: dict[Indices, int] = {(): 0}
    rows: list[list[int]] = []
    rules: list[tuple[Indices, Indices]] = []
    complete = True
    while complete and len(rows) < len(words):
        number = len(rows)
        word, state = words[number], states[number]
        row = [UNKNOWN] * generators
        for generator in range(generators):
            after = act(generator, state)  # type: ignore[arg-type]  # only states that were used up are None
            product = (*word, generator)
            found = finder.find(after)
            if found is not None:
                if product[1:] in known:
                    rules.append((product, words[found]))
            elif len(words) == max_elements:
                complete = False
                break
            else:
                found = len(words)
                finder.add(after)
                words.append(product)
                states.append(after)
                known[product] = found
            row[generator] = found
        rows.append(row)
        states[number] = None  # never needed again; a batch of images is large
    rows += [[UNKNOWN] * generators for _ in range(len(words) - len(rows))]
    right = np.array(rows, dtype=np.int64).reshape(len(words), generators)
    return Closure(tuple(words), right, tuple(rules), complete, max_elements)

"""Paths: derivations with their words, each step by an axiom, and how to make them shorter."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from augalgebra.algebra.conditions import ALWAYS, Conditions
from augalgebra.algebra.expressions import Value
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.equations import Derivation, Equation, Step, TwoSidedInverse, reverse
from augalgebra.algebra.unification import match

WINDOW = 5
"""Steps of a path within which a shorter way is searched for."""
WINDOW_EFFORT = 800
"""Words that are made in one such search."""
LAST_WINDOW, LAST_EFFORT = 10, 3000
"""The same for a path that has become short enough to be searched as a whole."""
_LONGEST_PATH = 12
MOST_LETTERS = 1500
"""Letters that the words of a path may have together for a shorter path to be looked for."""


@dataclass(frozen=True)
class Path:
    """Words, and the steps between them (one fewer), each by an axiom."""

    words: tuple[Codes, ...]
    steps: Derivation

    def reversed(self) -> "Path":
        """The path read from its end."""
        return Path(self.words[::-1], reverse(self.steps))

    def without_detours(self) -> "Path":
        """The same with everything between two visits of one word cut out."""
        words: list[Codes] = [self.words[0]]
        steps: list[Step] = []
        places = {self.words[0]: 0}
        for step, word in zip(self.steps, self.words[1:], strict=True):
            place = places.get(word)
            if place is None:
                places[word] = len(words)
                words.append(word)
                steps.append(step)
                continue
            for forgotten in words[place + 1 :]:
                del places[forgotten]
            del words[place + 1 :], steps[place:]
        return Path(tuple(words), tuple(steps))


class Strength(NamedTuple):
    """What a proof rests on; one that rests on less is stronger.

    Attributes:
        exact: Whether no approximate law is used.
        conditions: What a picture has to be.
    """

    exact: bool
    conditions: Conditions

    def allows(self, axiom: Equation) -> bool:
        """Whether the proof stays as strong if this axiom is used."""
        return axiom.conditions <= self.conditions and not (self.exact and is_approximate(axiom))


class Shortener:
    """Makes paths shorter by bounded searches.

    Attributes:
        alphabet: The codes of the letters.
    """

    def __init__(self, alphabet: Alphabet, axioms: Iterable[Equation]) -> None:
        self.alphabet = alphabet
        self._axioms = tuple(axioms)
        self._moves: dict[Strength, _Moves] = {}

    def _as_strong(self, strength: Strength) -> "_Moves":
        if strength not in self._moves:
            self._moves[strength] = _Moves(self.alphabet, filter(strength.allows, self._axioms))
        return self._moves[strength]

    def path(self, start: Codes, end: Codes, *, strength: Strength, room: int, effort: int) -> Path | None:
        """A shortest path between two words, if a bounded search finds one.

        Args:
            start: The first word.
            end: The last word.
            strength: What may be used.
            room: How many letters longer than both ends a word may be.
            effort: How many words are made before giving up.
        """
        if len(start) + len(end) > MOST_LETTERS:
            return None
        moves = self._as_strong(strength)
        longest = max(len(start), len(end)) + room
        return _searched(start, end, _LONGEST_PATH, moves, longest, effort)

    def shorten(self, path: Path) -> Path:
        """A path with the same ends that is as short as bounded searches make it."""
        if len(path.steps) < 2 or sum(map(len, path.words)) > MOST_LETTERS:
            return path
        own = dict.fromkeys(step.equation for step in path.steps)
        exact = not any(is_approximate(axiom) for axiom in own)
        strength = Strength(exact, ALWAYS.union(*(axiom.conditions for axiom in own)))
        moves = self._as_strong(strength).with_more(own)
        path = _with_shortcuts(path, moves)
        path = _windowed(path, moves, WINDOW, WINDOW_EFFORT)
        return _windowed(path, moves, LAST_WINDOW, LAST_EFFORT) if len(path.steps) <= LAST_WINDOW else path


class _Move(NamedTuple):
    """One reading of an axiom."""

    axiom: Equation
    forward: bool
    new: Codes
    patterns: list[Value]
    names: frozenset[str]


class _Moves:
    """What single steps of axioms can do to a word, where matching says what they do."""

    def __init__(self, alphabet: Alphabet, axioms: Iterable[Equation]) -> None:
        self.alphabet = alphabet
        self._axioms = dict.fromkeys(axioms)
        # By what is replaced: letters if no variables are in play, shapes otherwise.
        self._ground: dict[Codes, list[_Move]] = {}
        self._parametrised: dict[tuple[int, ...], list[_Move]] = {}
        for axiom in self._axioms:
            for forward in (True, False):
                old, new = (axiom.lhs, axiom.rhs) if forward else (axiom.rhs, axiom.lhs)
                names = frozenset(alphabet.variables_of((*old, *new)))
                if names <= alphabet.variables_of(old).keys():
                    patterns = [item for code in old for item in alphabet.arguments[code]]
                    move = _Move(axiom, forward, new, patterns, names)
                    if names:
                        self._parametrised.setdefault(alphabet.shapes_of(old), []).append(move)
                    else:
                        self._ground.setdefault(old, []).append(move)
        self._lengths = sorted({len(old) for old in (*self._ground, *self._parametrised)})

    def with_more(self, axioms: Iterable[Equation]) -> "_Moves":
        """The same with further axioms."""
        further = [axiom for axiom in axioms if axiom not in self._axioms]
        return _Moves(self.alphabet, (*self._axioms, *further)) if further else self

    def of(self, word: Codes, longest: int) -> Iterator[tuple[Step, Codes]]:
        """The words of at most that many letters one step of an axiom away."""
        instantiate, arguments = self.alphabet.instantiate, self.alphabet.arguments
        shapes, room = self.alphabet.shapes_of(word), longest - len(word)
        for size in self._lengths:
            for start in range(len(word) - size + 1):
                part = word[start : start + size]
                for axiom, forward, new, _, _ in self._ground.get(part, ()):
                    if len(new) - size <= room and self.alphabet.keeps(word[:start], axiom.conditions):
                        yield Step(axiom, forward, start, {}), word[:start] + new + word[start + size :]
                for axiom, forward, new, patterns, names in self._parametrised.get(shapes[start : start + size], ()):
                    if len(new) - size > room or not self.alphabet.keeps(word[:start], axiom.conditions):
                        continue
                    bindings = match(patterns, [a for code in part for a in arguments[code]], [None] * len(patterns))
                    if bindings is None or bindings.keys() != names or any(bindings[n] == 0 for n in axiom.nonzero):
                        continue
                    try:
                        result = instantiate(new, bindings)
                    except (ZeroDivisionError, ValueError, TypeError):
                        continue
                    yield Step(axiom, forward, start, bindings), word[:start] + result + word[start + size :]


def _with_shortcuts(path: Path, moves: _Moves) -> Path:
    """Take every shortcut by which one step of an axiom leads from one word of the path to a later one."""
    count, longest = len(path.words), max(map(len, path.words))
    places = {word: place for place, word in enumerate(path.words)}
    distance = [0] + [count] * (count - 1)
    arrivals: list[tuple[int, Step] | None] = [None] * count
    for place, word in enumerate(path.words[:-1]):
        reachable = [(path.steps[place], place + 1)]
        reachable += [(step, places[other]) for step, other in moves.of(word, longest) if other in places]
        for step, target in reachable:
            if target > place and distance[place] + 1 < distance[target]:
                distance[target] = distance[place] + 1
                arrivals[target] = (place, step)
    words, steps = [path.words[-1]], list[Step]()
    arrival = arrivals[-1]
    while arrival is not None:
        place, step = arrival
        words.append(path.words[place])
        steps.append(step)
        arrival = arrivals[place]
    return Path(tuple(reversed(words)), tuple(reversed(steps)))


def _windowed(path: Path, moves: _Moves, width: int, effort: int) -> Path:
    """Search for shorter ways between words of the path that are at most so many steps apart."""
    place = 0
    while place < len(path.steps) and len(path.steps) > 2:
        end = min(place + width, len(path.steps))
        longest = max(map(len, path.words[place : end + 1]))
        found = _searched(path.words[place], path.words[end], end - place - 1, moves, longest, effort)
        if found is not None:
            words = path.words[:place] + found.words + path.words[end + 1 :]
            path = Path(words, path.steps[:place] + found.steps + path.steps[end:]).without_detours()
        place += width // 2
    return path


def _searched(start: Codes, end: Codes, most: int, moves: _Moves, longest: int, effort: int) -> Path | None:
    """A path of at most so many steps found by searching from both ends, if there is one within the bounds."""
    if start == end:
        return Path((start,), ())
    # For each end: how each word was reached from there, and the words to go on from.
    reached: list[dict[Codes, tuple[Codes, Step] | None]] = [{start: None}, {end: None}]
    frontiers = [[start], [end]]
    made = 0
    for _ in range(most):
        side = 0 if len(frontiers[0]) <= len(frontiers[1]) else 1
        here, there = reached[side], reached[1 - side]
        grown: list[Codes] = []
        for word in frontiers[side]:
            for step, other in moves.of(word, longest):
                made += 1
                if made > effort:
                    return None
                if other in here:
                    continue
                here[other] = (word, step)
                if other in there:
                    one, two = (_path(reached[0], other), _path(reached[1], other).reversed())
                    return Path(one.words + two.words[1:], one.steps + two.steps)
                grown.append(other)
        frontiers[side] = grown
        if not grown:
            return None
    return None


def _path(reached: dict[Codes, tuple[Codes, Step] | None], word: Codes) -> Path:
    """The path by which a word was reached."""
    words, steps = [word], list[Step]()
    while (arrival := reached[words[-1]]) is not None:
        words.append(arrival[0])
        steps.append(arrival[1])
    return Path(tuple(reversed(words)), tuple(reversed(steps)))


def is_approximate(axiom: Equation) -> bool:
    """Whether an axiom is an approximate law."""
    source = axiom.axiom
    if isinstance(source, TwoSidedInverse):
        return False  # whatever justifies the inverse is already in use when the word has it
    return source is not None and source.scope == "approximate"

"""Chains of words in which each step uses one axiom, and how to make them shorter."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from augalgebra.algebra.alphabet import Alphabet, Codes
from augalgebra.algebra.expressions import Value
from augalgebra.algebra.rules import InverseAxiom, Lemma, Link, backwards
from augalgebra.algebra.unification import match

SEARCHED_WORDS = 8000
"""Words that are made when a shorter chain is searched for."""
MOST_LETTERS = 1500
"""Letters that the words of a chain may have together for a shorter chain to be looked for."""


@dataclass(frozen=True)
class Use:
    """A link whose source is an axiom, with how often it is applied in a row."""

    link: Link
    times: int = 1


@dataclass(frozen=True)
class Chain:
    """Words and the uses between them (one fewer)."""

    words: tuple[Codes, ...]
    uses: tuple[Use, ...]

    def reversed(self) -> "Chain":
        """The chain read from its end."""
        uses = [Use(backwards([use.link])[0], use.times) for use in reversed(self.uses)]
        return Chain(self.words[::-1], tuple(uses))

    def without_detours(self) -> "Chain":
        """The same with everything between two visits of one word cut out."""
        words: list[Codes] = [self.words[0]]
        uses: list[Use] = []
        places = {self.words[0]: 0}
        for use, word in zip(self.uses, self.words[1:], strict=True):
            place = places.get(word)
            if place is None:
                places[word] = len(words)
                words.append(word)
                uses.append(use)
                continue
            for forgotten in words[place + 1 :]:
                del places[forgotten]
            del words[place + 1 :], uses[place:]
        return Chain(tuple(words), tuple(uses))


def shortened(alphabet: Alphabet, chain: Chain, axioms: Iterable[Lemma] = ()) -> Chain:
    """A chain with the same ends that is as short as a bounded search finds.

    Args:
        alphabet: The codes of the letters.
        chain: The chain; its own axioms may be used again.
        axioms: Further axioms that may be used; approximate laws among them only if the chain uses such
            already.
    """
    if len(chain.uses) < 2 or sum(map(len, chain.words)) > MOST_LETTERS:
        return chain
    own = dict.fromkeys(use.link.source for use in chain.uses)
    approximate = any(_is_approximate(axiom) for axiom in own)
    further = (axiom for axiom in axioms if approximate or not _is_approximate(axiom))
    moves = _Moves(alphabet, dict.fromkeys((*own, *further)))
    chain = _with_shortcuts(chain, moves)
    if len(chain.uses) > 2:
        chain = _searched(chain, moves) or chain
    return chain


class _Moves:
    """What single uses of axioms can do to a word, where matching says what they do."""

    def __init__(self, alphabet: Alphabet, axioms: Iterable[Lemma]) -> None:
        self.alphabet = alphabet
        self._sides: list[tuple[Lemma, bool, Codes, Codes, tuple[int, ...], list[Value], frozenset[str]]] = []
        for axiom in axioms:
            for forward in (True, False):
                old, new = (axiom.lhs, axiom.rhs) if forward else (axiom.rhs, axiom.lhs)
                names = frozenset(alphabet.variables_of((*old, *new)))
                if names <= alphabet.variables_of(old).keys():
                    patterns = [item for code in old for item in alphabet.arguments[code]]
                    self._sides.append((axiom, forward, old, new, alphabet.shapes_of(old), patterns, names))

    def of(self, word: Codes) -> Iterator[tuple[Use, Codes]]:
        """The words one use of an axiom away."""
        alphabet = self.alphabet
        shapes = alphabet.shapes_of(word)
        for axiom, forward, old, new, needed, patterns, names in self._sides:
            size = len(old)
            for start in range(len(word) - size + 1):
                if shapes[start : start + size] != needed:
                    continue
                part = word[start : start + size]
                if not names:
                    if part == old:
                        yield Use(Link(axiom, forward, start, {})), word[:start] + new + word[start + size :]
                    continue
                bindings = match(
                    patterns, [a for code in part for a in alphabet.arguments[code]], [None] * len(patterns)
                )
                if bindings is None or bindings.keys() != names:
                    continue
                try:
                    result = alphabet.instantiate(new, bindings)
                except (ZeroDivisionError, ValueError, TypeError):
                    continue
                if all(bindings[name] != 0 for name in axiom.nonzero):
                    yield (
                        Use(Link(axiom, forward, start, bindings)),
                        word[:start] + result + word[start + size :],
                    )


def _with_shortcuts(chain: Chain, moves: _Moves) -> Chain:
    """Take every shortcut by which one use of an axiom leads from one word of the chain to a later one."""
    count = len(chain.words)
    places = {word: place for place, word in enumerate(chain.words)}
    distance = [0] + [count] * (count - 1)
    arrivals: list[tuple[int, Use] | None] = [None] * count
    for place, word in enumerate(chain.words[:-1]):
        reachable = [(chain.uses[place], place + 1)]
        reachable += [(use, places[other]) for use, other in moves.of(word) if other in places]
        for use, target in reachable:
            if target > place and distance[place] + 1 < distance[target]:
                distance[target] = distance[place] + 1
                arrivals[target] = (place, use)
    words, uses = [chain.words[-1]], list[Use]()
    arrival = arrivals[-1]
    while arrival is not None:
        place, use = arrival
        words.append(chain.words[place])
        uses.append(use)
        arrival = arrivals[place]
    return Chain(tuple(reversed(words)), tuple(reversed(uses)))


def _searched(chain: Chain, moves: _Moves) -> Chain | None:
    """A shorter chain found by searching from both ends, if there is one within the bounds."""
    longest = max(map(len, chain.words))
    # For each end: how each word was reached from there, and the words to go on from.
    reached: list[dict[Codes, tuple[Codes, Use] | None]] = [{chain.words[0]: None}, {chain.words[-1]: None}]
    frontiers = [[chain.words[0]], [chain.words[-1]]]
    made = depth = 0
    while depth + 1 < len(chain.uses) and all(frontiers):
        side = 0 if len(frontiers[0]) <= len(frontiers[1]) else 1
        here, there = reached[side], reached[1 - side]
        grown: list[Codes] = []
        depth += 1
        for word in frontiers[side]:
            for use, other in moves.of(word):
                made += 1
                if made > SEARCHED_WORDS:
                    return None
                if len(other) > longest or other in here:
                    continue
                here[other] = (word, use)
                if other in there:
                    one, two = (_path(reached[0], other), _path(reached[1], other).reversed())
                    return Chain(one.words + two.words[1:], one.uses + two.uses)
                grown.append(other)
        frontiers[side] = grown
    return None


def _path(reached: dict[Codes, tuple[Codes, Use] | None], word: Codes) -> Chain:
    """The chain by which a word was reached."""
    words, uses = [word], list[Use]()
    while (arrival := reached[words[-1]]) is not None:
        words.append(arrival[0])
        uses.append(arrival[1])
    return Chain(tuple(reversed(words)), tuple(reversed(uses)))


def _is_approximate(axiom: Lemma) -> bool:
    source = axiom.axiom
    if isinstance(source, InverseAxiom):
        return False  # whatever justifies the inverse is already in use when the word has it
    return source is not None and source.scope == "approximate"

"""Parameters that laws only pass on, and the few values of them that questions need.

A parameter is *passive* if no law calculates with it: ``rotate(a, fill) * flip_lr = flip_lr * rotate(-a, fill)`` does
so with `a` only. Questions about words in which `fill` is 0 need the laws at that value (and at values that laws
mention) alone. Nothing is lost: replacing every other value by one of these turns each use of a law into a use of a
law and leaves the words asked about as they are, so that a proof through other values yields one without them.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import TypeAlias

from augalgebra.algebra.expressions import Value, as_variable, variables_of
from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import Symbol, Word

Place: TypeAlias = tuple[str, int | str]
"""A family's name and which of its parameters is meant."""
MAX_VALUES = 6
"""Values of one parameter up to which laws are written out."""


def passive_values(words: Iterable[Word], laws: Iterable[Law]) -> dict[Place, tuple[Value, ...]]:
    """The passive parameters of the families in some laws, with the values that matter.

    Args:
        words: The words that will be asked about.
        laws: The laws in play.
    """
    together: dict[Place, Place] = {}  # a forest: places that share a variable of a law have one root
    values: dict[Place, dict[Value, None]] = {}
    active: set[Place] = set()

    def root(place: Place) -> Place:
        while together.setdefault(place, place) != place:
            place = together[place]
        return place

    for law in laws:
        places: dict[str, list[Place]] = {}
        calculated: set[str] = set()
        for place, argument in _arguments(law.symbols):
            name = as_variable(argument)
            if name is not None:
                places.setdefault(name, []).append(root(place))
            elif variables_of(argument):
                active.add(place)
                calculated |= variables_of(argument)
            else:
                values.setdefault(place, {})[argument] = None
        for name, shared in places.items():
            for place in shared[1:]:
                together[root(place)] = root(shared[0])
            if name in calculated:
                active.update(shared)
    for place, argument in _arguments(symbol for word in words for symbol in word.symbols):
        if variables_of(argument):  # an unknown constant is not to be mistaken for a variable of a law
            active.add(place)
        else:
            values.setdefault(place, {})[argument] = None
    excluded = {root(place) for place in active}
    shared_values: dict[Place, dict[Value, None]] = {}
    for place, found in values.items():
        shared_values.setdefault(root(place), {}).update(found)
    return {
        place: tuple(shared_values[root(place)])
        for place in together
        if root(place) not in excluded and 0 < len(shared_values.get(root(place), ())) <= MAX_VALUES
    }


def special_cases(law: Law, passive: Mapping[Place, tuple[Value, ...]]) -> Iterator[dict[str, Value]]:
    """The values for those variables of a law that stand for passive parameters, in all combinations."""
    choices: dict[str, tuple[Value, ...]] = {}
    for place, argument in _arguments(law.symbols):
        name = as_variable(argument)
        if name is not None and place in passive:
            choices[name] = passive[place]
    for chosen in product(*choices.values()):
        yield dict(zip(choices, chosen, strict=True))


def is_covered(word: Word, passive: Mapping[Place, tuple[Value, ...]]) -> bool:
    """Whether all passive parameters in a word have values that the laws were written out for."""
    return all(argument in passive.get(place, (argument,)) for place, argument in _arguments(word.symbols))


def _arguments(symbols: Iterable[Symbol]) -> Iterator[tuple[Place, Value]]:
    for symbol in symbols:
        for index, argument in enumerate(symbol.args):
            yield (symbol.name, index), argument
        for key, argument in symbol.kwargs:
            yield (symbol.name, key), argument

"""Rows about words: completion of laws, normal forms one by one and in batches, products of operators, closures.

What completion is given are laws that have been read already; what it gives is a confluent system. Ours finds formal
inverses itself; where a law writes one, libsemigroups gets it as a letter with its two definitions.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.algebra import CayleyAutomaton
from augalgebra.algebra.froidure_pin import ExactFinder, close
from augalgebra.algebra.laws import parse_law
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.words import Letter, Word
from augalgebra.operators import FiniteGroup, OperatorRegistry, build_representation
from bench.harness import Call, Peer, Row
from bench.presentations import GROUPS, LARGER, OURS

LETTERS = 12
LIBSEMIGROUPS, SYMPY = "libsemigroups (C++)", "sympy"
WITHIN, AHEAD = 0.1, 50
"""Completion: at most ten times as long as libsemigroups, and fifty times ahead of sympy."""
A_MILLION = 1e6
ENDLESS = "does not end within minutes"


def rows(*, smoke: bool) -> Iterator[Row]:
    """The rows."""
    for name, laws in list({**GROUPS, **LARGER}.items())[: 1 if smoke else None]:
        given = Presentation.of(map(parse_law, laws))
        sympy = Peer.of(SYMPY, "sympy", lambda _, given=given: Sympy(given).complete, AHEAD)
        if name in LARGER:
            sympy = Peer(SYMPY, None, ENDLESS, AHEAD)
        yield Row(
            f"completion of {name}",
            lambda given=given: complete(given),
            (Peer.of(LIBSEMIGROUPS, "libsemigroups_pybind11", lambda m, given=given: Cpp(m, given).run, WITHIN), sympy),
        )
    for name, laws in OURS.items():
        given = Presentation.of(map(parse_law, laws))
        why = Peer(LIBSEMIGROUPS, None, "cannot say families" if "rotations" in name else ENDLESS)
        yield Row(f"completion of {name}", lambda given=given: complete(given), (why,))
    yield from _reductions(1000 if smoke else 1_000_000)
    yield _product(100 if smoke else 10_000)
    for degree in (4,) if smoke else (4, 5, 6, 7):
        yield _closure(degree)


class Cpp:
    """Knuth-Bendix completion by libsemigroups.

    Args:
        library: The module.
        given: What is completed.
    """

    def __init__(self, library: Any, given: Presentation) -> None:
        self._silence = library.ReportGuard(False)  # for as long as it lives
        self._library, self._given = library, given
        written = [letter for law in given.laws for side in (law.lhs, law.rhs) for letter in side]
        self._inverted = dict.fromkeys(letter for letter in written if letter.inverse)
        letters = [*(Letter(symbol) for symbol in given.generators), *self._inverted]
        self._code = {letter: chr(ord("a") + place) for place, letter in enumerate(letters)}

    def spell(self, word: Word) -> str:
        """A word in its letters."""
        return "".join(self._code[letter] for letter in word)

    def run(self) -> Any:
        """From laws to the completed system."""
        library, code = self._library, self._code
        theirs = library.Presentation("".join(code.values()))
        theirs.contains_empty_word(True)
        for law in self._given.laws:
            library.presentation.add_rule(theirs, self.spell(law.lhs), self.spell(law.rhs))
        for letter in self._inverted:
            pair = code[Letter(letter.symbol)], code[letter]
            library.presentation.add_rule(theirs, "".join(pair), "")
            library.presentation.add_rule(theirs, "".join(pair[::-1]), "")
        system = library.KnuthBendix(library.congruence_kind.twosided, theirs)
        system.run()
        return system


class Sympy:
    """Knuth-Bendix completion by sympy, which knows groups only.

    Args:
        given: What is completed.
    """

    def __init__(self, given: Presentation) -> None:
        from sympy.combinatorics.free_groups import free_group

        self._group, *symbols = free_group(",".join(symbol.name for symbol in given.generators))
        self._letters = dict(zip((symbol.name for symbol in given.generators), symbols, strict=True))
        self._relators = [self.spell(law.lhs) * self.spell(law.rhs) ** -1 for law in given.laws]

    def spell(self, word: Word) -> Any:
        """A word in its letters."""
        result = self._group.identity
        for symbol, exponent in word.syllables:
            result *= self._letters[symbol.name] ** exponent
        return result

    def complete(self) -> Any:
        """From laws to the completed system."""
        from sympy.combinatorics.fp_groups import FpGroup

        group = FpGroup(self._group, self._relators)
        group.make_confluent()
        if not group._rewriting_system.is_confluent:
            raise ArithmeticError("sympy gave up")
        return group


def _reductions(count: int) -> Iterator[Row]:
    """Normal forms of random words of twelve letters in the symmetries of the square."""
    catalog = aa.load_catalog()
    generators = [catalog.word("flip_lr"), catalog.word("rotate_cw")]
    system = catalog.system(*generators).exact
    automaton = CayleyAutomaton.of(system, generators)
    numbers = np.random.default_rng(0).integers(1, len(generators) + 1, (count, LETTERS)).astype(np.uint8)
    words = [Word.from_letters(automaton.letters[number - 1] for number in row) for row in numbers[:1000]]
    if automaton.reduce(words) != [system.normal_form(word) for word in words]:
        raise ArithmeticError("the batch has other normal forms")
    given = Presentation.of(map(parse_law, GROUPS["D4, 2 generators"]))
    plain = dict(zip([word.symbols[0] for word in generators], given.generators, strict=True))

    def other(library: Any) -> Call:
        theirs = Cpp(library, given)
        translated = [Word(tuple((plain[symbol], power) for symbol, power in word.syllables)) for word in words]
        spelt = list(map(theirs.spell, translated))
        done = theirs.run()
        return lambda: [done.reduce(text) for text in spelt]

    counted = f"words of {LETTERS} letters in flip_lr and rotate_cw"
    yield Row(
        "reduction in a batch, letters as numbers",
        lambda: automaton.walk(numbers),
        counted=f"{count:,} {counted}, one array",
        unit="words/s",
        per=count,
        limit=A_MILLION,
    )
    yield Row(
        "reduction in a batch, from words to words",
        lambda: automaton.reduce(words),
        (
            Peer("rules, word by word", lambda: [system.normal_form(word) for word in words], bar=1),
            Peer.of(f"{LIBSEMIGROUPS}, word by word", "libsemigroups_pybind11", other),
        ),
        counted=f"1,000 {counted}",
        unit="words/s",
        per=len(words),
    )


def _product(count: int) -> Row:
    """A word of eight letters on a batch of latents: one product."""
    dim, catalog = 32, aa.load_catalog()
    generators = [catalog.word("flip_lr"), catalog.word("rotate_cw")]
    group = FiniteGroup.closure(catalog.system(*generators).exact, generators)
    if group is None:
        raise ArithmeticError("these generate a group of eight elements")
    registry = OperatorRegistry(dim, "bench", catalog)
    registry.set_matrices(build_representation(group, dim))
    word = "(flip_lr * rotate_cw)^3 * rotate_cw^2"
    single = [registry.operator(Word.from_letters([letter])) for letter in catalog.word(word).letters]
    latents = torch.randn(count, dim)

    def one_by_one() -> Tensor:
        moved = latents
        for operator in single:
            moved = operator.apply(moved)
        return moved

    apart = float((registry.operator(word).apply(latents) - one_by_one()).abs().max())
    return Row(
        "a word of 8 letters on latents",
        lambda: registry.operator(word).apply(latents),
        (Peer("letter by letter", one_by_one, bar=4),),
        counted=f"{count:,} latents of {dim} coordinates, the operator looked up each time",
        note=lambda: f"largest difference {apart:.1g}",
    )


def _closure(degree: int) -> Row:
    """All elements of a symmetric group from two permutations."""
    maps = [(1, 0, *range(2, degree)), (*range(1, degree), 0)]

    def ours() -> object:
        return close(
            len(maps),
            lambda generator, state: tuple([maps[generator][point] for point in state]),
            tuple(range(degree)),
            ExactFinder(lambda state: state),
            max_elements=10_000,
        )

    def sympy(module: Any) -> Call:
        def call() -> object:
            group = module.PermutationGroup([module.Permutation(list(one)) for one in maps])
            return list(group.generate_schreier_sims())

        return call

    def libsemigroups(module: Any) -> Call:
        def call() -> object:
            silence = module.ReportGuard(False)  # for as long as it lives
            enumeration = module.FroidurePin([module.Perm(list(one)) for one in maps])
            enumeration.run()
            return enumeration, silence

        return call

    return Row(
        f"all elements of S{degree} from two permutations",
        ours,
        (
            Peer.of(SYMPY, "sympy.combinatorics", sympy),
            Peer.of(LIBSEMIGROUPS, "libsemigroups_pybind11", libsemigroups),
        ),
    )

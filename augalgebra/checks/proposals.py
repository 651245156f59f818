"""Laws that hold on images but were not declared.

What one augmentation does to a few small images is looked up among what all short words in the others do, so that
equalities, commutations and absorptions come out of one table instead of a comparison of every pair. Whatever is found
there has to pass the check that declared laws pass, on images of other sizes too, before it is proposed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from augalgebra.algebra.froidure_pin import ToleranceFinder
from augalgebra.algebra.laws import Law, commutation
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.words import Letter, Symbol, Word, word_of
from augalgebra.augmentation import Augmentation
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.catalog import Catalog
from augalgebra.catalog.declarations import declared_laws
from augalgebra.catalog.restoring import recognise
from augalgebra.checks.evaluation import Evaluator, Symbols
from augalgebra.checks.instances import instances
from augalgebra.checks.law_checker import LawChecker
from augalgebra.checks.probe_images import blob_images, noise_images
from augalgebra.checks.probes import Probe, standard_probes
from augalgebra.checks.results import LawResult
from augalgebra.checks.tolerances import tolerance_of
from augalgebra.errors import AugalgebraError, ParameterError
from augalgebra.parameters import REQUIRED
from augalgebra.plain import PlainData

MAX_POWER = 30
"""Powers that are looked through for a period."""
MAX_LENGTH = 3
"""Longest word that an augmentation is looked for among."""
MAX_WORDS = 2500
"""Words that are tried for that."""
MAX_STEPS = 1000
"""Steps of completion that are taken to see whether a law follows from others."""
SMALL = (16, 21)
"""Height and width of the images that words are told apart on."""
SIZES = ((28, 28), (23, 27))
"""Heights and widths a proposed law has to hold on: a shift by 1 pixel has period 28 on the first only."""

DRAWS = 12
"""Parameter values, for each size and number of channels, that a law of a family has to hold at to be proposed."""


@dataclass(frozen=True)
class Proposal(PlainData):
    """A law that holds on images and does not follow from what is declared.

    Attributes:
        law: The law.
        equation: It as text for people.
        error: Largest error of a pixel.
        moved: How far the augmentations in it displace the images.
        n: How many images times parameter values were compared.
    """

    law: Law
    equation: str
    error: float
    moved: float
    n: int
    in_json = "law.owner as augmentation", "law.kind as law", "equation", "error", "moved", "n"


def propose(
    catalog: Catalog, names: Iterable[str], *, seed: int = 0, progress: CaseProgress = unseen
) -> tuple[Proposal, ...]:
    """Look for laws of some augmentations that hold but do not follow from the declared ones.

    Looked for are periods and powers that repeat, idempotence, the shortest equal word in the other augmentations,
    inverses (on one side or both), commutations, products that equal a shorter or another product, and, for families,
    parameters that add up or multiply. All of them are exact: what holds nearly is not proposed, nor is what no image
    was moved enough to tell.

    Args:
        catalog: Where they and everything they may have to do with are.
        names: Full names of the augmentations.
        seed: Seed of the images.
        progress: Called before each of them.
    """
    found: list[Proposal] = []
    confirm = _Confirmation(catalog, seed)
    names = tuple(names)
    for number, name in enumerate(names):
        progress(number, len(names), f"looking for laws of {catalog.short_name(name)}")
        augmentation = catalog.resolve(name)
        search = _candidates_of_family if augmentation.params else _candidates
        known = _extended(catalog, found)
        for law in search(catalog, augmentation, seed):
            if _is_declared(known, law) or _follows(known, law):
                continue
            proposal = confirm(law)
            if proposal is None:
                continue
            found.append(proposal)
            known = _extended(catalog, found)
            if law.kind == "equals":
                break  # everything else is a law of the word that it is equal to
    return tuple(found)


class _Confirmation:
    """Checks laws as declared ones are, on images of several sizes with one and three channels."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self.catalog = catalog
        kinds = [(size, channels) for size in SIZES for channels in (1, 3)]
        # each its own seed, so that families are tried at other parameters too
        self.checkers = [
            LawChecker(
                catalog,
                standard_probes(channels, *size, seed=seed + number),
                draws=DRAWS,
                seed=seed + number,
                alternatives=False,
            )
            for number, (size, channels) in enumerate(kinds)
        ]

    def __call__(self, law: Law) -> Proposal | None:
        """The law with its largest error, if it holds on images of some kind and fails on none."""
        held: list[LawResult] = []
        for checker in self.checkers:
            result = checker.check(law)
            if result.verdict == "violated":
                return None
            if result.verdict == "holds":
                held.append(result)
        if not held:
            return None
        return Proposal(
            law,
            self.catalog.display(law),
            max(result.error or 0.0 for result in held),
            max(result.moved or 0.0 for result in held),
            sum(result.n for result in held),
        )


def _candidates(catalog: Catalog, augmentation: Augmentation, seed: int) -> Iterator[Law]:
    """What seems to hold of an augmentation without parameters, the most telling first."""
    table = _Table(catalog, augmentation, seed)
    own = table.own
    yield from _owned(augmentation, table.powers())
    equal = table.equal_word()
    if equal is not None:
        yield from _owned(augmentation, [(own, equal)])
    yield from _owned(augmentation, table.products())
    for other in _families(catalog, augmentation):
        law = _bound(catalog, augmentation, commutation(own, word_of(other.name)))
        if table.holds(law):
            yield law


def _candidates_of_family(catalog: Catalog, augmentation: Augmentation, seed: int) -> Iterator[Law]:
    """What seems to hold of a family for all its parameters."""
    screen = LawChecker(catalog, _small_probes(3, seed), draws=2, seed=seed, alternatives=False)
    kinds: list[dict[str, Any]] = [{"inverse": "self"}, {"idempotent": True}]
    numeric = [param.name for param in augmentation.params if _is_numeric(param.default)]
    kinds += [{key: name} for name in numeric for key in ("additive", "multiplicative")]
    others = [other.name for other in (*_plain(catalog, augmentation), *_families(catalog, augmentation))]
    kinds += [{"commutes_with": [name]} for name in others]
    for keywords in kinds:
        try:
            laws = [catalog.law(law) for law in declared_laws(augmentation, **keywords)]
        except ParameterError:  # adding up needs f(0), which may lie outside the range
            continue
        if all(screen.check(law).verdict == "holds" for law in laws):
            yield from laws


class _Table:
    """What short words in the other augmentations make of a few small images, and where one augmentation is in it."""

    def __init__(self, catalog: Catalog, augmentation: Augmentation, seed: int) -> None:
        self.catalog = catalog
        symbol = augmentation.bind(Symbol(augmentation.name))
        self.own = Word(((symbol, 1),))
        self.letter = (symbol,)
        self.screens = [
            LawChecker(catalog, _small_probes(channels, seed), draws=2, seed=seed, alternatives=False)
            for channels in (3, 1)
        ]
        self.evaluator = self._usable(seed)
        self.finder: ToleranceFinder[Symbols] = ToleranceFinder(
            max(tolerance_of(torch.float32), augmentation.tolerance or 0.0), self._state
        )
        self.words: list[Symbols] = []
        self._add(())
        self.alphabet = [
            letter for other in _plain(catalog, augmentation) if self._add(letter := (other.bind(Symbol(other.name)),))
        ]

    def powers(self) -> Iterator[tuple[Word, Word]]:
        """The first two powers that are equal, least first."""
        finder: ToleranceFinder[Symbols] = ToleranceFinder(self.finder.tolerance, self._state)
        finder.add(())
        for exponent in range(1, MAX_POWER + 1):
            earlier = self._find(finder, self.letter * exponent)
            if earlier is not None:
                if exponent > 1:
                    yield self.own**exponent, self.own**earlier
                return
            if not self._applies(self.letter * exponent):
                return
            finder.add(self.letter * exponent)

    def equal_word(self) -> Word | None:
        """The shortlex-least word in the others that does the same."""
        if not self._applies(self.letter):
            return None
        place = self.finder.find(self.letter)
        tried = 0
        frontier: list[Symbols] = [*self.alphabet]
        for _ in range(2, MAX_LENGTH + 1):
            grown = []
            for word in frontier:
                for letter in self.alphabet:
                    if place is not None or tried == MAX_WORDS:
                        break
                    tried += 1
                    if self._add(longer := (*word, *letter)):
                        grown.append(longer)
                        if self.finder.find(self.letter) is not None:
                            place = len(self.words) - 1
            frontier = grown
        return None if place is None else _word(self.words[place])

    def products(self) -> Iterator[tuple[Word, Word]]:
        """Products with another augmentation, first where the order does not matter, then others known already."""
        rest: list[Symbols] = []
        for letter in self.alphabet:
            after, before = (*self.letter, *letter), (*letter, *self.letter)
            if not (self._applies(after) and self._applies(before)):
                continue
            if self._same(after, before):
                yield _word(after), _word(before)
                rest.append(after)
            else:
                rest.extend([after, before])
        if self._applies(self.letter) and self.finder.find(self.letter) is None:
            self._add(self.letter)
        for product in rest:
            place = self.finder.find(product)
            if place is None:
                self._add(product)
            else:
                yield _word(product), _word(self.words[place])

    def holds(self, law: Law) -> bool:
        """Whether a law holds on the small images."""
        return any(screen.check(law).verdict == "holds" for screen in self.screens)

    def _usable(self, seed: int) -> Evaluator:
        """Colour images if the augmentation takes them, else grey ones."""
        self.evaluator = Evaluator(self.catalog, _small_probes(3, seed))
        return self.evaluator if self._applies(self.letter) else Evaluator(self.catalog, _small_probes(1, seed))

    def _applies(self, symbols: Symbols) -> bool:
        try:
            self.evaluator.apply(0, symbols)
        except AugalgebraError:
            return False
        return True

    def _add(self, symbols: Symbols) -> bool:
        """Put a word in, if it can be applied and does what none before it does."""
        if not self._applies(symbols) or self.finder.find(symbols) is not None:
            return False
        self.finder.add(symbols)
        self.words.append(symbols)
        return True

    def _find(self, finder: ToleranceFinder[Symbols], symbols: Symbols) -> int | None:
        return finder.find(symbols) if self._applies(symbols) else None

    def _same(self, left: Symbols, right: Symbols) -> bool:
        a, b = self._state(left), self._state(right)
        return a.shape == b.shape and bool(np.abs(a - b).max() <= self.finder.tolerance)

    def _state(self, symbols: Symbols) -> "np.ndarray[Any, Any]":
        images = self.evaluator.apply(0, symbols)
        # the size too: 16×21 pixels are as many as 21×16
        return np.concatenate([images.shape[-2:], images.reshape(-1).numpy()])


def _small_probes(channels: int, seed: int) -> tuple[Probe, ...]:
    size = (channels, *SMALL)
    blob = Probe("blobs", blob_images(*size, count=1, seed=seed), smooth=True)
    return blob, Probe("noise", noise_images(*size, count=2, seed=seed))


def _plain(catalog: Catalog, besides: Augmentation) -> list[Augmentation]:
    """The others without parameters that would have to be chosen, the best known first."""
    others = [
        other
        for other in catalog.augmentations.values()
        if other.name != besides.name
        and not other.random
        and all(param.default is not REQUIRED for param in other.params)
    ]
    known = _precedence(catalog)
    return sorted(others, key=lambda other: known.get(other.name, 2))


def _precedence(catalog: Catalog) -> dict[str, int]:
    """What is defined by others comes after them; mere other names, and what no law is known of, come last."""
    ranks: dict[str, int] = {}
    for law in catalog.laws:
        rank = 0 if law.kind != "equals" else 2 if len(law.rhs) == 1 else 1
        ranks[law.owner] = max(rank, ranks.get(law.owner, 0))
    return ranks


def _families(catalog: Catalog, besides: Augmentation) -> list[Augmentation]:
    """The others whose numbers have to be chosen, and which laws therefore speak of as a whole."""
    return [
        other
        for other in catalog.augmentations.values()
        if other.name != besides.name
        and (other.random or any(param.default is REQUIRED for param in other.params))
        and all(param.default is REQUIRED or _is_numeric(param.default) for param in other.params)
    ]


def _is_numeric(default: object) -> bool:
    return default is REQUIRED or (isinstance(default, int | float) and not isinstance(default, bool))


def _owned(augmentation: Augmentation, sides: Iterable[tuple[Word, Word]]) -> Iterator[Law]:
    for lhs, rhs in sides:
        yield recognise(Law(lhs, rhs, owner=augmentation.name))


def _bound(catalog: Catalog, augmentation: Augmentation, sides: tuple[Word, Word]) -> Law:
    return catalog.law(Law(*sides, kind="commutes", owner=augmentation.name))


def _word(symbols: Symbols) -> Word:
    return Word.from_letters(map(Letter, symbols))


def _extended(catalog: Catalog, proposals: Sequence[Proposal]) -> Catalog:
    """The catalog with proposals taken for laws."""
    if not proposals:
        return catalog
    laws = (*catalog.laws, *(proposal.law for proposal in proposals))
    return Catalog(catalog.augmentations, laws, catalog.plugins, catalog.managers)


def _is_declared(catalog: Catalog, law: Law) -> bool:
    sides = {law.lhs, law.rhs}
    return any({other.lhs, other.rhs} == sides for other in catalog.laws if other.is_equation and not other.conditions)


def _follows(catalog: Catalog, law: Law) -> bool:
    """Whether the exact laws prove it, for one that speaks of a family at some value; what takes long does not."""
    if len({name.rpartition(".")[0] for name in law.variables}) > 1:
        return False  # completing the laws of two families takes longer than it is worth
    try:
        instance = next(instances(catalog, law, draws=1), None)
        if instance is None:
            return False
        presentation = Presentation.around([instance.lhs, instance.rhs], catalog.laws).exact_only()
        system = complete(presentation, max_rules=100, max_length=8, max_steps=MAX_STEPS)
        return system.normal_form(instance.lhs) == system.normal_form(instance.rhs)
    except AugalgebraError:
        return False

"""What undoes a word on images, where no law says it: inverses that are tried, and proofs that there is none."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import torch

from augalgebra.algebra.conditions import ALWAYS, DARK, SQUARE, Conditions
from augalgebra.algebra.expressions import Value
from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import IDENTITY, Symbol, Word
from augalgebra.catalog import Catalog
from augalgebra.checks.evaluation import Evaluator
from augalgebra.checks.instances import instances
from augalgebra.checks.probes import standard_probes
from augalgebra.checks.singular import find_collision
from augalgebra.checks.tolerances import MOVED_EXACT, NEAR_RMS, NEAR_SHARE, Norm, differences, exact_tolerance
from augalgebra.errors import AugalgebraError
from augalgebra.parameters import REQUIRED

Kind = Literal["two-sided", "right", "left", "approximate", "none", "unknown", "vacuous"]
_RANKS: Mapping[Kind, int] = {"two-sided": 4, "right": 3, "approximate": 2, "left": 1, "unknown": 0}
MAX_POWER = 12
"""Powers that are looked through for one that is the identity."""
FEW = ("index", "noise", "negatives", "glyphs")
"""Probes that have every grey level, neighbours unlike each other, a white background, and smooth content."""
NEAR, SHARE = 2 * NEAR_RMS, 2 * NEAR_SHARE
"""Largest error of what is nearly restored, and its share of the displacement: twice those of a single step."""


@dataclass(frozen=True)
class RoundTrip:
    """What undoes a word, as far as images can tell.

    Attributes:
        kind: Whether `word` restores every probe whether it comes after or before (``two-sided``), only after
            (``right``), only before (``left``), or nearly (``approximate``); or whether two images have one result
            (``none``), nothing was found either way (``unknown``), or the word moves nothing (``vacuous``).
        word: What undoes it, if anything does.
        reason: One line for people.
        error: Largest error of a restored probe: of a pixel, or root mean square if ``approximate``.
        moved: How far the word displaces the probe that it displaces most.
        conditions: The pictures that this was found for; empty if it was for all. Where it is a dark border, what
            restores them is called approximate, since it says nothing of what is at the border.
    """

    kind: Kind
    word: Word | None
    reason: str
    error: float | None = None
    moved: float | None = None
    conditions: Conditions = ALWAYS


def probe_evaluators(
    catalog: Catalog, height: int, width: int, *, seed: int = 0, few: bool = False
) -> tuple[Evaluator, ...]:
    """The built-in probes in grey and in colour.

    Args:
        catalog: Where augmentations are looked up.
        height: Their height.
        width: Their width.
        seed: Seed of the probes.
        few: Keep one image each of `FEW` only, where many words are to be compared.
    """
    chosen = []
    for channels in (1, 3):
        probes = standard_probes(channels, height, width, seed=seed)
        if few:
            probes = tuple(replace(probe, images=probe.images[:1]) for probe in probes if probe.name in FEW)
        chosen.append(Evaluator(catalog, probes))
    return tuple(chosen)


def fix_parameters(catalog: Catalog, word: str | Word) -> Word:
    """A word in which everything drawn at random, or required and left out, has a fixed simple value.

    Raises:
        AugalgebraError: The word cannot be resolved, or there is no value to be found.
    """
    word = _with_required(catalog, word)
    # one seed is as good as another, and 0 is the shortest
    seeds = {name: Fraction(0) for symbol in word.symbols for name in symbol.variables if name.endswith(".seed")}
    word = word.map(lambda symbol: symbol.substitute(seeds))
    tried = list(instances(catalog, Law(word, IDENTITY), draws=2))
    if not tried:
        raise AugalgebraError(f"found no parameters for {catalog.display(word)}; give them")
    return tried[-1].lhs  # the first are the least telling: rotate(2) where the second is rotate(30)


def _with_required(catalog: Catalog, word: str | Word) -> Word:
    """The canonical word; a bare name of a family stands for its members, parameters with a default at that."""
    if isinstance(word, str) and word.replace(".", "").isidentifier():
        augmentation = catalog.resolve(word)
        missing = {
            param.name: augmentation.variable(param)
            for param in augmentation.params
            if param.default is REQUIRED and param.draw is None
        }
        return catalog.word(Symbol(augmentation.name, (), tuple(sorted(missing.items()))))
    return catalog.word(word)


def measure_inverse(
    evaluators: Sequence[Evaluator],
    word: Word,
    candidates: Iterable[Word] = (),
    *,
    collisions: bool = True,
    made: Sequence[Evaluator] | None = None,
) -> RoundTrip:
    """Look for what undoes a word on probes, and for images that show that nothing can.

    Tried are the given words, the word itself, it with one number (or pair of numbers) negated or inverted, and its
    powers. An inverse that restores every probe is preferred to one that restores square ones only, that to one that
    nearly does, and that to a proof that there is none.

    Args:
        evaluators: The probes, each of one size; those that the word cannot be applied to are left out.
        word: A word without variables.
        candidates: Words to try first.
        collisions: Whether to look for two images with one result.
        made: Probes as large as what the word makes, for a word that can be applied to pictures of one size only.

    Raises:
        AugalgebraError: The word can be applied to no probe.
    """
    kept = usable(evaluators, word)
    # refusing all rectangles is one way of being for squares only
    own = SQUARE if _square(kept) and not _square(evaluators) else ALWAYS
    moved = _worst(kept, IDENTITY, word, "max")
    enough = MOVED_EXACT * exact_tolerance(kept[0].catalog, (word,), kept[0].dtype)
    if moved <= enough:
        return RoundTrip("vacuous", None, "it does nothing to the probes", None, moved)
    tried = tuple(candidates)
    found = _tried(kept, word, tried, made)
    for conditions in (SQUARE, DARK, SQUARE | DARK):
        if found.kind in ("two-sided", "right") or ("square" in conditions and _square(kept)):
            continue
        some = [item for item in (one.meeting(conditions) for one in kept) if item.batches]
        if not some or _worst(some, IDENTITY, word, "max") <= enough:
            continue
        narrowed = _tried(some, word, tried, made)
        if "dark border" in conditions and narrowed.kind in ("two-sided", "right"):
            narrowed = replace(narrowed, kind="approximate")
        if _RANKS[narrowed.kind] > max(_RANKS[found.kind], _RANKS["left"]):
            found = replace(narrowed, conditions=conditions)
    if collisions and _RANKS[found.kind] <= _RANKS["left"]:
        reason = _collision([item for item in kept if _worst([item], IDENTITY, word, "max") > enough], word)
        if reason:
            return RoundTrip("none", None, reason, None, moved)
    return replace(found, conditions=found.conditions | own)


def _square(evaluators: Iterable[Evaluator]) -> bool:
    """Whether all probes are as high as wide."""
    return all(batch.images.shape[2] == batch.images.shape[3] for item in evaluators for batch in item.batches)


def _tried(
    evaluators: Sequence[Evaluator], word: Word, candidates: Sequence[Word], made: Sequence[Evaluator] | None
) -> RoundTrip:
    """The best of the words that may undo another one on some probes."""
    catalog, dtype = evaluators[0].catalog, evaluators[0].dtype
    tolerance = exact_tolerance(catalog, (word,), dtype)
    moved = _worst(evaluators, IDENTITY, word, "max")
    show = catalog.display
    best: RoundTrip | None = None
    # powers last: a shift by 9 of 12 pixels undoes one by 3, but on images of that size only
    tried = [*candidates, word, *_variations(catalog, word), *_powers(evaluators, word, tolerance)]
    nearly: tuple[float, Word | None] = math.inf, None
    for candidate in dict.fromkeys(item for item in tried if item):
        limit = max(tolerance, exact_tolerance(catalog, (candidate,), dtype))
        after = _worst(evaluators, IDENTITY, word * candidate, "max", limit)
        before = _worst(evaluators if made is None else made, IDENTITY, candidate * word, "max", limit)
        if after <= limit and before <= limit:
            reason = f"{show(word * candidate)} restores every probe, and so does {show(candidate * word)}"
            return RoundTrip("two-sided", candidate, reason, max(after, before), moved)
        if after <= limit:
            reason = f"{show(word * candidate)} restores every probe, but {show(candidate * word)} does not"
            best = RoundTrip("right", candidate, reason, after, moved)
        elif before <= limit and best is None:
            reason = f"{show(candidate * word)} restores every probe, but {show(word * candidate)} does not"
            best = RoundTrip("left", candidate, reason, before, moved)
        rms = _worst(evaluators, IDENTITY, word * candidate, "rms", min(nearly[0], NEAR))
        nearly = min(nearly, (rms, candidate), key=lambda item: item[0])
    if best is not None and best.kind == "right":
        return best
    rms, nearest = nearly
    displaced = _worst(evaluators, IDENTITY, word, "rms")
    if nearest is not None and rms <= min(NEAR, SHARE * displaced):
        reason = f"{show(word * nearest)} restores the probes with an error of {rms:.2g} (root mean square)"
        return RoundTrip("approximate", nearest, reason, rms, displaced)
    unknown = "nothing that was tried undoes it, and no two images were found to have one result"
    return best or RoundTrip("unknown", None, unknown, None, moved)


def round_trip_error(
    evaluators: Sequence[Evaluator], word: Word, inverse: Word, conditions: Conditions = ALWAYS, norm: Norm = "rms"
) -> tuple[float | None, float | None]:
    """How nearly a word is undone on probes that meet some conditions, and how far it moves them.

    Root mean squares are of smooth probes. What is drawn at random is the same in both words, and has one fixed value
    for all images.

    Returns:
        None twice if the words can be applied to no probe.
    """
    catalog = evaluators[0].catalog
    try:
        both = list(instances(catalog, Law(word, inverse), draws=2))[-1]
        some = [item for item in (one.meeting(conditions) for one in evaluators) if item.batches]
        kept = usable(some, both.lhs * both.rhs)
    except (AugalgebraError, IndexError):
        return None, None
    return _worst(kept, IDENTITY, both.lhs * both.rhs, norm), _worst(kept, IDENTITY, both.lhs, norm)


def usable(evaluators: Sequence[Evaluator], word: Word) -> list[Evaluator]:
    """The evaluators on whose probes a word can be applied.

    Raises:
        AugalgebraError: There are none; the message is that of the last one.
    """
    kept: list[Evaluator] = []
    problem = AugalgebraError(f"there are no probes for {word}")
    for evaluator in evaluators:
        try:
            for number in range(len(evaluator.batches)):
                evaluator.apply(number, evaluator.symbols(word))
        except AugalgebraError as error:
            problem = error
        else:
            kept.append(evaluator)
    if not kept:
        raise problem
    return kept


def _worst(evaluators: Sequence[Evaluator], left: Word, right: Word, norm: Norm, enough: float = math.inf) -> float:
    """Largest difference between two words: over all probes, or over the smooth ones if root mean square.

    Nothing more is looked at once it is larger than `enough`.
    """
    worst = 0.0
    for evaluator in evaluators:
        try:
            one, other = evaluator.symbols(left), evaluator.symbols(right)
            for number, batch in enumerate(evaluator.batches):
                apart = differences(evaluator.apply(number, one), evaluator.apply(number, other), norm)
                worst = max(worst, float((apart if norm == "max" else apart[batch.smooth]).max()))
                if worst > enough:
                    return worst
        except AugalgebraError:  # a candidate that cannot be applied undoes nothing
            return math.inf
    return worst


def _powers(evaluators: Sequence[Evaluator], word: Word, tolerance: float) -> Iterator[Word]:
    """The power that comes before the first one that is the identity."""
    for exponent in range(3, MAX_POWER + 1):
        if _worst(evaluators, IDENTITY, word**exponent, "max", tolerance) <= tolerance:
            yield word ** (exponent - 1)
            return


def _variations(catalog: Catalog, word: Word) -> Iterator[Word]:
    """A word of one letter with one argument negated or inverted, where its parameters allow that."""
    if word.length != 1:
        return
    symbol = word.letters[0].symbol
    params = catalog.resolve(symbol.name).params
    for place, (param, argument) in enumerate(zip(params, symbol.args, strict=True)):
        if param.name == "seed":
            continue
        for other in (_negated(argument), _inverted(argument)):
            if other is None or other == argument:
                continue
            arguments = (*symbol.args[:place], other, *symbol.args[place + 1 :])
            try:
                yield catalog.word(Symbol(symbol.name, arguments))
            except AugalgebraError:  # out of the parameter's range
                continue


def _negated(value: Value) -> Value | None:
    if isinstance(value, Fraction):
        return -value
    if isinstance(value, tuple):
        parts = [_negated(part) for part in value]
        return None if None in parts else tuple(part for part in parts if part is not None)
    return None


def _inverted(value: Value) -> Value | None:
    if isinstance(value, Fraction):
        return 1 / value if value else None
    if isinstance(value, tuple):
        parts = [_inverted(part) for part in value]
        return None if None in parts else tuple(part for part in parts if part is not None)
    return None


def _collision(evaluators: Sequence[Evaluator], word: Word) -> str:
    """Two clearly different images with one result, in words; empty if none were found at the first size."""
    size = evaluators[0].batches[0].images.shape[2:]
    for evaluator in (item for item in evaluators if item.batches[0].images.shape[2:] == size):
        with torch.inference_mode():
            found, _, _ = find_collision(evaluator, [word])
        if found is not None:
            return str(found)
    return ""

"""Laws that say what an augmentation keeps: pictures with a dark border have one still, squares stay square."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from augalgebra.algebra.conditions import PHRASES
from augalgebra.algebra.words import Word
from augalgebra.checks.evaluation import Evaluator
from augalgebra.checks.instances import Instance, shown_bindings
from augalgebra.checks.probe_images import DARK, blackened, border_of
from augalgebra.checks.results import Counterexample, LawResult, is_failure
from augalgebra.checks.tolerances import tolerance_of
from augalgebra.errors import AugalgebraError


def check_preservation(evaluator: Evaluator, blank: LawResult, tried: Sequence[Instance]) -> LawResult:
    """The verdict on a law of kind ``keeps``: the word, and what undoes it if the laws know that, on all probes.

    Exact laws may follow one after another, so a dark border that is kept exactly has to stay black whatever is within,
    and whatever tolerance the augmentation has for its other laws.
    One that is kept approximately is seen on the probes that have one.
    """
    law = blank.law
    tolerance = 0.0
    if "dark border" in law.conditions:
        exact = law.scope == "exact"
        tolerance = tolerance_of(evaluator.dtype) if exact else DARK if law.tolerance is None else law.tolerance
        if exact:
            probes = [replace(probe, images=blackened(probe.images)) for probe in evaluator.probes]
            evaluator = Evaluator(evaluator.catalog, probes)
    evaluator = evaluator.meeting(law.conditions)
    worst = moved = 0.0
    count = 0
    try:
        for instance in tried:
            for word in _both_ways(evaluator, instance.lhs):
                symbols = evaluator.symbols(word)
                for number, batch in enumerate(evaluator.batches):
                    errors = _departures(evaluator.apply(number, symbols), law.conditions)
                    count += len(errors)
                    displaced = evaluator.moved(number, symbols, "max")
                    worst = max(worst, float(errors.max()))
                    moved = max(moved, float(displaced.nan_to_num(posinf=0.0).max()))  # transposed rectangles: infinite
                    if float(errors.max()) > tolerance:
                        probe, image = batch.labels[int((errors > tolerance).nonzero()[0, 0])]
                        text = f"{evaluator.catalog.display(word)} keeps {str(law).partition(' keeps ')[2]}"
                        found = Counterexample(
                            text, shown_bindings(instance), probe.name, image, batch.size, float(errors.max())
                        )
                        result = replace(blank, verdict="violated", counterexample=found, tolerance=tolerance)
                        return replace(result, error=worst, moved=moved, n=count, reason=_reason(worst))
    except AugalgebraError as error:
        return replace(blank, reason=str(error), tolerance=tolerance, failed=is_failure(error))
    if not count:
        return replace(blank, reason=f"there are no {PHRASES[law.conditions]} to check it on")
    return replace(blank, verdict="holds", error=worst, moved=moved, n=count, tolerance=tolerance)


def _both_ways(evaluator: Evaluator, word: Word) -> Iterator[Word]:
    yield word
    try:
        evaluator.symbols(~word)
    except AugalgebraError:  # nothing undoes it
        return
    yield ~word


def _departures(images: Tensor, conditions: frozenset[str]) -> Tensor:
    """How far each image is from meeting a condition."""
    if "square" in conditions and images.shape[-2] != images.shape[-1]:
        return torch.full((len(images),), math.inf)
    if "dark border" in conditions:
        return border_of(images).flatten(1).amax(1)
    return torch.zeros(len(images))


def _reason(error: float) -> str:
    if math.isinf(error):
        return "a square does not stay square"
    return f"it is {error:.2g} near the border, where it has to stay dark"

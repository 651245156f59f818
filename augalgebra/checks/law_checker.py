"""Both sides of a law, applied to images and compared: the verdict, and what holds instead."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from augalgebra.algebra.conditions import PHRASES, Conditions
from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.checks.alternatives import find_alternative
from augalgebra.checks.evaluation import Evaluator
from augalgebra.checks.instances import DRAWS, Instance, instances, shown_bindings, without_boundary_inverses
from augalgebra.checks.preservation import check_preservation
from augalgebra.checks.probes import Probe
from augalgebra.checks.results import Alternative, Counterexample, LawResult, Verdict, is_failure, sizes_text
from augalgebra.checks.singular import check_singular
from augalgebra.checks.tolerances import MOVED_APPROXIMATE, MOVED_EXACT, Norm, differences, exact_tolerance
from augalgebra.errors import AugalgebraError, AugmentationError

LEAST_CONTRAST = 0.01
"""Standard deviation of pixels from which on there is something to see of an image."""


@dataclass(frozen=True)
class _Comparison:
    """Both sides of one instance on all images of one batch that count."""

    instance: Instance
    batch: int
    lhs: Tensor
    rhs: Tensor
    chosen: Tensor
    errors: Tensor
    moved: Tensor


class LawChecker:
    """Checks laws on a set of probes, remembering what words gave.

    Attributes:
        catalog: Where the augmentations are.
        evaluator: Applies words to the probes.
        draws: At how many parameter values a law with variables is tried.
        seed: Seed of the parameter values.
        alternatives: Whether to look for what holds instead of a violated law.
        each: Whether each augmentation in a law has to move an image for the image to tell something, as declared
            laws demand; otherwise one that moves it is enough.
    """

    def __init__(
        self,
        catalog: Catalog,
        probes: Sequence[Probe],
        *,
        draws: int = DRAWS,
        seed: int = 0,
        alternatives: bool = True,
        each: bool = True,
    ) -> None:
        self.catalog = catalog
        self.evaluator = Evaluator(catalog, probes)
        self.draws = draws
        self.seed = seed
        self.alternatives = alternatives
        self.each = each

    def check(self, law: Law) -> LawResult:
        """The verdict on a law in canonical form."""
        equation = self.catalog.display(law)
        blank = LawResult(law, equation, "not checked")
        tried = list(instances(self.catalog, law, draws=self.draws, seed=self.seed))
        if not tried:
            return replace(blank, reason="found no parameter values at which every parameter lies in its range")
        if not self.evaluator.batches:
            return replace(blank, reason="no probe images suit all augmentations in it")
        if law.kind == "keeps":
            return check_preservation(self.evaluator, blank, tried)
        if not self.evaluator.meeting(law.conditions, nearly=law.scope == "approximate").batches:
            return replace(blank, reason=f"there are no {PHRASES[law.conditions]} to check it on")
        if law.kind == "singular":
            return check_singular(self.evaluator, blank, tried)
        if law.kind == "unequal":
            return self._refuted(law, blank, tried)
        return self._compared(blank, tried, alternatives=self.alternatives)

    def _compared(self, blank: LawResult, tried: Iterable[Instance], *, alternatives: bool) -> LawResult:
        """The verdict on an equation at these parameter values."""
        norm: Norm = "max" if blank.law.scope == "exact" else "rms"
        evaluator = self.evaluator.meeting(blank.law.conditions, nearly=norm == "rms")
        tolerance = self._tolerance(blank.law)
        comparisons: list[_Comparison] = []
        refused: dict[tuple[int, int], str] = {}
        try:
            for instance in tried:
                comparisons.extend(self._compare(evaluator, instance, norm, refused))
        except AugalgebraError as error:
            return replace(blank, reason=str(error), tolerance=tolerance, failed=is_failure(error))
        if not comparisons:
            return replace(blank, reason=next(iter(refused.values()), "no image counts"), tolerance=tolerance)
        reason = "; ".join(f"not checked at {height}×{width} pixels: {why}" for (height, width), why in refused.items())
        blank = replace(blank, tolerance=tolerance, reason=reason)
        return self._judge(evaluator, blank, comparisons, norm, alternatives=alternatives)

    def _refuted(self, law: Law, blank: LawResult, tried: Iterable[Instance]) -> LawResult:
        """The verdict on a law with ≠: it holds if the equation fails somewhere, and the reason says where."""
        equation = self._compared(replace(blank, law=replace(law, kind="law")), tried, alternatives=False)
        verdicts: dict[Verdict, Verdict] = {"holds": "violated", "violated": "holds"}
        reason = equation.reason
        if equation.verdict == "holds":
            reason = f"the sides are equal on all {equation.n} images that were compared"
        elif equation.counterexample is not None:
            reason = str(equation.counterexample)
        return replace(
            equation,
            law=law,
            verdict=verdicts.get(equation.verdict, equation.verdict),
            reason=reason,
            counterexample=None,
        )

    def _tolerance(self, law: Law) -> float:
        exact = exact_tolerance(self.catalog, (law.lhs, law.rhs), self.evaluator.dtype)
        return exact if law.scope == "exact" or law.tolerance is None else law.tolerance

    def _compare(
        self, evaluator: Evaluator, instance: Instance, norm: Norm, refused: dict[tuple[int, int], str]
    ) -> Iterator[_Comparison]:
        """Both sides on all images that count; a size that is refused on purpose is noted and left out."""
        for lhs, rhs in without_boundary_inverses(instance.lhs, instance.rhs):
            left, right = evaluator.symbols(lhs), evaluator.symbols(rhs)
            letters = tuple(dict.fromkeys((*left, *right)))
            for number, batch in enumerate(evaluator.batches):
                chosen = torch.ones_like(batch.smooth) if norm == "max" else batch.smooth
                if not bool(chosen.any()):
                    continue
                try:
                    a, b = evaluator.apply(number, left)[chosen], evaluator.apply(number, right)[chosen]
                    displaced = [evaluator.moved(number, (letter,), norm)[chosen] for letter in letters]
                except AugmentationError as error:
                    if is_failure(error):
                        raise
                    refused[batch.size] = str(error)
                    continue
                combine = torch.amin if self.each else torch.amax
                moved = combine(torch.stack(displaced), 0) if displaced else torch.zeros(len(a), dtype=a.dtype)
                if len(left) + len(right) == 1:
                    # such a law says that nothing moves, so that an image that stays is evidence
                    moved = torch.full_like(moved, math.inf)
                yield _Comparison(instance, number, a, b, chosen.nonzero()[:, 0], differences(a, b, norm), moved)

    def _judge(
        self,
        evaluator: Evaluator,
        blank: LawResult,
        comparisons: Sequence[_Comparison],
        norm: Norm,
        *,
        alternatives: bool,
    ) -> LawResult:
        tolerance = self._tolerance(blank.law)
        errors = torch.cat([item.errors for item in comparisons])
        moved = torch.cat([item.moved for item in comparisons])
        result = replace(blank, error=float(errors.max()), moved=_largest_finite(moved), n=len(errors))
        wrong = [item for item in comparisons if bool((item.errors > tolerance).any())]
        if wrong:
            counterexample = self._counterexample(evaluator, blank.law, wrong[0], tolerance)
            failing = [item.instance for item in wrong]
            found = None
            if alternatives:
                found = self._narrowed(blank.law) or find_alternative(evaluator, failing, norm, tolerance)
            failed = {item.batch for item in wrong}
            fine = tuple(batch.size for number, batch in enumerate(evaluator.batches) if number not in failed)
            reason = f"it holds at {sizes_text(fine)}" if fine else result.reason
            result = replace(result, verdict="violated", reason=reason, holds_at=fine)
            return replace(result, counterexample=counterexample, alternative=found)
        enough = (MOVED_EXACT if norm == "max" else MOVED_APPROXIMATE) * tolerance
        if bool((moved > enough).any()):
            return replace(result, verdict="holds")
        return replace(
            result,
            verdict="vacuous",
            reason=f"no image was moved by more than {result.moved:.2g} where {enough:.2g} would tell something",
        )

    def _narrowed(self, law: Law) -> Alternative | None:
        """The law for fewer pictures, if it holds for those."""
        conditions = self.conditions_of(law)
        if conditions is None:
            return None
        text = self.catalog.display(replace(law, conditions=conditions))
        return Alternative(text, text)

    def conditions_of(self, law: Law) -> Conditions | None:
        """Conditions under which a law that is violated holds, if there are any; the fewest come first."""
        tried = list(instances(self.catalog, law, draws=self.draws, seed=self.seed))
        for conditions in PHRASES:
            if conditions > law.conditions:
                blank = LawResult(replace(law, conditions=conditions), "", "not checked")
                holds = self._compared(blank, tried, alternatives=False).verdict == "holds"
                if holds and _shows(self.evaluator.meeting(conditions), tried[0].lhs):
                    return conditions
        return None

    def _counterexample(self, evaluator: Evaluator, law: Law, wrong: _Comparison, tolerance: float) -> Counterexample:
        position = int((wrong.errors > tolerance).nonzero()[0, 0])
        batch = evaluator.batches[wrong.batch]
        probe, number = batch.labels[int(wrong.chosen[position])]
        sign = "=" if law.scope == "exact" else "≈"
        lhs_text, rhs_text = self.catalog.display(wrong.instance.lhs), self.catalog.display(wrong.instance.rhs)
        counterexample = Counterexample(
            f"{lhs_text} {sign} {rhs_text}",
            shown_bindings(wrong.instance),
            probe.name,
            number,
            batch.size,
            float(wrong.errors[position]),
        )
        if wrong.lhs.shape != wrong.rhs.shape:
            (*_, h1, w1), (*_, h2, w2) = wrong.lhs.shape, wrong.rhs.shape
            return replace(counterexample, sizes=((h1, w1), (h2, w2)))
        lhs, rhs = wrong.lhs[position], wrong.rhs[position]
        worst = int((lhs - rhs).abs().argmax())
        height, width = lhs.shape[-2:]
        return replace(
            counterexample,
            pixel=(worst // (height * width), worst // width % height, worst % width),
            lhs=float(lhs.reshape(-1)[worst]),
            rhs=float(rhs.reshape(-1)[worst]),
        )


def _largest_finite(values: Tensor) -> float:
    finite = values[torch.isfinite(values)]
    return float(finite.max()) if len(finite) else 0.0


def _shows(evaluator: Evaluator, word: Word) -> bool:
    """Whether a word leaves something to see: of blank images everything is true."""
    symbols = evaluator.symbols(word)
    return any(
        float(evaluator.apply(number, symbols).flatten(1).std(1).max()) > LEAST_CONTRAST
        for number in range(len(evaluator.batches))
    )

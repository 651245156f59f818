"""Whether steps and pipelines can be undone: what laws say, and else what is tried on images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from augalgebra.algebra.conditions import ALWAYS, SQUARE, Conditions, holding_for
from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.words import IDENTITY, Word, product
from augalgebra.catalog import Catalog
from augalgebra.checks.evaluation import Evaluator
from augalgebra.checks.inversion.round_trips import (
    RoundTrip,
    fix_parameters,
    measure_inverse,
    probe_evaluators,
    round_trip_error,
    usable,
)
from augalgebra.checks.tolerances import exact_tolerance, tolerance_of
from augalgebra.errors import AugalgebraError, IncompleteError, NotInvertibleError
from augalgebra.hooks import PipelineStep

Invertibility = Literal["exact", "right", "left", "lossy", "impossible", "unknown"]
MAX_SYMBOLS = 8
"""Most different augmentations of a pipeline that the laws are completed for at once."""
WIDEST = 64
"""Longest side of recorded pictures on which images with one result are looked for."""
_OF_LAWS: dict[str, Invertibility] = {"left": "left", "none": "impossible", "unknown": "unknown"}
_OF_IMAGES: dict[str, Invertibility] = {
    "two-sided": "exact",
    "right": "right",
    "left": "left",
    "approximate": "lossy",
    "none": "impossible",
    "unknown": "unknown",
    "vacuous": "unknown",
}


@dataclass(frozen=True)
class Inversion:
    """Whether one step, or a whole pipeline, can be undone.

    Attributes:
        name: What it is called.
        word: The augmentations that it is.
        verdict: ``exact``: some word restores every image, whether it comes after or before. ``right``: it restores
            every image when it comes after, though not every image comes about (pad, and then crop). ``left``: only
            a word that comes before is known, so nothing restores the image (crop). ``lossy``: some word restores
            images nearly. ``impossible``: different images have one result. ``unknown``: neither was found.
        inverse: The word, if there is one.
        basis: Whether laws or images say so.
        reason: One line for people.
        error: Error of a restored probe, where it was measured: largest of a pixel, or root mean square if lossy.
        moved: How far the probes are moved, in the same measure.
        conditions: The pictures that this is true of; empty if it is of all.
    """

    name: str
    word: Word
    verdict: Invertibility
    inverse: Word | None
    basis: Literal["laws", "images"]
    reason: str
    error: float | None = None
    moved: float | None = None
    conditions: Conditions = ALWAYS


class Inverter:
    """Answers for words, each once."""

    def __init__(self, catalog: Catalog, size: int, seed: int) -> None:
        self.catalog = catalog
        self._seed = seed
        # a shift by half the width undoes itself at one size only, a quarter turn that keeps the shape on squares only
        self._sizes = (size, size), (size + 5, size + 5), ((size + 3) | 1, (size + 8) | 1)
        self._evaluators: dict[tuple[int, int], tuple[Evaluator, ...]] = {}
        self._known: dict[Word, Inversion] = {}

    def _at(self, size: tuple[int, int] | None) -> list[Evaluator]:
        """The probes of all sizes, or a few of the only size that there is."""
        for one in self._sizes if size is None else (size,):
            if one not in self._evaluators:
                self._evaluators[one] = probe_evaluators(self.catalog, *one, seed=self._seed, few=size is not None)
        return [item for one in (self._sizes if size is None else (size,)) for item in self._evaluators[one]]

    def single(self, step: PipelineStep) -> Inversion:
        """One step, by laws or else on images."""
        if step.word not in self._known:
            found = self._by_laws(step.name, step.word, step.size)
            self._known[step.word] = self._on_images(step.name, step) if found is None else found
        return replace(self._known[step.word], name=step.name)

    def whole(self, steps: Sequence[Inversion], size: tuple[int, int] | None) -> Inversion:
        """All steps together: by laws, else from what undoes each of them, else on images.

        Args:
            steps: The steps.
            size: Height and width of the only pictures that they can be applied to; None if there are others.
        """
        word = product(step.word for step in steps)
        if len(steps) == 1:
            return steps[0]
        if len(word.symbols) <= MAX_SYMBOLS:
            found = self._by_laws("the pipeline", word, size)
            if found is not None:
                return self._beyond(found, steps, size)
        if all(step.inverse is not None and step.verdict in ("exact", "right", "lossy") for step in steps):
            return self._beyond(self._combined(word, steps, size), steps, size)
        number, first = next((n, step) for n, step in enumerate(steps, start=1) if step.verdict != "exact")
        reason = f"step {number}, {first.name}: {first.reason}"
        if first.verdict == "impossible":  # all images reach it, since what comes before can be undone
            return Inversion("the pipeline", word, "impossible", None, first.basis, reason, conditions=first.conditions)
        found = self._on_images("the pipeline", PipelineStep("the pipeline", word, size=size))
        # what is drawn at random need not cancel at other values than the one that was tried
        if found.moved == 0 and any(step.moved for step in steps) and fix_parameters(self.catalog, word) == word:
            together = "the steps together restore every probe"
            return replace(found, verdict="exact", inverse=IDENTITY, reason=together, error=0.0)
        return found if found.verdict != "unknown" else replace(found, basis=first.basis, reason=reason)

    def _combined(self, word: Word, steps: Sequence[Inversion], size: tuple[int, int] | None) -> Inversion:
        inverse = product(step.inverse or IDENTITY for step in reversed(steps))
        weakest = next(verdict for verdict in ("lossy", "right", "exact") if verdict in {s.verdict for s in steps})
        basis: Literal["laws", "images"] = "images" if any(step.basis == "images" for step in steps) else "laws"
        conditions = ALWAYS.union(*(step.conditions for step in steps))
        reason = f"every step is undone, the last one first{holding_for(conditions)}"
        made = Inversion("the pipeline", word, weakest, inverse, basis, reason, conditions=conditions)
        return self._with_error(made, size) if weakest == "lossy" else made

    def _beyond(self, made: Inversion, steps: Sequence[Inversion], size: tuple[int, int] | None) -> Inversion:
        """What was found for pictures in [0, 1], unless a step leads out of that and it is not true there."""
        number = self._leading_out(steps, size)
        if made.inverse is None or number is None:
            return made
        error, moved = made.error, made.moved
        if made.verdict != "lossy":
            error, _ = round_trip_error(self._at(size), made.word, made.inverse, made.conditions, "max")
            moved = exact_tolerance(self.catalog, (made.word, made.inverse), self._at(size)[0].dtype)
        if error is None or moved is None or error <= moved:
            return made
        found = self._on_images(made.name, PipelineStep(made.name, made.word, size=size, inverse=made.inverse))
        reason = f"step {number}, {steps[number - 1].name}, leads out of [0, 1], where what comes later clips"
        return replace(found, reason=reason) if found.verdict == "unknown" else found

    def _leading_out(self, steps: Sequence[Inversion], size: tuple[int, int] | None) -> int | None:
        """The number of the first step behind which probes have values out of [0, 1]; None if there is none."""
        for evaluator in self._at(size)[:2]:  # grey and in colour
            try:
                word = IDENTITY
                for number, step in enumerate(steps[:-1], start=1):
                    word *= fix_parameters(self.catalog, step.word)
                    seen = evaluator.apply(0, evaluator.symbols(word))
                    if min(float(seen.min()), 1 - float(seen.max())) < -tolerance_of(evaluator.dtype):
                        return number
            except AugalgebraError:  # not for such pictures
                continue
        return None

    def _by_laws(self, name: str, word: Word, size: tuple[int, int] | None) -> Inversion | None:
        """What the laws say; None if they are silent."""
        try:
            found = queries.inverse(self.catalog.system(word), word)
        except (NotInvertibleError, IncompleteError):  # it has the inverse of something that has none by these laws
            return None
        if found.kind == "unknown":
            return None
        sure = found.scope == "exact" and "dark border" not in found.conditions
        restoring: Invertibility = "exact" if found.kind == "two-sided" else "right"
        verdict = _OF_LAWS.get(found.kind) or (restoring if sure else "lossy")
        reason = f"{found.reason}{holding_for(found.conditions)}"
        made = Inversion(name, word, verdict, found.word, "laws", reason, conditions=found.conditions)
        return self._with_error(made, size) if verdict == "lossy" else made

    def _with_error(self, item: Inversion, size: tuple[int, int] | None) -> Inversion:
        """With the error of the round trip on smooth images, at some fixed parameters."""
        if item.inverse is None:
            return item
        error, moved = round_trip_error(self._at(size), item.word, item.inverse, item.conditions)
        if error is None or moved is None:
            return item
        reason = f"{item.reason}, nearly: an error of {error:.2g} where images move by {moved:.2g} (root mean square)"
        return replace(item, reason=reason, error=error, moved=moved)

    def _on_images(self, name: str, step: PipelineStep) -> Inversion:
        at = fix_parameters(self.catalog, step.word)
        drawn = at != step.word
        likely = () if step.inverse is None else (fix_parameters(self.catalog, step.inverse),)
        try:
            found = self._measured(at, likely if drawn else (*likely, *self._companions()), step.size)
        except AugalgebraError as error:
            found = RoundTrip("unknown", None, f"it could not be tried on images: {error}")
        verdict, inverse = _OF_IMAGES[found.kind], found.word
        reason = f"{found.reason}{holding_for(found.conditions)}"
        if drawn and verdict != "impossible":
            verdict, inverse = "unknown", None
            reason = "its parameters are drawn at random, and no law says what undoes them"
        elif drawn:
            reason = f"under {self.catalog.display(at)}, {reason}"
        if found.kind == "vacuous" and not drawn:
            reason = f"{reason}, so that nothing can be told"
        return Inversion(
            name, step.word, verdict, inverse, "images", reason, found.error, found.moved, found.conditions
        )

    def _measured(self, word: Word, candidates: Sequence[Word], size: tuple[int, int] | None) -> RoundTrip:
        evaluators = self._at(size)
        if size is None:
            return measure_inverse(evaluators, word, candidates)
        height, width = usable(evaluators, word)[0].apply(0, evaluators[0].symbols(word)).shape[2:]
        made = self._at((int(height), int(width)))
        found = measure_inverse(evaluators, word, candidates, collisions=max(size) <= WIDEST, made=made)
        if found.kind == "vacuous":  # all that it can be applied to was looked at
            return RoundTrip("two-sided", IDENTITY, "it leaves every probe as it is", 0.0, found.moved)
        return replace(found, conditions=found.conditions - SQUARE)  # of this size, all are square or none

    def _companions(self) -> list[Word]:
        """Augmentations without parameters: what may well undo another one."""
        plain = [item for item in self.catalog.augmentations.values() if not item.params]
        return [self.catalog.word(item.name) for item in plain]

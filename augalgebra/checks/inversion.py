"""Whether a pipeline can be undone, step by step, and undoing it on images.

What the laws say comes first. Where they are silent, inverses are tried on probe images, and pairs of images with one
result are looked for; every answer says which of the two it rests on.
"""

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra import queries
from augalgebra.algebra.rewriting import RewritingSystem
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.catalog import Catalog, read_pipeline
from augalgebra.checks.evaluation import Evaluator
from augalgebra.checks.results import finite
from augalgebra.checks.roundtrips import RoundTrip, fixed, measure_inverse, probe_evaluators, round_trip_error
from augalgebra.errors import AugalgebraError, IncompleteError, NotInvertibleError
from augalgebra.hooks import PipelineStep

Verdict = Literal["exact", "right", "left", "lossy", "impossible", "unknown"]
Accept = Literal["one-sided", "approximate"]
"""What `undo` makes do with when asked to, beside exact inverses."""
MAX_SYMBOLS = 8
"""Most different augmentations of a pipeline that the laws are completed for at once."""
LARGER = 5
"""Pixels more of a second size that inverses have to hold on: a shift by half the width undoes itself on one only."""
_OF_LAWS: dict[str, Verdict] = {"right": "right", "left": "left", "none": "impossible", "unknown": "unknown"}
_OF_IMAGES: dict[str, Verdict] = {
    "two-sided": "exact",
    "right": "right",
    "left": "left",
    "approximate": "lossy",
    "none": "impossible",
    "unknown": "unknown",
    "vacuous": "unknown",
}
_NEEDED: dict[Verdict, Accept] = {"right": "one-sided", "lossy": "approximate"}


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
    """

    name: str
    word: Word
    verdict: Verdict
    inverse: Word | None
    basis: Literal["laws", "images"]
    reason: str
    error: float | None = None
    moved: float | None = None


@dataclass(frozen=True)
class PipelineInversion:
    """Whether a pipeline can be undone.

    Attributes:
        catalog: Where its augmentations are.
        steps: Each step on its own.
        whole: All of them together.
    """

    catalog: Catalog = field(repr=False)
    steps: tuple[Inversion, ...]
    whole: Inversion

    def undo(
        self,
        images: Float[Tensor, "batch channel height width"],
        *,
        seed: int = 0,
        ids: Sequence[int] | None = None,
        accept: Collection[Accept] = (),
    ) -> Float[Tensor, "batch channel height width"]:
        """Bring images back to where they were before the pipeline; see `undo`."""
        needed = _NEEDED.get(self.whole.verdict)
        if self.whole.inverse is None or (self.whole.verdict != "exact" and needed not in accept):
            raise NotInvertibleError(self._refusal(needed))
        return self.catalog.apply(self.whole.inverse, images, seed=seed, ids=ids)

    def _refusal(self, needed: Accept | None) -> str:
        guilty = next((step for step in self.steps if step.verdict == self.whole.verdict), self.whole)
        place = f"step {self.steps.index(guilty) + 1}, " if guilty in self.steps and len(self.steps) > 1 else ""
        what = {
            "right": "has a one-sided inverse only",
            "left": "cannot be undone",
            "lossy": "can be undone approximately only",
            "impossible": "cannot be undone",
        }.get(guilty.verdict, "is not known to have an inverse")
        advice = "" if needed is None else f"; accept {needed!r} by name if that will do"
        return f"{place}{guilty.name}, {what}: {guilty.reason}{advice}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**self._data(self.whole), "steps": [self._data(step) for step in self.steps]}

    def _data(self, item: Inversion) -> dict[str, Any]:
        return {
            "name": item.name,
            "word": self.catalog.display(item.word),
            "verdict": item.verdict,
            "inverse": None if item.inverse is None else self.catalog.display(item.inverse),
            "basis": item.basis,
            "reason": self.catalog.shorten(item.reason),
            "error": finite(item.error),
            "moved": finite(item.moved),
        }


def invert_pipeline(
    catalog: Catalog, pipeline: str | Word | Sequence[PipelineStep], *, size: int = 28, seed: int = 0
) -> PipelineInversion:
    """Say whether a pipeline can be undone: exactly, on one side only, nearly, not at all.

    Args:
        catalog: Where the augmentations and their laws are.
        pipeline: A word, or what a plugin can read, such as the path of a pipeline that albumentations saved.
        size: Height and width of the probe images; inverses are tried on somewhat larger ones as well.
        seed: Seed of the probe images.

    Raises:
        AugalgebraError: It cannot be read, or a step is no function of the image.

    Examples:
        >>> from augalgebra import load_catalog
        >>> found = invert_pipeline(load_catalog(), "flip_lr * rotate_cw")
        >>> found.whole.verdict, found.catalog.display(found.whole.inverse)
        ('exact', 'flip_lr * rotate_cw')
    """
    inverter = _Inverter(catalog, size, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries warn of colour shifts that do nothing to grey, and of slow ways
        found = tuple(inverter.single(step.name, step.word) for step in _steps(catalog, pipeline))
        return PipelineInversion(catalog, found, inverter.whole(found))


def undo(
    catalog: Catalog,
    pipeline: str | Word | Sequence[PipelineStep],
    images: Float[Tensor, "batch channel height width"],
    *,
    seed: int = 0,
    ids: Sequence[int] | None = None,
    accept: Collection[Accept] = (),
) -> Float[Tensor, "batch channel height width"]:
    """Bring images back to where they were before a pipeline, as test-time augmentation needs it.

    Parameters that the pipeline drew at random for an image are drawn again from the same seed and id, and undone. To
    undo one pipeline on many batches, keep what `invert_pipeline` returns and call its ``undo``.

    Args:
        catalog: Where the augmentations and their laws are.
        pipeline: The pipeline that was applied.
        images: What it made, or what was predicted from that, such as masks.
        seed: The seed that the pipeline was applied with.
        ids: The ids that it was applied with; 0, 1, 2, … by default.
        accept: ``"one-sided"`` also takes a word that restores every image although not every image comes about,
            ``"approximate"`` one that restores images nearly.

    Raises:
        NotInvertibleError: Something in it cannot be undone so; the message names the step and the reason. Nothing is
            ever left out.
        AugalgebraError: It cannot be read, or a step is no function of the image.

    Examples:
        >>> import torch
        >>> from augalgebra import load_catalog
        >>> catalog, images = load_catalog(), torch.rand(2, 1, 8, 8)
        >>> moved = catalog.apply("flip_lr * rotate_cw", images)
        >>> bool(torch.equal(undo(catalog, "flip_lr * rotate_cw", moved), images))
        True
    """
    return invert_pipeline(catalog, pipeline).undo(images, seed=seed, ids=ids, accept=accept)


def _steps(catalog: Catalog, pipeline: str | Word | Sequence[PipelineStep]) -> tuple[PipelineStep, ...]:
    read = None
    if isinstance(pipeline, str):
        read = read_pipeline(catalog, pipeline)
    elif not isinstance(pipeline, Word):
        read = tuple(pipeline)
    if read is None:
        word = catalog.word(pipeline)  # type: ignore[arg-type]  # what is neither text nor a word was taken above
        powers = [Word(((symbol, exponent),)) for symbol, exponent in word.syllables]
        return tuple(PipelineStep(catalog.display(power), power) for power in powers)
    problems = [
        f"step {number}, {step.name}, {step.problem}" for number, step in enumerate(read, start=1) if step.problem
    ]
    if problems:
        raise AugalgebraError(f"this pipeline is no function of the image: {'; '.join(problems)}")
    return tuple(replace(step, word=catalog.word(step.word)) for step in read)


class _Inverter:
    """Answers for words, each once."""

    def __init__(self, catalog: Catalog, size: int, seed: int) -> None:
        self.catalog = catalog
        self._size, self._seed = size, seed
        self._evaluators: tuple[Evaluator, ...] | None = None
        self._known: dict[Word, Inversion] = {}

    @property
    def evaluators(self) -> tuple[Evaluator, ...]:
        if self._evaluators is None:
            sizes = (self._size, self._size + LARGER)
            self._evaluators = tuple(
                evaluator for size in sizes for evaluator in probe_evaluators(self.catalog, size, seed=self._seed)
            )
        return self._evaluators

    def single(self, name: str, word: Word) -> Inversion:
        """One step, by laws or else on images."""
        if word not in self._known:
            found = self._by_laws(name, word)
            self._known[word] = self._on_images(name, word) if found is None else found
        return replace(self._known[word], name=name)

    def whole(self, steps: Sequence[Inversion]) -> Inversion:
        """All steps together: by laws, else from what undoes each of them, else on images."""
        word = IDENTITY
        for step in steps:
            word = word * step.word
        if len(steps) == 1:
            return steps[0]
        if len(word.symbols) <= MAX_SYMBOLS:
            found = self._by_laws("the pipeline", word)
            if found is not None:
                return found
        if all(step.inverse is not None and step.verdict in ("exact", "right", "lossy") for step in steps):
            return self._combined(word, steps)
        number, first = next((n, step) for n, step in enumerate(steps, start=1) if step.verdict != "exact")
        reason = f"step {number}, {first.name}: {first.reason}"
        if first.verdict == "impossible":  # all images reach it, since what comes before can be undone
            return Inversion("the pipeline", word, "impossible", None, first.basis, reason)
        found = self._on_images("the pipeline", word)
        # what is drawn at random need not cancel at other values than the one that was tried
        if found.moved == 0 and any(step.moved for step in steps) and fixed(self.catalog, word) == word:
            together = "the steps together restore every probe"
            return replace(found, verdict="exact", inverse=IDENTITY, reason=together, error=0.0)
        return found if found.verdict != "unknown" else replace(found, basis=first.basis, reason=reason)

    def _combined(self, word: Word, steps: Sequence[Inversion]) -> Inversion:
        inverse = IDENTITY
        for step in reversed(steps):
            inverse = inverse * (step.inverse or IDENTITY)
        weakest = next(verdict for verdict in ("lossy", "right", "exact") if verdict in {s.verdict for s in steps})
        basis: Literal["laws", "images"] = "images" if any(step.basis == "images" for step in steps) else "laws"
        reason = "every step is undone, the last one first"
        made = Inversion("the pipeline", word, weakest, inverse, basis, reason)
        return self._with_error(made) if weakest == "lossy" else made

    def _by_laws(self, name: str, word: Word) -> Inversion | None:
        """What the laws say, exact ones first; None if they are silent."""
        system = self.catalog.system(word)
        found = self._inverse(system.exact, word)
        if found is None or found.kind == "unknown" or (found.kind != "two-sided" and system.exact is not system):
            better = self._inverse(system, word)
            found = better if better is not None and better.kind == "two-sided" else found or better
        if found is None or found.kind == "unknown":
            return None
        verdict = _OF_LAWS.get(found.kind) or ("exact" if found.scope == "exact" else "lossy")
        made = Inversion(name, word, verdict, found.word, "laws", found.reason)
        return self._with_error(made) if verdict == "lossy" else made

    def _inverse(self, system: RewritingSystem, word: Word) -> queries.Inverse | None:
        try:
            return queries.inverse(system, word)
        except (NotInvertibleError, IncompleteError):  # it has the inverse of something that has none by these laws
            return None

    def _with_error(self, item: Inversion) -> Inversion:
        """With the error of the round trip on smooth images, at some fixed parameters."""
        if item.inverse is None:
            return item
        error, moved = round_trip_error(self.evaluators, item.word, item.inverse)
        if error is None or moved is None:
            return item
        reason = f"{item.reason}, nearly: an error of {error:.2g} where images move by {moved:.2g} (root mean square)"
        return replace(item, reason=reason, error=error, moved=moved)

    def _on_images(self, name: str, word: Word) -> Inversion:
        at = fixed(self.catalog, word)
        drawn = at != word
        try:
            found = measure_inverse(self.evaluators, at, () if drawn else self._companions())
        except AugalgebraError as error:
            found = RoundTrip("unknown", None, f"it could not be tried on images: {error}")
        verdict, reason, inverse = _OF_IMAGES[found.kind], found.reason, found.word
        if drawn and verdict != "impossible":
            verdict, inverse = "unknown", None
            reason = "its parameters are drawn at random, and no law says what undoes them"
        elif drawn:
            reason = f"under {self.catalog.display(at)}, {reason}"
        if found.kind == "vacuous" and not drawn:
            reason = f"{reason}, so that nothing can be told"
        return Inversion(name, word, verdict, inverse, "images", reason, found.error, found.moved)

    def _companions(self) -> list[Word]:
        """Augmentations without parameters: what may well undo another one."""
        plain = [item for item in self.catalog.augmentations.values() if not item.params]
        return [self.catalog.word(item.name) for item in plain]

"""Recursion: what becomes of images that are encoded, moved and decoded over and over."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress
from augalgebra.catalog import Catalog
from augalgebra.consistency.batches import Batch, Operator, Operators, Setting, check_images
from augalgebra.consistency.cases import exact_form
from augalgebra.consistency.excess import MEASURE, ratio_of_excesses
from augalgebra.errors import AugalgebraError
from augalgebra.latent.likelihoods import likelihood_of
from augalgebra.latent.protocol import MAIN_HEAD, LatentSpace
from augalgebra.latent.refine import Memory, refine
from augalgebra.plain import PlainData

Way = Literal["plain", "refined", "latent"]
"""How to get from one repeat to the next: by the encoder's answer, by refined encoding, or without leaving the latent
space (z Lᵏ, decoded only to be looked at)."""

WAYS: tuple[Way, ...] = ("plain", "refined", "latent")

Classify = Callable[[Float[Tensor, "batch channel height width"]], Int[Tensor, " batch"]]
"""A frozen classifier of images."""


def find_undoing_word(catalog: Catalog, word: Word) -> Word | None:
    """The word that undoes another one pixel by pixel; None unless exact laws say that there is one.

    A mirrored 2 looks like a 5 to anybody who is not told that it is mirrored. What a word does to the pose of a digit
    can be undone on the pixels, so that a classifier judges what is drawn and not how it is turned.
    """
    found = catalog.inverse(word)
    return found.word if found.kind == "two-sided" and found.scope == "exact" else None


@dataclass(frozen=True)
class LabelOutcome(PlainData):
    """What became of the images of one label.

    Attributes:
        images: How many there are.
        first: Excess of the loss over the entropy after one application, nats per image.
        last: Excess after the last.
        kept: Share that a classifier still gives the class it gave after one application; None without a classifier.
    """

    images: int
    first: float
    last: float
    kept: float | None


@dataclass(frozen=True)
class RecursionCurve(PlainData):
    """One way of repeating a word.

    Attributes:
        way: The way.
        bce: For each repeat k, the loss against the true image under word^k, nats per image.
        entropy: For each repeat, what even a perfect drawing of that image costs.
        kept: For each repeat, the share of images that a classifier gives the class it gave after one application.
        by_label: What became of the images of each label.
        became: For each class that a classifier gave after one application, how many of those images it gives which
            class after the last repeat.
        seconds: Time for all repeats of all images, losses and classes aside.
    """

    way: Way
    bce: tuple[float, ...]
    entropy: tuple[float, ...]
    kept: tuple[float, ...] = ()
    by_label: Mapping[int, LabelOutcome] = field(default_factory=dict)
    seconds: float = 0.0
    became: Mapping[int, Mapping[int, int]] = field(default_factory=dict)
    in_json = "way", "bce", "excess", "growth", "kept", "by_label", "became", "seconds"

    @property
    def growth(self) -> float:
        """Largest excess over that of one application; 1 if nothing drifts, NaN where that one is rounding."""
        return ratio_of_excesses(max(self.excess), self.excess[0], self.entropy[0])

    @property
    def excess(self) -> tuple[float, ...]:
        """For each repeat, the loss beyond the entropy."""
        return tuple(loss - entropy for loss, entropy in zip(self.bce, self.entropy, strict=True))

    @property
    def worst_label(self) -> int | None:
        """The label whose excess has grown most."""
        return max(
            (label for label in self.by_label if not math.isnan(self.grown(label))), key=self.grown, default=None
        )

    def grown(self, label: int) -> float:
        """The excess of a label's images after the last repeat over that after the first; NaN if that is rounding."""
        outcome = self.by_label[label]
        return ratio_of_excesses(outcome.last, outcome.first, self.entropy[0])

    def to_dict(self, name: Callable[[int], str] = str) -> dict[str, Any]:
        """Plain data for JSON; `name` says what labels are called."""
        return super().to_dict() | {
            "by_label": {name(label): outcome.to_dict() for label, outcome in self.by_label.items()},
            "became": {
                name(before): {name(after): count for after, count in counts.items()}
                for before, counts in self.became.items()
            },
        }


@dataclass(frozen=True)
class RecursionReport(PlainData):
    """A word repeated in every way that was asked for.

    Attributes:
        word: The word.
        repeats: How often.
        images: Number of images.
        head: The decoder.
        curves: One for each way.
        floor: For each repeat, the loss of encoding and decoding the true image directly.
        nothing: For each repeat, the loss of what the original is drawn as, moved by nothing: the baseline.
        entropy: For each repeat, what even a perfect drawing costs.
        accuracy: Share of the true images under the word and its powers that the classifier gives their label.
        upright: Whether the classifier judged images with the word undone on their pixels, see `find_undoing_word`.
        unit: What losses are counted in, for each image.
        classes: Names of the labels 0, 1, 2, …, if they have names.
    """

    word: str
    repeats: int
    images: int
    head: str
    curves: Mapping[Way, RecursionCurve]
    floor: tuple[float, ...]
    nothing: tuple[float, ...]
    entropy: tuple[float, ...]
    accuracy: float | None = None
    upright: bool = False
    unit: str = "nats"
    classes: tuple[str, ...] = ()
    measure: ClassVar[int] = MEASURE
    in_json = (
        *("measure", "word", "repeats", "images", "head", "curves", "floor", "nothing", "entropy"),
        *("accuracy as classifier_accuracy", "upright", "cost"),
    )

    def label_name(self, label: int) -> str:
        """What a label is called."""
        return self.classes[label] if self.classes else str(label)

    def gap_ratio(self, way: Way, repeat: int = -1) -> float:
        """The excess of one way over that of the floor, by default after the last repeat."""
        entropy = self.entropy[repeat]
        return ratio_of_excesses(self.curves[way].excess[repeat], self.floor[repeat] - entropy, entropy)

    @property
    def cost(self) -> float | None:
        """How many times the time of a plain repeat a refined one takes; None unless both were measured."""
        if not {"plain", "refined"} <= self.curves.keys() or not self.curves["plain"].seconds:
            return None
        return self.curves["refined"].seconds / self.curves["plain"].seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        curves = {way: curve.to_dict(self.label_name) for way, curve in self.curves.items()}
        return super().to_dict() | {"curves": curves}


def repeat(
    space: LatentSpace,
    operator: Operator,
    images: Float[Tensor, "batch channel height width"],
    repeats: int,
    way: Way = "plain",
    *,
    head: str = MAIN_HEAD,
    bfloat16: bool = False,
) -> Iterator[Float[Tensor, "batch channel height width"]]:
    """Draw images again and again: x ← DEC(ENC(x) L).

    Args:
        space: The latent space.
        operator: L.
        images: Where it starts.
        repeats: How often.
        way: How an image is encoded, or ``latent`` to decode z Lᵏ.
        head: The decoder.
        bfloat16: See `augalgebra.latent.refine.refine`.

    Yields:
        The images after each repeat.
    """
    if way == "latent":
        codes = space.encode(images)
        for _ in range(repeats):
            codes = operator.apply(codes)
            yield space.decode(codes, head)
        return
    encode = space.encode
    if way == "refined":
        encode = partial(refine, space, head=head, bfloat16=bfloat16, memory=Memory(len(images)))
    for _ in range(repeats):
        images = space.decode(operator.apply(encode(images)), head)
        yield images


def measure_recursion(
    space: LatentSpace,
    operators: Operators,
    catalog: Catalog,
    images: Float[Tensor, "image channel height width"],
    word: str | Word,
    *,
    repeats: int = 50,
    ways: Sequence[Way] = WAYS,
    classify: Classify | None = None,
    labels: Int[Tensor, " image"] | None = None,
    ids: Sequence[int] | None = None,
    seed: int = 0,
    head: str = MAIN_HEAD,
    bfloat16: bool = False,
    batch_size: int = 500,
    on_progress: CaseProgress | None = None,
) -> RecursionReport:
    """Repeat a word on images and score every repeat against the true image under that power of the word.

    Args:
        space: Encodes and decodes.
        operators: Knows the operator of the word.
        catalog: Applies the word to images.
        images: Test images in [0, 1], of the size the latent space was made for.
        word: The word.
        repeats: How often.
        ways: Which ways to compare.
        classify: A frozen classifier. Where `find_undoing_word` knows how, it is shown images with the word undone, and
            needs to know originals only; otherwise it has to know images under the word and its powers.
        labels: A label for each image.
        ids: Numbers of the images in their data set; 0, 1, 2, … by default.
        seed: Seed of everything drawn at random.
        head: The decoder to draw with.
        bfloat16: See `augalgebra.latent.refine.refine`.
        batch_size: Images at a time.
        on_progress: Called with the number of images done and their total after each batch.

    Raises:
        ImageError: The images do not fit the latent space, or the word changes their size.
        UnknownNameError: A name is not registered, or has no operator.
    """
    check_images(space, images)
    numbers = range(len(images)) if ids is None else ids
    known = torch.zeros(len(images), dtype=torch.long) if labels is None else labels.cpu()
    if len(numbers) != len(images) or len(known) != len(images):
        raise AugalgebraError(f"{len(images)} images need as many ids and labels")
    if repeats < 1:
        raise AugalgebraError(f"a word cannot be repeated {repeats} times; ask for at least 1")
    canonical = catalog.word(word)
    operator = operators.operator(canonical)
    back = find_undoing_word(catalog, canonical)
    undone = None if back is None else [exact_form(catalog.system(back), back**k) for k in range(1, repeats + 1)]
    sums = _Sums(repeats, ways, torch.unique(known), classify, undone)
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            part = slice(start, min(start + batch_size, len(images)))
            batch = Batch(Setting(space, catalog, seed, head), images[part], numbers[part])
            true = _true_images(batch, canonical, repeats)
            sums.add_truth(batch, true, known[part])
            for way in ways:
                drawn = repeat(space, operator, images[part], repeats, way, head=head, bfloat16=bfloat16)
                sums.add(way, batch, drawn, true, known[part])
            if on_progress is not None:
                on_progress(part.stop, len(images))
    unit = likelihood_of(space).unit
    return sums.report(catalog.display(canonical), head, labelled=labels is not None, unit=unit)


def _true_images(batch: Batch, word: Word, repeats: int) -> list[Tensor]:
    """The images under word, word^2, …; one after the other, since that is what the word means on a raster."""
    images: list[Tensor] = []
    current = batch
    for _ in range(repeats):
        images.append(current.image(word))
        current = Batch(batch.setting, images[-1], batch.ids)
    return images


class _Sums:
    """Losses and classes, summed over batches by repeat and label."""

    def __init__(
        self,
        repeats: int,
        ways: Sequence[Way],
        labels: Tensor,
        classify: Classify | None,
        undone: Sequence[Word] | None,
    ) -> None:
        self._labels, self._classify, self._undone = labels, classify, undone
        shape = repeats, len(labels)
        self._counts = torch.zeros(len(labels), dtype=torch.float64)
        self._losses = {way: torch.zeros(shape, dtype=torch.float64) for way in ways}
        self._kept = {way: torch.zeros(shape, dtype=torch.float64) for way in ways}
        self._floor, self._nothing, self._entropy = (torch.zeros(shape, dtype=torch.float64) for _ in range(3))
        self._seconds = dict.fromkeys(ways, 0.0)
        self._right = 0.0
        self._became: dict[Way, Counter[tuple[int, int]]] = {way: Counter() for way in ways}

    def add_truth(self, batch: Batch, true: Sequence[Tensor], labels: Tensor) -> None:
        """Add floor, baseline and how well the classifier knows the true images."""
        index = torch.searchsorted(self._labels, labels)
        self._counts += torch.bincount(index, minlength=len(self._labels))
        still = batch.drawn(Word())
        for repeat, image in enumerate(true):
            direct = batch.decode(batch.setting.space.encode(image))
            self._floor[repeat].index_add_(0, index, batch.loss(direct, image).cpu().double())
            self._nothing[repeat].index_add_(0, index, batch.loss(still, image).cpu().double())
            self._entropy[repeat].index_add_(0, index, batch.entropy(image).cpu().double())
            if self._classify is not None:
                classes = self._classes(self._classify, batch, image, repeat)
                self._right += float((classes == labels).sum()) / len(true)

    def add(self, way: Way, batch: Batch, drawn: Iterator[Tensor], true: Sequence[Tensor], labels: Tensor) -> None:
        """Add all repeats of one batch in one way."""
        index = torch.searchsorted(self._labels, labels)
        first: Tensor | None = None
        for repeat, target in enumerate(true):
            started = time.perf_counter()
            images = next(drawn)
            self._seconds[way] += time.perf_counter() - started
            self._losses[way][repeat].index_add_(0, index, batch.loss(images, target).cpu().double())
            if self._classify is not None:
                classes = self._classes(self._classify, batch, images, repeat)
                first = classes if first is None else first
                self._kept[way][repeat].index_add_(0, index, (classes == first).double())
                if repeat == len(true) - 1:
                    self._became[way].update(zip(first.tolist(), classes.tolist(), strict=True))

    def _classes(self, classify: Classify, batch: Batch, images: Tensor, repeat: int) -> Tensor:
        if self._undone is not None:
            images = Batch(batch.setting, images, batch.ids).image(self._undone[repeat])
        return classify(images).cpu()

    def report(self, word: str, head: str, *, labelled: bool, unit: str) -> RecursionReport:
        """Means over all images."""
        return RecursionReport(
            word=word,
            repeats=len(self._floor),
            images=int(self._counts.sum()),
            head=head,
            curves={way: self._curve(way, labelled=labelled) for way in self._losses},
            floor=self._means(self._floor),
            nothing=self._means(self._nothing),
            entropy=self._means(self._entropy),
            accuracy=None if self._classify is None or not labelled else self._right / float(self._counts.sum()),
            upright=self._undone is not None,
            unit=unit,
        )

    def _curve(self, way: Way, *, labelled: bool) -> RecursionCurve:
        losses, kept = self._losses[way], self._kept[way]
        excess = losses - self._entropy
        known = self._classify is not None
        outcomes = {
            int(label): LabelOutcome(
                int(count),
                float(excess[0, number] / count),
                float(excess[-1, number] / count),
                float(kept[-1, number] / count) if known else None,
            )
            for number, (label, count) in enumerate(zip(self._labels, self._counts, strict=True))
        }
        return RecursionCurve(
            way,
            self._means(losses),
            self._means(self._entropy),
            self._means(kept) if known else (),
            outcomes if labelled else {},
            self._seconds[way],
            _nested(self._became[way]),
        )

    def _means(self, sums: Tensor) -> tuple[float, ...]:
        return tuple((sums.sum(1) / self._counts.sum()).tolist())


def _nested(counts: Mapping[tuple[int, int], int]) -> dict[int, dict[int, int]]:
    """Counts of pairs by their first and then their second half, in order."""
    nested: dict[int, dict[int, int]] = {}
    for (before, after), count in sorted(counts.items()):
        nested.setdefault(before, {})[after] = count
    return nested

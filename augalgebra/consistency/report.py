"""What was measured of words in a latent space, as data."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from augalgebra.checks.results import Verdict
from augalgebra.consistency.cases import Kind
from augalgebra.consistency.excess import MEASURE, TELLING, Gap
from augalgebra.consistency.information import Information
from augalgebra.errors import AugalgebraError
from augalgebra.latent.likelihoods import find_likelihood
from augalgebra.notebooks import render_table
from augalgebra.plain import PlainData, finite, pick

_ORDER: Mapping[Verdict, int] = {"violated": 0, "holds": 0, "vacuous": 1, "trivial": 2}


@dataclass(frozen=True)
class WordScore(Gap):
    """How well the codes of one view are moved to those of a word.

    Attributes:
        word: The word that is aimed at.
        view: The view whose codes are moved; ``id`` is the original.
        kind: What this is called, e.g. ``reverse composition``.
        route: The word whose operator moves them, ``view⁻¹ * word``.
        encoded: The word of the images that are encoded; differs from `view` only where operators are relabelled.
        residual: Squared distance of moved and direct codes, over the variance of the direct codes.
        trivial: Whether the laws reduce the route to doing nothing.
        psnr: Peak signal-to-noise ratio of what is drawn, in dB, of all images together; NaN where nobody asked.
        by_label: Gap ratio for the images of each label, or of each class by its name.
    """

    word: str
    view: str
    kind: Kind
    route: str
    encoded: str
    residual: float
    trivial: bool = False
    psnr: float = math.nan
    by_label: Mapping[int | str, float] = field(default_factory=dict)
    in_json = (
        *("word", "view as from", "kind", "verdict"),
        *Gap.in_json,
        *("psnr", "route as operator", "encoded", "residual"),
        "r2",
    )

    @property
    def verdict(self) -> Verdict:
        """Whether moving costs at most 1.1 of the floor's excess, where doing nothing costs more than that."""
        if self.trivial:
            return "trivial"
        if self.vacuous:
            return "vacuous"
        return "holds" if self.meets(TELLING) else "violated"

    @property
    def counts(self) -> bool:
        """Whether anything can be told from it: it is neither vacuous nor trivial."""
        return not (self.trivial or self.vacuous)

    @property
    def r2(self) -> float:
        """Share of the variance of the direct codes that the moved ones explain; at most 1."""
        return 1 - self.residual

    @property
    def worst_label(self) -> int | str | None:
        """The label whose images are moved worst."""
        told = [label for label, ratio in self.by_label.items() if not math.isnan(ratio)]
        return max(told, key=lambda label: self.by_label[label], default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_dict() | (pick(self, ["by_label"]) if self.by_label else {})


def render_scores(scores: Iterable[WordScore], caption: str) -> str:
    """Scores as notebooks show them."""
    rows = [
        (s.word, s.view, s.verdict, s.gap_ratio, s.identity_ratio, s.bce, s.floor, s.entropy, s.residual)
        for s in scores
    ]
    names = ["word", "from", "verdict", "gap", "doing nothing", "loss", "floor", "entropy", "residual"]
    return render_table(names, rows, caption)


@dataclass(frozen=True)
class NoInverse(PlainData):
    """Words that cannot be reached from a view, because that would undo what cannot be undone.

    Attributes:
        view: The view.
        length: How many letters the view has.
        words: The words that were asked for.
        reason: What cannot be undone, and who says so.
    """

    view: str
    length: int
    words: tuple[str, ...]
    reason: str
    in_json = "view as from", "words", "reason"


@dataclass(frozen=True)
class RelationResidual(PlainData):
    """How far the operators are from fulfilling an equation.

    Attributes:
        equation: The equation between words.
        residual: ‖L(lhs) − L(rhs)‖_F / √d, both sides multiplied out letter by letter.
        source: ``law`` for one that is declared or follows; ``composition`` where the operator kept for a product is
            compared with the product of the operators.
    """

    equation: str
    residual: float
    source: str = "law"


@dataclass(frozen=True)
class OrderSwap(PlainData):
    """Two orders of one pair: how different they truly are, and how different they are drawn.

    Attributes:
        first: The product in one order.
        second: The product in the other.
        true_difference: Root mean square over pixels and images of the difference of the true images.
        drawn_difference: The same of the decoded moved codes.
        own: Loss of each order against its own image, in nats per image.
        crossed: Loss of each order against the image of the other.
        entropy: What even a perfect drawing of each order's image costs.
    """

    first: str
    second: str
    true_difference: float
    drawn_difference: float
    own: tuple[float, float]
    crossed: tuple[float, float]
    entropy: tuple[float, float]
    in_json = "words", "commute", "true_difference", "drawn_difference", "own", "crossed", "entropy", "mistaken"

    @property
    def words(self) -> tuple[str, str]:
        """The product in each order."""
        return self.first, self.second

    @property
    def commute(self) -> bool:
        """Whether the two orders give the same images, up to the rounding of float32."""
        return self.true_difference < 1e-5

    @property
    def mistaken(self) -> bool:
        """Whether an order is drawn more like the other one than like itself, judged by the excess over each image."""
        first, second = self.entropy
        own = self.own[0] - first, self.own[1] - second
        crossed = self.crossed[0] - second, self.crossed[1] - first
        return not self.commute and any(mine > other for mine, other in zip(own, crossed, strict=True))


@dataclass(frozen=True)
class CompositionReport(PlainData):
    """Every measure of words in one latent space.

    Attributes:
        floor: For each view, the loss of encoding and decoding it directly, in nats per image.
        entropy: For each view, what even a perfect drawing of it costs.
        words: The scores, in the order in which they were asked for.
        no_inverse: What could not be asked of which view.
        relations: How well the operators fulfil the laws, largest residual first.
        orders: For each pair of generators, both orders.
        images: Number of images.
        head: The decoder that drew them.
        information: What its drawings tell of the images.
        likelihood: Name of the likelihood by which losses are measured; its unit is theirs.
        psnr: For each view, the peak signal-to-noise ratio of its direct drawings, in dB, of all images together.
        mean_picture: The same of the mean training image in place of every drawing of an original; None if unknown.
    """

    floor: Mapping[str, float]
    entropy: Mapping[str, float]
    words: tuple[WordScore, ...]
    no_inverse: tuple[NoInverse, ...]
    relations: tuple[RelationResidual, ...]
    orders: tuple[OrderSwap, ...]
    images: int
    head: str
    information: Information
    likelihood: str = "bernoulli"
    psnr: Mapping[str, float] = field(default_factory=dict)
    mean_picture: float | None = None
    measure: ClassVar[int] = MEASURE
    in_json = (
        *("measure", "likelihood", "floor", "entropy", "psnr", "mean_picture as psnr_mean_picture"),
        *("worst_first as words", "relations", "worst_gap_ratio", "verdicts", "information", "orders", "no_inverse"),
        *("images", "head"),
    )

    def _repr_html_(self) -> str:
        return render_scores(self.worst_first, f"{self.counted}; losses in {self.unit}")

    @property
    def unit(self) -> str:
        """What losses are counted in, for each image."""
        return find_likelihood(self.likelihood).unit

    @property
    def worst_first(self) -> tuple[WordScore, ...]:
        """The scores, largest gap ratio first; those that tell nothing come last."""
        return tuple(sorted(self.words, key=lambda score: (_ORDER[score.verdict], -score.rank)))

    @property
    def worst(self) -> WordScore | None:
        """The worst of the scores that count; None if none does."""
        return next((score for score in self.worst_first if score.counts), None)

    @property
    def worst_gap_ratio(self) -> float | None:
        """The largest gap ratio of those that count; None if none does, or its floor cannot be told from rounding."""
        return None if self.worst is None else finite(self.worst.gap_ratio)

    def count(self, verdict: Verdict) -> int:
        """How many words got this verdict."""
        return sum(score.verdict == verdict for score in self.words)

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """How many words got each verdict."""
        return {name: self.count(name) for name in _ORDER}

    @property
    def counted(self) -> str:
        """How many words got which verdict, as a phrase."""
        counts = self.verdicts
        told = ", ".join(f"{counts[name]} {name}" for name in ("violated", "vacuous", "trivial") if counts[name])
        return f"{counts['holds']} of {len(self.words)} words hold (within {TELLING:g})" + (f", {told}" if told else "")

    def failing(self, bar: float) -> str:
        """Why a bar on the gap ratio is not met; empty if it is.

        Args:
            bar: Largest excess over that of the floor, for every word that counts.
        """
        if self.information.nothing:
            return self.information.warning
        if self.worst is None:
            return "no word counts: all are vacuous or trivial" if self.words else "nothing could be measured"
        return "" if self.worst.meets(bar) else f"{self.worst.word} from {self.worst.view} is worse"

    @property
    def decibels(self) -> str:
        """How near drawings come to the images, direct and moved, and the mean training image in their place."""
        direct = self.psnr.get("id")
        if direct is None:
            return ""
        moved = [score.psnr for score in self.words if not score.trivial]
        told = [f"direct views {direct:.2f} dB"]
        told += [f"moved ones at least {min(moved):.2f}"] if moved else []
        told += [] if self.mean_picture is None else [f"the mean picture for all {self.mean_picture:.2f}"]
        return "PSNR: " + ", ".join(told)

    def named(self, classes: Sequence[str]) -> "CompositionReport":
        """The same with the names of classes in place of the labels 0, 1, 2, …, if there are names."""
        if not classes:
            return self
        words = [
            replace(score, by_label={classes[int(label)]: ratio for label, ratio in score.by_label.items()})
            for score in self.words
        ]
        return replace(self, words=tuple(words))

    def of_kind(self, *kinds: Kind) -> tuple[WordScore, ...]:
        """The scores of some kinds, in the order in which they were asked for."""
        return tuple(score for score in self.words if score.kind in kinds)

    def get(self, word: str, view: str = "id") -> WordScore | None:
        """The score of a word from a view, both written as in the report; None if it was not measured."""
        return next((score for score in self.words if (score.word, score.view) == (word, view)), None)

    def total(self, words: Iterable[str]) -> float:
        """Sum of the losses of some words from the original: the quantity of the published transfer table.

        Raises:
            AugalgebraError: One of them was not measured.
        """
        total = 0.0
        for word in words:
            score = self.get(word)
            if score is None:
                raise AugalgebraError(
                    f"{word} was not measured from the original; measured are "
                    f"{', '.join(score.word for score in self.words if score.view == 'id')}"
                )
            total += score.bce
        return total

"""What was measured of words in a latent space, as data."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from augalgebra.checks.latent_words import Kind
from augalgebra.checks.results import finite
from augalgebra.errors import AugalgebraError


@dataclass(frozen=True)
class WordScore:
    """How well the codes of one view are moved to those of a word. Losses are in nats per image.

    Attributes:
        word: The word that is aimed at.
        view: The view whose codes are moved; ``id`` is the original.
        kind: What this is called, e.g. ``reverse composition``.
        route: The word whose operator moves them, ``view⁻¹ * word``.
        encoded: The word of the images that are encoded; differs from `view` only where operators are relabelled.
        bce: Binary cross-entropy, summed over pixels, of the decoded moved codes against the image under `word`.
        floor: The same of the decoded direct codes of that image.
        identity_bce: The same when nothing is moved.
        residual: Squared distance of moved and direct codes, over the variance of the direct codes.
        by_label: Gap ratio for the images of each label.
    """

    word: str
    view: str
    kind: Kind
    route: str
    encoded: str
    bce: float
    floor: float
    identity_bce: float
    residual: float
    by_label: Mapping[int, float] = field(default_factory=dict)

    @property
    def gap_ratio(self) -> float:
        """The loss over its floor; 1 is perfect."""
        return ratio(self.bce, self.floor)

    @property
    def identity_ratio(self) -> float:
        """What the gap ratio would be if the operator did nothing."""
        return ratio(self.identity_bce, self.floor)

    @property
    def r2(self) -> float:
        """Share of the variance of the direct codes that the moved ones explain; at most 1."""
        return 1 - self.residual

    @property
    def worst_label(self) -> int | None:
        """The label whose images are moved worst."""
        return max(self.by_label, key=lambda label: self.by_label[label], default=None)

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        answer: dict[str, Any] = {
            "word": self.word,
            "from": self.view,
            "kind": self.kind,
            "bce": finite(self.bce),
            "floor": finite(self.floor),
            "gap_ratio": finite(self.gap_ratio),
            "identity_ratio": finite(self.identity_ratio),
            "identity_bce": finite(self.identity_bce),
            "operator": self.route,
            "encoded": self.encoded,
            "residual": finite(self.residual),
            "r2": finite(self.r2),
        }
        if self.by_label:
            answer["by_label"] = {str(label): finite(ratio) for label, ratio in self.by_label.items()}
        return answer


@dataclass(frozen=True)
class NoInverse:
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

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"from": self.view, "words": list(self.words), "reason": self.reason}


@dataclass(frozen=True)
class RelationResidual:
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

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"equation": self.equation, "residual": self.residual, "source": self.source}


@dataclass(frozen=True)
class OrderSwap:
    """Two orders of one pair: how different they truly are, and how different they are drawn.

    Attributes:
        first: The product in one order.
        second: The product in the other.
        true_difference: Root mean square over pixels and images of the difference of the true images.
        drawn_difference: The same of the decoded moved codes.
        own: Loss of each order against its own image, in nats per image.
        crossed: Loss of each order against the image of the other.
    """

    first: str
    second: str
    true_difference: float
    drawn_difference: float
    own: tuple[float, float]
    crossed: tuple[float, float]

    @property
    def commute(self) -> bool:
        """Whether the two orders give the same images, up to the rounding of float32."""
        return self.true_difference < 1e-5

    @property
    def mistaken(self) -> bool:
        """Whether an order is drawn more like the other one than like itself."""
        return not self.commute and any(own > crossed for own, crossed in zip(self.own, self.crossed, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "words": [self.first, self.second],
            "commute": self.commute,
            "true_difference": self.true_difference,
            "drawn_difference": self.drawn_difference,
            "own": list(self.own),
            "crossed": list(self.crossed),
            "mistaken": self.mistaken,
        }


@dataclass(frozen=True)
class CompositionReport:
    """Every measure of words in one latent space.

    Attributes:
        floor: For each view, the loss of encoding and decoding it directly, in nats per image.
        words: The scores, in the order in which they were asked for.
        no_inverse: What could not be asked of which view.
        relations: How well the operators fulfil the laws, largest residual first.
        orders: For each pair of generators, both orders.
        images: Number of images.
        head: The decoder that drew them.
    """

    floor: Mapping[str, float]
    words: tuple[WordScore, ...]
    no_inverse: tuple[NoInverse, ...]
    relations: tuple[RelationResidual, ...]
    orders: tuple[OrderSwap, ...]
    images: int
    head: str

    @property
    def worst_first(self) -> tuple[WordScore, ...]:
        """The scores, largest gap ratio first."""
        return tuple(sorted(self.words, key=lambda score: -_rank(score.gap_ratio)))

    @property
    def worst_gap_ratio(self) -> float | None:
        """The largest gap ratio of all; None if nothing could be measured."""
        return self.worst_first[0].gap_ratio if self.words else None

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

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON; the words come worst first."""
        return {
            "floor": dict(self.floor),
            "words": [score.to_json() for score in self.worst_first],
            "relations": [relation.to_json() for relation in self.relations],
            "worst_gap_ratio": finite(self.worst_gap_ratio),
            "orders": [order.to_json() for order in self.orders],
            "no_inverse": [entry.to_json() for entry in self.no_inverse],
            "images": self.images,
            "head": self.head,
        }


def ratio(loss: float, floor: float) -> float:
    """A loss over its floor, also where the floor is 0."""
    if floor == 0:  # a latent space that draws some image perfectly
        return 1.0 if loss == 0 else math.inf
    return loss / floor


def _rank(ratio: float) -> float:
    # a loss that is not a number is the worst there is
    return math.inf if math.isnan(ratio) else ratio

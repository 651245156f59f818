"""How well views are drawn from other views, by conditions and by operators, on one yardstick."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from augalg_slides.baselines.conditional import Conditions
from augalg_slides.baselines.cvae import CVAE
from augalg_slides.baselines.trained_networks import BaselineNetworks
from augalgebra.consistency import TELLING, Gap, UnreducedOperators, measure_composition
from augalgebra.latent import likelihood_of

PUBLISHED, EXACT, EQUIVARIANT = "LAVAE, published stage 2", "LAVAE, operators by the laws", "LAVAE, equivariant"
TOLD, SUM, SHIFTED, THROUGH = "told", "sum", "sum less original", "through images"
"""Ways to ask a conditional latent space for a view: by its own condition; for a product by the sum of the conditions
of its letters, with or without that of the original taken off; or by drawing one letter after the other."""


def is_decided(identity_ratio: float) -> bool:
    """Whether moving nothing is clearly worse than the floor; a space that draws one blur for all tells nothing."""
    return identity_ratio >= TELLING


@dataclass(frozen=True)
class Score(Gap):
    """How well one view is drawn from another; the floor is that of the published LAVAE, which draws it directly.

    Attributes:
        model: What draws.
        way: How it is asked to.
        view: The view that is encoded.
        word: The view that is wanted.
    """

    model: str
    way: str
    view: str
    word: str
    in_json = "model", "way", "view as from", "word", *Gap.in_json, "share"


class Yardstick:
    """Floor and baseline of every pair of views, and how LAVAEs of three kinds do by operators.

    Args:
        networks: What is compared.

    Attributes:
        scores: Those of the LAVAEs.
    """

    def __init__(self, networks: BaselineNetworks) -> None:
        space, (better, registry) = networks.lavae(), networks.equivariant()
        images, ids = networks.test.batch(slice(None))
        reports = {
            model: measure_composition(
                latent,
                UnreducedOperators(operators),
                networks.catalog,
                images.to(networks.device),
                networks.views.generators,
                words=networks.views.words,
                views=networks.views.words,
                ids=ids,
                seed=networks.seed,
            )
            for model, latent, operators in (
                (PUBLISHED, space, networks.operators(space, "published")),
                (EXACT, space, networks.operators(space)),
                (EQUIVARIANT, better, registry),
            )
        }
        first = reports[EXACT]
        self._floors = {name: first.floor[name] for name in networks.names}
        self._entropies = {name: first.entropy[name] for name in networks.names}
        self._identities = {(score.word, score.view): score.identity_bce for score in first.words}
        self.scores = [
            self.score(model, "operators", score.view, score.word, score.bce)
            for model, report in reports.items()
            for score in report.words
            if score.view != score.word
        ]

    def score(self, model: str, way: str, view: str, word: str, bce: float) -> Score:
        """A loss on the yardstick."""
        still = self._identities.get((word, view), math.nan)
        least = self._entropies[word]
        return Score(model, way, view, word, bce=bce, floor=self._floors[word], identity_bce=still, entropy=least)


class ConditionedModel:
    """A CVAE that is told views, asked to draw them.

    Args:
        networks: What is compared.
        space: The CVAE.
        conditions: What it is told.
    """

    def __init__(self, networks: BaselineNetworks, space: CVAE, conditions: Conditions) -> None:
        self._space, self._conditions = space, conditions
        self._labels = networks.test.labels.to(networks.device)
        self._shown = networks.shown
        self._names = networks.names

    @property
    def known(self) -> int:
        """How many of the views have a condition of their own."""
        return self._conditions.views

    def weights(self, view: int, way: str = TOLD) -> Float[Tensor, " view"]:
        """The condition that asks for a view: weights of the views that have one."""
        eye = torch.eye(self.known)
        if way in (SUM, SHIFTED):
            return eye[1] + eye[2] - (eye[0] if way == SHIFTED else 0)
        return eye[view]

    def code(self, weights: Float[Tensor, " view"], rows: int) -> Float[Tensor, "batch condition"]:
        """The condition of the first images."""
        labels = self._labels[:rows]
        return self._conditions(labels, weights.to(labels.device).expand(rows, -1))

    def drawn(
        self,
        images: Float[Tensor, "batch channel height width"],
        encoded: Float[Tensor, " view"],
        drawn: Float[Tensor, " view"],
    ) -> Float[Tensor, "batch channel height width"]:
        """Encode the first images, in whatever view, under one condition and draw them under another."""
        rows = len(images)
        return self._space.decode(self._space.encode(images, self.code(encoded, rows)), self.code(drawn, rows))

    def codes(self) -> list[Float[Tensor, "image latent"]]:
        """The codes of all test images in every view that has a condition."""
        rows = self._shown.shape[1]
        return [
            self._space.encode(self._shown[view], self.code(self.weights(view), rows)) for view in range(self.known)
        ]

    def product(self, images: Float[Tensor, "batch channel height width"], way: str) -> Tensor:
        """The product drawn from originals."""
        original = self.weights(0)
        if way == THROUGH:  # what was drawn of the first letter is taken for an original
            return self.drawn(self.drawn(images, original, self.weights(1)), original, self.weights(2))
        return self.drawn(images, original, self.weights(3, way))

    def scores(self, model: str, yardstick: Yardstick, *, as_original: bool = False) -> list[Score]:
        """Every view from every other that has a condition, and the product from originals in every way there is.

        Args:
            model: What the CVAE is called.
            yardstick: Floors and baselines.
            as_original: Whether the encoder is told that every view is an original.
        """
        found = []
        for source in range(self.known):
            told = self.weights(0 if as_original else source)
            for target in range(self.known):
                if source != target:
                    drawn = self.drawn(self._shown[source], told, self.weights(target))
                    found.append(self._score(model, TOLD, source, target, drawn, yardstick))
        for way in (SUM, SHIFTED, THROUGH):
            drawn = self.product(self._shown[0], way)
            found.append(self._score(model, way, 0, 3, drawn, yardstick))
        return found

    def _score(self, model: str, way: str, source: int, target: int, drawn: Tensor, yardstick: Yardstick) -> Score:
        loss = float(likelihood_of(self._space).loss(drawn, self._shown[target]).mean(dtype=torch.float64))
        return yardstick.score(model, way, self._names[source], self._names[target], loss)


def pick(
    scores: Iterable[Score], *, model: str, view: Sequence[str] | None = None, word: Sequence[str] | None = None
) -> list[Score]:
    """Scores of one model, perhaps from some views and of some words only."""
    return [
        score
        for score in scores
        if score.model == model and (view is None or score.view in view) and (word is None or score.word in word)
    ]

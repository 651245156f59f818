"""Training of conditional latent spaces: what they are told, and what they learn to draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from augalg_slides.baselines.cvae import CVAE
from augalgebra.data import Split
from augalgebra.errors import AugalgebraError
from augalgebra.training import EquivariantObjective, Measurement, Movers, Step, Views, divergence, sample, warmed_up

Sources = Literal["own", "original", "any"]
"""What is encoded to draw a view: the view itself, the original, or any of the views that are drawn."""


@dataclass(frozen=True)
class Conditions:
    """Classes and views as numbers: one of each where it counts, side by side.

    Attributes:
        labels: The classes; empty if the condition does not tell the class.
        views: How many views there are to be told apart, 0 if the condition does not tell the view.
        copies: How often all of it is repeated.
    """

    labels: tuple[int, ...] = ()
    views: int = 0
    copies: int = 1

    @property
    def size(self) -> int:
        """Numbers that a condition consists of."""
        return (len(self.labels) + self.views) * self.copies

    def __call__(
        self, labels: Int64[Tensor, " batch"], views: Int64[Tensor, " batch"] | Float[Tensor, "batch view"]
    ) -> Float[Tensor, "batch condition"]:
        """The condition of some images.

        Args:
            labels: Their classes; they do not matter if the condition does not tell the class.
            views: Numbers of their views, or a weight of each view, such as 1 for two of them.

        Raises:
            AugalgebraError: A class is unknown.
        """
        parts = []
        if self.labels:
            same = labels[:, None] == torch.tensor(self.labels, device=labels.device)
            if not bool(same.any(1).all()):
                raise AugalgebraError(f"the condition knows the classes {', '.join(map(str, self.labels))} only")
            parts.append(same.float())
        if self.views:
            parts.append(views if views.ndim == 2 else functional.one_hot(views, self.views).float())
        return torch.cat(parts, dim=1).repeat(1, self.copies)


class ConditionalObjective:
    """The evidence bound of views that are drawn from the code of a view under the condition of the one wanted."""

    def __init__(
        self,
        space: CVAE,
        views: Views,
        split: Split,
        conditions: Conditions,
        *,
        sources: Sources = "own",
        targets: int | None = None,
        kl_weight: float = 1.0,
        kl_warmup: float = 0.0,
    ) -> None:
        """Prepare.

        Args:
            space: What is being trained.
            views: The views.
            split: The images.
            conditions: What encoder and decoder are told: the class, and the view encoded or wanted.
            sources: What is encoded.
            targets: How many of the views are drawn, the first ones; all by default.
            kl_weight: Weight of the divergence.
            kl_warmup: Over which fraction of the training it rises from 0.
        """
        self._space, self._views, self._split, self._conditions = space, views, split, conditions
        self._sources, self._kl_weight, self._kl_warmup = sources, kl_weight, kl_warmup
        self._targets = len(views) if targets is None else targets

    @property
    def samples(self) -> int:
        """Number of views of all images together, however many of them are drawn: an epoch costs the same."""
        return len(self._split) * len(self._views)

    def __call__(self, step: Step) -> Measurement:
        """The terms of the loss of some images."""
        device = step.noise.device
        rows = step.positions % len(self._split)
        images, ids = self._split.batch(rows)
        labels = self._split.labels[rows].to(device)
        target = step.positions // len(self._split)
        if self._targets < len(self._views):
            target = self._random(len(rows), step.noise)
        source = target
        if self._sources != "own":
            source = torch.zeros_like(target) if self._sources == "original" else self._random(len(rows), step.noise)
        wanted = self._views.pick(images, ids, target).to(device)
        shown = wanted if self._sources == "own" else self._views.pick(images, ids, source).to(device)
        mean, log_variance = self._space.posterior(shown, self._conditions(labels, source.to(device)))
        latents = sample(mean, log_variance, step.noise)
        logits = self._space.logits(latents, self._conditions(labels, target.to(device)))
        return Measurement(
            {
                "reconstruction": self._space.likelihood.surprise(logits, wanted),
                "divergence": warmed_up(self._kl_weight, self._kl_warmup, step.fraction)
                * divergence(mean, log_variance),
            },
            len(rows),
        )

    def _random(self, number: int, noise: torch.Generator) -> Int64[Tensor, " batch"]:
        return torch.randint(self._targets, (number,), generator=noise, device=noise.device).cpu()


class ConditionalMoves:
    """`EquivariantObjective` under a condition that tells the class: operators move the codes, not the condition."""

    def __init__(
        self,
        space: CVAE,
        views: Views,
        split: Split,
        conditions: Conditions,
        movers: Movers,
        *,
        kl_weight: float = 1.0,
        kl_warmup: float = 0.0,
    ) -> None:
        """Prepare.

        Args:
            space: What is being trained.
            views: The views; a sample is one image with all of them.
            split: The images.
            conditions: What encoder and decoder are told; not the view.
            movers: The matrices that move latents.
            kl_weight: Weight of the divergence.
            kl_warmup: Over which fraction of the training it rises from 0.

        Raises:
            AugalgebraError: The condition tells the view.
        """
        if conditions.views:
            raise AugalgebraError("views are for the operators here; let the condition tell the class only")
        self._space, self._views, self._split, self._conditions = space, views, split, conditions
        self._movers, self._kl_weight, self._kl_warmup = movers, kl_weight, kl_warmup

    @property
    def samples(self) -> int:
        """Number of images."""
        return len(self._split)

    def __call__(self, step: Step) -> Measurement:
        """The terms of the loss of some images."""
        labels = self._split.labels[step.positions].to(step.noise.device)
        told = self._conditions(labels, torch.zeros_like(labels)).repeat(len(self._views), 1)  # view by view
        objective = EquivariantObjective(
            self._space.given(told),
            self._views,
            self._split,
            self._movers,
            kl_weight=self._kl_weight,
            kl_warmup=self._kl_warmup,
        )
        return objective(step)


def classes_of(split: Split) -> tuple[int, ...]:
    """The classes that occur.

    Raises:
        AugalgebraError: There is only one, so that it says nothing.
    """
    labels: Sequence[int] = torch.unique(split.labels).tolist()
    if len(labels) < 2:
        raise AugalgebraError("a condition on the class needs images of at least two classes; this data set has none")
    return tuple(labels)

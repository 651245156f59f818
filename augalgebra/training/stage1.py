"""Stage 1: encoder and first head.

Two recipes. *Faithful* is the published one: every view is a sample of its own. *Equivariant* also draws
views from moved latents: each latent is moved by the identity or by one generator, chosen at random, and drawn
once, so that it costs no more than drawing the views themselves.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.algebra.words import Word
from augalgebra.data.dataset import Split
from augalgebra.latent.lavae import LAVAE
from augalgebra.latent.likelihoods import Likelihood
from augalgebra.latent.protocol import device_of_space
from augalgebra.operators.groups.arrays import Array
from augalgebra.training.devices import Team
from augalgebra.training.loop import Loop, Measurement, Step
from augalgebra.training.losses import displace, divergence, normal_like, warmed_up
from augalgebra.training.precision import autocast
from augalgebra.training.recipe import Recipe
from augalgebra.training.views import Views

STAGE = "stage 1"


class Variational(Protocol):
    """What the evidence bound needs of a latent space."""

    @property
    def likelihood(self) -> Likelihood:
        """How drawn pixels are compared with true ones."""

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of each image."""

    def logits(self, latents: Tensor) -> Tensor:
        """Log odds of the pixels."""


@dataclass
class FaithfulObjective:
    """The evidence bound of single views, as published.

    Attributes:
        space: What is being trained.
        views: The views; a sample is one view of one image.
        split: The images.
        kl_weight: Weight of the divergence; published is 1.
        kl_warmup: Over which fraction of the training it rises from 0.
        bfloat16: Whether to compute products in bfloat16.
    """

    space: Variational
    views: Views
    split: Split
    kl_weight: float = 1.0
    kl_warmup: float = 0.0
    bfloat16: bool = False

    @property
    def samples(self) -> int:
        """Number of views of all images together."""
        return len(self.split) * len(self.views)

    def __call__(self, step: Step) -> Measurement:
        """The terms of the loss of some views."""
        images, ids = self.split.batch(step.positions % len(self.split))
        targets = self.views.pick(images, ids, step.positions // len(self.split)).to(step.noise.device)
        with autocast(step.noise.device, bfloat16=self.bfloat16):
            mean, log_variance = self.space.posterior(targets)
            noise = step.draw(lambda number: normal_like(mean, step.noise, number, mean.shape[1]))
            logits = self.space.logits(displace(mean, log_variance, noise))
        return Measurement(
            {
                "reconstruction": self.space.likelihood.surprise(logits, targets, step.pooled),
                "divergence": warmed_up(self.kl_weight, self.kl_warmup, step.fraction) * divergence(mean, log_variance),
            },
            len(targets),
        )


class Movers(nn.Module):
    """The matrices by which stage 1 moves latents: the identity and one for each generator.

    Matrices that are given stay as they are; the others start at the identity and are learned along.

    Attributes:
        generators: The generators, in order.
    """

    def __init__(self, generators: tuple[Word, ...], dim: int, fixed: Mapping[Word, Array]) -> None:
        super().__init__()
        self.generators = generators
        self.free = nn.ParameterDict()
        self.register_buffer("eye", torch.eye(dim), persistent=False)
        for number, word in enumerate(generators):
            if word in fixed:
                matrix = torch.tensor(fixed[word], dtype=torch.float32)
                self.register_buffer(f"fixed{number}", matrix, persistent=False)
            else:
                self.free[str(number)] = nn.Parameter(torch.eye(dim))

    @torch.no_grad()
    def learned(self) -> dict[Word, Array]:
        """The matrices that were learned along, by generator."""
        matrices = {word: self.free.get(str(number)) for number, word in enumerate(self.generators)}
        return {word: matrix.cpu().double().numpy() for word, matrix in matrices.items() if matrix is not None}

    def forward(self) -> Float[Tensor, "move latent latent"]:
        """The identity, then the matrix of each generator."""
        matrices = [self.get_buffer("eye")]
        for number in range(len(self.generators)):
            free = str(number) in self.free
            matrices.append(self.free[str(number)] if free else self.get_buffer(f"fixed{number}"))
        return torch.stack(matrices)


class EquivariantObjective:
    """The evidence bound with each view drawn from the latent of another one, moved there by a generator.

    Only single generators move latents, so that whatever is true of longer words was not trained.
    """

    def __init__(
        self,
        space: Variational,
        views: Views,
        split: Split,
        movers: Movers,
        *,
        kl_weight: float = 1.0,
        kl_warmup: float = 0.0,
        bfloat16: bool = False,
    ) -> None:
        """Prepare.

        Args:
            space: What is being trained.
            views: The views; a sample is one image with all of them.
            split: The images.
            movers: The matrices that move latents.
            kl_weight: Weight of the divergence.
            kl_warmup: Over which fraction of the training it rises from 0.
            bfloat16: Whether to compute products in bfloat16.
        """
        self._space, self._views, self._split, self._movers = space, views, split, movers
        self._kl_weight, self._kl_warmup, self._bfloat16 = kl_weight, kl_warmup, bfloat16
        stay = torch.arange(len(views))[None]
        self._targets = torch.cat([stay, views.moves])  # [move, view]; -1 where a move leads out of the views
        self._odds = (self._targets >= 0).T.float()

    @property
    def samples(self) -> int:
        """Number of images."""
        return len(self._split)

    def __call__(self, step: Step) -> Measurement:
        """The terms of the loss of some images."""
        device = step.noise.device
        images, ids = self._split.batch(step.positions)
        views = self._views.make(images, ids).to(device)  # [view, batch, channel, height, width]
        view, batch = views.shape[:2]
        odds = self._odds.to(device)
        moves = step.draw(
            lambda number: torch.multinomial(odds, number, replacement=True, generator=step.noise), axis=1
        )  # [view, batch]
        source, column = torch.arange(view, device=device)[:, None], torch.arange(batch, device=device)
        targets = views[self._targets.to(device)[moves, source], column].flatten(0, 1)
        with autocast(device, bfloat16=self._bfloat16):
            mean, log_variance = self._space.posterior(views.flatten(0, 1))
            noise = step.draw(lambda number: normal_like(mean, step.noise, view, number, mean.shape[1]), axis=1)
            latents = displace(mean, log_variance, noise.flatten(0, 1)).view(view, batch, -1)
            moved = torch.einsum("vbd,mde->mvbe", latents, self._movers())[moves, source, column]
            logits = self._space.logits(moved.flatten(0, 1))
        return Measurement(
            {
                "reconstruction": self._space.likelihood.surprise(logits, targets, step.pooled),
                "divergence": warmed_up(self._kl_weight, self._kl_warmup, step.fraction)
                * divergence(mean, log_variance),
            },
            view * batch,
        )


def joint_operators(learned: nn.Module) -> dict[Word, Array]:
    """The matrices that the equivariant stage 1 learned along with the latent space, by generator.

    Args:
        learned: What the loop of stage 1 learned, see `Loop.learned`.
    """
    movers = dict(learned.named_children()).get("movers")
    return movers.learned() if isinstance(movers, Movers) else {}


def stage1_loop(
    space: LAVAE,
    views: Views,
    split: Split,
    recipe: Recipe,
    operators: Mapping[Word, Array] | None = None,
    team: Team | None = None,
) -> Loop:
    """Stage 1, ready to run.

    The loss is averaged over the batch where the published one is summed; the optimizers do not mind the scale.

    Args:
        space: What is trained, in place.
        views: The views: `Views.published` for the faithful preset, `Views.closed` for the equivariant one.
        split: The images.
        recipe: How to descend.
        operators: For the equivariant preset: the fixed orthogonal matrix ``[latent, latent]`` of each generator.
            Those of generators that are not in here are learned along, from the identity.
        team: The processes that train it together; None for this one alone.
    """
    device = device_of_space(space)
    objective: FaithfulObjective | EquivariantObjective
    if recipe.preset == "faithful":
        learned: nn.Module = space
        objective = FaithfulObjective(space, views, split, recipe.kl_weight, recipe.kl_warmup, recipe.bfloat16)
    else:
        movers = Movers(views.generators, space.dim, operators or {}).to(device)
        learned = nn.ModuleDict({"space": space, "movers": movers})
        objective = EquivariantObjective(
            space,
            views,
            split,
            movers,
            kl_weight=recipe.kl_weight,
            kl_warmup=recipe.kl_warmup,
            bfloat16=recipe.bfloat16,
        )
    return Loop(
        STAGE,
        learned,
        recipe.optimizer(learned.parameters()),
        objective if team is None else team.spread(learned, objective),
        samples=objective.samples,
        batch_size=recipe.batch_size,
        limit=recipe.limit,
        seed=recipe.seed,
        schedule=recipe.schedule,
        device=device,
        clock=time.perf_counter if team is None else team.clock,
    )

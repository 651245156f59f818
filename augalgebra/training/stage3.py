"""Stage 3: a new head for other augmentations, while encoder, operators and all other heads stay as they are.

Two ways to say from where in the latent space the new head draws. *Relabel*, the published one: it learns to draw the
first new augmentation where the first trained operator leads, the second where the second does, and their product
where the product leads. *Extend*: each new augmentation has an operator of its own, fitted beforehand.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Symbol, Word
from augalgebra.data.dataset import Split
from augalgebra.errors import AugalgebraError
from augalgebra.latent.lavae import LAVAE
from augalgebra.training.encoding import posteriors
from augalgebra.training.loop import Loop, Measurement, Step
from augalgebra.training.losses import sample
from augalgebra.training.precision import autocast
from augalgebra.training.recipe import Recipe
from augalgebra.training.views import Views

STAGE = "stage 3"


class LatentMap(Protocol):
    """A linear map on latents."""

    def apply(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """Move a batch of codes."""


class OperatorSource(Protocol):
    """Anything that knows the operator of a word, such as a registry."""

    def operator(self, word: Word) -> LatentMap:
        """The operator that stands for a word."""


def assign_operators(trained: Sequence[Word], new: Sequence[Word]) -> dict[Symbol, Symbol]:
    """Which trained augmentation's operator each new one takes over: the first the first's, and so on.

    Args:
        trained: The augmentations that have operators, as words of one letter.
        new: The new augmentations, as words of one letter.

    Raises:
        AugalgebraError: There are more new ones than trained ones.
    """
    if len(new) > len(trained):
        raise AugalgebraError(
            f"relabelling gives {len(trained)} trained operators to new augmentations, but {len(new)} were named; "
            "name fewer, or use the mode 'extend'"
        )
    return {after.symbols[0]: before.symbols[0] for before, after in zip(trained, new, strict=False)}


def routes(views: Views, relabelled: Mapping[Symbol, Symbol] | None = None) -> dict[Word, Word]:
    """For each view that the new head shall draw, the word whose operator leads to where it draws it.

    Args:
        views: The original, the new augmentations and their products.
        relabelled: Which trained augmentation's operator each new one takes over; None if they have their own.
    """
    names = dict(relabelled or {})
    return {word: word.map(lambda symbol: names.get(symbol, symbol)) for word in views.words}


class HeadObjective:
    """How well a head draws each view of the originals from their moved latents, and perhaps from its own code."""

    def __init__(
        self,
        space: LAVAE,
        head: str,
        views: Views,
        split: Split,
        maps: Sequence[LatentMap],
        *,
        own_codes: bool = False,
        bfloat16: bool = False,
    ) -> None:
        """Encode everything once.

        Args:
            space: The latent space; only the head learns.
            head: Name of the head.
            views: What the head shall draw.
            split: The images.
            maps: For each view, what moves the latent of the original to where the head draws it.
            own_codes: Whether views are drawn from their own codes too, half of the time.
            bfloat16: Whether to compute products in bfloat16.
        """
        self._space, self._head, self._views, self._split = space, head, views, split
        self._maps, self._bfloat16 = tuple(maps), bfloat16
        self._own_codes = own_codes
        self._mean, self._log_variance = posteriors(space, split, views if own_codes else None)

    def __call__(self, step: Step) -> Measurement:
        """The surprise of each view; the loss is their sum, the total of the slides."""
        device = step.noise.device
        images, ids = self._split.batch(step.positions)
        targets = self._views.make(images, ids).to(device)
        rows = step.positions.to(device)
        codes = sample(self._mean[:, rows], self._log_variance[:, rows], step.noise)  # [view, batch, latent]
        latents = torch.stack([item.apply(codes[0]) for item in self._maps])
        if self._own_codes:
            own = torch.rand(latents.shape[:2], generator=step.noise, device=device) < 0.5
            latents = torch.where(own[..., None], codes, latents)
        with autocast(device, bfloat16=self._bfloat16):
            logits = self._space.logits(latents.flatten(0, 1), self._head).view_as(targets)
        terms = {
            self._views.catalog.display(word): self._space.likelihood.surprise(drawn, target)
            for word, drawn, target in zip(self._views.words, logits, targets, strict=True)
        }
        return Measurement(terms, targets.shape[0] * targets.shape[1])


def head_loop(
    space: LAVAE,
    head: str,
    views: Views,
    split: Split,
    operators: OperatorSource,
    recipe: Recipe,
    *,
    relabelled: Mapping[Symbol, Symbol] | None = None,
) -> Loop:
    """The training of a head, ready to run.

    Args:
        space: The latent space; its head of that name is trained in place, nothing else changes.
        head: Name of the head, see `LAVAE.add_head`.
        views: The original, the new augmentations and their products.
        split: The images.
        operators: Knows the operator of a word.
        recipe: How to descend.
        relabelled: Which trained augmentation's operator each new one takes over. None if they have their own; the
            head is then also shown the codes of the new views themselves.

    Raises:
        AugalgebraError: There is no such head, or an operator is missing.
    """
    decoder = space.decoder(head)
    maps = [operators.operator(route) for route in routes(views, relabelled).values()]
    return Loop(
        STAGE,
        decoder,
        recipe.optimizer(decoder.parameters()),
        HeadObjective(space, head, views, split, maps, own_codes=relabelled is None, bfloat16=recipe.bfloat16),
        samples=len(split),
        batch_size=recipe.batch_size,
        limit=recipe.limit,
        seed=recipe.seed,
        schedule=recipe.schedule,
        device=next(decoder.parameters()).device,
    )

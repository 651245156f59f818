"""Exact operators of a finite group, turned so that what the decoder draws of moved codes is as good as can be.

Least squares on codes counts every direction of the latent space alike, but a decoder does not: an error along some
directions is hardly seen, and along others it is. What is learned here is one change of coordinates T, the same for
all operators, and the readout K: L becomes T L T⁻¹. Whatever relations hold between operators hold as exactly after it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from augalgebra.data.dataset import Split
from augalgebra.latent.lavae import LAVAE
from augalgebra.latent.protocol import device_of_space
from augalgebra.operators import AffineMap, FiniteGroup
from augalgebra.operators.groups.arrays import Array
from augalgebra.training.loop import Limit, Loop, Measurement, Step
from augalgebra.training.progress import Progress, silent
from augalgebra.training.views import Views

STAGE = "stage 2"
STEPS, BATCH, LEARNING_RATE = 600, 128, 3e-3
"""More steps, or larger ones, gain nothing on MNIST."""
_MOST_PASSES = 50
_MOST_IMAGES = 60_000  # codes of all their views are kept in memory
_SHARPNESS, _FORGETTING = 60.0, 0.03
_FIRST = 500  # images that show how good each move is at the start


@dataclass(frozen=True, eq=False)
class RefinedOperators:
    """Operators in other coordinates.

    Attributes:
        generators: The map of each generator, in the order of those of the group.
        readout: What is applied once after them.
        steps: Steps that were made.
    """

    generators: tuple[AffineMap, ...]
    readout: AffineMap
    steps: int


def refine_coordinates(
    space: LAVAE,
    views: Views,
    group: FiniteGroup,
    elements: tuple[AffineMap, ...],
    readout: AffineMap,
    split: Split,
    *,
    seed: int = 0,
    steps: int = STEPS,
    progress: Progress = silent,
) -> RefinedOperators:
    """Learn coordinates and readout by drawing codes of one view moved to another.

    Args:
        space: The latent space; nothing in it changes.
        views: Views, all of which the elements lead to one another.
        group: The group that the operators represent.
        elements: The map of each element of the group.
        readout: What is applied once after them, as a start.
        split: The images to learn from; of more than 60,000 so many, see `Split.sample`.
        seed: Seed of everything drawn at random.
        steps: Steps to make, rounded up to whole passes over the images, of which there are at most fifty.
        progress: Called after each step.

    Raises:
        KeyboardInterrupt: Somebody stopped it; nothing is learned by halves.
        TrainingError: The loss was not finite.
    """
    coordinates = Coordinates(elements, readout).to(device_of_space(space))
    made = learn_moves(
        space, views, group, coordinates, split, rate=LEARNING_RATE, seed=seed, steps=steps, progress=progress
    )
    T, K = coordinates.learned()
    T_inverse = np.linalg.inv(T)
    generators = tuple(
        AffineMap.from_homogeneous(T @ elements[number].homogeneous @ T_inverse) for number in group.generators.values()
    )
    return RefinedOperators(generators, AffineMap.from_homogeneous(K), made)


def learn_moves(
    space: LAVAE,
    views: Views,
    group: FiniteGroup,
    moving: nn.Module,
    split: Split,
    *,
    rate: float,
    seed: int = 0,
    steps: int = STEPS,
    progress: Progress = silent,
) -> int:
    """Teach what moves codes, in place, by drawing codes of one view moved to another.

    Args:
        space: The latent space; nothing in it changes.
        views: Views, all of which the elements lead to one another.
        group: The group.
        moving: Moves codes by the numbers of elements; on the device of the space.
        split: The images to learn from; of more than 60,000 so many, see `Split.sample`.
        rate: Step size at the top of the schedule.
        seed: Seed of everything drawn at random.
        steps: Steps to make, rounded up to whole passes over the images, of which there are at most fifty.
        progress: Called after each step.

    Returns:
        The steps that were made.

    Raises:
        KeyboardInterrupt: Somebody stopped it.
        TrainingError: The loss was not finite.
    """
    device = device_of_space(space)
    split = split.sample(_MOST_IMAGES)
    trained = [parameter for parameter in space.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad = False
    try:
        loop = Loop(
            STAGE,
            moving,
            torch.optim.AdamW(moving.parameters(), lr=rate, weight_decay=0.0),
            MovedAndDrawn(space, views, group, moving, split, device),
            samples=len(split),
            batch_size=min(BATCH, len(split)),
            limit=Limit(epochs=min(_MOST_PASSES, math.ceil(steps * BATCH / len(split)))),
            seed=seed,
            schedule="cosine",
            device=device,
        )
        if loop.run(progress).interrupted:
            raise KeyboardInterrupt
    finally:
        for parameter in trained:
            parameter.requires_grad = True
    return loop.step


class Coordinates(nn.Module):
    """The change of coordinates and the readout, both affine, as matrices on (z, 1).

    Attributes:
        turn: T without its last column, which is that of the identity.
        last: The same of K.
    """

    elements: Tensor

    def __init__(self, elements: tuple[AffineMap, ...], readout: AffineMap) -> None:
        super().__init__()
        size = readout.dim + 1
        lifted = np.stack([element.homogeneous for element in elements])
        self.register_buffer("elements", torch.tensor(lifted, dtype=torch.float32), persistent=False)
        self.turn = nn.Parameter(torch.eye(size)[:, :-1])
        self.last = nn.Parameter(torch.tensor(readout.homogeneous[:, :-1], dtype=torch.float32))

    def forward(
        self, codes: Float[Tensor, "batch latent"], element: Int64[Tensor, " batch"] | int
    ) -> Float[Tensor, "batch latent"]:
        """Codes moved by one element, or each by its own, with the readout after it."""
        T = self._whole(self.turn)
        maps: Tensor = T @ self.elements @ torch.linalg.inv(T) @ self.last
        if isinstance(element, int):
            return _lifted(codes) @ maps[element]
        return torch.einsum("bi,bij->bj", _lifted(codes), maps[element])

    @torch.no_grad()
    def learned(self) -> tuple[Array, Array]:
        """T and K."""
        T, K = (self._whole(part).cpu().double().numpy() for part in (self.turn, self.last))
        return T, K

    @staticmethod
    def _whole(part: Tensor) -> Tensor:
        last = torch.zeros_like(part[:, :1])
        last[-1] = 1
        return torch.cat([part, last], dim=1)


Moving = Callable[[Tensor, Tensor | int], Tensor]
"""Moves codes ``[batch, latent]`` by one element of a group, by its number, or each by its own."""


class MovedAndDrawn:
    """The loss of codes of random views, moved to other ones by random elements and drawn.

    A composition is worth no more than the worst of its moves, so moves that cost much beside their floors are drawn
    more often: in proportion to exp(s r), with r the running mean of the ratio of whole losses, which no floor makes
    large, and s so large that the worst ones count most.
    """

    def __init__(
        self, space: LAVAE, views: Views, group: FiniteGroup, moving: Moving, split: Split, device: torch.device
    ) -> None:
        self._space, self._views, self._moving, self._split = space, views, moving, split
        self._losses = space.likelihood.loss_of_logits
        self._codes = torch.empty(len(views), len(split), space.dim, device=device)
        # of each view of each image, since some are several times as hard to draw as others
        self._floors = torch.full((len(views), len(split)), math.nan, device=device)
        there = torch.arange(len(views))
        moves = {word.letters[0]: views.moves[number] for number, word in enumerate(views.generators)}
        targets = []
        for element in group.elements[1:]:
            reached = there
            for letter in element.letters:
                reached = moves[letter][reached]
            targets.append(reached)
        self._targets = torch.stack(targets).flatten().to(device)  # [element but the identity, view], as one row
        self._ratios = self._measured()

    def __call__(self, step: Step) -> Measurement:
        """The loss of some images."""
        images, ids = self._split.batch(step.positions)
        count, device = len(images), step.noise.device
        chances = (_SHARPNESS * self._ratios).softmax(0)
        move = torch.multinomial(chances, count, replacement=True, generator=step.noise)
        element, source = move // len(self._views) + 1, move % len(self._views)
        views = self._views.make(images, ids).to(device)
        column, image = torch.arange(count, device=device), step.positions.to(device)
        target = self._targets[move]
        for view in (source, target):
            self._encode(views[view, column], view, image)
        moved = self._moving(self._codes[source, image], element)
        losses = self._losses(self._space.logits(moved), views[target, column])
        self._remember(move, losses.detach(), self._floors[target, image])
        return Measurement({"moved": losses.mean()}, count)

    @torch.no_grad()
    def _encode(self, images: Tensor, view: Int64[Tensor, " batch"], image: Int64[Tensor, " batch"]) -> None:
        """Fill in codes and floors that are not known yet; the space does not change, so once is enough."""
        new = self._floors[view, image].isnan()
        if new.any():
            images, view, image = images[new], view[new], image[new]
            codes = self._space.encode(images)
            self._codes[view, image] = codes
            self._floors[view, image] = self._losses(self._space.logits(codes), images)

    def _remember(self, move: Tensor, losses: Tensor, floors: Tensor) -> None:
        moved, floor = (torch.zeros_like(self._ratios).index_add_(0, move, values) for values in (losses, floors))
        means = torch.where(floor > 0, moved / floor, self._ratios)
        self._ratios = self._ratios.lerp(means, _FORGETTING)

    @torch.no_grad()
    def _measured(self) -> Float[Tensor, " move"]:
        """The ratio of each move as it is before anything is learned."""
        images, ids = self._split.sample(_FIRST).batch(slice(None))
        views = self._views.make(images, ids).to(self._targets.device)
        codes = [self._space.encode(view) for view in views]
        pairs = zip(codes, views, strict=True)
        floors = torch.stack([self._losses(self._space.logits(code), view).mean() for code, view in pairs])
        ratios = []
        for move, target in enumerate(self._targets.tolist()):
            element, source = move // len(views) + 1, move % len(views)
            drawn = self._space.logits(self._moving(codes[source], element))
            ratios.append(self._losses(drawn, views[target]).mean() / floors[target])
        return torch.stack(ratios)


def _lifted(codes: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent_and_one"]:
    return torch.cat([codes, torch.ones_like(codes[:, :1])], dim=1)

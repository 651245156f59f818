"""Exact operators of a finite group, turned so that what the decoder draws of moved codes is as good as can be.

Least squares on codes counts every direction of the latent space alike, but a decoder does not: an error along some
directions is hardly seen, and along others it is. What is learned here is one change of coordinates T, the same for
all operators, and the readout K: L becomes T L T⁻¹. Whatever relations hold between operators hold as exactly after it.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.latent.lavae import LAVAE
from augalgebra.operators import AffineMap, FiniteGroup
from augalgebra.operators.arrays import Array
from augalgebra.training.data import Split
from augalgebra.training.loop import Limit, Loop, Measured, Step
from augalgebra.training.losses import cross_entropy
from augalgebra.training.progress import Progress, silent
from augalgebra.training.views import Views

STAGE = "stage 2"
STEPS, BATCH, LEARNING_RATE = 600, 128, 3e-3
"""More steps, or larger ones, gain nothing on MNIST."""
_MOST_PASSES = 50


@dataclass(frozen=True, eq=False)
class Turned:
    """Operators in other coordinates.

    Attributes:
        generators: The map of each generator, in the order of those of the group.
        readout: What is applied once after them.
        steps: Steps that were made.
    """

    generators: tuple[AffineMap, ...]
    readout: AffineMap
    steps: int


def turned(
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
) -> Turned:
    """Learn coordinates and readout by drawing codes of one view moved to another.

    Args:
        space: The latent space; nothing in it changes.
        views: Views, all of which the elements lead to one another.
        group: The group that the operators represent.
        elements: The map of each element of the group.
        readout: What is applied once after them, as a start.
        split: The images to learn from.
        seed: Seed of everything drawn at random.
        steps: Steps to make, rounded up to whole passes over the images, of which there are at most fifty.
        progress: Called after each step.

    Raises:
        KeyboardInterrupt: Somebody stopped it; nothing is learned by halves.
        TrainingError: The loss was not finite.
    """
    device = next(space.parameters()).device
    coordinates = Coordinates(elements, readout).to(device)
    trained = [parameter for parameter in space.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad = False
    try:
        loop = Loop(
            STAGE,
            coordinates,
            torch.optim.AdamW(coordinates.parameters(), lr=LEARNING_RATE, weight_decay=0.0),
            MovedAndDrawn(space, views, group, coordinates, split),
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
    T, K = coordinates.learned()
    T_inverse = np.linalg.inv(T)
    generators = tuple(
        AffineMap.from_homogeneous(T @ elements[number].homogeneous @ T_inverse) for number in group.generators.values()
    )
    return Turned(generators, AffineMap.from_homogeneous(K), loop.step)


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

    def forward(self) -> Float[Tensor, "element latent_and_one latent"]:
        """The map of each element with the readout after it."""
        T = self._whole(self.turn)
        maps: Tensor = T @ self.elements @ torch.linalg.inv(T) @ self.last
        return maps

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


class MovedAndDrawn:
    """The loss of codes of random views, moved to other ones by random elements and drawn."""

    def __init__(self, space: LAVAE, views: Views, group: FiniteGroup, coordinates: Coordinates, split: Split) -> None:
        self._space, self._views, self._coordinates, self._split = space, views, coordinates, split
        there = torch.arange(len(views))
        moves = {word.letters[0]: views.moves[number] for number, word in enumerate(views.generators)}
        targets = []
        for element in group.elements:
            reached = there
            for letter in element.letters:
                reached = moves[letter][reached]
            targets.append(reached)
        self._targets = torch.stack(targets)  # [element, view]

    def __call__(self, step: Step) -> Measured:
        """The loss of some images."""
        images, ids = self._split.batch(step.positions)
        count, device = len(images), step.noise.device
        source = torch.randint(len(self._views), (count,), generator=step.noise, device=device)
        element = torch.randint(1, len(self._targets), (count,), generator=step.noise, device=device)
        views = self._views.make(images, ids).to(device)
        column = torch.arange(count, device=device)
        with torch.no_grad():
            codes = self._space.encode(views[source, column])
        lifted = torch.cat([codes, torch.ones_like(codes[:, :1])], dim=1)
        moved = torch.einsum("bi,bij->bj", lifted, self._coordinates()[element])
        targets = views[self._targets.to(device)[element, source], column]
        return Measured({"moved": cross_entropy(self._space.logits(moved), targets)}, count)

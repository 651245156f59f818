"""The decoder of a causal model: each place of the picture takes in the blocks of few concepts."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from augalgebra.latent.networks import KERNEL, PAD, STRIDE, draw_weights


class Blocks(nn.Module):
    """A block for each concept: what its value becomes before the decoder draws it.

    A block is a smooth curve: waves of the value, from slow to fast, and the value itself.

    Attributes:
        size: Coordinates of a block.
    """

    def __init__(self, waves: int) -> None:
        super().__init__()
        self.size = 1 + 2 * waves
        # values of four deviations fit into half a turn of the slowest wave
        self.register_buffer("speeds", math.pi / 8 * torch.arange(1, waves + 1).float(), persistent=False)

    def forward(self, values: Float[Tensor, "batch concept"]) -> Float[Tensor, "batch concept block"]:
        """The blocks of values in standard units."""
        turns = values[:, :, None] * self.get_buffer("speeds")
        return torch.cat([values[:, :, None], turns.sin(), turns.cos()], 2)


class ConceptDecoder(nn.Module):
    """Blocks to pictures: a linear map of each block to a grid of features, gates, and two convolutions.

    Attributes:
        gates: For each concept and place of the grid how much the place takes in of the block, before it is clamped to
            [0, 1].
    """

    def __init__(self, image_shape: tuple[int, int, int], concepts: int, block: int, rest: int, width: int) -> None:
        super().__init__()
        channels, self._height, self._breadth = image_shape
        self._grid = math.ceil(self._height / STRIDE), math.ceil(self._breadth / STRIDE)
        self._width = width
        self.spread = nn.Parameter(torch.empty(concepts, block, self._width * math.prod(self._grid)))
        self.shift = nn.Parameter(torch.zeros(self._width * math.prod(self._grid)))
        self.gates = nn.Parameter(torch.ones(concepts, math.prod(self._grid)))
        self.rest = nn.Linear(rest, self._width * math.prod(self._grid), bias=False) if rest else None
        self.inner = nn.Conv2d(width, width, 3, padding=1)
        self.outer = nn.ConvTranspose2d(width, channels, KERNEL, STRIDE, PAD)

    def forward(
        self, blocks: Float[Tensor, "batch concept block"], rest: Float[Tensor, "batch rest"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Logits of the pixels."""
        opened = self.gates.clamp(0, 1).repeat_interleave(self._width, 1)
        weights = self.spread * opened[:, None]
        features = blocks.flatten(1) @ weights.flatten(0, 1) + self.shift
        if self.rest is not None:
            features = features + self.rest(rest)
        grid = functional.relu(features).view(-1, *self._grid, self._width).permute(0, 3, 1, 2)
        logits: Tensor = self.outer(functional.relu(self.inner(grid)) + grid)
        return logits[..., : self._height, : self._breadth].float()

    @torch.no_grad()
    def draw(self, generator: torch.Generator) -> None:
        """Draw all weights but the gates, which start open."""
        concepts, block, _ = self.spread.shape
        bound = 1 / math.sqrt(concepts * block)
        self.spread.uniform_(-bound, bound, generator=generator)
        self.shift.uniform_(-bound, bound, generator=generator)
        draw_weights(self.children(), generator)

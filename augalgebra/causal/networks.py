"""The networks around a causal model: blocks of concepts, and the decoder that draws them place by place."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from augalgebra.causal.places import STRIDE, grid_of_places
from augalgebra.latent.networks import KERNEL, PAD, Encoder, draw_weights


class Blocks(nn.Module):
    """A block for each concept: what its value becomes before the decoder draws it.

    A block is a smooth curve: the value itself, and waves of it from slow to fast.

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
    """Blocks to pictures: a linear map to features of each place, a layer at each place, and pixels around it.

    Where all there is to see is named by concepts, places share nothing but the pixels between them, so that what one
    shows has no part in what another does.

    Attributes:
        spread: The linear map of each block.
        shift: Features of an average picture.
        rest: The linear map of what no concept names.
        inner: The layer at each place; with a rest it looks at the places around, too.
        outer: The map to pixels.
    """

    def __init__(self, image_shape: tuple[int, int, int], concepts: int, block: int, rest: int, width: int) -> None:
        super().__init__()
        channels, self._height, self._breadth = image_shape
        self._grid = grid_of_places(self._height, self._breadth)
        self._width, features = width, width * math.prod(self._grid)
        self.spread = nn.Parameter(torch.empty(concepts, block, features))
        self.shift = nn.Parameter(torch.empty(features))
        self.rest = nn.Linear(rest, features, bias=False) if rest else None
        self.inner = nn.Conv2d(width, width, 3, padding=1) if rest else nn.Conv2d(width, width, 1)
        self.outer = nn.ConvTranspose2d(width, channels, KERNEL, STRIDE, PAD)

    def forward(
        self, blocks: Float[Tensor, "batch concept block"], rest: Float[Tensor, "batch rest"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Logits of the pixels."""
        features = torch.addmm(self.shift, blocks.flatten(1), self.spread.flatten(0, 1))
        if self.rest is not None:
            features = features + self.rest(rest)
        grid = functional.relu(features).view(-1, *self._grid, self._width).permute(0, 3, 1, 2)
        logits: Tensor = self.outer(functional.relu(self.inner(grid)))
        return logits[..., : self._height, : self._breadth].float()

    @torch.no_grad()
    def draw(self, generator: torch.Generator) -> None:
        """Draw all weights."""
        concepts, block, _ = self.spread.shape
        bound = 1 / math.sqrt(concepts * block)
        self.spread.uniform_(-bound, bound, generator=generator)
        self.shift.uniform_(-bound, bound, generator=generator)
        draw_weights(self.children(), generator)


@torch.no_grad()
def restrict(encoder: Encoder, decoder: ConceptDecoder, places: Bool[Tensor, "concept row column"]) -> None:
    """Let concepts be read from, and drawn at, the places that show them alone.

    What is left out is 0 and stays so, whatever is learned.

    Args:
        encoder: Reads the concepts, then what no concept names.
        decoder: Draws them.
        places: Which concepts each place shows.
    """
    count = len(places)
    _keep_zero(decoder.spread, places.flatten(1).repeat_interleave(decoder.inner.in_channels, 1)[:, None])
    coarse = functional.max_pool2d(places[None].float(), 2, ceil_mode=True)[0].bool()
    weight = encoder.heads.weight
    channels = weight.shape[1] // coarse[0].numel()
    mask = torch.ones_like(weight, dtype=torch.bool)
    dim = len(weight) // 2
    for start in (0, dim):  # of the means, and of the log variances
        mask[start : start + count] = coarse.flatten(1).repeat_interleave(channels, 1)
    _keep_zero(weight, mask)


def _keep_zero(weight: nn.Parameter, mask: Bool[Tensor, "..."]) -> None:
    weight.mul_(mask)
    weight.register_hook(lambda gradient: gradient * mask.to(gradient.device))

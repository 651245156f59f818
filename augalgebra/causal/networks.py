"""The networks around a causal model: blocks of concepts, and the decoder that draws them place by place."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from augalgebra.causal.places import STRIDE, grid_of_places
from augalgebra.latent.networks import KERNEL, PAD, Encoder, draw_weights

READING = 32
"""Features from which a concept is read."""


class ConceptEncoder(nn.Module):
    """Pictures to mean and log variance of each concept, and of what no concept names.

    Two strided convolutions as in `augalgebra.latent.networks.Encoder`; of their features each concept has a small
    network of its own.

    Attributes:
        features: The convolutions, and a linear map to the features of each concept.
        inner: The hidden layer of each concept.
        outer: From there to mean and log variance.
    """

    def __init__(self, image_shape: tuple[int, int, int], concepts: int, rest: int, width: int) -> None:
        super().__init__()
        self._concepts, self._rest = concepts, rest
        self.features = Encoder(image_shape, concepts * READING // 2 + rest, width)
        self.inner = nn.Parameter(torch.empty(concepts, READING, READING))
        self.inner_shift = nn.Parameter(torch.empty(concepts, READING))
        self.outer = nn.Parameter(torch.empty(concepts, READING, 2))
        self.outer_shift = nn.Parameter(torch.empty(concepts, 2))

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log variance of the concepts, then of the rest."""
        features = torch.cat(self.features(images), 1)
        own, rest = torch.split(features, [self._concepts * READING, 2 * self._rest], 1)
        hidden = functional.relu(own).view(-1, self._concepts, READING)
        hidden = functional.relu(torch.einsum("bch,chk->bck", hidden, self.inner) + self.inner_shift)
        read = (torch.einsum("bch,chk->bck", hidden, self.outer) + self.outer_shift).float()
        mean, log_variance = rest.chunk(2, dim=1)
        return torch.cat([read[:, :, 0], mean], 1), torch.cat([read[:, :, 1], log_variance], 1)

    @torch.no_grad()
    def draw(self, generator: torch.Generator) -> None:
        """Draw all weights."""
        draw_weights(self.features.modules(), generator)
        bound = 1 / math.sqrt(READING)
        for weight in (self.inner, self.inner_shift, self.outer, self.outer_shift):
            weight.uniform_(-bound, bound, generator=generator)


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
def restrict(encoder: ConceptEncoder, decoder: ConceptDecoder, places: Bool[Tensor, "concept row column"]) -> None:
    """Let concepts be read from, and drawn at, the places that show them alone.

    What is left out is 0 and stays so, whatever is learned.

    Args:
        encoder: Reads the concepts.
        decoder: Draws them.
        places: Which concepts each place shows.
    """
    _keep_zero(decoder.spread, places.flatten(1).repeat_interleave(decoder.inner.in_channels, 1)[:, None])
    coarse = functional.max_pool2d(places[None].float(), 2, ceil_mode=True)[0].bool()
    weight = encoder.features.heads.weight
    mask = torch.ones_like(weight, dtype=torch.bool)
    own = coarse.flatten(1).repeat_interleave(weight.shape[1] // coarse[0].numel(), 1)
    mask[: len(places) * READING] = own.repeat_interleave(READING, 0)
    _keep_zero(weight, mask)


def _keep_zero(weight: Tensor, mask: Bool[Tensor, "..."]) -> None:
    weight.mul_(mask)
    hook = weight.register_hook
    hook(lambda gradient: gradient * mask.to(gradient.device))  # type: ignore[no-untyped-call]  # torch leaves it so

"""The networks of the published shape, arranged so that a processor runs through them fast."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_KERNEL, _STRIDE, _PAD = 4, 2, 1


def grid_of(height: int, width: int) -> tuple[int, int]:
    """Rows and columns that are left after two halvings; sides that 4 does not divide are padded up to it."""
    return math.ceil(height / 4), math.ceil(width / 4)


class Encoder(nn.Module):
    """Two strided convolutions and one linear map: images to mean and log variance.

    Convolutions are 4×4 with stride 2 and padding 1, to ``width`` and ``2 * width`` channels, each with ReLU.

    Attributes:
        convolutions: The two convolutions.
        heads: The linear map to the mean and the log variance, side by side.
    """

    def __init__(self, image_shape: tuple[int, int, int], dim: int, width: int) -> None:
        super().__init__()
        channels, height, breadth = image_shape
        rows, columns = grid_of(height, breadth)
        self._margin = (0, 4 * columns - breadth, 0, 4 * rows - height)
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, width, _KERNEL, _STRIDE, _PAD),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 2 * width, _KERNEL, _STRIDE, _PAD),
            nn.ReLU(inplace=True),
        )
        self.heads = nn.Linear(2 * width * rows * columns, 2 * dim)

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log variance of the posterior."""
        if any(self._margin):
            images = functional.pad(images, self._margin)
        features = self.convolutions(images.contiguous(memory_format=torch.channels_last))
        # Pixels before channels: that is how channels-last memory lies, so flattening copies nothing.
        mean, log_variance = self.heads(features.permute(0, 2, 3, 1).flatten(1)).float().chunk(2, dim=1)
        return mean, log_variance


class Decoder(nn.Module):
    """One head: a linear map and two transposed convolutions, the mirror image of `Encoder`.

    Attributes:
        spread: The linear map from latents to the coarsest grid.
        inner: The first transposed convolution.
        outer: The second one, to pixels.
    """

    def __init__(self, image_shape: tuple[int, int, int], dim: int, width: int) -> None:
        super().__init__()
        channels, self._height, self._breadth = image_shape
        self._grid = grid_of(self._height, self._breadth)
        self._width = width
        self.spread = nn.Linear(dim, 2 * width * math.prod(self._grid))
        self.inner = nn.ConvTranspose2d(2 * width, width, _KERNEL, _STRIDE, _PAD)
        self.outer = _Outermost(width, channels)

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        """Logits of the pixels; their sigmoid is the image."""
        spread = functional.relu(self.spread(latents), inplace=True)
        coarse = spread.view(-1, *self._grid, 2 * self._width).permute(0, 3, 1, 2)
        logits: Tensor = self.outer(functional.relu(self.inner(coarse), inplace=True))
        return logits[..., : self._height, : self._breadth].float()


class _Outermost(nn.ConvTranspose2d):
    """A transposed convolution to very few channels, as a product and a sum over overlapping patches.

    Its weights and its result are those of the base class, whose kernels pad one channel to sixteen; on a
    processor this takes about 0.6 of the time.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, _KERNEL, _STRIDE, _PAD)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002, ARG002 (named by the base class)
        batch, channels, rows, columns = input.shape
        patches = input.permute(0, 2, 3, 1).reshape(batch, rows * columns, channels) @ self.weight.flatten(1)
        pixels = functional.fold(
            patches.float().transpose(1, 2), (2 * rows, 2 * columns), _KERNEL, padding=_PAD, stride=_STRIDE
        )
        return pixels if self.bias is None else pixels + self.bias.view(1, -1, 1, 1)


def draw_weights(layers: Iterable[nn.Module], generator: torch.Generator) -> None:
    """Draw all weights uniformly from ±1/√fan_in: torch's default, but from an explicit generator."""
    for layer in layers:
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            fan_in = layer.weight[0].numel()
            bound = 1 / math.sqrt(fan_in)
            with torch.no_grad():
                layer.weight.uniform_(-bound, bound, generator=generator)
                if layer.bias is not None:
                    layer.bias.uniform_(-bound, bound, generator=generator)

"""The networks of the published shape, arranged so that a processor runs through them fast."""

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

KERNEL, STRIDE, PAD = 4, 2, 1
"""Of convolutions to another size, transposed or not."""
_HIDDEN = 256  # features of a code, in a deep decoder


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
            _Innermost(channels, width),
            nn.ReLU(),  # not in place: on a view that would cost a copy
            nn.Conv2d(width, 2 * width, KERNEL, STRIDE, PAD),
            nn.ReLU(inplace=True),
        )
        self.heads = nn.Linear(2 * width * rows * columns, 2 * dim)

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log variance of the posterior."""
        if any(self._margin):
            images = functional.pad(images, self._margin)
        # Pixels before channels: that is how channels-last memory lies, so flattening copies nothing.
        features = self.convolutions(images)
        mean, log_variance = self.heads(features.permute(0, 2, 3, 1).flatten(1)).float().chunk(2, dim=1)
        return mean, log_variance


class _Head(nn.Module):
    """From latents to features of the coarsest grid, to finer ones, to pixels."""

    spread: nn.Module
    inner: nn.Module
    outer: nn.Module

    def __init__(self, image_shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        _, self._height, self._breadth = image_shape
        self._grid = grid_of(self._height, self._breadth)
        self._width = width

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        """Logits of the pixels; their sigmoid is the image."""
        spread = functional.relu(self.spread(latents), inplace=True)
        coarse = spread.view(-1, *self._grid, 2 * self._width).permute(0, 3, 1, 2)
        logits: Tensor = self.outer(functional.relu(self.inner(coarse), inplace=True))
        return logits[..., : self._height, : self._breadth].float()


class Decoder(_Head):
    """One head: a linear map and two transposed convolutions, the mirror image of `Encoder`.

    Attributes:
        spread: The linear map from latents to the coarsest grid.
        inner: The first transposed convolution.
        outer: The second one, to pixels.
    """

    spread: nn.Linear
    inner: nn.ConvTranspose2d
    outer: "_Outermost"

    def __init__(self, image_shape: tuple[int, int, int], dim: int, width: int) -> None:
        super().__init__(image_shape, width)
        self.spread = nn.Linear(dim, 2 * width * math.prod(self._grid))
        self.inner = nn.ConvTranspose2d(2 * width, width, KERNEL, STRIDE, PAD)
        self.outer = _Outermost(width, image_shape[0])


class DeepDecoder(_Head):
    """A head with one layer more in each part: a hidden one, and a 3×3 convolution before each transposed one.

    It draws fine lines, such as edges, of which `Decoder` blurs the place.

    Examples:
        >>> DeepDecoder((1, 28, 28), 16)(torch.zeros(2, 16)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, image_shape: tuple[int, int, int], dim: int, width: int = 32) -> None:
        super().__init__(image_shape, width)
        plain = Decoder(image_shape, _HIDDEN, width)
        self.spread = nn.Sequential(nn.Linear(dim, _HIDDEN), nn.ReLU(inplace=True), plain.spread)
        self.inner = nn.Sequential(_around(2 * width), nn.ReLU(inplace=True), plain.inner)
        self.outer = nn.Sequential(_around(width), nn.ReLU(inplace=True), plain.outer)


def _around(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, padding=1)


class _Innermost(nn.Conv2d):
    """A convolution of very few channels, as a product with patches.

    Its weights and its result are those of the base class, but channels come last in memory, which torch does not see
    to where there is one channel only. All that follows is faster for it.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, KERNEL, STRIDE, PAD)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (named by the base class)
        padded = functional.pad(input, (PAD, PAD, PAD, PAD))
        patches = padded.unfold(2, KERNEL, STRIDE).unfold(3, KERNEL, STRIDE).permute(0, 2, 3, 1, 4, 5)
        batch, rows, columns = patches.shape[:3]
        maps = functional.linear(
            patches.reshape(batch * rows * columns, self.weight[0].numel()), self.weight.flatten(1), self.bias
        )
        return maps.view(batch, rows, columns, self.out_channels).permute(0, 3, 1, 2)


class _Outermost(nn.ConvTranspose2d):
    """A transposed convolution to very few channels, as a product and a sum over overlapping patches.

    Its weights and its result are those of the base class, whose kernels pad one channel to sixteen; forwards and
    backwards together this takes less than half of the time on a processor.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, KERNEL, STRIDE, PAD)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002, ARG002 (named by the base class)
        batch, channels, rows, columns = input.shape
        patches = self.weight.flatten(1).T @ input.permute(0, 2, 3, 1).reshape(-1, channels).T
        pixels = overlap_add(patches.float().view(self.out_channels, KERNEL, KERNEL, batch, rows, columns)).transpose(
            0, 1
        )
        return pixels if self.bias is None else pixels + self.bias.view(1, -1, 1, 1)


def overlap_add(
    patches: Float[Tensor, "channel tap tap batch row column"],
) -> Float[Tensor, "channel batch height width"]:
    """The sum of 4×4 patches laid two pixels apart, the outermost pixels cut off.

    It is what `torch.nn.functional.fold` does, in a fraction of the time: each tap is one contiguous plane here, and
    the derivative reads patches off the gradient where that of `fold` searches for them.
    """
    pixels: Tensor = _Overlapped.apply(patches)  # type: ignore[no-untyped-call]  # torch leaves it unannotated
    return pixels


class _Overlapped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, patches: Tensor) -> Tensor:  # noqa: ARG004 (linear: the derivative needs nothing of it)
        # Pixel 2i is tap 1 of patch i and tap 3 of the one before; pixel 2i + 1 is tap 2 of patch i and tap 0 of the
        # one after.
        rows = torch.stack([patches[:, 1], patches[:, 2]], dim=1)
        rows[:, 0, ..., 1:, :] += patches[:, 3, ..., :-1, :]
        rows[:, 1, ..., :-1, :] += patches[:, 0, ..., 1:, :]
        pixels = torch.stack([rows[:, :, 1], rows[:, :, 2]], dim=2)
        pixels[:, :, 0, ..., 1:] += rows[:, :, 3, ..., :-1]
        pixels[:, :, 1, ..., :-1] += rows[:, :, 0, ..., 1:]
        channels, _, _, batch, height, width = pixels.shape
        return pixels.permute(0, 3, 4, 1, 5, 2).reshape(channels, batch, 2 * height, 2 * width)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        (gradient,) = gradients
        padded = functional.pad(gradient, (PAD, PAD, PAD, PAD))
        return padded.unfold(2, KERNEL, STRIDE).unfold(3, KERNEL, STRIDE).permute(0, 4, 5, 1, 2, 3)


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


def make_module(make: Callable[[], nn.Module], generator: torch.Generator) -> nn.Module:
    """A module with memory on the processor and weights drawn from the generator.

    It is made without values first, since torch's constructors would draw from the global random state.
    """
    with torch.device("meta"):
        module = make()
    module.to_empty(device="cpu")
    draw_weights(module.modules(), generator)
    return module


def fingerprint_of(encoder: nn.Module) -> str:
    """SHA-256 of all weights, as hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        # as bytes: numpy has no bfloat16
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

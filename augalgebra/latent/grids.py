"""Latent spaces whose codes are grids, such as those of the autoencoders that image generators are trained on."""

import hashlib
import itertools
import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.errors import AugalgebraError, ImageError, ParameterError
from augalgebra.image_batches import check_finite, shape_text
from augalgebra.latent.networks import fingerprint_of


@runtime_checkable
class GridSpace(Protocol):
    """An autoencoder whose code is a grid of vectors, for pictures of any size that its stride divides.

    Codes are raw everywhere in this library: neither shifted nor scaled. Who trains on codes stores
    ``(code - shift) * scale``.

    Attributes:
        spec: What `augalgebra.latent.open_space` was given; empty if it was made otherwise.
        channels: Channels of a code.
        image_channels: Channels of a picture.
        stride: Pixels for each position of the grid, the same in both directions.
        scale: What trainers multiply codes by.
        shift: What trainers subtract from codes first.
        device: The device that it computes on.
    """

    spec: str
    channels: int
    image_channels: int
    stride: int
    scale: float
    shift: float

    @property
    def device(self) -> torch.device:
        """The device that it computes on."""

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch code row column"]:
        """The codes of pictures in [0, 1]: means, not samples. Gradients flow where the caller wants them.

        Raises:
            ImageError: The pictures have other channels, or a size that the stride does not divide.
        """

    def decode(self, codes: Float[Tensor, "batch code row column"]) -> Float[Tensor, "batch channel height width"]:
        """Pictures in [0, 1]. Gradients flow where the caller wants them.

        Raises:
            ImageError: The codes have other channels.
        """

    def fingerprint(self) -> str:
        """A digest of the encoder, by which stored operators and caches know what they belong to."""


class ModuleSpace(nn.Module):
    """A grid latent space made of an encoder and a decoder.

    Modules among them are set to evaluation, frozen, moved to the device and, on a processor, laid out with channels
    last, which takes a quarter less time there. This happens in place.

    Args:
        encoder: From pictures ``[batch, image_channels, height, width]`` in [0, 1] to codes
            ``[batch, channels, height / stride, width / stride]``: a module or any callable.
        decoder: From codes to pictures in [0, 1]; what lies outside is clamped.
        channels: Channels of a code.
        stride: Pixels for each position of the grid.
        image_channels: Channels of a picture.
        scale: What trainers multiply codes by.
        shift: What trainers subtract from codes first.
        name: What kind of encoder it is. It enters the fingerprint, and is all there is in it if the encoder shows no
            weights, as a function does.
        spec: What `augalgebra.latent.open_space` was given.
        device: Where to compute; where the encoder's weights are, if not given.

    Raises:
        ParameterError: A number makes no sense, or an encoder without weights has no name.

    Examples:
        >>> space = ModuleSpace(nn.PixelUnshuffle(4), nn.PixelShuffle(4), channels=48, stride=4, name="unshuffle")
        >>> space.encode(torch.rand(2, 3, 32, 48)).shape
        torch.Size([2, 48, 8, 12])
    """

    def __init__(
        self,
        encoder: nn.Module | Callable[[Tensor], Tensor],
        decoder: nn.Module | Callable[[Tensor], Tensor],
        *,
        channels: int,
        stride: int,
        image_channels: int = 3,
        scale: float = 1.0,
        shift: float = 0.0,
        name: str = "",
        spec: str = "",
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        for what, number in (("channels", channels), ("stride", stride), ("image_channels", image_channels)):
            if number < 1:
                raise ParameterError(f"{what} must be at least 1, not {number}")
        if not (math.isfinite(scale) and scale and math.isfinite(shift)):
            raise ParameterError(f"scale and shift must be finite and scale not 0, not {scale:g} and {shift:g}")
        self.encoder, self.decoder = _as_module(encoder), _as_module(decoder)
        self.channels, self.stride, self.image_channels = channels, stride, image_channels
        self.scale, self.shift, self.name, self.spec = float(scale), float(shift), name, spec
        if not name and not self.encoder.state_dict():
            raise ParameterError(
                "an encoder that shows no weights needs a name, by which operators know it again: name='…'"
            )
        if device is None:
            device = next((tensor.device for tensor in _tensors(self.encoder)), torch.device("cpu"))
        self.register_buffer("_place", torch.empty(0), persistent=False)
        self.requires_grad_(requires_grad=False).eval().to(device)
        if self.device.type == "cpu":
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves this one out

    @property
    def device(self) -> torch.device:
        """The device that it computes on."""
        return self.get_buffer("_place").device

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch code row column"]:
        """The codes of pictures in [0, 1], in float32.

        Raises:
            ImageError: The pictures have other channels, numbers that are not finite, or a size that the stride does
                not divide.
            AugalgebraError: The encoder answers with something else than codes of the channels and stride it was
                said to have.
        """
        batch, _, height, width = self._check(images, "pictures", self.image_channels)
        check_finite(images)
        if height % self.stride or width % self.stride or not height * width:
            raise ImageError(
                f"pictures of {height}×{width} pixels cannot be encoded: both sides must be multiples of the stride, "
                f"{self.stride}; nearest: {_nearest_sizes(height, width, self.stride)}"
            )
        expected = (batch, self.channels, height // self.stride, width // self.stride)
        return self._run(self.encoder, images, expected, "encoder")

    def draw(self, codes: Float[Tensor, "batch code row column"]) -> Float[Tensor, "batch channel height width"]:
        """What the decoder answers, in float32 and not clamped to [0, 1]: what a loss needs.

        Raises:
            ImageError: The codes have other channels.
            AugalgebraError: The decoder answers with something else than pictures of the channels and stride it was
                said to have.
        """
        batch, _, rows, columns = self._check(codes, "codes", self.channels)
        expected = (batch, self.image_channels, rows * self.stride, columns * self.stride)
        return self._run(self.decoder, codes, expected, "decoder")

    def decode(self, codes: Float[Tensor, "batch code row column"]) -> Float[Tensor, "batch channel height width"]:
        """Pictures in [0, 1], in float32.

        Raises:
            ImageError: The codes have other channels.
            AugalgebraError: As for `draw`.
        """
        return self.draw(codes).clamp(0, 1)

    def fingerprint(self) -> str:
        """SHA-256 of the encoder's weights, its name, channels and stride, as hexadecimal digits."""
        kind = f"{self.name} {self.image_channels} {self.channels} {self.stride} "
        return hashlib.sha256((kind + fingerprint_of(self.encoder)).encode()).hexdigest()

    def _check(self, tensor: Tensor, what: str, channels: int) -> tuple[int, int, int, int]:
        if tensor.dim() != 4 or tensor.shape[1] != channels:
            raise ImageError(
                f"expected {what} [batch, {channels}, height, width], not shape {shape_text(tensor.shape)}"
            )
        if not tensor.is_floating_point():
            raise ImageError(f"expected floating-point {what}, not {tensor.dtype}")
        batch, _, height, width = tensor.shape
        return batch, channels, height, width

    def _run(self, module: nn.Module, tensor: Tensor, expected: tuple[int, ...], what: str) -> Tensor:
        dtype = next((own.dtype for own in _tensors(module) if own.is_floating_point()), torch.float32)
        layout = torch.channels_last if self.device.type == "cpu" else torch.preserve_format
        answer = module(tensor.to(dtype, memory_format=layout))
        if not isinstance(answer, Tensor) or tuple(answer.shape) != expected:
            found = f"shape {shape_text(answer.shape)}" if isinstance(answer, Tensor) else type(answer).__name__
            raise AugalgebraError(
                f"the {what} answers with {found} where {shape_text(expected)} is expected; are channels="
                f"{self.channels}, stride={self.stride} and image_channels={self.image_channels} those of this {what}?"
            )
        return answer.float().contiguous()


class _Call(nn.Module):
    """A callable as a module."""

    def __init__(self, call: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._call = call

    def forward(self, tensor: Tensor) -> Tensor:
        return self._call(tensor)


def _as_module(part: nn.Module | Callable[[Tensor], Tensor]) -> nn.Module:
    return part if isinstance(part, nn.Module) else _Call(part)


def _tensors(module: nn.Module) -> itertools.chain[Tensor]:
    return itertools.chain(module.parameters(), module.buffers())


def _nearest_sizes(height: int, width: int, stride: int) -> str:
    smaller = [max(1, side // stride) * stride for side in (height, width)]
    larger = [max(1, -(-side // stride)) * stride for side in (height, width)]
    return " or ".join(dict.fromkeys(f"{rows}×{columns}" for rows, columns in (smaller, larger)))

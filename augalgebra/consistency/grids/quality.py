"""How near pictures and codes come to those that they are meant to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augalgebra.consistency.grids.perceptual import Perceptual
from augalgebra.plain import PlainData

CLEAREST = 100.0
"""Largest PSNR that is told, in dB: beyond it there is only rounding."""

_WINDOW = 7  # of SSIM in pixels, as scikit-image has it
_Pixels = npt.NDArray[np.float32]  # as autoencoders draw; with 64 bits the same digits take twice the time


@dataclass(frozen=True)
class Quality(PlainData):
    """How near one way of moving comes to the true pictures, on average over all of them.

    Attributes:
        psnr: Peak signal-to-noise ratio in dB; higher is better.
        ssim: Structural similarity, at most 1; higher is better.
        delta_e: Difference of colours (CIEDE2000), where about 1 is just seen; lower is better.
        code_error: Squared distance to the codes of the true pictures, over the variance of these. None where the way
            has no codes of its own.
        lpips: Distance as a network sees it (LPIPS); lower is better. None where it was not measured.
    """

    psnr: float
    ssim: float
    delta_e: float
    code_error: float | None = None
    lpips: float | None = None


class TruePictures:
    """Pictures that several others are compared with; what takes time to make of them is made once.

    Args:
        images: The pictures, in [0, 1].
    """

    def __init__(self, images: Float[Tensor, "batch channel height width"]) -> None:
        self.images, self.pixels = images, _arrays(images)

    @cached_property
    def colours(self) -> list[_Pixels]:
        """The colours of each as CIELAB has them."""
        return [_to_lab(pixels) for pixels in self.pixels]


class Decibels:
    """The PSNR of pictures, one by one.

    Attributes:
        each: Of each picture so far, in dB.
    """

    def __init__(self) -> None:
        self.each: list[float] = []

    def add(self, shown: Float[Tensor, "batch channel height width"], true: TruePictures) -> None:
        """Compare some pictures."""
        self.each += map(decibels, _arrays(shown), true.pixels)

    @property
    def mean(self) -> float:
        """Of all of them."""
        return sum(self.each) / len(self.each)


class QualitySums:
    """Sums from which a `Quality` follows, so that pictures need not be kept.

    Args:
        perceptual: Measures the distance that a network sees, if that is to be measured.

    Attributes:
        decibels: PSNR of each picture so far.
    """

    def __init__(self, perceptual: Perceptual | None = None) -> None:
        self.decibels = Decibels()
        self._perceptual, self._lpips = perceptual, 0.0
        self._ssim = self._delta_e = 0.0
        self._error: float | None = None
        self._parts: dict[str, float] = {}

    def add(
        self,
        shown: Float[Tensor, "batch channel height width"],
        true: TruePictures,
        codes: Float[Tensor, "batch code h w"] | None = None,
        target: Float[Tensor, "batch code h w"] | None = None,
        parts: Mapping[str, Bool[Tensor, "height width"]] | None = None,
    ) -> None:
        """Count some pictures.

        Args:
            shown: What is drawn, in [0, 1].
            true: What should be drawn.
            codes: What it was drawn of.
            target: The codes of `true`.
            parts: Places whose PSNR is told apart, by name.
        """
        self.decibels.add(shown, true)
        for one, other, colours in zip(_arrays(shown), true.pixels, true.colours, strict=True):
            self._ssim += _similarity(one, other)
            self._delta_e += _colour_difference(_to_lab(one), colours)
            for name, mask in (parts or {}).items():
                here = mask.numpy()
                found = decibels(one[:, here], other[:, here])
                self._parts[name] = self._parts.get(name, 0.0) + found
        if self._perceptual is not None:
            one, other = (images.expand(-1, 3, -1, -1) for images in (shown, true.images))
            self._lpips += self._perceptual(one, other) * len(shown)
        if codes is not None and target is not None:
            self._error = (self._error or 0.0) + float((codes - target).double().square().sum())

    def result(self, spread: float) -> Quality:
        """The means so far; `spread` is the squared distance of the true codes from their mean, of all together."""
        count = len(self.decibels.each)
        error = None if self._error is None or not spread else self._error / spread
        lpips = None if self._perceptual is None else self._lpips / count
        return Quality(self.decibels.mean, self._ssim / count, self._delta_e / count, error, lpips)

    @property
    def parts(self) -> dict[str, float]:
        """Mean PSNR of each part in dB."""
        return {name: total / len(self.decibels.each) for name, total in self._parts.items()}


class Spread:
    """The squared distance of codes from the mean of their channel, summed up without keeping them."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: Tensor | None = None
        self._squares = 0.0

    def add(self, codes: Float[Tensor, "batch code h w"]) -> None:
        """Count some codes."""
        codes = codes.double()
        sums = codes.sum((0, 2, 3))
        self._sums = sums if self._sums is None else self._sums + sums
        self._squares += float(codes.square().sum())
        self._count += codes.shape[0] * codes.shape[2] * codes.shape[3]

    @property
    def total(self) -> float:
        """The sum so far."""
        if self._sums is None:
            return 0.0
        return max(self._squares - float(self._sums.square().sum()) / self._count, 0.0)


def decibels(shown: _Pixels, true: _Pixels) -> float:
    """The PSNR of pixels in [0, 1], in dB; at most `CLEAREST`."""
    from skimage.metrics import peak_signal_noise_ratio

    if np.array_equal(shown, true):
        return CLEAREST
    return min(CLEAREST, float(peak_signal_noise_ratio(true, shown, data_range=1.0)))


def _similarity(shown: _Pixels, true: _Pixels) -> float:
    from skimage.metrics import structural_similarity

    side = min(_WINDOW, *shown.shape[1:])
    window = side - 1 + side % 2  # it has to be odd
    return float(structural_similarity(true, shown, win_size=window, channel_axis=0, data_range=1.0))


def _to_lab(pixels: _Pixels) -> _Pixels:
    from skimage.color import rgb2lab

    colours: _Pixels = rgb2lab(np.moveaxis(np.broadcast_to(pixels, (3, *pixels.shape[1:])), 0, -1))
    return colours


def _colour_difference(shown: _Pixels, true: _Pixels) -> float:
    from skimage.color import deltaE_ciede2000

    return float(np.mean(deltaE_ciede2000(true, shown)))


def _arrays(images: Tensor) -> _Pixels:
    pixels: _Pixels = images.detach().to("cpu", torch.float32).numpy()
    return pixels

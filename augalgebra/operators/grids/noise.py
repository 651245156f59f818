"""What operators on grids miss, as noise: the code of a moved picture is not fully known from that of the picture."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


class ResidualNoise(nn.Module):
    """Noise with the covariances, between channels and near positions, of what a map misses.

    A map that is fitted by least squares answers the mean of what a code may be, and means vary less than codes do.
    With this noise added they vary as codes do, which is what a generative model has to learn.

    Args:
        weight: The k×k kernel of channels that white noise goes through.
    """

    weight: Tensor

    def __init__(self, weight: Float[Tensor, "channel channel side side"]) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone(memory_format=torch.channels_last), requires_grad=False)

    def draw(
        self, codes: Float[Tensor, "batch channel height width"], generator: torch.Generator
    ) -> Float[Tensor, "batch channel height width"]:
        """Noise for some codes, of their size and on their device.

        Args:
            codes: Codes that it will be added to.
            generator: Source of the noise, on the same device.
        """
        batch, channels, height, width = codes.shape
        beyond = self.weight.shape[-1] - 1
        size = batch, channels, height + beyond, width + beyond
        white = torch.randn(size, generator=generator, device=codes.device)
        return functional.conv2d(white, self.weight)


class ResidualMoments:
    """Covariances of what a map misses, gathered batch by batch.

    Args:
        channels: Channels of a code.
        side: Of the kernel that shall have them, odd.

    Examples:
        >>> moments = ResidualMoments(2, side=1)
        >>> moments.add(torch.tensor([[3.0, 0.0], [-3.0, 0.0]])[:, :, None, None])
        >>> moments.solve().weight[..., 0, 0].tolist()
        [[3.0, 0.0], [0.0, 0.0]]
    """

    def __init__(self, channels: int, side: int) -> None:
        self._reach = reach = side - 1
        # one of each two opposite ones: the covariance at -lag is the transpose of that at lag
        self._lags = [(row, column) for row in range(reach + 1) for column in range(-reach if row else 0, reach + 1)]
        self._sums = torch.zeros(len(self._lags), channels, channels, dtype=torch.float64)
        self._counts = torch.zeros(len(self._lags), dtype=torch.float64)

    def add(
        self, residuals: Float[Tensor, "batch channel height width"], inside: Bool[Tensor, "height width"] | None = None
    ) -> None:
        """Gather.

        Args:
            residuals: True codes less those that a map answered.
            inside: Positions that count; by default all.
        """
        height, width = residuals.shape[-2:]
        counted = torch.ones(height, width) if inside is None else inside.float()
        residuals = residuals * counted
        for number, (row, column) in enumerate(self._lags):
            here = slice(0, height - row), slice(max(0, -column), width - max(0, column))
            there = slice(row, height), slice(max(0, column), width + min(0, column))
            if height > row and width > abs(column):
                left, right = (residuals[:, :, *part].transpose(0, 1).flatten(1) for part in (here, there))
                self._sums[number] += (left @ right.T).double()
                self._counts[number] += len(residuals) * float((counted[here] * counted[there]).sum())

    def solve(self) -> ResidualNoise:
        """The noise: its kernel is the square root of the spectrum, cut off; each channel keeps its variance."""
        reach, channels = self._reach, self._sums.shape[-1]
        size = max(1, 4 * reach)
        covariances = torch.zeros(size, size, channels, channels, dtype=torch.float64)
        for (row, column), total, count in zip(self._lags, self._sums, self._counts, strict=True):
            covariance = total / count.clamp_min(1)
            covariances[row, column % size] = covariance
            covariances[-row % size, -column % size] = covariance.T
        values, vectors = torch.linalg.eigh(torch.fft.fft2(covariances, dim=(0, 1)))
        # what lies beyond these lags is missing, so that the spectrum may fall a little below 0
        root = (vectors * values.clamp_min(0).sqrt()[..., None, :]) @ vectors.mH
        kernel = torch.fft.ifft2(root, dim=(0, 1)).real.roll((reach // 2, reach // 2), (0, 1))
        weight = kernel[: reach + 1, : reach + 1].permute(2, 3, 0, 1)
        variances, kept = covariances[0, 0].diagonal(), weight.square().sum((1, 2, 3))
        weight = weight * (variances / kept.clamp_min(torch.finfo(torch.float64).tiny)).sqrt()[:, None, None, None]
        return ResidualNoise(weight.float())

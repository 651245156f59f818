"""Local maps on grids of codes: of channels, by kernels, and by kernels with a small network."""

import copy
from typing import Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from augalgebra.operators.groups.arrays import Array


class KernelMap(nn.Module):
    """A k×k convolution of channels with a bias; with k = 1 a map of channels.

    Beyond the border of the grid are zeros, as in the convolutions of the autoencoders themselves.
    """

    weight: Tensor
    bias: Tensor

    def __init__(
        self, weight: Float[Tensor, "channel channel side side"], bias: Float[Tensor, " channel"] | None = None
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(len(weight)) if bias is None else bias.detach().clone())

    @classmethod
    def of_arrays(cls, weight: Array, bias: Array) -> Self:
        """The same from float64 arrays."""
        return cls(torch.from_numpy(np.ascontiguousarray(weight)).float(), torch.from_numpy(bias).float())

    @property
    def side(self) -> int:
        """How many positions the kernel sees in a row."""
        return self.weight.shape[-1]

    def forward(
        self, codes: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Convolve."""
        return functional.conv2d(codes, self.weight, self.bias, padding=self.side // 2)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        for parameter in self.second.parameters():  # a block begins as the identity
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        added: Tensor = self.second(functional.relu(self.first(functional.relu(features))))
        return features + added


class Trunk(nn.Sequential):
    """Residual blocks that the networks of all elements share.

    Args:
        width: Features at each position.
        depth: Blocks, of two 3×3 convolutions each.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__(*(_Block(width) for _ in range(depth)))
        self.width, self.depth = width, depth


class ResidualMap(nn.Module):
    """A kernel, and a small network whose answer is added to it; at first that answer is nothing.

    Args:
        kernel: The kernel.
        trunk: Blocks in the middle of the network, which several maps may share.
        mean: Of each channel of codes, and
        deviation: their standard deviation, by which codes are made comparable.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, kernel: KernelMap, trunk: Trunk, mean: Float[Tensor, " channel"], deviation: Float[Tensor, " channel"]
    ) -> None:
        super().__init__()
        channels = len(mean)
        self.kernel, self.trunk = kernel, trunk
        self.entry = nn.Conv2d(channels, trunk.width, 3, padding=1)
        self.exit = nn.Conv2d(trunk.width, channels, 3, padding=1)
        for parameter in self.exit.parameters():
            nn.init.zeros_(parameter)
        self.register_buffer("mean", mean.detach().clone()[:, None, None])
        self.register_buffer("deviation", deviation.detach().clone()[:, None, None])

    def forward(
        self, codes: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Convolve, and add what the network says."""
        features = self.entry((codes - self.mean) / self.deviation)
        added: Tensor = self.exit(functional.relu(self.trunk(features)))
        moved: Tensor = self.kernel(codes)
        return moved + added * self.deviation

    def frozen(self) -> Self:
        """A copy that learns nothing any more."""
        return copy.deepcopy(self).eval().requires_grad_(requires_grad=False)

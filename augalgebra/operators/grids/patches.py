"""Moments of patches of grids, streamed and mergeable, and the kernels that follow from them in closed form."""

from typing import Self

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from augalgebra.errors import FitError, MomentsError
from augalgebra.operators.grids.maps import KernelMap
from augalgebra.operators.groups.arrays import Array

RIDGE = 1e-5
"""Ridge of kernels, as a share of the mean square of a patch's entries."""
CHUNK = 8192
"""Positions whose patches are held at once."""


class PatchMoments:
    """Second moments of k×k patches of moved codes with the codes that they shall become.

    Positions are taken in chunks: products in the type of the codes, sums in float64. Two are merged by adding them, so
    that several processes can gather them.

    Args:
        channels: Channels of a code.
        side: k, odd.

    Attributes:
        channels: Channels of a code.
        side: k.
        count: Positions seen.

    Examples:
        >>> codes = torch.arange(8.0).view(1, 2, 2, 2)
        >>> moments = PatchMoments(2, 1)
        >>> moments.add(codes, 2 * codes)
        >>> moments.solve(ridge=0.0).weight.squeeze().round(decimals=3).tolist()
        [[2.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, channels: int, side: int) -> None:
        if side < 1 or side % 2 == 0:
            raise FitError(f"a kernel has an odd side, such as 3 or 5, not {side}")
        self.channels, self.side, self.count = channels, side, 0
        features = channels * side**2 + 1
        self._gram = np.zeros((features, features))
        self._cross = np.zeros((features, channels))
        self._square = np.zeros(channels)

    def add(
        self,
        moved: Float[Tensor, "batch channel height width"],
        target: Float[Tensor, "batch channel height width"],
        inside: Bool[Tensor, "height width"] | None = None,
    ) -> None:
        """Take in codes after the move of the grid, and the codes of the moved pictures.

        Args:
            moved: Codes after the move of the grid.
            target: Codes of the moved pictures.
            inside: The positions that count; by default all.

        Raises:
            MomentsError: The shapes differ, or something is not finite; nothing has been taken in then.
        """
        if moved.shape != target.shape or moved.shape[1] != self.channels:
            raise MomentsError(
                f"expected two batches of codes with {self.channels} channels, not {list(moved.shape)} "
                f"and {list(target.shape)}"
            )
        if not (bool(torch.isfinite(moved).all()) and bool(torch.isfinite(target).all())):
            raise MomentsError("codes are NaN or infinite; the encoder has diverged")
        held = max(1, CHUNK // moved[0, 0].numel())
        counting = slice(None) if inside is None else inside.flatten().nonzero()[:, 0].to(moved.device)
        for codes, wanted in zip(torch.split(moved, held), torch.split(target, held), strict=True):
            patches = functional.unfold(codes, self.side, padding=self.side // 2).transpose(1, 2)
            patches = patches[:, counting].flatten(0, 1)
            patches = torch.cat([patches, patches.new_ones(len(patches), 1)], 1)
            values = wanted.flatten(2).transpose(1, 2)[:, counting].flatten(0, 1)
            self._gram += (patches.T @ patches).double().cpu().numpy()
            self._cross += (patches.T @ values).double().cpu().numpy()
            self._square += values.square().sum(0).double().cpu().numpy()
            self.count += len(patches)

    def __add__(self, other: Self) -> "PatchMoments":
        """Of both together."""
        if (self.channels, self.side) != (other.channels, other.side):
            raise MomentsError("moments of patches of different sizes cannot be merged")
        merged = PatchMoments(self.channels, self.side)
        merged.count = self.count + other.count
        merged._gram = self._gram + other._gram
        merged._cross = self._cross + other._cross
        merged._square = self._square + other._square
        return merged

    def restricted(self, side: int) -> "PatchMoments":
        """The moments of smaller patches, in the middle of these."""
        rim = (self.side - side) // 2
        places = np.arange(self.side**2).reshape(self.side, self.side)[rim : rim + side, rim : rim + side].ravel()
        rows = (np.arange(self.channels)[:, None] * self.side**2 + places).ravel()
        rows = np.append(rows, len(self._gram) - 1)
        smaller = PatchMoments(self.channels, side)
        smaller.count, smaller._square = self.count, self._square
        smaller._gram, smaller._cross = self._gram[np.ix_(rows, rows)], self._cross[rows]
        return smaller

    def solve(self, ridge: float = RIDGE) -> KernelMap:
        """The kernel with the least squared error.

        Args:
            ridge: Ridge, as a share of the mean square of a patch's entries.

        Raises:
            FitError: No position has been seen.
        """
        if not self.count:
            raise FitError("no codes have been seen, so that there is no kernel to fit")
        weights = self._solved(ridge)
        shape = (self.channels, self.side, self.side, self.channels)
        return KernelMap.of_arrays(weights[:-1].reshape(shape).transpose(3, 0, 1, 2), weights[-1])

    def residual(self, kernel: KernelMap) -> float:
        """Squared error of a kernel, as a share of the variance of what it aims at."""
        weights = np.vstack(
            [
                kernel.weight.detach().double().cpu().numpy().transpose(1, 2, 3, 0).reshape(-1, self.channels),
                kernel.bias.detach().double().cpu().numpy(),
            ]
        )
        error = self._square.sum() - 2 * (weights * self._cross).sum() + (weights * (self._gram @ weights)).sum()
        return float(max(error, 0.0) / self.variance)

    @property
    def gram(self) -> Array:
        """Sum over positions of the products of a patch's entries, ordered by channel, row and column, and then one."""
        return self._gram

    @property
    def change(self) -> Array:
        """Sum over positions of the products of these entries with how far the target is from the patch's middle."""
        middle = np.arange(self.channels) * self.side**2 + self.side**2 // 2
        return self._cross - self._gram[:, middle]

    @property
    def variance(self) -> float:
        """Sum over positions and channels of the squared distance of targets from their mean."""
        mean = self._cross[-1] / self.count
        return float((self._square - self.count * mean**2).sum())

    def _solved(self, ridge: float) -> Array:
        gram = self._gram.copy()
        inner = np.einsum("ii->i", gram)[:-1]
        inner += ridge * inner.mean()
        solved: Array = (
            np.linalg.lstsq(gram, self._cross, rcond=None)[0] if not ridge else np.linalg.solve(gram, self._cross)
        )
        return solved

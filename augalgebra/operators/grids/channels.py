"""Exact representations of a finite group on the channels of a grid of codes, in closed form.

An element acts on a code by a move of the grid and one affine map of channels, the same at every position. All
relations of the group hold for these maps to rounding, whatever pictures they were fitted to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra import group_names
from augalgebra.algebra.words import Word
from augalgebra.errors import MomentsError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.moments import ViewMoments
from augalgebra.operators.fits.whitening import Whitening
from augalgebra.operators.grids.maps import KernelMap
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.groups.nearest import nearest_representation
from augalgebra.operators.groups.representation import Representation
from augalgebra.operators.residuals import LatentResidual, latent_residual


class Move(Protocol):
    """What moves the positions of a grid."""

    def apply(self, grid: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel rows columns"]:
        """Move."""


class ChannelMoments:
    """Moments of channels under all elements of a group, over the positions of grids.

    Each view is carried back by its move of the grid, so that at every position there are the channels of one part of a
    picture under all elements. Two are merged by adding them, so that several processes can gather them.

    Args:
        group: The group.
        moves: What each of its elements does to the grid; None where that is nothing.
        channels: Channels of a code.
    """

    def __init__(self, group: FiniteGroup, moves: Sequence[Move | None], channels: int) -> None:
        if len(moves) != len(group):
            raise MomentsError(f"a group of {len(group)} elements has as many moves of the grid, not {len(moves)}")
        self.group, self.moves = group, tuple(moves)
        self._views = ViewMoments(group.elements, channels)

    @property
    def channels(self) -> int:
        """Channels of a code."""
        return self._views.dim

    @property
    def count(self) -> int:
        """Positions seen."""
        return self._views.count

    def add(self, views: Sequence[Float[Tensor, "batch channel height width"]]) -> None:
        """Take in codes of pictures.

        Args:
            views: For each element of the group the codes of the pictures moved by it, picture by picture the same.

        Raises:
            MomentsError: There are not as many, their shapes do not go together, or something is not finite; nothing
                has been taken in then.
        """
        if len(views) != len(self.group):
            raise MomentsError(f"expected codes under {len(self.group)} elements of the group, not {len(views)}")
        back = [self.moves[number] for number in self.group.inverses]
        aligned = [codes if move is None else move.apply(codes) for codes, move in zip(views, back, strict=True)]
        shapes = {tuple(codes.shape) for codes in aligned}
        if len(shapes) > 1 or aligned[0].shape[1] != self.channels:
            raise MomentsError(
                f"codes under the elements of the group, moved back, have the shapes {sorted(shapes)}; expected one "
                f"shape with {self.channels} channels"
            )
        self._views.add(torch.stack([codes.movedim(1, -1).flatten(0, -2) for codes in aligned]))

    def __add__(self, other: Self) -> "ChannelMoments":
        """Of both together.

        Raises:
            MomentsError: They are of other groups or channels.
        """
        merged = ChannelMoments(self.group, self.moves, self.channels)
        merged._views = self._views + other._views
        return merged

    def fit(self, *, ridge: float = 0.0, seed: int = 0) -> "ChannelFit":
        """The representation nearest to what was measured.

        Args:
            ridge: Added to the second moment of codes, as a fraction of its mean eigenvalue.
            seed: Seed of random starts.

        Raises:
            RankError: The codes do not span the channels, and there is no ridge to mend it.
            MomentsError: No position has been seen.
        """
        elements, table = self.group.elements, self.group.table
        whitening = Whitening.of_views(self._views, elements, centred=True, ridge=ridge)
        pairs = [
            [(view, elements[table[start, number]]) for start, view in enumerate(elements)]
            for number in range(len(elements))
        ]
        operators = torch.stack([torch.from_numpy(whitening.cross(self._views, item)) for item in pairs]).numpy()
        found = nearest_representation(operators, self.group, seed=seed)
        maps = tuple(whitening.affine(matrix) for matrix in found.representation.matrices)
        residuals = tuple(
            latent_residual(operator, self._views, item) for operator, item in zip(maps, pairs, strict=True)
        )
        return ChannelFit(found.representation, maps, residuals, found.agreement, whitening.condition, self.count)


@dataclass(frozen=True, eq=False)
class ChannelFit:
    """A representation of a group on channels.

    Attributes:
        representation: Orthogonal matrices for it, in coordinates in which codes are white.
        maps: The map of channels of each element.
        residuals: For each element the squared error over all pairs of views that it leads from and to, as a share of
            the variance of codes, and the same for the move of the grid alone.
        agreement: 1 where what was measured is a representation.
        condition: Largest over smallest variance of codes in any direction.
        positions: How many positions it was fitted to.
    """

    representation: Representation
    maps: tuple[AffineMap, ...]
    residuals: tuple[LatentResidual, ...]
    agreement: float
    condition: float
    positions: int

    @property
    def group(self) -> FiniteGroup:
        """The group."""
        return self.representation.group

    def kernel(self, word: Word) -> KernelMap:
        """The map of channels of a word in the generators.

        Raises:
            MissingOperatorError: The word has a letter that is no generator.
        """
        return self.kernels[self.group.number(word)]

    @cached_property
    def kernels(self) -> tuple[KernelMap, ...]:
        """The map of channels of each element, to be applied after its move of the grid."""
        return tuple(KernelMap.of_arrays(item.matrix.T[..., None, None], item.shift) for item in self.maps)

    @property
    def details(self) -> dict[str, Any]:
        """What else there is to know, fit for JSON."""
        return {
            "group": group_names.identify(self.group.table),
            "order": len(self.group),
            "multiplicities": list(self.representation.multiplicities),
            "agreement": self.agreement,
            "whitening_condition": self.condition,
        }

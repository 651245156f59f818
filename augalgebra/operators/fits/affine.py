"""Affine maps on row vectors: z ↦ z @ matrix + shift. The shift is zero for linear ones."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from augalgebra.operators.groups.arrays import Array


@dataclass(frozen=True, eq=False)
class AffineMap:
    """z ↦ z @ matrix + shift.

    Attributes:
        matrix: ``[latent, latent]``.
        shift: ``[latent]``; zero unless latents were measured from a point other than the origin.
    """

    matrix: Array
    shift: Array

    @classmethod
    def linear(cls, matrix: Array) -> "AffineMap":
        """The map z ↦ z @ matrix."""
        return cls(matrix, np.zeros(len(matrix)))

    @classmethod
    def around(cls, matrix: Array, centre: Array) -> "AffineMap":
        """The map z ↦ centre + (z - centre) @ matrix: linear as seen from a point that stays where it is."""
        return cls(matrix, centre - centre @ matrix)

    @classmethod
    def between(cls, matrix: Array, source: Array, target: Array) -> "AffineMap":
        """The map z ↦ target + (z - source) @ matrix."""
        return cls(matrix, target - source @ matrix)

    @classmethod
    def product(cls, maps: Iterable["AffineMap"], dim: int) -> "AffineMap":
        """The maps one after the other, from left to right; the identity if there are none."""
        result = cls.linear(np.eye(dim))
        for index, item in enumerate(maps):
            result = result @ item if index else item
        return result

    @property
    def dim(self) -> int:
        """Number of latent coordinates."""
        return len(self.matrix)

    @property
    def is_linear(self) -> bool:
        """Whether there is no shift."""
        return not self.shift.any()

    @property
    def homogeneous(self) -> Array:
        """The linear map ``[latent + 1, latent + 1]`` that does the same to (z, 1)."""
        lifted = np.eye(self.dim + 1)
        lifted[:-1, :-1], lifted[-1, :-1] = self.matrix, self.shift
        return lifted

    @classmethod
    def from_homogeneous(cls, lifted: Array) -> "AffineMap":
        """Undo `homogeneous`."""
        return cls(lifted[:-1, :-1].copy(), lifted[-1, :-1].copy())

    def __matmul__(self, other: "AffineMap") -> "AffineMap":
        """This map first, then the other."""
        return AffineMap(self.matrix @ other.matrix, self.shift @ other.matrix + other.shift)

    def inverse(self) -> "AffineMap":
        """The map that undoes this one; the caller knows that there is one."""
        inverse = np.linalg.inv(self.matrix)
        return AffineMap(inverse, -self.shift @ inverse)

    def __call__(self, latents: Array) -> Array:
        """Move latents ``[..., latent]``."""
        return latents @ self.matrix + self.shift

    def distance(self, other: "AffineMap") -> float:
        """‖difference‖_F / √d, the shift counting as one more row; 0 if equal, √2 for unrelated rotations."""
        rows = np.vstack([self.matrix - other.matrix, self.shift - other.shift])
        return float(np.linalg.norm(rows) / np.sqrt(self.dim))
